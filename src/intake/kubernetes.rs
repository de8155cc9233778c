//! The Kubernetes API server's webhook: a list of audit events to what is to become of each.
//!
//! The entry of a request is its last stage: `ResponseComplete`, `Panic`, or `ResponseStarted` where nothing follows, as
//! for who could not be authenticated. The start of a watch says nothing that its end does not say. The start of
//! anything else that takes its time (a shell in a container) is an entry too, marked as such: whoever ends the API server must not
//! end the trace of it.
//!
//! - [`long`]: what is too long for an entry, without the objects that make it so
//! - [`before`]: what an object was before it was changed, out of our own entries

mod before;
mod long;

use super::shelf::Sender;
use super::{Fate, Origin, Sent, claims_of};
use crate::problem::{Fault, Kind, Problem};
use entry::Timestamp;
use entry::limits::{BATCH_ENTRIES_MAX, ENTRY_BYTES_MAX};
use sources::foreign::{Claims, Layout};
use sources::kubernetes::{Mapped, Stage, one};
use sources::scan::{Piece, Scanner};

pub use before::reconstruct;

/// The name of the format.
pub const FORMAT: &str = "kubernetes";

/// Of what an API server sends.
pub fn origin(sender: Sender) -> Origin {
    Origin {
        sender,
        format: FORMAT,
        ids_by_content: true,
    }
}

/// One event by itself, as it was kept.
pub fn read_one(raw: Vec<u8>, sender: &Sender, now: Timestamp) -> Sent {
    map(&claims_of(sender, now), raw, LIST)
}

/// What stood around the events of a list: those that are kept were in one.
const LIST: &[u8] = br#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1"}"#;

/// The events of a body; 400 if it is none, 413 if they are too many.
pub fn read(body: &[u8], sender: &Sender, now: Timestamp) -> Result<Vec<Sent>, Problem> {
    let claims = claims_of(sender, now);
    let mut scanner = Scanner::new(body, Layout::json(&["items"]));
    let mut sent = Vec::new();
    loop {
        let mut spilled = long::Spilled::default();
        let piece = scanner.next(&mut spilled);
        let piece = piece.map_err(|error| Kind::BadJson.detail(error.to_string()))?;
        let one = match piece {
            None => return Ok(sent),
            Some(Piece::Item { raw, .. }) => map(&claims, raw, scanner.header()),
            // The API server sends whole documents: a cut one is sent again, so none of it is taken.
            Some(Piece::Broken { why, place, .. }) => {
                let detail = format!("line {}: {why}", place.line);
                return Err(Kind::BadJson
                    .detail(detail)
                    .with(vec![Fault::pointer("", why)]));
            }
            Some(Piece::Spilled { .. }) => map(&claims, spilled.into_bytes(), scanner.header()),
        };
        sent.push(one);
        if sent.len() > BATCH_ENTRIES_MAX {
            let detail = format!("a list may hold {BATCH_ENTRIES_MAX} events");
            return Err(Kind::TooLarge.detail(detail));
        }
    }
}

fn map(claims: &Claims, raw: Vec<u8>, header: &[u8]) -> Sent {
    let raw = match raw.len() > ENTRY_BYTES_MAX {
        false => raw,
        true => match long::without_objects(&raw) {
            Some(shorter) => shorter,
            None => {
                let why = format!(
                    "an event of {} bytes is longer than an entry may be",
                    raw.len()
                );
                let (raw, fate) = (Vec::new(), Fate::TooLong(why));
                return Sent { raw, fate };
            }
        },
    };
    let fate = match one(claims, &raw, header) {
        Err(why) => Fate::Quarantine(why),
        Ok(mapped) => fate_of(mapped),
    };
    Sent { raw, fate }
}

fn fate_of(mapped: Mapped) -> Fate {
    match mapped.stage {
        Stage::Received => Fate::Skip("RequestReceived: the entry is a later stage"),
        Stage::Started if mapped.is_watch && !mapped.unauthenticated => {
            Fate::Skip("ResponseStarted of a watch: the entry is its end")
        }
        Stage::Started | Stage::Last => Fate::Store(mapped.draft),
    }
}

#[cfg(test)]
mod tests;
