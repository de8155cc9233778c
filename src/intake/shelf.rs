//! What a source sent and what is no entry, or not yet: kept as it came, until it becomes one or a person throws it away.
//!
//! Plain files under the data directory, one for what one call left here, `<organization>/<source>/<number>.ndjson`, one item a line:
//! whoever must can read them without this program. A file appears whole or not at all, and is on stable storage before
//! [`Shelf::keep`] returns; taking items out writes the rest anew and replaces it. The same item again is known, so that a
//! sender may repeat itself. An item's number never comes back, as long as any is kept.
//!
//! There is room for so many bytes. An organization has at most half of what the others leave of it, so that no one of them takes all:
//! an item that finds no room is told so by itself, and those beside it are kept.

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

    /// All sources of an organization that are not told apart: no source can be named so.
    pub fn others() -> Self {
        Self("(others)".into())
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

/// What became of an item that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelved {
    Kept,
    /// It was kept before, by an earlier call or this one.
    Known,
    /// There is no room: throw away, or map again, what is kept already.
    Full,
}

/// Items of many sources, within one budget.
pub struct Shelf {
    dir: PathBuf,
    bytes_max: u64,
    /// Guards the files: one change at a time. Taken before `state`.
    changing: Mutex<()>,
    /// Guards what is known of them, and is never held while a disk is waited for.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the next file.
    next: u64,
    /// Of each organization.
    bytes: BTreeMap<Organization, u64>,
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
    /// How much an organization may keep now: at most half of what the others leave.
    fn share(&self, of: &Organization, max: u64) -> u64 {
        let others = self
            .bytes
            .iter()
            .filter(|(organization, _)| *organization != of);
        let others: u64 = others.map(|(_, bytes)| bytes).sum();
        max.saturating_sub(others) / 2
    }

    fn bytes_of(&mut self, organization: &Organization) -> &mut u64 {
        self.bytes.entry(organization.clone()).or_default()
    }

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
                *state.bytes_of(&sender.organization) += of.kept().bytes;
                state.senders.insert(sender, of);
            }
        }
        state.senders.retain(|_, of| !of.files.is_empty());
        Ok(Self {
            dir: dir.to_owned(),
            bytes_max,
            changing: Mutex::new(()),
            state: Mutex::new(state),
        })
    }

    /// Keeps what there is room for; on stable storage when it returns.
    pub fn keep(&self, sender: &Sender, items: Vec<Item>) -> Result<Vec<Shelved>, Error> {
        let _changing = self.changing.lock();
        let file = self.sorted(sender, items);
        if file.text.is_empty() {
            return Ok(file.shelved);
        }
        let dir = sender.dir(&self.dir);
        make_directory(&dir)?;
        replace(&dir, file.number, &file.text)?;
        let mut state = self.state.lock();
        state.next = file.number + 1;
        let bytes = file.text.len() as u64;
        *state.bytes_of(&sender.organization) += bytes;
        let of = state.senders.entry(sender.clone()).or_default();
        let items = file.digests.len() as u64;
        of.files.insert(file.number, Kept { items, bytes });
        of.digests.extend(file.digests);
        Ok(file.shelved)
    }

    /// What of the items is new and fits, as the next file.
    fn sorted(&self, sender: &Sender, items: Vec<Item>) -> NewFile {
        let state = self.state.lock();
        let share = state.share(&sender.organization, self.bytes_max);
        let taken = state.bytes.get(&sender.organization).copied();
        let taken = taken.unwrap_or_default();
        let known = state.senders.get(sender);
        let mut new = NewFile {
            number: state.next,
            text: Vec::new(),
            digests: HashMap::new(),
            shelved: Vec::with_capacity(items.len()),
        };
        for item in items {
            let digest = item.digest();
            let is_known = known.is_some_and(|known| known.digests.contains_key(&digest));
            if is_known || new.digests.contains_key(&digest) {
                new.shelved.push(Shelved::Known);
                continue;
            }
            let number = Number::new(new.number, new.digests.len());
            let line = item::write(&[Line { number, item }]);
            if taken + (new.text.len() + line.len()) as u64 > share {
                new.shelved.push(Shelved::Full);
                continue;
            }
            new.text.extend(line);
            new.digests.insert(digest, number);
            new.shelved.push(Shelved::Kept);
        }
        new
    }

    /// Senders of whom something is kept, and how much.
    pub fn kept(&self) -> BTreeMap<Sender, Kept> {
        let state = self.state.lock();
        let senders = state.senders.iter();
        senders
            .map(|(sender, of)| (sender.clone(), of.kept()))
            .collect()
    }

    /// How much is kept of one, if anything is.
    pub fn kept_of(&self, sender: &Sender) -> Option<Kept> {
        self.state.lock().senders.get(sender).map(Of::kept)
    }

    /// The next items of a source after a number, oldest first: at least one if there is any, then as many as make
    /// `limit`.
    pub fn items(
        &self,
        sender: &Sender,
        after: Option<Number>,
        limit: usize,
    ) -> Result<Vec<(Number, Item)>, Error> {
        let from = after.map_or(0, |after| after.file());
        let files: Vec<u64> = {
            let state = self.state.lock();
            let of = state.senders.get(sender);
            let files = of.map(|of| of.files.range(from..).map(|(number, _)| *number));
            files.into_iter().flatten().collect()
        };
        let mut found = Vec::new();
        for number in files {
            for line in self.lines(sender, number)? {
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
        let file = wanted.file();
        let is_kept = {
            let state = self.state.lock();
            let of = state.senders.get(sender);
            of.is_some_and(|of| of.files.contains_key(&file))
        };
        if !is_kept {
            return Ok(None);
        }
        let mut lines = self.lines(sender, file)?.into_iter();
        let found = lines.find(|line| line.number == wanted);
        Ok(found.map(|line| line.item))
    }

    /// The lines of a file; none if somebody took all of them out meanwhile.
    fn lines(&self, sender: &Sender, file: u64) -> Result<Vec<Line>, Error> {
        match read(&sender.dir(&self.dir).join(file_name(file)), file) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Vec::new())
            }
            lines => lines,
        }
    }

    /// Takes items out for good: no file holds them when it returns. Those that are not there are passed over.
    pub fn take_out(&self, sender: &Sender, numbers: &[Number]) -> Result<u64, Error> {
        let _changing = self.changing.lock();
        let mut by_file: BTreeMap<u64, Vec<Number>> = BTreeMap::new();
        for &number in numbers {
            by_file.entry(number.file()).or_default().push(number);
        }
        let mut taken = 0;
        for (file, numbers) in by_file {
            taken += self.take_out_of(sender, file, &numbers)?;
        }
        Ok(taken)
    }

    fn take_out_of(&self, sender: &Sender, file: u64, numbers: &[Number]) -> Result<u64, Error> {
        let before = {
            let state = self.state.lock();
            let of = state.senders.get(sender);
            of.and_then(|of| of.files.get(&file)).copied()
        };
        let Some(before) = before else { return Ok(0) };
        let dir = sender.dir(&self.dir);
        let path = dir.join(file_name(file));
        let lines = read(&path, file)?;
        let (gone, stay): (Vec<Line>, Vec<Line>) = lines
            .into_iter()
            .partition(|line| numbers.contains(&line.number));
        if gone.is_empty() {
            return Ok(0);
        }
        let text = item::write(&stay);
        match stay.is_empty() {
            true => {
                fs::remove_file(&path).map_err(at(&path))?;
                sync_directory(&dir)?;
            }
            false => replace(&dir, file, &text)?,
        }
        let mut state = self.state.lock();
        let (items, bytes) = (stay.len() as u64, text.len() as u64);
        let sum = state.bytes_of(&sender.organization);
        *sum = *sum - before.bytes + bytes;
        if let Some(of) = state.senders.get_mut(sender) {
            match items {
                0 => drop(of.files.remove(&file)),
                _ => drop(of.files.insert(file, Kept { items, bytes })),
            }
            for line in &gone {
                of.digests.remove(&line.item.digest());
            }
            if of.files.is_empty() {
                state.senders.remove(sender);
            }
        }
        Ok(gone.len() as u64)
    }
}

/// A file on its way to the disk.
struct NewFile {
    number: u64,
    text: Vec<u8>,
    digests: HashMap<Digest, Number>,
    /// Of each item, in the order given.
    shelved: Vec<Shelved>,
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
