//! One segment or one tail in a walk.

use super::walk::Course;
use super::{Direction, Order};
use crate::Error;
use crate::index::{self, Recent};
use crate::kept::Kept;
use crate::rowset::RowSet;
use crate::segment::Segment;
use entry::{Entry, Seq, Timestamp};
use std::ops::Range;
use std::sync::Arc;

/// A place in the total order; the greatest comes first in a walk, whatever its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    times: [i64; 2],
    log: u32,
    seq: u64,
}

impl Key {
    /// `log` is the organization's place in the snapshot's order.
    pub fn new(
        order: Order,
        direction: Direction,
        [timestamp, received_at]: [Timestamp; 2],
        log: u32,
        seq: Seq,
    ) -> Key {
        Key::of_micros(
            order,
            direction,
            [timestamp.as_micros(), received_at.as_micros()],
            log,
            seq,
        )
    }

    fn of_micros(
        order: Order,
        direction: Direction,
        [timestamp, received_at]: [i64; 2],
        log: u32,
        seq: Seq,
    ) -> Key {
        let times = match order {
            Order::Time => [timestamp, received_at],
            Order::Received => [received_at, 0],
        };
        let seq = seq.0;
        match direction {
            Direction::Descending => Key { times, log, seq },
            Direction::Ascending => Key {
                times: times.map(|time| !time),
                log: !log,
                seq: !seq,
            },
        }
    }
}

pub(super) enum Source {
    Segment(Box<InSegment>),
    Tail(InTail),
    Done,
}

/// A segment's part of a walk. Places are rows in order of time, ordinals in order of receipt.
pub(super) struct InSegment {
    log: u32,
    segment: Arc<Segment>,
    /// Places yet to be looked at.
    left: Range<u32>,
    /// Those of them that match, or may; `None` until the source is opened.
    found: Option<(RowSet, Certainty)>,
    next: Option<u32>,
    recent: Recent,
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// All match.
    Exact,
    /// The index has been asked; each is to be looked at.
    Perhaps,
    /// Nothing has been asked yet.
    Probing,
}

/// A tail's part of a walk.
pub(super) struct InTail {
    /// Best last; sorted when the source is opened.
    left: Vec<(Key, Arc<Kept>)>,
    sorted: bool,
}

impl Source {
    /// `None` if no entry of the segment can be in the walk.
    pub fn of_segment(
        course: &Course,
        log: u32,
        segment: &Arc<Segment>,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Option<Source> {
        let (oldest, newest) = segment.meta().timestamps;
        let outside = to.is_some_and(|to| oldest >= to) || from.is_some_and(|from| newest < from);
        if outside || segment.first_received().as_micros() > course.as_of {
            return None;
        }
        let mut source = InSegment {
            log,
            segment: segment.clone(),
            left: 0..segment.len(),
            found: None,
            next: None,
            recent: Recent::default(),
            scratch: Vec::new(),
        };
        if course.order == Order::Time {
            source.left = segment.rows_between(from, to);
        }
        source.restrict(course);
        (!source.left.is_empty()).then(|| Source::Segment(Box::new(source)))
    }

    /// `None` if no entry of the tail can be in the walk.
    pub fn of_tail(course: &Course, log: u32, tail: &[Arc<Kept>]) -> Option<Source> {
        let times = |entry: &Entry| [entry.timestamp, entry.received_at];
        let key =
            |entry: &Entry| Key::new(course.order, course.direction, times(entry), log, entry.seq);
        let left: Vec<(Key, Arc<Kept>)> = tail
            .iter()
            .filter(|entry| entry.received_at.as_micros() <= course.as_of)
            .map(|entry| (key(entry), entry.clone()))
            .filter(|(key, _)| course.after.is_none_or(|after| *key < after))
            .collect();
        (!left.is_empty()).then_some(Source::Tail(InTail {
            left,
            sorted: false,
        }))
    }

    /// No entry of the source comes before this.
    pub fn bound(&self, course: &Course) -> Option<Key> {
        match self {
            Source::Segment(source) => Some(source.bound(course)),
            Source::Tail(tail) => tail.left.iter().map(|(key, _)| *key).max(),
            Source::Done => None,
        }
    }

    /// True while entries are looked at without the index's help.
    pub fn may_probe(&self) -> bool {
        match self {
            Source::Segment(source) => source
                .found
                .as_ref()
                .is_some_and(|(_, certainty)| *certainty == Certainty::Probing),
            _ => false,
        }
    }

    /// Replaces looking at every entry by what the index says.
    pub fn ask_index(&mut self, course: &Course) -> Result<(), Error> {
        match self {
            Source::Segment(source) => source.ask_index(course),
            _ => Ok(()),
        }
    }

    /// The next entry if it matches; either way the source is one further. Opens it at the first call.
    pub fn take(&mut self, course: &Course) -> Result<Option<Entry>, Error> {
        match self {
            Source::Segment(source) => source.take(course),
            Source::Tail(tail) => Ok(tail.take(course)),
            Source::Done => Ok(None),
        }
    }

    /// The place of the next entry that may match; `None` at the end.
    pub fn next_key(&self, course: &Course) -> Option<Key> {
        match self {
            Source::Segment(source) => source.next.map(|place| source.key(course, place)),
            Source::Tail(tail) => tail.left.last().map(|(key, _)| *key),
            Source::Done => None,
        }
    }
}

impl InTail {
    fn take(&mut self, course: &Course) -> Option<Entry> {
        if !self.sorted {
            self.left.sort_unstable_by_key(|(key, _)| *key);
            self.sorted = true;
            return None;
        }
        let (_, entry) = self.left.pop()?;
        course.filter.matches(&entry).then(|| entry.entry.clone())
    }
}

impl InSegment {
    fn key(&self, course: &Course, place: u32) -> Key {
        let segment = &self.segment;
        let seq = |ordinal: u32| Seq(segment.first_seq().0.wrapping_add(u64::from(ordinal)));
        let (times, ordinal) = match course.order {
            Order::Time => {
                let ordinal = segment.ordinal_of(place);
                (
                    [
                        segment.timestamps().get(place),
                        segment.received().get(ordinal),
                    ],
                    ordinal,
                )
            }
            Order::Received => ([0, segment.received().get(place)], place),
        };
        Key::of_micros(
            course.order,
            course.direction,
            times,
            self.log,
            seq(ordinal),
        )
    }

    /// Leaves out what lies before the walk's start and what was received after its state.
    fn restrict(&mut self, course: &Course) {
        if let Some(after) = course.after {
            let (start, end) = (self.left.start, self.left.end);
            let is_first_part = |place| match course.direction {
                Direction::Descending => self.key(course, place) < after,
                Direction::Ascending => self.key(course, place) >= after,
            };
            let split = partition_point(start..end, is_first_part);
            self.left = match course.direction {
                Direction::Descending => start..split,
                Direction::Ascending => split..end,
            };
        }
        if course.order == Order::Received
            && self.segment.last_received().as_micros() > course.as_of
        {
            let seen = self
                .segment
                .received()
                .partition_point(|received| received <= course.as_of);
            self.left.end = self.left.end.min(seen).max(self.left.start);
        }
    }

    fn bound(&self, course: &Course) -> Key {
        let place = match course.direction {
            Direction::Descending => self.left.end - 1,
            Direction::Ascending => self.left.start,
        };
        self.key(course, place)
    }

    /// The row of a place.
    fn row(&self, course: &Course, place: u32) -> u32 {
        match course.order {
            Order::Time => place,
            Order::Received => self.segment.row_of(place),
        }
    }

    fn ask_index(&mut self, course: &Course) -> Result<(), Error> {
        let found = index::find(&self.segment, &course.filter)?;
        let certainty = if found.exact {
            Certainty::Exact
        } else {
            Certainty::Perhaps
        };
        let places = match course.order {
            Order::Time => found.rows,
            Order::Received => ordinals(&self.segment, found.rows),
        };
        let places = places.and(RowSet::range(self.segment.len(), self.left.clone()));
        self.found = Some((places, certainty));
        self.advance(course);
        Ok(())
    }

    fn open(&mut self, course: &Course) {
        let certainty = match course.everything {
            true => Certainty::Exact,
            false => Certainty::Probing,
        };
        self.found = Some((
            RowSet::range(self.segment.len(), self.left.clone()),
            certainty,
        ));
        self.advance(course);
    }

    /// Finds the next place among those left.
    fn advance(&mut self, course: &Course) {
        let Some((places, _)) = &self.found else {
            return;
        };
        self.next = match course.direction {
            Direction::Descending => places
                .last_before(self.left.end)
                .filter(|place| *place >= self.left.start),
            Direction::Ascending => places
                .first_from(self.left.start)
                .filter(|place| *place < self.left.end),
        };
    }

    fn take(&mut self, course: &Course) -> Result<Option<Entry>, Error> {
        let Some((_, certainty)) = self.found else {
            self.open(course);
            return Ok(None);
        };
        let Some(place) = self.next else {
            return Ok(None);
        };
        match course.direction {
            Direction::Descending => self.left.end = place,
            Direction::Ascending => self.left.start = place + 1,
        }
        self.advance(course);
        let row = self.row(course, place);
        let late = self.segment.last_received().as_micros() > course.as_of;
        if late && self.segment.received().get(self.segment.ordinal_of(row)) > course.as_of {
            return Ok(None);
        }
        let entry = self.recent.entry(&self.segment, row)?;
        if certainty != Certainty::Exact && !course.filter.matches(&entry) {
            return Ok(None);
        }
        self.segment.prove(row, &entry, &mut self.scratch)?;
        Ok(Some(entry))
    }
}

fn ordinals(segment: &Segment, rows: RowSet) -> RowSet {
    let Some(column) = segment.ordinals() else {
        return rows;
    };
    let len = segment.len();
    if rows.count() == len {
        return rows;
    }
    if RowSet::is_sparse(len, u64::from(rows.count())) {
        let mut ordinals = Vec::new();
        rows.for_each(|row| ordinals.push(column.get(row) as u32));
        return RowSet::of_rows(len, ordinals);
    }
    let mut bits = vec![0u64; len.div_ceil(64) as usize];
    rows.for_each(|row| {
        let ordinal = column.get(row) as usize;
        if let Some(word) = bits.get_mut(ordinal / 64) {
            *word |= 1 << (ordinal % 64);
        }
    });
    RowSet::of_bits(len, bits)
}

fn partition_point(range: Range<u32>, holds: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        match holds(middle) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    low
}
