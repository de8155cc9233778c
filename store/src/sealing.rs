//! Moves entries from the tail to segments in memory, from memory to files, from small files to large ones, and then
//! removes the journal behind them. Each step leaves every entry readable and durable, and may be the last one.

use crate::Error;
use crate::directory::Directory;
use crate::disk::File;
use crate::health::HealthCell;
use crate::segment::Segment;
use crate::state::{Load, State};
use crate::tree::Trees;
use entry::{Organization, Seq};
use parking_lot::Mutex;
use std::io::{self, Write};
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;

/// Where one step ends and the next begins.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Entries of a segment in memory: a tail is searched entry by entry, so it must stay short.
    pub built_entries: usize,
    /// Entries of all tails: a search over all logs goes through every one of them.
    pub tails_entries_max: usize,
    /// Memory of all tails; entries take several times the memory that they take in a segment.
    pub tail_bytes_max: usize,
    /// Memory of everything that is not in files.
    pub open_bytes_max: usize,
    /// One file of the journal.
    pub journal_file_bytes: u64,
    /// All of the journal: what a start has to read.
    pub journal_bytes_max: u64,
    /// Neighbours of about one size that are merged into one.
    pub fan_out: usize,
    /// Entries of the largest merged file.
    pub merged_entries_max: u64,
    /// Entries of one part of a segment that is written anew.
    pub part_entries: u64,
    /// Threads that build segments while the journal is read, and that seal at the end; 0: the one that asks.
    pub threads: usize,
}

impl Limits {
    pub fn new(open_bytes_max: usize) -> Self {
        Limits {
            built_entries: 4_096,
            tails_entries_max: 8_192,
            tail_bytes_max: open_bytes_max / 2,
            open_bytes_max,
            journal_file_bytes: 64 * 1024 * 1024,
            journal_bytes_max: 512 * 1024 * 1024,
            fan_out: 8,
            merged_entries_max: 1 << 20,
            part_entries: 1 << 16,
            threads: std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(8),
        }
    }

    pub fn must_build(&self, load: Load) -> bool {
        load.tail_entries >= self.built_entries
            || load.tails_entries > self.tails_entries_max
            || load.tail_bytes > self.tail_bytes_max
    }

    pub fn must_seal(&self, load: Load) -> bool {
        load.open_bytes > self.open_bytes_max || load.journal_bytes > self.journal_bytes_max
    }

    /// Far behind: appends wait.
    pub fn is_behind(&self, load: Load) -> bool {
        load.tail_bytes > 2 * self.tail_bytes_max
            || load.tails_entries > 4 * self.tails_entries_max
            || load.open_bytes > 2 * self.open_bytes_max
    }
}

/// The background work of a store, a step at a time.
pub(crate) struct Sealing {
    pub directory: Arc<Directory>,
    pub state: Arc<State>,
    pub trees: Arc<Trees>,
    pub health: Arc<HealthCell>,
    pub limits: Limits,
    /// Held by who turns tails into segments: two must not take the same entries.
    building: Mutex<()>,
    /// Held by who moves entries from memory to files or removes journal files.
    pub sealing_turn: Mutex<()>,
    /// Held by who writes files anew: what it read must be what it replaces.
    pub rewriting: Mutex<()>,
    stopping: AtomicBool,
}

impl Sealing {
    pub fn new(
        directory: Arc<Directory>,
        state: Arc<State>,
        trees: Arc<Trees>,
        health: Arc<HealthCell>,
        limits: Limits,
    ) -> Self {
        Sealing {
            directory,
            state,
            trees,
            health,
            limits,
            building: Mutex::new(()),
            sealing_turn: Mutex::new(()),
            rewriting: Mutex::new(()),
            stopping: AtomicBool::new(false),
        }
    }

    /// Asks the threads that take these steps to end after the one they are at.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Turns one long tail into a segment in memory. False if there was none.
    pub fn build_step(&self) -> bool {
        let _building = self.building.lock();
        let Some((organization, entries)) = self.state.tail_to_build(&self.limits) else {
            return false;
        };
        self.state.replace_tail(
            &organization,
            Arc::new(Segment::build(&organization, &entries)),
        );
        true
    }

    /// Moves one log from memory to a file, if memory or journal are full. False if they were not.
    pub fn seal_step(&self) -> Result<bool, Error> {
        self.health.refuse_if_latched()?;
        let sealed = self.try_seal_step();
        match &sealed {
            Ok(_) => self.health.sealing_succeeded(),
            Err(error) => {
                tracing::error!(%error, "sealing failed, it is tried again");
                self.health.sealing_failed(error);
            }
        }
        sealed
    }

    fn try_seal_step(&self) -> Result<bool, Error> {
        let load = self.state.load();
        let organization = if load.journal_bytes > self.limits.journal_bytes_max {
            self.state.oldest_in_journal()
        } else {
            None
        };
        let organization = match organization {
            None if load.open_bytes > self.limits.open_bytes_max => self.state.largest(),
            organization => organization,
        };
        match organization {
            Some(organization) => self.seal(&organization).map(|()| true),
            None => Ok(false),
        }
    }

    /// Moves all that a log has now from memory to one file.
    pub fn seal(&self, organization: &Organization) -> Result<(), Error> {
        let _turn = self.sealing_turn.lock();
        self.seal_in_turn(organization)
    }

    fn seal_in_turn(&self, organization: &Organization) -> Result<(), Error> {
        self.build_rest(organization);
        let inputs = self.state.memory_of(organization);
        if inputs.is_empty() {
            return Ok(());
        }
        if inputs[0].first_seq() == Seq(0) {
            // The first file of this log; a log that has files has a durable directory.
            self.latching(
                self.directory
                    .create_dir(&self.directory.segments_dir(organization)),
            )?;
        }
        // Before the segment has its name: hashes without entries are cut at the next start, entries without hashes would be damage.
        self.trees
            .write_until(organization, inputs[inputs.len() - 1].end_seq())?;
        let segment = self.write_segment(organization, &inputs)?;
        self.state
            .replace_memory(organization, inputs.len(), segment);
        Ok(())
    }

    /// Moves every long log to files, so that the next start need not read their entries from the journal.
    pub fn seal_long_logs(&self) -> Result<(), Error> {
        let _turn = self.sealing_turn.lock();
        let logs = Mutex::new(
            self.state
                .open_logs(self.limits.built_entries as u64)
                .into_iter(),
        );
        let next = || logs.lock().next();
        let seal_all = || -> Result<(), Error> {
            while let Some(organization) = next() {
                self.seal_in_turn(&organization)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            // Twice as many as processors: half of the time they wait for syncs.
            let threads: Vec<_> = (0..(2 * self.limits.threads).max(1))
                .map(|_| scope.spawn(seal_all))
                .collect();
            let sealed = |thread: ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            };
            threads.into_iter().try_for_each(sealed)
        })?;
        while self.try_trim_step()? {}
        Ok(())
    }

    fn build_rest(&self, organization: &Organization) {
        let _building = self.building.lock();
        let mut wanted = usize::MAX;
        // What is appended meanwhile is left for the next time, or this might not end.
        while wanted > 0 {
            let tail = self.state.tail_of(organization, usize::MAX);
            wanted = wanted.min(tail.len());
            let now = &tail[..wanted.min(self.limits.built_entries)];
            if now.is_empty() {
                return;
            }
            self.state
                .replace_tail(organization, Arc::new(Segment::build(organization, now)));
            wanted -= now.len();
        }
    }

    /// Merges neighbouring files of one log. False if none are to be merged.
    pub fn merge_step(&self) -> Result<bool, Error> {
        self.health.refuse_if_latched()?;
        self.noted("merging", self.try_merge_step())
    }

    fn try_merge_step(&self) -> Result<bool, Error> {
        let _rewriting = self.rewriting.lock();
        for (organization, files) in self.state.all_files() {
            let sizes: Vec<u64> = files
                .segments
                .iter()
                .map(|segment| u64::from(segment.len()))
                .collect();
            let Some(range) = neighbours_to_merge(&sizes, &self.limits) else {
                continue;
            };
            let inputs = &files.segments[range];
            let merged = self.write_segment(&organization, inputs)?;
            self.state
                .replace_files(&organization, inputs.len(), merged);
            // The first input lost its name to the merged file. If a crash keeps the others, recovery removes them.
            for input in &inputs[1..] {
                let path = self
                    .directory
                    .segment_file(&organization, input.first_seq());
                self.directory
                    .disk
                    .remove(&path)
                    .map_err(|e| Error::io(&path, e))?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Removes the oldest journal file if all of its entries are in files. False if it is still needed.
    pub fn trim_step(&self) -> Result<bool, Error> {
        self.health.refuse_if_latched()?;
        let _turn = self.sealing_turn.lock();
        self.noted("trimming the journal", self.try_trim_step())
    }

    /// Appends do not depend on these steps, so only a failed sync counts.
    fn noted(&self, what: &str, step: Result<bool, Error>) -> Result<bool, Error> {
        if let Err(error) = &step {
            tracing::error!(%error, "{what} failed, it is tried again");
            self.health.latch_if_latched(error);
            self.health.found(error);
        }
        step
    }

    fn try_trim_step(&self) -> Result<bool, Error> {
        let Some(first) = self.state.journal_file_to_remove() else {
            return Ok(false);
        };
        for (organization, published) in self.state.oldest_notes() {
            self.trees.keep(&organization, &published)?;
        }
        let path = self.directory.journal_file(first);
        let dir = self.directory.journal_dir();
        self.directory
            .disk
            .remove(&path)
            .map_err(|e| Error::io(&path, e))?;
        self.state.forget_journal_file(first);
        // One at a time: if a later file's removal survived and this one's did not, recovery would see a gap.
        self.latching(
            self.directory
                .disk
                .sync_dir(&dir)
                .map_err(|e| Error::io(&dir, e)),
        )?;
        Ok(true)
    }

    /// Writes a file that holds the entries of `inputs` and takes the name of the first. Durable when it returns.
    pub fn write_segment(
        &self,
        organization: &Organization,
        inputs: &[Arc<Segment>],
    ) -> Result<Arc<Segment>, Error> {
        let path = self
            .directory
            .segment_file(organization, inputs[0].first_seq());
        let unfinished = Directory::unfinished(&path);
        let written = self.write_unfinished(&unfinished, inputs);
        if written.is_err() {
            // The room is what is missing most; if even this fails, the next start removes it.
            if let Err(error) = self.directory.disk.remove(&unfinished) {
                tracing::warn!(path = %unfinished.display(), %error, "an unfinished segment stays");
            }
        }
        written?;
        let disk = &self.directory.disk;
        disk.rename(&unfinished, &path)
            .map_err(|e| Error::io(&path, e))?;
        let dir = self.directory.segments_dir(organization);
        self.latching(disk.sync_dir(&dir).map_err(|e| Error::io(&dir, e)))?;
        let bytes = disk.map(&path).map_err(|e| Error::io(&path, e))?;
        let segment = Segment::open(bytes, &path)?;
        // Here rather than in the first append that looks for an id in it.
        segment.trust_ids()?;
        Ok(Arc::new(segment))
    }

    fn write_unfinished(&self, path: &Path, inputs: &[Arc<Segment>]) -> Result<(), Error> {
        let disk = &self.directory.disk;
        let file = match disk.create(path) {
            // Left by a try that failed, and could not even be removed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                disk.remove(path).and_then(|()| disk.create(path))
            }
            file => file,
        };
        let file = file.map_err(|e| Error::io(path, e))?;
        let mut out = Appender::new(file);
        match Segment::merge(inputs, &mut out) {
            Err(Error::Io { source, .. }) => return Err(Error::io(path, source)),
            merged => merged?,
        }
        out.flush().map_err(|e| Error::io(path, e))?;
        self.latching(out.finish().map_err(|e| Error::io(path, e)))
    }

    /// After a failed sync nobody knows what the disk holds: nothing is written any more.
    pub fn latching(&self, synced: Result<(), Error>) -> Result<(), Error> {
        synced.map_err(|error| match error {
            Error::Io { path, source } => Error::Latched {
                what: format!("syncing {} failed: {source}", path.display()),
            },
            error => error,
        })
    }
}

/// The first run of neighbours, given by their entries, that is worth a merge: `fan_out` files of about one size and the
/// smaller ones between them, or as many as make a file of the largest size.
fn neighbours_to_merge(sizes: &[u64], limits: &Limits) -> Option<Range<usize>> {
    let fan_out = limits.fan_out as u64;
    // A file of three quarters of the largest size is done: merging it again would write much to gain little.
    let done = limits.merged_entries_max - limits.merged_entries_max / 4;
    let (mut smallest, mut below) = (0, fan_out);
    while smallest < done {
        let mut start = 0;
        while start < sizes.len() {
            let (mut end, mut total, mut of_tier) = (start, 0, 0);
            while let Some(&size) = sizes.get(end)
                && size < below.min(done)
                && total + size <= limits.merged_entries_max
            {
                total += size;
                of_tier += u64::from(size >= smallest);
                end += 1;
            }
            if end - start >= 2 && (of_tier >= fan_out || total >= done) {
                return Some(start..end);
            }
            start = end.max(start + 1);
        }
        (smallest, below) = (below, below.saturating_mul(fan_out));
    }
    None
}

const APPENDER_BYTES: usize = 256 * 1024;

/// Writes a file from its beginning to its end.
pub(crate) struct Appender {
    file: Box<dyn File>,
    offset: u64,
    buffer: Vec<u8>,
}

impl Appender {
    pub fn new(file: Box<dyn File>) -> Self {
        Appender {
            file,
            offset: 0,
            buffer: Vec::with_capacity(APPENDER_BYTES),
        }
    }

    /// Writes what is left and makes all of it durable.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync_data()
    }
}

impl Write for Appender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= APPENDER_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&self.buffer, self.offset)?;
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seals `count` files of `size` entries each, merging whenever it is worth it. Answers with the sizes that are left and
    /// how often an entry was written on average.
    fn grow(size: u64, count: u64) -> (Vec<u64>, f64) {
        let limits = Limits::new(64 << 20);
        let (mut sizes, mut written) = (Vec::new(), 0);
        for _ in 0..count {
            sizes.push(size);
            written += size;
            while let Some(range) = neighbours_to_merge(&sizes, &limits) {
                let total = sizes[range.clone()].iter().sum();
                assert!(range.len() >= 2 && total <= limits.merged_entries_max);
                sizes.splice(range, [total]);
                written += total;
            }
        }
        (sizes, written as f64 / (size * count) as f64)
    }

    #[test]
    fn files_stay_few_and_entries_are_seldom_rewritten() {
        for (size, count) in [
            (1, 20_000),
            (500, 8_000),
            (8_192, 2_500),
            (100_000, 200),
            (400_000, 50),
            (900_000, 20),
        ] {
            let (sizes, written) = grow(size, count);
            let largest = (1 << 20) - (1 << 18);
            let few = (size * count / largest) as usize + 8 * 8;
            assert!(
                sizes.len() <= few,
                "{count} files of {size}: {} left",
                sizes.len()
            );
            assert!(
                written <= 8.0,
                "{count} files of {size}: each entry written {written} times"
            );
        }
    }
}
