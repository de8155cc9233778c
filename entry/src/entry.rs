//! One accepted line of the log; immutable.

pub(crate) mod line;

pub(crate) use line::Line;

use crate::draft::{self, Defaults, Draft, Form, Read};
use crate::units::Erased;
use crate::{
    ActorKind, Category, EntryId, Invalid, Json, Mask, Organization, Result, Timestamp, json,
};

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
    /// Members that were here and are erased, by path.
    pub erased: Vec<Erased>,
    /// Members that its reader does not see, though they are, or were, there. Nothing of an entry that is kept.
    pub hidden: Mask,
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

impl Party {
    /// A party of that kind, not yet named.
    pub fn of(kind: ActorKind) -> Self {
        Self {
            kind,
            id: None,
            name: None,
            email: None,
        }
    }
}

impl Party {
    /// What stands for it where there is room for one text: name, id or email, the first that says something.
    pub fn shown(&self) -> Option<&str> {
        first_said([&self.name, &self.id, &self.email])
    }
}

impl Target {
    /// What stands for it where there is room for one text: name or id, the first that says something.
    pub fn shown(&self) -> Option<&str> {
        first_said([&self.name, &self.id])
    }
}

fn first_said<const N: usize>(texts: [&Option<Box<str>>; N]) -> Option<&str> {
    texts
        .into_iter()
        .filter_map(Option::as_deref)
        .find(|text| !text.is_empty())
}

impl Source {
    /// What tells this from all else of the same source; an empty event id tells nothing.
    pub fn identity(&self) -> Option<&str> {
        self.event_id.as_deref().filter(|id| !id.is_empty())
    }
}

impl From<Party> for Actor {
    fn from(party: Party) -> Self {
        Self {
            party,
            on_behalf_of: None,
        }
    }
}

impl Entry {
    /// What the store keeps: canonical JSON of everything but `seq` and `received_at`.
    pub fn write_body(&self, out: &mut Vec<u8>) {
        Line {
            seq: None,
            received_at: None,
            erased: &[],
            hidden: Mask::NONE,
            ..self.line()
        }
        .write(out);
    }

    /// The entry of a body that [`Entry::write_body`] wrote. Fails only on damage.
    pub fn from_body(
        seq: Seq,
        received_at: Timestamp,
        body: &[u8],
    ) -> std::result::Result<Self, Invalid> {
        let read = read(body, Form::Draft)?;
        Self::of(seq, received_at, read.draft)
    }

    /// The wire form: canonical JSON with `seq` and `received_at` in their sorted places.
    pub fn write_wire(&self, out: &mut Vec<u8>) {
        self.line().write(out);
    }

    /// The entry of its wire form, as other servers and exports give it.
    pub fn from_wire(wire: &[u8]) -> std::result::Result<Self, Invalid> {
        let read = read(wire, Form::Wire)?;
        let seq = read.seq.ok_or_else(|| missing("/seq"))?;
        let received_at = read.received_at.ok_or_else(|| missing("/received_at"))?;
        let mut entry = Self::of(seq, received_at, read.draft)?;
        entry.erased = read.erased;
        entry.hidden = read.hidden;
        Ok(entry)
    }

    /// Bytes of text it holds: what a page or a batch of entries weighs.
    pub fn text_bytes(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        let json = |json: &Option<Json>| json.as_ref().map_or(0, |json| json.as_str().len());
        let party = |party: &Party| text(&party.id) + text(&party.name) + text(&party.email);
        let target = |target: &Target| text(&target.kind) + text(&target.id) + text(&target.name);
        let request = &self.request;
        let error = |error: &Error| text(&error.code) + text(&error.message);
        party(&self.actor.party)
            + self.actor.on_behalf_of.as_ref().map_or(0, party)
            + self.action.len()
            + self
                .target
                .iter()
                .chain(&self.related)
                .map(target)
                .sum::<usize>()
            + text(&self.scope.project)
            + text(&request.id)
            + text(&request.ip)
            + text(&request.user_agent)
            + text(&request.method)
            + text(&request.path)
            + text(&request.trace_id)
            + text(&request.session_id)
            + self.error.as_ref().map_or(0, error)
            + json(&self.changes)
            + json(&self.context)
            + self
                .source
                .as_ref()
                .map_or(0, |source| source.name.len() + text(&source.event_id))
    }

    /// True if the timestamp lies more than 5 minutes ahead of the log's clock.
    pub fn clock_ahead(&self) -> bool {
        self.timestamp
            .as_micros()
            .saturating_sub(self.received_at.as_micros())
            > crate::limits::CLOCK_AHEAD_MICROS
    }

    /// The entry of a draft that leaves nothing to fill in.
    fn of(seq: Seq, received_at: Timestamp, draft: Draft) -> std::result::Result<Self, Invalid> {
        if draft.timestamp.is_none() {
            return Err(missing("/timestamp"));
        }
        let defaults = Defaults {
            id: draft.id.ok_or_else(|| missing("/id"))?,
            organization: draft
                .scope
                .organization
                .clone()
                .ok_or_else(|| missing("/scope/organization"))?,
            category: draft.category.ok_or_else(|| missing("/category"))?,
        };
        Ok(draft.accept(seq, received_at, defaults))
    }

    pub(crate) fn line(&self) -> Line<'_> {
        Line {
            seq: Some(self.seq),
            received_at: Some(self.received_at),
            id: Some(self.id),
            timestamp: Some(self.timestamp),
            actor: &self.actor,
            action: &self.action,
            category: Some(self.category),
            target: self.target.as_ref(),
            related: &self.related,
            organization: Some(&self.scope.organization),
            project: self.scope.project.as_deref(),
            request: &self.request,
            result: self.result,
            error: self.error.as_ref(),
            changes: self.changes.as_ref(),
            context: self.context.as_ref(),
            source: self.source.as_ref(),
            erased: &self.erased,
            hidden: self.hidden,
            public_only: false,
        }
    }
}

fn read(bytes: &[u8], form: Form) -> std::result::Result<Read, Invalid> {
    draft::read(&json::parse_stored(bytes)?, form).map_err(|problems| problems.first().clone())
}

fn missing(pointer: &str) -> Invalid {
    Invalid {
        pointer: pointer.to_string(),
        detail: "is required of an entry".to_string(),
    }
}
