//! What a caller claims happened.

use crate::entry::{Actor, Entry, Error, Request, Seq, Source, Target};
use crate::{Category, EntryId, Invalid, Json, Organization, Result, Timestamp};

/// What a caller claims happened. Becomes an [`Entry`] when the log accepts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Chosen by the caller, so that a retry is recognised and stored once.
    pub id: Option<EntryId>,
    /// By the caller's clock, UTC, microseconds. Absent: the time of receipt. Never used to decide order of arrival.
    pub timestamp: Option<Timestamp>,
    pub actor: Actor,
    pub action: Box<str>,
    /// For actions the catalogue does not know.
    pub category: Option<Category>,
    pub target: Option<Target>,
    pub related: Vec<Target>,
    pub scope: DraftScope,
    pub request: Request,
    pub result: Result,
    /// Only with [`Result::Failure`].
    pub error: Option<Error>,
    /// Canonical array of `{path, before, after}`.
    pub changes: Option<Json>,
    /// Canonical object.
    pub context: Option<Json>,
    pub source: Option<Source>,
}

/// The scope as sent; the organization may come from the token or the server's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftScope {
    pub organization: Option<Organization>,
    pub project: Option<Box<str>>,
}

/// What the log fills in where the draft is silent.
#[derive(Clone, Debug)]
pub struct Defaults {
    pub id: EntryId,
    pub organization: Organization,
    pub category: Category,
}

impl Draft {
    /// One JSON object, strictly: unknown members, duplicate keys, wrong types, impossible values are refused with a pointer.
    pub fn from_json(_bytes: &[u8]) -> std::result::Result<Self, Invalid> {
        todo!()
    }

    /// The id this draft has without the server's help: its own, or the one derived from its source.
    pub fn own_id(&self, _organization: &Organization) -> Option<EntryId> {
        todo!()
    }

    /// The entry at `seq`. An absent timestamp becomes `received_at`; a category named for a known action is the caller's.
    pub fn accept(self, seq: Seq, received_at: Timestamp, defaults: Defaults) -> Entry {
        let _ = (seq, received_at, defaults);
        todo!()
    }
}
