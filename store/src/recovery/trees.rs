//! The trees of all logs at a start: the arrays of hashes, what the journal adds to them, and the last checkpoint, which must
//! be one of the tree that is found. A log of which that is not so is read, but refuses appends and signs nothing.

use super::replay::Behind;
use crate::Error;
use crate::directory::Directory;
use crate::health::HealthCell;
use crate::sequencer::RecoveredLog;
use crate::state::Inner;
use crate::tree::growing::{self, Growing};
use crate::tree::levels::Reader;
use crate::tree::{LogTree, Published, Trees, notes};
use entry::{Organization, Seq};
use proof::Size;
use proof::frontier::Frontier;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that `behind` and the files say, log by log. `trees` is empty before.
pub(super) fn recover(
    directory: &Directory,
    trees: &Trees,
    health: &HealthCell,
    inner: &Inner,
    behind: BTreeMap<Organization, Behind>,
) -> Result<Vec<(Organization, RecoveredLog)>, Error> {
    let mut logs = Vec::with_capacity(behind.len());
    for (organization, behind) in behind {
        let sealed = inner.logs[&organization].files.end;
        let tree = trees.of(&organization);
        let (growing, refused) = match open(directory, trees, inner, &organization, sealed, &behind)
        {
            Ok(growing) => (growing, None),
            Err(error @ Error::Damaged { .. }) => {
                tracing::error!(%error, %organization, "nothing is appended to this log, and nothing of it is signed");
                health.found(&error);
                (Growing::new(tree, Frontier::default(), None), Some(error))
            }
            Err(error) => return Err(error),
        };
        let log = RecoveredLog {
            ids: behind.ids,
            tree: growing,
            refused,
        };
        logs.push((organization, log));
    }
    Ok(logs)
}

/// The tree of one log.
///
/// # Errors
/// [`Error::Damaged`] if it cannot go on; what can be read of it can be read.
fn open(
    directory: &Directory,
    trees: &Trees,
    inner: &Inner,
    organization: &Organization,
    sealed: Seq,
    behind: &Behind,
) -> Result<Growing, Error> {
    let tree = trees.of(organization);
    let frontier = build(&tree, sealed, behind).inspect_err(|_| tree.break_off())?;
    let mut last = None;
    let mut show = |published: &Arc<Published>| {
        trees.show(organization, published.clone());
        last = Some(published.clone());
    };
    let mut path = directory.checkpoints_file(organization);
    notes::read(directory, organization)?
        .iter()
        .for_each(&mut show);
    for file in &inner.journal {
        if let Some(published) = file.notes.get(organization) {
            show(published);
            path = directory.journal_file(file.first);
        }
    }
    let keys = trees.keyring.keys(organization);
    if let Some(last) = &last {
        growing::check_last(&tree, frontier.size(), last, &keys, &path)?;
    }
    Ok(Growing::new(tree, frontier, last))
}

/// Fills the tree with what follows from the entries.
fn build(tree: &LogTree, sealed: Seq, behind: &Behind) -> Result<Frontier, Error> {
    tree.levels.open(sealed)?;
    let size = Size::new(sealed.0).ok_or_else(|| Error::Damaged {
        path: tree.levels.dir(),
        what: format!("a log cannot have {} entries", sealed.0),
    })?;
    let mut reader = Reader::new(&tree.levels, size);
    let mut frontier = Frontier::read(size, |node| reader.node(node))?;
    for leaf in &behind.leaves {
        frontier.append(*leaf, |node, hash| tree.levels.push(node, hash))?;
    }
    Ok(frontier)
}
