//! Who reads a page, as its frame tells them: whom they are known as, and what is there for them.

use crate::access::{Credential, Extent, Introduction, Permission, Principal};
use crate::app::App;
use crate::guard::Caller;
use crate::watching;
use entry::{Entry, Filter, Timestamp};

/// By what a reader was let in, and what they are told of it.
pub enum By {
    /// Nobody yet: pages by which one comes in.
    Nobody,
    /// Access is open to whoever reaches this machine.
    Open,
    Account {
        name: String,
        login: String,
        roles: Vec<String>,
    },
    /// An auditor's link.
    Link {
        name: String,
        expires_at: Timestamp,
        /// Query text; `None`: everything that its maker gave.
        filter: Option<String>,
        is_masked: bool,
    },
    /// A page of the platform's own, around this one.
    Embed,
}

/// Who reads a page.
pub struct Reader {
    pub by: By,
    principal: Principal,
    /// Why they read, in their own words.
    pub purpose: Option<Box<str>>,
    /// What their roles hide is shown on this page, because they asked for it.
    pub is_unmasked: bool,
}

impl Reader {
    /// Whom no page knows yet.
    pub fn nobody() -> Self {
        Self {
            by: By::Nobody,
            principal: watching::nobody(),
            purpose: None,
            is_unmasked: false,
        }
    }

    /// Of a page in another site's frame that shows nothing yet, or nothing any more.
    pub fn embedded() -> Self {
        Self {
            by: By::Embed,
            ..Self::nobody()
        }
    }

    pub fn of(app: &App, caller: &Caller) -> Self {
        let principal = &caller.principal;
        let access = app.door.access().ok();
        let introduction = access.and_then(|access| access.introduce(principal));
        let by = match (&principal.credential, introduction) {
            (Credential::Local, _) => By::Open,
            (Credential::Embed(_), _) => By::Embed,
            (_, Some(Introduction::Account { name, login, roles })) => {
                By::Account { name, login, roles }
            }
            (_, Some(Introduction::Link(link))) => By::Link {
                filter: (*link.filter.filter() != Filter::everything())
                    .then(|| watching::said(link.filter.filter())),
                name: link.name,
                expires_at: link.expires_at,
                is_masked: !link.mask.is_none(),
            },
            (_, None) => By::Nobody,
        };
        Self {
            by,
            principal: principal.clone(),
            purpose: caller.circumstances.purpose.clone(),
            is_unmasked: caller.circumstances.unmask,
        }
    }

    /// True if the permission is held anywhere: whether what takes it is offered.
    pub fn may(&self, permission: Permission) -> bool {
        self.principal.holds(permission)
    }

    /// True if the page of sources is for them: who sees a whole organization by an account of their own.
    pub fn sees_sources(&self) -> bool {
        let is_own = matches!(self.by, By::Open | By::Account { .. });
        let grants = self.principal.grants().iter();
        let whole = |extent: &Extent| !matches!(extent, Extent::Projects(..));
        let mut reading = grants.filter(|grant| grant.permissions.has(Permission::Read));
        is_own && reading.any(|grant| whole(&grant.extent))
    }

    /// True if the permission is held for this entry.
    pub fn may_with(&self, permission: Permission, entry: &Entry) -> bool {
        let reach = self.principal.reach(permission);
        reach.mask_of(entry).is_some()
    }

    /// True if the proof of the entry shows all that the page does: with what it hides more, no page could be compared.
    pub fn proves(&self, entry: &Entry) -> bool {
        let reach = match self.is_unmasked {
            true => self.principal.unmasked(Permission::Verify),
            false => self.principal.reach(Permission::Verify),
        };
        let mask = reach.mask_of(entry);
        mask.is_some_and(|mask| mask.hidden_in(entry).next().is_none())
    }

    /// True if the page stands within another site's.
    pub fn is_embedded(&self) -> bool {
        matches!(self.by, By::Embed)
    }

    /// True if the log notes what they do: not behind an open door.
    pub fn is_noted(&self) -> bool {
        !matches!(self.by, By::Nobody | By::Open)
    }
}
