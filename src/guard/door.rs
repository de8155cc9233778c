//! Who is let in: whoever reaches this machine's own address, or who shows what they were given.

use crate::access::{Access, Credential, Denied, Error, Expect, Places, Principal, Random, Secret};
use crate::problem::{Kind, Problem};
use entry::Timestamp;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// Accounts, roles and tokens, in the data directory.
pub const FILE: &str = "access.redb";
/// What tells an old or a foreign [`FILE`], better kept elsewhere. No organization is named so: those are in lower case.
pub const MARK: &str = "ACCESS";
/// The first start's link, until it is used: for who does not see what the server prints.
pub const FIRST_SIGN_IN: &str = "first-sign-in";

/// How the server is guarded.
pub enum Door {
    /// Every caller is a local owner: only behind loopback.
    Open,
    /// Nobody without a credential.
    Guarded(Box<Guarded>),
}

/// What a guarded server knows of who may come in.
pub struct Guarded {
    pub access: Access,
    first_sign_in: PathBuf,
}

impl Door {
    /// Reads who may come in. While there is no owner, the secret by which the first makes itself known comes with it.
    pub fn guarded(
        data: &Path,
        mark: PathBuf,
        random: Random,
        now: Timestamp,
    ) -> Result<(Self, Option<Secret>), Error> {
        let places = Places {
            file: data.join(FILE),
            mark,
        };
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { path, source }
        };
        if let Some(parent) = places.mark.parent() {
            fs::create_dir_all(parent).map_err(at(parent))?;
        }
        let guarded = Guarded {
            access: Access::open(&places, Expect::Known, random)?,
            first_sign_in: data.join(FIRST_SIGN_IN),
        };
        let link = guarded.access.bootstrap_link(now)?;
        let written = match &link {
            Some(secret) => write_privately(&guarded.first_sign_in, secret.expose()),
            // What a recovery made is used by whoever comes next.
            None if guarded.access.may_be_claimed(now) => Ok(()),
            None => guarded.forget_first_sign_in(),
        };
        written.map_err(at(&guarded.first_sign_in))?;
        Ok((Door::Guarded(Box::new(guarded)), link))
    }

    pub fn is_open(&self) -> bool {
        matches!(self, Door::Open)
    }

    /// Accounts, roles, tokens; there are none behind an open door.
    pub fn access(&self) -> Result<&Access, Problem> {
        match self {
            Door::Guarded(guarded) => Ok(&guarded.access),
            Door::Open => Err(Kind::AccessOff
                .detail("this server was started with open access; restart it without that")),
        }
    }

    /// The same principal with what it may do by now.
    pub fn renew(&self, principal: &Principal, now: Timestamp) -> Result<Principal, Denied> {
        match self {
            Door::Guarded(guarded) => guarded.access.renew(principal, now),
            Door::Open if principal.credential == Credential::Local => Ok(principal.clone()),
            Door::Open => Err(Denied::Unknown),
        }
    }

    /// Changes whenever somebody may do something else than before.
    pub(super) fn changes(&self) -> Option<watch::Receiver<u64>> {
        match self {
            Door::Guarded(guarded) => Some(guarded.access.changes()),
            Door::Open => None,
        }
    }
}

impl Guarded {
    /// Makes a link by which somebody becomes an owner, though there are some, and leaves it where the first start's was.
    pub fn recover(&self, now: Timestamp) -> Result<Secret, Error> {
        let link = self.access.recovery_link(now)?;
        let written = write_privately(&self.first_sign_in, link.expose());
        let path = &self.first_sign_in;
        written.map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        Ok(link)
    }

    /// Removes the file of a link that is used up.
    pub fn forget_first_sign_in(&self) -> io::Result<()> {
        match fs::remove_file(&self.first_sign_in) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A file that nobody else can read, whatever was there.
fn write_privately(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")
}
