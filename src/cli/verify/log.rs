//! `verify log`: a log that a server gives out or that lies in a directory, against what was accepted of it before.

use super::{Ended, Trusted, Vouching, print_document, print_line};
use crate::cli::{Context, Failure, Output, password};
use crate::client::Authorities;
use crate::verify::log::{self, Depth, Failed};
use crate::verify::remote::{Remote, same_server};
use crate::verify::stored::{self, Stored};
use crate::verify::{Error, Log, Refusal, Step, Trust, Verdict, remembered};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use proof::checkpoint::SignedCheckpoint;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use store::stopped::{Stopped, StoppedLog};

#[derive(Args, Debug)]
pub struct Arguments {
    /// The log's address, such as https://audit.example/v1/logs/acme; or the data directory of a stopped server, or one log's
    /// directory in it
    #[arg(value_name = "URL|DIR")]
    log: String,
    #[command(flatten)]
    trusted: Trusted,
    /// Remembers the last checkpoint accepted in this file, and demands that the log continues it
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Read every tile and every leaf, not only what ties the newest entry to the root; of a directory, hash every stored
    /// value
    #[arg(long)]
    full: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context, output: Output) -> Result<(), Ended> {
    let trust = arguments.trusted.read()?;
    let state = arguments.state.as_deref();
    let address = &arguments.log;
    let is_of_server = address.starts_with("http://") || address.starts_with("https://");
    if is_of_server {
        let token = token(address, context)?;
        let authorities = context.authorities()?;
        let shown = of_server(arguments, token, &authorities, &trust)
            .map_err(|e| with_evidence(e, state))?;
        remember(&shown, state)?;
        return show_one(&Document::of(&shown, arguments.full), output);
    }
    let (data, name) = stored::data_directory(Path::new(address));
    let directory = stored::open(&data)?;
    let chosen = chosen(&directory, name.as_deref(), &trust)?;
    if state.is_some() && chosen.len() > 1 {
        return Err(Failure::failed(
            "--state remembers one log: name its directory, DIR/logs/<organization>",
        )
        .into());
    }
    let mut documents = Vec::new();
    for log in chosen {
        let shown = of_directory(arguments, log, &trust).map_err(|e| with_evidence(e, state))?;
        remember(&shown.log, state)?;
        documents.push(Document::of_stored(&shown, arguments.full));
    }
    match (name, documents.as_slice()) {
        (Some(_), [document]) => show_one(document, output),
        _ => show_all(documents, output),
    }
}

fn remember(shown: &Log<'_>, state: Option<&Path>) -> Result<(), Error> {
    state.map_or(Ok(()), |state| remembered::replace(state, &shown.note))
}

/// The logs of a directory that are verified: the one that is named, or all that the key or policy knows.
fn chosen<'s>(
    directory: &'s Stopped,
    name: Option<&str>,
    trust: &Trust,
) -> Result<Vec<&'s StoppedLog>, Ended> {
    let named = directory
        .logs
        .iter()
        .filter(|log| name.is_none_or(|name| log.organization.as_str() == name));
    let named: Vec<&StoppedLog> = named.collect();
    if let (Some(name), true) = (name, named.is_empty()) {
        return Err(Failure::failed(format!("there is no log `{name}`")).into());
    }
    let known = |log: &&StoppedLog| {
        let origin = stored::origin(log);
        let mut keys = trust.policy().logs().iter();
        keys.any(|key| Some(key.name().as_str()) == origin)
    };
    let (chosen, others): (Vec<&StoppedLog>, Vec<&StoppedLog>) = named.into_iter().partition(known);
    if name.is_some() && chosen.is_empty() {
        // Said by the verification itself, with the origin that is not known.
        return Ok(others);
    }
    let names = |logs: &[&StoppedLog]| {
        let names: Vec<&str> = logs.iter().map(|log| log.organization.as_str()).collect();
        names.join(", ")
    };
    if chosen.is_empty() {
        let what = match others.is_empty() {
            true => "there is no log in the directory".to_owned(),
            false => format!(
                "the key or policy knows none of the logs: {}",
                names(&others)
            ),
        };
        return Err(Refusal::new(Step::Signatures, Verdict::PolicyUnmet, what).into());
    }
    if !others.is_empty() {
        crate::terminal::say(format_args!(
            "not verified, since the key or policy does not know them: {}",
            names(&others)
        ));
    }
    Ok(chosen)
}

fn of_directory<'t>(
    arguments: &Arguments,
    log: &StoppedLog,
    trust: &'t Trust,
) -> Result<Stored<'t>, Failed> {
    let before = before(arguments)?;
    let depth = arguments.depth();
    let progress = progress_bar(depth);
    let mut leaf_read = |read, size: proof::Size| {
        progress.set_length(size.get());
        progress.set_position(read);
    };
    let shown = stored::verify(log, trust, before.as_ref(), depth, &mut leaf_read);
    progress.finish_and_clear();
    shown
}

fn show_one(document: &Document, output: Output) -> Result<(), Ended> {
    if output == Output::Table {
        print(document).map_err(Failure::from)?;
    } else {
        print_document(document, output)?;
    }
    Ok(())
}

/// What was shown of a whole data directory.
#[derive(Serialize)]
struct Documents {
    verified: bool,
    logs: Vec<Document>,
}

fn show_all(logs: Vec<Document>, output: Output) -> Result<(), Ended> {
    if output != Output::Table {
        let documents = Documents {
            verified: true,
            logs,
        };
        return Ok(print_document(&documents, output)?);
    }
    for (at, document) in logs.iter().enumerate() {
        if at > 0 {
            writeln!(io::stdout()).map_err(Failure::from)?;
        }
        print(document).map_err(Failure::from)?;
    }
    Ok(())
}

impl Arguments {
    fn depth(&self) -> Depth {
        if self.full { Depth::Full } else { Depth::Edge }
    }
}

/// The checkpoint that was accepted before.
fn before(arguments: &Arguments) -> Result<Option<SignedCheckpoint>, Error> {
    let before = arguments.state.as_deref().map(remembered::read);
    Ok(before.transpose()?.flatten())
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
    authorities: &Authorities,
    trust: &'t Trust,
) -> Result<Log<'t>, Failed> {
    let remote = Remote::new(&arguments.log, token, authorities)?;
    let before = before(arguments)?;
    let depth = arguments.depth();
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
    if context.common.sign_in.is_some() {
        return Err(Failure::failed(
            "--sign-in does not go with this: what verifies a log shows a token, or nothing",
        ));
    }
    password::token(config.token.as_deref().filter(|_| meant))
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
    /// Of a directory: entries that no checkpoint covers yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsigned: Option<u64>,
    /// Of a directory, in full: older checkpoints that are stored and of the same tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    older_checkpoints: Option<usize>,
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
            unsigned: None,
            older_checkpoints: None,
        }
    }

    fn of_stored(shown: &Stored<'_>, full: bool) -> Self {
        Self {
            unsigned: Some(shown.unsigned),
            older_checkpoints: full.then_some(shown.checkpoints),
            ..Self::of(&shown.log, full)
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
    if let Some(unsigned) = shown.unsigned {
        let unsigned = format!("{unsigned} entries that no checkpoint covers yet");
        print_line(&mut out, "Unsigned", &unsigned)?;
    }
    if let Some(checkpoints) = shown.older_checkpoints {
        let checkpoints = format!("{checkpoints} older checkpoints of the same tree");
        print_line(&mut out, "Agree", &checkpoints)?;
    }
    out.flush()
}
