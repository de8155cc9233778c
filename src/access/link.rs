//! Links that let somebody in without an account: the first start's, an auditor's, an embedded page's.
//!
//! Auditor links and embedded pages are never more than who made them may do at that moment, less by extent, mask and a
//! frozen filter. Both are signed over all that they say: whoever changes a stored link, or a claim, has none.

use super::Error;
use super::binding::{Extent, Grant};
use super::identifier::Identifier;
use super::instant;
use super::permission::{Permission, Permissions};
use super::role::hidden_names;
use super::secret::{Digest, Key, Secret};
use super::token::{self, Kind, Presented};
use entry::{Filter, Mask, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The first start's link is good for a day; a restart makes another while there is no owner.
pub const BOOTSTRAP_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// An audit takes weeks, not years.
pub const LINK_LIFE_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);
/// An embedded page's token is made for one look; the platform's backend makes the next.
pub const EMBED_LIFE_MAX: Duration = Duration::from_secs(3_600);
/// What an auditor's link may permit; nothing that changes anything.
pub const OF_LINKS: Permissions =
    Permissions::of(&[Permission::Read, Permission::Export, Permission::Verify]);

/// What is kept of the first start's link.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    pub(super) id: Identifier,
    pub(super) digest: Digest,
    #[serde(with = "instant")]
    pub expires_at: Timestamp,
    /// It was made though there were owners, by whoever has the machine: see [`super::Access::recovery_link`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) recovers: bool,
}

/// Entries by query text, with no time in it that moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Frozen(Filter);

impl Frozen {
    /// The query as it is meant now: `7d` becomes the instant it is now.
    pub fn new(query: &str, now: Timestamp) -> Result<Self, Error> {
        let filter = entry::query::parse(query, now)
            .map_err(|error| Error::invalid("filter", error.to_string()))?;
        let frozen = Self(filter.simplified());
        // What is kept is its text: longer than the query if times were spans.
        let kept = entry::query::parse(&frozen.0.to_string(), now);
        match kept.map(Filter::simplified) {
            Ok(kept) if kept == frozen.0 => Ok(frozen),
            _ => Err(Error::invalid("filter", "is too long once it is frozen")),
        }
    }

    pub fn everything() -> Self {
        Self(Filter::everything())
    }

    pub fn filter(&self) -> &Filter {
        &self.0
    }
}

impl From<Frozen> for String {
    fn from(frozen: Frozen) -> Self {
        frozen.0.to_string()
    }
}

impl TryFrom<String> for Frozen {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::new(&text, Timestamp::MIN)
    }
}

/// What is kept of an auditor's link; its secret is the signature over this, so none is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub id: Identifier,
    /// Whom it is for, in its maker's words.
    pub name: String,
    /// Who made it.
    pub account: Identifier,
    pub permissions: Permissions,
    pub extent: Extent,
    #[serde(with = "hidden_names")]
    pub mask: Mask,
    pub filter: Frozen,
    #[serde(with = "instant")]
    pub created_at: Timestamp,
    #[serde(with = "instant")]
    pub expires_at: Timestamp,
}

const LINK_PURPOSE: &str = "auditor link";
const EMBED_PURPOSE: &str = "embedded page";

impl Link {
    /// What goes into the URL.
    pub(super) fn token(&self, key: &Key) -> Secret {
        let signature = key.sign(LINK_PURPOSE, &[&self.signed_text()]);
        token::write(Kind::Auditor, self.id.as_str(), &signature)
    }

    pub(super) fn is_signed(&self, key: &Key, shown: &Presented<'_>) -> bool {
        key.signed(LINK_PURPOSE, &[&self.signed_text()], shown.secret)
    }

    fn signed_text(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are JSON")
    }

    pub(super) fn bounds(&self) -> Grant {
        Grant {
            extent: self.extent.clone(),
            permissions: self.permissions.and(OF_LINKS),
            mask: self.mask,
        }
    }
}

/// What an embedded page's token says; nothing of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The token that made it: if that is revoked, so is this.
    pub token: Identifier,
    pub extent: Extent,
    #[serde(with = "hidden_names")]
    pub mask: Mask,
    pub filter: Frozen,
    #[serde(with = "instant")]
    pub expires_at: Timestamp,
}

impl Claims {
    pub(super) fn sign(&self, key: &Key) -> Secret {
        let json = serde_json::to_string(self).expect("texts and numbers are JSON");
        let claims = crate::cursor::base64url(json.as_bytes());
        let signature = key.sign(EMBED_PURPOSE, &[&claims]);
        token::write(Kind::Embed, &claims, &signature)
    }

    /// `None` unless this key signed it.
    pub(super) fn read(shown: &Presented<'_>, key: &Key) -> Option<Self> {
        // Nothing is read of what nobody signed.
        if !key.signed(EMBED_PURPOSE, &[shown.id], shown.secret) {
            return None;
        }
        serde_json::from_slice(&crate::cursor::from_base64url(shown.id)?).ok()
    }

    pub(super) fn bounds(&self) -> Grant {
        Grant {
            extent: self.extent.clone(),
            permissions: Permissions::of(&[Permission::Read]),
            mask: self.mask,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entry::mask::Hidden;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).expect("a time")
    }

    fn claims() -> Claims {
        Claims {
            token: Identifier::of([4; 9]),
            extent: Extent::Server,
            mask: Mask::of([Hidden::Ip]),
            filter: Frozen::new("action:create* since:1h", at(10_000)).expect("a query"),
            expires_at: at(99),
        }
    }

    #[test]
    fn a_frozen_filter_does_not_move_with_time() {
        let frozen = Frozen::new("since:1h result:failure", at(10_000)).expect("a query");
        let text = serde_json::to_string(&frozen).expect("a text");
        assert_eq!(text, "\"from:1970-01-01T01:46:40.000000Z result:failure\"");
        assert_eq!(
            serde_json::from_str::<Frozen>(&text).expect("as written"),
            frozen
        );
        assert!(matches!(
            Frozen::new("nope:(", at(0)),
            Err(Error::Invalid { .. })
        ));
        let everything = serde_json::to_string(&Frozen::everything()).expect("a text");
        let read: Frozen = serde_json::from_str(&everything).expect("as written");
        assert_eq!(read, Frozen::everything());
    }

    #[test]
    fn claims_come_back_as_they_were_signed_and_not_otherwise() {
        let key = Key::new([1; 32]);
        let text = claims().sign(&key);
        let shown = Presented::parse(text.expose()).expect("a token");
        assert_eq!(Claims::read(&shown, &key), Some(claims()));
        assert_eq!(Claims::read(&shown, &Key::new([2; 32])), None);
        // More claimed, the checksum right, the signature as it was.
        let more = Claims {
            expires_at: at(1_000_000),
            ..claims()
        };
        let more = crate::cursor::base64url(&serde_json::to_vec(&more).expect("JSON"));
        let forged = token::write(Kind::Embed, &more, shown.secret);
        let forged = Presented::parse(forged.expose()).expect("sound, but signed by nobody");
        assert_eq!(Claims::read(&forged, &key), None);
    }

    #[test]
    fn a_link_that_was_changed_where_it_is_kept_is_none() {
        let key = Key::new([1; 32]);
        let link = Link {
            id: Identifier::of([1; 9]),
            name: "Auditors & Co".into(),
            account: Identifier::of([2; 9]),
            permissions: OF_LINKS,
            extent: Extent::Server,
            mask: Mask::NONE,
            filter: Frozen::everything(),
            created_at: at(0),
            expires_at: at(100),
        };
        let text = link.token(&key);
        let shown = Presented::parse(text.expose()).expect("a token");
        assert!(link.is_signed(&key, &shown));
        let longer = Link {
            expires_at: at(101),
            ..link.clone()
        };
        let wider = Link {
            filter: Frozen::new("*", at(0)).expect("a query"),
            permissions: Permissions::all(),
            ..link.clone()
        };
        let another = Link {
            account: Identifier::of([3; 9]),
            ..link
        };
        assert!(
            [longer, wider, another]
                .iter()
                .all(|changed| !changed.is_signed(&key, &shown))
        );
    }
}
