//! Compares every byte of the segment files with their checksums, once after each start, and tells of what differs.
//!
//! Searches believe the indexes of a segment. Entries are verified whenever they are read, and what ids are found by before it is
//! first believed; this finds damage in the rest, before it has misled for long. Files that are written later need it at the
//! next start only: merging compares its inputs.

use crate::Error;
use crate::health::HealthCell;
use crate::segment::Segment;
use crate::state::State;
use crate::tree::Trees;
use std::sync::{Arc, Weak};

/// Bytes read between two pauses.
const BYTES_PER_PAUSE: usize = 4 * 1024 * 1024;

/// Reads the files there are now, oldest first in each log. `pause` is called every few mebibytes; false ends it.
pub(crate) fn run(
    state: &State,
    trees: &Trees,
    health: &HealthCell,
    mut pause: impl FnMut() -> bool,
) {
    let mut bytes_read = 0;
    let mut go_on = |bytes| {
        bytes_read += bytes;
        if bytes_read < BYTES_PER_PAUSE {
            return true;
        }
        bytes_read = 0;
        pause()
    };
    for segment in files(state) {
        // Gone: it was merged meanwhile, and its room must not wait for this.
        let Some(segment) = segment.upgrade() else {
            continue;
        };
        let Some(found) = segment.scrub(&mut go_on) else {
            return;
        };
        for what in found {
            let error = segment.damaged(what);
            tracing::error!(%error, "stored data is damaged; stop the server and run check");
            health.found(&error);
        }
    }
    for tree in trees.whole() {
        match tree.levels.scrub(&mut go_on) {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) => {
                if matches!(error, Error::Damaged { .. }) {
                    tree.distrust();
                }
                tracing::error!(%error, "stored hashes are damaged; stop the server and run check");
                health.found(&error);
            }
        }
    }
    tracing::debug!(
        "every segment file was compared with its checksums, every hash with those above it"
    );
}

fn files(state: &State) -> Vec<Weak<Segment>> {
    let all = state.all_files();
    let segments = all.iter().flat_map(|(_, files)| &files.segments);
    segments.map(Arc::downgrade).collect()
}
