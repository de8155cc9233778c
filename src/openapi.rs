//! OpenAPI 3.1 at `/openapi.json`, projected from the tables the server itself uses: fields, vocabularies, limits, problems.

mod access;
mod intake;
mod log;
mod redactions;
mod schemas;
mod sources;

use crate::api::facets::{FIELDS_DEFAULT, TOP_DEFAULT, TOP_MAX};
use crate::api::histogram::{BUCKETS_DEFAULT, BUCKETS_MAX};
use crate::api::query::{LIMIT_DEFAULT, LIMIT_MAX};
use crate::problem::Kind;
use axum::http::header;
use axum::response::IntoResponse;
use entry::field::Field;
use entry::limits::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX};
use serde_json::{Map, Value, json};

/// `GET /openapi.json`.
pub async fn show() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        document().to_string(),
    )
}

/// The whole description.
pub fn document() -> Value {
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "MAR audit",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The audit log: who did what to which target, from where, and how it ended",
            "description": "A 2xx of POST /v1/entries means: on stable storage, in order, exactly once, searchable from that moment.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths(),
        "components": {"schemas": schemas::all(), "securitySchemes": access::schemes()},
        "security": [{"bearer": []}, {"session": []}],
    })
}

fn paths() -> Value {
    let mut paths = json!({
        "/v1/entries": {"post": append(), "get": list()},
        "/v1/entries/{id}": {"get": show_one()},
        "/v1/entries/{id}/proof": {"get": log::proof()},
        "/v1/logs": {"get": operation("logs", "The logs, their names, keys and newest checkpoints", vec![], "Logs", &[Kind::BadParameter]), "post": sources::log_records()},
        "/v1/logs/{organization}/checkpoint": {"get": log::checkpoint()},
        "/v1/logs/{organization}/tile/{path}": {"get": log::tile()},
        "/v1/entries/{id}/redact": {"post": redactions::members()},
        "/v1/redactions": {"post": redactions::person()},
        "/v1/facets": {"get": facets()},
        "/v1/histogram": {"get": histogram()},
        "/v1/export": {"get": export()},
        "/v1/tail": {"get": tail()},
        "/v1/catalogue": {"get": operation("catalogue", "Categories, actions, target types", vec![], "Catalogue", &[Kind::BadParameter])},
        "/healthz": {"get": plain("alive", "The process answers", &[])},
        "/readyz": {"get": plain("ready", "Entries can be appended", &[Kind::Latched, Kind::Damaged])},
        "/metrics": {"get": plain("metrics", "Measures in OpenMetrics' text form", &[])},
        "/openapi.json": {"get": this_document()},
    });
    let all = paths.as_object_mut().expect("paths by name");
    all.extend(access::paths());
    all.extend(intake::paths());
    all.extend(sources::paths());
    paths
}

fn this_document() -> Value {
    let mut responses = responses(&[]);
    let schema = json!({"type": "object"});
    responses.insert(
        "200".into(),
        answer("OpenAPI 3.1", "application/json", &schema),
    );
    json!({"operationId": "openapi", "summary": "This document", "responses": responses})
}

fn append() -> Value {
    let draft = json!({"$ref": "#/components/schemas/Draft"});
    let lines = json!({"schema": {"type": "string"}});
    let receipts = json!({"$ref": "#/components/schemas/Receipts"});
    let refused = [
        Kind::BadJson,
        Kind::EmptyBody,
        Kind::BadEncoding,
        Kind::BadParameter,
        Kind::CrossOrigin,
        Kind::Timeout,
        Kind::TooLarge,
        Kind::UnsupportedType,
        Kind::Overloaded,
        Kind::Latched,
        Kind::NoSpace,
    ];
    let mut responses = responses(&refused);
    responses.insert(
        "200".into(),
        answer(
            "One receipt each, in the order sent",
            "application/json",
            &receipts,
        ),
    );
    let every = json!({"allOf": [{"$ref": "#/components/schemas/Problem"}, receipts]});
    responses.insert(
        "422".into(),
        answer(
            "Every entry was refused",
            "application/problem+json",
            &every,
        ),
    );
    json!({
        "operationId": "append",
        "summary": "Append entries",
        "description": format!(
            "One object, an array, or one object a line; at most {BATCH_ENTRIES_MAX} entries and {BATCH_BYTES_MAX} bytes after \
             decompression (Content-Encoding: identity, gzip or zstd). Good entries of a batch are stored though others are refused. \
             Sending the same entries again is safe: the same id and content is stored once."
        ),
        "parameters": [
            parameter("organization", "The organization of entries that name none", json!({"type": "string"})),
            parameter("wait", "published: receipts carry proofs, which takes until the next checkpoint, about a second",
                json!({"enum": ["stored", "published"], "default": "stored"})),
        ],
        "requestBody": {"required": true, "content": {
            "application/json": {"schema": {"oneOf": [draft, {"type": "array", "items": draft, "maxItems": BATCH_ENTRIES_MAX}]}},
            "application/x-ndjson": lines, "application/ndjson": lines, "application/jsonl": lines,
        }},
        "responses": responses,
    })
}

fn list() -> Value {
    let mut parameters = filter_parameters();
    parameters.extend(order_parameters());
    let limit =
        json!({"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT});
    parameters.push(parameter(
        "limit",
        "At most so many entries; a page of huge ones ends early",
        limit,
    ));
    parameters.push(parameter(
        "cursor",
        "next_cursor of the page before, of the same query",
        json!({"type": "string"}),
    ));
    operation(
        "list",
        "List entries",
        parameters,
        "Listing",
        &[Kind::BadParameter, Kind::BadCursor, Kind::Overloaded],
    )
}

fn show_one() -> Value {
    let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}});
    let organization = parameter(
        "organization",
        "Only of this organization",
        json!({"type": "string"}),
    );
    let known = json!({"name": "If-None-Match", "in": "header", "schema": {"type": "string"},
        "description": "ETags of what the caller has; 304 if the entry's is among them"});
    let mut show = operation(
        "show",
        "Show one entry",
        vec![id, organization, known],
        "Entry",
        &[Kind::BadParameter, Kind::NotFound, Kind::Overloaded],
    );
    let tag = json!({"ETag": {"description": "Of these bytes", "schema": {"type": "string"}}});
    show["responses"]["304"] = json!({"description": "The caller has it", "headers": tag.clone()});
    show["responses"]["200"]["headers"] = tag;
    show
}

fn facets() -> Value {
    let mut parameters = filter_parameters();
    let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
    let default: Vec<&str> = FIELDS_DEFAULT.iter().map(|field| field.name()).collect();
    let fields = json!({"type": "array", "items": {"enum": names}, "default": default});
    parameters.push(parameter(
        "fields",
        "What to count, with commas between",
        fields,
    ));
    let top = json!({"type": "integer", "minimum": 1, "maximum": TOP_MAX, "default": TOP_DEFAULT});
    parameters.push(parameter("top", "The most frequent values of each", top));
    operation(
        "facets",
        "Count values; each field without its own filter",
        parameters,
        "Facets",
        &[Kind::BadParameter, Kind::Overloaded],
    )
}

fn histogram() -> Value {
    let mut parameters = filter_parameters();
    let buckets = json!({"type": "integer", "minimum": 1, "maximum": BUCKETS_MAX, "default": BUCKETS_DEFAULT});
    parameters.push(parameter("buckets", "The most bars", buckets));
    let zone = json!({"type": "string", "default": "UTC", "examples": ["Europe/Madrid"]});
    parameters.push(parameter(
        "timezone",
        "Whose hours and days: an IANA name",
        zone,
    ));
    operation(
        "histogram",
        "Count success and failure over time",
        parameters,
        "Histogram",
        &[Kind::BadParameter, Kind::Overloaded],
    )
}

fn export() -> Value {
    let mut parameters = filter_parameters();
    parameters.extend(order_parameters());
    parameters.push(parameter(
        "format",
        "The form of the file",
        json!({"enum": ["csv", "ndjson", "json", "bundle"], "default": "csv"}),
    ));
    let guard = json!({"enum": ["on", "off"], "default": "on"});
    parameters.push(parameter(
        "csv_guard",
        "A ' before cells that a spreadsheet would run",
        guard,
    ));
    let mut responses = responses(&[
        Kind::BadParameter,
        Kind::NotFound,
        Kind::Overloaded,
        Kind::Unpublished,
    ]);
    let text = json!({"schema": {"type": "string"}});
    let bytes = json!({"schema": {"type": "string", "format": "binary"}});
    responses.insert("200".into(), json!({
        "description": "The whole file; a cut one is recognisable: NDJSON ends in {\"complete\":true,…}, JSON in \"complete\":true, \
                        CSV in the last chunk and, for TE: trailers, x-audit-complete; a bundle (of one organization) in its frame's end",
        "content": {"text/csv": text, "application/x-ndjson": text, "application/json": {"schema": {"type": "object"}},
                    "application/zstd": bytes},
    }));
    json!({"operationId": "export", "summary": "Export everything that matches", "parameters": parameters, "responses": responses})
}

fn tail() -> Value {
    let mut parameters = filter_parameters();
    parameters.push(parameter(
        "last_event_id",
        "As the header Last-Event-ID",
        json!({"type": "string"}),
    ));
    let mut responses = responses(&[Kind::BadParameter, Kind::BadCursor, Kind::Overloaded]);
    responses.insert(
        "200".into(),
        json!({
            "description": "Events: entry (data: an Entry) and end (data: {\"reason\"})",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }),
    );
    json!({"operationId": "tail", "summary": "Follow new entries", "parameters": parameters, "responses": responses})
}

fn operation(
    id: &str,
    summary: &str,
    parameters: Vec<Value>,
    schema: &str,
    refused: &[Kind],
) -> Value {
    let mut responses = responses(refused);
    let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
    responses.insert("200".into(), answer("Done", "application/json", &schema));
    json!({"operationId": id, "summary": summary, "parameters": parameters, "responses": responses})
}

fn plain(id: &str, summary: &str, refused: &[Kind]) -> Value {
    let mut responses = responses(refused);
    responses.insert(
        "200".into(),
        answer("Text", "text/plain", &json!({"type": "string"})),
    );
    json!({"operationId": id, "summary": summary, "responses": responses})
}

fn answer(description: &str, kind: &str, schema: &Value) -> Value {
    json!({"description": description, "content": {kind: {"schema": schema}}})
}

/// One row per status, naming every problem type behind it; any call may name a host that this is not.
fn responses(kinds: &[Kind]) -> Map<String, Value> {
    let mut by_status = Map::new();
    for kind in kinds.iter().chain(&[Kind::Misdirected]) {
        let status = kind.status().as_str().to_owned();
        let said = by_status
            .get(&status)
            .and_then(|row: &Value| row["description"].as_str());
        let description = match said {
            Some(before) => format!("{before}; {}: {}", kind.type_uri(), kind.title()),
            None => format!("{}: {}", kind.type_uri(), kind.title()),
        };
        let problem = json!({"$ref": "#/components/schemas/Problem"});
        by_status.insert(
            status,
            answer(&description, "application/problem+json", &problem),
        );
    }
    by_status
}

fn parameter(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

fn order_parameters() -> [Value; 2] {
    [
        parameter(
            "order",
            "By the caller's clock, or by the log's",
            json!({"enum": ["time", "received"], "default": "time"}),
        ),
        parameter(
            "direction",
            "Newest or oldest first",
            json!({"enum": ["desc", "asc"], "default": "desc"}),
        ),
    ]
}

/// What every question may be narrowed by.
fn filter_parameters() -> Vec<Value> {
    let text = || json!({"type": "string"});
    let mut parameters = vec![
        parameter(
            "search",
            "Substring of actor name, actor email, target name or request id, in any case",
            text(),
        ),
        parameter(
            "q",
            "Query text: actor:ana -result:failure (category:cluster OR has:email) since:7d",
            text(),
        ),
        parameter(
            "from",
            "At or after: RFC 3339, a date, now, or a span before now such as 7d",
            text(),
        ),
        parameter("to", "Before: as from", text()),
        parameter("has", "Fields that have a value", text()),
        parameter("-has", "Fields that have none", text()),
        parameter(
            "context.PATH",
            "Any name of this form: leaves of context at PATH, member names joined by dots: context.ticket=OPS-88",
            text(),
        ),
        parameter("-context.PATH", "The same: none of", text()),
    ];
    for field in Field::ALL {
        let about = format!(
            "{}: any of, with commas between; * for a prefix or a substring",
            field.title()
        );
        let schema = match field.vocabulary() {
            Some(words) => json!({"type": "string", "examples": words}),
            None => text(),
        };
        parameters.push(parameter(field.name(), &about, schema));
        parameters.push(parameter(
            &format!("-{}", field.name()),
            &format!("{}: none of", field.title()),
            text(),
        ));
    }
    parameters
}
