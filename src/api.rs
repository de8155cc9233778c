//! The handlers of `/v1`, each a few lines, and the functions behind them, which pages call too.
//!
//! - [`query`]: parameters to [`query::Query`]
//! - [`listing`], [`facets`], [`histogram`]: what a snapshot answers, as values and as JSON
//! - [`access`]: who may come in, and what each may do
//! - [`batch`], [`receipts`]: entries in, receipts out; [`published`]: receipts with proofs
//! - [`logs`], [`proof`]: the verifiable log, as strangers read it
//! - [`sources`]: what other systems send in their own words
//! - [`redact`]: erases values and keeps proofs

pub mod access;
pub mod batch;
pub mod catalogue;
pub mod condition;
pub mod facets;
pub mod histogram;
pub mod listing;
pub mod logs;
pub mod proof;
pub mod published;
pub mod query;
pub mod receipts;
pub mod redact;
pub mod sources;

use crate::access::{Permission, Reach};
use crate::answer::Counted;
use crate::app::App;
use crate::body::{self, Coding, Share};
use crate::guard::Caller;
use crate::guard::caller::SignInFirst;
use crate::intake::sequences::Sequences;
use crate::problem::{Fault, Kind, Problem};
use crate::reading::{self, Reading};
use crate::watching::Deed;
use crate::watching::people::Search;
use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use entry::{Entry, EntryId, Filter, Mask, Organization};
use facets::FacetQuery;
use histogram::HistogramQuery;
use query::{Parameters, Query, refused};
use receipts::Receipts;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Instant;
use store::Kept;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

type Answer = Result<Response, Problem>;

/// `POST /v1/entries` appends entries and answers with one receipt each, in the order sent, after stable storage.
pub async fn append(
    State(app): State<Arc<App>>,
    caller: Result<Caller, SignInFirst>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let caller = match caller {
        Ok(caller) => caller,
        Err(first) => {
            body::linger(body);
            return Ok(first.into_response());
        }
    };
    let wanted = Wanted::parse(&app, &caller, raw.as_deref())
        .and_then(|wanted| Ok((wanted, batch::Form::of(&headers)?, Coding::of(&headers)?)));
    let (wanted, form, coding) = match wanted {
        Ok(wanted) => wanted,
        Err(problem) => {
            body::linger(body);
            return Err(problem);
        }
    };
    let mut share = Share::none_yet(&app);
    let packed = body::receive(&app, &headers, body, &mut share).await?;
    let (bytes, share) = body::unpack(&app, coding, packed, share).await?;
    let room = body::room_to_parse(&app, bytes.len()).await;
    let hand_over = move |app: &Arc<App>| {
        let filling = batch::Filling {
            catalogue: &app.catalogue,
            organization: &wanted.organization,
            reach: &wanted.reach,
            verified: wanted.verified.as_ref(),
            takes_own: wanted.takes_own,
            now: app.now(),
            alone: app.work.inside() == 1,
        };
        let batch = batch::read(form, &bytes, &filling)?;
        drop((bytes, share));
        let logs = { wanted.verified.as_ref() }.map(|_| batch.organizations());
        Ok((submit(app, batch.items, room), batch.refusals, logs))
    };
    let (stored, refusals, logs) = app.blocking(hand_over).await?;
    let stored = stored
        .await
        .map_err(|_| Kind::Closing.detail("the log stopped before it answered"))??;
    let receipts = Receipts::join(stored, refusals);
    app.metrics.appended(&receipts);
    let kind = if receipts.status() == StatusCode::OK {
        JSON
    } else {
        PROBLEM
    };
    let (status, headers) = (receipts.status(), [(header::CONTENT_TYPE, kind)]);
    let body = match logs {
        None => Body::from(receipts.to_json(INSTANCE, None)),
        Some(logs) => {
            let (body, share) = published::answer(&app, receipts, logs, INSTANCE).await;
            let body = share.into_body(body);
            return Ok((status, headers, Extension(Counted), body).into_response());
        }
    };
    Ok((status, headers, body).into_response())
}

const INSTANCE: &str = "/v1/entries";

type Stored = Result<Vec<store::Receipt>, store::Error>;

/// The one crossing from here to the log's thread and back. The room in memory is given back once the log has answered,
/// also if the caller has hung up: its entries are stored all the same.
fn submit(
    app: &Arc<App>,
    items: Vec<store::Item>,
    room: OwnedSemaphorePermit,
) -> oneshot::Receiver<Stored> {
    let (done, stored) = oneshot::channel();
    if items.is_empty() {
        // Every item was refused; the receiver is right here.
        drop(done.send(Ok(Vec::new())));
        return stored;
    }
    let (timed, started) = (Arc::clone(app), Instant::now());
    let numbered = Sequences::numbered(&items);
    let answer = move |stored: Stored| {
        timed
            .metrics
            .append_seconds
            .observe(started.elapsed().as_secs_f64());
        drop(room);
        if let Ok(receipts) = &stored {
            timed.intake.sequences.stored(&numbered, receipts);
        }
        // A caller that hung up gets no receipts.
        drop(done.send(stored));
    };
    app.store.append_then(items, Box::new(answer));
    stored
}

/// The parameters of an append.
struct Wanted {
    /// Of entries that name none: `?organization=`, else the caller's if it has just one, else the configured one.
    organization: Organization,
    /// Where the caller may record.
    reach: Reach,
    /// Receipts shall carry proofs: where the caller may verify.
    verified: Option<Reach>,
    takes_own: bool,
}

impl Wanted {
    fn parse(app: &App, caller: &Caller, raw: Option<&str>) -> Result<Self, Problem> {
        let reach = reading::reach(caller, Permission::Record)?;
        let mut parameters = Parameters::read(raw)?;
        let mut faults = Vec::new();
        let otherwise = caller.principal.home();
        let otherwise = otherwise.unwrap_or(&app.settings.default_organization);
        let organization = match parameters.once("organization", &mut faults) {
            None => Some(otherwise.clone()),
            Some(text) => Organization::parse(&text),
        };
        if organization.is_none() {
            faults.push(Fault::parameter("organization", "1 to 63 of a-z 0-9 . _ -"));
        }
        let waits = [("stored", false), ("published", true)];
        let published = parameters.choice("wait", &waits, &mut faults);
        parameters.finish(&["organization", "wait"], faults)?;
        let verified = match published {
            Some(true) => Some(reading::reach(caller, Permission::Verify)?),
            _ => None,
        };
        Ok(Self {
            organization: organization.unwrap_or_else(|| otherwise.clone()),
            reach,
            verified,
            takes_own: caller.principal.holds_everything(),
        })
    }
}

/// `GET /v1/entries` lists a page.
pub async fn list(State(app): State<Arc<App>>, caller: Caller, RawQuery(raw): RawQuery) -> Answer {
    let reading = app.reading(&caller, Permission::Read)?;
    let mut parameters = Parameters::read(raw.as_deref())?;
    let kept = parameters.clone();
    let query = Query::parse(&app, &mut parameters, &[])?;
    app.note_search(&caller, &reading, Search::page(&query))
        .await;
    let complete_through = match query.cursor {
        None => reading.complete_through(&app, &query.filter),
        // A walk goes on in an older state, of which nothing is known.
        Some(_) => None,
    };
    let reading = app.reading(&caller, Permission::Read)?;
    app.blocking(move |app| {
        let listing = listing::list(&reading, &query)?;
        let secret = app.store.secret();
        let mut response = json(listing.to_json(&secret, complete_through));
        if let Some(cursor) = &listing.next {
            let link = format!(
                "</v1/entries?{}>; rel=\"next\"",
                kept.with("cursor", &cursor.encode(&secret))
            );
            let link = HeaderValue::from_str(&link).expect("percent-encoded text is ASCII");
            response.headers_mut().insert(header::LINK, link);
        }
        Ok(response)
    })
    .await
}

/// `GET /v1/entries/{id}` shows one entry.
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let reading = app.reading(&caller, Permission::Read)?;
    let mut parameters = Parameters::read(raw.as_deref())?;
    let mut faults = Vec::new();
    let organization = parameters.once("organization", &mut faults);
    parameters.finish(&["organization"], faults)?;
    // A path that is no text names no entry.
    let id = id.map_or(String::new(), |Path(id)| id);
    let shown = app.blocking(move |_| {
        let entry = find(&reading, &id, organization.as_deref())?;
        let mut wire = Vec::new();
        entry.write_wire(&mut wire);
        let digest = Sha256::digest(&wire);
        let tag =
            HeaderValue::from_str(&format!("\"{}\"", crate::cursor::base64url(&digest[..18])))
                .expect("base64 is ASCII");
        let known = headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .any(|sent| names_tag(sent, &tag));
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            json(wire)
        };
        response.headers_mut().insert(header::ETAG, tag);
        response.headers_mut().insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        );
        Ok((response, Deed::viewed(&entry)))
    });
    let (response, deed) = shown.await?;
    app.note_reading(&caller, deed).await;
    Ok(response)
}

/// The entry of an id; in the first organization that has one, or in the one named. None is 404, whatever the reason: that
/// there is none, or that it is out of reach.
pub fn find(reading: &Reading, id: &str, organization: Option<&str>) -> Result<Entry, Problem> {
    let id = EntryId::parse(id).ok_or_else(no_entry)?;
    let wanted =
        |entry: &Entry| organization.is_none_or(|o| entry.scope.organization.as_str() == o);
    reading
        .get(&id)?
        .into_iter()
        .find(wanted)
        .ok_or_else(no_entry)
}

/// As [`find`], as it is kept: with what proves it, and what of it the caller does not see by either of two permissions.
pub fn find_kept(
    reading: &Reading,
    verified: &Reading,
    id: &str,
    organization: Option<&str>,
) -> Result<(Kept, Mask), Problem> {
    let id = EntryId::parse(id).ok_or_else(no_entry)?;
    let wanted =
        |entry: &Entry| organization.is_none_or(|o| entry.scope.organization.as_str() == o);
    let entries = reading.get_kept(&id)?.into_iter();
    let mut both = entries.filter_map(|(kept, mask)| {
        let other = verified.mask_of(&kept)?;
        Some((kept, mask.or(other)))
    });
    both.find(|(kept, _)| wanted(kept)).ok_or_else(no_entry)
}

/// The same for an entry out of reach as for none.
pub fn no_entry() -> Problem {
    Kind::NotFound.detail("no entry of that id")
}

/// RFC 9110 section 13.1.2: a list of tags, weak ones compared as strong, or `*`.
fn names_tag(sent: &HeaderValue, tag: &HeaderValue) -> bool {
    let Ok(sent) = sent.to_str() else {
        return false;
    };
    sent.split(',')
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == "*" || one.as_bytes() == tag.as_bytes())
}

/// `GET /v1/facets` counts values.
pub async fn count(State(app): State<Arc<App>>, caller: Caller, RawQuery(raw): RawQuery) -> Answer {
    let reading = app.reading(&caller, Permission::Read)?;
    let mut parameters = Parameters::read(raw.as_deref())?;
    let mut faults = Vec::new();
    let wanted = FacetQuery::parse(&mut parameters, &mut faults);
    let filter = filter_only(&app, parameters, FacetQuery::PARAMETERS, faults)?;
    app.note_search(&caller, &reading, Search::facets(&filter, &wanted))
        .await;
    app.blocking(move |_| Ok(json(facets::facets(&reading, &filter, &wanted)?.to_json())))
        .await
}

/// `GET /v1/histogram` counts success and failure over time.
pub async fn chart(State(app): State<Arc<App>>, caller: Caller, RawQuery(raw): RawQuery) -> Answer {
    let reading = app.reading(&caller, Permission::Read)?;
    let mut parameters = Parameters::read(raw.as_deref())?;
    let mut faults = Vec::new();
    let wanted = HistogramQuery::parse(&mut parameters, &mut faults);
    let filter = filter_only(&app, parameters, HistogramQuery::PARAMETERS, faults)?;
    app.note_search(&caller, &reading, Search::of(&filter))
        .await;
    app.blocking(move |_| {
        Ok(json(
            histogram::histogram(&reading, &filter, &wanted)?.to_json(),
        ))
    })
    .await
}

/// The filter of a call that has neither order nor page; every fault in one answer.
pub fn filter_only(
    app: &App,
    mut parameters: Parameters,
    own: &[&str],
    mut faults: Vec<Fault>,
) -> Result<Filter, Problem> {
    let filter = parameters.filter(app.now(), own, &mut faults);
    if faults.is_empty() {
        Ok(filter)
    } else {
        Err(refused(faults))
    }
}

/// `GET /v1/catalogue` names categories, actions and target types.
pub async fn catalogue(State(app): State<Arc<App>>, _: Caller, RawQuery(raw): RawQuery) -> Answer {
    Parameters::read(raw.as_deref())?.finish(&[], Vec::new())?;
    Ok(json(catalogue::to_json(&app.catalogue)))
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, JSON)], body).into_response()
}
