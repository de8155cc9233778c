//! One accepted line of the log; immutable.

use crate::{ActorKind, Category, EntryId, Invalid, Json, Organization, Result, Timestamp};

/// Place in a log, from 0, no gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seq(pub u64);

/// One accepted line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub seq: Seq,
    /// The log's clock, never backwards.
    pub received_at: Timestamp,
    pub id: EntryId,
    /// The caller's clock, or `received_at` where it gave none.
    pub timestamp: Timestamp,
    pub actor: Actor,
    pub action: Box<str>,
    pub category: Category,
    pub target: Option<Target>,
    pub related: Vec<Target>,
    pub scope: Scope,
    pub request: Request,
    pub result: Result,
    pub error: Option<Error>,
    pub changes: Option<Json>,
    pub context: Option<Json>,
    pub source: Option<Source>,
}

/// A party by its snapshot: as it was named when it acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub kind: ActorKind,
    pub id: Option<Box<str>>,
    pub name: Option<Box<str>>,
    pub email: Option<Box<str>>,
}

/// Who did the recorded action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub party: Party,
    pub on_behalf_of: Option<Party>,
}

/// What the action was done to. `kind` is any text; seven are named by the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub kind: Option<Box<str>>,
    pub id: Option<Box<str>>,
    pub name: Option<Box<str>>,
}

/// The organization, or the project in it, that an entry belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub organization: Organization,
    pub project: Option<Box<str>>,
}

/// The platform request that caused the entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Not unique: real systems share one among several entries.
    pub id: Option<Box<str>>,
    /// As text: real data holds `AWS Internal`, ports, leading zeros.
    pub ip: Option<Box<str>>,
    pub user_agent: Option<Box<str>>,
    pub method: Option<Box<str>>,
    pub path: Option<Box<str>>,
    pub trace_id: Option<Box<str>>,
    pub session_id: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Error {
    pub code: Option<Box<str>>,
    pub message: Option<Box<str>>,
}

/// The system that sent it, and its own identity for it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub name: Box<str>,
    pub event_id: Option<Box<str>>,
    pub sequence: Option<u64>,
}

impl Entry {
    /// What the store keeps: canonical JSON of everything but `seq` and `received_at`.
    pub fn write_body(&self, _out: &mut Vec<u8>) {
        todo!()
    }

    /// The entry of a body that [`Entry::write_body`] wrote. Fails only on damage.
    pub fn from_body(
        _seq: Seq,
        _received_at: Timestamp,
        _body: &[u8],
    ) -> std::result::Result<Self, Invalid> {
        todo!()
    }

    /// The wire form: canonical JSON with `seq` and `received_at` in their sorted places.
    pub fn write_wire(&self, _out: &mut Vec<u8>) {
        todo!()
    }

    /// True if the timestamp lies more than 5 minutes ahead of the log's clock.
    pub fn clock_ahead(&self) -> bool {
        self.timestamp
            .as_micros()
            .saturating_sub(self.received_at.as_micros())
            > crate::limits::CLOCK_AHEAD_MICROS
    }
}
