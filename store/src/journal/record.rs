//! The bytes of the journal's records. docs/format.md says the same in tables.

use crate::redaction;
use entry::{Organization, Seq, Timestamp};
use proof::leaf::Seed;

/// Bytes before a record's content.
pub(crate) const HEADER_BYTES: usize = 32;

/// Records begin at multiples of this, so that a search for one need not look at every byte.
pub(crate) const ALIGNMENT: usize = 8;

const VERSION: u8 = 2;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The entries of one batch: all of them or, if the record is cut, none.
    Entries = 1,
    /// Nothing but `durable_to`: everything before this record was synced. Not synced itself.
    Mark = 2,
    /// As [`Kind::Mark`], synced: the store was closed in order.
    Close = 3,
    /// What is erased of a log's entries, then as [`Kind::Entries`] the entry that says who, when and why.
    Redaction = 5,
    /// A signed checkpoint of one log.
    Checkpoint = 4,
}

/// A record as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// `None` for a kind of a newer release.
    pub kind: Option<Kind>,
    pub position: u64,
    /// Everything before this position was synced when the record was written.
    pub durable_to: u64,
    /// Entries in it.
    pub count: u32,
    pub content: &'a [u8],
    /// Bytes to the next record.
    pub size_bytes: usize,
}

impl<'a> Record<'a> {
    /// What [`read_entries`] reads; `None` where the record has none, or is malformed.
    pub fn entries(&self) -> Option<&'a [u8]> {
        match self.kind? {
            Kind::Entries => Some(self.content),
            Kind::Redaction => Some(redaction::split_order(self.content)?.1),
            Kind::Mark | Kind::Close | Kind::Checkpoint => None,
        }
    }
}

/// Appends a record to `out`, whose first byte is at position `base`.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    base: u64,
    durable_to: u64,
    kind: Kind,
    count: u32,
    content: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    debug_assert!(start.is_multiple_of(ALIGNMENT));
    out.extend_from_slice(&[0; HEADER_BYTES]);
    content(out);
    let content_bytes = u32::try_from(out.len() - start - HEADER_BYTES)
        .expect("a batch is smaller than 4 GiB: admission bounds it");
    let record = &mut out[start..];
    record[4..8].copy_from_slice(&content_bytes.to_le_bytes());
    record[8..16].copy_from_slice(&(base + start as u64).to_le_bytes());
    record[16..24].copy_from_slice(&durable_to.to_le_bytes());
    record[24] = kind as u8;
    record[25] = VERSION;
    record[28..32].copy_from_slice(&count.to_le_bytes());
    let checksum = crc32c::crc32c(&record[4..]);
    record[0..4].copy_from_slice(&checksum.to_le_bytes());
    out.resize(start + padded(out.len() - start), 0);
}

/// The record at `position`, if the bytes there begin with one that is whole.
pub(crate) fn decode(bytes: &[u8], position: u64, check_checksum: bool) -> Option<Record<'_>> {
    let header = bytes.get(..HEADER_BYTES)?;
    if u64_at(header, 8) != position || header[25] != VERSION || header[24] == 0 {
        return None;
    }
    let end = HEADER_BYTES + u32_at(header, 4) as usize;
    let covered = bytes.get(4..end)?;
    if check_checksum && crc32c::crc32c(covered) != u32_at(header, 0) {
        return None;
    }
    Some(Record {
        kind: match header[24] {
            1 => Some(Kind::Entries),
            2 => Some(Kind::Mark),
            3 => Some(Kind::Close),
            5 => Some(Kind::Redaction),
            4 => Some(Kind::Checkpoint),
            _ => None,
        },
        position,
        durable_to: u64_at(header, 16),
        count: u32_at(header, 28),
        content: &bytes[HEADER_BYTES..end],
        // The last record of a file may lack its padding, if only the bytes before it survived.
        size_bytes: padded(end),
    })
}

fn padded(size_bytes: usize) -> usize {
    size_bytes.next_multiple_of(ALIGNMENT)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Entries of one log in a row, each as its seed and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run<'a> {
    pub organization: Organization,
    pub first: Seq,
    pub entries: Vec<(Seed, &'a [u8])>,
}

impl Run<'_> {
    /// The seq after the last.
    pub fn end(&self) -> u64 {
        self.first.0 + self.entries.len() as u64
    }
}

/// Begins the content of [`Kind::Entries`]; `runs` calls of [`begin_run`] follow.
pub(crate) fn begin_entries(out: &mut Vec<u8>, received_at: Timestamp, runs: u32) {
    out.extend_from_slice(&received_at.as_micros().to_le_bytes());
    out.extend_from_slice(&runs.to_le_bytes());
}

/// Begins a run; `count` calls of [`push_entry`] follow.
pub(crate) fn begin_run(out: &mut Vec<u8>, organization: &Organization, first: Seq, count: u32) {
    write_name(out, organization);
    out.extend_from_slice(&first.0.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
}

pub(crate) fn push_entry(out: &mut Vec<u8>, seed: &Seed, body: &[u8]) {
    out.extend_from_slice(&seed.0);
    out.extend_from_slice(
        &u32::try_from(body.len())
            .expect("an entry is smaller than 4 GiB")
            .to_le_bytes(),
    );
    out.extend_from_slice(body);
}

/// The runs of a content of [`Kind::Entries`]; `None` if it is malformed, which a good checksum rules out.
pub(crate) fn read_entries(content: &[u8]) -> Option<(Timestamp, Vec<Run<'_>>)> {
    let mut rest = Rest(content);
    let received_at = Timestamp::from_micros(i64::from_le_bytes(rest.take(8)?.try_into().ok()?))?;
    let mut runs = Vec::new();
    for _ in 0..rest.u32()? {
        let organization = rest.name()?;
        let first = Seq(u64::from_le_bytes(rest.take(8)?.try_into().ok()?));
        let count = rest.u32()?;
        first.0.checked_add(u64::from(count))?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let seed = Seed(rest.take(16)?.try_into().ok()?);
            let body_bytes = rest.u32()? as usize;
            entries.push((seed, rest.take(body_bytes)?));
        }
        runs.push(Run {
            organization,
            first,
            entries,
        });
    }
    rest.0.is_empty().then_some((received_at, runs))
}

/// Appends the content of [`Kind::Checkpoint`].
pub(crate) fn write_checkpoint(
    out: &mut Vec<u8>,
    organization: &Organization,
    at: Timestamp,
    note: &str,
) {
    write_name(out, organization);
    out.extend_from_slice(&at.as_micros().to_le_bytes());
    out.extend_from_slice(note.as_bytes());
}

/// Log, time and note of a content of [`Kind::Checkpoint`]; `None` if it is malformed.
pub(crate) fn read_checkpoint(content: &[u8]) -> Option<(Organization, Timestamp, &str)> {
    let mut rest = Rest(content);
    let organization = rest.name()?;
    let at = Timestamp::from_micros(i64::from_le_bytes(rest.take(8)?.try_into().ok()?))?;
    Some((organization, at, std::str::from_utf8(rest.0).ok()?))
}

fn write_name(out: &mut Vec<u8>, organization: &Organization) {
    let name = organization.as_str().as_bytes();
    out.push(u8::try_from(name.len()).expect("a slug has at most 63 bytes"));
    out.extend_from_slice(name);
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn name(&mut self) -> Option<Organization> {
        let length = usize::from(self.take(1)?[0]);
        Organization::parse(std::str::from_utf8(self.take(length)?).ok()?)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut out = Vec::new();
        let acme = Organization::parse("acme").expect("a slug");
        encode(&mut out, 4096, 4000, Kind::Entries, 2, |out| {
            begin_entries(out, Timestamp::from_micros(7).expect("in range"), 1);
            begin_run(out, &acme, Seq(40), 2);
            push_entry(out, &Seed([1; 16]), b"{}");
            push_entry(out, &Seed([2; 16]), b"{\"a\":1}");
        });
        out
    }

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let bytes = sample();
        let record = decode(&bytes, 4096, true).expect("whole");
        assert_eq!(
            (record.kind, record.durable_to, record.count),
            (Some(Kind::Entries), 4000, 2)
        );
        assert_eq!(record.size_bytes, bytes.len());
        let (received_at, runs) = read_entries(record.content).expect("well formed");
        assert_eq!(received_at.as_micros(), 7);
        assert_eq!((runs[0].first, runs[0].end()), (Seq(40), 42));
        let entries = [(Seed([1; 16]), &b"{}"[..]), (Seed([2; 16]), b"{\"a\":1}")];
        assert_eq!(runs[0].entries, entries);
    }

    #[test]
    fn a_record_elsewhere_cut_or_with_any_bit_turned_is_none() {
        let bytes = sample();
        assert!(
            decode(&bytes, 4104, true).is_none(),
            "stale bytes of another place"
        );
        let covered = HEADER_BYTES + u32_at(&bytes, 4) as usize;
        assert!((0..covered).all(|cut| decode(&bytes[..cut], 4096, true).is_none()));
        for bit in 0..covered * 8 {
            let mut turned = bytes.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&turned, 4096, true).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_malformed_content_is_none_at_every_cut() {
        let bytes = sample();
        let content = decode(&bytes, 4096, true).expect("whole").content;
        assert!((0..content.len()).all(|cut| read_entries(&content[..cut]).is_none()));
    }
}
