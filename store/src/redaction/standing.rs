//! A redaction that is law and not finished.

use super::Erasure;
use crate::Error;
use entry::{EntryId, Organization, Seq};
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, Ordering};

/// A redaction whose record is durable.
pub(crate) struct Standing {
    pub organization: Organization,
    pub erase: Erasure,
    /// The entry that says who, when and why.
    pub by: EntryId,
    /// Of its record in the journal.
    pub position: u64,
    /// No segment file holds the values any more: the record may go with the journal's files.
    pub rewritten: AtomicBool,
    /// Guards what the first try to finish it, or a later one, came to.
    outcome: Mutex<Option<Result<(), Error>>>,
    tried: Condvar,
}

impl Standing {
    pub fn new(organization: Organization, erase: Erasure, by: EntryId, position: u64) -> Self {
        Standing {
            organization,
            erase,
            by,
            position,
            rewritten: AtomicBool::new(false),
            outcome: Mutex::default(),
            tried: Condvar::new(),
        }
    }

    pub fn is_rewritten(&self) -> bool {
        self.rewritten.load(Ordering::Acquire)
    }

    /// True if it orders that a member goes.
    pub fn orders(&self, seq: Seq, path: &str) -> bool {
        let paths = self.erase.get(seq).unwrap_or_default();
        paths.iter().any(|ordered| **ordered == *path)
    }

    /// Tells everybody who waits how a try ended.
    pub fn tell(&self, outcome: Result<(), Error>) {
        *self.outcome.lock() = Some(outcome);
        self.tried.notify_all();
    }

    /// Waits until it is finished, or a try to finish it failed; then it is tried again without anybody waiting.
    pub fn wait(&self) -> Result<(), Error> {
        let mut outcome = self.outcome.lock();
        self.tried
            .wait_while(&mut outcome, |outcome| outcome.is_none());
        match outcome.as_ref() {
            Some(Err(error)) => Err(Error::Unfinished {
                by: self.by,
                source: Box::new(error.again()),
            }),
            _ => Ok(()),
        }
    }
}

/// Appends what stands before the entries of a record: its length, the log, the audit entry, what goes.
pub(crate) fn write_order(out: &mut Vec<u8>, standing: &Standing) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    let name = standing.organization.as_str().as_bytes();
    out.push(u8::try_from(name.len()).expect("a slug has at most 63 bytes"));
    out.extend_from_slice(name);
    out.extend_from_slice(standing.by.as_bytes());
    standing.erase.write(out);
    let length = u32::try_from(out.len() - start - LENGTH_BYTES).expect("bounded by its limit");
    out[start..start + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
}

const LENGTH_BYTES: usize = 4;

/// The order of a record's content, and the entries behind it; `None` if it is cut.
pub(crate) fn split_order(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = content.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// The redaction that a record at `position` orders; `None` if it is malformed, which a good checksum rules out.
pub(crate) fn read_order(content: &[u8], position: u64) -> Option<Standing> {
    let (order, _) = split_order(content)?;
    let (&length, rest) = order.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(length))?;
    let organization = Organization::parse(std::str::from_utf8(name).ok()?)?;
    let (by, rest) = rest.split_first_chunk()?;
    let erase = Erasure::read(rest)?;
    Some(Standing::new(
        organization,
        erase,
        EntryId::from_bytes(*by),
        position,
    ))
}
