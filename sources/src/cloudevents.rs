//! CloudEvents 1.0 (and 0.3) over HTTP: structured, in batches, or binary with the attributes in headers. All of them become the one
//! event that a table sees: its attributes and extensions as members, and `data`; `data_base64` only where the data are no text.

use crate::foreign::Claims;
use crate::sent::{Call, Identity, Sent, Unreadable};
use crate::syslog::readable;
use crate::table::Table;
use data_encoding::{BASE64, BASE64_MIME_PERMISSIVE};
use entry::json::{self, Object, SplitError, Value};
use entry::limits::BATCH_ENTRIES_MAX;
use std::sync::LazyLock;

pub const FORMAT: &str = "cloudevents";

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::of_protocol(FORMAT, include_str!("../tables/protocols/cloudevents.toml"))
});

/// How events become drafts, if nobody says otherwise.
pub fn table() -> &'static Table {
    &TABLE
}

/// What every event has.
const REQUIRED: [&str; 3] = ["id", "source", "type"];

/// The extension for distributed tracing: a broker that delivers an event again writes its own span there.
const TRACING: &[&str] = &["traceparent", "tracestate"];

/// The versions that are read.
const VERSIONS: [&str; 2] = ["1.0", "0.3"];

/// The longest event: its data may be a third longer in base64 than in the entry.
const EVENT_BYTES_MAX: usize = crate::scan::ITEM_BYTES_MAX;

/// Reads a call, decompressed. The mode follows from its `Content-Type` and, for the binary one, from its headers, of which only those
/// that begin with `ce-` count.
pub fn read<'h>(
    content_type: Option<&str>,
    headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    body: &[u8],
    table: &Table,
    claims: &Claims,
) -> Result<Vec<Sent>, Unreadable> {
    let media = essence(content_type.unwrap_or(""));
    let is_batch = media == "application/cloudevents-batch+json";
    if body.len() > EVENT_BYTES_MAX && !is_batch {
        return Err(Unreadable::TooMuch(too_long(body.len())));
    }
    let mut call = call_of(table, claims);
    match media.as_str() {
        "application/cloudevents+json" => {
            let event = json::parse(body).map_err(|e| Unreadable::Malformed(e.to_string()))?;
            decide(event, &mut call);
        }
        _ if is_batch => batch(body, &mut call)?,
        other if other.starts_with("application/cloudevents") => {
            let why = format!("{other}: events are read as JSON, or in binary mode");
            return Err(Unreadable::Unsupported(why));
        }
        _ => decide(binary(content_type, headers, body)?, &mut call),
    }
    Ok(call.finish())
}

/// An event as it was kept.
pub(crate) fn again(raw: &[u8], table: &Table, claims: &Claims) -> Result<Vec<Sent>, Unreadable> {
    let mut call = call_of(table, claims);
    decide(
        json::parse_stored(raw).map_err(|e| Unreadable::Malformed(e.to_string()))?,
        &mut call,
    );
    Ok(call.finish())
}

fn call_of<'c>(table: &'c Table, claims: &'c Claims) -> Call<'c> {
    Call::new(table, claims)
        .within("data", &TABLE)
        .besides(TRACING)
}

fn too_long(bytes: usize) -> String {
    format!("an event of {bytes} bytes: at most {EVENT_BYTES_MAX}")
}

/// `application/json; charset=utf-8` is `application/json`.
fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or("").trim();
    essence.to_ascii_lowercase()
}

/// Each element by itself: one that is damaged does not take the others with it.
fn batch(body: &[u8], call: &mut Call<'_>) -> Result<(), Unreadable> {
    let elements = json::split_array(body, BATCH_ENTRIES_MAX).map_err(|error| match error {
        SplitError::TooMany { .. } => Unreadable::too_many("events"),
        other => Unreadable::Malformed(other.to_string()),
    })?;
    for place in elements {
        let raw = &body[place];
        if raw.len() > EVENT_BYTES_MAX {
            call.too_long(too_long(raw.len()));
            continue;
        }
        match json::parse(raw) {
            Ok(event) => decide(event, call),
            Err(why) => call.quarantine(raw.to_vec(), why.to_string()),
        }
    }
    Ok(())
}

fn binary<'h>(
    content_type: Option<&str>,
    headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    body: &[u8],
) -> Result<Value<'static>, Unreadable> {
    let mut event = Object::new();
    for (name, value) in headers {
        let attribute = name
            .get(..3)
            .filter(|start| start.eq_ignore_ascii_case("ce-"))
            .map(|_| name[3..].to_ascii_lowercase());
        if let Some(attribute) = attribute.filter(|attribute| !attribute.is_empty()) {
            event.insert(attribute, of_header(value));
        }
    }
    if event.get("specversion").is_none() {
        let why = "neither an event's Content-Type nor a header ce-specversion";
        return Err(Unreadable::Unsupported(why.to_owned()));
    }
    // These are no attributes, whatever a header says.
    event.remove("data");
    event.remove("data_base64");
    if let Some(content_type) = content_type {
        event.insert("datacontenttype", content_type.to_owned());
    }
    if !body.is_empty() {
        data(body, &mut event);
    }
    Ok(Value::Object(event))
}

/// The text of a header's value: quotes taken off, percent-encoded bytes decoded.
fn of_header(value: &[u8]) -> String {
    let value = value.trim_ascii();
    let mut plain = Vec::with_capacity(value.len());
    match value
        .strip_prefix(b"\"")
        .and_then(|v| v.strip_suffix(b"\""))
    {
        None => plain.extend_from_slice(value),
        Some(quoted) => {
            let mut escaped = false;
            for byte in quoted {
                escaped = *byte == b'\\' && !escaped;
                if !escaped {
                    plain.push(*byte);
                }
            }
        }
    }
    let mut decoded = Vec::with_capacity(plain.len());
    let mut rest = plain.as_slice();
    while let Some((&byte, after)) = rest.split_first() {
        let code = (byte == b'%')
            .then(|| after.get(..2))
            .flatten()
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(code.unwrap_or(byte));
        rest = match code {
            Some(_) => &after[2..],
            None => after,
        };
    }
    readable(&decoded).0
}

/// The data of an event as what they are: JSON, a text, or bytes.
fn data(bytes: &[u8], event: &mut Object<'static>) {
    let media = event.get("datacontenttype").and_then(Value::as_str);
    let media = essence(media.unwrap_or("application/json"));
    let is_json = media.ends_with("/json") || media.ends_with("+json");
    match (json::parse(bytes), std::str::from_utf8(bytes)) {
        (Ok(value), _) if is_json => event.insert("data", value.into_owned()),
        (_, Ok(text)) => event.insert("data", text.to_owned()),
        _ => event.insert("data_base64", BASE64.encode(bytes)),
    }
}

/// One event in the form of JSON.
fn decide(event: Value<'_>, call: &mut Call<'_>) {
    let mut event = match event.into_owned() {
        Value::Object(event) => event,
        other => {
            return call.quarantine(other.to_string().into_bytes(), "an event is an object");
        }
    };
    normalise(&mut event);
    let version = event.get("specversion").and_then(Value::as_str);
    let missing = REQUIRED.into_iter().find(|name| {
        event
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or("")
            .is_empty()
    });
    let wrong = match version {
        Some(version) if VERSIONS.contains(&version) => {
            missing.map(|name| format!("no CloudEvent: {name} is missing, empty or no text"))
        }
        Some(version) => Some(format!("CloudEvents {version}: 1.0 and 0.3 are read")),
        None => Some("no CloudEvent: specversion is missing".to_owned()),
    };
    let own = |name| event.get(name).and_then(Value::as_str).unwrap_or("");
    let identity = format!("{} {}", own("source"), own("id"));
    let event = Value::Object(event);
    let mut raw = Vec::new();
    json::write_canonical(&event, &mut raw);
    match wrong {
        Some(why) => call.quarantine(raw, why),
        None => call.event(raw, event, Identity::Own(&identity)),
    }
}

/// Brings data out of base64 where they are text, so that secrets in them are found; and 0.3's names into 1.0's.
fn normalise(event: &mut Object<'static>) {
    if event.get("specversion").and_then(Value::as_str) == Some("0.3") {
        if let Some(schema) = event.remove("schemaurl") {
            event.insert("dataschema", schema);
        }
        if event.get("datacontentencoding").and_then(Value::as_str) == Some("base64")
            && let Some(data) = event.remove("data")
        {
            event.remove("datacontentencoding");
            event.insert("data_base64", data);
        }
    }
    let bytes = match event.get("data_base64") {
        Some(Value::String(base64)) => BASE64_MIME_PERMISSIVE.decode(base64.as_bytes()).ok(),
        _ => None,
    };
    if let (Some(bytes), None) = (bytes, event.get("data")) {
        event.remove("data_base64");
        data(&bytes, event);
    }
}

#[cfg(test)]
mod tests;
