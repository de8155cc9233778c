//! An evidence bundle: signature, tiles, then each line against the tiles, as it streams by.

use super::lines::{Checked, Lines, Part, Pipeline};
use super::tiles::{Descent, Landed, root_of};
use super::{Error, Refusal, Step, Trust};
use crate::bundle::reader::{self, Reader};
use crate::bundle::{ABOUT_BYTES_MAX, About, LINE_BYTES_MAX, Plan, entries_name};
use memchr::{memchr_iter, memrchr};
use proof::checkpoint::SignedCheckpoint;
use proof::leaf::ReceivedAt;
use proof::note;
use proof::policy::Accepted;
use proof::tile::FULL_WIDTH;
use proof::{Hash, Seq, Tree};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::ops::Range;

/// Bytes taken from the stream at once, and about what one thread checks at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// What a bundle has shown.
#[derive(Clone, Debug)]
pub struct Bundle<'t> {
    /// What it says of itself; its origin and range have been held against the rest.
    pub about: About,
    /// The tree its entries are in.
    pub tree: Tree,
    /// Who vouches for that tree.
    pub accepted: Accepted<'t>,
    /// Entries that are shown.
    pub open: u64,
    /// Entries of the range that are not shown.
    pub withheld: u64,
    /// Units of the shown entries that are erased.
    pub erased: u64,
    /// When the log received the last entry of the range.
    pub newest: Option<ReceivedAt>,
    /// Where those are that are not shown, if that was asked for: ranges, ascending.
    pub withheld_at: Vec<Range<u64>>,
}

/// How a bundle is read, and what is wanted of it besides the verdict.
pub struct Options<'o> {
    /// Threads that check lines, beside the one that reads.
    pub threads: NonZeroUsize,
    /// Whether to remember where entries are withheld.
    pub list_withheld: bool,
    /// Takes the shown entries, put together, as lines of JSON, in order. To be believed only once all is verified.
    pub entries: Option<TakeEntries<'o>>,
}

/// Takes lines.
pub type TakeEntries<'o> = &'o mut dyn FnMut(&[u8]) -> io::Result<()>;

/// Verifies a bundle that can be opened again: then a line that is false is named.
pub fn verify<'t, R: Read>(
    open: impl Fn() -> io::Result<R>,
    trust: &'t Trust,
    options: Options<'_>,
) -> Result<Bundle<'t>, Stopped> {
    let threads = options.threads;
    match verify_once(open().map_err(Stopped::Input)?, trust, options) {
        Err(Stopped::Tile(tile)) => {
            let again = Options {
                threads,
                list_withheld: false,
                entries: None,
            };
            let mut verification = Verification::of(trust, again);
            verification.kept = Some(tile);
            let named = verification.run(open().map_err(Stopped::Input)?);
            Err(named.err().unwrap_or(Stopped::Tile(tile)))
        }
        done => done,
    }
}

/// Verifies a bundle that can be read once.
pub fn verify_once<'t>(
    file: impl Read,
    trust: &'t Trust,
    options: Options<'_>,
) -> Result<Bundle<'t>, Stopped> {
    Verification::of(trust, options).run(file)
}

/// Why a bundle was not verified.
#[derive(Debug)]
pub enum Stopped {
    /// It does not hold.
    Refused(Refusal),
    /// It does not hold: one of the lines of this tile is false.
    Tile(u64),
    /// It could not be read.
    Input(io::Error),
    /// The entries could not be written.
    Output(io::Error),
}

impl Stopped {
    /// As an error, with the names of the files.
    pub fn named(self, input: &str, output: &str) -> Error {
        let file = |name: &str, source| Error::File {
            name: name.to_owned(),
            source,
        };
        match self {
            Stopped::Refused(refusal) => refusal.into(),
            Stopped::Tile(tile) => {
                let why = "one of its lines is not the entry that the signed tree has there";
                Refusal::tampered(Step::Place, why)
                    .at(entries_name(tile))
                    .into()
            }
            Stopped::Input(source) => file(input, source),
            Stopped::Output(source) => file(output, source),
        }
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Stopped::Refused(refusal)
    }
}

impl From<reader::Error> for Stopped {
    fn from(error: reader::Error) -> Self {
        match error {
            reader::Error::Input(error) => Stopped::Input(error),
            reader::Error::Malformed(what) => Refusal::tampered(Step::Format, what).into(),
        }
    }
}

/// What is known so far.
struct Verification<'t, 'o> {
    trust: &'t Trust,
    options: Options<'o>,
    /// The tile of level 0 whose hashes are kept, to name the line that is false.
    kept: Option<u64>,
    /// Leaf hashes of the tile under way.
    leaves: Vec<Hash>,
    totals: Checked,
    withheld: u64,
    withheld_at: Vec<Range<u64>>,
}

impl<'t, 'o> Verification<'t, 'o> {
    fn of(trust: &'t Trust, options: Options<'o>) -> Self {
        Self {
            trust,
            options,
            kept: None,
            leaves: Vec::new(),
            totals: Checked::default(),
            withheld: 0,
            withheld_at: Vec::new(),
        }
    }

    fn run(mut self, file: impl Read) -> Result<Bundle<'t>, Stopped> {
        let mut members = Reader::new(file)?;
        let about = members.whole("bundle.json", ABOUT_BYTES_MAX)?;
        let about = About::parse(&about).map_err(|why| malformed(why, "bundle.json"))?;
        let note = members.whole("checkpoint", note::BYTES_MAX as u64)?;
        let signed = SignedCheckpoint::parse(&note)
            .map_err(|e| Refusal::of(Step::Format, &e).at("checkpoint"))?;
        let accepted = self.trust.accept(&signed)?;
        let checkpoint = signed.checkpoint();
        if checkpoint.origin() != about.origin {
            return Err(
                malformed("it names another log than the checkpoint", "bundle.json").into(),
            );
        }
        let tree = checkpoint.tree();
        let plan = Plan::new(about.first, about.end, tree.size)
            .map_err(|why| malformed(why, "bundle.json"))?;
        if plan.places() > 0 {
            let landed = self.tiles(&mut members, plan, tree)?;
            self.entries(&mut members, plan, &landed)?;
        }
        members.end()?;
        self.trust.check_age(&accepted, self.totals.newest)?;
        Ok(Bundle {
            about,
            tree,
            accepted,
            open: self.totals.open,
            withheld: self.withheld,
            erased: self.totals.erased,
            newest: self.totals.newest,
            withheld_at: self.withheld_at,
        })
    }

    fn tiles(
        &self,
        members: &mut Reader<impl Read>,
        plan: Plan,
        tree: Tree,
    ) -> Result<Landed, Stopped> {
        let mut descent = Descent::of(tree);
        for tile in plan.tiles() {
            let bytes = members.whole(&tile.to_string(), tile.length_bytes() as u64)?;
            let kept = plan.is_partly_in(tile) || self.kept == Some(tile.index());
            descent.add(tile, &bytes, kept)?;
        }
        Ok(descent.land()?)
    }

    fn entries(
        &mut self,
        members: &mut Reader<impl Read>,
        plan: Plan,
        landed: &Landed,
    ) -> Result<(), Stopped> {
        let mut pipeline = Pipeline::start(self.options.threads);
        for (tile, places) in plan.entries() {
            let mut cut = Cut::of(members, tile, places, self.options.entries.is_some())?;
            while let Some((lines, part)) = cut.next()? {
                if let Some((checked, part)) = pipeline.put(lines, part) {
                    self.take(checked?, &part, landed)?;
                }
            }
        }
        while let Some((checked, part)) = pipeline.take() {
            self.take(checked?, &part, landed)?;
        }
        Ok(())
    }

    /// Adds what lines came to, and holds the tile they end against the tree.
    fn take(&mut self, checked: Checked, part: &Part, landed: &Landed) -> Result<(), Stopped> {
        self.leaves.extend_from_slice(&checked.leaves);
        self.totals.open += checked.open;
        self.totals.erased += checked.erased;
        self.totals.newest = self.totals.newest.max(checked.newest);
        self.withheld += checked.withheld.len() as u64;
        if self.options.list_withheld {
            for place in checked.withheld {
                match self.withheld_at.last_mut() {
                    Some(range) if range.end == place => range.end += 1,
                    _ => self.withheld_at.push(place..place + 1),
                }
            }
        }
        if let Some(write) = &mut self.options.entries {
            write(&checked.entries).map_err(Stopped::Output)?;
        }
        if part.last {
            self.hold(part, landed)?;
            self.leaves.clear();
        }
        Ok(())
    }

    /// Each line of a tile against its hash in the tree; where only the hash of all of them is held, all at once.
    fn hold(&self, part: &Part, landed: &Landed) -> Result<(), Stopped> {
        let Some(expected) = landed.leaves(part.tile) else {
            let root = landed.root_of_tile(part.tile);
            if root != Some(root_of(&self.leaves)) {
                return Err(Stopped::Tile(part.tile));
            }
            return Ok(());
        };
        let start = part.tile * u64::from(FULL_WIDTH);
        let before = (part.first.0 - start) as usize;
        let expected = expected.get(before..).unwrap_or_default();
        for (at, leaf) in self.leaves.iter().enumerate() {
            if expected.get(at) != Some(leaf) {
                let why = format!(
                    "line {} is not the entry that the signed tree has at seq {}",
                    at + 1,
                    part.first.0 + at as u64
                );
                let refusal = Refusal::tampered(Step::Place, why);
                return Err(refusal.at(entries_name(part.tile)).into());
            }
        }
        Ok(())
    }
}

fn malformed(why: &str, member: &str) -> Refusal {
    Refusal::tampered(Step::Format, why).at(member)
}

/// A member of lines, cut into pieces that can be checked apart.
struct Cut<'r, R: Read> {
    members: &'r mut Reader<R>,
    tile: u64,
    /// The tile's first place that has a line.
    first: u64,
    /// Places whose lines have not come yet.
    left: Range<u64>,
    /// Read and not given out: the beginning of a line.
    rest: Vec<u8>,
    entries: bool,
}

impl<'r, R: Read> Cut<'r, R> {
    fn of(
        members: &'r mut Reader<R>,
        tile: u64,
        left: Range<u64>,
        entries: bool,
    ) -> Result<Self, Stopped> {
        members.member(&entries_name(tile))?;
        Ok(Self {
            members,
            tile,
            first: left.start,
            left,
            rest: Vec::new(),
            entries,
        })
    }

    /// The next whole lines; `None` once all places had theirs and the member ended there.
    fn next(&mut self) -> Result<Option<(Lines, Part)>, Stopped> {
        let refuse = |why: &str| Err(malformed(why, &entries_name(self.tile)).into());
        let mut text = std::mem::take(&mut self.rest);
        loop {
            let more = self.members.more(&mut text, CHUNK_BYTES)?;
            let fresh = &text[text.len() - more..];
            if let Some(end) = memrchr(b'\n', fresh) {
                self.rest = text.split_off(text.len() - more + end + 1);
                break;
            }
            if more == 0 {
                return match (text.is_empty(), self.left.is_empty()) {
                    (true, true) => Ok(None),
                    (true, false) => refuse("it has fewer lines than places"),
                    (false, _) => refuse("its last line does not end"),
                };
            }
            if text.len() > LINE_BYTES_MAX {
                return refuse("a line is longer than any can be");
            }
        }
        let count = memchr_iter(b'\n', &text).count() as u64;
        let first = self.left.start;
        if count > self.left.end - first {
            return refuse("it has more lines than places");
        }
        self.left.start += count;
        let part = Part {
            tile: self.tile,
            first: Seq(self.first),
            last: self.left.is_empty(),
        };
        let lines = Lines {
            first: Seq(first),
            text,
            entries: self.entries,
        };
        Ok(Some((lines, part)))
    }
}
