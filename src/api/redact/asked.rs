//! Bodies of erasures: what is asked, by whom and why; every fault in one answer.

use super::is_too_short;
use crate::problem::{Fault, Kind, Problem};
use entry::json::{self, Object, Value};
use entry::units::PERSONAL;
use entry::{Json, Organization, Party, text};
use serde_json::value::RawValue;
use store::view::{KnownBy, Person};

/// The longest reason, in characters.
pub const REASON_CHARACTERS_MAX: usize = 1_000;
/// Members named in one call, at most: an entry has no more units but in its context.
const PATHS_MAX: usize = 256;

/// What every erasure says besides what it is of.
pub struct Asked<T> {
    pub of: T,
    pub reason: String,
    /// As in an entry.
    pub actor: Box<RawValue>,
}

/// Members of one entry.
pub struct Members {
    pub paths: Vec<Box<str>>,
}

/// What speaks of a person.
pub struct Persons {
    pub person: Person,
    /// One log, or all.
    pub organization: Option<Organization>,
    pub dry_run: bool,
}

/// Who erases where nobody is named: the server itself.
const NOBODY: &str = r#"{"name":"mar-audit","type":"system"}"#;

pub fn refused(faults: Vec<Fault>) -> Problem {
    let detail = match faults.as_slice() {
        [only] => only.detail.clone(),
        all => format!("{} things are wrong", all.len()),
    };
    Kind::InvalidErasure.detail(detail).with(faults)
}

impl<T> Asked<T> {
    /// Names who calls as the actor, and whom the body names as the one it is done for. What would tell what is to be erased
    /// is left out; the id of an account stays.
    pub fn sign(&mut self, party: &Party, is_told: impl Fn(&str) -> bool) {
        let mut actor = serde_json::json!({"type": party.kind.as_str()});
        let names = [
            ("id", &party.id),
            ("name", &party.name),
            ("email", &party.email),
        ];
        for (name, text) in names {
            let said = text.as_deref().filter(|text| !is_told(text));
            if let Some(said) = said {
                actor[name] = said.into();
            }
        }
        if self.actor.get() != NOBODY {
            let other: serde_json::Value =
                serde_json::from_str(self.actor.get()).expect("it was JSON before");
            actor["on_behalf_of"] = other;
        }
        self.actor = RawValue::from_string(actor.to_string()).expect("it is JSON");
    }

    /// Refuses a reason or an actor that says what is to be erased: the audit entry would keep it.
    pub fn must_not_say(&self, is_told: impl Fn(&str) -> bool) -> Result<(), Problem> {
        let mut faults = Vec::new();
        if is_told(&self.reason) {
            let detail = "it says what is to be erased, and would be kept";
            faults.push(Fault::pointer("/reason", detail));
        }
        let mut actor_tells = false;
        text::json_leaves(self.actor.get(), &mut |path, leaf| {
            actor_tells |= path != "type" && is_told(leaf);
        });
        if actor_tells {
            let detail = "it says what is to be erased, and would be kept; name the actor otherwise, such as by id";
            faults.push(Fault::pointer("/actor", detail));
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(refused(faults)),
        }
    }
}

/// The body of `POST /v1/entries/{id}/redact`.
pub fn members(body: &[u8]) -> Result<Asked<Members>, Problem> {
    let value = parse(body)?;
    let mut members = Read::new(&value)?;
    let paths = members.paths("paths");
    if paths.is_empty() && members.faults.is_empty() {
        members.wrong("paths", "names at least one member, such as /actor/email");
    }
    members.finish(&["paths"], Members { paths })
}

/// The body of `POST /v1/redactions`.
pub fn person(body: &[u8]) -> Result<Asked<Persons>, Problem> {
    const BY: [(&str, KnownBy); 4] = [
        ("actor_email", KnownBy::Email),
        ("actor_id", KnownBy::Id),
        ("actor_name", KnownBy::Name),
        ("text", KnownBy::Text),
    ];
    let value = parse(body)?;
    let mut members = Read::new(&value)?;
    let named: Vec<_> = BY.iter().filter(|(name, _)| members.has(name)).collect();
    let (name, known_by) = match named.as_slice() {
        [one] => **one,
        _ => {
            members.wrong(
                "",
                "names exactly one of actor_email, actor_id, actor_name and text",
            );
            BY[0]
        }
    };
    let said = members.text(name).unwrap_or_default();
    if named.len() == 1 && is_too_short(&said) {
        members.wrong(
            name,
            "has at least three characters, or it is in everything",
        );
    }
    let also = members.paths("also");
    for (n, path) in also.iter().enumerate() {
        if !PERSONAL.contains(&&**path) && !path.starts_with("/context/") && &**path != "/context" {
            members.wrong(&format!("also/{n}"), "is no member that can be erased");
        }
    }
    let organization = members.text("organization");
    let organization = organization.and_then(|text| {
        let organization = Organization::parse(&text);
        if organization.is_none() {
            members.wrong("organization", "1 to 63 of a-z 0-9 . _ -");
        }
        organization
    });
    // What cannot be taken back is asked for in so many words.
    let dry_run = members.flag("dry_run");
    if dry_run.is_none() && members.faults.is_empty() {
        members.wrong(
            "dry_run",
            "is required: true to see what would go, false to erase it",
        );
    }
    let names = [
        "actor_email",
        "actor_id",
        "actor_name",
        "text",
        "organization",
        "also",
        "dry_run",
    ];
    let of = Persons {
        person: Person::new(known_by, &said, &also),
        organization,
        dry_run: dry_run.unwrap_or(true),
    };
    members.finish(&names, of)
}

fn parse(body: &[u8]) -> Result<Value<'_>, Problem> {
    if body.trim_ascii().is_empty() {
        return Err(Kind::EmptyBody.detail("a JSON object is expected"));
    }
    json::parse(body).map_err(|invalid| {
        let fault = Fault::pointer(&*invalid.pointer, &*invalid.detail);
        Kind::BadJson.detail(&*invalid.detail).with(vec![fault])
    })
}

/// Reads the members of a body, collecting faults.
struct Read<'a> {
    members: &'a Object<'a>,
    faults: Vec<Fault>,
}

impl<'a> Read<'a> {
    fn new(value: &'a Value<'a>) -> Result<Self, Problem> {
        let members = value.as_object();
        let members = members.ok_or_else(|| {
            refused(vec![Fault::pointer(
                "",
                format!("is {}, not an object", value.what()),
            )])
        })?;
        Ok(Read {
            members,
            faults: Vec::new(),
        })
    }

    fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some()
    }

    fn wrong(&mut self, name: &str, detail: &str) {
        let pointer = match name {
            "" => String::new(),
            name => format!("/{name}"),
        };
        self.faults.push(Fault::pointer(pointer, detail));
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let value = self.members.get(name)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong(name, &format!("is {}, not a string", value.what()));
        }
        text
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.members.get(name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong(name, &format!("is {}, not a boolean", value.what()));
        }
        flag
    }

    fn paths(&mut self, name: &str) -> Vec<Box<str>> {
        let Some(value) = self.members.get(name) else {
            return Vec::new();
        };
        let Some(elements) = value.as_array() else {
            self.wrong(name, &format!("is {}, not an array", value.what()));
            return Vec::new();
        };
        if elements.len() > PATHS_MAX {
            self.wrong(
                name,
                &format!(
                    "names {} members, at most {PATHS_MAX} may be",
                    elements.len()
                ),
            );
            return Vec::new();
        }
        let mut paths = Vec::new();
        for (n, element) in elements.iter().enumerate() {
            match element.as_str() {
                Some(path) => paths.push(path.into()),
                None => self.wrong(&format!("{name}/{n}"), "is no string"),
            }
        }
        paths
    }

    /// Reads what all bodies have, and refuses what none has.
    fn finish<T>(mut self, names: &[&str], of: T) -> Result<Asked<T>, Problem> {
        let reason = self.text("reason").unwrap_or_default();
        let characters = reason.chars().count();
        if reason.trim().is_empty()
            && !self
                .faults
                .iter()
                .any(|f| f.pointer.as_deref() == Some("/reason"))
        {
            self.wrong("reason", "is required: why this may be erased");
        } else if characters > REASON_CHARACTERS_MAX {
            self.wrong(
                "reason",
                &format!("has {characters} characters, at most {REASON_CHARACTERS_MAX} may be"),
            );
        }
        let actor = self.members.get("actor").map(Json::from);
        let actor = actor.as_ref().map_or(NOBODY, Json::as_str).to_owned();
        let unknown = self.members.iter().map(|(name, _)| name);
        let unknown =
            unknown.filter(|name| !names.contains(name) && !["actor", "reason"].contains(name));
        for name in unknown.collect::<Vec<_>>() {
            let mut pointer = String::new();
            json::push_pointer(&mut pointer, name);
            self.faults
                .push(Fault::pointer(pointer, "is not known here"));
        }
        match self.faults.is_empty() {
            true => Ok(Asked {
                of,
                reason,
                actor: RawValue::from_string(actor).expect("canonical JSON is JSON"),
            }),
            false => Err(refused(self.faults)),
        }
    }
}
