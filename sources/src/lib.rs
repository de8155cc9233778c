//! What other systems write about who did what, read as drafts of entries. Bytes in, drafts out.
//!
//! Nothing is lost: what no field of an entry holds stays in its context, and what becomes no entry is told with its reason.
//! No network, no clock, no files: time and inputs arrive as arguments.
//!
//! In reading order:
//! - [`scan`], [`delimit`]: one item after the other out of a stream, in constant memory
//! - [`foreign`], [`foreign_time`]: what the mappings share
//! - [`redact`]: secrets stay out
//! - [`table`]: formats as tables, those of `tables/` and a user's own
//! - [`mar`], [`kubernetes`], [`cloudtrail`], [`azure`], [`gcp`], [`vault`]: what tables do not reach
//! - [`syslog`], [`cef`], [`csv`]: lines of text as objects
//! - [`formats`]: all of them, by name or by an input's first items
//! - [`sent`]: what comes over protocols, item by item; [`otlp`], [`cloudevents`], [`elastic`], [`hec`], [`syslog::read`]

// Under this name the fuzz targets know it, and the corpus is replayed through them.
#[cfg(test)]
extern crate self as sources;

pub mod azure;
pub mod cef;
pub mod cloudevents;
pub mod cloudtrail;
#[cfg(test)]
mod corpus;
pub mod csv;
mod delimit;
pub mod elastic;
pub mod foreign;
pub mod foreign_time;
pub mod formats;
pub mod gcp;
pub mod hec;
pub mod kubernetes;
pub mod mar;
pub mod otlp;
pub mod redact;
pub mod scan;
pub mod sent;
pub mod syslog;
pub mod table;
#[cfg(test)]
mod testing;
pub mod vault;
