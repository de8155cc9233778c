//! Export of everything as CSV: rows a second, and memory that stays flat.

use super::ingest::megabytes;
use super::server::Server;
use super::{Failed, Figure, Measured, figure};
use std::io::Read;
use std::time::Instant;

/// Reads the whole export as fast as it comes.
pub(super) fn measure(measured: &Measured) -> Result<Vec<Figure>, Failed> {
    let server = Server::start(&measured.dir())?;
    server.get("/v1/entries")?;
    let before = server.memory()?.anonymous;
    let begun = Instant::now();
    let url = format!("{}/v1/export?format=csv", server.url);
    let answer = ureq::get(&url).call().map_err(|source| Failed::Call {
        url: url.clone(),
        source: Box::new(source),
    })?;
    let mut body = answer.into_body().into_reader();
    let mut buffer = vec![0; 1 << 18];
    let (mut bytes, mut lines, mut most, mut next) = (0u64, 0u64, before, 0u64);
    loop {
        let read = body.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        lines += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64;
        if bytes >= next {
            most = most.max(server.memory()?.anonymous);
            next = bytes + (64 << 20);
        }
    }
    let took = begun.elapsed().as_secs_f64();
    // The reference workload holds no line break within a cell; the first line are the columns.
    if lines != measured.entries + 1 {
        return Err(Failed::Server(format!(
            "exported {lines} lines of {} entries",
            measured.entries
        )));
    }
    server.stop()?;
    Ok(vec![
        figure(
            "export CSV, everything",
            "≥ 250,000 rows/s",
            format!("{:.0} rows/s", measured.entries as f64 / took),
        ),
        figure(
            "export CSV, own memory before and most",
            "flat",
            format!("{}, {}", megabytes(before), megabytes(most)),
        ),
    ])
}
