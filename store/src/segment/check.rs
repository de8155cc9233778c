//! Everything of a segment derived once more from its entries, and compared.

use super::bits::read_varint;
use super::layout::{Part, Placed, Section};
use super::{Segment, SegmentBytes};
use crate::Error;
use std::path::Path;
use std::sync::Arc;

/// What [`Segment::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Entries read and compared.
    pub entries: u64,
    /// What differs from what the rows say, a sentence each; empty is sound.
    pub differences: Vec<String>,
}

/// Entries that are rebuilt at a time; the memory of a check grows with the segment, not with this.
const CHUNK: u32 = 8192;

pub fn run(segment: &Segment) -> Result<CheckReport, Error> {
    let mut report = CheckReport::default();
    for placed in &segment.sections {
        if crc32c::crc32c(&segment.bytes[placed.range.clone()]) != placed.crc {
            report.differences.push(format!(
                "{} (bytes {} to {}) does not give its CRC",
                placed.section.name(),
                placed.range.start,
                placed.range.end
            ));
        }
    }
    match rebuilt(segment, &mut report) {
        Ok(rebuilt) => compare(segment, &rebuilt, &mut report),
        Err(error) => report.differences.push(error.to_string()),
    }
    Ok(report)
}

/// The segment that the entries of `segment` make.
fn rebuilt(segment: &Segment, report: &mut CheckReport) -> Result<Segment, Error> {
    let mut bodies = Bodies::new(segment.section(Section::of(Part::Bodies)));
    let mut parts = Vec::new();
    let mut recent = crate::index::Recent::default();
    for start in (0..segment.len()).step_by(CHUNK as usize) {
        let end = segment.len().min(start + CHUNK);
        let mut entries = Vec::with_capacity((end - start) as usize);
        for ordinal in start..end {
            let entry = recent.entry(segment, segment.row_of(ordinal))?;
            report.entries += 1;
            if entry.seq.0 != segment.first_seq().0 + u64::from(ordinal) {
                return Err(segment.damaged(format!(
                    "seq {} stands at the place of {}",
                    entry.seq.0, ordinal
                )));
            }
            if let Err((first, last)) = bodies.add(&entry) {
                let seq = |ordinal| segment.first_seq().0 + ordinal;
                let (first, last) = (seq(first), seq(last));
                report.differences.push(format!(
                    "entries seq {first} to {last} are not those that were accepted"
                ));
            }
            entries.push(Arc::new(entry));
        }
        parts.push(Arc::new(Segment::build(segment.organization(), &entries)));
    }
    if !bodies.is_complete() {
        report
            .differences
            .push("the checksums of entries cover another number of entries".into());
    }
    let mut bytes = Vec::new();
    Segment::merge(&parts, &mut bytes)?;
    Segment::open(SegmentBytes::Memory(bytes), Path::new("a segment rebuilt"))
}

/// Compares every section but those whose bytes depend on how entries were once grouped: the entries of those were read.
fn compare(segment: &Segment, rebuilt: &Segment, report: &mut CheckReport) {
    if segment.meta != rebuilt.meta {
        report
            .differences
            .push("its facts are not those of its entries".into());
    }
    let depends = |section: Section| {
        let part = section.part();
        matches!(
            part,
            Some(Part::BlockIndex | Part::BlockData | Part::Dictionaries | Part::Bodies)
        )
    };
    let mut sections: Vec<Section> = [segment, rebuilt]
        .iter()
        .flat_map(|of| &of.sections)
        .map(|p: &Placed| p.section)
        .collect();
    sections.sort_unstable();
    sections.dedup();
    for section in sections.into_iter().filter(|section| !depends(*section)) {
        if segment.section(section) != rebuilt.section(section) {
            let kind = if section.part().is_some_and(Part::is_derived) {
                " (derived)"
            } else {
                ""
            };
            report.differences.push(format!(
                "{}{kind} is not what its entries give",
                section.name()
            ));
        }
    }
}

/// The checksums of the exact bodies, a run of entries each: their number, then the CRC32C of all of them.
struct Bodies<'a> {
    left: &'a [u8],
    first: u64,
    end: u64,
    next: u64,
    expected: u32,
    crc: u32,
    body: Vec<u8>,
}

impl<'a> Bodies<'a> {
    fn new(section: &'a [u8]) -> Self {
        Bodies {
            left: section,
            first: 0,
            end: 0,
            next: 0,
            expected: 0,
            crc: 0,
            body: Vec::new(),
        }
    }

    /// Adds the next entry; at the end of a run whose checksum differs, the run.
    fn add(&mut self, entry: &entry::Entry) -> Result<(), (u64, u64)> {
        if self.next == self.end {
            self.first = self.next;
            self.end += read_varint(&mut self.left)
                .filter(|count| *count > 0)
                .unwrap_or(1);
            let crc = self.left.split_first_chunk::<4>();
            self.expected = crc.map_or(0, |(crc, _)| u32::from_le_bytes(*crc));
            self.left = crc.map_or(&[], |(_, rest)| rest);
            self.crc = 0;
        }
        self.body.clear();
        entry.write_body(&mut self.body);
        self.crc = crc32c::crc32c_append(self.crc, &self.body);
        self.next += 1;
        match self.next == self.end && self.crc != self.expected {
            true => Err((self.first, self.end - 1)),
            false => Ok(()),
        }
    }

    fn is_complete(&self) -> bool {
        self.next == self.end && self.left.is_empty()
    }
}
