//! JSON into a draft: the schema, member by member, gathering every problem with its place.

use super::{Draft, DraftScope};
use crate::entry::{Actor, Error, Party, Request, Seq, Source, Target};
use crate::json::{Object, Value, push_pointer};
use crate::limits::PROJECT_BYTES_MAX;
use crate::mask::{Hidden, Mask};
use crate::units::Erased;
use crate::words::nearest;
use crate::{
    ActorKind, Category, EntryId, Invalid, Json, Organization, Problems, Result, Timestamp,
};

/// Which members are allowed at the top.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Draft,
    /// With what the log adds: `seq`, `received_at`.
    Wire,
}

/// What was read.
pub(crate) struct Read {
    pub draft: Draft,
    pub seq: Option<Seq>,
    pub received_at: Option<Timestamp>,
    pub erased: Vec<Erased>,
    pub hidden: Mask,
}

/// Reads one entry; finds everything that is wrong with it.
pub(crate) fn read(value: &Value<'_>, form: Form) -> std::result::Result<Read, Problems> {
    let mut reader = Reader {
        form,
        problems: Vec::new(),
        more: 0,
        incomplete: false,
    };
    let read = reader.entry(value);
    match Problems::new(reader.problems, reader.more) {
        Some(problems) => Err(problems),
        None => Ok(read.expect("what could not be read left a problem")),
    }
}

const ENTRY: &[&str] = &[
    "action",
    "actor",
    "category",
    "changes",
    "context",
    "error",
    "id",
    "related",
    "request",
    "result",
    "scope",
    "source",
    "target",
    "timestamp",
];
const ACTOR: &[&str] = &["email", "id", "name", "on_behalf_of", "type"];
const PARTY: &[&str] = &["email", "id", "name", "type"];
const TARGET: &[&str] = &["id", "name", "type"];
const SCOPE: &[&str] = &["organization", "project"];
const REQUEST: &[&str] = &[
    "id",
    "ip",
    "method",
    "path",
    "session_id",
    "trace_id",
    "user_agent",
];
const ERROR: &[&str] = &["code", "message"];
const CHANGE: &[&str] = &["after", "before", "path"];
const ERASED: &[&str] = &["entry", "path"];
const SOURCE: &[&str] = &["event_id", "name", "sequence"];

/// A place in the document; written out only when something is wrong there.
struct Place<'a> {
    above: Option<&'a Place<'a>>,
    token: Token<'a>,
}

enum Token<'a> {
    Root,
    Name(&'a str),
    At(usize),
}

impl<'a> Place<'a> {
    const ROOT: Place<'static> = Place {
        above: None,
        token: Token::Root,
    };

    fn name(&'a self, name: &'a str) -> Place<'a> {
        Place {
            above: Some(self),
            token: Token::Name(name),
        }
    }

    fn at(&'a self, at: usize) -> Place<'a> {
        Place {
            above: Some(self),
            token: Token::At(at),
        }
    }

    fn pointer(&self) -> String {
        let mut pointer = self.above.map(Place::pointer).unwrap_or_default();
        match self.token {
            Token::Root => {}
            Token::Name(name) => push_pointer(&mut pointer, name),
            Token::At(at) => push_pointer(&mut pointer, &at.to_string()),
        }
        pointer
    }
}

/// Reads values; `None` from any of its methods means that a problem was noted.
struct Reader {
    form: Form,
    problems: Vec<Invalid>,
    /// Problems past [`Problems::MAX`]: counted, since a hostile draft can have a million of them.
    more: usize,
    /// Members of the entry are erased or hidden: what every draft must have may be gone.
    incomplete: bool,
}

/// The members of an entry as far as they were read.
#[derive(Default)]
struct Members {
    seq: Option<Seq>,
    received_at: Option<Timestamp>,
    id: Option<EntryId>,
    timestamp: Option<Timestamp>,
    actor: Option<Actor>,
    action: Option<Box<str>>,
    category: Option<Category>,
    target: Option<Target>,
    related: Vec<Target>,
    scope: DraftScope,
    request: Request,
    result: Option<Result>,
    error: Option<Error>,
    changes: Option<Json>,
    context: Option<Json>,
    source: Option<Source>,
    erased: Vec<Erased>,
    hidden: Mask,
}

impl Reader {
    fn entry(&mut self, value: &Value<'_>) -> Option<Read> {
        let root = Place::ROOT;
        let object = self.object(&root, value)?;
        let mut read = Members::default();
        let lacks = |name| object.get(name).is_some();
        self.incomplete = self.form == Form::Wire && (lacks("erased") || lacks("hidden"));
        for (name, value) in object.iter() {
            let at = root.name(name);
            match name {
                "action" => read.action = self.filled(&at, value),
                "actor" => read.actor = self.actor(&at, value),
                "category" => read.category = self.word(&at, value, Category::parse, Category::ALL),
                "changes" => read.changes = self.changes(&at, value),
                "context" => read.context = self.object(&at, value).map(|_| Json::from(value)),
                "error" => read.error = self.error(&at, value),
                "erased" if self.form == Form::Wire => read.erased = self.erased(&at, value),
                "hidden" if self.form == Form::Wire => read.hidden = self.hidden(&at, value),
                "id" => read.id = self.id(&at, value),
                "related" => read.related = self.related(&at, value),
                "request" => read.request = self.request(&at, value),
                "result" => read.result = self.word(&at, value, Result::parse, Result::ALL),
                "scope" => read.scope = self.scope(&at, value),
                "source" => read.source = self.source(&at, value),
                "target" => read.target = self.target(&at, value),
                "timestamp" => read.timestamp = self.timestamp(&at, value),
                "seq" if self.form == Form::Wire => read.seq = self.integer(&at, value).map(Seq),
                "received_at" if self.form == Form::Wire => {
                    read.received_at = self.timestamp(&at, value)
                }
                "seq" | "received_at" => {
                    self.note(&at, "the log adds this itself; leave the member out")
                }
                _ => self.unknown(&at, name, ENTRY),
            }
        }
        if read.action.is_none() || read.actor.is_none() || read.result.is_none() {
            self.require(&root, object, &["action", "actor", "result"]);
        }
        if read.error.is_some() && read.result == Some(Result::Success) {
            self.note(&root.name("error"), "only a failure has an error");
        }
        read.finish()
    }

    fn actor(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<Actor> {
        let party = self.party(at, value, ACTOR);
        let on_behalf_of = match value.get("on_behalf_of") {
            Some(other) => Some(self.party(&at.name("on_behalf_of"), other, PARTY)?),
            None => None,
        };
        Some(Actor {
            party: party?,
            on_behalf_of,
        })
    }

    fn party(&mut self, at: &Place<'_>, value: &Value<'_>, known: &[&str]) -> Option<Party> {
        let object = self.object(at, value)?;
        let (mut kind, mut id, mut name, mut email) = (None, None, None, None);
        for (member, value) in object.iter() {
            let at = at.name(member);
            match member {
                "type" => kind = self.word(&at, value, ActorKind::parse, ActorKind::ALL),
                "id" => id = self.text(&at, value),
                "name" => name = self.text(&at, value),
                "email" => email = self.text(&at, value),
                "on_behalf_of" if known.contains(&member) => {}
                _ => self.unknown(&at, member, known),
            }
        }
        if kind.is_none() {
            self.require(at, object, &["type"]);
        }
        let named = |text: &Option<Box<str>>| text.as_deref().is_some_and(|text| !text.is_empty());
        // A name of a wrong type was noted already; the party is not also called nameless.
        if !self.incomplete
            && ![&id, &name, &email].into_iter().any(named)
            && ["id", "name", "email"]
                .iter()
                .all(|name| object.get(name).is_none_or(|v| v.as_str() == Some("")))
        {
            self.note(at, "needs an id, a name or an email that is not empty");
        }
        Some(Party {
            kind: kind?,
            id,
            name,
            email,
        })
    }

    fn target(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<Target> {
        let object = self.object(at, value)?;
        let mut target = Target::default();
        for (name, value) in object.iter() {
            let at = at.name(name);
            match name {
                "type" => target.kind = self.text(&at, value),
                "id" => target.id = self.text(&at, value),
                "name" => target.name = self.text(&at, value),
                _ => self.unknown(&at, name, TARGET),
            }
        }
        if object.is_empty() && !self.incomplete {
            self.note(at, "needs a type, an id or a name");
        }
        Some(target)
    }

    fn related(&mut self, at: &Place<'_>, value: &Value<'_>) -> Vec<Target> {
        let elements = self.array(at, value).unwrap_or_default();
        elements
            .iter()
            .enumerate()
            .filter_map(|(i, element)| self.target(&at.at(i), element))
            .collect()
    }

    fn erased(&mut self, at: &Place<'_>, value: &Value<'_>) -> Vec<Erased> {
        let mut all = Vec::new();
        for (i, element) in self.array(at, value).unwrap_or_default().iter().enumerate() {
            let at = at.at(i);
            let Some(object) = self.object(&at, element) else {
                continue;
            };
            let (mut entry, mut path) = (None, None);
            for (name, value) in object.iter() {
                let at = at.name(name);
                match name {
                    "entry" => entry = self.id(&at, value),
                    "path" => path = self.text(&at, value),
                    _ => self.unknown(&at, name, ERASED),
                }
            }
            match (entry, path) {
                (Some(entry), Some(path)) => all.push(Erased { path, entry }),
                _ => self.require(&at, object, ERASED),
            }
        }
        all
    }

    fn hidden(&mut self, at: &Place<'_>, value: &Value<'_>) -> Mask {
        let mut all = Vec::new();
        for (i, element) in self.array(at, value).unwrap_or_default().iter().enumerate() {
            let at = at.at(i);
            match self.str(&at, element).map(Hidden::parse) {
                Some(Some(hidden)) => all.push(hidden),
                Some(None) => self.note(&at, "nothing is hidden under that path"),
                None => {}
            }
        }
        Mask::exactly(all)
    }

    fn scope(&mut self, at: &Place<'_>, value: &Value<'_>) -> DraftScope {
        let mut scope = DraftScope::default();
        let Some(object) = self.object(at, value) else {
            return scope;
        };
        for (name, value) in object.iter() {
            let at = at.name(name);
            match name {
                "organization" => scope.organization = self.organization(&at, value),
                "project" => scope.project = self.project(&at, value),
                _ => self.unknown(&at, name, SCOPE),
            }
        }
        scope
    }

    fn organization(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<Organization> {
        let text = self.str(at, value)?;
        let organization = Organization::parse(text);
        if organization.is_none() {
            self.note(
                at,
                "an organization is 1 to 63 of a-z, 0-9, dot, underscore and hyphen",
            );
        }
        organization
    }

    fn project(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<Box<str>> {
        let text = self.str(at, value)?;
        if text.len() > PROJECT_BYTES_MAX {
            self.note(
                at,
                &format!(
                    "a project of {} bytes; at most {PROJECT_BYTES_MAX}",
                    text.len()
                ),
            );
        }
        Some(text.into())
    }

    fn request(&mut self, at: &Place<'_>, value: &Value<'_>) -> Request {
        let mut request = Request::default();
        let Some(object) = self.object(at, value) else {
            return request;
        };
        for (name, value) in object.iter() {
            let at = at.name(name);
            let member = match name {
                "id" => &mut request.id,
                "ip" => &mut request.ip,
                "user_agent" => &mut request.user_agent,
                "method" => &mut request.method,
                "path" => &mut request.path,
                "trace_id" => &mut request.trace_id,
                "session_id" => &mut request.session_id,
                _ => {
                    self.unknown(&at, name, REQUEST);
                    continue;
                }
            };
            *member = self.text(&at, value);
        }
        request
    }

    fn error(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<Error> {
        let mut error = Error::default();
        for (name, value) in self.object(at, value)?.iter() {
            let at = at.name(name);
            match name {
                "code" => error.code = self.text(&at, value),
                "message" => error.message = self.text(&at, value),
                _ => self.unknown(&at, name, ERROR),
            }
        }
        Some(error)
    }

    fn changes(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<Json> {
        for (i, change) in self.array(at, value)?.iter().enumerate() {
            let at = at.at(i);
            let Some(object) = self.object(&at, change) else {
                continue;
            };
            for (name, value) in object.iter() {
                match name {
                    "path" => drop(self.str(&at.name(name), value)),
                    "before" | "after" => {}
                    _ => self.unknown(&at.name(name), name, CHANGE),
                }
            }
            self.require(&at, object, &["path"]);
        }
        Some(Json::from(value))
    }

    fn source(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<Source> {
        let object = self.object(at, value)?;
        let (mut source_name, mut event_id, mut sequence) = (None, None, None);
        for (name, value) in object.iter() {
            let at = at.name(name);
            match name {
                "name" => source_name = self.filled(&at, value),
                "event_id" => event_id = self.text(&at, value),
                "sequence" => sequence = self.integer(&at, value),
                _ => self.unknown(&at, name, SOURCE),
            }
        }
        if source_name.is_none() {
            self.require(at, object, &["name"]);
        }
        Some(Source {
            name: source_name?,
            event_id,
            sequence,
        })
    }

    fn id(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<EntryId> {
        let id = EntryId::parse(self.str(at, value)?);
        match id {
            None => self.note(
                at,
                "an id is a UUID such as 0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a10",
            ),
            Some(id) if id.is_nil() => self.note(at, "the UUID of zeros names nothing"),
            Some(_) => {}
        }
        id
    }

    fn timestamp(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<Timestamp> {
        match Timestamp::parse(self.str(at, value)?) {
            Ok(timestamp) => Some(timestamp),
            Err(why) => {
                self.note(at, &format!("no RFC 3339 time: {why}"));
                None
            }
        }
    }

    fn integer(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<u64> {
        let integer = value.as_u64();
        if integer.is_none() {
            self.note(
                at,
                &format!(
                    "must be an integer from 0 to {}, written in digits alone",
                    u64::MAX
                ),
            );
        }
        integer
    }

    /// A word of a closed vocabulary.
    fn word<W: Copy + std::fmt::Display>(
        &mut self,
        at: &Place<'_>,
        value: &Value<'_>,
        parse: fn(&str) -> Option<W>,
        all: &[W],
    ) -> Option<W> {
        let word = parse(self.str(at, value)?);
        if word.is_none() {
            let known: Vec<String> = all.iter().map(W::to_string).collect();
            self.note(at, &format!("must be one of {}", known.join(", ")));
        }
        word
    }

    fn filled(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<Box<str>> {
        let text = self.str(at, value)?;
        if text.is_empty() {
            self.note(at, "must not be empty");
        }
        Some(text.into())
    }

    fn text(&mut self, at: &Place<'_>, value: &Value<'_>) -> Option<Box<str>> {
        self.str(at, value).map(Box::from)
    }

    fn str<'v>(&mut self, at: &Place<'_>, value: &'v Value<'_>) -> Option<&'v str> {
        let text = value.as_str();
        if text.is_none() {
            self.wrong_type(at, value, "a string");
        }
        text
    }

    fn object<'v, 'a>(&mut self, at: &Place<'_>, value: &'v Value<'a>) -> Option<&'v Object<'a>> {
        let object = value.as_object();
        if object.is_none() {
            self.wrong_type(at, value, "an object");
        }
        object
    }

    fn array<'v, 'a>(&mut self, at: &Place<'_>, value: &'v Value<'a>) -> Option<&'v [Value<'a>]> {
        let array = value.as_array();
        if array.is_none() {
            self.wrong_type(at, value, "an array");
        }
        array
    }

    #[cold]
    fn wrong_type(&mut self, at: &Place<'_>, value: &Value<'_>, wanted: &str) {
        if value.is_null() {
            self.note(
                at,
                &format!("must be {wanted}, not null; where there is none, leave the member out"),
            );
        } else {
            self.note(at, &format!("must be {wanted}, not {}", value.what()));
        }
    }

    fn require(&mut self, at: &Place<'_>, object: &Object<'_>, names: &[&str]) {
        for name in names {
            if object.get(name).is_none() {
                self.note(&at.name(name), "is required");
            }
        }
    }

    #[cold]
    fn unknown(&mut self, at: &Place<'_>, name: &str, known: &[&str]) {
        if self.problems.len() == Problems::MAX {
            self.more += 1;
            return;
        }
        match nearest(name, known.iter().copied()) {
            Some(near) => self.note(at, &format!("no such member; did you mean {near}?")),
            None => self.note(
                at,
                &format!("no such member; known are {}", known.join(", ")),
            ),
        }
    }

    #[cold]
    fn note(&mut self, at: &Place<'_>, detail: &str) {
        if self.problems.len() == Problems::MAX {
            self.more += 1;
            return;
        }
        self.problems.push(Invalid {
            pointer: at.pointer(),
            detail: detail.to_string(),
        });
    }
}

impl Members {
    /// `None` if a required member is missing, which has been noted.
    fn finish(self) -> Option<Read> {
        let draft = Draft {
            id: self.id,
            timestamp: self.timestamp,
            actor: self.actor?,
            action: self.action?,
            category: self.category,
            target: self.target,
            related: self.related,
            scope: self.scope,
            request: self.request,
            result: self.result?,
            error: self.error,
            changes: self.changes,
            context: self.context,
            source: self.source,
        };
        Some(Read {
            draft,
            seq: self.seq,
            received_at: self.received_at,
            erased: self.erased,
            hidden: self.hidden,
        })
    }
}
