//! What records: takes entries, gives them numbers, and keeps to each the promise its action is worth.
//!
//! Four threads of its own do the work, so that nothing of a caller's runtime is blocked:
//! - `writing`: frames to the spool; everyone who waits shares a sync
//! - `delivery`: the spool to the log, in order
//! - `sending`: required and best-effort entries to the log, from memory
//! - `deadlines`: an end to waiting
//!
//! `state` is what they share, `losses` what they could not record, `pace` when they try again.

mod deadlines;
mod delivery;
mod losses;
mod pace;
mod sending;
mod state;
mod writing;

use crate::config::{Config, Guarantee};
use crate::recording::{Kept, Receipt, Recording, Slot};
use crate::sender::Sender;
use crate::spool::Spool;
use crate::spool::reader::Reader;
use crate::{Error, Notice, OpenError, Token, Unconfirmed, clock};
use delivery::Delivery;
use entry::{Draft, EntryId, Source, Timestamp};
use losses::Loss;
use pace::Pace;
use parking_lot::{Condvar, Mutex};
use sending::Sending;
use state::{Contact, Counts, Group, Item, Phase, Shared, State};
use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records entries. Cheap to clone; the clones are one recorder.
///
/// A process that forks without executing another program must open the child's recorder in the child, with a spool of its
/// own: the parent's refuses ([`Error::Forked`]). A program that is executed does not inherit the spool's lock.
#[derive(Clone)]
pub struct Recorder(Arc<Handle>);

/// Stops the threads when the last clone is gone. What is spooled stays on disk; best-effort entries in memory are lost.
struct Handle(Arc<Shared>);

/// What is not delivered when waiting for it ends. Spooled entries are delivered by the next recorder of this spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{spooled} spooled entries are not delivered yet, and {in_memory} in memory were not")]
pub struct Undelivered {
    pub spooled: u64,
    pub in_memory: u64,
}

/// What a recorder counted since it was opened, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Entries that were given a number.
    pub recorded: u64,
    /// Entries that the log has; `duplicates` of them it had before.
    pub logged: u64,
    pub duplicates: u64,
    /// Entries that the log refused for what they say.
    pub rejected: u64,
    /// Entries that are lost for any other reason.
    pub dropped: u64,
    /// Entries in the spool.
    pub spooled: u64,
    /// What the spool takes on disk.
    pub spool_bytes: u64,
    /// Entries in memory.
    pub in_memory: u64,
    pub calls: u64,
    pub failed_calls: u64,
    /// Syncs of the spool; fewer than entries where several share one.
    pub syncs: u64,
    /// Bytes of the spool that are not what was written.
    pub damaged_bytes: u64,
    /// Requests that were answered though their entry could not be recorded.
    pub unrecorded: u64,
    pub listener_panics: u64,
}

/// Whether entries reach the log, and whether they can wait if they do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The last call was answered. `None`: there was none yet.
    pub is_reached: Option<bool>,
    /// What is wrong, if anything is.
    pub why: Option<String>,
    /// The spool takes entries.
    pub is_spooling: bool,
    pub spool_bytes: u64,
    pub spool_bytes_max: u64,
}

impl Recorder {
    /// Takes the spool, finds what the last process left in it, and begins to deliver it.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        if let Some(fault) = config.fault() {
            return Err(OpenError::Config(fault));
        }
        // Both before the directory is touched: settings that cannot work leave nothing behind.
        let senders = (Sender::new(&config)?, Sender::new(&config)?);
        let spool = Spool::open(&config.spool, &config.source, config.spool_bytes_max)?;
        let state = State::of(&spool);
        let notices = spool.notices;
        let shared = Arc::new(Shared {
            token: Mutex::new(config.token.clone()),
            state: Mutex::new(state),
            to_write: Condvar::new(),
            to_deliver: Condvar::new(),
            to_send: Condvar::new(),
            to_expire: Condvar::new(),
            settled: Condvar::new(),
            lock: spool.lock,
            process: rustix::process::getpid(),
            config,
        });
        for notice in &notices {
            shared.tell(notice);
        }
        let recorder = Self(Arc::new(Handle(Arc::clone(&shared))));
        let pace = || Pace::new(shared.config.pause_max, random_seed());
        let entries_max = shared.config.batch_entries_max;
        let delivery = Delivery {
            shared: Arc::clone(&shared),
            sender: senders.0,
            delivered: spool.delivered,
            reader: Reader::new(&shared.config.spool),
            pace: pace(),
            entries_max,
        };
        let sending = Sending {
            shared: Arc::clone(&shared),
            sender: senders.1,
            pace: pace(),
            entries_max,
        };
        let writer = spool.writer;
        shared.spawn("audit-spool", move |shared| writing::run(shared, writer))?;
        shared.spawn("audit-deliver", move |_| delivery.run())?;
        shared.spawn("audit-send", move |_| sending.run())?;
        shared.spawn("audit-expire", deadlines::run)?;
        Ok(recorder)
    }

    /// Records an entry as surely as its action is worth, and waits for that.
    ///
    /// Blocks: on a thread of an async runtime, await [`Recorder::recording`] instead.
    pub fn record(&self, draft: Draft) -> Result<Receipt, Error> {
        self.recording(draft).wait()
    }

    /// Records an entry as surely as this call says, and waits for that.
    pub fn record_as(&self, guarantee: Guarantee, draft: Draft) -> Result<Receipt, Error> {
        self.recording_as(guarantee, draft).wait()
    }

    /// As [`Recorder::record`], to be awaited or waited for. The entry has its number when this returns, whether or not anybody
    /// waits.
    pub fn recording(&self, draft: Draft) -> Recording {
        self.recording_as(self.guarantee(&draft.action), draft)
    }

    /// As [`Recorder::record_as`], to be awaited or waited for.
    pub fn recording_as(&self, guarantee: Guarantee, draft: Draft) -> Recording {
        match self.0.0.begin(guarantee, draft) {
            Ok(recording) => recording,
            Err(error) => Recording::known(Err(error)),
        }
    }

    /// Sends once more an entry of which nobody knows whether the log has it. The log finds it or stores it, once.
    pub fn again(&self, unconfirmed: Unconfirmed) -> Recording {
        let shared = &self.0.0;
        let mut state = shared.state.lock();
        if state.phase != Phase::Open {
            return Recording::known(Err(Error::Closed));
        }
        let (id, sequence) = (unconfirmed.id, unconfirmed.sequence);
        shared.require(&mut state, id, sequence, unconfirmed.json)
    }

    /// What an action is worth here.
    pub fn guarantee(&self, action: &str) -> Guarantee {
        self.0.0.config.guarantee_of(action)
    }

    /// From now on the log is called with this token: tokens are rotated without a restart.
    pub fn set_token(&self, token: impl Into<Token>) {
        *self.0.0.token.lock() = Some(token.into());
    }

    /// Waits until everything that was recorded before this call is in the log, at most so long.
    pub fn flush(&self, wait_max: Duration) -> Result<(), Undelivered> {
        let shared = &self.0.0;
        let until = Instant::now() + wait_max;
        let mut state = shared.state.lock();
        let (spooled, next) = (state.spooled_sequence, state.next);
        loop {
            let is_delivered = state.delivered_sequence >= spooled || state.is_spool_idle();
            if is_delivered && !state.has_in_memory(next) {
                return Ok(());
            }
            if shared.settled.wait_until(&mut state, until).timed_out() {
                return Err(state.undelivered());
            }
        }
    }

    /// Takes nothing more, waits as long as the settings say for what is not delivered, and gives the spool back. Entries
    /// that are still spooled are no loss: the next recorder of this spool delivers them.
    pub fn close(self) -> Result<(), Undelivered> {
        let shared = &self.0.0;
        shared.state.lock().phase = Phase::Closing;
        shared.tell_losses(true);
        let flushed = self.flush(shared.config.close_wait_max);
        shared.stop();
        let mut state = shared.state.lock();
        // A call that is on its way ends by itself; the spool's thread, which gives the lock back, does not wait for it.
        while state.threads > 0 && !(state.group.frames.is_empty() && state.writing_ended) {
            shared.settled.wait(&mut state);
        }
        flushed
    }

    pub fn stats(&self) -> Stats {
        let state = self.0.0.state.lock();
        let counts = state.counts;
        Stats {
            recorded: counts.recorded,
            logged: counts.logged,
            duplicates: counts.duplicates,
            rejected: counts.rejected,
            dropped: counts.dropped,
            spooled: state.spooled(),
            spool_bytes: state.used_bytes,
            in_memory: state.in_memory(),
            calls: counts.calls,
            failed_calls: counts.failed_calls,
            syncs: counts.syncs,
            damaged_bytes: counts.damaged_bytes,
            unrecorded: counts.unrecorded,
            listener_panics: counts.listener_panics,
        }
    }

    pub fn health(&self) -> Health {
        let shared = &self.0.0;
        let state = shared.state.lock();
        let (is_reached, why) = match &state.contact {
            Contact::Untried => (None, None),
            Contact::Reached => (Some(true), None),
            Contact::Unreachable { why } | Contact::Unauthorized { why, .. } => {
                (Some(false), Some(why.clone()))
            }
        };
        let is_spooling =
            state.latched.is_none() && state.used_bytes < shared.config.spool_bytes_max;
        Health {
            is_reached,
            why: why.or_else(|| state.latched.clone()),
            is_spooling,
            spool_bytes: state.used_bytes,
            spool_bytes_max: shared.config.spool_bytes_max,
        }
    }

    /// The last call to the log failed, and that was less than so long ago. What needs the log can be refused before it does
    /// anything; what is let through afterwards asks it again.
    pub fn is_gone(&self, since: Duration) -> bool {
        let state = self.0.0.state.lock();
        let has_failed = matches!(
            state.contact,
            Contact::Unreachable { .. } | Contact::Unauthorized { .. }
        );
        has_failed && state.contact_at.elapsed() < since
    }

    /// An operation went on though its entry could not be recorded: counted, and told.
    pub fn unrecorded(&self, action: &str, why: &Error) {
        let shared = &self.0.0;
        shared.state.lock().counts.unrecorded += 1;
        shared.tell(&Notice::Unrecorded {
            action: action.to_owned(),
            why: why.to_string(),
        });
    }
}

/// Shows where it records to.
impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Recorder").field(&self.0.0.config).finish()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Shared {
    fn spawn(
        self: &Arc<Self>,
        name: &str,
        run: impl FnOnce(&Arc<Shared>) + Send + 'static,
    ) -> Result<(), OpenError> {
        let shared = Arc::clone(self);
        let is_writer = name == "audit-spool";
        let spawned = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                if catch_unwind(AssertUnwindSafe(|| run(&shared))).is_err() {
                    shared.broke();
                }
                let mut state = shared.state.lock();
                state.threads -= 1;
                state.writing_ended |= is_writer;
                drop(state);
                shared.settled.notify_all();
            });
        match spawned {
            Ok(_) => {
                self.state.lock().threads += 1;
                Ok(())
            }
            Err(error) => Err(crate::spool::recovery::io(&self.config.spool, error)),
        }
    }

    /// A thread ended by a fault of ours: nothing more is taken, and nobody waits for ever.
    fn broke(&self) {
        let mut state = self.state.lock();
        state.latched = Some(state::BROKEN.to_owned());
        state.writing = None;
        drop(std::mem::take(&mut state.group));
        drop(state);
        self.stop();
        let why = state::BROKEN.to_owned();
        self.tell(&Notice::SpoolFailed { why });
    }

    fn begin(&self, guarantee: Guarantee, mut draft: Draft) -> Result<Recording, Error> {
        if rustix::process::getpid() != self.process {
            return Err(Error::Forked);
        }
        let now = clock::now();
        let id = draft.id.unwrap_or_else(|| fresh_id(now));
        draft.timestamp.get_or_insert(now);
        if draft.scope.organization.is_none() {
            draft
                .scope
                .organization
                .clone_from(&self.config.organization);
        }
        // With the longest number, so that what is checked is no shorter than what is sent.
        complete(&mut draft, &self.config.source, id, u64::MAX);
        draft.check().map_err(Error::Invalid)?;
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err(Error::Closed);
        }
        let sequence = state.give_number();
        complete(&mut draft, &self.config.source, id, sequence);
        state.counts.recorded += 1;
        match guarantee {
            Guarantee::Spooled => {
                let slot = Slot::new();
                let waiting = Some(Arc::clone(&slot));
                state.spool(&draft, id, sequence, waiting, self.config.spool_bytes_max)?;
                drop(state);
                self.to_write.notify_one();
                Ok(Recording::waiting(slot))
            }
            Guarantee::Required => {
                let (waiting, max) = (state.required.len(), self.config.required_waiting_max);
                if waiting >= max {
                    state.lose(sequence, Loss::NotRecorded);
                    return Err(Error::Busy { waiting, max });
                }
                Ok(self.require(&mut state, id, sequence, json(&draft)))
            }
            Guarantee::BestEffort => {
                let kept = self.queue(&mut state, id, sequence, json(&draft));
                let receipt = Receipt { id, sequence, kept };
                Ok(Recording::known(Ok(receipt)))
            }
        }
    }

    fn require(&self, state: &mut State, id: EntryId, sequence: u64, json: Box<[u8]>) -> Recording {
        let slot = Slot::new();
        let deadline = Instant::now() + self.config.required_wait_max;
        let item = state.required.entry(sequence);
        let item = item.or_insert_with(|| Item::new(id, sequence, json));
        // Asked for again while the first call with it is on its way: the answer is for whoever asks now.
        item.waiting = Some((Arc::clone(&slot), deadline));
        item.is_abandoned = false;
        state.deadlines.push(Reverse((deadline, sequence)));
        self.to_send.notify_one();
        self.to_expire.notify_one();
        Recording::waiting(slot)
    }

    fn queue(&self, state: &mut State, id: EntryId, sequence: u64, json: Box<[u8]>) -> Kept {
        if state.best_effort_bytes + json.len() > self.config.best_effort_bytes_max {
            state.lose(sequence, Loss::QueueFull);
            return Kept::Dropped;
        }
        state.best_effort_bytes += json.len();
        let item = Item::new(id, sequence, json);
        state.best_effort.push_back(item);
        self.to_send.notify_one();
        Kept::Queued
    }

    /// Ends every wait and every thread. What is in memory is lost, and told by the next recorder of this spool.
    fn stop(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Stopped {
            return;
        }
        let waiting: Vec<u64> = state.required.keys().copied().collect();
        for sequence in waiting {
            state.give_up(sequence, "the recorder was closed");
        }
        // Whether calls that are on their way store them is not waited for.
        for sequence in std::mem::take(&mut state.required).into_keys() {
            state.lose(sequence, Loss::Unknown);
        }
        let left: Vec<u64> = state.best_effort.drain(..).map(|i| i.sequence).collect();
        for sequence in left {
            state.lose(sequence, Loss::Closed);
        }
        drop(state);
        self.tell_losses(true);
        self.state.lock().phase = Phase::Stopped;
        for waiting in [
            &self.to_write,
            &self.to_deliver,
            &self.to_send,
            &self.to_expire,
        ] {
            waiting.notify_all();
        }
    }
}

impl State {
    fn of(spool: &Spool) -> Self {
        Self {
            phase: Phase::Open,
            next: spool.next_sequence,
            group: Group::default(),
            writing: None,
            files: spool.files.iter().copied().collect(),
            used_bytes: spool.files.iter().map(|file| file.bytes).sum(),
            delivered: spool.delivered.place,
            spooled_sequence: spool.next_sequence - 1,
            delivered_sequence: 0,
            durable_sequence: spool.next_sequence - 1,
            latched: None,
            required: Default::default(),
            best_effort: Default::default(),
            best_effort_bytes: 0,
            best_effort_sent: (0, u64::MAX),
            deadlines: Default::default(),
            losses: Default::default(),
            losses_told: None,
            own: Default::default(),
            contact: Contact::Untried,
            contact_at: Instant::now(),
            counts: Counts {
                waiting: spool.waiting,
                ..Counts::default()
            },
            threads: 0,
            writing_ended: false,
        }
    }

    fn in_memory(&self) -> u64 {
        (self.required.len() + self.best_effort.len() + self.best_effort_sent.0) as u64
    }

    fn spooled(&self) -> u64 {
        self.counts.waiting + self.writing.unwrap_or(0) + self.group.entries
    }

    fn undelivered(&self) -> Undelivered {
        Undelivered {
            spooled: self.spooled(),
            in_memory: self.in_memory(),
        }
    }
}

/// What the recorder adds to an entry.
fn complete(draft: &mut Draft, source: &str, id: EntryId, sequence: u64) {
    draft.id = Some(id);
    draft.source = Some(Source {
        name: source.into(),
        event_id: None,
        sequence: Some(sequence),
    });
}

fn json(draft: &Draft) -> Box<[u8]> {
    let mut json = Vec::with_capacity(512);
    draft.write_json(&mut json);
    json.into()
}

/// UUID v7: by the time it is recorded, so that ids ascend as entries do.
fn fresh_id(now: Timestamp) -> EntryId {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("a running system has randomness");
    let millis = u64::try_from(now.as_micros() / 1_000).unwrap_or(0);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    EntryId::from_bytes(id.into_bytes())
}

fn random_seed() -> u64 {
    getrandom::u64().expect("a running system has randomness")
}

#[cfg(test)]
pub(crate) mod tests;
