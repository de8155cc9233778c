//! A sorted list of distinct byte strings in one blob: dictionaries of records and of folded values.

use super::bits::Blocked;
use memchr::memmem::Finder;
use std::ops::Range;

/// Ends every value in the blob. UTF-8 never holds it, so no needle of text matches across two values.
const END: u8 = 0xff;

/// Sorted distinct byte strings. Places outside of it read as empty.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    blob: &'a [u8],
    ends: Blocked<'a>,
}

impl<'a> Texts<'a> {
    pub fn new(blob: &'a [u8], ends: &'a [u8]) -> Self {
        Texts {
            blob,
            ends: Blocked::new(ends),
        }
    }

    pub fn len(&self) -> u32 {
        self.ends.len()
    }

    pub fn blob_bytes(&self) -> usize {
        self.blob.len()
    }

    /// Where value `at` begins in the blob.
    fn start(&self, at: u32) -> usize {
        match at {
            0 => 0,
            at => self.ends.get(at - 1) as usize,
        }
    }

    pub fn get(&self, at: u32) -> &'a [u8] {
        let end = (self.ends.get(at) as usize).wrapping_sub(1);
        self.blob.get(self.start(at)..end).unwrap_or(&[])
    }

    /// How many values are smaller than `key`.
    pub fn lower_bound(&self, key: &[u8]) -> u32 {
        self.partition_point(|value| value < key)
    }

    fn partition_point(&self, holds: impl Fn(&[u8]) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match holds(self.get(middle)) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    pub fn find(&self, key: &[u8]) -> Option<u32> {
        let at = self.lower_bound(key);
        (at < self.len() && self.get(at) == key).then_some(at)
    }

    /// The values that begin with `prefix`.
    pub fn with_prefix(&self, prefix: &[u8]) -> Range<u32> {
        let start = self.lower_bound(prefix);
        let end = self.partition_point(|value| value < prefix || value.starts_with(prefix));
        start..end.max(start)
    }

    /// Visits, ascending and once each, the values of `within` that contain the needle (which must not be empty).
    pub fn sweep(&self, needle: &Finder<'_>, within: Range<u32>, mut visit: impl FnMut(u32)) {
        if within.is_empty() {
            return;
        }
        let stop = (self.ends.get(within.end - 1) as usize).min(self.blob.len());
        let (mut from, mut at) = (self.start(within.start), within.start);
        while let Some(found) = self.blob.get(from..stop).and_then(|rest| needle.find(rest)) {
            let place = from + found;
            at = self.value_at(place, at, within.end);
            if at >= within.end {
                return;
            }
            visit(at);
            // A damaged list of ends must not hold the sweep at one place.
            from = (self.ends.get(at) as usize).max(place + 1);
            at += 1;
        }
    }

    /// The value that holds a place in the blob, sought by growing steps from `at`.
    fn value_at(&self, place: usize, mut at: u32, end: u32) -> u32 {
        let mut step = 1;
        while at.saturating_add(step) < end && self.ends.get(at + step) as usize <= place {
            at += step;
            step *= 2;
        }
        let (mut low, mut high) = (at, at.saturating_add(step).min(end));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.ends.get(middle) as usize <= place {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    /// Reads ascending places; neighbours share the search for where they lie.
    pub fn ascending(self) -> impl FnMut(u32) -> &'a [u8] {
        let (mut next, mut start) = (0, 0);
        move |at| {
            if at != next {
                start = self.start(at);
            }
            let end = self.ends.get(at) as usize;
            let value = self.blob.get(start..end.wrapping_sub(1)).unwrap_or(&[]);
            (next, start) = (at.wrapping_add(1), end);
            value
        }
    }

    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map(self.ascending())
    }
}

/// Collects sorted distinct byte strings.
#[derive(Default)]
pub struct TextsWriter {
    pub blob: Vec<u8>,
    ends: Vec<i64>,
}

impl TextsWriter {
    pub fn push(&mut self, value: &[u8]) {
        self.blob.extend_from_slice(value);
        self.blob.push(END);
        self.ends.push(self.blob.len() as i64);
    }

    pub fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    pub fn ends(&self) -> Vec<u8> {
        let mut out = Vec::new();
        Blocked::write(self.ends.iter().copied(), &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn searches_agree_with_the_sorted_set(values in prop::collection::btree_set("[abé]{0,5}", 0..60), key in "[abé]{1,3}") {
            let mut writer = TextsWriter::default();
            values.iter().for_each(|v| writer.push(v.as_bytes()));
            let (blob, ends) = (writer.blob.clone(), writer.ends());
            let texts = Texts::new(&blob, &ends);
            let sorted: Vec<&String> = values.iter().collect::<BTreeSet<_>>().into_iter().collect();
            prop_assert_eq!(texts.find(key.as_bytes()), sorted.iter().position(|v| **v == key).map(|n| n as u32));
            let with_prefix: Vec<u32> = texts.with_prefix(key.as_bytes()).collect();
            let expected = |holds: &dyn Fn(&str) -> bool| -> Vec<u32> {
                (0..sorted.len() as u32).filter(|&n| holds(sorted[n as usize])).collect()
            };
            prop_assert_eq!(with_prefix, expected(&|v| v.starts_with(&*key)));
            let mut containing = Vec::new();
            texts.sweep(&Finder::new(key.as_bytes()), 0..texts.len(), |n| containing.push(n));
            prop_assert_eq!(containing, expected(&|v| v.contains(&*key)));
        }

        #[test]
        fn foreign_bytes_do_not_panic(blob in prop::collection::vec(any::<u8>(), 0..99), ends in prop::collection::vec(any::<u8>(), 0..99)) {
            let texts = Texts::new(&blob, &ends);
            let few = texts.len().min(1000);
            texts.find(b"a");
            texts.get(3);
            texts.sweep(&Finder::new(&[1u8]), 0..few, |_| ());
        }
    }
}
