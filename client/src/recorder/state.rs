//! What the threads of a recorder share, and the one lock around it.

use super::losses::{Loss, Losses};
use crate::config::Config;
use crate::recording::{Kept, Receipt, Recording, Slot};
use crate::spool::frame::{self, Kind};
use crate::spool::{Place, SpoolFile};
use crate::{Error, Notice, Token, Unconfirmed};
use entry::{Draft, EntryId};
use parking_lot::{Condvar, Mutex};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// Between two entries about losses that go on while the log answers, so that they are no flood.
const LOSSES_PAUSE: std::time::Duration = std::time::Duration::from_secs(10);

/// Everything of a recorder but its threads.
pub struct Shared {
    pub config: Config,
    /// Replaced when a token is rotated.
    pub token: Mutex<Option<Token>>,
    pub state: Mutex<State>,
    /// Something to write to the spool.
    pub to_write: Condvar,
    /// Something durable to deliver.
    pub to_deliver: Condvar,
    /// Something to send at once.
    pub to_send: Condvar,
    /// An earlier deadline.
    pub to_expire: Condvar,
    /// Something was delivered, or a thread ended.
    pub settled: Condvar,
    pub lock: std::fs::File,
    pub process: rustix::process::Pid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Open,
    /// Nothing new is taken; what is there is delivered.
    Closing,
    /// Threads end.
    Stopped,
}

/// Whether the log answers, by the last call of any thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Contact {
    #[default]
    Untried,
    Reached,
    Unreachable {
        why: String,
    },
    Unauthorized {
        status: u16,
        why: String,
    },
}

/// Guarded by [`Shared::state`].
pub struct State {
    pub phase: Phase,
    /// The next number.
    pub next: u64,
    /// Frames that wait to be written.
    pub group: Group,
    /// Entries of the frames that are being written, if any are.
    pub writing: Option<u64>,
    /// Oldest first; the last is appended to, and only its durable bytes count.
    pub files: VecDeque<SpoolFile>,
    /// Files, and frames that wait.
    pub used_bytes: u64,
    pub delivered: Place,
    /// The highest number that was handed to the spool.
    pub spooled_sequence: u64,
    /// The highest number of the spool that was delivered.
    pub delivered_sequence: u64,
    /// The highest number that is in a durable frame.
    pub durable_sequence: u64,
    /// Why the spool takes nothing more.
    pub latched: Option<String>,
    pub required: BTreeMap<u64, Item>,
    pub best_effort: VecDeque<Item>,
    pub best_effort_bytes: usize,
    /// Best-effort entries of the call that is on its way: how many, and the lowest number.
    pub best_effort_sent: (usize, u64),
    pub deadlines: BinaryHeap<Reverse<(Instant, u64)>>,
    pub losses: Losses,
    pub losses_told: Option<Instant>,
    /// Numbers of our own entries about losses: that one is refused is no loss to tell.
    pub own: BTreeSet<u64>,
    pub contact: Contact,
    /// When that was.
    pub contact_at: Instant,
    pub counts: Counts,
    pub threads: usize,
    /// The spool is given back.
    pub writing_ended: bool,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub recorded: u64,
    pub logged: u64,
    pub duplicates: u64,
    pub rejected: u64,
    pub dropped: u64,
    pub waiting: u64,
    pub calls: u64,
    pub failed_calls: u64,
    pub syncs: u64,
    pub damaged_bytes: u64,
    pub unrecorded: u64,
    pub listener_panics: u64,
}

/// An entry in memory on its way to the log.
pub struct Item {
    pub sequence: u64,
    pub id: EntryId,
    pub json: Box<[u8]>,
    /// Whoever waits, if anybody does, and until when.
    pub waiting: Option<(Arc<Slot>, Instant)>,
    /// A call with it is on its way.
    pub is_sent: bool,
    /// A call with it ended without an answer.
    pub is_uncertain: bool,
    /// Nobody waits any more.
    pub is_abandoned: bool,
}

impl Item {
    pub fn new(id: EntryId, sequence: u64, json: Box<[u8]>) -> Self {
        Self {
            sequence,
            id,
            json,
            waiting: None,
            is_sent: false,
            is_uncertain: false,
            is_abandoned: false,
        }
    }
}

/// Frames that are written and synced together.
#[derive(Default)]
pub struct Group {
    pub frames: Vec<u8>,
    pub waiting: Vec<(Receipt, Option<Arc<Slot>>)>,
    /// The highest number in it.
    pub last: u64,
    pub entries: u64,
}

/// Whoever waits for frames is told, also where the thread that had them is gone.
impl Drop for Group {
    fn drop(&mut self) {
        for (_, slot) in self.waiting.drain(..) {
            if let Some(slot) = slot {
                slot.put(Err(Error::Spool(BROKEN.to_owned())));
            }
        }
    }
}

/// A fault of our own, of which nobody may hang.
pub const BROKEN: &str = "a thread of the recorder ended by a fault of its own";

impl Shared {
    /// Tells the listener. Its panic is its own.
    pub fn tell(&self, notice: &Notice) {
        if let Some(listener) = &self.config.listener
            && catch_unwind(AssertUnwindSafe(|| listener(notice))).is_err()
        {
            self.state.lock().counts.listener_panics += 1;
        }
    }

    /// What the last call says of the log. Told when it is something new.
    pub fn contact(&self, contact: Contact) {
        let mut state = self.state.lock();
        let is_news = std::mem::discriminant(&state.contact) != std::mem::discriminant(&contact);
        let was_untried = state.contact == Contact::Untried;
        state.contact = contact.clone();
        state.contact_at = Instant::now();
        drop(state);
        if !is_news {
            return;
        }
        match contact {
            Contact::Reached if was_untried => {}
            Contact::Reached => self.tell(&Notice::Reached),
            Contact::Unreachable { why } => self.tell(&Notice::Unreachable { why }),
            Contact::Unauthorized { status, why } => {
                self.tell(&Notice::Unauthorized { status, why });
            }
            Contact::Untried => {}
        }
    }

    /// The log answers: it is told what it will never see. How many, if it was.
    pub fn tell_losses(&self, is_last: bool) {
        let mut state = self.state.lock();
        let is_soon = state
            .losses_told
            .is_some_and(|told| told.elapsed() < LOSSES_PAUSE);
        if state.losses.is_empty() || state.latched.is_some() || (is_soon && !is_last) {
            return;
        }
        let losses = std::mem::take(&mut state.losses);
        let organization = self.config.organization.clone();
        let mut draft = losses.entry(&self.config.source, organization);
        let id = super::fresh_id(crate::clock::now());
        let sequence = state.give_number();
        super::complete(&mut draft, &self.config.source, id, sequence);
        state.own.insert(sequence);
        // Room or not: it is one entry, and comes when the log answers.
        match state.spool(&draft, id, sequence, None, u64::MAX) {
            Ok(()) => {
                state.losses_told = Some(Instant::now());
                drop(state);
                self.to_write.notify_one();
                self.tell(&Notice::Dropped {
                    count: losses.total(),
                });
            }
            // What was lost is told later, and this number with it.
            Err(_) => {
                let late = std::mem::replace(&mut state.losses, losses);
                state.losses.absorb(&late);
            }
        }
    }
}

impl State {
    pub fn give_number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    pub fn lose(&mut self, sequence: u64, loss: Loss) {
        self.counts.dropped += u64::from(loss != Loss::Rejected);
        if !self.own.remove(&sequence) {
            self.losses.add(sequence, loss);
        }
    }

    /// Appends an entry to the frames that wait to be written, if the budget has room for it.
    pub fn spool(
        &mut self,
        draft: &Draft,
        id: EntryId,
        sequence: u64,
        slot: Option<Arc<Slot>>,
        bytes_max: u64,
    ) -> Result<(), Error> {
        if let Some(why) = &self.latched {
            let why = why.clone();
            self.lose(sequence, Loss::SpoolFailed);
            return Err(Error::Spool(why));
        }
        let before = self.group.frames.len();
        frame::push(&mut self.group.frames, Kind::Entry, sequence, |out| {
            draft.write_json(out);
        });
        let bytes = (self.group.frames.len() - before) as u64;
        if self.used_bytes + bytes > bytes_max {
            self.group.frames.truncate(before);
            self.lose(sequence, Loss::SpoolFull);
            return Err(Error::Full {
                used_bytes: self.used_bytes,
                max_bytes: bytes_max,
            });
        }
        self.used_bytes += bytes;
        self.spooled_sequence = self.spooled_sequence.max(sequence);
        self.group.last = self.group.last.max(sequence);
        self.group.entries += 1;
        let receipt = Receipt {
            id,
            sequence,
            kept: Kept::Spooled,
        };
        self.group.waiting.push((receipt, slot));
        Ok(())
    }

    /// Makes durable that numbers up to this one are given away: nothing of an entry that is sent from memory is in the
    /// spool, and its number must not be given again. `None` if that is so already, or cannot be.
    pub fn mark(&mut self, sequence: u64) -> Option<Recording> {
        if self.durable_sequence >= sequence || self.latched.is_some() {
            return None;
        }
        let before = self.group.frames.len();
        frame::push(&mut self.group.frames, Kind::Mark, sequence, |_| {});
        self.used_bytes += (self.group.frames.len() - before) as u64;
        self.group.last = self.group.last.max(sequence);
        let slot = Slot::new();
        let receipt = Receipt {
            id: EntryId::from_bytes([0; 16]),
            sequence,
            kept: Kept::Spooled,
        };
        self.group.waiting.push((receipt, Some(Arc::clone(&slot))));
        Some(Recording::waiting(slot))
    }

    /// The end of what is durable.
    pub fn end(&self) -> Place {
        self.files.back().map_or(Place::default(), |file| Place {
            number: file.number,
            at: file.bytes,
        })
    }

    /// Nothing is on its way to the spool or in it.
    pub fn is_spool_idle(&self) -> bool {
        self.group.frames.is_empty() && self.writing.is_none() && self.delivered >= self.end()
    }

    /// An entry with a number below `next` is in memory, on its way to the log.
    pub fn has_in_memory(&self, next: u64) -> bool {
        let required = self.required.first_key_value().map(|(first, _)| *first);
        let queued = self.best_effort.front().map(|item| item.sequence);
        let (_, sent) = self.best_effort_sent;
        [required, queued, Some(sent)]
            .into_iter()
            .flatten()
            .any(|first| first < next)
    }

    /// Ends the wait for a required entry whose time is over.
    pub fn expire(&mut self, sequence: u64, now: Instant) {
        let item = self.required.get(&sequence);
        let deadline = item.and_then(|item| item.waiting.as_ref()).map(|w| w.1);
        if deadline.is_some_and(|deadline| deadline <= now) {
            let why = self.why_not();
            self.give_up(sequence, &why);
        }
    }

    /// Ends the wait for a required entry that is not in the log, as far as that is known.
    pub fn give_up(&mut self, sequence: u64, why: &str) {
        let Some(item) = self.required.get_mut(&sequence) else {
            return;
        };
        let Some((slot, _)) = item.waiting.take() else {
            return;
        };
        if item.is_sent || item.is_uncertain {
            slot.put(Err(Error::Unknown(Unconfirmed {
                id: item.id,
                sequence,
                json: item.json.clone(),
            })));
            // The answer of a call that is on its way still says whether it is lost.
            item.is_abandoned = true;
            if !item.is_sent {
                self.required.remove(&sequence);
                self.lose(sequence, Loss::Unknown);
            }
        } else {
            slot.put(Err(Error::NotRecorded(why.to_owned())));
            self.required.remove(&sequence);
            self.lose(sequence, Loss::NotRecorded);
        }
    }

    /// Why nothing is recorded at this moment, for whoever waited in vain.
    pub fn why_not(&self) -> String {
        match &self.contact {
            Contact::Unreachable { why } | Contact::Unauthorized { why, .. } => why.clone(),
            Contact::Untried | Contact::Reached => "the log did not answer in time".to_owned(),
        }
    }
}
