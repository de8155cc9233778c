//! An entry put together again from the open units of a disclosure.
//!
//! Everything here holds for whatever a log may have signed: values that are not the canonical JSON they must be, units that
//! contradict each other, and pointers of any depth are refused, never guessed at.

use super::{Refusal, Step};
use entry::json::{self, Object, Value};
use entry::{Json, units};
use proof::Seq;
use proof::disclosure::{Content, Disclosure, Unit};

/// Members that the log adds, and that units therefore never hold.
const ADDED: [&str; 3] = ["erased", "received_at", "seq"];

/// The canonical JSON of the entry: its open units, `seq` and `received_at`, and in `erased` the paths of the others.
pub fn wire(disclosure: &Disclosure, seq: Seq) -> Result<String, Refusal> {
    put_together(disclosure, seq, |_| true)
}

/// As [`wire`], without the values of personal members.
pub fn impersonal(disclosure: &Disclosure, seq: Seq) -> Result<String, Refusal> {
    put_together(disclosure, seq, |unit| unit.path.is_empty())
}

fn put_together(
    disclosure: &Disclosure,
    seq: Seq,
    shown: impl Fn(&Unit) -> bool,
) -> Result<String, Refusal> {
    let body = join(disclosure, shown)?;
    let Value::Object(mut entry) = body.parse() else {
        return Err(refuse("", "it is not an object"));
    };
    if let Some(name) = ADDED.into_iter().find(|name| entry.get(name).is_some()) {
        let why = format!("it holds `{name}`, which only the log adds");
        return Err(refuse("", &why));
    }
    let id = disclosure.id().to_string();
    match entry.get("id") {
        Some(own) if own.as_str() != Some(&id) => {
            return Err(refuse("", "it names another id than its leaf"));
        }
        _ => entry.insert("id", id),
    }
    entry.insert("seq", seq.0);
    entry.insert("received_at", disclosure.received_at().to_string());
    let erased: Vec<Value<'_>> = erased_paths(disclosure)
        .map(|path| Object::from_iter([("path", path)]).into())
        .collect();
    if !erased.is_empty() {
        entry.insert("erased", erased);
    }
    Ok(Value::from(entry).to_string())
}

/// The paths of personal members that are open.
pub fn open_paths(disclosure: &Disclosure) -> impl Iterator<Item = &str> {
    disclosure
        .units()
        .iter()
        .filter(|unit| matches!(unit.content, Content::Open { .. }))
        .map(|unit| unit.path.as_str())
        .filter(|path| !path.is_empty())
}

/// The paths of the units of which only the digest is left.
pub fn erased_paths(disclosure: &Disclosure) -> impl Iterator<Item = &str> {
    disclosure
        .units()
        .iter()
        .filter(|unit| matches!(unit.content, Content::Erased { .. }))
        .map(|unit| unit.path.as_str())
}

fn refuse(path: &str, why: &str) -> Refusal {
    let unit = if path.is_empty() {
        "the entry's body"
    } else {
        path
    };
    Refusal::tampered(Step::Entry, format!("{unit}: {why}"))
}

/// The body that the open units make.
fn join(disclosure: &Disclosure, shown: impl Fn(&Unit) -> bool) -> Result<Json, Refusal> {
    let mut open = Vec::with_capacity(disclosure.units().len());
    for unit in disclosure.units().iter().filter(|unit| shown(unit)) {
        if let Content::Open { value, .. } = &unit.content {
            must_be_canonical(&unit.path, value)?;
            open.push((unit.path.as_str(), value.as_str()));
        }
    }
    units::join(open).map_err(|e| refuse(&e.pointer, &e.detail))
}

/// Values have one spelling; another could hide a second line, or be read differently by another reader.
fn must_be_canonical(path: &str, text: &str) -> Result<(), Refusal> {
    let value = json::parse_stored(text.as_bytes())
        .map_err(|e| refuse(path, &format!("its value is not JSON: {e}")))?;
    if value.to_string() != text {
        return Err(refuse(path, "its value is not canonical JSON"));
    }
    Ok(())
}
