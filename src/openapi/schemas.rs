//! The shapes of bodies.

use entry::catalogue::TARGET_TYPES;
use entry::limits::PROJECT_BYTES_MAX;
use entry::{ActorKind, Category, Result};
use serde_json::{Value, json};

/// Every named schema.
pub fn all() -> Value {
    json!({
        "Draft": draft(),
        "Entry": entry(),
        "Party": party(),
        "Target": target(),
        "Request": request(),
        "Receipts": receipts(),
        "Logs": logs(),
        "Listing": listing(),
        "Facets": facets(),
        "Histogram": histogram(),
        "Catalogue": catalogue(),
        "Problem": problem(),
        "Fault": fault(),
    })
}

fn text() -> Value {
    json!({"type": "string"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Value {
    json!({"enum": all.iter().map(|value| word(*value)).collect::<Vec<_>>()})
}

fn refer(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn members() -> Value {
    let mut actor = party();
    actor["properties"]["on_behalf_of"] = refer("Party");
    json!({
        "id": {"type": "string", "format": "uuid", "description": "Chosen by the caller, so that a retry is stored once; v7 advised"},
        "timestamp": {"type": "string", "format": "date-time", "description": "By the caller's clock; the time of receipt if absent"},
        "actor": actor,
        "action": {"type": "string", "examples": ["scaleCluster"]},
        "category": words(Category::ALL, Category::as_str),
        "target": refer("Target"),
        "related": {"type": "array", "items": refer("Target")},
        "scope": {"type": "object", "additionalProperties": false, "properties": {
            "organization": {"type": "string", "pattern": "^[a-z0-9._-]{1,63}$"},
            "project": {"type": "string", "maxLength": PROJECT_BYTES_MAX},
        }},
        "request": refer("Request"),
        "result": words(Result::ALL, Result::as_str),
        "error": {"type": "object", "additionalProperties": false, "properties": {"code": text(), "message": text()},
            "description": "Only with failure"},
        "changes": {"type": "array", "items": {"type": "object", "properties": {"path": text(), "before": {}, "after": {}}, "required": ["path"]}},
        "context": {"type": "object", "description": "Anything else; numbers keep their text"},
        "source": {"type": "object", "additionalProperties": false, "required": ["name"],
            "properties": {"name": text(), "event_id": text(), "sequence": count()}},
    })
}

fn draft() -> Value {
    json!({"type": "object", "additionalProperties": false, "required": ["actor", "action", "result"], "properties": members()})
}

fn entry() -> Value {
    let mut properties = members();
    properties["seq"] = json!({"type": "integer", "minimum": 0, "description": "Place in its organization's log, without gaps"});
    properties["received_at"] = json!({"type": "string", "format": "date-time", "description": "By the log's clock, never backwards"});
    let required = [
        "id",
        "seq",
        "received_at",
        "timestamp",
        "actor",
        "action",
        "category",
        "scope",
        "result",
    ];
    json!({"type": "object", "required": required, "properties": properties})
}

fn party() -> Value {
    json!({"type": "object", "required": ["type"],
        "anyOf": [{"required": ["id"]}, {"required": ["name"]}, {"required": ["email"]}],
        "properties": {"type": words(ActorKind::ALL, ActorKind::as_str), "id": text(), "name": text(), "email": text()}})
}

fn target() -> Value {
    let named: Vec<&str> = TARGET_TYPES.iter().map(|(name, _)| *name).collect();
    json!({"type": "object", "properties": {"type": {"type": "string", "examples": named}, "id": text(), "name": text()}})
}

fn request() -> Value {
    let names = [
        "id",
        "ip",
        "user_agent",
        "method",
        "path",
        "trace_id",
        "session_id",
    ];
    let properties: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), text()))
        .collect();
    json!({"type": "object", "properties": properties})
}

fn receipts() -> Value {
    let receipt = json!({"type": "object", "required": ["status"], "properties": {
        "status": {"enum": ["accepted", "duplicate", "rejected"]},
        "id": {"type": "string", "format": "uuid"},
        "seq": count(),
        "received_at": time(),
        "proof": {"type": "string", "description": "For wait=published: as /v1/entries/{id}/proof"},
        "clock_ahead": {"const": true, "description": "The timestamp lies more than 5 minutes ahead of the log's clock"},
        "error": {"type": "object", "required": ["type", "title", "detail"], "properties": {
            "type": text(), "title": text(), "detail": text(), "errors": {"type": "array", "items": refer("Fault")}}},
    }});
    json!({"type": "object", "required": ["accepted", "duplicates", "rejected", "receipts"], "properties": {
        "accepted": count(), "duplicates": count(), "rejected": count(), "receipts": {"type": "array", "items": receipt},
        "checkpoints": {"type": "object", "additionalProperties": text(),
            "description": "For wait=published: the checkpoint of each organization's log, under which the proofs are"},
        "unpublished": {"type": "string",
            "description": "For wait=published: some of what is stored has no proof here, and why; it can be asked for later"}}})
}

fn logs() -> Value {
    let checkpoint = json!({"type": ["object", "null"], "required": ["size", "root", "at"], "properties": {
        "size": count(), "root": text(), "at": time()}});
    let log = json!({"type": "object", "required": ["organization", "size", "origin", "vkey", "vkeys", "checkpoint"], "properties": {
        "organization": text(),
        "size": {"type": "integer", "minimum": 0, "description": "Entries, published or not"},
        "origin": {"type": "string", "description": "The name of the log and of its keys: the first line of its checkpoints"},
        "vkey": {"type": "string", "description": "The newest key: C2SP signed-note"},
        "vkeys": {"type": "array", "items": text(), "description": "All keys that sign, newest first"},
        "checkpoint": checkpoint}});
    json!({"type": "object", "required": ["logs"], "properties": {"logs": {"type": "array", "items": log}}})
}

fn listing() -> Value {
    json!({"type": "object", "required": ["entries", "next_cursor", "as_of"], "properties": {
        "entries": {"type": "array", "items": refer("Entry")},
        "next_cursor": {"type": ["string", "null"]},
        "as_of": {"type": ["integer", "null"], "description": "The state the walk sees: the newest seq of one log, or the sum of the sizes of several less one"},
        "complete_through": {"type": "string", "format": "date-time", "description": "Up to when nothing is missing that sources with numbers recorded; on the first page of a walk, where it is known"},
    }})
}

fn facets() -> Value {
    let value = json!({"type": "object", "properties": {"value": {"type": ["string", "null"]}, "count": count()}});
    let facet = json!({"type": "object", "properties": {
        "total": count(), "distinct": count(), "values": {"type": "array", "items": value}}});
    json!({"type": "object", "required": ["total", "facets"], "properties": {
        "total": count(), "as_of": {"type": ["integer", "null"]},
        "facets": {"type": "object", "additionalProperties": facet}}})
}

fn histogram() -> Value {
    let bucket = json!({"type": "object", "properties": {
        "start": time(), "end": time(), "success": count(), "failure": count()}});
    json!({"type": "object", "properties": {
        "step": {"type": ["string", "null"], "examples": ["1h", "1d", "1mo"]},
        "timezone": text(), "buckets": {"type": "array", "items": bucket}}})
}

fn catalogue() -> Value {
    let named = json!({"type": "object", "properties": {"name": text(), "title": text()}});
    let action = json!({"type": "object", "properties": {
        "name": text(), "category": text(), "target_type": text(), "title": text(), "sentence": text()}});
    json!({"type": "object", "properties": {
        "categories": {"type": "array", "items": named}, "actions": {"type": "array", "items": action},
        "target_types": {"type": "array", "items": named},
        "actor_types": {"type": "array", "items": text()}, "results": {"type": "array", "items": text()}}})
}

fn problem() -> Value {
    json!({"type": "object", "description": "RFC 9457", "required": ["type", "title", "status", "detail"], "properties": {
        "type": text(), "title": text(), "status": {"type": "integer"}, "detail": text(), "instance": text(),
        "errors": {"type": "array", "items": refer("Fault")}}})
}

fn fault() -> Value {
    json!({"type": "object", "required": ["detail"], "properties": {
        "pointer": {"type": "string", "description": "RFC 6901, into the entry"},
        "parameter": {"type": "string", "description": "The parameter that is wrong"},
        "position": count(), "detail": text(), "suggestion": text()}})
}
