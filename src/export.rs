//! Everything a filter matches, as one file: streamed, in constant memory, complete or recognisably cut. Rows are written
//! here, [`mod@bundle`]s of evidence there.
//!
//! How a reader knows that it has everything:
//! - JSON: a cut file does not parse; a whole one ends in `"complete":true,"count":n}`.
//! - NDJSON: the last line is `{"complete":true,"entries":n,"as_of":…}`. No entry has a member `complete`, and every entry
//!   has an `id`, which this line has not.
//! - CSV has no place for a last word that would not be taken for a row. Over HTTP the body ends by the last chunk, so a cut
//!   one is a transport error; a caller that sends `TE: trailers` also gets `x-audit-complete: true` and `x-audit-entries: n`.
//!
//! Up to when sources that number their entries left nothing out stands before that: `complete_through`, and for every form
//! the header `x-audit-complete-through`.
//!
//! Whatever fails midway breaks the connection off before the last chunk: no export ends well that is not whole.

pub mod bundle;
pub mod csv;

use crate::access::{Permission, Principal};
use crate::api::query::{DIRECTIONS, ORDERS, Parameters, refused};
use crate::app::App;
use crate::guard::Caller;
use crate::guard::stream::{self, Until};
use crate::problem::{Fault, Problem};
use crate::reading::{self, Reading, Shown};
use crate::watching::{self, Act, Deed};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use bundle::Evidence;
use bytes::Bytes;
use csv::Guard;
use entry::{Entry, Filter, Timestamp};
use http_body_util::StreamBody;
use hyper::body::Frame;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use store::view::{Direction, Order, PageQuery};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Rows(Rows),
    Bundle,
}

/// The form of a file that has an entry a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    Csv(Guard),
    Ndjson,
    Json,
}

impl Format {
    fn content_type(self) -> &'static str {
        match self {
            Format::Rows(Rows::Csv(_)) => "text/csv; charset=utf-8; header=present",
            Format::Rows(Rows::Ndjson) => "application/x-ndjson",
            Format::Rows(Rows::Json) => "application/json",
            Format::Bundle => "application/zstd",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Format::Rows(Rows::Csv(_)) => "csv",
            Format::Rows(Rows::Ndjson) => "ndjson",
            Format::Rows(Rows::Json) => "json",
            Format::Bundle => "maraudit",
        }
    }
}

/// What is exported, and how.
#[derive(Clone, Debug)]
pub struct ExportQuery {
    pub format: Format,
    pub filter: Filter,
    pub order: Order,
    pub direction: Direction,
}

impl ExportQuery {
    pub const PARAMETERS: &[&str] = &["format", "csv_guard", "order", "direction"];

    pub fn parse(app: &App, mut parameters: Parameters) -> Result<Self, Problem> {
        let mut faults = Vec::new();
        let guards = [("on", Guard::On), ("off", Guard::Off)];
        let guard = parameters
            .choice("csv_guard", &guards, &mut faults)
            .unwrap_or(Guard::On);
        let csv = Format::Rows(Rows::Csv(guard));
        let formats = [
            ("csv", csv),
            ("ndjson", Format::Rows(Rows::Ndjson)),
            ("json", Format::Rows(Rows::Json)),
            ("bundle", Format::Bundle),
        ];
        let format = parameters.choice("format", &formats, &mut faults);
        let order = parameters.choice("order", ORDERS, &mut faults);
        let direction = parameters.choice("direction", DIRECTIONS, &mut faults);
        if format == Some(Format::Bundle) && (order.is_some() || direction.is_some()) {
            let only = "a bundle is in the order of the log";
            faults.push(Fault::parameter("order", only));
        }
        let filter = parameters.filter(app.now(), Self::PARAMETERS, &mut faults);
        if !faults.is_empty() {
            return Err(refused(faults));
        }
        Ok(Self {
            format: format.unwrap_or(csv),
            filter,
            order: order.unwrap_or(Order::Time),
            direction: direction.unwrap_or(Direction::Descending),
        })
    }
}

/// `GET /v1/export` streams everything that the filter matches, as it was when the call came. `HEAD` searches nothing.
pub async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    method: Method,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let reach = reading::reach(&caller, Permission::Export)?;
    let query = ExportQuery::parse(&app, Parameters::read(raw.as_deref())?)?;
    let format = query.format;
    let name = file_name(&query, app.now());
    let (sender, receiver) = channel::<Chunk>(CHUNKS_WAITING_MAX);
    let mut complete_through = None;
    if method != Method::HEAD {
        let place = app.exports.enter().await?;
        let before = app.reading_within(reach.clone());
        complete_through = before.complete_through(&app, &query.filter);
        let reading = app.reading_within(reach.clone());
        app.must_be_watchable()?;
        let deed = Deed::new(Act::ExportEntries)
            .of(app.concerned(&reading, &query.filter).as_ref())
            .with("format", query.format.extension())
            .with("filter", watching::said(&query.filter));
        match format {
            Format::Rows(rows) => {
                app.note(&caller, deed).await?;
                let app = Arc::clone(&app);
                tokio::task::spawn_blocking(move || {
                    run(
                        &app,
                        rows,
                        &reading,
                        (query, complete_through),
                        sender,
                        place,
                    );
                });
            }
            Format::Bundle => {
                let verified = app.reading(&caller, Permission::Verify)?;
                let evidence = Evidence::find(&app, reading, &verified, query.filter).await?;
                app.note(&caller, deed).await?;
                let app = Arc::clone(&app);
                tokio::task::spawn_blocking(move || prove(&app, evidence, sender, place));
            }
        }
    }
    // What was begun under one reach is not gone on with under another.
    let unmask = caller.circumstances.unmask;
    let may = move |now: &Principal| match unmask {
        true => now.unmasked(Permission::Export) == reach,
        false => now.reach(Permission::Export) == reach,
    };
    let stopped = stream::stopped(Arc::clone(&app), caller.principal, may);
    let body = Until::new(ReceiverStream::new(receiver), stopped, Err(Broken));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(format.content_type()),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&name).expect("slugs and digits are ASCII"),
        ),
        (
            header::TRAILER,
            HeaderValue::from_static("x-audit-complete, x-audit-entries"),
        ),
    ];
    let mut response = (headers, Body::new(StreamBody::new(body))).into_response();
    if let Some(at) = complete_through {
        let at = HeaderValue::try_from(at.to_string()).expect("digits");
        response
            .headers_mut()
            .insert("x-audit-complete-through", at);
    }
    Ok(response)
}

/// A piece of the body; an error in it breaks the connection off.
type Chunk = Result<Frame<Bytes>, Broken>;

/// What is said of it is in the server's log.
#[derive(Debug, thiserror::Error)]
#[error("the export failed")]
pub struct Broken;

/// Chunks made ahead of a slow reader.
const CHUNKS_WAITING_MAX: usize = 4;
/// Large enough that handing over costs nothing, small enough that eight exports are nothing.
const CHUNK_BYTES: usize = 128 * 1024;

/// Entries read ahead of the writer, in batches.
const BATCH_ENTRIES: usize = 256;
const BATCHES_WAITING_MAX: usize = 4;

/// Only slugs, digits and the extension: nothing a caller could smuggle into a header or a file system.
fn file_name(query: &ExportQuery, now: Timestamp) -> String {
    let scope = match query.filter.organizations().as_deref() {
        Some([one]) => one.to_string(),
        _ => "all".to_owned(),
    };
    let time: String = now.to_string()[..19]
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .collect();
    format!(
        "attachment; filename=\"audit-logs-{scope}-{time}Z.{}\"",
        query.format.extension()
    )
}

fn run(
    app: &App,
    format: Rows,
    reading: &Reading,
    (query, complete_through): (ExportQuery, Option<Timestamp>),
    sender: Sender<Chunk>,
    place: OwnedSemaphorePermit,
) {
    let mut file = File {
        format,
        out: Vec::with_capacity(CHUNK_BYTES + 8192),
        entries: 0,
        complete_through,
        sender,
    };
    let ended = file.write_all(reading, query);
    ends(app, file.entries, ended, &file.sender);
    drop(place);
}

fn prove(app: &App, evidence: Evidence, sender: Sender<Chunk>, place: OwnedSemaphorePermit) {
    let (entries, ended) = evidence.write(app, &sender);
    ends(app, entries, ended, &sender);
    drop(place);
}

/// Counts and logs how an export ended, and breaks off what is not whole.
fn ends(app: &App, entries: u64, ended: Result<(), Cut>, sender: &Sender<Chunk>) {
    app.metrics.exported_entries.inc_by(entries);
    let Err(cut) = ended else { return };
    app.metrics.exports_cut.inc();
    match cut {
        Cut::HungUp => tracing::info!(entries, "an export was given up by its reader"),
        Cut::Failed(error) => {
            tracing::error!(error, entries, "an export was cut");
            // A reader that left already does not hear it.
            drop(sender.blocking_send(Err(Broken)));
        }
    }
}

/// Entries by the batch: handing over one at a time costs more than reading it. A batch is cut short by large entries, so that
/// what waits is bounded in bytes too.
fn read_batches(mut scan: Shown, batches: &SyncSender<Result<Vec<Entry>, store::Error>>) {
    loop {
        let mut batch = Vec::with_capacity(BATCH_ENTRIES);
        let mut heavy = 0;
        let failed = loop {
            match scan.next() {
                Some(Ok(entry)) => {
                    heavy += entry.text_bytes();
                    batch.push(entry);
                    if batch.len() == BATCH_ENTRIES || heavy > 4 * CHUNK_BYTES {
                        break None;
                    }
                }
                Some(Err(error)) => break Some(Err(error)),
                None if batch.is_empty() => return,
                None => break None,
            }
        };
        // A writer that is gone has no use for the rest.
        if batches.send(Ok(batch)).is_err() {
            return;
        }
        if let Some(failed) = failed {
            drop(batches.send(failed));
            return;
        }
    }
}

/// Why an export ended early.
enum Cut {
    HungUp,
    Failed(String),
}

/// A file on its way out.
struct File {
    format: Rows,
    out: Vec<u8>,
    entries: u64,
    complete_through: Option<Timestamp>,
    sender: Sender<Chunk>,
}

impl File {
    fn write_all(&mut self, reading: &Reading, query: ExportQuery) -> Result<(), Cut> {
        let state = reading.as_of(&query.filter);
        let state = state.map_err(|error| Cut::Failed(error.to_string()))?;
        match self.format {
            Rows::Csv(_) => self.out.extend_from_slice(csv::HEADER),
            Rows::Json => self.out.extend_from_slice(b"{\"entries\":["),
            Rows::Ndjson => {}
        }
        let scan = reading.scan(&PageQuery {
            filter: query.filter,
            order: query.order,
            direction: query.direction,
            limit: usize::MAX,
            after: None,
            as_of: reading.untold_state(),
        });
        self.write_each(scan)?;
        self.finish(state)
    }

    /// Reading and writing by one thread each: unpacking and parsing an entry costs about as much as writing its row.
    fn write_each(&mut self, scan: Shown) -> Result<(), Cut> {
        std::thread::scope(|scope| {
            let (batches, read) = sync_channel(BATCHES_WAITING_MAX);
            scope.spawn(move || read_batches(scan, &batches));
            for batch in read {
                for entry in batch.map_err(|error| Cut::Failed(error.to_string()))? {
                    self.write(&entry);
                }
                if self.out.len() >= CHUNK_BYTES {
                    self.hand_over()?;
                }
            }
            Ok(())
        })
    }

    fn write(&mut self, entry: &Entry) {
        match self.format {
            Rows::Csv(guard) => csv::write(entry, guard, &mut self.out),
            Rows::Ndjson => {
                entry.write_wire(&mut self.out);
                self.out.push(b'\n');
            }
            Rows::Json => {
                self.out
                    .extend_from_slice(if self.entries == 0 { b"\n" } else { b",\n" });
                entry.write_wire(&mut self.out);
            }
        }
        self.entries += 1;
    }

    fn hand_over(&mut self) -> Result<(), Cut> {
        let full = std::mem::replace(&mut self.out, Vec::with_capacity(CHUNK_BYTES + 8192));
        self.send(Frame::data(full.into()))
    }

    fn send(&self, frame: Frame<Bytes>) -> Result<(), Cut> {
        self.sender
            .blocking_send(Ok(frame))
            .map_err(|_| Cut::HungUp)
    }

    fn finish(&mut self, as_of: Option<u64>) -> Result<(), Cut> {
        let (entries, state) = (
            self.entries,
            as_of.map_or("null".to_owned(), |seq| seq.to_string()),
        );
        let through = self.complete_through;
        let through = through.map(|at| format!(",\"complete_through\":\"{at}\""));
        let through = through.unwrap_or_default();
        let last = match self.format {
            Rows::Csv(_) => Ok(()),
            Rows::Ndjson => writeln!(
                self.out,
                "{{\"complete\":true,\"entries\":{entries},\"as_of\":{state}{through}}}"
            ),
            Rows::Json => writeln!(
                self.out,
                "\n],\"as_of\":{state}{through},\"complete\":true,\"count\":{entries}}}"
            ),
        };
        last.expect("memory is written");
        self.hand_over()?;
        let mut trailers = HeaderMap::new();
        trailers.insert("x-audit-complete", HeaderValue::from_static("true"));
        trailers.insert("x-audit-entries", HeaderValue::from(entries));
        self.send(Frame::trailers(trailers))
    }
}
