//! The entries that the journal holds behind the segment files, back in memory: long runs as segments, built by several
//! threads while the journal is read, the rest as tails.

use crate::Error;
use crate::journal::record::{self, Kind, Record, Run};
use crate::kept::{Kept, Salts};
use crate::redaction::{self, Standing};
use crate::sealing::Limits;
use crate::segment::Segment;
use crate::state::{self, Committed, Inner, JournalFile};
use crate::tree::Published;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use entry::{Entry, EntryId, Organization, Seq, Timestamp, Units};
use proof::Hash;
use proof::leaf::Seed;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::Scope;

/// Reads records in order. What it read is in the state after [`Replay::finish`].
pub(super) struct Replay<'a> {
    limits: &'a Limits,
    logs: BTreeMap<Organization, Waiting>,
    waiting_bytes: usize,
    /// Of the last record.
    received_at: Timestamp,
    files: Vec<(PathBuf, JournalFile)>,
    standing: Vec<Arc<Standing>>,
    builders: Builders,
}

/// One log: where it goes on, and the bodies that are in no segment.
struct Waiting {
    /// The end of its segment files.
    sealed: Seq,
    next: Seq,
    bodies: Vec<Body>,
    bytes: usize,
}

struct Body {
    /// Of its record.
    position: u64,
    received_at: Timestamp,
    seed: Seed,
    bytes: Box<[u8]>,
}

/// Bodies of one log in a row.
struct Bodies {
    organization: Organization,
    first: Seq,
    bodies: Vec<Body>,
}

/// Says which record holds no entry, and why.
struct Malformed {
    position: u64,
    what: String,
}

impl Bodies {
    /// The entries, and what they add to what is known behind the files.
    fn entries(&self) -> Result<(Vec<Arc<Kept>>, Behind), Malformed> {
        let mut units = Units::default();
        let mut entries = Vec::with_capacity(self.bodies.len());
        let mut behind = Behind::default();
        for (seq, body) in (self.first.0..).zip(&self.bodies) {
            let malformed = |what: String| Malformed {
                position: body.position,
                what: format!("seq {seq} of {} is no entry: {what}", self.organization),
            };
            let entry = Entry::from_body(Seq(seq), body.received_at, &body.bytes)
                .map_err(|invalid| malformed(invalid.to_string()))?;
            let kept = Kept {
                entry,
                salts: Salts::Seed(body.seed),
            };
            behind.ids.push(kept.id);
            behind
                .leaves
                .push(kept.leaf(&mut units).map_err(malformed)?.hash());
            entries.push(Arc::new(kept));
        }
        Ok((entries, behind))
    }

    fn build(&self) -> Result<Built, Malformed> {
        let (entries, behind) = self.entries()?;
        Ok(Built {
            segment: Arc::new(Segment::build(&self.organization, &entries)),
            behind,
        })
    }
}

struct Built {
    segment: Arc<Segment>,
    behind: Behind,
}

/// What a log has behind its files, in order of seq, besides the entries.
#[derive(Default)]
pub(super) struct Behind {
    pub ids: Vec<EntryId>,
    /// Hashes of the leaves.
    pub leaves: Vec<Hash>,
}

impl Behind {
    fn extend(&mut self, behind: Behind) {
        self.ids.extend(behind.ids);
        self.leaves.extend(behind.leaves);
    }
}

/// The threads that build segments. They end when [`Builders::todo`] is dropped.
struct Builders {
    /// Bounded: bodies must not pile up when the disk is faster than the processors.
    todo: Sender<Bodies>,
    /// The same queue; with no threads the reader works it off by itself.
    own: Option<Receiver<Bodies>>,
    done: Receiver<Result<Built, Malformed>>,
    finished: Sender<Result<Built, Malformed>>,
}

impl Builders {
    fn start<'scope>(scope: &'scope Scope<'scope, '_>, threads: usize) -> Builders {
        let (todo, queue) = bounded::<Bodies>(threads.max(1));
        let (finished, done) = unbounded();
        for _ in 0..threads {
            let (queue, finished) = (queue.clone(), finished.clone());
            scope.spawn(move || {
                for bodies in queue {
                    // The receiver lives until the scope ends, or recovery has failed and nobody wants it.
                    let _ = finished.send(bodies.build());
                }
            });
        }
        Builders {
            todo,
            own: (threads == 0).then_some(queue),
            done,
            finished,
        }
    }

    fn build(&self, bodies: Bodies) {
        if self.own.is_some() {
            let _ = self.finished.send(bodies.build());
        } else {
            self.todo
                .send(bodies)
                .expect("the threads take what is sent until the queue ends");
        }
    }

    /// Everything that was built, when all of it is.
    fn finish(self) -> Result<Vec<Built>, Malformed> {
        let Builders {
            todo,
            own,
            done,
            finished,
        } = self;
        drop((todo, own, finished));
        done.into_iter().collect()
    }
}

impl<'a> Replay<'a> {
    /// Behind the segment files that `inner` has.
    pub fn new<'scope>(
        inner: &Inner,
        limits: &'a Limits,
        scope: &'scope Scope<'scope, '_>,
    ) -> Self {
        let waiting = |sealed| Waiting {
            sealed,
            next: sealed,
            bodies: Vec::new(),
            bytes: 0,
        };
        Replay {
            limits,
            logs: inner
                .logs
                .iter()
                .map(|(organization, log)| (organization.clone(), waiting(log.files.end)))
                .collect(),
            waiting_bytes: 0,
            received_at: Timestamp::MIN,
            files: Vec::new(),
            standing: Vec::new(),
            builders: Builders::start(scope, limits.threads),
        }
    }

    pub fn visit(&mut self, path: &Path, record: &Record<'_>) -> Result<(), Error> {
        self.enter(path, record);
        let damaged = |what: String| Err(damaged(path, record.position, &what));
        match record.kind {
            Some(Kind::Mark | Kind::Close) => return Ok(()),
            Some(Kind::Checkpoint) => {
                return match self.note(record.content) {
                    Some(()) => Ok(()),
                    None => damaged("its checksum is right, it holds no checkpoint".into()),
                };
            }
            Some(Kind::Entries | Kind::Redaction) => {}
            None => return damaged("its kind is none that this release knows".into()),
        }
        let Some((received_at, runs)) = record.entries().and_then(record::read_entries) else {
            return damaged("its checksum is right, its content is malformed".into());
        };
        if received_at < self.received_at {
            return damaged(format!(
                "it was received at {received_at}, before the one before it"
            ));
        }
        self.received_at = received_at;
        for run in &runs {
            if let Err(what) = self.take(record.position, run) {
                return damaged(what);
            }
            let (_, file) = self.files.last_mut().expect("entered above");
            file.reach(&run.organization, Seq(run.end()));
        }
        match record.kind {
            Some(Kind::Redaction) => self.stand(record).or_else(damaged),
            _ => Ok(()),
        }
    }

    /// Keeps a redaction: whether it was finished is for the files to say.
    fn stand(&mut self, record: &Record<'_>) -> Result<(), String> {
        let standing = redaction::read_order(record.content, record.position)
            .ok_or("its checksum is right, its content is malformed")?;
        let end = self
            .logs
            .get(&standing.organization)
            .map_or(Seq(0), |log| log.next);
        if standing.erase.iter().any(|(seq, _)| seq >= end) {
            return Err("it erases what is not there".into());
        }
        self.standing.push(Arc::new(standing));
        Ok(())
    }

    /// Notes which file the record is in: the first record of a file is at the file's position.
    fn enter(&mut self, path: &Path, record: &Record<'_>) {
        if self.files.last().is_none_or(|(known, _)| known != path) {
            self.files
                .push((path.to_owned(), JournalFile::new(record.position)));
        }
        let (_, file) = self
            .files
            .last_mut()
            .expect("pushed above if there was none");
        file.end = record.position + record.size_bytes as u64;
    }

    /// Keeps the newest checkpoint of each log in each file; `None` if it is none.
    fn note(&mut self, content: &[u8]) -> Option<()> {
        let (organization, at, note) = record::read_checkpoint(content)?;
        let published = Published::read(note, at)?;
        let (_, file) = self.files.last_mut()?;
        file.notes.insert(organization, Arc::new(published));
        Some(())
    }

    /// Keeps the bodies of a run that are not in segment files.
    fn take(&mut self, position: u64, run: &Run<'_>) -> Result<(), String> {
        let nothing = || Waiting {
            sealed: Seq(0),
            next: Seq(0),
            bodies: Vec::new(),
            bytes: 0,
        };
        let log = match self.logs.get_mut(&run.organization) {
            Some(log) => log,
            None => self
                .logs
                .entry(run.organization.clone())
                .or_insert_with(nothing),
        };
        if run.end() <= log.sealed.0 {
            return Ok(());
        }
        if run.first > log.next || (run.first < log.next && log.next > log.sealed) {
            return Err(format!(
                "it begins with seq {} of {}, expected {}",
                run.first.0, run.organization, log.next.0
            ));
        }
        for (seed, body) in &run.entries[(log.next.0 - run.first.0) as usize..] {
            let memory_bytes = state::memory_bytes(body);
            log.bytes += memory_bytes;
            self.waiting_bytes += memory_bytes;
            log.bodies.push(Body {
                position,
                received_at: self.received_at,
                seed: *seed,
                bytes: (*body).into(),
            });
        }
        log.next = Seq(run.end());
        if log.bodies.len() >= self.limits.built_entries {
            self.build(&run.organization.clone());
        }
        while self.waiting_bytes > self.limits.tail_bytes_max
            && let Some((largest, _)) = self.logs.iter().max_by_key(|(_, log)| log.bytes)
        {
            self.build(&largest.clone());
        }
        Ok(())
    }

    /// Has a log's waiting bodies made into a segment: as entries, a journal's worth would take too much memory.
    fn build(&mut self, organization: &Organization) {
        let Some(log) = self.logs.get_mut(organization) else {
            return;
        };
        self.waiting_bytes -= std::mem::take(&mut log.bytes);
        let bodies = std::mem::take(&mut log.bodies);
        let first = Seq(log.next.0 - bodies.len() as u64);
        self.builders.build(Bodies {
            organization: organization.clone(),
            first,
            bodies,
        });
    }

    /// Puts what was read behind the files of each log. Answers with what else it has there.
    pub fn finish(self, inner: &mut Inner) -> Result<BTreeMap<Organization, Behind>, Error> {
        let Replay {
            logs,
            received_at,
            files,
            standing,
            builders,
            ..
        } = self;
        inner.standing = standing;
        let in_file = |malformed: Malformed| {
            let at = files.partition_point(|(_, file)| file.first <= malformed.position);
            damaged(&files[at - 1].0, malformed.position, &malformed.what)
        };
        let mut all: BTreeMap<Organization, Behind> = BTreeMap::new();
        let mut built = builders.finish().map_err(in_file)?;
        built.sort_unstable_by_key(|built| built.segment.first_seq());
        for Built { segment, behind } in built {
            all.entry(segment.organization().clone())
                .or_default()
                .extend(behind);
            inner.push_built(segment);
        }
        for (organization, log) in logs {
            let first = Seq(log.next.0 - log.bodies.len() as u64);
            let rest = Bodies {
                organization,
                first,
                bodies: log.bodies,
            };
            let (entries, behind) = rest.entries().map_err(in_file)?;
            let organization = rest.organization;
            all.entry(organization.clone()).or_default().extend(behind);
            inner.push(Committed {
                organization,
                entries,
                memory_bytes: log.bytes,
            });
        }
        inner.as_of = inner
            .as_of
            .max(Some(received_at).filter(|_| !files.is_empty() && received_at > Timestamp::MIN));
        inner
            .journal
            .extend(files.into_iter().map(|(_, file)| file));
        Ok(all)
    }
}

fn damaged(path: &Path, position: u64, what: &str) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        what: format!("the record at position {position}: {what}"),
    }
}
