//! The numbers of one source that are here, as ranges.

use super::Told;
use std::collections::BTreeMap;

/// Ranges of one source. Beyond, the oldest gaps are forgotten: a source that loses this often is not counted, but repaired.
pub const RANGES_MAX: usize = 256;

/// Numbers that are here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranges {
    /// The last number of each range, and its entry's timestamp in microseconds, by the first one.
    pub(super) ranges: BTreeMap<u64, (u64, i64)>,
    /// The timestamp before the first gap that was forgotten.
    pub(super) forgotten: Option<i64>,
}

impl Ranges {
    /// Takes in a number and the timestamp of its entry. One that is here stays as it is.
    pub fn insert(&mut self, number: u64, at: i64) {
        let below = self.ranges.range(..=number).next_back();
        let below = below.map(|(&first, &range)| (first, range));
        let (mut first, mut range) = (number, (number, at));
        match below {
            Some((_, (last, _))) if number <= last => return,
            Some((of, (last, _))) if last.checked_add(1) == Some(number) => {
                first = of;
            }
            _ => {}
        }
        let above = number.checked_add(1);
        if let Some(later) = above.and_then(|above| self.ranges.remove(&above)) {
            range = later;
        }
        self.ranges.insert(first, range);
        if self.ranges.len() > RANGES_MAX {
            self.forget();
        }
    }

    /// The oldest gap is taken for filled, and known to have been there.
    fn forget(&mut self) {
        let Some((first, (_, at))) = self.ranges.pop_first() else {
            return;
        };
        if let Some((_, range)) = self.ranges.pop_first() {
            self.ranges.insert(first, range);
            self.forgotten.get_or_insert(at);
        }
    }

    fn gaps(&self) -> impl Iterator<Item = (u64, u64)> {
        let after = self.ranges.keys().skip(1);
        let pairs = self.ranges.values().zip(after);
        pairs.map(|((last, _), first)| (last + 1, first - 1))
    }

    /// How many are missing in the gaps that are remembered.
    pub fn missing(&self) -> u64 {
        self.gaps().map(|(first, last)| last - first + 1).sum()
    }

    /// The timestamp before the first gap; of the newest entry if there is none.
    pub fn through(&self) -> Option<i64> {
        let first = self.ranges.first_key_value();
        self.forgotten.or(first.map(|(_, (_, at))| *at))
    }

    /// What is told of them, with at most so many gaps.
    pub fn told(&self, gaps_max: usize) -> Option<Told> {
        let (&first, _) = self.ranges.first_key_value()?;
        let (_, &(last, _)) = self.ranges.last_key_value()?;
        Some(Told {
            first,
            last,
            missing: self.missing(),
            at_least: self.forgotten.is_some(),
            gaps: self.gaps().take(gaps_max).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// What is missing of a plain set, from its first number to its last.
    fn missing(set: &BTreeSet<u64>) -> Vec<u64> {
        let (Some(first), Some(last)) = (set.first(), set.last()) else {
            return Vec::new();
        };
        (*first..=*last).filter(|n| !set.contains(n)).collect()
    }

    fn at(number: u64) -> i64 {
        i64::try_from(number).expect("a small one") * 1_000
    }

    proptest! {
        #[test]
        fn ranges_are_what_a_plain_set_is(numbers in prop::collection::vec(0_u64..120, 0..200)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for number in numbers {
                ranges.insert(number, at(number));
                set.insert(number);
                let gone = missing(&set);
                prop_assert_eq!(ranges.missing(), gone.len() as u64);
                let told = ranges.told(usize::MAX).expect("there is one");
                prop_assert_eq!(Some(&told.first), set.first());
                prop_assert_eq!(Some(&told.last), set.last());
                let gaps = told.gaps.iter().flat_map(|&(first, last)| first..=last);
                prop_assert_eq!(gaps.collect::<Vec<_>>(), gone.clone());
                let before = gone.first().map_or(told.last, |first| first - 1);
                prop_assert_eq!(ranges.through(), Some(at(before)));
            }
        }

        #[test]
        fn of_more_gaps_than_are_remembered_at_least_those_are_told(step in 2_u64..5, order in any::<bool>()) {
            let mut ranges = Ranges::default();
            let count = RANGES_MAX as u64 * 2;
            let numbers = (0..count).map(|n| 1 + n * step);
            match order {
                true => numbers.for_each(|n| ranges.insert(n, at(n))),
                false => numbers.rev().for_each(|n| ranges.insert(n, at(n))),
            }
            prop_assert!(ranges.ranges.len() <= RANGES_MAX);
            let told = ranges.told(20).expect("there is one");
            prop_assert!(told.at_least && told.gaps.len() == 20);
            prop_assert!(told.missing <= (count - 1) * (step - 1));
            prop_assert_eq!(told.last, 1 + (count - 1) * step);
        }
    }

    #[test]
    fn numbers_at_the_end_of_what_there_are_do_not_wrap() {
        let mut ranges = Ranges::default();
        for number in [u64::MAX, u64::MAX - 1, 0, u64::MAX] {
            ranges.insert(number, 7);
        }
        let told = ranges.told(20).expect("there are some");
        assert_eq!((told.first, told.last), (0, u64::MAX));
        assert_eq!(told.gaps, [(1, u64::MAX - 2)]);
    }
}
