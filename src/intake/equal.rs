//! What says no time is the same sent again, or another one that says the same: told by what is stored, and when that was received.

use super::{Fate, Sent};
use crate::app::App;
use crate::problem::Problem;
use entry::{Organization, Timestamp};
use sources::sent::equal;

/// Gives every draft that says no time its identity.
pub fn settle(
    app: &App,
    organization: &Organization,
    now: Timestamp,
    sent: &mut [Sent],
) -> Result<(), Problem> {
    let unsettled = sent.iter_mut().filter_map(|one| match &mut one.fate {
        Fate::Store(draft) if equal::is_unsettled(draft) => Some(draft),
        _ => None,
    });
    let mut unsettled = unsettled.peekable();
    if unsettled.peek().is_none() {
        return Ok(());
    }
    let received = app.store.received(organization);
    for draft in unsettled {
        equal::settle(draft, now, &mut |draft| {
            let id = draft.own_id(organization);
            id.map_or(Ok(None), |id| received.at(&id))
        })?;
    }
    Ok(())
}
