//! A tree that grows: the hashes of its complete subtrees, at most 63 of them.

use crate::{
    Error, Hash, Size, Tree,
    text::NUMBER_MAX,
    tree::{Node, frontier_nodes},
};

/// The right edge of a tree: all that is needed to append to it and to know its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: Size,
    /// One complete subtree for each bit set in `size`, largest first.
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The edge of a tree that exists: its complete subtrees, largest first, as [`frontier_nodes`] lists them, read through
    /// `read`.
    ///
    /// # Errors
    /// Only what `read` returns.
    pub fn read<E>(size: Size, read: impl FnMut(Node) -> Result<Hash, E>) -> Result<Self, E> {
        Ok(Self {
            size,
            hashes: frontier_nodes(size).map(read).collect::<Result<_, E>>()?,
        })
    }

    /// How many leaves were appended.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Appends the hash of one leaf; `completed` is told of every subtree that is now complete, the leaf itself first.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the tree is as large as trees can be; nothing changed then.
    pub fn append(
        &mut self,
        leaf: Hash,
        mut completed: impl FnMut(Node, Hash),
    ) -> Result<(), Error> {
        let seq = self.size.get();
        let grown = Size::new(seq + 1).ok_or(Error::OutOfRange {
            what: "size",
            asked: seq + 1,
            size: NUMBER_MAX,
        })?;
        let (mut node, mut hash) = (
            Node {
                level: 0,
                index: seq,
            },
            leaf,
        );
        completed(node, hash);
        while node.index & 1 == 1
            && let Some(left) = self.hashes.pop()
        {
            node = Node {
                level: node.level + 1,
                index: node.index >> 1,
            };
            hash = Hash::node(&left, &hash);
            completed(node, hash);
        }
        self.hashes.push(hash);
        self.size = grown;
        Ok(())
    }

    /// The tree of all leaves so far.
    pub fn tree(&self) -> Tree {
        let folded = self
            .hashes
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| Hash::node(&left, &right));
        Tree {
            size: self.size,
            root: folded.unwrap_or(Hash::EMPTY_TREE),
        }
    }
}
