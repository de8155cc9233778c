//! Evidence bundles (`.maraudit`): a run of a log's entries that an outsider can check whole, in one file.
//!
//! A zstd frame that holds a ustar archive with exactly these members, in this order:
//!
//! ```text
//! bundle.json                 {"v":1,"origin":"…","first":N,"end":M,"made_at":"…","filter":"…"}
//! checkpoint                  the signed note
//! tile/<L>/<N>[.p/<W>]        every tile that ties level 0 of [first, end) to the root; levels from the top down
//! entries/<N>.ndjson          a line for each seq of [first, end) in tile N: a disclosure, or {"withheld":"<leaf>"}
//! ```
//!
//! Which members there are, in which order, and how long the tiles are, follows from `first`, `end` and the size of the signed
//! tree alone ([`Plan`]). So nothing inside the range can be left out silently, and a reader knows each name before it comes.
//! Written and read as a stream. The format, byte by byte: `docs/proofs.md`.
//!
//! In reading order:
//! - this file: what a bundle says of itself, and which members it has
//! - [`archive`]: ustar in one spelling
//! - [`writer`], [`reader`]: the stream

pub mod archive;
pub mod reader;
pub mod writer;

pub use reader::Reader;
pub use writer::{Line, write};

use entry::Timestamp;
use entry::json::{self, write_string};
use proof::leaf::Leaf;
use proof::tile::{FULL_WIDTH, Tile};
use proof::{Seq, Size};
use std::ops::Range;

/// The most places of one bundle: what a verifier remembers grows with it, by an eighth of a byte each.
pub const PLACES_MAX: u64 = 1 << 32;

/// The longest line of an entry, in bytes: the largest entry of 4 MiB, every character escaped once more, fits twice.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest `bundle.json`, in bytes: the longest filter, every character escaped, fits several times.
pub const ABOUT_BYTES_MAX: u64 = 1024 * 1024;

/// What a bundle says of itself. `origin`, `first` and `end` are held against all else in it; the rest is hearsay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The log.
    pub origin: String,
    /// The first place.
    pub first: Seq,
    /// The place after the last.
    pub end: Seq,
    /// When it was made, by the maker's clock.
    pub made_at: Timestamp,
    /// Which entries its maker meant to show. That no other was withheld, nobody can check.
    pub filter: String,
}

impl About {
    /// The one text of it, a line.
    pub fn to_json(&self) -> String {
        let mut json = br#"{"v":1,"origin":"#.to_vec();
        write_string(&self.origin, &mut json);
        json.extend_from_slice(
            format!(
                r#","first":{},"end":{},"made_at":"#,
                self.first.0, self.end.0
            )
            .as_bytes(),
        );
        write_string(&self.made_at.to_string(), &mut json);
        json.extend_from_slice(br#","filter":"#);
        write_string(&self.filter, &mut json);
        json.extend_from_slice(b"}\n");
        String::from_utf8(json).expect("texts and numbers are UTF-8")
    }

    /// Reads exactly what [`About::to_json`] writes; the error says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        const MEMBERS: &str = "its members are not v, origin, first, end, made_at and filter";
        let value = json::parse(bytes).map_err(|_| "it is not JSON")?;
        let text = |name| value.get(name)?.as_str().map(str::to_owned);
        let place = |name| value.get(name)?.as_u64().map(Seq);
        let read = || {
            Some(Self {
                origin: text("origin")?,
                first: place("first")?,
                end: place("end")?,
                made_at: Timestamp::parse(&text("made_at")?).ok()?,
                filter: text("filter")?,
            })
        };
        let about = read().ok_or(MEMBERS)?;
        if about.to_json().as_bytes() != bytes {
            return Err("it is not spelled as it must be, or its version is not 1");
        }
        Ok(about)
    }
}

/// Which members a bundle of `[first, end)` has, under a tree of `size` entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    first: u64,
    end: u64,
    size: Size,
}

impl Plan {
    /// The error says which range there cannot be.
    pub fn new(first: Seq, end: Seq, size: Size) -> Result<Self, &'static str> {
        if end.0 > size.get() {
            return Err("it reaches beyond the signed tree");
        }
        if first >= end && (first, end) != (Seq(0), Seq(0)) {
            return Err("its range is empty, which is written as 0 to 0");
        }
        if end.0 - first.0 > PLACES_MAX {
            return Err("its range has more than 2^32 places");
        }
        Ok(Self {
            first: first.0,
            end: end.0,
            size,
        })
    }

    /// The whole tree, whatever its size: for a log, not for a bundle of it.
    pub fn whole(size: Size) -> Self {
        Self {
            first: 0,
            end: size.get(),
            size,
        }
    }

    /// The tiles: on each level, from the top down, those above the range, and the partial one at the right edge, of which
    /// the root is made.
    pub fn tiles(self) -> impl Iterator<Item = Tile> {
        let levels = (0..8u8).rev().filter(move |_| self.first < self.end);
        levels.flat_map(move |level| {
            let shift = 8 * (u32::from(level) + 1);
            let above = |place: u64| place.checked_shr(shift).unwrap_or(0);
            let (from, to) = (above(self.first), above(self.end - 1) + 1);
            let edge = above(self.size.get());
            let partial = Tile::of_tree(level, edge, self.size).filter(|_| edge >= to);
            (from..to)
                .map_while(move |index| Tile::of_tree(level, index, self.size))
                .chain(partial)
        })
    }

    /// The tiles of level 0 that have lines, and the places of their lines.
    pub fn entries(self) -> impl Iterator<Item = (u64, Range<u64>)> {
        let width = u64::from(FULL_WIDTH);
        let tiles = self.first / width..self.end.div_ceil(width);
        tiles.map(move |tile| {
            let start = (tile * width).max(self.first);
            let end = ((tile + 1).saturating_mul(width)).min(self.end);
            (tile, start..end)
        })
    }

    /// Whether the tile is of level 0 and has places both inside and outside of the range.
    pub fn is_partly_in(self, tile: Tile) -> bool {
        let start = tile.index().saturating_mul(u64::from(FULL_WIDTH));
        let end = start.saturating_add(u64::from(tile.width()));
        tile.level() == 0 && (start < self.first || end > self.end)
    }

    /// How many places it has.
    pub fn places(self) -> u64 {
        self.end - self.first
    }
}

/// The name of the member with the lines of a tile.
pub fn entries_name(tile: u64) -> String {
    let size = Size::new((tile + 1).saturating_mul(u64::from(FULL_WIDTH))).unwrap_or(Size::MAX);
    let place = Tile::of_tree(0, tile, size).map(|tile| tile.to_string());
    let place = place
        .as_deref()
        .and_then(|path| path.strip_prefix("tile/0/"));
    let place = place.expect("a tree of that size has that tile");
    // The last tile of the largest tree is partial; the name is its place alone.
    let place = place.split_once(".p/").map_or(place, |(place, _)| place);
    format!("entries/{place}.ndjson")
}

const WITHHELD: (&[u8], &[u8]) = (b"{\"withheld\":\"", b"\"}");

/// The line of an entry that is not shown: its leaf, which tells nothing of its values.
pub fn withheld_line(leaf: &[u8; Leaf::BYTES]) -> Vec<u8> {
    let mut line = WITHHELD.0.to_vec();
    for byte in leaf {
        match byte {
            b'\n' => line.extend_from_slice(b"\\n"),
            byte => line.push(*byte),
        }
    }
    line.extend_from_slice(WITHHELD.1);
    line
}

/// Reads exactly what [`withheld_line`] writes for a leaf; `None` if the line is of another kind.
pub fn withheld_leaf(line: &[u8]) -> Option<Result<Leaf, proof::Error>> {
    let text = line.strip_prefix(WITHHELD.0)?;
    let refuse = || proof::Error::Malformed {
        what: "a withheld line",
        why: "it is not one leaf in its one spelling",
    };
    let read = || {
        let text = text.strip_suffix(WITHHELD.1).ok_or_else(refuse)?;
        let text = std::str::from_utf8(text).map_err(|_| refuse())?;
        let leaf = Leaf::parse(text.replace("\\n", "\n").as_bytes())?;
        let same = withheld_line(&leaf.to_bytes()) == line;
        same.then_some(leaf).ok_or_else(refuse)
    };
    Some(read())
}
