//! `verify proof`: one entry's proof file.

use super::{Ended, Trusted, Vouching, bounded, print_document, print_line};
use crate::cli::{Failure, Output};
use crate::terminal;
use crate::verify::{Inclusion, inclusion, together};
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The .tlog-proof file, `-` for stdin
    file: PathBuf,
    #[command(flatten)]
    trusted: Trusted,
    /// Show the entry's personal values too; without it only their paths, so that a build's log holds none
    #[arg(long)]
    reveal: bool,
}

pub(super) fn run(arguments: &Arguments, output: Output) -> Result<(), Ended> {
    let trust = arguments.trusted.read()?;
    let file = bounded(&arguments.file, inclusion::FILE_BYTES_MAX)?;
    let shown = Inclusion::verify(&file, &trust)?;
    let document = Document::of(&shown, arguments.reveal)?;
    if output == Output::Table {
        print(&document, arguments.reveal).map_err(Failure::from)?;
    } else {
        print_document(&document, output)?;
    }
    Ok(())
}

/// What was shown to be true.
#[derive(Serialize)]
struct Document {
    verified: bool,
    origin: String,
    seq: u64,
    size: u64,
    root: String,
    id: String,
    received_at: String,
    #[serde(flatten)]
    vouching: Vouching,
    /// Paths of personal members that are open.
    open: Vec<String>,
    /// Paths of members that were erased; told by the log, not proven.
    erased: Vec<String>,
    /// With `--reveal` the entry, without it the part that is not personal.
    entry: Box<RawValue>,
}

impl Document {
    fn of(shown: &Inclusion<'_>, reveal: bool) -> Result<Self, Ended> {
        let disclosure = &shown.disclosure;
        let entry = if reveal {
            shown.entry.clone()
        } else {
            together::impersonal(disclosure, shown.seq)?
        };
        Ok(Self {
            verified: true,
            origin: shown.origin.clone(),
            seq: shown.seq.0,
            size: shown.tree.size.get(),
            root: shown.tree.root.to_string(),
            id: disclosure.id().to_string(),
            received_at: disclosure.received_at().to_string(),
            vouching: Vouching::of(&shown.accepted),
            open: together::open_paths(disclosure)
                .map(str::to_owned)
                .collect(),
            erased: together::erased_paths(disclosure)
                .map(str::to_owned)
                .collect(),
            entry: RawValue::from_string(entry).map_err(|e| Failure::from(io::Error::from(e)))?,
        })
    }
}

fn print(shown: &Document, reveal: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "verified: this entry is in the log, and is what was logged"
    )?;
    print_line(&mut out, "Log", &shown.origin)?;
    for (name, value) in shown.vouching.lines() {
        print_line(&mut out, name, &value)?;
    }
    let place = format!("{} of {} entries", shown.seq, shown.size);
    print_line(&mut out, "Seq", &place)?;
    print_line(&mut out, "Root", &shown.root)?;
    print_line(&mut out, "Entry ID", &shown.id)?;
    let received = format!("{} by the log's clock", shown.received_at);
    print_line(&mut out, "Received", &received)?;
    for path in &shown.erased {
        print_line(&mut out, "Erased", path)?;
    }
    if !reveal {
        for path in &shown.open {
            print_line(
                &mut out,
                "Not shown",
                &format!("{path} (--reveal shows it)"),
            )?;
        }
    }
    writeln!(out, "Entry")?;
    for line in terminal::visible_json(&terminal::pretty(shown.entry.get())).lines() {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}
