//! `import`: files of audit data, mapped to drafts and sent to a server.
//!
//! In reading order:
//! - this file: inputs, counts, the report
//! - [`send`], [`refused`]: what is stored, and what is kept beside
//!
//! What the formats mean is told by the crate `sources`.
//!
//! Nothing is lost: what no field of an entry holds stays in its context, and what becomes no entry is counted or kept.
//! Importing the same data again stores nothing twice, because identities come from the data.

pub mod refused;
pub mod send;

use crate::cli::{Context, Exit, Failure, Output};
use crate::client::{self, Client};
use crate::terminal;
use clap::{Args, ValueEnum};
use entry::Organization;
use indicatif::{ProgressBar, ProgressStyle};
use refused::Refused;
use send::{Batch, Receipt};
use sources::foreign::{Choice, Claims, Fate, Item, Mapper};
use sources::scan::{Piece, Scanner};
use sources::{cloudtrail, kubernetes, mar};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

#[derive(Args, Debug)]
pub struct Arguments {
    #[arg(long, value_enum)]
    format: Format,
    /// Files, plain, .gz or .zst; `-` for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
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
    /// How long to try again while the server cannot take entries
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Drafts and entries: NDJSON, arrays, exports
    Mar,
    /// Kubernetes audit.k8s.io events: log files, webhook bodies
    Kubernetes,
    /// AWS CloudTrail: Records files, arrays, lines, LookupEvents
    Cloudtrail,
}

impl Format {
    fn mapper(self, claims: Claims) -> Box<dyn Mapper> {
        match self {
            Format::Mar => Box::new(mar::Mar::new(claims)),
            Format::Kubernetes => Box::new(kubernetes::Kubernetes::new(claims)),
            Format::Cloudtrail => Box::new(cloudtrail::CloudTrail::new(claims)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Format::Mar => "mar",
            Format::Kubernetes => "kubernetes",
            Format::Cloudtrail => "cloudtrail",
        }
    }
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
    let claims = Claims {
        source: arguments
            .source
            .as_deref()
            .unwrap_or(arguments.format.name())
            .into(),
        organization: arguments.organization.clone().unwrap_or(Choice::Unsaid),
        now: crate::clock::now(),
    };
    let mut counts = Counts::default();
    let mut mapper = arguments.format.mapper(claims);
    let imported = if arguments.dry_run {
        let mut road = Road::Print(io::BufWriter::new(io::stdout()));
        import_files(arguments, mapper.as_mut(), &mut road, &mut counts)
    } else {
        let client = context.client()?;
        // A wrong address is told at once; a server that goes away later is waited for.
        client.get("/healthz", &[], &[])?;
        send_files(arguments, mapper.as_mut(), &client, &mut counts)
    };
    report(&counts, arguments.dry_run, context.common.output)?;
    imported.map_err(|failure| advise(failure, &counts))?;
    if counts.refused > 0 {
        Err(Failure::quiet(Exit::ItemsRefused))
    } else {
        Ok(())
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
        let imported = import_files(arguments, mapper, &mut road, counts);
        drop(batches);
        imported
    })
}

fn import_files(
    arguments: &Arguments,
    mapper: &mut dyn Mapper,
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
        imported = input.file(file);
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
    fn file(&mut self, file: &Path) -> Result<(), Failure> {
        let failed = |e: io::Error| {
            let what = if file == Path::new("-") {
                "stdin".to_owned()
            } else {
                file.display().to_string()
            };
            Failure::failed(format!("{what}: {e}"))
        };
        let progress = progress_bar();
        let (input, bytes): (Box<dyn Read>, u64) = if file == Path::new("-") {
            (Box::new(io::stdin()), 0)
        } else {
            let file = File::open(file).map_err(failed)?;
            let bytes = file.metadata().map_err(failed)?.len();
            (Box::new(file), bytes)
        };
        progress.set_length(bytes);
        let input = decompressed(progress.wrap_read(input)).map_err(failed)?;
        let mut scanner = Scanner::new(input, self.mapper.wrappers());
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

/// By its first bytes: gzip, zstd, or plain.
fn decompressed(input: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut input = BufReader::with_capacity(256 * 1024, input);
    let start = input.fill_buf()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(input)));
    }
    if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Ok(Box::new(zstd::stream::read::Decoder::with_buffer(input)?));
    }
    Ok(Box::new(input))
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
