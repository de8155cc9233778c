//! A log in the directory of a stopped store: the same evidence as a server's, made from what is stored.
//!
//! A leaf is hashed from the values that lie there, never taken from where hashes are kept; so a value that was altered, with
//! every checksum and every hash beside it put right, still contradicts the checkpoint that was signed.

use super::log::{self, Depth, Evidence, Failed, Log};
use super::{Error, Refusal, Step, Trust, Verdict};
use entry::{Seq, Units};
use proof::checkpoint::SignedCheckpoint;
use proof::tile::Bundle;
use proof::{Size, Tree};
use std::path::{Path, PathBuf};
use store::stopped::StoppedLog;
use store::{Hashes, Kept, Published};

/// What was shown of a stored log.
#[derive(Clone, Debug)]
pub struct Stored<'t> {
    pub log: Log<'t>,
    /// Entries that no checkpoint covers yet: they were stored, and nothing was signed about them.
    pub unsigned: u64,
    /// Checkpoints stored beside the newest that were held against the tree.
    pub checkpoints: usize,
}

/// A data directory, or the directory of one log in it: the data directory and the log's name.
pub fn data_directory(path: &Path) -> (PathBuf, Option<String>) {
    let of_log = || {
        let logs = path.parent().filter(|logs| logs.ends_with("logs"))?;
        let data = logs.parent()?;
        let name = path.file_name()?.to_str()?.to_owned();
        data.join("format")
            .is_file()
            .then(|| (data.to_owned(), name))
    };
    match of_log() {
        Some((data, name)) if !path.join("format").exists() => (data, Some(name)),
        _ => (path.to_owned(), None),
    }
}

/// The origin of a stored log, as its newest checkpoint states it.
pub fn origin(log: &StoppedLog) -> Option<&str> {
    let newest = log.checkpoints.last()?;
    Some(newest.checkpoint.checkpoint().origin())
}

/// Verifies a stored log against its newest checkpoint, and in full every checkpoint that is stored.
pub fn verify<'t>(
    stored: &StoppedLog,
    trust: &'t Trust,
    before: Option<&SignedCheckpoint>,
    depth: Depth,
    leaf_read: &mut dyn FnMut(u64, Size),
) -> Result<Stored<'t>, Failed> {
    let newest = stored.checkpoints.last().ok_or_else(|| {
        let what = "it has no checkpoint: nothing was signed about it";
        Refusal::new(Step::Signatures, Verdict::PolicyUnmet, what).at(&stored.organization)
    })?;
    let hashes = stored
        .hashes()
        .filter(|hashes| newest.size() <= hashes.size());
    let hashes = hashes.ok_or_else(|| {
        let what = format!(
            "the checkpoint is of {} entries, {} are stored",
            newest.size(),
            stored.size()
        );
        Refusal::tampered(Step::Place, what).at(&stored.organization)
    })?;
    let mut leaves = Leaves::of(stored, depth);
    let mut evidence = Evidence {
        checkpoint: &mut || Ok(newest.note.as_bytes().to_vec()),
        tile: &mut |tile| hashes.tile(&tile).map_err(unread),
        leaves: &mut |bundle| leaves.of_bundle(bundle),
    };
    let log = log::verify(&mut evidence, trust, before, depth, leaf_read)?;
    let mut checkpoints = 0;
    if depth == Depth::Full {
        for older in stored.checkpoints.iter().rev().skip(1) {
            contains(&hashes, older, newest, trust)?;
            checkpoints += 1;
        }
    }
    Ok(Stored {
        unsigned: stored.size() - newest.size(),
        log,
        checkpoints,
    })
}

/// The leaves of stored entries, hashed anew.
struct Leaves<'s> {
    stored: &'s StoppedLog,
    /// Where everything is read, entries come in order.
    in_order: Option<Box<dyn Iterator<Item = Result<Kept, store::Error>> + 's>>,
    units: Units,
}

impl<'s> Leaves<'s> {
    fn of(stored: &'s StoppedLog, depth: Depth) -> Self {
        let in_order = || Box::new(stored.entries()) as Box<dyn Iterator<Item = _>>;
        Self {
            stored,
            in_order: (depth == Depth::Full).then(in_order),
            units: Units::default(),
        }
    }

    fn of_bundle(&mut self, bundle: Bundle) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let start = 256 * bundle.index();
        for seq in start..start + u64::from(bundle.width()) {
            let kept = match &mut self.in_order {
                Some(entries) => entries.next().transpose(),
                None => self.stored.kept(Seq(seq)),
            };
            let refuse = |what: String| {
                let place = format!("{}, seq {seq}", self.stored.organization);
                Refusal::tampered(Step::Entry, what).at(place)
            };
            let kept = kept
                .map_err(unread)?
                .filter(|kept| kept.seq == Seq(seq))
                .ok_or_else(|| refuse("it is not stored".to_owned()))?;
            let leaf = kept.leaf(&mut self.units).map_err(refuse)?;
            Bundle::push(&mut bytes, &leaf.to_bytes()).map_err(|e| refuse(e.to_string()))?;
        }
        Ok(bytes)
    }
}

/// Whether an older checkpoint that is stored is one of the same tree.
fn contains(
    hashes: &Hashes,
    older: &Published,
    newest: &Published,
    trust: &Trust,
) -> Result<(), Error> {
    let (old, new) = (
        older.checkpoint.checkpoint(),
        newest.checkpoint.checkpoint(),
    );
    // Of before the log was given another name: other keys, and no promise that binds this one.
    if old.origin() != new.origin() {
        return Ok(());
    }
    let size = old.tree().size;
    let tree = match size <= new.tree().size {
        true => Some(Tree::read(size, |node| hashes.node(node)).map_err(unread)?),
        false => None,
    };
    if tree == Some(old.tree()) {
        return Ok(());
    }
    let signers = older.checkpoint.note().verified_by(trust.policy().logs());
    let signers = signers.map_err(|e| Refusal::of(Step::Signatures, &e))?;
    let what = format!("the stored checkpoint of {size} entries is of another tree");
    let verdict = match signers.is_empty() {
        true => Verdict::Tampered,
        false => Verdict::Forked,
    };
    Err(Refusal::new(Step::Growth, verdict, what).into())
}

/// What the store says of a file that is not what it was written as is a verdict; all else decides nothing.
fn unread(error: store::Error) -> Error {
    match error {
        store::Error::Damaged { .. } | store::Error::Proof(_) => {
            Refusal::tampered(Step::Format, error.to_string()).into()
        }
        error => Error::Stored(Box::new(error)),
    }
}

/// Opens a directory; see [`unread`].
pub fn open(data: &Path) -> Result<store::stopped::Stopped, Error> {
    store::stopped::open(data).map_err(unread)
}
