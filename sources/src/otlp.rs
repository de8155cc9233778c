//! OpenTelemetry's logs protocol (OTLP 1.x): an `ExportLogsServiceRequest`, in protobuf or JSON, to a draft for each log record.
//!
//! What a table sees of a record: `time` and `observed_time` (nanoseconds since 1970, absent if 0), `severity`, `severity_number`, `event_name`, `body`,
//! `attributes`, `resource` and `scope` (`name`, `version`, `attributes`), `trace_id`, `span_id`, `flags`, `dropped_attributes_count`. Attributes stand under their whole
//! names (`/attributes/enduser.id`); bytes are `{"base64": …}`; a number that is none is a text.
//!
//! - [`protobuf`]: the binary form, read without an intermediate form of a whole call
//! - [`text`]: the JSON form, which takes 64-bit integers as numbers or texts
//! - [`answer`]: what a server answers

pub mod answer;
mod protobuf;
mod text;

use crate::foreign::{self, Claims};
use crate::sent::{Call, Identity, Sent, Unreadable};
use crate::table::Table;
use entry::json::{self, Object, Value};
use entry::limits::{BATCH_ENTRIES_MAX, ENTRY_BYTES_MAX};
use std::collections::HashMap;
use std::sync::LazyLock;

pub const FORMAT: &str = "otlp";

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::of_protocol(FORMAT, include_str!("../tables/protocols/otlp.toml")));

/// How records become drafts, if nobody says otherwise.
pub fn table() -> &'static Table {
    &TABLE
}

/// The forms a call may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// Of a `Content-Type`, without regard to its parameters.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or("").trim();
        match () {
            () if essence.eq_ignore_ascii_case("application/x-protobuf") => Some(Self::Protobuf),
            () if essence.eq_ignore_ascii_case("application/json") => Some(Self::Json),
            () => None,
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// The records of all resources of one `service.name`.
#[derive(Debug)]
pub struct Group {
    pub service: Option<Box<str>>,
    pub sent: Vec<Sent>,
}

/// Values of one record, and of one resource: more than any SDK sends by far.
const VALUES_MAX: usize = 10_000;

/// Values of one call: a value of two bytes takes a hundred in memory.
const CALL_VALUES_MAX: usize = 1_000_000;

/// Commas and brackets of a call in JSON, which has some five of them for a value.
const CALL_TOKENS_MAX: usize = 4 * CALL_VALUES_MAX;

/// The deepest nesting of a value: the entry's context holds it three levels down.
const DEPTH_MAX: usize = entry::limits::DEPTH_MAX - 8;

/// Bytes that repeating resources and scopes in their records may take.
const REPEATED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Reads a call, decompressed. `claims` says what holds for the records of a `service.name`.
///
/// Records that are too large are refused one by one (partial success); a call that is damaged anywhere is refused as a whole, as the
/// protocol says: its sender does not send it again.
pub fn read(
    body: &[u8],
    encoding: Encoding,
    table: &Table,
    claims: &mut dyn FnMut(Option<&str>) -> Claims,
) -> Result<Vec<Group>, Unreadable> {
    read_each(body, encoding, &mut |service| (claims(service), table))
}

/// As [`read`], where each `service.name` may go by a table of its own.
pub fn read_each<'t>(
    body: &[u8],
    encoding: Encoding,
    of: &mut dyn FnMut(Option<&str>) -> (Claims, &'t Table),
) -> Result<Vec<Group>, Unreadable> {
    let mut records = Records::default();
    match encoding {
        Encoding::Protobuf => protobuf::read(body, &mut records)?,
        Encoding::Json => text::read(body, &mut records)?,
    }
    let groups = records.groups.into_iter().map(|(service, records)| {
        let (claims, table) = of(service.as_deref());
        let mut call = Call::new(table, &claims).within("body", &TABLE);
        for record in records {
            decide(record, &mut call);
        }
        let sent = call.finish();
        Group { service, sent }
    });
    Ok(groups.collect())
}

fn decide(record: Record, call: &mut Call<'_>) {
    match record {
        Record::Whole(record) => {
            let record = Value::Object(record);
            let mut raw = Vec::new();
            json::write_canonical(&record, &mut raw);
            call.event(raw, record, Identity::Content);
        }
        Record::TooMuch(why) => call.too_long(why),
    }
}

/// A record as it was kept.
pub(crate) fn again(raw: &[u8], table: &Table, claims: &Claims) -> Result<Vec<Sent>, Unreadable> {
    let record = json::parse_stored(raw).map_err(|e| Unreadable::Malformed(e.to_string()))?;
    let mut call = Call::new(table, claims).within("body", &TABLE);
    call.event(raw.to_vec(), record, Identity::Content);
    Ok(call.finish())
}

/// A log record with its resource and scope, or why it is not taken.
enum Record {
    Whole(Object<'static>),
    TooMuch(String),
}

/// What is wrong within a record or resource.
enum Fault {
    Damaged(String),
    TooMuch(String),
}

impl From<Fault> for Unreadable {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Damaged(why) => Unreadable::Malformed(why),
            Fault::TooMuch(why) => Unreadable::TooMuch(why),
        }
    }
}

/// Counts the values of one record.
struct Budget(usize);

impl Budget {
    fn new() -> Self {
        Self(VALUES_MAX)
    }

    fn spent(&self) -> usize {
        VALUES_MAX - self.0
    }

    fn take(&mut self, depth: usize) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            let why = format!("values nested deeper than {DEPTH_MAX}");
            return Err(Fault::TooMuch(why));
        }
        let left = self.0.checked_sub(1);
        self.0 = left.ok_or_else(|| {
            Fault::TooMuch(format!("more than {VALUES_MAX} values in one record"))
        })?;
        Ok(())
    }
}

/// What all records of a resource or a scope have.
#[derive(Default)]
struct Shared {
    resource: Object<'static>,
    scope: Object<'static>,
    bytes: usize,
}

impl Shared {
    fn measure(&mut self) {
        self.bytes = foreign::canonical_bytes(&mut self.resource)
            + foreign::canonical_bytes(&mut self.scope);
    }
}

/// The records of a call, by their services in the order met.
#[derive(Default)]
struct Records {
    groups: Vec<(Option<Box<str>>, Vec<Record>)>,
    places: HashMap<Option<Box<str>>, usize>,
    count: usize,
    values: usize,
    repeated_bytes: usize,
}

impl Records {
    /// Adds one, or what it is not taken for; a damaged one fails the call.
    fn add(
        &mut self,
        shared: &Shared,
        bytes: usize,
        read: impl FnOnce(&mut Budget) -> Result<Object<'static>, Fault>,
    ) -> Result<(), Unreadable> {
        let mut budget = Budget::new();
        let record = read(&mut budget);
        self.values += budget.spent();
        if self.values > CALL_VALUES_MAX {
            let why = format!("more than {CALL_VALUES_MAX} values at once");
            return Err(Unreadable::TooMuch(why));
        }
        self.count += 1;
        if self.count > BATCH_ENTRIES_MAX {
            return Err(Unreadable::too_many("log records"));
        }
        self.repeated_bytes += shared.bytes;
        if self.repeated_bytes > REPEATED_BYTES_MAX {
            let why = "resources and scopes are too large to be repeated in each of their records";
            return Err(Unreadable::TooMuch(why.to_owned()));
        }
        let record = match record {
            Err(Fault::TooMuch(why)) => Record::TooMuch(why),
            Err(damaged) => return Err(damaged.into()),
            Ok(_) if bytes.saturating_add(shared.bytes) > ENTRY_BYTES_MAX => {
                let why = format!("a log record of {bytes} bytes: at most {ENTRY_BYTES_MAX}");
                Record::TooMuch(why)
            }
            Ok(mut record) => {
                foreign::put_back(&mut record, "resource", shared.resource.clone());
                foreign::put_back(&mut record, "scope", shared.scope.clone());
                Record::Whole(record)
            }
        };
        let service = foreign::text(shared.resource.get("service.name")).map(Box::from);
        let place = match self.places.get(&service) {
            Some(place) => *place,
            None => {
                self.groups.push((service.clone(), Vec::new()));
                self.places.insert(service, self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        self.groups[place].1.push(record);
        Ok(())
    }
}

/// A double as JSON has it: what is no number is a text.
fn double(value: f64) -> Value<'static> {
    match value {
        _ if value.is_nan() => Value::from("NaN"),
        f64::INFINITY => Value::from("Infinity"),
        f64::NEG_INFINITY => Value::from("-Infinity"),
        value => Value::Number(format!("{value:?}").into()),
    }
}

fn bytes(base64: String) -> Value<'static> {
    let mut object = Object::new();
    object.insert("base64", base64);
    Value::Object(object)
}

#[cfg(test)]
mod tests;
