//! Strict JSON: every refusal names its place by a JSON pointer; numbers keep their text, strings their code points.
//!
//! [`parse`] reads RFC 8259 exactly, borrowing from the text it reads. Where the RFC leaves a choice, the answer that
//! cannot lose anything is taken: invalid UTF-8, a byte order mark, lone surrogates and repeated names are refused;
//! numbers of any size are kept as text; nesting ends at [`limits::DEPTH_MAX`](crate::limits::DEPTH_MAX).
//!
//! Canonical bytes: members sorted by their UTF-8 bytes, no white space, numbers as written, strings with the shortest escapes
//! (`\" \\ \b \f \n \r \t`, `\u00xx` in lower case for the other controls, everything else as UTF-8).
//! That is RFC 8785 (JCS) but for two points: JCS sorts by UTF-16 units, which differs where names hold characters from
//! U+E000 to U+FFFF beside some above U+FFFF; and JCS rewrites numbers as doubles, which would lose digits that were sent.

mod parser;
mod split;
mod value;
mod writer;

pub use parser::{parse, parse_stored};
pub(crate) use split::members;
pub use split::{SplitError, split_array};
pub use value::{Object, Value};
pub use writer::{write_canonical, write_string};

use std::fmt;

/// Why something was refused, and where: an RFC 6901 pointer (`""` is the whole document) and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    pub pointer: String,
    pub detail: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Invalid {}

/// Everything that is wrong with one draft, in the order found: at least one, at most [`Problems::MAX`] and a line that
/// says how many more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Invalid>);

impl Problems {
    /// A person mends this many at once; a machine's mistake repeats itself.
    pub const MAX: usize = 20;

    /// `None` if nothing is wrong; `more` were found and not kept.
    pub(crate) fn new(mut found: Vec<Invalid>, more: usize) -> Option<Self> {
        if more > 0 {
            found.push(Invalid {
                pointer: String::new(),
                detail: format!("and {more} more"),
            });
        }
        (!found.is_empty()).then_some(Self(found))
    }

    pub fn first(&self) -> &Invalid {
        &self.0[0]
    }

    pub fn as_slice(&self) -> &[Invalid] {
        &self.0
    }

    pub fn into_vec(self) -> Vec<Invalid> {
        self.0
    }
}

impl From<Invalid> for Problems {
    fn from(only: Invalid) -> Self {
        Self(vec![only])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Appends one reference token to an RFC 6901 pointer.
pub fn push_pointer(pointer: &mut String, token: &str) {
    pointer.push('/');
    for c in token.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// Canonical JSON text of one value, kept verbatim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Json(Box<str>);

impl Json {
    /// For bytes that are already canonical, such as what the store kept. The caller vouches for that.
    pub fn from_canonical(text: Box<str>) -> Self {
        Self(text)
    }

    /// Any JSON text, brought into canonical form.
    pub fn read(bytes: &[u8]) -> std::result::Result<Self, Invalid> {
        Ok(Self::from(&parse(bytes)?))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the text.
    ///
    /// # Panics
    /// If [`Json::from_canonical`] was given something else.
    pub fn parse(&self) -> Value<'_> {
        parse_stored(self.0.as_bytes()).expect("a Json holds canonical text")
    }
}

impl From<&Value<'_>> for Json {
    fn from(value: &Value<'_>) -> Self {
        // Holds the context of most entries without growing.
        let mut text = Vec::with_capacity(256);
        write_canonical(value, &mut text);
        Self(
            String::from_utf8(text)
                .expect("canonical JSON is UTF-8")
                .into(),
        )
    }
}

#[cfg(test)]
pub(crate) mod tests;
