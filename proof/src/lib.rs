//! The mathematics of the verifiable log: leaves, trees, tiles, notes, checkpoints, proofs, and how each is refused.
//!
//! This is the crate an auditor reads. It makes and checks the evidence that an entry is in a log and that the log only ever
//! grew; it knows nothing of what an entry means, of files, servers or clocks. No I/O, no async, no globals, no randomness:
//! seeds, keys and times arrive as arguments. No input makes it panic, every loop is bounded by the input's own length, and
//! every format has exactly one spelling: what parses is what would be written.
//!
//! In reading order:
//!
//! 1. [`hash`](crate::Hash): RFC 6962 hashing of leaves and nodes.
//! 2. [`leaf`]: how an entry becomes 128 bytes that commit to it and can outlive a part of it.
//! 3. [`disclosure`]: the parts themselves, some open, some erased.
//! 4. [`tree`]: which hashes make a proof, and how inclusion and consistency are checked.
//! 5. [`frontier`]: a tree that grows, in 2 KiB.
//! 6. [`tile`]: the tree in files of 256 hashes, and how tiles from a stranger are checked.
//! 7. [`key`], [`note`], [`checkpoint`]: who signed which tree.
//! 8. [`policy`]: whose signatures are enough.
//! 9. [`log_proof`]: all of it in one file, checked offline by [`log_proof::LogProof::verify`].
//!
//! `docs/proofs.md` describes the same formats for someone who writes a verifier of their own.

#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice
)]
#![warn(missing_docs)]

pub mod checkpoint;
pub mod disclosure;
mod error;
pub mod frontier;
mod hash;
pub mod key;
pub mod leaf;
pub mod log_proof;
pub mod note;
pub mod policy;
mod text;
pub mod tile;
pub mod tree;

pub use error::Error;
pub use hash::Hash;
pub use tree::{Seq, Size, Tree};
