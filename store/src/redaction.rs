//! Erasure: values vanish from every file, proofs stay.
//!
//! A redaction is law once it is in the journal, in one record with the entry that says who, when and why. What it
//! orders may be ended by a crash anywhere: the next start finishes it before anybody reads. The steps, each repeatable:
//! - the journal begins a new file, so that all files before it can go
//! - the log's entries move to segment files
//! - files that hold what is to be erased are written anew from their entries, without it (`rewrite`)
//! - what other logs have in the older journal files moves to segment files, and those journal files are removed
//!
//! In reading order: [`Erasure`] says what goes; `standing` is a redaction that is law and not finished; `finish` does it;
//! `rewrite` writes one segment anew.

mod erasure;
mod finish;
mod rewrite;
mod standing;

pub use erasure::{ERASURE_BYTES_MAX, Erasure};
pub(crate) use standing::{Standing, read_order, split_order, write_order};

use crate::kept::Kept;
use crate::view::Snapshot;
use crate::{Error, Item, Receipt};
use entry::{Organization, Units};
use std::sync::Arc;

/// Redactions that may wait for the one that is being done.
pub(crate) const WAITING_MAX: usize = 64;

/// What [`crate::Store::redact`] is asked.
#[derive(Clone, Debug)]
pub struct Redaction {
    pub organization: Organization,
    pub erase: Erasure,
    /// The entry of the log itself that says who, when and why, under an id that is new. Never names what is erased.
    pub audit: Item,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Redacted {
    /// Of the audit entry; `None` if nothing was left to erase, and nothing was recorded.
    pub audit: Option<Receipt>,
    /// What was there and is gone.
    pub erased: Erasure,
    /// What was erased before.
    pub already: Erasure,
}

/// What of a redaction is there, and what was erased before. Members that the entry never had are in neither.
pub(crate) struct Sorted {
    pub open: Erasure,
    pub already: Erasure,
    /// Ordered before, and not finished.
    pub standing: Vec<Arc<Standing>>,
}

/// Holds what is asked against what is there; `standing` is what is ordered and not finished.
pub(crate) fn sort_out(
    snapshot: &Snapshot,
    standing: &[Arc<Standing>],
    organization: &Organization,
    erase: &Erasure,
) -> Result<Sorted, Error> {
    let mut sorted = Sorted {
        open: Erasure::default(),
        already: Erasure::default(),
        standing: Vec::new(),
    };
    let Some(mut places) = snapshot.places(organization) else {
        return Ok(sorted);
    };
    let ordered: Vec<&Arc<Standing>> = standing
        .iter()
        .filter(|standing| standing.organization == *organization)
        .collect();
    let mut units = Units::default();
    for (seq, paths) in erase.iter() {
        let Some(kept) = places.get(seq)? else {
            continue;
        };
        kept.entry.write_units(&mut units);
        let (mut open, mut already) = (Vec::new(), Vec::new());
        for path in paths {
            let by = ordered.iter().find(|standing| standing.orders(seq, path));
            if let Some(by) = by {
                already.push(path.clone());
                if !sorted.standing.iter().any(|known| Arc::ptr_eq(known, by)) {
                    sorted.standing.push((*by).clone());
                }
            } else if is_erased(&kept, path) {
                already.push(path.clone());
            } else if !path.is_empty() && units.get(path).is_some() {
                open.push(path.clone());
            }
        }
        sorted.open.push(seq, &open);
        sorted.already.push(seq, &already);
    }
    Ok(sorted)
}

fn is_erased(kept: &Kept, path: &str) -> bool {
    kept.erased.iter().any(|erased| &*erased.path == path)
}

#[cfg(test)]
mod tests;
