//! Every route that answers with entries, counts or proofs of them, held against the model.

use super::model::{Condition, FIELDS, MEMBERS, counted, micros};
use super::numbers::{instant, through};
use super::questions::{conditions, parameters, sort};
use super::random::Random;
use super::world::{By, Shown, Walk, World};
use crate::test_server::Answer;
use mar_audit::cursor::Cursor;
use proof::disclosure::{Content, Disclosure};
use proof::log_proof::LogProof;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

pub type Checked = Result<(), String>;

pub const READ: &str = "entries:read";
pub const EXPORT: &str = "entries:export";
pub const VERIFY: &str = "logs:verify";

/// The instant before which nothing but what was recorded first was received, in microseconds.
const FIRST: i64 = 1_793_534_400_000_000;

/// An error where two things differ that must not.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, expected: &T) -> Checked {
    match is == expected {
        true => Ok(()),
        false => Err(format!("{what} is {is:?}, expected {expected:?}")),
    }
}

pub fn json_of(answer: &Answer) -> Result<Value, String> {
    serde_json::from_slice(&answer.body).map_err(|e| format!("{e}: {}", answer.status))
}

/// True if the call must be refused: a permission is missing everywhere.
pub fn is_refused(world: &World, who: usize, needed: &[&str], unmask: bool) -> bool {
    let person = &world.people[who];
    needed.iter().any(|permission| !person.holds(permission))
        || (unmask && !person.holds("entries:unmask"))
}

/// Now and then what is hidden is asked for.
pub fn unmasked(random: &mut Random) -> bool {
    random.chance(12)
}

fn with_unmask<'a>(more: &[(&'a str, &'a str)], unmask: bool) -> Vec<(&'a str, &'a str)> {
    let asked = unmask.then_some(("unmask", "true"));
    more.iter().copied().chain(asked).collect()
}

/// 403 that tells nothing.
pub fn must_be_refused(world: &mut World, by: &By<'_>, path: &str, answer: &Answer) -> Checked {
    same("the status of what may not be asked", &answer.status, &403)?;
    world.must_answer_cleanly(by, path, answer)
}

/// What a foreign thing is answered with is what a missing one is: status, headers, body and so its size.
pub fn must_be_as_missing(
    foreign: &Answer,
    asked: &str,
    missing: &Answer,
    instead: &str,
) -> Checked {
    let text = |answer: &Answer| String::from_utf8_lossy(&answer.body).into_owned();
    same(
        "the status of what is foreign",
        &foreign.status,
        &missing.status,
    )?;
    same(
        "the headers of what is foreign",
        &foreign.headers,
        &missing.headers,
    )?;
    // A page says both by itself where what is asked for is called like something of the caller's own.
    let bare = |answer: &Answer| text(answer).replace(instead, "?").replace(asked, "?");
    match asked.is_empty() {
        true => same_text(&text(foreign), &text(missing)),
        false => same_text(&bare(foreign), &bare(missing)),
    }
}

/// Where two bodies differ is told, not all of them.
fn same_text(foreign: &str, missing: &str) -> Checked {
    let pairs = foreign.bytes().zip(missing.bytes());
    let at = pairs.take_while(|(one, other)| one == other).count();
    let near = |text: &str| {
        let near = &text.as_bytes()[at.saturating_sub(60)..text.len().min(at + 60)];
        String::from_utf8_lossy(near).into_owned()
    };
    same(
        "the body of what is foreign",
        &(foreign.len(), near(foreign)),
        &(missing.len(), near(missing)),
    )
}

/// The state that is told: of logs that are reached whole their size, of others what is seen.
fn state(world: &mut World, by: &By<'_>, conditions: &[Condition], upto: usize) -> Option<u64> {
    let named = conditions.iter().find_map(|one| match one {
        Condition::Exact("organization", name) => Some(name.clone()),
        _ => None,
    });
    let mut sum = 0;
    for organization in world.organizations.clone() {
        if named.as_ref().is_some_and(|named| *named != organization) {
            continue;
        }
        let person = &world.people[by.who];
        if person.covers(by.permissions[0], &organization) {
            let own = |entry: &&Value| entry["scope"]["organization"] == *organization;
            sum += world.entries[..upto].iter().filter(own).count() as u64;
        } else if person.touches(by.permissions[0], &organization) {
            let seen = world
                .seen(by.who, by.permissions[0], by.unmask)
                .matching(&[], upto);
            let own = seen.iter().filter(|one| one.organization == organization);
            sum += own.map(|one| one.seq + 1).max().unwrap_or(0);
        }
    }
    sum.checked_sub(1)
}

/// A call may see what it left itself, or not yet; nothing else was appended meanwhile.
fn either(
    world: &mut World,
    before: usize,
    mut check: impl FnMut(&mut World, usize) -> Checked,
) -> Checked {
    let now = world.entries.len();
    match check(world, before) {
        Err(_) if now > before => check(world, now),
        checked => checked,
    }
}

/// A walk that begins, or anybody's that goes on: a cursor opens nothing.
fn some_walk(world: &World, random: &mut Random) -> Walk {
    if !world.walks.is_empty() && random.chance(30) {
        return random.pick(&world.walks).1.clone();
    }
    Walk {
        conditions: conditions(world, random, 3),
        order: ["time", "received"][random.below(2)],
        direction: ["desc", "asc"][random.below(2)],
        cursor: String::new(),
    }
}

pub fn list(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let unmask = unmasked(random);
    let by = By {
        who,
        permissions: &[READ],
        unmask,
    };
    let walk = some_walk(world, random);
    let limit = if random.chance(4) {
        1_000
    } else {
        1 + random.below(12)
    };
    let (number, cursor) = (limit.to_string(), walk.cursor.clone());
    let more = [
        ("order", walk.order),
        ("direction", walk.direction),
        ("limit", &*number),
        ("cursor", &*cursor),
    ];
    let path = format!(
        "/v1/entries?{}",
        parameters(&walk.conditions, &with_unmask(&more, unmask))
    );
    let (answer, before) = world.ask(who, "GET", &path, "");
    if is_refused(world, who, &[READ], unmask) {
        return must_be_refused(world, &by, &path, &answer);
    }
    same("the status", &answer.status, &200)?;
    world.must_answer_cleanly(&by, &path, &answer)?;
    let page = json_of(&answer)?;
    either(world, before, |world, upto| {
        must_be_page(world, &by, (&walk, limit), &page, upto)
    })?;
    if let Some(cursor) = page["next_cursor"].as_str().map(str::to_owned) {
        world.walks.push((who, Walk { cursor, ..walk }));
        if world.walks.len() > 40 {
            world.walks.remove(0);
        }
    }
    Ok(())
}

fn must_be_page(
    world: &mut World,
    by: &By<'_>,
    (walk, limit): (&Walk, usize),
    page: &Value,
    upto: usize,
) -> Checked {
    let secret = world.server.app.store.secret();
    let read = |text: &str| Cursor::decode(text, &secret).expect("one of ours");
    let begun = (!walk.cursor.is_empty()).then(|| read(&walk.cursor));
    let went = page["next_cursor"].as_str().map(read);
    let mut all = world
        .seen(by.who, READ, by.unmask)
        .matching(&walk.conditions, upto);
    sort(&mut all, walk.order, walk.direction);
    if let Some(begun) = &begun {
        all = rest(all, begun, walk);
    }
    let shown: Vec<&Value> = all.iter().take(limit).map(|one| &one.view).collect();
    let told: Vec<&Value> = page["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .collect();
    same("the page", &told, &shown)?;
    let expected = match &begun {
        Some(begun) => begun.as_of,
        None => state(world, by, &walk.conditions, upto),
    };
    same("as_of", &page["as_of"].as_u64(), &expected)?;
    // A walk that goes on is in an older state, of which nothing is known.
    let through = match begun {
        Some(_) => None,
        None => through(world, by, &walk.conditions),
    };
    same(
        "complete_through",
        &instant(&page["complete_through"]),
        &through,
    )?;
    same(
        "whether the walk goes on",
        &went.is_some(),
        &(all.len() > limit),
    )?;
    goes_on(world, by, (&begun, &went), all.get(limit - 1), upto)
}

/// What lies behind a cursor, in the state that it was given in.
fn rest(all: Vec<Rc<Shown>>, begun: &Cursor, walk: &Walk) -> Vec<Rc<Shown>> {
    let after = &begun.after;
    let first = if walk.order == "received" {
        after.received_at
    } else {
        after.timestamp
    };
    let last = (
        first.as_micros(),
        after.received_at.as_micros(),
        after.organization.as_str(),
        after.seq.0,
    );
    let behind = |one: &Rc<Shown>| {
        let first = if walk.order == "received" {
            one.received
        } else {
            one.at
        };
        let key = (first, one.received, one.organization.as_str(), one.seq);
        one.received <= begun.state.as_micros()
            && if walk.direction == "asc" {
                key > last
            } else {
                key < last
            }
    };
    all.into_iter().filter(behind).collect()
}

/// A cursor holds a place that its reader sees, and the instant of one that it sees.
fn goes_on(
    world: &mut World,
    by: &By<'_>,
    cursors: (&Option<Cursor>, &Option<Cursor>),
    last: Option<&Rc<Shown>>,
    upto: usize,
) -> Checked {
    let (begun, Some(went)) = cursors else {
        return Ok(());
    };
    let last = last.expect("there are more");
    let place = (
        went.after.received_at.as_micros(),
        went.after.organization.as_str(),
        went.after.seq.0,
    );
    same(
        "the place of the cursor",
        &place,
        &(last.received, &*last.organization, last.seq),
    )?;
    let expected = match begun {
        Some(begun) => Some(begun.state.as_micros()),
        None => world
            .seen(by.who, READ, by.unmask)
            .matching(&[], upto)
            .iter()
            .map(|one| one.received)
            .max(),
    };
    same(
        "the state of the cursor",
        &Some(went.state.as_micros()),
        &expected,
    )
}

pub fn facets(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let unmask = unmasked(random);
    let by = By {
        who,
        permissions: &[READ],
        unmask,
    };
    let asked = conditions(world, random, 3);
    let mut fields = random.some(FIELDS, 20);
    if fields.is_empty() {
        fields.push("actor");
    }
    let named = fields.join(",");
    let path = format!(
        "/v1/facets?{}",
        parameters(
            &asked,
            &with_unmask(&[("fields", &named), ("top", "1000")], unmask)
        )
    );
    let (answer, before) = world.ask(who, "GET", &path, "");
    if is_refused(world, who, &[READ], unmask) {
        return must_be_refused(world, &by, &path, &answer);
    }
    same("the status", &answer.status, &200)?;
    world.must_answer_cleanly(&by, &path, &answer)?;
    let told = json_of(&answer)?;
    either(world, before, |world, upto| {
        let total = world.seen(who, READ, unmask).matching(&asked, upto).len();
        same("the total", &told["total"], &json!(total))?;
        let expected = state(world, &by, &asked, upto);
        same("as_of", &told["as_of"].as_u64(), &expected)?;
        fields.iter().try_for_each(|field| {
            let others: Vec<Condition> = asked
                .iter()
                .filter(|one| one.field() != Some(field))
                .cloned()
                .collect();
            let under = world.seen(who, READ, unmask).matching(&others, upto);
            same(
                &format!("the facet of {field}"),
                &told["facets"][field],
                &facet(field, &under),
            )
        })
    })
}

fn facet(field: &str, under: &[Rc<Shown>]) -> Value {
    let mut counts: BTreeMap<Option<String>, u64> = BTreeMap::new();
    for value in under
        .iter()
        .filter_map(|one| counted(field, &one.asked, &one.hidden))
    {
        *counts.entry(value).or_default() += 1;
    }
    let distinct = counts.keys().flatten().count();
    let mut values: Vec<(Option<String>, u64)> = counts.into_iter().collect();
    values.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let values = values
        .iter()
        .map(|(value, count)| json!({"value": value, "count": count}));
    json!({"total": under.len(), "distinct": distinct, "values": values.collect::<Vec<_>>()})
}

pub fn histogram(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let unmask = unmasked(random);
    let by = By {
        who,
        permissions: &[READ],
        unmask,
    };
    let asked = conditions(world, random, 3);
    let buckets = (1 + random.below(30)).to_string();
    let path = format!(
        "/v1/histogram?{}",
        parameters(&asked, &with_unmask(&[("buckets", &buckets)], unmask))
    );
    let (answer, before) = world.ask(who, "GET", &path, "");
    if is_refused(world, who, &[READ], unmask) {
        return must_be_refused(world, &by, &path, &answer);
    }
    same("the status", &answer.status, &200)?;
    world.must_answer_cleanly(&by, &path, &answer)?;
    let told = json_of(&answer)?;
    either(world, before, |world, upto| {
        let under = world.seen(who, READ, unmask).matching(&asked, upto);
        let mut sum = 0;
        for bucket in told["buckets"].as_array().expect("buckets") {
            let (start, end) = (micros(&bucket["start"]), micros(&bucket["end"]));
            for result in ["success", "failure"] {
                let within = |one: &&Rc<Shown>| {
                    one.at >= start && one.at < end && one.view["result"] == result
                };
                let count = under.iter().filter(within).count();
                same("a bar", &bucket[result], &json!(count))?;
                sum += count;
            }
        }
        same("the sum of the bars", &sum, &under.len())
    })
}

/// An id of something, or of nothing; and now and then an organization.
fn some_id(world: &World, random: &mut Random) -> (String, Option<String>) {
    let entry = &world.entries[random.below(world.base)];
    let id = match random.below(20) {
        0 => MISSING.to_owned(),
        _ => entry["id"].as_str().expect("an id").to_owned(),
    };
    let organization = match random.below(4) {
        0 => entry["scope"]["organization"].as_str().map(str::to_owned),
        1 => Some(random.pick(&world.organizations).clone()),
        _ => None,
    };
    (id, organization)
}

pub const MISSING: &str = "0198f3c2-7b1e-7c3a-9d0a-ffffffffffff";

fn query(organization: &Option<String>, unmask: bool) -> String {
    let organization = organization
        .as_ref()
        .map(|name| ("organization", name.as_str()));
    match parameters(
        &[],
        &with_unmask(&organization.into_iter().collect::<Vec<_>>(), unmask),
    ) {
        none if none.is_empty() => none,
        some => format!("?{some}"),
    }
}

/// The entries of an id that a person sees, by organization.
fn found(
    world: &mut World,
    by: &By<'_>,
    id: &str,
    organization: &Option<String>,
) -> Vec<Rc<Shown>> {
    let of = |one: &&Rc<Shown>| {
        organization
            .as_ref()
            .is_none_or(|name| one.organization == *name)
    };
    let seen = world
        .seen(by.who, by.permissions[0], by.unmask)
        .shown
        .iter();
    let mut found: Vec<Rc<Shown>> = seen
        .filter(|one| one.view["id"] == id)
        .filter(of)
        .cloned()
        .collect();
    found.sort_by(|one, other| one.organization.cmp(&other.organization));
    found
}

pub fn show(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let unmask = unmasked(random);
    let by = By {
        who,
        permissions: &[READ],
        unmask,
    };
    let (id, organization) = some_id(world, random);
    let path = format!("/v1/entries/{id}{}", query(&organization, unmask));
    let (answer, _) = world.ask(who, "GET", &path, "");
    if is_refused(world, who, &[READ], unmask) {
        return must_be_refused(world, &by, &path, &answer);
    }
    match found(world, &by, &id, &organization).first() {
        Some(first) => {
            same("the status", &answer.status, &200)?;
            same("the entry", &json_of(&answer)?, &first.view)
        }
        None => {
            let (missing, _) = world.ask(who, "GET", &path.replace(&id, MISSING), "");
            same("the status", &answer.status, &404)?;
            must_be_as_missing(&answer, &id, &missing, MISSING)
        }
    }
}

pub fn prove(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let unmask = unmasked(random);
    let by = By {
        who,
        permissions: &[READ],
        unmask,
    };
    let (id, organization) = some_id(world, random);
    let path = format!("/v1/entries/{id}/proof{}", query(&organization, unmask));
    let (answer, _) = world.ask(who, "GET", &path, "");
    if is_refused(world, who, &[READ, VERIFY], unmask) {
        return must_be_refused(world, &by, &path, &answer);
    }
    let person = world.people[who].clone();
    let both = found(world, &by, &id, &organization)
        .into_iter()
        .find_map(|one| {
            let entry = &world.entries[one.nth];
            let (_, verified) = person.view(VERIFY, entry, unmask)?;
            Some((one.nth, &one.hidden | &verified))
        });
    let Some((nth, hidden)) = both else {
        let (missing, _) = world.ask(who, "GET", &path.replace(&id, MISSING), "");
        same("the status", &answer.status, &404)?;
        return must_be_as_missing(&answer, &id, &missing, MISSING);
    };
    same("the status", &answer.status, &200)?;
    let proof = LogProof::parse(&answer.body).map_err(|e| e.to_string())?;
    let extra = proof.extra.ok_or("no disclosure")?;
    let disclosure = Disclosure::parse(&extra).map_err(|e| e.to_string())?;
    let entry = &world.entries[nth];
    for unit in disclosure.units() {
        let within = |(_, path): &&(&str, &str)| {
            unit.path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_hidden = MEMBERS
            .iter()
            .find(within)
            .is_some_and(|(name, _)| hidden.contains(name));
        match &unit.content {
            Content::Open { .. } if is_hidden => {
                return Err(format!("the proof shows {}", unit.path));
            }
            Content::Open { value, .. } if !unit.path.is_empty() => {
                let value: Value = serde_json::from_str(value).map_err(|e| e.to_string())?;
                same(&unit.path, &Some(&value), &entry.pointer(&unit.path))?;
            }
            Content::Erased { .. } if !is_hidden => {
                let erased = entry["erased"].as_array().into_iter().flatten();
                let mut paths = erased.map(|one| one["path"].as_str());
                same(
                    "that it was erased",
                    &paths.any(|path| path == Some(&unit.path)),
                    &true,
                )?;
            }
            Content::Open { .. } | Content::Erased { .. } => {}
        }
    }
    Ok(())
}

pub fn export(world: &mut World, random: &mut Random, who: usize) -> Checked {
    if random.chance(25) {
        return bundle(world, random, who);
    }
    let unmask = unmasked(random);
    let by = By {
        who,
        permissions: &[EXPORT],
        unmask,
    };
    let mut asked = conditions(world, random, 3);
    if asked.is_empty() {
        asked.push(Condition::Exact(
            "organization",
            random.pick(&world.organizations).clone(),
        ));
    }
    let (order, direction) = (
        *random.pick(&["time", "received"]),
        *random.pick(&["desc", "asc"]),
    );
    let format = *random.pick(&["csv", "ndjson", "json"]);
    let more = [
        ("format", format),
        ("order", order),
        ("direction", direction),
        ("csv_guard", "off"),
    ];
    let path = format!(
        "/v1/export?{}",
        parameters(&asked, &with_unmask(&more, unmask))
    );
    let (answer, before) = world.ask(who, "GET", &path, "");
    if is_refused(world, who, &[EXPORT], unmask) {
        return must_be_refused(world, &by, &path, &answer);
    }
    same("the status", &answer.status, &200)?;
    world.must_answer_cleanly(&by, &path, &answer)?;
    let mut all = world.seen(who, EXPORT, unmask).matching(&asked, before);
    sort(&mut all, order, direction);
    same(
        "the trailer",
        &answer.trailer("x-audit-entries"),
        &Some(&*all.len().to_string()),
    )?;
    let through = through(world, &by, &asked);
    let header = answer.header("x-audit-complete-through");
    same("complete_through", &instant(&json!(header)), &through)?;
    if format == "csv" {
        return rows(&answer, &all);
    }
    let (told, end) = told(format, &answer)?;
    let shown: Vec<Value> = all.iter().map(|one| one.view.clone()).collect();
    same("the export", &told, &shown)?;
    same(
        "complete_through",
        &instant(&end["complete_through"]),
        &through,
    )?;
    let expected = state(world, &by, &asked, before);
    same("as_of", &end["as_of"].as_u64(), &expected)
}

/// The entries of an export, and what stands behind them.
fn told(format: &str, answer: &Answer) -> Result<(Vec<Value>, Value), String> {
    let text = String::from_utf8_lossy(&answer.body);
    let parse =
        |line: &str| serde_json::from_str::<Value>(line).map_err(|e| format!("{e}: {line}"));
    Ok(match format {
        "ndjson" => {
            let mut lines = text.lines().map(parse).collect::<Result<Vec<Value>, _>>()?;
            let end = lines.pop().ok_or("no last line")?;
            (lines, end)
        }
        _ => {
            let end = parse(&text)?;
            (end["entries"].as_array().expect("entries").clone(), end)
        }
    })
}

/// Each cell of a file, but for names that stand for something else.
fn rows(answer: &Answer, all: &[Rc<Shown>]) -> Checked {
    let mut reader = csv::Reader::from_reader(answer.body.as_slice());
    let names = reader.headers().map_err(|e| e.to_string())?.clone();
    let mut told = reader.records();
    for one in all {
        let row = told
            .next()
            .ok_or("too few rows")?
            .map_err(|e| e.to_string())?;
        let (view, text) = (&one.view, |value: &Value| {
            value.as_str().unwrap_or_default().to_owned()
        });
        let said = |values: &[&Value]| {
            values
                .iter()
                .map(|value| text(value))
                .find(|text| !text.is_empty())
                .unwrap_or_default()
        };
        let (actor, target, request, error) = (
            &view["actor"],
            &view["target"],
            &view["request"],
            &view["error"],
        );
        for (name, cell) in names.iter().zip(row.iter()) {
            let expected = match name {
                "actor" => said(&[&actor["name"], &actor["id"], &actor["email"]]),
                "email" => text(&actor["email"]),
                "actor_type" => text(&actor["type"]),
                "target" => said(&[&target["name"], &target["id"]]),
                "target_type" => text(&target["type"]),
                "target_id" => text(&target["id"]),
                "organization" | "project" => text(&view["scope"][name]),
                "request_id" => text(&request["id"]),
                "ip" => text(&request["ip"]),
                "error" => match (error["code"].as_str(), error["message"].as_str()) {
                    (Some(code), Some(message)) => format!("{code}: {message}"),
                    (one, other) => one.or(other).unwrap_or_default().to_owned(),
                },
                "seq" => one.seq.to_string(),
                "context" => {
                    let context: Option<Value> = serde_json::from_str(cell).ok();
                    same(
                        "the context of a row",
                        &context.as_ref(),
                        &view.get("context"),
                    )?;
                    continue;
                }
                name => text(&view[name]),
            };
            same(&format!("the cell {name}"), &cell, &expected.as_str())?;
        }
    }
    same(
        "whether there are more rows",
        &told.next().is_some(),
        &false,
    )
}

fn bundle(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let organization = random.pick(&world.organizations).clone();
    let by = By {
        who,
        permissions: &[EXPORT],
        unmask: false,
    };
    let mut asked = conditions(world, random, 1);
    asked.retain(|one| one.field() != Some("organization") && !matches!(one, Condition::Until(_)));
    asked.push(Condition::Exact("organization", organization.clone()));
    asked.push(Condition::Until(FIRST));
    let path = format!("/v1/export?{}", parameters(&asked, &[("format", "bundle")]));
    // What was recorded since is covered by a checkpoint within a second of the log's clock.
    world.server.clock.advance(Duration::from_secs(1));
    let (answer, _) = world.ask(who, "GET", &path, "");
    if is_refused(world, who, &[EXPORT, VERIFY], false) {
        return must_be_refused(world, &by, &path, &answer);
    }
    let person = &world.people[who];
    if !person.covers(EXPORT, &organization) || !person.covers(VERIFY, &organization) {
        if person.touches(EXPORT, &organization) {
            return must_be_refused(world, &by, &path, &answer);
        }
        let none = "0".repeat(organization.len());
        let (missing, _) = world.ask(who, "GET", &path.replace(&organization, &none), "");
        same("the status", &answer.status, &404)?;
        return must_be_as_missing(&answer, &organization, &missing, &none);
    }
    let all = world.seen(who, EXPORT, false).matching(&asked, usize::MAX);
    if all.is_empty() {
        return same("the status of an empty bundle", &answer.status, &404);
    }
    same("the status", &answer.status, &200)?;
    let text = zstd::decode_all(answer.body.as_slice()).map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&text).into_owned();
    world.must_be_clean(&by, &path, &text)?;
    same(
        "the entries of the bundle",
        &text.matches("\"units\":[").count(),
        &all.len(),
    )
}

pub fn tail(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let unmask = unmasked(random);
    let by = By {
        who,
        permissions: &[READ],
        unmask,
    };
    let mut asked = conditions(world, random, 1);
    if asked.is_empty() {
        asked.push(Condition::Exact(
            "organization",
            random.pick(&world.organizations).clone(),
        ));
    }
    let path = format!(
        "/v1/tail?{}",
        parameters(&asked, &with_unmask(&[("last_event_id", "0-0-a")], unmask))
    );
    let before = world.entries.len();
    let mut expected = match is_refused(world, who, &[READ], unmask) {
        true => Vec::new(),
        false => world.seen(who, READ, unmask).matching(&asked, before),
    };
    let header = world.people[who].header.clone();
    let enough = expected.len();
    let answer = world.asker.stream(&path, &header, |said| {
        said.matches("event: entry\n").count() >= enough && said.contains("\n\n")
    })?;
    world.look();
    if is_refused(world, who, &[READ], unmask) {
        return must_be_refused(world, &by, &path, &answer);
    }
    same("the status", &answer.status, &200)?;
    world.must_answer_cleanly(&by, &path, &answer)?;
    let text = String::from_utf8_lossy(&answer.body);
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let told = data
        .map(serde_json::from_str::<Value>)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| e.to_string())?;
    expected = world.seen(who, READ, unmask).matching(&asked, usize::MAX);
    sort(&mut expected, "received", "asc");
    let shown: Vec<&Value> = expected
        .iter()
        .take(told.len())
        .map(|one| &one.view)
        .collect();
    same("the tail", &told.iter().collect::<Vec<_>>(), &shown)
}
