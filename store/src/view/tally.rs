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
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// Entries per value of one field. `None` counts entries without a value.
///
/// Values are told apart by a keyed 64-bit hash, and their text is read only for those that are shown: among a million
/// values two share a hash once in thirty million questions, and the key is new in every process.
#[derive(Default)]
struct Tally<'a> {
    none: u64,
    counts: HashMap<u64, (u64, Value<'a>), BuildSame>,
}

/// Where the text of a value is.
#[derive(Clone)]
enum Value<'a> {
    /// In a record of a segment.
    Recorded(&'a Segment, u32),
    Text(Box<str>),
}

/// What is hashed is a hash already.
#[derive(Clone, Default)]
struct BuildSame;

struct Same(u64);

impl BuildHasher for BuildSame {
    type Hasher = Same;

    fn build_hasher(&self) -> Same {
        Same(0)
    }
}

impl std::hash::Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

impl<'a> Tally<'a> {
    fn add(&mut self, hash: u64, count: u64, value: impl FnOnce() -> Value<'a>) {
        self.counts.entry(hash).or_insert_with(|| (0, value())).0 += count;
    }

    fn merge(&mut self, other: Tally<'a>) {
        self.none += other.none;
        for (hash, (count, value)) in other.counts {
            self.add(hash, count, || value);
        }
    }

    fn facet(self, field: Field, top: usize) -> Result<Facet, Error> {
        let total = self.none + self.counts.values().map(|(count, _)| count).sum::<u64>();
        let distinct = self.counts.len() as u64;
        let mut counts: Vec<(u64, Value<'a>)> = self.counts.into_values().collect();
        if top > 0 && top < counts.len() {
            // Whatever counts as much as the last that is shown may be shown in its place: texts decide.
            let last = counts
                .select_nth_unstable_by(top - 1, |a, b| b.0.cmp(&a.0))
                .1
                .0;
            counts.retain(|(count, _)| *count >= last);
        }
        let mut texts = Vec::with_capacity(counts.len() + 1);
        texts.extend((self.none > 0).then_some((None, self.none)));
        for (count, value) in &counts {
            texts.push((Some(value.text(field)?), *count));
        }
        let owned = |(value, count): (Option<Cow<'_, str>>, u64)| {
            (value.map(|value| Box::from(&*value)), count)
        };
        let top = most_frequent(texts, top).into_iter().map(owned).collect();
        Ok(Facet {
            field,
            total,
            distinct,
            top,
        })
    }
}

impl Value<'_> {
    fn text(&self, field: Field) -> Result<Cow<'_, str>, Error> {
        match self {
            Value::Text(text) => Ok(Cow::Borrowed(text)),
            Value::Recorded(segment, at) => {
                let value = record(segment, field, *at)?.first_value(field);
                Ok(Cow::Borrowed(value.ok_or_else(|| {
                    segment.damaged("a record has lost its value")
                })?))
            }
        }
    }
}

fn record(segment: &Segment, field: Field, at: u32) -> Result<Record<'_>, Error> {
    let read =
        Group::of(field).and_then(|group| Record::read(group, segment.records(group).get(at)));
    read.ok_or_else(|| segment.damaged("a record cannot be read"))
}

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
        let sums = spread::over(snapshot, filter, |sums: &mut Vec<Tally<'_>>, part| {
            sums.resize_with(fields.len(), Tally::default);
            match part {
                Part::Segment(segment) => add_segment(segment, filter, fields, &hasher, sums),
                Part::Tail(log) => {
                    let matching = log.tail.iter().filter(|entry| filter.matches(entry));
                    matching.for_each(|entry| add_entry(entry, fields, &hasher, sums));
                    Ok(())
                }
            }
        })?;
        let mut merged: Vec<Tally<'_>> = fields.iter().map(|_| Tally::default()).collect();
        for sum in sums {
            merged
                .iter_mut()
                .zip(sum)
                .for_each(|(merged, sum)| merged.merge(sum));
        }
        for (field, tally) in fields.iter().zip(merged) {
            facets.push(tally.facet(*field, top)?);
        }
    }
    let found = |field: &Field| facets.iter().find(|facet| facet.field == *field).cloned();
    Ok(fields.iter().filter_map(found).collect())
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
            Some(value) => sum.add(hasher.hash_one(value.as_bytes()), 1, || {
                Value::Text(value.clone())
            }),
            None => sum.none += 1,
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
    let mut by_group: HashMap<Group, Cow<'_, [u32]>> = HashMap::new();
    for (field, sum) in fields.iter().zip(sums) {
        match Group::of(*field) {
            Some(group) => {
                let counts = by_group
                    .entry(group)
                    .or_insert_with(|| per_record(segment, group, &rows));
                add_records(segment, *field, counts, hasher, sum)?;
            }
            None if *field == Field::Organization => {
                let name = segment.organization().as_str();
                if !rows.is_empty() {
                    let value = || Value::Text(name.into());
                    sum.add(
                        hasher.hash_one(name.as_bytes()),
                        u64::from(rows.count()),
                        value,
                    );
                }
            }
            None => rows.for_each(|row| {
                let id = segment.ids().get(segment.ordinal_of(row)).to_ascii();
                let text = || Value::Text(id.iter().map(|byte| char::from(*byte)).collect());
                sum.add(hasher.hash_one(&id[..]), 1, text);
            }),
        }
    }
    Ok(())
}

/// Adds what is counted per record to the values that the records show.
fn add_records<'a>(
    segment: &'a Segment,
    field: Field,
    counts: &[u32],
    hasher: &RandomState,
    sum: &mut Tally<'a>,
) -> Result<(), Error> {
    let mut shown = Cow::Borrowed(counts);
    if let Some(first) = segment.shown(field) {
        let mut sums = vec![0u32; counts.len()];
        let mut counts = counts.iter();
        first.for_each(0..sums.len() as u32, |first| {
            if let (Some(sum), Some(count)) = (sums.get_mut(first as usize), counts.next()) {
                *sum += count;
            }
        });
        shown = Cow::Owned(sums);
    }
    for (at, count) in shown.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (at, count) = (at as u32, u64::from(*count));
        match record(segment, field, at)?.first_value(field) {
            Some(value) => sum.add(hasher.hash_one(value.as_bytes()), count, || {
                Value::Recorded(segment, at)
            }),
            None => sum.none += count,
        }
    }
    Ok(())
}

/// Matching rows per record of a group.
fn per_record<'a>(segment: &'a Segment, group: Group, rows: &RowSet) -> Cow<'a, [u32]> {
    let len = segment.len();
    let matching = rows.count();
    if matching == len {
        return Cow::Borrowed(segment.record_counts(group));
    }
    let records = segment.records(group).len();
    if matching <= len / 2 {
        return Cow::Owned(pass(segment, group, rows, records));
    }
    // Fewer are missing than there are: take them away from all.
    let mut counts = segment.record_counts(group).to_vec();
    let missing = pass(segment, group, &rows.clone().complement(), records);
    counts
        .iter_mut()
        .zip(missing)
        .for_each(|(count, missing)| *count = count.saturating_sub(missing));
    Cow::Owned(counts)
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
