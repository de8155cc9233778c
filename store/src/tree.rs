//! The trees of the logs: every hash that a proof or a tile is made of, and the checkpoints that were signed over them.
//!
//! A tree follows from the entries, so nothing of it is synced before an append is answered. What entries in segment files lead
//! to is in arrays beside them, one for each tile level; what those behind lead to is in memory, made again from the journal at
//! each start. In reading order:
//! - `levels`: where each hash is, and how it is read
//! - `growing`: appending, and what must hold before a checkpoint is signed
//! - `notes`: the checkpoints that the journal no longer holds
//! - `known`: the newest, outside the data directory

pub(crate) mod growing;
pub(crate) mod known;
pub(crate) mod levels;
pub(crate) mod notes;

use crate::Error;
use crate::directory::Directory;
use crate::faults::{Fault, Faults};
use crate::keyring::{Keyring, Origin};
use crate::store::Known;
use entry::{Organization, Seq, Timestamp};
use known::KnownDir;
use levels::{Levels, Reader};
use parking_lot::{Mutex, RwLock};
use proof::checkpoint::SignedCheckpoint;
use proof::tile::Tile;
use proof::tree::{Node, Plan};
use proof::{Hash, Size};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Checkpoints of one log that [`Trees::checkpoints`] answers with.
const RECENT_PER_LOG_MAX: usize = 100;

/// Of all logs together: each takes about a kibibyte.
const RECENT_MAX: usize = 8_192;

/// A checkpoint that is durable, and may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub checkpoint: SignedCheckpoint,
    /// It, as it was signed and stored.
    pub note: Box<str>,
    /// When, by the log's clock.
    pub at: Timestamp,
}

impl Published {
    /// The tree that it states.
    pub fn tree(&self) -> proof::Tree {
        self.checkpoint.checkpoint().tree()
    }

    /// Entries in that tree.
    pub fn size(&self) -> u64 {
        self.tree().size.get()
    }
}

/// One log's tree.
pub(crate) struct LogTree {
    pub levels: Levels,
    /// Guards the checkpoints that may be shown, newest first; all of them are durable.
    shown: Mutex<VecDeque<Arc<Published>>>,
    /// Why nothing is appended to it since the start.
    refused: OnceLock<Error>,
    /// Something of its files is not what was written: nothing more is signed.
    distrusted: AtomicBool,
    /// Its files are not what its entries make: nothing is read of it, and nothing added.
    broken: AtomicBool,
}

impl LogTree {
    pub fn break_off(&self) {
        self.broken.store(true, Ordering::Release);
    }

    pub fn distrust(&self) {
        self.distrusted.store(true, Ordering::Release);
    }

    pub fn is_distrusted(&self) -> bool {
        self.distrusted.load(Ordering::Acquire)
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn newest(&self) -> Option<Arc<Published>> {
        self.shown.lock().front().cloned()
    }
}

/// The trees of all logs of a store.
pub(crate) struct Trees {
    directory: Arc<Directory>,
    pub keyring: Keyring,
    pub known: Option<KnownDir>,
    faults: Faults,
    /// Guards which logs there are; held for moments.
    logs: RwLock<BTreeMap<Organization, Arc<LogTree>>>,
    /// Guards whose checkpoints are kept, in the order they were shown.
    order: Mutex<VecDeque<Organization>>,
}

impl Trees {
    pub fn new(directory: Arc<Directory>, keyring: Keyring, known: &Known, faults: Faults) -> Self {
        Trees {
            known: KnownDir::new(directory.disk.clone(), &directory.path, known),
            directory,
            keyring,
            faults,
            logs: RwLock::default(),
            order: Mutex::default(),
        }
    }

    /// The tree of a log; an empty one if there is none yet.
    pub fn of(&self, organization: &Organization) -> Arc<LogTree> {
        if let Some(tree) = self.get(organization) {
            return tree;
        }
        let new = || {
            Arc::new(LogTree {
                levels: Levels::new(self.directory.clone(), organization.clone(), self.faults),
                shown: Mutex::default(),
                refused: OnceLock::new(),
                distrusted: AtomicBool::new(false),
                broken: AtomicBool::new(false),
            })
        };
        let mut logs = self.logs.write();
        logs.entry(organization.clone()).or_insert_with(new).clone()
    }

    fn get(&self, organization: &Organization) -> Option<Arc<LogTree>> {
        self.logs.read().get(organization).cloned()
    }

    /// Shows a checkpoint that is durable.
    pub fn show(&self, organization: &Organization, published: Arc<Published>) {
        let tree = self.of(organization);
        let mut shown = tree.shown.lock();
        shown.push_front(published);
        let mut order = self.order.lock();
        order.push_back(organization.clone());
        if shown.len() > RECENT_PER_LOG_MAX {
            shown.pop_back();
        }
        drop(shown);
        // One that is the only one of its log stays, whatever the others take.
        if order.len() > RECENT_MAX
            && let Some(oldest) = order.pop_front()
            && let Some(tree) = self.get(&oldest)
        {
            let mut shown = tree.shown.lock();
            if shown.len() > 1 {
                shown.pop_back();
            }
        }
    }

    /// Notes that nothing is appended to a log.
    pub fn refuse(&self, organization: &Organization, why: &Error) {
        // The first reason is the one that counts.
        let _ = self.of(organization).refused.set(why.again());
    }

    /// Why nothing is appended to a log, if so.
    pub fn refused(&self, organization: &Organization) -> Option<Error> {
        self.get(organization)?.refused.get().map(Error::again)
    }

    /// The newest checkpoint of a log.
    pub fn published(&self, organization: &Organization) -> Option<Arc<Published>> {
        self.get(organization)?.newest()
    }

    /// The newest checkpoints of a log, newest first.
    pub fn checkpoints(&self, organization: &Organization) -> Vec<Arc<Published>> {
        let Some(tree) = self.get(organization) else {
            return Vec::new();
        };
        let shown = tree.shown.lock();
        shown.iter().cloned().collect()
    }

    /// A reader of a log's hashes up to its newest checkpoint.
    pub fn hashes(&self, organization: &Organization) -> Option<Hashes> {
        let tree = self.get(organization).filter(|tree| !tree.is_broken())?;
        let size = tree.newest()?.tree().size;
        Some(Hashes { tree, size })
    }

    /// A reader of the hashes of a log's `size` entries, whether or not they are signed.
    pub fn hashes_of(&self, organization: &Organization, size: Size) -> Hashes {
        Hashes {
            tree: self.of(organization),
            size,
        }
    }

    /// The trees that can be read.
    pub fn whole(&self) -> Vec<Arc<LogTree>> {
        let logs = self.logs.read();
        let whole = logs.values().filter(|tree| !tree.is_broken());
        whole.cloned().collect()
    }

    pub fn origin(&self, organization: &Organization) -> Origin {
        self.keyring.origin(organization)
    }

    /// Writes the hashes of all complete ranges before `end`, which segment files are about to hold. Durable when it returns.
    pub fn write_until(&self, organization: &Organization, end: Seq) -> Result<(), Error> {
        let tree = self.of(organization);
        if tree.is_broken() {
            return Ok(());
        }
        tree.levels.write_until(end)
    }

    /// Keeps a checkpoint whose record is about to go with its journal file. Durable when it returns.
    pub fn keep(&self, organization: &Organization, published: &Published) -> Result<(), Error> {
        match self.faults.has(Fault::CheckpointForgotten) {
            true => Ok(()),
            false => notes::keep(&self.directory, organization, published),
        }
    }

    /// Whether checkpoints are shown when they are signed: a bug, for the simulator to see.
    pub fn shows_early(&self) -> bool {
        self.faults.has(Fault::ShownBeforeSync)
    }
}

/// Reads the hashes of one log's tree, as its checkpoint of [`Hashes::size`] entries fixes them. Cheap to clone.
#[derive(Clone)]
pub struct Hashes {
    tree: Arc<LogTree>,
    size: Size,
}

impl Hashes {
    /// Entries of the tree.
    pub fn size(&self) -> u64 {
        self.size.get()
    }

    /// The root over a complete subtree.
    ///
    /// # Errors
    /// [`Error::Proof`] if the tree has none there.
    pub fn node(&self, node: Node) -> Result<Hash, Error> {
        let outside = proof::Error::OutOfRange {
            what: "a node at index",
            asked: node.index,
            size: self.size(),
        };
        Tile::holding(node, self.size).ok_or(outside)?;
        Reader::new(&self.tree.levels, self.size).node(node)
    }

    /// The bytes of a tile.
    ///
    /// # Errors
    /// [`Error::Proof`] if the tree does not have it, or not as wide.
    pub fn tile(&self, tile: &Tile) -> Result<Vec<u8>, Error> {
        if !tile.is_in(self.size) {
            return Err(Error::Proof(proof::Error::OutOfRange {
                what: "a tile at index",
                asked: tile.index(),
                size: self.size(),
            }));
        }
        let first = tile.index() * u64::from(proof::tile::FULL_WIDTH);
        let hashes = self
            .tree
            .levels
            .read(tile.level(), first, tile.width().into())?;
        Ok(hashes.iter().flat_map(|hash| hash.0).collect())
    }

    /// The proof that the entry at `seq` is in the tree of `size` entries.
    ///
    /// # Errors
    /// [`Error::Proof`] if it is not, or this tree is smaller.
    pub fn inclusion(&self, seq: Seq, size: u64) -> Result<Vec<Hash>, Error> {
        let plan = Plan::inclusion(proof::Seq(seq.0), self.sized(size)?)?;
        self.read(&plan)
    }

    /// The proof that the tree of `new` entries begins with all of the tree of `old`.
    ///
    /// # Errors
    /// [`Error::Proof`] if it does not, if `old` is empty, or this tree is smaller.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        let plan = Plan::consistency(self.sized(old)?, self.sized(new)?)?;
        self.read(&plan)
    }

    /// A size that this tree reaches.
    fn sized(&self, size: u64) -> Result<Size, Error> {
        let outside = proof::Error::OutOfRange {
            what: "size",
            asked: size,
            size: self.size(),
        };
        let size = Size::new(size).filter(|size| *size <= self.size);
        Ok(size.ok_or(outside)?)
    }

    fn read(&self, plan: &Plan) -> Result<Vec<Hash>, Error> {
        let mut reader = Reader::new(&self.tree.levels, self.size);
        plan.read(|node| reader.node(node))
    }
}

#[cfg(test)]
mod tests;
