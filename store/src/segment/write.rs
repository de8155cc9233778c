//! What building and merging have in common: columns to sections.

use super::bits::{Blocked, Packed};
use super::grams::{BLOB_BYTES_MIN, Grams};
use super::group::{Attribute, Group, NONE, Record};
use super::identity;
use super::layout::{LayoutWriter, Part, Section};
use super::postings::{PostingsWriter, invert, part};
use super::rest::BlocksWriter;
use super::salted::SaltedWriter;
use super::texts::{Texts, TextsWriter};
use crate::Error;
use entry::field::Field;
use entry::{address, text};
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

pub fn write_salted(salted: &SaltedWriter, out: &mut LayoutWriter<'_>) -> Result<(), Error> {
    out.section(Section::of(Part::Seeds), &salted.seeds)?;
    out.section(Section::of(Part::Salts), &salted.each())
}

/// A group's distinct records, sorted, and the record of each row.
pub struct GroupColumn {
    pub group: Group,
    pub records: TextsWriter,
    pub forward: Vec<u32>,
}

impl GroupColumn {
    pub fn write(self, out: &mut LayoutWriter<'_>) -> Result<(), Error> {
        let GroupColumn {
            group,
            records,
            forward,
        } = self;
        let (blob, ends) = (&records.blob, records.ends());
        out.section(Section::of_group(Part::RecordBlob, group), blob)?;
        out.section(Section::of_group(Part::RecordEnds, group), &ends)?;
        let mut packed = Vec::new();
        Packed::write(forward.iter().copied(), &mut packed);
        out.section(Section::of_group(Part::Forward, group), &packed)?;
        drop(packed);
        out.section(
            Section::of_group(Part::RecordRows, group),
            &record_rows(&forward, records.len()),
        )?;
        let records = Texts::new(blob, &ends);
        if !group.is_one_text() {
            group
                .fields()
                .try_for_each(|field| write_shown(field, records, out))?;
        }
        group
            .attributes()
            .iter()
            .try_for_each(|attribute| write_attribute(*attribute, records, out))
    }
}

fn record_rows(forward: &[u32], records: u32) -> Vec<u8> {
    let (rows, starts) = invert(forward, records);
    let mut postings = PostingsWriter::new(forward.len() as u32);
    (0..records).for_each(|record| postings.push(&rows[part(&starts, record)]));
    postings.finish()
}

/// For each record the first record that shows the same value of a field in facets.
fn write_shown(field: Field, records: Texts<'_>, out: &mut LayoutWriter<'_>) -> Result<(), Error> {
    let mut first: HashMap<Option<&str>, u32, RandomState> = HashMap::default();
    let group = Group::of(field).expect("a field that is shown belongs to a group");
    let shown = records.iter().enumerate().map(|(at, record)| {
        let value = Record::read(group, record).and_then(|record| record.first_value(field));
        *first.entry(value).or_insert(at as u32)
    });
    let shown: Vec<u32> = shown.collect();
    let mut packed = Vec::new();
    Packed::write(shown.iter().copied(), &mut packed);
    out.section(Section::of_field(Part::Shown, field), &packed)
}

/// The folded values of an attribute, each with its records, and as the last list the records that have any.
///
/// Nothing is written where the records themselves are the folded values.
fn write_attribute(
    attribute: Attribute,
    records: Texts<'_>,
    out: &mut LayoutWriter<'_>,
) -> Result<(), Error> {
    let group = attribute.group();
    if group.is_one_text() && is_folded(records) {
        write_searches(attribute, records, out)?;
        return Ok(());
    }
    let mut pairs: Vec<(Cow<'_, str>, u32)> = Vec::new();
    for (at, record) in records.iter().enumerate() {
        // Only what was just written, or read and checked, comes here.
        let read = Record::read(group, record);
        if let Some(record) = read {
            record.each_value(attribute, &mut |value| {
                pairs.push((text::fold(value), at as u32))
            });
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    let mut keys = TextsWriter::default();
    let mut lists = PostingsWriter::new(records.len());
    for of_key in pairs.chunk_by(|a, b| a.0 == b.0) {
        keys.push(of_key[0].0.as_bytes());
        let list: Vec<u32> = of_key.iter().map(|pair| pair.1).collect();
        lists.push(&list);
    }
    let mut any: Vec<u32> = pairs.iter().map(|pair| pair.1).collect();
    any.sort_unstable();
    any.dedup();
    lists.push(&any);
    let ends = keys.ends();
    out.section(Section::of_attribute(Part::KeyBlob, attribute), &keys.blob)?;
    out.section(Section::of_attribute(Part::KeyEnds, attribute), &ends)?;
    out.section(
        Section::of_attribute(Part::KeyRecords, attribute),
        &lists.finish(),
    )?;
    write_searches(attribute, Texts::new(&keys.blob, &ends), out)
}

fn is_folded(records: Texts<'_>) -> bool {
    records
        .iter()
        .all(|record| match std::str::from_utf8(record) {
            Ok(value) => matches!(text::fold(value), Cow::Borrowed(_)),
            Err(_) => record == NONE,
        })
}

/// What makes searching many keys quick: signatures, and for addresses their order as numbers.
fn write_searches(
    attribute: Attribute,
    keys: Texts<'_>,
    out: &mut LayoutWriter<'_>,
) -> Result<(), Error> {
    if attribute == Attribute::Ip {
        out.section(Section::of(Part::Networks), &networks(keys))?;
    }
    if keys.blob_bytes() >= BLOB_BYTES_MIN {
        let grams = Grams::write(keys, keys.blob_bytes());
        out.section(Section::of_attribute(Part::Grams, attribute), &grams)?;
    }
    Ok(())
}

/// Addresses in order, IPv4 before IPv6: 17 bytes (4 or 6, then the address in 16 bytes), key (4 bytes).
fn networks(keys: Texts<'_>) -> Vec<u8> {
    let mut addresses: Vec<([u8; 17], u32)> = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        if let Some(ip) = std::str::from_utf8(key).ok().and_then(address::parse_ip) {
            addresses.push((address_key(ip), at as u32));
        }
    }
    addresses.sort_unstable();
    addresses
        .iter()
        .flat_map(|(address, key)| address.iter().copied().chain(key.to_le_bytes()))
        .collect()
}

/// The bytes by which addresses are sorted.
pub fn address_key(ip: IpAddr) -> [u8; 17] {
    let mut key = [0; 17];
    match ip {
        IpAddr::V4(v4) => {
            key[0] = 4;
            key[13..].copy_from_slice(&v4.octets());
        }
        IpAddr::V6(v6) => {
            key[0] = 6;
            key[1..].copy_from_slice(&v6.octets());
        }
    }
    key
}

/// Writes the sections of what is kept in order of seq.
pub fn write_blocks(mut blocks: BlocksWriter, out: &mut LayoutWriter<'_>) -> Result<(), Error> {
    blocks.finish();
    out.section(Section::of(Part::BlockIndex), &blocks.index)?;
    out.section(Section::of(Part::Dictionaries), &blocks.dictionaries)?;
    out.section(Section::of(Part::BlockData), &blocks.data)
}

/// Writes ids, their order and their filter.
pub fn write_ids(ids: &[u8], order: &[u32], out: &mut LayoutWriter<'_>) -> Result<(), Error> {
    out.section(Section::of(Part::Ids), ids)?;
    let mut packed = Vec::new();
    Packed::write(order.iter().copied(), &mut packed);
    out.section(Section::of(Part::IdOrder), &packed)?;
    out.section(Section::of(Part::Bloom), &identity::bloom(ids))
}

/// Writes the ordinal of each row and the row of each ordinal, or nothing where they are the same.
pub fn write_order(ordinals: &[u32], out: &mut LayoutWriter<'_>) -> Result<(), Error> {
    if ordinals
        .iter()
        .enumerate()
        .all(|(row, ordinal)| row as u32 == *ordinal)
    {
        return Ok(());
    }
    let mut rows = vec![0u32; ordinals.len()];
    for (row, ordinal) in ordinals.iter().enumerate() {
        rows[*ordinal as usize] = row as u32;
    }
    write_numbers(
        Part::RowOrdinals,
        ordinals.iter().map(|n| i64::from(*n)),
        out,
    )?;
    write_numbers(Part::OrdinalRows, rows.iter().map(|n| i64::from(*n)), out)
}

pub fn write_numbers(
    part: Part,
    numbers: impl Iterator<Item = i64>,
    out: &mut LayoutWriter<'_>,
) -> Result<(), Error> {
    let mut bytes = Vec::new();
    Blocked::write(numbers, &mut bytes);
    out.section(Section::of(part), &bytes)
}

/// Writes sorted tokens and the rows of each.
pub fn write_tokens(
    tokens: &TextsWriter,
    rows: PostingsWriter,
    out: &mut LayoutWriter<'_>,
) -> Result<(), Error> {
    if tokens.len() == 0 {
        return Ok(());
    }
    out.section(Section::of(Part::TokenBlob), &tokens.blob)?;
    out.section(Section::of(Part::TokenEnds), &tokens.ends())?;
    out.section(Section::of(Part::TokenRows), &rows.finish())
}
