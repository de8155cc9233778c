//! The routes of the verifiable log.

use super::{answer, parameter, responses};
use crate::problem::Kind;
use serde_json::{Value, json};

pub fn proof() -> Value {
    let id = json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}});
    let organization = parameter(
        "organization",
        "Only of this organization",
        json!({"type": "string"}),
    );
    let refused = [
        Kind::BadParameter,
        Kind::NotFound,
        Kind::Damaged,
        Kind::Overloaded,
        Kind::Unpublished,
    ];
    let mut responses = responses(&refused);
    let text = json!({"type": "string"});
    let said = "C2SP tlog-proof under the newest checkpoint; its extra data is the disclosure of the entry";
    responses.insert("200".into(), answer(said, "text/plain", &text));
    json!({"operationId": "proof", "summary": "The evidence for one entry; waits for the next checkpoint if it is newer than the last",
        "parameters": [id, organization], "responses": responses})
}

pub fn checkpoint() -> Value {
    let known = json!({"name": "If-None-Match", "in": "header", "schema": {"type": "string"},
        "description": "ETags of what the caller has; 304 if the newest is among them"});
    let mut responses = responses(&[Kind::BadParameter, Kind::NotFound]);
    let note = answer(
        "C2SP tlog-checkpoint: the newest, signed",
        "text/plain",
        &json!({"type": "string"}),
    );
    let tag = json!({"ETag": {"description": "Of these bytes", "schema": {"type": "string"}}});
    responses.insert("200".into(), note);
    responses.insert("304".into(), json!({"description": "The caller has it"}));
    for status in ["200", "304"] {
        responses[status]["headers"] = tag.clone();
    }
    json!({"operationId": "checkpoint", "summary": "The newest checkpoint of a log", "parameters": [log(), known], "responses": responses})
}

pub fn tile() -> Value {
    let path = json!({"name": "path", "in": "path", "required": true, "schema": {"type": "string"},
        "description": "<L>/<N>[.p/<W>] or entries/<N>[.p/<W>], its slashes as they are",
        "examples": {"hashes": {"value": "0/x001/234"}, "leaves": {"value": "entries/000.p/17"}}});
    let mut responses = responses(&[
        Kind::BadParameter,
        Kind::NotFound,
        Kind::Damaged,
        Kind::Overloaded,
    ]);
    let bytes = json!({"type": "string", "format": "binary"});
    let said = "C2SP tlog-tiles: hashes of 32 bytes, or leaves of 128, each behind its length";
    responses.insert(
        "200".into(),
        answer(said, "application/octet-stream", &bytes),
    );
    json!({"operationId": "tile", "summary": "Hashes of the tree, or leaves, as far as they are published",
        "parameters": [log(), path], "responses": responses})
}

fn log() -> Value {
    json!({"name": "organization", "in": "path", "required": true, "schema": {"type": "string"},
        "description": "The organization, or the last part of the log's origin"})
}
