//! One entry's proof file: what it shows once every step has held.

use super::{Refusal, Step, Trust, together};
use proof::disclosure::Disclosure;
use proof::log_proof::LogProof;
use proof::policy::Accepted;
use proof::{Seq, Tree};

/// The longest proof file, in bytes: the largest entry of 4 MiB with every character escaped, as base64, fits four times.
pub const FILE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// What a proof file has shown.
#[derive(Clone, Debug)]
pub struct Inclusion<'t> {
    /// Which log.
    pub origin: String,
    /// The entry's place in it.
    pub seq: Seq,
    /// The tree it is in.
    pub tree: Tree,
    /// Who vouches for that tree.
    pub accepted: Accepted<'t>,
    /// The entry's units.
    pub disclosure: Disclosure,
    /// The entry put together from those that are open, as JSON.
    pub entry: String,
}

impl<'t> Inclusion<'t> {
    /// Checks a `.tlog-proof` file: its format, who signed its checkpoint, the entry's values, its place, its age; in this
    /// order, and nothing is believed before what vouches for it.
    pub fn verify(file: &[u8], trust: &'t Trust) -> Result<Self, Refusal> {
        let proof = LogProof::parse(file).map_err(|e| Refusal::of(Step::Format, &e))?;
        let accepted = trust.accept(&proof.checkpoint)?;
        let extra = proof.extra.as_deref().ok_or_else(|| {
            Refusal::tampered(Step::Format, "it has no extra line to disclose an entry")
        })?;
        let disclosure = Disclosure::parse(extra).map_err(|e| Refusal::of(Step::Format, &e))?;
        let leaf = disclosure
            .leaf()
            .map_err(|e| Refusal::of(Step::Entry, &e))?;
        let checkpoint = proof.checkpoint.checkpoint();
        checkpoint
            .tree()
            .includes(proof.seq, &leaf.hash(), &proof.path)
            .map_err(|e| Refusal::of(Step::Place, &e))?;
        let entry = together::wire(&disclosure, proof.seq)?;
        trust.check_age(&accepted, Some(disclosure.received_at()))?;
        Ok(Self {
            origin: checkpoint.origin().to_owned(),
            seq: proof.seq,
            tree: checkpoint.tree(),
            accepted,
            disclosure,
            entry,
        })
    }
}
