//! Whether a source that says nothing should have said something.
//!
//! A source is silent once nothing came from it for longer than ten times its usual interval, for at least 15 minutes, and for
//! longer than in any pause of the week before its newest entry: a job of the night and an office on Monday are not silent.
//! The usual interval is the average between the minutes of its last hours in which it was heard, or between such quarters of an hour
//! of the week; below five of them nothing is usual. What comes long after it happened was imported, and has no rhythm.
//!
//! However much a source sent, it takes two histograms and two entries to know, and they are asked for only while it says nothing,
//! once.

use super::listing::Source;
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Reading;
use crate::watching;
use entry::filter::Term;
use entry::{Entry, Filter, Timestamp};
use store::view::{Direction, Order, PageQuery};

const MINUTE: i64 = 60_000_000;

/// Minutes of the coarse look, and how many: a week.
const QUARTER: i64 = 15;
const QUARTERS: i64 = 7 * 24 * 4;
/// Minutes of the fine look: what a source does that is heard all the time.
const MINUTES: i64 = 4 * 60;

/// A shorter silence is none, in minutes.
const SILENCE_MIN: i64 = 15;
/// Usual intervals that a silence is longer than.
const USUAL_FACTOR: i64 = 10;
/// Minutes, or quarters of an hour, in which it was heard, before anything is usual.
const HEARD_MIN: usize = 5;

/// What comes later than this was not sent when it happened, in microseconds.
const LATE: i64 = 60 * MINUTE;

pub fn is_silent(
    app: &App,
    reading: &Reading,
    source: &Source,
    filter: &Filter,
) -> Result<bool, Problem> {
    let (Some(newest), Some(last)) = (&source.newest, source.last()) else {
        return Ok(false);
    };
    let silence = (app.now().as_micros() - last.as_micros()) / MINUTE;
    // What the log notes of itself comes when somebody does something.
    if silence < SILENCE_MIN || &*source.name == watching::SOURCE {
        return Ok(false);
    }
    let (organization, name) = (&source.organization, &*source.name);
    let rhythms = &app.intake.rhythms;
    let known = rhythms.of(organization, name, newest.id);
    let longest = match known.filter(|_| reading.sees_all(organization)) {
        Some(longest) => longest,
        None => {
            let longest = longest(reading, filter, newest)?;
            if reading.sees_all(organization) {
                rhythms.remember(organization, name, newest.id, longest);
            }
            longest
        }
    };
    Ok(longest.is_some_and(|longest| silence > longest))
}

/// The longest silence that says nothing, in minutes; `None` if any does.
fn longest(reading: &Reading, filter: &Filter, newest: &Entry) -> Result<Option<i64>, Problem> {
    if is_late(newest) || comes_late(reading, filter, newest)? {
        return Ok(None);
    }
    let end = newest.timestamp.as_micros() / MINUTE + 1;
    let quarters = heard(reading, filter, end, QUARTER, QUARTERS)?;
    let minutes = heard(reading, filter, end, 1, MINUTES)?;
    Ok(longest_usual(&quarters, &minutes))
}

fn is_late(entry: &Entry) -> bool {
    entry.received_at.as_micros() - entry.timestamp.as_micros() > LATE
}

/// Whether what happened well before the newest receipt came late: it was imported, or its sender had been away.
fn comes_late(reading: &Reading, filter: &Filter, newest: &Entry) -> Result<bool, Problem> {
    let Some(to) = Timestamp::from_micros(newest.received_at.as_micros() - 2 * LATE) else {
        return Ok(false);
    };
    let query = PageQuery {
        filter: filter.clone().and(Term::To(to).into()),
        order: Order::Time,
        direction: Direction::Descending,
        limit: 1,
        after: None,
        as_of: None,
    };
    let found = reading.page(&query)?.entries.pop();
    Ok(found.is_some_and(|entry| is_late(&entry)))
}

/// Those of so many parts before a minute in which it was heard, each of so many minutes, counted from the first.
fn heard(
    reading: &Reading,
    filter: &Filter,
    end: i64,
    minutes: i64,
    parts: i64,
) -> Result<Vec<i64>, Problem> {
    let edges = (0..=parts).map(|n| end - (parts - n) * minutes);
    let edges = edges.map(|minute| Timestamp::from_micros(minute * MINUTE));
    let Some(edges) = edges.collect::<Option<Vec<_>>>() else {
        return Ok(Vec::new());
    };
    let bars = reading.histogram(filter, &edges)?;
    let heard = bars.iter().enumerate();
    let heard = heard.filter(|(_, bar)| bar.success + bar.failure > 0);
    Ok(heard.map(|(at, _)| at as i64).collect())
}

/// The longest silence that says nothing, after a source was heard in these quarters of an hour and in these minutes at their end.
fn longest_usual(quarters: &[i64], minutes: &[i64]) -> Option<i64> {
    let usual = usual(minutes).or_else(|| Some(usual(quarters)? * QUARTER))?;
    // Between two quarters there may be nothing from the beginning of the one to the end of the other.
    let pauses = quarters.windows(2).map(|pair| pair[1] - pair[0]);
    let pauses = pauses.filter(|pause| *pause > 1);
    let longest = pauses.map(|pause| (pause + 1) * QUARTER).max();
    let recent = minutes.windows(2).map(|pair| pair[1] - pair[0]).max();
    let longest = longest.max(recent).unwrap_or_default();
    Some(longest.max(usual * USUAL_FACTOR).max(SILENCE_MIN))
}

/// The average between parts in which it was heard; `None` if they are too few to tell.
fn usual(heard: &[i64]) -> Option<i64> {
    let (first, last) = (heard.first()?, heard.last()?);
    let is_enough = heard.len() >= HEARD_MIN;
    is_enough.then(|| (last - first) / (heard.len() as i64 - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of what was heard in these minutes.
    fn of(minutes: &[i64]) -> Option<i64> {
        let mut quarters: Vec<i64> = minutes.iter().map(|minute| minute / QUARTER).collect();
        quarters.dedup();
        let from = minutes.last().map_or(0, |last| last - MINUTES);
        let recent: Vec<i64> = { minutes.iter() }
            .copied()
            .filter(|one| *one > from)
            .collect();
        longest_usual(&quarters, &recent)
    }

    #[test]
    fn what_is_usual_is_told_by_the_week_before() {
        let every = |step: usize, of: i64| (0..of).step_by(step).collect::<Vec<_>>();
        // Each minute for a day; each half hour for a day; each six hours for a week.
        assert_eq!(of(&every(1, 1_440)), Some(15));
        assert_eq!(of(&every(30, 1_440)), Some(300));
        assert_eq!(of(&every(360, 7 * 1_440)), Some(3_600));
        // Twenty minutes of each night: ten usual intervals are minutes, its pause is a day.
        let nights = (0..7).flat_map(|night| (0..20).map(move |minute| night * 1_440 + minute));
        assert_eq!(of(&nights.collect::<Vec<_>>()), Some(1_440));
        // Each minute, but for an hour at noon.
        let noon: Vec<i64> = { every(1, 1_440).into_iter() }
            .filter(|minute| !(720..780).contains(minute))
            .collect();
        assert_eq!(of(&noon), Some(90));
        // Four tries of a person are no rhythm.
        assert_eq!(of(&[0, 1, 2, 3]), None);
        assert_eq!(of(&[]), None);
    }
}
