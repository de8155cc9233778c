//! What must hold after every crash: nothing acknowledged is lost, doubled or moved; nothing is there that was not sent;
//! a batch is whole or absent; and what recovery once showed stays.

use super::disk::World;
use super::signed::Shown;
use crate::Item;
use crate::index::Recent;
use crate::segment::{Segment, SegmentBytes};
use crate::testing::item_of;
use crate::view::Snapshot;
use entry::{Entry, EntryId, Erased, Seq, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Names a draft: its log, and the number that its id and content follow from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub organization: &'static str,
    pub number: u64,
}

impl Key {
    /// Drafts of all sizes: some records fit in a sector, others span several.
    pub fn item(&self) -> Item {
        let mut item = item_of(self.organization, 0, self.number);
        if self.number.is_multiple_of(3) {
            item.draft.timestamp = None;
        }
        let padding = (self.number.wrapping_mul(2_654_435_761) >> 7) % 4 * 300;
        let secret = format!("{} {}", self.secret(), "x".repeat(padding as usize));
        item.draft.request.user_agent = Some(secret.into());
        item
    }

    /// What its erasure must make vanish.
    fn secret(&self) -> String {
        format!("<secret of {} {}>", self.organization, self.number)
    }

    pub fn id(&self) -> EntryId {
        self.item().defaults.id
    }

    /// Another draft under the same id.
    pub fn conflicting_item(&self) -> Item {
        let mut item = self.item();
        item.draft.action = "anotherAction".into();
        item
    }

    fn entry(&self, seq: Seq, received_at: Timestamp) -> Entry {
        let item = self.item();
        item.draft.accept(seq, received_at, item.defaults)
    }

    /// The entry, as it is once [`PATHS`] are erased.
    fn erased(&self, seq: Seq, received_at: Timestamp, by: EntryId) -> Entry {
        let mut entry = self.entry(seq, received_at);
        for path in PATHS {
            entry.erase(path);
            entry.erased.push(Erased {
                path: path.into(),
                entry: by,
            });
        }
        entry
    }
}

/// What is erased of an entry in the simulation.
pub(super) const PATHS: [&str; 2] = ["/actor/name", "/request/user_agent"];

/// An erasure of [`PATHS`] of one entry.
#[derive(Clone, Debug)]
pub(super) struct Erasing {
    pub by: EntryId,
    /// It was answered: nothing of it is left anywhere.
    pub is_done: bool,
}

/// What was promised.
#[derive(Clone, Debug, Default)]
pub(super) struct Promises {
    /// Entries acknowledged, or shown by a recovery, in order of seq.
    pub logs: BTreeMap<&'static str, Vec<(Key, Timestamp)>>,
    /// Batches sent and not answered: each may be there, in this order and without gaps, or not.
    pub in_flight: Vec<Vec<Key>>,
    /// By log and seq: what was ordered. It is law if its audit entry is there.
    pub erased: BTreeMap<(&'static str, u64), Erasing>,
    pub shown: Shown,
}

impl Promises {
    pub fn size(&self) -> usize {
        self.logs.values().map(Vec::len).sum()
    }
}

/// All entries of a snapshot, re-read.
fn entries(snapshot: &Snapshot) -> Result<BTreeMap<String, Vec<Entry>>, String> {
    let mut logs = BTreeMap::new();
    for log in snapshot.logs.iter() {
        let mut entries = Vec::new();
        for segment in &log.segments {
            for seq in segment.first_seq().0..segment.end_seq().0 {
                let entry = segment
                    .entry_at_seq(Seq(seq))
                    .map_err(|e| format!("a segment cannot be read: {e}"))?;
                entries.push(entry);
            }
        }
        entries.extend(log.tail.iter().map(|kept| kept.entry.clone()));
        logs.insert(log.organization.as_str().to_owned(), entries);
    }
    Ok(logs)
}

/// Nothing that was erased, and answered, is in any file, also right after a loss of power.
pub(super) fn no_trace(world: &World, promises: &Promises) -> Result<(), String> {
    let done = promises
        .erased
        .iter()
        .filter(|(_, erasing)| erasing.is_done);
    let secret = |((organization, seq), _): (&(&'static str, u64), &Erasing)| {
        promises.logs[organization][*seq as usize].0.secret()
    };
    let secrets: Vec<String> = done.map(secret).collect();
    if secrets.is_empty() {
        return Ok(());
    }
    for (path, bytes) in world.contents() {
        let texts = texts(path, bytes);
        for secret in &secrets {
            if memchr::memmem::find(&texts, secret.as_bytes()).is_some() {
                let path = path.display();
                return Err(format!("{path} holds {secret} though it was erased"));
            }
        }
    }
    Ok(())
}

/// The bytes of a file; of a segment also what its entries say where it is compressed.
fn texts(path: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut texts = bytes.to_vec();
    let named = path.to_string_lossy().contains(".seg");
    if named && let Ok(segment) = Segment::open(SegmentBytes::Memory(bytes.to_vec()), path) {
        let mut recent = Recent::default();
        let entries = (0..segment.len()).filter_map(|row| recent.entry(&segment, row).ok());
        let agents = entries.filter_map(|entry| entry.request.user_agent);
        agents.for_each(|agent| texts.extend_from_slice(agent.as_bytes()));
    }
    texts
}

/// What may be seen of erasures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Erasures {
    /// A start or a step has finished all of them.
    Finished,
    /// Some may be ordered and not finished.
    Standing,
}

/// Checks what a recovery shows against what was promised. Answers with what is promised from now on.
pub(super) fn check(
    snapshot: &Snapshot,
    promises: &Promises,
    erasures: Erasures,
) -> Result<Promises, String> {
    let mut seen = entries(snapshot)?;
    let mut next = Promises {
        logs: promises.logs.clone(),
        in_flight: Vec::new(),
        erased: promises.erased.clone(),
        shown: promises.shown.clone(),
    };
    restore(&mut seen, &mut next, erasures)?;
    let mut times = BTreeSet::new();
    for (organization, known) in &mut next.logs {
        let entries = seen.entry((*organization).to_owned()).or_default();
        if entries.len() < known.len() {
            return Err(format!(
                "{organization}: {} of {} acknowledged entries are left",
                entries.len(),
                known.len()
            ));
        }
    }
    for (organization, entries) in &seen {
        let mut last = Timestamp::MIN;
        let mut ids = BTreeSet::new();
        for (entry, at) in entries.iter().zip(0..) {
            if entry.seq != Seq(at) || entry.received_at < last || !ids.insert(entry.id) {
                return Err(format!(
                    "{organization}: seq {at} is out of order or double"
                ));
            }
            last = entry.received_at;
            times.insert(last);
        }
    }
    if times.last() > snapshot.as_of.as_ref() {
        return Err("as_of is older than an entry".into());
    }
    for (organization, known) in &next.logs {
        for ((key, received_at), (entry, at)) in
            known.iter().zip(seen[*organization].iter().zip(0..))
        {
            if *entry != key.entry(Seq(at), *received_at) {
                return Err(format!(
                    "{organization}: seq {at} is not what was acknowledged"
                ));
            }
        }
    }
    take_in_flight(&seen, &promises.in_flight, &mut next)?;
    for (organization, entries) in &seen {
        let known = next.logs.get(organization.as_str()).map_or(0, Vec::len);
        if entries.len() != known {
            return Err(format!(
                "{organization}: {} entries, {known} can be explained",
                entries.len()
            ));
        }
    }
    Ok(next)
}

/// Puts back, in what was seen, all that was erased as it should be: everything else is checked as if it never was.
fn restore(
    seen: &mut BTreeMap<String, Vec<Entry>>,
    next: &mut Promises,
    erasures: Erasures,
) -> Result<(), String> {
    let is_there = |organization: &str, id: EntryId| {
        let entries = seen.get(organization);
        entries.is_some_and(|entries| entries.iter().any(|entry| entry.id == id))
    };
    next.erased
        .retain(|(organization, _), erasing| is_there(organization, erasing.by));
    for ((organization, seq), erasing) in &mut next.erased {
        let entries = seen.get_mut(*organization).ok_or("a log is gone")?;
        let entry = entries.get_mut(*seq as usize).ok_or("an entry is gone")?;
        let (key, received_at) = &next.logs[organization][*seq as usize];
        let must = erasing.is_done || erasures == Erasures::Finished;
        if *entry == key.erased(Seq(*seq), *received_at, erasing.by) {
            *entry = key.entry(Seq(*seq), *received_at);
        } else if must {
            return Err(format!(
                "{organization}: seq {seq} is not erased as it should be"
            ));
        }
        erasing.is_done |= must;
    }
    Ok(())
}

/// The batches that were not answered: the first so many are there, whole; the others are not.
fn take_in_flight(
    seen: &BTreeMap<String, Vec<Entry>>,
    in_flight: &[Vec<Key>],
    next: &mut Promises,
) -> Result<(), String> {
    let mut ended = false;
    for (number, batch) in in_flight.iter().enumerate() {
        let mut there = 0;
        for key in batch {
            let known = next.logs.entry(key.organization).or_default();
            let seq = Seq(known.len() as u64);
            let found = seen
                .get(key.organization)
                .and_then(|entries| entries.get(known.len()));
            let Some(entry) = found.filter(|entry| **entry == key.entry(seq, entry.received_at))
            else {
                continue;
            };
            if ended {
                return Err(format!("batch {number} is there, an earlier one is not"));
            }
            known.push((key.clone(), entry.received_at));
            there += 1;
        }
        match there {
            0 => ended = true,
            all if all == batch.len() => {}
            some => {
                return Err(format!(
                    "{some} of {} drafts of batch {number} are there",
                    batch.len()
                ));
            }
        }
    }
    Ok(())
}
