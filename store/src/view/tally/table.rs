//! Counts by hash: the table that facets are added up in.

use crate::Error;
use crate::segment::Segment;
use crate::segment::group::{Group, Record};
use crate::view::Facet;
use entry::field::Field;

/// Entries per value of one field; entries without a value apart.
///
/// Values are told apart by a keyed 64-bit hash, and their text is read only for those that are shown: among a million
/// values two share a hash once in thirty million questions, and the key is new for every question.
pub struct Tally<'a> {
    share: Share,
    /// A value was left out, because the table held as many as it may.
    full: bool,
    none: u64,
    distinct: usize,
    /// Open addressing, never more than half full; free where the count is 0. Its length is a power of two.
    slots: Vec<Slot>,
    segments: Vec<&'a Segment>,
    texts: Vec<Box<str>>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u64,
    count: u64,
    /// The segment whose record has the value, or [`TEXT`].
    of: u32,
    /// The record, or the text.
    place: u32,
}

/// Values of one table: what two threads hold for all fields of a page must stay far below a server's memory. Tests have
/// facets of more values than that, too.
const VALUES_MAX: u64 = if cfg!(test) { 8 } else { 1 << 20 };

/// One of several equal parts of all values, told by their hashes.
#[derive(Clone, Copy)]
pub struct Share {
    number: u64,
    of: u64,
}

impl Share {
    pub const ALL: Share = Share { number: 0, of: 1 };

    /// How many shares so many values take, if each is to fit a table with some room.
    pub fn for_values(values_max: u64) -> u64 {
        values_max / (VALUES_MAX / 8 * 7) + 1
    }

    /// All shares, if there are so many.
    pub fn all(of: u64) -> impl Iterator<Item = Share> {
        (0..of).map(move |number| Share { number, of })
    }

    fn holds(self, hash: u64) -> bool {
        // The upper half decides: the lower one finds the place in the table.
        ((hash >> 32) * self.of) >> 32 == self.number
    }
}

/// In place of a segment: the value is among the texts.
const TEXT: u32 = u32::MAX;

impl<'a> Tally<'a> {
    pub fn of(share: Share) -> Self {
        Tally {
            share,
            full: false,
            none: 0,
            distinct: 0,
            slots: Vec::new(),
            segments: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// True if it does not hold all values of its share.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Entries without a value; they are of the first share.
    pub fn add_none(&mut self, count: u64) {
        self.none += if self.share.number == 0 { count } else { 0 };
    }

    pub fn add_text(&mut self, hash: u64, count: u64, text: &str) {
        let slot = Slot {
            hash,
            count,
            of: TEXT,
            place: self.texts.len() as u32,
        };
        if self.add(slot) {
            self.texts.push(text.into());
        }
    }

    /// From here on records are of this segment; about so many will come.
    pub fn begin(&mut self, segment: &'a Segment, records: usize) {
        self.segments.push(segment);
        // Most values of a segment are known from the ones before it.
        let more = records.saturating_sub(self.distinct) / self.share.of as usize;
        self.reserve(more.min(VALUES_MAX as usize));
    }

    pub fn add_record(&mut self, hash: u64, count: u64, record: u32) {
        let of = self.segments.len() as u32 - 1;
        self.add(Slot {
            hash,
            count,
            of,
            place: record,
        });
    }

    /// True if the value is new.
    fn add(&mut self, slot: Slot) -> bool {
        if !self.share.holds(slot.hash) {
            return false;
        }
        self.reserve(1);
        let mask = self.slots.len() - 1;
        let mut at = slot.hash as usize & mask;
        loop {
            let known = &mut self.slots[at];
            if known.count == 0 {
                if self.distinct as u64 >= VALUES_MAX {
                    self.full = true;
                    return false;
                }
                *known = slot;
                self.distinct += 1;
                return true;
            }
            if known.hash == slot.hash {
                known.count += slot.count;
                return false;
            }
            at = (at + 1) & mask;
        }
    }

    fn reserve(&mut self, more: usize) {
        let needed = ((self.distinct + more) * 2).next_power_of_two().max(16);
        if needed > self.slots.len() {
            let old = std::mem::replace(&mut self.slots, vec![Slot::default(); needed]);
            for slot in old.into_iter().filter(|slot| slot.count > 0) {
                let mut at = slot.hash as usize & (needed - 1);
                while self.slots[at].count > 0 {
                    at = (at + 1) & (needed - 1);
                }
                self.slots[at] = slot;
            }
        }
    }

    pub fn merge(&mut self, other: Tally<'a>) {
        if self.slots.is_empty() && self.none == 0 {
            *self = other;
            return;
        }
        self.full |= other.full;
        self.none += other.none;
        let (segments, texts) = (self.segments.len() as u32, self.texts.len() as u32);
        self.segments.extend(other.segments);
        self.texts.extend(other.texts);
        for mut slot in other.slots.into_iter().filter(|slot| slot.count > 0) {
            match slot.of {
                TEXT => slot.place += texts,
                _ => slot.of += segments,
            }
            self.add(slot);
        }
    }

    /// The facet: total, distinct, and the most frequent values by count then text.
    pub fn facet(self, field: Field, top: usize) -> Result<Facet, Error> {
        let mut counted: Vec<Slot> = self
            .slots
            .iter()
            .filter(|slot| slot.count > 0)
            .copied()
            .collect();
        let total = self.none + counted.iter().map(|slot| slot.count).sum::<u64>();
        if top > 0 && top < counted.len() {
            // Whatever counts as much as the last that is shown may be shown in its place: texts decide.
            let last = counted
                .select_nth_unstable_by(top - 1, |a, b| b.count.cmp(&a.count))
                .1
                .count;
            counted.retain(|slot| slot.count >= last);
        }
        let mut values = Vec::with_capacity(counted.len() + 1);
        values.extend((self.none > 0).then_some((None, self.none)));
        for slot in counted {
            values.push((Some(self.text(slot, field)?), slot.count));
        }
        let owned = |(value, count): (Option<&str>, u64)| (value.map(Box::from), count);
        let top = super::most_frequent(values, top)
            .into_iter()
            .map(owned)
            .collect();
        Ok(Facet {
            field,
            total,
            distinct: self.distinct as u64,
            top,
        })
    }

    fn text(&self, slot: Slot, field: Field) -> Result<&str, Error> {
        if slot.of == TEXT {
            return Ok(&self.texts[slot.place as usize]);
        }
        let segment = self.segments[slot.of as usize];
        let group = Group::of(field);
        let record =
            group.and_then(|group| Record::read(group, segment.records(group).get(slot.place)));
        let value = record.and_then(|record| record.first_value(field));
        value.ok_or_else(|| segment.damaged("a record has lost its value"))
    }
}
