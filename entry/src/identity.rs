//! The identity of an entry: a UUID of the caller's, or one derived from the source's own.

use std::fmt;

/// A UUID; on the wire 36 lower-case characters. Any version is accepted (v7 advised).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId([u8; 16]);

impl EntryId {
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A hyphenated UUID in either case.
    pub fn parse(_text: &str) -> Option<Self> {
        todo!()
    }

    /// The same `(organization, source name, event id)` always gives the same id (UUID v5 style, own namespace).
    pub fn derive(_organization: &str, _source_name: &str, _event_id: &str) -> Self {
        todo!()
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
