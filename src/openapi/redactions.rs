//! The routes that erase.

use super::{answer, parameter, responses};
use crate::problem::Kind;
use serde_json::{Value, json};

const REFUSED: [Kind; 14] = [
    Kind::BadJson,
    Kind::EmptyBody,
    Kind::BadEncoding,
    Kind::BadParameter,
    Kind::CrossOrigin,
    Kind::Timeout,
    Kind::TooLarge,
    Kind::UnsupportedType,
    Kind::InvalidErasure,
    Kind::Overloaded,
    Kind::Latched,
    Kind::Damaged,
    Kind::Unfinished,
    Kind::NoSpace,
];

fn text() -> Value {
    json!({"type": "string"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn paths() -> Value {
    json!({"type": "array", "items": {"type": "string", "examples": ["/actor/email"]}})
}

fn reason() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 1000,
        "description": "Why; kept in the audit entry, so it must not say what is erased"})
}

fn actor() -> Value {
    json!({"type": "object", "description": "Who erases, as an entry names its actor; else the server itself"})
}

/// `POST /v1/entries/{id}/redact`.
pub fn members() -> Value {
    let mut refused = REFUSED.to_vec();
    refused.push(Kind::NotFound);
    let mut responses = responses(&refused);
    let done = json!({"type": "object", "properties": {
        "id": text(), "organization": text(), "erased": paths(), "already": paths(),
        "entry": {"type": ["string", "null"], "description": "The audit entry that says who, when and why"},
        "seq": {"type": ["integer", "null"], "description": "Its place; null if all of it was erased before"},
    }});
    responses.insert(
        "200".into(),
        answer("Erased from every file", "application/json", &done),
    );
    let body = json!({"type": "object", "required": ["paths", "reason"], "additionalProperties": false,
        "properties": {"paths": paths(), "reason": reason(), "actor": actor()}});
    let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}});
    json!({
        "operationId": "redactEntry",
        "summary": "Erase members of one entry; every proof stays what it was",
        "description": "Answers when no file of the data directory holds the values any more. What is erased cannot be brought back.",
        "parameters": [id, parameter("organization", "Only of this organization", text())],
        "requestBody": {"required": true, "content": {"application/json": {"schema": body}}},
        "responses": responses,
    })
}

/// `POST /v1/redactions`.
pub fn person() -> Value {
    let mut responses = responses(&REFUSED);
    let known = json!({"type": "object", "properties": {"id": text(), "organization": text()}});
    let sample = json!({"type": "object", "properties": {"id": text(), "organization": text(), "paths": paths()}});
    let audit = json!({"type": "object", "properties": {"organization": text(), "id": text(), "seq": count()}});
    let counts = json!({"type": "object", "additionalProperties": count()});
    let done = json!({"type": "object", "properties": {
        "dry_run": {"type": "boolean"},
        "entries": count(), "units": counts, "logs": counts,
        "sample": {"type": "array", "items": sample},
        "remains": {"type": "object", "description": "Entries that say it where nothing can be erased",
            "properties": {"entries": count(), "sample": {"type": "array", "items": known}}},
        "since": {"type": "integer", "minimum": 0, "description": "Entries that came meanwhile; call again for them"},
        "audit": {"type": "array", "items": audit},
    }});
    responses.insert(
        "200".into(),
        answer(
            "Erased from every file, or what would be",
            "application/json",
            &done,
        ),
    );
    let body = json!({"type": "object", "required": ["reason", "dry_run"], "additionalProperties": false,
    "oneOf": [{"required": ["actor_email"]}, {"required": ["actor_id"]}, {"required": ["actor_name"]}, {"required": ["text"]}],
    "properties": {
        "actor_email": text(), "actor_id": text(), "actor_name": text(), "text": text(),
        "organization": text(), "also": paths(), "reason": reason(), "dry_run": {"type": "boolean"}, "actor": actor(),
    }});
    json!({
        "operationId": "erasePerson",
        "summary": "Erase what speaks of a person, or see what would go",
        "description": "Every entry is read. Answers when no file of the data directory holds the values any more: minutes for tens of millions of entries.",
        "requestBody": {"required": true, "content": {"application/json": {"schema": body}}},
        "responses": responses,
    })
}
