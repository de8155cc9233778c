//! The parts of an entry that can be shown, withheld or erased apart from each other.
//!
//! Unit `""` is the canonical body without its personal members. Each personal member that is there is a unit of its own, named
//! by its RFC 6901 pointer; its value is its canonical JSON. A log's tree commits to the units, so that one can be erased and
//! the proofs of all others stay what they were (`docs/proofs.md`). What an erasure leaves of an entry gives the same unit
//! `""`, and the same values of all units that remain.

use crate::entry::{Line, line};
use crate::json::{self, Value, push_pointer};
use crate::{Entry, EntryId, Invalid, Json};
use std::borrow::Cow;
use std::ops::Range;

/// More keys of `context` than this are one unit: each unit costs a hash, and its digest when it is erased.
pub const CONTEXT_UNITS_MAX: usize = 48;

/// The longest pointer of a unit, in bytes; it is hashed with its length as 16 bits.
pub const POINTER_BYTES_MAX: usize = 65_535;

/// The personal members, but for those of `context`: each key of it is one too.
pub const PERSONAL: [&str; 10] = [
    "/actor/email",
    "/actor/id",
    "/actor/name",
    "/actor/on_behalf_of",
    "/changes",
    "/error/message",
    "/related",
    "/request/ip",
    "/request/user_agent",
    "/target/name",
];

/// A member that was erased, and the entry of the log that says who did it, when and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Erased {
    /// RFC 6901 pointer into the entry.
    pub path: Box<str>,
    /// Of the log itself, in the same log.
    pub entry: EntryId,
}

/// The units of one entry, in order of their paths. Kept from one entry to the next, it allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Units {
    paths: String,
    values: Vec<u8>,
    units: Vec<Unit>,
}

#[derive(Clone, Debug)]
struct Unit {
    path: Range<usize>,
    value: Range<usize>,
}

impl Units {
    /// Paths and values, in order of paths; the first path is `""`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        let of = |unit: &Unit| {
            let path = &self.paths[unit.path.clone()];
            (path, &self.values[unit.value.clone()])
        };
        self.units.iter().map(of)
    }

    /// The value of a unit.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(known, _)| *known == path)
            .map(|(_, value)| value)
    }

    fn push(&mut self, path: &str, value: impl FnOnce(&mut Vec<u8>)) {
        let (path_start, value_start) = (self.paths.len(), self.values.len());
        self.paths.push_str(path);
        value(&mut self.values);
        self.units.push(Unit {
            path: path_start..self.paths.len(),
            value: value_start..self.values.len(),
        });
    }

    fn push_text(&mut self, path: &str, text: &Option<Box<str>>) {
        if let Some(text) = text {
            self.push(path, |out| json::write_string(text, out));
        }
    }

    fn push_context(&mut self, context: &str, keys: Option<Keys<'_>>) {
        let Some(keys) = keys else {
            return self.push("/context", |out| out.extend_from_slice(context.as_bytes()));
        };
        let first = self.units.len();
        let mut path = String::new();
        for (name, value) in keys {
            path.clear();
            path.push_str("/context");
            push_pointer(&mut path, &name);
            self.push(&path, |out| {
                out.extend_from_slice(&context.as_bytes()[value])
            });
        }
        // Names are in order; their pointers need not be, where `~` and `/` are escaped.
        let paths = &self.paths;
        self.units[first..].sort_by(|a, b| paths[a.path.clone()].cmp(&paths[b.path.clone()]));
    }
}

/// The keys of a context, and where their values are.
type Keys<'a> = Vec<(Cow<'a, str>, Range<usize>)>;

/// The keys that are units of their own in `context`, whose canonical text this is; `None` if all of it is one unit.
fn keys_of(context: &str) -> Option<Keys<'_>> {
    let escaped = |name: &str| name.bytes().filter(|b| matches!(b, b'~' | b'/')).count();
    let fits = |name: &str| "/context/".len() + name.len() + escaped(name) <= POINTER_BYTES_MAX;
    json::members(context)
        .filter(|keys| keys.len() <= CONTEXT_UNITS_MAX && keys.iter().all(|(name, _)| fits(name)))
}

/// The body that open units make: each value at its place. Paths in order, the first is `""`.
///
/// # Errors
/// A pointer to what does not fit together: a value that is no JSON, a place that is taken or that nothing can lie in.
pub fn join<'a>(units: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Json, Invalid> {
    let mut body = Value::Null;
    for (path, value) in units {
        let value = json::parse_stored(value.as_bytes())?;
        put(&mut body, path, value).ok_or_else(|| Invalid {
            pointer: path.to_owned(),
            detail: "does not fit into the entry".to_owned(),
        })?;
    }
    Ok(Json::from(&body))
}

fn put<'a>(body: &mut Value<'a>, path: &str, value: Value<'a>) -> Option<()> {
    if path.is_empty() {
        let free = body.is_null() && value.as_object().is_some();
        *body = value;
        return free.then_some(());
    }
    let unescape = |token: &str| token.replace("~1", "/").replace("~0", "~");
    // A third token is refused: `/context/a/b` would be another spelling of `/context/a~1b`.
    let mut tokens = path.strip_prefix('/')?.splitn(2, '/');
    let first = unescape(tokens.next()?);
    let Value::Object(members) = body else {
        return None;
    };
    let second = tokens.next();
    if second.is_some_and(|token| token.contains('/')) {
        return None;
    }
    let Some(second) = second.map(unescape) else {
        let free = members.get(&first).is_none();
        members.insert(first, value);
        return free.then_some(());
    };
    if members.get(&first).is_none() {
        members.insert(first.clone(), Value::Object(json::Object::new()));
    }
    let Some(Value::Object(inner)) = members.get_mut(&first) else {
        return None;
    };
    let free = inner.get(&second).is_none();
    inner.insert(second, value);
    free.then_some(())
}

impl Entry {
    /// What of it can be shown or erased apart, in the order of paths. An erasure changes none of those that remain.
    pub fn write_units(&self, units: &mut Units) {
        units.paths.clear();
        units.values.clear();
        units.units.clear();
        let context = self.context.as_ref().map(Json::as_str);
        let line = Line {
            seq: None,
            received_at: None,
            erased: &[],
            hidden: crate::Mask::NONE,
            public_only: true,
            ..self.line()
        };
        let keys = context.and_then(keys_of);
        let public_context = self.context.as_ref().filter(|_| keys.is_some());
        let line = Line {
            context: public_context,
            ..line
        };
        units.push("", |out| line.write(out));
        let party = &self.actor.party;
        units.push_text("/actor/email", &party.email);
        units.push_text("/actor/id", &party.id);
        units.push_text("/actor/name", &party.name);
        if let Some(other) = &self.actor.on_behalf_of {
            units.push("/actor/on_behalf_of", |out| line::write_party(other, out));
        }
        if let Some(changes) = &self.changes {
            units.push("/changes", |out| {
                out.extend_from_slice(changes.as_str().as_bytes())
            });
        }
        if let Some(context) = context {
            units.push_context(context, keys);
        }
        if let Some(error) = &self.error {
            units.push_text("/error/message", &error.message);
        }
        if !self.related.is_empty() {
            units.push("/related", |out| line::write_targets(&self.related, out));
        }
        units.push_text("/request/ip", &self.request.ip);
        units.push_text("/request/user_agent", &self.request.user_agent);
        if let Some(target) = &self.target {
            units.push_text("/target/name", &target.name);
        }
    }

    /// Takes away the member at a unit's path; `false` if there is none. Unit `""` cannot be taken away.
    pub fn erase(&mut self, path: &str) -> bool {
        let party = &mut self.actor.party;
        match path {
            "/actor/email" => party.email.take().is_some(),
            "/actor/id" => party.id.take().is_some(),
            "/actor/name" => party.name.take().is_some(),
            "/actor/on_behalf_of" => self.actor.on_behalf_of.take().is_some(),
            "/changes" => self.changes.take().is_some(),
            "/error/message" => self
                .error
                .as_mut()
                .is_some_and(|e| e.message.take().is_some()),
            "/related" => !std::mem::take(&mut self.related).is_empty(),
            "/request/ip" => self.request.ip.take().is_some(),
            "/request/user_agent" => self.request.user_agent.take().is_some(),
            "/target/name" => self
                .target
                .as_mut()
                .is_some_and(|t| t.name.take().is_some()),
            "/context" => {
                let whole = self
                    .context
                    .as_ref()
                    .is_some_and(|c| keys_of(c.as_str()).is_none());
                whole && self.context.take().is_some()
            }
            _ => path.starts_with("/context/") && self.erase_context(path),
        }
    }

    fn erase_context(&mut self, path: &str) -> bool {
        let Some(context) = self.context.take() else {
            return false;
        };
        let mut units = Units::default();
        units.push_context(context.as_str(), keys_of(context.as_str()));
        let found = units.get(path).is_some();
        if found {
            let Value::Object(members) = context.parse() else {
                unreachable!("a context is an object, or it would not have a unit of that path");
            };
            let name = path["/context/".len()..]
                .replace("~1", "/")
                .replace("~0", "~");
            let rest = members.iter().filter(|(known, _)| **known != *name);
            let mut left = json::Object::new();
            rest.for_each(|(name, value)| left.insert(name.to_owned(), value.clone()));
            self.context = Some(Json::from(&Value::Object(left)));
        } else {
            self.context = Some(context);
        }
        found
    }
}

#[cfg(test)]
mod tests;
