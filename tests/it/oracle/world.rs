//! A world to ask about: organizations, projects, roles, people, what lets them in, and entries whose every text can be told.
//!
//! Each text that should be seen by some only holds a *canary*: `zq` and six letters or digits, or an address of 10.77. So a
//! leak is a canary in an answer that is neither in what its reader sees nor in what it asked.

use super::asking::Asker;
use super::builder::{Builder, text};
use super::model::{Asked, Condition, Grant, Hidden, Person, micros, scope};
use super::random::Random;
use super::shelf::Shelf;
use crate::access::claimed;
use crate::test_server::{Answer, TestServer, provider_nobody_reaches, wait_until};
use entry::Filter;
use mar_audit::access::Reach;
use mar_audit::app::Settings;
use mar_audit::guard::framing::Site;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;
use store::view::{Direction, Order, PageQuery, Position};

/// What a person sees by one permission, with its canaries.
#[derive(Default)]
pub struct Seen {
    /// Entries looked at so far.
    looked: usize,
    pub shown: Vec<Rc<Shown>>,
    pub canaries: HashSet<String>,
}

/// An entry as a person sees it.
pub struct Shown {
    /// Its place among all entries.
    pub nth: usize,
    pub view: Value,
    pub hidden: Hidden,
    pub asked: Asked,
    pub at: i64,
    pub received: i64,
    pub organization: String,
    pub seq: u64,
}

pub struct World {
    pub server: TestServer,
    pub asker: Asker,
    pub people: Vec<Person>,
    /// As they are, in order of receipt.
    pub entries: Vec<Value>,
    /// How many of them were there before anything was asked.
    pub base: usize,
    pub organizations: Vec<String>,
    pub projects: BTreeMap<String, Vec<String>>,
    /// Accounts by id, with the grants of each.
    pub accounts: BTreeMap<String, Vec<Grant>>,
    pub minted: HashSet<String>,
    /// What waits in the quarantine: whose, of which source.
    pub shelf: Shelf,
    /// The names of sources, by organization: of some only things wait that no mapping took.
    pub sources: BTreeMap<String, Vec<String>>,
    /// Method and pattern of the route that is asked about.
    pub row: (&'static str, &'static str),
    /// The last GET: who, its path and its answer.
    pub last: Option<(usize, String, Answer)>,
    /// Walks that somebody began: who, the path without its cursor, the cursor.
    pub walks: Vec<(usize, Walk)>,
    read_up_to: Option<Position>,
    seen: HashMap<(usize, &'static str, bool), Seen>,
    own: Vec<HashSet<String>>,
}

/// A walk that goes on.
#[derive(Clone)]
pub struct Walk {
    pub conditions: Vec<Condition>,
    pub order: &'static str,
    pub direction: &'static str,
    pub cursor: String,
}

/// The canaries in a text, whole.
pub fn canaries(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let words = memchr::memmem::find_iter(bytes, b"zq").filter_map(move |at| {
        let end = at + 8;
        let rest = bytes.get(at + 2..end)?;
        let fits = rest
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        fits.then(|| &text[at..end])
    });
    let addresses = memchr::memmem::find_iter(bytes, b"10.77.").map(move |at| {
        let rest = bytes[at..].iter();
        let length = rest
            .take_while(|b| b.is_ascii_digit() || **b == b'.')
            .count();
        text[at..at + length].trim_end_matches('.')
    });
    words.chain(addresses)
}

impl World {
    pub fn new(random: &mut Random) -> Self {
        let server = TestServer::guarded_of(settings(), 64 * 1024);
        let mut builder = Builder::new(random);
        let (people, accounts) = {
            let owner = claimed(&server);
            builder.record(&server, &owner);
            builder.admit(&owner)
        };
        let Builder {
            minted,
            organizations,
            projects,
            sources,
            ..
        } = builder;
        let asker = Asker::new(&server);
        let mut world = Self {
            server,
            asker,
            own: people.iter().map(Self::own).collect(),
            people,
            entries: Vec::new(),
            base: 0,
            organizations,
            projects,
            accounts,
            minted,
            shelf: Shelf::default(),
            sources,
            row: ("", ""),
            last: None,
            walks: Vec::new(),
            read_up_to: None,
            seen: HashMap::new(),
        };
        world.look();
        world.base = world.entries.len();
        world.wait_for_checkpoints();
        world.set_aside_some(random);
        wait_until("the numbers of sources are known", || {
            let (answer, _) = world.ask(0, "GET", "/v1/entries?limit=1", "");
            answer.text().contains("\"complete_through\"")
        });
        world
    }

    /// The path of the row that is asked about, with what stands for its parts.
    pub fn path(&self, parts: &[(&str, &str)]) -> String {
        let with = |path: String, (name, value): &(&str, &str)| {
            path.replace(&format!("{{{name}}}"), value)
        };
        parts.iter().fold(self.row.1.to_owned(), with)
    }

    /// Each log's newest has a proof.
    fn wait_for_checkpoints(&mut self) {
        self.server.clock.advance(Duration::from_secs(2));
        for organization in self.organizations.clone() {
            let own = |entry: &&Value| entry["scope"]["organization"] == organization;
            let newest = self.entries[..self.base].iter().rev().find(own);
            let id = text(&newest.expect("one at least")["id"]);
            let path = format!("/v1/entries/{id}/proof?organization={organization}");
            let (answer, _) = self.ask(0, "GET", &path, "");
            assert_eq!(answer.status, 200, "{path}");
        }
    }

    /// Takes in what was appended since, from the store itself.
    pub fn look(&mut self) {
        let reading = self.server.app.reading_within(Reach::everything());
        let scan = reading.scan(&PageQuery {
            filter: Filter::everything(),
            order: Order::Received,
            direction: Direction::Ascending,
            limit: usize::MAX,
            after: self.read_up_to.clone(),
            as_of: None,
        });
        for entry in scan {
            let entry = entry.expect("the store is read");
            self.read_up_to = Some(Position::of(&entry));
            let mut wire = Vec::new();
            entry.write_wire(&mut wire);
            self.entries
                .push(serde_json::from_slice(&wire).expect("JSON"));
        }
    }

    /// What a person sees by a permission, by now.
    pub fn seen(&mut self, who: usize, permission: &'static str, unmask: bool) -> &Seen {
        let (person, entries) = (&self.people[who], &self.entries);
        let seen = self.seen.entry((who, permission, unmask)).or_default();
        for (nth, entry) in entries.iter().enumerate().skip(seen.looked) {
            let Some((view, hidden)) = person.view(permission, entry, unmask) else {
                continue;
            };
            seen.canaries
                .extend(canaries(&view.to_string()).map(str::to_owned));
            let (organization, _) = scope(entry);
            seen.shown.push(Rc::new(Shown {
                nth,
                asked: Asked::of(&view),
                hidden,
                at: micros(&view["timestamp"]),
                received: micros(&view["received_at"]),
                organization: organization.to_owned(),
                seq: view["seq"].as_u64().expect("a place"),
                view,
            }));
        }
        seen.looked = entries.len();
        seen
    }

    /// What a person knows of itself, as canaries.
    fn own(person: &Person) -> HashSet<String> {
        let Person {
            name,
            grants,
            bounds,
            only,
            ..
        } = person;
        let text = format!("{name} {grants:?} {bounds:?} {only:?}");
        canaries(&text).map(str::to_owned).collect()
    }

    /// An error if the text tells what its reader neither sees by one of the permissions, nor is, nor asked.
    pub fn must_be_clean(&mut self, by: &By<'_>, asked: &str, text: &str) -> Result<(), String> {
        for permission in by.permissions {
            self.seen(by.who, permission, by.unmask);
        }
        let seen = |canary: &str| {
            let mut each = by.permissions.iter();
            each.any(|permission| {
                self.seen[&(by.who, *permission, by.unmask)]
                    .canaries
                    .contains(canary)
            })
        };
        let minted = canaries(text).filter(|canary| self.minted.contains(*canary));
        for canary in minted {
            if !self.own[by.who].contains(canary) && !asked.contains(canary) && !seen(canary) {
                return Err(format!("tells {canary}: {}", around(text, canary)));
            }
        }
        Ok(())
    }

    /// The same of a whole answer.
    pub fn must_answer_cleanly(
        &mut self,
        by: &By<'_>,
        asked: &str,
        answer: &Answer,
    ) -> Result<(), String> {
        let headers = { answer.headers.iter().chain(&answer.trailers) }
            .map(|(name, value)| format!("{name}: {value}\n"));
        let headers: String = headers.collect();
        self.must_be_clean(by, asked, &headers)?;
        self.must_be_clean(by, asked, &String::from_utf8_lossy(&answer.body))
    }

    /// One call by a person, and how many entries there were before; what it left is taken in.
    pub fn ask(&mut self, who: usize, method: &str, path: &str, body: &str) -> (Answer, usize) {
        self.ask_with(who, (method, path), &[], body)
    }

    /// The same, with more headers.
    pub fn ask_with(
        &mut self,
        who: usize,
        (method, path): (&str, &str),
        more: &[(&str, &str)],
        body: &str,
    ) -> (Answer, usize) {
        let before = self.entries.len();
        self.server.clock.advance(Duration::from_millis(1));
        let header = &self.people[who].header;
        let answer = self.asker.ask(method, path, header, more, body);
        if method == "GET" {
            self.last = Some((who, path.to_owned(), answer.clone()));
        }
        self.look();
        (answer, before)
    }
}

/// All that can be switched on, so that its routes do more than refuse: another site shows the pages, and there is a provider,
/// which nobody reaches.
fn settings() -> Settings {
    let site = Site::parse("https://console.example").expect("a site");
    Settings {
        embed_origins: vec![site],
        provider: Some(provider_nobody_reaches()),
        ..Settings::default()
    }
}

/// By what somebody may know what an answer tells.
pub struct By<'a> {
    pub who: usize,
    pub permissions: &'a [&'static str],
    pub unmask: bool,
}

fn around(text: &str, canary: &str) -> String {
    let at = text.find(canary).expect("it was found there");
    let (from, to) = (at.saturating_sub(160), (at + 120).min(text.len()));
    String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()
}
