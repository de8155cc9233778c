//! Questions to a snapshot: pages, facets, histograms, scans.
//!
//! Every answer is what [`Filter::matches`] says of every entry acknowledged when the snapshot was taken. In reading order:
//! - `walk`: entries in order, from all segments and tails at once; pages and scans are walks
//! - `source`: one segment or one tail in a walk
//! - `spread`: the same work on every segment, on two threads where it pays
//! - `tally`: counting values: facets and suggestions
//! - `bars`: histograms
//! - `mentions`: what speaks of a person
//! - `places`: a log's entries by their seq
//! - `received`: when what has an id was received
//! - `residency`: how much of the mapped files stays in memory

mod bars;
mod mentions;
mod places;
mod received;
mod residency;
mod source;
mod spread;
mod tally;
mod walk;

use crate::index::row::Beside;
use crate::kept::Kept;
use crate::segment::Segment;
use crate::tail::Tail;
use crate::{Error, index};
use entry::field::Field;
use entry::{Entry, EntryId, Filter, Organization, Seq, Timestamp};
pub use mentions::{FURTHER_PATHS, KnownBy, Mentions, OF_ACTOR, Person, SAMPLE_MAX};
pub use places::Places;
pub use received::Received;
use spread::Part;
use std::sync::Arc;
use walk::Walk;

/// The order of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// By (timestamp, received_at, organization, seq).
    Time,
    /// By (received_at, organization, seq).
    Received,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    Descending,
    Ascending,
}

/// A place between entries: the page goes on strictly after it, in its order and direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub timestamp: Timestamp,
    pub received_at: Timestamp,
    pub organization: Organization,
    pub seq: Seq,
}

/// What to list.
#[derive(Clone, Debug)]
pub struct PageQuery {
    pub filter: Filter,
    pub order: Order,
    pub direction: Direction,
    pub limit: usize,
    pub after: Option<Position>,
    /// Entries received later than this are not seen: the fixed state of a walk.
    pub as_of: Option<Timestamp>,
}

/// A page of a thousand entries of 4 MiB each would be 4 GB of memory for one caller. The last entry may go beyond.
pub const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One answer.
#[derive(Clone, Debug)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// Where to go on; `None` when the walk is complete.
    pub next: Option<Position>,
}

/// Counts of one field's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    pub field: Field,
    /// Entries under this facet's filter (the filter without its own field).
    pub total: u64,
    /// Distinct values.
    pub distinct: u64,
    /// The most frequent values, by count then text; `None` counts entries without a value.
    pub top: Vec<(Option<Box<str>>, u64)>,
}

/// One bar: from its start (inclusive) to the next bar's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    pub start: Timestamp,
    pub success: u64,
    pub failure: u64,
}

/// One log in a snapshot: its segments in order of seq, then the entries after them.
#[derive(Clone)]
pub struct LogView {
    pub organization: Organization,
    pub segments: Vec<Arc<Segment>>,
    /// Acknowledged, not yet in a segment; in order of seq.
    pub tail: Arc<Tail>,
}

/// The acknowledged state at one moment. Cheap to clone; holds its segments alive.
#[derive(Clone)]
pub struct Snapshot {
    /// In order of organization.
    pub logs: Arc<Vec<LogView>>,
    /// The newest `received_at` in it; `None` while the store is empty.
    pub as_of: Option<Timestamp>,
}

impl Snapshot {
    /// Entries in all logs, or in those named.
    pub fn size(&self, organizations: Option<&[Organization]>) -> u64 {
        let named =
            |log: &&LogView| organizations.is_none_or(|names| names.contains(&log.organization));
        self.logs.iter().filter(named).map(LogView::size).sum()
    }

    /// One page, and where to go on. It ends early, but not empty, once it holds [`PAGE_BYTES_MAX`] of text.
    pub fn page(&self, query: &PageQuery) -> Result<Page, Error> {
        let mut walk = Walk::new(self, query.clone(), walk::PROBES);
        let mut entries = Vec::with_capacity(query.limit.min(1024));
        let mut bytes = 0;
        while entries.len() < query.limit && bytes < PAGE_BYTES_MAX {
            match walk.next_entry()? {
                Some(entry) => {
                    bytes += entry.text_bytes();
                    entries.push(entry);
                }
                None => {
                    return Ok(Page {
                        entries,
                        next: None,
                    });
                }
            }
        }
        let more = walk.next_entry()?.is_some();
        residency::relieve(self);
        let last = entries.last().filter(|_| more);
        let next = last
            .map(Position::of)
            .or(query.after.clone().filter(|_| more));
        Ok(Page { entries, next })
    }

    /// How many entries match.
    pub fn count(&self, filter: &Filter) -> Result<u64, Error> {
        let counts = spread::over(self, filter, |sum: &mut u64, part| {
            *sum += match part {
                Part::Segment(segment) => u64::from(index::find_exact(segment, filter)?.count()),
                Part::Tail(log) => log
                    .tail
                    .iter()
                    .filter(|entry| filter.matches(entry))
                    .count() as u64,
            };
            Ok(())
        })?;
        residency::relieve(self);
        Ok(counts.into_iter().sum())
    }

    /// Each field counted under the filter without its own conditions; `top` values each.
    pub fn facets(
        &self,
        filter: &Filter,
        fields: &[Field],
        top: usize,
    ) -> Result<Vec<Facet>, Error> {
        let facets = tally::facets(self, filter, fields, top);
        residency::relieve(self);
        facets
    }

    /// Success and failure between consecutive `edges` (ascending; the last edge only ends the last bar, and is itself
    /// inside only as [`Timestamp::MAX`], which nothing follows).
    pub fn histogram(&self, filter: &Filter, edges: &[Timestamp]) -> Result<Vec<Bar>, Error> {
        let bars = bars::histogram(self, filter, edges);
        residency::relieve(self);
        bars
    }

    /// Oldest and newest timestamp under the filter, if anything matches.
    pub fn time_bounds(&self, filter: &Filter) -> Result<Option<(Timestamp, Timestamp)>, Error> {
        let end = |direction| {
            let (filter, order) = (filter.clone(), Order::Time);
            let query = PageQuery {
                filter,
                order,
                direction,
                limit: 1,
                after: None,
                as_of: None,
            };
            let entry = Walk::new(self, query, walk::PROBES).next_entry()?;
            Ok::<_, Error>(entry.map(|entry| entry.timestamp))
        };
        let Some(oldest) = end(Direction::Ascending)? else {
            return Ok(None);
        };
        Ok(end(Direction::Descending)?.map(|newest| (oldest, newest)))
    }

    /// The entries of an id that match `within`: at most one per log. What does not match costs no more than what is not
    /// there: logs that the filter leaves out are not looked into, and of others nothing is unpacked that its columns rule out.
    pub fn get(&self, id: &EntryId, within: &Filter) -> Result<Vec<Entry>, Error> {
        let kept = self.get_kept(id, within)?.into_iter();
        Ok(kept.map(|kept| kept.entry).collect())
    }

    /// As [`Snapshot::get`], with what proves them.
    pub fn get_kept(&self, id: &EntryId, within: &Filter) -> Result<Vec<Kept>, Error> {
        let named = within.organizations();
        let is_named = |log: &&LogView| {
            let mut named = named.iter();
            named.all(|named| named.contains(&log.organization))
        };
        let mut entries = Vec::new();
        for log in self.logs.iter().filter(is_named) {
            entries.extend(log.find(id, within)?);
        }
        Ok(entries)
    }

    /// Everything that matches, in the query's order, from `after`, without end but the data's; constant memory.
    /// `query.limit` is ignored.
    pub fn scan(&self, query: PageQuery) -> Scan {
        Scan {
            walk: Some(Walk::new(self, query, 0)),
            snapshot: self.clone(),
            given: 0,
        }
    }

    /// Values of `field` that contain `text` (folded), most frequent first: autocomplete.
    pub fn suggest(
        &self,
        field: Field,
        text: &str,
        top: usize,
    ) -> Result<Vec<(Box<str>, u64)>, Error> {
        let values = tally::suggest(self, field, text, top);
        residency::relieve(self);
        values
    }
}

impl LogView {
    fn find(&self, id: &EntryId, within: &Filter) -> Result<Option<Kept>, Error> {
        if let Some(entry) = self.tail.find(id) {
            return Ok(within.matches(entry).then(|| Kept::clone(entry)));
        }
        // The newest first: what is asked for is mostly young.
        for segment in self.segments.iter().rev() {
            if let Some(row) = segment.find_row(id)? {
                return match index::row::matches(segment, row, within, Beside::Index)? {
                    Some(false) => Ok(None),
                    _ => Ok(Some(segment.kept(id, row)?).filter(|kept| within.matches(kept))),
                };
            }
        }
        Ok(None)
    }

    fn size(&self) -> u64 {
        let sealed: u64 = self
            .segments
            .iter()
            .map(|segment| u64::from(segment.len()))
            .sum();
        sealed + self.tail.len() as u64
    }
}

impl Position {
    /// The place of an entry: what follows it in any order.
    pub fn of(entry: &Entry) -> Position {
        Position {
            timestamp: entry.timestamp,
            received_at: entry.received_at,
            organization: entry.scope.organization.clone(),
            seq: entry.seq,
        }
    }
}

/// The entries of [`Snapshot::scan`]. After an error there are no more.
pub struct Scan {
    walk: Option<Walk>,
    snapshot: Snapshot,
    given: u64,
}

/// Entries of a scan after which it looks whether too much of the files stays in memory.
const ENTRIES_PER_RELIEF: u64 = 8192;

impl Iterator for Scan {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.walk.as_mut()?.next_entry().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.walk = None;
        }
        self.given += 1;
        if self.given.is_multiple_of(ENTRIES_PER_RELIEF) {
            residency::relieve(&self.snapshot);
        }
        next
    }
}

#[cfg(test)]
mod tests;
