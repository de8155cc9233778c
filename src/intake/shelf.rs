//! What a source sent and what is no entry, or not yet: kept as it came, until it becomes one or a person throws it away.
//!
//! Plain files under the data directory, one for what one call left here, `<organization>/<source>/<number>.ndjson`, one item a line:
//! whoever must can read them without this program. A file appears whole or not at all, and is on stable storage before
//! [`Shelf::keep`] returns; taking items out writes the rest anew and replaces it. The same item again is known, so that a
//! sender may repeat itself. An item's number never comes back, as long as any is kept.

mod item;

pub use item::{Item, Number};

use entry::Organization;
use item::{Digest, Line};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The longest name of a source, as of an organization; it names a directory too.
const SOURCE_BYTES_MAX: usize = 63;

/// Why nothing could be kept, or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Throw away, or send again, what is kept already.
    #[error("{bytes} bytes are kept already, {max} may be")]
    Full { bytes: u64, max: u64 },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// Stop and call a person: what was read is not what was written.
    #[error("{path} is damaged: {what}")]
    Damaged { path: PathBuf, what: String },
}

/// The name of a source: a slug that is safe as a part of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceName(Box<str>);

/// `/v1/sources/kubernetes/{name}` and `/v1/sources/{name}/quarantine` would be told apart no more.
const RESERVED: &[&str] = &["cloudevents", "elastic", "kubernetes"];

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
}

impl SourceName {
    /// `None` unless it is 1 to 63 of `a-z 0-9 . _ -`, beginning with a letter or a digit, and no word of an address.
    pub fn parse(text: &str) -> Option<Self> {
        let begins = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = text.len() <= SOURCE_BYTES_MAX && text.bytes().all(is_plain);
        let is_free = !RESERVED.contains(&text);
        (fits && is_free && text.as_bytes().first().is_some_and(begins)).then(|| Self(text.into()))
    }

    /// The name nearest to what somebody else is called: `Pay API` is `pay-api`. `None` if nothing is left of it.
    pub fn like(text: &str) -> Option<Self> {
        let plain = |c: char| match c.to_ascii_lowercase() {
            c if u8::try_from(c).is_ok_and(is_plain) => c,
            _ => '-',
        };
        let name: String = text.trim().chars().map(plain).collect();
        let name = name.trim_start_matches(['.', '_', '-']);
        Self::parse(&name[..name.len().min(SOURCE_BYTES_MAX)])
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A source of an organization: two organizations may name theirs alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sender {
    pub organization: Organization,
    pub source: SourceName,
}

impl Sender {
    fn dir(&self, within: &Path) -> PathBuf {
        within
            .join(self.organization.as_str())
            .join(self.source.as_str())
    }
}

/// What is kept of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub items: u64,
    pub bytes: u64,
}

/// What became of items that were to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelved {
    /// Of each, whether it was kept before, by an earlier call or this one.
    pub known: Vec<bool>,
}

/// Items of many sources, within one budget.
pub struct Shelf {
    dir: PathBuf,
    bytes_max: u64,
    /// Guards the files too: one change at a time.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the next file.
    next: u64,
    bytes: u64,
    senders: BTreeMap<Sender, Of>,
}

/// What is kept of a sender.
#[derive(Default)]
struct Of {
    files: BTreeMap<u64, Kept>,
    digests: HashMap<Digest, Number>,
}

impl Of {
    fn kept(&self) -> Kept {
        let files = self.files.values();
        files.fold(Kept::default(), |sum, file| Kept {
            items: sum.items + file.items,
            bytes: sum.bytes + file.bytes,
        })
    }
}

impl State {
    /// What is kept in the directory of a sender.
    fn read(&mut self, dir: &Path) -> Result<Of, Error> {
        let mut of = Of::default();
        for (name, path) in entries(dir)? {
            if name.ends_with(UNFINISHED) {
                // Nobody was told that it is kept.
                fs::remove_file(&path).map_err(at(&path))?;
                continue;
            }
            let number = name.strip_suffix(FINISHED).and_then(|n| n.parse().ok());
            let number = number.ok_or_else(|| damaged(&path, "it is no file of this shelf"))?;
            let lines = read(&path, number)?;
            let bytes = fs::metadata(&path).map_err(at(&path))?.len();
            self.next = self.next.max(number + 1);
            self.bytes += bytes;
            let items = lines.len() as u64;
            of.files.insert(number, Kept { items, bytes });
            let digests = lines.iter().map(|line| (line.item.digest(), line.number));
            of.digests.extend(digests);
        }
        Ok(of)
    }
}

impl Shelf {
    /// Reads what is kept; makes the directory if there is none.
    pub fn open(dir: &Path, bytes_max: u64) -> Result<Self, Error> {
        make_directory(dir)?;
        let mut state = State::default();
        for (name, path) in entries(dir)? {
            let organization = Organization::parse(&name);
            let organization =
                organization.ok_or_else(|| damaged(&path, "it is named like no organization"))?;
            for (name, path) in entries(&path)? {
                let source = SourceName::parse(&name);
                let source = source.ok_or_else(|| damaged(&path, "it is named like no source"))?;
                let organization = organization.clone();
                let sender = Sender {
                    organization,
                    source,
                };
                let of = state.read(&path)?;
                state.senders.insert(sender, of);
            }
        }
        state.senders.retain(|_, of| !of.files.is_empty());
        Ok(Self {
            dir: dir.to_owned(),
            bytes_max,
            state: Mutex::new(state),
        })
    }

    /// Keeps items; on stable storage when it returns. All of them, or none.
    pub fn keep(&self, sender: &Sender, items: Vec<Item>) -> Result<Shelved, Error> {
        let mut state = self.state.lock();
        let mut new = Vec::new();
        let mut digests = HashMap::new();
        let number = state.next;
        let known = state.senders.get(sender);
        let mut shelved = Shelved::default();
        for item in items {
            let digest = item.digest();
            let is_known = known.is_some_and(|known| known.digests.contains_key(&digest));
            let is_known = is_known || digests.contains_key(&digest);
            shelved.known.push(is_known);
            if is_known {
                continue;
            }
            let number = Number::new(number, new.len());
            digests.insert(digest, number);
            new.push(Line { number, item });
        }
        if new.is_empty() {
            return Ok(shelved);
        }
        let text = item::write(&new);
        let bytes = text.len() as u64;
        if state.bytes + bytes > self.bytes_max {
            return Err(Error::Full {
                bytes: state.bytes,
                max: self.bytes_max,
            });
        }
        let dir = sender.dir(&self.dir);
        make_directory(&dir)?;
        replace(&dir, number, &text)?;
        state.next = number + 1;
        state.bytes += bytes;
        let of = state.senders.entry(sender.clone()).or_default();
        let items = new.len() as u64;
        of.files.insert(number, Kept { items, bytes });
        of.digests.extend(digests);
        Ok(shelved)
    }

    /// Senders of whom something is kept, and how much.
    pub fn kept(&self) -> BTreeMap<Sender, Kept> {
        let state = self.state.lock();
        let senders = state.senders.iter();
        senders
            .map(|(sender, of)| (sender.clone(), of.kept()))
            .collect()
    }

    /// The next items of a source after a number, oldest first: at least one if there is any, then as many as make
    /// `limit`.
    pub fn items(
        &self,
        sender: &Sender,
        after: Option<Number>,
        limit: usize,
    ) -> Result<Vec<(Number, Item)>, Error> {
        let state = self.state.lock();
        let Some(of) = state.senders.get(sender) else {
            return Ok(Vec::new());
        };
        let from = after.map_or(0, |after| after.file());
        let mut found = Vec::new();
        for &number in of.files.range(from..).map(|(number, _)| number) {
            let path = sender.dir(&self.dir).join(file_name(number));
            for line in read(&path, number)? {
                if after.is_none_or(|after| line.number > after) {
                    found.push((line.number, line.item));
                    if found.len() >= limit {
                        return Ok(found);
                    }
                }
            }
        }
        Ok(found)
    }

    /// One item, if it is still kept.
    pub fn item(&self, sender: &Sender, wanted: Number) -> Result<Option<Item>, Error> {
        let state = self.state.lock();
        let file = wanted.file();
        let known = state.senders.get(sender);
        if !known.is_some_and(|of| of.files.contains_key(&file)) {
            return Ok(None);
        }
        let lines = read(&sender.dir(&self.dir).join(file_name(file)), file)?;
        let mut lines = lines.into_iter();
        let found = lines.find(|line| line.number == wanted);
        Ok(found.map(|line| line.item))
    }

    /// Takes items out for good: no file holds them when it returns. Those that are not there are passed over.
    pub fn take_out(&self, sender: &Sender, numbers: &[Number]) -> Result<u64, Error> {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(of) = state.senders.get_mut(sender) else {
            return Ok(0);
        };
        let mut by_file: BTreeMap<u64, Vec<Number>> = BTreeMap::new();
        for &number in numbers {
            by_file.entry(number.file()).or_default().push(number);
        }
        let dir = sender.dir(&self.dir);
        let mut taken = 0;
        for (file, numbers) in by_file {
            let Some(&before) = of.files.get(&file) else {
                continue;
            };
            let path = dir.join(file_name(file));
            let lines = read(&path, file)?;
            let (gone, stay): (Vec<Line>, Vec<Line>) = lines
                .into_iter()
                .partition(|line| numbers.contains(&line.number));
            if gone.is_empty() {
                continue;
            }
            let bytes = match stay.is_empty() {
                true => {
                    fs::remove_file(&path).map_err(at(&path))?;
                    sync_directory(&dir)?;
                    of.files.remove(&file);
                    0
                }
                false => {
                    let text = item::write(&stay);
                    replace(&dir, file, &text)?;
                    let (items, bytes) = (stay.len() as u64, text.len() as u64);
                    of.files.insert(file, Kept { items, bytes });
                    bytes
                }
            };
            state.bytes = state.bytes - before.bytes + bytes;
            taken += gone.len() as u64;
            for line in &gone {
                of.digests.remove(&line.item.digest());
            }
        }
        if of.files.is_empty() {
            state.senders.remove(sender);
        }
        Ok(taken)
    }
}

const FINISHED: &str = ".ndjson";
const UNFINISHED: &str = ".tmp";

fn file_name(number: u64) -> String {
    format!("{number:020}{FINISHED}")
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        what: what.into(),
    }
}

fn make_directory(dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).map_err(at(dir))?;
    dir.parent().map_or(Ok(()), sync_directory)
}

/// Names and paths in a directory. A name that is no text is nothing that this program wrote.
fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(at(dir))? {
        let path = entry.map_err(at(dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| damaged(&path, "its name is no text"))?;
        found.push((name.to_owned(), path));
    }
    Ok(found)
}

fn read(path: &Path, file: u64) -> Result<Vec<Line>, Error> {
    let reader = BufReader::new(File::open(path).map_err(at(path))?);
    let mut lines = Vec::new();
    for line in reader.lines() {
        let line = line.map_err(at(path))?;
        let line = Line::read(&line, file).map_err(|what| damaged(path, what))?;
        lines.push(line);
    }
    Ok(lines)
}

/// Writes a file beside the one of that number, then puts it in its place.
fn replace(dir: &Path, number: u64, text: &[u8]) -> Result<(), Error> {
    let path = dir.join(file_name(number));
    let unfinished = path.with_extension("tmp");
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&unfinished)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)
    };
    if let Err(source) = write() {
        // What is left of it would only take room; the first error is what counts.
        drop(fs::remove_file(&unfinished));
        return Err(Error::Io { path, source });
    }
    sync_directory(dir)
}

fn sync_directory(dir: &Path) -> Result<(), Error> {
    let sync = || File::open(dir)?.sync_all();
    sync().map_err(at(dir))
}

#[cfg(test)]
mod tests;
