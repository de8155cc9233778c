//! `mar-audit bench`: what the product does on this machine, measured from outside, over HTTP.
//!
//! The server is this same binary as a process of its own on a directory of its own; its CPU time and memory are the
//! kernel's figures for that process. The data is the reference [`workload`], so that two runs differ by machine alone.
//!
//! - [`workload`]: the entries
//! - `server`: the process under measurement
//! - `bundle`: what an outsider's check takes
//! - `ingest`, `query`, `export`, `proof`, `start`, `sources`: what is measured
//! - `latency`: percentiles, and what one fsync costs here
//! - `report`: the table in `docs/performance.md`

mod bundle;
mod export;
mod ingest;
mod latency;
mod proof;
mod query;
mod report;
mod server;
mod sources;
mod start;
pub mod workload;

use clap::{Args, Subcommand, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};
use workload::{Logs, Workload};

/// What a figure is called, the bar it is held to (empty: none), and how it came out.
#[derive(Clone, Debug)]
struct Figure {
    what: String,
    bar: &'static str,
    shown: String,
}

fn figure(what: impl Into<String>, bar: &'static str, shown: impl Into<String>) -> Figure {
    let figure = Figure {
        what: what.into(),
        bar,
        shown: shown.into(),
    };
    let bar = if figure.bar.is_empty() {
        String::new()
    } else {
        format!("   (bar: {})", figure.bar)
    };
    eprintln!("  {}: {}{bar}", figure.what, figure.shown);
    figure
}

/// What stopped a measurement.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("{path}: {source}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} is not empty; measure in a directory of its own")]
    NotEmpty { path: PathBuf },
    #[error("the server under measurement {0}")]
    Server(String),
    #[error("call {url}: {source}")]
    Call {
        url: String,
        source: Box<ureq::Error>,
    },
    #[error("{url} answered {status}: {body}")]
    Answer {
        url: String,
        status: u16,
        body: String,
    },
    #[error("evidence: {0}")]
    Evidence(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Failed {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Failed::File { path, source }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the reference workload as NDJSON to standard output.
    Generate {
        /// Entries of the whole workload: the 90 days are spread over them.
        #[arg(long)]
        entries: u64,
        /// The first entry to write.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// How many to write; all by default.
        #[arg(long)]
        count: Option<u64>,
        #[arg(long, value_enum, default_value_t = Spread::PerOrganization)]
        logs: Spread,
    },
    /// Measure durable ingest over HTTP, single posts, disk and memory.
    Ingest(Measured),
    /// Measure the queries of the page on a directory that `bench ingest` filled.
    Query(Measured),
    /// Measure a full CSV export of a directory that `bench ingest` filled.
    Export(Measured),
    /// Measure proofs, and a bundle of the largest log, on a directory that `bench ingest` filled.
    Proof(Measured),
    /// Measure what other systems send: the workload in the words of each protocol, to a directory of its own each.
    Sources(Measured),
    /// Write the whole workload as an evidence bundle, and measure `verify bundle` on it.
    Bundle {
        #[arg(long, default_value_t = 1_000_000)]
        entries: u64,
        /// The bundle to write.
        #[arg(long, default_value = "bench.maraudit")]
        out: PathBuf,
    },
    /// Measure everything at one or more sizes and write the report.
    All {
        #[command(flatten)]
        measured: Measured,
        /// Further sizes to measure, largest last.
        #[arg(long, value_delimiter = ',')]
        then: Vec<u64>,
        /// The Markdown file whose measured part is replaced.
        #[arg(long)]
        report: PathBuf,
    },
}

/// The common flags of what is measured.
#[derive(Clone, Debug, Args)]
pub struct Measured {
    /// Entries of the workload.
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,
    /// Where the data lies: a directory per size is made in it.
    #[arg(long, default_value = "data-bench")]
    data: PathBuf,
    /// Clients that post at the same time.
    #[arg(long, default_value_t = 4)]
    clients: u64,
    /// Entries of one posted batch.
    #[arg(long, default_value_t = 1_000)]
    batch: u64,
    /// Calls per question, each with another value where there are that many.
    #[arg(long, default_value_t = 200)]
    calls: u64,
    #[arg(long, value_enum, default_value_t = Spread::PerOrganization)]
    logs: Spread,
}

/// How the entries are spread over logs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Spread {
    /// Fifty organizations, one log each.
    PerOrganization,
    /// One organization.
    One,
}

impl From<Spread> for Logs {
    fn from(spread: Spread) -> Self {
        match spread {
            Spread::PerOrganization => Logs::PerOrganization,
            Spread::One => Logs::One,
        }
    }
}

impl Measured {
    fn workload(&self) -> Workload {
        Workload::new(self.entries, self.logs.into())
    }

    /// The directory of this size.
    fn dir(&self) -> PathBuf {
        self.data.join(self.entries.to_string())
    }
}

/// Runs one command; figures go to standard error as they come.
pub fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Generate {
            entries,
            first,
            count,
            logs,
        } => {
            let workload = Workload::new(entries, logs.into());
            generate(&workload, first, count.unwrap_or(entries))
        }
        Command::Ingest(measured) => ingest::measure(&measured).map(drop),
        Command::Query(measured) => query::measure(&measured).map(drop),
        Command::Export(measured) => export::measure(&measured).map(drop),
        Command::Proof(measured) => proof::measure(&measured).map(drop),
        Command::Sources(measured) => sources::measure(&measured).map(drop),
        Command::Bundle { entries, out } => {
            bundle::measure(&Workload::new(entries, Logs::One), &out).map(drop)
        }
        Command::All {
            measured,
            then,
            report,
        } => {
            let mut columns = Vec::new();
            for entries in [vec![measured.entries], then].concat() {
                let measured = Measured {
                    entries,
                    ..measured.clone()
                };
                eprintln!("{entries} entries");
                let mut figures = ingest::measure(&measured)?;
                figures.extend(query::measure(&measured)?);
                figures.extend(export::measure(&measured)?);
                figures.extend(proof::measure(&measured)?);
                figures.extend(start::measure(&measured)?);
                columns.push((entries, figures));
                report::write(&report, &measured, &columns)?;
            }
            Ok(())
        }
    }
}

fn generate(workload: &Workload, first: u64, count: u64) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    let end = first.saturating_add(count).min(workload.entries);
    let mut at = first;
    while at < end {
        let next = (at + 1_000).min(end);
        match out.write_all(&workload.ndjson(at..next)) {
            // Whoever reads has enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            done => done?,
        }
        at = next;
    }
    Ok(out.flush()?)
}
