//! Does what stands: the steps after the record, each repeatable, in the order that keeps every entry.

use super::Standing;
use crate::Error;
use crate::directory::Directory;
use crate::sealing::Sealing;
use entry::Organization;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Begins the next file of the journal; answers with its position. Everything before it is in older files.
pub(crate) type BeginFile<'a> = dyn FnMut() -> Result<u64, Error> + 'a;

impl Sealing {
    /// Finishes every redaction that stands. When it returns, no file of the data directory holds what they erase. Called by
    /// one thread at a time.
    pub fn redact_step(&self, begin_file: &mut BeginFile<'_>) -> Result<bool, Error> {
        if self.state.standing().is_empty() {
            return Ok(false);
        }
        let mut tried = Vec::new();
        let done = self.try_redact(begin_file, &mut tried);
        match &done {
            Ok(()) => self.state.finished(&tried),
            Err(error) => {
                tracing::error!(%error, "an erasure is not finished, it is tried again");
                self.health.latch_if_latched(error);
                self.health.found(error);
            }
        }
        for standing in tried {
            standing.tell(done.as_ref().copied().map_err(Error::again));
        }
        done.map(|()| true)
    }

    fn try_redact(
        &self,
        begin_file: &mut BeginFile<'_>,
        tried: &mut Vec<Arc<Standing>>,
    ) -> Result<(), Error> {
        *tried = self.state.standing();
        self.health.refuse_if_latched()?;
        let behind = begin_file()?;
        // Those too that were ordered until now: their records, and what they erase, are in the older files.
        *tried = self.state.standing();
        let mut by_log: BTreeMap<&Organization, Vec<&Standing>> = BTreeMap::new();
        for standing in tried.iter().filter(|standing| !standing.is_rewritten()) {
            by_log
                .entry(&standing.organization)
                .or_default()
                .push(standing);
        }
        let mut damaged = None;
        for (organization, of_log) in by_log {
            self.seal(organization)?;
            match self.rewrite_log(organization, &of_log) {
                Ok(()) => {}
                // What cannot be read cannot be written anew; the others must not wait for it.
                Err(error @ Error::Damaged { .. }) => {
                    damaged.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            }
            for standing in of_log {
                standing.rewritten.store(true, Ordering::Release);
            }
        }
        if let Some(error) = damaged {
            return Err(error);
        }
        self.empty_journal_before(behind)
    }

    /// Removes all journal files before a position, after what they hold is in segment files.
    fn empty_journal_before(&self, behind: u64) -> Result<(), Error> {
        while self
            .state
            .journal_begins()
            .is_some_and(|first| first < behind)
        {
            self.refuse_if_stopping()?;
            if self.trim_step()? {
                continue;
            }
            let Some(organization) = self.state.oldest_in_journal() else {
                // What it waited for was sealed between the two looks, by an append that filled its memory.
                if self.state.journal_file_to_remove().is_some() {
                    continue;
                }
                return Err(Error::Io {
                    path: self.directory.journal_dir(),
                    source: std::io::Error::other("an old file is still needed"),
                });
            };
            self.seal(&organization)?;
        }
        Ok(())
    }

    /// Writes anew every file of a log that holds what is to be erased.
    fn rewrite_log(
        &self,
        organization: &Organization,
        standing: &[&Standing],
    ) -> Result<(), Error> {
        // A merge that has read an old file must not publish what it read after this.
        let _rewriting = self.rewriting.lock();
        let mut damaged = None;
        for segment in &self.state.files(organization).segments {
            self.refuse_if_stopping()?;
            match self.rewrite_segment(segment, standing) {
                Err(error @ Error::Damaged { .. }) => {
                    damaged.get_or_insert(error);
                }
                done => done?,
            }
        }
        // What a try left that failed, and could not be removed then, holds values too.
        let _sealing = self.sealing_turn.lock();
        let dir = self.directory.segments_dir(organization);
        self.directory.remove_unfinished(&dir)?;
        self.remove_merged(organization)?;
        self.latching(self.directory.sync_dir(&dir))?;
        match damaged {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Removes files whose entries a merged one holds too, and which could not be removed after the merge.
    fn remove_merged(&self, organization: &Organization) -> Result<(), Error> {
        let files = self.state.files(organization);
        for first in self.directory.segment_files(organization)? {
            let mut known = files.segments.iter();
            if first < files.end && !known.any(|segment| segment.first_seq() == first) {
                let path = self.directory.segment_file(organization, first);
                self.directory.remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    pub(super) fn refuse_if_stopping(&self) -> Result<(), Error> {
        match self.is_stopping() {
            true => Err(Error::Closing),
            false => Ok(()),
        }
    }
}

impl Directory {
    fn sync_dir(&self, dir: &std::path::Path) -> Result<(), Error> {
        self.disk.sync_dir(dir).map_err(|e| Error::io(dir, e))
    }
}
