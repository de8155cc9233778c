//! What other systems write about who did what, read as drafts of entries. Bytes in, drafts out.
//!
//! Nothing is lost: what no field of an entry holds stays in its context, and what becomes no entry is told with its reason.
//! No network, no clock, no files: time and inputs arrive as arguments.
//!
//! In reading order:
//! - [`scan`], [`delimit`]: one item after the other out of a stream, in constant memory
//! - [`foreign`], [`foreign_time`]: what the mappings share
//! - [`mar`], [`kubernetes`], [`cloudtrail`]: the formats

pub mod cloudtrail;
mod delimit;
pub mod foreign;
pub mod foreign_time;
pub mod kubernetes;
pub mod mar;
pub mod scan;
