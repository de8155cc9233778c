//! Sources: taken where the sender may record, listed where all is read, their quarantine shown to who manages them.

use super::around::some_log;
use super::checks::{
    Checked, READ, is_refused, json_of, must_be_as_missing, must_be_refused, same,
};
use super::model::{WAITING, scope};
use super::random::Random;
use super::shelf::shown;
use super::world::{By, World};
use crate::test_server::Answer;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const RECORD: &str = "entries:record";

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
    let row = world.row.1;
    let path = |log: &str| {
        let path = row.replace("{organization}", log).replace("{name}", "prod");
        match row.contains("{organization}") {
            true => path,
            false => format!("{path}?organization={log}"),
        }
    };
    let (answer, _) = world.ask(who, "POST", &path(&log), &body);
    if is_refused(world, who, &[RECORD], false) {
        let asked = format!("{body}{}", path(&log));
        return must_be_refused(world, &by, &asked, &answer);
    }
    let person = &world.people[who];
    let records =
        |log: &str| person.only.is_empty() && person.hidden(RECORD, (log, None), false).is_some();
    // As long: a refusal repeats the path that was asked.
    let none = "x".repeat(log.len());
    let (may, everywhere) = (records(&log), records(&none));
    if may {
        return same("the status", &answer.status, &200);
    }
    same("the status", &answer.status, &403)?;
    if everywhere {
        return Ok(());
    }
    let (missing, _) = world.ask(who, "POST", &path(&none), &body);
    must_be_as_missing(&answer, &log, &missing, &none)
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
    world.must_answer_cleanly(&by, &told(world, who), &answer)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let listed = json_of(&answer)?;
    let listed = listed["sources"].as_array().expect("sources").iter();
    let listed: BTreeMap<(String, String), Listed> = listed
        .map(|one| {
            let key = (text(&one["organization"]), text(&one["name"]));
            let of = |value: &Value| value.as_u64().unwrap_or_default();
            let sequence = &one["sequence"];
            let numbers = (of(&sequence["last"]), of(&sequence["missing"]));
            (
                key,
                (
                    of(&one["entries"]),
                    of(&one["quarantine"]["items"]),
                    numbers,
                ),
            )
        })
        // Others were only heard.
        .filter(|(_, (entries, waits, _))| entries + waits > 0)
        .collect();
    same("the sources", &listed, &expected(world, who, before))
}

/// Entries, items that wait, the last number and how many are missing before it.
type Listed = (u64, u64, (u64, u64));

fn expected(world: &World, who: usize, upto: usize) -> BTreeMap<(String, String), Listed> {
    let mut expected = BTreeMap::new();
    let person = &world.people[who];
    let recorded = world.entries[..upto].iter().filter_map(|entry| {
        let name = entry["source"]["name"].as_str()?;
        Some((scope(entry).0, name))
    });
    let all = world.sources.iter();
    let all = all.flat_map(|(log, of)| of.iter().map(move |name| (log.as_str(), name.as_str())));
    let all: BTreeSet<(&str, &str)> = recorded.chain(all).collect();
    for (log, source) in all.into_iter().filter(|(log, _)| person.covers(READ, log)) {
        let of = |entry: &&Value| scope(entry).0 == log && entry["source"]["name"] == source;
        let entries: Vec<&Value> = world.entries[..upto].iter().filter(of).collect();
        let waits = world.shelf.of(log, source).len() as u64;
        let numbers = entries
            .iter()
            .filter_map(|entry| entry["source"]["sequence"].as_u64());
        let numbers: BTreeSet<u64> = numbers.collect();
        let (first, last) = (numbers.first(), numbers.last().copied().unwrap_or_default());
        let all = first.map_or(0, |first| last - first + 1);
        let listed = (
            entries.len() as u64,
            waits,
            (last, all - numbers.len() as u64),
        );
        if !entries.is_empty() || waits > 0 {
            expected.insert((log.to_owned(), source.to_owned()), listed);
        }
    }
    expected
}

/// What waits for a mapping, over the API: shown, mapped again in vain, thrown away; of what somebody may not see as of what is
/// not there.
pub fn quarantine(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let (method, log) = (world.row.0, some_log(world, random));
    let source = world.some_source(random, &log);
    let path = |world: &World, log: &str, source: &str| {
        format!("{}?organization={log}", world.path(&[("name", source)]))
    };
    let named = match random.chance(50) {
        true => one_of(world, random, &log, &source),
        false => Vec::new(),
    };
    let body = match method {
        "GET" => String::new(),
        _ => json!({"items": named}).to_string(),
    };
    let told = format!("{log} {source} {body}");
    let (answer, _) = world.ask(who, method, &path(world, &log, &source), &body);
    if is_refused(world, who, WAITING, false) {
        world.must_wait(&log, &source)?;
        return must_be_refused(world, &by, &told, &answer);
    }
    let person = &world.people[who];
    let (handles, sees) = (person.handles_waiting(&log), person.sees_waiting(&log));
    if handles && !sees && method == "GET" {
        return must_not_be_shown(world, &by, &told, &answer);
    }
    if !handles {
        world.must_wait(&log, &source)?;
        world.must_answer_cleanly(&by, &told, &answer)?;
        let none = "0".repeat(log.len());
        let (missing, _) = world.ask(who, method, &path(world, &none, &source), &body);
        same("the status", &answer.status, &404)?;
        return must_be_as_missing(&answer, &log, &missing, &none);
    }
    same("the status", &answer.status, &200)?;
    let waits = world.shelf.of(&log, &source);
    let there = waits.iter().filter(|item| named.contains(&item.id)).count();
    let answered = json_of(&answer)?;
    match (method, world.row.1.ends_with("/replay")) {
        ("GET", _) => {
            let expected = waits
                .iter()
                .map(|item| (item.id.clone(), item.canary.clone()));
            let items = answered["items"].as_array().expect("items").iter();
            let items: Vec<(String, String)> = items.map(shown).collect();
            same("what waits", &items, &expected.collect())?;
        }
        (_, true) => {
            let stays = json!({"stored": 0, "duplicates": 0, "skipped": 0, "stay": there});
            same("what became of it", &answered, &stays)?;
        }
        (_, false) => same("what is gone", &answered, &json!({"dropped": there}))?,
    }
    if method == "DELETE" {
        gone(world, random, &log, &source, &named);
    }
    let told = format!("{told} {}", world.shelf.told(&log, &source));
    world.must_wait(&log, &source)?;
    world.must_answer_cleanly(&by, &told, &answer)
}

/// Who manages a source and does not see all of its entries is told that, whether or not anything waits.
fn must_not_be_shown(world: &mut World, by: &By, told: &str, answer: &Answer) -> Checked {
    same("the status", &answer.status, &403)?;
    world.must_answer_cleanly(by, told, answer)
}

/// The id of something that waits there; of something that does not, where nothing does.
fn one_of(world: &World, random: &mut Random, log: &str, source: &str) -> Vec<String> {
    let waits = world.shelf.of(log, source);
    match waits.is_empty() || random.chance(20) {
        true => vec!["7777-7".to_owned()],
        false => vec![random.pick(waits).id.clone()],
    }
}

/// The model forgets what was thrown away, and others come in its place.
fn gone(world: &mut World, random: &mut Random, log: &str, source: &str, ids: &[String]) {
    let before = world.shelf.of(log, source).len();
    world.shelf.take(log, source, ids);
    for _ in world.shelf.of(log, source).len()..before {
        world.set_aside(random, log, source);
    }
}

/// What the pages of sources may tell somebody beside entries: the names of sources where all is read, what waits where it is
/// shown.
fn told(world: &World, who: usize) -> String {
    let (person, mut told) = (&world.people[who], String::new());
    for (log, sources) in &world.sources {
        if person.covers(READ, log) {
            told.push_str(&format!("{log} {} ", sources.join(" ")));
        }
        for source in sources.iter().filter(|_| person.sees_waiting(log)) {
            told.push_str(&world.shelf.told(log, source));
        }
    }
    told
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
    world.must_answer_cleanly(&by, &told(world, who), &answer)?;
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

/// The page of one source: of a log that is read as a whole; otherwise it is as missing as one that is not there. What waits is
/// on it for whom it is shown to.
pub fn page_of_one(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[READ],
        unmask: false,
    };
    let log = some_log(world, random);
    let source = world.some_source(random, &log);
    let path = |log: &str| format!("/sources/{source}?organization={log}");
    let (answer, _) = world.ask(who, "GET", &path(&log), "");
    if is_refused(world, who, &[READ], false) {
        return must_be_refused(world, &by, &path(&log), &answer);
    }
    if !world.people[who].covers(READ, &log) {
        world.must_answer_cleanly(&by, &path(&log), &answer)?;
        let none = "0".repeat(log.len());
        let (missing, _) = world.ask(who, "GET", &path(&none), "");
        same("the status", &answer.status, &404)?;
        return must_be_as_missing(&answer, &log, &missing, &none);
    }
    let told = format!("{} {}", path(&log), told(world, who));
    world.must_answer_cleanly(&by, &told, &answer)?;
    let is_there = world.sources[&log].contains(&source);
    same(
        "the status",
        &answer.status,
        &if is_there { 200 } else { 404 },
    )?;
    let text = String::from_utf8_lossy(&answer.body);
    let shown = world.shelf.of(&log, &source).iter();
    let shown = shown.filter(|item| text.contains(&item.canary)).count();
    let expected = match world.people[who].sees_waiting(&log) {
        true => world.shelf.of(&log, &source).len(),
        false => 0,
    };
    same("how much of what waits is shown", &shown, &expected)
}

/// What waits, on pages of its own: of what somebody may not see as of what is not there.
pub fn waiting(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let (method, log) = (world.row.0, some_log(world, random));
    let source = world.some_source(random, &log);
    let [item] = &one_of(world, random, &log, &source)[..] else {
        unreachable!("one is named");
    };
    let row = world.row.1;
    let path = |world: &World, log: &str| {
        let path = world.path(&[("name", &source), ("id", item)]);
        format!("{path}?organization={log}&item={item}")
    };
    let form = |log: &str| match method {
        "POST" => format!("organization={log}&item={item}"),
        _ => String::new(),
    };
    let told = format!("{log} {source}");
    let (answer, _) = world.ask(who, method, &path(world, &log), &form(&log));
    if is_refused(world, who, WAITING, false) {
        world.must_wait(&log, &source)?;
        return must_be_refused(world, &by, &told, &answer);
    }
    let person = &world.people[who];
    let (handles, sees) = (person.handles_waiting(&log), person.sees_waiting(&log));
    if handles && !sees && row.ends_with("/items/{id}") {
        return must_not_be_shown(world, &by, &told, &answer);
    }
    if !handles {
        world.must_wait(&log, &source)?;
        world.must_answer_cleanly(&by, &told, &answer)?;
        let none = "0".repeat(log.len());
        let (missing, _) = world.ask(who, method, &path(world, &none), &form(&none));
        same("the status", &answer.status, &404)?;
        return must_be_as_missing(&answer, &log, &missing, &none);
    }
    let waits = world.shelf.of(&log, &source);
    let is_there = waits.iter().any(|one| one.id == *item);
    let canary = waits.iter().find(|one| one.id == *item);
    let canary = canary.map_or(String::new(), |one| one.canary.clone());
    // A question is asked wherever anything waits; what is not there is thrown away in vain.
    let found = if row.ends_with("/drop") {
        !waits.is_empty()
    } else {
        is_there
    };
    let expected = match method {
        "GET" if !found => 404,
        "GET" => 200,
        _ => 303,
    };
    same("the status", &answer.status, &expected)?;
    if (method, row) == ("POST", "/sources/{name}/drop") {
        gone(world, random, &log, &source, std::slice::from_ref(item));
    }
    world.must_wait(&log, &source)?;
    world.must_answer_cleanly(&by, &format!("{told} {canary}"), &answer)
}
