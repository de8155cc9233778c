//! The thread that delivers the spool: one call at a time, in order, the same entries until the log has them.

use super::losses::Loss;
use super::pace::Pace;
use super::state::{Contact, Phase, Shared};
use crate::Notice;
use crate::sender::{Answer, Outcome, Sender};
use crate::spool::reader::{Reader, Run};
use crate::spool::{Delivered, Place, keep_rejected};
use std::sync::Arc;
use std::time::Instant;

pub struct Delivery {
    pub shared: Arc<Shared>,
    pub sender: Sender,
    pub delivered: Delivered,
    pub reader: Reader,
    pub pace: Pace,
    /// At most so many at once: fewer after the log called a body too large.
    pub entries_max: usize,
}

/// What there is to do.
enum Next {
    /// Entries up to that byte of the file.
    Deliver {
        place: Place,
        durable: u64,
    },
    /// Everything of that file is delivered, and there is a newer one.
    Leave {
        number: u64,
        to: u64,
    },
    Stop,
}

impl Delivery {
    pub fn run(mut self) {
        loop {
            let done = match self.next() {
                Next::Stop => return,
                Next::Leave { number, to } => self.leave(number, to),
                Next::Deliver { place, durable } => self.deliver(place, durable),
            };
            if let Err(error) = done {
                self.pace.failed(None);
                let why = error.to_string();
                self.shared.tell(&Notice::SpoolFailed { why });
            }
        }
    }

    fn next(&self) -> Next {
        let mut state = self.shared.state.lock();
        loop {
            if state.phase == Phase::Stopped {
                return Next::Stop;
            }
            let place = state.delivered;
            let at = state.files.partition_point(|f| f.number < place.number);
            let there = state.files.get(at).copied();
            let newer = state.files.get(at + 1).map(|file| file.number);
            let wait = match (there, newer) {
                (Some(file), _) if place.at < file.bytes => match self.pace.not_before(false) {
                    Some(time) if time > Instant::now() => Some(time),
                    _ => {
                        let durable = file.bytes;
                        return Next::Deliver { place, durable };
                    }
                },
                (Some(file), Some(to)) => {
                    return Next::Leave {
                        number: file.number,
                        to,
                    };
                }
                _ => None,
            };
            match wait {
                Some(time) => drop(self.shared.to_deliver.wait_until(&mut state, time)),
                None => self.shared.to_deliver.wait(&mut state),
            }
        }
    }

    fn leave(&mut self, number: u64, to: u64) -> std::io::Result<()> {
        let place = Place { number: to, at: 0 };
        self.delivered.advance(place)?;
        self.delivered.remove(number)?;
        let mut state = self.shared.state.lock();
        state.delivered = place;
        while let Some(file) = state.files.pop_front_if(|file| file.number < to) {
            state.used_bytes -= file.bytes;
        }
        drop(state);
        self.shared.settled.notify_all();
        Ok(())
    }

    fn deliver(&mut self, place: Place, durable: u64) -> std::io::Result<()> {
        let bytes_max = self.shared.config.batch_bytes_max;
        let run = self
            .reader
            .run(place, durable, self.entries_max, bytes_max)?;
        for notice in &run.notices {
            if let Notice::Damaged { bytes, .. } = notice {
                self.shared.state.lock().counts.damaged_bytes += bytes;
            }
            self.shared.tell(notice);
        }
        if run.entries.is_empty() {
            self.advance(&run, &[]);
            return Ok(());
        }
        let token = self.shared.token.lock().clone();
        let answer = self
            .sender
            .send(token.as_ref(), &run.lines, run.entries.len());
        self.shared.count_call(&answer);
        match answer {
            Answer::Receipts(outcomes) => self.settle(&run, &outcomes)?,
            Answer::Body { why } if run.entries.len() == 1 => {
                let rejected = Outcome::Rejected { why };
                self.settle(&run, std::slice::from_ref(&rejected))?;
            }
            Answer::Body { .. } => self.entries_max = run.entries.len().div_ceil(2),
            Answer::Unauthorized {
                status,
                why,
                retry_after,
            } => {
                self.pace.failed(retry_after);
                self.shared.contact(Contact::Unauthorized { status, why });
            }
            Answer::Later { why, retry_after } => {
                self.pace.failed(retry_after);
                self.shared.contact(Contact::Unreachable { why });
            }
            Answer::Unknown { why } => {
                self.pace.failed(None);
                self.shared.contact(Contact::Unreachable { why });
            }
        }
        Ok(())
    }

    /// Each entry has its outcome: what is refused is kept aside before delivery goes on behind it.
    fn settle(&mut self, run: &Run, outcomes: &[Outcome]) -> std::io::Result<()> {
        let mut from = 0;
        let mut rejected = Vec::new();
        for ((to, sequence), outcome) in run.entries.iter().zip(outcomes) {
            if let Outcome::Rejected { why } = outcome {
                rejected.push((*sequence, why.as_str(), &run.lines[from..*to]));
            }
            from = *to;
        }
        if !rejected.is_empty() {
            keep_rejected(&self.shared.config.spool, &rejected)?;
        }
        self.delivered.advance(run.end)?;
        self.shared.contact(Contact::Reached);
        self.advance(run, outcomes);
        self.pace.succeeded();
        let config = &self.shared.config;
        self.entries_max = (self.entries_max * 2).min(config.batch_entries_max);
        for (sequence, why, _) in rejected {
            let why = why.to_owned();
            self.shared.tell(&Notice::Rejected { sequence, why });
        }
        self.shared.tell_losses(false);
        Ok(())
    }

    fn advance(&self, run: &Run, outcomes: &[Outcome]) {
        let mut state = self.shared.state.lock();
        state.delivered = run.end;
        state.delivered_sequence = state.delivered_sequence.max(run.passed.unwrap_or(0));
        for ((_, sequence), outcome) in run.entries.iter().zip(outcomes) {
            state.counts.waiting = state.counts.waiting.saturating_sub(1);
            match outcome {
                Outcome::Stored { is_new, .. } => {
                    state.own.remove(sequence);
                    state.counts.logged += 1;
                    state.counts.duplicates += u64::from(!is_new);
                }
                Outcome::Rejected { .. } => {
                    state.counts.rejected += 1;
                    state.lose(*sequence, Loss::Rejected);
                }
            }
        }
        drop(state);
        self.shared.settled.notify_all();
    }
}

impl Shared {
    pub fn count_call(&self, answer: &Answer) {
        let mut state = self.state.lock();
        state.counts.calls += 1;
        state.counts.failed_calls += u64::from(!matches!(answer, Answer::Receipts(_)));
    }
}
