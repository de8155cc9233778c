//! Syslog: RFC 5424, RFC 3164 and what is sent under their names. A line always becomes an object; what cannot be told apart is its message.
//!
//! Members: `facility`, `severity`, `priority`, `version`, `timestamp`, `hostname`, `app_name`, `proc_id`, `msg_id`, `structured_data`, `message`, and
//! `json` where the message is an object, or `@cee:` and one. Bytes that are no UTF-8 stand as `\xff`.
//!
//! - [`framing`]: where the messages of a stream begin and end
//! - [`relp`]: the same of a stream whose every message is answered
//! - [`read`]: a message, as it is received, to drafts; CEF and LEEF within it go by their own tables

pub mod framing;
pub mod relp;

use crate::cef;
use crate::foreign::Claims;
use crate::foreign_time;
use crate::sent::{Call, Fate, Identity, Sent};
use crate::table::{Reads, Table};
use entry::json::{self, Object, Value};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

pub const FORMAT: &str = "syslog";

/// The longest message that a stream may hold: senders cut theirs off at 8 KiB to 128 KiB, and a connection holds one.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::of_protocol(FORMAT, include_str!("../tables/syslog.toml")));
static CEF: LazyLock<Table> =
    LazyLock::new(|| Table::of_protocol("cef", include_str!("../tables/cef.toml")));
static LEEF: LazyLock<Table> =
    LazyLock::new(|| Table::of_protocol("leef", include_str!("../tables/leef.toml")));

/// How messages become drafts that are neither CEF nor LEEF, if nobody says otherwise.
pub fn table() -> &'static Table {
    &TABLE
}

/// Digits of a second that tell two messages with the same text apart.
const PRECISE_DIGITS: usize = 6;

/// Reads one message without its framing: a datagram, or what [`framing`] found. Without a table, CEF and LEEF are recognised; with
/// one, all messages go by it.
///
/// Nothing is sent again in syslog, so equal messages are as many entries, but for those whose time is told in microseconds: relays
/// repeat themselves after a lost connection, and these are known.
pub fn read(bytes: &[u8], table: Option<&Table>, claims: &Claims) -> Vec<Sent> {
    let recognised = match table {
        Some(table) => match table.reads {
            Reads::Cef | Reads::Leef => (table.event(bytes), table),
            Reads::Syslog | Reads::Json => (Ok(Value::Object(message(bytes))), table),
        },
        None => recognised(bytes),
    };
    let (event, table) = match recognised {
        (Ok(event), table) => (event, table),
        (Err(why), _) => {
            let fate = Fate::Quarantine(why);
            let raw = bytes.to_vec();
            return vec![Sent { raw, fate }];
        }
    };
    let time = event
        .get("timestamp")
        .or_else(|| event.get("syslog")?.get("timestamp"));
    let fraction = time
        .and_then(Value::as_str)
        .and_then(|time| time.split_once('.'))
        .map_or("", |(_, fraction)| fraction);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let identity = match digits >= PRECISE_DIGITS {
        true => Identity::Content,
        false => Identity::None,
    };
    let mut call = Call::new(table, claims).within("json", &TABLE);
    call.event(bytes.to_vec(), event, identity);
    call.finish()
}

/// What is left of a message that was longer than is taken.
pub fn too_long(bytes: usize) -> Sent {
    Sent {
        raw: Vec::new(),
        fate: Fate::TooLong(format!("a message of {bytes} bytes is too long")),
    }
}

fn recognised(bytes: &[u8]) -> (Result<Value<'static>, String>, &'static Table) {
    let has = |mark: &[u8]| memchr::memmem::find(bytes, mark).is_some();
    if has(b"CEF:")
        && let Ok(event) = cef::cef(bytes)
    {
        return (Ok(Value::Object(event)), &CEF);
    }
    if has(b"LEEF:")
        && let Ok(event) = cef::leef(bytes)
    {
        return (Ok(Value::Object(event)), &LEEF);
    }
    (Ok(Value::Object(message(bytes))), &TABLE)
}

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "security", "console", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

const SEVERITIES: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Parameters of structured data that are told apart; a line with more keeps it as a text.
const PARAMETERS_MAX: usize = 1_000;

/// The longest name in a header, by RFC 5424 and a little more; what is longer is no name but part of the message.
const NAME_BYTES_MAX: usize = 255;

/// One message, without its framing.
pub fn message(bytes: &[u8]) -> Object<'static> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let (text, valid) = readable(bytes);
    let mut object = Object::new();
    if !valid {
        object.insert("invalid_utf8", true);
    }
    let (priority, rest) = priority(&text);
    if let Some(priority) = priority {
        object.insert("priority", u64::from(priority));
        object.insert("facility", FACILITIES[usize::from(priority / 8)]);
        object.insert("severity", SEVERITIES[usize::from(priority % 8)]);
    }
    let said = match rest.strip_prefix("1 ").filter(|_| priority.is_some()) {
        Some(rest) => match rfc5424(rest, &mut object) {
            Some(said) => said,
            None => rest,
        },
        None => rfc3164(rest, &mut object),
    };
    let said = said.strip_prefix('\u{feff}').unwrap_or(said);
    if let Some(inner) = object_in(said) {
        object.insert("json", inner);
    }
    object.insert("message", said.to_owned());
    object
}

/// The text, with bytes that are none written as `\xff`; whether there were none of those.
pub(crate) fn readable(bytes: &[u8]) -> (String, bool) {
    let mut text = String::with_capacity(bytes.len());
    let mut valid = true;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            valid = false;
            write!(text, "\\x{byte:02x}").expect("a string takes everything");
        }
    }
    (text, valid)
}

fn priority(text: &str) -> (Option<u8>, &str) {
    let inner = text.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    match inner {
        Some((digits, rest))
            if (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            match digits.parse::<u8>() {
                Ok(priority) if priority <= 191 => (Some(priority), rest),
                _ => (None, text),
            }
        }
        _ => (None, text),
    }
}

/// The object that a message is, if it is one.
fn object_in(said: &str) -> Option<Value<'static>> {
    let text = said.trim_start();
    let text = text.strip_prefix("@cee:").unwrap_or(text).trim_start();
    if !text.starts_with('{') {
        return None;
    }
    match json::parse(text.as_bytes()) {
        Ok(value @ Value::Object(_)) => Some(value.into_owned()),
        _ => None,
    }
}

/// `TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`; `None`, and nothing set, if it is not that.
fn rfc5424<'t>(rest: &'t str, object: &mut Object<'static>) -> Option<&'t str> {
    let mut rest = rest;
    let mut names = [""; 5];
    for name in &mut names {
        (*name, rest) = rest.split_once(' ')?;
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return None;
        }
    }
    let (data, said) = structured_data(rest)?;
    object.insert("version", 1_u64);
    for (member, name) in ["timestamp", "hostname", "app_name", "proc_id", "msg_id"]
        .into_iter()
        .zip(names)
    {
        if name != "-" {
            object.insert(member, name.to_owned());
        }
    }
    if !data.is_empty() {
        object.insert("structured_data", data);
    }
    let said = said.strip_prefix(' ').unwrap_or(said);
    // Some put a space of their own before the message.
    Some(said.strip_prefix(' ').unwrap_or(said))
}

/// `-`, or `[id name="value" …]` one after the other; and what follows.
fn structured_data(text: &str) -> Option<(Object<'static>, &str)> {
    let mut data = Members::default();
    if let Some(rest) = text.strip_prefix('-') {
        return (rest.is_empty() || rest.starts_with(' ')).then_some((data.object(), rest));
    }
    let mut rest = text;
    let mut parameters = 0;
    while let Some(element) = rest.strip_prefix('[') {
        let end = element.find([' ', ']'])?;
        let id = &element[..end];
        let mut members = Members::default();
        rest = &element[end..];
        loop {
            rest = rest.trim_start_matches(' ');
            if let Some(after) = rest.strip_prefix(']') {
                rest = after;
                break;
            }
            let (name, value) = rest.split_once("=\"")?;
            let (value, after) = quoted(value)?;
            parameters += 1;
            if name.contains([' ', ']', '"']) || parameters > PARAMETERS_MAX {
                return None;
            }
            members.insert(name, value);
            rest = after;
        }
        parameters += 1;
        if parameters > PARAMETERS_MAX {
            return None;
        }
        data.insert(id, members.object());
    }
    (rest.len() < text.len() && (rest.is_empty() || rest.starts_with(' ')))
        .then_some((data.object(), rest))
}

/// The value up to its closing quote, without its escapes, and what follows the quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\' | ']'))) => value.push(escaped),
                // Any other is no escape, says the RFC: both stay.
                Some((_, other)) => value.extend(['\\', other]),
                None => return None,
            },
            c => value.push(c),
        }
    }
    None
}

/// Members of one object, of which some have the same name: `ip`, `ip.2`, `ip.3`.
#[derive(Default)]
pub(crate) struct Members {
    members: Vec<(String, Value<'static>)>,
    /// The names taken, each with the number that the next one of it is tried with.
    names: HashMap<String, usize>,
}

impl Members {
    pub(crate) fn insert(&mut self, name: &str, value: impl Into<Value<'static>>) {
        let mut free = name.to_owned();
        if let Some(next) = self.names.get(name).copied() {
            let mut next = next;
            loop {
                free = format!("{name}.{next}");
                next += 1;
                if !self.names.contains_key(&free) {
                    break;
                }
            }
            self.names.insert(name.to_owned(), next);
        }
        self.names.insert(free.clone(), 2);
        self.members.push((free, value.into()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn object(self) -> Object<'static> {
        self.members.into_iter().collect()
    }
}

/// `Oct 11 22:14:15 host tag[pid]: message`, with any of it missing.
fn rfc3164<'t>(text: &'t str, object: &mut Object<'static>) -> &'t str {
    let Some((time, rest)) = time(text) else {
        return text;
    };
    object.insert("timestamp", time.to_owned());
    // `Mar 11 09:39:39: --- last message repeated 5 times ---`
    if let Some(said) = rest.strip_prefix(": ") {
        return said;
    }
    let rest = rest.trim_start_matches(' ');
    if let Some(said) = tag(rest, object) {
        return said;
    }
    let Some((host, after)) = rest
        .split_once(' ')
        .filter(|(host, _)| host.len() <= NAME_BYTES_MAX)
    else {
        return rest;
    };
    object.insert("hostname", host.to_owned());
    tag(after, object).unwrap_or(after)
}

/// A time as RFC 3164 writes it, perhaps with a year, or as RFC 3339 does; and what follows it.
fn time(text: &str) -> Option<(&str, &str)> {
    let first = text.split(' ').next()?;
    if first.len() >= 19
        && first.is_ascii()
        && first.as_bytes()[10] == b'T'
        && first.as_bytes()[..4].iter().all(u8::is_ascii_digit)
    {
        return Some((first, text[first.len()..].trim_start_matches(' ')));
    }
    let month = text.get(..3)?;
    if !MONTHS.iter().any(|known| known.eq_ignore_ascii_case(month)) {
        return None;
    }
    let day = text.get(..7)?.as_bytes();
    let is_day = day[3] == b' '
        && (day[4].is_ascii_digit() || day[4] == b' ')
        && day[5].is_ascii_digit()
        && day[6] == b' ';
    let year = text.get(7..12).and_then(|year| year.strip_suffix(' '));
    let has_year = year.is_some_and(|year| year.bytes().all(|b| b.is_ascii_digit()));
    let start = if has_year { 12 } else { 7 };
    let clock = text.get(start..start + 8)?.as_bytes();
    let digit = |at: usize| clock[at].is_ascii_digit();
    let is_clock =
        [0, 1, 3, 4, 6, 7].into_iter().all(digit) && clock[2] == b':' && clock[5] == b':';
    if !is_day || !is_clock {
        return None;
    }
    let end = start + 8 + fraction_and_zone(&text[start + 8..]);
    Some((&text[..end], &text[end..]))
}

/// How long `.811 UTC` is, with any of it missing.
fn fraction_and_zone(text: &str) -> usize {
    let digits = text.strip_prefix('.').unwrap_or("");
    let digits = digits.len()
        - digits
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .len();
    let fraction = if digits > 0 { digits + 1 } else { 0 };
    let zone = text[fraction..]
        .strip_prefix(' ')
        .and_then(|rest| rest.split_once([' ', ':']))
        .map(|(word, _)| word)
        .filter(|word| foreign_time::is_zone_name(word));
    fraction + zone.map_or(0, |zone| zone.len() + 1)
}

/// `tag: message`, `tag[pid]: message`; `None` if no tag stands there.
fn tag<'t>(text: &'t str, object: &mut Object<'static>) -> Option<&'t str> {
    let end = text.find([':', '[', ' '])?;
    let name = &text[..end];
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let (pid, said) = match text.as_bytes()[end] {
        b'[' => {
            let (pid, after) = text[end + 1..].split_once(']')?;
            let short = pid.len() <= NAME_BYTES_MAX && !pid.contains(' ');
            (Some(pid), after.strip_prefix(':').filter(|_| short)?)
        }
        b':' => (None, &text[end + 1..]),
        _ => return None,
    };
    // An address or a clock is no tag: `10:22:33`, `fe80::1`.
    if !said.is_empty() && !said.starts_with(' ') && pid.is_none() {
        return None;
    }
    object.insert("app_name", name.to_owned());
    if let Some(pid) = pid {
        object.insert("proc_id", pid.to_owned());
    }
    Some(said.strip_prefix(' ').unwrap_or(said))
}

#[cfg(test)]
mod tests;
