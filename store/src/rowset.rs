//! Sets of rows of one segment: a range, a sorted list where few, bits where many.

use std::ops::Range;

/// A set of the rows `0..universe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSet {
    universe: u32,
    set: Set,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Set {
    Range(Range<u32>),
    Sorted(Vec<u32>),
    /// No bit beyond the universe is set.
    Bits(Vec<u64>),
}

/// A set of at most one row in this many is kept as a list: then it is smaller than bits.
const SPARSE: u32 = 32;

impl RowSet {
    pub fn none(universe: u32) -> Self {
        Self::range(universe, 0..0)
    }

    pub fn all(universe: u32) -> Self {
        Self::range(universe, 0..universe)
    }

    pub fn range(universe: u32, rows: Range<u32>) -> Self {
        let end = rows.end.min(universe);
        RowSet {
            universe,
            set: Set::Range(rows.start.min(end)..end),
        }
    }

    /// Of rows in any order; those beyond the universe are left out.
    pub fn of_rows(universe: u32, mut rows: Vec<u32>) -> Self {
        if !rows.is_sorted_by(|a, b| a < b) {
            rows.sort_unstable();
            rows.dedup();
        }
        rows.truncate(rows.partition_point(|row| *row < universe));
        RowSet {
            universe,
            set: Set::Sorted(rows),
        }
    }

    /// Of 64 rows per word.
    pub fn of_bits(universe: u32, mut bits: Vec<u64>) -> Self {
        bits.resize(word_count(universe), 0);
        if let (Some(last), 1..) = (bits.last_mut(), universe % 64) {
            *last &= (1 << (universe % 64)) - 1;
        }
        RowSet {
            universe,
            set: Set::Bits(bits),
        }
    }

    /// True if a set of `count` rows is better kept as a list than as bits.
    pub fn is_sparse(universe: u32, count: u64) -> bool {
        count <= u64::from(universe / SPARSE)
    }

    pub fn count(&self) -> u32 {
        match &self.set {
            Set::Range(range) => range.len() as u32,
            Set::Sorted(rows) => rows.len() as u32,
            Set::Bits(bits) => bits.iter().map(|word| word.count_ones()).sum(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match &self.set {
            Set::Range(range) => range.is_empty(),
            Set::Sorted(rows) => rows.is_empty(),
            Set::Bits(bits) => bits.iter().all(|word| *word == 0),
        }
    }

    /// The range it is, where it is one.
    pub fn as_range(&self) -> Option<Range<u32>> {
        match &self.set {
            Set::Range(range) => Some(range.clone()),
            _ => None,
        }
    }

    pub fn and(self, other: RowSet) -> RowSet {
        let universe = self.universe;
        let set = match (self.set, other.set) {
            (Set::Range(a), Set::Range(b)) => {
                let start = a.start.max(b.start);
                Set::Range(start..a.end.min(b.end).max(start))
            }
            (Set::Range(range), Set::Sorted(mut rows))
            | (Set::Sorted(mut rows), Set::Range(range)) => {
                rows.truncate(rows.partition_point(|row| *row < range.end));
                rows.drain(..rows.partition_point(|row| *row < range.start));
                Set::Sorted(rows)
            }
            (Set::Range(range), Set::Bits(bits)) | (Set::Bits(bits), Set::Range(range)) => {
                Set::Bits(clamp(bits, &range))
            }
            (Set::Sorted(a), Set::Sorted(b)) => {
                let (mut few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
                few.retain(|row| many.binary_search(row).is_ok());
                Set::Sorted(few)
            }
            (Set::Sorted(mut rows), Set::Bits(bits)) | (Set::Bits(bits), Set::Sorted(mut rows)) => {
                rows.retain(|row| bits[*row as usize / 64] >> (row % 64) & 1 == 1);
                Set::Sorted(rows)
            }
            (Set::Bits(mut a), Set::Bits(b)) => {
                a.iter_mut().zip(&b).for_each(|(a, b)| *a &= b);
                Set::Bits(a)
            }
        };
        RowSet { universe, set }
    }

    pub fn or(self, other: RowSet) -> RowSet {
        let universe = self.universe;
        let all = |set: &RowSet| {
            set.as_range()
                .is_some_and(|range| range.len() as u32 == universe)
        };
        if self.is_empty() || all(&other) {
            return other;
        }
        if other.is_empty() || all(&self) {
            return self;
        }
        if let (Set::Sorted(a), Set::Sorted(b)) = (&self.set, &other.set)
            && Self::is_sparse(universe, a.len() as u64 + b.len() as u64)
        {
            return Self::of_rows(universe, [&a[..], &b[..]].concat());
        }
        let mut bits = self.into_bits();
        match other.set {
            Set::Sorted(rows) => rows
                .iter()
                .for_each(|row| bits[*row as usize / 64] |= 1 << (row % 64)),
            set => {
                let other = RowSet { universe, set }.into_bits();
                bits.iter_mut().zip(&other).for_each(|(a, b)| *a |= b);
            }
        }
        RowSet {
            universe,
            set: Set::Bits(bits),
        }
    }

    pub fn complement(self) -> RowSet {
        let universe = self.universe;
        match self.set {
            Set::Range(range) if range.is_empty() => RowSet::all(universe),
            Set::Range(range) if range.start == 0 => RowSet::range(universe, range.end..universe),
            Set::Range(range) if range.end == universe => RowSet::range(universe, 0..range.start),
            set => {
                let mut bits = RowSet { universe, set }.into_bits();
                bits.iter_mut().for_each(|word| *word = !*word);
                RowSet::of_bits(universe, bits)
            }
        }
    }

    /// 64 rows per word.
    pub fn into_bits(self) -> Vec<u64> {
        let mut bits = vec![0; word_count(self.universe)];
        match self.set {
            Set::Bits(bits) => return bits,
            Set::Sorted(rows) => rows
                .iter()
                .for_each(|row| bits[*row as usize / 64] |= 1 << (row % 64)),
            Set::Range(range) => {
                bits.fill(u64::MAX);
                bits = clamp(bits, &range);
            }
        }
        bits
    }

    /// Calls `visit` with each row, ascending.
    pub fn for_each(&self, mut visit: impl FnMut(u32)) {
        match &self.set {
            Set::Range(range) => range.clone().for_each(visit),
            Set::Sorted(rows) => rows.iter().copied().for_each(visit),
            Set::Bits(bits) => {
                for (at, word) in bits.iter().enumerate() {
                    let mut left = *word;
                    while left != 0 {
                        visit(at as u32 * 64 + left.trailing_zeros());
                        left &= left - 1;
                    }
                }
            }
        }
    }

    /// The smallest row at or after a place.
    pub fn first_from(&self, start: u32) -> Option<u32> {
        match &self.set {
            Set::Range(range) => Some(start.max(range.start)).filter(|row| *row < range.end),
            Set::Sorted(rows) => rows.get(rows.partition_point(|row| *row < start)).copied(),
            Set::Bits(bits) => {
                let mut at = start as usize / 64;
                let mut word = bits.get(at)? & (u64::MAX << (start % 64));
                while word == 0 {
                    at += 1;
                    word = *bits.get(at)?;
                }
                Some(at as u32 * 64 + word.trailing_zeros())
            }
        }
    }

    /// The largest row before a place.
    pub fn last_before(&self, end: u32) -> Option<u32> {
        match &self.set {
            Set::Range(range) => end
                .min(range.end)
                .checked_sub(1)
                .filter(|row| *row >= range.start),
            Set::Sorted(rows) => rows[..rows.partition_point(|row| *row < end)]
                .last()
                .copied(),
            Set::Bits(bits) => {
                let end = end.min(self.universe).checked_sub(1)?;
                let mut at = end as usize / 64;
                let mut word = bits[at] & (u64::MAX >> (63 - end % 64));
                while word == 0 {
                    at = at.checked_sub(1)?;
                    word = bits[at];
                }
                Some(at as u32 * 64 + 63 - word.leading_zeros())
            }
        }
    }

    /// How many rows lie in a range.
    pub fn count_in(&self, range: Range<u32>) -> u32 {
        let range = range.start.min(self.universe)..range.end.min(self.universe);
        if range.is_empty() {
            return 0;
        }
        match &self.set {
            Set::Range(own) => range
                .end
                .min(own.end)
                .saturating_sub(range.start.max(own.start)),
            Set::Sorted(rows) => {
                let before = |end: u32| rows.partition_point(|row| *row < end);
                (before(range.end) - before(range.start)) as u32
            }
            Set::Bits(bits) => {
                let (first, last) = (range.start as usize / 64, (range.end - 1) as usize / 64);
                let mut count: u32 = bits[first..=last]
                    .iter()
                    .map(|word| word.count_ones())
                    .sum();
                count -= (bits[first] & !(u64::MAX << (range.start % 64))).count_ones();
                count -= (bits[last] & !(u64::MAX >> (63 - (range.end - 1) % 64))).count_ones();
                count
            }
        }
    }
}

fn word_count(universe: u32) -> usize {
    universe.div_ceil(64) as usize
}

/// Clears what lies outside of a range.
fn clamp(mut bits: Vec<u64>, range: &Range<u32>) -> Vec<u64> {
    let whole = range.start as usize / 64..(range.end as usize).div_ceil(64);
    for (at, word) in bits.iter_mut().enumerate() {
        if range.is_empty() || !whole.contains(&at) {
            *word = 0;
        }
    }
    if !range.is_empty() {
        bits[whole.start] &= u64::MAX << (range.start % 64);
        bits[whole.end - 1] &= u64::MAX >> (63 - (range.end - 1) % 64);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(universe: u32) -> impl Strategy<Value = RowSet> {
        let rows = prop::collection::vec(0..universe, 0..40);
        prop_oneof![
            (0..=universe, 0..=universe)
                .prop_map(move |(a, b)| RowSet::range(universe, a.min(b)..a.max(b))),
            rows.clone()
                .prop_map(move |rows| RowSet::of_rows(universe, rows)),
            rows.prop_map(move |rows| {
                let bits = RowSet::of_rows(universe, rows).into_bits();
                RowSet::of_bits(universe, bits)
            }),
            prop::collection::vec(any::<u64>(), universe.div_ceil(64) as usize)
                .prop_map(move |bits| RowSet::of_bits(universe, bits)),
        ]
    }

    fn model(set: &RowSet) -> BTreeSet<u32> {
        let bits = set.clone().into_bits();
        (0..set.universe)
            .filter(|row| bits[*row as usize / 64] >> (row % 64) & 1 == 1)
            .collect()
    }

    proptest! {
        #[test]
        fn sets_agree_with_the_sorted_set(
            (a, b, start, end) in (1u32..300).prop_flat_map(|n| (set(n), set(n), 0..=n, 0..=n))
        ) {
            let (ma, mb) = (model(&a), model(&b));
            let all: BTreeSet<u32> = (0..a.universe).collect();
            prop_assert_eq!(model(&a.clone().and(b.clone())), &ma & &mb);
            prop_assert_eq!(model(&a.clone().or(b)), &ma | &mb);
            prop_assert_eq!(model(&a.clone().complement()), &all - &ma);
            prop_assert_eq!(a.count() as usize, ma.len());
            prop_assert_eq!(a.is_empty(), ma.is_empty());
            let mut rows = Vec::new();
            a.for_each(|row| rows.push(row));
            prop_assert_eq!(rows, ma.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(a.first_from(start), ma.range(start..).next().copied());
            prop_assert_eq!(a.last_before(end), ma.range(..end).last().copied());
            let within = start.min(end)..start.max(end);
            prop_assert_eq!(a.count_in(within.clone()) as usize, ma.range(within).count());
        }
    }
}
