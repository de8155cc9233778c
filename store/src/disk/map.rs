//! Maps files. The only `unsafe` of the store.

use crate::segment::SegmentBytes;
use std::fs::File;
use std::io;
use std::ops::Range;

/// Maps a whole file. The file must never be written or cut again; it may be renamed or removed.
pub(super) fn map(file: &File) -> io::Result<SegmentBytes> {
    if file.metadata()?.len() == 0 {
        return Ok(SegmentBytes::Memory(Vec::new()));
    }
    // SAFETY: a mapping is sound while nobody changes the mapped bytes. Segment files are complete and synced before
    // they get the name under which they are mapped; this program only ever renames or removes them, which leaves the
    // mapped inode alone; and the data directory is locked and readable to its owner only. A stranger who cuts the file
    // under us gets this process a SIGBUS, not a wrong answer.
    let map = unsafe { memmap2::Mmap::map(file)? };
    Ok(SegmentBytes::Mapped(map))
}

/// Gives back the memory of the pages that hold a range and were read. What cannot be given back stays: nothing depends on it.
pub(crate) fn release(map: &memmap2::Mmap, range: Range<usize>) {
    debug_assert!(range.start <= range.end && range.end <= map.len());
    // SAFETY: the mapping is shared, read-only and of a file that nobody changes (see above), so a page dropped here is read
    // again from the file with the same bytes.
    let released = unsafe {
        map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, range.len())
    };
    if let Err(error) = released {
        tracing::debug!(%error, "pages of a segment could not be given back");
    }
}
