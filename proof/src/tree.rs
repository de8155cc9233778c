//! RFC 6962 trees: which hashes make up a proof, and how a proof is checked (RFC 9162 sections 2.1.3 and 2.1.4).
//!
//! Making a proof is split in two. A [`Plan`] says which nodes it needs, from sizes alone; reading them is the caller's, from
//! memory, from tiles or from a file. Checking needs neither: a [`Tree`], which is two values somebody signed.

use std::fmt;

use crate::{Error, Hash, text::NUMBER_MAX};

/// An entry's place in its log, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// How many entries a tree has: at most 2^63 - 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

impl Size {
    /// The largest a tree can be.
    pub const MAX: Self = Self(NUMBER_MAX);

    /// `None` above [`Size::MAX`].
    pub fn new(entries: u64) -> Option<Self> {
        (entries <= NUMBER_MAX).then_some(Self(entries))
    }

    /// The number of entries.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A complete subtree: the `2^level` leaves from `index * 2^level`. Its hash never changes once all of them are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// 0 is a leaf.
    pub level: u8,
    /// Which subtree of that level, from the left.
    pub index: u64,
}

/// Leaves `start..end` that RFC 6962 hashes as one subtree; perhaps not a complete one.
#[derive(Clone, Copy, Debug)]
struct Subtree {
    start: u64,
    end: u64,
}

impl Subtree {
    fn leaves(self) -> u64 {
        self.end - self.start
    }

    /// Cut where RFC 6962 cuts: after the largest power of two that is smaller than the number of leaves.
    fn halves(self) -> (Self, Self) {
        let middle = self.start + (1 << (self.leaves() - 1).ilog2());
        (
            Self {
                end: middle,
                ..self
            },
            Self {
                start: middle,
                ..self
            },
        )
    }

    /// The complete subtrees it consists of, largest first.
    fn nodes(self) -> impl Iterator<Item = Node> {
        let mut start = self.start;
        std::iter::from_fn(move || {
            let level = (self.end - start).checked_ilog2()?;
            let node = Node {
                level: level as u8,
                index: start >> level,
            };
            start += 1 << level;
            Some(node)
        })
    }
}

/// Which hashes a proof consists of, before anyone has read them.
#[derive(Clone, Debug)]
pub struct Plan(Vec<Subtree>);

impl Plan {
    /// The proof that `seq` is in the tree of `size` entries, from the leaf's sibling upwards.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the tree does not reach that far.
    pub fn inclusion(seq: Seq, size: Size) -> Result<Self, Error> {
        if seq.0 >= size.0 {
            return Err(Error::OutOfRange {
                what: "seq",
                asked: seq.0,
                size: size.0,
            });
        }
        let mut siblings = Vec::new();
        let mut tree = Subtree {
            start: 0,
            end: size.0,
        };
        while tree.leaves() > 1 {
            let (left, right) = tree.halves();
            let (inside, sibling) = if seq.0 < left.end {
                (left, right)
            } else {
                (right, left)
            };
            siblings.push(sibling);
            tree = inside;
        }
        siblings.reverse();
        Ok(Self(siblings))
    }

    /// The proof that the tree of `new` entries begins with all of the tree of `old`, in the order of RFC 6962.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if `old` is empty (every tree extends it, there is nothing to prove) or larger than `new`.
    pub fn consistency(old: Size, new: Size) -> Result<Self, Error> {
        if old.0 == 0 || old > new {
            return Err(Error::OutOfRange {
                what: "an older tree of size",
                asked: old.0,
                size: new.0,
            });
        }
        let mut siblings = Vec::new();
        let mut tree = Subtree {
            start: 0,
            end: new.0,
        };
        while tree.end != old.0 {
            let (left, right) = tree.halves();
            let (inside, sibling) = if old.0 <= left.end {
                (left, right)
            } else {
                (right, left)
            };
            siblings.push(sibling);
            tree = inside;
        }
        // What begins at 0 is the old tree itself, whose root the verifier has.
        if tree.start != 0 {
            siblings.push(tree);
        }
        siblings.reverse();
        Ok(Self(siblings))
    }

    /// The complete subtrees whose hashes [`Plan::read`] will ask for, in that order.
    pub fn nodes(&self) -> impl Iterator<Item = Node> {
        self.0.iter().flat_map(|subtree| subtree.nodes())
    }

    /// The proof, its hashes read through `read`.
    ///
    /// # Errors
    /// Only what `read` returns.
    pub fn read<E>(&self, mut read: impl FnMut(Node) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
        self.0
            .iter()
            .map(|subtree| fold(subtree.nodes(), &mut read))
            .collect()
    }
}

/// The complete subtrees that a tree of this size consists of, largest first: all that is needed to know its root.
pub fn frontier_nodes(size: Size) -> impl Iterator<Item = Node> {
    Subtree {
        start: 0,
        end: size.0,
    }
    .nodes()
}

/// The root of complete subtrees, largest first: each is the left sibling of all that follow.
fn fold<E>(
    nodes: impl Iterator<Item = Node>,
    mut read: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let mut hashes = nodes.map(&mut read).collect::<Result<Vec<_>, E>>()?;
    let mut root = hashes.pop().unwrap_or(Hash::EMPTY_TREE);
    while let Some(left) = hashes.pop() {
        root = Hash::node(&left, &root);
    }
    Ok(root)
}

/// The state of a log: how many entries, and the hash that stands for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Number of leaves.
    pub size: Size,
    /// RFC 6962 tree hash of them.
    pub root: Hash,
}

impl Tree {
    /// The tree of `size` entries, its complete subtrees read through `read`.
    ///
    /// # Errors
    /// Only what `read` returns.
    pub fn read<E>(size: Size, read: impl FnMut(Node) -> Result<Hash, E>) -> Result<Self, E> {
        Ok(Self {
            size,
            root: fold(frontier_nodes(size), read)?,
        })
    }

    /// Checks that the leaf with hash `leaf` is at `seq` of this tree (RFC 9162, 2.1.3.2).
    ///
    /// # Errors
    /// [`Error::Refuted`] if the path, of whatever length, does not show exactly that.
    pub fn includes(&self, seq: Seq, leaf: &Hash, path: &[Hash]) -> Result<(), Error> {
        let refuse = |why| Err(Error::refuted("an inclusion proof", why));
        if seq.0 >= self.size.0 {
            return refuse("the tree does not reach that far");
        }
        let (mut place, mut last) = (seq.0, self.size.0 - 1);
        let mut hash = *leaf;
        for step in path {
            if last == 0 {
                return refuse("its path is too long");
            }
            if is_right(place, last) {
                hash = Hash::node(step, &hash);
                climb(&mut place, &mut last);
            } else {
                hash = Hash::node(&hash, step);
            }
            place >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return refuse("its path is too short");
        }
        if hash != self.root {
            return refuse("it leads to another root");
        }
        Ok(())
    }

    /// Checks that this tree begins with all entries of `old`, in their order (RFC 9162, 2.1.4.2).
    ///
    /// # Errors
    /// [`Error::Refuted`] if the path, of whatever length, does not show exactly that. An empty `old` is refused too: every
    /// tree extends it, so a proof of it says nothing.
    pub fn extends(&self, old: &Tree, path: &[Hash]) -> Result<(), Error> {
        let refuse = |why| Err(Error::refuted("a consistency proof", why));
        if old.size.0 == 0 {
            return refuse("there is nothing to prove about an empty tree");
        }
        if old.size > self.size {
            return refuse("the older tree is the larger");
        }
        if old.size == self.size {
            return match (path.is_empty(), old.root == self.root) {
                (true, true) => Ok(()),
                (false, _) => refuse("its path is too long"),
                (true, false) => refuse("the trees have one size and two roots"),
            };
        }
        let (mut place, mut last) = (old.size.0 - 1, self.size.0 - 1);
        let complete = place.trailing_ones();
        place >>= complete;
        last >>= complete;
        // An old tree that is a complete subtree of the new one starts the path itself.
        let (start, path) = match (place, path.split_first()) {
            (0, _) => (old.root, path),
            (_, Some((first, rest))) => (*first, rest),
            (_, None) => return refuse("its path is too short"),
        };
        let (mut old_hash, mut new_hash) = (start, start);
        for step in path {
            if last == 0 {
                return refuse("its path is too long");
            }
            if is_right(place, last) {
                old_hash = Hash::node(step, &old_hash);
                new_hash = Hash::node(step, &new_hash);
                climb(&mut place, &mut last);
            } else {
                new_hash = Hash::node(&new_hash, step);
            }
            place >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return refuse("its path is too short");
        }
        if old_hash != old.root {
            return refuse("it leads to another older root");
        }
        if new_hash != self.root {
            return refuse("it leads to another newer root");
        }
        Ok(())
    }
}

/// Whether the sibling is on the left: for every right child, and for the last node of a level, which has none on the right.
fn is_right(place: u64, last: u64) -> bool {
    place & 1 == 1 || place == last
}

/// The last node of a level, if it is a left child, is promoted unhashed until it has a left sibling.
fn climb(place: &mut u64, last: &mut u64) {
    while *place & 1 == 0 && *place != 0 {
        *place >>= 1;
        *last >>= 1;
    }
}
