//! The binary form, field by field: a message is a run of numbered fields, and what is not known is passed over.
//!
//! Read by hand rather than into generated types: of a hostile call, whose values are two bytes each, only one record is held as
//! values at a time, and the count of those ends it.

use super::{Budget, Fault, Records, Shared, bytes, double};
use crate::sent::Unreadable;
use crate::syslog::{Members, readable};
use data_encoding::{BASE64, HEXLOWER};
use entry::json::{Object, Value};

/// A field of a message, without its number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Field<'b> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'b [u8]),
    Fixed32(u32),
}

/// The fields of a message.
struct Fields<'b>(&'b [u8]);

fn damaged(what: &str) -> Fault {
    Fault::Damaged(format!("no protobuf: {what}"))
}

impl<'b> Fields<'b> {
    fn next(&mut self) -> Result<Option<(u64, Field<'b>)>, Fault> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => {
                let length = usize::try_from(self.varint()?);
                let (bytes, rest) = length
                    .ok()
                    .and_then(|length| self.0.split_at_checked(length))
                    .ok_or_else(|| damaged("a field is longer than what holds it"))?;
                self.0 = rest;
                Field::Bytes(bytes)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.fixed()?)),
            _ => return Err(damaged("a field of a type that is not in use")),
        };
        match key >> 3 {
            0 => Err(damaged("a field has the number 0")),
            number => Ok(Some((number, field))),
        }
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        for at in 0..10 {
            let Some((&byte, rest)) = self.0.split_first() else {
                return Err(damaged("it ends within a number"));
            };
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("a number of more than 64 bits"))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (bytes, rest) = self
            .0
            .split_first_chunk()
            .ok_or_else(|| damaged("it ends within a number"))?;
        self.0 = rest;
        Ok(*bytes)
    }
}

/// `ExportLogsServiceRequest`
pub(super) fn read(body: &[u8], records: &mut Records) -> Result<(), Unreadable> {
    let mut fields = Fields(body);
    while let Some(field) = fields.next()? {
        if let (1, Field::Bytes(resource_logs)) = field {
            resource_logs_of(resource_logs, records)?;
        }
    }
    Ok(())
}

fn resource_logs_of(message: &[u8], records: &mut Records) -> Result<(), Unreadable> {
    let mut shared = Shared::default();
    let mut fields = Fields(message);
    // Fields may come in any order: what the records share is looked for first.
    while let Some(field) = fields.next()? {
        if let (1, Field::Bytes(resource)) = field {
            shared.resource = attributes_of(resource, 1)?;
        }
    }
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        if let (2, Field::Bytes(scope_logs)) = field {
            scope_logs_of(scope_logs, &mut shared, records)?;
        }
    }
    Ok(())
}

fn scope_logs_of(
    message: &[u8],
    shared: &mut Shared,
    records: &mut Records,
) -> Result<(), Unreadable> {
    shared.scope = Object::new();
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        if let (1, Field::Bytes(scope)) = field {
            shared.scope = scope_of(scope)?;
        }
    }
    shared.measure();
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        if let (2, Field::Bytes(record)) = field {
            records.add(shared, record.len(), |budget| record_of(record, budget))?;
        }
    }
    Ok(())
}

fn scope_of(message: &[u8]) -> Result<Object<'static>, Fault> {
    let mut scope = Object::new();
    let mut fields = Fields(message);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Field::Bytes(name)) if !name.is_empty() => scope.insert("name", text(name)),
            (2, Field::Bytes(version)) if !version.is_empty() => {
                scope.insert("version", text(version));
            }
            _ => {}
        }
    }
    let attributes = attributes_of(message, 3)?;
    if !attributes.is_empty() {
        scope.insert("attributes", attributes);
    }
    Ok(scope)
}

/// The attributes that a message has in the fields of that number.
fn attributes_of(message: &[u8], wanted: u64) -> Result<Object<'static>, Fault> {
    let mut budget = Budget::new();
    let mut attributes = Members::default();
    let mut fields = Fields(message);
    while let Some((number, field)) = fields.next()? {
        if let (true, Field::Bytes(pair)) = (number == wanted, field) {
            pair_of(pair, 0, &mut budget, &mut attributes)?;
        }
    }
    Ok(attributes.object())
}

fn record_of(message: &[u8], budget: &mut Budget) -> Result<Object<'static>, Fault> {
    let mut record = Object::new();
    let mut attributes = Members::default();
    let mut fields = Fields(message);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Field::Fixed64(time)) if time > 0 => record.insert("time", time),
            (11, Field::Fixed64(time)) if time > 0 => record.insert("observed_time", time),
            (2, Field::Varint(severity)) if severity > 0 => {
                record.insert("severity_number", severity);
            }
            (3, Field::Bytes(severity)) if !severity.is_empty() => {
                record.insert("severity", text(severity));
            }
            (5, Field::Bytes(body)) => record.insert("body", value_of(body, 0, budget)?),
            (6, Field::Bytes(pair)) => pair_of(pair, 0, budget, &mut attributes)?,
            (7, Field::Varint(dropped)) if dropped > 0 => {
                record.insert("dropped_attributes_count", dropped);
            }
            (8, Field::Fixed32(flags)) if flags > 0 => record.insert("flags", u64::from(flags)),
            (9, Field::Bytes(id)) if is_id(id) => record.insert("trace_id", HEXLOWER.encode(id)),
            (10, Field::Bytes(id)) if is_id(id) => record.insert("span_id", HEXLOWER.encode(id)),
            (12, Field::Bytes(name)) if !name.is_empty() => record.insert("event_name", text(name)),
            _ => {}
        }
    }
    if !attributes.is_empty() {
        record.insert("attributes", attributes.object());
    }
    Ok(record)
}

/// Zeroes are how an SDK says that there is none.
fn is_id(id: &[u8]) -> bool {
    id.iter().any(|byte| *byte != 0)
}

/// A text; bytes that are none stand as `\xff`.
fn text(bytes: &[u8]) -> String {
    readable(bytes).0
}

/// `KeyValue`
fn pair_of(
    message: &[u8],
    depth: usize,
    budget: &mut Budget,
    members: &mut Members,
) -> Result<(), Fault> {
    let (mut name, mut value) = (String::new(), Value::Null);
    let mut fields = Fields(message);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Field::Bytes(key)) => name = text(key),
            (2, Field::Bytes(message)) => value = value_of(message, depth, budget)?,
            _ => {}
        }
    }
    if value == Value::Null {
        budget.take(depth)?;
    }
    members.insert(&name, value);
    Ok(())
}

/// `AnyValue`
fn value_of(message: &[u8], depth: usize, budget: &mut Budget) -> Result<Value<'static>, Fault> {
    budget.take(depth)?;
    let mut value = Value::Null;
    let mut fields = Fields(message);
    while let Some((number, field)) = fields.next()? {
        value = match (number, field) {
            (1, Field::Bytes(bytes)) => Value::from(text(bytes)),
            (2, Field::Varint(flag)) => Value::Bool(flag != 0),
            (3, Field::Varint(number)) => Value::Number(number.cast_signed().to_string().into()),
            (4, Field::Fixed64(bits)) => double(f64::from_bits(bits)),
            (5, Field::Bytes(message)) => array_of(message, depth + 1, budget)?,
            (6, Field::Bytes(message)) => object_of(message, depth + 1, budget)?,
            (7, Field::Bytes(blob)) => bytes(BASE64.encode(blob)),
            _ => value,
        };
    }
    Ok(value)
}

/// `ArrayValue`
fn array_of(message: &[u8], depth: usize, budget: &mut Budget) -> Result<Value<'static>, Fault> {
    let mut elements = Vec::new();
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        if let (1, Field::Bytes(message)) = field {
            elements.push(value_of(message, depth, budget)?);
        }
    }
    Ok(Value::Array(elements))
}

/// `KeyValueList`
fn object_of(message: &[u8], depth: usize, budget: &mut Budget) -> Result<Value<'static>, Fault> {
    let mut members = Members::default();
    let mut fields = Fields(message);
    while let Some(field) = fields.next()? {
        if let (1, Field::Bytes(pair)) = field {
            pair_of(pair, depth, budget, &mut members)?;
        }
    }
    Ok(Value::Object(members.object()))
}
