//! Sources: taken where the sender may record, listed where all is read, their quarantine shown to who manages them.

use super::around::some_log;
use super::checks::{
    Checked, READ, is_refused, json_of, must_be_as_missing, must_be_refused, same,
};
use super::random::Random;
use super::world::{By, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const RECORD: &str = "entries:record";
const MANAGE: &str = "sources:manage";

/// One event: taken where it may be recorded, refused in the same words wherever it may not.
pub fn kubernetes(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let log = some_log(world, random);
    let event = json!({
        "auditID": format!("event-{}", random.below(1_000_000)), "stage": "ResponseComplete", "verb": "delete",
        "user": {"username": "system:apiserver"}, "responseStatus": {"code": 200},
        "objectRef": {"resource": "pods", "namespace": "ns", "name": "web-1"},
        "requestReceivedTimestamp": "2026-11-01T11:00:00.000000Z",
    });
    let body = json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [event]});
    let body = body.to_string();
    let path = |log: &str| format!("/v1/sources/kubernetes/prod?organization={log}");
    let (answer, _) = world.ask(who, "POST", &path(&log), &body);
    if is_refused(world, who, &[RECORD], false) {
        return must_be_refused(world, &by, &body, &answer);
    }
    let person = &world.people[who];
    let records =
        |log: &str| person.only.is_empty() && person.hidden(RECORD, (log, None), false).is_some();
    let (may, everywhere) = (records(&log), records("nobody"));
    if may {
        return same("the status", &answer.status, &200);
    }
    same("the status", &answer.status, &403)?;
    if everywhere {
        return Ok(());
    }
    let (missing, _) = world.ask(who, "POST", &path("nobody"), &body);
    must_be_as_missing(&answer, &log, &missing, "nobody")
}

/// Each source of each log that is read as a whole, with how many entries it has there.
pub fn list(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[READ],
        unmask: false,
    };
    let (answer, before) = world.ask(who, "GET", "/v1/sources", "");
    if is_refused(world, who, &[READ], false) {
        return must_be_refused(world, &by, "", &answer);
    }
    same("the status", &answer.status, &200)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = json_of(&answer)?;
    let told: BTreeMap<(String, String), u64> = { told["sources"].as_array().expect("sources") }
        .iter()
        .map(|one| {
            let count = one["entries"].as_u64().expect("a count");
            ((text(&one["organization"]), text(&one["name"])), count)
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    let mut expected = BTreeMap::new();
    for entry in &world.entries[..before] {
        let organization = text(&entry["scope"]["organization"]);
        if world.people[who].covers(READ, &organization) && entry["source"]["name"].is_string() {
            *expected
                .entry((organization, text(&entry["source"]["name"])))
                .or_default() += 1;
        }
    }
    same("the sources", &told, &expected)
}

/// What waits for a mapping: of a source whose organization is managed, and of no other.
pub fn quarantine(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let log = some_log(world, random);
    let path =
        |log: &str, more: &str| format!("/v1/sources/prod/quarantine{more}?organization={log}");
    let (method, more, body) = *random.pick(&[
        ("GET", "", ""),
        ("DELETE", "", "{\"items\":[]}"),
        ("POST", "/replay", "{\"items\":[]}"),
    ]);
    let (answer, _) = world.ask(who, method, &path(&log, more), body);
    if is_refused(world, who, &[MANAGE], false) {
        return must_be_refused(world, &by, body, &answer);
    }
    world.must_answer_cleanly(&by, body, &answer)?;
    if world.people[who].covers(MANAGE, &log) {
        return same("the status", &answer.status, &200);
    }
    let none = "0".repeat(log.len());
    let (missing, _) = world.ask(who, method, &path(&none, more), body);
    same("the status", &answer.status, &404)?;
    must_be_as_missing(&answer, &log, &missing, &none)
}

/// The page of all sources: those of logs that are read as a whole, and no other log is named.
pub fn page(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[READ],
        unmask: false,
    };
    let (answer, _) = world.ask(who, "GET", "/sources", "");
    if is_refused(world, who, &[READ], false) {
        return must_be_refused(world, &by, "", &answer);
    }
    same("the status", &answer.status, &200)?;
    world.must_answer_cleanly(&by, "", &answer)?;
    let text = String::from_utf8_lossy(&answer.body);
    for (at, found) in text.match_indices("/sources/") {
        let link = text[at + found.len()..].split('"').next();
        let named = link.and_then(|link| link.split("organization=").nth(1));
        let named = named.map(|named| named.split('#').next().unwrap_or_default());
        let seen = named.is_none_or(|named| world.people[who].covers(READ, named));
        same("that the log is read as a whole", &seen, &true)?;
    }
    Ok(())
}

/// The page of one source: of a log that is read as a whole; otherwise it is as missing as one that is not there.
pub fn page_of_one(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[READ],
        unmask: false,
    };
    let log = some_log(world, random);
    let path = |log: &str| format!("/sources/prod?organization={log}");
    let (answer, _) = world.ask(who, "GET", &path(&log), "");
    if is_refused(world, who, &[READ], false) {
        return must_be_refused(world, &by, &path(&log), &answer);
    }
    world.must_answer_cleanly(&by, &path(&log), &answer)?;
    if world.people[who].covers(READ, &log) {
        let is_answered = [200, 404].contains(&answer.status);
        return same("that it is answered", &is_answered, &true);
    }
    let none = "0".repeat(log.len());
    let (missing, _) = world.ask(who, "GET", &path(&none), "");
    same("the status", &answer.status, &404)?;
    must_be_as_missing(&answer, &log, &missing, &none)
}

/// What waits, on pages: of a source whose organization is managed, and of no other.
pub fn waiting(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let log = some_log(world, random);
    let (method, part) = *random.pick(&[
        ("GET", "items/7-7"),
        ("GET", "drop"),
        ("POST", "drop"),
        ("POST", "replay"),
    ]);
    let path = |log: &str| format!("/sources/prod/{part}?organization={log}&item=7-7");
    let form = |log: &str| match method {
        "POST" => format!("organization={log}&item=7-7"),
        _ => String::new(),
    };
    let (answer, _) = world.ask(who, method, &path(&log), &form(&log));
    if is_refused(world, who, &[MANAGE], false) {
        return must_be_refused(world, &by, &path(&log), &answer);
    }
    world.must_answer_cleanly(&by, &path(&log), &answer)?;
    if world.people[who].covers(MANAGE, &log) {
        let is_answered = [200, 303, 404].contains(&answer.status);
        return same("that it is answered", &is_answered, &true);
    }
    let none = "0".repeat(log.len());
    let (missing, _) = world.ask(who, method, &path(&none), &form(&none));
    same("the status", &answer.status, &404)?;
    must_be_as_missing(&answer, &log, &missing, &none)
}
