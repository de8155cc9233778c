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

pub mod inclusion;
pub mod refusal;
pub mod together;
pub mod trust;

pub use inclusion::Inclusion;
pub use refusal::{Error, Refusal, Step, Verdict};
pub use trust::{MaxAge, Trust};
