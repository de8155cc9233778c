//! What the last process left: every file read once, a torn tail cut, damage kept aside.

use super::frame::{self, Frame, Kind, MAGIC, Next};
use super::{Place, SpoolFile, directory};
use crate::{Notice, OpenError};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What was found in the files of a spool.
#[derive(Debug, Default)]
pub struct Found {
    pub files: Vec<SpoolFile>,
    /// One past the highest number given away, as far as the files know.
    pub next_sequence: Option<u64>,
    /// The source of the newest file that says one.
    pub source: Option<String>,
    /// Where delivery had come to, if that is in one of the files.
    pub delivered: Option<Place>,
    /// Entries at or behind the place that is delivered.
    pub waiting: u64,
    pub notices: Vec<Notice>,
}

/// A part of a file, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Frame {
        at: u64,
        frame: Frame<'a>,
    },
    /// No frames, with one behind them.
    Damaged(Range<u64>),
    /// No frames, and none behind them.
    Tail(Range<u64>),
}

/// The parts of a whole file, or of what follows `at` in it.
pub fn parts(bytes: &[u8], mut at: usize) -> impl Iterator<Item = Part<'_>> {
    if at == 0 && bytes.starts_with(MAGIC) {
        at = MAGIC.len();
    }
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let start = at as u64;
        if let Next::Frame(frame) = frame::read(rest) {
            at += frame.bytes();
            return Some(Part::Frame { at: start, frame });
        }
        match frame::resume(rest) {
            Some(skipped) => {
                at += skipped;
                Some(Part::Damaged(start..at as u64))
            }
            None => {
                at = bytes.len();
                Some(Part::Tail(start..at as u64))
            }
        }
    })
}

/// Reads every spool file of a directory. `delivered` is where delivery had come to.
pub fn recover(dir: &Path, delivered: Option<Place>) -> Result<Found, OpenError> {
    let numbers = directory::numbers(dir)?;
    // A place in no file that is there is of files that somebody took away: what is here now is not delivered.
    let delivered = delivered.filter(|place| numbers.contains(&place.number));
    let mut found = Found {
        delivered,
        ..Found::default()
    };
    for (n, &number) in numbers.iter().enumerate() {
        let is_last = n + 1 == numbers.len();
        let path = directory::file(dir, number);
        let bytes = std::fs::read(&path).map_err(|error| io(&path, error))?;
        let kept = one(dir, number, &bytes, is_last, delivered, &mut found)?;
        if kept < bytes.len() as u64 {
            cut(&path, kept)?;
            found.notices.push(Notice::TornTail {
                file: path.clone(),
                bytes: bytes.len() as u64 - kept,
            });
        }
        found.files.push(SpoolFile {
            number,
            bytes: kept,
        });
    }
    Ok(found)
}

/// Reads one file; how many of its bytes stay in it.
fn one(
    dir: &Path,
    number: u64,
    bytes: &[u8],
    is_last: bool,
    delivered: Option<Place>,
    found: &mut Found,
) -> Result<u64, OpenError> {
    let damaged = |found: &mut Found, range: Range<u64>| {
        let (from, to) = (range.start as usize, range.end as usize);
        let kept = directory::keep_aside(dir, number, range.start, &bytes[from..to]);
        let kept = kept.map_err(|error| io(dir, error))?;
        if let Some(kept) = kept {
            found.notices.push(Notice::Damaged {
                file: directory::file(dir, number),
                bytes: range.end - range.start,
                kept,
            });
        }
        Ok(())
    };
    for part in parts(bytes, 0) {
        match part {
            Part::Frame { at, frame } => found.take(Place { number, at }, frame, delivered),
            Part::Damaged(range) => damaged(found, range)?,
            // The last file is where a process can have ended in the middle of a write.
            Part::Tail(range) if is_last => return Ok(range.start),
            Part::Tail(range) => damaged(found, range)?,
        }
    }
    Ok(bytes.len() as u64)
}

impl Found {
    fn take(&mut self, place: Place, frame: Frame<'_>, delivered: Option<Place>) {
        let next = match frame.kind {
            Kind::Head => {
                self.source = Some(String::from_utf8_lossy(frame.body).into_owned());
                frame.sequence
            }
            Kind::Entry | Kind::Mark => frame.sequence.saturating_add(1),
        };
        self.next_sequence = self.next_sequence.max(Some(next));
        if frame.kind == Kind::Entry && delivered.is_none_or(|delivered| place >= delivered) {
            self.waiting += 1;
        }
    }
}

fn cut(path: &Path, to: u64) -> Result<(), OpenError> {
    let cut = || {
        let file = File::options().write(true).open(path)?;
        file.set_len(to)?;
        file.sync_all()
    };
    cut().map_err(|error| io(path, error))
}

pub fn io(path: &Path, error: std::io::Error) -> OpenError {
    let path: PathBuf = path.to_owned();
    OpenError::Io { path, error }
}
