//! Changes to who may do what, and who may make them. Whoever makes one must hold all that it gives to somebody.

use super::account::{Account, AccountKind, Login};
use super::binding::{Binding, Extent, Grant, PROJECTS_MAX, Subject};
use super::book::{Book, Change, bounded};
use super::identifier::Identifier;
use super::link::{Frozen, LINK_LIFE_MAX, Link, OF_LINKS};
use super::password::Kept;
use super::permission::{Permission, Permissions};
use super::principal::{Credential, Principal};
use super::provider::is_group;
use super::reach::Reach;
use super::role::Role;
use super::secret::Secret;
use super::session::Session;
use super::token::{self, Kind, Token};
use super::{Access, Error, instant};
use entry::{Mask, Timestamp};
use std::collections::BTreeSet;

/// Accounts at most: they are all in memory.
pub const ACCOUNTS_MAX: usize = 100_000;
/// Roles of a deployment's own.
pub const ROLES_MAX: usize = 1_000;
/// Bindings of one account or group: each is a condition of every search.
pub const BINDINGS_PER_SUBJECT_MAX: usize = 64;
/// Tokens of one account: more are a program that makes one for every call.
pub const TOKENS_PER_ACCOUNT_MAX: usize = 100;
/// Auditor links in all.
pub const LINKS_MAX: usize = 10_000;
/// What a token or link is for, in bytes.
const PURPOSE_BYTES_MAX: usize = 256;

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub account: Identifier,
    pub kind: Kind,
    pub name: String,
    pub permissions: Permissions,
    pub extent: Extent,
    pub expires_at: Option<Timestamp>,
}

/// An auditor's link to be made.
#[derive(Clone, Debug)]
pub struct NewLink {
    pub name: String,
    pub permissions: Permissions,
    pub extent: Extent,
    pub mask: Mask,
    /// Query text; relative times are frozen.
    pub filter: String,
    pub expires_at: Timestamp,
}

impl Error {
    pub(super) fn taken(what: &'static str, name: &str) -> Self {
        Error::Taken {
            what,
            name: name.to_owned(),
        }
    }
}

fn not_more(count: usize, max: usize, what: &'static str) -> Result<(), Error> {
    match count < max {
        true => Ok(()),
        false => Err(Error::Full { what, max }),
    }
}

fn purpose(name: &str) -> Result<(), Error> {
    match (1..=PURPOSE_BYTES_MAX).contains(&name.len()) {
        true => Ok(()),
        false => Err(Error::invalid("name", "has 1 to 256 bytes")),
    }
}

fn known<T>(found: Option<T>, what: &'static str) -> Result<T, Error> {
    found.ok_or(Error::NotFound { what })
}

fn yours(may: bool) -> Result<(), Error> {
    match may {
        true => Ok(()),
        false => Err(Error::NotYours),
    }
}

impl Principal {
    /// May give the role, or take it, there: manages access there, and holds all that it permits.
    fn must_pass_on(&self, book: &Book, role: &str, extent: &Extent) -> Result<(), Error> {
        let role = known(book.role(role), "role")?;
        let grant = Grant {
            extent: extent.clone(),
            permissions: role.permissions,
            mask: role.mask,
        };
        let manages = self.reach(Permission::ManageAccess);
        yours(manages.contains(extent, Mask::all()) && self.has_all_of(&grant))
    }

    /// May put somebody into the group, or take them out. A group that is bound nowhere may be bound tomorrow, to anything.
    fn must_change_group(&self, book: &Book, name: &str) -> Result<(), Error> {
        let of_group = |binding: &&Binding| binding.subject == Subject::Group(name.to_owned());
        let mut bindings = book.bindings.values().filter(of_group).peekable();
        if bindings.peek().is_none() {
            return yours(self.manages_all());
        }
        bindings.try_for_each(|binding| self.must_pass_on(book, &binding.role, &binding.extent))
    }

    /// May act for the account: it is one's own, or one manages access wherever it may do something, and may do all of that.
    fn must_stand_for(&self, book: &Book, account: &Account) -> Result<(), Error> {
        let own = self.is_own_session(&account.id);
        let manages = || {
            let reach = self.reach(Permission::ManageAccess);
            let grants = book.grants(account);
            let mut each = grants.iter();
            // Managing access elsewhere is not enough where one only has what the account has.
            let yours = |grant: &Grant| {
                reach.contains(&grant.extent, Mask::all()) && self.has_all_of(grant)
            };
            self.holds(Permission::ManageAccess) && each.all(yours)
        };
        yours(own || manages())
    }

    /// May have what lets somebody in as the account, now and later. An account that may do nothing yet may be given anything
    /// tomorrow, by others: a password or a token that was set before would come with it.
    fn must_act_as(&self, book: &Book, account: &Account) -> Result<(), Error> {
        self.must_stand_for(book, account)?;
        let own = self.account.as_ref() == Some(&account.id);
        yours(own || !book.grants(account).is_empty() || self.manages_all())
    }

    fn manages_all(&self) -> bool {
        let manages = self.reach(Permission::ManageAccess);
        manages.contains(&Extent::Server, Mask::all())
    }

    /// Whether there is such an account: to itself, and to who manages access where it may do anything. Who may do nothing
    /// yet is waiting to be bound by any of them, and who acts for the whole server acts for each.
    fn may_know(&self, book: &Book, account: &Account) -> bool {
        let manages = || {
            let reach = self.reach(Permission::ManageAccess);
            let grants = book.grants(account);
            let near = |grant: &Grant| {
                grant
                    .extent
                    .organization()
                    .is_none_or(|of| reach.touches(of))
            };
            !reach.is_nothing() && (grants.is_empty() || grants.iter().any(near))
        };
        self.account() == Some(&account.id) || self.manages_all() || manages()
    }

    fn is_own_session(&self, account: &Identifier) -> bool {
        matches!(self.credential, Credential::Session(_)) && self.account.as_ref() == Some(account)
    }

    /// May change what roles mean: that holds wherever they are bound.
    fn must_define(&self, role: &Role) -> Result<(), Error> {
        let grant = Grant {
            extent: Extent::Server,
            permissions: role.permissions,
            mask: role.mask,
        };
        yours(self.manages_all() && self.has_all_of(&grant))
    }
}

/// People and services.
impl Access {
    /// Adds somebody, who may do nothing yet. A service has no password.
    pub fn add_account(
        &self,
        by: &Principal,
        kind: AccountKind,
        login: &str,
        name: &str,
        password: Option<&Secret>,
        now: Timestamp,
    ) -> Result<Account, Error> {
        yours(by.holds(Permission::ManageAccess))?;
        let login = Login::parse(login)
            .ok_or_else(|| Error::invalid("login", "is a mail address or a slug"))?;
        let mut account = Account::new(self.identifier()?, kind, login, name, now)?;
        account.password = match (kind, password) {
            (AccountKind::Service, Some(_)) => {
                return Err(Error::invalid("password", "services show tokens"));
            }
            (_, None) => None,
            (AccountKind::Person, Some(password)) => Some(Kept::new(password, self.random()?)?),
        };
        self.change(|book| {
            not_more(book.accounts.len(), ACCOUNTS_MAX, "accounts")?;
            if book.logins.contains_key(&account.login) {
                return Err(Error::taken("login", account.login.as_str()));
            }
            Ok((account.clone(), vec![Change::Account(Box::new(account))]))
        })
    }

    /// Gives somebody's account another password; all of its sessions end. One's own takes the old one, by
    /// [`Access::change_password`]: a browser that was left open is not enough.
    pub fn set_password(
        &self,
        by: &Principal,
        id: &Identifier,
        password: &Secret,
    ) -> Result<(), Error> {
        if by.is_own_session(id) {
            return Err(Error::invalid(
                "old_password",
                "is needed to change one's own",
            ));
        }
        let kept = Kept::new(password, self.random()?)?;
        self.change_account(by, id, |book, account| {
            by.must_act_as(book, account)?;
            if account.kind == AccountKind::Service {
                return Err(Error::invalid("password", "services show tokens"));
            }
            // Else who is let in no more at the provider still would be here.
            if account.elsewhere.is_some() {
                return Err(Error::invalid("password", "it signs in at its provider"));
            }
            account.password = Some(kept);
            Ok(sessions_of(book, id))
        })
    }

    /// Disables an account: it does nothing any more, from now on, nor does what acts for it; its sessions end for good.
    pub fn disable(&self, by: &Principal, id: &Identifier) -> Result<(), Error> {
        self.change_account(by, id, |book, account| {
            book.must_keep_owner(|other, _| other.id == *id)?;
            account.disabled = true;
            Ok(sessions_of(book, id))
        })
    }

    pub fn enable(&self, by: &Principal, id: &Identifier) -> Result<(), Error> {
        self.change_account(by, id, |_, account| {
            account.disabled = false;
            Ok(Vec::new())
        })
    }

    /// Puts the account into these groups and no others. What the groups may do must be the caller's to give.
    pub fn set_groups(
        &self,
        by: &Principal,
        id: &Identifier,
        groups: &[&str],
    ) -> Result<(), Error> {
        self.change_account(by, id, |book, account| {
            let before = account.groups.clone();
            account.set_groups(groups)?;
            let joined = &account.groups;
            let changed = |name: &&String| before.contains(name) != joined.contains(name);
            for name in before.iter().chain(joined).filter(changed) {
                by.must_change_group(book, name)?;
            }
            book.must_keep_owner(|other, binding| match &binding.subject {
                Subject::Group(name) => other.id == *id && !joined.contains(name),
                Subject::Account(_) => false,
            })?;
            Ok(Vec::new())
        })
    }

    fn change_account(
        &self,
        by: &Principal,
        id: &Identifier,
        edit: impl FnOnce(&Book, &mut Account) -> Result<Vec<Change>, Error>,
    ) -> Result<(), Error> {
        self.change(|book| {
            let mut account = known(book.accounts.get(id), "account")?.clone();
            by.must_stand_for(book, &account)?;
            let mut changes = edit(book, &mut account)?;
            changes.push(Change::Account(Box::new(account)));
            Ok(((), changes))
        })
    }

    /// The accounts that the caller may know of, by login: those within what it manages, and its own.
    pub fn accounts(&self, by: &Principal) -> Vec<Account> {
        let book = self.book.read();
        let all = book
            .accounts
            .values()
            .filter(|account| by.may_know(&book, account));
        let mut all: Vec<Account> = all.cloned().collect();
        all.sort_by(|one, other| one.login.cmp(&other.login));
        all
    }

    /// The account of a login, if the caller may know of it.
    pub fn account_of(&self, by: &Principal, login: &str) -> Option<Account> {
        let book = self.book.read();
        let account = book.accounts.get(book.logins.get(&Login::parse(login)?)?);
        let known = |account: &&Account| by.may_know(&book, account);
        account.filter(known).cloned()
    }

    /// The account of an id, if the caller may know of it.
    pub fn account(&self, by: &Principal, id: &Identifier) -> Option<Account> {
        let book = self.book.read();
        let known = |account: &&Account| by.may_know(&book, account);
        book.accounts.get(id).filter(known).cloned()
    }

    /// True if the caller may act for the account: change it, make and revoke what acts for it.
    pub fn stands_for(&self, by: &Principal, id: &Identifier) -> bool {
        must_stand_for(by, &self.book.read(), id).is_ok()
    }

    /// True if the caller may have what lets somebody in as the account: set its password, make tokens for it.
    pub fn acts_as(&self, by: &Principal, id: &Identifier) -> bool {
        let book = self.book.read();
        let account = book.accounts.get(id);
        account.is_some_and(|account| by.must_act_as(&book, account).is_ok())
    }

    /// True if the caller may give the role there, and take it.
    pub fn passes_on(&self, by: &Principal, role: &str, extent: &Extent) -> bool {
        by.must_pass_on(&self.book.read(), role, extent).is_ok()
    }

    /// The groups that the caller is told of, by name: those with a role where it manages access; all, where that is
    /// everywhere.
    pub fn groups(&self, by: &Principal) -> BTreeSet<String> {
        let manages = by.reach(Permission::ManageAccess);
        let everywhere = manages.contains(&Extent::Server, Mask::all());
        let book = self.book.read();
        let bound = book
            .bindings
            .values()
            .filter_map(|binding| match &binding.subject {
                Subject::Group(name) if manages.contains(&binding.extent, Mask::all()) => {
                    Some(name)
                }
                _ => None,
            });
        let joined = book.accounts.values();
        let joined =
            joined.flat_map(|account| account.groups.iter().chain(&account.provider_groups));
        bound
            .chain(joined.filter(|_| everywhere))
            .cloned()
            .collect()
    }
}

pub(super) fn sessions_of(book: &Book, account: &Identifier) -> Vec<Change> {
    let all = book.sessions.values().map(|used| &used.of);
    let own = all.filter(|session| session.account == *account);
    own.map(|session| Change::NoSession(session.id.clone()))
        .collect()
}

/// Roles and bindings.
impl Access {
    /// Makes a role, or gives it another meaning wherever it is bound.
    pub fn put_role(&self, by: &Principal, role: Role) -> Result<(), Error> {
        self.change(|book| {
            by.must_define(&role)?;
            match book.roles.get(&role.name) {
                Some(before) => by.must_define(before)?,
                None => not_more(book.roles.len(), ROLES_MAX, "roles")?,
            }
            Ok(((), vec![Change::Role(role)]))
        })
    }

    /// Removes a role that is bound nowhere.
    pub fn remove_role(&self, by: &Principal, name: &str) -> Result<(), Error> {
        self.change(|book| {
            by.must_define(known(book.roles.get(name), "role")?)?;
            match book.bindings.values().any(|binding| binding.role == name) {
                true => Err(Error::InUse { what: "role" }),
                false => Ok(((), vec![Change::NoRole(name.to_owned())])),
            }
        })
    }

    /// Roles of the deployment's own, by name; [`super::role::BUILT_IN`] are there beside them. No secret to anybody.
    pub fn roles(&self) -> Vec<Role> {
        self.book.read().roles.values().cloned().collect()
    }

    /// Gives somebody a role somewhere.
    pub fn bind(
        &self,
        by: &Principal,
        subject: Subject,
        role: &str,
        extent: Extent,
    ) -> Result<Binding, Error> {
        let binding = Binding {
            id: self.identifier()?,
            subject,
            role: role.to_owned(),
            extent,
        };
        self.change(|book| {
            by.must_pass_on(book, role, &binding.extent)?;
            match &binding.subject {
                // One that the caller may not know of is there as little as one that is not.
                Subject::Account(id) => {
                    let account = book.accounts.get(id);
                    known(account.filter(|one| by.may_know(book, one)), "account").map(drop)?;
                }
                Subject::Group(name) if !is_group(name) => {
                    let detail = "is named [a-z0-9._-]{1,63}, or oidc: and the provider's name";
                    return Err(Error::invalid("group", detail));
                }
                Subject::Group(_) => {}
            }
            let others = book.bindings.values();
            let others = others.filter(|other| other.subject == binding.subject);
            let (mut count, mut projects) = (0, binding.extent.count());
            for other in others {
                count += 1;
                projects += other.extent.count();
            }
            not_more(count, BINDINGS_PER_SUBJECT_MAX, "bindings of one subject")?;
            not_more(projects - 1, PROJECTS_MAX, "projects of one subject")?;
            Ok((binding.clone(), vec![Change::Binding(binding)]))
        })
    }

    pub fn unbind(&self, by: &Principal, id: &Identifier) -> Result<(), Error> {
        self.change(|book| {
            let binding = known(book.bindings.get(id), "binding")?;
            by.must_pass_on(book, &binding.role, &binding.extent)?;
            book.must_keep_owner(|_, other| other.id == *id)?;
            Ok(((), vec![Change::NoBinding(id.clone())]))
        })
    }

    /// The bindings within what the caller manages access to, and its own.
    pub fn bindings(&self, by: &Principal) -> Vec<Binding> {
        let manages = by.reach(Permission::ManageAccess);
        let shown = |binding: &&Binding| {
            let own = matches!(&binding.subject, Subject::Account(id) if by.account() == Some(id));
            own || manages.contains(&binding.extent, Mask::all())
        };
        let book = self.book.read();
        book.bindings.values().filter(shown).cloned().collect()
    }
}

/// Tokens, links and sessions.
impl Access {
    /// Makes a token. The text is in no other answer, ever.
    pub fn create_token(
        &self,
        by: &Principal,
        wanted: &NewToken,
        now: Timestamp,
    ) -> Result<(Token, Secret), Error> {
        purpose(&wanted.name)?;
        if wanted.expires_at.is_some_and(|at| at <= now) {
            return Err(Error::invalid("expires_at", "is over already"));
        }
        let permissions = match wanted.kind {
            Kind::Recorder => wanted
                .permissions
                .and(Permissions::of(&[Permission::Record])),
            _ => wanted.permissions,
        };
        if permissions.is_none() {
            return Err(Error::invalid("permissions", "a token permits something"));
        }
        let id = self.identifier()?;
        let (secret, digest) = token::make(wanted.kind, &id, self.random()?);
        self.change(|book| {
            let account = book.active(&wanted.account);
            let account = known(account.filter(|one| by.may_know(book, one)), "account")?;
            by.must_act_as(book, account)?;
            let fits = match wanted.kind {
                Kind::Personal => account.kind == AccountKind::Person,
                Kind::Service | Kind::Recorder => account.kind == AccountKind::Service,
                Kind::Session | Kind::Auditor | Kind::Embed | Kind::Bootstrap => false,
            };
            if !fits {
                return Err(Error::invalid("kind", "does not go with the account"));
            }
            let all = book.tokens.values();
            let own = all.filter(|used| used.of.account == account.id).count();
            not_more(own, TOKENS_PER_ACCOUNT_MAX, "tokens of one account")?;
            let token = Token {
                id,
                kind: wanted.kind,
                name: wanted.name.clone(),
                account: account.id.clone(),
                digest,
                permissions,
                extent: wanted.extent.clone(),
                created_at: now,
                expires_at: wanted.expires_at,
                used_at: None,
            };
            Ok(((token.clone(), secret), vec![Change::Token(token)]))
        })
    }

    /// Revokes a token: nothing that shows it, or was made by it, is let in from now on.
    pub fn revoke_token(&self, by: &Principal, id: &Identifier) -> Result<(), Error> {
        self.change(|book| {
            let token = known(book.tokens.get(id), "token")?;
            must_stand_for(by, book, &token.of.account)?;
            Ok(((), vec![Change::NoToken(id.clone())]))
        })
    }

    /// The tokens that the caller may revoke, the newest first, with when they were used last.
    pub fn tokens(&self, by: &Principal) -> Vec<Token> {
        let book = self.book.read();
        let all = book.tokens.values();
        let all = all.filter(|used| must_stand_for(by, &book, &used.of.account).is_ok());
        let all = all.map(|used| Token {
            used_at: used.at(),
            ..used.of.clone()
        });
        let mut all: Vec<Token> = all.collect();
        all.sort_by(|one, other| (other.created_at, &one.id).cmp(&(one.created_at, &other.id)));
        all
    }

    /// Makes an auditor's link, in the name of who is signed in: a program's token makes none.
    pub fn create_link(
        &self,
        by: &Principal,
        wanted: &NewLink,
        now: Timestamp,
    ) -> Result<(Link, Secret), Error> {
        let link = self.drafted(by, wanted, now)?;
        let secret = link.token(&self.key);
        self.change(|book| {
            not_more(book.links.len(), LINKS_MAX, "links")?;
            Ok(((link.clone(), secret), vec![Change::Link(link)]))
        })
    }

    /// The link that would be made, and how far whoever has it would read: nothing is made.
    pub fn foreseen(
        &self,
        by: &Principal,
        wanted: &NewLink,
        now: Timestamp,
    ) -> Result<(Link, Reach), Error> {
        let link = self.drafted(by, wanted, now)?;
        let grants = bounded(&by.grants, &link.bounds());
        let reach = Reach::of(Permission::Read, &grants).only(link.filter.filter());
        Ok((link, reach))
    }

    fn drafted(&self, by: &Principal, wanted: &NewLink, now: Timestamp) -> Result<Link, Error> {
        purpose(&wanted.name)?;
        let (Credential::Session(_), Some(account)) = (&by.credential, &by.account) else {
            return Err(Error::NotYours);
        };
        if wanted.expires_at <= now || wanted.expires_at > instant::later(now, LINK_LIFE_MAX) {
            return Err(Error::invalid("expires_at", "lies at most a year ahead"));
        }
        let permissions = wanted.permissions.and(OF_LINKS);
        if permissions.is_none() || permissions != wanted.permissions {
            return Err(Error::invalid(
                "permissions",
                "a link may read, export and verify",
            ));
        }
        let link = Link {
            id: self.identifier()?,
            name: wanted.name.clone(),
            account: account.clone(),
            permissions,
            extent: wanted.extent.clone(),
            mask: wanted.mask,
            filter: Frozen::new(&wanted.filter, now)?,
            created_at: now,
            expires_at: wanted.expires_at,
        };
        yours(by.has_all_of(&link.bounds()))?;
        Ok(link)
    }

    pub fn revoke_link(&self, by: &Principal, id: &Identifier) -> Result<(), Error> {
        self.change(|book| {
            let link = known(book.links.get(id), "link")?;
            must_stand_for(by, book, &link.account)?;
            Ok(((), vec![Change::NoLink(id.clone())]))
        })
    }

    /// The links that the caller may revoke, the newest first.
    pub fn links(&self, by: &Principal) -> Vec<Link> {
        let book = self.book.read();
        let all = book.links.values();
        let all = all.filter(|link| must_stand_for(by, &book, &link.account).is_ok());
        let mut all: Vec<Link> = all.cloned().collect();
        all.sort_by(|one, other| (other.created_at, &one.id).cmp(&(one.created_at, &other.id)));
        all
    }

    /// Ends a session: one's own, or somebody's one may stand for.
    pub fn end_session(&self, by: &Principal, id: &Identifier) -> Result<(), Error> {
        self.change(|book| {
            let session = known(book.sessions.get(id), "session")?;
            must_stand_for(by, book, &session.of.account)?;
            Ok(((), vec![Change::NoSession(id.clone())]))
        })
    }

    /// The sessions that the caller may end, the newest first.
    pub fn sessions(&self, by: &Principal) -> Vec<Session> {
        let book = self.book.read();
        let all = book.sessions.values();
        let all = all.filter(|used| must_stand_for(by, &book, &used.of.account).is_ok());
        let all = all.map(|used| Session {
            seen_at: used.at().unwrap_or(used.of.seen_at),
            ..used.of.clone()
        });
        let mut all: Vec<Session> = all.collect();
        all.sort_by(|one, other| (other.created_at, &one.id).cmp(&(one.created_at, &other.id)));
        all
    }
}

fn must_stand_for(by: &Principal, book: &Book, account: &Identifier) -> Result<(), Error> {
    by.must_stand_for(book, known(book.accounts.get(account), "account")?)
}
