//! An event becomes a draft, by the rules of a table.

use super::expression::{Condition, Expression, Sight};
use super::{NoiseRules, PairRules, PartyRules, RequestRules, ResultRules, Table, TargetRules};
use crate::foreign::{self, Claims};
use crate::foreign_time::{self, ForeignTime};
use crate::redact;
use crate::scan::Place;
use entry::json::{self, Object, Value};
use entry::{Actor, ActorKind, Category, Draft, Json, Party, Request, Result, Source, Target};
use std::cell::RefCell;

/// The deepest JSON within a text that is shown parsed: it stands two levels deeper in the context than in itself.
const PARSED_DEPTH_MAX: usize = entry::limits::DEPTH_MAX - 8;

/// Targets of one entry: what is more stays in the context.
const TARGETS_MAX: usize = 100;

/// Entries of one item: an item of [`crate::scan::ITEM_BYTES_MAX`] must not become millions of copies of itself.
const PIECES_MAX: usize = 1_000;

/// Pairs of one array that stand as an object; it is kept as it was, whatever its size.
const PAIRS_MAX: usize = 1_000;

/// Bytes that copying what the entries of one item share may take.
const PIECES_BYTES_MAX: usize = 64 * 1024 * 1024;

impl Table {
    /// Whether an event, as it is in an input, is one of this format, where the table says what makes one.
    pub fn recognises(&self, event: &Value<'_>) -> bool {
        let Some(condition) = &self.recognise else {
            return false;
        };
        let taken = RefCell::default();
        let is_one = |event: &Value<'_>| match self.within(event) {
            Ok(Some((inner, _))) => self.sight(&inner, &taken).holds(condition),
            _ => self.sight(event, &taken).holds(condition),
        };
        match self.deep(event) {
            Some(events) => !events.is_empty() && events.iter().all(is_one),
            None => is_one(event),
        }
    }

    /// Whether it says what an event is known by.
    pub(crate) fn tells_identity(&self) -> bool {
        !self.identity.is_empty()
    }

    /// Whether an event says an action, as it is.
    pub(crate) fn says_action(&self, event: &Value<'_>) -> bool {
        let taken = RefCell::default();
        self.sight(event, &taken).text(&self.action).is_some()
    }

    /// The drafts of one event: one, or one for each element where the table says so. `place` tells apart what has no identity; without
    /// it, such events are known by their content alone.
    pub fn drafts(
        &self,
        claims: &Claims,
        mut event: Value<'_>,
        place: Option<Place>,
    ) -> std::result::Result<Vec<Draft>, String> {
        let redacted = claims.redact(&mut event);
        if let Some(events) = self.deep(&event) {
            let mut drafts = Vec::new();
            for event in events {
                drafts.extend(self.drafts_of(claims, event.clone(), place, redacted)?);
            }
            return Ok(drafts);
        }
        self.drafts_of(claims, event, place, redacted)
    }

    fn drafts_of(
        &self,
        claims: &Claims,
        event: Value<'_>,
        place: Option<Place>,
        redacted: bool,
    ) -> std::result::Result<Vec<Draft>, String> {
        let (event, around) = match self.within(&event)? {
            Some((inner, around)) => (inner, Some(around)),
            None => (event.into_owned(), None),
        };
        let Value::Object(event) = event else {
            return Err(format!("no {} event but {}", self.name, event.what()));
        };
        let pieces = self.pieces(event)?;
        pieces
            .into_iter()
            .map(|piece| {
                let mut draft = self.draft(claims, piece, around.clone(), place)?;
                if redacted {
                    redact::list_places(&mut draft);
                }
                Ok(draft)
            })
            .collect()
    }

    /// One object per entry: the event, or the event with one element in the place of its array.
    fn pieces<'a>(&self, mut event: Object<'a>) -> std::result::Result<Vec<Object<'a>>, String> {
        let Some(each) = &self.each else {
            return Ok(vec![event]);
        };
        let elements = match event.get(each) {
            Some(Value::Array(elements)) if !elements.is_empty() => elements.clone(),
            _ => return Ok(vec![event]),
        };
        if elements.len() > PIECES_MAX {
            return Err(format!(
                "{each} has {} elements, at most {PIECES_MAX} are read",
                elements.len()
            ));
        }
        event.remove(each);
        let shared = foreign::canonical_bytes(&mut event);
        if shared.saturating_mul(elements.len()) > PIECES_BYTES_MAX {
            return Err(format!(
                "{shared} bytes are shared by {} elements of {each}: too much to repeat",
                elements.len()
            ));
        }
        Ok(elements
            .into_iter()
            .map(|element| {
                let mut piece = event.clone();
                piece.insert(each.to_string(), element);
                piece
            })
            .collect())
    }

    fn sight<'s, 'a>(
        &'s self,
        event: &'s Value<'a>,
        taken: &'s RefCell<Vec<Vec<String>>>,
    ) -> Sight<'s, 'a> {
        Sight {
            event,
            at: event,
            any_case: self.any_case,
            nothing: &self.nothing,
            actor: None,
            taken,
        }
    }

    fn draft(
        &self,
        claims: &Claims,
        mut event: Object<'_>,
        around: Option<Object<'static>>,
        place: Option<Place>,
    ) -> std::result::Result<Draft, String> {
        foreign::drop_nulls(&mut event);
        let digest = foreign::digest(&mut event);
        let event = Value::Object(event);
        let (seen, parsed) = self.parsed(&event);
        let taken = RefCell::default();
        let mut sight = self.sight(&seen, &taken);
        let action = sight
            .field(&self.action)
            .ok_or_else(|| format!("no {} event: it says no action", self.name))?;
        let actor = self.actor(&sight);
        sight.actor = Some(actor.party.kind);
        let mut draft = Draft::new(actor, action, Result::Success);
        draft.category = self
            .category
            .as_ref()
            .and_then(|rule| Category::parse(&sight.text(rule)?));
        let mut targets = targets(&self.targets, &sight);
        for other in self.related.iter().flat_map(|rules| rules.targets(&sight)) {
            if !targets.iter().any(|known| known.shown() == other.shown()) {
                targets.push(other);
            }
        }
        let mut targets = targets.into_iter();
        draft.target = targets.next();
        draft.related = targets.take(TARGETS_MAX).collect();
        self.scope(&mut draft, &sight, claims);
        draft.request = self.request.read(&sight);
        let mut context = Object::new();
        let time = self.time(&sight, claims);
        foreign::set_time(&mut draft, &mut context, time);
        self.result.set(&mut draft, &sight, &mut context);
        if let Some(noise) = self.noise.kind(&sight) {
            context.insert("noise", noise);
        }
        draft.source = Some(Source {
            name: claims.source.clone(),
            event_id: self.event_id(&sight, &digest, place),
            sequence: None,
        });
        let mut rest = match event {
            Value::Object(event) => event,
            _ => Object::new(),
        };
        for names in taken.borrow().iter() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            remove(&mut rest, &names);
        }
        draft.context = Some(self.context(context, rest, parsed, around));
        Ok(draft)
    }

    /// The event with its JSON texts parsed, and those alone by their names.
    fn parsed<'a>(&self, event: &Value<'a>) -> (Value<'a>, Object<'static>) {
        let mut seen = event.clone();
        let mut beside = Object::new();
        for path in &self.json_texts {
            let Some(names) = path.plain() else { continue };
            let Some(place) = place_mut(&mut seen, &names, self.any_case) else {
                continue;
            };
            let Value::String(text) = &*place else {
                continue;
            };
            if !text.trim_start().starts_with(['{', '[']) {
                continue;
            }
            // What is no JSON stays a text, and is kept as such anyway.
            if let Ok(value) = json::parse(text.as_bytes())
                && depth(&value) <= PARSED_DEPTH_MAX
            {
                let value = value.into_owned();
                beside.insert(names.join("."), value.clone());
                *place = value;
            }
        }
        for pairs in &self.pairs {
            let object = pairs.object(&seen, self.any_case);
            if let (false, Some(name)) = (
                object.is_empty(),
                pairs
                    .at
                    .plain()
                    .and_then(|n| n.last().map(|n| n.to_string())),
            ) {
                beside.insert(name, object);
            }
        }
        (seen, beside)
    }

    fn actor(&self, sight: &Sight<'_, '_>) -> Actor {
        let party = self.actor.party(sight).unwrap_or_else(|| Party {
            name: Some("unknown".into()),
            ..Party::of(match self.actor.kind(sight) {
                // Nobody is named, so nobody's account did it.
                ActorKind::User => ActorKind::Anonymous,
                kind => kind,
            })
        });
        let on_behalf_of = self
            .on_behalf_of
            .as_ref()
            .and_then(|rules| rules.party(sight))
            .filter(|other| *other != party);
        Actor {
            party,
            on_behalf_of,
        }
    }

    fn scope(&self, draft: &mut Draft, sight: &Sight<'_, '_>, claims: &Claims) {
        let text = |rule: &Option<Expression>| sight.text(rule.as_ref()?).map(|t| t.into_owned());
        let account = text(&self.organization);
        draft.scope.organization = claims.organization.organization(account.as_deref());
        draft.scope.project = text(&self.project)
            .filter(|project| project.len() <= entry::limits::PROJECT_BYTES_MAX)
            .map(String::into_boxed_str);
    }

    fn time(&self, sight: &Sight<'_, '_>, claims: &Claims) -> Option<ForeignTime> {
        let read = |path: &super::path::Path| {
            let mut time = None;
            let mut in_full = false;
            sight.walk(path, &mut |value| {
                time = foreign_time::read(value, claims.now);
                in_full = value.as_str().is_some_and(foreign_time::says_no_more);
                time.is_some()
            });
            if in_full && time.is_some() {
                sight.take(path);
            }
            time
        };
        let time = self.time.iter().find_map(read)?;
        Some(ForeignTime {
            zone_assumed: time.zone_assumed && !self.time_utc,
            ..time
        })
    }

    fn event_id(
        &self,
        sight: &Sight<'_, '_>,
        digest: &str,
        place: Option<Place>,
    ) -> Option<Box<str>> {
        if self.identity.is_empty() {
            return Some(match place {
                // The same event at the same place of an input is the same entry; two equal ones are two.
                Some(place) => format!("{digest}/{}", place.nth).into(),
                None => digest.into(),
            });
        }
        let mut id = String::new();
        for rule in &self.identity {
            id.push_str(&sight.text(rule).unwrap_or_default());
            id.push('/');
        }
        id.push_str(digest);
        Some(id.into())
    }

    /// What no field holds.
    fn context(
        &self,
        mut context: Object<'static>,
        mut rest: Object<'_>,
        parsed: Object<'static>,
        around: Option<Object<'static>>,
    ) -> Json {
        for name in &self.context.last {
            if let Some(value) = rest.remove(name) {
                context.insert(name.to_string(), value.into_owned());
            }
        }
        if !parsed.is_empty() {
            context.insert("parsed", parsed);
        }
        if let Some(around) = around.filter(|around| !around.is_empty()) {
            context.insert("around", around);
        }
        context.insert(
            self.context.key.to_string(),
            Value::Object(rest).into_owned(),
        );
        Json::from(&Value::Object(context))
    }
}

impl PartyRules {
    fn party(&self, sight: &Sight<'_, '_>) -> Option<Party> {
        let field = |rule: &Option<Expression>| sight.field(rule.as_ref()?);
        let (id, name) = (field(&self.id), field(&self.name));
        let mail = |rule: &Option<Expression>| foreign::mail(&sight.text(rule.as_ref()?)?);
        let email = mail(&self.email);
        (id.is_some() || name.is_some() || email.is_some()).then(|| Party {
            kind: self.kind(sight),
            id,
            name,
            email,
        })
    }

    fn kind(&self, sight: &Sight<'_, '_>) -> ActorKind {
        self.kind
            .as_ref()
            .and_then(|rule| ActorKind::parse(&sight.text(rule)?))
            .unwrap_or(ActorKind::User)
    }
}

/// Of the first rules that find any.
fn targets(rules: &[TargetRules], sight: &Sight<'_, '_>) -> Vec<Target> {
    rules
        .iter()
        .map(|rules| rules.targets(sight))
        .find(|targets| !targets.is_empty())
        .unwrap_or_default()
}

impl TargetRules {
    fn targets(&self, sight: &Sight<'_, '_>) -> Vec<Target> {
        if self.when.as_ref().is_some_and(|when| !sight.holds(when)) {
            return Vec::new();
        }
        let Some(each) = &self.each else {
            return self.target(sight).into_iter().collect();
        };
        let mut targets = Vec::new();
        let mut preferred = None;
        sight.walk(each, &mut |value| {
            let elements = value.as_array().unwrap_or(std::slice::from_ref(value));
            for element in elements.iter().take(TARGETS_MAX) {
                let element = sight.element(element);
                let Some(target) = self.target(&element) else {
                    continue;
                };
                let first = self.prefer.as_ref().is_some_and(|rule| element.holds(rule));
                if first && preferred.is_none() {
                    preferred = Some(targets.len());
                }
                targets.push(target);
            }
            targets.len() >= TARGETS_MAX
        });
        if let Some(at) = preferred {
            targets[..=at].rotate_right(1);
        }
        targets
    }

    fn target(&self, sight: &Sight<'_, '_>) -> Option<Target> {
        let field = |rule: &Option<Expression>| sight.field(rule.as_ref()?);
        let (id, name) = (field(&self.id), field(&self.name));
        (id.is_some() || name.is_some()).then(|| Target {
            kind: field(&self.kind),
            // The same text twice says nothing twice.
            id: id.filter(|id| name.as_ref() != Some(id)),
            name,
        })
    }
}

impl PairRules {
    /// The array as an object; of a name that occurs twice, the first.
    fn object(&self, event: &Value<'_>, any_case: bool) -> Object<'static> {
        let mut object = Object::new();
        self.at.walk(event, any_case, &mut |value| {
            let pairs = value.as_array().unwrap_or(&[]);
            for pair in pairs.iter().take(PAIRS_MAX) {
                let Some(pair) = pair.as_object() else {
                    continue;
                };
                let name = foreign::text(pair.get(&self.name));
                let value = self.values.iter().find_map(|name| pair.get(name));
                if let (Some(name), Some(value)) = (name, value)
                    && object.get(name).is_none()
                {
                    object.insert(name.to_owned(), value.clone().into_owned());
                }
            }
            false
        });
        object
    }
}

impl RequestRules {
    fn read(&self, sight: &Sight<'_, '_>) -> Request {
        let field = |rule: &Option<Expression>| sight.field(rule.as_ref()?);
        Request {
            id: field(&self.id),
            ip: field(&self.ip),
            user_agent: field(&self.user_agent),
            method: field(&self.method),
            path: field(&self.path),
            trace_id: field(&self.trace_id),
            session_id: field(&self.session_id),
        }
    }
}

impl ResultRules {
    fn set(&self, draft: &mut Draft, sight: &Sight<'_, '_>, context: &mut Object<'static>) {
        let holds = |rule: &Option<Condition>| rule.as_ref().is_some_and(|rule| sight.holds(rule));
        let said = self.from.as_ref().and_then(|rule| sight.text(rule));
        let is_in = |list: &[Box<str>]| {
            said.as_ref()
                .is_some_and(|said| list.iter().any(|word| word.eq_ignore_ascii_case(said)))
        };
        let (success, failure) = (is_in(&self.success), is_in(&self.failure));
        draft.result = if holds(&self.failed_when) || failure {
            Result::Failure
        } else if success {
            Result::Success
        } else {
            self.otherwise
        };
        let unknown = said.is_some() && !success && !failure;
        if let Some(said) = &said
            && (unknown || is_in(&self.detail))
        {
            context.insert("result_detail", said.to_string());
        }
        if self.assumed && draft.result == self.otherwise && (unknown || said.is_none()) {
            context.insert(
                "result_note",
                format!(
                    "the source does not say how it ended; {} is assumed",
                    self.otherwise
                ),
            );
        }
        if draft.result == Result::Failure {
            let text = |rule: &Option<Expression>| sight.field(rule.as_ref()?);
            let (code, message) = (text(&self.code), text(&self.message));
            draft.error =
                (code.is_some() || message.is_some()).then_some(entry::Error { code, message });
        }
    }
}

impl NoiseRules {
    fn kind(&self, sight: &Sight<'_, '_>) -> Option<&'static str> {
        let holds = |rule: &Option<Condition>| rule.as_ref().is_some_and(|rule| sight.holds(rule));
        match () {
            () if holds(&self.never) => None,
            () if holds(&self.read) => Some("read"),
            () if holds(&self.dry_run) => Some("dry_run"),
            () if holds(&self.system) => Some("system"),
            () => None,
        }
    }
}

/// Removes the member at these names, and the objects that are empty then.
pub(super) fn remove(object: &mut Object<'_>, names: &[&str]) {
    let Some((first, rest)) = names.split_first() else {
        return;
    };
    if rest.is_empty() {
        object.remove(first);
    } else if let Some(Value::Object(inner)) = object.get_mut(first) {
        remove(inner, rest);
        if inner.is_empty() {
            object.remove(first);
        }
    }
}

fn place_mut<'v, 'a>(
    value: &'v mut Value<'a>,
    names: &[&str],
    any_case: bool,
) -> Option<&'v mut Value<'a>> {
    names.iter().try_fold(value, |value, name| {
        let Value::Object(object) = value else {
            return None;
        };
        let real = super::path::member(object, name, any_case)?.0.to_owned();
        object.get_mut(&real)
    })
}

/// How many arrays and objects stand in each other, at most.
fn depth(value: &Value<'_>) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(object) => {
            1 + object
                .iter()
                .map(|(_, value)| depth(value))
                .max()
                .unwrap_or(0)
        }
        _ => 0,
    }
}
