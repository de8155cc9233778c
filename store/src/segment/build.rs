//! A segment from entries.

use super::group::Group;
use super::interner::{Interner, places};
use super::layout::{LayoutWriter, Meta, Part, Section};
use super::postings::{PostingsWriter, invert, part};
use super::rest::{self, BlocksWriter};
use super::salted::SaltedWriter;
use super::write::{
    GroupColumn, write_blocks, write_ids, write_numbers, write_order, write_salted, write_tokens,
};
use super::{entry_crc, identity, tokens};
use crate::Error;
use crate::kept::Kept;
use entry::{Entry, Organization};
use std::sync::Arc;

/// The bytes of a segment in memory: its blocks are not compressed, or everything would be compressed twice.
pub fn bytes(organization: &Organization, entries: &[Arc<Kept>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * 400);
    write(organization, entries, &mut bytes).expect("memory takes every write");
    bytes
}

fn write(
    organization: &Organization,
    entries: &[Arc<Kept>],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut out = LayoutWriter::new(out);
    write_by_ordinal(entries, &mut out)?;
    // Rows are in order of (timestamp, seq); the sort is stable and the entries are in order of seq.
    let mut ordinals: Vec<u32> = (0..entries.len() as u32).collect();
    ordinals.sort_by_key(|ordinal| entries[*ordinal as usize].timestamp);
    let rows = || {
        ordinals
            .iter()
            .map(|ordinal| &entries[*ordinal as usize].entry)
    };
    write_order(&ordinals, &mut out)?;
    write_numbers(
        Part::Timestamps,
        rows().map(|entry| entry.timestamp.as_micros()),
        &mut out,
    )?;
    for group in Group::ALL {
        column(group, rows()).write(&mut out)?;
    }
    write_all_tokens(rows(), entries.len() as u32, &mut out)?;
    let ids = entries.iter().map(|entry| entry.id);
    let (first, last) = (rows().next(), rows().next_back());
    out.finish(&Meta {
        organization: organization.clone(),
        first_seq: entries[0].seq,
        len: entries.len() as u32,
        timestamps: (
            first.expect(NOT_EMPTY).timestamp,
            last.expect(NOT_EMPTY).timestamp,
        ),
        received: (
            entries[0].received_at,
            entries[entries.len() - 1].received_at,
        ),
        ids: (
            ids.clone().min().expect(NOT_EMPTY),
            ids.max().expect(NOT_EMPTY),
        ),
    })
}

const NOT_EMPTY: &str = "a segment is built from at least one entry";

fn write_by_ordinal(entries: &[Arc<Kept>], out: &mut LayoutWriter<'_>) -> Result<(), Error> {
    let mut blocks = BlocksWriter::default();
    let mut salted = SaltedWriter::default();
    let (mut rest, mut body, mut crcs) = (
        Vec::new(),
        Vec::new(),
        Vec::with_capacity(entries.len() * 4),
    );
    for entry in entries {
        rest.clear();
        rest::write(entry, &mut rest);
        blocks.push(&rest);
        salted.push(&entry.salts);
        crcs.extend_from_slice(&entry_crc(entry, &entry.salts, &mut body).to_le_bytes());
    }
    write_blocks(blocks, out)?;
    out.section(Section::of(Part::EntryCrcs), &crcs)?;
    let ids: Vec<u8> = entries
        .iter()
        .flat_map(|entry| *entry.id.as_bytes())
        .collect();
    write_salted(&salted, out)?;
    write_ids(&ids, &identity::order(&ids), out)?;
    write_numbers(
        Part::Received,
        entries.iter().map(|entry| entry.received_at.as_micros()),
        out,
    )
}

fn column<'a>(group: Group, rows: impl Iterator<Item = &'a Entry>) -> GroupColumn {
    let mut interner = Interner::default();
    let mut record = Vec::new();
    let mut forward: Vec<u32> = rows
        .map(|entry| {
            record.clear();
            group.write_record(entry, &mut record);
            interner.number(&record)
        })
        .collect();
    let order = interner.order();
    let places = places(&order);
    forward
        .iter_mut()
        .for_each(|number| *number = places[*number as usize]);
    GroupColumn {
        group,
        records: interner.texts(&order),
        forward,
    }
}

fn write_all_tokens<'a>(
    rows: impl Iterator<Item = &'a Entry>,
    len: u32,
    out: &mut LayoutWriter<'_>,
) -> Result<(), Error> {
    let mut interner = Interner::default();
    // The row in which a token was last seen, from 1: an entry counts once, however often it has a token.
    let mut seen: Vec<u32> = Vec::new();
    let (mut numbers, mut of_numbers) = (Vec::new(), Vec::new());
    for (row, entry) in rows.enumerate() {
        let row = row as u32;
        tokens::each(entry, &mut |token| {
            let number = interner.number(token);
            if number as usize == seen.len() {
                seen.push(0);
            }
            if std::mem::replace(&mut seen[number as usize], row + 1) != row + 1 {
                numbers.push(number);
                of_numbers.push(row);
            }
        });
    }
    let order = interner.order();
    let (places, starts) = invert(&numbers, order.len() as u32);
    let mut postings = PostingsWriter::new(len);
    let mut list = Vec::new();
    for number in &order {
        list.clear();
        list.extend(
            places[part(&starts, *number)]
                .iter()
                .map(|place| of_numbers[*place as usize]),
        );
        postings.push(&list);
    }
    write_tokens(&interner.texts(&order), postings, out)
}
