//! Where a walk goes on: opaque to callers, bound to its query, and nobody's to make but ours.
//!
//! A cursor holds the last position, the instant whose state the walk sees, and the `now` that its relative times were
//! resolved by. It is signed with a key of the data directory, so it lives as long as the data and no longer.

use entry::{Organization, Seq, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use store::view::Position;

/// Where a walk goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// What relative times are relative to, from the first page on.
    pub now: Timestamp,
    /// Entries received later are not part of the walk.
    pub state: Timestamp,
    /// The `as_of` that the first page told.
    pub as_of: Option<u64>,
    pub after: Position,
    /// Digest of filter, order and direction: see [`crate::api::query::Query::digest`].
    pub query: [u8; 16],
}

const VERSION: u8 = 1;
/// 128 bits of HMAC-SHA256: what is forged against a live server needs no more.
const MAC_BYTES: usize = 16;
const FIXED_BYTES: usize = 1 + 8 + 8 + 8 + 16 + 8 + 8 + 8;

impl Cursor {
    pub fn encode(&self, secret: &[u8; 32]) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.now.as_micros().to_be_bytes());
        bytes.extend(self.state.as_micros().to_be_bytes());
        bytes.extend(self.as_of.map_or(0, |n| n + 1).to_be_bytes());
        bytes.extend(self.query);
        bytes.extend(self.after.timestamp.as_micros().to_be_bytes());
        bytes.extend(self.after.received_at.as_micros().to_be_bytes());
        bytes.extend(self.after.seq.0.to_be_bytes());
        bytes.extend(self.after.organization.as_str().as_bytes());
        let tag = mac(secret, &bytes).finalize().into_bytes();
        bytes.extend(&tag[..MAC_BYTES]);
        base64url(&bytes)
    }

    /// `None` for anything that [`Cursor::encode`] did not write with this secret.
    pub fn decode(text: &str, secret: &[u8; 32]) -> Option<Self> {
        // A slug ends it; whatever is longer is not ours and not worth hashing.
        if text.len() > 2 * (FIXED_BYTES + entry::limits::ORGANIZATION_BYTES_MAX + MAC_BYTES) {
            return None;
        }
        let bytes = from_base64url(text)?;
        let (signed, tag) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        mac(secret, signed).verify_truncated_left(tag).ok()?;
        let mut rest = signed.strip_prefix(&[VERSION])?;
        let mut take = || -> Option<[u8; 8]> {
            let (head, tail) = rest.split_first_chunk::<8>()?;
            rest = tail;
            Some(*head)
        };
        let now = Timestamp::from_micros(i64::from_be_bytes(take()?))?;
        let state = Timestamp::from_micros(i64::from_be_bytes(take()?))?;
        let as_of = u64::from_be_bytes(take()?).checked_sub(1);
        let (low, high) = (take()?, take()?);
        let mut query = [0; 16];
        query[..8].copy_from_slice(&low);
        query[8..].copy_from_slice(&high);
        let timestamp = Timestamp::from_micros(i64::from_be_bytes(take()?))?;
        let received_at = Timestamp::from_micros(i64::from_be_bytes(take()?))?;
        let seq = Seq(u64::from_be_bytes(take()?));
        let organization = Organization::parse(std::str::from_utf8(rest).ok()?)?;
        Some(Self {
            now,
            state,
            as_of,
            after: Position {
                timestamp,
                received_at,
                organization,
                seq,
            },
            query,
        })
    }
}

fn mac(secret: &[u8; 32], signed: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
    mac.update(b"mar-audit/cursor\n");
    mac.update(signed);
    mac
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 4648 section 5, without padding.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, &b| word << 8 | u32::from(b))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(
                ALPHABET[(word >> (18 - 6 * place) & 63) as usize],
            ));
        }
    }
    text
}

/// `None` unless it is exactly what [`base64url`] writes: no other spelling of the same bytes passes.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0_u32;
        for &byte in chunk {
            let value = ALPHABET.iter().position(|&b| b == byte)?;
            word = word << 6 | u32::try_from(value).ok()?;
        }
        word <<= 6 * (4 - chunk.len());
        bytes.extend_from_slice(&word.to_be_bytes()[1..chunk.len().max(1)]);
    }
    (base64url(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cursor() -> Cursor {
        let time = |micros| Timestamp::from_micros(micros).expect("in range");
        Cursor {
            now: time(1_793_534_400_000_000),
            state: time(1_793_534_400_000_001),
            as_of: Some(0),
            after: Position {
                timestamp: time(-5),
                received_at: time(7),
                organization: Organization::parse("acme").expect("a slug"),
                seq: Seq(u64::MAX),
            },
            query: [9; 16],
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        for as_of in [None, Some(0), Some(12_904)] {
            let cursor = Cursor { as_of, ..cursor() };
            assert_eq!(
                Cursor::decode(&cursor.encode(&[1; 32]), &[1; 32]),
                Some(cursor)
            );
        }
    }

    #[test]
    fn a_cursor_of_another_directory_is_nobodys() {
        assert_eq!(Cursor::decode(&cursor().encode(&[1; 32]), &[2; 32]), None);
    }

    #[test]
    fn no_changed_character_passes() {
        let text = cursor().encode(&[1; 32]);
        for at in 0..text.len() {
            for other in ["A", "_", "!", "9"] {
                let mut forged = text.clone();
                forged.replace_range(at..=at, other);
                assert!(
                    forged == text || Cursor::decode(&forged, &[1; 32]).is_none(),
                    "{at} {other}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn base64url_is_reversed(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(from_base64url(&base64url(&bytes)), Some(bytes));
        }

        #[test]
        fn foreign_text_never_panics(text in "\\PC{0,80}") {
            prop_assert_eq!(Cursor::decode(&text, &[1; 32]), None);
        }
    }
}
