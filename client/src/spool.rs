//! Entries on disk until the log has them.
//!
//! A directory of one recorder, for its owner alone:
//!
//! ```text
//! lock                          held while a recorder has the spool
//! 00000000000000000007.spool    frames, appended and synced; removed when every entry of it is delivered
//! delivered                     file and byte up to which everything is delivered, with a checksum
//! rejected.ndjson               entries that the log refused for what they say, each with the reason
//! damaged/…                     bytes that are not what was written
//! ```
//!
//! A file is appended to by the process that began it alone; a new process begins a new one. What is lost if `delivered` is
//! lost: nothing, entries are sent again and the log knows them.
//!
//! - [`frame`]: one frame
//! - [`recovery`]: what the last process left
//! - [`reader`]: entries back, in order
//! - [`directory`]: names and the lock

pub mod directory;
pub mod frame;
pub mod reader;
pub mod recovery;

use crate::{Notice, OpenError};
use frame::{Kind, MAGIC};
use recovery::io;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A byte of a spool file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub number: u64,
    pub at: u64,
}

/// A spool file and what it takes on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolFile {
    pub number: u64,
    pub bytes: u64,
}

/// Of the budget, so much is one file: removing one gives back an eighth.
const FILES_IN_BUDGET: u64 = 8;
/// No file is longer than this, whatever the budget.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// An opened spool, taken apart: who writes, where delivery stands, and what was found.
#[derive(Debug)]
pub struct Spool {
    /// Held until the last part of the recorder is gone.
    pub lock: File,
    pub writer: Writer,
    pub delivered: Delivered,
    /// Files of before, ascending, and the one that is appended to.
    pub files: Vec<SpoolFile>,
    pub next_sequence: u64,
    pub waiting: u64,
    pub notices: Vec<Notice>,
}

impl Spool {
    /// Takes the directory, recovers what is in it and begins a new file.
    pub fn open(dir: &Path, source: &str, bytes_max: u64) -> Result<Self, OpenError> {
        let lock = directory::open(dir)?;
        let (mut delivered, place) = Delivered::open(dir)?;
        let found = recovery::recover(dir, place)?;
        if let Some(source_name) = found.source.filter(|name| name != source) {
            let dir = dir.to_owned();
            return Err(OpenError::Foreign { dir, source_name });
        }
        let next_sequence = found.next_sequence.unwrap_or(1);
        let number = found.files.last().map_or(1, |file| file.number + 1);
        let writer = Writer::begin(dir, source, number, next_sequence, bytes_max)?;
        let mut files = found.files;
        files.push(SpoolFile {
            number,
            bytes: writer.length,
        });
        // Where delivery goes on: the place that was kept, as far as its file is still there.
        let first = Place {
            number: files[0].number,
            at: 0,
        };
        delivered.place = found.delivered.unwrap_or(first);
        Ok(Self {
            lock,
            writer,
            delivered,
            files,
            next_sequence,
            waiting: found.waiting,
            notices: found.notices,
        })
    }
}

/// Appends to the newest file. One thread has it.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    source: String,
    file: File,
    pub number: u64,
    /// Every byte before this is durable.
    pub length: u64,
    file_bytes_max: u64,
    /// One past the highest number in any file.
    next_sequence: u64,
}

/// How an append failed.
#[derive(Debug)]
pub enum Failed {
    /// Nothing of it is left; the next one may succeed.
    Undone(std::io::Error),
    /// A sync failed: what is on disk is not known, and nothing is appended any more.
    Latched(std::io::Error),
}

impl Writer {
    fn begin(
        dir: &Path,
        source: &str,
        number: u64,
        next_sequence: u64,
        bytes_max: u64,
    ) -> Result<Self, OpenError> {
        let path = directory::file(dir, number);
        let (file, length) =
            begin_file(dir, &path, source, next_sequence).map_err(|error| io(&path, error))?;
        Ok(Self {
            dir: dir.to_owned(),
            source: source.to_owned(),
            file,
            number,
            length,
            file_bytes_max: (bytes_max / FILES_IN_BUDGET).clamp(4096, FILE_BYTES_MAX),
            next_sequence,
        })
    }

    /// Appends frames, the last of which has the number `last`; durable when this returns. Whether a new file was begun for
    /// them, and how long it is without them.
    pub fn append(&mut self, frames: &[u8], last: u64) -> Result<Option<SpoolFile>, Failed> {
        let begun = if self.length >= self.file_bytes_max {
            Some(self.rotate().map_err(Failed::Undone)?)
        } else {
            None
        };
        if let Err(error) = self.file.write_all_at(frames, self.length) {
            // The part that was written is cut off again, so that no later process takes it for recorded.
            return Err(match self.file.set_len(self.length) {
                Ok(()) => Failed::Undone(error),
                Err(_) => Failed::Latched(error),
            });
        }
        if let Err(error) = rustix::fs::fdatasync(&self.file) {
            return Err(Failed::Latched(error.into()));
        }
        self.length += frames.len() as u64;
        self.next_sequence = self.next_sequence.max(last.saturating_add(1));
        Ok(begun)
    }

    fn rotate(&mut self) -> std::io::Result<SpoolFile> {
        let number = self.number + 1;
        let path = directory::file(&self.dir, number);
        let (file, bytes) = begin_file(&self.dir, &path, &self.source, self.next_sequence)?;
        (self.file, self.number, self.length) = (file, number, bytes);
        Ok(SpoolFile { number, bytes })
    }
}

fn begin_file(
    dir: &Path,
    path: &Path,
    source: &str,
    next_sequence: u64,
) -> std::io::Result<(File, u64)> {
    let mut head = MAGIC.to_vec();
    frame::push(&mut head, Kind::Head, next_sequence, |out| {
        out.extend_from_slice(source.as_bytes());
    });
    match directory::create(dir, path, &head) {
        Ok(file) => Ok((file, head.len() as u64)),
        Err(error) => {
            // A disk that is full leaves an empty file behind, whose name the next attempt needs.
            if error.kind() != std::io::ErrorKind::AlreadyExists {
                std::fs::remove_file(path).or_else(absent)?;
            }
            Err(error)
        }
    }
}

/// How far delivery has come, durably. One thread has it.
#[derive(Debug)]
pub struct Delivered {
    dir: PathBuf,
    file: File,
    pub place: Place,
}

impl Delivered {
    /// With the place it holds, if it holds one.
    fn open(dir: &Path) -> Result<(Self, Option<Place>), OpenError> {
        let path = dir.join("delivered");
        let open = || {
            use std::os::unix::fs::OpenOptionsExt;
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            options.mode(0o600).open(&path)
        };
        let file = open().map_err(|error| io(&path, error))?;
        let bytes = std::fs::read(&path).map_err(|error| io(&path, error))?;
        let delivered = Self {
            dir: dir.to_owned(),
            file,
            place: Place::default(),
        };
        Ok((delivered, Place::decode(&bytes)))
    }

    /// Remembers that everything before `place` is delivered.
    pub fn advance(&mut self, place: Place) -> std::io::Result<()> {
        self.file.write_all_at(&place.encode(), 0)?;
        rustix::fs::fdatasync(&self.file)?;
        self.place = place;
        Ok(())
    }

    /// Removes a file of which everything is delivered.
    pub fn remove(&self, number: u64) -> std::io::Result<()> {
        std::fs::remove_file(directory::file(&self.dir, number)).or_else(absent)
    }
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

impl Place {
    fn encode(self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&self.number.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.at.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..16]);
        bytes[16..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 20] = bytes.try_into().ok()?;
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        let checksum = u32::from_le_bytes(bytes[16..].try_into().expect("4 bytes"));
        (crc32c::crc32c(&bytes[..16]) == checksum).then(|| Self {
            number: number(0),
            at: number(8),
        })
    }
}

/// Entries that the log refused, kept with the reason. One line each: `{"sequence":…,"why":…,"entry":…}`.
pub fn keep_rejected(dir: &Path, rejected: &[(u64, &str, &[u8])]) -> std::io::Result<()> {
    let mut lines = Vec::new();
    for (sequence, why, entry) in rejected {
        write!(lines, "{{\"sequence\":{sequence},\"why\":").expect("memory is written");
        entry::json::write_string(why, &mut lines);
        lines.extend_from_slice(b",\"entry\":");
        lines.extend_from_slice(entry.trim_ascii_end());
        lines.extend_from_slice(b"}\n");
    }
    let mut file = directory::append_to(&dir.join("rejected.ndjson"))?;
    file.write_all(&lines)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
