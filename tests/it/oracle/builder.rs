//! Builds a world over HTTP: entries, then who may see them.

use super::model::{Condition, ENTAILED, Grant, Hidden, MEMBERS, Person};
use super::random::Random;
use crate::access::Caller;
use crate::test_server::TestServer;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// What roles may permit here.
const PERMISSIONS: &[&str] = &[
    "entries:record",
    "entries:read",
    "entries:export",
    "entries:unmask",
    "entries:redact",
    "logs:verify",
    "access:manage",
    "sources:manage",
];

/// Texts that break what is careless.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"; DROP TABLE entries",
    "=cmd()",
    "a\r\nx-leak: 1",
    "na\u{ef}ve",
    "'",
    "{{x}}",
    "back\\slash",
    "\u{202e}txt",
    "%00",
    "a,b",
    "\t+1",
    "",
];

/// Entries that are recorded before anything is asked.
const ENTRIES: usize = 320;

/// A canary.
pub fn mint(random: &mut Random, minted: &mut HashSet<String>) -> String {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    loop {
        let text: String = (0..6)
            .map(|_| char::from(DIGITS[random.below(36)]))
            .collect();
        let canary = format!("zq{text}");
        if minted.insert(canary.clone()) {
            return canary;
        }
    }
}

pub struct Builder<'a> {
    random: &'a mut Random,
    pub minted: HashSet<String>,
    pub organizations: Vec<String>,
    pub projects: BTreeMap<String, Vec<String>>,
    pub sources: BTreeMap<String, Vec<String>>,
    /// The last number that each source of each organization gave.
    numbers: BTreeMap<(String, String), u64>,
    roles: BTreeMap<String, (Vec<&'static str>, Hidden)>,
    people: Vec<Value>,
    targets: Vec<Value>,
    requests: Vec<String>,
    ids: Vec<(String, String)>,
}

impl<'a> Builder<'a> {
    /// Organizations and their projects; one project has the same name in each.
    pub fn new(random: &'a mut Random) -> Self {
        let mut minted = HashSet::new();
        let mut organizations: Vec<String> = (0..4).map(|_| mint(random, &mut minted)).collect();
        let mut projects: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for organization in &organizations {
            let own = (0..2).map(|_| mint(random, &mut minted));
            let all = own.chain(["shared".to_owned()]).collect();
            projects.insert(organization.clone(), all);
        }
        organizations.push("default".to_owned());
        projects.insert("default".to_owned(), vec!["shared".to_owned()]);
        let mut named = |of: &String| {
            let own = (0..2).map(|_| mint(random, &mut minted));
            let all = own.chain(["mar-api", "kube"].map(str::to_owned)).collect();
            (of.clone(), all)
        };
        let sources = organizations.iter().map(&mut named).collect();
        Self {
            random,
            minted,
            organizations,
            projects,
            sources,
            numbers: BTreeMap::new(),
            roles: BTreeMap::new(),
            people: Vec::new(),
            targets: Vec::new(),
            requests: Vec::new(),
            ids: Vec::new(),
        }
    }
}

impl Builder<'_> {
    fn mint(&mut self) -> String {
        mint(self.random, &mut self.minted)
    }

    fn text(&mut self) -> String {
        let hostile = *self.random.pick(HOSTILE);
        format!("{hostile} {} end", self.mint())
    }

    fn address(&mut self) -> String {
        let address = format!(
            "10.77.{}.{}",
            self.random.below(200),
            self.random.below(250)
        );
        self.minted.insert(address.clone());
        address
    }

    fn mask(&mut self, percent: usize) -> Hidden {
        let all: Vec<&str> = MEMBERS.iter().map(|(name, _)| *name).collect();
        entailed(self.random.some(&all, percent))
    }

    fn extent(&mut self) -> (Option<String>, Option<Vec<String>>) {
        if self.random.chance(10) {
            return (None, None);
        }
        let of = self.random.pick(&self.organizations).clone();
        let mut some: Vec<String> = Vec::new();
        if self.random.chance(60) {
            let all: Vec<&str> = self.projects[&of].iter().map(String::as_str).collect();
            some = self
                .random
                .some(&all, 45)
                .into_iter()
                .map(str::to_owned)
                .collect();
        }
        (Some(of), (!some.is_empty()).then_some(some))
    }

    fn actor(&mut self) -> Value {
        let (name, word) = (self.text(), self.mint());
        let mut actor = json!({"type": *self.random.pick(&["user", "system", "agent", "service_account"]),
            "id": format!("usr-{word}"), "name": name, "email": format!("{}@mail.example", self.mint())});
        let members = actor.as_object_mut().expect("an object");
        for name in ["name", "email", "id"] {
            if members.len() > 2 && self.random.chance(20) {
                members.remove(name);
            }
        }
        actor
    }

    fn target(&mut self) -> Value {
        let kind = *self.random.pick(&["cluster", "user", "pod", "role"]);
        let mut target =
            json!({"type": kind, "id": format!("tgt-{}", self.mint()), "name": self.text()});
        if self.random.chance(20) {
            target.as_object_mut().expect("an object").remove("id");
        }
        target
    }

    fn pooled(&mut self) {
        self.people = (0..8).map(|_| self.actor()).collect();
        self.targets = (0..6).map(|_| self.target()).collect();
        self.requests = (0..10).map(|_| format!("req-{}", self.mint())).collect();
    }

    fn entry(&mut self) -> Value {
        let organization = self.random.pick(&self.organizations).clone();
        let mut scope = json!({"organization": organization});
        if self.random.chance(70) {
            let project = self.random.pick(&self.projects[&organization]).clone();
            scope["project"] = match self.random.chance(10) {
                true => project.to_uppercase().into(),
                false => project.into(),
            };
        }
        let mut actor = match self.random.chance(60) {
            true => self.random.pick(&self.people).clone(),
            false => self.actor(),
        };
        if self.random.chance(15) {
            actor["on_behalf_of"] = self.actor();
        }
        // Not to the hour: an order of those that are equal is asked too.
        let ago = self.random.below(20 * 24) as i64 * 3_600;
        let at =
            entry::Timestamp::from_micros((1_793_530_800 - ago) * 1_000_000).expect("an instant");
        let mut entry = json!({
            "id": self.id(&organization), "timestamp": at.to_string(), "actor": actor, "scope": scope,
            "action": *self.random.pick(&["scaleCluster", "deleteCluster", "createUser", "login", "tune"]), "result": "success",
        });
        entry["source"] = self.source(&organization);
        self.circumstances(&mut entry);
        entry
    }

    /// The first and the third of its organization number what they record, and now and then a number is missing.
    fn source(&mut self, organization: &str) -> Value {
        let at = self.random.below(4);
        let name = self.sources[organization][at].clone();
        let mut source = json!({"name": name});
        if at.is_multiple_of(2) {
            let step = 1 + u64::from(self.random.chance(4));
            let key = (organization.to_owned(), name);
            let number = self.numbers.entry(key).or_default();
            *number += step;
            source["sequence"] = (*number).into();
        }
        source
    }

    /// The same id in two organizations, now and then; never twice in one.
    fn id(&mut self, organization: &str) -> String {
        if !self.ids.is_empty() && self.random.chance(15) {
            let (of, id) = self.random.pick(&self.ids).clone();
            let here = (organization.to_owned(), id.clone());
            if of != organization && !self.ids.contains(&here) {
                self.ids.push(here);
                return id;
            }
        }
        let id = format!(
            "0198f3c2-7b1e-7c3a-9d0a-{:012x}",
            self.random.next() & 0xffff_ffff_ffff
        );
        self.ids.push((organization.to_owned(), id.clone()));
        id
    }

    fn circumstances(&mut self, entry: &mut Value) {
        if self.random.chance(80) {
            entry["target"] = match self.random.chance(50) {
                true => self.random.pick(&self.targets).clone(),
                false => self.target(),
            };
        }
        if self.random.chance(25) {
            entry["related"] = json!([self.target()]);
        }
        let mut request = json!({"id": match self.random.chance(40) {
            true => self.random.pick(&self.requests).clone(),
            false => format!("req-{}", self.mint()),
        }});
        if self.random.chance(70) {
            request["ip"] = match self.random.chance(85) {
                true => self.address().into(),
                false => format!("AWS {}", self.mint()).into(),
            };
        }
        if self.random.chance(50) {
            request["user_agent"] = self.text().into();
        }
        entry["request"] = request;
        if self.random.chance(30) {
            entry["result"] = "failure".into();
            entry["error"] = json!({"code": "403", "message": self.text()});
        }
        if self.random.chance(30) {
            entry["changes"] =
                json!([{"path": "/spec/x", "before": self.text(), "after": self.text()}]);
        }
        if self.random.chance(60) {
            entry["context"] =
                json!({"note": self.mint(), "ticket": self.text(), "deep": {"leaf": self.mint()}});
        }
    }

    /// Grants of an account: made as bindings, some of them a group's.
    fn grants(&mut self, owner: &Caller<'_>, account: &str, group: Option<&str>) -> Vec<Grant> {
        let mut grants = Vec::new();
        for nth in 0..1 + self.random.below(3) {
            let (organization, projects) = self.extent();
            let names: Vec<&String> = self.roles.keys().collect();
            let role = (*self.random.pick(&names)).clone();
            let mut body = json!({"role": role});
            match (group, nth) {
                (Some(group), 0) => body["group"] = group.into(),
                _ => body["account"] = account.into(),
            }
            place(&mut body, &organization, &projects);
            owner.done("POST", "/v1/access/bindings", &body);
            let (permissions, mask) = self.roles[&role].clone();
            grants.push(Grant {
                organization,
                projects,
                permissions,
                mask,
            });
        }
        grants
    }
}

fn place(body: &mut Value, organization: &Option<String>, projects: &Option<Vec<String>>) {
    if let Some(organization) = organization {
        body["organization"] = organization.as_str().into();
    }
    if let Some(projects) = projects {
        body["projects"] = json!(projects);
    }
}

fn entailed(names: Vec<&'static str>) -> Hidden {
    let mut mask: Hidden = names.iter().copied().collect();
    for (name, more) in ENTAILED {
        if names.contains(name) {
            mask.extend(more.iter().copied());
        }
    }
    mask
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

impl Builder<'_> {
    /// Entries in batches, so that some lie in segments and some in memory; then members of some are erased.
    pub fn record(&mut self, server: &TestServer, owner: &Caller<'_>) {
        self.pooled();
        let mut entries: Vec<Value> = (0..ENTRIES).map(|_| self.entry()).collect();
        // A log without entries is none.
        for organization in self.organizations.clone() {
            let mut entry = self.entry();
            entry["scope"] = json!({"organization": organization});
            entry["source"] = self.source(&organization);
            entry["id"] = self.id(&organization).into();
            entries.push(entry);
        }
        for batch in entries.chunks(40) {
            server.clock.advance(Duration::from_secs(1));
            let receipts = owner.done("POST", "/v1/entries", &json!(batch));
            assert_eq!(receipts["accepted"], batch.len(), "{receipts}");
        }
        for _ in 0..8 {
            let entry = self.random.pick(&entries).clone();
            let there: Vec<&str> = MEMBERS
                .iter()
                .map(|(_, path)| *path)
                .filter(|path| *path != "/context" && entry.pointer(path).is_some())
                .collect();
            let mut paths = self.random.some(&there, 50);
            if entry.get("context").is_some() {
                paths.push("/context/note");
            }
            if paths.is_empty() {
                continue;
            }
            let body = json!({"paths": paths, "reason": "they asked"});
            let (id, organization) = (text(&entry["id"]), text(&entry["scope"]["organization"]));
            let path = format!("/v1/entries/{id}/redact?organization={organization}");
            // Erased before, perhaps: that is an answer too.
            assert_eq!(owner.call("POST", &path, &body.to_string()).status, 200);
        }
    }

    /// Six roles of the deployment's own, and what the built-in ones are.
    fn define(&mut self, owner: &Caller<'_>) {
        for n in 0..6 {
            let mut permissions = self.random.some(PERMISSIONS, 45);
            if !permissions.contains(&"entries:read")
                && (permissions.is_empty() || self.random.chance(70))
            {
                permissions.push("entries:read");
            }
            let mask = if self.random.chance(65) {
                self.mask(25)
            } else {
                Hidden::new()
            };
            let body = json!({"permissions": permissions, "mask": mask.iter().collect::<Vec<_>>()});
            owner.done("PUT", &format!("/v1/access/roles/role-{n}"), &body);
            self.roles.insert(format!("role-{n}"), (permissions, mask));
        }
        let all = json!({"permissions": PERMISSIONS});
        owner.done("PUT", "/v1/access/roles/warden", &all);
        self.roles
            .insert("viewer".into(), (vec!["entries:read"], Hidden::new()));
        self.roles.insert(
            "auditor".into(),
            (
                vec!["entries:read", "entries:export", "logs:verify"],
                Hidden::new(),
            ),
        );
        self.roles
            .insert("recorder".into(), (vec!["entries:record"], Hidden::new()));
    }

    /// Of one organization everything, of others nothing: in every world there are two to whom the other is foreign.
    fn warden(&mut self, owner: &Caller<'_>, account: &str, nth: usize) -> Grant {
        let organization = Some(self.organizations[nth].clone());
        let mut body = json!({"account": account, "role": "warden"});
        place(&mut body, &organization, &None);
        owner.done("POST", "/v1/access/bindings", &body);
        Grant {
            organization,
            projects: None,
            permissions: PERMISSIONS.to_vec(),
            mask: Hidden::new(),
        }
    }

    /// Roles, accounts, groups, tokens, links, embedded pages.
    pub fn admit(&mut self, owner: &Caller<'_>) -> (Vec<Person>, BTreeMap<String, Vec<Grant>>) {
        self.define(owner);
        let everything = Grant {
            organization: None,
            projects: None,
            permissions: PERMISSIONS.to_vec(),
            mask: Hidden::new(),
        };
        let me = owner.done("GET", "/v1/access/me", &Value::Null);
        let root = Person {
            name: "Root".into(),
            header: ("cookie", owner.credential().1.to_owned()),
            account: Some(text(&me["actor"]["id"])),
            grants: vec![everything.clone()],
            bounds: Vec::new(),
            only: Vec::new(),
        };
        let mut accounts = BTreeMap::from([(text(&me["actor"]["id"]), vec![everything])]);
        let mut people = vec![root];
        for n in 0..9 {
            let name = format!("svc-{}", self.mint());
            let user = json!({"kind": "service", "login": name, "name": name});
            let account = text(&owner.done("POST", "/v1/access/users", &user)["id"]);
            let group = (n % 3 == 0).then(|| format!("group-{n}"));
            if let Some(group) = &group {
                owner.done(
                    "PATCH",
                    &format!("/v1/access/users/{account}"),
                    &json!({"groups": [group]}),
                );
            }
            let grants = match n {
                0 | 1 => vec![self.warden(owner, &account, n)],
                _ => self.grants(owner, &account, group.as_deref()),
            };
            accounts.insert(account.clone(), grants.clone());
            let person = Person {
                name,
                header: ("authorization", String::new()),
                account: Some(account),
                grants,
                bounds: Vec::new(),
                only: Vec::new(),
            };
            people.extend(self.tokens(owner, &person));
        }
        people.extend((0..4).filter_map(|_| self.link(owner)));
        let embedded: Vec<Person> = people
            .iter()
            .skip(1)
            .filter_map(|maker| self.embed(owner, maker))
            .collect();
        people.extend(embedded);
        (people, accounts)
    }

    /// One that may all that its account may, and one that may less.
    fn tokens(&mut self, owner: &Caller<'_>, person: &Person) -> Vec<Person> {
        let whole = Grant {
            organization: None,
            projects: None,
            permissions: PERMISSIONS.to_vec(),
            mask: Hidden::new(),
        };
        let (organization, projects) = self.extent();
        let mut permissions = self.random.some(PERMISSIONS, 60);
        permissions.push("entries:read");
        permissions.dedup();
        let less = Grant {
            organization,
            projects,
            permissions,
            mask: Hidden::new(),
        };
        let make = |bound: Grant| {
            let mut body = json!({"account": person.account, "name": person.name, "permissions": bound.permissions});
            place(&mut body, &bound.organization, &bound.projects);
            let made = owner.done("POST", "/v1/access/tokens", &body);
            let header = ("authorization", format!("Bearer {}", text(&made["secret"])));
            Person {
                header,
                bounds: vec![bound],
                ..person.clone()
            }
        };
        vec![make(whole), make(less)]
    }

    fn frozen(&mut self) -> (Vec<Condition>, &'static str) {
        let email = self.random.pick(&self.people)["email"]
            .as_str()
            .map(str::to_owned);
        match (self.random.below(4), email) {
            (0, _) => (
                vec![Condition::Exact("result", "failure".into())],
                "result:failure",
            ),
            (1, _) => (
                vec![Condition::Not("action", "login".into())],
                "-action:login",
            ),
            (2, Some(email)) => (vec![Condition::Exact("email", email)], "email"),
            _ => (Vec::new(), ""),
        }
    }

    fn link(&mut self, owner: &Caller<'_>) -> Option<Person> {
        let (organization, projects) = self.extent();
        let mut permissions = self.random.some(&["entries:export", "logs:verify"], 60);
        permissions.push("entries:read");
        let (mask, (only, query)) = (self.mask(15), self.frozen());
        let query = spelt(&only, query);
        let name = format!("link-{}", self.mint());
        let mut body = json!({"name": name, "permissions": permissions, "mask": mask.iter().collect::<Vec<_>>(),
            "filter": query, "expires_at": "2026-12-01T00:00:00Z"});
        place(&mut body, &organization, &projects);
        let made = owner.done("POST", "/v1/access/links", &body);
        let bound = Grant {
            organization,
            projects,
            permissions,
            mask,
        };
        let all = Grant {
            organization: None,
            projects: None,
            permissions: PERMISSIONS.to_vec(),
            mask: Hidden::new(),
        };
        let header = ("authorization", format!("Bearer {}", text(&made["secret"])));
        Some(Person {
            name,
            header,
            account: None,
            grants: vec![all],
            bounds: vec![bound],
            only,
        })
    }

    /// Of what one of the maker's grants covers, masked at least as it is.
    fn embed(&mut self, owner: &Caller<'_>, maker: &Person) -> Option<Person> {
        let reads = |grant: &&Grant| grant.permissions.contains(&"entries:read");
        let grant = maker.grants.iter().find(reads)?.clone();
        maker.account.as_ref()?;
        let mask = &grant.mask | &self.mask(10);
        let (only, query) = self.frozen();
        let mut body = json!({"mask": mask.iter().collect::<Vec<_>>(), "filter": spelt(&only, query), "life_seconds": 3600});
        place(&mut body, &grant.organization, &grant.projects);
        let caller = Caller::with_token(
            owner.server,
            maker.header.1.strip_prefix("Bearer ").expect("a token"),
        );
        let made = caller.call("POST", "/v1/access/embed", &body.to_string());
        // A token that may less than its account may not pass this on.
        if made.status != 201 {
            assert_eq!(made.status, 403, "{}", made.text());
            return None;
        }
        let bound = Grant {
            permissions: vec!["entries:read"],
            mask,
            ..grant
        };
        let header = (
            "authorization",
            format!("Bearer {}", text(&made.json()["secret"])),
        );
        let bounds = maker.bounds.iter().cloned().chain([bound]).collect();
        Some(Person {
            header,
            account: None,
            bounds,
            only,
            ..maker.clone()
        })
    }
}

fn spelt(only: &[Condition], query: &str) -> String {
    match only {
        [Condition::Exact("email", email)] => format!("email:\"{email}\""),
        _ => query.to_owned(),
    }
}
