//! An event that is longer than an entry may be: who did what to which object is told without the object.
//!
//! As the API server itself shortens what is too long for its sender: `requestObject` and `responseObject` go, and an annotation says
//! so. A list that holds such an event would else be refused as a whole, sent again, and dropped in the end.

use entry::json::{self, Object, Value};
use entry::limits::ENTRY_BYTES_MAX;
use sha2::{Digest, Sha256};
use sources::scan::{Place, Spill};
use std::fmt::Write as _;
use std::io;

/// The annotation that says what is not there.
pub const LEFT_OUT: &str = "mar-audit/left-out";

/// The bytes of an event that is too long for the scanner to hold: the body that they stand in is in memory anyway.
#[derive(Default)]
pub struct Spilled(Vec<u8>);

impl Spilled {
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Spill for Spilled {
    fn write(&mut self, _: Place, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// The event without its objects, and with a note of them; `None` if it is none, or still too long.
pub fn without_objects(raw: &[u8]) -> Option<Vec<u8>> {
    let Value::Object(mut event) = json::parse(raw).ok()? else {
        return None;
    };
    let mut gone = Vec::new();
    for name in ["requestObject", "responseObject"] {
        if event.remove(name).is_some() {
            gone.push(name);
        }
    }
    if gone.is_empty() {
        return None;
    }
    // With the digest of all of it, another event is another entry even if what is left of both is the same.
    let hash = Sha256::digest(raw);
    let mut note = format!(
        "{}: an event of {} bytes, sha256 ",
        gone.join(", "),
        raw.len()
    );
    for byte in hash {
        write!(note, "{byte:02x}").expect("a string takes everything");
    }
    let mut annotations = match event.remove("annotations") {
        Some(Value::Object(annotations)) => annotations,
        _ => Object::new(),
    };
    annotations.insert(LEFT_OUT, Value::String(note.into()));
    event.insert("annotations", annotations);
    let mut shorter = Vec::new();
    json::write_canonical(&Value::Object(event), &mut shorter);
    (shorter.len() <= ENTRY_BYTES_MAX).then_some(shorter)
}
