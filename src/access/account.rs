//! Accounts: people who sign in, and services that show tokens.

use super::Error;
use super::identifier::Identifier;
use super::instant;
use super::password::Kept;
use super::provider::{Elsewhere, PROVIDER_GROUPS_MAX, is_group};
use super::role::is_slug;
use entry::{ActorKind, Party, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest name of a person, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// Groups of one account at most: their bindings are conditions of every search, as its own are.
pub const GROUPS_MAX: usize = 16;

/// Who an account is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    Person,
    Service,
}

/// What somebody signs in with: a mail address or a slug, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Login(Box<str>);

impl Login {
    /// As typed: case does not count. `None` unless it is a slug or looks like an address of mail.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let fits = is_slug(&lower) || is_mail(&lower);
        fits.then(|| Self(lower.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `local@domain` in printable ASCII, as RFC 5321 bounds it; who needs more than that signs in with a slug.
fn is_mail(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    text.len() <= 254
        && text.rsplit_once('@').is_some_and(|(local, domain)| {
            let local = (1..=64).contains(&local.len()) && local.bytes().all(known);
            let labels = domain.split('.').all(|label| {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
                (1..=63).contains(&label.len()) && label.bytes().all(plain)
            });
            local && labels
        })
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Login> for String {
    fn from(login: Login) -> Self {
        login.0.into()
    }
}

impl TryFrom<String> for Login {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let login = Self::parse(&text).filter(|login| login.as_str() == text);
        login.ok_or("a login is a mail address or a slug, in lower case")
    }
}

/// Somebody who may be given roles.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub id: Identifier,
    pub kind: AccountKind,
    pub login: Login,
    /// How pages call it.
    pub name: String,
    /// Only people have one, and not those who sign in elsewhere.
    pub(super) password: Option<Kept>,
    /// Names of groups: slugs, sorted, each once.
    pub groups: Vec<String>,
    /// Who it is to the provider where it signs in; `None`: it signs in here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
    /// The provider's groups when it last signed in: `oidc:<group>`, sorted, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provider_groups: Vec<String>,
    /// A disabled account does nothing any more; its name stays taken, so that entries keep their meaning.
    pub disabled: bool,
    #[serde(with = "instant")]
    pub created_at: Timestamp,
}

impl Account {
    pub(super) fn new(
        id: Identifier,
        kind: AccountKind,
        login: Login,
        name: &str,
        created_at: Timestamp,
    ) -> Result<Self, Error> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(Error::invalid("name", "has 1 to 256 bytes"));
        }
        Ok(Self {
            id,
            kind,
            login,
            name: name.to_owned(),
            password: None,
            groups: Vec::new(),
            elsewhere: None,
            provider_groups: Vec::new(),
            disabled: false,
            created_at,
        })
    }

    pub(super) fn set_groups(&mut self, groups: &[&str]) -> Result<(), Error> {
        if groups.len() > GROUPS_MAX || !groups.iter().all(|name| is_slug(name)) {
            return Err(Error::invalid(
                "groups",
                "are at most 16, each named [a-z0-9._-]{1,63}",
            ));
        }
        self.groups = groups.iter().map(|name| (*name).to_owned()).collect();
        self.groups.sort();
        self.groups.dedup();
        Ok(())
    }

    pub(super) fn set_provider_groups(&mut self, groups: &[String]) -> Result<(), Error> {
        if groups.len() > PROVIDER_GROUPS_MAX || !groups.iter().all(|name| is_group(name)) {
            let detail = "are at most 256, each of at most 256 bytes";
            return Err(Error::invalid("groups", detail));
        }
        self.provider_groups = groups.to_vec();
        self.provider_groups.sort();
        self.provider_groups.dedup();
        Ok(())
    }

    /// True if it is in the group, by whoever's word.
    pub fn is_in(&self, group: &str) -> bool {
        let mut all = self.groups.iter().chain(&self.provider_groups);
        all.any(|name| name == group)
    }

    /// Who it is in the log's own entries: as it is named now.
    pub fn party(&self) -> Party {
        let (kind, mail) = match self.kind {
            AccountKind::Person => (ActorKind::User, self.login.as_str().contains('@')),
            AccountKind::Service => (ActorKind::ServiceAccount, false),
        };
        Party {
            id: Some(self.id.as_str().into()),
            name: Some(self.name.as_str().into()),
            email: mail.then(|| self.login.as_str().into()),
            ..Party::of(kind)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_a_slug_or_an_address_and_case_does_not_count() {
        for (typed, login) in [
            ("Ana@Acme.Example", "ana@acme.example"),
            ("ops-bot", "ops-bot"),
            ("Ana", "ana"),
            ("o'neil+x@a.b", "o'neil+x@a.b"),
        ] {
            assert_eq!(Login::parse(typed).expect(typed).as_str(), login);
        }
        let long = format!("{}@a.b", "x".repeat(65));
        for typed in [
            "", " ana", "ana@", "@acme", "a b@c.d", "a@b..c", "ána", "a\n", "a@b@c", &long,
        ] {
            assert_eq!(Login::parse(typed), None, "{typed:?}");
        }
        assert!(
            serde_json::from_str::<Login>("\"Ana\"").is_err(),
            "stored in lower case"
        );
    }

    #[test]
    fn an_account_is_an_actor_with_its_names() {
        let login = Login::parse("ana@acme.example").expect("a login");
        let id = Identifier::of([1; 9]);
        let new = |kind, name| Account::new(id.clone(), kind, login.clone(), name, Timestamp::MIN);
        let party = new(AccountKind::Person, "Ana Ruiz")
            .expect("a name")
            .party();
        assert_eq!(party.kind, ActorKind::User);
        assert_eq!(party.email.as_deref(), Some("ana@acme.example"));
        assert_eq!(party.id.as_deref(), Some(id.as_str()));
        let party = new(AccountKind::Service, "x").expect("a name").party();
        assert_eq!((party.kind, party.email), (ActorKind::ServiceAccount, None));
        assert!(new(AccountKind::Person, "").is_err());
    }
}
