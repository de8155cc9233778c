//! `/services/collector`, Splunk's HTTP Event Collector, and the same below `/v1/sources/hec/{name}`. Answers are Splunk's, with its codes.

use super::call::{Call, Parsed, may_come_again, may_record, unreadable};
use super::source;
use crate::app::App;
use crate::guard::Caller;
use crate::guard::caller::SignInFirst;
use crate::intake::shelf::SourceName;
use crate::intake::{Taken, claims_of, protocols};
use crate::problem::{Kind, Problem};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sources::hec::{self, BLANK_EVENT, Defaults, Events, NO_EVENT};
use std::sync::Arc;
use store::Health;

/// The source of what is sent to `/services/collector`.
const UNNAMED: &str = "hec";

/// What Splunk says, and its number for it.
type Said = (StatusCode, u16, String);

/// `GET /services/collector/health` says, to whoever asks, whether events can be taken.
pub async fn health(State(app): State<Arc<App>>) -> Response {
    match app.store.health() {
        Health::Ready => answer((StatusCode::OK, 17, "HEC is healthy".to_owned()), None),
        Health::NoSpace { .. } | Health::Latched { .. } | Health::Damaged { .. } => {
            let says = "HEC is unhealthy, queues are full".to_owned();
            answer((StatusCode::SERVICE_UNAVAILABLE, 18, says), None)
        }
    }
}

/// `OPTIONS` of what takes events, by which some ask whether anybody is there, and show no token.
pub async fn offered() -> StatusCode {
    StatusCode::OK
}

/// `POST /services/collector/ack`: an answer is the acknowledgement, so that nobody has to ask for one later.
pub async fn acknowledged(caller: Result<Caller, SignInFirst>, headers: HeaderMap) -> Response {
    match may_record(caller) {
        Err(problem) => refused(&problem, headers.contains_key(header::AUTHORIZATION)),
        Ok(()) => {
            let said = "ACK is disabled".to_owned();
            answer((StatusCode::BAD_REQUEST, 14, said), None)
        }
    }
}

/// `POST /services/collector` and `POST /services/collector/event`: objects.
pub async fn collect(State(app): State<Arc<App>>, call: Call) -> Response {
    answered(&app, call, UNNAMED, Form::Objects).await
}

/// `POST /services/collector/raw`: lines.
pub async fn collect_lines(State(app): State<Arc<App>>, call: Call) -> Response {
    answered(&app, call, UNNAMED, Form::Lines).await
}

/// Objects of a source that is named.
pub async fn collect_named(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    call: Call,
) -> Response {
    answered(&app, call, &name, Form::Objects).await
}

/// Lines of a source that is named.
pub async fn collect_lines_named(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    call: Call,
) -> Response {
    answered(&app, call, &name, Form::Lines).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Objects,
    Lines,
}

async fn answered(app: &Arc<App>, call: Call, name: &str, form: Form) -> Response {
    let source = match source(name) {
        Ok(source) => source,
        Err(problem) => return call.refuse(problem).into_response(),
    };
    let shown = call.headers.contains_key(header::AUTHORIZATION);
    match take(app, call, source, form).await {
        Err(problem) => refused(&problem, shown),
        Ok((taken, damaged)) => of(&taken, damaged),
    }
}

/// What Splunk knows besides, and what says nothing here.
const UNSAID: [&str; 2] = ["channel", "auto_extract_timestamp"];

/// The parameters of a call.
const SAID: [&str; 5] = ["host", "source", "sourcetype", "index", "time"];

async fn take(
    app: &Arc<App>,
    call: Call,
    source: SourceName,
    form: Form,
) -> Result<(Taken, Option<usize>), Problem> {
    let mut received = call.receive(app, source).await?;
    let said = SAID.map(|name| received.parameter(name));
    for name in UNSAID {
        received.parameter(name);
    }
    received.takes_no_more_parameters(app)?;
    let sender = received.sender().clone();
    let read = move |app: &Arc<App>, body: &[u8]| {
        let [host, source, sourcetype, index, time] = said.each_ref().map(Option::as_deref);
        let defaults = Defaults {
            host,
            source,
            sourcetype,
            index,
            time,
        };
        let claims = claims_of(&sender, app.now());
        let table = app.settings.tables.of(&sender);
        let table = table.unwrap_or(hec::table());
        let events = match form {
            Form::Objects => hec::read(body, defaults, table, &claims),
            Form::Lines => {
                let sent = hec::read_raw(body, defaults, table, &claims);
                sent.map(|sent| Events {
                    sent,
                    damaged: None,
                })
            }
        };
        let events = events.map_err(unreadable)?;
        let origin = protocols::origin(sender, hec::FORMAT);
        Ok(Parsed {
            parts: vec![(origin, events.sent)],
            more: events.damaged,
        })
    };
    let wait = app.settings.limits.exporter_wait;
    let (mut taken, damaged) = received.take(app, wait, read).await?;
    Ok((taken.remove(0), damaged))
}

/// What is refused or damaged is told with its number; everything else of the call was taken all the same.
fn of(taken: &Taken, damaged: Option<usize>) -> Response {
    // What finds no room is sent again, if that doubles nothing.
    if let Some(problem) = taken.refusal().filter(may_come_again) {
        return refused(&problem, true);
    }
    let first = taken.refused().map(|(at, one)| (at, one.why.as_str()));
    let bad = |code: u16, says: &str| (StatusCode::BAD_REQUEST, code, says.to_owned());
    match (first.into_iter().next(), damaged) {
        _ if taken.tally.sent == 0 => answer(bad(5, "No data"), None),
        (Some((at, NO_EVENT)), _) => answer(bad(12, NO_EVENT), Some(at)),
        (Some((at, BLANK_EVENT)), _) => answer(bad(13, BLANK_EVENT), Some(at)),
        (Some((at, why)), _) => answer(bad(6, &format!("Invalid data format: {why}")), Some(at)),
        (None, Some(at)) => answer(bad(6, "Invalid data format"), Some(at)),
        (None, None) => answer((StatusCode::OK, 0, "Success".to_owned()), None),
    }
}

fn refused(problem: &Problem, shown: bool) -> Response {
    let says = |says: &str| says.to_owned();
    let said = match problem.kind {
        _ if may_come_again(problem) => {
            (StatusCode::SERVICE_UNAVAILABLE, 9, says("Server is busy"))
        }
        Kind::Unauthenticated if !shown => (StatusCode::UNAUTHORIZED, 2, says("Token is required")),
        Kind::Unauthenticated => (StatusCode::FORBIDDEN, 4, says("Invalid token")),
        Kind::Forbidden => (StatusCode::FORBIDDEN, 7, says("Incorrect index")),
        kind => {
            let says = format!("Invalid data format: {}", problem.detail);
            (kind.status(), 6, says)
        }
    };
    let mut response = answer(said, None);
    let headers = response.headers_mut();
    headers.extend(problem.headers().iter().cloned());
    response
}

fn answer((status, code, text): Said, at: Option<usize>) -> Response {
    let mut body = json!({"text": text, "code": code});
    if let Some(at) = at {
        body["invalid-event-number"] = at.into();
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, body.to_string()).into_response()
}
