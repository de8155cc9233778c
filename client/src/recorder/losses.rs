//! Numbers that the log will never see, and why: what a gap in it is explained with.

use crate::building::{Actor, Entry, Target};
use crate::{Did, action};
use entry::{Draft, Organization};

/// Why an entry is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The spool had reached its budget.
    SpoolFull,
    /// The spool's disk failed.
    SpoolFailed,
    /// There was no memory left for best-effort entries.
    QueueFull,
    /// A required entry's time was over, or too many waited; its caller was told.
    NotRecorded,
    /// As before, but the log may have it.
    Unknown,
    /// The log refused it; it is in `rejected.ndjson`.
    Rejected,
    /// It was in memory when the recorder was closed.
    Closed,
}

const LOSSES: [(Loss, &str); 7] = [
    (Loss::SpoolFull, "spool_full"),
    (Loss::SpoolFailed, "spool_failed"),
    (Loss::QueueFull, "queue_full"),
    (Loss::NotRecorded, "not_recorded"),
    (Loss::Unknown, "unknown"),
    (Loss::Rejected, "rejected"),
    (Loss::Closed, "closed"),
];

/// Runs of numbers that one entry names; beyond them it says that there are more.
const RUNS_MAX: usize = 100;

/// What was lost since the log was told last.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    counts: [u64; LOSSES.len()],
    /// Ascending, apart from each other; first and last number of each.
    runs: Vec<(u64, u64)>,
    is_incomplete: bool,
}

impl Losses {
    pub fn add(&mut self, sequence: u64, loss: Loss) {
        self.counts[loss as usize] += 1;
        let at = self.runs.partition_point(|run| run.1 < sequence);
        match self.runs.get(at) {
            Some(run) if run.0 <= sequence => return,
            _ if self.runs.len() >= RUNS_MAX && !self.touches(at, sequence) => {
                self.is_incomplete = true;
                return;
            }
            _ => self.runs.insert(at, (sequence, sequence)),
        }
        for left in [Some(at), at.checked_sub(1)].into_iter().flatten() {
            if left + 1 < self.runs.len() && self.runs[left].1 + 1 == self.runs[left + 1].0 {
                self.runs[left].1 = self.runs[left + 1].1;
                self.runs.remove(left + 1);
            }
        }
    }

    fn touches(&self, at: usize, sequence: u64) -> bool {
        let before = at.checked_sub(1).and_then(|at| self.runs.get(at));
        before.is_some_and(|run| run.1 + 1 == sequence)
            || self.runs.get(at).is_some_and(|run| sequence + 1 == run.0)
    }

    /// What was lost meanwhile, too.
    pub fn absorb(&mut self, later: &Losses) {
        for (count, more) in self.counts.iter_mut().zip(later.counts) {
            *count += more;
        }
        let before = self.counts;
        for &(first, last) in &later.runs {
            for number in first..=last {
                self.add(number, Loss::Closed);
            }
        }
        self.counts = before;
        self.is_incomplete |= later.is_incomplete;
    }

    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// The entry that tells the log.
    pub fn entry(&self, source: &str, organization: Option<Organization>) -> Draft {
        let told = Entry::by(Actor::system("mar-audit-client"))
            .did(action::DROP_ENTRIES)
            .to(Target::of("source", source))
            .in_scope(organization, None::<String>)
            .context("dropped", self.total())
            .context("sequences", self.sequences());
        let told = LOSSES
            .iter()
            .zip(self.counts)
            .filter(|(_, count)| *count > 0)
            .fold(told, |told: Did, ((_, reason), count)| {
                told.context(*reason, count)
            });
        let told = match self.is_incomplete {
            true => told.context("sequences_complete", false),
            false => told,
        };
        let count = self.total();
        let entries = if count == 1 { "entry" } else { "entries" };
        told.failure(
            "dropped",
            format!("{count} {entries} could not be recorded"),
        )
    }

    fn sequences(&self) -> String {
        let runs = self.runs.iter().map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        });
        runs.collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn every_lost_number_is_in_one_run(numbers in proptest::collection::vec(0_u64..60, 0..80)) {
            let mut losses = Losses::default();
            for &number in &numbers {
                losses.add(number, Loss::SpoolFull);
            }
            let named: Vec<u64> = losses.runs.iter().flat_map(|&(a, b)| a..=b).collect();
            let expected: BTreeSet<u64> = numbers.iter().copied().collect();
            prop_assert_eq!(named, expected.into_iter().collect::<Vec<_>>());
            prop_assert!(losses.runs.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
            prop_assert_eq!(losses.total(), numbers.len() as u64);
        }
    }

    #[test]
    fn the_entry_says_how_many_which_and_why() {
        let mut losses = Losses::default();
        for number in [4, 6, 5, 9] {
            losses.add(number, Loss::SpoolFull);
        }
        losses.add(12, Loss::Unknown);
        let draft = losses.entry("mar-api", None);
        assert_eq!(draft.check(), Ok(()));
        let context = draft.context.expect("context");
        assert_eq!(
            context.as_str(),
            r#"{"dropped":5,"sequences":"4-6,9,12","spool_full":4,"unknown":1}"#
        );
        let message = draft.error.expect("a failure").message;
        assert_eq!(message.as_deref(), Some("5 entries could not be recorded"));
    }

    #[test]
    fn what_is_named_is_bounded_and_says_so() {
        let mut losses = Losses::default();
        for number in 0..1000 {
            losses.add(number * 2, Loss::QueueFull);
        }
        assert_eq!((losses.runs.len(), losses.total()), (RUNS_MAX, 1000));
        let context = losses.entry("s", None).context.expect("context");
        assert!(context.as_str().contains(r#""sequences_complete":false"#));
    }

    #[test]
    fn reasons_stand_in_the_table_in_their_order() {
        for (at, (loss, _)) in LOSSES.iter().enumerate() {
            assert_eq!(*loss as usize, at);
        }
    }
}
