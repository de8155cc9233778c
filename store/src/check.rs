//! Re-reads and re-derives everything of a data directory that no process has open, and names what differs.
//!
//! Reading changes nothing: no tail is cut, nothing is removed. [`Mode::RepairIndex`] writes segments whose indexes differ
//! anew from their entries, and arrays of hashes, if those are the ones that were accepted.

mod trees;

use crate::Error;
use crate::directory::{self, Directory};
use crate::disk::{Disk, real::RealDisk};
use crate::faults::Faults;
use crate::journal::record::{self, Kind, Record, Run};
use crate::journal::scan;
use crate::kept::{Kept, Salts};
use crate::redaction;
use crate::sealing::Appender;
use crate::segment::Segment;
use crate::state::Files;
use crate::tree::Published;
use entry::{Entry, EntryId, Organization, Seq, Timestamp};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trees::{Checkpoints, Rebuilt};

/// What to do about indexes that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Report,
    RepairIndex,
}

/// How far a check is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The file that is read now.
    pub path: PathBuf,
    pub done_bytes: u64,
    pub total_bytes: u64,
}

/// What was read, and what differs.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub logs: Vec<CheckedLog>,
    pub journal_files: usize,
    pub journal_records: u64,
    /// Empty: everything is as it was written.
    pub differences: Vec<Difference>,
    /// Segments whose indexes were made anew; they are among the differences.
    pub repaired: Vec<PathBuf>,
}

/// One log as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedLog {
    pub organization: Organization,
    /// Entries in segments and, behind them, in the journal.
    pub size: u64,
    pub segments: usize,
}

/// Something that is not as it was written, or missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub path: PathBuf,
    /// The entries it is about: their log, the first, the one after the last.
    pub entries: Option<(Organization, Seq, Seq)>,
    /// What differs, with the range of bytes where there is one.
    pub what: String,
}

/// Reads everything. Fails if the directory is in use, or cannot be read at all.
pub fn run(dir: &Path, mode: Mode, progress: &mut dyn FnMut(&Progress)) -> Result<Report, Error> {
    run_on(Arc::new(RealDisk), dir, mode, progress)
}

fn run_on(
    disk: Arc<dyn Disk>,
    dir: &Path,
    mode: Mode,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Report, Error> {
    let (directory, _lock) = directory::open_existing(disk, dir)?;
    let total_bytes = total_bytes(&directory)?;
    let mut checker = Checker {
        directory: &directory,
        mode,
        report: Report::default(),
        logs: BTreeMap::new(),
        checkpoints: Checkpoints::default(),
        received_at: Timestamp::MIN,
        progress,
        at: Progress {
            path: dir.to_owned(),
            done_bytes: 0,
            total_bytes,
        },
    };
    checker.checkpoints = checker.read_checkpoints()?;
    for organization in directory.organizations()? {
        checker.check_log(&organization)?;
    }
    checker.check_journal()?;
    let mut logs = std::mem::take(&mut checker.logs);
    for log in logs.values_mut() {
        if let Some(tree) = log.tree.take() {
            checker.end_tree(tree)?;
        }
    }
    let mut report = checker.report;
    report.logs = logs
        .into_iter()
        .map(|(organization, log)| CheckedLog {
            organization,
            size: log.next.0,
            segments: log.files.segments.len(),
        })
        .collect();
    Ok(report)
}

/// Bytes of all files that will be read.
fn total_bytes(directory: &Directory) -> Result<u64, Error> {
    let mut paths: Vec<PathBuf> = directory
        .journal_files()?
        .into_iter()
        .map(|first| directory.journal_file(first))
        .collect();
    for organization in directory.organizations()? {
        let segments = directory.segment_files(&organization)?;
        paths.extend(
            segments
                .into_iter()
                .map(|first| directory.segment_file(&organization, first)),
        );
    }
    let mut total = 0;
    for path in paths {
        total += directory
            .disk
            .size_bytes(&path)
            .map_err(|e| Error::io(&path, e))?;
    }
    Ok(total)
}

/// One log while its journal is read.
struct Log {
    files: Files,
    /// The next seq behind what was read.
    next: Seq,
    /// Ids behind the files.
    ids: HashSet<EntryId>,
    /// `None` once entries were missing.
    tree: Option<Rebuilt>,
}

struct Checker<'a> {
    directory: &'a Directory,
    mode: Mode,
    report: Report,
    logs: BTreeMap<Organization, Log>,
    /// Of the logs that were not begun.
    checkpoints: Checkpoints,
    /// Of the last record.
    received_at: Timestamp,
    progress: &'a mut dyn FnMut(&Progress),
    at: Progress,
}

impl Checker<'_> {
    fn differs(
        &mut self,
        path: &Path,
        entries: Option<(&Organization, Seq, Seq)>,
        what: impl Into<String>,
    ) {
        let entries = entries.map(|(organization, first, end)| (organization.clone(), first, end));
        self.report.differences.push(Difference {
            path: path.to_owned(),
            entries,
            what: what.into(),
        });
    }

    /// Tells that a file is being read; its bytes count as done.
    fn reads(&mut self, path: &Path, size_bytes: u64) {
        self.at.path = path.to_owned();
        (self.progress)(&self.at);
        self.at.done_bytes += size_bytes;
    }

    fn check_log(&mut self, organization: &Organization) -> Result<(), Error> {
        let mut files = Files::none();
        let mut received_at = Timestamp::MIN;
        let mut tree = Some(self.begin_tree(organization)?);
        for first in self.directory.segment_files(organization)? {
            let path = self.directory.segment_file(organization, first);
            let bytes = self
                .directory
                .disk
                .map(&path)
                .map_err(|e| Error::io(&path, e))?;
            self.reads(&path, bytes.len() as u64);
            let segment = match Segment::open(bytes, &path) {
                Ok(segment) => Arc::new(segment),
                Err(Error::Damaged { what, .. }) => {
                    self.differs(&path, None, what);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let entries = Some((organization, segment.first_seq(), segment.end_seq()));
            if segment.organization() != organization || segment.first_seq() != first {
                let what = format!(
                    "it holds seq {} of {}",
                    segment.first_seq().0,
                    segment.organization()
                );
                self.differs(&path, entries, what);
                continue;
            }
            if segment.end_seq() <= files.end {
                // Merged into the file before it, by a process that ended before it could remove this one.
                continue;
            }
            match first.cmp(&files.end) {
                std::cmp::Ordering::Greater => {
                    let dir = self.directory.segments_dir(organization);
                    self.differs(
                        &dir,
                        Some((organization, files.end, first)),
                        "a segment is missing",
                    );
                }
                std::cmp::Ordering::Less => {
                    self.differs(
                        &path,
                        Some((organization, first, files.end)),
                        "the file before it holds them too",
                    );
                }
                std::cmp::Ordering::Equal => {}
            }
            if segment.first_received() < received_at {
                self.differs(
                    &path,
                    entries,
                    "it was received before the segment before it",
                );
            }
            received_at = segment.last_received();
            let segment = self.check_segment(segment, entries, &mut tree)?;
            files.end = segment.end_seq();
            // Entries are missing, or could not be read: that was told, and the tree cannot be made.
            if let Some(unfinished) = tree.take_if(|tree| tree.size() != files.end.0) {
                self.give_up(unfinished)?;
            }
            files.segments.push(segment);
        }
        if let Some(tree) = &mut tree {
            tree.end_arrays(self.directory)?;
        }
        let next = files.end;
        self.logs.insert(
            organization.clone(),
            Log {
                files,
                next,
                ids: HashSet::new(),
                tree,
            },
        );
        Ok(())
    }

    fn check_segment(
        &mut self,
        segment: Arc<Segment>,
        entries: Option<(&Organization, Seq, Seq)>,
        tree: &mut Option<Rebuilt>,
    ) -> Result<Arc<Segment>, Error> {
        let path = segment.path().to_owned();
        let (directory, mut added) = (self.directory, Ok(()));
        let checked = segment.check_each(&mut |kept| {
            // What comes behind a gap is not what the tree goes on with.
            if let Some(tree) = tree.as_mut().filter(|tree| tree.size() == kept.seq.0)
                && added.is_ok()
            {
                added = tree.add(directory, kept, true);
            }
        });
        added?;
        let found = match checked {
            Ok(found) => found.differences,
            Err(Error::Damaged { what, .. }) => vec![what],
            Err(error) => return Err(error),
        };
        if found.is_empty() {
            return Ok(segment);
        }
        for what in found {
            self.differs(&path, entries, what);
        }
        if self.mode == Mode::Report {
            return Ok(segment);
        }
        match self.repair(&segment, &path) {
            Ok(repaired) => {
                self.report.repaired.push(path);
                Ok(Arc::new(repaired))
            }
            Err(Error::Damaged { what, .. }) => {
                self.differs(
                    &path,
                    entries,
                    format!("its indexes cannot be made anew: {what}"),
                );
                Ok(segment)
            }
            Err(error) => Err(error),
        }
    }

    /// Replaces a segment file by what its entries make, whole or not at all.
    fn repair(&self, segment: &Segment, path: &Path) -> Result<Segment, Error> {
        let disk = &self.directory.disk;
        let mut bytes = Vec::new();
        segment.rebuild(&mut bytes)?;
        let unfinished = Directory::unfinished(path);
        self.directory
            .remove_unfinished(path.parent().unwrap_or(path))?;
        let file = disk
            .create(&unfinished)
            .map_err(|e| Error::io(&unfinished, e))?;
        let mut out = Appender::new(file);
        std::io::Write::write_all(&mut out, &bytes).map_err(|e| Error::io(&unfinished, e))?;
        out.finish().map_err(|e| Error::io(&unfinished, e))?;
        disk.rename(&unfinished, path)
            .map_err(|e| Error::io(path, e))?;
        let dir = self.directory.segments_dir(segment.organization());
        disk.sync_dir(&dir).map_err(|e| Error::io(&dir, e))?;
        Segment::open(disk.map(path).map_err(|e| Error::io(path, e))?, path)
    }

    fn check_journal(&mut self) -> Result<(), Error> {
        let directory = self.directory;
        let mut now = None;
        let scanned = scan::scan(directory, Faults::default(), &mut |path, record| {
            if now.as_deref() != Some(path) {
                now = Some(path.to_owned());
                let size_bytes = directory
                    .disk
                    .size_bytes(path)
                    .map_err(|e| Error::io(path, e))?;
                self.reads(path, size_bytes);
            }
            self.check_record(path, &record)
        });
        match scanned {
            Ok(scan) => {
                self.report.journal_files = scan.files.len();
                if scan.files.is_empty() && self.logs.values().any(|log| log.next > Seq(0)) {
                    self.differs(&directory.journal_dir(), None, "its files are missing");
                }
                Ok(())
            }
            Err(Error::Damaged { path, what }) => {
                self.report.journal_files = directory.journal_files()?.len();
                self.differs(&path, None, what);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn check_record(&mut self, path: &Path, record: &Record<'_>) -> Result<(), Error> {
        self.report.journal_records += 1;
        let at = format!("the record at position {}", record.position);
        match record.kind {
            Some(Kind::Entries | Kind::Redaction) => {}
            Some(Kind::Mark | Kind::Close) => return Ok(()),
            Some(Kind::Checkpoint) => {
                let note = record::read_checkpoint(record.content)
                    .and_then(|(_, at, note)| Published::read(note, at));
                if note.is_none() {
                    self.differs(path, None, format!("{at} holds no checkpoint"));
                }
                return Ok(());
            }
            None => {
                self.differs(path, None, format!("{at} is of no known kind"));
                return Ok(());
            }
        }
        if record.kind == Some(Kind::Redaction)
            && redaction::read_order(record.content, record.position).is_none()
        {
            self.differs(path, None, format!("{at} does not say what it erases"));
        }
        let Some((received_at, runs)) = record.entries().and_then(record::read_entries) else {
            self.differs(path, None, format!("{at} is malformed"));
            return Ok(());
        };
        if received_at < self.received_at {
            self.differs(
                path,
                None,
                format!("{at} was received before the one before it"),
            );
        }
        self.received_at = received_at;
        if runs.iter().map(|run| run.entries.len()).sum::<usize>() != record.count as usize {
            self.differs(
                path,
                None,
                format!("{at} says that it has {} entries", record.count),
            );
        }
        for run in &runs {
            self.check_run(path, &at, received_at, run)?;
        }
        Ok(())
    }

    fn check_run(
        &mut self,
        path: &Path,
        at: &str,
        received_at: Timestamp,
        run: &Run<'_>,
    ) -> Result<(), Error> {
        let organization = &run.organization;
        let mut log = match self.logs.remove(organization) {
            Some(log) => log,
            None => Log {
                files: Files::none(),
                next: Seq(0),
                ids: HashSet::new(),
                tree: Some(self.begin_tree(organization)?),
            },
        };
        let sealed = log.files.end;
        if run.first > log.next {
            let missing = Some((organization, log.next, run.first));
            self.differs(
                path,
                missing,
                format!("{at} begins behind entries that are missing"),
            );
        } else if run.first < log.next && log.next > sealed {
            self.differs(
                path,
                Some((organization, run.first, log.next)),
                format!("{at} holds them once more"),
            );
        }
        for (seq, (seed, body)) in (run.first.0..)
            .map(Seq)
            .zip(&run.entries)
            .filter(|(seq, _)| *seq >= sealed)
        {
            let here = Some((organization, seq, Seq(seq.0 + 1)));
            match Entry::from_body(seq, received_at, body) {
                Ok(entry) => {
                    let mut again = Vec::new();
                    entry.write_body(&mut again);
                    if again != *body {
                        self.differs(
                            path,
                            here,
                            format!("{at}: the entry is not written as it should be"),
                        );
                    }
                    if !log.ids.insert(entry.id) || log.files.find(&entry.id)?.is_some() {
                        self.differs(
                            path,
                            here,
                            format!("{at}: its id {} is stored twice", entry.id),
                        );
                    }
                    if let Some(tree) = log.tree.as_mut().filter(|tree| tree.size() == seq.0) {
                        let salts = Salts::Seed(*seed);
                        tree.add(self.directory, &Kept { entry, salts }, false)?;
                    }
                }
                Err(invalid) => {
                    self.differs(path, here, format!("{at}: it is no entry: {invalid}"))
                }
            }
        }
        log.next = log.next.max(Seq(run.end()));
        if let Some(unfinished) = log.tree.take_if(|tree| tree.size() != log.next.0) {
            self.give_up(unfinished)?;
        }
        self.logs.insert(organization.clone(), log);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
