//! Who or what is spoken of: every personal member that an erasure by person takes, and what it must leave.
//!
//! Every entry is read: an index answers for words and whole values, not for a part of any text, and what is overlooked is
//! not erased.

use super::spread::{self, Part};
use super::{LogView, Snapshot, residency};
use crate::Error;
use crate::index::Recent;
use crate::redaction::{ERASURE_BYTES_MAX, Erasure};
use crate::segment::Segment;
use entry::json::Value;
use entry::{Entry, EntryId, Filter, Json, Organization, Party, Seq, Units, text};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// By what a person is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    Email,
    Id,
    Name,
    /// Nothing but a text that speaks of them.
    Text,
}

/// Who is looked for.
#[derive(Clone, Debug)]
pub struct Person {
    known_by: KnownBy,
    /// Folded.
    text: Box<str>,
    /// The same as it stands in canonical JSON, without quotes.
    escaped: Box<str>,
    /// What goes of an entry whose actor they are.
    of_actor: Vec<Box<str>>,
}

/// What goes of an entry whose actor is the person, besides every member that holds the text.
pub const OF_ACTOR: [&str; 4] = [
    "/actor/email",
    "/actor/name",
    "/request/ip",
    "/request/user_agent",
];

/// Entries given as examples.
pub const SAMPLE_MAX: usize = 20;

/// Distinct paths that are counted apart; entries may name members of their context as they like.
const PATHS_MAX: usize = 1_000;

/// Entries after which the memory of a mapped file is given back: all of it is read, and none of it soon again.
const ENTRIES_PER_RELEASE: u32 = 1 << 16;

/// Where the counts of all further paths go.
pub const FURTHER_PATHS: &str = "/context/*";

/// What one log says of a person.
#[derive(Clone, Debug)]
pub struct Mentions {
    pub organization: Organization,
    /// What goes. Not all of it if [`Mentions::is_cut`]: erase it, then look again.
    pub erase: Erasure,
    pub is_cut: bool,
    /// Entries of which something goes.
    pub entries: u64,
    /// Members that go, by path.
    pub units: BTreeMap<Box<str>, u64>,
    /// The first entries of which something goes, and what.
    pub sample: Vec<(EntryId, Vec<Box<str>>)>,
    /// Entries that hold the text where nothing can be erased, and the first of them.
    pub remains: u64,
    pub remaining: Vec<EntryId>,
}

impl Person {
    /// `also` are members that go as well where the person is the actor.
    pub fn new(known_by: KnownBy, text: &str, also: &[Box<str>]) -> Self {
        let folded = text::fold(text);
        let escaped = Json::from(&Value::from(folded.clone().into_owned()));
        let escaped = escaped.as_str();
        let mut of_actor: Vec<Box<str>> = OF_ACTOR.iter().map(|path| (*path).into()).collect();
        of_actor.extend(also.iter().cloned());
        of_actor.sort_unstable();
        of_actor.dedup();
        Person {
            known_by,
            escaped: escaped[1..escaped.len() - 1].into(),
            text: folded.into(),
            of_actor,
        }
    }

    /// True if a text holds what the person is known by.
    pub fn is_in(&self, said: &str) -> bool {
        text::contains(said, &self.text)
    }

    fn is(&self, party: &Party) -> bool {
        let known = match self.known_by {
            KnownBy::Email => &party.email,
            KnownBy::Id => &party.id,
            KnownBy::Name => &party.name,
            KnownBy::Text => return false,
        };
        known
            .as_deref()
            .is_some_and(|known| text::equals(known, &self.text))
    }

    /// True if a unit's value speaks of the person: in a text, a number, or the name of a member that callers choose.
    fn is_in_unit(&self, path: &str, value: &[u8]) -> bool {
        let Ok(value) = std::str::from_utf8(value) else {
            return false;
        };
        // Escapes may look like letters; what is escaped alike may be there, and nothing else.
        if !text::contains(value, &self.escaped) {
            return false;
        }
        let Ok(value) = entry::json::parse_stored(value.as_bytes()) else {
            return false;
        };
        let names_are_said = path.starts_with("/context") || path == "/changes";
        self.is_in_value(&value, names_are_said)
    }

    fn is_in_value(&self, value: &Value<'_>, names_are_said: bool) -> bool {
        match value {
            Value::Null | Value::Bool(_) => false,
            Value::Number(text) | Value::String(text) => self.is_in(text),
            Value::Array(elements) => elements
                .iter()
                .any(|element| self.is_in_value(element, names_are_said)),
            Value::Object(members) => members.iter().any(|(name, value)| {
                let said = names_are_said && !["after", "before", "path"].contains(&name);
                (said && self.is_in(name)) || self.is_in_value(value, names_are_said)
            }),
        }
    }

    /// The members of an entry that go, and whether the text is in what stays.
    fn of(&self, entry: &Entry, units: &mut Units) -> (Vec<Box<str>>, bool) {
        entry.write_units(units);
        let is_actor = self.is(&entry.actor.party);
        let behalf = entry.actor.on_behalf_of.as_ref();
        let is_behalf = behalf.is_some_and(|party| self.is(party));
        let (mut goes, mut stays) = (Vec::new(), false);
        for (path, value) in units.iter() {
            if path.is_empty() {
                stays |= self.is_in_unit(path, value);
                continue;
            }
            stays |= path.starts_with("/context/") && self.is_in_path(path);
            let of_actor = || self.of_actor.iter().any(|of_actor| **of_actor == *path);
            let goes_whole = (is_behalf && path == "/actor/on_behalf_of")
                || (is_actor && of_actor())
                || self.is_in_unit(path, value);
            if goes_whole {
                goes.push(path.into());
            }
        }
        let mut erased = entry.erased.iter();
        stays |= erased.any(|erased| self.is_in_path(&erased.path));
        (goes, stays)
    }

    fn is_in_path(&self, path: &str) -> bool {
        let name = path.strip_prefix("/context/").unwrap_or_default();
        !name.is_empty() && self.is_in(&name.replace("~1", "/").replace("~0", "~"))
    }
}

impl Mentions {
    fn none(organization: Organization) -> Self {
        Mentions {
            organization,
            erase: Erasure::default(),
            is_cut: false,
            entries: 0,
            units: BTreeMap::new(),
            sample: Vec::new(),
            remains: 0,
            remaining: Vec::new(),
        }
    }

    /// What an entry says, behind all others. `room` is how much more may be collected, over all logs.
    fn add(&mut self, entry: &Entry, (goes, stays): (Vec<Box<str>>, bool), room: &AtomicUsize) {
        if stays {
            self.remains += 1;
            if self.remaining.len() < SAMPLE_MAX {
                self.remaining.push(entry.id);
            }
        }
        if goes.is_empty() {
            return;
        }
        self.entries += 1;
        for path in &goes {
            self.count(path, 1);
        }
        let bytes = self.erase.size_bytes();
        match self.is_cut || room.load(Ordering::Relaxed) == 0 {
            true => self.is_cut = true,
            false => self.erase.push(entry.seq, &goes),
        }
        let taken = self.erase.size_bytes() - bytes;
        // Another thread may have taken the rest: what is over is less than one entry of each.
        let _ = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| {
            Some(room.saturating_sub(taken))
        });
        if self.sample.len() < SAMPLE_MAX {
            self.sample.push((entry.id, goes));
        }
    }

    fn count(&mut self, path: &str, by: u64) {
        let known = self.units.contains_key(path) || self.units.len() < PATHS_MAX;
        let path = if known { path } else { FURTHER_PATHS };
        *self.units.entry(path.into()).or_default() += by;
    }

    /// Adds what a later part of the log says.
    fn append(&mut self, other: Mentions) {
        self.entries += other.entries;
        self.remains += other.remains;
        self.is_cut |= other.is_cut;
        other
            .units
            .iter()
            .for_each(|(path, by)| self.count(path, *by));
        for (seq, paths) in other.erase.iter() {
            self.erase.push(seq, paths);
        }
        self.sample.extend(other.sample);
        self.sample.truncate(SAMPLE_MAX);
        self.remaining.extend(other.remaining);
        self.remaining.truncate(SAMPLE_MAX);
    }
}

impl Snapshot {
    /// What each log, or each of those named, says of a person, in order of organization; logs that say nothing are left out.
    pub fn mentions(
        &self,
        person: &Person,
        organizations: Option<&[Organization]>,
    ) -> Result<Vec<Mentions>, Error> {
        let room = AtomicUsize::new(ERASURE_BYTES_MAX);
        let found = spread::over(self, &Filter::And(Vec::new()), |sum: &mut Found, part| {
            let organization = match part {
                Part::Segment(segment) => segment.organization(),
                Part::Tail(log) => &log.organization,
            };
            if organizations.is_some_and(|wanted| !wanted.contains(organization)) {
                return Ok(());
            }
            let (first, mentions) = match part {
                Part::Segment(segment) => in_segment(segment, person, &room)?,
                Part::Tail(log) => in_tail(log, person, &room),
            };
            sum.push((organization.clone(), first, mentions));
            Ok(())
        })?;
        residency::relieve(self);
        let mut found: Found = found.into_iter().flatten().collect();
        found.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let mut logs: Vec<Mentions> = Vec::new();
        for (organization, _, mentions) in found {
            match logs.last_mut() {
                Some(last) if last.organization == organization => last.append(mentions),
                _ => logs.push(mentions),
            }
        }
        logs.retain(|log| log.entries > 0 || log.remains > 0);
        Ok(logs)
    }
}

/// What parts of logs say, each with the seq it begins with.
type Found = Vec<(Organization, Seq, Mentions)>;

fn in_segment(
    segment: &Arc<Segment>,
    person: &Person,
    room: &AtomicUsize,
) -> Result<(Seq, Mentions), Error> {
    let mut mentions = Mentions::none(segment.organization().clone());
    let (mut recent, mut units) = (Recent::default(), Units::default());
    for ordinal in 0..segment.len() {
        let entry = recent.entry(segment, segment.row_of(ordinal))?;
        mentions.add(&entry, person.of(&entry, &mut units), room);
        if ordinal.is_multiple_of(ENTRIES_PER_RELEASE) {
            segment.release();
        }
    }
    segment.release();
    Ok((segment.first_seq(), mentions))
}

fn in_tail(log: &LogView, person: &Person, room: &AtomicUsize) -> (Seq, Mentions) {
    let mut mentions = Mentions::none(log.organization.clone());
    let mut units = Units::default();
    for kept in log.tail.iter() {
        mentions.add(kept, person.of(kept, &mut units), room);
    }
    let first = log.tail.first().map_or(Seq(u64::MAX), |kept| kept.seq);
    (first, mentions)
}

#[cfg(test)]
mod tests;
