//! A data directory that no process has open, read as it is by whoever verifies it: nothing is started, nothing is changed.

use crate::directory::{self, Directory};
use crate::disk::{Disk, Lock, real::RealDisk};
use crate::faults::Faults;
use crate::journal::record::{self, Kind, Record};
use crate::journal::scan;
use crate::kept::{Kept, Salts};
use crate::keyring::{Keyring, Origin};
use crate::segment::Segment;
use crate::store::Known;
use crate::tree::{Hashes, Published, Trees, notes};
use crate::{Error, redaction};
use entry::{Entry, Organization, Seq, Timestamp, Units};
use proof::Size;
use proof::frontier::Frontier;
use proof::leaf::Seed;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The logs of a data directory, and its lock.
pub struct Stopped {
    pub logs: Vec<StoppedLog>,
    _lock: Box<dyn Lock>,
}

/// One log.
pub struct StoppedLog {
    pub organization: Organization,
    /// As the directory names it, with the keys in it. A verifier takes them from elsewhere.
    pub origin: Origin,
    /// Every checkpoint there is, oldest first, also those under names of before. Nothing of them is checked.
    pub checkpoints: Vec<Arc<Published>>,
    directory: Arc<Directory>,
    segments: Vec<Arc<Segment>>,
    /// Behind the segments.
    behind: Vec<Stored>,
    trees: Trees,
}

/// Where the body of an entry is in the journal.
struct Stored {
    /// Position of the journal file's first byte.
    file: u64,
    offset: u64,
    length: usize,
    received_at: Timestamp,
    seed: Seed,
}

/// Reads a directory that no process has open.
///
/// # Errors
/// [`Error::Damaged`] where it contradicts itself so far that nothing can be made of it.
pub fn open(dir: &Path) -> Result<Stopped, Error> {
    let (directory, lock) = directory::open_existing(Arc::new(RealDisk), dir)?;
    let directory = Arc::new(directory);
    let mut logs = BTreeMap::new();
    for organization in directory.organizations()? {
        let log = Reading::files(&directory, &organization)?;
        logs.insert(organization, log);
    }
    scan::scan(&directory, Faults::default(), &mut |path, record| {
        read_record(&mut logs, path, &record)
    })?;
    let logs = logs
        .into_iter()
        .map(|(organization, log)| log.finish(&directory, organization));
    Ok(Stopped {
        logs: logs.collect::<Result<_, _>>()?,
        _lock: lock,
    })
}

/// A log while the journal is read.
#[derive(Default)]
struct Reading {
    segments: Vec<Arc<Segment>>,
    checkpoints: Vec<Arc<Published>>,
    behind: Vec<Stored>,
}

impl Reading {
    fn files(directory: &Directory, organization: &Organization) -> Result<Reading, Error> {
        let mut segments: Vec<Arc<Segment>> = Vec::new();
        for first in directory.segment_files(organization)? {
            let path = directory.segment_file(organization, first);
            let bytes = directory.disk.map(&path).map_err(|e| Error::io(&path, e))?;
            let segment = Segment::open(bytes, &path)?;
            let end = segments.last().map_or(Seq(0), |last| last.end_seq());
            // Merged into the one before, by a process that ended before it could remove this one.
            if segment.end_seq() <= end {
                continue;
            }
            if segment.first_seq() != end || segment.organization() != organization {
                return Err(segment.damaged(format!(
                    "it begins with seq {} of {}, expected {} of {organization}",
                    segment.first_seq().0,
                    segment.organization(),
                    end.0
                )));
            }
            segments.push(Arc::new(segment));
        }
        Ok(Reading {
            segments,
            checkpoints: notes::read(directory, organization)?,
            behind: Vec::new(),
        })
    }

    fn sealed(&self) -> Seq {
        self.segments.last().map_or(Seq(0), |last| last.end_seq())
    }

    fn finish(
        self,
        directory: &Arc<Directory>,
        organization: Organization,
    ) -> Result<StoppedLog, Error> {
        let path = directory.origins_file();
        let origins = directory.read_file(&path)?.ok_or_else(|| Error::Damaged {
            path,
            what: "it is missing".into(),
        })?;
        let keyring = Keyring::read(directory, &origins)?;
        let sealed = self.sealed();
        let log = StoppedLog {
            origin: keyring.origin(&organization),
            trees: Trees::new(directory.clone(), keyring, &Known::Off, Faults::default()),
            directory: directory.clone(),
            organization,
            checkpoints: self.checkpoints,
            segments: self.segments,
            behind: self.behind,
        };
        log.build(sealed)?;
        Ok(log)
    }
}

fn read_record(
    logs: &mut BTreeMap<Organization, Reading>,
    path: &Path,
    record: &Record<'_>,
) -> Result<(), Error> {
    let damaged = |what: &str| {
        Err(Error::Damaged {
            path: path.to_owned(),
            what: format!("the record at position {}: {what}", record.position),
        })
    };
    match record.kind {
        Some(Kind::Mark | Kind::Close) => Ok(()),
        Some(Kind::Redaction)
            if redaction::read_order(record.content, record.position).is_none() =>
        {
            damaged("it orders no erasure")
        }
        Some(Kind::Checkpoint) => {
            let Some((organization, at, note)) = record::read_checkpoint(record.content) else {
                return damaged("it holds no checkpoint");
            };
            let Some(published) = Published::read(note, at) else {
                return damaged("it holds no checkpoint");
            };
            let checkpoints = &mut logs.entry(organization).or_default().checkpoints;
            // Kept beside the hashes too, by a process that ended before its file could go.
            let from = checkpoints.partition_point(|known| known.at < published.at);
            let mut same = checkpoints[from..]
                .iter()
                .take_while(|known| known.at == published.at);
            if !same.any(|known| known.note == published.note) {
                checkpoints.push(Arc::new(published));
            }
            Ok(())
        }
        Some(Kind::Entries | Kind::Redaction) => match take(logs, path, record) {
            Some(()) => Ok(()),
            None => damaged("its entries do not follow those before it"),
        },
        None => damaged("its kind is none that this release knows"),
    }
}

/// Notes where the entries of a record are that no segment has.
fn take(
    logs: &mut BTreeMap<Organization, Reading>,
    path: &Path,
    record: &Record<'_>,
) -> Option<()> {
    let file: u64 = path.file_stem()?.to_str()?.parse().ok()?;
    let (received_at, runs) = record::read_entries(record.entries()?)?;
    let content = record.position - file + record::HEADER_BYTES as u64;
    for run in runs {
        let log = logs.entry(run.organization.clone()).or_default();
        let next = log.sealed().0 + log.behind.len() as u64;
        if run.end() <= log.sealed().0 {
            continue;
        }
        let known = next.checked_sub(run.first.0)?;
        if known > 0 && !log.behind.is_empty() {
            return None;
        }
        for (seed, body) in run.entries.iter().skip(known as usize) {
            let within = body.as_ptr().addr() - record.content.as_ptr().addr();
            log.behind.push(Stored {
                file,
                offset: content + within as u64,
                length: body.len(),
                received_at,
                seed: *seed,
            });
        }
    }
    Some(())
}

impl StoppedLog {
    /// Entries in it.
    pub fn size(&self) -> u64 {
        let sealed = self.segments.last().map_or(Seq(0), |last| last.end_seq());
        sealed.0 + self.behind.len() as u64
    }

    /// The hashes of its tree as they are stored, and behind them those of the entries that only the journal has. `None` if it is
    /// larger than trees can be.
    pub fn hashes(&self) -> Option<Hashes> {
        let size = Size::new(self.size())?;
        Some(self.trees.hashes_of(&self.organization, size))
    }

    /// The entry at a seq.
    pub fn kept(&self, seq: Seq) -> Result<Option<Kept>, Error> {
        let at = self
            .segments
            .partition_point(|segment| segment.end_seq() <= seq);
        if let Some(segment) = self.segments.get(at) {
            return Ok(Some(Kept {
                entry: segment.entry_at_seq(seq)?,
                salts: segment.salts((seq.0 - segment.first_seq().0) as u32)?,
            }));
        }
        let sealed = self.segments.last().map_or(Seq(0), |last| last.end_seq());
        let stored = self.behind.get((seq.0 - sealed.0) as usize);
        stored.map(|stored| self.stored(seq, stored)).transpose()
    }

    /// All entries, in order of seq.
    pub fn entries(&self) -> impl Iterator<Item = Result<Kept, Error>> {
        let sealed = self.segments.iter().flat_map(|segment| segment.all_kept());
        let behind = (self.size() - self.behind.len() as u64..).zip(&self.behind);
        sealed.chain(behind.map(|(seq, stored)| self.stored(Seq(seq), stored)))
    }

    fn stored(&self, seq: Seq, stored: &Stored) -> Result<Kept, Error> {
        let path = self.directory.journal_file(stored.file);
        let disk: &dyn Disk = &*self.directory.disk;
        let body = disk
            .read_at(&path, stored.offset, stored.length)
            .map_err(|e| Error::io(&path, e))?;
        let entry = Entry::from_body(seq, stored.received_at, &body);
        let entry = entry.map_err(|invalid| Error::Damaged {
            path,
            what: format!(
                "seq {} of {} is no entry: {invalid}",
                seq.0, self.organization
            ),
        })?;
        Ok(Kept {
            entry,
            salts: Salts::Seed(stored.seed),
        })
    }

    /// Fills the tree with the hashes that are stored, and those behind them.
    fn build(&self, sealed: Seq) -> Result<(), Error> {
        let tree = self.trees.of(&self.organization);
        tree.levels.open(sealed, false)?;
        let damaged = |what: String| Error::Damaged {
            path: tree.levels.dir(),
            what,
        };
        let size = Size::new(sealed.0).ok_or_else(|| damaged("it is too large".into()))?;
        let mut frontier = tree.levels.frontier(size)?;
        let mut units = Units::default();
        for (seq, stored) in (sealed.0..).zip(&self.behind) {
            let kept = self.stored(Seq(seq), stored)?;
            let leaf = kept.leaf(&mut units).map_err(damaged)?.hash();
            frontier.append(leaf, |node, hash| tree.levels.push(node, hash))?;
        }
        debug_assert_eq!(Frontier::size(&frontier).get(), self.size());
        Ok(())
    }
}
