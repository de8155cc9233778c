//! How accounts, roles, tokens and the rest look in JSON. None of it is a secret.

use crate::access::binding::ExtentText;
use crate::access::link::Link;
use crate::access::permission::Permissions;
use crate::access::role::BUILT_IN;
use crate::access::session::Session;
use crate::access::token::{Kind, Token};
use crate::access::{
    Account, AccountKind, Binding, Credential, Extent, Grant, Principal, Role, Subject,
};
use crate::guard::Door;
use entry::mask::Hidden;
use entry::{Mask, Party};
use serde::Serialize;

/// Who the caller is, and what it may do.
#[derive(Serialize)]
pub struct Me {
    /// `required` or `open`.
    access: &'static str,
    /// By what the caller was let in: `session`, `token`, `link`, `embed`, `local`.
    #[serde(rename = "type")]
    by: &'static str,
    id: Option<String>,
    actor: Named,
    grants: Vec<GrantShape>,
}

/// A party as an entry names it.
#[derive(Serialize)]
pub struct Named {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Box<str>>,
}

impl From<&Party> for Named {
    fn from(party: &Party) -> Self {
        Self {
            kind: party.kind.as_str(),
            id: party.id.clone(),
            name: party.name.clone(),
            email: party.email.clone(),
        }
    }
}

#[derive(Serialize)]
struct GrantShape {
    #[serde(flatten)]
    extent: ExtentText,
    permissions: Permissions,
    mask: Vec<&'static str>,
}

fn names(mask: Mask) -> Vec<&'static str> {
    mask.iter().map(Hidden::name).collect()
}

fn text(extent: &Extent) -> ExtentText {
    extent.clone().into()
}

impl From<&Grant> for GrantShape {
    fn from(grant: &Grant) -> Self {
        Self {
            extent: text(&grant.extent),
            permissions: grant.permissions,
            mask: names(grant.mask),
        }
    }
}

impl Me {
    pub fn of(door: &Door, principal: &Principal) -> Self {
        let (by, id) = match &principal.credential {
            Credential::Session(id) => ("session", Some(id)),
            Credential::Token(id) => ("token", Some(id)),
            Credential::Link(id) => ("link", Some(id)),
            Credential::Embed(_) => ("embed", None),
            Credential::Process | Credential::Local => ("local", None),
        };
        Self {
            access: if door.is_open() { "open" } else { "required" },
            by,
            id: id.map(ToString::to_string),
            actor: principal.party().into(),
            grants: principal.grants().iter().map(GrantShape::from).collect(),
        }
    }
}

#[derive(Serialize)]
pub struct User {
    id: String,
    kind: AccountKind,
    login: String,
    name: String,
    groups: Vec<String>,
    /// Where it signs in, if not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// The provider's groups at its last sign-in there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    provider_groups: Vec<String>,
    disabled: bool,
    created_at: String,
}

impl From<&Account> for User {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            kind: account.kind,
            login: account.login.to_string(),
            name: account.name.clone(),
            groups: account.groups.clone(),
            provider: account.elsewhere.as_ref().map(|one| one.issuer.clone()),
            provider_groups: account.provider_groups.clone(),
            disabled: account.disabled,
            created_at: account.created_at.to_string(),
        }
    }
}

#[derive(Serialize)]
pub struct RoleShape {
    name: String,
    permissions: Permissions,
    mask: Vec<&'static str>,
    built_in: bool,
}

impl From<&Role> for RoleShape {
    fn from(role: &Role) -> Self {
        Self {
            name: role.name.clone(),
            permissions: role.permissions,
            mask: names(role.mask),
            built_in: Role::built_in(&role.name).is_some(),
        }
    }
}

/// The built-in roles, then those of the deployment.
pub fn roles(own: &[Role]) -> Vec<RoleShape> {
    let built_in = BUILT_IN.iter().filter_map(|(name, _)| Role::built_in(name));
    let built_in: Vec<Role> = built_in.collect();
    built_in.iter().chain(own).map(RoleShape::from).collect()
}

/// The names of all roles, in the same order.
pub fn names_of_roles(own: &[Role]) -> Vec<String> {
    let built_in = BUILT_IN.iter().map(|(name, _)| (*name).to_owned());
    let own = own.iter().map(|role| role.name.clone());
    built_in.chain(own).collect()
}

#[derive(Serialize)]
pub struct BindingShape {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    role: String,
    #[serde(flatten)]
    extent: ExtentText,
}

impl From<&Binding> for BindingShape {
    fn from(binding: &Binding) -> Self {
        let (account, group) = match &binding.subject {
            Subject::Account(id) => (Some(id.to_string()), None),
            Subject::Group(name) => (None, Some(name.clone())),
        };
        Self {
            id: binding.id.to_string(),
            account,
            group,
            role: binding.role.clone(),
            extent: text(&binding.extent),
        }
    }
}

/// The word for a kind of token.
pub const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Personal => "personal",
        Kind::Service => "service",
        Kind::Recorder => "recorder",
        Kind::Session => "session",
        Kind::Auditor => "auditor",
        Kind::Embed => "embed",
        Kind::Bootstrap => "bootstrap",
    }
}

#[derive(Serialize)]
pub struct TokenShape {
    id: String,
    kind: &'static str,
    name: String,
    account: String,
    permissions: Permissions,
    #[serde(flatten)]
    extent: ExtentText,
    created_at: String,
    expires_at: Option<String>,
    /// To the quarter of an hour.
    used_at: Option<String>,
}

impl From<&Token> for TokenShape {
    fn from(token: &Token) -> Self {
        Self {
            id: token.id.to_string(),
            kind: kind(token.kind),
            name: token.name.clone(),
            account: token.account.to_string(),
            permissions: token.permissions,
            extent: text(&token.extent),
            created_at: token.created_at.to_string(),
            expires_at: token.expires_at.map(|at| at.to_string()),
            used_at: token.used_at.map(|at| at.to_string()),
        }
    }
}

#[derive(Serialize)]
pub struct SessionShape {
    id: String,
    account: String,
    from: String,
    created_at: String,
    expires_at: String,
    seen_at: String,
    /// The caller's own.
    current: bool,
}

impl SessionShape {
    pub fn of(session: &Session, principal: &Principal) -> Self {
        Self {
            id: session.id.to_string(),
            account: session.account.to_string(),
            from: session.from.clone(),
            created_at: session.created_at.to_string(),
            expires_at: session.expires_at.to_string(),
            seen_at: session.seen_at.to_string(),
            current: principal.credential == Credential::Session(session.id.clone()),
        }
    }
}

#[derive(Serialize)]
pub struct LinkShape {
    id: String,
    name: String,
    account: String,
    permissions: Permissions,
    #[serde(flatten)]
    extent: ExtentText,
    mask: Vec<&'static str>,
    filter: String,
    created_at: String,
    expires_at: String,
}

impl From<&Link> for LinkShape {
    fn from(link: &Link) -> Self {
        Self {
            id: link.id.to_string(),
            name: link.name.clone(),
            account: link.account.to_string(),
            permissions: link.permissions,
            extent: text(&link.extent),
            mask: names(link.mask),
            filter: link.filter.filter().to_string(),
            created_at: link.created_at.to_string(),
            expires_at: link.expires_at.to_string(),
        }
    }
}
