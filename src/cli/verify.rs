//! `verify`: whether evidence holds, and what it shows. All checks are in [`crate::verify`]; this reads and prints.

mod bundle;
mod inclusion;
mod log;

use crate::cli::{Context, Exit, Failure, Output};
use crate::clock;
use crate::verify::{Error, MaxAge, Trust, trust};
use clap::{Args, Subcommand};
use proof::policy::Accepted;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Subcommand)]
pub enum Command {
    /// Verify one entry's proof file: that the entry is in the log, and is what was logged
    Proof(inclusion::Arguments),
    /// Verify an evidence bundle: that its entries are in the log, and none in its range is missing
    Bundle(bundle::Arguments),
    /// Verify a log: its newest checkpoint, and that it only grew since the last time
    Log(log::Arguments),
}

/// Whom to trust.
#[derive(Args, Debug)]
pub struct Trusted {
    /// The log's public key: its vkey, or @FILE with the vkey in it
    #[arg(
        long,
        value_name = "VKEY",
        required_unless_present = "policy",
        conflicts_with = "policy"
    )]
    key: Option<String>,
    /// A C2SP tlog-policy: known logs, witnesses, and how many of them must have signed
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Refuse evidence that is older: 90s, 15m, 24h, 7d
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_age: Option<Duration>,
}

/// The longest key or policy file: people write them.
const TRUST_BYTES_MAX: u64 = 1024 * 1024;

impl Trusted {
    fn read(&self) -> Result<Trust, Failure> {
        let max_age = self.max_age.map(|age| MaxAge {
            age,
            now: clock::now(),
        });
        let trust = match (&self.key, &self.policy) {
            (Some(key), None) => match key.strip_prefix('@') {
                Some(file) => {
                    let vkey = bounded(Path::new(file), TRUST_BYTES_MAX)?;
                    let vkey = String::from_utf8_lossy(&vkey);
                    Trust::in_key(vkey.trim_end_matches(['\r', '\n']), max_age)
                }
                None => Trust::in_key(key, max_age),
            },
            (None, Some(file)) => Trust::in_policy(&bounded(file, TRUST_BYTES_MAX)?, max_age),
            _ => {
                return Err(Failure::failed(
                    "either --key or --policy says whom to trust",
                ));
            }
        };
        Ok(trust?)
    }
}

pub fn run(command: &Command, context: &Context) -> Result<(), Failure> {
    let output = context.common.output;
    if output == Output::Csv {
        return Err(Failure::failed(
            "what was verified has no CSV form; choose table, json or ndjson",
        ));
    }
    let done = match command {
        Command::Proof(arguments) => inclusion::run(arguments, output),
        Command::Bundle(arguments) => bundle::run(arguments, output),
        Command::Log(arguments) => log::run(arguments, context, output),
    };
    match done {
        Err(Ended::Refused(error)) => refused(error, output),
        Err(Ended::Failed(failure)) => Err(failure),
        Ok(()) => Ok(()),
    }
}

/// How a verification ends that shows nothing.
enum Ended {
    /// By what the verifier found; scripts get it as JSON too.
    Refused(Error),
    /// By everything around it.
    Failed(Failure),
}

impl<E: Into<Error>> From<E> for Ended {
    fn from(error: E) -> Self {
        Ended::Refused(error.into())
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Ended::Failed(failure)
    }
}

/// What a script reads when evidence does not hold.
#[derive(Serialize)]
struct Refused<'a> {
    verified: bool,
    exit: u8,
    verdict: &'a str,
    step: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    what: &'a str,
    means: &'a str,
}

fn refused(error: Error, output: Output) -> Result<(), Failure> {
    if let (Error::Refused(refusal), true) = (&error, output != Output::Table) {
        print_document(
            &Refused {
                verified: false,
                exit: Exit::from(refusal.verdict) as u8,
                verdict: refusal.verdict.as_str(),
                step: refusal.step.as_str(),
                place: refusal.place.as_deref(),
                what: &refusal.what,
                means: refusal.means(),
            },
            output,
        )?;
    }
    Err(error.into())
}

/// One JSON document, spread over lines or in one.
fn print_document(document: &impl Serialize, output: Output) -> Result<(), Failure> {
    let json = serde_json::to_string(document).map_err(io::Error::from)?;
    let mut out = io::stdout().lock();
    let json = crate::terminal::visible_json(&json);
    match output {
        Output::Json => writeln!(out, "{}", crate::terminal::pretty(&json))?,
        _ => writeln!(out, "{json}")?,
    }
    Ok(())
}

/// Who vouches for what was verified.
#[derive(Serialize)]
struct Vouching {
    /// The log's key.
    key: String,
    witnesses: Vec<Witness>,
}

#[derive(Serialize)]
struct Witness {
    name: String,
    /// When it saw this tree, by its clock.
    time: String,
}

impl Vouching {
    fn of(accepted: &Accepted<'_>) -> Self {
        let witnesses = accepted.witnesses.iter().map(|signer| Witness {
            name: signer.key.name().to_string(),
            time: signer
                .time
                .and_then(trust::instant)
                .map_or_else(|| "after the year 9999".into(), |time| time.to_string()),
        });
        Self {
            key: accepted.log.to_string(),
            witnesses: witnesses.collect(),
        }
    }

    fn lines(&self) -> impl Iterator<Item = (&'static str, String)> {
        let log = ("Signed by", self.key.clone());
        let witnesses = self.witnesses.iter().map(|witness| {
            (
                "Witnessed by",
                format!("{} at {}", witness.name, witness.time),
            )
        });
        std::iter::once(log).chain(witnesses)
    }
}

/// A line of what was verified, for people.
fn print_line(out: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "{name:<14}{}", crate::terminal::visible(value))
}

/// A whole file (`-`: stdin) that may not be longer.
fn bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Error> {
    let named = |source: io::Error| Error::File {
        name: path.display().to_string(),
        source,
    };
    let file: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(named)?)
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(named)?;
    if bytes.len() as u64 > bytes_max {
        return Err(named(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {bytes_max} bytes"),
        )));
    }
    Ok(bytes)
}

/// `90s`, `15m`, `24h`, `7d`.
pub(in crate::cli) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as 90s, 15m, 24h or 7d");
    let (number, unit) = text
        .char_indices()
        .next_back()
        .map(|(at, unit)| (&text[..at], unit))
        .ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u64> = number.parse().ok().filter(|_| digits);
    number
        .and_then(|number| number.checked_mul(seconds))
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        for bad in [
            "",
            "s",
            "5",
            "+5s",
            "-5s",
            "5 s",
            "5w",
            "1.5h",
            "99999999999999999999d",
            "18446744073709551615d",
            "5é",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
