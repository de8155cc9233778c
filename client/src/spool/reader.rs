//! Reads entries back for delivery, in order, up to what is durable.

use super::frame::{self, Kind, MAGIC, Next};
use super::recovery::{Part, parts};
use super::{Place, directory};
use crate::Notice;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Read at once where frames are small.
const WINDOW: usize = 256 * 1024;

/// Where delivery stands, and the file it reads.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    open: Option<(u64, File)>,
}

/// A run of entries for one call.
#[derive(Debug, Default)]
pub struct Run {
    /// One entry a line.
    pub lines: Vec<u8>,
    /// Where each line ends, its line feed included, and its number.
    pub entries: Vec<(usize, u64)>,
    /// Behind the last frame, also where it was no entry.
    pub end: Place,
    /// The highest number that was passed.
    pub passed: Option<u64>,
    pub notices: Vec<Notice>,
}

impl Run {
    fn bytes_with(&self, more: usize) -> usize {
        self.lines.len() + more + 1
    }
}

impl Reader {
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            open: None,
        }
    }

    /// The entries from `place` on to the end of its file, of which `durable` bytes are there: at least one if there is one, and
    /// not more than allowed.
    pub fn run(
        &mut self,
        place: Place,
        durable: u64,
        entries_max: usize,
        bytes_max: usize,
    ) -> std::io::Result<Run> {
        let mut run = Run {
            end: Place {
                number: place.number,
                at: place.at.max(MAGIC.len() as u64),
            },
            ..Run::default()
        };
        let mut wanted = WINDOW;
        while run.end.at < durable && run.entries.len() < entries_max {
            let window = self.window(run.end, durable, wanted)?;
            let before = run.end.at;
            match take(&window, &mut run, entries_max, bytes_max) {
                Taken::All => wanted = WINDOW,
                Taken::Enough => break,
                Taken::Short(bytes) if run.end.at + bytes as u64 <= durable => {
                    wanted = bytes.max(WINDOW);
                }
                Taken::Short(_) | Taken::Bad => self.skip(&mut run, durable)?,
            }
            debug_assert!(run.end.at > before || wanted > window.len());
        }
        Ok(run)
    }

    fn window(&mut self, from: Place, to: u64, bytes: usize) -> std::io::Result<Vec<u8>> {
        let length = usize::try_from(to - from.at)
            .unwrap_or(usize::MAX)
            .min(bytes);
        let file = match &self.open {
            Some((number, file)) if *number == from.number => file,
            _ => {
                let file = File::open(directory::file(&self.dir, from.number))?;
                &self.open.insert((from.number, file)).1
            }
        };
        let mut window = vec![0; length];
        file.read_exact_at(&mut window, from.at)?;
        Ok(window)
    }

    /// Keeps aside what is no frame, and goes on behind it.
    fn skip(&mut self, run: &mut Run, durable: u64) -> std::io::Result<()> {
        let rest = self.window(run.end, durable, usize::MAX)?;
        let bytes = match parts(&rest, 0).next() {
            Some(Part::Damaged(range) | Part::Tail(range)) => range.end,
            Some(Part::Frame { .. }) | None => rest.len() as u64,
        };
        let aside = &rest[..bytes as usize];
        if let Some(kept) = directory::keep_aside(&self.dir, run.end.number, run.end.at, aside)? {
            run.notices.push(Notice::Damaged {
                file: directory::file(&self.dir, run.end.number),
                bytes,
                kept,
            });
        }
        run.end.at += bytes;
        Ok(())
    }
}

enum Taken {
    All,
    Enough,
    /// The next frame has so many bytes, if it is one.
    Short(usize),
    Bad,
}

fn take(window: &[u8], run: &mut Run, entries_max: usize, bytes_max: usize) -> Taken {
    let mut at = 0;
    while at < window.len() {
        let frame = match frame::read(&window[at..]) {
            Next::Frame(frame) => frame,
            Next::Short(bytes) => return Taken::Short(bytes),
            Next::Bad => return Taken::Bad,
        };
        if frame.kind == Kind::Entry {
            let full = run.entries.len() >= entries_max
                || run.bytes_with(frame.body.len()) > bytes_max && !run.entries.is_empty();
            if full {
                return Taken::Enough;
            }
            run.lines.extend_from_slice(frame.body);
            run.lines.push(b'\n');
            run.entries.push((run.lines.len(), frame.sequence));
        }
        if frame.kind != Kind::Head {
            run.passed = run.passed.max(Some(frame.sequence));
        }
        at += frame.bytes();
        run.end.at += frame.bytes() as u64;
    }
    Taken::All
}
