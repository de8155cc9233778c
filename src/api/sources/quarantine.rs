//! `/v1/sources/{name}/quarantine`: what a source sent and no mapping could take, to look at, to map again, to throw away.

use super::super::{Answer, json};
use super::{organization, source};
use crate::access::Permission;
use crate::api::access::bodies::{self, Items};
use crate::api::query::Parameters;
use crate::app::App;
use crate::body::room_to_parse;
use crate::guard::Caller;
use crate::intake::shelf::{Item, Number, Sender};
use crate::intake::{self, Fate, Outcome, Sent};
use crate::problem::{Fault, Kind, Problem};
use crate::reading;
use crate::watching::{Act, Deed};
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use entry::Organization;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Items of a page where none are named, and at most.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 500;

/// Items that are mapped again at a time: what one call may hold.
const STEP: usize = 500;
/// How long one step may take.
const STEP_WAIT: Duration = Duration::from_secs(30);

/// Where the caller looks; 404 for what it may not manage, as for what is not there.
fn managed(
    app: &App,
    caller: &Caller,
    name: &str,
    parameters: &mut Parameters,
    faults: &mut Vec<Fault>,
) -> Result<Sender, Problem> {
    let home = caller.principal.organization();
    let otherwise = home.unwrap_or(&app.settings.default_organization).clone();
    let organization = organization(parameters, &otherwise, faults);
    of_managed(caller, organization, name)
}

/// A source of an organization whose sources the caller manages.
pub fn of_managed(
    caller: &Caller,
    organization: Organization,
    name: &str,
) -> Result<Sender, Problem> {
    let reach = reading::reach(caller, Permission::ManageSources)?;
    let sender = Sender {
        organization,
        source: source(name)?,
    };
    match reach.covers(&sender.organization) {
        true => Ok(sender),
        false => Err(nothing()),
    }
}

/// Refuses to show what a source sent as it came, unless the caller sees all that could become of it: entries of the whole
/// organization, nothing hidden. What a role hides is nowhere marked in it.
pub fn must_see(app: &App, caller: &Caller, organization: &Organization) -> Result<(), Problem> {
    let reading = app.reading(caller, Permission::Read)?;
    match reading.sees_all(organization) {
        true => Ok(()),
        false => Err(Kind::Forbidden.detail(format!(
            "this takes the permission {} for all of an organization, nothing hidden",
            Permission::Read
        ))),
    }
}

pub fn nothing() -> Problem {
    Kind::NotFound.detail("nothing is kept of such a source")
}

/// `GET …/quarantine` shows what is kept, oldest first.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let mut parameters = Parameters::read(raw.as_deref())?;
    let mut faults = Vec::new();
    let sender = managed(&app, &caller, &name, &mut parameters, &mut faults)?;
    let after = parameters.once("after", &mut faults);
    let after = after.map(|text| number(&text, "after", &mut faults));
    let limit = parameters.once("limit", &mut faults);
    let limit = limit.map_or(Some(LIMIT_DEFAULT), |text| text.parse().ok());
    let limit = limit.filter(|limit| (1..=LIMIT_MAX).contains(limit));
    if limit.is_none() {
        faults.push(Fault::parameter("limit", format!("1 to {LIMIT_MAX}")));
    }
    parameters.finish(&["organization", "after", "limit"], faults)?;
    must_see(&app, &caller, &sender.organization)?;
    let (after, limit) = (after.flatten(), limit.unwrap_or(LIMIT_DEFAULT));
    let of = sender.clone();
    let work = move |app: &Arc<App>| Ok(app.intake.quarantine.items(&of, after, limit)?);
    let items = app.blocking(work).await?;
    let numbers: Vec<Number> = items.iter().map(|(number, _)| *number).collect();
    app.note_quarantine(&caller, &sender, &numbers).await;
    let items: Vec<Value> = items.iter().map(shape).collect();
    Ok(json(json!({ "items": items }).to_string().into_bytes()))
}

fn number(text: &str, name: &str, faults: &mut Vec<Fault>) -> Option<Number> {
    let number = Number::parse(text);
    if number.is_none() {
        faults.push(Fault::parameter(name, "the id of an item, such as 12-3"));
    }
    number
}

fn shape((number, item): &(Number, Item)) -> Value {
    let mut shape = json!({
        "id": number.to_string(),
        "received_at": item.received_at.to_string(),
        "format": item.format,
        "reason": item.reason,
    });
    match std::str::from_utf8(&item.raw) {
        Ok(text) => shape["raw"] = Value::from(text),
        Err(_) => shape["raw_base64"] = Value::from(crate::cursor::base64url(&item.raw)),
    }
    shape
}

/// What is asked for by number; everything if nothing is named.
fn numbers(items: Option<Vec<String>>) -> Result<Option<Vec<Number>>, Problem> {
    let Some(items) = items else { return Ok(None) };
    let wrong = || Kind::BadJson.detail("items: ids of items, such as 12-3");
    let numbers: Option<Vec<Number>> = items.iter().map(|text| Number::parse(text)).collect();
    numbers.map(Some).ok_or_else(wrong)
}

/// `DELETE …/quarantine` throws items away, or everything.
pub async fn drop_items(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let (sender, asked) = asked(&app, &caller, &name, raw.as_deref(), &headers, body).await?;
    let dropped = throw_away(&app, &caller, sender, numbers(asked.items)?).await?;
    Ok(json(json!({ "dropped": dropped }).to_string().into_bytes()))
}

/// Throws away what is chosen, or everything, and says how much that was. It is noted before it is gone, on the same thread:
/// neither who hangs up nor a crash makes anything vanish unseen.
pub async fn throw_away(
    app: &Arc<App>,
    caller: &Caller,
    sender: Sender,
    chosen: Option<Vec<Number>>,
) -> Result<u64, Problem> {
    app.must_be_watchable()?;
    let caller = caller.clone();
    let work = move |app: &Arc<App>| {
        let quarantine = &app.intake.quarantine;
        let _alone = app.intake.dropping.lock();
        let kept = quarantine.items(&sender, None, usize::MAX)?;
        let kept = kept.into_iter().map(|(number, _)| number);
        let is_chosen = |one: &Number| chosen.as_ref().is_none_or(|all| all.contains(one));
        let going: Vec<Number> = kept.filter(is_chosen).collect();
        let deed = deed(Act::DropQuarantine, &sender).with("items", going.len());
        app.note_here(&caller, deed)?;
        Ok(quarantine.take_out(&sender, &going)?)
    };
    app.blocking(work).await
}

fn deed(act: Act, sender: &Sender) -> Deed {
    let name = sender.source.as_str();
    Deed::new(act)
        .of(Some(&sender.organization))
        .to("source", name, Some(name))
}

async fn asked(
    app: &App,
    caller: &Caller,
    name: &str,
    raw: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Sender, Items), Problem> {
    let mut parameters = Parameters::read(raw)?;
    let mut faults = Vec::new();
    let sender = managed(app, caller, name, &mut parameters, &mut faults)?;
    parameters.finish(&["organization"], faults)?;
    Ok((sender, bodies::read(app, headers, body).await?))
}

/// `POST …/quarantine/replay` maps items again, or everything: what becomes an entry now is kept here no longer.
pub async fn replay(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let (sender, asked) = asked(&app, &caller, &name, raw.as_deref(), &headers, body).await?;
    let sums = map_again(&app, &caller, sender, numbers(asked.items)?).await?;
    let body = json!({"stored": sums.stored, "duplicates": sums.duplicates, "skipped": sums.skipped, "stay": sums.stay});
    Ok(json(body.to_string().into_bytes()))
}

/// Maps again what is chosen, or everything, to the end and to its entry, whether or not the caller stays for it.
pub async fn map_again(
    app: &Arc<App>,
    caller: &Caller,
    sender: Sender,
    chosen: Option<Vec<Number>>,
) -> Result<Sums, Problem> {
    app.must_be_watchable()?;
    let (of, caller) = (Arc::clone(app), caller.clone());
    let work = async move { replay_all(&of, &caller, sender, chosen).await };
    app.carried_through(work).await
}

async fn replay_all(
    app: &Arc<App>,
    caller: &Caller,
    sender: Sender,
    chosen: Option<Vec<Number>>,
) -> Result<Sums, Problem> {
    let mut sums = Sums::default();
    let mut after = None;
    loop {
        let of = sender.clone();
        let step = move |app: &Arc<App>| Ok(app.intake.quarantine.items(&of, after, STEP)?);
        let mut items = app.blocking(step).await?;
        let Some((last, _)) = items.last() else { break };
        after = Some(*last);
        items.retain(|(number, _)| chosen.as_ref().is_none_or(|chosen| chosen.contains(number)));
        replay_step(app, caller, &sender, items, &mut sums).await?;
    }
    let deed = deed(Act::ReplayQuarantine, &sender);
    let deed = deed.with("stored", sums.stored).with("stay", sums.stay);
    app.note(caller, deed).await?;
    Ok(sums)
}

/// What became of what was mapped again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    pub stored: u64,
    pub duplicates: u64,
    pub skipped: u64,
    /// Those that no mapping takes yet.
    pub stay: u64,
}

impl Sums {
    /// What became of all that an item holds; true if nothing of it is to stay.
    fn add(&mut self, outcomes: &[&Outcome]) -> bool {
        let stays = |one: &&&Outcome| matches!(one, Outcome::Quarantined(_) | Outcome::Refused(_));
        if outcomes.iter().any(|one| stays(&one)) {
            self.stay += 1;
            return false;
        }
        for outcome in outcomes {
            match outcome {
                Outcome::Stored => self.stored += 1,
                Outcome::Duplicate => self.duplicates += 1,
                Outcome::Skipped => self.skipped += 1,
                Outcome::Quarantined(_) | Outcome::Refused(_) => {}
            }
        }
        true
    }
}

fn is_mapped(one: &Sent) -> bool {
    !matches!(one.fate, Fate::Quarantine(_))
}

async fn replay_step(
    app: &Arc<App>,
    caller: &Caller,
    sender: &Sender,
    items: Vec<(Number, Item)>,
    sums: &mut Sums,
) -> Result<(), Problem> {
    let mut by_format: BTreeMap<Box<str>, Vec<(Number, Item)>> = BTreeMap::new();
    for (number, item) in items {
        by_format
            .entry(item.format.clone())
            .or_default()
            .push((number, item));
    }
    for (_, items) in by_format {
        let (mut sent, mut numbers) = (Vec::new(), Vec::new());
        let mut origin = None;
        let mut bytes = 0;
        for (number, item) in items {
            let length = item.raw.len();
            match intake::again(app, &item.format, item.raw, sender, item.received_at) {
                Some((all, of)) if all.iter().all(is_mapped) => {
                    origin = Some(of);
                    bytes += length;
                    numbers.push((number, all.len()));
                    sent.extend(all);
                }
                _ => sums.stay += 1,
            }
        }
        let Some(origin) = origin else { continue };
        let room = Arc::new(room_to_parse(app, bytes).await);
        let until = Instant::now() + STEP_WAIT;
        let taken = intake::take_again(app, caller, origin, sent, until, &room).await?;
        let mut outcomes = taken.outcomes.iter();
        let mut done = Vec::new();
        for (number, count) in numbers {
            let of_one: Vec<&Outcome> = outcomes.by_ref().take(count).collect();
            if sums.add(&of_one) {
                done.push(number);
            }
        }
        let of = sender.clone();
        let take_out = move |app: &Arc<App>| Ok(app.intake.quarantine.take_out(&of, &done)?);
        app.blocking(take_out).await?;
    }
    Ok(())
}
