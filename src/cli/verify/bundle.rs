//! `verify bundle`: an evidence bundle, and what it shows as a file once all of it has held.

use super::{Ended, Trusted, Vouching, print_document, print_line};
use crate::cli::export::part_of;
use crate::cli::{Failure, Output};
use crate::verify::bundle::{self, Options, TakeEntries};
use crate::verify::{Bundle, Error, Trust};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub struct Arguments {
    /// The .maraudit file, `-` for stdin
    file: PathBuf,
    #[command(flatten)]
    trusted: Trusted,
    /// Write the entries that are shown to this file, a line of JSON each; it appears once all is verified
    #[arg(long, value_name = "FILE")]
    entries: Option<PathBuf>,
    /// List the places of entries that are not shown
    #[arg(long)]
    list_withheld: bool,
}

pub(super) fn run(arguments: &Arguments, output: Output) -> Result<(), Ended> {
    let trust = arguments.trusted.read()?;
    let shown = match &arguments.entries {
        None => verify(arguments, &trust, None)?,
        Some(out) => {
            let part = part_of(out);
            let written = verify_and_write(arguments, &trust, &part, out);
            if written.is_err()
                && let Err(e) = std::fs::remove_file(&part)
            {
                tracing::debug!(error = %e, "the unfinished file stays");
            }
            written?
        }
    };
    let document = Document::of(&shown, arguments.list_withheld);
    if output == Output::Table {
        print(&document).map_err(Failure::from)?;
    } else {
        print_document(&document, output)?;
    }
    Ok(())
}

/// What is written before all is verified has a name nobody takes for the file.
fn verify_and_write<'t>(
    arguments: &Arguments,
    trust: &'t Trust,
    part: &Path,
    out: &Path,
) -> Result<Bundle<'t>, Ended> {
    let failed = |e: io::Error| Failure::file(part, &e);
    let mut file = BufWriter::new(File::create(part).map_err(failed)?);
    let shown = verify(
        arguments,
        trust,
        Some(&mut |entries| file.write_all(entries)),
    )?;
    let file = file.into_inner().map_err(|e| failed(e.into_error()))?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(part, out).map_err(|e| Failure::file(out, &e))?;
    Ok(shown)
}

fn verify<'t>(
    arguments: &Arguments,
    trust: &'t Trust,
    entries: Option<TakeEntries<'_>>,
) -> Result<Bundle<'t>, Error> {
    let options = Options {
        threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        list_withheld: arguments.list_withheld,
        entries,
    };
    let file = &arguments.file;
    let progress = progress_bar();
    let done = if file == Path::new("-") {
        bundle::verify_once(progress.wrap_read(io::stdin()), trust, options)
    } else {
        let open = || {
            let file = File::open(file)?;
            progress.set_length(file.metadata()?.len());
            progress.set_position(0);
            Ok(progress.wrap_read(file))
        };
        bundle::verify(open, trust, options)
    };
    progress.finish_and_clear();
    done.map_err(|stopped| stopped.named(&file.display().to_string(), "the entries"))
}

fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta}")
        .expect("a good template");
    ProgressBar::no_length().with_style(style)
}

/// What was shown to be true.
#[derive(Serialize)]
struct Document {
    verified: bool,
    origin: String,
    first: u64,
    end: u64,
    size: u64,
    root: String,
    #[serde(flatten)]
    vouching: Vouching,
    /// Entries that are shown, entries that are not, and erased members of those that are.
    shown: u64,
    withheld: u64,
    erased: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_received_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld_at: Option<Vec<Run>>,
    /// What the bundle says of itself and nobody can check.
    says: Says,
}

/// Neighbouring places, the last not included.
#[derive(Serialize)]
struct Run {
    first: u64,
    end: u64,
}

#[derive(Serialize)]
struct Says {
    made_at: String,
    filter: String,
}

impl Document {
    fn of(shown: &Bundle<'_>, list_withheld: bool) -> Self {
        let runs = shown.withheld_at.iter().map(|range| Run {
            first: range.start,
            end: range.end,
        });
        Self {
            verified: true,
            origin: shown.about.origin.clone(),
            first: shown.about.first.0,
            end: shown.about.end.0,
            size: shown.tree.size.get(),
            root: shown.tree.root.to_string(),
            vouching: Vouching::of(&shown.accepted),
            shown: shown.open,
            withheld: shown.withheld,
            erased: shown.erased,
            newest_received_at: shown.newest.map(|at| at.to_string()),
            withheld_at: list_withheld.then(|| runs.collect()),
            says: Says {
                made_at: shown.about.made_at.to_string(),
                filter: shown.about.filter.clone(),
            },
        }
    }
}

fn print(shown: &Document) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "verified: each entry is in the log at its place, and none between the first and the last is missing"
    )?;
    print_line(&mut out, "Log", &shown.origin)?;
    for (name, value) in shown.vouching.lines() {
        print_line(&mut out, name, &value)?;
    }
    let range = format!(
        "{}, of {} entries",
        places(shown.first, shown.end),
        shown.size
    );
    print_line(&mut out, "Seq", &range)?;
    print_line(&mut out, "Root", &shown.root)?;
    print_line(&mut out, "Shown", &shown.shown.to_string())?;
    print_line(&mut out, "Withheld", &shown.withheld.to_string())?;
    print_line(
        &mut out,
        "Erased",
        &format!("{} members of those shown", shown.erased),
    )?;
    if let Some(newest) = &shown.newest_received_at {
        let newest = format!("{newest} by the log's clock");
        print_line(&mut out, "Newest", &newest)?;
    }
    print_line(&mut out, "Says filter", &shown.says.filter)?;
    print_line(&mut out, "Says made at", &shown.says.made_at)?;
    for run in shown.withheld_at.iter().flatten() {
        print_line(&mut out, "Withheld at", &places(run.first, run.end))?;
    }
    out.flush()
}

/// For people: the last one is included.
fn places(first: u64, end: u64) -> String {
    match end.saturating_sub(first) {
        0 => "none".to_owned(),
        1 => first.to_string(),
        _ => format!("{first} to {}", end - 1),
    }
}
