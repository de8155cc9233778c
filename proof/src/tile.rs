//! The tree as files of up to 256 hashes (C2SP tlog-tiles), and how tiles from a stranger come to be trusted.
//!
//! A log keeps one append-only array of hashes per tile level: level L holds the roots of its complete runs of 256^L leaves.
//! Every tile a tree ever had, full or partial, is a prefix read of such an array: [`Tile::offset_bytes`] and
//! [`Tile::length_bytes`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{
    Error, Hash, Size, Tree,
    text::{NUMBER_MAX, from_decimal},
    tree::{Node, Plan, frontier_nodes},
};

/// Hashes in a full tile, entries in a full bundle.
pub const FULL_WIDTH: u16 = 256;

/// Tile levels that a tree of at most 2^63 - 1 leaves can have.
const LEVELS: u8 = 8;

/// Up to 256 neighbouring hashes of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

/// Up to 256 neighbouring leaves: what a level 0 tile holds the hashes of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle {
    index: u64,
    width: u16,
}

/// How many hashes tile level `level` has in a tree of this size.
fn hashes_at(level: u8, size: Size) -> u64 {
    if level < LEVELS {
        size.get() >> (8 * level)
    } else {
        0
    }
}

/// How many of them the tile `index` has; `None` if it has none.
fn width_at(level: u8, index: u64, size: Size) -> Option<u16> {
    let before = index.checked_mul(u64::from(FULL_WIDTH))?;
    let rest = hashes_at(level, size)
        .checked_sub(before)
        .filter(|rest| *rest > 0)?;
    Some(rest.min(u64::from(FULL_WIDTH)) as u16)
}

impl Tile {
    /// The tile `index` of `level`, as wide as a tree of this size has it; `None` if it has none there.
    pub fn of_tree(level: u8, index: u64, size: Size) -> Option<Self> {
        width_at(level, index, size).map(|width| Self {
            level,
            index,
            width,
        })
    }

    /// The tile of a tree of this size from which the hash of `node` is read; `None` if `node` is not complete in it.
    pub fn holding(node: Node, size: Size) -> Option<Self> {
        let last = node
            .index
            .checked_add(1)?
            .checked_shl(u32::from(node.level))?;
        if node.level > 63 || last >> node.level != node.index + 1 || last > size.get() {
            return None;
        }
        Self::of_tree(node.level / 8, (node.index << (node.level % 8)) >> 8, size)
    }

    /// All tiles of a tree, level by level, each from the left: what a full copy of the log has.
    pub fn all(size: Size) -> impl Iterator<Item = Self> {
        (0..LEVELS)
            .flat_map(move |level| (0..).map_while(move |index| Self::of_tree(level, index, size)))
    }

    /// All tiles that a client needs who trusts only the root: those a plan's hashes are in, and those above them and at the
    /// right edge, which vouch for them.
    pub fn needed(plan: &Plan, size: Size) -> BTreeSet<Self> {
        let nodes = plan.nodes().chain(frontier_nodes(size));
        let holding = nodes.filter_map(|node| Self::holding(node, size));
        holding.flat_map(|tile| tile.and_above(size)).collect()
    }

    fn and_above(self, size: Size) -> impl Iterator<Item = Self> {
        let levels = (self.level..LEVELS).zip(0u32..);
        levels.map_while(move |(level, up)| Self::of_tree(level, self.index >> (8 * up), size))
    }

    /// Its level: 0 holds leaf hashes.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Its place in the level, from the left.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes it has: 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether a tree of this size has at least the hashes of this tile, so that it can be served.
    pub fn is_in(&self, size: Size) -> bool {
        width_at(self.level, self.index, size).is_some_and(|width| self.width <= width)
    }

    /// Where it begins in the array of its level.
    pub fn offset_bytes(&self) -> u64 {
        self.index
            .saturating_mul(u64::from(FULL_WIDTH) * Hash::BYTES as u64)
    }

    /// How many bytes of that array it is.
    pub fn length_bytes(&self) -> usize {
        usize::from(self.width) * Hash::BYTES
    }

    /// Cuts the bytes of this tile into hashes.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there are more or fewer bytes than its width says.
    pub fn hashes(&self, bytes: &[u8]) -> Result<Vec<Hash>, Error> {
        if bytes.len() != self.length_bytes() {
            return Err(Error::malformed(
                "a tile",
                "its length is not 32 bytes for each hash",
            ));
        }
        let (hashes, _) = bytes.as_chunks::<{ Hash::BYTES }>();
        Ok(hashes.iter().copied().map(Hash).collect())
    }

    /// Reads `C2SP` tile paths, such as `tile/1/x001/234.p/5`.
    ///
    /// # Errors
    /// [`Error::Malformed`] for any but the one spelling of a tile that [`Tile`] displays.
    pub fn parse(path: &str) -> Result<Self, Error> {
        let refuse = Error::malformed("a tile path", "it is not tile/<L>/<N>[.p/<W>]");
        let read = || {
            let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
            let level = from_decimal(level).filter(|level| *level < 64)? as u8;
            let (index, width) = parse_place(rest)?;
            Some(Self {
                level,
                index,
                width,
            })
        };
        read().filter(|tile| tile.to_string() == path).ok_or(refuse)
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        write_place(f, self.index, self.width)
    }
}

impl Bundle {
    /// The bundle `index`, as wide as a tree of this size has it; `None` if it has none there.
    pub fn of_tree(index: u64, size: Size) -> Option<Self> {
        width_at(0, index, size).map(|width| Self { index, width })
    }

    /// All bundles of a tree, from the left.
    pub fn all(size: Size) -> impl Iterator<Item = Self> {
        (0..).map_while(move |index| Self::of_tree(index, size))
    }

    /// Its place, from the left: its first leaf has the seq `256 * index`.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many leaves it has: 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether a tree of this size has at least the leaves of this bundle, so that it can be served.
    pub fn is_in(&self, size: Size) -> bool {
        width_at(0, self.index, size).is_some_and(|width| self.width <= width)
    }

    /// Writes one leaf as entry bundles hold it, behind its length. Leaves of this log always fit.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a leaf of more than 65,535 bytes.
    pub fn push(bundle: &mut Vec<u8>, leaf: &[u8]) -> Result<(), Error> {
        let length = u16::try_from(leaf.len())
            .map_err(|_| Error::malformed("a leaf", "it is too long for a bundle"))?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(leaf);
        Ok(())
    }

    /// Cuts the bytes of this bundle into leaves.
    ///
    /// # Errors
    /// [`Error::Malformed`] if they are more, fewer or cut short.
    pub fn leaves<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, Error> {
        let refuse = |why| Error::malformed("an entry bundle", why);
        let (mut leaves, mut rest) = (Vec::with_capacity(self.width.into()), bytes);
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (leaf, after) = after
                .split_at_checked(u16::from_be_bytes(*length).into())
                .ok_or(refuse("its last leaf is cut short"))?;
            leaves.push(leaf);
            rest = after;
        }
        if !rest.is_empty() || leaves.len() != usize::from(self.width) {
            return Err(refuse("it does not have as many leaves as its width says"));
        }
        Ok(leaves)
    }

    /// Reads `C2SP` bundle paths, such as `tile/entries/x001/234.p/5`.
    ///
    /// # Errors
    /// [`Error::Malformed`] for any but the one spelling of a bundle that [`Bundle`] displays.
    pub fn parse(path: &str) -> Result<Self, Error> {
        let refuse = Error::malformed("a bundle path", "it is not tile/entries/<N>[.p/<W>]");
        let read = || {
            let (index, width) = parse_place(path.strip_prefix("tile/entries/")?)?;
            Some(Self { index, width })
        };
        read()
            .filter(|bundle| bundle.to_string() == path)
            .ok_or(refuse)
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        write_place(f, self.index, self.width)
    }
}

/// `x001/x234/067[.p/<W>]`: groups of three digits, all but the last marked, so that no file is also a directory.
fn write_place(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let mut unit = 1;
    while index / unit >= 1000 {
        unit *= 1000;
    }
    while unit > 1 {
        write!(f, "x{:03}/", index / unit % 1000)?;
        unit /= 1000;
    }
    write!(f, "{:03}", index % 1000)?;
    if width < FULL_WIDTH {
        write!(f, ".p/{width}")?;
    }
    Ok(())
}

/// Reads at least what [`write_place`] writes; the caller holds the result against the text.
fn parse_place(text: &str) -> Option<(u64, u16)> {
    let (index, width) = match text.split_once(".p/") {
        None => (text, u64::from(FULL_WIDTH)),
        Some((index, width)) => (
            index,
            from_decimal(width).filter(|width| (1..256).contains(width))?,
        ),
    };
    let mut number: u64 = 0;
    for group in index.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        number = number
            .checked_mul(1000)?
            .checked_add(digits.parse().ok()?)?;
    }
    (number <= NUMBER_MAX).then_some((number, width as u16))
}

/// Tiles of one tree, as they were received.
#[derive(Clone, Debug)]
pub struct Tiles {
    tree: Tree,
    held: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl Tiles {
    /// No tile yet, of the tree that a checkpoint states.
    pub fn of(tree: Tree) -> Self {
        Self {
            tree,
            held: BTreeMap::new(),
        }
    }

    /// Adds a tile.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is not exactly as wide as the tree has it there (of a wider one the rest could not be
    /// checked), has another number of bytes, or is there already.
    pub fn insert(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), Error> {
        if width_at(tile.level, tile.index, self.tree.size) != Some(tile.width) {
            return Err(Error::malformed(
                "a tile",
                "the tree has no tile of this width there",
            ));
        }
        if self
            .held
            .insert((tile.level, tile.index), tile.hashes(bytes)?)
            .is_some()
        {
            return Err(Error::malformed(
                "a list of tiles",
                "it names one tile twice",
            ));
        }
        Ok(())
    }

    /// Checks every hash of every tile against the root: first the right edge, then each full tile against its parent.
    ///
    /// # Errors
    /// [`Error::Refuted`] if one does not belong to the tree; [`Error::MissingTile`] if one that is needed to decide is not
    /// there.
    pub fn authenticate(self) -> Result<TrustedTiles, Error> {
        // The partial tiles of the right edge consist of nothing but the nodes that make the root. Of full tiles there, only
        // the levels that reach the edge are needed, and those are checked below like all others.
        if Tree::read(self.tree.size, |node| self.hash(node))? != self.tree {
            return Err(Error::refuted(
                "a set of tiles",
                "its right edge has another root",
            ));
        }
        for (&(level, index), hashes) in &self.held {
            if hashes.len() < usize::from(FULL_WIDTH) {
                continue;
            }
            let parent = Node {
                level: 8 * (level + 1),
                index,
            };
            if self.hash(parent)? != root_of(hashes) {
                return Err(Error::refuted(
                    "a tile",
                    "its parent has another hash for it",
                ));
            }
        }
        Ok(TrustedTiles(self))
    }

    fn hash(&self, node: Node) -> Result<Hash, Error> {
        let size = self.tree.size;
        let tile = Tile::holding(node, size).ok_or(Error::OutOfRange {
            what: "a node that ends before entry",
            asked: node
                .index
                .saturating_add(1)
                .saturating_mul(1 << node.level.min(62)),
            size: size.get(),
        })?;
        let missing = || Error::MissingTile {
            path: tile.to_string(),
        };
        let hashes = self
            .held
            .get(&(tile.level, tile.index))
            .ok_or_else(missing)?;
        let depth = node.level % 8;
        let start = ((node.index << depth) % u64::from(FULL_WIDTH)) as usize;
        let inside = hashes
            .get(start..start + (1 << depth))
            .ok_or_else(missing)?;
        Ok(root_of(inside))
    }
}

/// The root over `2^n` neighbouring hashes.
fn root_of(hashes: &[Hash]) -> Hash {
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

/// Tiles of which every hash belongs to the tree of a checkpoint.
#[derive(Clone, Debug)]
pub struct TrustedTiles(Tiles);

impl TrustedTiles {
    /// The tree they belong to.
    pub fn tree(&self) -> Tree {
        self.0.tree
    }

    /// The hash of a complete subtree, for [`Plan::read`].
    ///
    /// # Errors
    /// [`Error::MissingTile`] if the tile is not among them, [`Error::OutOfRange`] if the tree has no such subtree.
    pub fn hash(&self, node: Node) -> Result<Hash, Error> {
        self.0.hash(node)
    }
}
