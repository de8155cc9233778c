//! What must not be seen: secrets, what is kept of them, and how they are written.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// A text that is shown once, to the one it is for, and appears in no other output of this process.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Whoever calls this decides who sees it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compared in constant time, but for the length.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is kept of a secret that has 192 random bits: SHA-256 is enough, since nobody can guess such a one.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(text: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"mar-audit/secret\n");
        hash.update(text);
        Self(hash.finalize().into())
    }

    /// Compared in constant time.
    pub fn is_of(&self, text: &str) -> bool {
        self.0.ct_eq(&Self::of(text).0).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        crate::cursor::base64url(&self.0).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = crate::cursor::from_base64url(&String::deserialize(from)?);
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or_else(|| de::Error::custom("a digest has 32 bytes"))
    }
}

/// What links and embed tokens are signed with.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    pub const BYTES: usize = 32;

    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// 192 bits of HMAC-SHA256, in base62, over texts that cannot run together.
    pub fn sign(&self, purpose: &str, texts: &[&str]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        for text in [&[purpose], texts].concat() {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text.as_bytes());
        }
        let tag = mac.finalize().into_bytes();
        base62(
            tag[..SECRET_BYTES].try_into().expect("a longer tag"),
            SECRET_CHARS,
        )
    }

    /// Compared in constant time.
    pub fn signed(&self, purpose: &str, texts: &[&str], signature: &str) -> bool {
        let expected = self.sign(purpose, texts);
        expected.as_bytes().ct_eq(signature.as_bytes()).into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Random bytes of a secret; more than the 160 bits that no search ever covers.
pub const SECRET_BYTES: usize = 24;
/// Characters of a secret or signature.
pub const SECRET_CHARS: usize = 33;
/// Characters of a checksum.
pub const CHECKSUM_CHARS: usize = 6;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The number in base 62, the highest digit first, filled up with zeros to `chars`, which must be enough.
pub(super) fn base62(number: &[u8], chars: usize) -> String {
    let mut left = number.to_vec();
    let mut text = vec![b'0'; chars];
    for place in text.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut left {
            let value = rest << 8 | u32::from(*byte);
            *byte = u8::try_from(value / 62).expect("the rest is below 62");
            rest = value % 62;
        }
        *place = DIGITS[rest as usize];
    }
    debug_assert!(left.iter().all(|byte| *byte == 0), "too few characters");
    String::from_utf8(text).expect("digits are ASCII")
}

pub(super) fn is_base62(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// CRC32 in base62: tells a mistyped or cut token without asking anybody, also to scanners that look for leaked ones.
pub(super) fn checksum(text: &str) -> String {
    base62(
        &crc32fast::hash(text.as_bytes()).to_be_bytes(),
        CHECKSUM_CHARS,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base62_is_the_number_and_nothing_else() {
        assert_eq!(base62(&[0; 9], 13), "0".repeat(13));
        assert_eq!(base62(&[61], 2), "0z");
        assert_eq!(base62(&[62], 2), "10");
        assert_eq!(base62(&u32::MAX.to_be_bytes(), CHECKSUM_CHARS), "4gfFC3");
        // The largest number that a secret can be still fits.
        assert_ne!(
            base62(&[0xff; SECRET_BYTES], SECRET_CHARS),
            base62(&[0xfe; SECRET_BYTES], SECRET_CHARS)
        );
    }

    #[test]
    fn a_secret_is_the_same_as_its_like_alone() {
        let secret = |text: &str| Secret::new(text.to_owned());
        assert!(secret("canary").is_same_as(&secret("canary")));
        assert!(!secret("canary").is_same_as(&secret("canarY")));
        assert!(!secret("canary").is_same_as(&secret("canary ")));
    }

    #[test]
    fn a_secret_is_in_no_output() {
        let shown = [
            format!("{:?}", Secret::new("canary".into())),
            format!("{:?}", Digest::of("canary")),
            format!("{:?}", Key::new(*b"canarycanarycanarycanarycanaryca")),
        ];
        assert!(
            shown.iter().all(|text| !text.contains("canary")),
            "{shown:?}"
        );
    }

    #[test]
    fn signed_texts_do_not_run_together() {
        let key = Key::new([7; 32]);
        let signature = key.sign("link", &["ab", "c"]);
        assert!(key.signed("link", &["ab", "c"], &signature));
        assert!(!key.signed("link", &["a", "bc"], &signature));
        assert!(!key.signed("linka", &["b", "c"], &signature));
        assert!(!Key::new([8; 32]).signed("link", &["ab", "c"], &signature));
        assert!(!key.signed("link", &["ab", "c"], &signature[1..]));
    }

    proptest! {
        #[test]
        fn distinct_numbers_have_distinct_texts(one in any::<[u8; 9]>(), other in any::<[u8; 9]>()) {
            prop_assert_eq!(base62(&one, 13) == base62(&other, 13), one == other);
            prop_assert_eq!(base62(&one, 13).cmp(&base62(&other, 13)), one.cmp(&other));
        }

        #[test]
        fn a_digest_is_read_as_it_is_written(text in ".*") {
            let written = serde_json::to_string(&Digest::of(&text)).expect("a text");
            let read: Digest = serde_json::from_str(&written).expect("as written");
            let longer = format!("{text} ");
            prop_assert!(read.is_of(&text) && !read.is_of(&longer));
        }
    }
}
