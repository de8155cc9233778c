//! A filter asked of one row by its columns, before anything of the entry is unpacked: who may not see an entry waits no
//! longer for that answer where the entry is large.

use super::find_term;
use crate::Error;
use crate::segment::Segment;
use crate::segment::group::{Attribute, Group};
use entry::field::Field;
use entry::filter::{Pattern, Term};
use entry::{Filter, Timestamp};

/// What may be asked beside the row's own columns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// The segment's indexes, where the columns do not say: as dear as a search.
    Index,
}

/// Whether the entry of a row matches; `None` if only the entry itself says it.
pub(crate) fn matches(
    segment: &Segment,
    row: u32,
    filter: &Filter,
    beside: Beside,
) -> Result<Option<bool>, Error> {
    let each = |of: &[Filter], ends: bool| {
        let mut all = Some(!ends);
        for filter in of {
            match matches(segment, row, filter, beside)? {
                Some(is) if is == ends => return Ok(Some(ends)),
                None => all = None,
                Some(_) => {}
            }
        }
        Ok(all)
    };
    match filter {
        Filter::And(of) => each(of, false),
        Filter::Or(of) => each(of, true),
        Filter::Not(filter) => Ok(matches(segment, row, filter, beside)?.map(|is| !is)),
        Filter::Term(term) => match (by_columns(segment, row, term), beside) {
            (None, Beside::Index) => by_index(segment, row, term),
            (said, _) => Ok(said),
        },
    }
}

fn by_columns(segment: &Segment, row: u32, term: &Term) -> Option<bool> {
    let at = || Timestamp::from_micros(segment.timestamps().get(row));
    match term {
        Term::From(from) => Some(at()? >= *from),
        Term::To(to) => Some(at()? < *to),
        Term::Value(field, pattern) => value(segment, row, *field, pattern),
        Term::Search(_)
        | Term::Words(_)
        | Term::Network(_)
        | Term::Has(_)
        | Term::Context(..)
        | Term::HasContext(_)
        | Term::Masked(..) => None,
    }
}

fn value(segment: &Segment, row: u32, field: Field, pattern: &Pattern) -> Option<bool> {
    let Some(group) = Group::of(field) else {
        return match field {
            Field::Organization => Some(pattern.matches(segment.organization().as_str())),
            _ => {
                let id = segment.ids().get(segment.ordinal_of(row)).to_ascii();
                Some(pattern.matches(std::str::from_utf8(&id).ok()?))
            }
        };
    };
    let record = segment.record(group, row)?;
    let mut found = false;
    for attribute in Attribute::of(field) {
        record.each_value(*attribute, &mut |value| {
            found = found || pattern.matches(value);
        });
    }
    Some(found)
}

fn by_index(segment: &Segment, row: u32, term: &Term) -> Result<Option<bool>, Error> {
    let found = find_term(segment, term)?;
    let is_in = found.rows.first_from(row) == Some(row);
    Ok((found.exact || !is_in).then_some(is_in))
}
