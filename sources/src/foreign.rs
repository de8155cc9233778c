//! What the mappings share: taking members out of foreign JSON, so that what no field of an entry holds stays as context.

use super::foreign_time::{self, ForeignTime};
use super::redact::Redaction;
use super::scan::Place;
use entry::json::{Object, Value};
use entry::{Draft, Organization, Timestamp};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

/// One item of an input.
#[derive(Clone, Debug)]
pub struct Item {
    pub place: Place,
    pub raw: Vec<u8>,
}

/// What becomes of an item.
#[derive(Debug)]
pub enum Fate {
    Send(Box<Draft>),
    /// Not an entry of its own, and why; counted by reason.
    Skip(&'static str),
    /// Kept beside, with the reason.
    Refuse(String),
}

/// How items stand in an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// JSON values: one after the other, in arrays, or in those members' arrays of an object around them.
    Json { wrappers: Vec<Box<str>> },
    /// One a line.
    Lines,
    /// Records below a line that names their columns.
    Csv,
    /// What the first byte says: JSON begins with a bracket.
    JsonOrCsv { wrappers: Vec<Box<str>> },
}

impl Layout {
    /// JSON, with the names of the members whose arrays hold items.
    pub fn json(wrappers: &[&str]) -> Self {
        Layout::Json {
            wrappers: wrappers.iter().map(|name| Box::from(*name)).collect(),
        }
    }

    /// Of lines that come one by one, as far as each says what it is by itself: a record of CSV does not.
    pub fn by_line(self) -> Option<Self> {
        match self {
            Layout::Csv => None,
            Layout::JsonOrCsv { wrappers } => Some(Layout::Json { wrappers }),
            by_itself => Some(by_itself),
        }
    }
}

/// Turns the items of one format into drafts.
pub trait Mapper: Send {
    /// How items stand in an input.
    fn layout(&self) -> Layout;

    /// Decides one item, or holds it; `header` has the members of the object around it.
    fn take(&mut self, item: Item, header: &[u8], done: &mut dyn FnMut(Item, Fate));

    /// Decides what is still held of the items up to that number of their places: it was waited for long enough.
    fn release(&mut self, _last: u64, _done: &mut dyn FnMut(Item, Fate)) {}

    /// Decides what is still held: the input ended.
    fn finish(&mut self, _done: &mut dyn FnMut(Item, Fate)) {}
}

/// What the caller says about everything that is imported.
#[derive(Clone, Debug)]
pub struct Claims {
    /// `source.name`
    pub source: Box<str>,
    pub organization: Choice,
    /// For times that name no year.
    pub now: Timestamp,
    /// What is kept out of the log; `None` keeps everything in.
    pub redaction: Option<Arc<Redaction>>,
}

impl Claims {
    /// Replaces what is secret in a foreign value, before anything is made of it; true if anything was.
    pub fn redact(&self, value: &mut Value<'_>) -> bool {
        self.redaction
            .as_ref()
            .is_some_and(|redaction| redaction.value(value))
    }
}

/// Whose log it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// What the item says, else the server's default.
    Unsaid,
    One(Organization),
    /// The account the source names, where it is a slug.
    FromSource,
}

impl Choice {
    /// The organization, given what the source calls its account.
    pub fn organization(&self, account: Option<&str>) -> Option<Organization> {
        match self {
            Choice::Unsaid => None,
            Choice::One(organization) => Some(organization.clone()),
            Choice::FromSource => Organization::parse(&account?.to_ascii_lowercase()),
        }
    }
}

/// The ways systems write that they do not know.
pub fn says_something(text: &str) -> bool {
    !matches!(text.trim(), "" | "-" | "null" | "<null>" | "\"\"")
}

/// The text of a value, unless it says nothing.
pub fn text<'v>(value: Option<&'v Value<'_>>) -> Option<&'v str> {
    value?.as_str().filter(|text| says_something(text))
}

/// The text at a pointer.
pub fn text_at<'v>(object: &'v Object<'_>, path: &[&str]) -> Option<&'v str> {
    let (first, rest) = path.split_first()?;
    let value = rest
        .iter()
        .try_fold(object.get(first)?, |value, name| value.get(name))?;
    text(Some(value))
}

/// Takes a text out; a value of another type stays, for the context.
pub fn take_text(object: &mut Object<'_>, name: &str) -> Option<Box<str>> {
    let taken = text(object.get(name)).map(Box::from)?;
    object.remove(name);
    Some(taken)
}

/// Takes an instant out if its text adds nothing to what the entry says; leaves it if it does, or if it is none.
pub fn take_time(object: &mut Object<'_>, name: &str, now: Timestamp) -> Option<ForeignTime> {
    let value = object.get(name)?;
    let time = foreign_time::read(value, now)?;
    if value.as_str().is_some_and(foreign_time::says_no_more) {
        object.remove(name);
    }
    Some(time)
}

/// The object at a name, taken out; anything else stays.
pub fn take_object<'a>(object: &mut Object<'a>, name: &str) -> Option<Object<'a>> {
    object.get(name)?.as_object()?;
    match object.remove(name) {
        Some(Value::Object(taken)) => Some(taken),
        _ => None,
    }
}

/// Puts an object back unless nothing is left of it.
pub fn put_back<'a>(object: &mut Object<'a>, name: &'static str, rest: Object<'a>) {
    if !rest.is_empty() {
        object.insert(name, rest);
    }
}

/// Members that are null say nothing.
pub fn drop_nulls(object: &mut Object<'_>) {
    let nulls: Vec<String> = object
        .iter()
        .filter(|(_, value)| value.is_null())
        .map(|(name, _)| name.to_owned())
        .collect();
    for name in nulls {
        object.remove(&name);
    }
}

/// What tells two events of the same identity apart: 96 bits of the hash of their canonical bytes.
pub fn digest(object: &mut Object<'_>) -> String {
    let value = Value::Object(std::mem::take(object));
    let mut bytes = Vec::new();
    entry::json::write_canonical(&value, &mut bytes);
    if let Value::Object(same) = value {
        *object = same;
    }
    hex_digest(&bytes)
}

/// 96 bits of the hash of some bytes.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter()
        .take(12)
        .fold(String::with_capacity(24), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes everything");
            hex
        })
}

/// How long its canonical JSON is.
pub fn canonical_bytes(object: &mut Object<'_>) -> usize {
    let value = Value::Object(std::mem::take(object));
    let mut bytes = Vec::new();
    entry::json::write_canonical(&value, &mut bytes);
    if let Value::Object(same) = value {
        *object = same;
    }
    bytes.len()
}

/// The draft's timestamp, and a note in the context where the source did not say it in full.
pub fn set_time(draft: &mut Draft, context: &mut Object<'_>, time: Option<ForeignTime>) {
    draft.timestamp = time.map(|t| t.timestamp);
    let note = match time {
        None => "the source gives no time; this is when it was received",
        Some(ForeignTime {
            zone_assumed: true, ..
        }) => "the source gives no zone; UTC is assumed",
        Some(_) => return,
    };
    context.insert("timestamp_note", note);
}

/// An address of mail, by its shape: something, one `@`, a name with a dot.
pub fn mail(text: &str) -> Option<Box<str>> {
    let (local, domain) = text.split_once('@')?;
    let plain = |part: &str| {
        !part.is_empty()
            && !part
                .contains(|c: char| matches!(c, '@' | '/') || c.is_whitespace() || c.is_control())
    };
    (plain(local) && plain(domain) && domain.contains('.')).then(|| text.into())
}
