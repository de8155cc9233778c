//! How long each source may say nothing, as it was last worked out: while it says nothing, that does not change.

use entry::{EntryId, Organization};
use parking_lot::Mutex;
use std::collections::HashMap;

/// Sources that are remembered; beyond, all are worked out anew.
const SOURCES_MAX: usize = 10_000;

type Key = (Organization, Box<str>);

/// Of every source: its newest entry then, and the longest silence that says nothing, in minutes.
#[derive(Default)]
pub struct Rhythms {
    /// Guards nothing else.
    known: Mutex<HashMap<Key, (EntryId, Option<i64>)>>,
}

impl Rhythms {
    /// What was worked out of a source whose newest entry is still that one.
    pub fn of(
        &self,
        organization: &Organization,
        name: &str,
        newest: EntryId,
    ) -> Option<Option<i64>> {
        let known = self.known.lock();
        let (of, longest) = known.get(&(organization.clone(), name.into()))?;
        (*of == newest).then_some(*longest)
    }

    pub fn remember(
        &self,
        organization: &Organization,
        name: &str,
        newest: EntryId,
        longest: Option<i64>,
    ) {
        let mut known = self.known.lock();
        if known.len() >= SOURCES_MAX {
            known.clear();
        }
        let key = (organization.clone(), name.into());
        known.insert(key, (newest, longest));
    }
}
