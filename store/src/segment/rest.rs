//! What no dictionary holds of an entry: the texts that are seldom asked for and never alike, in compressed blocks.
//!
//! Kept in order of seq, so that merging copies whole blocks as they are, each with the dictionary it was written with.

use super::bits::{read_varint, write_varint};
use super::group::read_text;
use entry::{Entry, Json, Request};
use std::cell::RefCell;
use std::sync::OnceLock;
use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict};

/// Uncompressed bytes after which a block ends: small enough to read one entry, large enough to compress well.
const BLOCK_BYTES: usize = 12 * 1024;
/// No honest block is larger: one entry may be 4 MiB as sent, and a canonical text grows at most sixfold by escapes.
const BLOCK_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a trained dictionary.
const DICTIONARY_BYTES: usize = 16 * 1024;
/// Bytes of samples it is trained from, at most; more costs time and gains nothing measurable.
const SAMPLE_BYTES: usize = 1024 * 1024;
/// One byte in so many is a sample: training must not cost a small segment more than compressing it.
const SAMPLED: usize = 8;
const LEVEL: i32 = 3;

/// The members that are in no group.
pub struct Rest {
    pub user_agent: Option<Box<str>>,
    pub method: Option<Box<str>>,
    pub path: Option<Box<str>>,
    pub trace_id: Option<Box<str>>,
    pub session_id: Option<Box<str>>,
    pub error: Option<entry::Error>,
    pub changes: Option<Json>,
    pub context: Option<Json>,
    pub event_id: Option<Box<str>>,
    pub sequence: Option<u64>,
}

/// Flag of an error object, whatever is in it.
const ERROR: u64 = 1 << 10;
/// Flag of a source's sequence.
const SEQUENCE: u64 = 1 << 11;

/// Appends the rest of an entry: flags of what is there, then each text with its length.
pub fn write(entry: &Entry, out: &mut Vec<u8>) {
    let Request {
        id: _,
        ip: _,
        user_agent,
        method,
        path,
        trace_id,
        session_id,
    } = &entry.request;
    let error = entry.error.as_ref();
    let source = entry.source.as_ref();
    let texts: [Option<&str>; 10] = [
        method.as_deref(),
        user_agent.as_deref(),
        path.as_deref(),
        session_id.as_deref(),
        trace_id.as_deref(),
        error.and_then(|e| e.code.as_deref()),
        error.and_then(|e| e.message.as_deref()),
        entry.changes.as_ref().map(Json::as_str),
        entry.context.as_ref().map(Json::as_str),
        source.and_then(|s| s.event_id.as_deref()),
    ];
    let sequence = source.and_then(|s| s.sequence);
    let mut flags = texts
        .iter()
        .enumerate()
        .map(|(at, text)| u64::from(text.is_some()) << at)
        .sum();
    flags |= if error.is_some() { ERROR } else { 0 };
    flags |= if sequence.is_some() { SEQUENCE } else { 0 };
    write_varint(flags, out);
    for text in texts.into_iter().flatten() {
        write_varint(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }
    if let Some(sequence) = sequence {
        write_varint(sequence, out);
    }
}

/// `None` if the bytes are no rest.
pub fn read(mut bytes: &[u8]) -> Option<Rest> {
    let flags = read_varint(&mut bytes)?;
    let mut texts: [Option<Box<str>>; 10] = Default::default();
    for (at, text) in texts.iter_mut().enumerate() {
        if flags >> at & 1 == 1 {
            *text = Some(read_text(&mut bytes)?.into());
        }
    }
    let sequence = if flags & SEQUENCE == 0 {
        None
    } else {
        Some(read_varint(&mut bytes)?)
    };
    let [
        method,
        user_agent,
        path,
        session_id,
        trace_id,
        code,
        message,
        changes,
        context,
        event_id,
    ] = texts;
    let error = (flags & ERROR != 0).then_some(entry::Error { code, message });
    let (changes, context) = (
        changes.map(Json::from_canonical),
        context.map(Json::from_canonical),
    );
    Some(Rest {
        user_agent,
        method,
        path,
        trace_id,
        session_id,
        error,
        changes,
        context,
        event_id,
        sequence,
    })
}

/// Where a block is: first entry (4 bytes), bytes uncompressed (4), place (8), CRC32C of the stored bytes (4),
/// dictionary from 1, or 0 for a block that is not compressed (4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockAt {
    pub first: u32,
    pub raw: u32,
    pub place: u64,
    pub crc: u32,
    pub dictionary: u32,
}

const BLOCK_AT: usize = 24;

impl BlockAt {
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.raw.to_le_bytes());
        out.extend_from_slice(&self.place.to_le_bytes());
        out.extend_from_slice(&self.crc.to_le_bytes());
        out.extend_from_slice(&self.dictionary.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> BlockAt {
        let four =
            |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        BlockAt {
            first: four(0),
            raw: four(4),
            place: u64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes")),
            crc: four(16),
            dictionary: four(20),
        }
    }
}

/// The blocks of a segment.
#[derive(Clone, Copy)]
pub struct Blocks<'a> {
    pub index: &'a [u8],
    pub data: &'a [u8],
    pub dictionaries: &'a [u8],
}

/// A block, decompressed: the rests of consecutive entries.
#[derive(Clone)]
pub struct Block {
    pub first: u32,
    bytes: Vec<u8>,
    /// Where each entry's rest ends; each begins where the one before it ends, after its length.
    parts: Vec<(u32, u32)>,
}

impl Block {
    /// The rest of an entry, by its place in the segment.
    pub fn part(&self, ordinal: u32) -> Option<&[u8]> {
        let (start, end) = *self.parts.get(ordinal.checked_sub(self.first)? as usize)?;
        self.bytes.get(start as usize..end as usize)
    }

    /// The rest of each of its entries.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.parts
            .iter()
            .map(|(start, end)| &self.bytes[*start as usize..*end as usize])
    }

    pub fn holds(&self, ordinal: u32) -> bool {
        ordinal >= self.first && ((ordinal - self.first) as usize) < self.parts.len()
    }

    fn parse(first: u32, bytes: Vec<u8>) -> Option<Block> {
        let mut parts = Vec::new();
        let mut left = &bytes[..];
        while !left.is_empty() {
            let length = read_varint(&mut left)? as usize;
            let start = bytes.len() - left.len();
            left = left.get(length..)?;
            parts.push((start as u32, (start + length) as u32));
        }
        Some(Block {
            first,
            bytes,
            parts,
        })
    }
}

impl<'a> Blocks<'a> {
    pub fn len(&self) -> usize {
        self.index.len() / BLOCK_AT
    }

    pub fn at(&self, block: usize) -> Option<BlockAt> {
        Some(BlockAt::read(
            self.index.get(block * BLOCK_AT..(block + 1) * BLOCK_AT)?,
        ))
    }

    /// The block that holds an entry.
    pub fn holding(&self, ordinal: u32) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle)?.first <= ordinal {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low.checked_sub(1)
    }

    /// The stored bytes of a block, checked against its CRC.
    pub fn stored(&self, block: usize) -> Option<&'a [u8]> {
        let at = self.at(block)?;
        let end = self
            .at(block + 1)
            .map_or(self.data.len(), |next| next.place as usize);
        let stored = self.data.get(at.place as usize..end)?;
        (crc32c::crc32c(stored) == at.crc).then_some(stored)
    }

    /// `None` if it is damaged.
    pub fn read(&self, block: usize, prepared: &Prepared) -> Option<Block> {
        let at = self.at(block)?;
        let stored = self.stored(block)?;
        let raw = at.raw as usize;
        if raw > BLOCK_BYTES_MAX {
            return None;
        }
        let bytes = match at.dictionary {
            0 => stored.to_vec(),
            n => decompress(stored, raw, prepared.get(n as usize - 1, self)?)?,
        };
        if bytes.len() != raw {
            return None;
        }
        Block::parse(at.first, bytes)
    }

    /// Every dictionary, with the CRC32C that precedes it; before that stands its length.
    pub fn each_dictionary(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let mut left = self.dictionaries;
        std::iter::from_fn(move || {
            let length = read_varint(&mut left)? as usize;
            let (crc, rest) = left.split_first_chunk::<4>()?;
            let (dictionary, rest) = rest.split_at_checked(length)?;
            left = rest;
            Some((u32::from_le_bytes(*crc), dictionary))
        })
    }
}

/// Dictionaries made ready for reading, each when first needed.
#[derive(Default)]
pub struct Prepared(Vec<OnceLock<Option<DDict<'static>>>>);

impl Prepared {
    pub fn of(blocks: &Blocks<'_>) -> Prepared {
        Prepared(blocks.each_dictionary().map(|_| OnceLock::new()).collect())
    }

    fn get(&self, n: usize, blocks: &Blocks<'_>) -> Option<&DDict<'static>> {
        let ready = self.0.get(n)?.get_or_init(|| {
            let (crc, dictionary) = blocks.each_dictionary().nth(n)?;
            (crc32c::crc32c(dictionary) == crc).then(|| DDict::try_create(dictionary))?
        });
        ready.as_ref()
    }

    pub fn memory_bytes(&self) -> usize {
        self.0
            .iter()
            .filter_map(OnceLock::get)
            .flatten()
            .map(DDict::sizeof)
            .sum()
    }
}

thread_local! {
    static DECOMPRESS: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

fn decompress(stored: &[u8], raw: usize, dictionary: &DDict<'static>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(raw);
    DECOMPRESS
        .with_borrow_mut(|context| context.decompress_using_ddict(&mut out, stored, dictionary))
        .ok()?;
    Some(out)
}

/// Collects rests in order of seq into blocks.
#[derive(Default)]
pub struct BlocksWriter {
    pub index: Vec<u8>,
    pub data: Vec<u8>,
    pub dictionaries: Vec<u8>,
    open: Vec<u8>,
    open_first: u32,
    next: u32,
    compressor: Option<(CCtx<'static>, CDict<'static>, u32)>,
    dictionary_count: u32,
}

impl BlocksWriter {
    /// Appends one entry's rest.
    pub fn push(&mut self, part: &[u8]) {
        if self.open.len() + part.len() > BLOCK_BYTES && !self.open.is_empty() {
            self.end_block();
        }
        if self.open.is_empty() {
            self.open_first = self.next;
        }
        write_varint(part.len() as u64, &mut self.open);
        self.open.extend_from_slice(part);
        self.next += 1;
    }

    /// Compresses what comes, with a dictionary trained on samples.
    pub fn compress(&mut self, samples: &[&[u8]]) {
        self.end_block();
        let trained = train(samples);
        self.add_dictionary(crc32c::crc32c(&trained), &trained);
        self.compressor = Some((
            CCtx::create(),
            CDict::create(&trained, LEVEL),
            self.dictionary_count,
        ));
    }

    fn add_dictionary(&mut self, crc: u32, dictionary: &[u8]) {
        write_varint(dictionary.len() as u64, &mut self.dictionaries);
        self.dictionaries.extend_from_slice(&crc.to_le_bytes());
        self.dictionaries.extend_from_slice(dictionary);
        self.dictionary_count += 1;
    }

    /// Copies all blocks of a segment as they are.
    pub fn copy(&mut self, blocks: &Blocks<'_>, entries: u32) -> Option<()> {
        self.end_block();
        let before = self.dictionary_count;
        for (crc, dictionary) in blocks.each_dictionary() {
            self.add_dictionary(crc, dictionary);
        }
        for block in 0..blocks.len() {
            let (at, stored) = (blocks.at(block)?, blocks.stored(block)?);
            let dictionary = if at.dictionary == 0 {
                0
            } else {
                before + at.dictionary
            };
            let place = self.data.len() as u64;
            BlockAt {
                first: self.next + at.first,
                place,
                dictionary,
                ..at
            }
            .write(&mut self.index);
            self.data.extend_from_slice(stored);
        }
        self.next += entries;
        Some(())
    }

    /// Ends the last block; nothing may be pushed after it.
    pub fn finish(&mut self) {
        self.end_block();
    }

    fn end_block(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let raw = std::mem::take(&mut self.open);
        let place = self.data.len();
        let dictionary = match &mut self.compressor {
            None => {
                self.data.extend_from_slice(&raw);
                0
            }
            Some((context, dictionary, number)) => {
                let mut stored = Vec::with_capacity(zstd::zstd_safe::compress_bound(raw.len()));
                context
                    .compress_using_cdict(&mut stored, &raw, dictionary)
                    .expect("the bound of zstd suffices for every input");
                self.data.extend_from_slice(&stored);
                *number
            }
        };
        let crc = crc32c::crc32c(&self.data[place..]);
        let at = BlockAt {
            first: self.open_first,
            raw: raw.len() as u32,
            place: place as u64,
            crc,
            dictionary,
        };
        at.write(&mut self.index);
    }
}

/// A dictionary from samples; an empty one where it would not pay for its own bytes.
fn train(samples: &[&[u8]]) -> Vec<u8> {
    let total: usize = samples.iter().map(|sample| sample.len()).sum();
    if total < DICTIONARY_BYTES * 16 {
        return Vec::new();
    }
    let step = (total / SAMPLE_BYTES).max(SAMPLED);
    let chosen: Vec<&[u8]> = samples
        .iter()
        .step_by(step)
        .copied()
        .filter(|sample| sample.len() < 1 << 16)
        .collect();
    let (mut joined, mut sizes) = (Vec::new(), Vec::new());
    for sample in chosen {
        joined.extend_from_slice(sample);
        sizes.push(sample.len());
    }
    // zstd refuses to train on too few or too strange samples; compressing without is always possible.
    zstd::dict::from_continuous(&joined, &sizes, DICTIONARY_BYTES).unwrap_or_default()
}
