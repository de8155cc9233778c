//! Durable ingest over HTTP: how many entries a second, at what CPU, onto how many bytes; and one entry alone.

use super::latency::{self, Latency, milliseconds};
use super::server::{Server, own_cpu_seconds};
use super::workload::Workload;
use super::{Failed, Figure, Measured, figure};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";
/// Entries posted alone, where there are ten times as many.
const SINGLE_POSTS: u64 = 300;

/// Fills the directory of this size and gives the figures. The workload's last [`SINGLE_POSTS`] entries are posted alone.
pub(super) fn measure(measured: &Measured) -> Result<Vec<Figure>, Failed> {
    let dir = measured.dir();
    must_be_empty(&dir)?;
    let fsync = latency::fsync(&dir)?;
    let workload = measured.workload();
    let batched = workload.entries - SINGLE_POSTS.min(workload.entries / 10);
    let server = Server::start(&dir)?;

    let (begun, client_cpu) = (Instant::now(), own_cpu_seconds()?);
    let answers = post_all(&server, &workload, batched, measured)?;
    let (took, client_cpu) = (
        begun.elapsed().as_secs_f64(),
        own_cpu_seconds()? - client_cpu,
    );
    let cpu = server.cpu_seconds()? / (batched as f64 / 1e6);
    let memory = server.memory()?;
    let mut figures = vec![
        figure(
            "ingest, NDJSON batches, durable",
            "≥ 100,000 entries/s",
            format!("{:.0} entries/s", batched as f64 / took),
        ),
        figure("ingest, server CPU per million", "", format!("{cpu:.1} s")),
        figure(
            "ingest, client CPU per million",
            "",
            format!("{:.1} s", client_cpu / (batched as f64 / 1e6)),
        ),
        figure("ingest, answer to a batch", "", answers.shown()),
        figure(
            "ingest, memory of the server (most)",
            "",
            megabytes(memory.resident_max),
        ),
    ];
    figures.extend(single_posts(&server, &workload, batched, &fsync)?);
    let size = stored(&server)?;
    if size != workload.entries {
        return Err(Failed::Server(format!(
            "holds {size} entries after {} were posted",
            workload.entries
        )));
    }
    server.stop()?;
    figures.extend(disk(&dir, workload.entries)?);
    Ok(figures)
}

/// Makes the directory, or refuses one that something is in.
pub(super) fn must_be_empty(dir: &Path) -> Result<(), Failed> {
    std::fs::create_dir_all(dir).map_err(Failed::file(dir))?;
    let mut found = std::fs::read_dir(dir).map_err(Failed::file(dir))?;
    match found.next() {
        None => Ok(()),
        Some(_) => Err(Failed::NotEmpty { path: dir.into() }),
    }
}

/// Every client takes the next batch until there is none; how long each answer took.
fn post_all(
    server: &Server,
    workload: &Workload,
    end: u64,
    measured: &Measured,
) -> Result<Latency, Failed> {
    let next = AtomicU64::new(0);
    let post = || {
        let client = server.client();
        let mut latency = Latency::default();
        loop {
            let first = next.fetch_add(measured.batch, Ordering::Relaxed);
            if first >= end {
                return Ok(latency);
            }
            let batch = workload.ndjson(first..(first + measured.batch).min(end));
            let answer = latency.time(|| client.post(NDJSON, &batch))?;
            let expected = format!("\"accepted\":{}", (first + measured.batch).min(end) - first);
            if !String::from_utf8_lossy(&answer[..answer.len().min(100)]).contains(&expected) {
                return Err(Failed::Server(format!(
                    "did not accept all of the batch at {first}"
                )));
            }
            if first % (end / 10).max(1) < measured.batch {
                eprintln!("  … {first} entries");
            }
        }
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..measured.clients).map(|_| scope.spawn(post)).collect();
        let mut all = Latency::default();
        for client in clients {
            all.add(client.join().expect("a client does not panic")?);
        }
        Ok(all)
    })
}

/// One entry a call, one call after the other; each is asked for by its request id at once.
fn single_posts(
    server: &Server,
    workload: &Workload,
    first: u64,
    fsync: &Latency,
) -> Result<Vec<Figure>, Failed> {
    let client = server.client();
    let mut latency = Latency::default();
    let mut stale = 0;
    for i in first..workload.entries {
        let mut body = Vec::new();
        workload.write_json(i, &mut body);
        latency.time(|| client.post(JSON, &body))?;
        let found = server.get_json(&format!(
            "/v1/entries?request_id={}",
            super::workload::request_id(i)
        ))?;
        stale += u64::from(
            found["entries"]
                .as_array()
                .is_none_or(|entries| entries.len() != 1),
        );
    }
    let sync = milliseconds(fsync.percentile(50));
    Ok(vec![
        figure("one fsync of this disk", "", fsync.shown()),
        figure(
            "one entry a call",
            "p50 ≤ one fsync + 2 ms",
            format!("{} (fsync {sync})", latency.shown()),
        ),
        figure(
            "reads after the answer that miss the entry",
            "0",
            stale.to_string(),
        ),
    ])
}

/// Entries the server counts.
pub(super) fn stored(server: &Server) -> Result<u64, Failed> {
    let answer = server.get_json("/v1/facets?fields=result&top=1")?;
    answer["total"]
        .as_u64()
        .ok_or_else(|| Failed::Server(format!("counts nothing: {answer}")))
}

/// Bytes of a stopped server's directory, by kind.
fn disk(dir: &Path, entries: u64) -> Result<Vec<Figure>, Failed> {
    let journal = bytes_under(&dir.join("journal"))?;
    let bytes_of_all = bytes_under(dir)? as f64;
    let per_entry = bytes_of_all / entries as f64;
    Ok(vec![
        figure(
            "disk, all of it",
            "≤ 220 bytes per entry",
            format!("{per_entry:.0} bytes per entry"),
        ),
        // Bounded, so a small store's figure says more about it than about segments.
        figure(
            "disk, of it the journal (not yet in segment files)",
            "",
            megabytes(journal),
        ),
    ])
}

fn bytes_under(dir: &Path) -> Result<u64, Failed> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir).map_err(Failed::file(dir))? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() {
            bytes_under(&entry.path())?
        } else {
            about.len()
        };
    }
    Ok(bytes)
}

/// `412 MB`
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
