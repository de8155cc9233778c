//! The thread that sends from memory: required entries first, best-effort ones where there is room. It does not wait behind
//! the spool, and the spool does not wait behind it.

use super::losses::Loss;
use super::pace::Pace;
use super::state::{Contact, Item, Phase, Shared, State};
use crate::recording::{Kept, Receipt};
use crate::sender::{Answer, Outcome, Sender};
use crate::spool::keep_rejected;
use crate::{Error, Notice};
use std::sync::Arc;
use std::time::Instant;

pub struct Sending {
    pub shared: Arc<Shared>,
    pub sender: Sender,
    pub pace: Pace,
    pub entries_max: usize,
}

/// What goes into one call.
#[derive(Default)]
struct Batch {
    lines: Vec<u8>,
    /// Of required entries, which stay where they are.
    required: Vec<u64>,
    best_effort: Vec<Item>,
}

impl Batch {
    fn len(&self) -> usize {
        self.required.len() + self.best_effort.len()
    }

    fn has_room(&self, item: &Item, entries_max: usize, bytes_max: usize) -> bool {
        let bytes = self.lines.len() + item.json.len() + 1;
        self.len() == 0 || self.len() < entries_max && bytes <= bytes_max
    }

    fn line(&mut self, json: &[u8]) {
        self.lines.extend_from_slice(json);
        self.lines.push(b'\n');
    }

    fn last(&self) -> u64 {
        let last = self.best_effort.iter().map(|item| item.sequence).max();
        last.max(self.required.last().copied()).unwrap_or(0)
    }
}

impl Sending {
    pub fn run(mut self) {
        while let Some(batch) = self.next() {
            let mark = self.shared.state.lock().mark(batch.last());
            if let Some(mark) = mark {
                self.shared.to_write.notify_one();
                // Where the spool's disk is full or failed, the entry matters more than its number: it is sent.
                drop(mark.wait());
            }
            let token = self.shared.token.lock().clone();
            let answer = self.sender.send(token.as_ref(), &batch.lines, batch.len());
            self.shared.count_call(&answer);
            self.answered(batch, answer);
        }
    }

    /// The next call's entries; `None` when the recorder stops.
    fn next(&self) -> Option<Batch> {
        let mut state = self.shared.state.lock();
        loop {
            if state.phase == Phase::Stopped {
                return None;
            }
            let someone_waits = state.required.values().any(|item| !item.is_abandoned);
            if someone_waits || !state.best_effort.is_empty() {
                match self.pace.not_before(someone_waits) {
                    Some(time) if time > Instant::now() => {
                        self.shared.to_send.wait_until(&mut state, time);
                        continue;
                    }
                    _ => return Some(self.gather(&mut state)),
                }
            }
            self.shared.to_send.wait(&mut state);
        }
    }

    fn gather(&self, state: &mut State) -> Batch {
        let bytes_max = self.shared.config.batch_bytes_max;
        let mut batch = Batch::default();
        for item in state.required.values_mut().filter(|i| !i.is_abandoned) {
            if !batch.has_room(item, self.entries_max, bytes_max) {
                break;
            }
            batch.line(&item.json);
            batch.required.push(item.sequence);
            item.is_sent = true;
        }
        while let Some(item) = state
            .best_effort
            .pop_front_if(|item| batch.has_room(item, self.entries_max, bytes_max))
        {
            state.best_effort_bytes -= item.json.len();
            batch.line(&item.json);
            batch.best_effort.push(item);
        }
        let lowest = batch.best_effort.first().map(|item| item.sequence);
        state.best_effort_sent = (batch.best_effort.len(), lowest.unwrap_or(u64::MAX));
        batch
    }

    fn answered(&mut self, batch: Batch, answer: Answer) {
        match answer {
            Answer::Receipts(outcomes) => self.settle(batch, outcomes),
            Answer::Body { why } if batch.len() == 1 => {
                self.settle(batch, vec![Outcome::Rejected { why }]);
            }
            Answer::Body { .. } => {
                self.entries_max = batch.len().div_ceil(2);
                self.again(batch, false, None);
            }
            Answer::Unauthorized {
                status,
                why,
                retry_after,
            } => {
                self.pace.failed(retry_after);
                // Waiting does not help: nobody is let in by asking again.
                let refused = format!("{why}; the log does not let this recorder in");
                self.again(batch, false, Some(&refused));
                self.shared.contact(Contact::Unauthorized { status, why });
            }
            Answer::Later { why, retry_after } => {
                self.pace.failed(retry_after);
                self.shared.contact(Contact::Unreachable { why });
                self.again(batch, false, None);
            }
            Answer::Unknown { why } => {
                self.pace.failed(None);
                self.shared.contact(Contact::Unreachable { why });
                self.again(batch, true, None);
            }
        }
    }

    fn settle(&mut self, batch: Batch, outcomes: Vec<Outcome>) {
        // Before anybody is told: whoever hears that an entry is in the log finds the log there.
        self.shared.contact(Contact::Reached);
        let mut outcomes = outcomes.into_iter();
        let (mut rejected, mut waiting) = (Vec::new(), Vec::new());
        let mut state = self.shared.state.lock();
        for sequence in batch.required {
            let (Some(item), Some(outcome)) = (state.required.remove(&sequence), outcomes.next())
            else {
                continue;
            };
            count(&mut state, sequence, &outcome);
            let told = match &outcome {
                Outcome::Stored { seq, .. } => Ok(Receipt {
                    id: item.id,
                    sequence,
                    kept: Kept::Logged { seq: *seq },
                }),
                Outcome::Rejected { why } => Err(Error::Refused(why.clone())),
            };
            waiting.extend(item.waiting.as_ref().map(|w| (Arc::clone(&w.0), told)));
            rejected.extend(Rejected::of(item, outcome));
        }
        for item in batch.best_effort {
            if let Some(outcome) = outcomes.next() {
                count(&mut state, item.sequence, &outcome);
                rejected.extend(Rejected::of(item, outcome));
            }
        }
        state.best_effort_sent = (0, u64::MAX);
        drop(state);
        self.pace.succeeded();
        let entries_max = self.shared.config.batch_entries_max;
        self.entries_max = (self.entries_max * 2).min(entries_max);
        // What is refused is kept before anybody is told.
        self.keep(&rejected);
        for (slot, told) in waiting {
            slot.put(told);
        }
        self.shared.settled.notify_all();
        self.shared.tell_losses(false);
    }

    fn keep(&self, rejected: &[Rejected]) {
        if rejected.is_empty() {
            return;
        }
        let lines: Vec<_> = rejected
            .iter()
            .map(|r| (r.item.sequence, r.why.as_str(), &*r.item.json))
            .collect();
        if let Err(error) = keep_rejected(&self.shared.config.spool, &lines) {
            let why = error.to_string();
            self.shared.tell(&Notice::SpoolFailed { why });
        }
        for Rejected { item, why } in rejected {
            let (sequence, why) = (item.sequence, why.clone());
            self.shared.tell(&Notice::Rejected { sequence, why });
        }
    }

    /// The entries of a call that stored nothing, or perhaps something, wait for the next one; where nobody can help,
    /// whoever waits is told.
    fn again(&self, batch: Batch, is_uncertain: bool, refused: Option<&str>) {
        let mut state = self.shared.state.lock();
        for sequence in batch.required {
            let Some(item) = state.required.get_mut(&sequence) else {
                continue;
            };
            item.is_sent = false;
            item.is_uncertain |= is_uncertain;
            let (is_abandoned, is_uncertain) = (item.is_abandoned, item.is_uncertain);
            if is_abandoned {
                state.required.remove(&sequence);
                let loss = if is_uncertain {
                    Loss::Unknown
                } else {
                    Loss::NotRecorded
                };
                state.lose(sequence, loss);
            } else if let Some(why) = refused {
                state.give_up(sequence, why);
            }
        }
        for item in batch.best_effort.into_iter().rev() {
            state.best_effort_bytes += item.json.len();
            state.best_effort.push_front(item);
        }
        state.best_effort_sent = (0, u64::MAX);
        drop(state);
        self.shared.settled.notify_all();
    }
}

/// An entry from memory that the log refused.
struct Rejected {
    item: Item,
    why: String,
}

impl Rejected {
    fn of(item: Item, outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Rejected { why } => Some(Self { item, why }),
            Outcome::Stored { .. } => None,
        }
    }
}

fn count(state: &mut State, sequence: u64, outcome: &Outcome) {
    match outcome {
        Outcome::Stored { is_new, .. } => {
            state.counts.logged += 1;
            state.counts.duplicates += u64::from(!is_new);
        }
        Outcome::Rejected { .. } => {
            state.counts.rejected += 1;
            state.lose(sequence, Loss::Rejected);
        }
    }
}
