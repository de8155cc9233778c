//! An instant: UTC, microseconds, year 1 to 9999.

use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z; year 0001 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0001-01-01T00:00:00.000000Z
    pub const MIN: Timestamp = Timestamp(-62_135_596_800_000_000);
    /// 9999-12-31T23:59:59.999999Z
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999_999);

    /// `None` outside of year 1 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&micros).then_some(Self(micros))
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The instant of an RFC 3339 text: any offset, 0 to 9 digits of fraction (past the sixth cut off).
    /// The error says what is impossible about it.
    pub fn parse(_text: &str) -> std::result::Result<Self, &'static str> {
        todo!()
    }
}

/// `2026-10-05T09:31:22.104512Z`, always 27 bytes.
impl fmt::Display for Timestamp {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
