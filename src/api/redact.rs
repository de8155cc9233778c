//! `POST /v1/entries/{id}/redact` and `POST /v1/redactions`: values vanish from every file, proofs stay.
//!
//! - [`asked`]: bodies to what is asked, every fault in one answer
//! - this file: members of one entry; everything that speaks of a person

mod asked;

use super::{Answer, find, json};
use crate::access::Permission;
use crate::app::App;
use crate::body::{self, Coding, Share};
use crate::guard::Caller;
use crate::problem::{Fault, Kind, Problem};
use crate::reading::Reading;
use asked::{Asked, Members, Persons, refused};
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use entry::draft::Defaults;
use entry::{Category, Draft, Entry, EntryId, Organization, Units, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::redaction::{Erasure, Redacted, Redaction};
use store::view::{FURTHER_PATHS, Mentions, SAMPLE_MAX};
use store::{Item, Receipt};

/// Paths that an audit entry names; what they stand for may be many more members of contexts.
const PATHS_NAMED_MAX: usize = 100;

/// Values shorter than this, in characters, are in many a sentence by chance.
const TELLING_CHARACTERS: usize = 3;

/// `POST /v1/entries/{id}/redact` erases members of one entry.
pub async fn entry(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let reading = app.reading(&caller, Permission::Redact)?;
    let mut parameters = super::query::Parameters::read(raw.as_deref())?;
    let mut faults = Vec::new();
    let organization = parameters.once("organization", &mut faults);
    parameters.finish(&["organization"], faults)?;
    let body = receive(&app, &headers, body).await?;
    let id = id.map_or(String::new(), |Path(id)| id);
    let work = move |app: &Arc<App>| {
        let mut asked = asked::members(&body)?;
        let entry = find_one(&reading, &id, organization.as_deref())?;
        let answer = erase_members(app, &caller, &entry, &mut asked)?;
        Ok(json(answer.to_string().into_bytes()))
    };
    app.blocking_in(&app.redactions, work).await
}

/// `POST /v1/redactions` erases what speaks of a person, or says what would go.
pub async fn person(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let reading = app.reading(&caller, Permission::Redact)?;
    super::query::Parameters::read(raw.as_deref())?.finish(&[], Vec::new())?;
    let body = receive(&app, &headers, body).await?;
    let work = move |app: &Arc<App>| {
        let mut asked = asked::person(&body)?;
        must_reach(&reading, asked.of.organization.as_ref())?;
        let answer = erase_person(app, &caller, &reading, &mut asked)?;
        Ok(json(answer.to_string().into_bytes()))
    };
    app.blocking_in(&app.redactions, work).await
}

/// Where access is guarded, who calls is who erases.
fn sign<T>(app: &App, caller: &Caller, asked: &mut Asked<T>, is_told: impl Fn(&str) -> bool) {
    if !app.door.is_open() {
        asked.sign(caller.principal.party(), is_told);
    }
}

/// Refuses to look for a person where the caller sees some of a log: what it does not see would stay, or be told.
fn must_reach(reading: &Reading, organization: Option<&Organization>) -> Result<(), Problem> {
    let partly = match organization {
        Some(named) => !reading.sees_all(named) && reading.reach().touches(named),
        None => reading.logs_seen_whole().next().is_none() && !reading.is_whole(),
    };
    match partly {
        true => Err(Kind::Forbidden.detail(format!(
            "this takes the permission {} for all of an organization, nothing hidden",
            Permission::Redact
        ))),
        false => Ok(()),
    }
}

async fn receive(app: &Arc<App>, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let coding = match super::batch::Form::of(headers) {
        Ok(super::batch::Form::Json) => Coding::of(headers),
        _ => Err(Kind::UnsupportedType.detail("Content-Type is application/json")),
    };
    let coding = match coding {
        Ok(coding) => coding,
        Err(problem) => {
            body::linger(body);
            return Err(problem);
        }
    };
    let mut share = Share::none_yet(app);
    let packed = body::receive(app, headers, body, &mut share).await?;
    let (bytes, _share) = body::unpack(app, coding, packed, share).await?;
    Ok(bytes)
}

/// Erases members of an entry; answers with what went and which entry says so.
fn erase_members(
    app: &App,
    caller: &Caller,
    entry: &Entry,
    asked: &mut Asked<Members>,
) -> Result<Value, Problem> {
    let organization = entry.scope.organization.clone();
    must_be_there(entry, &asked.of.paths)?;
    let told = told_values(entry, &asked.of.paths);
    let is_told = |said: &str| told.iter().any(|value| text::contains(said, value));
    sign(app, caller, asked, is_told);
    asked.must_not_say(is_told)?;
    let audit = Audit {
        action: "redactEntry",
        target: Some(entry.id),
        paths: asked.of.paths.iter().map(|path| &**path).collect(),
        entries: 1,
    };
    let redaction = Redaction {
        organization: organization.clone(),
        erase: Erasure::of(entry.seq, &asked.of.paths),
        audit: audit.item(app, asked, organization.clone())?,
    };
    let redacted = app.store.redact(vec![redaction])?;
    let Redacted {
        audit,
        erased,
        already,
    } = &redacted[0];
    let paths = |erasure: &Erasure| erasure.get(entry.seq).unwrap_or_default().to_vec();
    let known = entry
        .erased
        .iter()
        .find(|erased| asked.of.paths.contains(&erased.path));
    let (by, seq) = match audit {
        Some(receipt) => (Some(receipt.id()), Some(place(receipt))),
        None => (known.map(|erased| erased.entry), None),
    };
    Ok(json!({
        "id": entry.id.to_string(),
        "organization": organization.as_str(),
        "erased": paths(erased),
        "already": paths(already),
        "entry": by.map(|by| by.to_string()),
        "seq": seq,
    }))
}

/// The entry of an id. What cannot be brought back must not go from the wrong log.
fn find_one(reading: &Reading, id: &str, organization: Option<&str>) -> Result<Entry, Problem> {
    let entry = find(reading, id, organization)?;
    if organization.is_some() {
        return Ok(entry);
    }
    match reading.get(&entry.id)?.as_slice() {
        [_] => Ok(entry),
        several => {
            let names = several
                .iter()
                .map(|entry| entry.scope.organization.as_str());
            let names: Vec<&str> = names.collect();
            Err(refused(vec![Fault::parameter(
                "organization",
                format!("several have the id; name one of {}", names.join(", ")),
            )]))
        }
    }
}

fn place(receipt: &Receipt) -> u64 {
    match receipt {
        Receipt::Accepted { seq, .. }
        | Receipt::Duplicate { seq, .. }
        | Receipt::Conflict { seq, .. } => seq.0,
    }
}

/// Refuses paths that name no personal member that the entry has or had.
fn must_be_there(entry: &Entry, paths: &[Box<str>]) -> Result<(), Problem> {
    let mut units = Units::default();
    entry.write_units(&mut units);
    let known = |path: &str| {
        let erased = entry.erased.iter().any(|erased| &*erased.path == path);
        !path.is_empty() && (erased || units.get(path).is_some())
    };
    let unknown = paths.iter().enumerate().filter(|(_, path)| !known(path));
    let faults: Vec<Fault> = unknown
        .map(|(n, path)| {
            let detail = format!("{path:?} is no member of this entry that can be erased");
            Fault::pointer(format!("/paths/{n}"), detail).suggesting(nearest(&units, path))
        })
        .collect();
    match faults.is_empty() {
        true => Ok(()),
        false => Err(refused(faults)),
    }
}

/// The member that holds what a path names, or the first that lies in it.
fn nearest(units: &Units, path: &str) -> Option<String> {
    let mut known = units.iter().map(|(known, _)| known).skip(1);
    let within = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    known
        .find(|known| !path.is_empty() && (within(path, known) || within(known, path)))
        .map(str::to_owned)
}

/// The texts of members that are to go, folded: what the audit entry may not say.
fn told_values(entry: &Entry, paths: &[Box<str>]) -> Vec<String> {
    let mut units = Units::default();
    entry.write_units(&mut units);
    let mut told = Vec::new();
    for value in paths.iter().filter_map(|path| units.get(path)) {
        let value = std::str::from_utf8(value).expect("canonical JSON is UTF-8");
        text::json_leaves(value, &mut |_, leaf| {
            if leaf.chars().count() >= TELLING_CHARACTERS
                && !["true", "false", "null"].contains(&leaf)
            {
                told.push(text::fold(leaf).into_owned());
            }
        });
    }
    told
}

/// Erases what speaks of a person, log by log, until nothing of what was there is left.
fn erase_person(
    app: &App,
    caller: &Caller,
    reading: &Reading,
    asked: &mut Asked<Persons>,
) -> Result<Value, Problem> {
    let person = asked.of.person.clone();
    sign(app, caller, asked, |said| person.is_in(said));
    let asked = &*asked;
    let Persons {
        person,
        organization,
        dry_run,
    } = &asked.of;
    asked.must_not_say(|said| person.is_in(said))?;
    let organizations = organization.as_ref().map(std::slice::from_ref);
    let reach = reading.reach();
    let look = || {
        let now = app.reading_within(reach.clone());
        now.mentions(person, organizations)
    };
    let first = look()?;
    if *dry_run {
        return Ok(answer(true, &first, &first, &[]));
    }
    let mut audits = Vec::new();
    let mut now = first.clone();
    loop {
        let is_cut = now.iter().any(|log| log.is_cut);
        let mut redactions = Vec::new();
        for log in now.into_iter().filter(|log| !log.erase.is_empty()) {
            redactions.push(order(app, asked, log)?);
        }
        let logs: Vec<Organization> = redactions
            .iter()
            .map(|redaction| redaction.organization.clone())
            .collect();
        let redacted = app.store.redact(redactions)?;
        let receipts = redacted.into_iter().zip(logs);
        audits.extend(receipts.filter_map(|(redacted, log)| Some((log, redacted.audit?))));
        // Nothing that was there may be left; a person who is still at work leaves new entries meanwhile.
        now = look()?;
        if !is_cut {
            return Ok(answer(false, &first, &now, &audits));
        }
    }
}

fn order(app: &App, asked: &Asked<Persons>, log: Mentions) -> Result<Redaction, Problem> {
    let paths = log.units.keys().map(|path| &**path);
    let paths = paths.filter(|path| !asked.of.person.is_in(path));
    let audit = Audit {
        action: "erasePerson",
        target: None,
        paths: paths.take(PATHS_NAMED_MAX).collect(),
        entries: log.erase.len() as u64,
    };
    Ok(Redaction {
        audit: audit.item(app, asked, log.organization.clone())?,
        organization: log.organization,
        erase: log.erase,
    })
}

/// What goes, or went, as `first` found it; what remains, as the `last` look found it.
fn answer(
    dry_run: bool,
    first: &[Mentions],
    last: &[Mentions],
    audits: &[(Organization, Receipt)],
) -> Value {
    let mut units: BTreeMap<&str, u64> = BTreeMap::new();
    for (path, count) in first.iter().flat_map(|log| &log.units) {
        let many = units.len() > 1_000 && !units.contains_key(&**path);
        *units
            .entry(if many { FURTHER_PATHS } else { path })
            .or_default() += count;
    }
    let logs: serde_json::Map<String, Value> = first
        .iter()
        .filter(|log| log.entries > 0)
        .map(|log| (log.organization.to_string(), log.entries.into()))
        .collect();
    let sample = first.iter().flat_map(|log| {
        log.sample.iter().map(|(id, paths)| {
            json!({"id": id.to_string(), "organization": log.organization.as_str(), "paths": paths})
        })
    });
    let remaining = last.iter().flat_map(|log| {
        log.remaining
            .iter()
            .map(|id| json!({"id": id.to_string(), "organization": log.organization.as_str()}))
    });
    let entries = |logs: &[Mentions]| logs.iter().map(|log| log.entries).sum::<u64>();
    let audits = audits.iter().map(|(log, receipt)| {
        json!({"organization": log.as_str(), "id": receipt.id().to_string(), "seq": place(receipt)})
    });
    json!({
        "dry_run": dry_run,
        "entries": entries(first),
        "units": units,
        "sample": sample.take(SAMPLE_MAX).collect::<Vec<_>>(),
        "logs": logs,
        "remains": {
            "entries": last.iter().map(|log| log.remains).sum::<u64>(),
            "sample": remaining.take(SAMPLE_MAX).collect::<Vec<_>>(),
        },
        "since": if dry_run { 0 } else { entries(last) },
        "audit": audits.collect::<Vec<_>>(),
    })
}

/// The entry of the log itself that says who erased, when and why; never what.
struct Audit<'a> {
    action: &'a str,
    target: Option<EntryId>,
    paths: Vec<&'a str>,
    entries: u64,
}

impl Audit<'_> {
    fn item<T>(
        &self,
        app: &App,
        asked: &Asked<T>,
        organization: Organization,
    ) -> Result<Item, Problem> {
        let mut draft = json!({
            "actor": asked.actor,
            "action": self.action,
            "result": "success",
            "context": {"paths": self.paths, "reason": asked.reason, "entries": self.entries},
        });
        if let Some(target) = self.target {
            draft["target"] = json!({"type": "entry", "id": target.to_string()});
        }
        let draft = Draft::from_json(draft.to_string().as_bytes()).map_err(|problems| {
            let faults = problems.as_slice().iter();
            refused(
                faults
                    .map(|invalid| Fault::pointer(&*invalid.pointer, &*invalid.detail))
                    .collect(),
            )
        })?;
        let id = super::batch::fresh_ids(app.now(), 1)?[0];
        Ok(Item {
            draft,
            defaults: Defaults {
                id,
                organization,
                category: Category::Audit,
            },
        })
    }
}

/// True if a person is looked for by so little that it is in everything.
fn is_too_short(text: &str) -> bool {
    text::fold(text.trim()).chars().count() < TELLING_CHARACTERS
}
