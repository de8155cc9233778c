//! An immutable run of one log's entries, contiguous in seq, with its indexes.

use entry::{Entry, Organization};
use std::sync::Arc;

/// An immutable run of one log's entries; its bytes are in memory or in a mapped file, in the same format.
pub struct Segment {}

impl Segment {
    /// From entries in order of seq; the segment lives in memory until it is merged into a file.
    pub fn build(_organization: &Organization, _entries: &[Arc<Entry>]) -> Segment {
        todo!()
    }
}
