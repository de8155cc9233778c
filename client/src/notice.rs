//! What an operator is told.

use std::path::PathBuf;

/// Something that happened to a recorder, for the program's own log or metrics. Holds nothing of what entries say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The last process ended in the middle of a write; nobody was told that those bytes were recorded.
    TornTail { file: PathBuf, bytes: u64 },
    /// Bytes of the spool are not what was written. They are kept aside, and what follows them is delivered.
    Damaged {
        file: PathBuf,
        bytes: u64,
        kept: PathBuf,
    },
    /// The log refused an entry for what it says; it is in `rejected.ndjson`.
    Rejected { sequence: u64, why: String },
    /// The log does not know us or does not let us record; entries wait.
    Unauthorized { status: u16, why: String },
    /// The log does not answer; entries wait.
    Unreachable { why: String },
    /// The log answers again.
    Reached,
    /// So many entries were not recorded since the last such notice; the log is being told.
    Dropped { count: u64 },
    /// The spool's disk failed.
    SpoolFailed { why: String },
    /// A request was answered though its entry could not be recorded.
    Unrecorded { action: String, why: String },
}
