//! The identity of an entry: a UUID of the caller's, or one derived from the source's own.

use std::fmt;

/// A UUID; on the wire 36 lower-case characters. Any version is accepted (v7 advised).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId([u8; 16]);

/// The UUID v5 namespace of derived ids. Changing it would store again what sources have sent before.
const NAMESPACE: uuid::Uuid = uuid::Uuid::from_u128(0x6d61_722d_6175_4469_9c51_d1e2_a7b0_4f36);

/// Where the hyphens of the text form stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl EntryId {
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A hyphenated UUID in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
        let mut bytes = [0; 16];
        let mut from = 0;
        for byte in &mut bytes {
            if HYPHENS.contains(&from) {
                if text[from] != b'-' {
                    return None;
                }
                from += 1;
            }
            *byte = nibble(text[from])? << 4 | nibble(text[from + 1])?;
            from += 2;
        }
        Some(Self(bytes))
    }

    /// True for the UUID of zeros, which names nothing and is refused as an id.
    pub fn is_nil(&self) -> bool {
        self.0 == [0; 16]
    }

    /// The same `(organization, source name, event id)` always gives the same id: UUID v5 over the three texts, each
    /// preceded by its length (8 bytes, big-endian), so that no two triples run together.
    pub fn derive(organization: &str, source_name: &str, event_id: &str) -> Self {
        let mut name =
            Vec::with_capacity(24 + organization.len() + source_name.len() + event_id.len());
        for text in [organization, source_name, event_id] {
            name.extend_from_slice(&(text.len() as u64).to_be_bytes());
            name.extend_from_slice(text.as_bytes());
        }
        Self(uuid::Uuid::new_v5(&NAMESPACE, &name).into_bytes())
    }

    /// The 36 lower-case characters that [`fmt::Display`] shows.
    pub fn to_ascii(self) -> [u8; 36] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = [b'-'; 36];
        let mut at = 0;
        for byte in self.0 {
            if HYPHENS.contains(&at) {
                at += 1;
            }
            out[at] = DIGITS[usize::from(byte >> 4)];
            out[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        out
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.to_ascii()).expect("hexadecimal digits are ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn either_case_is_read_and_lower_case_is_written() {
        let id = EntryId::parse("0198F3C2-7b1e-7C3A-9d0a-5b8f1f6f2a10").expect("a UUID");
        assert_eq!(id.to_string(), "0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a10");
        assert!(!id.is_nil());
        assert!(
            EntryId::parse("00000000-0000-0000-0000-000000000000")
                .expect("a UUID")
                .is_nil()
        );
    }

    #[test]
    fn other_shapes_are_no_id() {
        let shapes = [
            "",
            "0198f3c27b1e7c3a9d0a5b8f1f6f2a10",
            "{0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a10}",
            "0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a1",
            "0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a100",
            "0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a1g",
            "0198f3c27-b1e-7c3a-9d0a-5b8f1f6f2a10",
            "0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a\u{e9}",
            "+198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a10",
        ];
        for text in shapes {
            assert_eq!(EntryId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_derived_id_never_changes_and_no_two_triples_share_one() {
        let id = EntryId::derive("acme", "mar-api", "ev-1");
        // Pinned: a change would make every source's old entries new again.
        assert_eq!(id.to_string(), "f9287406-26d4-56d3-8deb-ae9d3bc4a790");
        assert_eq!(id.as_bytes()[6] >> 4, 5, "UUID version");
        for (organization, source, event) in [
            ("acm", "emar-api", "ev-1"),
            ("acme", "mar-apie", "v-1"),
            ("acme", "", "mar-apiev-1"),
        ] {
            assert_ne!(EntryId::derive(organization, source, event), id);
        }
    }

    proptest! {
        #[test]
        fn text_and_bytes_agree_with_the_uuid_crate(bytes in any::<[u8; 16]>()) {
            let id = EntryId::from_bytes(bytes);
            prop_assert_eq!(id.to_string(), uuid::Uuid::from_bytes(bytes).to_string());
            prop_assert_eq!(EntryId::parse(&id.to_string()), Some(id));
            prop_assert_eq!(EntryId::parse(&id.to_string().to_uppercase()), Some(id));
        }
    }
}
