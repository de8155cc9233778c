//! Every file operation of the store, behind one seam: the real disk, and in tests one that crashes.
//!
//! What survives a loss of power, by this contract: bytes after [`File::sync_data`] returned, names (of created, renamed and
//! removed files and of directories) after [`Disk::sync_dir`] of the directory they are in returned. Anything else may be
//! there, may not be there, or may be there in part. After a sync *failed* nothing is known about what it covered, and
//! asking again proves nothing: the system may have dropped the dirty pages.

pub(crate) mod map;
pub mod real;

use crate::segment::SegmentBytes;

use std::io;
use std::path::Path;

/// The file operations of one data directory. Repeatable only where it is said.
pub trait Disk: Send + Sync {
    /// A new, empty file for its owner alone; fails if the name is taken.
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// An existing file, to be written.
    fn open(&self, path: &Path) -> io::Result<Box<dyn File>>;

    /// All bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// `length` bytes of a file from `offset` on; [`io::ErrorKind::UnexpectedEof`] if it has less.
    fn read_at(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// All bytes of a file that nobody changes any more; they stay readable after the name is gone.
    fn map(&self, path: &Path) -> io::Result<SegmentBytes>;

    /// The length of a file in bytes.
    fn size_bytes(&self, path: &Path) -> io::Result<u64>;

    /// A new directory for its owner alone; false if it was there already. Its parents must exist.
    fn create_dir(&self, path: &Path) -> io::Result<bool>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Gives a file a new name in the same directory, replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Takes the lock of a file, creating it if need be; `None` if another process has it. Dropping the answer releases it.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;

    /// Whether others than its owner may read or write a file.
    fn is_open_to_others(&self, path: &Path) -> io::Result<bool>;

    /// Why files here do not survive a restart of the machine, if so.
    fn volatile(&self, path: &Path) -> io::Result<Option<&'static str>>;
}

/// A file that is being written. Used by one thread at a time.
pub trait File: Send {
    /// All of `bytes` at `offset`; after an error any part of them may be there.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file's bytes and its length durable. Never called again after it failed.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Cuts the file, or extends it with zeros.
    fn set_size(&mut self, size_bytes: u64) -> io::Result<()>;

    /// Reserves room up to `size_bytes`, readable as zeros. A file system that cannot is not an error.
    fn reserve(&mut self, size_bytes: u64) -> io::Result<()>;
}

/// Holds the lock of a data directory until it is dropped.
pub trait Lock: Send + Sync {}

/// True if the error says that there is no room: the disk, the quota, or the largest permitted file.
pub fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
