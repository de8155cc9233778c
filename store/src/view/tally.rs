//! Counting values: facets and suggestions.
//!
//! Rows are counted per record of a group - one pass over a packed column, or the stored lengths of lists - and records
//! are then added up by the value they show.

use super::spread::{self, Part};
use super::{Facet, Snapshot};
use crate::rowset::RowSet;
use crate::segment::Segment;
use crate::segment::group::{Attribute, Group, Record};
use crate::{Error, index};
use entry::field::Field;
use entry::filter::Pattern;
use entry::{Entry, Filter};
use std::collections::HashMap;

/// Entries per value; `None` counts entries without one.
type Counts = HashMap<Option<Box<str>>, u64, foldhash::fast::RandomState>;

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
    let mut facets = Vec::new();
    for Shared { filter, fields } in &shared {
        let parts = spread::over(snapshot, filter, |part| match part {
            Part::Segment(segment) => of_segment(segment, filter, fields),
            Part::Tail(log) => Ok(of_entries(
                log.tail.iter().map(|entry| &**entry),
                filter,
                fields,
            )),
        })?;
        let mut sums: Vec<Counts> = fields.iter().map(|_| Counts::default()).collect();
        for part in parts {
            for (sum, counts) in sums.iter_mut().zip(part) {
                for (value, count) in counts {
                    *sum.entry(value).or_default() += count;
                }
            }
        }
        facets.extend(
            fields
                .iter()
                .zip(sums)
                .map(|(field, counts)| facet(*field, counts, top)),
        );
    }
    let found = |field: &Field| facets.iter().find(|facet| facet.field == *field).cloned();
    Ok(fields.iter().filter_map(found).collect())
}

fn facet(field: Field, counts: Counts, top: usize) -> Facet {
    let total = counts.values().sum();
    let distinct = counts.keys().filter(|value| value.is_some()).count() as u64;
    Facet {
        field,
        total,
        distinct,
        top: most_frequent(counts, top),
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

fn of_entries<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    filter: &Filter,
    fields: &[Field],
) -> Vec<Counts> {
    let mut counts: Vec<Counts> = fields.iter().map(|_| Counts::default()).collect();
    for entry in entries.filter(|entry| filter.matches(entry)) {
        for (field, counts) in fields.iter().zip(&mut counts) {
            *counts.entry(field.first_value(entry)).or_default() += 1;
        }
    }
    counts
}

fn of_segment(segment: &Segment, filter: &Filter, fields: &[Field]) -> Result<Vec<Counts>, Error> {
    let rows = index::find_exact(segment, filter)?;
    let mut by_group: HashMap<Group, Vec<u32>> = HashMap::new();
    let mut all = Vec::new();
    for field in fields {
        let mut counts = Counts::default();
        match Group::of(*field) {
            Some(group) => {
                let of_records = by_group
                    .entry(group)
                    .or_insert_with(|| per_record(segment, group, &rows));
                let records = segment.records(group);
                for (at, count) in of_records
                    .iter()
                    .enumerate()
                    .filter(|(_, count)| **count > 0)
                {
                    let record = Record::read(group, records.get(at as u32))
                        .ok_or_else(|| segment.damaged("a record cannot be read"))?;
                    *counts
                        .entry(record.first_value(*field).map(Box::from))
                        .or_default() += u64::from(*count);
                }
            }
            None if *field == Field::Organization => {
                let name = Some(Box::from(segment.organization().as_str()));
                counts.extend((!rows.is_empty()).then(|| (name, u64::from(rows.count()))));
            }
            None => rows.for_each(|row| {
                let id = segment.ids().get(segment.ordinal_of(row)).to_string();
                *counts.entry(Some(id.into())).or_default() += 1;
            }),
        }
        all.push(counts);
    }
    Ok(all)
}

/// Matching rows per record of a group.
fn per_record(segment: &Segment, group: Group, rows: &RowSet) -> Vec<u32> {
    let len = segment.len();
    let records = segment.records(group).len();
    let postings = segment.record_rows(group);
    let all = || {
        (0..records)
            .map(|record| postings.count(record))
            .collect::<Vec<u32>>()
    };
    let matching = rows.count();
    if matching == len {
        return all();
    }
    if matching > len / 2 {
        // Fewer are missing than there are: take them away from what is stored.
        let mut counts = all();
        let missing = pass(segment, group, &rows.clone().complement(), records);
        counts
            .iter_mut()
            .zip(missing)
            .for_each(|(count, missing)| *count = count.saturating_sub(missing));
        return counts;
    }
    pass(segment, group, rows, records)
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
    let parts = spread::over(snapshot, &everything, |part| {
        let mut counts: HashMap<Box<str>, u64, foldhash::fast::RandomState> = HashMap::default();
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
        Ok(counts)
    })?;
    let mut sums: HashMap<Box<str>, u64, foldhash::fast::RandomState> = HashMap::default();
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
