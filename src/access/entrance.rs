//! From what a caller shows to a principal: tokens, sessions, passwords, links.

use super::account::{Account, AccountKind, Login};
use super::administration::sessions_of;
use super::binding::{Binding, Extent, Grant, Subject};
use super::book::{Book, Change, Used, bounded};
use super::identifier::Identifier;
use super::link::{BOOTSTRAP_LIFE, Bootstrap, Claims, EMBED_LIFE_MAX, Frozen, Link};
use super::password::Kept;
use super::principal::{Credential, Principal};
use super::role::OWNER;
use super::secret::Secret;
use super::session::{SESSION_LIFE, SESSIONS_PER_ACCOUNT_MAX, Session, shortened};
use super::token::{self, Kind, Malformed, Presented, TOKEN_BYTES_MAX, Token};
use super::{Access, Error, instant};
use entry::{ActorKind, Filter, Mask, Party, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Why somebody was not let in. A caller is told no more than that, and how long to wait; the log may say which.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// There is none, its secret is another, or the password is wrong: the same to whoever tries.
    #[error("nobody is known by that")]
    Unknown,
    #[error("that is over")]
    Expired,
    /// The account behind it is disabled.
    #[error("the account is disabled")]
    Disabled,
    #[error("too many attempts; the next may be made in {} s", wait.as_secs().max(1))]
    Slow { wait: Duration },
    #[error(transparent)]
    Failed(#[from] Error),
}

/// How coarsely the use of a token is noted, in microseconds: a quarter of an hour.
const TOKEN_USE: i64 = 15 * 60 * 1_000_000;
/// How coarsely that of a session is, which idles by it: a minute.
const SESSION_USE: i64 = 60 * 1_000_000;

/// What an embedded page may show.
#[derive(Clone, Debug)]
pub struct Embedded {
    pub extent: Extent,
    pub mask: Mask,
    /// Query text; relative times are frozen.
    pub filter: String,
    pub life: Duration,
}

impl Access {
    /// Who shows this token, session, link or embed token. Microseconds; no disk.
    pub fn authenticate(&self, text: &str, now: Timestamp) -> Result<Principal, Denied> {
        let shown = Presented::parse(text)?;
        if shown.kind == Kind::Embed {
            let claims = Claims::read(&shown, &self.key).ok_or(Denied::Unknown)?;
            return by_claims(&self.book.read(), claims, now);
        }
        let id = shown.identifier().ok_or(Denied::Unknown)?;
        let book = self.book.read();
        match shown.kind {
            Kind::Personal | Kind::Service | Kind::Recorder => {
                let known = book
                    .tokens
                    .get(&id)
                    .filter(|used| used.of.kind == shown.kind);
                let token = known.filter(|used| shown.is_kept_as(&used.of.digest));
                by_token(&book, token.ok_or(Denied::Unknown)?, now)
            }
            Kind::Session => {
                let known = book.sessions.get(&id);
                let session = known.filter(|used| shown.is_kept_as(&used.of.digest));
                by_session(&book, session.ok_or(Denied::Unknown)?, now)
            }
            Kind::Auditor => {
                let known = book.links.get(&id);
                let link = known.filter(|link| link.is_signed(&self.key, &shown));
                by_link(&book, link.ok_or(Denied::Unknown)?, now)
            }
            Kind::Bootstrap | Kind::Embed => Err(Denied::Unknown),
        }
    }

    /// The same principal with what it may do by now, for streams: see [`Access::changes`].
    pub fn renew(&self, principal: &Principal, now: Timestamp) -> Result<Principal, Denied> {
        let book = self.book.read();
        match &principal.credential {
            Credential::Process => Ok(principal.clone()),
            // The door was open; it is not any more.
            Credential::Local => Err(Denied::Unknown),
            Credential::Token(id) => {
                by_token(&book, book.tokens.get(id).ok_or(Denied::Unknown)?, now)
            }
            Credential::Session(id) => {
                by_session(&book, book.sessions.get(id).ok_or(Denied::Unknown)?, now)
            }
            Credential::Link(id) => by_link(&book, book.links.get(id).ok_or(Denied::Unknown)?, now),
            Credential::Embed(claims) => by_claims(&book, Claims::clone(claims), now),
        }
    }

    /// Signs a person in. `browser` is what its owner will know the session by.
    ///
    /// Takes as long as hashing a password does, whether or not there is such an account.
    pub fn sign_in(
        &self,
        login: &str,
        password: &Secret,
        from: IpAddr,
        browser: &str,
        now: Timestamp,
    ) -> Result<(Session, Secret), Denied> {
        let name = login.to_ascii_lowercase();
        let attempt = self.limiter.lock().attempt(&name, from, now);
        attempt.map_err(|wait| Denied::Slow { wait })?;
        let account = self.known_by(login, password).ok_or(Denied::Unknown)?;
        self.limiter.lock().succeeded(&name, from, now);
        let outdated = account.password.as_ref().is_some_and(Kept::is_outdated);
        // One that was good enough when it was chosen, and is not any more, stays as it is until its owner changes it.
        let anew = match outdated {
            true => Kept::new(password, self.random()?).ok(),
            false => None,
        };
        let id = self.identifier()?;
        let (secret, digest) = token::make(Kind::Session, &id, self.random()?);
        let session = Session {
            id,
            account: account.id.clone(),
            digest,
            from: shortened(&format!("{from} {browser}")),
            created_at: now,
            expires_at: instant::later(now, SESSION_LIFE),
            seen_at: now,
        };
        self.change(|book| {
            // Somebody may have disabled it, or changed the password, while this one was hashed.
            let current = book.active(&account.id);
            let Some(current) = current.filter(|one| one.password == account.password) else {
                return Ok((Err(Denied::Unknown), Vec::new()));
            };
            let mut changes = room_for_session(book, &account.id, now);
            if let Some(password) = anew {
                let password = Some(password);
                let current = current.clone();
                changes.push(Change::Account(Box::new(Account {
                    password,
                    ..current
                })));
            }
            changes.push(Change::Session(session.clone()));
            Ok((Ok(()), changes))
        })??;
        Ok((session, secret))
    }

    /// Gives the caller's own account another password, for who knows the one it has. Its other sessions end.
    ///
    /// Attempts are counted as those to sign in are.
    pub fn change_password(
        &self,
        by: &Principal,
        old: &Secret,
        new: &Secret,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let (Credential::Session(session), Some(id)) = (&by.credential, &by.account) else {
            return Err(Error::NotYours.into());
        };
        let account = self.book.read().active(id).cloned();
        let account = account.ok_or(Denied::Unknown)?;
        let login = account.login.as_str();
        let attempt = self.limiter.lock().attempt(login, from, now);
        attempt.map_err(|wait| Denied::Slow { wait })?;
        let known = account.password.as_ref().filter(|kept| kept.is_of(old));
        known.ok_or(Denied::Unknown)?;
        self.limiter.lock().succeeded(login, from, now);
        let anew = Some(Kept::new(new, self.random()?)?);
        self.change(|book| {
            // Somebody else may have changed it while this one was hashed.
            let current = book.active(id);
            let Some(current) = current.filter(|one| one.password == account.password) else {
                return Ok((Err(Denied::Unknown), Vec::new()));
            };
            let mut changes = sessions_of(book, id);
            changes.retain(|change| !matches!(change, Change::NoSession(one) if one == session));
            let password = anew;
            let current = current.clone();
            changes.push(Change::Account(Box::new(Account {
                password,
                ..current
            })));
            Ok((Ok(()), changes))
        })?
    }

    /// The account that has this login and this password.
    fn known_by(&self, login: &str, password: &Secret) -> Option<Account> {
        let login = Login::parse(login);
        let account = login.and_then(|login| {
            let book = self.book.read();
            let account = book.active(book.logins.get(&login)?)?;
            Some(account.clone())
        });
        match account
            .as_ref()
            .and_then(|account| account.password.as_ref())
        {
            Some(kept) => account.as_ref().filter(|_| kept.is_of(password)).cloned(),
            None => {
                Kept::of_nobody(password);
                None
            }
        }
    }

    /// The link by which the first owner makes itself known; `None` once there is one. An earlier link is void then.
    pub fn bootstrap_link(&self, now: Timestamp) -> Result<Option<Secret>, Error> {
        let id = self.identifier()?;
        let (secret, digest) = token::make(Kind::Bootstrap, &id, self.random()?);
        self.change(|book| {
            if book.owners().next().is_some() {
                let kept = book.bootstrap.as_ref();
                let over = kept.filter(|kept| !kept.recovers || now >= kept.expires_at);
                let over = over.map(|_| Change::NoBootstrap);
                return Ok((None, over.into_iter().collect()));
            }
            let bootstrap = Bootstrap {
                id,
                digest,
                expires_at: instant::later(now, BOOTSTRAP_LIFE),
                recovers: false,
            };
            Ok((Some(secret), vec![Change::Bootstrap(bootstrap)]))
        })
    }

    /// True if somebody can sign in who may do everything.
    pub fn has_owner(&self) -> bool {
        self.book.read().owners().next().is_some()
    }

    /// True while somebody can become an owner by a link: [`Access::claim`].
    pub fn may_be_claimed(&self, now: Timestamp) -> bool {
        let book = self.book.read();
        book.bootstrap
            .as_ref()
            .is_some_and(|kept| now < kept.expires_at)
    }

    /// A link as of the first start, though there are owners: for whoever has the machine and lost all of them. Outlives
    /// restarts until it is used or over; an earlier link is void then.
    pub fn recovery_link(&self, now: Timestamp) -> Result<Secret, Error> {
        let id = self.identifier()?;
        let (secret, digest) = token::make(Kind::Bootstrap, &id, self.random()?);
        let bootstrap = Bootstrap {
            id,
            digest,
            expires_at: instant::later(now, BOOTSTRAP_LIFE),
            recovers: true,
        };
        self.change(|_| Ok((secret, vec![Change::Bootstrap(bootstrap)])))
    }

    /// Revokes every token and link, and ends every session: for a file from before some of them were. How many there were.
    pub fn revoke_everything(&self) -> Result<usize, Error> {
        self.change(|book| {
            let tokens = book.tokens.keys().cloned().map(Change::NoToken);
            let sessions = book.sessions.keys().cloned().map(Change::NoSession);
            let links = book.links.keys().cloned().map(Change::NoLink);
            let all: Vec<Change> = tokens.chain(sessions).chain(links).collect();
            Ok((all.len(), all))
        })
    }

    /// Makes the first owner, once.
    pub fn claim(
        &self,
        link: &str,
        login: &str,
        name: &str,
        password: &Secret,
        now: Timestamp,
    ) -> Result<Account, Denied> {
        let shown = Presented::parse(link)?;
        let is_shown =
            |kept: &&Bootstrap| shown.kind == Kind::Bootstrap && shown.is_kept_as(&kept.digest);
        let good = |book: &Book| match book.bootstrap.as_ref().filter(is_shown) {
            None => Err(Denied::Unknown),
            Some(kept) if now >= kept.expires_at => Err(Denied::Expired),
            Some(_) => Ok(()),
        };
        // Before the password is hashed, and again when nobody else can use it up.
        good(&self.book.read())?;
        let login = Login::parse(login)
            .ok_or_else(|| Error::invalid("login", "is a mail address or a slug"))?;
        let mut account = Account::new(self.identifier()?, AccountKind::Person, login, name, now)?;
        account.password = Some(Kept::new(password, self.random()?)?);
        let binding = Binding {
            id: self.identifier()?,
            subject: Subject::Account(account.id.clone()),
            role: OWNER.to_owned(),
            extent: Extent::Server,
        };
        self.change(|book| {
            if let Err(denied) = good(book) {
                return Ok((Err(denied), Vec::new()));
            }
            if book.logins.contains_key(&account.login) {
                return Err(Error::taken("login", account.login.as_str()));
            }
            let changes = vec![
                Change::Account(Box::new(account.clone())),
                Change::Binding(binding),
                Change::NoBootstrap,
            ];
            Ok((Ok(account), changes))
        })?
    }

    /// A short-lived token for a page within another page, made by a program that shows a token itself.
    pub fn embed(
        &self,
        by: &Principal,
        wanted: &Embedded,
        now: Timestamp,
    ) -> Result<Secret, Error> {
        let Credential::Token(token) = &by.credential else {
            return Err(Error::NotYours);
        };
        if wanted.life.is_zero() || wanted.life > EMBED_LIFE_MAX {
            return Err(Error::invalid("life", "is at most an hour"));
        }
        let claims = Claims {
            token: token.clone(),
            extent: wanted.extent.clone(),
            mask: wanted.mask,
            filter: Frozen::new(&wanted.filter, now)?,
            expires_at: instant::later(now, wanted.life),
        };
        if !by.has_all_of(&claims.bounds()) {
            return Err(Error::NotYours);
        }
        let text = claims.sign(&self.key);
        match text.expose().len() <= TOKEN_BYTES_MAX {
            true => Ok(text),
            false => Err(Error::invalid(
                "filter",
                "is too long for a token, with its extent",
            )),
        }
    }

    /// Writes down when tokens and sessions were used last, and forgets sessions and first-start links that are over: now
    /// and then, and before the end; what the log was told since goes too. Nothing is written where nothing changed.
    pub fn tidy(&self, now: Timestamp) -> Result<(), Error> {
        self.forget_told()?;
        self.change(|book| {
            let mut changes: Vec<Change> = Vec::new();
            for used in book
                .tokens
                .values()
                .filter(|used| used.at() != used.of.used_at)
            {
                let used_at = used.at();
                let token = used.of.clone();
                changes.push(Change::Token(Token { used_at, ..token }));
            }
            for used in book.sessions.values() {
                let seen_at = seen(used);
                if used.of.is_over(seen_at, now) {
                    changes.push(Change::NoSession(used.of.id.clone()));
                } else if seen_at != used.of.seen_at {
                    let session = used.of.clone();
                    changes.push(Change::Session(Session { seen_at, ..session }));
                }
            }
            let over = book
                .bootstrap
                .as_ref()
                .is_some_and(|kept| now >= kept.expires_at);
            changes.extend(over.then_some(Change::NoBootstrap));
            Ok(((), changes))
        })
    }
}

fn seen(session: &Used<Session>) -> Timestamp {
    session.at().unwrap_or(session.of.seen_at)
}

/// The oldest sessions of an account give way to a new one.
pub(super) fn room_for_session(book: &Book, account: &Identifier, now: Timestamp) -> Vec<Change> {
    let all = book.sessions.values();
    let mut own: Vec<&Used<Session>> = all.filter(|used| used.of.account == *account).collect();
    own.sort_by_key(|used| (!used.of.is_over(seen(used), now), used.of.created_at));
    let live = own
        .iter()
        .filter(|used| !used.of.is_over(seen(used), now))
        .count();
    let over = own.len() - live;
    let gone = over + (live + 1).saturating_sub(SESSIONS_PER_ACCOUNT_MAX);
    let gone = own.into_iter().take(gone);
    gone.map(|used| Change::NoSession(used.of.id.clone()))
        .collect()
}

fn active<'a>(book: &'a Book, id: &Identifier) -> Result<&'a Account, Denied> {
    book.active(id).ok_or(Denied::Disabled)
}

fn by_token(book: &Book, used: &Used<Token>, now: Timestamp) -> Result<Principal, Denied> {
    let token = &used.of;
    if token.expires_at.is_some_and(|at| now >= at) {
        return Err(Denied::Expired);
    }
    let account = active(book, &token.account)?;
    used.note(now, TOKEN_USE);
    let bounds = Grant {
        extent: token.extent.clone(),
        permissions: token.permissions,
        mask: Mask::NONE,
    };
    Ok(Principal {
        credential: Credential::Token(token.id.clone()),
        account: Some(account.id.clone()),
        party: account.party(),
        grants: book.bounded(&token.id, account, &bounds),
        only: Filter::everything(),
    })
}

fn by_session(book: &Book, used: &Used<Session>, now: Timestamp) -> Result<Principal, Denied> {
    if used.of.is_over(seen(used), now) {
        return Err(Denied::Expired);
    }
    let account = active(book, &used.of.account)?;
    used.note(now, SESSION_USE);
    Ok(Principal {
        credential: Credential::Session(used.of.id.clone()),
        account: Some(account.id.clone()),
        party: account.party(),
        grants: book.grants(account),
        only: Filter::everything(),
    })
}

fn by_link(book: &Book, link: &Link, now: Timestamp) -> Result<Principal, Denied> {
    if now >= link.expires_at {
        return Err(Denied::Expired);
    }
    let maker = active(book, &link.account)?;
    // Nobody signed in: what is known is which link it was.
    let party = Party {
        id: Some(link.id.as_str().into()),
        name: Some(link.name.as_str().into()),
        ..Party::of(ActorKind::Anonymous)
    };
    Ok(Principal {
        credential: Credential::Link(link.id.clone()),
        account: Some(maker.id.clone()),
        party,
        grants: book.bounded(&link.id, maker, &link.bounds()),
        only: link.filter.filter().clone(),
    })
}

fn by_claims(book: &Book, claims: Claims, now: Timestamp) -> Result<Principal, Denied> {
    if now >= claims.expires_at {
        return Err(Denied::Expired);
    }
    let token = book.tokens.get(&claims.token).ok_or(Denied::Unknown)?;
    let maker = by_token(book, token, now)?;
    Ok(Principal {
        grants: Arc::from(bounded(&maker.grants, &claims.bounds())),
        only: claims.filter.filter().clone(),
        credential: Credential::Embed(Box::new(claims)),
        ..maker
    })
}
