//! Names that the server gives: of accounts, tokens, sessions, bindings, links. No secrets, and nobody can guess them.

use super::secret::{base62, is_base62};
use serde::{Deserialize, Serialize};
use std::fmt;

/// 72 random bits as 13 characters of base62.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Identifier(Box<str>);

impl Identifier {
    pub const BYTES: usize = 9;
    pub const CHARS: usize = 13;

    pub fn of(random: [u8; Self::BYTES]) -> Self {
        Self(base62(&random, Self::CHARS).into())
    }

    /// `None` unless it could be one.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == Self::CHARS && is_base62(text)).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Identifier> for String {
    fn from(id: Identifier) -> Self {
        id.0.into()
    }
}

impl TryFrom<String> for Identifier {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("an identifier has 13 letters or digits")
    }
}
