//! The journal: records appended and synced before anything is acknowledged.
//!
//! Positions count bytes from the store's first; a file is named after the position of its first byte. Every record holds
//! its own position, so that stale bytes never pass for one, and the position up to which the journal was synced when it was
//! written: that is how recovery tells an unacknowledged tail from damage.

pub(crate) mod record;
pub(crate) mod scan;

use crate::Error;
use crate::directory::Directory;
use crate::disk::{File, is_no_space};
use crate::faults::{Fault, Faults};
use record::Kind;
use std::sync::Arc;

/// The one writer of the journal.
pub(crate) struct Journal {
    directory: Arc<Directory>,
    file: Box<dyn File>,
    /// Position of the current file's first byte: its name.
    first: u64,
    /// Position after the last record that is whole.
    end: u64,
    /// Everything before this position is synced.
    durable: u64,
    /// A file is followed by the next when it would grow beyond this.
    file_bytes_max: u64,
    /// Why nothing can be written any more.
    latched: Option<String>,
    faults: Faults,
}

/// Records of one commit, on their way to the journal.
pub(crate) struct Pending {
    bytes: Vec<u8>,
    base: u64,
    durable_to: u64,
}

impl Pending {
    /// Position of the next record.
    pub fn position(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Adds a record; `content` appends its content.
    pub fn push(&mut self, kind: Kind, count: u32, content: impl FnOnce(&mut Vec<u8>)) {
        record::encode(
            &mut self.bytes,
            self.base,
            self.durable_to,
            kind,
            count,
            content,
        );
    }
}

impl Journal {
    /// Goes on after the last good record that `scan` found: cuts what is behind it and makes what is before it durable.
    pub fn open(
        directory: Arc<Directory>,
        scan: scan::Scan,
        file_bytes_max: u64,
        faults: Faults,
    ) -> Result<Self, Error> {
        let journal_dir = directory.journal_dir();
        let (file, end) = match scan.last {
            None => {
                let file = create_file(&directory, 0, file_bytes_max, faults)?;
                (file, 0)
            }
            Some(last) => {
                let path = directory.journal_file(last.first);
                let mut file = directory
                    .disk
                    .open(&path)
                    .map_err(|e| Error::io(&path, e))?;
                if last.stale_behind && !faults.has(Fault::StaleTailKept) {
                    file.set_size(last.end - last.first)
                        .map_err(|e| Error::io(&path, e))?;
                }
                // A process that was killed, or whose sync failed, may have left whole records that only the system's
                // cache holds, and a sync skips pages it takes for clean: write them again, then sync.
                if !last.unproven.is_empty() {
                    file.write_at(&last.unproven, last.unproven_from - last.first)
                        .map_err(|e| Error::io(&path, e))?;
                }
                file.sync_data().map_err(|e| Error::io(&path, e))?;
                (file, last.end)
            }
        };
        directory
            .disk
            .sync_dir(&journal_dir)
            .map_err(|e| Error::io(&journal_dir, e))?;
        let first = scan.files.last().copied().unwrap_or(0);
        Ok(Self {
            directory,
            file,
            first,
            end,
            durable: end,
            file_bytes_max,
            latched: None,
            faults,
        })
    }

    /// An empty list of records for the next [`Journal::commit`].
    pub fn pending(&self, mut buffer: Vec<u8>) -> Pending {
        buffer.clear();
        Pending {
            bytes: buffer,
            base: self.end,
            durable_to: self.durable,
        }
    }

    /// Writes the records and syncs them; after `Ok` they survive anything. Gives the buffer back.
    /// [`Error::NoSpace`] leaves the journal as it was; any other error latches it.
    pub fn commit(&mut self, pending: Pending) -> Result<Vec<u8>, Error> {
        let buffer = self.write(pending)?;
        if !self.faults.has(Fault::AckBeforeSync) {
            self.sync()?;
        }
        Ok(buffer)
    }

    /// Notes that everything so far is synced, for recovery to tell damage from a tail. Not synced itself.
    pub fn mark(&mut self) -> Result<(), Error> {
        let mut pending = self.pending(Vec::new());
        pending.push(Kind::Mark, 0, |_| ());
        self.write(pending).map(drop)
    }

    /// Writes and syncs the closing record.
    pub fn close(&mut self) -> Result<(), Error> {
        let mut pending = self.pending(Vec::new());
        pending.push(Kind::Close, 0, |_| ());
        self.commit(pending).map(drop)
    }

    /// Begins the next file, unless the last one is empty; answers with its position.
    pub fn begin_file(&mut self) -> Result<u64, Error> {
        self.refuse_if_latched()?;
        if self.end > self.first {
            self.rotate()?;
        }
        Ok(self.first)
    }

    /// Position of the file that the last record went to.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Position after the last record.
    pub fn end(&self) -> u64 {
        self.end
    }

    fn write(&mut self, pending: Pending) -> Result<Vec<u8>, Error> {
        self.refuse_if_latched()?;
        debug_assert_eq!(
            pending.base, self.end,
            "records were encoded for another place"
        );
        let size_bytes = pending.bytes.len() as u64;
        let offset = self.end - self.first;
        if offset > 0 && offset + size_bytes > self.file_bytes_max {
            self.rotate()?;
        }
        let offset = self.end - self.first;
        if let Err(error) = self.file.write_at(&pending.bytes, offset) {
            return Err(self.take_back(offset, error));
        }
        self.end += size_bytes;
        Ok(pending.bytes)
    }

    /// After a failed write: the journal ends where it did before, or is latched.
    fn take_back(&mut self, offset: u64, error: std::io::Error) -> Error {
        if !is_no_space(&error) {
            return self.latch(format!("a write failed: {error}"));
        }
        // Part of the records may be there. They must not be found behind the shorter ones that may come next.
        let taken_back = self
            .file
            .set_size(offset)
            .and_then(|()| self.file.sync_data());
        match taken_back {
            Ok(()) => Error::NoSpace {
                path: self.directory.journal_dir(),
            },
            Err(error) => self.latch(format!(
                "a full disk, and taking back what was written failed: {error}"
            )),
        }
    }

    fn sync(&mut self) -> Result<(), Error> {
        match self.file.sync_data() {
            Ok(()) => {}
            Err(_) if self.faults.has(Fault::SyncErrorIgnored) => {}
            Err(error) => return Err(self.latch(format!("a sync failed: {error}"))),
        }
        self.durable = self.end;
        Ok(())
    }

    /// Begins the next file. The last one is synced to its end before: a later file's name proves that.
    fn rotate(&mut self) -> Result<(), Error> {
        if self.durable < self.end {
            self.sync()?;
        }
        // The room reserved and not used; if this does not survive, there are zeros, which recovery expects.
        if let Err(error) = self.file.set_size(self.end - self.first) {
            return Err(self.latch(format!("cutting a full file failed: {error}")));
        }
        match create_file(&self.directory, self.end, self.file_bytes_max, self.faults) {
            Ok(file) => {
                self.file = file;
                self.first = self.end;
                Ok(())
            }
            Err(error @ Error::NoSpace { .. }) => Err(error),
            Err(error) => Err(self.latch(format!("a new file cannot be made: {error}"))),
        }
    }

    fn latch(&mut self, what: String) -> Error {
        tracing::error!(
            what,
            "the journal is latched: nothing is appended until a restart"
        );
        self.latched = Some(what.clone());
        Error::Latched { what }
    }

    fn refuse_if_latched(&self) -> Result<(), Error> {
        match &self.latched {
            Some(what) => Err(Error::Latched { what: what.clone() }),
            None => Ok(()),
        }
    }
}

/// A journal file whose name is durable. On [`Error::NoSpace`] there is none of that name.
fn create_file(
    directory: &Directory,
    first: u64,
    size_bytes: u64,
    faults: Faults,
) -> Result<Box<dyn File>, Error> {
    let path = directory.journal_file(first);
    let mut file = directory
        .disk
        .create(&path)
        .map_err(|e| Error::io(&path, e))?;
    if let Err(error) = file.reserve(size_bytes) {
        // Less room than a whole file, or a limit on a file's size: records may still fit.
        if !is_no_space(&error) {
            return Err(Error::io(&path, error));
        }
        file.set_size(0).map_err(|e| Error::io(&path, e))?;
    }
    if !faults.has(Fault::NoDirectorySync) {
        let dir = directory.journal_dir();
        // A failed sync of the directory may not be asked again: whatever it was, the journal must latch.
        directory.disk.sync_dir(&dir).map_err(|source| Error::Io {
            path: dir.clone(),
            source,
        })?;
    }
    Ok(file)
}
