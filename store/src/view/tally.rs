//! Counting values: facets and suggestions.
//!
//! Rows are counted per record of a group - one pass over a packed column, or the stored lengths of lists - and records
//! are then added up by the value they show.

mod table;

use super::spread::{self, Part};
use super::{Facet, Snapshot};
use crate::rowset::RowSet;
use crate::segment::Segment;
use crate::segment::bits::Packed;
use crate::segment::group::{Attribute, Group, Record, first_bytes};
use crate::{Error, index};
use entry::field::Field;
use entry::filter::Pattern;
use entry::{Entry, Filter};
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;
use table::{Share, Tally};

/// Fields that are counted under the same filter.
struct Shared {
    filter: Filter,
    fields: Vec<Field>,
}

pub(super) fn facets(
    snapshot: &Snapshot,
    filter: &Filter,
    fields: &[Field],
    top: usize,
) -> Result<Vec<Facet>, Error> {
    let mut shared: Vec<Shared> = Vec::new();
    for field in fields {
        let without = filter.without(*field);
        match shared.iter_mut().find(|shared| shared.filter == without) {
            Some(same) if same.fields.contains(field) => {}
            Some(same) => same.fields.push(*field),
            None => shared.push(Shared {
                filter: without,
                fields: vec![*field],
            }),
        }
    }
    let hasher = RandomState::default();
    let mut facets = Vec::new();
    for Shared { filter, fields } in &shared {
        let tallies = count(snapshot, filter, fields, Share::ALL, &hasher)?;
        for (field, tally) in fields.iter().zip(tallies) {
            facets.push(match tally.is_full() {
                true => in_shares(snapshot, filter, *field, top, &hasher)?,
                false => tally.facet(*field, top)?,
            });
        }
    }
    let found = |field: &Field| facets.iter().find(|facet| facet.field == *field).cloned();
    Ok(fields.iter().filter_map(found).collect())
}

/// The share of values that `share` takes, counted over the whole snapshot.
fn count<'a>(
    snapshot: &'a Snapshot,
    filter: &Filter,
    fields: &[Field],
    share: Share,
    hasher: &RandomState,
) -> Result<Vec<Tally<'a>>, Error> {
    let sums = spread::over(snapshot, filter, |sums: &mut Vec<Tally<'_>>, part| {
        sums.resize_with(fields.len(), || Tally::of(share));
        match part {
            Part::Segment(segment) => add_segment(segment, filter, fields, hasher, sums),
            Part::Tail(log) => {
                let matching = log.tail.iter().filter(|entry| filter.matches(entry));
                matching.for_each(|entry| add_entry(entry, fields, hasher, sums));
                Ok(())
            }
        }
    })?;
    let mut merged: Vec<Tally<'_>> = fields.iter().map(|_| Tally::of(share)).collect();
    for sum in sums {
        merged
            .iter_mut()
            .zip(sum)
            .for_each(|(merged, sum)| merged.merge(sum));
    }
    Ok(merged)
}

/// A facet of more values than one table may hold: counted share by share, over and over, in the same memory.
fn in_shares(
    snapshot: &Snapshot,
    filter: &Filter,
    field: Field,
    top: usize,
    hasher: &RandomState,
) -> Result<Facet, Error> {
    let segments = snapshot.logs.iter().flat_map(|log| &log.segments);
    let values_max: u64 = segments
        .map(|segment| {
            u64::from(Group::of(field).map_or(segment.len(), |group| segment.records(group).len()))
        })
        .chain(snapshot.logs.iter().map(|log| log.tail.len() as u64))
        .sum();
    let mut shares = Share::for_values(values_max);
    'again: loop {
        let mut sum = Facet {
            field,
            total: 0,
            distinct: 0,
            top: Vec::new(),
        };
        for share in Share::all(shares) {
            let tally = count(snapshot, filter, &[field], share, hasher)?.remove(0);
            if tally.is_full() {
                // Hashes spread values evenly, but not perfectly.
                shares *= 2;
                continue 'again;
            }
            let part = tally.facet(field, top)?;
            sum.total += part.total;
            sum.distinct += part.distinct;
            sum.top = most_frequent(sum.top.into_iter().chain(part.top), top);
        }
        return Ok(sum);
    }
}

/// The most frequent, by count then text.
fn most_frequent<T: Ord>(counts: impl IntoIterator<Item = (T, u64)>, top: usize) -> Vec<(T, u64)> {
    let mut all: Vec<(T, u64)> = counts.into_iter().collect();
    let order = |a: &(T, u64), b: &(T, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0));
    if top > 0 && top < all.len() {
        all.select_nth_unstable_by(top - 1, order);
    }
    all.truncate(top);
    all.sort_unstable_by(order);
    all
}

fn add_entry(entry: &Entry, fields: &[Field], hasher: &RandomState, sums: &mut [Tally<'_>]) {
    for (field, sum) in fields.iter().zip(sums) {
        match field.first_value(entry) {
            Some(value) => sum.add_text(hasher.hash_one(value.as_bytes()), 1, &value),
            None => sum.add_none(1),
        }
    }
}

fn add_segment<'a>(
    segment: &'a Segment,
    filter: &Filter,
    fields: &[Field],
    hasher: &RandomState,
    sums: &mut [Tally<'a>],
) -> Result<(), Error> {
    let rows = index::find_exact(segment, filter)?;
    let mut by_group: HashMap<Group, PerRecord> = HashMap::new();
    for (field, sum) in fields.iter().zip(sums) {
        match Group::of(*field) {
            Some(group) => {
                let mut count = || {
                    let per_record = || PerRecord::of(segment, group, &rows);
                    by_group
                        .entry(group)
                        .or_insert_with(per_record)
                        .shown(segment, *field)
                };
                let counts = match rows.count() == segment.len() {
                    true => segment.kept_counts(*field, count),
                    false => Cow::Owned(count()),
                };
                add_records(segment, *field, group, &counts, hasher, sum)?;
            }
            None if *field == Field::Organization => {
                let name = segment.organization().as_str();
                if !rows.is_empty() {
                    sum.add_text(
                        hasher.hash_one(name.as_bytes()),
                        u64::from(rows.count()),
                        name,
                    );
                }
            }
            None => rows.for_each(|row| {
                let id = segment.ids().get(segment.ordinal_of(row));
                sum.add_text(hasher.hash_one(&id.to_ascii()[..]), 1, &id.to_string());
            }),
        }
    }
    Ok(())
}

/// Adds what is counted per record to the values that the records show.
fn add_records<'a>(
    segment: &'a Segment,
    field: Field,
    group: Group,
    counts: &[(u32, u32)],
    hasher: &RandomState,
    sum: &mut Tally<'a>,
) -> Result<(), Error> {
    sum.begin(segment, counts.len());
    let mut record = segment.records(group).ascending();
    for (at, count) in counts {
        let value = first_bytes(group, field, record(*at))
            .map_err(|()| segment.damaged("a record cannot be read"))?;
        match value {
            Some(value) => sum.add_record(hasher.hash_one(value), u64::from(*count), *at),
            None => sum.add_none(u64::from(*count)),
        }
    }
    Ok(())
}

/// Matching rows per record of a group.
enum PerRecord {
    /// Of every record.
    Dense(Vec<u32>),
    /// The record of each matching row: fewer than there are records.
    Sparse(Vec<u32>),
}

impl PerRecord {
    fn of(segment: &Segment, group: Group, rows: &RowSet) -> PerRecord {
        let (len, matching) = (segment.len(), rows.count());
        let records = segment.records(group).len();
        if matching == len {
            return PerRecord::Dense(segment.record_counts(group));
        }
        if matching < records / 4 {
            let forward = segment.forward(group);
            let mut of_rows = Vec::with_capacity(matching as usize);
            rows.for_each(|row| of_rows.push(forward.get(row)));
            return PerRecord::Sparse(of_rows);
        }
        if matching <= len / 2 {
            return PerRecord::Dense(pass(segment, group, rows, records));
        }
        // Fewer are missing than there are: take them away from all.
        let mut counts = segment.record_counts(group);
        let missing = pass(segment, group, &rows.clone().complement(), records);
        counts
            .iter_mut()
            .zip(missing)
            .for_each(|(count, missing)| *count = count.saturating_sub(missing));
        PerRecord::Dense(counts)
    }

    /// Rows per record that is the first to show its value of a field; ascending, none without rows.
    fn shown(&self, segment: &Segment, field: Field) -> Vec<(u32, u32)> {
        let shown = segment.shown(field);
        match self {
            PerRecord::Dense(counts) => {
                let sums = shown.map_or(Cow::Borrowed(&counts[..]), |first| {
                    Cow::Owned(by_first(first, counts))
                });
                let all = sums
                    .iter()
                    .enumerate()
                    .map(|(at, count)| (at as u32, *count));
                all.filter(|(_, count)| *count > 0).collect()
            }
            PerRecord::Sparse(of_rows) => {
                let first = |record: &u32| shown.map_or(*record, |shown| shown.get(*record));
                let mut of_rows: Vec<u32> = of_rows.iter().map(first).collect();
                of_rows.sort_unstable();
                of_rows
                    .chunk_by(|a, b| a == b)
                    .map(|same| (same[0], same.len() as u32))
                    .collect()
            }
        }
    }
}

/// The counts of all records that show the same, at the first of them.
fn by_first(first: Packed<'_>, counts: &[u32]) -> Vec<u32> {
    let mut sums = vec![0u32; counts.len()];
    let mut at = 0;
    first.for_each(0..counts.len() as u32, |first| {
        if let Some(sum) = sums.get_mut(first as usize) {
            *sum += counts[at];
        }
        at += 1;
    });
    sums
}

fn pass(segment: &Segment, group: Group, rows: &RowSet, records: u32) -> Vec<u32> {
    let forward = segment.forward(group);
    let mut counts = vec![0u32; records as usize];
    let mut add = |record: u32| {
        if let Some(count) = counts.get_mut(record as usize) {
            *count += 1;
        }
    };
    match rows.as_range() {
        Some(range) => forward.for_each(range, add),
        None => rows.for_each(|row| add(forward.get(row))),
    }
    counts
}

pub(super) fn suggest(
    snapshot: &Snapshot,
    field: Field,
    text: &str,
    top: usize,
) -> Result<Vec<(Box<str>, u64)>, Error> {
    let pattern = Pattern::Substring(text.into());
    let everything = Filter::everything();
    let parts = spread::over(
        snapshot,
        &everything,
        |counts: &mut HashMap<Box<str>, u64, RandomState>, part| {
            let mut add = |value: &str, count: u32| {
                if pattern.matches(value) {
                    *counts.entry(value.into()).or_default() += u64::from(count);
                }
            };
            match part {
                Part::Tail(log) => {
                    for entry in log.tail.iter() {
                        let mut values: Vec<Box<str>> = Vec::new();
                        field.each_value(entry, &mut |value| values.push(value.into()));
                        each_once(&mut values, |value| add(&value, 1));
                    }
                }
                Part::Segment(segment) => match Group::of(field) {
                    Some(group) => in_records(segment, group, field, &pattern, &mut add)?,
                    None if field == Field::Organization => {
                        add(segment.organization().as_str(), segment.len())
                    }
                    None => (0..segment.len())
                        .for_each(|ordinal| add(&segment.ids().get(ordinal).to_string(), 1)),
                },
            }
            Ok(())
        },
    )?;
    let mut sums: HashMap<Box<str>, u64, RandomState> = HashMap::default();
    parts
        .into_iter()
        .flatten()
        .for_each(|(value, count)| *sums.entry(value).or_default() += count);
    Ok(most_frequent(sums, top))
}

fn in_records(
    segment: &Segment,
    group: Group,
    field: Field,
    pattern: &Pattern,
    add: &mut impl FnMut(&str, u32),
) -> Result<(), Error> {
    let (records, postings) = (segment.records(group), segment.record_rows(group));
    let mut values = Vec::new();
    for at in index::records_matching(segment, field, pattern) {
        let record = Record::read(group, records.get(at))
            .ok_or_else(|| segment.damaged("a record cannot be read"))?;
        for attribute in Attribute::of(field) {
            record.each_value(*attribute, &mut |value| values.push(value));
        }
        each_once(&mut values, |value| add(value, postings.count(at)));
    }
    Ok(())
}

/// An entry counts once for a value, however often it has it.
fn each_once<T: Ord>(values: &mut Vec<T>, mut visit: impl FnMut(T)) {
    values.sort_unstable();
    values.dedup();
    values.drain(..).for_each(&mut visit);
}
