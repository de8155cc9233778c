//! A log itself: its newest checkpoint, that it continues the last one accepted, and in full every leaf.
//!
//! Where it is read from is the caller's: [`Evidence`] has three functions. Nothing they return is believed before it was held
//! against a signature.

use super::tiles::Descent;
use super::{Error, Refusal, Step, Trust, Verdict};
use crate::bundle;
use proof::checkpoint::SignedCheckpoint;
use proof::leaf::{Leaf, ReceivedAt};
use proof::policy::Accepted;
use proof::tile::{Bundle, Tile, Tiles, TrustedTiles};
use proof::tree::{Node, Plan};
use proof::{Hash, Seq, Size, Tree};
use std::collections::BTreeSet;

/// Where a log's evidence comes from. Whoever implements it bounds what it reads: a checkpoint has at most a million bytes,
/// a tile and a bundle exactly as many as their widths say.
pub struct Evidence<'e> {
    /// The newest checkpoint, as a signed note.
    pub checkpoint: &'e mut dyn FnMut() -> Result<Vec<u8>, Error>,
    /// The bytes of a tile.
    pub tile: &'e mut dyn FnMut(Tile) -> Result<Vec<u8>, Error>,
    /// The bytes of a bundle of leaves.
    pub leaves: &'e mut dyn FnMut(Bundle) -> Result<Vec<u8>, Error>,
}

/// How much of a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What ties the newest entry, and the last accepted checkpoint, to the root.
    Edge,
    /// Every tile and every leaf.
    Full,
}

/// What was shown of a log.
#[derive(Clone, Debug)]
pub struct Log<'t> {
    pub origin: String,
    pub tree: Tree,
    /// Who vouches for it.
    pub accepted: Accepted<'t>,
    /// The checkpoint that was accepted before and is continued, if there was one.
    pub before: Option<Tree>,
    /// When the log received its newest entry.
    pub newest: Option<ReceivedAt>,
    /// The signed note, to be remembered.
    pub note: Vec<u8>,
}

/// A log that has forked or was set back, with the note that shows it.
#[derive(Debug)]
pub struct Failed {
    pub error: Error,
    /// The note that was accepted by its signatures, and yet contradicts the one before.
    pub contradicts: Option<Vec<u8>>,
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            contradicts: None,
        }
    }
}

/// Verifies a log. `before` is the last checkpoint accepted, which this one must continue; `leaf_read` hears how far a full
/// reading is.
pub fn verify<'t>(
    evidence: &mut Evidence<'_>,
    trust: &'t Trust,
    before: Option<&SignedCheckpoint>,
    depth: Depth,
    leaf_read: &mut dyn FnMut(u64, Size),
) -> Result<Log<'t>, Failed> {
    let note = (evidence.checkpoint)()?;
    let signed = SignedCheckpoint::parse(&note)
        .map_err(|e| Refusal::of(Step::Format, &e).at("checkpoint"))?;
    let accepted = trust.accept(&signed)?;
    let tree = signed.checkpoint().tree();
    let old = before.map(|before| before.checkpoint().tree());
    let continued = before.map_or(Ok(()), |before| continues(evidence, &signed, before));
    if let Err(error) = continued {
        let forked = matches!(&error, Error::Refused(r) if r.verdict == Verdict::Forked);
        return Err(Failed {
            error,
            contradicts: forked.then_some(note),
        });
    }
    let newest = match (tree.size.get(), depth) {
        (0, _) => None,
        (_, Depth::Edge) => newest(evidence, tree)?,
        (_, Depth::Full) => everything(evidence, tree, leaf_read)?,
    };
    trust.check_age(&accepted, newest)?;
    Ok(Log {
        origin: signed.checkpoint().origin().to_owned(),
        tree,
        accepted,
        before: old,
        newest,
        note,
    })
}

/// Whether a checkpoint continues the one before, by a proof made from tiles that belong to the new one's tree.
fn continues(
    evidence: &mut Evidence<'_>,
    signed: &SignedCheckpoint,
    before: &SignedCheckpoint,
) -> Result<(), Error> {
    let (new, old) = (signed.checkpoint(), before.checkpoint());
    let (size, old_size) = (new.tree().size, old.tree().size);
    if new.origin() != old.origin() {
        return Err(Error::Trust(format!(
            "the checkpoint kept is one of {}, this log is {}: keep one file for each log",
            old.origin(),
            new.origin()
        )));
    }
    let refused = |e: &proof::Error| Refusal::of(Step::Growth, e);
    if old_size.get() == 0 || size <= old_size {
        return Ok(new.follows(old, &[]).map_err(|e| refused(&e))?);
    }
    let plan = Plan::consistency(old_size, size).map_err(|e| refused(&e))?;
    let trusted = trusted_tiles(evidence, new.tree(), Tile::needed(&plan, size))?;
    let path = plan.read(|node| trusted.hash(node));
    let path = path.map_err(|e| Refusal::of(Step::Tiles, &e))?;
    // The tiles are those of the new tree: if what they yield does not reach the old root, nothing does.
    new.follows(old, &path).map_err(|_| {
        let fork = proof::Error::Fork {
            origin: new.origin().to_owned(),
            old: old_size.get(),
            new: size.get(),
        };
        refused(&fork).into()
    })
}

fn trusted_tiles(
    evidence: &mut Evidence<'_>,
    tree: Tree,
    needed: BTreeSet<Tile>,
) -> Result<TrustedTiles, Error> {
    let mut tiles = Tiles::of(tree);
    for tile in needed {
        let bytes = (evidence.tile)(tile)?;
        tiles
            .insert(tile, &bytes)
            .map_err(|e| Refusal::of(Step::Tiles, &e).at(tile))?;
    }
    let trusted = tiles.authenticate();
    Ok(trusted.map_err(|e| Refusal::of(Step::Tiles, &e))?)
}

/// The last leaves, held against the tree; when the last of them was received.
fn newest(evidence: &mut Evidence<'_>, tree: Tree) -> Result<Option<ReceivedAt>, Error> {
    let last = tree.size.get() - 1;
    let plan = Plan::inclusion(Seq(last), tree.size);
    let plan = plan.map_err(|e| Refusal::of(Step::Tiles, &e))?;
    let mut needed = Tile::needed(&plan, tree.size);
    needed.extend((0..8u8).filter_map(|level| {
        let index = (last >> (8 * level)) >> 8;
        Tile::of_tree(level, index, tree.size)
    }));
    let trusted = trusted_tiles(evidence, tree, needed)?;
    let bundle = Bundle::of_tree(last / 256, tree.size).expect("the last entry is in one");
    let bytes = (evidence.leaves)(bundle)?;
    let mut newest = None;
    for (leaf, seq) in leaves_of(bundle, &bytes)?
        .iter()
        .zip(256 * bundle.index()..)
    {
        let node = Node {
            level: 0,
            index: seq,
        };
        let expected = trusted.hash(node);
        let expected = expected.map_err(|e| Refusal::of(Step::Tiles, &e))?;
        hold(leaf, &expected, &mut newest, bundle, seq)?;
    }
    Ok(newest)
}

fn other_leaf(bundle: Bundle, seq: u64) -> Refusal {
    let why = format!("the leaf at seq {seq} is not the one that the signed tree has there");
    Refusal::tampered(Step::Place, why).at(bundle)
}

fn leaves_of(bundle: Bundle, bytes: &[u8]) -> Result<Vec<Leaf>, Refusal> {
    let leaves = bundle.leaves(bytes);
    let leaves = leaves.and_then(|leaves| leaves.into_iter().map(Leaf::parse).collect());
    leaves.map_err(|e| Refusal::of(Step::Format, &e).at(bundle))
}

/// All tiles from the top down, all leaves against those of level 0; when the last was received.
fn everything(
    evidence: &mut Evidence<'_>,
    tree: Tree,
    leaf_read: &mut dyn FnMut(u64, Size),
) -> Result<Option<ReceivedAt>, Error> {
    let mut descent = Descent::of(tree);
    let mut newest = None;
    for tile in bundle::Plan::whole(tree.size).tiles() {
        let bytes = (evidence.tile)(tile)?;
        descent.add(tile, &bytes, false)?;
        if tile.level() > 0 {
            continue;
        }
        let leaves = Bundle::of_tree(tile.index(), tree.size).expect("each tile has its leaves");
        let expected = tile.hashes(&bytes);
        let expected = expected.map_err(|e| Refusal::of(Step::Tiles, &e).at(tile))?;
        let read = leaves_of(leaves, &(evidence.leaves)(leaves)?)?;
        for ((leaf, expected), seq) in read.iter().zip(&expected).zip(256 * tile.index()..) {
            hold(leaf, expected, &mut newest, leaves, seq)?;
        }
        leaf_read(256 * tile.index() + read.len() as u64, tree.size);
    }
    descent.land()?;
    Ok(newest)
}

/// A leaf against its hash, and its time against the one before: a log never receives anything in the past.
fn hold(
    leaf: &Leaf,
    expected: &Hash,
    newest: &mut Option<ReceivedAt>,
    bundle: Bundle,
    seq: u64,
) -> Result<(), Refusal> {
    if leaf.hash() != *expected {
        return Err(other_leaf(bundle, seq));
    }
    if *newest > Some(leaf.received_at) {
        let why = format!("the entry at seq {seq} says it was received before the one before it");
        return Err(Refusal::tampered(Step::Age, why).at(bundle));
    }
    *newest = Some(leaf.received_at);
    Ok(())
}
