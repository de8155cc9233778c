//! `verify log`: a log that a server gives out, against what was accepted of it before.

use super::{Ended, Trusted, Vouching, print_document, print_line};
use crate::cli::{Context, Failure, Output};
use crate::verify::log::{self, Depth, Failed};
use crate::verify::remote::{Remote, same_server};
use crate::verify::{Log, Trust, remembered};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub struct Arguments {
    /// The log's address, such as https://audit.example/v1/logs/acme
    log: String,
    #[command(flatten)]
    trusted: Trusted,
    /// Remembers the last checkpoint accepted in this file, and demands that the log continues it
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Read every tile and every leaf, not only what ties the newest entry to the root
    #[arg(long)]
    full: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context, output: Output) -> Result<(), Ended> {
    let trust = arguments.trusted.read()?;
    let state = arguments.state.as_deref();
    let token = token(&arguments.log, context)?;
    let shown = match of_server(arguments, token, &trust) {
        Ok(shown) => shown,
        Err(failed) => return Err(with_evidence(failed, state)),
    };
    if let Some(state) = state {
        remembered::replace(state, &shown.note)?;
    }
    let document = Document::of(&shown, arguments.full);
    if output == Output::Table {
        print(&document).map_err(Failure::from)?;
    } else {
        print_document(&document, output)?;
    }
    Ok(())
}

/// Two notes that contradict each other are kept, so that they can be shown to others.
fn with_evidence(failed: Failed, state: Option<&Path>) -> Ended {
    if let (Some(note), Some(state)) = (failed.contradicts, state) {
        match remembered::keep_beside(state, &note) {
            Ok(beside) => crate::terminal::say(format_args!(
                "mar-audit: the evidence: {} and {}",
                crate::terminal::visible(&state.display().to_string()),
                crate::terminal::visible(&beside.display().to_string()),
            )),
            // What was found matters more than that it could not be kept.
            Err(error) => crate::terminal::say(format_args!(
                "mar-audit: the evidence could not be kept: {}",
                crate::terminal::visible(&error.to_string()),
            )),
        }
    }
    failed.error.into()
}

fn of_server<'t>(
    arguments: &Arguments,
    token: Option<String>,
    trust: &'t Trust,
) -> Result<Log<'t>, Failed> {
    let remote = Remote::new(&arguments.log, token)?;
    let before = arguments.state.as_deref().map(remembered::read);
    let before = before.transpose()?.flatten();
    let depth = if arguments.full {
        Depth::Full
    } else {
        Depth::Edge
    };
    let progress = progress_bar(depth);
    let shown = remote.with(|evidence| {
        let mut leaf_read = |read, size: proof::Size| {
            progress.set_length(size.get());
            progress.set_position(read);
        };
        log::verify(evidence, trust, before.as_ref(), depth, &mut leaf_read)
    });
    progress.finish_and_clear();
    shown
}

/// The token of the settings goes to the server of the settings and to no other; one given on the command line goes along.
fn token(address: &str, context: &Context) -> Result<Option<String>, Failure> {
    let config = context.layers(Vec::new())?.check()?;
    let meant = context.common.token.is_some() || same_server(address, &config.server);
    Ok(config.token.filter(|_| meant))
}

fn progress_bar(depth: Depth) -> ProgressBar {
    if depth == Depth::Edge || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} leaves, {eta}")
        .expect("a good template");
    ProgressBar::no_length().with_style(style)
}

/// What was shown to be true.
#[derive(Serialize)]
struct Document {
    verified: bool,
    origin: String,
    size: u64,
    root: String,
    #[serde(flatten)]
    vouching: Vouching,
    /// The size that was accepted before and is continued.
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_received_at: Option<String>,
    /// Whether every leaf was read.
    full: bool,
}

impl Document {
    fn of(shown: &Log<'_>, full: bool) -> Self {
        Self {
            verified: true,
            origin: shown.origin.clone(),
            size: shown.tree.size.get(),
            root: shown.tree.root.to_string(),
            vouching: Vouching::of(&shown.accepted),
            continues: shown.before.map(|before| before.size.get()),
            newest_received_at: shown.newest.map(|at| at.to_string()),
            full,
        }
    }
}

fn print(shown: &Document) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let what = if shown.full {
        "verified: the checkpoint is signed, and every leaf is in its tree"
    } else {
        "verified: the checkpoint is signed, and its newest entry is in its tree"
    };
    writeln!(out, "{what}")?;
    print_line(&mut out, "Log", &shown.origin)?;
    for (name, value) in shown.vouching.lines() {
        print_line(&mut out, name, &value)?;
    }
    print_line(&mut out, "Size", &format!("{} entries", shown.size))?;
    print_line(&mut out, "Root", &shown.root)?;
    match shown.continues {
        Some(size) => {
            let before = format!("the {size} entries that were accepted before");
            print_line(&mut out, "Continues", &before)?;
        }
        None => print_line(
            &mut out,
            "Continues",
            "nothing that was remembered (--state FILE)",
        )?,
    }
    if let Some(newest) = &shown.newest_received_at {
        let newest = format!("{newest} by the log's clock");
        print_line(&mut out, "Newest", &newest)?;
    }
    out.flush()
}
