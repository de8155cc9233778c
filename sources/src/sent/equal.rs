//! The same call again, or another one that says the same: nothing in a call that says no time tells the two apart, so that the time between
//! them does.
//!
//! An item that says no time is known by its content, by its call, and by a number: 1 of the first such call, 2 of the next. What comes within
//! [`WINDOW_MICROS`] of the one that was stored last is that one, sent again; later it is another one and has the next number. The numbers
//! follow from what is stored and from nothing else: a call that is still being stored while it comes again has the same number both
//! times, whatever the clock says, and so has one that comes again after a restart.

use super::{Fate, Sent};
use entry::{Draft, Timestamp};

/// Five minutes: exporters give up sending the same again after this long, and whoever does the same again by intent mostly takes longer.
pub const WINDOW_MICROS: i64 = 5 * 60 * 1_000_000;

/// What stands before the number. No other id ends in it and digits: all end in a digest.
const NUMBER: char = '#';

/// More equal calls than one every five minutes for as long as timestamps go.
const NUMBER_MAX: u64 = 1 << 40;

/// The first of its kind.
pub(super) fn first(id: &str, call: &str) -> Box<str> {
    format!("{id}/{call}{NUMBER}1").into()
}

/// What was kept beside is one thing, whenever it is read again, and however often: known by when it was received.
pub(super) fn keep(one: &mut Sent, received_at: Timestamp) {
    if let Fate::Store(draft) = &mut one.fate
        && let Some(stem) = stem(draft)
    {
        identify(draft, format!("{stem}/{}", received_at.as_micros()));
    }
}

/// Whether an item is known by how many equal ones were stored before it: [`settle`] tells.
pub fn is_unsettled(draft: &Draft) -> bool {
    stem(draft).is_some()
}

/// Gives an item that says no time the identity of the one which it is; nothing happens to any other. `received_at` says when the log received
/// what has that `source.event_id`, if it did.
pub fn settle<E>(
    draft: &mut Draft,
    now: Timestamp,
    received_at: &mut dyn FnMut(&Draft) -> Result<Option<Timestamp>, E>,
) -> Result<(), E> {
    let Some(stem) = stem(draft).map(str::to_owned) else {
        return Ok(());
    };
    let mut stored = |draft: &mut Draft, number: u64| {
        identify(draft, format!("{stem}{NUMBER}{number}"));
        received_at(draft)
    };
    // Numbers are given out in order: the last one that is stored is found in steps that double, then halve.
    let mut last = None;
    let mut none = 1;
    while none < NUMBER_MAX
        && let Some(received_at) = stored(draft, none)?
    {
        last = Some((none, received_at));
        none *= 2;
    }
    let Some((mut known, mut when)) = last else {
        identify(draft, format!("{stem}{NUMBER}1"));
        return Ok(());
    };
    while none - known > 1 {
        let middle = known + (none - known) / 2;
        match stored(draft, middle)? {
            Some(received_at) => (known, when) = (middle, received_at),
            None => none = middle,
        }
    }
    let since = now.as_micros().saturating_sub(when.as_micros());
    let number = if since <= WINDOW_MICROS { known } else { none };
    identify(draft, format!("{stem}{NUMBER}{number}"));
    Ok(())
}

/// Its identity without the number.
fn stem(draft: &Draft) -> Option<&str> {
    let id = draft.source.as_ref()?.event_id.as_deref()?;
    let (stem, number) = id.rsplit_once(NUMBER)?;
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (is_number && draft.id.is_none()).then_some(stem)
}

fn identify(draft: &mut Draft, id: String) {
    if let Some(source) = &mut draft.source {
        source.event_id = Some(id.into());
    }
}

#[cfg(test)]
mod tests;
