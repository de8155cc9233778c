//! Everything from now on: server-sent events, one an entry, in order of receipt.
//!
//! Nothing is buffered for a subscriber: each is a position in the log that moves on when its connection has room. So a slow
//! one lags, and resumes by `Last-Event-ID` without gap or repeat; one that stops reading is told why and cut.
//!
//! Events: `entry` (data: the entry as `GET /v1/entries` shows it) and, before the server ends the stream, `end` (data:
//! `{"reason":…}`). The id of an event is `<received_at in µs>-<seq>-<organization>`. An id without data says that nothing up
//! to there matched.

use crate::access::{Permission, Principal};
use crate::api::filter_only;
use crate::api::query::Parameters;
use crate::app::App;
use crate::guard::Caller;
use crate::guard::caller::unauthenticated;
use crate::guard::stream::{self, Until};
use crate::problem::{Fault, Kind, Problem};
use crate::reading::Reading;
use crate::watching::{self, Act, Deed};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use entry::{Filter, Organization, Seq, Timestamp};
use http_body_util::StreamBody;
use hyper::body::Frame;
use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use store::view::{Direction, Order, PageQuery, Position};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;

/// Entries fetched at a time.
const STEP: usize = 200;
/// The shortest time between two looks at the log.
const PACE: Duration = Duration::from_millis(10);
/// The name of the parameter for callers that cannot set `Last-Event-ID`.
const RESUME: &str = "last_event_id";

/// `GET /v1/tail` streams what is appended from now on, or since `Last-Event-ID`.
pub async fn tail(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let reading = app.reading(&caller, Permission::Read)?;
    let mut parameters = Parameters::read(raw.as_deref())?;
    let mut faults = Vec::new();
    let sent = headers
        .get("last-event-id")
        .map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let named = parameters.once(RESUME, &mut faults);
    let after = sent.filter(|id| !id.is_empty()).or(named);
    let filter = filter_only(&app, parameters, &[RESUME], faults)?;
    let concerned = app.concerned(&reading, &filter);
    let at = match after {
        Some(id) => Place::parse(&id).ok_or_else(|| foreign(&id))?,
        None => {
            let state = app.blocking(move |_| Ok(reading.state()?)).await?;
            Place::after_all_of(state.unwrap_or(Timestamp::MIN))
        }
    };
    let place = app.tails.enter().await?;
    let deed = Deed::new(Act::TailEntries).of(concerned.as_ref());
    let deed = deed.with("filter", watching::said(&filter));
    app.note_reading(&caller, deed).await;
    let (sender, receiver) = channel(2);
    let headers = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    )];
    let may = |now: &Principal| now.holds(Permission::Read);
    let stopped = stream::stopped(Arc::clone(&app), caller.principal.clone(), may);
    let last = Ok(Frame::data(end_event("you may no longer read this")));
    let body = Until::new(ReceiverStream::new(receiver), stopped, last);
    tokio::spawn(async move {
        app.metrics.tails.inc();
        let follower = Follower {
            caller,
            filter,
            seen: at.clone(),
            told: at,
        };
        if let Err(Gone) = follow(&app, follower, &sender).await {
            tracing::debug!("a tail's reader is gone");
        }
        app.metrics.tails.dec();
        drop::<OwnedSemaphorePermit>(place);
    });
    Ok((headers, Body::new(StreamBody::new(body))).into_response())
}

fn foreign(id: &str) -> Problem {
    Kind::BadCursor
        .detail("not the id of an event of this tail; begin again without one")
        .with(vec![Fault::parameter(
            RESUME,
            format!("no place in a tail: {id:?}"),
        )])
}

type Event = Result<Frame<Bytes>, Infallible>;

/// The reader has closed its side.
struct Gone;

/// A reader on its way through the log.
struct Follower {
    caller: Caller,
    filter: Filter,
    /// Up to here everything was looked at.
    seen: Place,
    /// What the reader was told of that. To one who does not see everything it moves with what it is sent only: when
    /// something out of its reach was recorded is nothing it should hear.
    told: Place,
}

async fn follow(
    app: &Arc<App>,
    mut follower: Follower,
    sender: &Sender<Event>,
) -> Result<(), Gone> {
    let mut commits = app.commits.subscribe();
    let mut closing = app.closing.subscribe();
    let heartbeat = app.settings.limits.heartbeat;
    let hello = format!("retry: 2000\nid: {}\n\n", follower.told);
    send(app, sender, hello.into()).await?;
    loop {
        commits.mark_unchanged();
        loop {
            let Step {
                events,
                seen,
                told,
                more,
            } = match step(app, &follower).await {
                Ok(step) => step,
                Err(problem) => return end(sender, &problem.detail).await,
            };
            (follower.seen, follower.told) = (seen, told);
            if !events.is_empty() {
                send(app, sender, events.into()).await?;
            }
            if !more {
                break;
            }
        }
        // Under load one step takes many commits together.
        tokio::time::sleep(PACE).await;
        let woken = tokio::select! {
            () = sender.closed() => return Err(Gone),
            () = closes(&mut closing) => Woken::Closing,
            woken = timeout(heartbeat, commits.changed()) => match woken {
                Ok(Ok(())) => Woken::Commit,
                Ok(Err(_)) => Woken::Closing,
                Err(_) => Woken::Silence,
            },
        };
        match woken {
            Woken::Commit => {}
            Woken::Closing => return end(sender, "the server is shutting down").await,
            Woken::Silence => {
                let heartbeat = format!(":\nid: {}\n\n", follower.told);
                send(app, sender, heartbeat.into()).await?;
            }
        }
    }
}

enum Woken {
    Commit,
    Silence,
    Closing,
}

/// Resolves once the server shuts down.
async fn closes(closing: &mut watch::Receiver<bool>) {
    // Without a sender there is no server either.
    drop(closing.wait_for(|closing| *closing).await);
}

struct Step {
    events: Vec<u8>,
    seen: Place,
    told: Place,
    more: bool,
}

/// The next entries, as the reader may see them by now.
async fn step(app: &Arc<App>, follower: &Follower) -> Result<Step, Problem> {
    let principal = app.door.renew(&follower.caller.principal, app.now());
    let principal = principal.map_err(|_| unauthenticated("you may no longer read this"))?;
    let caller = Caller {
        principal,
        circumstances: follower.caller.circumstances.clone(),
    };
    let reading = app.reading(&caller, Permission::Read)?;
    let query = PageQuery {
        filter: follower.filter.clone(),
        order: Order::Received,
        direction: Direction::Ascending,
        limit: STEP,
        after: Some(follower.seen.0.clone()),
        as_of: reading.untold_state(),
    };
    let (seen, told) = (follower.seen.clone(), follower.told.clone());
    app.blocking(move |_| step_from(&reading, &query, seen, told))
        .await
}

fn step_from(
    reading: &Reading,
    query: &PageQuery,
    seen: Place,
    mut told: Place,
) -> Result<Step, Problem> {
    let Some(state) = query.as_of else {
        return Ok(Step {
            events: Vec::new(),
            seen,
            told,
            more: false,
        });
    };
    let page = reading.page(query)?;
    let mut events = Vec::with_capacity(page.entries.len() * 900);
    for entry in &page.entries {
        told = Place(Position::of(entry));
        write!(events, "id: {told}\nevent: entry\ndata: ").expect("memory is written");
        // Canonical JSON has no line ends.
        entry.write_wire(&mut events);
        events.extend_from_slice(b"\n\n");
    }
    let more = page.next.is_some();
    let seen = match page.next {
        Some(next) => Place(next),
        None => seen.max(Place::after_all_of(state)),
    };
    if reading.is_whole() {
        told = seen.clone();
    }
    Ok(Step {
        events,
        seen,
        told,
        more,
    })
}

/// Hands events over; a reader that takes nothing for `write_wait` is told, should it ever read again, and left.
async fn send(app: &App, sender: &Sender<Event>, events: Bytes) -> Result<(), Gone> {
    match timeout(
        app.settings.limits.write_wait,
        sender.send(Ok(Frame::data(events))),
    )
    .await
    {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Gone),
        Err(_) => {
            end(sender, "the reader was too slow; resume by Last-Event-ID").await?;
            Err(Gone)
        }
    }
}

async fn end(sender: &Sender<Event>, reason: &str) -> Result<(), Gone> {
    sender
        .send(Ok(Frame::data(end_event(reason))))
        .await
        .map_err(|_| Gone)
}

fn end_event(reason: &str) -> Bytes {
    let reason = serde_json::json!({ "reason": reason });
    format!("event: end\ndata: {reason}\n\n").into()
}

/// The `last_event_id` behind everything that a snapshot of this state holds: where what shows it goes on without a gap.
pub fn behind(state: Timestamp) -> String {
    Place::after_all_of(state).to_string()
}

/// A place in order of receipt. Its timestamp has no say in that order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place(Position);

impl Place {
    /// Behind every entry received up to `state`: no slug sorts after 63 times `z`.
    fn after_all_of(state: Timestamp) -> Self {
        let last = "z".repeat(entry::limits::ORGANIZATION_BYTES_MAX);
        let organization = Organization::parse(&last).expect("a slug");
        Self(Position {
            timestamp: state,
            received_at: state,
            organization,
            seq: Seq(u64::MAX),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut parts = digits.splitn(3, '-');
        let micros: i64 = parts.next()?.parse().ok()?;
        let received_at = Timestamp::from_micros(if negative { -micros } else { micros })?;
        let seq = Seq(parts.next()?.parse().ok()?);
        let organization = Organization::parse(parts.next()?)?;
        Some(Self(Position {
            timestamp: received_at,
            received_at,
            organization,
            seq,
        }))
    }

    fn max(self, other: Self) -> Self {
        let key = |place: &Self| {
            (
                place.0.received_at,
                place.0.organization.clone(),
                place.0.seq,
            )
        };
        if key(&self) < key(&other) {
            other
        } else {
            self
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Position {
            received_at,
            organization,
            seq,
            ..
        } = &self.0;
        write!(f, "{}-{}-{organization}", received_at.as_micros(), seq.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for text in [
            "1793534400000000-12-acme",
            "-5-0-a-b.c",
            "0-18446744073709551615-zz",
        ] {
            assert_eq!(Place::parse(text).expect("a place").to_string(), text);
        }
        let start = Place::after_all_of(Timestamp::MIN);
        assert_eq!(
            Place::parse(&start.to_string())
                .expect("a place")
                .to_string(),
            start.to_string()
        );
    }

    #[test]
    fn foreign_ids_are_no_places() {
        for text in [
            "",
            "-",
            "7",
            "7-1",
            "7-1-",
            "7-1-ACME",
            "7--acme",
            "x-1-acme",
            "9223372036854775807-1-a",
            "--5-1-a",
        ] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
