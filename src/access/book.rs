//! What the file says, in memory: who there is, and what each may do. Every call asks here; none asks the disk.

use super::account::{Account, Login};
use super::binding::{Binding, Grant, Subject};
use super::file::{Row, damaged};
use super::identifier::Identifier;
use super::link::{Bootstrap, Link};
use super::provider::Elsewhere;
use super::role::{OWNER, Role};
use super::session::Session;
use super::token::Token;
use super::{Error, binding::Extent};
use entry::Timestamp;
use parking_lot::RwLock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// One thing that changed. The file and the book are written from the same list.
pub(super) enum Change {
    Account(Box<Account>),
    Role(Role),
    NoRole(String),
    Binding(Binding),
    NoBinding(Identifier),
    Token(Token),
    NoToken(Identifier),
    Session(Session),
    NoSession(Identifier),
    Link(Link),
    NoLink(Identifier),
    Bootstrap(Bootstrap),
    NoBootstrap,
}

const BOOTSTRAP: &str = "bootstrap";

impl Change {
    pub fn row(&self) -> Row {
        let key = |what: &str, id: &str| format!("{what}/{id}");
        let (key, value) = match self {
            Change::Account(one) => (key("account", one.id.as_str()), Some(json(one))),
            Change::Role(one) => (key("role", &one.name), Some(json(one))),
            Change::NoRole(name) => (key("role", name), None),
            Change::Binding(one) => (key("binding", one.id.as_str()), Some(json(one))),
            Change::NoBinding(id) => (key("binding", id.as_str()), None),
            Change::Token(one) => (key("token", one.id.as_str()), Some(json(one))),
            Change::NoToken(id) => (key("token", id.as_str()), None),
            Change::Session(one) => (key("session", one.id.as_str()), Some(json(one))),
            Change::NoSession(id) => (key("session", id.as_str()), None),
            Change::Link(one) => (key("link", one.id.as_str()), Some(json(one))),
            Change::NoLink(id) => (key("link", id.as_str()), None),
            Change::Bootstrap(one) => (BOOTSTRAP.to_owned(), Some(json(one))),
            Change::NoBootstrap => (BOOTSTRAP.to_owned(), None),
        };
        Row { key, value }
    }

    fn read(key: &str, value: &[u8]) -> Result<Self, String> {
        let what = key.split_once('/').map_or(key, |(what, _)| what);
        let change = match what {
            "account" => Change::Account(of_json(value)?),
            "role" => Change::Role(of_json(value)?),
            "binding" => Change::Binding(of_json(value)?),
            "token" => Change::Token(of_json(value)?),
            "session" => Change::Session(of_json(value)?),
            "link" => Change::Link(of_json(value)?),
            BOOTSTRAP => Change::Bootstrap(of_json(value)?),
            _ => return Err("it is of no known kind".to_owned()),
        };
        match change.row().key == key {
            true => Ok(change),
            false => Err("it is kept under another's key".to_owned()),
        }
    }
}

fn json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("texts and numbers are JSON")
}

/// The place and kind of what is wrong; never the text itself, which may be a secret's digest.
fn of_json<T: DeserializeOwned>(value: &[u8]) -> Result<T, String> {
    serde_json::from_slice(value)
        .map_err(|error| format!("column {}: {:?} error", error.column(), error.classify()))
}

/// Something that is used, and when it was: kept coarsely, and written now and then.
pub(super) struct Used<T> {
    pub of: T,
    /// Microseconds; [`i64::MIN`]: never.
    at: AtomicI64,
}

impl<T> Used<T> {
    fn new(of: T, at: Option<Timestamp>) -> Self {
        let at = at.map_or(i64::MIN, |at| at.as_micros());
        Self {
            of,
            at: AtomicI64::new(at),
        }
    }

    /// Notes a use, but not more often than every `coarse` microseconds: many threads use one token.
    pub fn note(&self, now: Timestamp, coarse: i64) {
        let now = now.as_micros();
        if now.saturating_sub(self.at.load(Ordering::Relaxed)) >= coarse {
            self.at.fetch_max(now, Ordering::Relaxed);
        }
    }

    pub fn at(&self) -> Option<Timestamp> {
        Timestamp::from_micros(self.at.load(Ordering::Relaxed))
    }
}

/// Everything there is.
#[derive(Default)]
pub(super) struct Book {
    pub accounts: HashMap<Identifier, Account>,
    pub logins: HashMap<Login, Identifier>,
    pub elsewhere: HashMap<Elsewhere, Identifier>,
    pub roles: BTreeMap<String, Role>,
    pub bindings: BTreeMap<Identifier, Binding>,
    pub tokens: HashMap<Identifier, Used<Token>>,
    pub sessions: HashMap<Identifier, Used<Session>>,
    pub links: HashMap<Identifier, Link>,
    pub bootstrap: Option<Bootstrap>,
    /// Looked up once, forgotten with every change that could matter: by account, and by token or link.
    grants: RwLock<HashMap<Identifier, Arc<[Grant]>>>,
}

impl Book {
    pub fn read(rows: &[(String, Vec<u8>)], path: &Path) -> Result<Self, Error> {
        let mut book = Self::default();
        for (key, value) in rows {
            let change =
                Change::read(key, value).map_err(|what| damaged(path, format!("{key}: {what}")))?;
            book.apply(change);
        }
        if book.logins.len() != book.accounts.len() {
            return Err(damaged(path, "two accounts have one login"));
        }
        let elsewhere = book.accounts.values().filter(|one| one.elsewhere.is_some());
        if book.elsewhere.len() != elsewhere.count() {
            return Err(damaged(path, "two accounts are one person elsewhere"));
        }
        for binding in book.bindings.values() {
            let known = match &binding.subject {
                Subject::Account(id) => book.accounts.contains_key(id),
                Subject::Group(_) => true,
            };
            if !known || book.role(&binding.role).is_none() {
                return Err(damaged(
                    path,
                    format!("binding/{}: it binds nothing", binding.id),
                ));
            }
        }
        Ok(book)
    }

    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Account(one) => {
                self.logins.insert(one.login.clone(), one.id.clone());
                if let Some(elsewhere) = &one.elsewhere {
                    self.elsewhere.insert(elsewhere.clone(), one.id.clone());
                }
                self.accounts.insert(one.id.clone(), *one);
            }
            Change::Role(one) => drop(self.roles.insert(one.name.clone(), one)),
            Change::NoRole(name) => drop(self.roles.remove(&name)),
            Change::Binding(one) => drop(self.bindings.insert(one.id.clone(), one)),
            Change::NoBinding(id) => drop(self.bindings.remove(&id)),
            Change::Token(one) => {
                let used = one.used_at;
                self.tokens.insert(one.id.clone(), Used::new(one, used));
            }
            Change::NoToken(id) => drop(self.tokens.remove(&id)),
            Change::Session(one) => {
                let seen = Some(one.seen_at);
                self.sessions.insert(one.id.clone(), Used::new(one, seen));
            }
            Change::NoSession(id) => drop(self.sessions.remove(&id)),
            Change::Link(one) => drop(self.links.insert(one.id.clone(), one)),
            Change::NoLink(id) => drop(self.links.remove(&id)),
            Change::Bootstrap(one) => self.bootstrap = Some(one),
            Change::NoBootstrap => self.bootstrap = None,
        }
        self.grants.get_mut().clear();
    }

    pub fn role(&self, name: &str) -> Option<Role> {
        Role::built_in(name).or_else(|| self.roles.get(name).cloned())
    }

    /// The account, unless it is disabled.
    pub fn active(&self, id: &Identifier) -> Option<&Account> {
        self.accounts.get(id).filter(|account| !account.disabled)
    }

    /// What the bindings of an account, and of its groups, come to.
    pub fn grants(&self, account: &Account) -> Arc<[Grant]> {
        self.remembered(&account.id, || self.granted(account))
    }

    /// The same, worked out anew: for an account as it is about to be.
    pub fn granted(&self, account: &Account) -> Vec<Grant> {
        let bindings = self.bindings_of(account);
        bindings.filter_map(|binding| self.grant(binding)).collect()
    }

    /// The bindings of an account and of its groups, the provider's too.
    pub fn bindings_of(&self, account: &Account) -> impl Iterator<Item = &Binding> {
        self.bindings
            .values()
            .filter(move |binding| match &binding.subject {
                Subject::Account(id) => *id == account.id,
                Subject::Group(name) => account.is_in(name),
            })
    }

    /// The groups of the provider's that somebody is in and that are bound to something.
    pub fn bound_groups(&self, account: &Account) -> Vec<String> {
        let mut bound = account.provider_groups.clone();
        let is_bound = |name: &String| {
            let mut all = self.bindings.values();
            all.any(|one| matches!(&one.subject, Subject::Group(bound) if bound == name))
        };
        bound.retain(is_bound);
        bound
    }

    /// A binding with its role looked up.
    pub fn grant(&self, binding: &Binding) -> Option<Grant> {
        let role = self.role(&binding.role)?;
        Some(Grant {
            extent: binding.extent.clone(),
            permissions: role.permissions,
            mask: role.mask,
        })
    }

    /// What is left of an account's grants within the bounds of a token or link.
    pub fn bounded(&self, id: &Identifier, account: &Account, bounds: &Grant) -> Arc<[Grant]> {
        self.remembered(id, || bounded(&self.grants(account), bounds))
    }

    fn remembered(&self, id: &Identifier, make: impl FnOnce() -> Vec<Grant>) -> Arc<[Grant]> {
        if let Some(known) = self.grants.read().get(id) {
            return Arc::clone(known);
        }
        let grants: Arc<[Grant]> = make().into();
        self.grants.write().insert(id.clone(), Arc::clone(&grants));
        grants
    }

    /// Who can sign in and may do everything, and by which bindings.
    pub fn owners(&self) -> impl Iterator<Item = (&Account, &Binding)> {
        let everything =
            |binding: &&Binding| binding.role == OWNER && binding.extent == Extent::Server;
        self.bindings
            .values()
            .filter(everything)
            .flat_map(|binding| {
                let bound = |account: &&Account| match &binding.subject {
                    Subject::Account(id) => *id == account.id,
                    Subject::Group(name) => account.is_in(name),
                };
                let able = |account: &&Account| !account.disabled && account.password.is_some();
                let accounts = self.accounts.values().filter(able).filter(bound);
                accounts.map(move |account| (account, binding))
            })
    }

    /// Refuses what would leave no owner, where there is one.
    pub fn must_keep_owner(&self, gone: impl Fn(&Account, &Binding) -> bool) -> Result<(), Error> {
        let mut left = self
            .owners()
            .filter(|(account, binding)| !gone(account, binding));
        match left.next().is_some() || self.owners().next().is_none() {
            true => Ok(()),
            false => Err(Error::LastOwner),
        }
    }
}

/// What is left of grants within bounds.
pub(super) fn bounded(grants: &[Grant], bounds: &Grant) -> Vec<Grant> {
    let within = grants.iter().filter_map(|grant| grant.within(bounds));
    within.collect()
}
