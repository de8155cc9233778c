//! A file that grows, is renamed away, or is copied and cut off: its lines, each once, in order.
//!
//! A place in it is told by the file's inode, an offset and a digest of the bytes before: a file that was put in its place, or cut off and
//! written anew, has other bytes there. What rotation moved away is looked for beside it, by the same signs, and read to its end
//! first; files between the two are read whole, oldest first, compressed ones excepted.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sources::scan::ITEM_BYTES_MAX;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Bytes before a place whose digest tells it from others.
const TAIL_BYTES: usize = 256;

/// Bytes read at a time.
const READ_BYTES: usize = 256 * 1024;

/// A place between two lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// How many files were read to their end before this one.
    pub generation: u64,
    pub inode: u64,
    pub offset: u64,
    /// Lines before it.
    pub lines: u64,
    /// How many bytes before the offset the digest is of, and the digest.
    pub tail_bytes: usize,
    pub tail: String,
}

/// A line, or what there is of one that is too long to hold.
#[derive(Debug)]
pub struct Line {
    /// Where it begins.
    pub from: Place,
    pub bytes: Vec<u8>,
    /// More of the same line follows.
    pub goes_on: bool,
}

/// The file on its way.
pub struct Growing {
    path: PathBuf,
    now: Option<Open>,
    /// Rotated files that come before the one at the path.
    behind: VecDeque<PathBuf>,
    generation: u64,
}

struct Open {
    file: File,
    inode: u64,
    generation: u64,
    /// Of the first byte of the buffer.
    offset: u64,
    buffer: Vec<u8>,
    /// What of the buffer holds no end of a line.
    searched: usize,
    lines: u64,
    /// The last bytes before the offset.
    tail: Vec<u8>,
    /// It is the one at the path, as far as is known.
    is_at_path: bool,
}

fn digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

impl Open {
    fn new(file: File, inode: u64, generation: u64, is_at_path: bool) -> Self {
        Self {
            file,
            inode,
            generation,
            offset: 0,
            buffer: Vec::new(),
            searched: 0,
            lines: 0,
            tail: Vec::new(),
            is_at_path,
        }
    }

    /// The same place again; its tail is in the file.
    fn at(file: File, place: &Place, is_at_path: bool) -> io::Result<Self> {
        let inode = file.metadata()?.ino();
        let mut tail = vec![0; place.tail_bytes];
        file.read_exact_at(&mut tail, place.offset - place.tail_bytes as u64)?;
        Ok(Self {
            offset: place.offset,
            lines: place.lines,
            tail,
            ..Self::new(file, inode, place.generation, is_at_path)
        })
    }

    fn place(&self) -> Place {
        Place {
            generation: self.generation,
            inode: self.inode,
            offset: self.offset,
            lines: self.lines,
            tail_bytes: self.tail.len(),
            tail: digest(&self.tail),
        }
    }

    /// So many bytes of the buffer as a line.
    fn take(&mut self, length: usize, ends: usize, goes_on: bool) -> Line {
        let from = self.place();
        let mut bytes: Vec<u8> = self.buffer.drain(..length + ends).collect();
        self.offset += bytes.len() as u64;
        self.tail
            .extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        let surplus = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus);
        bytes.truncate(length);
        self.searched = 0;
        self.lines += u64::from(!goes_on);
        Line {
            from,
            bytes,
            goes_on,
        }
    }

    fn buffered(&mut self) -> Option<Line> {
        let found = memchr::memchr(b'\n', &self.buffer[self.searched..]);
        if let Some(end) = found {
            return Some(self.take(self.searched + end, 1, false));
        }
        self.searched = self.buffer.len();
        let is_long = self.buffer.len() > ITEM_BYTES_MAX;
        is_long.then(|| self.take(self.buffer.len(), 0, true))
    }

    /// Reads on; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        let at = self.offset + self.buffer.len() as u64;
        let start = self.buffer.len();
        self.buffer.resize(start + READ_BYTES, 0);
        let read = loop {
            match self.file.read_at(&mut self.buffer[start..], at) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(start + *read.as_ref().unwrap_or(&0));
        Ok(read? > 0)
    }

    /// False once the bytes before the offset are others: the file was cut off and written anew.
    fn is_as_it_was(&self) -> io::Result<bool> {
        holds(&self.file, &self.place())
    }

    /// What stands after the last end of a line, where none will follow.
    fn rest(&mut self) -> Option<Line> {
        let length = self.buffer.len();
        (length > 0).then(|| self.take(length, 0, false))
    }
}

/// True if the bytes before a place are those that it was told by.
fn holds(file: &File, place: &Place) -> io::Result<bool> {
    if place.tail_bytes > TAIL_BYTES || place.offset < place.tail_bytes as u64 {
        return Ok(false);
    }
    let mut tail = vec![0; place.tail_bytes];
    match file.read_exact_at(&mut tail, place.offset - place.tail_bytes as u64) {
        Ok(()) => Ok(digest(&tail) == place.tail),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_compressed(path: &Path) -> bool {
    let known = ["gz", "zst", "xz", "bz2", "lz4"];
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|e| known.contains(&e))
}

impl Growing {
    /// From a place that was kept, else from the file's first byte. The second is false if what stood behind the place is not
    /// there any more.
    pub fn new(path: &Path, place: Option<&Place>) -> io::Result<(Self, bool)> {
        let mut growing = Self {
            path: path.to_owned(),
            now: None,
            behind: VecDeque::new(),
            generation: 0,
        };
        let Some(place) = place else {
            return Ok((growing, true));
        };
        growing.generation = place.generation;
        if let Some((file, found)) = opened(path)?
            && found.ino() == place.inode
            && holds(&file, place)?
        {
            growing.now = Some(Open::at(file, place, true)?);
            return Ok((growing, true));
        }
        let found = growing.seek(place)?;
        if !found {
            growing.generation += 1;
        }
        Ok((growing, found || place.offset == 0))
    }

    /// Goes on at a place in a file that was rotated away; false if there is none.
    fn seek(&mut self, place: &Place) -> io::Result<bool> {
        let beside = self.beside()?;
        let mut of_place = None;
        for (path, found) in &beside {
            let Some((file, _)) = opened(path)? else {
                continue;
            };
            // With no bytes before it every file would do.
            let is_it = match place.tail_bytes {
                0 => found.ino() == place.inode,
                _ => holds(&file, place)?,
            };
            if is_it && (of_place.is_none() || found.ino() == place.inode) {
                of_place = Some((file, found.mtime(), found.mtime_nsec(), path.clone()));
            }
        }
        let Some((file, seconds, nanos, path)) = of_place else {
            return Ok(false);
        };
        self.now = Some(Open::at(file, place, false)?);
        let later = beside.into_iter().filter(|(other, found)| {
            *other != path && (found.mtime(), found.mtime_nsec()) > (seconds, nanos)
        });
        self.behind = later.map(|(path, _)| path).collect();
        Ok(true)
    }

    /// Files whose names begin as ours does, the oldest first.
    fn beside(&self) -> io::Result<Vec<(PathBuf, Metadata)>> {
        let name = self.path.file_name().unwrap_or_default();
        let dir = match self.path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let other = entry.file_name();
            let rest = other.as_encoded_bytes();
            let rest = rest.strip_prefix(name.as_encoded_bytes());
            // What rotates a file adds a number or a date to its name; ours are its own.
            let is_rotated = rest.is_some_and(
                |rest| matches!(rest, [b'.' | b'-' | b'_', next, ..] if next.is_ascii_digit()),
            );
            let path = entry.path();
            if is_rotated && !is_compressed(&path) {
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => found.push((path, metadata)),
                    Ok(_) => {}
                    // It was rotated on meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        found.sort_by_key(|(_, of)| (of.mtime(), of.mtime_nsec()));
        Ok(found)
    }

    /// Where the next line begins; `None` before there is a file.
    pub fn place(&self) -> Option<Place> {
        self.now.as_ref().map(Open::place)
    }

    /// The next line that is whole; `None` while there is none.
    pub fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some(now) = &mut self.now else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            if let Some(line) = now.buffered() {
                return Ok(Some(line));
            }
            let had = now.buffer.len();
            if now.fill()? {
                // Bytes that came after a silence may be those of another file in the same place.
                if had == 0 && now.is_at_path && !now.is_as_it_was()? {
                    self.cut_off()?;
                }
                continue;
            }
            if !now.is_at_path {
                let rest = now.rest();
                self.generation = now.generation + 1;
                self.now = None;
                if rest.is_some() {
                    return Ok(rest);
                }
                continue;
            }
            if !self.has_turned()? {
                return Ok(None);
            }
        }
    }

    /// Opens the next rotated file, or the one at the path; false if there is none yet.
    fn open_next(&mut self) -> io::Result<bool> {
        while let Some(path) = self.behind.pop_front() {
            if let Some((file, found)) = opened(&path)? {
                self.now = Some(Open::new(file, found.ino(), self.generation, false));
                return Ok(true);
            }
        }
        let Some((file, found)) = opened(&self.path)? else {
            return Ok(false);
        };
        self.now = Some(Open::new(file, found.ino(), self.generation, true));
        Ok(true)
    }

    /// At the end of the file at the path: whether another stands there now, or it was cut off.
    fn has_turned(&mut self) -> io::Result<bool> {
        let Some(now) = &mut self.now else {
            return Ok(false);
        };
        let at = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            // Renamed away, and its successor not made yet.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if at.ino() != now.inode {
            // Who writes goes on in the old file until it opens the new one, and has written there.
            if at.len() == 0 {
                return Ok(false);
            }
            now.is_at_path = false;
            // It may have been rotated more than once since we looked.
            let (inode, of) = (now.inode, now.file.metadata()?);
            let since = (of.mtime(), of.mtime_nsec());
            let later = { self.beside()?.into_iter() }.filter(|(_, found)| {
                found.ino() != inode && (found.mtime(), found.mtime_nsec()) > since
            });
            self.behind = later.map(|(path, _)| path).collect();
            return Ok(true);
        }
        if at.len() < now.offset + now.buffer.len() as u64 {
            self.cut_off()?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The file was cut off: what was not read of it yet may stand in a copy beside it. Then it begins anew.
    fn cut_off(&mut self) -> io::Result<()> {
        let Some(now) = self.now.take() else {
            return Ok(());
        };
        let place = now.place();
        self.generation = now.generation + 1;
        if place.tail_bytes > 0 {
            self.seek(&place)?;
        }
        Ok(())
    }
}

/// An open file and what it is; `None` if there is none.
fn opened(path: &Path) -> io::Result<Option<(File, Metadata)>> {
    match File::open(path) {
        Ok(file) => {
            let metadata = file.metadata()?;
            Ok(Some((file, metadata)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
