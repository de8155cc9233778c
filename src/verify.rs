//! Whether evidence holds: proofs, evidence bundles and logs, checked without trusting whoever handed them over.
//!
//! All mathematics is in the crate `proof`; here is what reads the evidence, in which order it is believed, and what it
//! means if it does not hold. Nothing here prints, asks for the time or knows flags; nothing asks a server whether it is right.
//!
//! In reading order:
//! - [`refusal`]: at which step evidence failed, and what that means
//! - [`trust`]: whose signatures are enough, and how old they may be
//! - [`together`]: an entry put together again from its open units
//! - [`inclusion`]: one entry's proof file
//! - [`tiles`]: a tree's tiles as they come, from the top down
//! - [`lines`]: what a bundle shows of its entries, checked in parallel
//! - [`bundle`]: an evidence bundle
//! - [`log`]: a log itself, and that it only grew
//! - [`remembered`]: what was accepted of it before
//! - [`remote`], [`stored`]: a log that a server gives out, a log in a directory

pub mod bundle;
pub mod inclusion;
pub mod lines;
pub mod log;
pub mod refusal;
pub mod remembered;
pub mod remote;
pub mod stored;
pub mod tiles;
pub mod together;
pub mod trust;

pub use bundle::Bundle;
pub use inclusion::Inclusion;
pub use log::Log;
pub use refusal::{Error, Refusal, Step, Verdict};
pub use trust::{MaxAge, Trust};
