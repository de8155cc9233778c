//! Answers a [`Filter`] on one segment: which rows. The meaning is [`Filter::matches`]; this only finds them sooner.

mod context;
pub(crate) mod row;
mod values;

pub(crate) use values::records_matching;

use crate::Error;
use crate::rowset::RowSet;
use crate::segment::{Block, Segment};
use entry::filter::Term;
use entry::{Entry, Filter};
use row::Beside;

/// Rows of one segment.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub rows: RowSet,
    /// False: some of the rows may not match; none outside of them does.
    pub exact: bool,
}

impl Found {
    fn exact(rows: RowSet) -> Found {
        Found { rows, exact: true }
    }

    fn perhaps(rows: RowSet) -> Found {
        Found {
            exact: rows.is_empty(),
            rows,
        }
    }
}

/// So few rows are looked at one by one rather than narrowed by another condition.
const FEW: u32 = 8;

/// Rows outside of which nothing matches.
pub(crate) fn find(segment: &Segment, filter: &Filter) -> Result<Found, Error> {
    let len = segment.len();
    match filter {
        Filter::And(_) => conjunction(segment, filter),
        Filter::Or(any) => {
            let mut sum = Found::exact(RowSet::none(len));
            for filter in any {
                let found = find(segment, filter)?;
                sum.rows = sum.rows.or(found.rows);
                sum.exact &= found.exact;
            }
            Ok(sum)
        }
        // What is left of all rows is only known when what is taken away is.
        Filter::Not(filter) => Ok(Found::exact(find_exact(segment, filter)?.complement())),
        Filter::Term(term) => find_term(segment, term),
    }
}

/// The rows that match.
pub(crate) fn find_exact(segment: &Segment, filter: &Filter) -> Result<RowSet, Error> {
    let found = find(segment, filter)?;
    match found.exact {
        true => Ok(found.rows),
        false => verify(segment, &found.rows, filter),
    }
}

fn conjunction(segment: &Segment, filter: &Filter) -> Result<Found, Error> {
    let mut all = filter.conjuncts();
    all.sort_by_key(|filter| cost(filter));
    let mut found = Found::exact(RowSet::all(segment.len()));
    for one in all {
        let few = found.rows.as_range().is_none() && found.rows.count() <= FEW;
        if found.rows.is_empty() {
            return Ok(Found::exact(found.rows));
        }
        if few {
            return remaining(segment, &found.rows, filter);
        }
        let next = find(segment, one)?;
        found.rows = found.rows.and(next.rows);
        found.exact &= next.exact;
    }
    found.exact |= found.rows.is_empty();
    Ok(found)
}

/// Of few rows those that their columns do not rule out: looked at one by one, none of them is unpacked in vain.
fn remaining(segment: &Segment, rows: &RowSet, filter: &Filter) -> Result<Found, Error> {
    let (mut left, mut exact, mut failed) = (Vec::new(), true, None);
    rows.for_each(
        |row| match row::matches(segment, row, filter, Beside::Nothing) {
            Ok(Some(false)) => {}
            Ok(said) => {
                exact &= said.is_some();
                left.push(row);
            }
            Err(error) => failed = Some(error),
        },
    );
    let rows = RowSet::of_rows(segment.len(), left);
    match failed {
        None => Ok(Found { rows, exact }),
        Some(error) => Err(error),
    }
}

/// Conditions in the order in which they are worth looking at.
fn cost(filter: &Filter) -> u32 {
    match filter {
        Filter::And(of) | Filter::Or(of) => of.iter().map(cost).max().unwrap_or(0) + 1,
        Filter::Not(filter) => cost(filter) + 1,
        Filter::Term(term) => term_cost(term),
    }
}

fn term_cost(term: &Term) -> u32 {
    match term {
        Term::From(_) | Term::To(_) => 0,
        Term::Value(field, pattern) => values::cost(*field, pattern),
        Term::Network(_) => 20,
        Term::Has(_) | Term::HasContext(_) => 30,
        Term::Context(..) => 40,
        Term::Search(_) => 60,
        Term::Words(_) => 70,
        Term::Masked(_, term) => term_cost(term).max(60),
    }
}

fn find_term(segment: &Segment, term: &Term) -> Result<Found, Error> {
    let len = segment.len();
    Ok(match term {
        Term::From(from) => {
            Found::exact(RowSet::range(len, segment.rows_between(Some(*from), None)))
        }
        Term::To(to) => Found::exact(RowSet::range(len, segment.rows_between(None, Some(*to)))),
        Term::Value(field, pattern) => Found::exact(values::matching(segment, *field, pattern)?),
        Term::Has(field) => Found::exact(values::having(segment, *field)),
        Term::Network(network) => Found::exact(values::in_network(segment, network)),
        Term::Search(text) => Found::exact(values::containing(segment, text)),
        Term::Words(text) => {
            let words = context::phrase(segment, text);
            Found {
                rows: values::containing(segment, text).or(words.rows),
                exact: words.exact,
            }
        }
        Term::Context(path, pattern) => context::leaf(segment, path, pattern),
        Term::HasContext(path) => Found::exact(context::having(segment, path)),
        // What is hidden can only take values away, so nothing matches without it that does not match with it.
        Term::Masked(_, term) => Found::perhaps(find_term(segment, term)?.rows),
    })
}

/// The rows of `rows` that match, looked at one by one.
fn verify(segment: &Segment, rows: &RowSet, filter: &Filter) -> Result<RowSet, Error> {
    let mut blocks = Recent::default();
    let (mut matching, mut failed) = (Vec::new(), None);
    rows.for_each(|row| {
        if failed.is_none() {
            match blocks.entry(segment, row) {
                Ok(entry) if filter.matches(&entry) => matching.push(row),
                Ok(_) => {}
                Err(error) => failed = Some(error),
            }
        }
    });
    match failed {
        None => Ok(RowSet::of_rows(segment.len(), matching)),
        Some(error) => Err(error),
    }
}

/// Blocks of one segment read last: neighbouring rows share them.
#[derive(Default)]
pub(crate) struct Recent(Vec<Block>);

/// A late entry between neighbours must not push out their block.
const RECENT_MAX: usize = 4;

impl Recent {
    pub fn entry(&mut self, segment: &Segment, row: u32) -> Result<Entry, Error> {
        let ordinal = segment.ordinal_of(row);
        match self.0.iter().position(|block| block.holds(ordinal)) {
            Some(at) => self.0[..=at].rotate_right(1),
            None => {
                self.0.insert(0, segment.block_of(ordinal)?);
                self.0.truncate(RECENT_MAX);
            }
        }
        segment.entry_in(row, &self.0[0])
    }
}
