//! `POST /v1/logs`, where OpenTelemetry's exporters send log records, and `POST /v1/sources/otlp/{name}/v1/logs`.
//!
//! Answers are in the form of the call. 503 is the only refusal after which an exporter sends again, so that whatever may go
//! well later is one.
//!
//! - [`grpc`]: the same over gRPC

pub mod grpc;

use super::call::{Call, Parsed, Received, may_come_again, unreadable};
use super::source;
use crate::app::App;
use crate::intake::shelf::{Sender, SourceName};
use crate::intake::{Outcome, Sent, Taken, claims_of, protocols};
use crate::problem::{Kind, Problem};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sources::otlp::{self, Encoding, answer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The source of records that name no service.
const UNNAMED: &str = "otlp";

/// The source of a call, before it is read.
pub fn unnamed() -> SourceName {
    SourceName::parse(UNNAMED).expect("a slug")
}

/// `POST /v1/logs`: each service is a source.
pub async fn export(State(app): State<Arc<App>>, call: Call) -> Response {
    answered(&app, call, None).await
}

/// `POST /v1/sources/otlp/{name}/v1/logs`: all services are one source.
pub async fn export_named(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    call: Call,
) -> Response {
    match source(&name) {
        Ok(source) => answered(&app, call, Some(source)).await,
        Err(problem) => call.refuse(problem).into_response(),
    }
}

async fn answered(app: &Arc<App>, call: Call, named: Option<SourceName>) -> Response {
    let Some(encoding) = encoding(&call.headers) else {
        let says = "log records come as application/x-protobuf or application/json";
        return call
            .refuse(Kind::UnsupportedType.detail(says))
            .into_response();
    };
    let source = named.clone().unwrap_or_else(unnamed);
    let taken = async { take(app, call.receive(app, source).await?, encoding, named).await };
    match taken.await {
        Ok(said) => {
            let kind = [(header::CONTENT_TYPE, encoding.content_type())];
            (kind, said.to_bytes(encoding)).into_response()
        }
        Err(problem) => refused(&problem, encoding),
    }
}

fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    Encoding::of_content_type(headers.get(header::CONTENT_TYPE)?.to_str().ok()?)
}

/// What an exporter is told of what it sent.
#[derive(Debug, Default)]
pub struct Said {
    rejected: u64,
    message: String,
}

impl Said {
    fn of(taken: &[Taken]) -> Self {
        let outcomes = || taken.iter().flat_map(|taken| &taken.outcomes);
        let refused = outcomes().find_map(|outcome| match outcome {
            Outcome::Refused(refused) => Some(refused.why.clone()),
            _ => None,
        });
        let beside = outcomes().find_map(|outcome| match outcome {
            Outcome::Quarantined(why) => Some(format!("kept beside, until it is mapped: {why}")),
            _ => None,
        });
        Self {
            rejected: taken.iter().map(|taken| taken.tally.refused).sum(),
            message: refused.or(beside).unwrap_or_default(),
        }
    }

    pub fn to_bytes(&self, encoding: Encoding) -> Vec<u8> {
        answer::response(self.rejected, &self.message, encoding)
    }
}

/// Has the records of a call stored.
pub async fn take(
    app: &Arc<App>,
    mut received: Received,
    encoding: Encoding,
    named: Option<SourceName>,
) -> Result<Said, Problem> {
    received.takes_no_more_parameters(app)?;
    let organization = received.organization().clone();
    let sender = move |app: &App, service: Option<&str>| {
        let of = |source| Sender {
            organization: organization.clone(),
            source,
        };
        let like = || SourceName::like(service?).map(of);
        let named = named.clone().map(of);
        // Some programs give each of their processes a name: those beyond what can be told apart are one source.
        let told_apart = |sender: &Sender| app.intake.tallies.has_ample_room_for(sender);
        let sender = named.or_else(|| like().filter(told_apart));
        sender.unwrap_or_else(|| of(unnamed()))
    };
    let read = move |app: &Arc<App>, body: &[u8]| {
        let now = app.now();
        let mut of = |service: Option<&str>| {
            let sender = sender(app, service);
            let table = app.settings.tables.of(&sender);
            (claims_of(&sender, now), table.unwrap_or(otlp::table()))
        };
        let groups = otlp::read_each(body, encoding, &mut of);
        let mut parts: BTreeMap<Sender, Vec<Sent>> = BTreeMap::new();
        for group in groups.map_err(unreadable)? {
            let sender = sender(app, group.service.as_deref());
            parts.entry(sender).or_default().extend(group.sent);
        }
        let of = |(sender, sent)| (protocols::origin(sender, otlp::FORMAT), sent);
        Ok(Parsed {
            parts: parts.into_iter().map(of).collect(),
            more: (),
        })
    };
    let wait = app.settings.limits.exporter_wait;
    let (taken, ()) = received.take(app, wait, read).await?;
    // Nothing of it has room now: it is kept by its sender, and sent again.
    let refusals: Option<Vec<Problem>> = taken.iter().map(Taken::refusal).collect();
    let full = refusals.and_then(|all| all.into_iter().find(|one| one.kind == Kind::NoSpace));
    full.map_or(Ok(Said::of(&taken)), Err)
}

/// gRPC's number for a refusal.
pub fn code(problem: &Problem) -> u32 {
    match problem.kind {
        _ if may_come_again(problem) => 14,
        Kind::Unauthenticated => 16,
        Kind::Forbidden | Kind::CrossOrigin => 7,
        _ => 3,
    }
}

fn refused(problem: &Problem, encoding: Encoding) -> Response {
    let status = match may_come_again(problem) {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => problem.kind.status(),
    };
    let body = answer::status(code(problem), &problem.detail, encoding);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.extend(problem.headers().iter().cloned());
    let kind = HeaderValue::from_static(encoding.content_type());
    headers.insert(header::CONTENT_TYPE, kind);
    if may_come_again(problem) {
        let soon = HeaderValue::from_static("1");
        headers.entry(header::RETRY_AFTER).or_insert(soon);
    }
    response
}
