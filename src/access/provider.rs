//! People who sign in elsewhere: at an OpenID provider, which says who they are and which groups they are in.
//!
//! An account is found again by what the provider calls its owner for ever, never by a name or an address of mail: those
//! change hands. Its groups are kept apart from those that are managed here and are named `oidc:<group>`, so that no
//! group of the provider's grants what was given to one of ours.

use super::account::{Account, AccountKind, Login, NAME_BYTES_MAX};
use super::administration::ACCOUNTS_MAX;
use super::book::{Book, Change};
use super::entrance::room_for_session;
use super::identifier::Identifier;
use super::instant;
use super::role::is_slug;
use super::secret::Secret;
use super::session::{SESSION_LIFE, Session, shortened};
use super::token::{self, Kind};
use super::{Access, Denied, Error};
use entry::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What the names of a provider's groups begin with here.
pub const GROUP_PREFIX: &str = "oidc:";
/// The longest name of a provider's group, in bytes, without the prefix: a path of them fits.
pub const GROUP_BYTES_MAX: usize = 256;
/// Groups that a provider may name for one person: each may be bound.
pub const PROVIDER_GROUPS_MAX: usize = 256;

/// Who somebody is to a provider, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    pub issuer: String,
    pub subject: String,
}

/// Somebody who has just signed in at a provider, as the provider says.
#[derive(Clone, Debug)]
pub struct Newcomer {
    pub elsewhere: Elsewhere,
    /// What a new account is named by, the best first.
    pub logins: Vec<Login>,
    pub name: String,
    /// As they are bound here: see [`group`].
    pub groups: Vec<String>,
}

/// Somebody who has come in.
#[derive(Debug)]
pub struct Arrival {
    pub account: Account,
    pub session: Session,
    pub secret: Secret,
    /// For the first time.
    pub is_new: bool,
}

/// Why somebody whom the provider knows does not come in.
#[derive(Debug, thiserror::Error)]
pub enum Barred {
    /// Whoever has a name elsewhere does not become who has it here.
    #[error("an account that signs in with a password is named {login} already")]
    Taken { login: Login },
    #[error("the account is disabled")]
    Disabled { account: Box<Account> },
    #[error(transparent)]
    Failed(#[from] Error),
}

/// The name here of a group of the provider's; `None` for one that cannot be bound.
pub fn group(name: &str) -> Option<String> {
    let fits = (1..=GROUP_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control);
    fits.then(|| format!("{GROUP_PREFIX}{name}"))
}

/// True for what can be bound as a group: a slug, or a group of the provider's.
pub(super) fn is_group(name: &str) -> bool {
    is_slug(name) || name.strip_prefix(GROUP_PREFIX).and_then(group).is_some()
}

impl Access {
    /// Pays for an attempt that names nobody yet; [`Access::arrive`] gives it back.
    pub fn attempt_from(&self, from: IpAddr, now: Timestamp) -> Result<(), Denied> {
        let attempt = self.limiter.lock().attempt_from(from, now);
        attempt.map_err(|wait| Denied::Slow { wait })
    }

    /// A signature of this server's that nobody else can make.
    pub fn sign(&self, purpose: &str, texts: &[&str]) -> String {
        self.key.sign(purpose, texts)
    }

    /// Compared in constant time.
    pub fn is_signed(&self, purpose: &str, texts: &[&str], signature: &str) -> bool {
        self.key.signed(purpose, texts, signature)
    }

    /// Begins a session for who signed in at a provider; the first time with an account of their own, which may do no more
    /// than the provider's groups may.
    pub fn arrive(
        &self,
        newcomer: &Newcomer,
        from: IpAddr,
        browser: &str,
        now: Timestamp,
    ) -> Result<Arrival, Barred> {
        let (account, session) = (self.identifier()?, self.identifier()?);
        let (secret, digest) = token::make(Kind::Session, &session, self.random()?);
        let arrived = self.change(|book| {
            let known = book.elsewhere.get(&newcomer.elsewhere);
            let known = known.and_then(|id| book.accounts.get(id));
            let account = match known.map_or_else(
                || first_account(book, newcomer, account, now),
                |known| again(known, newcomer),
            ) {
                Ok(account) => account,
                Err(barred) => return Ok((Err(barred), Vec::new())),
            };
            let session = Session {
                id: session,
                account: account.id.clone(),
                digest,
                from: shortened(&format!("{from} {browser}")),
                created_at: now,
                expires_at: instant::later(now, SESSION_LIFE),
                seen_at: now,
            };
            let mut changes = room_for_session(book, &account.id, now);
            let differs = |before: &Account| {
                before.name != account.name || before.provider_groups != account.provider_groups
            };
            if known.is_none_or(differs) {
                changes.push(Change::Account(Box::new(account.clone())));
            }
            changes.push(Change::Session(session.clone()));
            let arrival = Arrival {
                is_new: known.is_none(),
                account,
                session,
                secret,
            };
            Ok((Ok(arrival), changes))
        })?;
        if arrived.is_ok() {
            self.limiter.lock().succeeded_from(from, now);
        }
        arrived
    }
}

/// What the provider says now counts: it may have another name for somebody, and other groups.
fn again(known: &Account, newcomer: &Newcomer) -> Result<Account, Barred> {
    if known.disabled {
        let account = Box::new(known.clone());
        return Err(Barred::Disabled { account });
    }
    let mut account = known.clone();
    account.name = name_of(newcomer, &account.login);
    account.set_provider_groups(&newcomer.groups)?;
    Ok(account)
}

fn first_account(
    book: &Book,
    newcomer: &Newcomer,
    id: Identifier,
    now: Timestamp,
) -> Result<Account, Barred> {
    if book.accounts.len() >= ACCOUNTS_MAX {
        let what = "accounts";
        let max = ACCOUNTS_MAX;
        return Err(Error::Full { what, max }.into());
    }
    let login = login(book, newcomer, &id)?;
    let name = name_of(newcomer, &login);
    let mut account = Account::new(id, AccountKind::Person, login, &name, now)?;
    account.elsewhere = Some(newcomer.elsewhere.clone());
    account.set_provider_groups(&newcomer.groups)?;
    Ok(account)
}

/// The first name that is free. A name that an account of our own has first is no accident: somebody has to decide.
fn login(book: &Book, newcomer: &Newcomer, id: &Identifier) -> Result<Login, Barred> {
    for wanted in &newcomer.logins {
        let holder = book.logins.get(wanted).and_then(|id| book.accounts.get(id));
        match holder {
            None => return Ok(wanted.clone()),
            Some(account) if account.elsewhere.is_none() => {
                let login = wanted.clone();
                return Err(Barred::Taken { login });
            }
            // Somebody else had that address before, at the provider.
            Some(_) => {}
        }
    }
    let named = newcomer.logins.first().map_or("person", Login::as_str);
    let plain = named.split('@').next().unwrap_or_default();
    let plain: String = plain
        .chars()
        .filter(|c| is_slug(c.encode_utf8(&mut [0; 4])))
        .take(40)
        .collect();
    let text = format!("{plain}-{id}");
    let login = Login::parse(&text).filter(|login| !book.logins.contains_key(login));
    login.ok_or_else(|| Error::taken("login", &text).into())
}

fn name_of(newcomer: &Newcomer, login: &Login) -> String {
    let name = newcomer.name.trim();
    match name.is_empty() {
        true => login.as_str().to_owned(),
        false => name[..name.floor_char_boundary(NAME_BYTES_MAX)].to_owned(),
    }
}
