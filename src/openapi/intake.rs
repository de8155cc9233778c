//! The routes that show what sources sent, and what became of it.

use super::{answer, parameter, responses};
use crate::problem::Kind;
use serde_json::{Map, Value, json};

const KEPT: &str = "/v1/sources/{name}/quarantine";
const AGAIN: &str = "/v1/sources/{name}/quarantine/replay";

/// All of them, by path.
pub fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    paths.insert("/v1/sources".into(), json!({"get": listing()}));
    let kept = json!({
        "get": of_quarantine("quarantine", "What a source sent and no mapping took, oldest first, with why", None),
        "delete": of_quarantine("dropQuarantine", "Throw items away, or everything", Some("dropped")),
    });
    let again = "Map items again, or everything: what becomes an entry now is kept no longer";
    paths.insert(KEPT.into(), kept);
    let again = of_quarantine(
        "replayQuarantine",
        again,
        Some("stored, duplicates, skipped, stay"),
    );
    paths.insert(AGAIN.into(), json!({ "post": again }));
    paths
}

fn organization() -> Value {
    parameter(
        "organization",
        "Whose source; else the caller's organization",
        json!({"type": "string"}),
    )
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn listing() -> Value {
    let tally = [
        "sent",
        "stored",
        "duplicates",
        "quarantined",
        "refused",
        "skipped",
    ];
    let mut tally: Map<String, Value> =
        tally.iter().map(|name| ((*name).into(), count())).collect();
    tally.insert(
        "calls_refused".into(),
        json!({"type": "integer", "description": "Calls that were refused as a whole, so that what they held may not be known"}),
    );
    let source = json!({"type": "object", "properties": {
        "organization": {"type": "string"}, "name": {"type": "string"},
        "entries": count(), "entries_last_hour": count(),
        "last_received_at": {"type": "string", "format": "date-time"},
        "silent_since": {"type": "string", "format": "date-time", "description": "It should have been heard since: nothing came for ten times its usual interval, 15 minutes, and any pause of the week before"},
        "sequence": {"type": "object", "description": "The numbers it gives to its entries, if it does", "properties": {
            "first": count(), "last": count(), "missing": count(),
            "at_least": {"type": "boolean", "description": "There are more gaps than are remembered"},
            "gaps": {"type": "array", "items": {"type": "array", "items": count()}, "description": "The oldest, at most 20, each with its first and last number"}}},
        "lag_ms": {"type": "integer", "description": "How much later than by the source's clock its newest entry came"},
        "since_start": {"type": "object", "properties": tally, "description": "sent is the sum of the other items"},
        "quarantine": {"type": "object", "properties": {"items": count(), "bytes": count()}},
    }});
    let schema =
        json!({"type": "object", "properties": {"sources": {"type": "array", "items": source}}});
    let mut responses = responses(&[
        Kind::BadParameter,
        Kind::Unauthenticated,
        Kind::Forbidden,
        Kind::Overloaded,
    ]);
    responses.insert(
        "200".into(),
        answer(
            "Of every organization that is read as a whole",
            "application/json",
            &schema,
        ),
    );
    json!({"operationId": "sources", "summary": "Which sources there are, and how each is", "parameters": [organization()],
        "responses": responses})
}

fn of_quarantine(name: &str, summary: &str, counts: Option<&str>) -> Value {
    let mut refused = vec![
        Kind::BadParameter,
        Kind::Unauthenticated,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::Overloaded,
        Kind::NoSpace,
    ];
    let source =
        json!({"name": "name", "in": "path", "required": true, "schema": {"type": "string"}});
    let mut parameters = vec![source, organization()];
    if counts.is_none() {
        let after = json!({"type": "string", "examples": ["12-3"]});
        parameters.push(parameter("after", "Items after this one", after));
        let limit = json!({"type": "integer", "minimum": 1, "maximum": 500, "default": 50});
        parameters.push(parameter("limit", "Items of one answer", limit));
    } else {
        refused.extend([
            Kind::BadJson,
            Kind::BadEncoding,
            Kind::CrossOrigin,
            Kind::UnsupportedType,
            Kind::TooLarge,
            Kind::Timeout,
            Kind::Latched,
        ]);
    }
    let mut responses = responses(&refused);
    let said = counts.map_or("Items", |_| "What became of them");
    responses.insert(
        "200".into(),
        answer(
            said,
            "application/json",
            &json!({"type": "object", "description": counts}),
        ),
    );
    let mut operation = json!({"operationId": name, "summary": summary, "parameters": parameters, "responses": responses});
    if counts.is_some() {
        let items = json!({"type": "array", "items": {"type": "string", "examples": ["12-3"]}, "description": "Else everything"});
        let schema = json!({"type": "object", "properties": {"items": items}, "additionalProperties": false});
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": schema}}});
    }
    operation
}
