//! The same work on every segment and tail, on two threads where it pays.

use super::{LogView, Snapshot};
use crate::Error;
use crate::segment::Segment;
use entry::Filter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One piece of a snapshot.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Segment(&'a Arc<Segment>),
    Tail(&'a LogView),
}

/// With fewer entries than this, starting a thread takes longer than it saves.
const ENTRIES_PER_THREAD_MIN: u64 = 500_000;
/// Readers share the machine with the writer: never more than this for one question.
const THREADS_MAX: usize = 2;

/// Has `work` add up every part that the filter's times and organizations do not rule out, in no order; one sum per thread.
pub(super) fn over<'a, T: Default + Send>(
    snapshot: &'a Snapshot,
    filter: &Filter,
    work: impl Fn(&mut T, Part<'a>) -> Result<(), Error> + Sync,
) -> Result<Vec<T>, Error> {
    let parts = parts(snapshot, filter);
    let entries: u64 = parts.iter().map(Part::len).sum();
    let threads = (entries / ENTRIES_PER_THREAD_MIN + 1).min(THREADS_MAX as u64) as usize;
    let next = AtomicUsize::new(0);
    let run = || -> Result<T, Error> {
        let mut sum = T::default();
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(&mut sum, *part)?;
        }
        Ok(sum)
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut all = vec![run()?];
        for other in others {
            all.push(
                other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?,
            );
        }
        Ok(all)
    })
}

fn parts<'a>(snapshot: &'a Snapshot, filter: &Filter) -> Vec<Part<'a>> {
    let organizations = filter.organizations();
    let (from, to) = filter.time_range();
    let mut parts = Vec::new();
    for log in snapshot.logs.iter() {
        if organizations
            .as_ref()
            .is_some_and(|names| !names.contains(&log.organization))
        {
            continue;
        }
        let within = |segment: &&Arc<Segment>| {
            let (oldest, newest) = segment.meta().timestamps;
            to.is_none_or(|to| oldest < to) && from.is_none_or(|from| newest >= from)
        };
        parts.extend(log.segments.iter().filter(within).map(Part::Segment));
        parts.push(Part::Tail(log));
    }
    // The largest first, or one thread waits for the other's last.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
}

impl Part<'_> {
    fn len(&self) -> u64 {
        match self {
            Part::Segment(segment) => u64::from(segment.len()),
            Part::Tail(log) => log.tail.len() as u64,
        }
    }
}
