//! How a segment lies in its bytes: sections one after the other, their table, a footer.

use crate::Error;
use crate::segment::group::{Attribute, Group};
use entry::field::Field;
use entry::{EntryId, Organization, Seq, Timestamp};
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;

/// The version of everything below. A reader refuses a higher one.
pub const VERSION: u32 = 2;
const MAGIC: [u8; 8] = *b"MARSEG\r\n";
/// Length of the table (4 bytes), its CRC32C (4), version (4), magic (8).
const FOOTER: usize = 20;
/// Section (2 bytes), its CRC32C (4), place (8), length (8).
const TOC_ENTRY: usize = 22;
/// Numbers and ids of [`Meta`], before the organization's name.
const META: usize = 8 + 4 + 4 * 8 + 2 * 16 + 1;

/// A part of a segment. The number stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Section(u16);

/// What a section holds: the upper byte of its number; the lower is the group's, attribute's or field's, else 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    BlockIndex = 1,
    BlockData = 2,
    Dictionaries = 3,
    Ids = 4,
    Received = 5,
    EntryCrcs = 6,
    Timestamps = 7,
    RowOrdinals = 8,
    RecordBlob = 9,
    RecordEnds = 10,
    Forward = 11,
    Seeds = 12,
    Salts = 13,
    // From here on derived from the above, and rebuilt from it where damaged.
    OrdinalRows = 32,
    IdOrder = 33,
    Bloom = 34,
    RecordRows = 35,
    KeyBlob = 36,
    KeyEnds = 37,
    KeyRecords = 38,
    Grams = 39,
    Networks = 40,
    TokenBlob = 41,
    TokenEnds = 42,
    TokenRows = 43,
    Shown = 44,
}

impl Part {
    pub const ALL: [Part; 26] = [
        Part::BlockIndex,
        Part::BlockData,
        Part::Dictionaries,
        Part::Ids,
        Part::Received,
        Part::EntryCrcs,
        Part::Timestamps,
        Part::RowOrdinals,
        Part::RecordBlob,
        Part::RecordEnds,
        Part::Forward,
        Part::Seeds,
        Part::Salts,
        Part::OrdinalRows,
        Part::IdOrder,
        Part::Bloom,
        Part::RecordRows,
        Part::KeyBlob,
        Part::KeyEnds,
        Part::KeyRecords,
        Part::Grams,
        Part::Networks,
        Part::TokenBlob,
        Part::TokenEnds,
        Part::TokenRows,
        Part::Shown,
    ];

    pub fn is_derived(self) -> bool {
        self as u8 >= Part::OrdinalRows as u8
    }
}

impl Section {
    pub fn of(part: Part) -> Section {
        Section((part as u16) << 8)
    }

    pub fn of_group(part: Part, group: Group) -> Section {
        Section((part as u16) << 8 | group as u16)
    }

    pub fn of_attribute(part: Part, attribute: Attribute) -> Section {
        Section((part as u16) << 8 | attribute as u16)
    }

    pub fn of_field(part: Part, field: Field) -> Section {
        Section((part as u16) << 8 | field as u16)
    }

    pub fn part(self) -> Option<Part> {
        Part::ALL
            .into_iter()
            .find(|part| *part as u16 == self.0 >> 8)
    }

    /// `Forward of Actor`: for reports.
    pub fn name(self) -> String {
        let of = self.0 & 0xff;
        let group = || Group::ALL.into_iter().find(|group| *group as u16 == of);
        match self.part() {
            Some(
                part @ (Part::RecordBlob | Part::RecordEnds | Part::Forward | Part::RecordRows),
            ) => match group() {
                Some(group) => format!("{part:?} of {group:?}"),
                None => format!("{part:?} of {of}"),
            },
            Some(part @ (Part::KeyBlob | Part::KeyEnds | Part::KeyRecords | Part::Grams)) => {
                let mut attributes = Group::ALL.into_iter().flat_map(Group::attributes);
                match attributes.find(|attribute| **attribute as u16 == of) {
                    Some(attribute) => format!("{part:?} of {attribute:?}"),
                    None => format!("{part:?} of {of}"),
                }
            }
            Some(Part::Shown) => match Field::ALL.iter().find(|field| **field as u16 == of) {
                Some(field) => format!("Shown of {field:?}"),
                None => format!("Shown of {of}"),
            },
            Some(part) => format!("{part:?}"),
            None => format!("section {}", self.0),
        }
    }
}

/// What is known of a segment without reading its sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub organization: Organization,
    pub first_seq: Seq,
    pub len: u32,
    /// Smallest and largest timestamp.
    pub timestamps: (Timestamp, Timestamp),
    pub received: (Timestamp, Timestamp),
    pub ids: (EntryId, EntryId),
}

impl Meta {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.first_seq.0.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
        for time in [
            self.timestamps.0,
            self.timestamps.1,
            self.received.0,
            self.received.1,
        ] {
            out.extend_from_slice(&time.as_micros().to_le_bytes());
        }
        out.extend_from_slice(self.ids.0.as_bytes());
        out.extend_from_slice(self.ids.1.as_bytes());
        out.push(self.organization.as_str().len() as u8);
        out.extend_from_slice(self.organization.as_str().as_bytes());
    }

    /// Takes it off the front of `bytes`.
    fn read(bytes: &mut &[u8]) -> Option<Meta> {
        let (fixed, rest) = bytes.split_first_chunk::<META>()?;
        let eight = |at: usize| -> [u8; 8] { fixed[at..at + 8].try_into().expect("eight bytes") };
        let time = |at: usize| Timestamp::from_micros(i64::from_le_bytes(eight(at)));
        let id =
            |at: usize| EntryId::from_bytes(fixed[at..at + 16].try_into().expect("sixteen bytes"));
        let (name, rest) = rest.split_at_checked(fixed[META - 1] as usize)?;
        *bytes = rest;
        let len = u32::from_le_bytes(fixed[8..12].try_into().expect("four bytes"));
        Some(Meta {
            organization: Organization::parse(std::str::from_utf8(name).ok()?)?,
            first_seq: Seq(u64::from_le_bytes(eight(0))),
            len: (len > 0).then_some(len)?,
            timestamps: (time(12)?, time(20)?),
            received: (time(28)?, time(36)?),
            ids: (id(44), id(60)),
        })
    }
}

/// Where a section lies, and what its bytes must give.
#[derive(Clone, Debug)]
pub struct Placed {
    pub section: Section,
    pub crc: u32,
    pub range: Range<usize>,
}

/// The frame of a segment: its facts and its table of sections, sorted. Reads the end of `bytes` only.
pub fn read_frame(bytes: &[u8]) -> Result<(Meta, Vec<Placed>), FrameError> {
    let damaged = |what| FrameError::Damaged(what);
    let (rest, footer) = bytes
        .split_last_chunk::<FOOTER>()
        .ok_or(damaged("it is shorter than a footer"))?;
    let four = |at: usize| u32::from_le_bytes(footer[at..at + 4].try_into().expect("four bytes"));
    if footer[12..] != MAGIC {
        return Err(damaged("its end is not the end of a segment"));
    }
    let toc_start = rest
        .len()
        .checked_sub(four(0) as usize)
        .ok_or(damaged("its table is longer than the file"))?;
    let (sections, toc) = rest.split_at(toc_start);
    if crc32c::crc32c_append(crc32c::crc32c(toc), &footer[8..]) != four(4) {
        return Err(damaged("its table of sections does not give its CRC"));
    }
    if four(8) > VERSION {
        return Err(FrameError::Newer(four(8)));
    }
    let mut toc = toc;
    let meta = Meta::read(&mut toc).ok_or(damaged("its facts cannot be read"))?;
    let mut placed = Vec::with_capacity(toc.len() / TOC_ENTRY);
    for entry in toc.chunks_exact(TOC_ENTRY) {
        let eight = |at: usize| {
            u64::from_le_bytes(entry[at..at + 8].try_into().expect("eight bytes")) as usize
        };
        let end = eight(6)
            .checked_add(eight(14))
            .filter(|end| *end <= sections.len());
        placed.push(Placed {
            section: Section(u16::from_le_bytes([entry[0], entry[1]])),
            crc: u32::from_le_bytes(entry[2..6].try_into().expect("four bytes")),
            range: eight(6)..end.ok_or(damaged("a section lies outside of it"))?,
        });
    }
    placed.sort_by_key(|placed| placed.section);
    Ok((meta, placed))
}

pub enum FrameError {
    Damaged(&'static str),
    Newer(u32),
}

/// Writes sections and, at the end, their table.
pub struct LayoutWriter<'a> {
    out: &'a mut dyn Write,
    place: u64,
    toc: Vec<u8>,
}

impl<'a> LayoutWriter<'a> {
    pub fn new(out: &'a mut dyn Write) -> Self {
        LayoutWriter {
            out,
            place: 0,
            toc: Vec::new(),
        }
    }

    /// Empty sections are left out: reading them gives nothing, too.
    pub fn section(&mut self, section: Section, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.toc.extend_from_slice(&section.0.to_le_bytes());
        self.toc
            .extend_from_slice(&crc32c::crc32c(bytes).to_le_bytes());
        self.toc.extend_from_slice(&self.place.to_le_bytes());
        self.toc
            .extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.place += bytes.len() as u64;
        self.write(bytes)
    }

    pub fn finish(mut self, meta: &Meta) -> Result<(), Error> {
        let mut table = Vec::new();
        meta.write(&mut table);
        table.append(&mut self.toc);
        let mut end = Vec::from(VERSION.to_le_bytes());
        end.extend_from_slice(&MAGIC);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&table), &end);
        let length = (table.len() as u32).to_le_bytes();
        table.extend_from_slice(&length);
        table.extend_from_slice(&crc.to_le_bytes());
        table.extend_from_slice(&end);
        self.write(&table)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let io = |source| Error::Io {
            path: PathBuf::from("a segment being written"),
            source,
        };
        self.out.write_all(bytes).map_err(io)
    }
}
