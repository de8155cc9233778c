//! Start: after a clean stop, and after a kill in the middle of ingest.

use super::latency::milliseconds;
use super::server::{Client, Server};
use super::workload::{Logs, Workload};
use super::{Failed, Figure, Measured, figure};
use std::sync::atomic::{AtomicU64, Ordering};

/// Entries answered before the kill, where the data is as large: enough that the journal holds what no segment file does.
const BEFORE_KILL: u64 = 200_000;
const BATCH: u64 = 1_000;

/// Starts on the directory of this size twice. Adds entries: comes last.
pub(super) fn measure(measured: &Measured) -> Result<Vec<Figure>, Failed> {
    let dir = measured.dir();
    let clean = Server::start(&dir)?;
    clean.get("/v1/entries")?;
    let after_stop = clean.ready_after;
    let before = size(&clean)?;

    let more = Workload::new(1_000 * BEFORE_KILL, other(measured.workload().logs));
    let enough = BEFORE_KILL.min(measured.entries);
    let accepted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let client = clean.client();
        let poster = scope.spawn(|| post_until_cut(client, &more, &accepted));
        while accepted.load(Ordering::Relaxed) < enough && !poster.is_finished() {
            std::thread::yield_now();
        }
        clean.kill()
    })?;
    let killed = Server::start(&dir)?;
    killed.get("/v1/entries")?;
    let after_kill = killed.ready_after;
    let found = size(&killed)?;
    killed.stop()?;
    // The batch that was under way may have been stored without an answer.
    let promised = before + accepted.into_inner();
    if !(promised..=promised + BATCH).contains(&found) {
        return Err(Failed::Server(format!(
            "holds {found} entries, promised {promised}"
        )));
    }
    Ok(vec![
        figure(
            "start after a clean stop",
            "≤ 2 s",
            milliseconds(after_stop),
        ),
        figure(
            "start after a kill under load",
            "≤ 5 s",
            milliseconds(after_kill),
        ),
    ])
}

/// Logs the measured workload does not use, so that every entry is new.
fn other(logs: Logs) -> Logs {
    match logs {
        Logs::PerOrganization => Logs::One,
        Logs::One => Logs::PerOrganization,
    }
}

/// Posts batches until the server is gone.
fn post_until_cut(client: Client, more: &Workload, accepted: &AtomicU64) {
    let mut first = 0;
    while first + BATCH <= more.entries {
        match client.post("application/x-ndjson", &more.ndjson(first..first + BATCH)) {
            Ok(_) => accepted.fetch_add(BATCH, Ordering::Relaxed),
            Err(_) => return,
        };
        first += BATCH;
    }
}

fn size(server: &Server) -> Result<u64, Failed> {
    super::ingest::stored(server)
}
