//! Who sees which entry, and what of it: said once more, as plainly as can be, by nothing that the server uses.
//!
//! A person has grants; what was let in for them (a token, a link, an embedded page) bounds each of them. An entry is seen if a
//! grant with the permission covers it and so do all bounds; hidden of it is what each such grant hides, with its bounds.

use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Names of hidden members.
pub type Hidden = BTreeSet<&'static str>;

/// What can be hidden: its name in roles, and where it is.
pub const MEMBERS: &[(&str, &str)] = &[
    ("email", "/actor/email"),
    ("actor_id", "/actor/id"),
    ("actor_name", "/actor/name"),
    ("on_behalf_of", "/actor/on_behalf_of"),
    ("changes", "/changes"),
    ("context", "/context"),
    ("error_message", "/error/message"),
    ("related", "/related"),
    ("ip", "/request/ip"),
    ("user_agent", "/request/user_agent"),
    ("target_name", "/target/name"),
];

/// What would tell the same.
pub const ENTAILED: &[(&str, &[&str])] = &[
    ("email", &["on_behalf_of"]),
    ("actor_id", &["email", "on_behalf_of"]),
    ("actor_name", &["email", "on_behalf_of"]),
    ("target_name", &["related"]),
];

/// What may be done somewhere, and what is hidden there.
#[derive(Clone, Debug)]
pub struct Grant {
    /// `None`: the whole server.
    pub organization: Option<String>,
    /// `None`: all of the organization.
    pub projects: Option<Vec<String>>,
    pub permissions: Vec<&'static str>,
    pub mask: Hidden,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub header: (&'static str, String),
    pub account: Option<String>,
    pub grants: Vec<Grant>,
    pub bounds: Vec<Grant>,
    pub only: Vec<Condition>,
}

impl Grant {
    pub fn covers(&self, organization: &str, project: Option<&str>) -> bool {
        let named = |all: &Vec<String>| {
            let same = |one: &String| project.is_some_and(|p| p.eq_ignore_ascii_case(one));
            all.iter().any(same)
        };
        self.organization
            .as_deref()
            .is_none_or(|of| of == organization)
            && self.projects.as_ref().is_none_or(named)
    }

    pub fn meets(&self, other: &Grant) -> bool {
        let (one, two) = (&self.organization, &other.organization);
        let named = |a: &Vec<String>, b: &Vec<String>| a.iter().any(|project| b.contains(project));
        let apart = one.is_some() && two.is_some() && one != two;
        let projects = self.projects.as_ref().zip(other.projects.as_ref());
        !apart && projects.is_none_or(|(a, b)| named(a, b))
    }
}

impl Person {
    /// What is hidden of entries of a scope; `None` where they are not seen.
    pub fn hidden(
        &self,
        permission: &str,
        scope: (&str, Option<&str>),
        unmask: bool,
    ) -> Option<Hidden> {
        let good = |grant: &Grant, what: &str| {
            grant.covers(scope.0, scope.1) && grant.permissions.contains(&what)
        };
        let granted = |what: &str| -> Vec<Hidden> {
            let bounded = self.bounds.iter().all(|bound| good(bound, what));
            let grants = self
                .grants
                .iter()
                .filter(|grant| bounded && good(grant, what));
            let masks = grants.map(|grant| {
                self.bounds
                    .iter()
                    .fold(grant.mask.clone(), |mask, bound| &mask | &bound.mask)
            });
            masks.collect()
        };
        let hidden = granted(permission)
            .into_iter()
            .reduce(|one, other| &one & &other)?;
        match unmask && !granted("entries:unmask").is_empty() {
            true => Some(Hidden::new()),
            false => Some(hidden),
        }
    }

    /// The entry as it is shown; `None` if it is not.
    pub fn view(&self, permission: &str, entry: &Value, unmask: bool) -> Option<(Value, Hidden)> {
        let hidden = self.hidden(permission, scope(entry), unmask)?;
        let seen = self.only.iter().all(|one| one.holds(&Asked::of(entry)));
        seen.then(|| (masked(entry, &hidden), hidden))
    }

    /// True if it may do that anywhere.
    pub fn holds(&self, permission: &str) -> bool {
        let has = |grant: &Grant| grant.permissions.contains(&permission);
        self.grants.iter().any(|grant| {
            has(grant)
                && self
                    .bounds
                    .iter()
                    .all(|bound| has(bound) && bound.meets(grant))
        })
    }

    /// True if all of the organization is reached: its log is spoken of as a whole.
    pub fn covers(&self, permission: &str, organization: &str) -> bool {
        let all = |grant: &Grant| {
            grant.covers(organization, None)
                && grant.projects.is_none()
                && grant.permissions.contains(&permission)
        };
        self.only.is_empty() && self.grants.iter().any(all) && self.bounds.iter().all(all)
    }

    /// True if something there is reached.
    pub fn touches(&self, permission: &str, organization: &str) -> bool {
        let some = |grant: &Grant| {
            grant.permissions.contains(&permission)
                && grant
                    .organization
                    .as_deref()
                    .is_none_or(|of| of == organization)
        };
        let meets = |grant: &Grant| {
            self.bounds
                .iter()
                .all(|bound| some(bound) && bound.meets(grant))
        };
        self.grants.iter().any(|grant| some(grant) && meets(grant))
    }
}

/// What has to be held somewhere to be told of a quarantine at all: 403 without.
pub const WAITING: &[&str] = &["sources:manage"];

impl Person {
    /// True if what waits in the quarantine of the organization is shown to it: as it came, so to who reads all, nothing hidden.
    pub fn sees_waiting(&self, organization: &str) -> bool {
        let hidden = self.hidden("entries:read", (organization, None), false);
        let reads_all = self.covers("entries:read", organization);
        self.handles_waiting(organization) && reads_all && hidden.is_some_and(|all| all.is_empty())
    }

    /// True if it may map that again, or throw it away. The whole rule is this line.
    pub fn handles_waiting(&self, organization: &str) -> bool {
        self.covers("sources:manage", organization)
    }
}

/// Organization and project.
pub fn scope(entry: &Value) -> (&str, Option<&str>) {
    let scope = &entry["scope"];
    let organization = scope["organization"].as_str().expect("an organization");
    (organization, scope["project"].as_str())
}

/// The entry without the members, which it names where it has, or had, them.
fn masked(entry: &Value, hidden: &Hidden) -> Value {
    let mut view = entry.clone();
    let mut named = Vec::new();
    for (_, path) in MEMBERS.iter().filter(|(name, _)| hidden.contains(name)) {
        let (above, last) = path.rsplit_once('/').expect("a pointer");
        let within = |erased: &Value| {
            let rest = erased["path"].as_str().and_then(|at| at.strip_prefix(path));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut gone = { view.pointer_mut(above) }
            .and_then(|holder| holder.as_object_mut()?.remove(last))
            .is_some();
        if let Some(erased) = view["erased"].as_array_mut() {
            let before = erased.len();
            erased.retain(|one| !within(one));
            gone |= erased.len() < before;
        }
        if gone {
            named.push(*path);
        }
    }
    let members = view.as_object_mut().expect("an object");
    if members
        .get("erased")
        .is_some_and(|erased| *erased == json!([]))
        || members.get("erased") == Some(&Value::Null)
    {
        members.remove("erased");
    }
    if !named.is_empty() {
        view["hidden"] = json!(named);
    }
    view
}

/// The fields that are asked for and counted, the more telling first.
pub const FIELDS: &[&str] = &[
    "actor",
    "email",
    "target",
    "request_id",
    "action",
    "category",
    "target_type",
    "result",
    "organization",
    "project",
    "ip",
    "actor_type",
    "source",
    "id",
];

/// An entry as it is asked: the values of each of [`FIELDS`], and texts, in lower case.
#[derive(Debug)]
pub struct Asked {
    pub values: Vec<Vec<String>>,
    /// The first value of each as it is written: what facets count.
    pub first: Vec<Option<String>>,
    searched: Vec<String>,
    words: String,
    context: Value,
    pub at: i64,
}

impl Asked {
    pub fn of(entry: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (actor, request) = (&entry["actor"], &entry["request"]);
        let mut targets: Vec<&Value> = entry.get("target").into_iter().collect();
        targets.extend(entry["related"].as_array().into_iter().flatten());
        let of_targets = |names: &[&str]| -> Vec<String> {
            let each = targets
                .iter()
                .flat_map(|target| names.iter().filter_map(|name| text(&target[*name])));
            each.collect()
        };
        let mut who: Vec<String> = [&actor["name"], &actor["id"]]
            .into_iter()
            .filter_map(text)
            .collect();
        if who.is_empty() {
            who.extend(text(&actor["email"]));
        }
        let plain = |value: &Value| -> Vec<String> { text(value).into_iter().collect() };
        let values = FIELDS.iter().map(|field| match *field {
            "actor" => who.clone(),
            "email" => plain(&actor["email"]),
            "target" => of_targets(&["name", "id"]),
            "target_type" => of_targets(&["type"]),
            "request_id" => plain(&request["id"]),
            "organization" | "project" => plain(&entry["scope"][*field]),
            "ip" => plain(&request["ip"]),
            "actor_type" => plain(&actor["type"]),
            "source" => plain(&entry["source"]["name"]),
            field => plain(&entry[field]),
        });
        let written: Vec<Vec<String>> = values.collect();
        let lower = |all: &Vec<String>| all.iter().map(|text| text.to_lowercase()).collect();
        let mut searched = of_targets(&["name"]);
        searched.extend(
            [&actor["name"], &actor["email"], &request["id"]]
                .into_iter()
                .filter_map(text),
        );
        let searched = lower(&searched);
        let words = json!([entry["context"], entry["error"], entry["changes"]]);
        Self {
            values: written.iter().map(lower).collect(),
            first: written
                .into_iter()
                .map(|all| all.into_iter().next())
                .collect(),
            searched,
            words: words.to_string().to_lowercase(),
            context: entry["context"].clone(),
            at: micros(&entry["timestamp"]),
        }
    }

    fn of_field(&self, field: &str) -> &[String] {
        let at = FIELDS.iter().position(|one| *one == field);
        &self.values[at.expect("a field")]
    }
}

pub fn micros(value: &Value) -> i64 {
    let text = value.as_str().expect("an instant");
    entry::Timestamp::parse(text)
        .expect("an instant")
        .as_micros()
}

/// One thing that is asked of entries; texts in lower case.
#[derive(Clone, Debug)]
pub enum Condition {
    Exact(&'static str, String),
    Part(&'static str, String),
    Not(&'static str, String),
    Has(&'static str),
    /// `10.77.3.0/24` by its first three numbers.
    Network(String),
    Search(String),
    Word(String),
    /// A leaf of context, by its dotted path.
    Context(&'static str, String),
    Since(i64),
    Until(i64),
}

impl Condition {
    pub fn holds(&self, asked: &Asked) -> bool {
        match self {
            Condition::Exact(field, text) => asked.of_field(field).contains(text),
            Condition::Part(field, text) => asked
                .of_field(field)
                .iter()
                .any(|value| value.contains(text.as_str())),
            Condition::Not(field, text) => !asked.of_field(field).contains(text),
            Condition::Has(field) => !asked.of_field(field).is_empty(),
            Condition::Network(start) => asked
                .of_field("ip")
                .iter()
                .any(|ip| ip.starts_with(&format!("{start}."))),
            Condition::Search(text) => asked
                .searched
                .iter()
                .any(|value| value.contains(text.as_str())),
            Condition::Word(text) => {
                asked.words.contains(text.as_str()) || Condition::Search(text.clone()).holds(asked)
            }
            Condition::Context(path, text) => {
                let pointer = format!("/{}", path.replace('.', "/"));
                asked
                    .context
                    .pointer(&pointer)
                    .and_then(Value::as_str)
                    .is_some_and(|leaf| leaf.to_lowercase() == *text)
            }
            Condition::Since(at) => asked.at >= *at,
            Condition::Until(at) => asked.at < *at,
        }
    }

    /// The field that it is about and nothing else: what a facet of that field leaves out.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Condition::Exact(field, _)
            | Condition::Part(field, _)
            | Condition::Not(field, _)
            | Condition::Has(field) => Some(field),
            Condition::Network(_) => Some("ip"),
            _ => None,
        }
    }
}

/// The value that a facet counts of a shown entry; `None` where another might be hidden behind what is seen.
pub fn counted(field: &str, asked: &Asked, hidden: &Hidden) -> Option<Option<String>> {
    let at = FIELDS.iter().position(|one| *one == field);
    let first = asked.first[at.expect("a field")].clone();
    let hides = |names: &[&str]| names.iter().any(|name| hidden.contains(name));
    let (never, unless_seen): (&[&str], &[&str]) = match field {
        "actor" => (&["actor_name", "actor_id"], &["email"]),
        "email" => (&["email"], &[]),
        "ip" => (&["ip"], &[]),
        "target" => (&["target_name"], &["related"]),
        "target_type" => (&[], &["related"]),
        _ => (&[], &[]),
    };
    let is_counted = !hides(never) && (first.is_some() || !hides(unless_seen));
    is_counted.then_some(first)
}
