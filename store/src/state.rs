//! The acknowledged state: what snapshots show, and where each log's entries are - files, memory, tail.

use crate::kept::Kept;
use crate::redaction::Standing;
use crate::sealing::Limits;
use crate::segment::Segment;
use crate::tail::{PLACE_BYTES, Tail};
use crate::tree::Published;
use crate::view::{LogView, Snapshot};
use crate::{Error, LogInfo};
use entry::{Entry, EntryId, Organization, Seq, Timestamp};
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The segments of one log that are files: they hold every entry before `end`.
pub(crate) struct Files {
    pub segments: Vec<Arc<Segment>>,
    pub end: Seq,
}

impl Files {
    pub fn none() -> Self {
        Files {
            segments: Vec::new(),
            end: Seq(0),
        }
    }

    /// The entry of an id, newest segments first: retries come soon.
    pub fn find(&self, id: &EntryId) -> Result<Option<Entry>, Error> {
        for segment in self.segments.iter().rev() {
            if let Some(entry) = segment.find(id)? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}

/// One log. Its entries are, in order of seq: in files, in segments in memory, in the tail.
pub(crate) struct Log {
    pub files: Arc<Files>,
    pub memory: Vec<Arc<Segment>>,
    pub tail: Arc<Tail>,
    pub tail_bytes: usize,
}

impl Log {
    pub fn new(files: Files) -> Self {
        Log {
            files: Arc::new(files),
            memory: Vec::new(),
            tail: Arc::default(),
            tail_bytes: 0,
        }
    }

    /// The seq of the next entry.
    pub fn end(&self) -> Seq {
        Seq(self.tail_first().0 + self.tail.len() as u64)
    }

    /// The seq of the first entry of the tail.
    fn tail_first(&self) -> Seq {
        self.memory
            .last()
            .map_or(self.files.end, |segment| segment.end_seq())
    }

    fn memory_bytes(&self) -> usize {
        self.memory.iter().map(built_bytes).sum()
    }

    fn segment_of(&self, seq: Seq) -> Option<Arc<Segment>> {
        let segments = if seq < self.files.end {
            &self.files.segments
        } else {
            &self.memory
        };
        let at = segments.partition_point(|segment| segment.end_seq() <= seq);
        segments
            .get(at)
            .filter(|segment| segment.first_seq() <= seq)
            .cloned()
    }
}

/// What an entry takes in memory while it is in a tail, given its body: the body's texts, and the struct around them.
pub(crate) fn memory_bytes(body: &[u8]) -> usize {
    // Each text is its own allocation; 256 bytes are what the allocator adds for a usual entry's.
    body.len() + size_of::<Entry>() + 256 + HASH_BYTES + PLACE_BYTES
}

/// What an entry that is in no file takes in its log's tree: a hash, and its part of those above.
const HASH_BYTES: usize = 33;

/// What a segment in memory counts for: always the same, unlike what it takes once it was searched.
fn built_bytes(segment: &Arc<Segment>) -> usize {
    let bytes = usize::try_from(segment.size_bytes()).expect("it is in memory");
    bytes + segment.len() as usize * HASH_BYTES
}

/// Entries of one log that were just made durable.
pub(crate) struct Committed {
    pub organization: Organization,
    pub entries: Vec<Arc<Kept>>,
    /// By [`memory_bytes`].
    pub memory_bytes: usize,
}

/// A journal file, and how far each log goes in it.
pub(crate) struct JournalFile {
    pub first: u64,
    /// Position after its last record.
    pub end: u64,
    pub ends: BTreeMap<Organization, Seq>,
    /// The newest checkpoint of each log in it.
    pub notes: BTreeMap<Organization, Arc<Published>>,
}

impl JournalFile {
    pub fn new(first: u64) -> Self {
        JournalFile {
            first,
            end: first,
            ends: BTreeMap::new(),
            notes: BTreeMap::new(),
        }
    }

    pub fn reach(&mut self, organization: &Organization, end: Seq) {
        match self.ends.get_mut(organization) {
            Some(known) => *known = end,
            None => {
                self.ends.insert(organization.clone(), end);
            }
        }
    }
}

/// The bytes that sealing has to keep in bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Entries of the longest tail.
    pub tail_entries: usize,
    /// Entries of all tails.
    pub tails_entries: usize,
    pub tail_bytes: usize,
    /// Tails and segments in memory.
    pub open_bytes: usize,
    pub journal_bytes: u64,
}

/// The acknowledged state. Every method is one step for all readers.
pub(crate) struct State {
    /// Guards where each entry is; held for moments, never over input or output.
    inner: Mutex<Inner>,
    /// Signalled when the load falls.
    room: Condvar,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub logs: BTreeMap<Organization, Log>,
    pub as_of: Option<Timestamp>,
    /// Oldest first; the last one is being written.
    pub journal: VecDeque<JournalFile>,
    /// Redactions that are law and not finished, in order of their records.
    pub standing: Vec<Arc<Standing>>,
    tail_bytes: usize,
    memory_bytes: usize,
    /// The answer to [`State::snapshot`] since the last change.
    snapshot: Option<Snapshot>,
}

impl Inner {
    /// Adds entries that are durable, without telling anyone.
    pub fn push(&mut self, committed: Committed) {
        let log = self
            .logs
            .entry(committed.organization)
            .or_insert_with(|| Log::new(Files::none()));
        log.tail_bytes += committed.memory_bytes;
        self.tail_bytes += committed.memory_bytes;
        Arc::make_mut(&mut log.tail).extend(committed.entries);
    }

    /// The journal file that is being written, which begins at `first`.
    fn journal_file(&mut self, first: u64) -> &mut JournalFile {
        if self.journal.back().is_none_or(|file| file.first != first) {
            self.journal.push_back(JournalFile::new(first));
        }
        self.journal
            .back_mut()
            .expect("pushed above if there was none")
    }

    /// Adds a segment in memory behind the others of its log, which has no tail yet.
    pub fn push_built(&mut self, segment: Arc<Segment>) {
        let organization = segment.organization().clone();
        let log = self
            .logs
            .entry(organization)
            .or_insert_with(|| Log::new(Files::none()));
        debug_assert!(log.tail.is_empty() && segment.first_seq() == log.end());
        self.memory_bytes += built_bytes(&segment);
        log.memory.push(segment);
    }
}

impl State {
    pub fn new(inner: Inner) -> Self {
        State {
            inner: Mutex::new(inner),
            room: Condvar::new(),
        }
    }

    /// Shows a commit to all readers at once.
    pub fn publish(
        &self,
        commit: Vec<Committed>,
        received_at: Timestamp,
        file_first: u64,
        file_end: u64,
    ) -> Load {
        let mut inner = self.inner.lock();
        // Before the tails grow: a tail that a snapshot holds is copied.
        inner.snapshot = None;
        for committed in commit {
            let organization = committed.organization.clone();
            inner.push(committed);
            let end = inner.logs[&organization].end();
            let file = inner.journal_file(file_first);
            file.reach(&organization, end);
            file.end = file_end;
        }
        inner.as_of = Some(received_at);
        load(&inner)
    }

    /// Notes which checkpoints are in the journal file that begins at `file_first` and goes to `file_end`.
    pub fn note(&self, notes: &[(Organization, Arc<Published>)], file_first: u64, file_end: u64) {
        let mut inner = self.inner.lock();
        let file = inner.journal_file(file_first);
        file.end = file_end;
        for (organization, published) in notes {
            file.notes.insert(organization.clone(), published.clone());
        }
    }

    /// The newest checkpoint of each log in the oldest journal file.
    pub fn oldest_notes(&self) -> Vec<(Organization, Arc<Published>)> {
        let inner = self.inner.lock();
        let notes = inner.journal.front().map(|file| file.notes.clone());
        notes.unwrap_or_default().into_iter().collect()
    }

    pub fn snapshot(&self) -> Snapshot {
        let mut inner = self.inner.lock();
        if let Some(snapshot) = &inner.snapshot {
            return snapshot.clone();
        }
        let logs = inner.logs.iter().map(|(organization, log)| LogView {
            organization: organization.clone(),
            segments: log
                .files
                .segments
                .iter()
                .chain(&log.memory)
                .cloned()
                .collect(),
            tail: log.tail.clone(),
        });
        let snapshot = Snapshot {
            logs: Arc::new(logs.collect()),
            as_of: inner.as_of,
        };
        inner.snapshot = Some(snapshot.clone());
        snapshot
    }

    pub fn logs(&self) -> Vec<LogInfo> {
        let inner = self.inner.lock();
        let info = |(organization, log): (&Organization, &Log)| LogInfo {
            organization: organization.clone(),
            size: log.end().0,
        };
        inner.logs.iter().map(info).collect()
    }

    pub fn load(&self) -> Load {
        load(&self.inner.lock())
    }

    /// Waits until `enough` holds of the load, or the time is over.
    pub fn wait_for_room(
        &self,
        enough: impl Fn(Load) -> bool,
        at_most: std::time::Duration,
    ) -> bool {
        let mut inner = self.inner.lock();
        !self
            .room
            .wait_while_for(&mut inner, |inner| !enough(load(inner)), at_most)
            .timed_out()
    }

    /// The files of a log; none if there is no such log.
    pub fn files(&self, organization: &Organization) -> Arc<Files> {
        let inner = self.inner.lock();
        inner
            .logs
            .get(organization)
            .map_or_else(|| Arc::new(Files::none()), |log| log.files.clone())
    }

    /// The entry at a seq that is published.
    pub fn entry_at(&self, organization: &Organization, seq: Seq) -> Result<Option<Entry>, Error> {
        let segment = {
            let inner = self.inner.lock();
            let Some(log) = inner.logs.get(organization) else {
                return Ok(None);
            };
            if let Some(at) = seq.0.checked_sub(log.tail_first().0) {
                return Ok(log.tail.get(at as usize).map(|kept| kept.entry.clone()));
            }
            log.segment_of(seq)
        };
        segment.map(|segment| segment.entry_at_seq(seq)).transpose()
    }

    /// The first entries of a tail: of one with `entries` or more; of the largest if all tails take more than `bytes_max`.
    pub fn tail_to_build(&self, limits: &Limits) -> Option<(Organization, Vec<Arc<Kept>>)> {
        let inner = self.inner.lock();
        let (entries, load) = (limits.built_entries, load(&inner));
        let (organization, log) = inner
            .logs
            .iter()
            .find(|(_, log)| log.tail.len() >= entries)
            .or_else(|| {
                inner
                    .logs
                    .iter()
                    .max_by_key(|(_, log)| log.tail_bytes)
                    .filter(|_| limits.must_build(load))
            })?;
        Some((
            organization.clone(),
            log.tail.iter().take(entries).cloned().collect(),
        ))
    }

    /// The first `entries` of a log's tail.
    pub fn tail_of(&self, organization: &Organization, entries: usize) -> Vec<Arc<Kept>> {
        let inner = self.inner.lock();
        inner
            .logs
            .get(organization)
            .map(|log| log.tail.iter().take(entries).cloned().collect())
            .unwrap_or_default()
    }

    /// Replaces the first entries of a tail by the segment built of them.
    pub fn replace_tail(&self, organization: &Organization, segment: Arc<Segment>) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let Some(log) = inner.logs.get_mut(organization) else {
            return;
        };
        debug_assert_eq!(segment.first_seq(), log.tail_first());
        let count = segment.len() as usize;
        // Which part of its bytes these entries took is not kept; that all of them take all of it is.
        let bytes = log.tail_bytes * count / log.tail.len();
        log.tail = Arc::new(log.tail[count..].iter().cloned().collect());
        log.tail_bytes -= bytes;
        inner.tail_bytes -= bytes;
        inner.memory_bytes += built_bytes(&segment);
        log.memory.push(segment);
        inner.snapshot = None;
        self.room.notify_all();
    }

    /// The log that takes the most memory.
    pub fn largest(&self) -> Option<Organization> {
        let inner = self.inner.lock();
        let largest = inner
            .logs
            .iter()
            .max_by_key(|(_, log)| log.tail_bytes + log.memory_bytes())?;
        (largest.1.end() > largest.1.files.end).then(|| largest.0.clone())
    }

    /// The logs that have so many entries in no file.
    pub fn open_logs(&self, entries: u64) -> Vec<Organization> {
        let inner = self.inner.lock();
        let is_open = |(_, log): &(&Organization, &Log)| log.end().0 - log.files.end.0 >= entries;
        inner
            .logs
            .iter()
            .filter(is_open)
            .map(|(organization, _)| organization.clone())
            .collect()
    }

    /// A log whose entries in the oldest journal file are not all in files.
    pub fn oldest_in_journal(&self) -> Option<Organization> {
        let inner = self.inner.lock();
        let oldest = inner.journal.front()?;
        let waits = |(organization, end): &(&Organization, &Seq)| {
            inner.logs[*organization].files.end < **end
        };
        oldest
            .ends
            .iter()
            .find(waits)
            .map(|(organization, _)| organization.clone())
    }

    /// A log's segments in memory.
    pub fn memory_of(&self, organization: &Organization) -> Vec<Arc<Segment>> {
        let inner = self.inner.lock();
        inner
            .logs
            .get(organization)
            .map(|log| log.memory.clone())
            .unwrap_or_default()
    }

    /// Replaces a log's first segments in memory by the file that holds the same entries.
    pub fn replace_memory(&self, organization: &Organization, count: usize, segment: Arc<Segment>) {
        let mut inner = self.inner.lock();
        let Some(log) = inner.logs.get_mut(organization) else {
            return;
        };
        debug_assert_eq!(segment.first_seq(), log.files.end);
        let gone: usize = log
            .memory
            .drain(..count)
            .map(|built| built_bytes(&built))
            .sum();
        let end = segment.end_seq();
        let segments = log
            .files
            .segments
            .iter()
            .cloned()
            .chain([segment])
            .collect();
        log.files = Arc::new(Files { segments, end });
        inner.memory_bytes -= gone;
        inner.snapshot = None;
        drop(inner);
        self.room.notify_all();
    }

    /// Replaces neighbouring files of a log by the one that holds the same entries.
    pub fn replace_files(&self, organization: &Organization, count: usize, segment: Arc<Segment>) {
        let mut inner = self.inner.lock();
        let Some(log) = inner.logs.get_mut(organization) else {
            return;
        };
        let mut segments = log.files.segments.clone();
        let at = segments.partition_point(|known| known.first_seq() < segment.first_seq());
        segments.splice(at..at + count, [segment]);
        log.files = Arc::new(Files {
            segments,
            end: log.files.end,
        });
        inner.snapshot = None;
    }

    /// The files of every log.
    pub fn all_files(&self) -> Vec<(Organization, Arc<Files>)> {
        let inner = self.inner.lock();
        inner
            .logs
            .iter()
            .map(|(organization, log)| (organization.clone(), log.files.clone()))
            .collect()
    }

    /// The oldest journal file, if it is not being written and all of its entries are in files.
    pub fn journal_file_to_remove(&self) -> Option<u64> {
        let inner = self.inner.lock();
        let oldest = inner.journal.front().filter(|_| inner.journal.len() > 1)?;
        let sealed =
            |(organization, end): (&Organization, &Seq)| inner.logs[organization].files.end >= *end;
        // A record of a redaction is what makes a start finish it.
        let is_free =
            |standing: &Arc<Standing>| standing.is_rewritten() || standing.position >= oldest.end;
        let free = oldest.ends.iter().all(sealed) && inner.standing.iter().all(is_free);
        free.then_some(oldest.first)
    }

    /// Position of the oldest journal file.
    pub fn journal_begins(&self) -> Option<u64> {
        self.inner.lock().journal.front().map(|file| file.first)
    }

    /// Notes that records go to a new journal file.
    pub fn enter_journal_file(&self, first: u64) {
        let mut inner = self.inner.lock();
        if inner.journal.back().is_none_or(|file| file.first != first) {
            inner.journal.push_back(JournalFile::new(first));
        }
    }

    /// Notes a redaction whose record is durable, before its commit is shown.
    pub fn stand(&self, standing: Arc<Standing>) {
        self.inner.lock().standing.push(standing);
    }

    /// The redactions that are law and not finished.
    pub fn standing(&self) -> Vec<Arc<Standing>> {
        self.inner.lock().standing.clone()
    }

    /// The redaction that an audit entry records, unless it is finished.
    pub fn standing_by(&self, by: EntryId) -> Option<Arc<Standing>> {
        let inner = self.inner.lock();
        inner
            .standing
            .iter()
            .find(|standing| standing.by == by)
            .cloned()
    }

    /// Forgets redactions that are finished.
    pub fn finished(&self, done: &[Arc<Standing>]) {
        let mut inner = self.inner.lock();
        let is_done =
            |standing: &Arc<Standing>| done.iter().any(|done| Arc::ptr_eq(done, standing));
        inner.standing.retain(|standing| !is_done(standing));
    }

    /// Forgets the oldest journal file.
    pub fn forget_journal_file(&self, first: u64) {
        let mut inner = self.inner.lock();
        if inner
            .journal
            .front()
            .is_some_and(|file| file.first == first)
        {
            inner.journal.pop_front();
        }
    }
}

fn load(inner: &Inner) -> Load {
    let tails = || inner.logs.values().map(|log| log.tail.len());
    Load {
        tail_entries: tails().max().unwrap_or(0),
        tails_entries: tails().sum(),
        tail_bytes: inner.tail_bytes,
        open_bytes: inner.tail_bytes + inner.memory_bytes,
        journal_bytes: match (inner.journal.front(), inner.journal.back()) {
            (Some(oldest), Some(newest)) => newest.end - oldest.first,
            _ => 0,
        },
    }
}
