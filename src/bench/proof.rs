//! Proofs: what one costs inside the server, first touched and again, what a caller waits for it, and a whole log as a bundle.

use super::ingest::megabytes;
use super::latency::Latency;
use super::server::Server;
use super::workload::Numbers;
use super::{Failed, Figure, Measured, figure};
use crate::app::{App, Settings};
use crate::guard::{Caller, Door};
use crate::intake::Intake;
use crate::problem::Problem;
use crate::{api, clock, random};
use entry::{Catalogue, Seq};
use rustix::fs::{Advice, fadvise};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use store::{Known, Options, Store};

/// On a directory that `bench ingest` filled.
pub(super) fn measure(measured: &Measured) -> Result<Vec<Figure>, Failed> {
    let dir = measured.dir();
    let entries = {
        let app = open(&dir)?;
        let entries = some(&app, measured.calls).map_err(refused)?;
        app.store.close().map_err(evidence)?;
        entries
    };
    forget(&dir)?;
    let app = open(&dir)?;
    let caller = Caller::process();
    let mut figures = Vec::new();
    for what in ["first touched after a start", "again"] {
        let mut latency = Latency::default();
        for (organization, id) in &entries {
            let prove = || api::proof::of_entry(&app, &caller, id, Some(organization));
            let made = latency.time(|| prove().map_err(refused))?;
            if made.is_none() {
                return Err(Failed::Evidence(format!("{id} is under no checkpoint")));
            }
        }
        let what = format!("proof inside the server, {what}");
        figures.push(figure(what, "≤ 0.2 ms", latency.shown()));
    }
    app.store.close().map_err(evidence)?;
    drop(app);

    let server = Server::start(&dir)?;
    let mut latency = Latency::default();
    for (organization, id) in &entries {
        let path = format!("/v1/entries/{id}/proof?organization={organization}");
        latency.time(|| server.get(&path))?;
    }
    figures.push(figure("proof over HTTP", "", latency.shown()));
    figures.extend(bundle(&server)?);
    server.stop()?;
    Ok(figures)
}

fn open(dir: &Path) -> Result<Arc<App>, Failed> {
    let options = Options {
        clock: clock::system(),
        random: random::system(),
        public_host: None,
        default_host: "bench.example".to_owned(),
        known: Known::Beside,
        allow_volatile: true,
        waiting_max: 1,
        open_bytes_max: 128 * 1024 * 1024,
    };
    let store = Store::open(dir, options).map_err(evidence)?;
    let (settings, clock) = (Settings::default(), clock::system());
    let intake = Intake::open(dir, 0).map_err(|error| Failed::Evidence(error.to_string()))?;
    Ok(App::new(
        store,
        Door::Open,
        intake,
        Catalogue::built_in(),
        settings,
        clock,
    ))
}

/// Entries at random, of logs by their size: organization and id.
fn some(app: &App, count: u64) -> Result<Vec<(String, String)>, Problem> {
    let (snapshot, mut numbers) = (app.store.snapshot(), Numbers::new(7));
    let mut found = Vec::new();
    while (found.len() as u64) < count {
        let mut at = numbers.below(snapshot.size(None));
        for log in snapshot.logs.iter() {
            let size = snapshot.size(Some(std::slice::from_ref(&log.organization)));
            if at < size {
                let kept = snapshot.kept(&log.organization, Seq(at))?;
                found.extend(kept.map(|kept| (log.organization.to_string(), kept.id.to_string())));
                break;
            }
            at -= size;
        }
    }
    Ok(found)
}

/// Has the system drop what it cached of every file.
fn forget(dir: &Path) -> Result<(), Failed> {
    for found in std::fs::read_dir(dir).map_err(Failed::file(dir))? {
        let path = found.map_err(Failed::file(dir))?.path();
        if path.is_dir() {
            forget(&path)?;
        } else {
            let file = File::open(&path).map_err(Failed::file(&path))?;
            file.sync_all().map_err(Failed::file(&path))?;
            fadvise(&file, 0, None, Advice::DontNeed).map_err(std::io::Error::from)?;
        }
    }
    Ok(())
}

/// The largest log, all of it.
fn bundle(server: &Server) -> Result<Vec<Figure>, Failed> {
    let logs = server.get_json("/v1/logs")?;
    let logs = logs["logs"].as_array().into_iter().flatten();
    let largest = logs.max_by_key(|log| log["size"].as_u64());
    let largest = largest.ok_or_else(|| Failed::Evidence("there are no logs".to_owned()))?;
    let entries = largest["size"].as_u64().unwrap_or_default();
    let organization = largest["organization"].as_str().unwrap_or_default();
    let url = format!(
        "{}/v1/export?format=bundle&organization={organization}",
        server.url
    );
    let (before, cpu) = (server.memory()?.anonymous, server.cpu_seconds()?);
    let begun = Instant::now();
    let answer = ureq::get(&url).call().map_err(|source| Failed::Call {
        url: url.clone(),
        source: Box::new(source),
    })?;
    let mut body = answer.into_body().into_reader();
    let mut buffer = vec![0; 1 << 18];
    let (mut bytes, mut most, mut next) = (0u64, before, 0u64);
    loop {
        let read = body.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        if bytes >= next {
            most = most.max(server.memory()?.anonymous);
            next = bytes + (16 << 20);
        }
    }
    let took = begun.elapsed().as_secs_f64();
    let cpu = server.cpu_seconds()? - cpu;
    Ok(vec![
        figure(
            format!("bundle of a log of {entries} entries"),
            "",
            format!(
                "{:.0} entries/s, {:.1} s of CPU per million, {:.0} bytes an entry",
                entries as f64 / took,
                cpu / entries as f64 * 1e6,
                bytes as f64 / entries as f64
            ),
        ),
        figure(
            "bundle, own memory before and most",
            "flat",
            format!("{}, {}", megabytes(before), megabytes(most)),
        ),
    ])
}

fn evidence(error: store::Error) -> Failed {
    Failed::Evidence(error.to_string())
}

fn refused(problem: Problem) -> Failed {
    Failed::Evidence(problem.detail)
}
