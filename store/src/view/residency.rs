//! Keeps the pages of mapped segments from filling the memory that people see.
//!
//! Pages of a mapped file that were read once count as this process's memory until the system wants them back. They are
//! given back here as soon as they are many: the system still has them cached, so reading them again costs little.

use super::Snapshot;

/// Above this, pages are given back. Large enough for the columns that facets of twenty million entries pass over.
const MAPPED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Gives back the pages of all segments when this process holds many. Where the system does not say, nothing is done.
pub(super) fn relieve(snapshot: &Snapshot) {
    if mapped_bytes().is_some_and(|bytes| bytes > MAPPED_BYTES_MAX) {
        let segments = snapshot.logs.iter().flat_map(|log| &log.segments);
        segments.for_each(|segment| segment.release());
    }
}

/// Bytes of mapped files in memory: the third number of Linux's `statm`, in pages.
fn mapped_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(2)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
