//! Which members of which entries of one log go.

use crate::segment::bits::{read_varint, write_varint};
use entry::Seq;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// One redaction orders at most about this much: its record is written at once, and read at once by a start. Some ten
/// million entries with the same members; a larger one is several.
pub const ERASURE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Members of entries of one log, by their paths: in order of seq, a few bytes each where entries lose the same.
#[derive(Clone, Debug, Default)]
pub struct Erasure {
    /// Distinct sets of paths, each ascending, none empty.
    sets: Vec<Arc<[Box<str>]>>,
    /// Each entry once, with its set.
    places: Vec<(Seq, u32)>,
    numbers: HashMap<Arc<[Box<str>]>, u32, RandomState>,
    bytes: usize,
}

impl Erasure {
    /// Of one entry.
    pub fn of(seq: Seq, paths: &[Box<str>]) -> Self {
        let mut erasure = Self::default();
        erasure.push(seq, paths);
        erasure
    }

    /// Adds members of an entry behind all others; none adds nothing.
    ///
    /// # Panics
    /// If the seq is not behind the last: the caller goes through the log in order.
    pub fn push(&mut self, seq: Seq, paths: &[Box<str>]) {
        assert!(
            self.places.last().is_none_or(|(last, _)| *last < seq),
            "entries come in order of seq"
        );
        if paths.is_empty() {
            return;
        }
        let mut set = paths.to_vec();
        set.sort_unstable();
        set.dedup();
        let set: Arc<[Box<str>]> = set.into();
        let number = match self.numbers.get(&set) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.sets.len()).expect("bounded by its bytes");
                self.bytes += set.iter().map(|path| path.len() + 4).sum::<usize>();
                self.sets.push(set.clone());
                self.numbers.insert(set, number);
                number
            }
        };
        self.bytes += 6;
        self.places.push((seq, number));
    }

    /// What it takes in the journal, about.
    pub fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// Entries.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// In order of seq; paths ascend.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Seq, &[Box<str>])> {
        self.of_places(0..self.places.len())
    }

    /// As [`Erasure::iter`], of the entries from a seq on and before another.
    pub fn within(&self, seqs: Range<Seq>) -> impl ExactSizeIterator<Item = (Seq, &[Box<str>])> {
        let before = |end: Seq| self.places.partition_point(|(seq, _)| *seq < end);
        self.of_places(before(seqs.start)..before(seqs.end).max(before(seqs.start)))
    }

    /// The members of one entry.
    pub fn get(&self, seq: Seq) -> Option<&[Box<str>]> {
        let at = self.places.binary_search_by_key(&seq, |(seq, _)| *seq);
        Some(&self.sets[self.places[at.ok()?].1 as usize])
    }

    fn of_places(&self, places: Range<usize>) -> impl ExactSizeIterator<Item = (Seq, &[Box<str>])> {
        let of = |(seq, set): &(Seq, u32)| (*seq, &*self.sets[*set as usize]);
        self.places[places].iter().map(of)
    }

    /// Appends the bytes that [`Erasure::read`] reads.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_varint(self.sets.len() as u64, out);
        for set in &self.sets {
            write_varint(set.len() as u64, out);
            for path in &**set {
                write_varint(path.len() as u64, out);
                out.extend_from_slice(path.as_bytes());
            }
        }
        write_varint(self.places.len() as u64, out);
        let mut next = 0;
        for (seq, set) in &self.places {
            write_varint(seq.0 - next, out);
            write_varint(u64::from(*set), out);
            next = seq.0 + 1;
        }
    }

    /// `None` if the bytes are not those of [`Erasure::write`], and nothing else.
    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut sets = Vec::new();
        for _ in 0..read_varint(&mut bytes)? {
            let mut set: Vec<Box<str>> = Vec::new();
            for _ in 0..read_varint(&mut bytes)? {
                let length = usize::try_from(read_varint(&mut bytes)?).ok()?;
                let (path, rest) = bytes.split_at_checked(length)?;
                set.push(std::str::from_utf8(path).ok()?.into());
                bytes = rest;
            }
            sets.push(set);
        }
        let mut erasure = Self::default();
        let mut next = 0u64;
        for _ in 0..read_varint(&mut bytes)? {
            let seq = next.checked_add(read_varint(&mut bytes)?)?;
            next = seq.checked_add(1)?;
            let set = usize::try_from(read_varint(&mut bytes)?).ok()?;
            erasure.push(Seq(seq), sets.get(set)?);
        }
        bytes.is_empty().then_some(erasure)
    }
}

impl PartialEq for Erasure {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Erasure {}
