//! One item as it is kept: a line of JSON.

use entry::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Where an item is kept: the number of its file, and its number in there from when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    file: u64,
    nth: u32,
}

impl Number {
    pub(super) fn new(file: u64, nth: usize) -> Self {
        let nth = u32::try_from(nth).expect("a call holds fewer items");
        Self { file, nth }
    }

    /// As [`Number`] is displayed: `12-3`.
    pub fn parse(text: &str) -> Option<Self> {
        let (file, nth) = text.split_once('-')?;
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        (plain(file) && plain(nth)).then_some(())?;
        Some(Self {
            file: file.parse().ok()?,
            nth: nth.parse().ok()?,
        })
    }

    pub(super) fn file(self) -> u64 {
        self.file
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.file, self.nth)
    }
}

/// What is kept of one thing that a source sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub received_at: Timestamp,
    /// The format it was read as.
    pub format: Box<str>,
    /// Why it is here.
    pub reason: Box<str>,
    pub raw: Vec<u8>,
}

/// What tells that an item is kept already: half a hash is more than chance finds.
pub(super) type Digest = [u8; 16];

impl Item {
    /// Of what was sent, and as what; neither of when, nor of why it is here.
    pub(super) fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        hash.update((self.format.len() as u64).to_le_bytes());
        hash.update(self.format.as_bytes());
        hash.update(&self.raw);
        let hash = hash.finalize();
        *hash.first_chunk().expect("a hash has 32 bytes")
    }
}

/// An item and its place.
#[derive(Debug)]
pub(super) struct Line {
    pub number: Number,
    pub item: Item,
}

/// A line on disk. What is no UTF-8 is kept as base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    n: u32,
    received_at: String,
    format: Box<str>,
    reason: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
}

/// All lines of a file.
pub(super) fn write(lines: &[Line]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        let item = &line.item;
        let (raw, raw_base64) = match std::str::from_utf8(&item.raw) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(crate::cursor::base64url(&item.raw))),
        };
        let written = Written {
            n: line.number.nth,
            received_at: item.received_at.to_string(),
            format: item.format.clone(),
            reason: item.reason.clone(),
            raw,
            raw_base64,
        };
        serde_json::to_writer(&mut out, &written).expect("texts and numbers are JSON");
        out.push(b'\n');
    }
    out
}

impl Line {
    pub(super) fn read(line: &str, file: u64) -> Result<Self, String> {
        let written: Written = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let raw = match (written.raw, written.raw_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => {
                crate::cursor::from_base64url(&text).ok_or("raw_base64 is no base64")?
            }
            _ => return Err("it has either raw or raw_base64".to_owned()),
        };
        let at = Timestamp::parse(&written.received_at);
        Ok(Self {
            number: Number {
                file,
                nth: written.n,
            },
            item: Item {
                received_at: at.map_err(|_| "received_at is no time")?,
                format: written.format,
                reason: written.reason,
                raw,
            },
        })
    }
}
