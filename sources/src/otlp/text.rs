//! The JSON form: proto3's mapping with the exceptions of OTLP (ids in hexadecimal, enumerations as numbers), and what its senders make of it.

use super::{Budget, CALL_TOKENS_MAX, Fault, Records, Shared, bytes};
use crate::sent::Unreadable;
use crate::syslog::Members;
use entry::json::{self, Object, Value};

fn damaged(what: &str, wanted: &str) -> Fault {
    Fault::Damaged(format!("{what} is no {wanted}"))
}

/// `ExportLogsServiceRequest`
pub(super) fn read(body: &[u8], records: &mut Records) -> Result<(), Unreadable> {
    if tokens(body) > CALL_TOKENS_MAX {
        let why = "more values at once than are read".to_owned();
        return Err(Unreadable::TooMuch(why));
    }
    let call = json::parse_stored(body).map_err(|e| Unreadable::Malformed(e.to_string()))?;
    if call.as_object().is_none() {
        return Err(damaged("the call", "object").into());
    }
    for resource_logs in array(&call, "resourceLogs")? {
        let mut shared = Shared::default();
        if let Some(resource) = object(resource_logs, "resource")? {
            shared.resource = attributes_of(resource, &mut Budget::new())?;
        }
        for scope_logs in array(resource_logs, "scopeLogs")? {
            shared.scope = match object(scope_logs, "scope")? {
                Some(scope) => scope_of(scope)?,
                None => Object::new(),
            };
            shared.measure();
            for record in array(scope_logs, "logRecords")? {
                // Its length in the call is not known; the log's own limit holds.
                records.add(&shared, 0, |budget| record_of(record, budget))?;
            }
        }
    }
    Ok(())
}

/// Commas and brackets outside of strings: as many values as a parser would hold, at most.
fn tokens(body: &[u8]) -> usize {
    let (mut tokens, mut in_string, mut escaped) = (0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => tokens += 1,
            _ => {}
        }
    }
    tokens
}

/// The elements of a member that is an array, absent or null.
fn array<'v, 'a>(of: &'v Value<'a>, name: &str) -> Result<&'v [Value<'a>], Fault> {
    if of.as_object().is_none() {
        return Err(damaged(&format!("what holds {name}"), "object"));
    }
    match of.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(elements)) => Ok(elements),
        Some(_) => Err(damaged(name, "array")),
    }
}

fn object<'v, 'a>(of: &'v Value<'a>, name: &str) -> Result<Option<&'v Value<'a>>, Fault> {
    match of.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value @ Value::Object(_)) => Ok(Some(value)),
        Some(_) => Err(damaged(name, "object")),
    }
}

fn scope_of(scope: &Value<'_>) -> Result<Object<'static>, Fault> {
    let mut object = Object::new();
    for name in ["name", "version"] {
        if let Some(text) = scope.get(name).and_then(Value::as_str)
            && !text.is_empty()
        {
            object.insert(name, text.to_owned());
        }
    }
    let attributes = attributes_of(scope, &mut Budget::new())?;
    if !attributes.is_empty() {
        object.insert("attributes", attributes);
    }
    Ok(object)
}

fn attributes_of(of: &Value<'_>, budget: &mut Budget) -> Result<Object<'static>, Fault> {
    let mut members = Members::default();
    for pair in array(of, "attributes")? {
        pair_of(pair, 0, budget, &mut members)?;
    }
    Ok(members.object())
}

fn record_of(record: &Value<'_>, budget: &mut Budget) -> Result<Object<'static>, Fault> {
    let Value::Object(members) = record else {
        return Err(damaged("a log record", "object"));
    };
    let mut read = Object::new();
    for (name, value) in members.iter() {
        let named = match name {
            "timeUnixNano" => "time",
            "observedTimeUnixNano" => "observed_time",
            "severityNumber" => "severity_number",
            "severityText" => "severity",
            "droppedAttributesCount" => "dropped_attributes_count",
            "flags" => "flags",
            "traceId" => "trace_id",
            "spanId" => "span_id",
            "eventName" => "event_name",
            "body" => {
                read.insert("body", value_of(value, 0, budget)?);
                continue;
            }
            _ => continue,
        };
        let value = match (named, value) {
            (_, Value::Null) => continue,
            ("trace_id" | "span_id", Value::String(id)) => Value::from(id.to_ascii_lowercase()),
            ("severity" | "event_name", value) => value.clone().into_owned(),
            (_, value) => integer(value),
        };
        let absent = match &value {
            Value::String(text) => text.bytes().all(|byte| byte == b'0'),
            Value::Number(text) => text == "0",
            _ => false,
        };
        if !absent {
            read.insert(named, value);
        }
    }
    let attributes = attributes_of(record, budget)?;
    if !attributes.is_empty() {
        read.insert("attributes", attributes);
    }
    Ok(read)
}

/// A 64-bit integer, which may be a text: proto3 says so, and not everybody does. Anything else stays what it is.
fn integer(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::String(text) => match text.parse::<i128>() {
            Ok(number) => Value::Number(number.to_string().into()),
            Err(_) => Value::from(text.to_string()),
        },
        other => other.clone().into_owned(),
    }
}

/// `KeyValue`
fn pair_of(
    pair: &Value<'_>,
    depth: usize,
    budget: &mut Budget,
    members: &mut Members,
) -> Result<(), Fault> {
    let name = match pair.get("key") {
        Some(Value::String(name)) => name.as_ref(),
        None if pair.as_object().is_some() => "",
        _ => return Err(damaged("an attribute's key", "text")),
    };
    let value = match pair.get("value") {
        Some(value) => value_of(value, depth, budget)?,
        None => {
            budget.take(depth)?;
            Value::Null
        }
    };
    members.insert(name, value);
    Ok(())
}

/// `AnyValue`: one member, whose name says its type.
fn value_of(any: &Value<'_>, depth: usize, budget: &mut Budget) -> Result<Value<'static>, Fault> {
    budget.take(depth)?;
    let object = match any {
        Value::Object(object) => object,
        Value::Null => return Ok(Value::Null),
        _ => return Err(damaged("a value", "object that names its type")),
    };
    for (name, value) in object.iter() {
        return Ok(match (name, value) {
            (_, Value::Null) => continue,
            ("stringValue" | "boolValue" | "doubleValue", value) => value.clone().into_owned(),
            ("intValue", value) => integer(value),
            ("bytesValue", Value::String(base64)) => bytes(base64.to_string()),
            ("arrayValue", value) => {
                let elements = array(value, "values")?.iter();
                let elements: Result<_, Fault> = elements
                    .map(|element| value_of(element, depth + 1, budget))
                    .collect();
                Value::Array(elements?)
            }
            ("kvlistValue", value) => {
                let mut members = Members::default();
                for pair in array(value, "values")? {
                    pair_of(pair, depth + 1, budget, &mut members)?;
                }
                Value::Object(members.object())
            }
            _ => continue,
        });
    }
    Ok(Value::Null)
}
