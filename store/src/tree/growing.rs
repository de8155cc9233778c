//! A tree where it grows: what a commit adds, and what must hold before a checkpoint is signed.

use super::levels::Reader;
use super::{LogTree, Published};
use crate::Error;
use crate::keyring::{Keyring, LogKeys};
use entry::{Organization, Timestamp};
use proof::checkpoint::{Checkpoint, SignedCheckpoint};
use proof::frontier::Frontier;
use proof::key::PosixSeconds;
use proof::tree::Plan;
use proof::{Hash, Size};
use std::path::Path;
use std::sync::Arc;

/// The one writer of a log's tree.
pub(crate) struct Growing {
    tree: Arc<LogTree>,
    frontier: Frontier,
    /// As it was before the commit that is being made, if that adds anything.
    before: Option<Frontier>,
    /// Hashes of the leaves that got their places in this commit.
    placed: Vec<Hash>,
    /// Made when they are first needed.
    keys: Option<LogKeys>,
    /// The last checkpoint under the log's name now.
    last: Option<Arc<Published>>,
}

impl Growing {
    /// Goes on behind `frontier`, which is that of all hashes in `tree`.
    pub fn new(tree: Arc<LogTree>, frontier: Frontier, last: Option<Arc<Published>>) -> Self {
        Growing {
            tree,
            frontier,
            before: None,
            placed: Vec::new(),
            keys: None,
            last,
        }
    }

    /// Spares making the keys when they are there.
    pub fn with_keys(self, keys: LogKeys) -> Self {
        Growing {
            keys: Some(keys),
            ..self
        }
    }

    /// Entries in the tree.
    pub fn size(&self) -> Size {
        self.frontier.size()
    }

    /// The last checkpoint that was signed and is durable.
    pub fn last(&self) -> Option<&Arc<Published>> {
        self.last.as_ref()
    }

    /// No checkpoint covers its newest entries.
    pub fn is_unsigned(&self) -> bool {
        self.last
            .as_ref()
            .map_or(self.size().get() > 0, |last| last.tree().size < self.size())
    }

    pub fn place(&mut self, leaf: Hash) {
        self.placed.push(leaf);
    }

    /// Undoes the last [`Growing::place`].
    pub fn take_back(&mut self) {
        self.placed.pop();
    }

    /// Adds what was placed to the tree, so that a checkpoint of this very commit can be signed. Nobody is shown it.
    pub fn grow(&mut self) -> Result<(), Error> {
        if self.placed.is_empty() {
            return Ok(());
        }
        self.before = Some(self.frontier.clone());
        for leaf in std::mem::take(&mut self.placed) {
            let levels = &self.tree.levels;
            self.frontier
                .append(leaf, |node, hash| levels.push(node, hash))?;
        }
        Ok(())
    }

    /// The commit is durable.
    pub fn keep(&mut self) {
        self.before = None;
    }

    /// The commit did not happen.
    pub fn undo(&mut self) {
        self.placed.clear();
        if let Some(before) = self.before.take() {
            self.tree.levels.truncate(before.size());
            self.frontier = before;
        }
    }

    /// Signs a checkpoint of all entries. It may be shown when it is durable, and [`Growing::signed`] was told.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the hashes that readers would be given are not those of the entries, or lead to a tree that does
    /// not extend the last one: then nothing is signed.
    pub fn sign(
        &mut self,
        organization: &Organization,
        keyring: &Keyring,
        at: Timestamp,
    ) -> Result<Arc<Published>, Error> {
        let damaged = |what: String| Error::Damaged {
            path: self.tree.levels.dir(),
            what,
        };
        if self.tree.is_distrusted() {
            return Err(damaged("its files are not what was written".into()));
        }
        let size = self.size();
        let mut reader = Reader::new(&self.tree.levels, size);
        let tree = reader.tree()?;
        if tree != self.frontier.tree() {
            return Err(damaged(format!(
                "its hashes give another root than the {size} entries they stand for"
            )));
        }
        let name = keyring.name(organization);
        let checkpoint = Checkpoint::new(&name, tree);
        if let Some(last) = &self.last {
            let path = match last.tree().size {
                old if old.get() == 0 => Vec::new(),
                old => Plan::consistency(old, size)?.read(|node| reader.node(node))?,
            };
            checkpoint
                .follows(last.checkpoint.checkpoint(), &path)
                .map_err(|error| damaged(format!("it does not extend what was signed: {error}")))?;
        }
        let keys = self
            .keys
            .get_or_insert_with(|| keyring.keys(organization))
            .signing();
        let (newest, older) = keys.split_first().expect("a log has a key");
        let mut checkpoint = SignedCheckpoint::sign(checkpoint, newest)?;
        for key in older {
            // A log's own keys state no time.
            checkpoint.cosign(key, PosixSeconds(0))?;
        }
        Ok(Arc::new(Published {
            note: checkpoint.to_string().into(),
            checkpoint,
            at,
        }))
    }

    /// What was signed is durable.
    pub fn signed(&mut self, published: Arc<Published>) {
        self.last = Some(published);
    }
}

/// Holds a checkpoint that is known from outside the data directory against the log; one of another log is nothing to it.
///
/// # Errors
/// [`Error::Damaged`] if the log is behind it, or another: what was shown once must never be shown otherwise.
pub(crate) fn check_known(
    tree: &LogTree,
    size: Size,
    known: &Published,
    keys: &LogKeys,
    path: &Path,
) -> Result<(), Error> {
    let damaged = |what: String| {
        Err(Error::Damaged {
            path: path.to_owned(),
            what: format!(
                "{what}; if a backup was put back, mar-audit key recover goes on under a new name"
            ),
        })
    };
    let by_the_log = known.checkpoint.note().verified_by(keys.verifiers());
    if !by_the_log.is_ok_and(|signers| !signers.is_empty()) {
        tracing::warn!(path = %path.display(), "the known checkpoint is not of this log and key, and is passed over");
        return Ok(());
    }
    let stated = known.tree();
    if stated.size > size {
        return damaged(format!(
            "a checkpoint of {} entries was published, the log has {size}",
            stated.size
        ));
    }
    if Reader::new(&tree.levels, stated.size).tree()? != stated {
        return damaged(format!(
            "the log begins with other {} entries than those that were published",
            stated.size
        ));
    }
    Ok(())
}

/// Holds the last checkpoint of a log against what was read of it at the start; `path` is where it was found.
///
/// # Errors
/// [`Error::Damaged`] with the rule that is broken: appends would hide what happened.
pub(crate) fn check_last(
    tree: &LogTree,
    size: Size,
    last: &Published,
    keys: &LogKeys,
    path: &Path,
) -> Result<(), Error> {
    let damaged = |what: String| {
        Err(Error::Damaged {
            path: path.to_owned(),
            what,
        })
    };
    let stated = last.tree();
    let signers = last.checkpoint.note().verified_by(keys.verifiers());
    match signers {
        Ok(signers) if !signers.is_empty() => {}
        Ok(_) => return damaged("the last checkpoint is not signed by the log's key".into()),
        Err(error) => return damaged(format!("the last checkpoint: {error}")),
    }
    if stated.size > size {
        return damaged(format!(
            "the last checkpoint has {} entries, the log {size}",
            stated.size
        ));
    }
    let found = Reader::new(&tree.levels, stated.size).tree()?;
    if found != stated {
        return damaged(format!(
            "the first {} entries are not those of the last checkpoint: their root is {}, {} was signed",
            stated.size, found.root, stated.root
        ));
    }
    Ok(())
}
