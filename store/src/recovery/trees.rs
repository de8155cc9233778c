//! The trees of all logs at a start: the arrays of hashes, what the journal adds to them, and the last checkpoint, which must
//! be one of the tree that is found. A log of which that is not so is read, but refuses appends and signs nothing.

use super::replay::Behind;
use crate::Error;
use crate::directory::Directory;
use crate::health::HealthCell;
use crate::sequencer::RecoveredLog;
use crate::state::Inner;
use crate::tree::growing::{self, Growing};
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
    let mut behind = behind;
    // A log of which nothing is left but what is known outside.
    for organization in trees.known.iter().flat_map(|known| known.organizations()) {
        behind.entry(organization).or_default();
    }
    let mut logs = Vec::with_capacity(behind.len());
    for (organization, behind) in behind {
        let log = inner.logs.get(&organization);
        let sealed = log.map_or(Seq(0), |log| log.files.end);
        let tree = trees.of(&organization);
        let (growing, refused) = match open(directory, trees, inner, &organization, sealed, &behind)
        {
            Ok(growing) => (growing, None),
            Err(error @ Error::Damaged { .. }) => {
                tracing::error!(%error, %organization, "nothing is appended to this log, and nothing of it is signed");
                health.found(&error);
                trees.refuse(&organization, &error);
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
    let name = trees.keyring.name(organization);
    let (mut last, mut falls, mut strange) = (None, false, false);
    let mut show = |published: &Arc<Published>| {
        let origin = published.checkpoint.checkpoint().origin();
        strange |= trees.keyring.name_of(organization, origin).is_none();
        // Under an earlier name it was another log to whoever verifies it, given up by an explicit decision.
        if origin == name.as_str() {
            falls |= last
                .as_ref()
                .is_some_and(|last: &Arc<Published>| last.size() > published.size());
            trees.show(organization, published.clone());
            last = Some(published.clone());
        }
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
    if falls || strange {
        let what = match falls {
            true => "a checkpoint is smaller than one before it".to_owned(),
            false => format!("a checkpoint has another name than {name} or those before it"),
        };
        return Err(Error::Damaged { path, what });
    }
    let keys = trees.keyring.keys(organization);
    if let Some(last) = &last {
        growing::check_last(&tree, frontier.size(), last, &keys, &path)?;
    }
    if let Some(known) = &trees.known {
        // The usual case is that it is the last one, which was checked.
        let is_last = |known: &Published| last.as_ref().is_some_and(|last| last.note == known.note);
        if let Some(published) = known.read(organization).filter(|known| !is_last(known)) {
            growing::check_known(
                &tree,
                frontier.size(),
                &published,
                &keys,
                &known.file(organization),
            )?;
        }
        if let Some(last) = &last {
            known.tell(organization, last);
        }
    }
    Ok(Growing::new(tree, frontier, last).with_keys(keys))
}

/// Fills the tree with what follows from the entries.
fn build(tree: &LogTree, sealed: Seq, behind: &Behind) -> Result<Frontier, Error> {
    tree.levels.open(sealed, true)?;
    let size = Size::new(sealed.0).ok_or_else(|| Error::Damaged {
        path: tree.levels.dir(),
        what: format!("a log cannot have {} entries", sealed.0),
    })?;
    let mut frontier = tree.levels.frontier(size)?;
    for leaf in &behind.leaves {
        frontier.append(*leaf, |node, hash| tree.levels.push(node, hash))?;
    }
    Ok(frontier)
}
