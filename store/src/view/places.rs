//! A log's entries by their place, as they are kept: with what proves them.

use super::residency::relieve;
use super::{ENTRIES_PER_RELIEF, LogView, Snapshot};
use crate::Error;
use crate::index::Recent;
use crate::kept::Kept;
use crate::segment::Segment;
use entry::{Organization, Seq};
use std::sync::Arc;

/// Reads entries of one log by their seq. Neighbours share what was unpacked for them, so asking in order is cheap; any
/// other order is as cheap as [`Snapshot::kept`].
pub struct Places {
    log: LogView,
    /// The whole state, whose pages are given back.
    snapshot: Snapshot,
    /// The segment of the last entry, and what was unpacked of it.
    last: Option<(Arc<Segment>, Recent)>,
    scratch: Vec<u8>,
    given: u64,
}

impl Snapshot {
    /// The entries of a log by their place; `None` if there is no such log.
    pub fn places(&self, organization: &Organization) -> Option<Places> {
        let mut logs = self.logs.iter();
        let log = logs.find(|log| log.organization == *organization)?;
        Some(Places {
            log: log.clone(),
            snapshot: self.clone(),
            last: None,
            scratch: Vec::new(),
            given: 0,
        })
    }

    /// The entry at a place of a log, as it is kept: with what proves it.
    pub fn kept(&self, organization: &Organization, seq: Seq) -> Result<Option<Kept>, Error> {
        match self.places(organization) {
            Some(mut places) => places.get(seq),
            None => Ok(None),
        }
    }
}

impl Places {
    /// How many entries the log had.
    pub fn size(&self) -> u64 {
        self.log.size()
    }

    /// The entry at `seq`; `None` beyond the end.
    pub fn get(&mut self, seq: Seq) -> Result<Option<Kept>, Error> {
        self.given += 1;
        if self.given.is_multiple_of(ENTRIES_PER_RELIEF) {
            relieve(&self.snapshot);
        }
        if let Some(first) = self.log.tail.first().filter(|first| first.seq <= seq) {
            let at = usize::try_from(seq.0 - first.seq.0).unwrap_or(usize::MAX);
            return Ok(self.log.tail.get(at).map(|kept| Kept::clone(kept)));
        }
        let holds = |segment: &Segment| segment.first_seq() <= seq && seq < segment.end_seq();
        let (segment, recent) = match &mut self.last {
            Some(last) if holds(&last.0) => last,
            last => {
                let segments = &self.log.segments;
                let at = segments.partition_point(|segment| segment.end_seq() <= seq);
                match segments.get(at).filter(|segment| holds(segment)) {
                    Some(segment) => last.insert((segment.clone(), Recent::default())),
                    None => return Ok(None),
                }
            }
        };
        let row = segment.row_of((seq.0 - segment.first_seq().0) as u32);
        let entry = recent.entry(segment, row)?;
        segment.prove(row, &entry, &mut self.scratch)?;
        let salts = segment.salts(segment.ordinal_of(row))?;
        Ok(Some(Kept { entry, salts }))
    }
}
