//! Splunk's HTTP Event Collector: objects one after the other, or lines.
//!
//! What a table sees: `event`, `time`, `host`, `source`, `sourcetype`, `index` and `fields`, as sent; what the call says of all events is
//! there too, where the event does not say it.

use crate::foreign::{Claims, Layout};
use crate::scan::{Piece, Place, Scanner, Spill};
use crate::sent::{Call, Identity, Sent, Unreadable};
use crate::syslog::readable;
use crate::table::Table;
use entry::json::{self, Object, Value};
use entry::limits::{BATCH_ENTRIES_MAX, ENTRY_BYTES_MAX};
use std::io;
use std::sync::LazyLock;

pub const FORMAT: &str = "hec";

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::of_protocol(FORMAT, include_str!("../tables/protocols/hec.toml")));

/// How events become drafts, if nobody says otherwise.
pub fn table() -> &'static Table {
    &TABLE
}

/// Why an event is refused, in Splunk's words; its code 12.
pub const NO_EVENT: &str = "Event field is required";

/// Likewise, code 13.
pub const BLANK_EVENT: &str = "Event field cannot be blank";

/// What the parameters of a call say of all its events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults<'d> {
    pub host: Option<&'d str>,
    pub source: Option<&'d str>,
    pub sourcetype: Option<&'d str>,
    pub index: Option<&'d str>,
    /// Seconds since 1970; only of lines.
    pub time: Option<&'d str>,
}

/// A call.
#[derive(Debug)]
pub struct Events {
    pub sent: Vec<Sent>,
    /// The number of the first thing, from 0, that is no JSON: it is kept beside, and what follows it is read. (Code 6)
    pub damaged: Option<usize>,
}

/// Reads the body of `/services/collector/event`, decompressed.
pub fn read(
    body: &[u8],
    defaults: Defaults<'_>,
    table: &Table,
    claims: &Claims,
) -> Result<Events, Unreadable> {
    let mut call = Call::new(table, claims).within("event", &TABLE);
    let mut scanner = Scanner::new(body, Layout::json(&[]));
    let (mut number, mut damaged) = (0, None);
    while let Some(piece) = next(&mut scanner)? {
        if number == BATCH_ENTRIES_MAX {
            return Err(Unreadable::too_many("events"));
        }
        match piece {
            Piece::Item { raw, .. } => match json::parse(&raw) {
                Ok(Value::Object(event)) => decide(event, defaults, &mut call),
                Ok(other) => call.refuse(raw.clone(), format!("no event but {}", other.what())),
                Err(why) => {
                    damaged.get_or_insert(number);
                    call.quarantine(raw, why.to_string());
                }
            },
            Piece::Broken { raw, why, .. } => {
                damaged.get_or_insert(number);
                call.quarantine(raw, why);
            }
            Piece::Spilled { bytes, .. } => {
                call.too_long(format!("an event of {bytes} bytes is too long"));
            }
        }
        number += 1;
    }
    let sent = call.finish();
    Ok(Events { sent, damaged })
}

/// Reads the body of `/services/collector/raw`, decompressed: each line is an event.
pub fn read_raw(
    body: &[u8],
    defaults: Defaults<'_>,
    table: &Table,
    claims: &Claims,
) -> Result<Vec<Sent>, Unreadable> {
    let mut call = Call::new(table, claims).within("event", &TABLE);
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            continue;
        }
        if call.len() >= BATCH_ENTRIES_MAX {
            return Err(Unreadable::too_many("lines"));
        }
        let mut event = Object::new();
        event.insert("event", readable(line).0);
        if let Some(time) = defaults.time {
            event.insert("time", time.to_owned());
        }
        decide(event, defaults, &mut call);
    }
    Ok(call.finish())
}

/// An event as it was kept.
pub(crate) fn again(raw: &[u8], table: &Table, claims: &Claims) -> Result<Vec<Sent>, Unreadable> {
    Ok(read(raw, Defaults::default(), table, claims)?.sent)
}

/// Bytes of what is too long are not kept.
struct Nowhere;

impl Spill for Nowhere {
    fn write(&mut self, _: Place, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

fn next(scanner: &mut Scanner<&[u8]>) -> Result<Option<Piece>, Unreadable> {
    let next = scanner.next(&mut Nowhere);
    next.map_err(|e| Unreadable::Malformed(e.to_string()))
}

fn decide(mut event: Object<'_>, defaults: Defaults<'_>, call: &mut Call<'_>) {
    for (name, said) in [
        ("host", defaults.host),
        ("source", defaults.source),
        ("sourcetype", defaults.sourcetype),
        ("index", defaults.index),
    ] {
        if let (Some(said), None) = (said, event.get(name)) {
            event.insert(name, said.to_owned());
        }
    }
    let refused = match event.get("event") {
        None | Some(Value::Null) => Some(NO_EVENT),
        Some(Value::String(text)) if text.trim().is_empty() => Some(BLANK_EVENT),
        Some(_) => None,
    };
    if let Some(why) = refused {
        return call.refuse(Vec::new(), why);
    }
    let event = Value::Object(event);
    let mut raw = Vec::new();
    json::write_canonical(&event, &mut raw);
    if raw.len() > ENTRY_BYTES_MAX {
        let why = format!("an event of {} bytes: at most {ENTRY_BYTES_MAX}", raw.len());
        return call.too_long(why);
    }
    call.event(raw, event, Identity::Content);
}

#[cfg(test)]
mod tests;
