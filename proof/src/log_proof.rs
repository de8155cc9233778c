//! The whole evidence for one entry in one file (C2SP tlog-proof), checked offline.

use std::fmt;

use crate::{
    Error, Hash, Seq,
    checkpoint::SignedCheckpoint,
    disclosure::Disclosure,
    policy::{Accepted, Policy},
    text,
    tree::Tree,
};

const HEAD: &str = "c2sp.org/tlog-proof@v1";

/// An inclusion proof with the checkpoint it leads to, and extra data: for our logs a [`Disclosure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// Authenticated by nothing: true only if the leaf it describes is the one that is proven.
    pub extra: Option<Vec<u8>>,
    /// The entry's place.
    pub seq: Seq,
    /// From the leaf's sibling to the root's child.
    pub path: Vec<Hash>,
    /// The tree it is in, and who says so.
    pub checkpoint: SignedCheckpoint,
}

/// What a proof has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven<'p> {
    /// The entry: open units are what was logged, erased ones were something at that place of the order.
    pub disclosure: Disclosure,
    /// Its place in the log.
    pub seq: Seq,
    /// The tree it was proven to be in.
    pub tree: Tree,
    /// Who vouched for that tree.
    pub accepted: Accepted<'p>,
}

fn malformed(why: &'static str) -> Error {
    Error::malformed("a tlog-proof", why)
}

impl LogProof {
    /// Reads a `.tlog-proof` file.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the rule that is broken.
    pub fn parse(file: &[u8]) -> Result<Self, Error> {
        let whole = std::str::from_utf8(file).map_err(|_| malformed("it is not UTF-8"))?;
        let (proof, checkpoint) = whole
            .split_once("\n\n")
            .ok_or(malformed("no empty line parts proof and checkpoint"))?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(HEAD) {
            return Err(malformed("its first line is not c2sp.org/tlog-proof@v1"));
        }
        let extra = lines
            .next_if(|line| line.starts_with("extra "))
            .map(|line| {
                let base64 = line.strip_prefix("extra ").and_then(text::from_base64);
                base64.ok_or(malformed("its extra data is not padded base64"))
            });
        let seq = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(text::from_decimal)
            .ok_or(malformed("its index is not a plain decimal"))?;
        let path = lines
            .map(|line| Hash::parse(line).ok_or(malformed("a hash is not base64 of 32 bytes")))
            .collect::<Result<Vec<_>, _>>()?;
        let checkpoint = SignedCheckpoint::parse(checkpoint.as_bytes())?;
        Ok(Self {
            extra: extra.transpose()?,
            seq: Seq(seq),
            path,
            checkpoint,
        })
    }

    /// Checks that a leaf with this hash is at [`LogProof::seq`] of a log that the policy accepts.
    ///
    /// # Errors
    /// As [`Policy::accept`] and [`Tree::includes`].
    pub fn verify_leaf<'p>(&self, leaf: &Hash, policy: &'p Policy) -> Result<Accepted<'p>, Error> {
        let accepted = policy.accept(&self.checkpoint)?;
        self.checkpoint
            .checkpoint()
            .tree()
            .includes(self.seq, leaf, &self.path)?;
        Ok(accepted)
    }

    /// Checks that the disclosed entry is at [`LogProof::seq`] of a log that the policy accepts: signatures, then the units
    /// against the leaf, then the leaf against the tree.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the extra data is not a disclosure, else as [`LogProof::verify_leaf`].
    pub fn verify<'p>(&self, policy: &'p Policy) -> Result<Proven<'p>, Error> {
        let extra = self
            .extra
            .as_deref()
            .ok_or(malformed("it has no extra data to disclose an entry"))?;
        let accepted = policy.accept(&self.checkpoint)?;
        let disclosure = Disclosure::parse(extra)?;
        let tree = self.checkpoint.checkpoint().tree();
        tree.includes(self.seq, &disclosure.leaf()?.hash(), &self.path)?;
        Ok(Proven {
            disclosure,
            seq: self.seq,
            tree,
            accepted,
        })
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", text::to_base64(extra))?;
        }
        writeln!(f, "index {}", self.seq.0)?;
        self.path
            .iter()
            .try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
