//! Random entries for tests: few values, so that they collide, some of them odd.

use crate::kept::{Kept, Salts};
use entry::{
    Actor, ActorKind, Category, Entry, EntryId, Json, Organization, Party, Request,
    Result as Outcome, Scope, Seq, Source, Target, Timestamp,
};
use proof::leaf::Seed;
use proptest::prelude::*;
use std::sync::Arc;

/// An entry before its log gave it a place.
#[derive(Clone, Debug)]
pub struct Plan(Entry);

/// The entry with a seed of its own.
pub fn kept(entry: Entry) -> Arc<Kept> {
    let mut seed = *entry.id.as_bytes();
    seed[0] ^= 0x55;
    Arc::new(Kept {
        entry,
        salts: Salts::Seed(Seed(seed)),
    })
}

impl Plan {
    pub fn organization(&self) -> Organization {
        self.0.scope.organization.clone()
    }

    pub fn entry(&self, seq: Seq, received_at: i64) -> Entry {
        let received_at = Timestamp::from_micros(received_at).expect("within the years");
        let mut entry = Entry {
            seq,
            received_at,
            ..self.0.clone()
        };
        // Ids are distinct within a log, and alike in several.
        let mut id = *entry.id.as_bytes();
        id[8..].copy_from_slice(&seq.0.to_be_bytes());
        entry.id = EntryId::from_bytes(id);
        entry
    }
}

pub mod plain {
    use super::*;

    /// Few instants, so that entries share them, and the last there is.
    pub fn any_time() -> impl Strategy<Value = Timestamp> {
        let near =
            (0i64..60).prop_map(|micros| Timestamp::from_micros(micros).expect("within the years"));
        prop_oneof![20 => near, 1 => Just(Timestamp::MAX)]
    }

    pub const PATHS: &[&str] = &["a", "a.b", "a.b.c", "ab", "note", "", "ticket", "\u{130}"];
    pub const NETWORKS: &[&str] = &[
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.3",
        "0.0.0.0/0",
        "::/0",
        "2001:db8::/32",
        "2001:db8::1/128",
        "192.0.2.0/31",
    ];
    pub const TEXTS: &[&str] = &[
        "",
        "a",
        "b",
        "abc",
        "ABC",
        "Ana Ruiz",
        "ana ruiz",
        "ana@acme.example",
        "Bo Li",
        "usr_5",
        "clu_9",
        "pay-eu",
        "Pay EU",
        "ÀÉ",
        "àé",
        "İstanbul",
        "Σίσυφος",
        "ΣΊΣΥΦΟΣ",
        "ß",
        "req_77c",
        "req_77d",
        "cluster",
        "user",
        "success",
        "failure",
        "acme",
        "beta",
        "scaleCluster",
        "createCluster",
        "10.1.2.3",
        "10.1.2.3:443",
        "010.1.2.3",
        "2001:db8::1",
        "[2001:db8::1]:80",
        "::ffff:10.1.2.3",
        "AWS Internal",
        "OPS-88",
        "ops",
        "88",
        "rolled back by hand",
        "back  by",
        "back by",
        "\u{0}",
        "a\nb",
        "-",
        "--",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx tail",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyyyy",
        "yyyy",
        "true",
        "null",
        "12.50",
        "other",
        "\u{10ffff}",
        "þÿ",
        "00000000-0000-4000-8000-000000000001",
    ];

    pub fn any_id() -> impl Strategy<Value = EntryId> {
        (0u8..4, 0u64..40).prop_map(|(first, last)| {
            let mut id = [0; 16];
            id[0] = first;
            id[8..].copy_from_slice(&last.to_be_bytes());
            EntryId::from_bytes(id)
        })
    }
}

fn text() -> impl Strategy<Value = Box<str>> {
    prop_oneof![20 => prop::sample::select(plain::TEXTS).prop_map(Box::from), 1 => any::<String>().prop_map(Box::from)]
}

fn maybe() -> impl Strategy<Value = Option<Box<str>>> {
    prop::option::of(text())
}

fn party() -> impl Strategy<Value = Party> {
    (
        prop::sample::select(ActorKind::ALL),
        maybe(),
        maybe(),
        maybe(),
    )
        .prop_map(|(kind, id, name, email)| Party {
            kind,
            id,
            name,
            email,
        })
}

fn target() -> impl Strategy<Value = Target> {
    (maybe(), maybe(), maybe()).prop_map(|(kind, id, name)| Target { kind, id, name })
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    entry::json::write_string(text, &mut out);
    String::from_utf8(out).expect("JSON of a text is a text")
}

/// A canonical object over the paths that filters ask for, with arrays between.
fn context() -> impl Strategy<Value = Json> {
    let leaf = || prop_oneof![5 => text().prop_map(|text| quoted(&text)), 1 => Just("12.50".to_owned()), 1 => Just("null".to_owned()), 1 => Just("[true,\"OPS-88\"]".to_owned())];
    prop_oneof![
        (leaf(), leaf()).prop_map(|(a, b)| format!("{{\"a\":{a},\"ticket\":{b}}}")),
        (leaf(), leaf()).prop_map(|(a, b)| format!(
            "{{\"a\":[{{\"b\":{a}}},{{\"b\":{{\"c\":{b}}}}}],\"note\":[]}}"
        )),
        (leaf(), leaf()).prop_map(|(a, b)| format!("{{\"\":{a},\"ab\":{b}}}")),
        leaf().prop_map(|a| format!("{{\"\u{130}\":{a}}}")),
        Just("{}".to_owned()),
    ]
    .prop_map(|text| Json::from_canonical(text.into()))
}

fn changes() -> impl Strategy<Value = Json> {
    (text(), text()).prop_map(|(after, path)| {
        Json::from_canonical(
            format!(
                "[{{\"after\":{},\"path\":{}}}]",
                quoted(&after),
                quoted(&path)
            )
            .into(),
        )
    })
}

fn request() -> impl Strategy<Value = Request> {
    let few = || prop::option::weighted(0.2, text());
    (maybe(), maybe(), few(), few(), few(), few(), few()).prop_map(
        |(id, ip, user_agent, method, path, trace_id, session_id)| Request {
            id,
            ip,
            user_agent,
            method,
            path,
            trace_id,
            session_id,
        },
    )
}

fn source() -> impl Strategy<Value = Source> {
    (text(), maybe(), any::<Option<u64>>()).prop_map(|(name, event_id, sequence)| Source {
        name,
        event_id,
        sequence,
    })
}

pub fn any_plan() -> impl Strategy<Value = Plan> {
    let who = (
        party(),
        prop::option::weighted(0.2, party()),
        text(),
        prop::sample::select(Category::ALL),
    );
    let what = (
        prop::option::of(target()),
        prop::collection::vec(target(), 0..3),
        maybe(),
        request(),
    );
    let outcome = prop::option::weighted(0.3, (maybe(), maybe()));
    let rest = (
        prop::option::of(context()),
        prop::option::weighted(0.3, changes()),
        prop::option::of(source()),
    );
    let place = (
        prop::sample::select(vec!["acme", "beta", "c"]),
        plain::any_time(),
        0u8..4,
    );
    (who, what, outcome, rest, place).prop_map(
        |(who, what, outcome, rest, (organization, timestamp, id))| {
            let mut bytes = [0; 16];
            bytes[0] = id;
            Plan(Entry {
                seq: Seq(0),
                received_at: Timestamp::MIN,
                id: EntryId::from_bytes(bytes),
                timestamp,
                actor: Actor {
                    party: who.0,
                    on_behalf_of: who.1,
                },
                action: who.2,
                category: who.3,
                target: what.0,
                related: what.1,
                scope: Scope {
                    organization: Organization::parse(organization).expect("a slug"),
                    project: what.2,
                },
                request: what.3,
                result: if outcome.is_some() {
                    Outcome::Failure
                } else {
                    Outcome::Success
                },
                error: outcome.map(|(code, message)| entry::Error { code, message }),
                context: rest.0,
                changes: rest.1,
                source: rest.2,
                erased: Vec::new(),
                hidden: entry::Mask::NONE,
            })
        },
    )
}
