//! What must hold of trees and checkpoints after every crash: the tree is that of the entries; what was shown is still signed, and
//! part of what is; no log is held to be damaged.

use super::walk::{ORGANIZATIONS, SEED};
use crate::kept::{Kept, Salts};
use crate::tree::{Published, Trees};
use crate::view::Snapshot;
use entry::{EntryId, Organization, Seq, Timestamp, Units};
use proof::Hash;
use proof::tile::Tile;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The newest checkpoint of each log that anyone may have seen.
pub(super) type Shown = BTreeMap<&'static str, Arc<Published>>;

/// What a store shows now.
pub(super) fn shown(trees: &Trees) -> Shown {
    let newest = |name: &'static str| Some((name, trees.published(&organization(name))?));
    ORGANIZATIONS.into_iter().filter_map(newest).collect()
}

/// Holds all logs against their entries and what was shown before. Answers with what is shown now.
pub(super) fn check(trees: &Trees, snapshot: &Snapshot, before: &Shown) -> Result<Shown, String> {
    let now = check_shown(trees, before)?;
    for name in ORGANIZATIONS {
        let organization = organization(name);
        let leaves = leaves(snapshot, &organization)?;
        let stored = trees
            .of(&organization)
            .levels
            .read(0, 0, leaves.len() as u64);
        if stored.map_err(|error| error.to_string())? != leaves {
            return Err(format!("{name}: its hashes are not those of its entries"));
        }
    }
    Ok(now)
}

/// Holds what is shown now against what was shown before, given hashes that are those of the entries.
pub(super) fn check_shown(trees: &Trees, before: &Shown) -> Result<Shown, String> {
    let now = shown(trees);
    for name in ORGANIZATIONS {
        check_log(trees, name, before.get(name), now.get(name))
            .map_err(|what| format!("{name}: {what}"))?;
    }
    Ok(now)
}

fn check_log(
    trees: &Trees,
    name: &str,
    before: Option<&Arc<Published>>,
    now: Option<&Arc<Published>>,
) -> Result<(), String> {
    let organization = organization(name);
    if let Some(error) = trees.refused(&organization) {
        return Err(format!("it is refused: {error}"));
    }
    let levels = &trees.of(&organization).levels;
    let leaves = levels.read(0, 0, levels.counts()[0]);
    let leaves = leaves.map_err(|error| error.to_string())?;
    if let (Some(before), Some(now)) = (before, now)
        && Arc::ptr_eq(before, now)
    {
        return Ok(());
    }
    let Some(now) = now else {
        return match before {
            Some(before) => Err(format!("a checkpoint of {} is gone", before.size())),
            None => Ok(()),
        };
    };
    for published in before.into_iter().chain([now]) {
        let size = published.size() as usize;
        if size > leaves.len() {
            return Err(format!(
                "{size} entries were signed, {} are there",
                leaves.len()
            ));
        }
        if published.tree().root != root(&leaves[..size]) {
            return Err(format!("the checkpoint of {size} entries has another root"));
        }
    }
    if !is_signed(trees, &organization, now) {
        return Err("a checkpoint is not signed".into());
    }
    follows(trees, &organization, &leaves, before, now)
}

/// What readers are given proves that `now` holds every entry and all that `before` held.
fn follows(
    trees: &Trees,
    organization: &Organization,
    leaves: &[Hash],
    before: Option<&Arc<Published>>,
    now: &Published,
) -> Result<(), String> {
    let hashes = trees.hashes(organization).ok_or("its hashes are hidden")?;
    let (tree, size) = (now.tree(), now.size());
    if let Some(before) = before {
        if before.size() > size || before.at > now.at {
            return Err("a newer checkpoint is smaller or earlier".into());
        }
        let path = hashes.consistency(before.size(), size);
        let path = path.map_err(|error| error.to_string())?;
        let extends = tree.extends(&before.tree(), &path);
        extends.map_err(|error| format!("it does not extend what was shown: {error}"))?;
    }
    let last = size - 1;
    let path = hashes.inclusion(Seq(last), size);
    let path = path.map_err(|error| error.to_string())?;
    tree.includes(proof::Seq(last), &leaves[last as usize], &path)
        .map_err(|error| error.to_string())?;
    let tile = Tile::of_tree(0, 0, tree.size).ok_or("a tree without leaves was signed")?;
    let bytes = hashes.tile(&tile).map_err(|error| error.to_string())?;
    let leaves: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.0).collect();
    match leaves.starts_with(&bytes) {
        true => Ok(()),
        false => Err("its first tile is not that of its entries".into()),
    }
}

fn organization(name: &str) -> Organization {
    Organization::parse(name).expect("a slug")
}

fn leaves(snapshot: &Snapshot, organization: &Organization) -> Result<Vec<Hash>, String> {
    let Some(mut places) = snapshot.places(organization) else {
        return Ok(Vec::new());
    };
    let mut leaves = Vec::new();
    while let Some(kept) = places
        .get(Seq(leaves.len() as u64))
        .map_err(|error| error.to_string())?
    {
        leaves.push(leaf(&kept)?);
    }
    Ok(leaves)
}

/// Whether the log signed it; each is verified once.
fn is_signed(trees: &Trees, organization: &Organization, published: &Published) -> bool {
    thread_local! {
        static KNOWN: RefCell<HashMap<Box<str>, bool>> = RefCell::default();
    }
    if let Some(signed) = KNOWN.with_borrow(|known| known.get(&published.note).copied()) {
        return signed;
    }
    let keys = trees.origin(organization).keys;
    let signers = published.checkpoint.note().verified_by(&keys);
    let signed = signers.is_ok_and(|signers| signers.len() == 1);
    KNOWN.with_borrow_mut(|known| known.insert(published.note.clone(), signed));
    signed
}

/// The hash of an entry's leaf, computed once for each: all else of an entry follows from these, as the oracle checks.
fn leaf(kept: &Kept) -> Result<Hash, String> {
    thread_local! {
        static KNOWN: RefCell<HashMap<(Organization, EntryId, Timestamp), Hash>> = RefCell::default();
    }
    // What an erasure left is derived each time: that its leaf is still the same is what must hold.
    if kept.salts != Salts::Seed(SEED) {
        return Ok(kept.leaf(&mut Units::default())?.hash());
    }
    let organization = kept.scope.organization.clone();
    let key = (organization, kept.id, kept.received_at);
    if let Some(hash) = KNOWN.with_borrow(|known| known.get(&key).copied()) {
        return Ok(hash);
    }
    let hash = kept.leaf(&mut Units::default())?.hash();
    KNOWN.with_borrow_mut(|known| known.insert(key, hash));
    Ok(hash)
}

/// The root by its definition, RFC 6962 section 2.1.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY_TREE,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Hash::node(&root(left), &root(right))
        }
    }
}
