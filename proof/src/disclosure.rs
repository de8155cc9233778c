//! What is shown of an entry: its units, each open (salt and value) or erased (only its digest).
//!
//! ```text
//! {"v":1,"id":"…","received_at":"…","units":[{"path":"","salt":"…","value":"…"},{"path":"/actor/email","digest":"…"}]}
//! ```
//!
//! Exactly this: no white space, members in this order, base64 with padding, and strings with the shortest escapes
//! (`\" \\ \b \f \n \r \t`, `\u00xx` in lower case for other controls). So one disclosure has one text, and no two readers
//! can see different things in it. `value` is a string that *contains* the stored JSON: every JSON reader gives back the very
//! bytes that were hashed, whatever it would do to the numbers in them.

use std::borrow::Cow;

use crate::{
    Error, Hash,
    leaf::{EntryId, Leaf, ReceivedAt, Salt, check_paths, commitment, unit_digest},
    text,
};

/// One member of an entry, or (path `""`) all that is not personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// RFC 6901 pointer into the entry. Covered by the digest: of an erased unit, whose digest cannot be recomputed, it is
    /// what the log says, and no more.
    pub path: String,
    /// What is left of it.
    pub content: Content,
}

/// What is left of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Shown, and provably what was logged.
    Open {
        /// Makes the digest unguessable.
        salt: Salt,
        /// The stored canonical JSON.
        value: String,
    },
    /// Erased, or withheld: something was here, and it cannot be replaced by anything else.
    Erased {
        /// [`unit_digest`] of what was here.
        digest: Hash,
    },
}

impl Unit {
    /// The digest that the entry's commitment is made of.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the path is too long to have one.
    pub fn digest(&self) -> Result<Hash, Error> {
        match &self.content {
            Content::Open { salt, value } => unit_digest(salt, &self.path, value.as_bytes()),
            Content::Erased { digest } => Ok(*digest),
        }
    }
}

/// An entry as it can be shown and checked against its leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    id: EntryId,
    received_at: ReceivedAt,
    units: Vec<Unit>,
}

impl Disclosure {
    /// # Errors
    /// [`Error::Malformed`] if the paths break a rule of [`check_paths`], or there are more than 65,535 units.
    pub fn new(id: EntryId, received_at: ReceivedAt, units: Vec<Unit>) -> Result<Self, Error> {
        check_paths(
            &units
                .iter()
                .map(|unit| unit.path.as_str())
                .collect::<Vec<_>>(),
        )?;
        if units.len() > usize::from(u16::MAX) {
            return Err(Error::malformed("a disclosure", "it has too many units"));
        }
        Ok(Self {
            id,
            received_at,
            units,
        })
    }

    /// The entry's id.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// When the log received it.
    pub fn received_at(&self) -> ReceivedAt {
        self.received_at
    }

    /// Its units, by path.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The leaf of the entry this discloses, if every open value and salt is true.
    ///
    /// # Errors
    /// None that [`Disclosure::new`] has not ruled out; it is passed on instead of being assumed.
    pub fn leaf(&self) -> Result<Leaf, Error> {
        let digests = self
            .units
            .iter()
            .map(Unit::digest)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Leaf {
            id: self.id,
            received_at: self.received_at,
            commitment: commitment(&digests)?,
        })
    }

    /// Forgets salt and value of the unit at `path`; the leaf stays what it was. `false` if there is no such unit, or nothing
    /// left of it.
    ///
    /// # Errors
    /// As [`Disclosure::leaf`].
    pub fn erase(&mut self, path: &str) -> Result<bool, Error> {
        let Some(unit) = self.units.iter_mut().find(|unit| unit.path == path) else {
            return Ok(false);
        };
        let erased = Content::Erased {
            digest: unit.digest()?,
        };
        let changed = unit.content != erased;
        unit.content = erased;
        Ok(changed)
    }

    /// The one text of this disclosure.
    pub fn to_json(&self) -> String {
        let mut json = format!(
            r#"{{"v":1,"id":"{}","received_at":"{}","units":["#,
            self.id, self.received_at
        );
        for (place, unit) in self.units.iter().enumerate() {
            json.push_str(if place == 0 {
                r#"{"path":"#
            } else {
                r#",{"path":"#
            });
            write_string(&mut json, &unit.path);
            match &unit.content {
                Content::Open { salt, value } => {
                    json.push_str(&format!(
                        r#","salt":"{}","value":"#,
                        text::to_base64(&salt.0)
                    ));
                    write_string(&mut json, value);
                }
                Content::Erased { digest } => json.push_str(&format!(r#","digest":"{digest}""#)),
            }
            json.push('}');
        }
        json.push_str("]}");
        json
    }

    /// Reads exactly what [`Disclosure::to_json`] writes.
    ///
    /// # Errors
    /// [`Error::Malformed`] for any other text, whatever JSON it may be.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let rest = std::str::from_utf8(json).map_err(|_| malformed("it is not UTF-8"))?;
        let mut reader = Reader { rest };
        reader.expect(r#"{"v":1,"id":"#)?;
        let id = EntryId::parse(&reader.string()?)?;
        reader.expect(r#","received_at":"#)?;
        let received_at = ReceivedAt::parse(&reader.string()?)?;
        reader.expect(r#","units":["#)?;
        let mut units = vec![reader.unit()?];
        while reader.take(",") {
            units.push(reader.unit()?);
        }
        reader.expect("]}")?;
        if !reader.rest.is_empty() {
            return Err(malformed("something follows it"));
        }
        Self::new(id, received_at, units)
    }
}

fn malformed(why: &'static str) -> Error {
    Error::malformed("a disclosure", why)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, token: &str) -> bool {
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, token: &'static str) -> Result<(), Error> {
        self.take(token).then_some(()).ok_or(malformed(
            "its members are not the known ones in the known order",
        ))
    }

    fn unit(&mut self) -> Result<Unit, Error> {
        self.expect(r#"{"path":"#)?;
        let path = self.string()?;
        let content = if self.take(r#","digest":"#) {
            let digest = Hash::parse(&self.string()?)
                .ok_or(malformed("a digest is not base64 of 32 bytes"))?;
            Content::Erased { digest }
        } else {
            self.expect(r#","salt":"#)?;
            let salt = text::from_base64_array(&self.string()?)
                .ok_or(malformed("a salt is not base64 of 16 bytes"))?;
            self.expect(r#","value":"#)?;
            Content::Open {
                salt: Salt(salt),
                value: self.string()?,
            }
        };
        self.expect("}")?;
        Ok(Unit { path, content })
    }

    fn string(&mut self) -> Result<String, Error> {
        self.expect("\"")?;
        let mut string = String::new();
        loop {
            let plain = plain_run(self.rest.as_bytes());
            let cut = self.rest.split_at_checked(plain);
            let (plain, after) = cut.ok_or_else(|| malformed("a string does not end"))?;
            string.push_str(plain);
            let (c, spelling) = match after.as_bytes() {
                [] => return Err(malformed("a string does not end")),
                [b'"', ..] => {
                    self.rest = after.get(1..).unwrap_or_default();
                    return Ok(string);
                }
                escaped => escape(escaped)?,
            };
            string.push(c);
            self.rest = after.get(spelling..).unwrap_or_default();
        }
    }
}

/// One escaped character, in its one spelling, and how many bytes that is.
fn escape(bytes: &[u8]) -> Result<(char, usize), Error> {
    Ok(match bytes {
        [b'\\', b'"', ..] => ('"', 2),
        [b'\\', b'\\', ..] => ('\\', 2),
        [b'\\', b'b', ..] => ('\u{8}', 2),
        [b'\\', b'f', ..] => ('\u{c}', 2),
        [b'\\', b'n', ..] => ('\n', 2),
        [b'\\', b'r', ..] => ('\r', 2),
        [b'\\', b't', ..] => ('\t', 2),
        [b'\\', b'u', b'0', b'0', high @ b'0'..=b'1', low, ..] => {
            let c = hex(*low).map(|low| char::from((high - b'0') * 16 + low));
            // Those with a shorter spelling are spelled so.
            let long = c.filter(|c| escape_of(*c).len() == 6);
            (long.ok_or_else(not_the_escape)?, 6)
        }
        _ => return Err(not_the_escape()),
    })
}

/// How many bytes stand for themselves before one that does not.
///
/// Eight bytes at a time: each test sets the high bit of a byte that is meant, and of bytes above it at most.
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    for (word, at) in words.iter().zip((0..).step_by(8)) {
        let word = u64::from_le_bytes(*word);
        let quotes = word ^ (ONES * u64::from(b'"'));
        let backslashes = word ^ (ONES * u64::from(b'\\'));
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let zero_quotes = quotes.wrapping_sub(ONES) & !quotes;
        let zero_backslashes = backslashes.wrapping_sub(ONES) & !backslashes;
        let found = (controls | zero_quotes | zero_backslashes) & HIGHS;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
    }
    let special = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    let run = rest.iter().position(special).unwrap_or(rest.len());
    bytes.len() - rest.len() + run
}

fn not_the_escape() -> Error {
    malformed("a string has a bare control character, or an escape that is not the shortest")
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn escape_of(c: char) -> Cow<'static, str> {
    Cow::Borrowed(match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => return Cow::Owned(format!("\\u{:04x}", u32::from(c))),
    })
}

fn write_string(json: &mut String, string: &str) {
    json.push('"');
    for c in string.chars() {
        match c {
            '\0'..' ' | '"' | '\\' => json.push_str(&escape_of(c)),
            _ => json.push(c),
        }
    }
    json.push('"');
}
