//! Entries in order, from all segments and tails at once.
//!
//! A source is opened - its filter answered by the index - only when its best possible entry is the next in order. So the
//! newest page of a long history reads one or two segments.

use super::source::{Key, Source};
use super::{Direction, Order, PageQuery, Snapshot};
use crate::Error;
use entry::{Entry, Filter};
use std::collections::BinaryHeap;

/// How many entries a page may look at one by one before it asks the index: what matches often is found at once.
pub(super) const PROBES: u32 = 400;
/// What each hit adds to them: one in this many is often enough.
const PROBES_PER_HIT: u32 = 8;

/// What all sources of a walk share.
pub(super) struct Course {
    pub filter: Filter,
    pub order: Order,
    pub direction: Direction,
    /// Entries received later, in microseconds, are not seen.
    pub as_of: i64,
    /// The walk goes on strictly after this.
    pub after: Option<Key>,
    /// True if every entry among the places of a segment matches.
    pub everything: bool,
}

pub(super) struct Walk {
    course: Course,
    sources: Vec<Source>,
    /// The best next entry, or at least a bound of it, of each source.
    heap: BinaryHeap<(Key, usize)>,
    probes: u32,
}

impl Walk {
    pub fn new(snapshot: &Snapshot, query: PageQuery, probes: u32) -> Walk {
        let PageQuery {
            filter,
            order,
            direction,
            limit: _,
            after,
            as_of,
        } = query;
        let organization_at =
            |name| snapshot.logs.partition_point(|log| log.organization < name) as u32;
        let after = after.map(|position| {
            let log = organization_at(position.organization);
            Key::new(
                order,
                direction,
                [position.timestamp, position.received_at],
                log,
                position.seq,
            )
        });
        let only_times = |filter: &&Filter| {
            matches!(
                filter,
                Filter::Term(entry::filter::Term::From(_) | entry::filter::Term::To(_))
            )
        };
        let conditions = filter.conjuncts();
        // Places in order of time are cut to the filter's times; in order of receipt they are not.
        let everything =
            conditions.is_empty() || order == Order::Time && conditions.iter().all(only_times);
        let as_of = as_of
            .or(snapshot.as_of)
            .map_or(i64::MAX, |time| time.as_micros());
        let organizations = filter.organizations();
        let (from, to) = filter.time_range();
        let course = Course {
            filter,
            order,
            direction,
            as_of,
            after,
            everything,
        };
        let mut sources = Vec::new();
        for (at, log) in snapshot.logs.iter().enumerate() {
            if organizations
                .as_ref()
                .is_some_and(|names| !names.contains(&log.organization))
            {
                continue;
            }
            for segment in &log.segments {
                sources.extend(Source::of_segment(&course, at as u32, segment, from, to));
            }
            sources.extend(Source::of_tail(&course, at as u32, &log.tail));
        }
        let heap = sources
            .iter()
            .enumerate()
            .filter_map(|(at, source)| Some((source.bound(&course)?, at)))
            .collect();
        Walk {
            course,
            sources,
            heap,
            probes,
        }
    }

    pub fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        while let Some((_, at)) = self.heap.pop() {
            let entry = match self.sources[at].may_probe() && !self.probe() {
                // What comes next of this source changes, so it takes its place among the others anew.
                true => {
                    self.sources[at].ask_index(&self.course)?;
                    None
                }
                false => self.sources[at].take(&self.course)?,
            };
            let source = &mut self.sources[at];
            match source.next_key(&self.course) {
                Some(key) => self.heap.push((key, at)),
                None => *source = Source::Done,
            }
            if let Some(entry) = entry {
                if self.probes > 0 {
                    self.probes = self.probes.saturating_add(PROBES_PER_HIT);
                }
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// True if one more entry may be looked at without asking the index.
    fn probe(&mut self) -> bool {
        let left = self.probes.checked_sub(1);
        self.probes = left.unwrap_or(0);
        left.is_some()
    }
}
