//! An immutable run of one log's entries, contiguous in seq, with its indexes.
//!
//! The same bytes in memory and in a file (`docs/format-segment.md`). An entry has a *row*, its place by (timestamp, seq),
//! and an *ordinal*, its place by seq. In reading order:
//! - `layout`: sections, their table, the footer
//! - `bits`, `texts`, `postings`: numbers, dictionaries, lists of rows
//! - `group`: members that vary together; `rest`: the others, in compressed blocks; `identity`: ids
//! - `tokens`, `grams`: what words and substrings are found by
//! - `interner`, `build`, `merge`, `write`: how segments come to be
//! - `check`: everything derived once more, and compared

pub(crate) mod bits;
mod build;
mod check;
pub(crate) mod grams;
pub(crate) mod group;
mod identity;
mod interner;
pub(crate) mod layout;
mod merge;
pub(crate) mod postings;
mod rest;
mod salted;
pub(crate) mod texts;
pub(crate) mod tokens;
mod write;

pub use check::CheckReport;
pub(crate) use rest::Block;
pub(crate) use write::address_key;

use crate::Error;
use crate::kept::{Kept, Salts};
use bits::{Blocked, Packed};
use entry::field::Field;
use entry::{Actor, Entry, EntryId, Organization, Request, Scope, Seq, Source, Timestamp};
use group::{Attribute, Group, Record};
use identity::Ids;
use layout::{FrameError, Meta, Part, Placed, Section};
use postings::Postings;
use rest::{Blocks, Prepared};
use salted::Salted;
use std::borrow::Cow;
use std::io::Write;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use texts::Texts;

/// The bytes of a segment: in memory, or a mapped file. The mapping is made by `disk`.
pub enum SegmentBytes {
    Memory(Vec<u8>),
    Mapped(memmap2::Mmap),
}

impl Deref for SegmentBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            SegmentBytes::Memory(bytes) => bytes,
            SegmentBytes::Mapped(map) => map,
        }
    }
}

/// More values than this are counted anew each time: a mebibyte per segment and field is enough.
const COUNTS_KEPT_MAX: usize = 128 * 1024;

/// Records, ascending, and rows of each.
type Counts = Box<[(u32, u32)]>;

/// An immutable run of one log's entries; its bytes are in memory or in a mapped file, in the same format.
pub struct Segment {
    bytes: SegmentBytes,
    path: PathBuf,
    meta: Meta,
    sections: Vec<Placed>,
    prepared: OnceLock<Prepared>,
    /// Rows per record that shows a value, by field: what facets of everything are added up from.
    counts: [OnceLock<Counts>; Field::ALL.len()],
    trust: Trust,
}

/// Whether ids are looked for in the bytes that were written, seen once before they are first believed; `Some` says what differs.
#[derive(Default)]
struct Trust {
    bloom: OnceLock<Option<String>>,
    ids: OnceLock<Option<String>>,
}

impl Segment {
    /// From entries in order of seq, at least one, without gaps; the segment lives in memory until it is merged into a file.
    pub fn build(organization: &Organization, entries: &[Arc<Kept>]) -> Segment {
        let bytes = SegmentBytes::Memory(build::bytes(organization, entries));
        Segment::open(bytes, Path::new("a segment in memory"))
            .expect("what was just written can be read")
    }

    /// Writes one segment with all entries of `inputs`: at least one, of one log, in order of seq, without gaps between them.
    pub fn merge(inputs: &[Arc<Segment>], out: &mut dyn Write) -> Result<(), Error> {
        merge::write(inputs, out)
    }

    /// Reads the frame of a segment, nothing else; `path` names it in errors.
    pub fn open(bytes: SegmentBytes, path: &Path) -> Result<Segment, Error> {
        let (meta, sections) = layout::read_frame(&bytes).map_err(|error| match error {
            FrameError::Damaged(what) => Error::Damaged {
                path: path.into(),
                what: what.into(),
            },
            FrameError::Newer(found) => Error::NewerFormat {
                path: path.into(),
                found,
                known: layout::VERSION,
            },
        })?;
        Ok(Segment {
            bytes,
            path: path.into(),
            meta,
            sections,
            prepared: OnceLock::new(),
            counts: Default::default(),
            trust: Trust::default(),
        })
    }

    pub fn organization(&self) -> &Organization {
        &self.meta.organization
    }

    /// Names the segment in errors and reports.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn first_seq(&self) -> Seq {
        self.meta.first_seq
    }

    /// Entries in it; never 0.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u32 {
        self.meta.len
    }

    /// The seq after its last.
    pub fn end_seq(&self) -> Seq {
        Seq(self.meta.first_seq.0 + u64::from(self.meta.len))
    }

    pub fn first_received(&self) -> Timestamp {
        self.meta.received.0
    }

    pub fn last_received(&self) -> Timestamp {
        self.meta.received.1
    }

    /// Bytes of the segment as a file has them.
    pub fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Every section by name, with its bytes: where the room goes.
    pub fn section_bytes(&self) -> impl Iterator<Item = (String, u64)> {
        let placed = self.sections.iter();
        placed.map(|placed| (placed.section.name(), placed.range.len() as u64))
    }

    /// Bytes it holds in memory that are not a mapped file's.
    pub fn memory_bytes(&self) -> usize {
        let own = match &self.bytes {
            SegmentBytes::Memory(bytes) => bytes.capacity(),
            SegmentBytes::Mapped(_) => 0,
        };
        let counts: usize = self
            .counts
            .iter()
            .filter_map(OnceLock::get)
            .map(|counts| size_of_val(&**counts))
            .sum();
        own + counts + self.prepared.get().map_or(0, Prepared::memory_bytes)
    }

    /// The entry of an id. `None` is said only of bytes that are those written: an id that is missed would be stored twice.
    pub fn find(&self, id: &EntryId) -> Result<Option<Entry>, Error> {
        match self.find_row(id)? {
            Some(row) => self.named(id, row).map(Some),
            None => Ok(None),
        }
    }

    /// The entry of an id that was found at a row.
    fn named(&self, id: &EntryId, row: u32) -> Result<Entry, Error> {
        let entry = self.entry(row)?;
        match entry.id == *id {
            true => Ok(entry),
            false => Err(self.damaged(format!("the id {id} leads to the entry of another"))),
        }
    }

    /// The entry of an id that was found at a row, with what proves it.
    pub(crate) fn kept(&self, id: &EntryId, row: u32) -> Result<Kept, Error> {
        let entry = self.named(id, row)?;
        let salts = self.salts(self.ordinal_of(row))?;
        Ok(Kept { entry, salts })
    }

    /// Fails unless ids are looked for in the bytes that were written. Read once; every later look costs nothing.
    pub(crate) fn trust_ids(&self) -> Result<(), Error> {
        self.trusted(&self.trust.bloom, &[Part::Bloom])?;
        self.trusted(&self.trust.ids, &[Part::Ids, Part::IdOrder])
    }

    fn trusted(&self, seen: &OnceLock<Option<String>>, parts: &[Part]) -> Result<(), Error> {
        let differs = seen.get_or_init(|| {
            let differs = check::damage_in(self, parts);
            // All of their pages were read; a look for an id needs few of them.
            self.release();
            differs
        });
        match differs {
            None => Ok(()),
            Some(what) => Err(self.damaged(what.clone())),
        }
    }

    /// The entry at a seq of this segment.
    pub fn entry_at_seq(&self, seq: Seq) -> Result<Entry, Error> {
        match seq.0.checked_sub(self.meta.first_seq.0) {
            Some(ordinal) if ordinal < u64::from(self.meta.len) => {
                self.entry(self.row_of(ordinal as u32))
            }
            _ => Err(self.damaged(format!("seq {} is asked of it", seq.0))),
        }
    }

    /// Re-derives everything from the rows and names what differs; `Err` only if nothing can be read.
    pub fn check(&self) -> Result<CheckReport, Error> {
        check::run(self, &mut |_| ())
    }

    /// As [`Segment::check`], showing every entry on the way, in order of seq.
    pub(crate) fn check_each(&self, visit: &mut dyn FnMut(&Kept)) -> Result<CheckReport, Error> {
        check::run(self, visit)
    }

    /// Sections whose bytes are not those written, a sentence each. Reads in pieces, gives their memory back, and asks `go_on`
    /// after each with its bytes; `None` once that says no.
    pub(crate) fn scrub(&self, go_on: &mut dyn FnMut(usize) -> bool) -> Option<Vec<String>> {
        check::scrub(self, go_on)
    }

    /// Writes the segment anew from its entries, with every index as it should be. Refused if an entry cannot be read.
    pub(crate) fn rebuild(&self, out: &mut dyn Write) -> Result<(), Error> {
        check::rebuild(self, out)
    }

    pub(crate) fn damaged(&self, what: impl Into<String>) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            what: what.into(),
        }
    }

    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The bytes of a section; empty where there is none.
    fn section(&self, section: Section) -> &[u8] {
        match self
            .sections
            .binary_search_by_key(&section, |placed| placed.section)
        {
            Ok(at) => &self.bytes[self.sections[at].range.clone()],
            Err(_) => &[],
        }
    }

    pub(crate) fn timestamps(&self) -> Blocked<'_> {
        Blocked::new(self.section(Section::of(Part::Timestamps)))
    }

    /// By ordinal.
    pub(crate) fn received(&self) -> Blocked<'_> {
        Blocked::new(self.section(Section::of(Part::Received)))
    }

    /// The ordinal of each row; `None` where they are the same.
    pub(crate) fn ordinals(&self) -> Option<Blocked<'_>> {
        let section = self.section(Section::of(Part::RowOrdinals));
        (!section.is_empty()).then(|| Blocked::new(section))
    }

    pub(crate) fn ordinal_of(&self, row: u32) -> u32 {
        self.ordinals()
            .map_or(row, |ordinals| ordinals.get(row) as u32)
    }

    pub(crate) fn row_of(&self, ordinal: u32) -> u32 {
        match self.section(Section::of(Part::OrdinalRows)) {
            [] => ordinal,
            section => Blocked::new(section).get(ordinal) as u32,
        }
    }

    pub(crate) fn seq_of(&self, row: u32) -> Seq {
        Seq(self
            .meta
            .first_seq
            .0
            .wrapping_add(u64::from(self.ordinal_of(row))))
    }

    pub(crate) fn records(&self, group: Group) -> Texts<'_> {
        Texts::new(
            self.section(Section::of_group(Part::RecordBlob, group)),
            self.section(Section::of_group(Part::RecordEnds, group)),
        )
    }

    /// The record of each row.
    pub(crate) fn forward(&self, group: Group) -> Packed<'_> {
        Packed::new(self.section(Section::of_group(Part::Forward, group)))
    }

    /// The rows of each record.
    pub(crate) fn record_rows(&self, group: Group) -> Postings<'_> {
        Postings::new(
            self.section(Section::of_group(Part::RecordRows, group)),
            self.meta.len,
        )
    }

    /// For each record the first that shows the same value of the field; `None` where each shows its own.
    pub(crate) fn shown(&self, field: Field) -> Option<Packed<'_>> {
        let section = self.section(Section::of_field(Part::Shown, field));
        (!section.is_empty()).then(|| Packed::new(section))
    }

    /// Rows per record of a group.
    pub(crate) fn record_counts(&self, group: Group) -> Vec<u32> {
        let mut counts = vec![0u32; self.records(group).len() as usize];
        self.forward(group).for_each(0..self.meta.len, |record| {
            if let Some(count) = counts.get_mut(record as usize) {
                *count += 1;
            }
        });
        counts
    }

    /// What `count` gives for a field over all rows: asked once and kept, unless it is more than is worth keeping.
    pub(crate) fn kept_counts(
        &self,
        field: Field,
        count: impl FnOnce() -> Vec<(u32, u32)>,
    ) -> Cow<'_, [(u32, u32)]> {
        let kept = &self.counts[field as usize];
        if let Some(counts) = kept.get() {
            return Cow::Borrowed(counts);
        }
        let counts = count();
        match counts.len() <= COUNTS_KEPT_MAX {
            true => Cow::Borrowed(kept.get_or_init(|| counts.into())),
            false => Cow::Owned(counts),
        }
    }

    /// The folded values of an attribute.
    pub(crate) fn keys(&self, attribute: Attribute) -> Keys<'_> {
        let section = |part| self.section(Section::of_attribute(part, attribute));
        let records = self.records(attribute.group());
        let lists = section(Part::KeyRecords);
        let own = (!lists.is_empty()).then(|| Postings::new(lists, records.len()));
        let texts = match own {
            Some(_) => Texts::new(section(Part::KeyBlob), section(Part::KeyEnds)),
            None => records,
        };
        Keys {
            texts,
            lists: own,
            grams: grams::Grams::new(section(Part::Grams), texts.len()),
        }
    }

    /// Addresses in order, with the key of each: see `write::networks`.
    pub(crate) fn networks(&self) -> &[u8] {
        self.section(Section::of(Part::Networks))
    }

    pub(crate) fn tokens(&self) -> Texts<'_> {
        Texts::new(
            self.section(Section::of(Part::TokenBlob)),
            self.section(Section::of(Part::TokenEnds)),
        )
    }

    pub(crate) fn token_rows(&self) -> Postings<'_> {
        Postings::new(self.section(Section::of(Part::TokenRows)), self.meta.len)
    }

    pub(crate) fn ids(&self) -> Ids<'_> {
        Ids {
            bytes: self.section(Section::of(Part::Ids)),
        }
    }

    /// The row of an id. Ids outside of the bounds in the footer, whose CRC was compared at opening, cost no look.
    pub(crate) fn find_row(&self, id: &EntryId) -> Result<Option<u32>, Error> {
        let (first, last) = self.meta.ids;
        if *id < first || *id > last {
            return Ok(None);
        }
        self.trusted(&self.trust.bloom, &[Part::Bloom])?;
        if !identity::may_hold(self.section(Section::of(Part::Bloom)), id) {
            return Ok(None);
        }
        self.trusted(&self.trust.ids, &[Part::Ids, Part::IdOrder])?;
        let order = Packed::new(self.section(Section::of(Part::IdOrder)));
        let ordinal = self.ids().find(id, order);
        Ok(ordinal.map(|ordinal| self.row_of(ordinal)))
    }

    fn blocks(&self) -> Blocks<'_> {
        Blocks {
            index: self.section(Section::of(Part::BlockIndex)),
            data: self.section(Section::of(Part::BlockData)),
            dictionaries: self.section(Section::of(Part::Dictionaries)),
        }
    }

    fn read_block(&self, block: usize) -> Result<Block, Error> {
        let blocks = self.blocks();
        let prepared = self.prepared.get_or_init(|| Prepared::of(&blocks));
        let read = blocks.read(block, prepared);
        read.ok_or_else(|| self.damaged(format!("block {block} of its entries cannot be read")))
    }

    pub(crate) fn salted(&self) -> Salted<'_> {
        Salted {
            seeds: self.section(Section::of(Part::Seeds)),
            each: self.section(Section::of(Part::Salts)),
        }
    }

    /// What the units of an entry are salted with.
    pub(crate) fn salts(&self, ordinal: u32) -> Result<Salts, Error> {
        let salts = self.salted().get(ordinal);
        salts
            .ok_or_else(|| self.damaged(format!("the salts of its place {ordinal} cannot be read")))
    }

    /// The block that holds an entry's rest.
    /// All entries, in order of seq.
    pub(crate) fn all_kept(&self) -> impl Iterator<Item = Result<Kept, Error>> {
        let mut recent = crate::index::Recent::default();
        (0..self.len()).map(move |ordinal| {
            Ok(Kept {
                entry: recent.entry(self, self.row_of(ordinal))?,
                salts: self.salts(ordinal)?,
            })
        })
    }

    pub(crate) fn block_of(&self, ordinal: u32) -> Result<Block, Error> {
        let block = self.blocks().holding(ordinal);
        self.read_block(block.ok_or_else(|| self.damaged("it has no blocks of entries"))?)
    }

    /// The entry of a row.
    pub(crate) fn entry(&self, row: u32) -> Result<Entry, Error> {
        let entry = self.entry_in(row, &self.block_of(self.ordinal_of(row))?)?;
        self.prove(row, &entry, &mut Vec::new())?;
        Ok(entry)
    }

    /// The entry of a row whose block is at hand, not yet proven to be the one accepted.
    pub(crate) fn entry_in(&self, row: u32, block: &Block) -> Result<Entry, Error> {
        let read = self.assemble(row, block);
        read.ok_or_else(|| {
            self.damaged(format!(
                "the entry at seq {} cannot be read",
                self.seq_of(row).0
            ))
        })
    }

    /// Fails unless the entry of a row is, byte for byte, the one that was accepted there.
    pub(crate) fn prove(
        &self,
        row: u32,
        entry: &Entry,
        scratch: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let at = self.ordinal_of(row) as usize * 4;
        let crc = self.section(Section::of(Part::EntryCrcs)).get(at..at + 4);
        let salts = self.salts(self.ordinal_of(row))?;
        match crc == Some(&entry_crc(entry, &salts, scratch).to_le_bytes()[..]) {
            true => Ok(()),
            false => Err(self.damaged(format!(
                "the entry at seq {} is not the one accepted there",
                entry.seq.0
            ))),
        }
    }

    /// Gives back the memory of pages of a mapped file; they are read again when needed.
    pub(crate) fn release(&self) {
        self.release_range(0..self.bytes.len());
    }

    fn release_range(&self, range: Range<usize>) {
        if let SegmentBytes::Mapped(map) = &self.bytes {
            crate::disk::map::release(map, range);
        }
    }

    pub(crate) fn record(&self, group: Group, row: u32) -> Option<Record<'_>> {
        Record::read(group, self.records(group).get(self.forward(group).get(row)))
    }

    fn text(&self, group: Group, row: u32) -> Option<Option<Box<str>>> {
        match self.record(group, row)? {
            Record::Text(text) => Some(text.map(Box::from)),
            _ => None,
        }
    }

    fn assemble(&self, row: u32, block: &Block) -> Option<Entry> {
        let ordinal = self.ordinal_of(row);
        let rest = rest::read(block.part(ordinal)?)?;
        let Record::Actor(actor, behalf) = self.record(Group::Actor, row)? else {
            return None;
        };
        let Record::Targets(own, targets) = self.record(Group::Target, row)? else {
            return None;
        };
        let Record::Action(category, result, action) = self.record(Group::Action, row)? else {
            return None;
        };
        let mut targets = targets.into_iter().map(group::TargetText::to_target);
        let (event_id, sequence) = (rest.event_id, rest.sequence);
        let source = self.text(Group::Source, row)?;
        let erased = self.salted().get_erased(ordinal)?;
        Some(Entry {
            seq: self.seq_of(row),
            received_at: Timestamp::from_micros(self.received().get(ordinal))?,
            id: self.ids().get(ordinal),
            timestamp: Timestamp::from_micros(self.timestamps().get(row))?,
            actor: Actor {
                party: actor.to_party(),
                on_behalf_of: behalf.map(group::PartyText::to_party),
            },
            action: action.into(),
            category,
            target: if own { targets.next() } else { None },
            related: targets.collect(),
            scope: Scope {
                organization: self.meta.organization.clone(),
                project: self.text(Group::Project, row)?,
            },
            request: Request {
                id: self.text(Group::RequestId, row)?,
                ip: self.text(Group::Ip, row)?,
                user_agent: rest.user_agent,
                method: rest.method,
                path: rest.path,
                trace_id: rest.trace_id,
                session_id: rest.session_id,
            },
            result,
            error: rest.error,
            changes: rest.changes,
            context: rest.context,
            source: source.map(|name| Source {
                name,
                event_id,
                sequence,
            }),
            erased,
            hidden: entry::Mask::NONE,
        })
    }

    /// Rows whose timestamp lies in a range; both ends optional, the second exclusive.
    pub(crate) fn rows_between(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Range<u32> {
        let timestamps = self.timestamps();
        let before = |end: Timestamp| timestamps.partition_point(|micros| micros < end.as_micros());
        let start = match from {
            Some(from) if from > self.meta.timestamps.0 => before(from),
            _ => 0,
        };
        let end = match to {
            Some(to) if to <= self.meta.timestamps.1 => before(to),
            _ => self.meta.len,
        };
        start..end.min(self.meta.len).max(start)
    }
}

/// The checksum of an entry as kept: its exact body, its seq, its time of receipt, what it is salted with.
fn entry_crc(entry: &Entry, salts: &Salts, body: &mut Vec<u8>) -> u32 {
    body.clear();
    entry.write_body(body);
    body.extend_from_slice(&entry.seq.0.to_le_bytes());
    body.extend_from_slice(&entry.received_at.as_micros().to_le_bytes());
    salts.write(body);
    crc32c::crc32c(body)
}

/// The folded values of an attribute and the records that hold each.
pub(crate) struct Keys<'a> {
    pub texts: Texts<'a>,
    /// The records of each key and, last, the records with any; `None` where keys are the records themselves.
    pub lists: Option<Postings<'a>>,
    pub grams: Option<grams::Grams<'a>>,
}

#[cfg(test)]
mod tests;
