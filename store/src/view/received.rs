//! When what has an id was received: what the log tells of an entry to whoever sends it again, and no more of it.

use super::{LogView, Snapshot};
use crate::Error;
use entry::{EntryId, Organization, Timestamp};
use std::collections::HashMap;

/// The ids of one log.
pub struct Received {
    log: Option<LogView>,
    /// Those that are in no segment yet, which are not found one by one.
    tail: HashMap<EntryId, Timestamp>,
}

impl Received {
    pub(crate) fn of(snapshot: &Snapshot, organization: &Organization) -> Self {
        let mut logs = snapshot.logs.iter();
        let log = logs.find(|log| log.organization == *organization).cloned();
        let tail = log.iter().flat_map(|log| log.tail.iter());
        Self {
            tail: tail.map(|kept| (kept.id, kept.received_at)).collect(),
            log,
        }
    }

    /// `None` of what is not stored, as far as it was answered.
    pub fn at(&self, id: &EntryId) -> Result<Option<Timestamp>, Error> {
        if let Some(received_at) = self.tail.get(id) {
            return Ok(Some(*received_at));
        }
        // The newest first: what is sent again is young.
        let segments = self.log.iter().flat_map(|log| log.segments.iter().rev());
        for segment in segments {
            if let Some(entry) = segment.find(id)? {
                return Ok(Some(entry.received_at));
            }
        }
        Ok(None)
    }
}
