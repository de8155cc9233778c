//! Below `/v1/sources/elastic/{name}`: as much of Elasticsearch as what ships logs needs. What is created is recorded; nothing
//! is ever changed or deleted.
//!
//! A document that was stored before is answered 200 instead of 409: shippers that send again what they had no answer to take a conflict
//! for an error.

use super::call::{Call, Parsed, may_come_again, may_record, unreadable};
use super::source;
use crate::app::App;
use crate::guard::Caller;
use crate::guard::caller::SignInFirst;
use crate::intake::{Outcome, Taken, claims_of, protocols};
use crate::problem::{Kind, Problem};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sources::elastic::{self, Item};
use std::sync::Arc;
use std::time::Instant;

/// Whose ways are spoken here. Clients of 9 and of 8 take it.
const VERSION: &str = "8.19.0";

/// `GET /v1/sources/elastic/{name}` says what clients ask before anything else.
pub async fn about(
    caller: Result<Caller, SignInFirst>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    asked(caller, &name, &headers, document)
}

/// `GET /v1/sources/elastic/{name}/_license`, without which Beats of version 7 send nothing.
pub async fn license(
    caller: Result<Caller, SignInFirst>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let basic = || {
        json!({"license": {
            "status": "active",
            "uid": "00000000-0000-0000-0000-000000000000",
            "type": "basic",
            "mode": "basic",
            "issue_date": "1970-01-01T00:00:00.000Z",
            "issue_date_in_millis": 0,
            "max_nodes": 1_000,
            "issued_to": "mar-audit",
            "issuer": "elasticsearch",
            "start_date_in_millis": -1,
        }})
    };
    asked(caller, &name, &headers, basic)
}

/// What is said of this server, to whoever may record something.
fn asked(
    caller: Result<Caller, SignInFirst>,
    name: &str,
    headers: &HeaderMap,
    document: impl Fn() -> Value,
) -> Response {
    match may_record(caller).and_then(|()| source(name)) {
        Err(problem) => refused(&problem, headers),
        Ok(_) => said(StatusCode::OK, headers, &document()),
    }
}

fn document() -> Value {
    json!({
        "name": "mar-audit",
        "cluster_name": "mar-audit",
        "cluster_uuid": "_na_",
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "unknown",
            "build_hash": "unknown",
            "build_date": "1970-01-01T00:00:00.000Z",
            "build_snapshot": false,
            "lucene_version": "9.12.2",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Audit",
    })
}

/// `POST` or `PUT /v1/sources/elastic/{name}/_bulk`.
pub async fn bulk(State(app): State<Arc<App>>, Path(name): Path<String>, call: Call) -> Response {
    answered(&app, call, &name, None).await
}

/// The same of documents that name no index.
pub async fn bulk_of(
    State(app): State<Arc<App>>,
    Path((name, index)): Path<(String, String)>,
    call: Call,
) -> Response {
    answered(&app, call, &name, Some(index)).await
}

async fn answered(app: &Arc<App>, call: Call, name: &str, index: Option<String>) -> Response {
    let headers = call.headers.clone();
    let started = Instant::now();
    match take(app, call, name, index).await {
        Err(problem) => refused(&problem, &headers),
        Ok((taken, items)) => {
            let items = shapes(&taken, &items, name);
            let errors = items.iter().any(has_failed);
            let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let body = json!({"took": took, "errors": errors, "items": items});
            said(StatusCode::OK, &headers, &body)
        }
    }
}

async fn take(
    app: &Arc<App>,
    call: Call,
    name: &str,
    index: Option<String>,
) -> Result<(Taken, Vec<Item>), Problem> {
    let source = match source(name) {
        Ok(source) => source,
        Err(problem) => return Err(call.refuse(problem)),
    };
    // Other parameters (`refresh`, `pipeline`, `filter_path`, …) say how Elasticsearch is to index, which nothing here does.
    let received = call.receive(app, source).await?;
    let sender = received.sender().clone();
    let read = move |app: &Arc<App>, body: &[u8]| {
        let claims = claims_of(&sender, app.now());
        let table = app.settings.tables.of(&sender);
        let table = table.unwrap_or(elastic::table());
        let bulk = elastic::read(body, index.as_deref(), table, &claims);
        let bulk = bulk.map_err(unreadable)?;
        let origin = protocols::origin(sender, elastic::FORMAT);
        Ok(Parsed {
            parts: vec![(origin, bulk.sent)],
            more: bulk.items,
        })
    };
    let wait = app.settings.limits.exporter_wait;
    let (mut taken, items) = received.take(app, wait, read).await?;
    Ok((taken.remove(0), items))
}

/// An item's answer: that of the worst that became of what it holds.
fn shapes(taken: &Taken, items: &[Item], name: &str) -> Vec<Value> {
    let mut outcomes = taken.outcomes.iter();
    let shape = |item: &Item| {
        let of_item = outcomes.by_ref().take(item.sent);
        let worst = of_item.max_by_key(|outcome| rank(outcome));
        let mut shape = json!({"_index": item.index.as_deref().unwrap_or(name)});
        if let Some(id) = &item.id {
            shape["_id"] = Value::from(id.as_ref());
        }
        let (status, result) = match worst {
            Some(Outcome::Refused(refused)) => {
                // What finds no room now is sent again, by itself, after 429.
                let (status, kind) = match refused.kind {
                    Kind::NoSpace => (429, "es_rejected_execution_exception"),
                    _ => (400, "illegal_argument_exception"),
                };
                shape["error"] = json!({"type": kind, "reason": refused.why});
                (status, None)
            }
            // Taken, and no entry yet.
            Some(Outcome::Quarantined(_)) => (202, Some("noop")),
            Some(Outcome::Stored) => (201, Some("created")),
            Some(Outcome::Duplicate | Outcome::Skipped) | None => (200, Some("noop")),
        };
        shape["status"] = Value::from(status);
        if let Some(result) = result {
            shape["result"] = Value::from(result);
            shape["_version"] = Value::from(1);
        }
        json!({ item.operation.as_str(): shape })
    };
    items.iter().map(shape).collect()
}

fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Skipped => 0,
        Outcome::Duplicate => 1,
        Outcome::Stored => 2,
        Outcome::Quarantined(_) => 3,
        Outcome::Refused(_) => 4,
    }
}

fn has_failed(item: &Value) -> bool {
    let shapes = item.as_object().into_iter().flatten();
    shapes
        .into_iter()
        .any(|(_, shape)| shape.get("error").is_some())
}

/// In Elasticsearch's form; 503 is what clients send again after.
fn refused(problem: &Problem, headers: &HeaderMap) -> Response {
    let status = match may_come_again(problem) {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => problem.kind.status(),
    };
    let kind = match problem.kind {
        _ if may_come_again(problem) => "unavailable_exception",
        Kind::Unauthenticated | Kind::Forbidden => "security_exception",
        _ => "illegal_argument_exception",
    };
    let cause = json!({"type": kind, "reason": problem.detail});
    let mut error = cause.clone();
    error["root_cause"] = json!([cause]);
    let body = json!({"error": error, "status": status.as_u16()});
    let mut response = said(status, headers, &body);
    response
        .headers_mut()
        .extend(problem.headers().iter().cloned());
    response
}

/// JSON of the kind that the caller accepts: its version of Elasticsearch's, or plain.
fn said(status: StatusCode, asked: &HeaderMap, body: &Value) -> Response {
    let accepted = asked
        .get(header::ACCEPT)
        .and_then(|kind| kind.to_str().ok());
    let versioned = accepted.and_then(|kind| {
        let version = kind.strip_prefix("application/vnd.elasticsearch+json;")?;
        let version = version.trim().strip_prefix("compatible-with=")?;
        ["8", "9"].into_iter().find(|known| *known == version)
    });
    let kind = match versioned {
        Some("8") => "application/vnd.elasticsearch+json;compatible-with=8",
        Some(_) => "application/vnd.elasticsearch+json;compatible-with=9",
        None => "application/json",
    };
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let product = HeaderValue::from_static("Elasticsearch");
    headers.insert("x-elastic-product", product);
    response
}
