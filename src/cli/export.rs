//! `export`: everything that matches, as one file that is complete or not there.

use crate::cli::{Context, Failure, Parameters};
use crate::client::Client;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes copied at once.
const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    parameters: Parameters,
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// The file to write, `-` for stdout; it appears when it is complete
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Write cells as they are, though a spreadsheet may take them for formulas
    #[arg(long)]
    no_csv_guard: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Ndjson,
    Json,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
            Format::Json => "json",
        }
    }
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let mut parameters = arguments.parameters.0.clone();
    parameters.push(("format".into(), arguments.format.name().into()));
    if arguments.no_csv_guard {
        parameters.push(("csv_guard".into(), "off".into()));
    }
    let mut answer = client.reader(client.get("/v1/export", &parameters, &[])?);
    if arguments.out == Path::new("-") {
        copy(&client, &mut answer, &mut io::stdout().lock(), |e| e.into())?;
        return Ok(());
    }
    let out = &arguments.out;
    let part = part_of(out);
    let written = write_part(&client, &mut answer, &part);
    if written.is_err()
        && let Err(e) = std::fs::remove_file(&part)
    {
        tracing::debug!(error = %e, "the unfinished file stays");
    }
    let bytes = written?;
    std::fs::rename(&part, out).map_err(|e| Failure::file(out, &e))?;
    eprintln!("{}: {bytes} bytes, complete", out.display());
    Ok(())
}

/// `FILE.part`, beside the file so that renaming it cannot need a copy.
fn part_of(out: &Path) -> PathBuf {
    let mut name: OsString = out.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn write_part(client: &Client, answer: &mut impl Read, part: &Path) -> Result<u64, Failure> {
    let mut file = File::create(part).map_err(|e| Failure::file(part, &e))?;
    let bytes = copy(client, answer, &mut file, |e| Failure::file(part, &e))?;
    file.sync_all().map_err(|e| Failure::file(part, &e))?;
    Ok(bytes)
}

/// Copies to the end; an answer that stops before it is [`crate::client::Error::Cut`].
fn copy(
    client: &Client,
    answer: &mut impl Read,
    out: &mut impl Write,
    unwritten: impl Fn(io::Error) -> Failure,
) -> Result<u64, Failure> {
    let progress = if io::stderr().is_terminal() && !io::stdout().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    progress.set_style(
        ProgressStyle::with_template("{spinner} {bytes} {bytes_per_sec}").expect("a good template"),
    );
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        let read = answer.read(&mut chunk).map_err(|e| client.cut(&e))?;
        if read == 0 {
            break;
        }
        out.write_all(&chunk[..read]).map_err(&unwritten)?;
        bytes += read as u64;
        progress.set_position(bytes);
    }
    out.flush().map_err(&unwritten)?;
    progress.finish_and_clear();
    Ok(bytes)
}
