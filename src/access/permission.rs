//! What somebody may do: a closed vocabulary, `resource:action`.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// One thing that somebody may do, within an extent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission { $($(#[$doc])* $variant,)+ }

        impl Permission {
            /// All of them, in the order pages show them.
            pub const ALL: &'static [Permission] = &[$(Permission::$variant,)+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Permission::$variant => $text,)+ }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Permission::$variant),)+ _ => None }
            }
        }
    };
}

permissions! {
    Record = "entries:record",
    Read = "entries:read",
    /// Everything at once, as a file. Reading does not include it.
    Export = "entries:export",
    /// Asking for what a role's mask hides: see [`crate::access::Principal::unmasked`].
    Unmask = "entries:unmask",
    Redact = "entries:redact",
    /// Checkpoints, tiles and proofs.
    Verify = "logs:verify",
    /// People, tokens, roles and bindings, up to what one may do oneself.
    ManageAccess = "access:manage",
    ManageSources = "sources:manage",
    ManageSinks = "sinks:manage",
    ManageRetention = "retention:manage",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Some permissions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub struct Permissions(u16);

impl Permissions {
    pub const NONE: Permissions = Permissions(0);

    pub const fn of(some: &[Permission]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < some.len() {
            bits |= 1 << some[at] as u16;
            at += 1;
        }
        Permissions(bits)
    }

    pub const fn all() -> Self {
        Self::of(Permission::ALL)
    }

    pub const fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u16) != 0
    }

    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// What both have.
    pub const fn and(self, other: Permissions) -> Self {
        Permissions(self.0 & other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        let all = Permission::ALL.iter().copied();
        all.filter(move |permission| self.has(*permission))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl From<Permissions> for Vec<String> {
    fn from(some: Permissions) -> Self {
        some.iter().map(|one| one.as_str().to_owned()).collect()
    }
}

impl TryFrom<Vec<String>> for Permissions {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        let read = |name: &String| {
            Permission::parse(name).ok_or_else(|| format!("no permission {name:?}"))
        };
        let some: Vec<Permission> = names.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self::of(&some))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_read_as_it_is_written() {
        for &permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.as_str()), Some(permission));
            assert!(Permissions::of(&[permission]).has(permission));
            assert_eq!(Permissions::of(&[permission]).iter().count(), 1);
        }
        assert_eq!(Permission::parse("entries:*"), None);
        assert_eq!(Permissions::all().iter().count(), Permission::ALL.len());
    }

    #[test]
    fn an_unknown_permission_is_refused_when_it_is_read_back() {
        let read = |text| serde_json::from_str::<Permissions>(text);
        let written = serde_json::to_string(&Permissions::all()).expect("texts");
        assert_eq!(read(&written).expect("as written"), Permissions::all());
        assert!(read(r#"["entries:read","entries:everything"]"#).is_err());
    }
}
