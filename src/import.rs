//! `import`: files of audit data, mapped to drafts and sent to a server.
//!
//! In reading order:
//! - this file: inputs, counts, the report
//! - [`input`]: files and standard input, and a first look at them
//! - [`follow`]: a file that grows
//! - [`send`], [`refused`]: what is stored, and what is kept beside
//!
//! What the formats mean is told by the crate `sources`.
//!
//! Nothing is lost: what no field of an entry holds stays in its context, and what becomes no entry is counted or kept.
//! Importing the same data again stores nothing twice, because identities come from the data.

mod follow;
mod input;
pub mod refused;
pub mod send;

use crate::cli::{Context, Exit, Failure, Output};
use crate::client::{self, Client};
use crate::terminal;
use clap::Args;
use clap::builder::PossibleValuesParser;
use entry::Organization;
use indicatif::{ProgressBar, ProgressStyle};
use input::Inputs;
use refused::Refused;
use send::{Batch, Receipt};
use sources::foreign::{Choice, Claims, Fate, Item, Mapper};
use sources::formats::{self, Formats, Recognised};
use sources::redact::Redaction;
use sources::scan::{Piece, Scanner};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The format [default: told by the first items]
    #[arg(long, value_parser = PossibleValuesParser::new(formats::names()))]
    format: Option<String>,
    /// A mapping of your own, a TOML file: docs/mappings.md
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    mapping: Option<PathBuf>,
    /// Files, plain, .gz or .zst; `-` for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A rule of redaction that is not wanted, or `all`; docs/import.md has the list
    #[arg(long, value_name = "RULE")]
    no_redact: Vec<String>,
    /// A member's name whose values are secret, besides those that are known
    #[arg(long, value_name = "NAME")]
    redact_key: Vec<String>,
    /// The organization it goes to, `from-source` for the account the data names [default: what entries say, else the server's]
    #[arg(long, value_name = "ORGANIZATION", value_parser = organization)]
    organization: Option<Choice>,
    /// `source.name` of the entries [default: the format]; tells one cluster's events from another's
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Print what would be sent as NDJSON, send nothing
    #[arg(long)]
    dry_run: bool,
    /// Where refused items are kept [default: beside each file, as FILE.refused.ndjson]
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// Go on with the file as it grows, through rotation, from where the last run ended, until SIGTERM
    #[arg(long, conflicts_with = "dry_run")]
    follow: bool,
    /// Where --follow keeps how far it is [default: beside the file, as FILE.position]
    #[arg(long, value_name = "FILE", requires = "follow")]
    state: Option<PathBuf>,
    /// How long to try again while the server cannot take entries
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
}

fn organization(text: &str) -> Result<Choice, String> {
    if text == "from-source" {
        return Ok(Choice::FromSource);
    }
    Organization::parse(text)
        .map(Choice::One)
        .ok_or_else(|| "a slug: a-z, 0-9, `.`, `_`, `-`, at most 63".to_owned())
}

/// What became of everything, over all inputs.
#[derive(Debug, Default)]
struct Counts {
    read: u64,
    accepted: u64,
    duplicates: u64,
    refused: u64,
    skipped: BTreeMap<&'static str, u64>,
    refused_files: Vec<PathBuf>,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let mut counts = Counts::default();
    if arguments.follow {
        let followed = follow::run(arguments, &context.client()?, &mut counts);
        report(&counts, false, context.common.output)?;
        return followed.map_err(|failure| advise(failure, &counts));
    }
    let mut inputs = Inputs::default();
    let mut mapper = mapper(arguments, &mut inputs)?;
    let imported = if arguments.dry_run {
        let mut road = Road::Print(io::BufWriter::new(io::stdout()));
        import_files(arguments, mapper.as_mut(), inputs, &mut road, &mut counts)
    } else {
        let client = context.client()?;
        // A wrong address is told at once; a server that goes away later is waited for.
        client.get("/healthz", &[], &[])?;
        send_files(arguments, mapper.as_mut(), inputs, &client, &mut counts)
    };
    report(&counts, arguments.dry_run, context.common.output)?;
    imported.map_err(|failure| advise(failure, &counts))?;
    if counts.refused > 0 {
        Err(Failure::quiet(Exit::ItemsRefused))
    } else {
        Ok(())
    }
}

/// The mapper that was asked for, or that the first items ask for.
fn mapper(arguments: &Arguments, inputs: &mut Inputs) -> Result<Box<dyn Mapper>, Failure> {
    let mut formats = Formats::built_in();
    let name = match format_named(arguments, &mut formats)? {
        Some(name) => name,
        None => recognised(arguments, &formats, inputs)?,
    };
    Ok(formats
        .mapper(&name, claims(arguments, &name)?)
        .expect("a format that was recognised, named from the list or added"))
}

/// The format that is named, or the mapping of one's own.
fn format_named(arguments: &Arguments, formats: &mut Formats) -> Result<Option<Box<str>>, Failure> {
    match (&arguments.mapping, &arguments.format) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))?;
            let file = path.display().to_string();
            formats.add(&file, &text).map_err(Failure::failed).map(Some)
        }
        (None, Some(name)) => Ok(Some(name.as_str().into())),
        (None, None) => Ok(None),
    }
}

fn claims(arguments: &Arguments, format: &str) -> Result<Claims, Failure> {
    Ok(Claims {
        source: arguments.source.as_deref().unwrap_or(format).into(),
        organization: arguments.organization.clone().unwrap_or(Choice::Unsaid),
        now: crate::clock::now(),
        redaction: redaction(arguments, format)?,
    })
}

/// What is kept out of the log. Our own format is taken as it is: what was exported is imported again, and a draft is its caller's.
fn redaction(arguments: &Arguments, format: &str) -> Result<Option<Arc<Redaction>>, Failure> {
    if format == "mar" || arguments.no_redact.iter().any(|rule| rule == "all") {
        return Ok(None);
    }
    let mut redaction = Redaction::default();
    for rule in &arguments.no_redact {
        redaction = redaction.without(rule).map_err(Failure::failed)?;
    }
    for name in &arguments.redact_key {
        redaction = redaction.with_name(name);
    }
    Ok(Some(Arc::new(redaction)))
}

/// The format of the first input that holds anything.
fn recognised(
    arguments: &Arguments,
    formats: &Formats,
    inputs: &mut Inputs,
) -> Result<Box<str>, Failure> {
    for file in &arguments.files {
        let sample = inputs.sample(file)?;
        if !sample.trim_ascii().is_empty() {
            return recognise(formats, &sample, file);
        }
    }
    // Nothing stands in any input, so nothing will be read, by any format.
    Ok("mar".into())
}

/// The format of the first items of a file.
fn recognise(formats: &Formats, sample: &[u8], file: &Path) -> Result<Box<str>, Failure> {
    match formats.recognise(sample) {
        Recognised::One(name) => {
            terminal::say(format_args!("format: {name}"));
            Ok(name)
        }
        Recognised::Several(names) => Err(Failure::failed(format!(
            "{}: its first items are read by several formats\n--format names one: {}",
            input::shown(file),
            names.join(", ")
        ))),
        Recognised::Unknown => {
            let mut all: Vec<&str> = formats.names().map(|(name, _)| name).collect();
            all.sort_unstable();
            Err(Failure::failed(format!(
                "{}: its first items are of no known format\n--format names one: {}\n--mapping reads one of your own",
                input::shown(file),
                all.join(", ")
            )))
        }
    }
}

/// What is stored stays stored, and is recognised.
fn advise(mut failure: Failure, counts: &Counts) -> Failure {
    if counts.accepted > 0
        && let Some(message) = &mut failure.message
    {
        message
            .push_str("\nrun it again: what is stored already is recognised and not stored twice");
    }
    failure
}

/// Where drafts go.
enum Road<'a> {
    Print(io::BufWriter<io::Stdout>),
    Send {
        batch: Batch,
        batches: &'a SyncSender<Batch>,
        receipts: &'a Receiver<Sent>,
        /// Batches without an answer.
        waiting: usize,
        /// A batch could not be sent: no other is.
        failed: bool,
    },
}

/// A batch and what became of it.
type Sent = (Batch, Result<Vec<Receipt>, client::Error>);

/// Maps on this thread and sends on another: one batch is on its way while the next is made.
fn send_files(
    arguments: &Arguments,
    mapper: &mut dyn Mapper,
    inputs: Inputs,
    client: &Client,
    counts: &mut Counts,
) -> Result<(), Failure> {
    let patience = Duration::from_secs(arguments.patience);
    let (batches, to_send) = sync_channel::<Batch>(1);
    let (sent, receipts) = sync_channel::<Sent>(4);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for batch in to_send {
                let outcome = batch.send(client, patience);
                let failed = outcome.is_err();
                if sent.send((batch, outcome)).is_err() || failed {
                    break;
                }
            }
        });
        let mut road = Road::Send {
            batch: Batch::default(),
            batches: &batches,
            receipts: &receipts,
            waiting: 0,
            failed: false,
        };
        let imported = import_files(arguments, mapper, inputs, &mut road, counts);
        drop(batches);
        imported
    })
}

fn import_files(
    arguments: &Arguments,
    mapper: &mut dyn Mapper,
    mut inputs: Inputs,
    road: &mut Road<'_>,
    counts: &mut Counts,
) -> Result<(), Failure> {
    let mut imported = Ok(());
    let mut refused = None;
    for file in &arguments.files {
        let path = arguments
            .refused
            .clone()
            .unwrap_or_else(|| refused_beside(file));
        // One file for all inputs if it was named.
        let mut kept = match refused.take() {
            Some(kept) if arguments.refused.is_some() => kept,
            _ => Refused::new(path, !arguments.dry_run),
        };
        let mut input = Import {
            mapper,
            road,
            counts,
            refused: &mut kept,
        };
        imported = input.file(file, &mut inputs);
        // What waits belongs to this input, so that its refusals are kept beside it.
        imported = imported.and(input.settle());
        input.close(arguments.refused.is_none())?;
        refused = Some(kept);
        if imported.is_err() {
            break;
        }
    }
    let mut kept = refused.unwrap_or_else(|| Refused::new(PathBuf::new(), false));
    let mut end = Import {
        mapper,
        road,
        counts,
        refused: &mut kept,
    };
    let ended = end.finish().and(end.settle());
    end.close(true)?;
    imported.and(ended)
}

/// `FILE.refused.ndjson`, `import.refused.ndjson` for stdin.
fn refused_beside(file: &Path) -> PathBuf {
    let mut name = if file == Path::new("-") {
        "import".into()
    } else {
        file.as_os_str().to_owned()
    };
    name.push(".refused.ndjson");
    name.into()
}

/// One input on its way.
struct Import<'i, 'r> {
    mapper: &'i mut dyn Mapper,
    road: &'i mut Road<'r>,
    counts: &'i mut Counts,
    refused: &'i mut Refused,
}

impl Import<'_, '_> {
    fn file(&mut self, file: &Path, inputs: &mut Inputs) -> Result<(), Failure> {
        let failed = |e| input::failed(file, &e);
        let progress = progress_bar();
        let (input, bytes) = inputs.open(file)?;
        progress.set_length(bytes);
        let input = input::decompressed(progress.wrap_read(input)).map_err(failed)?;
        let mut scanner = Scanner::new(input, self.mapper.layout());
        while let Some(piece) = scanner.next(self.refused).map_err(failed)? {
            self.counts.read += 1;
            match piece {
                Piece::Item { place, raw } => self.item(Item { place, raw }, scanner.header())?,
                Piece::Broken { place, raw, why } => self.refused.add(place, why, &raw)?,
                Piece::Spilled { place, bytes } => {
                    self.refused.add_spilled(
                        place,
                        &format!("{bytes} bytes, longer than an item may be"),
                    )?;
                }
            }
        }
        progress.finish_and_clear();
        Ok(())
    }

    fn item(&mut self, item: Item, header: &[u8]) -> Result<(), Failure> {
        let mut decided = Vec::new();
        self.mapper
            .take(item, header, &mut |item, fate| decided.push((item, fate)));
        decided
            .into_iter()
            .try_for_each(|(item, fate)| self.decided(item, fate))
    }

    /// What the mapper still holds: the inputs ended.
    fn finish(&mut self) -> Result<(), Failure> {
        let mut decided = Vec::new();
        self.mapper
            .finish(&mut |item, fate| decided.push((item, fate)));
        decided
            .into_iter()
            .try_for_each(|(item, fate)| self.decided(item, fate))
    }

    fn decided(&mut self, item: Item, fate: Fate) -> Result<(), Failure> {
        match fate {
            Fate::Skip(why) => {
                *self.counts.skipped.entry(why).or_default() += 1;
                Ok(())
            }
            Fate::Refuse(why) => self.refused.add(item.place, &why, &item.raw),
            Fate::Send(draft) => match self.road {
                Road::Print(out) => match draft.check() {
                    Ok(()) => {
                        let mut json = Vec::new();
                        draft.write_json(&mut json);
                        json.push(b'\n');
                        self.counts.accepted += 1;
                        Ok(out.write_all(&json)?)
                    }
                    Err(problems) => self
                        .refused
                        .add(item.place, &problems.to_string(), &item.raw),
                },
                Road::Send { batch, .. } => {
                    batch.push(item, &draft);
                    if batch.is_full() {
                        self.dispatch()
                    } else {
                        Ok(())
                    }
                }
            },
        }
    }

    /// Hands the batch over, and takes receipts of those before it.
    fn dispatch(&mut self) -> Result<(), Failure> {
        let Road::Send {
            batch,
            batches,
            waiting,
            failed,
            ..
        } = self.road
        else {
            return Ok(());
        };
        if !batch.is_empty() && !*failed && batches.send(std::mem::take(batch)).is_ok() {
            *waiting += 1;
        }
        self.receipts(2)
    }

    /// Waits until every batch is answered.
    fn settle(&mut self) -> Result<(), Failure> {
        if let Road::Print(out) = self.road {
            out.flush()?;
        }
        self.dispatch()?;
        self.receipts(0)
    }

    /// Takes receipts until at most so many batches are on their way.
    fn receipts(&mut self, waiting_max: usize) -> Result<(), Failure> {
        loop {
            let Road::Send {
                receipts,
                waiting,
                failed,
                ..
            } = self.road
            else {
                return Ok(());
            };
            if *waiting <= waiting_max || *failed {
                return Ok(());
            }
            *waiting -= 1;
            let (batch, outcome) = receipts
                .recv()
                .expect("an answer follows every batch up to the first that fails");
            *failed = outcome.is_err();
            for (item, receipt) in batch.items.iter().zip(outcome?) {
                match receipt {
                    Receipt::Accepted => self.counts.accepted += 1,
                    Receipt::Duplicate => self.counts.duplicates += 1,
                    Receipt::Refused(why) => self.refused.add(item.place, &why, &item.raw)?,
                }
            }
        }
    }

    /// Ends the file of refused items.
    fn close(&mut self, counted: bool) -> Result<(), Failure> {
        self.refused.flush()?;
        if counted {
            self.counts.refused += std::mem::take(&mut self.refused.count);
            if let Some(path) = self.refused.kept()
                && !self.counts.refused_files.iter().any(|known| known == path)
            {
                self.counts.refused_files.push(path.to_owned());
            }
        }
        Ok(())
    }
}

fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta}")
            .expect("a good template");
    ProgressBar::no_length().with_style(style)
}

fn report(counts: &Counts, dry_run: bool, output: Output) -> Result<(), Failure> {
    let skipped: u64 = counts.skipped.values().sum();
    let files: Vec<String> = counts
        .refused_files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let json = serde_json::json!({
        "read": counts.read,
        "accepted": counts.accepted,
        "duplicates": counts.duplicates,
        "refused": counts.refused,
        "skipped": skipped,
        "skipped_by_reason": counts.skipped,
        "refused_files": files,
    });
    let mut lines = Vec::new();
    match output {
        Output::Json => lines.push(format!("{json:#}")),
        Output::Ndjson => lines.push(json.to_string()),
        Output::Csv => {
            lines.push("read,accepted,duplicates,refused,skipped".to_owned());
            lines.push(format!(
                "{},{},{},{},{skipped}",
                counts.read, counts.accepted, counts.duplicates, counts.refused
            ));
        }
        Output::Table => {
            lines.push(format!("read        {}", counts.read));
            lines.push(format!(
                "{}  {}",
                if dry_run { "would send" } else { "accepted  " },
                counts.accepted
            ));
            lines.push(format!("duplicates  {}", counts.duplicates));
            lines.push(format!("refused     {}", counts.refused));
            lines.push(format!("skipped     {skipped}"));
            lines.extend(
                counts
                    .skipped
                    .iter()
                    .map(|(why, n)| format!("            {n} {why}")),
            );
            lines.extend(
                files
                    .iter()
                    .map(|path| format!("refused items are in {}", terminal::visible(path))),
            );
        }
    }
    let text = lines.join("\n");
    // In a dry run stdout is for the drafts.
    if dry_run {
        terminal::say(format_args!("{text}"));
        return Ok(());
    }
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}
