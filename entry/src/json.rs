//! Strict JSON: every refusal names its place by a JSON pointer; numbers keep their text, strings their code points.
//!
//! Canonical bytes: members sorted by their UTF-8 bytes, no white space, numbers as written, strings with the shortest escapes
//! (`\" \\ \b \f \n \r \t`, `\u00xx` in lower case for the other controls, everything else as UTF-8).

/// Why something was refused, and where: an RFC 6901 pointer (`""` is the whole document) and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct Invalid {
    pub pointer: String,
    pub detail: String,
}

/// Canonical JSON text of one value, kept verbatim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Json(Box<str>);

impl Json {
    /// For bytes that are already canonical, such as what the store kept.
    pub fn from_canonical(text: Box<str>) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
