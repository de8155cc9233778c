//! `import --follow`: a file that grows, from where the last run ended, until it is told to stop.
//!
//! - [`growing`]: its lines, through rotation
//!
//! The place that is kept is never ahead of what the log has answered for: a line is behind it once its entries are stored, or kept
//! beside. Whatever happens in between is read again, and what is stored already is recognised.

mod growing;

use super::refused::Refused;
use super::send::{Batch, Receipt, may_pass};
use super::{Arguments, Counts, claims, format_named, recognise, refused_beside};
use crate::cli::Failure;
use crate::client::Client;
use crate::terminal;
use growing::{Growing, Line, Place};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGINT, SIGTERM};
use sources::foreign::{Fate, Item, Layout, Mapper};
use sources::formats::{Formats, SAMPLE_BYTES_MAX};
use sources::scan::{Piece, Scanner, Spill};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked for more.
const LOOK: Duration = Duration::from_millis(200);

/// Pauses while the server is away.
const WAIT_MIN: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// An item that waits for another (a request for its response) is decided without it after this long: longer than an API server
/// keeps a watch open.
const HOLD_MAX: Duration = Duration::from_secs(15 * 60);

/// Bits of an item's number that tell its place in its file; those above tell which file.
const OFFSET_BITS: u32 = 40;

/// What is kept between two runs.
#[derive(Serialize, Deserialize)]
struct Kept {
    file: PathBuf,
    format: String,
    #[serde(flatten)]
    place: Place,
}

/// An item that is not settled yet: where its line begins, and when it was read.
struct Open {
    place: Place,
    since: Instant,
}

struct Follow<'a> {
    client: &'a Client,
    counts: &'a mut Counts,
    stop: Arc<AtomicBool>,
    state: PathBuf,
    file: PathBuf,
    format: Box<str>,
    mapper: Box<dyn Mapper>,
    layout: Layout,
    batch: Batch,
    open: BTreeMap<u64, Open>,
    refused: Refused,
    /// Of the refused items, those that are on stable storage.
    synced: u64,
    kept: Option<Place>,
    /// A line that is too long to hold goes on.
    is_within_long: Option<(sources::scan::Place, u64)>,
}

/// Follows one file; `Ok` once it is told to stop.
pub fn run(arguments: &Arguments, client: &Client, counts: &mut Counts) -> Result<(), Failure> {
    let [file] = arguments.files.as_slice() else {
        return Err(Failure::failed(
            "--follow follows one file; start it once for each",
        ));
    };
    let is_packed = file.extension().is_some_and(|e| e == "gz" || e == "zst");
    if file == Path::new("-") || is_packed {
        let says = "--follow follows a plain file that grows";
        return Err(Failure::failed(says));
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|e| Failure::failed(format!("signals cannot be handled: {e}")))?;
    }
    let state = arguments.state.clone().unwrap_or_else(|| beside(file));
    let kept = read_state(&state, file)?;
    let Some((format, formats)) = format(arguments, file, kept.as_ref(), &stop)? else {
        return Ok(());
    };
    let place = kept.map(|kept| kept.place);
    let failed = |e| super::input::failed(file, &e);
    let (mut growing, is_whole) = Growing::new(file, place.as_ref()).map_err(failed)?;
    if !is_whole {
        terminal::say(format_args!(
            "mar-audit: {} is another file than the one that was read before, which is not beside it any more: what came last in that one \
             may be missing",
            file.display()
        ));
    }
    let mapper = { formats.mapper(&format, claims(arguments, &format)?) }
        .expect("a format that was recognised, named from the list or added");
    let layout = mapper.layout();
    let layout = match layout.clone().by_line() {
        Some(by_line) if by_line == layout || !is_table(file)? => by_line,
        _ => {
            let says = "a line of CSV says nothing without the first one: --follow is not for it, import the whole file";
            return Err(Failure::failed(format!("{}: {says}", file.display())));
        }
    };
    let refused = arguments.refused.clone();
    let mut follow = Follow {
        client,
        counts,
        stop,
        state,
        file: file.clone(),
        format,
        mapper,
        layout,
        batch: Batch::default(),
        open: BTreeMap::new(),
        refused: Refused::new(refused.unwrap_or_else(|| refused_beside(file)), true),
        synced: 0,
        kept: place,
        is_within_long: None,
    };
    let followed = follow.until_stopped(&mut growing);
    // Also on the way out of a failure: what is refused stays kept.
    follow.refused.sync()?;
    follow.counts.refused += follow.refused.count;
    let path = follow.refused.kept().map(Path::to_owned);
    follow.counts.refused_files.extend(path);
    followed
}

/// Whether a file of a format that is JSON or CSV is the latter.
fn is_table(file: &Path) -> Result<bool, Failure> {
    let mut first = Vec::new();
    match File::open(file) {
        Ok(opened) => {
            let read = opened.take(4096).read_to_end(&mut first);
            read.map_err(|e| Failure::file(file, &e))?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::file(file, &error)),
    }
    let first = first.trim_ascii_start();
    Ok(!first.is_empty() && !first.starts_with(b"{") && !first.starts_with(b"["))
}

/// `FILE.position`.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".position");
    name.into()
}

fn read_state(path: &Path, file: &Path) -> Result<Option<Kept>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file(path, &error)),
    };
    let what = |what: String| {
        let path = path.display();
        Failure::failed(format!(
            "{path}: {what}; without it the file is read from its beginning, and what is stored is recognised"
        ))
    };
    let kept: Kept = serde_json::from_str(&text).map_err(|error| what(error.to_string()))?;
    match kept.file == file {
        true => Ok(Some(kept)),
        false => Err(what(format!("it is of {}", kept.file.display()))),
    }
}

/// The format that is named, or was before, or that the first lines are of once there are any; `None` if told to stop before.
fn format(
    arguments: &Arguments,
    file: &Path,
    kept: Option<&Kept>,
    stop: &AtomicBool,
) -> Result<Option<(Box<str>, Formats)>, Failure> {
    let mut formats = Formats::built_in();
    if let Some(named) = format_named(arguments, &mut formats)? {
        return Ok(Some((named, formats)));
    }
    if let Some(kept) = kept {
        let known = formats.names().any(|(name, _)| name == kept.format);
        return match known {
            true => Ok(Some((kept.format.as_str().into(), formats))),
            false => Err(Failure::failed(format!(
                "{} was read by a mapping of your own before: --mapping names it",
                file.display()
            ))),
        };
    }
    loop {
        let mut sample = Vec::new();
        match File::open(file) {
            Ok(opened) => {
                let read = opened
                    .take(SAMPLE_BYTES_MAX as u64)
                    .read_to_end(&mut sample);
                read.map_err(|e| Failure::file(file, &e))?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::file(file, &error)),
        }
        let end = sample.iter().rposition(|byte| *byte == b'\n');
        sample.truncate(end.map_or(0, |end| end + 1));
        if !sample.trim_ascii().is_empty() {
            let name = recognise(&formats, &sample, file)?;
            return Ok(Some((name, formats)));
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// The number of the last item that was read so long ago.
fn last_before(open: &BTreeMap<u64, Open>, ago: Duration) -> Option<u64> {
    let old = open
        .iter()
        .take_while(|(_, open)| open.since.elapsed() >= ago);
    old.last().map(|(number, _)| *number)
}

impl Follow<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn until_stopped(&mut self, growing: &mut Growing) -> Result<(), Failure> {
        loop {
            let next = growing.next();
            let next = next.map_err(|e| super::input::failed(&self.file, &e))?;
            let is_idle = next.is_none();
            if let Some(line) = next {
                self.line(&line)?;
            }
            if is_idle {
                self.give_up_waiting()?;
            }
            if is_idle || self.batch.is_full() || self.is_stopped() {
                let is_answered = self.settle(growing)?;
                if self.is_stopped() || !is_answered {
                    return Ok(());
                }
            }
            if is_idle {
                std::thread::sleep(LOOK);
            }
        }
    }

    fn line(&mut self, line: &Line) -> Result<(), Failure> {
        let number = line.from.generation << OFFSET_BITS | line.from.offset;
        let at = sources::scan::Place {
            line: line.from.lines + 1,
            nth: number,
        };
        if line.goes_on || self.is_within_long.is_some() {
            return self.long(at, line);
        }
        if line.bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        let mut scanner = Scanner::new(&*line.bytes, self.layout.clone());
        let mut decided = Vec::new();
        loop {
            // A line is shorter than an item may be, so nothing of it is spilled.
            let piece = scanner.next(&mut NoSpill);
            let piece = piece.map_err(|e| super::input::failed(&self.file, &e))?;
            match piece {
                None => break,
                Some(Piece::Item { place, raw }) => {
                    self.counts.read += 1;
                    let nth = at.nth + place.nth - 1;
                    let item = Item {
                        place: sources::scan::Place { nth, ..at },
                        raw,
                    };
                    let open = Open {
                        place: line.from.clone(),
                        since: Instant::now(),
                    };
                    self.open.insert(nth, open);
                    self.mapper.take(item, scanner.header(), &mut |item, fate| {
                        decided.push((item, fate));
                    });
                }
                Some(Piece::Broken { raw, why, .. }) => {
                    self.counts.read += 1;
                    self.refused.add(at, why, &raw)?;
                }
                Some(Piece::Spilled { .. }) => {
                    self.refused.add(at, "it is too long", &line.bytes)?
                }
            }
        }
        self.decide(decided)
    }

    /// A line that is longer than an item may be goes into a file of its own, piece by piece.
    fn long(&mut self, at: sources::scan::Place, line: &Line) -> Result<(), Failure> {
        let (of, before) = self.is_within_long.unwrap_or((at, 0));
        let bytes = before + line.bytes.len() as u64;
        let kept = Spill::write(&mut self.refused, of, &line.bytes);
        kept.map_err(|e| Failure::failed(format!("what is refused cannot be kept: {e}")))?;
        self.is_within_long = Some((of, bytes)).filter(|_| line.goes_on);
        if line.goes_on {
            let open = Open {
                place: line.from.clone(),
                since: Instant::now(),
            };
            self.open.entry(of.nth).or_insert(open);
            return Ok(());
        }
        self.counts.read += 1;
        self.open.remove(&of.nth);
        let why = format!("{bytes} bytes, longer than an item may be");
        self.refused.add_spilled(of, &why)
    }

    fn decide(&mut self, decided: Vec<(Item, Fate)>) -> Result<(), Failure> {
        for (item, fate) in decided {
            match fate {
                Fate::Skip(why) => {
                    *self.counts.skipped.entry(why).or_default() += 1;
                    self.open.remove(&item.place.nth);
                }
                Fate::Refuse(why) => {
                    self.refused.add(item.place, &why, &item.raw)?;
                    self.open.remove(&item.place.nth);
                }
                Fate::Send(draft) => self.batch.push(item, &draft),
            }
        }
        Ok(())
    }

    /// What waits for another for too long is decided without it; what came later goes on waiting.
    fn give_up_waiting(&mut self) -> Result<(), Failure> {
        let Some(last) = last_before(&self.open, HOLD_MAX) else {
            return Ok(());
        };
        let mut decided = Vec::new();
        self.mapper
            .release(last, &mut |item, fate| decided.push((item, fate)));
        self.decide(decided)
    }

    /// Sends what waits, and keeps how far that is. False if told to stop before the server took it.
    fn settle(&mut self, growing: &Growing) -> Result<bool, Failure> {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            let Some(receipts) = self.send(&batch)? else {
                return Ok(false);
            };
            for (item, receipt) in batch.items.iter().zip(receipts) {
                match receipt {
                    Receipt::Accepted => self.counts.accepted += 1,
                    Receipt::Duplicate => self.counts.duplicates += 1,
                    Receipt::Refused(why) => self.refused.add(item.place, &why, &item.raw)?,
                }
                self.open.remove(&item.place.nth);
            }
        }
        if self.refused.count > self.synced {
            self.refused.sync()?;
            self.synced = self.refused.count;
        }
        let oldest = self.open.first_key_value();
        let place = oldest.map(|(_, open)| open.place.clone());
        let place = place.or_else(|| growing.place());
        if place.is_some() && place != self.kept {
            self.kept = place;
            self.keep()?;
        }
        Ok(true)
    }

    /// Until the server answers or we are told to stop.
    fn send(&self, batch: &Batch) -> Result<Option<Vec<Receipt>>, Failure> {
        let (mut wait, mut is_away) = (WAIT_MIN, false);
        loop {
            let error = match batch.send(self.client, Duration::ZERO) {
                Ok(receipts) => {
                    if is_away {
                        terminal::say(format_args!("mar-audit: the server takes entries again"));
                    }
                    return Ok(Some(receipts));
                }
                Err(error) => error,
            };
            let Some(asked) = may_pass(&error) else {
                return Err(error.into());
            };
            if !is_away {
                terminal::say(format_args!(
                    "mar-audit: {}; trying again until it does",
                    terminal::visible(&error.to_string())
                ));
            }
            is_away = true;
            let until = Instant::now() + asked.unwrap_or(wait).clamp(WAIT_MIN, WAIT_MAX);
            while Instant::now() < until {
                if self.is_stopped() {
                    return Ok(None);
                }
                std::thread::sleep(LOOK.min(WAIT_MIN));
            }
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    /// Writes the place down, on stable storage.
    fn keep(&self) -> Result<(), Failure> {
        let Some(place) = &self.kept else {
            return Ok(());
        };
        let kept = Kept {
            file: self.file.clone(),
            format: self.format.to_string(),
            place: place.clone(),
        };
        let text = serde_json::to_string(&kept).map_err(Failure::failed)?;
        let mut unfinished = self.state.as_os_str().to_owned();
        unfinished.push(".tmp");
        let unfinished = PathBuf::from(unfinished);
        let write = || -> io::Result<()> {
            let mut file = File::create(&unfinished)?;
            writeln!(file, "{text}")?;
            file.sync_all()?;
            fs::rename(&unfinished, &self.state)?;
            let dir = self
                .state
                .parent()
                .filter(|dir| !dir.as_os_str().is_empty());
            File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(|e| Failure::file(&self.state, &e))
    }
}

/// For lines that are short enough.
struct NoSpill;

impl Spill for NoSpill {
    fn write(&mut self, _: sources::scan::Place, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell that was open for a quarter of an hour had everything decided that waited, a watch of half a minute too.
    #[test]
    fn only_what_waits_for_long_is_given_up() {
        let now = Instant::now();
        let open = |ages: &[u64]| -> BTreeMap<u64, Open> {
            let one = |age: &u64| Open {
                place: Place {
                    generation: 0,
                    inode: 1,
                    offset: 0,
                    lines: 0,
                    tail_bytes: 0,
                    tail: String::new(),
                },
                since: now
                    .checked_sub(Duration::from_secs(*age))
                    .expect("the machine runs for longer"),
            };
            (7..).zip(ages.iter().map(one)).collect()
        };
        let ago = Duration::from_secs(15);
        assert_eq!(last_before(&open(&[]), ago), None);
        assert_eq!(last_before(&open(&[14, 1]), ago), None);
        assert_eq!(last_before(&open(&[16, 15, 14, 1]), ago), Some(8));
    }
}
