//! The SDK of the audit log: what a program did, recorded as surely as each action needs.
//!
//! ```no_run
//! use mar_audit_client::{Actor, Config, Entry, Recorder, Target, action};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::new("https://audit.example", "mar-api/pod-3", "/var/lib/mar-api/audit");
//! let recorder = Recorder::open(config.token(std::env::var("MAR_AUDIT_TOKEN")?))?;
//! recorder.record(
//!     Entry::by(Actor::user("usr_5").name("Ana Ruiz").email("ana@acme.example"))
//!         .did(action::SCALE_CLUSTER)
//!         .to(Target::cluster("clu_9").name("pay-eu"))
//!         .in_project("acme", "payments")
//!         .change("/spec/replicas", 3, 5)
//!         .context("ticket", "OPS-88")
//!         .success(),
//! )?;
//! recorder.close()?;
//! # Ok(())
//! # }
//! ```
//!
//! It stands on the words of the log alone and knows nothing of the server but `POST /v1/entries`. Nothing here needs an
//! async runtime: [`Recorder::record`] blocks, [`Recorder::recording`] is a future of any runtime.
//!
//! In reading order:
//! - [`action`]: the actions of the catalogue, and your own
//! - [`building`]: an entry, word by word; one without actor, action and result does not compile
//! - [`value`]: values for `changes` and `context`, and what differs between two of them
//! - [`config`]: where the log is, and what each action is worth
//! - [`recorder`]: what records; [`recording`]: what it promises to one entry
//! - [`spool`]: entries on disk until the log has them
//! - [`sender`]: calls to the log, and what their answers mean
//! - [`error`], [`notice`]: what a caller is told, and what an operator is
//! - `routes`, `layer`, `testing` (features `tower`, `axum`): requests that record themselves

pub mod action;
pub mod building;
mod clock;
pub mod config;
pub mod error;
#[cfg(feature = "tower")]
pub mod layer;
pub mod notice;
pub mod recorder;
pub mod recording;
#[cfg(feature = "tower")]
pub mod routes;
mod sender;
mod spool;
#[cfg(feature = "tower")]
pub mod testing;
pub mod value;

pub use action::Action;
pub use building::{Actor, By, Did, Entry, Request, Target};
pub use config::{Config, Guarantee, Token};
pub use entry::{ActorKind, Category, Draft, EntryId, Json, Organization, Problems, Timestamp};
pub use error::{Error, OpenError, Unconfirmed};
#[cfg(feature = "tower")]
pub use layer::{Audit, AuditLayer};
pub use notice::Notice;
pub use recorder::{Health, Recorder, Stats};
pub use recording::{Kept, Receipt, Recording};
#[cfg(feature = "tower")]
pub use routes::Routes;

/// The manual's programs compile.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../../docs/sdk.md")]
struct Manual;
