//! The store: the only way in, the only way to read.

mod threads;

use crate::directory;
use crate::disk::{Disk, Lock, real::RealDisk};
use crate::faults::Faults;
use crate::health::HealthCell;
use crate::keyring::{Keyring, Origin};
use crate::recovery::{self, Recovered};
use crate::redaction::{self, Redacted, Redaction, Standing};
use crate::sealing::{Limits, Sealing};
use crate::sequencer::{Prepared, Sequencer};
use crate::state::{Files, State};
use crate::tree::{Hashes, Published, Trees};
use crate::view::{Received, Snapshot};
use crate::{Clock, Error, Item, LogInfo, Random, Receipt};
use crossbeam_channel::{Sender, bounded, unbounded};
use entry::{Organization, Timestamp, Units};
use parking_lot::Mutex;
use proof::leaf::Seed;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use threads::{CheckpointWake, Done, Message, Wakes};

/// Bytes of bodies that may wait for the journal. Drafts alone do not bound memory: one may have 4 MiB.
const WAITING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    pub clock: Clock,
    /// For the seeds of entries and the log's key.
    pub random: Random,
    /// The host that logs are named after, as it is configured. One that differs from a directory's is refused.
    pub public_host: Option<String>,
    /// What the logs of a new directory are named after if no public host is configured.
    pub default_host: String,
    /// Where the newest checkpoints are kept beside the data.
    pub known: Known,
    /// Accept a file system that does not survive a restart.
    pub allow_volatile: bool,
    /// Drafts that may wait for the journal; more are answered [`Error::Full`].
    pub waiting_max: usize,
    /// Memory of entries not yet sealed, in bytes, over all logs; reaching it seals the largest.
    pub open_bytes_max: usize,
}

/// Where each log's newest checkpoint is kept outside the data directory, so that a backup which is put back later is told from
/// the log as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// In the directory `<data directory>.known`.
    #[default]
    Beside,
    /// In this directory.
    At(PathBuf),
    /// Nowhere.
    Off,
}

/// What [`Store::health`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// Appends answer [`Error::NoSpace`]; reads go on.
    NoSpace {
        path: PathBuf,
    },
    /// Appends answer [`Error::Latched`]; reads go on.
    Latched {
        what: String,
    },
    /// A file is not what was written; searches of it may miss or miscount. Appends go on wherever the log's ids can be trusted.
    Damaged {
        path: PathBuf,
        what: String,
    },
}

/// An open data directory. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    state: Arc<State>,
    trees: Arc<Trees>,
    health: Arc<HealthCell>,
    secret: [u8; 32],
    submit: Sender<Message>,
    /// Drafts and bytes of bodies between [`Store::append_then`] and its answer.
    waiting: Arc<Waiting>,
    waiting_max: usize,
    random: Random,
    /// Held from looking what is there to ordering that it goes: nobody orders the same twice.
    ordering: Mutex<()>,
    wakes: Arc<Wakes>,
    closing: AtomicBool,
    /// Guards the way down: the first [`Store::close`] takes the threads, then releases the lock.
    running: Mutex<Option<Running>>,
}

struct Running {
    threads: Vec<JoinHandle<()>>,
    sealing: Arc<Sealing>,
    lock: Box<dyn Lock>,
}

#[derive(Default)]
struct Waiting {
    drafts: AtomicUsize,
    bytes: AtomicUsize,
}

impl Store {
    /// Opens or creates the data directory, recovers the journal, starts the background work.
    pub fn open(dir: &Path, options: Options) -> Result<Store, Error> {
        let limits = Limits::new(options.open_bytes_max);
        Self::open_on(Arc::new(RealDisk), dir, options, limits)
    }

    /// As [`Store::open`], on any disk and with any limits.
    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
        limits: Limits,
    ) -> Result<Store, Error> {
        let opened = directory::open(disk, dir, options.allow_volatile)?;
        let health = Arc::new(HealthCell::default());
        let keyring = Keyring::open(
            &opened.directory,
            &options.random,
            options.public_host.as_deref(),
            &options.default_host,
        )?;
        let Recovered {
            state,
            trees,
            mut sequencer,
        } = recovery::recover(
            &opened.directory,
            (keyring, &options.known),
            &health,
            &limits,
            options.clock,
            Faults::default(),
        )?;
        let sealing = Arc::new(Sealing::new(
            opened.directory,
            state.clone(),
            trees.clone(),
            health.clone(),
            limits,
        ));
        finish_redactions(&sealing, &mut sequencer)?;
        let waiting = Arc::new(Waiting::default());
        let wakes: Arc<Wakes> = Arc::default();
        let (submit, submitted) = unbounded();
        let queue = (submit.clone(), submitted);
        let threads =
            threads::start(sequencer, sealing.clone(), queue, wakes.clone()).map_err(|source| {
                Error::Io {
                    path: dir.to_owned(),
                    source,
                }
            })?;
        Ok(Store {
            inner: Arc::new(Inner {
                state,
                trees,
                health,
                secret: opened.secret,
                submit,
                waiting,
                waiting_max: options.waiting_max,
                random: options.random,
                ordering: Mutex::new(()),
                wakes,
                closing: AtomicBool::new(false),
                running: Mutex::new(Some(Running {
                    threads,
                    sealing,
                    lock: opened.lock,
                })),
            }),
        })
    }

    /// Appends and waits for stable storage. One receipt per item, in order. All or none of the accepted items are durable.
    pub fn append(&self, items: Vec<Item>) -> Result<Vec<Receipt>, Error> {
        let (answer, answered) = bounded(1);
        self.append_then(
            items,
            Box::new(move |receipts| {
                // The receiver below waits for exactly this.
                let _ = answer.send(receipts);
            }),
        );
        answered.recv().unwrap_or_else(|_| {
            Err(Error::Latched {
                what: "the sequencer has stopped".into(),
            })
        })
    }

    /// As [`Store::append`], answering through `done` from the store's thread: the crossing from async. `done` must not
    /// block. Accepts, encodes and looks for retries on the calling thread: some microseconds per item.
    pub fn append_then(
        &self,
        items: Vec<Item>,
        done: Box<dyn FnOnce(Result<Vec<Receipt>, Error>) + Send>,
    ) {
        let inner = &self.inner;
        if inner.closing.load(Ordering::Acquire) {
            return done(Err(Error::Closing));
        }
        let drafts = items.len();
        let waiting = inner.waiting.drafts.fetch_add(drafts, Ordering::AcqRel);
        let admitted = Admitted {
            waiting: inner.waiting.clone(),
            drafts,
            bytes: 0,
        };
        let full = |waiting| Error::Full {
            waiting,
            max: inner.waiting_max,
        };
        // One batch alone may be larger than the queue, or it could never be appended.
        if waiting > 0 && waiting + drafts > inner.waiting_max {
            return done(Err(full(waiting)));
        }
        let batch = match self.prepare(items) {
            Ok(batch) => batch,
            Err(error) => return done(Err(error)),
        };
        let bytes = batch.iter().map(Prepared::size_bytes).sum();
        let waiting_bytes = inner.waiting.bytes.fetch_add(bytes, Ordering::AcqRel);
        let admitted = admitted.with_bytes(bytes);
        if waiting_bytes > 0 && waiting_bytes + bytes > WAITING_BYTES_MAX {
            return done(Err(full(waiting)));
        }
        let done: Done = Box::new(move |receipts| {
            drop(admitted);
            done(receipts);
        });
        if let Err(refused) = inner.submit.send(Message::Batch { batch, done }) {
            refused.into_inner().refuse();
        }
    }

    /// Erases members of entries, each redaction recorded by its own audit entry. When it returns, no file of the data
    /// directory holds them, and all leaves are what they were. What several callers order is carried out together.
    ///
    /// # Errors
    /// [`Error::Unfinished`] once one is law; any other error before the first of them was recorded, or, where it says that
    /// appends are impossible, those behind it were not.
    pub fn redact(&self, redactions: Vec<Redaction>) -> Result<Vec<Redacted>, Error> {
        let inner = &self.inner;
        let ordering = inner.ordering.lock();
        inner.health.refuse_if_latched()?;
        if let Health::Damaged { path, what } = inner.health.get() {
            return Err(Error::Damaged { path, what });
        }
        let waiting = inner.state.standing().len();
        if waiting >= redaction::WAITING_MAX {
            return Err(Error::Full {
                waiting,
                max: redaction::WAITING_MAX,
            });
        }
        let (mut all, mut standing) = (Vec::with_capacity(redactions.len()), Vec::new());
        for redaction in redactions {
            all.push(self.order(redaction, &mut standing)?);
        }
        drop(ordering);
        for standing in standing {
            standing.wait()?;
        }
        Ok(all)
    }

    /// Makes a redaction law; adds to `standing` what is to be waited for until all it names is gone.
    fn order(
        &self,
        redaction: Redaction,
        standing: &mut Vec<Arc<Standing>>,
    ) -> Result<Redacted, Error> {
        let state = &self.inner.state;
        let sorted = redaction::sort_out(
            &self.snapshot(),
            &state.standing(),
            &redaction.organization,
            &redaction.erase,
        )?;
        standing.extend(sorted.standing);
        let mut redacted = Redacted {
            audit: None,
            erased: sorted.open,
            already: sorted.already,
        };
        if !redacted.erased.is_empty() {
            let receipt = self.commit_order(redaction.audit, redacted.erased.clone())?;
            standing.extend(state.standing_by(receipt.id()));
            if !matches!(receipt, Receipt::Accepted { .. }) {
                redacted.erased = redaction::Erasure::default();
            }
            redacted.audit = Some(receipt);
        }
        Ok(redacted)
    }

    /// Has an audit entry, and what it says is erased, made durable.
    fn commit_order(&self, audit: Item, erase: redaction::Erasure) -> Result<Receipt, Error> {
        let audit = self.prepare(vec![audit])?.remove(0);
        let (answer, answered) = bounded(1);
        let message = Message::Redact {
            audit: Box::new(audit),
            erase,
            done: Box::new(move |receipts| {
                // The receiver below waits for exactly this.
                let _ = answer.send(receipts);
            }),
        };
        if let Err(refused) = self.inner.submit.send(message) {
            refused.into_inner().refuse();
        }
        let receipts = answered.recv().unwrap_or(Err(Error::Closing))?;
        let receipt = receipts.into_iter().next();
        receipt.ok_or(Error::Closing)
    }

    fn prepare(&self, items: Vec<Item>) -> Result<Vec<Prepared>, Error> {
        let mut units = Units::default();
        let mut files: Option<(Organization, Arc<Files>)> = None;
        let mut batch = Vec::with_capacity(items.len());
        // At once: asking the system for each costs more than salting with it.
        let mut random = vec![0; items.len() * size_of::<Seed>()];
        (self.inner.random)(&mut random);
        let (seeds, _) = random.as_chunks();
        for (item, seed) in items.into_iter().zip(seeds) {
            let organization = &item.defaults.organization;
            let known = match &files {
                Some((of, known)) if of == organization => known.clone(),
                _ => {
                    let known = self.inner.state.files(organization);
                    files = Some((organization.clone(), known.clone()));
                    known
                }
            };
            let prepared = Prepared::new(item, Seed(*seed), known, &mut units);
            batch.push(prepared.inspect_err(|error| self.inner.health.found(error))?);
        }
        Ok(batch)
    }

    /// The acknowledged state now.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.state.snapshot()
    }

    /// When what is answered by now was received, by its ids.
    pub fn received(&self, organization: &Organization) -> Received {
        Received::of(&self.snapshot(), organization)
    }

    pub fn logs(&self) -> Vec<LogInfo> {
        self.inner.state.logs()
    }

    /// What a reader of this store found to contradict itself in a log: [`Store::health`] says so from now on. The error, to
    /// pass on.
    pub fn condemn(&self, organization: &Organization, what: String) -> Error {
        let path = PathBuf::from(format!("logs/{organization}"));
        let error = Error::Damaged { path, what };
        self.inner.health.found(&error);
        error
    }

    pub fn health(&self) -> Health {
        self.inner.health.get()
    }

    /// Calls `wake` after every commit with its `received_at`; for tails. Must not block.
    pub fn on_commit(&self, wake: Box<dyn Fn(Timestamp) + Send + Sync>) {
        self.inner.wakes.commit.write().push(wake);
    }

    /// A log's newest checkpoint: signed, durable, and at most about a second behind its entries.
    pub fn published(&self, organization: &Organization) -> Option<Arc<Published>> {
        self.inner.trees.published(organization)
    }

    /// A log's recent checkpoints, newest first: at most a hundred, fewer when there are many logs.
    pub fn checkpoints(&self, organization: &Organization) -> Vec<Arc<Published>> {
        self.inner.trees.checkpoints(organization)
    }

    /// Calls `wake` with each new checkpoint, once it is durable. Must not block.
    pub fn on_checkpoint(&self, wake: CheckpointWake) {
        self.inner.wakes.checkpoint.write().push(wake);
    }

    /// Reads the hashes of a log's tree up to its newest checkpoint. `None` without one, or if the files are damaged.
    pub fn hashes(&self, organization: &Organization) -> Option<Hashes> {
        self.inner.trees.hashes(organization)
    }

    /// The name of a log and its public keys; also of one that has no entries yet.
    pub fn origin(&self, organization: &Organization) -> Origin {
        self.inner.trees.origin(organization)
    }

    /// Why nothing is appended to a log and nothing of it is signed, if so: its files are not those of what was published.
    pub fn refused(&self, organization: &Organization) -> Option<Error> {
        self.inner.trees.refused(organization)
    }

    /// Key material of this data directory for cursors: 32 bytes, made at creation.
    pub fn secret(&self) -> [u8; 32] {
        self.inner.secret
    }

    /// Waits for background work, writes the closing record, releases the lock. Appends after it answer [`Error::Closing`].
    pub fn close(&self) -> Result<(), Error> {
        self.inner.close()
    }
}

/// Finishes what a crash left undone, before anybody reads: nobody sees again what was ordered to go.
fn finish_redactions(sealing: &Sealing, sequencer: &mut Sequencer) -> Result<(), Error> {
    if !sealing.state.standing().is_empty() {
        tracing::info!("finishing an erasure before anything is answered");
    }
    match sealing.redact_step(&mut || sequencer.begin_file()) {
        // Told by the health; what can be read is served, and the rest is tried again.
        Err(Error::Damaged { .. }) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

impl Inner {
    fn close(&self) -> Result<(), Error> {
        self.closing.store(true, Ordering::Release);
        let Some(running) = self.running.lock().take() else {
            return Ok(());
        };
        let (answer, answered) = bounded(1);
        // If the sequencer is gone already, there is nobody to close for, and `answered` says so.
        let _ = self.submit.send(Message::Close { answer });
        let this = std::thread::current().id();
        if running
            .threads
            .iter()
            .any(|thread| thread.thread().id() == this)
        {
            // The last clone was dropped by a `done`, on the sequencer's own thread, which cannot wait for itself.
            std::thread::spawn(move || running.finish());
            return Ok(());
        }
        running.finish();
        match answered.try_recv() {
            Ok(closed) => closed,
            Err(_) => Err(Error::Latched {
                what: "the sequencer has stopped".into(),
            }),
        }
    }
}

impl Running {
    /// Waits for the threads, seals what the next start would have to read, and lets go of the directory.
    fn finish(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store has panicked");
            }
        }
        if let Some(known) = &self.sealing.trees.known {
            known.write();
        }
        // Everything is in the journal, which is closed in order: if this fails, the next start takes longer, that is all.
        if self.sealing.health.refuse_if_latched().is_ok()
            && let Err(error) = self.sealing.seal_long_logs()
        {
            tracing::warn!(%error, "sealing at the end failed");
        }
        drop(self.lock);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "closing the store failed");
        }
    }
}

/// A place in the queue, given back when it is dropped.
struct Admitted {
    waiting: Arc<Waiting>,
    drafts: usize,
    bytes: usize,
}

impl Admitted {
    fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.waiting.drafts.fetch_sub(self.drafts, Ordering::AcqRel);
        self.waiting.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
