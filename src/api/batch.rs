//! From the bytes of a call to drafts: one object, an array, or one object a line.

use crate::access::{Permission, Reach};
use crate::problem::{Fault, Kind, Problem};
use crate::watching::SOURCE;
use axum::http::{HeaderMap, header};
use entry::draft::Defaults;
use entry::json::{SplitError, split_array};
use entry::limits::BATCH_ENTRIES_MAX;
use entry::{Catalogue, Category, Draft, EntryId, Organization, Problems, Timestamp, text};
use memchr::memchr_iter;
use serde::de::IgnoredAny;
use std::ops::Range;
use store::Item;

/// How a body holds its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One object, or an array of them.
    Json,
    /// One object a line.
    Lines,
}

/// What is accepted, as a refusal says it.
pub const ACCEPTED: &str =
    "application/json, application/x-ndjson, application/ndjson, application/jsonl";

impl Form {
    /// By `Content-Type`, whatever its parameters.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let named = headers
            .get(header::CONTENT_TYPE)
            .map_or(Ok(""), |value| value.to_str())
            .unwrap_or("?");
        let essence = named
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Ok(Form::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Form::Lines),
            _ => Err(Kind::UnsupportedType
                .detail(format!("Content-Type is one of {ACCEPTED}"))
                .header(header::ACCEPT, ACCEPTED)),
        }
    }
}

/// Why an item was refused: a kind, a sentence and the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub kind: Kind,
    pub detail: String,
    pub faults: Vec<Fault>,
}

/// What a batch needs to know besides its bytes.
pub struct Filling<'a> {
    pub catalogue: &'a Catalogue,
    pub organization: &'a Organization,
    /// Where the caller may record.
    pub reach: &'a Reach,
    /// Where it may verify, if its receipts shall carry proofs.
    pub verified: Option<&'a Reach>,
    /// What is the log's own is taken too: an import, by who holds everything.
    pub takes_own: bool,
    pub now: Timestamp,
    /// No other call is being read right now: a second thread would find a free processor.
    pub alone: bool,
}

/// What a body held: drafts for the log, and at which places of the body there were none.
#[derive(Default)]
pub struct Batch {
    pub items: Vec<Item>,
    /// In order of their places, counted from 0.
    pub refusals: Vec<(usize, Refusal)>,
}

impl Batch {
    /// Items and refusals.
    pub fn len(&self) -> usize {
        self.items.len() + self.refusals.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The log of each item.
    pub fn organizations(&self) -> Vec<Organization> {
        let logs = self.items.iter().map(|item| &item.defaults.organization);
        logs.cloned().collect()
    }

    fn append(&mut self, later: Batch) {
        self.items.extend(later.items);
        self.refusals.extend(later.refusals);
    }
}

/// The items of a body, in its order; 400 if it is no JSON, 413 if they are too many. An empty array is a batch of none.
pub fn read(form: Form, body: &[u8], filling: &Filling<'_>) -> Result<Batch, Problem> {
    if body.trim_ascii().is_empty() {
        return Err(Kind::EmptyBody.detail("the body holds no entry"));
    }
    let array = form == Form::Json && body.trim_ascii_start().starts_with(b"[");
    let places = match form {
        Form::Lines => lines(body)?,
        Form::Json if array => elements(body)?,
        Form::Json => vec![Place {
            at: 0..body.len(),
            line: None,
        }],
    };
    if places.is_empty() {
        return Ok(Batch::default());
    }
    let ids = fresh_ids(filling.now, places.len())?;
    let read_part = |from: usize, to: usize| {
        let mut part = Batch {
            items: Vec::with_capacity(to - from),
            ..Batch::default()
        };
        for (n, place) in (from..to).zip(&places[from..to]) {
            match item(&body[place.at.clone()], place.line, ids[n], filling) {
                Ok(item) => part.items.push(item),
                Err(refusal) => part.refusals.push((n, refusal)),
            }
        }
        part
    };
    let count = places.len();
    let batch = if body.len() < SPLIT_BYTES_MIN || count < 2 || !filling.alone {
        read_part(0, count)
    } else {
        let half = places.partition_point(|place| place.at.start < body.len() / 2);
        let middle = half.clamp(1, count - 1);
        std::thread::scope(|scope| {
            let later = scope.spawn(|| read_part(middle, count));
            let mut batch = read_part(0, middle);
            match later.join() {
                Ok(more) => batch.append(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
            batch
        })
    };
    if form == Form::Json {
        must_be_json(&batch, body)?;
    }
    Ok(batch)
}

/// Bodies from here on are read by two threads, if there is nothing else to do: a thread must first get memory of its own.
const SPLIT_BYTES_MIN: usize = 1024 * 1024;

/// Where an item is; of lines, its number from 1.
struct Place {
    at: Range<usize>,
    line: Option<usize>,
}

fn elements(body: &[u8]) -> Result<Vec<Place>, Problem> {
    match split_array(body, BATCH_ENTRIES_MAX) {
        Ok(elements) => Ok(elements
            .into_iter()
            .map(|at| Place { at, line: None })
            .collect()),
        Err(SplitError::TooMany { .. }) => Err(too_many()),
        Err(SplitError::Invalid(invalid)) => Err(Kind::BadJson
            .detail(&*invalid.detail)
            .with(vec![Fault::pointer(invalid.pointer, invalid.detail)])),
    }
}

/// Blank lines are no items.
fn lines(body: &[u8]) -> Result<Vec<Place>, Problem> {
    let mut places = Vec::new();
    let mut start = 0;
    for (number, end) in memchr_iter(b'\n', body).chain([body.len()]).enumerate() {
        if !body[start..end].trim_ascii().is_empty() {
            if places.len() == BATCH_ENTRIES_MAX {
                return Err(too_many());
            }
            places.push(Place {
                at: start..end,
                line: Some(number + 1),
            });
        }
        start = end + 1;
    }
    Ok(places)
}

fn too_many() -> Problem {
    Kind::TooLarge.detail(format!(
        "a batch may hold {BATCH_ENTRIES_MAX} entries; send several"
    ))
}

fn item(
    bytes: &[u8],
    line: Option<usize>,
    id: EntryId,
    filling: &Filling<'_>,
) -> Result<Item, Refusal> {
    let draft = Draft::from_json(bytes).map_err(|problems| refusal(&problems, line))?;
    admit(draft, line, id, filling)
}

/// The draft with what it leaves unsaid, if the caller may record it.
pub fn admit(
    draft: Draft,
    line: Option<usize>,
    id: EntryId,
    filling: &Filling<'_>,
) -> Result<Item, Refusal> {
    let organization = draft
        .scope
        .organization
        .clone()
        .unwrap_or_else(|| filling.organization.clone());
    let project = draft.scope.project.as_deref();
    if !filling.reach.permits(&organization, project) {
        return Err(out_of_reach(Permission::Record, line));
    }
    // A proof tells the size and the root of the log.
    let verified = filling.verified;
    if verified.is_some_and(|reach| !reach.permits(&organization, project)) {
        return Err(out_of_reach(Permission::Verify, line));
    }
    let category = filling.catalogue.category(&draft.action, draft.category);
    match of_the_log(&draft, category) {
        Some(pointer) if !filling.takes_own => return Err(reserved(pointer, line)),
        _ => {}
    }
    Ok(Item {
        draft,
        defaults: Defaults {
            id,
            organization,
            category,
        },
    })
}

/// Whether there is such a scope is not said.
fn out_of_reach(permission: Permission, line: Option<usize>) -> Refusal {
    let detail = format!("this takes the permission {permission} in the entry's scope");
    let fault = Fault::pointer("/scope", "out of reach");
    forbidden(detail, fault, line)
}

/// The member by which a draft says that the log itself speaks.
fn of_the_log(draft: &Draft, category: Category) -> Option<&'static str> {
    let source = draft.source.as_ref();
    let named = source.is_some_and(|source| text::equals(&source.name, SOURCE));
    match category {
        // The catalogue gives a known action its category, whatever the draft says.
        Category::Audit if draft.category != Some(Category::Audit) => Some("/action"),
        Category::Audit => Some("/category"),
        _ => named.then_some("/source/name"),
    }
}

/// Who may record may still not say what the log says of itself: who read, who erased, who was let in.
fn reserved(pointer: &str, line: Option<usize>) -> Refusal {
    let detail =
        "only the log itself says this; importing it takes every permission, for the whole server";
    let fault = Fault::pointer(pointer, "is the log's own");
    forbidden(detail.to_owned(), fault, line)
}

fn forbidden(detail: String, fault: Fault, line: Option<usize>) -> Refusal {
    let detail = match line {
        Some(line) => format!("line {line}: {detail}"),
        None => detail,
    };
    Refusal {
        kind: Kind::Forbidden,
        detail,
        faults: vec![fault],
    }
}

fn refusal(problems: &Problems, line: Option<usize>) -> Refusal {
    let faults: Vec<Fault> = problems
        .as_slice()
        .iter()
        .map(|invalid| Fault::pointer(&*invalid.pointer, &*invalid.detail))
        .collect();
    let first = problems.first();
    let mut detail = match first.pointer.as_str() {
        "" => first.detail.clone(),
        pointer => format!("{pointer}: {}", first.detail),
    };
    if let Some(line) = line {
        detail = format!("line {line}: {detail}");
    }
    Refusal {
        kind: Kind::InvalidEntry,
        detail,
        faults,
    }
}

/// A document with one bad element is no document: 400 for the whole, as opposed to JSON that is no entry.
fn must_be_json(batch: &Batch, body: &[u8]) -> Result<(), Problem> {
    let Some((_, first)) = batch.refusals.first() else {
        return Ok(());
    };
    let wrong = match std::str::from_utf8(body) {
        Err(error) => format!("not UTF-8 at byte {}", error.valid_up_to()),
        Ok(text) => match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => return Ok(()),
            Err(_) => first.detail.clone(),
        },
    };
    Err(Kind::BadJson.detail(wrong).with(first.faults.clone()))
}

/// Ids for drafts that have none: UUID v7, all randomness of a batch in one system call.
pub fn fresh_ids(now: Timestamp, count: usize) -> Result<Vec<EntryId>, Problem> {
    let mut random = vec![0; count * 10];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Kind::Internal.detail("the system gives no randomness")
    })?;
    let millis = u64::try_from(now.as_micros() / 1_000).unwrap_or(0);
    let ids = random.as_chunks::<10>().0.iter();
    Ok(ids
        .map(|random| {
            EntryId::from_bytes(
                *uuid::Builder::from_unix_timestamp_millis(millis, random)
                    .as_uuid()
                    .as_bytes(),
            )
        })
        .collect())
}

#[cfg(test)]
mod tests;
