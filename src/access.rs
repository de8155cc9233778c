//! Access: who may record, read, export and administer, per organization and project.
//!
//! In reading order:
//! - [`permission`], [`role`]: what may be done, and names for it
//! - [`binding`]: who has which role, and where
//! - [`reach`]: what that comes to for entries: which are seen, and what of them; carried into every query
//! - [`identifier`], [`secret`], [`token`]: names that are given, what is kept of secrets, how tokens are written
//! - [`account`], [`password`], [`session`], [`limiter`]: people, their signing in, and who only tries
//! - [`provider`]: people who sign in elsewhere
//! - [`link`]: in without an account: the first start, an auditor, an embedded page
//! - `file`, `book`: on disk, and in memory
//! - [`pending`]: what is still to be told of changes
//! - [`principal`]: who is calling now
//! - `entrance`: from what a caller shows to a principal
//! - `introduction`: whom a credential speaks for, told to who shows it
//! - `administration`: changes, and who may make them
//!
//! Two rules run through all of it. Nobody passes on what they do not have: whoever binds a role, sets a password or makes
//! a token must hold all that it gives. And whatever acts for somebody - token, session, link, embedded page - does at
//! every moment no more than that account may: taking a role away, or an account, takes it from all of them at once.

pub mod account;
mod administration;
pub mod binding;
mod book;
mod entrance;
mod file;
pub mod identifier;
mod instant;
mod introduction;
pub mod limiter;
pub mod link;
pub mod password;
pub mod pending;
pub mod permission;
pub mod principal;
pub mod provider;
pub mod reach;
pub mod role;
pub mod secret;
pub mod session;
pub mod token;

pub use account::{Account, AccountKind, Login};
pub use administration::{NewLink, NewToken};
pub use binding::{Binding, Extent, Grant, Subject};
pub use entrance::{Denied, Embedded};
pub use file::{Expect, Places, SCHEMA};
pub use identifier::Identifier;
pub use introduction::Introduction;
pub use pending::Made;
pub use permission::{Permission, Permissions};
pub use principal::{Credential, Principal};
pub use reach::Reach;
pub use role::Role;
pub use secret::Secret;

use book::{Book, Change};
use file::{File, Opened};
use limiter::Limiter;
use parking_lot::{Mutex, RwLock};
use pending::{Pending, Untold, Witness};
use secret::Key;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// Fills memory with random bytes that nobody can guess.
pub type Random = Arc<dyn Fn(&mut [u8]) -> Result<(), Error> + Send + Sync>;

/// The system's random bytes.
pub fn system_random() -> Random {
    Arc::new(|bytes| {
        getrandom::fill(bytes).map_err(|error| Error::Random {
            detail: error.to_string(),
        })
    })
}

/// What a caller can do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Ask for something else.
    #[error("{what}: {detail}")]
    Invalid { what: &'static str, detail: String },
    /// Choose another name.
    #[error("there is a {what} named {name:?} already")]
    Taken { what: &'static str, name: String },
    #[error("there is no such {what}")]
    NotFound { what: &'static str },
    /// Take away what uses it first.
    #[error("the {what} is in use")]
    InUse { what: &'static str },
    /// Ask somebody who may.
    #[error("that would give more than you have")]
    NotYours,
    /// Make another owner first.
    #[error("nobody would be left who may do everything")]
    LastOwner,
    #[error("there are {max} {what} already, and no more are kept")]
    Full { what: &'static str, max: usize },
    /// Restore it, or say that beginning anew is meant.
    #[error("{path} is gone, though there were accounts in it")]
    Wiped { path: PathBuf },
    #[error("{path} is not the file that was here before")]
    Replaced { path: PathBuf },
    #[error(
        "{path} is older than it was: change {found} of {known}; what was revoked since would be back"
    )]
    Older {
        path: PathBuf,
        found: u64,
        known: u64,
    },
    /// Use a newer release.
    #[error("{path} was written in schema {found}, this release reads up to {known}")]
    NewerSchema {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    /// `chmod 600`, and think about who could have read it.
    #[error("{path} has mode {mode:o}: others can read it")]
    Exposed { path: PathBuf, mode: u32 },
    /// Stop and call a person: what was read is not what was written.
    #[error("{path} is damaged: {what}")]
    Damaged { path: PathBuf, what: String },
    #[error("{path} is in use by another process")]
    Locked { path: PathBuf },
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {source}")]
    Storage { path: PathBuf, source: redb::Error },
    #[error("the system gives no random bytes: {detail}")]
    Random { detail: String },
    /// Nothing was changed: what is not told is not done.
    #[error("the entry of a change could not be made: {detail}")]
    Untold { detail: String },
}

impl Error {
    fn invalid(what: &'static str, detail: impl Into<String>) -> Self {
        Error::Invalid {
            what,
            detail: detail.into(),
        }
    }

    fn io(path: &Path, source: std::io::Error) -> Self {
        Error::Io {
            path: path.to_owned(),
            source,
        }
    }

    fn storage(path: &Path, source: redb::Error) -> Self {
        let path = path.to_owned();
        match source {
            redb::Error::Corrupted(what) => Error::Damaged { path, what },
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                Error::Locked { path }
            }
            redb::Error::Io(source) if source.kind() == std::io::ErrorKind::InvalidData => {
                let what = source.to_string();
                Error::Damaged { path, what }
            }
            redb::Error::Io(source) => Error::Io { path, source },
            source => Error::Storage { path, source },
        }
    }
}

/// Accounts, roles, bindings, tokens, sessions and links. Asking is a matter of microseconds; changing waits for the disk
/// and is not for async threads. A clone is the same, and may have another witness.
#[derive(Clone)]
pub struct Access {
    /// One change at a time, so that each is judged by what the one before left.
    file: Arc<Mutex<File>>,
    book: Arc<RwLock<Book>>,
    limiter: Arc<Mutex<Limiter>>,
    key: Key,
    random: Random,
    /// How many changes there were since the start: what streams wait for, to look whether they may go on.
    changes: watch::Sender<u64>,
    untold: Arc<Untold>,
    /// Makes the entry of each change, which is written with it.
    witness: Option<Witness>,
}

impl Access {
    /// Opens the file, or makes it if there never was one.
    pub fn open(places: &Places, expect: Expect, random: Random) -> Result<Self, Error> {
        let mut seed = [0; file::RANDOM_BYTES];
        random(&mut seed)?;
        let Opened { file, key, rows } = File::open(places, expect, seed)?;
        let (untold, rows) = Untold::read(rows);
        let book = Book::read(&rows, &places.file)?;
        Ok(Self {
            file: Arc::new(Mutex::new(file)),
            book: Arc::new(RwLock::new(book)),
            limiter: Arc::default(),
            key,
            random,
            changes: watch::Sender::new(0),
            untold: Arc::new(untold),
            witness: None,
        })
    }

    /// Changes with every change here: streams hold one, and call [`Access::renew`] when it moves.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Judges by the book as it is, writes what the judgement says and what is to be told of it, and only then lets
    /// everybody see it.
    fn change<T>(
        &self,
        judge: impl FnOnce(&Book) -> Result<(T, Vec<Change>), Error>,
    ) -> Result<T, Error> {
        let mut file = self.file.lock();
        let book = self.book.read();
        let (answer, changes) = judge(&book)?;
        if changes.is_empty() {
            return Ok(answer);
        }
        let mut rows: Vec<file::Row> = changes.iter().map(Change::row).collect();
        let witness = self.witness.as_ref();
        let pending = witness.map(|witness| witness(&Made::of(&book, &changes)));
        let pending = pending.transpose()?;
        drop(book);
        rows.extend(pending.iter().map(Pending::row));
        rows.extend(self.untold.take_told());
        file.commit(&rows)?;
        pending.into_iter().for_each(|one| self.untold.is_kept(one));
        let mut book = self.book.write();
        changes.into_iter().for_each(|change| book.apply(change));
        drop(book);
        self.changes.send_modify(|count| *count += 1);
        Ok(answer)
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        (self.random)(&mut bytes)?;
        Ok(bytes)
    }

    fn identifier(&self) -> Result<Identifier, Error> {
        Ok(Identifier::of(self.random()?))
    }
}

#[cfg(test)]
mod tests;
