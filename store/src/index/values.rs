//! Conditions on values: of fields, of the search box, of addresses.

use crate::Error;
use crate::rowset::RowSet;
use crate::segment::group::{Attribute, Group, NONE};
use crate::segment::{Keys, Segment, address_key};
use entry::EntryId;
use entry::address::Cidr;
use entry::field::Field;
use entry::filter::Pattern;
use memchr::memmem::Finder;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From here on, one pass over all rows is quicker than reading each record's list.
const RECORDS_BY_LIST_MAX: usize = 16 * 1024;

pub(super) fn cost(field: Field, pattern: &Pattern) -> u32 {
    match (field, pattern) {
        (Field::Id, Pattern::Exact(_)) => 1,
        (Field::Organization, _) => 1,
        (Field::Id, _) => 80,
        (Field::RequestId, Pattern::Exact(_)) => 2,
        (_, Pattern::Exact(_)) => 5,
        (_, Pattern::Prefix(_)) => 10,
        (_, Pattern::Suffix(_) | Pattern::Substring(_)) => 50,
    }
}

/// Rows with a value of the field that matches.
pub(super) fn matching(
    segment: &Segment,
    field: Field,
    pattern: &Pattern,
) -> Result<RowSet, Error> {
    let len = segment.len();
    let only_if = |holds: bool| {
        if holds {
            RowSet::all(len)
        } else {
            RowSet::none(len)
        }
    };
    let Some(group) = Group::of(field) else {
        return match field {
            Field::Organization => Ok(only_if(pattern.matches(segment.organization().as_str()))),
            _ => ids(segment, pattern),
        };
    };
    Ok(rows_of(
        segment,
        group,
        records_matching(segment, field, pattern),
    ))
}

/// The records with a value of the field that matches, ascending, each once.
pub(crate) fn records_matching(segment: &Segment, field: Field, pattern: &Pattern) -> Vec<u32> {
    let mut records = Vec::new();
    for attribute in Attribute::of(field) {
        matching_records(&segment.keys(*attribute), pattern, &mut records);
    }
    records.sort_unstable();
    records.dedup();
    records
}

fn ids(segment: &Segment, pattern: &Pattern) -> Result<RowSet, Error> {
    let len = segment.len();
    if let Pattern::Exact(text) = pattern {
        let row = match EntryId::parse(text) {
            Some(id) => segment.find_row(&id)?,
            None => None,
        };
        return Ok(RowSet::of_rows(len, row.into_iter().collect()));
    }
    let ids = segment.ids();
    let matches = |ordinal: &u32| {
        let text = ids.get(*ordinal).to_ascii();
        std::str::from_utf8(&text).is_ok_and(|text| pattern.matches(text))
    };
    let rows = (0..len)
        .filter(matches)
        .map(|ordinal| segment.row_of(ordinal));
    Ok(RowSet::of_rows(len, rows.collect()))
}

/// Rows with any value of the field.
pub(super) fn having(segment: &Segment, field: Field) -> RowSet {
    let Some(group) = Group::of(field) else {
        return RowSet::all(segment.len());
    };
    let mut records = Vec::new();
    for attribute in Attribute::of(field) {
        records_with_any(&segment.keys(*attribute), &mut records);
    }
    rows_of(segment, group, records)
}

/// The search box: rows with the folded text anywhere in one of its values.
pub(super) fn containing(segment: &Segment, text: &str) -> RowSet {
    let pattern = Pattern::Substring(text.into());
    let mut rows = RowSet::none(segment.len());
    let of_actor = [Attribute::ActorName, Attribute::Email];
    let mut records = Vec::new();
    for attribute in Attribute::SEARCH {
        matching_records(&segment.keys(attribute), &pattern, &mut records);
        if attribute != of_actor[0] {
            rows = rows.or(rows_of(
                segment,
                attribute.group(),
                std::mem::take(&mut records),
            ));
        }
    }
    rows
}

fn records_with_any(keys: &Keys<'_>, records: &mut Vec<u32>) {
    match keys.lists {
        // The list after the keys' own: records with any value.
        Some(lists) => lists
            .list(keys.texts.len())
            .for_each(&mut |record| records.push(record)),
        None => records.extend((0..keys.texts.len()).filter(|at| keys.texts.get(*at) != NONE)),
    }
}

/// Appends the records with a matching value, some perhaps twice, in any order.
fn matching_records(keys: &Keys<'_>, pattern: &Pattern, records: &mut Vec<u32>) {
    let mut add = |key: u32| match keys.lists {
        Some(lists) => lists.list(key).for_each(&mut |record| records.push(record)),
        None => records.push(key),
    };
    let texts = keys.texts;
    let needle = pattern.text().as_bytes();
    match pattern {
        Pattern::Exact(_) => texts.find(needle).into_iter().for_each(add),
        _ if needle.is_empty() => records_with_any(keys, records),
        Pattern::Prefix(_) => texts.with_prefix(needle).for_each(add),
        Pattern::Suffix(_) => sweep(keys, needle, |key| {
            if texts.get(key).ends_with(needle) {
                add(key);
            }
        }),
        Pattern::Substring(_) => sweep(keys, needle, add),
    }
}

fn sweep(keys: &Keys<'_>, needle: &[u8], mut visit: impl FnMut(u32)) {
    let finder = Finder::new(needle);
    match &keys.grams {
        Some(grams) => {
            grams.candidates(needle, |range| keys.texts.sweep(&finder, range, &mut visit))
        }
        None => keys.texts.sweep(&finder, 0..keys.texts.len(), visit),
    }
}

/// Rows of any of the records.
pub(crate) fn rows_of(segment: &Segment, group: Group, mut records: Vec<u32>) -> RowSet {
    let len = segment.len();
    if !records.is_sorted_by(|a, b| a < b) {
        records.sort_unstable();
        records.dedup();
    }
    let known = segment.records(group).len();
    records.truncate(records.partition_point(|record| *record < known));
    if records.is_empty() {
        return RowSet::none(len);
    }
    if records.len() == known as usize {
        return RowSet::all(len);
    }
    if records.len() > RECORDS_BY_LIST_MAX {
        return rows_by_pass(segment, group, RowSet::of_rows(known, records));
    }
    let postings = segment.record_rows(group);
    let total: u64 = records
        .iter()
        .map(|record| u64::from(postings.count(*record)))
        .sum();
    if RowSet::is_sparse(len, total) {
        let mut rows = Vec::with_capacity(total as usize);
        records
            .iter()
            .for_each(|record| postings.list(*record).for_each(&mut |row| rows.push(row)));
        return RowSet::of_rows(len, rows);
    }
    if total == u64::from(len) {
        return RowSet::all(len);
    }
    let mut bits = vec![0; len.div_ceil(64) as usize];
    records
        .iter()
        .for_each(|record| postings.list(*record).set_bits(&mut bits));
    RowSet::of_bits(len, bits)
}

fn rows_by_pass(segment: &Segment, group: Group, records: RowSet) -> RowSet {
    let len = segment.len();
    let wanted = records.into_bits();
    let mut bits = vec![0u64; len.div_ceil(64) as usize];
    let mut row = 0usize;
    segment.forward(group).for_each(0..len, |record| {
        let holds = wanted
            .get(record as usize / 64)
            .is_some_and(|word| word >> (record % 64) & 1 == 1);
        bits[row / 64] |= u64::from(holds) << (row % 64);
        row += 1;
    });
    RowSet::of_bits(len, bits)
}

/// Bytes of an address and its key in a segment's list of networks.
const NETWORK: usize = 21;

/// Rows whose address lies in a network.
pub(super) fn in_network(segment: &Segment, network: &Cidr) -> RowSet {
    let (first, last) = bounds(network);
    let entries = segment.networks().as_chunks::<NETWORK>().0;
    let start = entries.partition_point(|entry| entry[..17] < first[..]);
    let end = entries
        .partition_point(|entry| entry[..17] <= last[..])
        .max(start);
    let keys = segment.keys(Attribute::Ip);
    let mut records = Vec::new();
    for entry in &entries[start..end] {
        let key = u32::from_le_bytes(entry[17..].try_into().expect("four bytes"));
        match keys.lists {
            Some(lists) => lists.list(key).for_each(&mut |record| records.push(record)),
            None => records.push(key),
        }
    }
    rows_of(segment, Group::Ip, records)
}

/// The first and the last address of a network, as segments sort them.
fn bounds(network: &Cidr) -> ([u8; 17], [u8; 17]) {
    let host_bits = |bits: u32| bits - u32::from(network.prefix).min(bits);
    match network.network {
        IpAddr::V4(v4) => {
            let hosts = u32::MAX.checked_shr(32 - host_bits(32)).unwrap_or(0);
            let first = v4.to_bits() & !hosts;
            let key = |bits| address_key(IpAddr::V4(Ipv4Addr::from_bits(bits)));
            (key(first), key(first | hosts))
        }
        IpAddr::V6(v6) => {
            let hosts = u128::MAX.checked_shr(128 - host_bits(128)).unwrap_or(0);
            let first = v6.to_bits() & !hosts;
            let key = |bits| address_key(IpAddr::V6(Ipv6Addr::from_bits(bits)));
            (key(first), key(first | hosts))
        }
    }
}
