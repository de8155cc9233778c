//! The bytes of a segment: in memory, or in a mapped file. The only `unsafe` of the store.

use std::fs::File;
use std::io;
use std::ops::Deref;

/// The bytes of a segment, immutable.
pub enum SegmentBytes {
    Memory(Vec<u8>),
    Mapped(memmap2::Mmap),
}

impl SegmentBytes {
    /// Maps a whole file. The file must never be written or cut again; it may be renamed or removed.
    pub fn map(file: &File) -> io::Result<Self> {
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

    /// Bytes that count as this process's own memory.
    pub fn memory_bytes(&self) -> usize {
        match self {
            SegmentBytes::Memory(bytes) => bytes.capacity(),
            SegmentBytes::Mapped(_) => 0,
        }
    }
}

impl Deref for SegmentBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            SegmentBytes::Memory(bytes) => bytes,
            SegmentBytes::Mapped(map) => map,
        }
    }
}
