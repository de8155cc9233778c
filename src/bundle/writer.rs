//! Writing a bundle as a stream.

use super::{About, Plan, archive, entries_name, withheld_line};
use proof::Seq;
use proof::checkpoint::SignedCheckpoint;
use proof::leaf::Leaf;
use proof::tile::Tile;
use std::io::{self, Write};

/// Lines of one tile are gathered up to so many bytes; beyond, they are asked for twice, first for their length.
const GATHERED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// zstd's own default: most of the bytes are salts, which no level makes smaller.
const LEVEL: i32 = 3;

/// What a bundle has in the place of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The text of its [`Disclosure`](proof::disclosure::Disclosure).
    Open(Vec<u8>),
    /// Only its leaf: it is there, and what it is stays with the log.
    Withheld([u8; Leaf::BYTES]),
}

/// Why a bundle was not written. What was written of it is a cut frame, which no reader accepts.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// The caller's own, from a tile or a line.
    #[error("{0}")]
    Source(E),
    /// The output did not take it.
    #[error(transparent)]
    Output(io::Error),
    /// What the caller gave cannot be a bundle.
    #[error("not a bundle: {0}")]
    Impossible(String),
}

/// Writes the bundle of `[about.first, about.end)` under a signed checkpoint, the note verbatim.
///
/// `tile` gives the bytes of a tile of the checkpoint's tree: 32 for each hash, exactly as many as it is wide. `line` gives what
/// is shown of an entry; it is asked in ascending order, and once more for the lines of a tile whose entries are very large,
/// which must not have changed in between. Neither is checked here against the other: a verifier does that.
///
/// Holds at most [`GATHERED_BYTES_MAX`] and one line. Returns the output, flushed.
pub fn write<W: Write, E>(
    out: W,
    about: &About,
    note: &[u8],
    mut tile: impl FnMut(Tile) -> Result<Vec<u8>, E>,
    mut line: impl FnMut(Seq) -> Result<Line, E>,
) -> Result<W, Error<E>> {
    let impossible = |why: &dyn std::fmt::Display| Error::Impossible(why.to_string());
    let signed = SignedCheckpoint::parse(note).map_err(|e| impossible(&e))?;
    let checkpoint = signed.checkpoint();
    if checkpoint.origin() != about.origin {
        return Err(impossible(&"its checkpoint is of another log"));
    }
    let plan = Plan::new(about.first, about.end, checkpoint.tree().size)
        .map_err(|why| impossible(&why))?;
    let mut frame = zstd::Encoder::new(out, LEVEL).map_err(Error::Output)?;
    frame.include_checksum(true).map_err(Error::Output)?;
    let mut members = Members { frame };
    members.whole("bundle.json", about.to_json().as_bytes())?;
    members.whole("checkpoint", note)?;
    for needed in plan.tiles() {
        let bytes = tile(needed).map_err(Error::Source)?;
        if bytes.len() != needed.length_bytes() {
            return Err(impossible(&format_args!(
                "{needed} has {} bytes",
                bytes.len()
            )));
        }
        members.whole(&needed.to_string(), &bytes)?;
    }
    for (tile, places) in plan.entries() {
        members.lines(&entries_name(tile), places.map(Seq), &mut line)?;
    }
    members.put(&archive::END)?;
    let mut out = members.frame.finish().map_err(Error::Output)?;
    out.flush().map_err(Error::Output)?;
    Ok(out)
}

struct Members<'z, W: Write> {
    frame: zstd::Encoder<'z, W>,
}

impl<W: Write> Members<'_, W> {
    fn put<E>(&mut self, bytes: &[u8]) -> Result<(), Error<E>> {
        self.frame.write_all(bytes).map_err(Error::Output)
    }

    fn header<E>(&mut self, name: &str, size: u64) -> Result<(), Error<E>> {
        if size > archive::SIZE_MAX {
            return Err(Error::Impossible(format!("{name} has {size} bytes")));
        }
        self.put(&archive::header(name, size))
    }

    fn padding<E>(&mut self, size: u64) -> Result<(), Error<E>> {
        self.put(&archive::END[..archive::padding(size)])
    }

    fn whole<E>(&mut self, name: &str, content: &[u8]) -> Result<(), Error<E>> {
        let size = content.len() as u64;
        self.header(name, size)?;
        self.put(content)?;
        self.padding(size)
    }

    fn lines<E>(
        &mut self,
        name: &str,
        places: impl Iterator<Item = Seq> + Clone,
        line: &mut impl FnMut(Seq) -> Result<Line, E>,
    ) -> Result<(), Error<E>> {
        let mut size = 0;
        let mut gathered = Vec::new();
        for place in places.clone() {
            let text = text_of(line(place).map_err(Error::Source)?);
            size += text.len() as u64;
            if size <= GATHERED_BYTES_MAX {
                gathered.extend_from_slice(&text);
            }
        }
        if size <= GATHERED_BYTES_MAX {
            return self.whole(name, &gathered);
        }
        drop(gathered);
        self.header(name, size)?;
        let mut left = size;
        for place in places {
            let text = text_of(line(place).map_err(Error::Source)?);
            left = left.checked_sub(text.len() as u64).ok_or_else(changed)?;
            self.put(&text)?;
        }
        if left != 0 {
            return Err(changed());
        }
        self.padding(size)
    }
}

fn changed<E>() -> Error<E> {
    Error::Impossible("an entry changed while it was written; write it again".to_owned())
}

fn text_of(line: Line) -> Vec<u8> {
    let mut text = match line {
        Line::Open(disclosure) => disclosure,
        Line::Withheld(leaf) => withheld_line(&leaf),
    };
    text.push(b'\n');
    text
}
