//! The entries of a log that are in no segment yet: in order of seq, and by id.

use crate::kept::Kept;
use entry::EntryId;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

/// Acknowledged entries, contiguous in seq. Reads as a slice of them.
#[derive(Clone, Default)]
pub struct Tail {
    entries: Vec<Arc<Kept>>,
    /// Where each id is: a look for one that is not there costs what a look for one that is does.
    places: HashMap<EntryId, u32, foldhash::fast::RandomState>,
}

/// What the place of an entry takes in memory: the id, the number, and the room that the table keeps free.
pub(crate) const PLACE_BYTES: usize = 40;

impl Tail {
    /// The entry of an id.
    pub fn find(&self, id: &EntryId) -> Option<&Arc<Kept>> {
        self.entries.get(*self.places.get(id)? as usize)
    }
}

impl Deref for Tail {
    type Target = [Arc<Kept>];

    fn deref(&self) -> &[Arc<Kept>] {
        &self.entries
    }
}

impl Extend<Arc<Kept>> for Tail {
    fn extend<T: IntoIterator<Item = Arc<Kept>>>(&mut self, entries: T) {
        for kept in entries {
            let place = u32::try_from(self.entries.len()).expect("a tail is built long before");
            self.places.insert(kept.id, place);
            self.entries.push(kept);
        }
    }
}

impl FromIterator<Arc<Kept>> for Tail {
    fn from_iter<T: IntoIterator<Item = Arc<Kept>>>(entries: T) -> Self {
        let mut tail = Tail::default();
        tail.extend(entries);
        tail
    }
}
