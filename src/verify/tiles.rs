//! A tree's tiles as they come, from the top down: each full one is held against its parent at once, the partial ones
//! against the signed root at the end. What is remembered is an eighth of a byte for each entry below.

use super::{Refusal, Step};
use proof::tile::{FULL_WIDTH, Tile, Tiles, TrustedTiles};
use proof::{Hash, Tree};
use std::collections::BTreeMap;

/// Tiles of one tree, not to be believed before [`Descent::land`].
pub struct Descent {
    /// The partial ones, which make the root.
    edge: Tiles,
    /// By level and index: those above level 0, and of level 0 what was asked for.
    held: BTreeMap<(u8, u64), Vec<Hash>>,
}

/// Hashes that belong to the tree.
pub struct Landed {
    held: BTreeMap<(u8, u64), Vec<Hash>>,
    /// The partial tiles, for whoever wants other hashes of the edge.
    pub edge: TrustedTiles,
}

impl Descent {
    /// Of the tree that an accepted checkpoint states.
    pub fn of(tree: Tree) -> Self {
        Self {
            edge: Tiles::of(tree),
            held: BTreeMap::new(),
        }
    }

    /// Adds a tile whose parent was added before. Of level 0, only what is to be `kept` and what is partial is remembered.
    pub fn add(&mut self, tile: Tile, bytes: &[u8], kept: bool) -> Result<(), Refusal> {
        let refused = |e: &proof::Error| Refusal::of(Step::Tiles, e).at(tile);
        let hashes = tile.hashes(bytes).map_err(|e| refused(&e))?;
        let full = tile.width() == FULL_WIDTH;
        if full {
            if parent_of(&self.held, tile) != Some(root_of(&hashes)) {
                let why = "the tile above has another hash for it";
                return Err(Refusal::tampered(Step::Tiles, why).at(tile));
            }
        } else {
            self.edge.insert(tile, bytes).map_err(|e| refused(&e))?;
        }
        if tile.level() > 0 || kept || !full {
            self.held.insert((tile.level(), tile.index()), hashes);
        }
        Ok(())
    }

    /// Holds the right edge, and with it everything, against the signed root.
    pub fn land(self) -> Result<Landed, Refusal> {
        let edge = self.edge.authenticate();
        Ok(Landed {
            edge: edge.map_err(|e| Refusal::of(Step::Tiles, &e))?,
            held: self.held,
        })
    }
}

impl Landed {
    /// The leaf hashes of a tile of level 0, if they were kept.
    pub fn leaves(&self, tile: u64) -> Option<&[Hash]> {
        self.held.get(&(0, tile)).map(Vec::as_slice)
    }

    /// The root over the 256 leaves of a full tile of level 0.
    pub fn root_of_tile(&self, tile: u64) -> Option<Hash> {
        hash_at(&self.held, 1, tile)
    }
}

fn parent_of(held: &BTreeMap<(u8, u64), Vec<Hash>>, tile: Tile) -> Option<Hash> {
    hash_at(held, tile.level() + 1, tile.index())
}

fn hash_at(held: &BTreeMap<(u8, u64), Vec<Hash>>, level: u8, place: u64) -> Option<Hash> {
    let width = u64::from(FULL_WIDTH);
    let hashes = held.get(&(level, place / width))?;
    hashes.get((place % width) as usize).copied()
}

/// The root over 256 hashes, or any other power of two.
pub fn root_of(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        let (pairs, _) = row.as_chunks();
        row = pairs
            .iter()
            .map(|[left, right]| Hash::node(left, right))
            .collect();
    }
    row.first().copied().unwrap_or(Hash::EMPTY_TREE)
}
