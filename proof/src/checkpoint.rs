//! Checkpoints (C2SP tlog-checkpoint): a log's signed statement of its tree.

use std::fmt;

use crate::{
    Error, Hash, Size, Tree,
    key::{KeyName, PosixSeconds, SigningKey},
    note::{Note, Signature},
    text::from_decimal,
};

/// Which log, and its tree. The text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    tree: Tree,
    extensions: Vec<String>,
}

fn malformed(why: &'static str) -> Error {
    Error::malformed("a checkpoint", why)
}

impl Checkpoint {
    /// A checkpoint of the log whose keys have this name.
    pub fn new(origin: &KeyName, tree: Tree) -> Self {
        Self {
            origin: origin.as_str().to_owned(),
            tree,
            extensions: Vec::new(),
        }
    }

    /// Reads the text of a checkpoint: origin, size, root and perhaps extension lines, each ended by a newline.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = text
            .strip_suffix('\n')
            .ok_or(malformed("its last line does not end"))?;
        let mut lines = lines.split('\n');
        let mut line = || {
            lines
                .next()
                .ok_or(malformed("it has fewer than three lines"))
        };
        let origin = line()?.to_owned();
        let size = from_decimal(line()?)
            .and_then(Size::new)
            .ok_or(malformed("its size is not a plain decimal"))?;
        let root = Hash::parse(line()?).ok_or(malformed("its root is not base64 of 32 bytes"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(malformed("it has an empty line"));
        }
        if size.get() == 0 && root != Hash::EMPTY_TREE {
            return Err(malformed("its root is not that of an empty tree"));
        }
        Ok(Self {
            origin,
            tree: Tree { size, root },
            extensions,
        })
    }

    /// Which log it is.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The tree it states.
    pub fn tree(&self) -> Tree {
        self.tree
    }

    /// Lines after the root. Nobody vouches for them but the log.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// Checks that this checkpoint can follow `old`, which the caller accepted before. An empty `old` has nothing to prove
    /// and wants an empty path, as has a tree of the same size.
    ///
    /// # Errors
    /// [`Error::Rollback`] if it is smaller, [`Error::Fork`] if it has the same size and another root, and for every other
    /// pair [`Error::Refuted`] if the path does not prove that it extends `old`. Whether that is a bad path or a fork is
    /// for the caller to find out, who can make the path from checked tiles: no path exists between forks.
    pub fn follows(&self, old: &Self, path: &[Hash]) -> Result<(), Error> {
        if self.origin != old.origin {
            return Err(Error::refuted("a checkpoint", "it is of another log"));
        }
        let sizes = || {
            (
                self.origin.clone(),
                old.tree.size.get(),
                self.tree.size.get(),
            )
        };
        if self.tree.size < old.tree.size {
            let (origin, old, new) = sizes();
            return Err(Error::Rollback { origin, old, new });
        }
        if self.tree.size == old.tree.size && self.tree.root != old.tree.root {
            let (origin, old, new) = sizes();
            return Err(Error::Fork { origin, old, new });
        }
        if old.tree.size.get() == 0 {
            let nothing = path.is_empty().then_some(());
            return nothing.ok_or(Error::refuted(
                "a consistency proof",
                "an empty tree needs none",
            ));
        }
        self.tree.extends(&old.tree, path)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.tree.size, self.tree.root)?;
        self.extensions
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A checkpoint with signatures. Who made them is for a [`Policy`](crate::policy::Policy) to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Signs as the log: `key` must carry the log's origin as its name.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it does not.
    pub fn sign(checkpoint: Checkpoint, key: &SigningKey) -> Result<Self, Error> {
        if key.verifier().name().as_str() != checkpoint.origin {
            return Err(malformed(
                "its origin is not the name of the key that signs it",
            ));
        }
        let mut note = Note::new(checkpoint.to_string())?;
        // A log's own key states no time.
        note.sign(key, PosixSeconds(0))?;
        Ok(Self { checkpoint, note })
    }

    /// Adds a witness's signature, made at `now`. The witness has checked that the checkpoint extends what it saw before.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there are too many signatures.
    pub fn cosign(&mut self, witness: &SigningKey, now: PosixSeconds) -> Result<(), Error> {
        self.note.sign(witness, now)
    }

    /// Adds a signature line as a witness returned it.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there are too many signatures.
    pub fn push(&mut self, signature: Signature) -> Result<(), Error> {
        self.note.push(signature)
    }

    /// Reads a signed checkpoint.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the rule that is broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let note = Note::parse(bytes)?;
        Ok(Self {
            checkpoint: Checkpoint::parse(note.text())?,
            note,
        })
    }

    /// What the signatures are over.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note, with its signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}
