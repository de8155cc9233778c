//! `hashes/checkpoints`: signed checkpoints whose journal file is gone, oldest first.
//!
//! Each is a line `<at> <bytes>` and the note, verbatim. The file is replaced as a whole, so that it is never half written.

use super::Published;
use crate::Error;
use crate::directory::Directory;
use entry::{Organization, Timestamp};
use proof::checkpoint::SignedCheckpoint;
use std::sync::Arc;

impl Published {
    /// A note as it was stored; `None` if it is no checkpoint.
    pub(crate) fn read(note: &str, at: Timestamp) -> Option<Published> {
        Some(Published {
            checkpoint: SignedCheckpoint::parse(note.as_bytes()).ok()?,
            note: note.into(),
            at,
        })
    }
}

/// The checkpoints of a log that the journal no longer holds, oldest first.
pub(crate) fn read(
    directory: &Directory,
    organization: &Organization,
) -> Result<Vec<Arc<Published>>, Error> {
    let path = directory.checkpoints_file(organization);
    let Some(bytes) = directory.read_file(&path)? else {
        return Ok(Vec::new());
    };
    parse(&bytes).ok_or(Error::Damaged {
        path,
        what: "it does not hold checkpoints, one after the other".into(),
    })
}

fn parse(bytes: &[u8]) -> Option<Vec<Arc<Published>>> {
    let mut rest = std::str::from_utf8(bytes).ok()?;
    let mut notes = Vec::new();
    while !rest.is_empty() {
        let (head, after) = rest.split_once('\n')?;
        let (at, length) = head.split_once(' ')?;
        let (note, after) = after.split_at_checked(length.parse().ok()?)?;
        let at = Timestamp::parse(at).ok()?;
        notes.push(Arc::new(Published::read(note, at)?));
        rest = after;
    }
    Some(notes)
}

/// Adds a checkpoint, unless it is there already. Durable when it returns.
pub(crate) fn keep(
    directory: &Directory,
    organization: &Organization,
    published: &Published,
) -> Result<(), Error> {
    let path = directory.checkpoints_file(organization);
    let known = read(directory, organization)?;
    // Kept before a crash that left its journal file.
    if known.iter().any(|known| known.note == published.note) {
        return Ok(());
    }
    let mut bytes = directory.read_file(&path)?.unwrap_or_default();
    let head = format!("{} {}\n", published.at, published.note.len());
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(published.note.as_bytes());
    directory.create_dir(&directory.hashes_dir(organization))?;
    directory
        .write_file(&path, &bytes)
        .map_err(|error| match error {
            // Perhaps a sync, after which nobody knows what is there; the journal file must stay.
            Error::Io { path, source } => Error::Latched {
                what: format!("writing {} failed: {source}", path.display()),
            },
            error => error,
        })
}
