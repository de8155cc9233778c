//! Tokens: what a program shows instead of signing in.
//!
//! `mar_<kind>_<id>_<secret><checksum>`: three letters, 13, 33 and 6 characters of base62. The id finds the token, the
//! secret (192 random bits) proves it, the checksum tells a mistyped one without a look-up. Sessions, first-start links
//! and auditor links are written the same way, so that one rule of a secret scanner finds them all.

use super::binding::Extent;
use super::identifier::Identifier;
use super::instant;
use super::permission::Permissions;
use super::secret::{
    CHECKSUM_CHARS, Digest, SECRET_BYTES, SECRET_CHARS, Secret, base62, checksum, is_base62,
};
use entry::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A person's own, never more than the person.
    #[serde(rename = "pat")]
    Personal,
    /// A service account's.
    #[serde(rename = "svc")]
    Service,
    /// Records and does nothing else, whatever its account may.
    #[serde(rename = "rec")]
    Recorder,
    /// A browser's, after signing in.
    #[serde(rename = "ses")]
    Session,
    /// A link for somebody else's auditor.
    #[serde(rename = "adt")]
    Auditor,
    /// A page shown within another page, for minutes.
    #[serde(rename = "emb")]
    Embed,
    /// The link of the first start.
    #[serde(rename = "one")]
    Bootstrap,
}

impl Kind {
    pub const ALL: &'static [Kind] = &[
        Kind::Personal,
        Kind::Service,
        Kind::Recorder,
        Kind::Session,
        Kind::Auditor,
        Kind::Embed,
        Kind::Bootstrap,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Personal => "pat",
            Kind::Service => "svc",
            Kind::Recorder => "rec",
            Kind::Session => "ses",
            Kind::Auditor => "adt",
            Kind::Embed => "emb",
            Kind::Bootstrap => "one",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is no token. It is never part of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a token reads mar_<kind>_<id>_<secret>")]
    Form,
    #[error("the token was mistyped or cut: its checksum does not fit")]
    Checksum,
}

/// A token as somebody shows it: its parts are sound, whether there is such a token is not said.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    pub kind: Kind,
    /// The id; of an embed token what it claims.
    pub id: &'a str,
    /// The secret, or the signature.
    pub secret: &'a str,
    text: &'a str,
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({} {})", self.kind, self.id)
    }
}

/// No token is longer, embed tokens with their claims included: a longer text is not worth a checksum.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

const PREFIX: &str = "mar_";
const KIND_CHARS: usize = 3;
const LAST_CHARS: usize = SECRET_CHARS + CHECKSUM_CHARS;

impl<'a> Presented<'a> {
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let sound = text.is_ascii() && text.len() <= TOKEN_BYTES_MAX;
        let rest = text.strip_prefix(PREFIX).filter(|_| sound);
        let (kind, rest) = rest
            .and_then(|rest| rest.split_at_checked(KIND_CHARS))
            .ok_or(Malformed::Form)?;
        let kind = Kind::parse(kind).ok_or(Malformed::Form)?;
        let rest = rest.strip_prefix('_').ok_or(Malformed::Form)?;
        let at = rest.len().checked_sub(LAST_CHARS).ok_or(Malformed::Form)?;
        let (id, last) = rest.split_at(at);
        let id = id.strip_suffix('_').ok_or(Malformed::Form)?;
        if id.is_empty() || !is_base62(last) {
            return Err(Malformed::Form);
        }
        let (secret, sum) = last.split_at(SECRET_CHARS);
        if checksum(&text[..text.len() - CHECKSUM_CHARS]) != sum {
            return Err(Malformed::Checksum);
        }
        if kind != Kind::Embed && Identifier::parse(id).is_none() {
            return Err(Malformed::Form);
        }
        Ok(Self {
            kind,
            id,
            secret,
            text,
        })
    }

    /// The id of what it is a token of; an embed token has none.
    pub fn identifier(&self) -> Option<Identifier> {
        Identifier::parse(self.id).filter(|_| self.kind != Kind::Embed)
    }

    /// True if this is the token that the digest was kept of.
    pub fn is_kept_as(&self, digest: &Digest) -> bool {
        digest.is_of(self.text)
    }
}

/// A new token: what is shown once, and what is kept.
pub(super) fn make(kind: Kind, id: &Identifier, random: [u8; SECRET_BYTES]) -> (Secret, Digest) {
    let secret = write(kind, id.as_str(), &base62(&random, SECRET_CHARS));
    let digest = Digest::of(secret.expose());
    (secret, digest)
}

/// The text of a token with this secret or signature.
pub(super) fn write(kind: Kind, id: &str, secret: &str) -> Secret {
    let mut text = format!("{PREFIX}{kind}_{id}_{secret}");
    let sum = checksum(&text);
    text.push_str(&sum);
    Secret::new(text)
}

/// What is kept of a token of a person or a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub id: Identifier,
    pub kind: Kind,
    /// What it is for, in its maker's words.
    pub name: String,
    /// Whose it is: it never does more than this account may at that moment.
    pub account: Identifier,
    pub(super) digest: Digest,
    pub permissions: Permissions,
    pub extent: Extent,
    #[serde(with = "instant")]
    pub created_at: Timestamp,
    #[serde(with = "instant::maybe")]
    pub expires_at: Option<Timestamp>,
    /// To the quarter of an hour; `None`: never, as far as is known.
    #[serde(with = "instant::maybe")]
    pub used_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> String {
        let (secret, _) = make(
            Kind::Personal,
            &Identifier::of([9; 9]),
            [0xa5; SECRET_BYTES],
        );
        secret.expose().to_owned()
    }

    #[test]
    fn a_token_has_the_form_that_scanners_are_told() {
        let text = sample();
        assert_eq!(text.len(), 61);
        let parts: Vec<&str> = text.split('_').collect();
        assert_eq!((parts[0], parts[1], parts.len()), ("mar", "pat", 4));
        assert_eq!((parts[2].len(), parts[3].len()), (13, 39));
        let shown = Presented::parse(&text).expect("a token");
        assert_eq!((shown.kind, shown.id), (Kind::Personal, parts[2]));
        assert!(!format!("{shown:?}").contains(shown.secret));
        assert!(Digest::of(&text).is_of(&text));
    }

    #[test]
    fn every_kind_is_read_as_it_is_written() {
        for &kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
            let json = serde_json::to_string(&kind).expect("a text");
            assert_eq!(json, format!("\"{kind}\""));
            assert_eq!(
                serde_json::from_str::<Kind>(&json).expect("as written"),
                kind
            );
        }
    }

    #[test]
    fn every_single_slip_is_told_offline() {
        let text = sample();
        for at in 0..text.len() {
            for other in ['x', 'Y', '0', '_'] {
                let mut typed: Vec<char> = text.chars().collect();
                typed[at] = other;
                let typed: String = typed.into_iter().collect();
                assert!(
                    typed == text || Presented::parse(&typed).is_err(),
                    "{at} {other}"
                );
            }
            assert!(Presented::parse(&text[..at]).is_err(), "cut at {at}");
        }
        for at in 0..text.len() - 1 {
            let mut typed: Vec<char> = text.chars().collect();
            typed.swap(at, at + 1);
            let typed: String = typed.into_iter().collect();
            assert!(
                typed == text || Presented::parse(&typed).is_err(),
                "swapped at {at}"
            );
        }
        for typed in [
            format!("{text}0"),
            format!(" {text}"),
            format!("{text}\n"),
            text.to_uppercase(),
        ] {
            assert!(Presented::parse(&typed).is_err(), "{typed:?}");
        }
    }

    #[test]
    fn a_sound_token_of_another_shape_is_none() {
        let wrong = write(Kind::Personal, "tooshort", &"s".repeat(SECRET_CHARS));
        assert_eq!(
            Presented::parse(wrong.expose()).unwrap_err(),
            Malformed::Form
        );
        let long = write(
            Kind::Embed,
            &"c".repeat(TOKEN_BYTES_MAX),
            &"s".repeat(SECRET_CHARS),
        );
        assert_eq!(
            Presented::parse(long.expose()).unwrap_err(),
            Malformed::Form
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_be_refused(text in any::<String>()) {
            prop_assert!(Presented::parse(&text).is_err());
            let prefixed = format!("mar_pat_{text}");
            prop_assert!(Presented::parse(&prefixed).is_err());
            let _ = Presented::parse(&format!("mar_emb_{text}"));
        }

        #[test]
        fn what_is_made_is_read(id in any::<[u8; 9]>(), random in any::<[u8; SECRET_BYTES]>(), kind in prop::sample::select(Kind::ALL)) {
            let id = Identifier::of(id);
            let (secret, digest) = make(kind, &id, random);
            let shown = Presented::parse(secret.expose()).expect("a token");
            prop_assert!(shown.kind == kind && shown.id == id.as_str() && shown.is_kept_as(&digest));
        }
    }
}
