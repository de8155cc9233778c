//! What an object was before it was changed: the API server says what it became, our own entries what it was.
//!
//! The object of the newest earlier entry about it, by its uid, is compared with the one that the event shows; what the events of the
//! same call show is earlier, too. Both are of one kind, version and subresource: a `Scale` is no `Deployment`. Where the
//! event tells the version that was changed, and it is the one that entry shows, the changes are *exact*; else somebody may
//! have changed it unseen in between, and they are *derived*. `context.changes_from` says which, and from which entry.
//!
//! Looking takes time, and an answer may take a second in all: what is not looked up by then has no changes, and says so.

use super::super::Sent;
use crate::intake::Fate;
use crate::problem::Problem;
use crate::reading::Reading;
use entry::field::Field;
use entry::filter::{Pattern, Term};
use entry::json::{Object, Value, push_pointer};
use entry::{Draft, Entry, EntryId, Filter, Json, Organization, Timestamp};
use std::collections::HashMap;
use std::time::Instant;
use store::view::{Direction, Order, PageQuery};

/// Changes that are listed; an object that differs more was replaced, not changed.
const CHANGES_MAX: usize = 200;
/// Earlier entries that are looked at for one that shows the object.
const LOOKED_AT_MAX: usize = 20;

/// Members that change by themselves, or say nothing of the object.
const UNSAID: &[&str] = &[
    "/metadata/managedFields",
    "/metadata/resourceVersion",
    "/metadata/generation",
    "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
    "/status",
];

/// Gives every draft that changed an object the changes, as far as earlier entries show what it was, and for as long as there is time.
pub fn reconstruct(
    reading: &Reading,
    organization: &Organization,
    sent: &mut [Sent],
    until: Instant,
) -> Result<(), Problem> {
    let within = Within::of(organization, sent);
    for (nth, one) in sent.iter_mut().enumerate() {
        if let Fate::Store(draft) = &mut one.fate {
            give_changes(reading, &within, nth, draft, until)?;
        }
    }
    Ok(())
}

fn give_changes(
    reading: &Reading,
    within: &Within,
    nth: usize,
    draft: &mut Draft,
    until: Instant,
) -> Result<(), Problem> {
    let (Some(context), Some(at)) = (draft.context.clone(), draft.timestamp) else {
        return Ok(());
    };
    let context = context.parse();
    if !changes_an_object(&context) {
        return Ok(());
    }
    let (Some(after), Some(what)) = (shown(&context), What::of(&context)) else {
        return Ok(());
    };
    let mine = within.before(&what, at, nth);
    let stored = match Instant::now() < until {
        true => earlier(reading, draft, at, &what)?,
        false if mine.is_none() => {
            note_unlooked(draft, context);
            return Ok(());
        }
        false => None,
    };
    let stored = stored.map(|entry| Shown {
        at: entry.timestamp,
        id: Some(entry.id),
        context: entry.context,
    });
    // Of one call, the later one tells more than what was stored before it, unless that is later still.
    let newest = match (mine, &stored) {
        (Some(mine), Some(stored)) if stored.at > mine.at => stored,
        (Some(mine), _) => mine,
        (None, Some(stored)) => stored,
        (None, None) => return Ok(()),
    };
    let before_context = newest.context.as_ref().map(Json::parse);
    let Some(before) = { &before_context }.as_ref().and_then(shown) else {
        return Ok(());
    };
    let mut changes = Changes::default();
    changes.compare(&mut String::new(), Some(before), Some(after));
    if changes.found.is_empty() || changes.found.len() > CHANGES_MAX {
        return Ok(());
    }
    let changed = text(after, "/metadata/resourceVersion");
    let known = text(before, "/metadata/resourceVersion");
    let based_on = context
        .pointer("/requestObject/metadata/resourceVersion")
        .and_then(Value::as_str);
    // Nothing changed it in between if the one who changed it says that it changed that version.
    let exact = known.is_some() && based_on == known && changed != known;
    let mut from = Object::new();
    if let Some(id) = newest.id {
        from.insert("entry", Value::String(id.to_string().into()));
    }
    from.insert("certainty", if exact { "exact" } else { "derived" });
    draft.changes = Some(Json::from(&Value::Array(changes.found)));
    set(draft, context, "changes_from", Value::Object(from));
    Ok(())
}

/// Says that nobody looked what the object was.
fn note_unlooked(draft: &mut Draft, context: Value<'_>) {
    let note = "there was no time to look up what it was before";
    set(draft, context, "changes_note", Value::String(note.into()));
}

fn set(draft: &mut Draft, context: Value<'_>, name: &'static str, value: Value<'_>) {
    if let Value::Object(mut context) = context {
        context.insert(name, value);
        draft.context = Some(Json::from(&Value::Object(context)));
    }
}

/// What an event shows: two of the same can be compared.
#[derive(Clone, PartialEq, Eq, Hash)]
struct What {
    uid: Box<str>,
    kind: Option<Box<str>>,
    version: Option<Box<str>>,
    subresource: Option<Box<str>>,
}

impl What {
    /// None of what shows no object, or one that a dry run made up.
    fn of(context: &Value<'_>) -> Option<Self> {
        let object = shown(context)?;
        if context.pointer("/kubernetes/dryRun").is_some() {
            return None;
        }
        let own = |pointer: &str| text(object, pointer).map(Box::from);
        Some(Self {
            uid: own("/metadata/uid")?,
            kind: own("/kind"),
            version: own("/apiVersion"),
            subresource: text(context, "/kubernetes/objectRef/subresource").map(Box::from),
        })
    }
}

/// What one event shows of an object.
struct Shown {
    at: Timestamp,
    id: Option<EntryId>,
    context: Option<Json>,
}

/// What the events of one call show, in their order.
struct Within(HashMap<What, Vec<(usize, Shown)>>);

impl Within {
    /// Of those that succeeded.
    fn of(organization: &Organization, sent: &[Sent]) -> Self {
        let mut all: HashMap<What, Vec<(usize, Shown)>> = HashMap::new();
        for (nth, one) in sent.iter().enumerate() {
            let Fate::Store(draft) = &one.fate else {
                continue;
            };
            let (Some(context), Some(at)) = (&draft.context, draft.timestamp) else {
                continue;
            };
            if draft.result != entry::Result::Success {
                continue;
            }
            if let Some(what) = What::of(&context.parse()) {
                let shown = Shown {
                    at,
                    id: draft.own_id(organization),
                    context: Some(context.clone()),
                };
                all.entry(what).or_default().push((nth, shown));
            }
        }
        for of_one in all.values_mut() {
            of_one.sort_by_key(|(nth, shown)| (shown.at, *nth));
        }
        Self(all)
    }

    /// What the last one before that time shows; at the same time, before that place.
    fn before(&self, what: &What, at: Timestamp, nth: usize) -> Option<&Shown> {
        let all = self.0.get(what)?;
        let end = all.partition_point(|(other, shown)| (shown.at, *other) < (at, nth));
        all[..end].last().map(|(_, shown)| shown)
    }
}

fn changes_an_object(context: &Value<'_>) -> bool {
    let verb = text(context, "/kubernetes/verb");
    let dry = context.pointer("/kubernetes/dryRun").is_some();
    matches!(verb, Some("update" | "patch")) && !dry
}

fn text<'v>(value: &'v Value<'_>, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

/// The object that an entry shows, unless it was refused.
fn shown<'v>(context: &'v Value<'_>) -> Option<&'v Value<'v>> {
    context.get("responseObject")
}

/// The newest entry before that time which shows the object.
fn earlier(
    reading: &Reading,
    draft: &Draft,
    at: Timestamp,
    what: &What,
) -> Result<Option<Entry>, Problem> {
    let Some(filter) = about_the_same(draft) else {
        return Ok(None);
    };
    let query = |limit: usize| PageQuery {
        filter: filter.clone().and(Term::To(at).into()),
        order: Order::Time,
        direction: Direction::Descending,
        limit,
        after: None,
        as_of: None,
    };
    let shows = |entry: &Entry| {
        let context = entry.context.as_ref().map(Json::parse);
        context.as_ref().and_then(What::of).as_ref() == Some(what)
    };
    // Mostly it is the newest one, and reading twenty takes twenty times as long.
    for limit in [1, LOOKED_AT_MAX] {
        let page = reading.page(&query(limit))?;
        let succeeded = page
            .entries
            .into_iter()
            .filter(|e| e.result == entry::Result::Success);
        if let Some(found) = { succeeded }.find(shows) {
            return Ok(Some(found));
        }
        if page.next.is_none() {
            break;
        }
    }
    Ok(None)
}

/// The entries about the draft's target, of its source.
fn about_the_same(draft: &Draft) -> Option<Filter> {
    let value = |field, text: &str| Filter::from(Term::Value(field, Pattern::exact(text)));
    let target = draft.target.as_ref()?;
    let key = target.id.as_deref().or(target.name.as_deref())?;
    let mut filter = value(Field::Target, key);
    filter = filter.and(value(Field::TargetType, target.kind.as_deref()?));
    filter = filter.and(value(
        Field::Organization,
        draft.scope.organization.as_ref()?.as_str(),
    ));
    filter = filter.and(value(Field::Source, &draft.source.as_ref()?.name));
    Some(match &draft.scope.project {
        Some(project) => filter.and(value(Field::Project, project)),
        None => filter,
    })
}

/// What differs, as members of `changes`.
#[derive(Default)]
struct Changes {
    found: Vec<Value<'static>>,
}

impl Changes {
    fn compare(&mut self, at: &mut String, before: Option<&Value<'_>>, after: Option<&Value<'_>>) {
        if self.found.len() > CHANGES_MAX || UNSAID.contains(&at.as_str()) || before == after {
            return;
        }
        match (before, after) {
            (Some(Value::Object(before)), Some(Value::Object(after))) => {
                for (name, value) in before.iter() {
                    self.member(at, name, Some(value), after.get(name));
                }
                let new = after.iter().filter(|(name, _)| before.get(name).is_none());
                for (name, value) in new {
                    self.member(at, name, None, Some(value));
                }
            }
            (Some(Value::Array(before)), Some(Value::Array(after)))
                if before.len() == after.len() =>
            {
                for (n, (before, after)) in before.iter().zip(after).enumerate() {
                    self.member(at, &n.to_string(), Some(before), Some(after));
                }
            }
            _ => self.differs(at, before, after),
        }
    }

    fn member(
        &mut self,
        at: &mut String,
        name: &str,
        before: Option<&Value<'_>>,
        after: Option<&Value<'_>>,
    ) {
        let length = at.len();
        push_pointer(at, name);
        self.compare(at, before, after);
        at.truncate(length);
    }

    fn differs(&mut self, at: &str, before: Option<&Value<'_>>, after: Option<&Value<'_>>) {
        let mut change = Object::new();
        change.insert("path", Value::String(at.to_owned().into()));
        for (name, value) in [("before", before), ("after", after)] {
            if let Some(value) = value {
                change.insert(name, value.clone().into_owned());
            }
        }
        self.found.push(Value::Object(change));
    }
}
