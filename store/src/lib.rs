//! The audit log on disk: a journal that acknowledges, segments that answer, and one door to both.
//!
//! Start with [`Store`]: [`Store::append`] is the only way in, [`Store::snapshot`] the only way to read.
//! Everything here blocks; the roof crosses from async once. Time arrives as a [`Clock`], files through [`disk::Disk`].
//!
//! In reading order:
//! - [`mod@store`]: open, append, snapshot, close
//! - [`disk`]: every file operation, behind one seam; [`disk::real`] and, for tests, `sim`
//! - `journal`, `sequencer`, `recovery`: durable, in order, exactly once
//! - `kept`: an entry with what its leaf follows from
//! - [`tree`], [`keyring`]: what the entries of each log hash to, and who signs it
//! - `segment`: an immutable run of entries and its indexes
//! - [`mod@redaction`]: erases values from every file and keeps the proofs
//! - `index`: answers a [`entry::Filter`] on one segment
//! - `tail`: entries that are in no segment yet
//! - [`view`]: pages, facets, histograms and scans over a snapshot
//! - `scrub`: compares segment files with their checksums after a start; [`check`]: re-reads and re-derives everything; [`stopped`]: for whoever verifies

pub mod check;
mod directory;
pub mod disk;
mod faults;
mod health;
mod index;
mod journal;
mod kept;
pub mod keyring;
mod recovery;
pub mod redaction;
mod rowset;
mod scrub;
mod sealing;
pub mod segment;
mod sequencer;
#[cfg(test)]
mod sim;
mod state;
pub mod stopped;
pub mod store;
mod tail;
#[cfg(test)]
mod test_entries;
#[cfg(test)]
mod testing;
pub mod tree;
pub mod view;

pub use kept::{Kept, Salts};
pub use keyring::Origin;
pub use store::{Health, Known, Options, Store};
pub use tree::{Hashes, Published};

use entry::{Draft, EntryId, Organization, Seq, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The log's clock. The store never calls the system's.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Fills bytes with randomness that nobody can guess. The store asks the system for none.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// One draft to append, with what the log fills in where it is silent.
#[derive(Clone, Debug)]
pub struct Item {
    pub draft: Draft,
    /// `defaults.organization` names the log.
    pub defaults: entry::draft::Defaults,
}

/// What became of one draft, after stable storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    Accepted {
        id: EntryId,
        seq: Seq,
        received_at: Timestamp,
        clock_ahead: bool,
    },
    /// The same id and content is stored already, at `seq`.
    Duplicate { id: EntryId, seq: Seq },
    /// The id is stored with other content, at `seq`.
    Conflict { id: EntryId, seq: Seq },
}

impl Receipt {
    pub fn id(&self) -> EntryId {
        match self {
            Receipt::Accepted { id, .. }
            | Receipt::Duplicate { id, .. }
            | Receipt::Conflict { id, .. } => *id,
        }
    }
}

/// What a caller can do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Send the same again, later.
    #[error("{waiting} are waiting, at most {max} may")]
    Full { waiting: usize, max: usize },
    /// Make room, then send the same drafts again.
    #[error("no space left under {path}")]
    NoSpace { path: PathBuf },
    /// Restart: a sync failed, and what is on disk is unknown until it is read again.
    #[error("the journal cannot be trusted since a sync failed: {what}")]
    Latched { what: String },
    /// Stop and call a person: what was read is not what was written.
    #[error("{path} is damaged: {what}")]
    Damaged { path: PathBuf, what: String },
    /// Use another directory, or stop the other process.
    #[error("{path} is in use by another process")]
    Locked { path: PathBuf },
    /// Use another directory, or an empty one.
    #[error("{path} holds something else than a log: {found}")]
    Foreign { path: PathBuf, found: String },
    /// Name the directory that was meant.
    #[error("{path} is no data directory, or does not exist")]
    NoData { path: PathBuf },
    /// Use a newer release.
    #[error("{path} was written in format {found}, this release reads up to {known}")]
    NewerFormat {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    /// Import its export into a new directory.
    #[error(
        "{path} is in format {found}, written before logs were verifiable; this release reads format {known}"
    )]
    OlderFormat {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    /// Use a disk, or say that losing everything is fine.
    #[error("{path} is on {kind}, which does not survive a restart; --allow-volatile accepts that")]
    Volatile { path: PathBuf, kind: &'static str },
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    /// Make right what hinders it: it is law, and is tried again until it is done.
    #[error("the erasure that {by} records is not finished: {source}")]
    Unfinished { by: EntryId, source: Box<Error> },
    /// Ask for what the tree has.
    #[error(transparent)]
    Proof(#[from] proof::Error),
    /// Change the configuration, then start again.
    #[error("{what}")]
    Configuration { what: String },
    /// The store is closing.
    #[error("the store is closing")]
    Closing,
}

impl Error {
    /// The same error for another caller that waits for the same thing.
    pub(crate) fn again(&self) -> Self {
        match self {
            Error::Full { waiting, max } => Error::Full {
                waiting: *waiting,
                max: *max,
            },
            Error::NoSpace { path } => Error::NoSpace { path: path.clone() },
            Error::Latched { what } => Error::Latched { what: what.clone() },
            Error::Damaged { path, what } => Error::Damaged {
                path: path.clone(),
                what: what.clone(),
            },
            Error::Locked { path } => Error::Locked { path: path.clone() },
            Error::Foreign { path, found } => Error::Foreign {
                path: path.clone(),
                found: found.clone(),
            },
            Error::NoData { path } => Error::NoData { path: path.clone() },
            Error::NewerFormat { path, found, known } => Error::NewerFormat {
                path: path.clone(),
                found: *found,
                known: *known,
            },
            Error::OlderFormat { path, found, known } => Error::OlderFormat {
                path: path.clone(),
                found: *found,
                known: *known,
            },
            Error::Volatile { path, kind } => Error::Volatile {
                path: path.clone(),
                kind,
            },
            Error::Io { path, source } => Error::Io {
                path: path.clone(),
                source: std::io::Error::new(source.kind(), source.to_string()),
            },
            Error::Unfinished { by, source } => Error::Unfinished {
                by: *by,
                source: Box::new(source.again()),
            },
            Error::Proof(error) => Error::Proof(error.clone()),
            Error::Configuration { what } => Error::Configuration { what: what.clone() },
            Error::Closing => Error::Closing,
        }
    }

    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        if disk::is_no_space(&source) {
            Error::NoSpace {
                path: path.to_owned(),
            }
        } else {
            Error::Io {
                path: path.to_owned(),
                source,
            }
        }
    }
}

/// The state of one log in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogInfo {
    pub organization: Organization,
    /// Entries in the log; the next seq.
    pub size: u64,
}
