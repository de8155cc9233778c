//! Reads the journal from its first record to its last, and proves what comes after: nothing, a tail that nobody was
//! told is stored, or damage.
//!
//! A record that is not whole may be cut only if it was never acknowledged. It was acknowledged if any later record says
//! that the journal was synced beyond it, or if a later file exists, which is only made after the one before was synced.

use super::record::{self, ALIGNMENT, Record};
use crate::Error;
use crate::directory::Directory;
use crate::faults::{Fault, Faults};
use std::path::Path;

/// What was found.
pub(crate) struct Scan {
    /// Positions of the first bytes of the journal's files, ascending.
    pub files: Vec<u64>,
    pub last: Option<Last>,
}

/// Where the journal goes on.
pub(crate) struct Last {
    /// Of the last file.
    pub first: u64,
    /// Position after the last good record.
    pub end: u64,
    /// There is something behind the last good record: an unacknowledged tail.
    pub stale_behind: bool,
    /// The last bytes before `end` that no record proves synced, and their position.
    pub unproven: Vec<u8>,
    pub unproven_from: u64,
}

/// Visits every good record in order, with the name of its file.
pub(crate) fn scan(
    directory: &Directory,
    faults: Faults,
    visit: &mut dyn FnMut(&Path, Record<'_>) -> Result<(), Error>,
) -> Result<Scan, Error> {
    let files = directory.journal_files()?;
    let mut last = None;
    let mut durable = 0;
    for (at, &first) in files.iter().enumerate() {
        let path = directory.journal_file(first);
        let bytes = directory
            .disk
            .read(&path)
            .map_err(|e| Error::io(&path, e))?;
        let mut offset = 0;
        while let Some(record) = bytes.get(offset..).and_then(|rest| {
            record::decode(rest, first + offset as u64, !faults.has(Fault::NoChecksum))
        }) {
            durable = durable.max(record.durable_to);
            visit(&path, record)?;
            offset += record.size_bytes;
        }
        let end = first + offset as u64;
        match files.get(at + 1) {
            Some(&next) if next == end => {}
            Some(&next) => {
                return Err(damaged(
                    &path,
                    offset,
                    &bytes,
                    end,
                    &format!("the journal goes on in a file that begins at position {next}"),
                ));
            }
            None => {
                let behind = bytes.get(offset..).unwrap_or_default();
                let stale_behind = behind.iter().any(|&byte| byte != 0);
                if stale_behind && let Some(proof) = proof_of_sync_beyond(behind, end) {
                    return Err(damaged(&path, offset, &bytes, end, &proof));
                }
                let proven = durable.max(first).min(end);
                let unproven = bytes[(proven - first) as usize..offset.min(bytes.len())].to_vec();
                last = Some(Last {
                    first,
                    end,
                    stale_behind,
                    unproven,
                    unproven_from: proven,
                });
            }
        }
    }
    Ok(Scan { files, last })
}

/// A later record that says the journal was synced beyond `end`, where `behind` begins.
fn proof_of_sync_beyond(behind: &[u8], end: u64) -> Option<String> {
    (ALIGNMENT..behind.len()).step_by(ALIGNMENT).find_map(|offset| {
        let record = record::decode(&behind[offset..], end + offset as u64, true)?;
        (record.durable_to > end).then(|| {
            let first = record
                .entries()
                .and_then(record::read_entries)
                .and_then(|(_, runs)| runs.first().map(|run| format!(", seq {} of {}", run.first.0, run.organization)))
                .unwrap_or_default();
            format!(
                "the record at position {}{first} says that everything up to position {} was stored",
                record.position, record.durable_to
            )
        })
    })
}

fn damaged(path: &Path, offset: usize, bytes: &[u8], end: u64, proof: &str) -> Error {
    // The next whole record, whatever it says, bounds the damage.
    let good_again = (offset + ALIGNMENT..bytes.len())
        .step_by(ALIGNMENT)
        .find(|&at| record::decode(&bytes[at..], end + (at - offset) as u64, true).is_some())
        .unwrap_or(bytes.len());
    Error::Damaged {
        path: path.to_owned(),
        what: format!("bytes {offset} to {good_again} hold no whole record, yet {proof}"),
    }
}
