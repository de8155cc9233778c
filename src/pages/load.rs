//! What a page shows, asked of the functions behind `/v1`: rows, counts and bars at the same time.

use super::chart::{BARS, Chart};
use super::details::Details;
use super::facets::{FIELDS, TOP_EXPANDED};
use super::list::{Listing, Relaxed};
use super::location::Location;
use super::setting::Setting;
use super::target::History;
use super::toolbar::NOISE;
use crate::api::histogram::{HistogramQuery, histogram};
use crate::api::listing;
use crate::api::query::{Parameters, Query};
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::reading::Reading;
use crate::watching::people::Search;
use entry::field::Field;
use entry::filter::{Pattern, Term};
use entry::{Entry, Filter, Target};
use std::sync::Arc;
use store::view::{Direction, Order, PageQuery};

/// Parameters of the page alone; everything else is the API's, and refused where it does not know it.
const OWN: &[&str] = &["columns", "joined", "tz", "selected", "expand", "live"];

/// Fields of tabs and pickers.
const PICKED: &[Field] = &[
    Field::Category,
    Field::TargetType,
    Field::Organization,
    Field::Project,
];

/// Entries of a target that the details of one show.
const HISTORY: usize = 6;
/// Entries of a request that the details of one show.
const SAME_REQUEST: usize = 8;
/// Entries of a page of a target's history.
const STEPS: usize = 30;

/// The API's parameters of a location.
fn parameters(here: &Location) -> Result<Parameters, Problem> {
    let mut api = here.clone();
    for name in OWN {
        api = api.dropping(name);
    }
    Parameters::read(Some(&api.query()))
}

/// The query of a location, as `GET /v1/entries` reads it.
pub fn query(app: &App, here: &Location) -> Result<Query, Problem> {
    Query::parse(app, &mut parameters(here)?, &[])
}

/// How much of the page is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    /// The entry beside the list only, with its neighbours.
    Drawer,
}

/// All that the list shows.
pub async fn list(
    app: &Arc<App>,
    caller: &Caller,
    reading: Reading,
    setting: &Setting,
    part: Part,
) -> Result<Listing, Problem> {
    let here = &setting.here;
    let query = match setting.known_zone().and_then(|()| query(app, here)) {
        Ok(query) => query,
        Err(problem) => {
            let stored = app.blocking(move |_| Ok(reading.stored()?)).await?;
            return Ok(Listing {
                stored,
                problem: Some(problem),
                ..Listing::default()
            });
        }
    };
    if part == Part::Whole {
        let expanded = here.get("expand").and_then(Field::parse);
        let search = Search::page(&query).listing(expanded.as_slice(), TOP_EXPANDED);
        app.note_search(caller, &reading, search).await;
    }
    let selected = here.get("selected").map(str::to_owned);
    let rows = {
        let (reading, query) = (reading.clone(), query.clone());
        app.blocking(move |app| rows(app, &reading, &query, selected.as_deref()))
    };
    if part == Part::Drawer {
        return rows.await;
    }
    let counts = {
        let (reading, query, here) = (reading.clone(), query.clone(), here.clone());
        app.blocking(move |app| counts(app, &reading, &query, &here))
    };
    let bars = {
        let (reading, filter, timezone) =
            (reading, query.filter.clone(), setting.zone.zone().clone());
        app.blocking(move |_| {
            histogram(
                &reading,
                &filter,
                &HistogramQuery {
                    buckets: BARS,
                    timezone,
                },
            )
        })
    };
    let (rows, counts, bars) = tokio::try_join!(rows, counts, bars)?;
    let (from, to) = query.filter.time_range();
    let chart = bars.end.map(|end| Chart {
        bars: bars.bars,
        end,
    });
    Ok(Listing {
        entries: rows.entries,
        next_cursor: rows.next_cursor,
        selected: rows.selected,
        chart,
        from,
        to,
        as_of: rows.as_of,
        ..counts
    })
}

fn rows(
    app: &App,
    reading: &Reading,
    query: &Query,
    selected: Option<&str>,
) -> Result<Listing, Problem> {
    let page = listing::list(reading, query)?;
    let selected = match selected {
        None => None,
        Some(id) => Some(beside(app, reading, &page.entries, id)?),
    };
    Ok(Listing {
        next_cursor: page.next.map(|cursor| cursor.encode(&app.store.secret())),
        entries: page.entries,
        selected,
        as_of: reading.state()?,
        ..Listing::default()
    })
}

/// The details of an entry and its neighbours in the list.
fn beside(
    app: &App,
    reading: &Reading,
    rows: &[Entry],
    id: &str,
) -> Result<Option<Details>, Problem> {
    let at = rows.iter().position(|row| row.id.to_string() == id);
    let entry = match at {
        Some(at) => rows[at].clone(),
        None => match crate::api::find(reading, id, None) {
            Ok(entry) => entry,
            Err(problem) if problem.kind == crate::problem::Kind::NotFound => return Ok(None),
            Err(problem) => return Err(problem),
        },
    };
    let mut details = details(app, reading, entry)?;
    let neighbour =
        |at: Option<usize>| at.and_then(|at| rows.get(at)).map(|row| row.id.to_string());
    details.previous = neighbour(at.and_then(|at| at.checked_sub(1)));
    details.next = neighbour(at.map(|at| at + 1));
    Ok(Some(details))
}

/// One entry with what belongs to it.
pub fn details(app: &App, reading: &Reading, entry: Entry) -> Result<Details, Problem> {
    let own: Filter = Term::Value(
        Field::Organization,
        Pattern::exact(entry.scope.organization.as_str()),
    )
    .into();
    let history = match entry.target.as_ref().and_then(of_target) {
        Some(filter) => newest(reading, own.clone().and(filter), HISTORY)?,
        None => Vec::new(),
    };
    let same_request = match entry.request.id.as_deref() {
        Some(request) => {
            let same: Filter = Term::Value(Field::RequestId, Pattern::exact(request)).into();
            newest(reading, own.and(same), SAME_REQUEST + 1)?
        }
        None => Vec::new(),
    };
    let same_request = same_request
        .into_iter()
        .filter(|other| other.seq != entry.seq)
        .take(SAME_REQUEST);
    Ok(Details {
        same_request: same_request.collect(),
        erasures: super::erasure::of(reading, &entry)?,
        vkeys: super::integrity::vkeys(app, &entry.scope.organization),
        entry,
        history,
        previous: None,
        next: None,
    })
}

/// The entries of a target: of its type, and with its id or, where it has none, its name.
fn of_target(target: &Target) -> Option<Filter> {
    let key = target.id.as_deref().or(target.name.as_deref())?;
    let filter: Filter = Term::Value(Field::Target, Pattern::exact(key)).into();
    Some(match target.kind.as_deref() {
        Some(kind) => filter.and(Term::Value(Field::TargetType, Pattern::exact(kind)).into()),
        None => filter,
    })
}

fn newest(reading: &Reading, filter: Filter, limit: usize) -> Result<Vec<Entry>, Problem> {
    let query = PageQuery {
        filter,
        order: Order::Time,
        direction: Direction::Descending,
        limit,
        after: None,
        as_of: None,
    };
    Ok(reading.page(&query)?.entries)
}

fn counts(
    app: &App,
    reading: &Reading,
    query: &Query,
    here: &Location,
) -> Result<Listing, Problem> {
    let filter = &query.filter;
    let total = reading.count(filter)?;
    // Counting is what costs; naming fifty values or seven is the same.
    let mut fields = FIELDS.to_vec();
    fields.extend(PICKED.iter().filter(|field| !FIELDS.contains(field)));
    let noise: Filter = Term::HasContext("noise".into()).into();
    Ok(Listing {
        total,
        stored: reading.stored()?,
        noise: if here.get(NOISE).is_some() {
            0
        } else {
            reading.count(&filter.clone().and(noise))?
        },
        facets: reading.facets(filter, &fields, TOP_EXPANDED)?,
        relaxed: if total == 0 {
            relaxed(app, reading, here)?
        } else {
            Vec::new()
        },
        ..Listing::default()
    })
}

/// How many entries there would be without each one of the filters.
fn relaxed(app: &App, reading: &Reading, here: &Location) -> Result<Vec<Relaxed>, Problem> {
    let mut out = Vec::new();
    for (name, value) in here.filters() {
        let without = query(app, &here.without_param(name, value))?;
        let count = reading.count(&without.filter)?;
        if count > 0 {
            out.push(Relaxed {
                name: name.into(),
                value: value.into(),
                count,
            });
        }
    }
    out.sort_by_key(|relaxed| std::cmp::Reverse(relaxed.count));
    Ok(out)
}

/// The query of a page of what happened to a target.
pub fn steps(app: &App, here: &Location, kind: &str, key: &str) -> Result<Query, Problem> {
    let mut asked = Location::list()
        .only("target_type", kind)
        .only("target", key)
        .with("limit", &STEPS.to_string());
    for name in ["organization", "cursor"] {
        if let Some(value) = here.get(name) {
            asked = asked.with(name, value);
        }
    }
    query(app, &asked)
}

/// A page of what happened to a target.
pub fn history(
    app: &App,
    reading: &Reading,
    query: &Query,
    kind: &str,
    key: &str,
) -> Result<History, Problem> {
    let page = listing::list(reading, query)?;
    let named = |target: &Target| {
        let same = target.id.as_deref() == Some(key) || target.name.as_deref() == Some(key);
        target
            .name
            .as_deref()
            .filter(|name| same && !name.is_empty())
            .map(str::to_owned)
    };
    let mut targets = page
        .entries
        .iter()
        .flat_map(|entry| entry.target.iter().chain(&entry.related));
    Ok(History {
        kind: kind.into(),
        key: key.into(),
        name: targets.find_map(named),
        total: reading.count(&query.filter)?,
        next_cursor: page
            .next
            .as_ref()
            .map(|cursor| cursor.encode(&app.store.secret())),
        entries: page.entries,
    })
}
