//! Questions to a snapshot: pages, facets, histograms, scans.

use crate::Error;
use crate::segment::Segment;
use entry::field::Field;
use entry::{Entry, EntryId, Filter, Organization, Seq, Timestamp};
use std::sync::Arc;

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
    pub tail: Arc<Vec<Arc<Entry>>>,
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
    pub fn size(&self, _organizations: Option<&[Organization]>) -> u64 {
        todo!()
    }

    /// One page, and where to go on.
    pub fn page(&self, _query: &PageQuery) -> Result<Page, Error> {
        todo!()
    }

    /// How many entries match.
    pub fn count(&self, _filter: &Filter) -> Result<u64, Error> {
        todo!()
    }

    /// Each field counted under the filter without its own conditions; `top` values each.
    pub fn facets(
        &self,
        _filter: &Filter,
        _fields: &[Field],
        _top: usize,
    ) -> Result<Vec<Facet>, Error> {
        todo!()
    }

    /// Success and failure between consecutive `edges` (ascending; the last edge only ends the last bar).
    pub fn histogram(&self, _filter: &Filter, _edges: &[Timestamp]) -> Result<Vec<Bar>, Error> {
        todo!()
    }

    /// Oldest and newest timestamp under the filter, if anything matches.
    pub fn time_bounds(&self, _filter: &Filter) -> Result<Option<(Timestamp, Timestamp)>, Error> {
        todo!()
    }

    /// The entries of an id: at most one per log.
    pub fn get(&self, _id: &EntryId) -> Result<Vec<Entry>, Error> {
        todo!()
    }

    /// Everything that matches, in the query's order, from `after`, without end but the data's; constant memory.
    /// `query.limit` is ignored.
    pub fn scan(&self, _query: PageQuery) -> Scan {
        todo!()
    }

    /// Values of `field` that contain `text` (folded), most frequent first: autocomplete.
    pub fn suggest(
        &self,
        _field: Field,
        _text: &str,
        _top: usize,
    ) -> Result<Vec<(Box<str>, u64)>, Error> {
        todo!()
    }
}

/// The entries of [`Snapshot::scan`].
pub struct Scan {}

impl Iterator for Scan {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
