//! What is still to be told of changes. The entry of a change is written in the same transaction as the change itself, so
//! that a crash keeps both or neither; it is taken out once the log has it, with the next change or a minute later.
//!
//! What was written and not told when the process ended is told at the next start. Whoever appends it twice appends one:
//! it has its id.

use super::account::Account;
use super::book::{Book, Change};
use super::file::Row;
use super::link::Link;
use super::principal::{Credential, Principal};
use super::{Access, Error};
use entry::Filter;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

const PREFIX: &str = "pending/";

/// An entry that is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The entry's.
    pub id: String,
    /// The entry, as whoever tells it reads it again.
    pub text: Vec<u8>,
}

impl Pending {
    pub(super) fn row(&self) -> Row {
        Row {
            key: format!("{PREFIX}{}", self.id),
            value: Some(self.text.clone()),
        }
    }
}

/// Says what is to be told of a change. An error keeps the change from being made.
pub type Witness = Arc<dyn Fn(&Made<'_>) -> Result<Pending, Error> + Send + Sync>;

/// What a change makes, before anybody sees it.
pub struct Made<'a> {
    before: &'a Book,
    changes: &'a [Change],
}

impl<'a> Made<'a> {
    pub(super) fn of(before: &'a Book, changes: &'a [Change]) -> Self {
        Self { before, changes }
    }

    /// The type, the id and the name of what there is now: the first of it, where there is more.
    pub fn named(&self) -> Option<(&'static str, &'a str, &'a str)> {
        self.changes.iter().find_map(|change| match change {
            Change::Account(one) => Some(("user", one.id.as_str(), one.name.as_str())),
            Change::Binding(one) => Some(("role_binding", one.id.as_str(), one.role.as_str())),
            Change::Token(one) => Some(("token", one.id.as_str(), one.name.as_str())),
            Change::Link(one) => Some(("link", one.id.as_str(), one.name.as_str())),
            _ => None,
        })
    }

    /// The auditor's link that was made.
    pub fn link(&self) -> Option<&'a Link> {
        self.changes.iter().find_map(|change| match change {
            Change::Link(one) => Some(one),
            _ => None,
        })
    }

    /// The account that was made or changed.
    pub fn account(&self) -> Option<&'a Account> {
        self.changes.iter().find_map(|change| match change {
            Change::Account(one) => Some(&**one),
            _ => None,
        })
    }

    /// True if there was no such account.
    pub fn is_new(&self, account: &Account) -> bool {
        !self.before.accounts.contains_key(&account.id)
    }

    /// Who came in: the account, and the principal of the session that begins.
    pub fn arrival(&self) -> Option<(Account, Principal)> {
        let session = self.changes.iter().find_map(|change| match change {
            Change::Session(one) => Some(one),
            _ => None,
        })?;
        let known = self.before.accounts.get(&session.account);
        let account = self.account().or(known)?;
        let principal = Principal {
            credential: Credential::Session(session.id.clone()),
            account: Some(account.id.clone()),
            party: account.party(),
            // Not what is remembered: the account may be in other groups from now on.
            grants: self.before.granted(account).into(),
            only: Filter::everything(),
        };
        Some((account.clone(), principal))
    }

    /// The groups of the provider's that somebody is in and that are bound to something.
    pub fn bound_groups(&self, account: &Account) -> Vec<String> {
        self.before.bound_groups(account)
    }
}

/// What the file holds besides what there is.
#[derive(Default)]
pub(super) struct Untold {
    /// Guards what is in the file and was not told.
    left: Mutex<BTreeMap<String, Pending>>,
    /// Guards the ids of what is in the file and was told: the next transaction takes it out.
    told: Mutex<Vec<String>>,
}

impl Untold {
    /// Takes it out of the rows of a file.
    pub fn read(rows: Vec<(String, Vec<u8>)>) -> (Self, Vec<(String, Vec<u8>)>) {
        let (mut left, mut others) = (BTreeMap::new(), Vec::new());
        for (key, text) in rows {
            match key.strip_prefix(PREFIX).map(str::to_owned) {
                Some(id) => drop(left.insert(id.clone(), Pending { id, text })),
                None => others.push((key, text)),
            }
        }
        let left = Mutex::new(left);
        let told = Mutex::default();
        (Self { left, told }, others)
    }

    /// It is in the file from now on.
    pub fn is_kept(&self, pending: Pending) {
        self.left.lock().insert(pending.id.clone(), pending);
    }

    /// The rows that are to go.
    pub fn take_told(&self) -> impl Iterator<Item = Row> + use<> {
        let ids = std::mem::take(&mut *self.told.lock());
        let row = |id| Row {
            key: format!("{PREFIX}{id}"),
            value: None,
        };
        ids.into_iter().map(row)
    }
}

impl Access {
    /// The same, with somebody who says what is to be told of each change: see [`Access::told`].
    pub fn witnessed_by(&self, witness: Witness) -> Self {
        Self {
            witness: Some(witness),
            ..self.clone()
        }
    }

    /// What is to be told, the oldest first: of calls that are under way, and what was left when the process before this
    /// one ended.
    pub fn pending(&self) -> Vec<Pending> {
        self.untold.left.lock().values().cloned().collect()
    }

    /// It is in the log, and need not be kept here any more.
    pub fn told(&self, id: &str) {
        if self.untold.left.lock().remove(id).is_some() {
            self.untold.told.lock().push(id.to_owned());
        }
    }

    /// Takes what was told out of the file.
    pub(super) fn forget_told(&self) -> Result<(), Error> {
        let mut file = self.file.lock();
        let rows: Vec<Row> = self.untold.take_told().collect();
        match rows.is_empty() {
            true => Ok(()),
            false => file.commit(&rows),
        }
    }
}
