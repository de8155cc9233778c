//! `export`: everything that matches, as one file that is complete or not there.

use crate::cli::{Context, Failure, Parameters};
use crate::client::Client;
use crate::terminal;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes copied at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// The last bytes, which hold the line that says it is whole.
const END_BYTES: usize = 1024;

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
    /// Write an evidence bundle of one organization's entries, which `verify bundle` checks: FILE.maraudit, `-` for stdout
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "out", "no_csv_guard"])]
    bundle: Option<PathBuf>,
}

impl Arguments {
    fn wanted(&self) -> (Format, &Path) {
        match &self.bundle {
            Some(out) => (Format::Bundle, out),
            None => (self.format, &self.out),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Ndjson,
    Json,
    #[value(skip)]
    Bundle,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
            Format::Json => "json",
            Format::Bundle => "bundle",
        }
    }

    /// Whether the last bytes of a file are those of a whole one; [`crate::export`] says what they are.
    fn ends_whole(self, end: &[u8]) -> bool {
        let line = end
            .trim_ascii_end()
            .rsplit(|b| *b == b'\n')
            .next()
            .unwrap_or(end);
        let last: Option<serde_json::Value> = match self {
            // The end of the transport is all there is; of a bundle's file, the end of its frame is looked for.
            Format::Csv | Format::Bundle => return true,
            Format::Ndjson => serde_json::from_slice(line).ok(),
            // Entries stand on lines of their own, so this line closes their array.
            Format::Json => line
                .strip_prefix(b"],")
                .and_then(|members| serde_json::from_slice(&[b"{", members].concat()).ok()),
        };
        last.is_some_and(|last| {
            last.get("complete") == Some(&true.into()) && last.get("id").is_none()
        })
    }
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let (format, out) = arguments.wanted();
    let mut parameters = arguments.parameters.0.clone();
    parameters.push(("format".into(), format.name().into()));
    if arguments.no_csv_guard {
        parameters.push(("csv_guard".into(), "off".into()));
    }
    let mut answer = client.reader(client.get("/v1/export", &parameters, &[])?);
    if out == Path::new("-") {
        let stdout = &mut io::stdout().lock();
        copy(&client, format, &mut answer, stdout, |e| e.into())?;
        return Ok(());
    }
    let part = part_of(out);
    let written = write_part(&client, format, &mut answer, &part);
    if written.is_err()
        && let Err(e) = std::fs::remove_file(&part)
    {
        tracing::debug!(error = %e, "the unfinished file stays");
    }
    let bytes = written?;
    std::fs::rename(&part, out).map_err(|e| Failure::file(out, &e))?;
    terminal::say(format_args!("{}: {bytes} bytes, complete", out.display()));
    Ok(())
}

/// `FILE.part`, beside the file so that renaming it cannot need a copy.
pub(super) fn part_of(out: &Path) -> PathBuf {
    let mut name: OsString = out.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn write_part(
    client: &Client,
    format: Format,
    answer: &mut impl Read,
    part: &Path,
) -> Result<u64, Failure> {
    let mut file = File::create(part).map_err(|e| Failure::file(part, &e))?;
    let bytes = copy(client, format, answer, &mut file, |e| {
        Failure::file(part, &e)
    })?;
    file.sync_all().map_err(|e| Failure::file(part, &e))?;
    if format == Format::Bundle {
        whole_frame(part).map_err(|e| client.cut(&e))?;
    }
    Ok(bytes)
}

/// Reads a bundle's frame to its end, and compares its checksum. What it proves is for `verify bundle` to say.
fn whole_frame(part: &Path) -> io::Result<()> {
    let mut frame = zstd::Decoder::new(File::open(part)?)?.single_frame();
    io::copy(&mut frame, &mut io::sink()).map(drop)
}

/// Copies to the end; an answer that stops before it is [`crate::client::Error::Cut`].
fn copy(
    client: &Client,
    format: Format,
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
    let mut end = Vec::new();
    loop {
        let read = answer.read(&mut chunk).map_err(|e| client.cut(&e))?;
        if read == 0 {
            break;
        }
        out.write_all(&chunk[..read]).map_err(&unwritten)?;
        bytes += read as u64;
        end.extend_from_slice(&chunk[read.saturating_sub(END_BYTES)..read]);
        end.drain(..end.len().saturating_sub(END_BYTES));
        progress.set_position(bytes);
    }
    out.flush().map_err(&unwritten)?;
    progress.finish_and_clear();
    if !format.ends_whole(&end) {
        return Err(client
            .cut(&io::Error::from(io::ErrorKind::UnexpectedEof))
            .into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_cut_between_two_lines_is_known_by_its_end() {
        let entry = r#"{"context":{"complete":true,"count":1},"id":"x"}"#;
        for (format, end, whole) in [
            (
                Format::Ndjson,
                "{}\n{\"complete\":true,\"entries\":1,\"as_of\":0}\n".to_owned(),
                true,
            ),
            (Format::Ndjson, format!("{entry}\n"), false),
            (
                Format::Ndjson,
                "{\"complete\":true,\"id\":\"x\"}\n".to_owned(),
                false,
            ),
            (Format::Ndjson, String::new(), false),
            (
                Format::Json,
                "{\"entries\":[\n],\"as_of\":null,\"complete\":true,\"count\":0}\n".to_owned(),
                true,
            ),
            (Format::Json, format!("{entry},\n"), false),
            (Format::Json, entry.to_owned(), false),
        ] {
            assert_eq!(format.ends_whole(end.as_bytes()), whole, "{end}");
        }
    }
}
