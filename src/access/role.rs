//! Roles: permissions under a name, and what those who have them do not see.

use super::Error;
use super::permission::{Permission, Permissions};
use entry::Mask;
use entry::mask::Hidden;
use serde::{Deserialize, Serialize};

/// Permissions under a name. Where they hold is said by the [`Binding`](super::Binding).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// A slug: `[a-z0-9._-]{1,63}`.
    pub name: String,
    pub permissions: Permissions,
    /// Members of entries that are hidden from whoever sees an entry by this role alone.
    #[serde(with = "hidden_names")]
    pub mask: Mask,
}

/// The roles there are without anybody making them; nobody can change them.
pub const BUILT_IN: &[(&str, Permissions)] = &[
    ("recorder", Permissions::of(&[Permission::Record])),
    ("viewer", Permissions::of(&[Permission::Read])),
    (
        "auditor",
        Permissions::of(&[Permission::Read, Permission::Export, Permission::Verify]),
    ),
    // Runs the place, but can neither write into the trail nor take anything out of it.
    (
        "security-admin",
        Permissions::of(&[
            Permission::Read,
            Permission::Export,
            Permission::Unmask,
            Permission::Verify,
            Permission::ManageAccess,
            Permission::ManageSources,
            Permission::ManageSinks,
        ]),
    ),
    (OWNER, Permissions::all()),
];

/// The role that may do everything.
pub const OWNER: &str = "owner";

impl Role {
    /// A role of a deployment's own.
    pub fn new(name: &str, permissions: Permissions, mask: Mask) -> Result<Self, Error> {
        if !is_slug(name) {
            return Err(Error::invalid("name", "a role is named [a-z0-9._-]{1,63}"));
        }
        if Self::built_in(name).is_some() {
            return Err(Error::Taken {
                what: "role",
                name: name.to_owned(),
            });
        }
        if permissions.is_none() {
            return Err(Error::invalid("permissions", "a role permits something"));
        }
        Ok(Self {
            name: name.to_owned(),
            permissions,
            mask,
        })
    }

    pub fn built_in(name: &str) -> Option<Self> {
        let (name, permissions) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self {
            name: (*name).to_owned(),
            permissions: *permissions,
            mask: Mask::NONE,
        })
    }
}

/// `[a-z0-9._-]{1,63}`
pub(super) fn is_slug(text: &str) -> bool {
    let known = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    (1..=63).contains(&text.len()) && text.bytes().all(known)
}

/// A mask as the names of what it hides.
pub(super) mod hidden_names {
    use super::{Hidden, Mask};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(mask: &Mask, to: S) -> Result<S::Ok, S::Error> {
        let names: Vec<&str> = mask.iter().map(Hidden::name).collect();
        names.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Mask, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        let read = |name: &String| {
            Hidden::parse(name)
                .ok_or_else(|| D::Error::custom(format!("nothing is hidden as {name:?}")))
        };
        let hidden: Vec<Hidden> = names.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Mask::of(hidden))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_may_everything_and_a_security_admin_cannot_touch_the_trail() {
        let of = |name| Role::built_in(name).expect("built in").permissions;
        assert_eq!(of(OWNER), Permissions::all());
        for kept in [
            Permission::Record,
            Permission::Redact,
            Permission::ManageRetention,
        ] {
            assert!(!of("security-admin").has(kept), "{kept}");
        }
        assert!(!of("viewer").has(Permission::Export));
    }

    #[test]
    fn a_role_of_ones_own_has_a_name_of_its_own_and_permits_something() {
        let new = |name, permissions| Role::new(name, permissions, Mask::NONE);
        assert!(matches!(
            new(OWNER, Permissions::all()),
            Err(Error::Taken { .. })
        ));
        assert!(matches!(
            new("A b", Permissions::all()),
            Err(Error::Invalid { .. })
        ));
        assert!(matches!(
            new("x", Permissions::NONE),
            Err(Error::Invalid { .. })
        ));
        let mask = Mask::of([Hidden::ActorEmail, Hidden::Ip]);
        let role =
            Role::new("support", Permissions::of(&[Permission::Read]), mask).expect("a role");
        let text = serde_json::to_string(&role).expect("texts");
        assert_eq!(
            serde_json::from_str::<Role>(&text).expect("as written"),
            role
        );
        assert!(serde_json::from_str::<Role>(&text.replace("email", "e-mail")).is_err());
    }
}
