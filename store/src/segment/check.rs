//! Everything of a segment derived once more from its entries, and compared.

use super::layout::{Part, Placed, Section};
use super::{Segment, SegmentBytes};
use crate::Error;
use crate::kept::Kept;
use std::io::Write;
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

/// Bytes of a mapped file that a scrub holds in memory at most.
const PIECE_BYTES: usize = 1024 * 1024;

pub fn run(segment: &Segment, visit: &mut dyn FnMut(&Kept)) -> Result<CheckReport, Error> {
    let mut report = CheckReport::default();
    report.differences.extend(damage(segment));
    match rebuilt(segment, &mut report, visit) {
        Ok(rebuilt) => compare(segment, &rebuilt, &mut report),
        Err(error) => report.differences.push(error.to_string()),
    }
    Ok(report)
}

/// Sections whose bytes are not those written, a sentence each.
pub fn damage(segment: &Segment) -> impl Iterator<Item = String> {
    let damaged =
        |placed: &&Placed| crc32c::crc32c(&segment.bytes[placed.range.clone()]) != placed.crc;
    segment.sections.iter().filter(damaged).map(sentence)
}

/// As [`damage`], of the sections that are whole parts alone: the first.
pub fn damage_in(segment: &Segment, parts: &[Part]) -> Option<String> {
    let damaged =
        |placed: &&Placed| crc32c::crc32c(&segment.bytes[placed.range.clone()]) != placed.crc;
    let asked = |placed: &&Placed| {
        parts
            .iter()
            .any(|part| Section::of(*part) == placed.section)
    };
    let mut asked = segment.sections.iter().filter(asked);
    asked.find(damaged).map(sentence)
}

/// As [`damage`], in pieces whose memory is given back; `None` once `go_on` says no.
pub fn scrub(segment: &Segment, go_on: &mut dyn FnMut(usize) -> bool) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for placed in &segment.sections {
        let mut crc = 0;
        for start in placed.range.clone().step_by(PIECE_BYTES) {
            let piece = start..placed.range.end.min(start + PIECE_BYTES);
            crc = crc32c::crc32c_append(crc, &segment.bytes[piece.clone()]);
            segment.release_range(piece.clone());
            if !go_on(piece.len()) {
                return None;
            }
        }
        if crc != placed.crc {
            found.push(sentence(placed));
        }
    }
    Some(found)
}

fn sentence(Placed { section, range, .. }: &Placed) -> String {
    format!(
        "{} (bytes {} to {}) does not give its CRC",
        section.name(),
        range.start,
        range.end
    )
}

/// Writes the segment that the entries of `segment` make. Refused if they are not those that were accepted.
pub fn rebuild(segment: &Segment, out: &mut dyn Write) -> Result<(), Error> {
    // What bodies do not cover, such as the times of receipt, is vouched for by the checksum of its section alone.
    let ground = |placed: &&Placed| !placed.section.part().is_some_and(Part::is_derived);
    for placed in segment.sections.iter().filter(ground) {
        if crc32c::crc32c(&segment.bytes[placed.range.clone()]) != placed.crc {
            return Err(
                segment.damaged(format!("{} is not what was written", placed.section.name()))
            );
        }
    }
    let mut report = CheckReport::default();
    let rebuilt = rebuilt(segment, &mut report, &mut |_| ())?;
    if let Some(difference) = report.differences.pop() {
        return Err(segment.damaged(difference));
    }
    out.write_all(&rebuilt.bytes)
        .map_err(|e| Error::io(segment.path(), e))
}

/// The segment that the entries of `segment` make.
fn rebuilt(
    segment: &Segment,
    report: &mut CheckReport,
    visit: &mut dyn FnMut(&Kept),
) -> Result<Segment, Error> {
    let mut parts = Vec::new();
    let mut recent = crate::index::Recent::default();
    let mut scratch = Vec::new();
    for start in (0..segment.len()).step_by(CHUNK as usize) {
        let end = segment.len().min(start + CHUNK);
        let mut entries = Vec::with_capacity((end - start) as usize);
        for ordinal in start..end {
            let row = segment.row_of(ordinal);
            let entry = recent.entry(segment, row)?;
            report.entries += 1;
            if entry.seq.0 != segment.first_seq().0 + u64::from(ordinal) {
                return Err(segment.damaged(format!("its rows do not lead to place {ordinal}")));
            }
            if let Err(error) = segment.prove(row, &entry, &mut scratch) {
                report.differences.push(error.to_string());
            }
            let salts = segment.salts(ordinal)?;
            let kept = Kept { entry, salts };
            visit(&kept);
            entries.push(Arc::new(kept));
        }
        parts.push(Arc::new(Segment::build(segment.organization(), &entries)));
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
            Some(Part::BlockIndex | Part::BlockData | Part::Dictionaries)
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
