//! How a command ends.

use crate::{access, client, config, terminal, verify};
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
    /// Evidence that those who are trusted have not signed.
    PolicyUnmet = 3,
    /// A log with two histories, or set back.
    Forked = 4,
    /// Evidence that is older than asked for.
    Stale = 5,
    /// Done, but for items that were refused.
    ItemsRefused = 6,
}

/// The help's table of exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  wrong usage, an I/O error, or the server said no
  2  what was read is not what was written: damage, a cut export, or evidence that was tampered with
  3  the evidence is not signed by those the key or policy asks for
  4  the log has forked or was rolled back
  5  the evidence is older than --max-age
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
            | client::Error::Token
            | client::Error::Authorities { .. }
            | client::Error::Untrusted { .. }
            | client::Error::Unreachable { .. }
            | client::Error::Refused { .. }
            | client::Error::Strange { .. } => Exit::Failed,
        };
        let advice = advice(&error);
        Self::new(exit, format!("{error}{advice}"))
    }
}

/// What somebody can do who was not let in, or not far enough.
fn advice(error: &client::Error) -> &'static str {
    match error {
        client::Error::Refused { status, .. } if status.as_u16() == 401 => {
            "\nsend a token: --token @FILE, MAR_AUDIT_TOKEN or the setting token_file; `mar-audit token check` tells a mistyped \
             one\nwho manages access makes one with `mar-audit token create`; with a password, --sign-in LOGIN does"
        }
        client::Error::Refused { status, .. } if status.as_u16() == 403 => {
            "\n`mar-audit whoami` says what you may do here"
        }
        _ => "",
    }
}

/// Who may come in could not be read: what to do about it.
impl From<access::Error> for Failure {
    fn from(error: access::Error) -> Self {
        let exit = match error {
            access::Error::Damaged { .. } => Exit::Damaged,
            _ => Exit::Failed,
        };
        let advice = match &error {
            access::Error::Wiped { .. }
            | access::Error::Replaced { .. }
            | access::Error::Older { .. } => {
                "\nput back the one that was there; or, knowing what that means, accept it: mar-audit access accept --reason TEXT"
            }
            access::Error::Exposed { .. } => {
                "\nthink about who could have read it, then: chmod 600"
            }
            _ => "",
        };
        Self::new(exit, format!("{error}{advice}"))
    }
}

impl From<verify::Verdict> for Exit {
    fn from(verdict: verify::Verdict) -> Self {
        match verdict {
            verify::Verdict::Tampered => Exit::Damaged,
            verify::Verdict::PolicyUnmet => Exit::PolicyUnmet,
            verify::Verdict::Forked => Exit::Forked,
            verify::Verdict::Stale => Exit::Stale,
        }
    }
}

impl From<verify::Error> for Failure {
    fn from(error: verify::Error) -> Self {
        let exit = match error {
            verify::Error::Stored(error) => return Self::from(*error),
            verify::Error::Refused(ref refusal) => refusal.verdict.into(),
            verify::Error::Trust(_) | verify::Error::File { .. } | verify::Error::Call { .. } => {
                Exit::Failed
            }
        };
        let advice = match &error {
            verify::Error::Call { source, .. } => advice(source),
            _ => "",
        };
        Self::new(exit, format!("{error}{advice}"))
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
