//! When what has an id was received: what the log tells of an entry to whoever sends it again, and no more of it.

use super::{LogView, Snapshot};
use crate::Error;
use entry::{EntryId, Organization, Timestamp};

/// The ids of one log.
pub struct Received {
    log: Option<LogView>,
}

impl Received {
    pub(crate) fn of(snapshot: &Snapshot, organization: &Organization) -> Self {
        let mut logs = snapshot.logs.iter();
        Self {
            log: logs.find(|log| log.organization == *organization).cloned(),
        }
    }

    /// `None` of what is not stored, as far as it was answered.
    pub fn at(&self, id: &EntryId) -> Result<Option<Timestamp>, Error> {
        let Some(log) = &self.log else {
            return Ok(None);
        };
        if let Some(kept) = log.tail.find(id) {
            return Ok(Some(kept.received_at));
        }
        // The newest first: what is sent again is young.
        for segment in log.segments.iter().rev() {
            if let Some(entry) = segment.find(id)? {
                return Ok(Some(entry.received_at));
            }
        }
        Ok(None)
    }
}
