//! What a caller is told: one variant per thing it can do next.

use entry::{EntryId, Problems};
use std::path::PathBuf;

/// Why a recorder did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Correct the settings.
    #[error("{0}")]
    Config(String),
    /// Another process has this spool; each has one of its own.
    #[error("the spool {dir} is another recorder's at this moment")]
    Locked { dir: PathBuf },
    /// Name the source as it was, or give this one a spool of its own.
    #[error("the spool {dir} belongs to the source `{source_name}`")]
    Foreign { dir: PathBuf, source_name: String },
    #[error("{path}: {error}")]
    Io {
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
}

/// Why an entry is not recorded, as far as that is known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Correct the entry: the log would refuse it.
    #[error("the entry is invalid: {0}")]
    Invalid(Problems),
    /// The log refused this very entry; it is kept in `rejected.ndjson`, and the operation must not go on.
    #[error("the log refused the entry: {0}")]
    Refused(String),
    /// The spool has reached its budget: the log could not be reached for long. The entry is lost, and counted.
    #[error("the spool is full: {used_bytes} of {max_bytes} bytes are taken")]
    Full { used_bytes: u64, max_bytes: u64 },
    /// Too many required entries wait for the log already.
    #[error("{waiting} required entries are waiting, at most {max} may")]
    Busy { waiting: usize, max: usize },
    /// The log does not have it: fail the operation.
    #[error("not recorded: {0}")]
    NotRecorded(String),
    /// The log may have it or not: it was sent, and no answer came in time. Fail the operation, or ask again with
    /// [`Recorder::again`](crate::Recorder::again), which finds it or stores it, once.
    #[error("perhaps recorded: no answer for the entry {}", .0.id)]
    Unknown(Unconfirmed),
    /// The spool's disk failed. The entry is lost, and counted.
    #[error("the spool failed: {0}")]
    Spool(String),
    /// The recorder was closed.
    #[error("the recorder is closed")]
    Closed,
    /// The process was forked after the recorder was opened: open another one, with a spool of its own.
    #[error("the recorder belongs to another process")]
    Forked,
}

/// An entry of which nobody knows whether the log has it. It keeps its id and number, so that asking again cannot store it twice.
#[derive(Clone, Debug)]
pub struct Unconfirmed {
    pub id: EntryId,
    pub sequence: u64,
    pub(crate) json: Box<[u8]>,
}
