//! From a data directory to a running log: segment files, then the journal behind them.

use crate::directory::Directory;
use crate::faults::Faults;
use crate::health::HealthCell;
use crate::journal::record::{self, Kind, Record, Run};
use crate::journal::{Journal, scan};
use crate::sealing::Limits;
use crate::segment::Segment;
use crate::sequencer::Sequencer;
use crate::state::{self, Committed, Files, Inner, JournalFile, Log, State};
use crate::{Clock, Error};
use entry::{Entry, EntryId, Organization, Seq, Timestamp};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What was in the data directory.
pub(crate) struct Recovered {
    pub state: Arc<State>,
    pub sequencer: Sequencer,
}

/// Reads everything, cuts what nobody was told is stored, refuses what is damaged.
pub(crate) fn recover(
    directory: &Arc<Directory>,
    health: &Arc<HealthCell>,
    limits: &Limits,
    clock: Clock,
    faults: Faults,
) -> Result<Recovered, Error> {
    let mut reader = Reader::new(limits);
    let logs_dir = directory.logs_dir();
    directory
        .disk
        .sync_dir(&logs_dir)
        .map_err(|e| Error::io(&logs_dir, e))?;
    for organization in directory.organizations()? {
        let log = open_log(directory, &organization)?;
        let last = log
            .files
            .segments
            .last()
            .map(|segment| segment.last_received());
        reader.inner.as_of = reader.inner.as_of.max(last);
        reader.inner.logs.insert(organization, log);
    }
    let any_sealed = reader.inner.logs.values().any(|log| log.files.end > Seq(0));
    let scan = scan::scan(directory, faults, &mut |path, record| {
        reader.visit(path, &record)
    })?;
    if scan.last.is_none() && any_sealed {
        let what = "its files are missing, yet there are segments beside it".to_owned();
        return Err(Error::Damaged {
            path: directory.journal_dir(),
            what,
        });
    }
    let end = scan.last.as_ref().map_or(0, |last| last.end);
    reader.enter_files(&scan.files, end);
    let journal = Journal::open(directory.clone(), scan, limits.journal_file_bytes, faults)?;
    let Reader { inner, ids, .. } = reader;
    let last_received = inner.as_of.unwrap_or(Timestamp::MIN);
    let state = Arc::new(State::new(inner));
    let mut sequencer = Sequencer::new(
        journal,
        state.clone(),
        health.clone(),
        directory.clone(),
        clock,
        last_received,
    );
    for (organization, ids) in &ids {
        sequencer.recovered(organization, ids);
    }
    Ok(Recovered { state, sequencer })
}

/// The segment files of a log, without those that a merged one covers.
fn open_log(directory: &Directory, organization: &Organization) -> Result<Log, Error> {
    // A process may have been killed between making a name and syncing its directory. What only the system's cache holds
    // must be durable before anything that it replaces is removed.
    let dir = directory.segments_dir(organization);
    directory.create_dir(&dir)?;
    directory
        .disk
        .sync_dir(&dir)
        .map_err(|e| Error::io(&dir, e))?;
    directory.remove_unfinished(&dir)?;
    let names = directory.segment_files(organization)?;
    let mut files = Files::none();
    for first in names {
        let path = directory.segment_file(organization, first);
        let bytes = directory.disk.map(&path).map_err(|e| Error::io(&path, e))?;
        let segment = Segment::open(bytes, &path)?;
        let damaged = |what: String| {
            Err(Error::Damaged {
                path: path.clone(),
                what,
            })
        };
        if segment.first_seq() != first || segment.organization() != organization {
            return damaged(format!(
                "it holds seq {} of {}",
                segment.first_seq().0,
                segment.organization()
            ));
        }
        if segment.end_seq() <= files.end {
            directory
                .disk
                .remove(&path)
                .map_err(|e| Error::io(&path, e))?;
            continue;
        }
        if first != files.end {
            return damaged(format!(
                "it begins with seq {}, the files before it end before seq {}",
                first.0, files.end.0
            ));
        }
        files.end = segment.end_seq();
        files.segments.push(Arc::new(segment));
    }
    Ok(Log::new(files))
}

/// Collects what the journal holds behind the files.
struct Reader<'a> {
    limits: &'a Limits,
    inner: Inner,
    ids: BTreeMap<Organization, Vec<EntryId>>,
    /// The time of the last record.
    received_at: Timestamp,
    /// How far each log goes, by position of its record.
    reached: Vec<(u64, Organization, Seq)>,
}

impl<'a> Reader<'a> {
    fn new(limits: &'a Limits) -> Self {
        Reader {
            limits,
            inner: Inner::default(),
            ids: BTreeMap::new(),
            received_at: Timestamp::MIN,
            reached: Vec::new(),
        }
    }

    fn visit(&mut self, path: &Path, record: &Record<'_>) -> Result<(), Error> {
        let damaged = |what: String| {
            let what = format!("the record at position {}: {what}", record.position);
            Err(Error::Damaged {
                path: path.to_owned(),
                what,
            })
        };
        match record.kind {
            Some(Kind::Mark | Kind::Close) => return Ok(()),
            Some(Kind::Entries) => {}
            None => return damaged("its kind is none that this release knows".into()),
        }
        let Some((received_at, runs)) = record::read_entries(record.payload) else {
            return damaged("its checksum is right, its content is malformed".into());
        };
        if received_at < self.received_at {
            return damaged(format!(
                "it was received at {received_at}, before the one before it"
            ));
        }
        self.received_at = received_at;
        self.inner.as_of = self.inner.as_of.max(Some(received_at));
        for run in &runs {
            if let Err(what) = self.take(run, received_at) {
                return damaged(what);
            }
            self.reached
                .push((record.position, run.organization.clone(), Seq(run.end())));
        }
        Ok(())
    }

    /// Adds the entries of a run that are not in files.
    fn take(&mut self, run: &Run<'_>, received_at: Timestamp) -> Result<(), String> {
        let log = self
            .inner
            .logs
            .entry(run.organization.clone())
            .or_insert_with(|| Log::new(Files::none()));
        let (sealed, next) = (log.files.end, log.end());
        if run.end() <= sealed.0 {
            return Ok(());
        }
        if run.first > next || (run.first < next && next > sealed) {
            return Err(format!(
                "it begins with seq {} of {}, expected {}",
                run.first.0, run.organization, next.0
            ));
        }
        let mut entries = Vec::with_capacity(run.bodies.len());
        let mut memory_bytes = 0;
        let ids = self.ids.entry(run.organization.clone()).or_default();
        for (seq, body) in (run.first.0..)
            .zip(&run.bodies)
            .skip((next.0 - run.first.0) as usize)
        {
            let entry = Entry::from_body(Seq(seq), received_at, body).map_err(|invalid| {
                format!("seq {seq} of {} is no entry: {invalid}", run.organization)
            })?;
            memory_bytes += state::memory_bytes(body);
            ids.push(entry.id);
            entries.push(Arc::new(entry));
        }
        self.inner.push(Committed {
            organization: run.organization.clone(),
            entries,
            memory_bytes,
        });
        self.build(&run.organization);
        Ok(())
    }

    /// Turns a long tail into segments, as sealing does: a journal's worth of entries takes too much memory.
    fn build(&mut self, organization: &Organization) {
        while let Some(log) = self.inner.logs.get(organization)
            && log.tail.len() >= self.limits.built_entries
        {
            let segment = Segment::build(organization, &log.tail[..self.limits.built_entries]);
            self.inner.replace_tail(organization, Arc::new(segment));
        }
    }

    /// Tells the state which file holds what, so that files are removed in time.
    fn enter_files(&mut self, files: &[u64], end: u64) {
        for (at, &first) in files.iter().enumerate() {
            let file_end = files.get(at + 1).copied().unwrap_or(end);
            let mut file = JournalFile::new(first);
            file.end = file_end;
            for (_, organization, seq) in self
                .reached
                .iter()
                .filter(|(position, ..)| (first..file_end).contains(position))
            {
                file.reach(organization, *seq);
            }
            self.inner.journal.push_back(file);
        }
    }
}
