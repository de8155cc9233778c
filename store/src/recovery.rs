//! From a data directory to a running log: segment files, then the journal behind them.

mod replay;
mod trees;

use crate::directory::Directory;
use crate::faults::{Fault, Faults};
use crate::health::HealthCell;
use crate::journal::{Journal, scan};
use crate::keyring::Keyring;
use crate::sealing::Limits;
use crate::segment::Segment;
use crate::sequencer::Sequencer;
use crate::state::{Files, Inner, Log, State};
use crate::store::Known;
use crate::tree::Trees;
use crate::{Clock, Error};
use entry::{Organization, Seq, Timestamp};
use replay::Replay;
use std::sync::Arc;

/// What was in the data directory.
pub(crate) struct Recovered {
    pub state: Arc<State>,
    pub trees: Arc<Trees>,
    pub sequencer: Sequencer,
}

/// Reads everything, cuts what nobody was told is stored, refuses what is damaged.
pub(crate) fn recover(
    directory: &Arc<Directory>,
    (keyring, known): (Keyring, &Known),
    health: &Arc<HealthCell>,
    limits: &Limits,
    clock: Clock,
    faults: Faults,
) -> Result<Recovered, Error> {
    let mut inner = Inner::default();
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
        inner.as_of = inner.as_of.max(last);
        inner.logs.insert(organization, log);
    }
    let any_sealed = inner.logs.values().any(|log| log.files.end > Seq(0));
    let (scan, behind) = std::thread::scope(|scope| {
        let mut replay = Replay::new(&inner, limits, scope);
        let scan = scan::scan(directory, faults, &mut |path, record| {
            replay.visit(path, &record)
        })?;
        Ok::<_, Error>((scan, replay.finish(&mut inner)?))
    })?;
    if scan.last.is_none() && any_sealed {
        let what = "its files are missing, yet there are segments beside it".to_owned();
        return Err(Error::Damaged {
            path: directory.journal_dir(),
            what,
        });
    }
    if faults.has(Fault::ErasureForgotten) {
        inner.standing.clear();
    }
    let journal = Journal::open(directory.clone(), scan, limits.journal_file_bytes, faults)?;
    let trees = Arc::new(Trees::new(directory.clone(), keyring, known, faults));
    let logs = trees::recover(directory, &trees, health, &inner, behind)?;
    let last_at = logs
        .iter()
        .filter_map(|(_, log)| log.tree.last().map(|last| last.at));
    let last_received = inner.as_of.into_iter().chain(last_at).max();
    let state = Arc::new(State::new(inner));
    let mut sequencer = Sequencer::new(
        journal,
        state.clone(),
        trees.clone(),
        health.clone(),
        directory.clone(),
        clock,
        last_received.unwrap_or(Timestamp::MIN),
    );
    for (organization, log) in logs {
        sequencer.recovered(&organization, log);
    }
    Ok(Recovered {
        state,
        trees,
        sequencer,
    })
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
    directory.remove_unfinished(&directory.hashes_dir(organization))?;
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
