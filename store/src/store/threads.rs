//! The threads of a store: a thin shell around the sequencer and the steps of sealing.
//!
//! One thread appends; one builds segments in memory, one seals them to files, one merges files. The last three apart, so
//! that a long merge never keeps a tail from getting short. One finishes redactions. One more compares the files of before
//! with their checksums, and ends.

use crate::redaction::Erasure;
use crate::scrub;
use crate::sealing::Sealing;
use crate::sequencer::{Checkpoints, Outcome, Prepared, Sequencer};
use crate::tree::Published;
use crate::{Error, Receipt};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use entry::{Organization, Timestamp};
use parking_lot::RwLock;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Answers one batch.
pub(super) type Done = Box<dyn FnOnce(Result<Vec<Receipt>, Error>) + Send>;

/// Whom to tell of what is durable now.
#[derive(Default)]
pub(super) struct Wakes {
    pub commit: RwLock<Vec<CommitWake>>,
    pub checkpoint: RwLock<Vec<CheckpointWake>>,
}

/// Told of each commit.
pub(super) type CommitWake = Box<dyn Fn(Timestamp) + Send + Sync>;

/// Told of a log's new checkpoint.
pub(super) type CheckpointWake = Box<dyn Fn(&Organization, &Arc<Published>) + Send + Sync>;

impl Wakes {
    fn tell(&self, checkpoints: &Checkpoints) {
        let wakes = self.checkpoint.read();
        for (organization, published) in checkpoints {
            for wake in wakes.iter() {
                wake(organization, published);
            }
        }
    }
}

/// What the sequencer's thread is asked.
pub(super) enum Message {
    Batch {
        batch: Vec<Prepared>,
        done: Done,
    },
    Redact {
        audit: Box<Prepared>,
        erase: Erasure,
        done: Done,
    },
    /// Begin the next file of the journal.
    BeginFile {
        answer: Sender<Result<u64, Error>>,
    },
    Close {
        answer: Sender<Result<(), Error>>,
    },
}

impl Message {
    /// Answers that the store is closing.
    pub fn refuse(self) {
        match self {
            Message::Batch { done, .. } | Message::Redact { done, .. } => {
                done(Err(Error::Closing));
            }
            // Who asked sees that nobody answers.
            Message::BeginFile { .. } | Message::Close { .. } => {}
        }
    }
}

/// One commit takes at most this much of what waits: a bound on its memory and on the wait of the first in it.
const COMMIT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// After so long without a batch the journal gets its mark.
const IDLE_AFTER: Duration = Duration::from_millis(50);

/// How often a log that waits for its checkpoint is looked at: the log's clock need not be the machine's.
const DUE_LOOKED_AT_EVERY: Duration = Duration::from_millis(100);

/// How long a failed step waits before it is tried again, and how often a full disk is looked at.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
const TRY_AGAIN_AFTER_MAX: Duration = Duration::from_secs(30);

/// Between the pieces of a scrub: it reads at most some hundred mebibytes a second, and leaves the processors to calls.
const SCRUB_PAUSE: Duration = Duration::from_millis(10);

/// How long an append waits for sealing that is far behind, before it is looked at whether sealing can go on at all.
const ROOM_LOOKED_AT_EVERY: Duration = Duration::from_millis(100);

/// Rings a thread. Rings while it works are one.
#[derive(Clone)]
struct Bell(Sender<()>);

impl Bell {
    fn new() -> (Bell, Receiver<()>) {
        let (bell, rung) = bounded(1);
        (Bell(bell), rung)
    }

    fn ring(&self) {
        // Full: it will look anyway. Disconnected: it has ended.
        let _ = self.0.try_send(());
    }
}

/// Starts the threads. They end when the sequencer's is told to, or when nobody can tell it any more.
pub(super) fn start(
    sequencer: Sequencer,
    sealing: Arc<Sealing>,
    (submit, submitted): (Sender<Message>, Receiver<Message>),
    wakes: Arc<Wakes>,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let (build, build_rung) = Bell::new();
    let (redact, redact_rung) = Bell::new();
    let (seal, seal_rung) = Bell::new();
    let (merge, merge_rung) = Bell::new();
    let (known, known_rung) = Bell::new();
    // What recovery left to do.
    build.ring();
    seal.ring();
    merge.ring();
    redact.ring();
    known.ring();
    let mut threads = start_sealing(
        &sealing,
        (&seal, &merge),
        (build_rung, seal_rung, merge_rung),
    )?;
    threads.push(worker(
        "store-redact",
        &sealing,
        redact_rung,
        move |sealing| sealing.redact_step(&mut || begin_file(&submit)),
    )?);
    threads.push(worker("store-known", &sealing, known_rung, |sealing| {
        if let Some(known) = &sealing.trees.known {
            known.write();
        }
        Ok(false)
    })?);
    let (scrubbing, stopped) = bounded(0);
    threads.push({
        let sealing = sealing.clone();
        Builder::new().name("store-scrub".into()).spawn(move || {
            let pause = || stopped.recv_timeout(SCRUB_PAUSE) == Err(RecvTimeoutError::Timeout);
            scrub::run(&sealing.state, &sealing.trees, &sealing.health, pause);
        })?
    });
    let bells = Bells {
        build,
        seal,
        redact,
        known,
        _merge: merge,
        _scrubbing: scrubbing,
    };
    threads.push(Builder::new().name("store-append".into()).spawn(move || {
        Appending {
            sequencer,
            sealing,
            wakes,
            bells,
        }
        .run(&submitted)
    })?);
    Ok(threads)
}

/// The threads that build, seal and merge.
fn start_sealing(
    sealing: &Arc<Sealing>,
    (seal, merge): (&Bell, &Bell),
    (build_rung, seal_rung, merge_rung): (Receiver<()>, Receiver<()>, Receiver<()>),
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let builder = {
        let seal = seal.clone();
        worker("store-build", sealing, build_rung, move |sealing| {
            let built = sealing.build_step();
            if built {
                seal.ring();
            }
            Ok(built)
        })?
    };
    let sealer = {
        let merge = merge.clone();
        worker("store-seal", sealing, seal_rung, move |sealing| {
            let sealed = sealing.seal_step()?;
            let trimmed = sealing.trim_step()?;
            if sealed {
                merge.ring();
            }
            Ok(sealed || trimmed)
        })?
    };
    let merger = worker("store-merge", sealing, merge_rung, Sealing::merge_step)?;
    Ok(vec![builder, sealer, merger])
}

/// Has the appending thread begin the next file of the journal.
fn begin_file(submit: &Sender<Message>) -> Result<u64, Error> {
    let (answer, answered) = bounded(1);
    // If the appender is gone, `answered` says so.
    let _ = submit.send(Message::BeginFile { answer });
    answered.recv().unwrap_or(Err(Error::Closing))
}

/// The other threads end when these are gone.
struct Bells {
    build: Bell,
    seal: Bell,
    redact: Bell,
    known: Bell,
    _merge: Bell,
    _scrubbing: Sender<()>,
}

/// A thread that takes steps whenever its bell rings.
fn worker(
    name: &str,
    sealing: &Arc<Sealing>,
    rung: Receiver<()>,
    mut step: impl FnMut(&Sealing) -> Result<bool, Error> + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let sealing = sealing.clone();
    Builder::new()
        .name(name.into())
        .spawn(move || work(&sealing, &rung, || step(&sealing)))
}

/// Works whenever the bell rings, until nobody can ring it. A step that failed is tried again, ever more slowly.
fn work(sealing: &Sealing, rung: &Receiver<()>, mut step: impl FnMut() -> Result<bool, Error>) {
    let mut try_again_after = None;
    loop {
        let ring = match try_again_after {
            Some(after) => rung.recv_timeout(after),
            None => rung.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if ring == Err(RecvTimeoutError::Disconnected) {
            return;
        }
        try_again_after = loop {
            match step() {
                Ok(true) if !sealing.is_stopping() => {}
                Ok(_) => break None,
                Err(_) => {
                    let after = try_again_after.map_or(TRY_AGAIN_AFTER, |after| after * 2);
                    break Some(after.min(TRY_AGAIN_AFTER_MAX));
                }
            }
        };
    }
}

struct Appending {
    sequencer: Sequencer,
    sealing: Arc<Sealing>,
    wakes: Arc<Wakes>,
    bells: Bells,
}

impl Appending {
    fn run(mut self, submitted: &Receiver<Message>) {
        loop {
            let message = match submitted.recv_timeout(IDLE_AFTER) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => match self.wait_idle(submitted) {
                    Some(message) => message,
                    None => break,
                },
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Some(answer) = self.commit(message, submitted) {
                let closed = self.sequencer.close();
                let closed = closed.map(|checkpoints| self.tell(&checkpoints));
                // The only receiver is `Store::close`, or it has lost interest.
                let _ = answer.send(closed);
                break;
            }
        }
        self.sealing.stop();
        for message in submitted.try_iter() {
            message.refuse();
        }
    }

    /// Marks the journal and signs what is due, then waits; `None` when nobody can ask any more.
    fn wait_idle(&mut self, submitted: &Receiver<Message>) -> Option<Message> {
        loop {
            let (checkpoints, next_due) = self.sequencer.sign_due();
            self.tell(&checkpoints);
            self.sequencer.idle();
            let wait = match next_due {
                _ if self.sealing.health.waits_for_room() => TRY_AGAIN_AFTER,
                Some(due) => due.min(DUE_LOOKED_AT_EVERY),
                None => return submitted.recv().ok(),
            };
            match submitted.recv_timeout(wait) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Commits this batch and what else waits. Answers whom to tell when the store is to close.
    fn commit(
        &mut self,
        first: Message,
        submitted: &Receiver<Message>,
    ) -> Option<Sender<Result<(), Error>>> {
        let (mut batches, mut dones, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut last = None;
        for message in std::iter::once(first).chain(submitted.try_iter()) {
            match message {
                Message::Batch { batch, done } => {
                    bytes += batch.iter().map(Prepared::size_bytes).sum::<usize>();
                    batches.push(batch);
                    dones.push(done);
                }
                other => last = Some(other),
            }
            if last.is_some() || bytes >= COMMIT_BYTES_MAX {
                break;
            }
        }
        match self.wait_for_room() {
            Ok(()) => self.commit_batches(batches, dones),
            Err(error) => dones.into_iter().for_each(|done| done(Err(error.again()))),
        }
        match last? {
            Message::Redact { audit, erase, done } => {
                let outcome = self.sequencer.redact(*audit, erase);
                self.committed(outcome, vec![done]);
                self.bells.redact.ring();
            }
            Message::BeginFile { answer } => {
                // The only receiver waits for exactly this.
                let _ = answer.send(self.sequencer.begin_file());
            }
            Message::Batch { .. } => unreachable!("batches were taken above"),
            Message::Close { answer } => return Some(answer),
        }
        None
    }

    /// Tells of checkpoints that are durable now.
    fn tell(&self, checkpoints: &Checkpoints) {
        if !checkpoints.is_empty() {
            self.bells.known.ring();
            self.wakes.tell(checkpoints);
        }
    }

    fn commit_batches(&mut self, batches: Vec<Vec<Prepared>>, dones: Vec<Done>) {
        let outcome = self.sequencer.commit(batches);
        self.committed(outcome, dones);
    }

    fn committed(&mut self, outcome: Outcome, dones: Vec<Done>) {
        for (done, answer) in dones.into_iter().zip(outcome.answers) {
            done(answer);
        }
        self.tell(&outcome.checkpoints);
        let Some((received_at, load)) = outcome.committed else {
            // Else they would have ridden along; a stream of retries must not keep them waiting.
            let (checkpoints, _) = self.sequencer.sign_due();
            return self.tell(&checkpoints);
        };
        for wake in self.wakes.commit.read().iter() {
            wake(received_at);
        }
        if self.sealing.limits.must_build(load) {
            self.bells.build.ring();
        }
        if self.sealing.limits.must_seal(load) {
            self.bells.seal.ring();
        }
    }

    /// Waits while sealing is far behind; refuses if sealing cannot go on.
    fn wait_for_room(&self) -> Result<(), Error> {
        let Sealing {
            limits,
            state,
            health,
            ..
        } = &*self.sealing;
        while !state.wait_for_room(|load| !limits.is_behind(load), ROOM_LOOKED_AT_EVERY) {
            health.refuse_if_latched()?;
            if let Some(error) = health.sealing_failure() {
                // It waits before it tries again, the longer the more often it failed; someone wants it to work now.
                self.bells.seal.ring();
                return Err(error);
            }
        }
        Ok(())
    }
}
