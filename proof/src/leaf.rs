//! The leaf: 128 bytes that commit to an entry, and stay true when a part of the entry must be erased.
//!
//! ```text
//! salt_i     = the first 16 bytes of SHA-256("mar/s1" ‖ seed[16] ‖ path_i)
//! unit_i     = SHA-256("mar/f1" ‖ salt_i[16] ‖ u16be(len(path_i)) ‖ path_i ‖ value_i)
//! commitment = SHA-256("mar/c1" ‖ u16be(n) ‖ unit_0 ‖ … ‖ unit_{n-1})
//! leaf       = "mar-audit/leaf@v1\n" id "\n" received_at "\n" base64(commitment) "\n"
//! leaf_hash  = SHA-256(0x00 ‖ leaf)
//! ```
//!
//! An entry is cut into *units*: unit 0 (path `""`) is all that is not personal, each personal member is a unit of its own.
//! Whoever holds salt and value of a unit can show that it is what was logged; without the salt, a digest tells nothing about
//! a value, however few values there are to guess from. Erasing a unit is therefore forgetting its salt and value and
//! keeping its digest: commitment, leaf, tree and every signature over them are unchanged.
//!
//! The salts come from one random seed per entry, so that 16 bytes are stored for all of them. Each is a truncated hash
//! under a secret key: knowing some salts tells neither the seed nor the others. An erasure must therefore forget the *seed*,
//! and keep the salts of the units that remain.

use std::fmt;

use crate::{Error, Hash};

/// Sixteen random bytes, one per entry, from which its salts derive. Secret as long as the entry's values are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 16]);

/// What makes a unit's digest unguessable. Disclosed together with the value, never without it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl Seed {
    /// The salt of the unit at `path`.
    pub fn salt(&self, path: &str) -> Salt {
        let Hash(hash) = Hash::of(&[b"mar/s1", &self.0, path.as_bytes()]);
        let mut salt = [0; 16];
        salt.copy_from_slice(&hash[..16]);
        Salt(salt)
    }
}

// A seed or salt in a log line would undo an erasure.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// The digest of one unit. `value` is hashed as it is stored, never as it could be written again.
///
/// # Errors
/// [`Error::Malformed`] if `path` has more than 65,535 bytes.
pub fn unit_digest(salt: &Salt, path: &str, value: &[u8]) -> Result<Hash, Error> {
    let length = u16::try_from(path.len())
        .map_err(|_| Error::malformed("a unit", "its path is too long"))?;
    Ok(Hash::of(&[
        b"mar/f1",
        &salt.0,
        &length.to_be_bytes(),
        path.as_bytes(),
        value,
    ]))
}

/// The commitment to all units of an entry, in the order of their paths.
///
/// # Errors
/// [`Error::Malformed`] if there is no unit, or more than 65,535.
pub fn commitment(units: &[Hash]) -> Result<Hash, Error> {
    let count = u16::try_from(units.len())
        .map_err(|_| Error::malformed("an entry", "it has too many units"))?;
    if count == 0 {
        return Err(Error::malformed("an entry", "it has no units"));
    }
    let mut bytes = Vec::with_capacity(8 + units.len() * Hash::BYTES);
    bytes.extend_from_slice(b"mar/c1");
    bytes.extend_from_slice(&count.to_be_bytes());
    for unit in units {
        bytes.extend_from_slice(&unit.0);
    }
    Ok(Hash::of(&[&bytes]))
}

/// Holds for the paths of an entry's units: the first is `""`, they ascend strictly by their bytes, each other one is an RFC
/// 6901 pointer, and none lies inside another, so that the entry can be put together in one way only.
///
/// # Errors
/// [`Error::Malformed`] with the rule that is broken.
pub fn check_paths(paths: &[&str]) -> Result<(), Error> {
    let refuse = |why| Err(Error::malformed("a list of units", why));
    if paths.first() != Some(&"") {
        return refuse("its first path is not \"\"");
    }
    if !paths.is_sorted_by(|a, b| a < b) {
        return refuse("its paths do not ascend strictly");
    }
    // Earlier paths with which the one at hand begins, each the beginning of the next. In ascending order all that begin
    // with a path follow it at once, so none is missed, and the work is bounded by the number of bytes.
    let mut beginnings: Vec<&str> = Vec::new();
    for path in paths.iter().skip(1) {
        if path.len() > usize::from(u16::MAX) {
            return refuse("a path is too long");
        }
        if !is_pointer(path) {
            return refuse("a path is not an RFC 6901 pointer");
        }
        while beginnings
            .pop_if(|beginning| !path.starts_with(*beginning))
            .is_some()
        {}
        let inside = |outer: &&str| path.as_bytes().get(outer.len()) == Some(&b'/');
        if beginnings.iter().any(inside) {
            return refuse("a path lies inside another");
        }
        beginnings.push(path);
    }
    Ok(())
}

fn is_pointer(path: &str) -> bool {
    path.starts_with('/')
        && path
            .split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']))
}

/// An entry's id: a UUID, 36 lower-case characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId([u8; 36]);

impl EntryId {
    /// # Errors
    /// [`Error::Malformed`] for anything but the lower-case, hyphenated form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let well_formed = |(place, byte): (usize, u8)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        <[u8; 36]>::try_from(text.as_bytes())
            .ok()
            .filter(|bytes| bytes.iter().copied().enumerate().all(well_formed))
            .map(Self)
            .ok_or(Error::malformed(
                "an entry's id",
                "it is not a lower-case UUID",
            ))
    }
}

/// When the log received an entry, by its own clock: `YYYY-MM-DDThh:mm:ss.ffffffZ`. Orders as time does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceivedAt([u8; 27]);

impl ReceivedAt {
    /// # Errors
    /// [`Error::Malformed`] for any other spelling, and for days and seconds that never were.
    pub fn parse(text: &str) -> Result<Self, Error> {
        <[u8; 27]>::try_from(text.as_bytes())
            .ok()
            .filter(is_time)
            .map(Self)
            .ok_or(Error::malformed(
                "received_at",
                "it is not a time of the form YYYY-MM-DDThh:mm:ss.ffffffZ",
            ))
    }
}

fn is_time(bytes: &[u8; 27]) -> bool {
    let form = bytes.iter().zip(b"0000-00-00T00:00:00.000000Z");
    if !form.into_iter().all(|(byte, like)| {
        if *like == b'0' {
            byte.is_ascii_digit()
        } else {
            byte == like
        }
    }) {
        return false;
    }
    let number = |digits: &[u8]| {
        digits
            .iter()
            .fold(0u32, |sum, digit| sum * 10 + u32::from(digit - b'0'))
    };
    let (year, month, day) = (
        number(&bytes[..4]),
        number(&bytes[5..7]),
        number(&bytes[8..10]),
    );
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let (hour, minute, second) = (
        number(&bytes[11..13]),
        number(&bytes[14..16]),
        number(&bytes[17..19]),
    );
    year >= 1
        && (1..=12).contains(&month)
        && (1..=days).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
}

macro_rules! shown_as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Only ASCII gets past the parser.
                f.write_str(&String::from_utf8_lossy(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
shown_as_text!(EntryId, ReceivedAt);

const HEAD: &[u8; 18] = b"mar-audit/leaf@v1\n";

/// What the log's tree holds for one entry. No personal data: it can be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The entry's id.
    pub id: EntryId,
    /// When the log received it.
    pub received_at: ReceivedAt,
    /// [`commitment`] to its units.
    pub commitment: Hash,
}

impl Leaf {
    /// How many bytes every leaf has.
    pub const BYTES: usize = 128;

    /// The leaf as the tree hashes it and entry bundles hold it.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [b'\n'; Self::BYTES];
        bytes[..18].copy_from_slice(HEAD);
        bytes[18..54].copy_from_slice(&self.id.0);
        bytes[55..82].copy_from_slice(&self.received_at.0);
        data_encoding::BASE64.encode_mut(&self.commitment.0, &mut bytes[83..127]);
        bytes
    }

    /// Reads exactly what [`Leaf::to_bytes`] writes.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the part that is not as it should be.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let refuse = |why| Error::malformed("a leaf", why);
        let text = std::str::from_utf8(bytes).map_err(|_| refuse("it is not text"))?;
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(refuse("it has too few lines"));
        if line()? != "mar-audit/leaf@v1" {
            return Err(refuse("its first line is not mar-audit/leaf@v1"));
        }
        let id = EntryId::parse(line()?)?;
        let received_at = ReceivedAt::parse(line()?)?;
        let commitment =
            Hash::parse(line()?).ok_or(refuse("its commitment is not base64 of 32 bytes"))?;
        let leaf = Self {
            id,
            received_at,
            commitment,
        };
        if leaf.to_bytes() != bytes {
            return Err(refuse("it does not end after its fourth line"));
        }
        Ok(leaf)
    }

    /// The leaf's hash in the tree.
    pub fn hash(&self) -> Hash {
        Hash::leaf(&self.to_bytes())
    }
}
