//! The words of the audit log: who did what to which target, where, and how it ended.
//!
//! Start here. Every other crate stores, proves, moves or shows these types.
//! No I/O, no clock, no async: time and randomness arrive as arguments.
//!
//! In reading order:
//! - [`limits`]: how large things may be, each with its reason
//! - [`json`]: strict JSON with pointers to what is wrong, and the canonical bytes
//! - [`timestamp`], [`identity`], [`address`]: the values entries are made of
//! - [`words`]: actor types, categories, results, organizations
//! - [`draft`]: what a caller claims; becomes an [`Entry`] by [`Draft::accept`]
//! - [`mod@entry`]: one accepted line of the log
//! - [`units`]: the parts of an entry that can be shown or erased apart
//! - [`catalogue`]: the actions, their categories and their sentences
//! - [`field`]: the table of fields behind filters, facets, columns and exports
//! - [`text`]: case folding, words and leaves of context
//! - [`filter`]: which entries; [`filter::Filter::matches`] *is* what a search means
//! - [`mask`]: what is hidden from a reader, in entries and in the answers to filters
//! - [`query`]: the query text `q=`

pub mod address;
pub mod catalogue;
pub mod draft;
pub mod entry;
pub mod field;
pub mod filter;
pub mod identity;
pub mod json;
pub mod limits;
pub mod mask;
pub mod query;
pub mod text;
pub mod timestamp;
pub mod units;
pub mod words;

pub use catalogue::Catalogue;
pub use draft::{Draft, DraftScope};
pub use entry::{Actor, Entry, Error, Party, Request, Scope, Seq, Source, Target};
pub use filter::Filter;
pub use identity::EntryId;
pub use json::{Invalid, Json, Problems};
pub use mask::Mask;
pub use timestamp::Timestamp;
pub use units::{Erased, Units};
pub use words::{ActorKind, Category, Organization, Result};
