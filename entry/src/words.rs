//! The closed vocabularies: actor types, categories, results, and the organization's slug.

use crate::limits::ORGANIZATION_BYTES_MAX;
use std::fmt;

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in the order pages show them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            /// The value of a word on the wire, exactly as written there.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

vocabulary! {
    /// What kind of party acted.
    ActorKind {
        User = "user",
        System = "system",
        ServiceAccount = "service_account",
        Agent = "agent",
        Anonymous = "anonymous",
    }
}

vocabulary! {
    /// The group an action belongs to; the tabs of the page.
    Category {
        Cluster = "cluster",
        Instance = "instance",
        Config = "config",
        Alert = "alert",
        AccessControl = "access_control",
        Webhook = "webhook",
        /// The log's own actions.
        Audit = "audit",
        Other = "other",
    }
}

vocabulary! {
    /// How the action ended.
    Result {
        Success = "success",
        Failure = "failure",
    }
}

/// The slug of an organization: `[a-z0-9._-]{1,63}`, but not `.` or `..`. One log each.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Organization(Box<str>);

impl Organization {
    /// `None` unless the text is a slug.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=ORGANIZATION_BYTES_MAX).contains(&text.len());
        let slug = text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
        // A directory is named after it, so the two names every directory has are not slugs.
        (fits && slug && text != "." && text != "..").then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
