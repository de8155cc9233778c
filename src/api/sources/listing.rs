//! `GET /v1/sources`: which sources there are, when each was heard last, and what became of what it sent.

use super::super::{Answer, json};
use super::rhythm;
use crate::access::Permission;
use crate::api::query::Parameters;
use crate::app::App;
use crate::guard::Caller;
use crate::intake::sequences::{self, Told};
use crate::intake::shelf::{Kept, Sender, SourceName};
use crate::intake::tally::{Heard, Tally};
use crate::problem::{Fault, Problem};
use crate::reading::Reading;
use axum::extract::{RawQuery, State};
use entry::field::Field;
use entry::filter::{Pattern, Term};
use entry::{Entry, Filter, Organization, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::view::{Direction, Order, PageQuery, Position};

/// Sources of an organization that are listed by what is stored: the most frequent.
const STORED_MAX: usize = 200;

/// What is known of a source.
#[derive(Clone, Debug)]
pub struct Source {
    pub organization: Organization,
    /// As entries name it.
    pub name: Box<str>,
    /// Entries of it that are stored.
    pub entries: u64,
    /// Of those, received within the last hour.
    pub last_hour: u64,
    /// The newest by receipt.
    pub newest: Option<Entry>,
    /// Since the server started; none for what comes through `POST /v1/entries`.
    pub heard: Option<Heard>,
    pub kept: Kept,
    /// It says nothing, and has not for longer than it usually does: see [`rhythm`](super::rhythm).
    pub is_silent: bool,
    /// Its own numbers, if it gives any.
    pub sequence: Option<Told>,
}

impl Source {
    /// How much later than by the source's clock its newest entry came, in microseconds.
    pub fn lag(&self) -> Option<i64> {
        let newest = self.newest.as_ref()?;
        Some(newest.received_at.as_micros() - newest.timestamp.as_micros())
    }

    /// When it was heard last: what it sent, whatever became of it.
    pub fn last(&self) -> Option<Timestamp> {
        let stored = self.newest.as_ref().map(|entry| entry.received_at);
        stored.max(self.heard.and_then(|heard| heard.last))
    }

    /// When it was heard last, if it should have been heard since.
    pub fn silent_since(&self) -> Option<Timestamp> {
        self.last().filter(|_| self.is_silent)
    }
}

#[derive(Serialize)]
struct Shape<'a> {
    organization: &'a str,
    name: &'a str,
    entries: u64,
    entries_last_hour: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_received_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since_start: Option<Since>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<&'a Told>,
    quarantine: Held,
}

#[derive(Serialize)]
struct Since {
    #[serde(flatten)]
    tally: Tally,
    calls_refused: u64,
}

#[derive(Serialize)]
struct Held {
    items: u64,
    bytes: u64,
}

impl<'a> From<&'a Source> for Shape<'a> {
    fn from(source: &'a Source) -> Self {
        Self {
            organization: source.organization.as_str(),
            name: &source.name,
            entries: source.entries,
            entries_last_hour: source.last_hour,
            last_received_at: source.last().map(|at| at.to_string()),
            silent_since: source.silent_since().map(|at| at.to_string()),
            lag_ms: source.lag().map(|micros| micros / 1_000),
            sequence: source.sequence.as_ref(),
            since_start: source.heard.map(|heard| Since {
                tally: heard.tally,
                calls_refused: heard.calls_refused,
            }),
            quarantine: Held {
                items: source.kept.items,
                bytes: source.kept.bytes,
            },
        }
    }
}

/// `GET /v1/sources` lists the sources of the organizations that the caller may read all of.
pub async fn list(State(app): State<Arc<App>>, caller: Caller, RawQuery(raw): RawQuery) -> Answer {
    let reading = app.reading(&caller, Permission::Read)?;
    let mut parameters = Parameters::read(raw.as_deref())?;
    let mut faults = Vec::new();
    let named = parameters.once("organization", &mut faults);
    let organization = named.as_deref().map(Organization::parse);
    if organization == Some(None) {
        faults.push(Fault::parameter("organization", "1 to 63 of a-z 0-9 . _ -"));
    }
    parameters.finish(&["organization"], faults)?;
    let found = app.blocking(move |app| sources(app, &reading, organization.flatten().as_ref()));
    let found = found.await?;
    let shapes: Vec<Shape<'_>> = found.iter().map(Shape::from).collect();
    let body = serde_json::json!({ "sources": shapes });
    Ok(json(body.to_string().into_bytes()))
}

/// Every source of the organizations that are read as a whole, or of the one named.
pub fn sources(
    app: &App,
    reading: &Reading,
    only: Option<&Organization>,
) -> Result<Vec<Source>, Problem> {
    let heard = app.intake.tallies.heard();
    let kept = app.intake.quarantine.kept();
    let mut organizations: Vec<Organization> = reading.logs().cloned().collect();
    // What was only quarantined has no log yet.
    let senders = heard.keys().chain(kept.keys());
    organizations.extend(senders.map(|sender| sender.organization.clone()));
    organizations.sort();
    organizations.dedup();
    let seen = |of: &Organization| reading.covers(of) && only.is_none_or(|only| only == of);
    let mut found = Vec::new();
    for organization in organizations.into_iter().filter(seen) {
        found.extend(of_organization(app, reading, &organization, &heard, &kept)?);
    }
    Ok(found)
}

/// One source, if there is such a one; the organization is read as a whole.
pub fn source(
    app: &App,
    reading: &Reading,
    organization: &Organization,
    name: &str,
) -> Result<Option<Source>, Problem> {
    let entries = reading.count(&entries_of(organization, name))?;
    let sender = sender(organization, name);
    let known = Known {
        heard: sender.as_ref().and_then(|of| app.intake.tallies.of(of)),
        kept: { &sender }
            .as_ref()
            .and_then(|of| app.intake.quarantine.kept_of(of)),
    };
    if entries == 0 && known.heard.is_none() && known.kept.is_none() {
        return Ok(None);
    }
    described(app, reading, organization, name.into(), entries, known).map(Some)
}

/// What is known of a sender besides its entries.
struct Known {
    heard: Option<Heard>,
    kept: Option<Kept>,
}

/// Who sends under that name. What is not told apart from others has one that is no name.
fn sender(organization: &Organization, name: &str) -> Option<Sender> {
    let others = SourceName::others();
    let source = SourceName::parse(name);
    let source = source.or_else(|| (name == others.as_str()).then_some(others))?;
    Some(Sender {
        organization: organization.clone(),
        source,
    })
}

fn of_organization(
    app: &App,
    reading: &Reading,
    organization: &Organization,
    heard: &BTreeMap<Sender, Heard>,
    kept: &BTreeMap<Sender, Kept>,
) -> Result<Vec<Source>, Problem> {
    let facets = reading.facets(&own(organization), &[Field::Source], STORED_MAX)?;
    let stored = facets.into_iter().flat_map(|facet| facet.top);
    let mut sources: BTreeMap<Box<str>, u64> = stored
        .filter_map(|(value, count)| Some((value?, count)))
        .collect();
    let mine = |sender: &&Sender| sender.organization == *organization;
    for sender in heard.keys().chain(kept.keys()).filter(mine) {
        sources.entry(sender.source.as_str().into()).or_default();
    }
    let mut found = Vec::with_capacity(sources.len());
    for (name, entries) in sources {
        let sender = sender(organization, &name);
        let known = Known {
            heard: sender.as_ref().and_then(|of| heard.get(of)).copied(),
            kept: sender.as_ref().and_then(|of| kept.get(of)).copied(),
        };
        let source = described(app, reading, organization, name, entries, known)?;
        found.push(source);
    }
    Ok(found)
}

fn described(
    app: &App,
    reading: &Reading,
    organization: &Organization,
    name: Box<str>,
    entries: u64,
    known: Known,
) -> Result<Source, Problem> {
    let filter = entries_of(organization, &name);
    let hour_ago = Timestamp::from_micros(app.now().as_micros() - 3_600_000_000);
    let last_hour = match hour_ago {
        Some(at) => reading.count(&filter.clone().and(Term::From(at).into()))?,
        None => 0,
    };
    let mut newest = newest(reading, filter.clone(), None)?;
    // What was mapped again was received then, and not sent.
    let replayed = known.heard.and_then(|heard| heard.replayed);
    if let (Some(entry), Some((begun, last))) = (&newest, replayed)
        && (begun..=last).contains(&entry.received_at)
    {
        newest = before(reading, filter.clone(), begun)?;
    }
    let mut source = Source {
        organization: organization.clone(),
        entries,
        last_hour,
        newest,
        heard: known.heard,
        kept: known.kept.unwrap_or_default(),
        sequence: app.intake.sequences.of(organization, &name),
        name,
        is_silent: false,
    };
    source.is_silent = rhythm::is_silent(app, reading, &source, &filter)?;
    Ok(source)
}

fn own(organization: &Organization) -> Filter {
    let pattern = Pattern::exact(organization.as_str());
    Filter::from(Term::Value(Field::Organization, pattern))
}

/// The entries of a source.
pub fn entries_of(organization: &Organization, name: &str) -> Filter {
    own(organization).and(Term::Value(Field::Source, Pattern::exact(name)).into())
}

/// The newest that was received before that.
fn before(reading: &Reading, filter: Filter, at: Timestamp) -> Result<Option<Entry>, Problem> {
    newest(reading, filter, Some(sequences::before(at)))
}

fn newest(
    reading: &Reading,
    filter: Filter,
    after: Option<Position>,
) -> Result<Option<Entry>, Problem> {
    let query = PageQuery {
        filter,
        order: Order::Received,
        direction: Direction::Descending,
        limit: 1,
        after,
        as_of: None,
    };
    Ok(reading.page(&query)?.entries.pop())
}
