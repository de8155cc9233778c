//! Who is calling, and what they may do: what a handler holds.

use super::binding::{Extent, Grant};
use super::identifier::Identifier;
use super::link::Claims;
use super::permission::{Permission, Permissions};
use super::reach::Reach;
use entry::{ActorKind, Entry, Filter, Mask, Organization, Party};
use std::sync::Arc;

/// By what a principal was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    Session(Identifier),
    Token(Identifier),
    /// An auditor's.
    Link(Identifier),
    /// An embedded page's: what it claims, since nothing of it is kept.
    Embed(Box<Claims>),
    /// None: this process, or the person at its console.
    Process,
    /// None: access is open to callers on this machine.
    Local,
}

/// Who is calling our API now.
#[derive(Clone, Debug)]
pub struct Principal {
    pub credential: Credential,
    /// The account behind it: of a link or an embedded page, its maker's.
    pub(super) account: Option<Identifier>,
    /// Who it is in the log's own entries.
    pub(super) party: Party,
    pub(super) grants: Arc<[Grant]>,
    /// What a link was frozen to.
    pub(super) only: Filter,
}

impl Principal {
    /// This process, which may do everything: for its own work and for commands at its console, never for a call.
    pub fn process() -> Self {
        let party = Party {
            name: Some("mar-audit".into()),
            ..Party::of(ActorKind::System)
        };
        Self::owner(Credential::Process, party)
    }

    /// Any caller of a server whose access is open: a local owner.
    pub fn local() -> Self {
        let party = Party {
            name: Some("local".into()),
            ..Party::of(ActorKind::User)
        };
        Self::owner(Credential::Local, party)
    }

    fn owner(credential: Credential, party: Party) -> Self {
        let all = Grant {
            extent: Extent::Server,
            permissions: Permissions::all(),
            mask: Mask::NONE,
        };
        Self {
            credential,
            account: None,
            party,
            grants: Arc::new([all]),
            only: Filter::everything(),
        }
    }

    /// Somebody who may do nothing, and is spoken of.
    pub fn acting(party: Party) -> Self {
        Self {
            credential: Credential::Process,
            account: None,
            party,
            grants: Arc::new([]),
            only: Filter::everything(),
        }
    }

    /// What it may do, and where: for who asks about themselves.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The organization that all it may do belongs to, if that is one.
    pub fn organization(&self) -> Option<&Organization> {
        let mut named = self.grants.iter().map(|grant| grant.extent.organization());
        let first = named.next()??;
        named.all(|other| other == Some(first)).then_some(first)
    }

    /// The organization that all it may record belongs to, if that is one: what its entries need not say.
    pub fn home(&self) -> Option<&Organization> {
        let records = |grant: &&Grant| grant.permissions.has(Permission::Record);
        let mut named =
            { self.grants.iter().filter(records) }.map(|grant| grant.extent.organization());
        let first = named.next()??;
        named.all(|other| other == Some(first)).then_some(first)
    }

    pub fn party(&self) -> &Party {
        &self.party
    }

    /// The account that acts; links and embedded pages act for nobody's account.
    pub fn account(&self) -> Option<&Identifier> {
        let own = matches!(
            self.credential,
            Credential::Session(_) | Credential::Token(_)
        );
        self.account.as_ref().filter(|_| own)
    }

    /// How far it reaches with the permission, masked as its roles say.
    pub fn reach(&self, permission: Permission) -> Reach {
        Reach::of(permission, &self.grants).only(&self.only)
    }

    /// The same, with nothing hidden where it holds [`Permission::Unmask`]: for who asks for that, which leaves an entry.
    pub fn unmasked(&self, permission: Permission) -> Reach {
        Reach::unmasked(permission, &self.grants).only(&self.only)
    }

    /// True if it holds the permission anywhere: whether a page or a route is there for it at all.
    pub fn holds(&self, permission: Permission) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.permissions.has(permission))
    }

    /// True if it may do that to everything in the scope.
    pub fn may(&self, permission: Permission, of: &Organization, project: Option<&str>) -> bool {
        self.reach(permission).permits(of, project)
    }

    /// True if it may do everything, everywhere, with nothing hidden.
    pub fn holds_everything(&self) -> bool {
        let mut each = Permission::ALL.iter();
        each.all(|permission| {
            let reach = self.reach(*permission);
            reach.contains(&Extent::Server, Mask::NONE)
        })
    }

    /// True if it may record the entry where it says it belongs.
    pub fn may_record(&self, entry: &Entry) -> bool {
        let scope = &entry.scope;
        self.may(
            Permission::Record,
            &scope.organization,
            scope.project.as_deref(),
        )
    }

    /// True if it could do, everywhere there, all that the grant permits, hiding no less: what it may pass on.
    pub(super) fn has_all_of(&self, grant: &Grant) -> bool {
        let each = |permission| {
            self.unmasked(permission)
                .contains(&grant.extent, grant.mask)
        };
        grant.permissions.iter().all(each)
    }
}
