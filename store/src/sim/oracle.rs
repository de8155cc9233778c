//! What must hold after every crash: nothing acknowledged is lost, doubled or moved; nothing is there that was not sent;
//! a batch is whole or absent; and what recovery once showed stays.

use crate::Item;
use crate::testing::item_of;
use crate::view::Snapshot;
use entry::{Entry, Seq, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

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
        item.draft.request.user_agent = Some("x".repeat(padding as usize).into());
        item
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
}

/// What was promised.
#[derive(Clone, Debug, Default)]
pub(super) struct Promises {
    /// Entries acknowledged, or shown by a recovery, in order of seq.
    pub logs: BTreeMap<&'static str, Vec<(Key, Timestamp)>>,
    /// Batches sent and not answered: each may be there, in this order and without gaps, or not.
    pub in_flight: Vec<Vec<Key>>,
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

/// Checks what a recovery shows against what was promised. Answers with what is promised from now on.
pub(super) fn check(snapshot: &Snapshot, promises: &Promises) -> Result<Promises, String> {
    let mut seen = entries(snapshot)?;
    let mut next = Promises {
        logs: promises.logs.clone(),
        in_flight: Vec::new(),
    };
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
