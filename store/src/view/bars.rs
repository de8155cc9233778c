//! Histograms: success and failure per bar.

use super::spread::{self, Part};
use super::{Bar, Snapshot};
use crate::kept::Kept;
use crate::rowset::RowSet;
use crate::segment::Segment;
use crate::{Error, index};
use entry::field::Field;
use entry::filter::{Pattern, Term};
use entry::{Filter, Result as Outcome, Timestamp};
use std::sync::Arc;

pub(super) fn histogram(
    snapshot: &Snapshot,
    filter: &Filter,
    edges: &[Timestamp],
) -> Result<Vec<Bar>, Error> {
    let starts = &edges[..edges.len().saturating_sub(1)];
    let mut bars: Vec<Bar> = starts
        .iter()
        .map(|start| Bar {
            start: *start,
            success: 0,
            failure: 0,
        })
        .collect();
    // One edge is no bar.
    let [first, .., last] = edges else {
        return Ok(bars);
    };
    let mut within = vec![filter.clone(), Term::From(*first).into()];
    // Nothing is later than the end of time: an edge there has room for the last instant.
    if *last < Timestamp::MAX {
        within.push(Term::To(*last).into());
    }
    let within = Filter::And(within);
    let counts = spread::over(snapshot, &within, |sum: &mut Vec<[u64; 2]>, part| {
        let counts = match part {
            Part::Segment(segment) => of_segment(segment, &within, edges)?,
            Part::Tail(log) => of_tail(&log.tail, &within, edges),
        };
        sum.resize(starts.len(), [0, 0]);
        for (sum, [success, failure]) in sum.iter_mut().zip(counts) {
            *sum = [sum[0] + success, sum[1] + failure];
        }
        Ok(())
    })?;
    for count in counts {
        for (bar, [success, failure]) in bars.iter_mut().zip(count) {
            bar.success += success;
            bar.failure += failure;
        }
    }
    Ok(bars)
}

fn of_segment(
    segment: &Segment,
    filter: &Filter,
    edges: &[Timestamp],
) -> Result<Vec<[u64; 2]>, Error> {
    let rows = index::find_exact(segment, filter)?;
    let failed = Term::Value(Field::Result, Pattern::exact(Outcome::Failure.as_str())).into();
    let failed: RowSet = index::find_exact(segment, &failed)?.and(rows.clone());
    let places: Vec<u32> = edges
        .iter()
        .map(|edge| {
            let end = Some(*edge).filter(|edge| *edge < Timestamp::MAX);
            segment.rows_between(None, end).end
        })
        .collect();
    let bars = places.windows(2).map(|pair| {
        let failures = u64::from(failed.count_in(pair[0]..pair[1]));
        [
            u64::from(rows.count_in(pair[0]..pair[1])) - failures,
            failures,
        ]
    });
    Ok(bars.collect())
}

fn of_tail(tail: &[Arc<Kept>], filter: &Filter, edges: &[Timestamp]) -> Vec<[u64; 2]> {
    let mut bars = vec![[0, 0]; edges.len() - 1];
    for entry in tail.iter().filter(|entry| filter.matches(entry)) {
        let bar = edges.partition_point(|edge| *edge <= entry.timestamp) - 1;
        // The last instant lies on the edge that closes the last bar.
        let bar = bar.min(bars.len() - 1);
        bars[bar][usize::from(entry.result == Outcome::Failure)] += 1;
    }
    bars
}
