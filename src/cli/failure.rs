//! How a command ends.

use crate::{client, config, terminal};
use std::io;
use std::process::ExitCode;

/// The exit codes, which scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Wrong usage, an I/O error, or a server that said no.
    Failed = 1,
    /// What was read is not what was written: damage, or an export that was cut.
    Damaged = 2,
    /// Done, but for items that were refused.
    ItemsRefused = 6,
}

/// The help's table of exit codes. 3, 4 and 5 are kept for proofs that do not hold.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  wrong usage, an I/O error, or the server said no
  2  what was read is not what was written: damage, or a cut export
  6  done, but for items that were refused";

/// Why a command did not end well, and the code that says so.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    /// For stderr; `None` where all is said already.
    pub message: Option<String>,
    /// The reader of our output went away: that is its right.
    broken_pipe: bool,
}

impl Failure {
    pub fn new(exit: Exit, message: impl ToString) -> Self {
        Self {
            exit,
            message: Some(message.to_string()),
            broken_pipe: false,
        }
    }

    pub fn failed(message: impl ToString) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Everything is said already.
    pub fn quiet(exit: Exit) -> Self {
        Self {
            exit,
            message: None,
            broken_pipe: false,
        }
    }

    /// An I/O error of a named file.
    pub fn file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::failed(format!("{}: {error}", path.display()))
    }

    /// Says it on stderr.
    pub fn report(self) -> ExitCode {
        if self.broken_pipe {
            return ExitCode::SUCCESS;
        }
        if let Some(message) = self.message {
            // Messages quote files and servers, so they are made visible line by line.
            for (at, line) in message.lines().enumerate() {
                let start = if at == 0 { "mar-audit: " } else { "" };
                terminal::say(format_args!("{start}{}", terminal::visible(line)));
            }
        }
        ExitCode::from(self.exit as u8)
    }
}

/// Output that could not be written. Files are reported by [`Failure::file`], so this is stdout.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self {
            broken_pipe,
            ..Self::failed(format!("output: {error}"))
        }
    }
}

impl From<csv::Error> for Failure {
    fn from(error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => error.into(),
            other => Self::failed(format!("output: {other:?}")),
        }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        let exit = match error {
            client::Error::Cut { .. } => Exit::Damaged,
            client::Error::Address(_)
            | client::Error::Unreachable { .. }
            | client::Error::Refused { .. }
            | client::Error::Strange { .. } => Exit::Failed,
        };
        Self::new(exit, error)
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        Self::failed(error)
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        let exit = if matches!(error, store::Error::Damaged { .. }) {
            Exit::Damaged
        } else {
            Exit::Failed
        };
        let hint = match &error {
            store::Error::Locked { .. } => {
                "\nstop the other one, or choose another directory with --data"
            }
            store::Error::Foreign { .. } => "\nchoose an empty directory with --data",
            store::Error::NoData { .. } => "\nname one with --data",
            store::Error::NoSpace { .. } => "\nmake room, then start again",
            _ => "",
        };
        Self::new(exit, format!("{error}{hint}"))
    }
}
