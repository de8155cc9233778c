//! The story: what a person looking for it can find out about the last three weeks.
//!
//! A new hire; a service account's key that leaks; a webhook that fails; support on behalf of a customer; a security test
//! that leaves hostile names behind; a night in which the wrong cluster is scaled; someone who is not Marek; a deletion.

use super::{DAY, Scene};
use serde_json::Value;

/// One draft a line; `at` is a day before today and a time of that day, UTC: `-2d 02:10:14`.
const STORY: &str = include_str!("story.ndjson");

/// The first entry: organization, source and its event id; and how many days before "now" it happened.
pub(super) const FIRST: (&str, &str, &str, i64) = ("acme", "mar-api", "story-001", 24);

/// The whole story as told at `now`.
pub(super) fn scenes(now: i64) -> Vec<Scene> {
    let today = now - now.rem_euclid(DAY);
    STORY
        .lines()
        .map(|line| {
            let mut body: Value = serde_json::from_str(line).expect("a line of the story is JSON");
            let at = body.as_object_mut().and_then(|body| body.remove("at"));
            let at = at.as_ref().and_then(Value::as_str).and_then(offset);
            Scene {
                micros: today + at.expect("a line of the story says when"),
                body,
            }
        })
        .collect()
}

/// Microseconds from the beginning of today.
fn offset(at: &str) -> Option<i64> {
    let (days, time) = at.split_once("d ")?;
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let seconds = days.parse::<i64>().ok()? * 86_400 + hours * 3_600 + minutes * 60 + seconds;
    // A clock does not tick in whole seconds.
    Some(
        seconds * 1_000_000
            + (hours * 7_919 + minutes * 104_729 + seconds.abs() * 31_337) % 1_000_000,
    )
}
