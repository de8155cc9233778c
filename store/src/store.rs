//! The store: the only way in, the only way to read.

use crate::view::Snapshot;
use crate::{Clock, Error, Item, LogInfo, Receipt};
use entry::Timestamp;
use std::path::{Path, PathBuf};

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    pub clock: Clock,
    /// Accept a file system that does not survive a restart.
    pub allow_volatile: bool,
    /// Drafts that may wait for the journal; more are answered [`Error::Full`].
    pub waiting_max: usize,
    /// Memory of entries not yet sealed, in bytes, over all logs; reaching it seals the largest.
    pub open_bytes_max: usize,
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
}

/// An open data directory. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens or creates the data directory, recovers the journal, starts the background work.
    pub fn open(_dir: &Path, _options: Options) -> Result<Store, Error> {
        todo!()
    }

    /// Appends and waits for stable storage. One receipt per item, in order. All or none of the accepted items are durable.
    pub fn append(&self, _items: Vec<Item>) -> Result<Vec<Receipt>, Error> {
        todo!()
    }

    /// As [`Store::append`], answering through `done` from the store's thread: the crossing from async.
    pub fn append_then(
        &self,
        _items: Vec<Item>,
        _done: Box<dyn FnOnce(Result<Vec<Receipt>, Error>) + Send>,
    ) {
        todo!()
    }

    /// The acknowledged state now.
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }

    pub fn logs(&self) -> Vec<LogInfo> {
        todo!()
    }

    pub fn health(&self) -> Health {
        todo!()
    }

    /// Calls `wake` after every commit with its `received_at`; for tails. Must not block.
    pub fn on_commit(&self, _wake: Box<dyn Fn(Timestamp) + Send + Sync>) {
        todo!()
    }

    /// Key material of this data directory for cursors: 32 bytes, made at creation.
    pub fn secret(&self) -> [u8; 32] {
        todo!()
    }

    /// Waits for background work, writes the closing record, releases the lock. Appends after it answer [`Error::Closing`].
    pub fn close(&self) -> Result<(), Error> {
        todo!()
    }
}
