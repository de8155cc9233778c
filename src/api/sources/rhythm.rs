//! Whether a source that says nothing should have said something.
//!
//! A source is silent once nothing came from it for longer than ten times its usual interval, for at least 15 minutes, and for
//! longer than in any pause of the week before its newest entry: a job of the night and an office on Monday are not silent.
//! The usual interval is the average between the minutes of that week in which it was heard; below five of them nothing is usual.

use super::listing::Source;
use crate::problem::Problem;
use crate::reading::Reading;
use crate::watching;
use entry::{Filter, Timestamp};

const MINUTE: i64 = 60_000_000;
const WEEK_MINUTES: i64 = 7 * 24 * 60;

/// A shorter silence is none, in minutes.
const SILENCE_MIN: i64 = 15;
/// Usual intervals that a silence is longer than.
const USUAL_FACTOR: i64 = 10;
/// Minutes in which it was heard, before anything is usual.
const HEARD_MIN: usize = 5;

pub fn is_silent(
    reading: &Reading,
    source: &Source,
    filter: &Filter,
    now: Timestamp,
) -> Result<bool, Problem> {
    let (Some(newest), Some(last)) = (&source.newest, source.last()) else {
        return Ok(false);
    };
    let silence = (now.as_micros() - last.as_micros()) / MINUTE;
    // What the log notes of itself comes when somebody does something.
    if silence < SILENCE_MIN || &*source.name == watching::SOURCE {
        return Ok(false);
    }
    let end = newest.timestamp.as_micros() / MINUTE + 1;
    let edges = (end - WEEK_MINUTES..=end).map(|minute| Timestamp::from_micros(minute * MINUTE));
    let Some(edges) = edges.collect::<Option<Vec<_>>>() else {
        return Ok(false);
    };
    let bars = reading.histogram(filter, &edges)?;
    let heard = bars.iter().enumerate();
    let heard = heard.filter(|(_, bar)| bar.success + bar.failure > 0);
    let minutes: Vec<i64> = heard.map(|(at, _)| at as i64).collect();
    Ok(silence > longest_usual(&minutes).unwrap_or(i64::MAX))
}

/// The longest silence that says nothing, in minutes, after a source was heard in these; `None` if they are too few to tell.
fn longest_usual(minutes: &[i64]) -> Option<i64> {
    let (first, last) = (minutes.first()?, minutes.last()?);
    if minutes.len() < HEARD_MIN {
        return None;
    }
    let usual = (last - first) / (minutes.len() as i64 - 1);
    let pauses = minutes.windows(2).map(|pair| pair[1] - pair[0]);
    let longest = pauses.max()?;
    Some(longest.max(usual * USUAL_FACTOR).max(SILENCE_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_told_by_the_week_before() {
        let every = |step: usize, of: i64| (0..of).step_by(step).collect::<Vec<_>>();
        // Each minute for a day; each half hour for a day.
        assert_eq!(longest_usual(&every(1, 1_440)), Some(15));
        assert_eq!(longest_usual(&every(30, 1_440)), Some(300));
        // Twenty minutes of each night: ten usual intervals are hours, its pause is nearly a day.
        let nights = (0..7).flat_map(|night| (0..20).map(move |minute| night * 1_440 + minute));
        assert_eq!(longest_usual(&nights.collect::<Vec<_>>()), Some(1_421));
        // Four tries of a person are no rhythm.
        assert_eq!(longest_usual(&[0, 1, 2, 3]), None);
        assert_eq!(longest_usual(&[]), None);
    }
}
