//! What a caller claims happened.

mod decode;

pub(crate) use decode::{Form, Read, read};

use crate::entry::{Actor, Entry, Error, Line, Request, Scope, Seq, Source, Target};
use crate::limits::{ENTRY_BYTES_MAX, FILLED_IN_BYTES_MAX};
use crate::{Category, EntryId, Invalid, Json, Mask, Organization, Problems, Result, Timestamp};

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
    /// For a draft without an id and without an identity at its source.
    pub id: EntryId,
    /// The log it goes to: the draft's own organization where it names one.
    pub organization: Organization,
    /// By [`Catalogue::category`](crate::Catalogue::category), which has heard what the draft named.
    pub category: Category,
}

impl Draft {
    /// A draft of the required three; everything else is absent.
    pub fn new(actor: Actor, action: impl Into<Box<str>>, result: Result) -> Self {
        Self {
            id: None,
            timestamp: None,
            actor,
            action: action.into(),
            category: None,
            target: None,
            related: Vec::new(),
            scope: DraftScope::default(),
            request: Request::default(),
            result,
            error: None,
            changes: None,
            context: None,
            source: None,
        }
    }

    /// One JSON object, strictly: unknown members, duplicate keys, wrong types, impossible values are refused with a pointer.
    ///
    /// What is kept is what was sent, but for four spellings: a timestamp gets its UTC form, an id its lower case, and
    /// an empty `request` or `related`, which say nothing, are left out.
    pub fn from_json(bytes: &[u8]) -> std::result::Result<Self, Problems> {
        // White space around an entry is the document's, not the entry's.
        let size = bytes.trim_ascii().len();
        if size > ENTRY_BYTES_MAX + FILLED_IN_BYTES_MAX {
            return Err(too_large(size));
        }
        let value = crate::json::parse(bytes)?;
        let draft = read(&value, Form::Draft)?.draft;
        // An export says what the log filled in; with it the largest entry must still be one that can be recorded.
        if size > ENTRY_BYTES_MAX {
            let claimed = size - draft.filled_in_bytes();
            if claimed > ENTRY_BYTES_MAX {
                return Err(too_large(claimed));
            }
        }
        Ok(draft)
    }

    /// The canonical bytes of those members that the log fills in where a draft is silent.
    fn filled_in_bytes(&self) -> usize {
        let member = |name: &str, text: Option<usize>| {
            text.map_or(0, |bytes| name.len() + bytes + r#""":"","#.len())
        };
        let organization = self.scope.organization.as_ref().map(|o| o.as_str().len());
        let scope = match (&organization, &self.scope.project) {
            (Some(_), None) => r#""scope":{}"#.len(),
            _ => 0,
        };
        member("id", self.id.map(|id| id.to_string().len()))
            + member("timestamp", self.timestamp.map(|t| t.to_ascii().len()))
            + member("category", self.category.map(|c| c.as_str().len()))
            + member("organization", organization)
            + scope
    }

    /// What [`Draft::from_json`] reads: canonical JSON of what the draft says.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        Line {
            seq: None,
            received_at: None,
            id: self.id,
            timestamp: self.timestamp,
            actor: &self.actor,
            action: &self.action,
            category: self.category,
            target: self.target.as_ref(),
            related: &self.related,
            organization: self.scope.organization.as_ref(),
            project: self.scope.project.as_deref(),
            request: &self.request,
            result: self.result,
            error: self.error.as_ref(),
            changes: self.changes.as_ref(),
            context: self.context.as_ref(),
            source: self.source.as_ref(),
            erased: &[],
            hidden: Mask::NONE,
            public_only: false,
        }
        .write(out);
    }

    /// For drafts that were built rather than read: the problems [`Draft::from_json`] would find.
    pub fn check(&self) -> std::result::Result<(), Problems> {
        let mut json = Vec::new();
        self.write_json(&mut json);
        Self::from_json(&json).map(drop)
    }

    /// The id this draft has without the server's help: its own, or the one derived from its source.
    pub fn own_id(&self, organization: &Organization) -> Option<EntryId> {
        self.id.or_else(|| {
            let source = self.source.as_ref()?;
            let event_id = source.identity()?;
            Some(EntryId::derive(
                organization.as_str(),
                &source.name,
                event_id,
            ))
        })
    }

    /// The entry at `seq`. An absent timestamp becomes `received_at`; organization and category are the defaults'.
    pub fn accept(self, seq: Seq, received_at: Timestamp, defaults: Defaults) -> Entry {
        Entry {
            seq,
            received_at,
            id: self.own_id(&defaults.organization).unwrap_or(defaults.id),
            timestamp: self.timestamp.unwrap_or(received_at),
            actor: self.actor,
            action: self.action,
            category: defaults.category,
            target: self.target,
            related: self.related,
            scope: Scope {
                organization: defaults.organization,
                project: self.scope.project,
            },
            request: self.request,
            result: self.result,
            error: self.error,
            changes: self.changes,
            context: self.context,
            source: self.source,
            erased: Vec::new(),
            hidden: Mask::NONE,
        }
    }
}

fn too_large(size: usize) -> Problems {
    Invalid {
        pointer: String::new(),
        detail: format!("an entry of {size} bytes; at most {ENTRY_BYTES_MAX} are kept"),
    }
    .into()
}

/// The claim an entry was made of, as far as it is known: what a copy of an export records again.
impl From<Entry> for Draft {
    fn from(entry: Entry) -> Self {
        Self {
            id: Some(entry.id),
            timestamp: Some(entry.timestamp),
            actor: entry.actor,
            action: entry.action,
            category: Some(entry.category),
            target: entry.target,
            related: entry.related,
            scope: DraftScope {
                organization: Some(entry.scope.organization),
                project: entry.scope.project,
            },
            request: entry.request,
            result: entry.result,
            error: entry.error,
            changes: entry.changes,
            context: entry.context,
            source: entry.source,
        }
    }
}

#[cfg(test)]
mod tests;
