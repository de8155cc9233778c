//! Checkpoints: which are due, what a commit carries of them, and when they are shown.
//!
//! A log that grew gets one at most once a second. Its record rides in a commit that is made anyway, and covers that commit's own
//! entries; only when none comes does it get a write and a sync of its own.

use super::{Checkpoints, Sequencer};
use crate::Error;
use crate::journal::Pending;
use crate::journal::record::{self, Kind};
use crate::tree::Published;
use entry::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// A log that grew gets a checkpoint this often.
const SIGNED_EVERY: Duration = Duration::from_secs(1);

/// Checkpoints signed in one commit at most, so that none takes long: each costs some tens of microseconds.
const SIGNED_PER_COMMIT: usize = 256;

impl Sequencer {
    /// Notes when a log gets its next checkpoint, if it needs one.
    pub(super) fn wait_for_checkpoint(&mut self, at: usize) {
        let head = &mut self.heads[at];
        if head.due.is_some() || head.unsigned || !head.tree.is_unsigned() {
            return;
        }
        let due = head
            .tree
            .last()
            .map_or(Timestamp::MIN, |last| later(last.at));
        head.due = Some(due);
        self.due.insert((due, at));
    }

    /// Signs the checkpoints that are due, longest waiting first, and adds their records.
    pub(super) fn sign(
        &mut self,
        at: Timestamp,
        pending: &mut Pending,
    ) -> Vec<(usize, Arc<Published>)> {
        let mut signed = Vec::new();
        while signed.len() < SIGNED_PER_COMMIT
            && let Some(&(due, head)) = self.due.first()
            && due <= at
        {
            self.due.pop_first();
            let log = &mut self.heads[head];
            log.due = None;
            if !log.tree.is_unsigned() {
                // What it was to cover was taken back.
                continue;
            }
            match log.tree.sign(&log.organization, &self.trees.keyring, at) {
                Ok(published) => {
                    if self.trees.shows_early() {
                        self.trees.show(&log.organization, published.clone());
                    }
                    pending.push(Kind::Checkpoint, 0, |out| {
                        record::write_checkpoint(out, &log.organization, at, &published.note)
                    });
                    signed.push((head, published));
                }
                Err(error @ Error::Damaged { .. }) => {
                    tracing::error!(%error, organization = %log.organization, "nothing more of this log is signed");
                    self.health.found(&error);
                    log.unsigned = true;
                }
                Err(error) => {
                    tracing::warn!(%error, organization = %log.organization, "signing failed, it is tried again");
                    let later = later(at);
                    log.due = Some(later);
                    self.due.insert((later, head));
                }
            }
        }
        signed
    }

    /// The commit that was to hold these checkpoints did not happen.
    pub(super) fn unsign(&mut self, signed: &[(usize, Arc<Published>)]) {
        for &(head, _) in signed {
            self.wait_for_checkpoint(head);
        }
    }

    /// Shows checkpoints that are durable.
    pub(super) fn show(&mut self, signed: Vec<(usize, Arc<Published>)>) -> Checkpoints {
        let mut shown = Vec::with_capacity(signed.len());
        for (at, published) in signed {
            let head = &mut self.heads[at];
            head.tree.signed(published.clone());
            self.trees.show(&head.organization, published.clone());
            if let Some(known) = &self.trees.known {
                known.tell(&head.organization, &published);
            }
            shown.push((head.organization.clone(), published));
            self.wait_for_checkpoint(at);
        }
        if !shown.is_empty() {
            self.state
                .note(&shown, self.journal.first(), self.journal.end());
        }
        shown
    }

    /// Commits the checkpoints that are due, if any, when no entries come along to ride with. Answers how long until the next
    /// is due; `None` while nothing is unsigned.
    pub fn sign_due(&mut self) -> (Checkpoints, Option<Duration>) {
        if self.due.is_empty() || self.health.refuse_if_latched().is_err() {
            return (Vec::new(), None);
        }
        let checkpoints = self.commit(Vec::new()).checkpoints;
        let next = self.due.first().map(|(due, _)| {
            let micros = due.as_micros().saturating_sub((self.clock)().as_micros());
            Duration::from_micros(u64::try_from(micros).unwrap_or(0))
        });
        (checkpoints, next)
    }

    /// Signs what is not signed yet and writes the closing record.
    pub fn close(&mut self) -> Result<Checkpoints, Error> {
        self.health.refuse_if_latched()?;
        let mut shown = Vec::new();
        let waiting: Vec<usize> = std::mem::take(&mut self.due)
            .into_iter()
            .map(|(_, at)| at)
            .collect();
        for some in waiting.chunks(SIGNED_PER_COMMIT) {
            // Nobody will ask again: what is due later is due now.
            for &at in some {
                self.heads[at].due = Some(Timestamp::MIN);
                self.due.insert((Timestamp::MIN, at));
            }
            shown.extend(self.commit(Vec::new()).checkpoints);
        }
        self.journal.close()?;
        Ok(shown)
    }
}

/// When a log whose checkpoint is of `at` gets its next.
fn later(at: Timestamp) -> Timestamp {
    let every = i64::try_from(SIGNED_EVERY.as_micros()).expect("a second");
    Timestamp::from_micros(at.as_micros() + every).unwrap_or(Timestamp::MAX)
}
