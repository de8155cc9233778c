//! Kubernetes audit events, `audit.k8s.io`: one entry per request, from its last stage.
//!
//! A request is logged at RequestReceived, for watches at ResponseStarted, and at ResponseComplete or Panic. The entry is the last of
//! these. A failed authentication (401) has only ResponseStarted, so that stage is held until the input ends, and
//! becomes the entry if nothing followed. At most [`HELD_MAX`] are held; then the oldest become entries early.
//!
//! The auditID is chosen by the client, so it is never an identity by itself: the event id is made of auditID, stage, time and a
//! digest of the content. The same event sent again is a duplicate; another event under the same auditID is another entry.

pub(crate) mod names;

use super::foreign::{self, Claims, Fate, Item, Layout, Mapper};
use super::redact;
use entry::json::{self, Object, Value};
use entry::{Actor, ActorKind, Draft, Json, Party, Request, Result, Source, Target};
use names::Names;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet, VecDeque};

/// Events held back, and completed requests remembered: more watches than an API server has open.
const HELD_MAX: usize = 20_000;

/// Bytes of events held back.
const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Members that say when it was, the best first.
const TIMES: [&str; 3] = ["requestReceivedTimestamp", "timestamp", "stageTimestamp"];

const API_GROUP: &str = "audit.k8s.io/";

/// Members whose arrays hold events: of the API server; of Azure's and the AWS CloudWatch's records, each with an event in it.
pub const WRAPPERS: &[&str] = &["items", "records", "logEvents", "events"];

/// Members that hold an event in what is around it: of AKS, of its column in Log Analytics, of CloudWatch and most shippers, of a
/// container's own log. Each is an object, or its JSON as a text.
const WITHIN: [&str; 4] = ["/properties/log", "/log_s", "/message", "/log"];

/// Members of what is around an event that say when it was: CloudWatch's is a number.
const TIMES_AROUND: [&str; 3] = ["time", "TimeGenerated", "timestamp"];

/// One of these beside a verb makes an audit event of an object without an apiVersion.
const EVENT_MEMBERS: [&str; 5] = [
    "auditID",
    "stage",
    "requestURI",
    "objectRef",
    "responseStatus",
];

/// A request: auditID, when it was received, by whom.
type RequestKey = [u8; 16];

/// See the module.
pub struct Kubernetes {
    claims: Claims,
    held: HashMap<RequestKey, (Item, Box<Draft>)>,
    held_order: VecDeque<RequestKey>,
    held_bytes: usize,
    completed: HashSet<RequestKey>,
    completed_order: VecDeque<RequestKey>,
}

/// How far the request was when it was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Received,
    Started,
    Last,
}

/// One event as a draft, and what decides whether it is an entry.
pub struct Mapped {
    pub stage: Stage,
    request: RequestKey,
    /// Authentication failed: nothing follows.
    pub unauthenticated: bool,
    /// It goes on reading until somebody ends it.
    pub is_watch: bool,
    pub draft: Box<Draft>,
}

impl Mapped {
    /// What all stages of the request have in common.
    pub fn request(&self) -> &[u8] {
        &self.request
    }
}

impl Kubernetes {
    pub fn new(claims: Claims) -> Self {
        Self {
            claims,
            held: HashMap::new(),
            held_order: VecDeque::new(),
            held_bytes: 0,
            completed: HashSet::new(),
            completed_order: VecDeque::new(),
        }
    }

    fn hold(
        &mut self,
        item: Item,
        request: RequestKey,
        draft: Box<Draft>,
        done: &mut dyn FnMut(Item, Fate),
    ) {
        self.held_bytes += item.raw.len();
        self.held_order.push_back(request);
        if let Some((item, _)) = self.held.insert(request, (item, draft)) {
            self.held_bytes -= item.raw.len();
            done(item, Fate::Skip("ResponseStarted, sent again"));
        }
        while self.held.len() > HELD_MAX
            || self.held_bytes > HELD_BYTES_MAX
            || self.held_order.len() > 2 * HELD_MAX
        {
            let Some(oldest) = self.held_order.pop_front() else {
                break;
            };
            if let Some((item, draft)) = self.take_out(&oldest) {
                done(item, Fate::Send(draft));
            }
        }
    }

    fn take_out(&mut self, request: &RequestKey) -> Option<(Item, Box<Draft>)> {
        let released = self.held.remove(request)?;
        self.held_bytes -= released.0.raw.len();
        Some(released)
    }

    fn complete(&mut self, request: RequestKey) {
        if self.completed.insert(request) {
            self.completed_order.push_back(request);
            if self.completed_order.len() > HELD_MAX
                && let Some(oldest) = self.completed_order.pop_front()
            {
                self.completed.remove(&oldest);
            }
        }
    }
}

impl Mapper for Kubernetes {
    fn layout(&self) -> Layout {
        Layout::json(WRAPPERS)
    }

    fn take(&mut self, item: Item, header: &[u8], done: &mut dyn FnMut(Item, Fate)) {
        let mapped = match one(&self.claims, &item.raw, header) {
            Ok(mapped) => mapped,
            Err(why) => return done(item, Fate::Refuse(why)),
        };
        match mapped.stage {
            Stage::Received => done(
                item,
                Fate::Skip("RequestReceived: the entry is a later stage"),
            ),
            Stage::Started if mapped.unauthenticated => done(item, Fate::Send(mapped.draft)),
            Stage::Started if self.completed.contains(&mapped.request) => {
                done(
                    item,
                    Fate::Skip("ResponseStarted: the entry is a later stage"),
                );
            }
            Stage::Started => self.hold(item, mapped.request, mapped.draft, done),
            Stage::Last => {
                if let Some((started, _)) = self.take_out(&mapped.request) {
                    done(
                        started,
                        Fate::Skip("ResponseStarted: the entry is a later stage"),
                    );
                }
                self.complete(mapped.request);
                done(item, Fate::Send(mapped.draft));
            }
        }
    }

    fn release(&mut self, last: u64, done: &mut dyn FnMut(Item, Fate)) {
        let held = self
            .held
            .iter()
            .map(|(request, (item, _))| (item.place.nth, *request));
        let mut old: Vec<(u64, RequestKey)> = held.filter(|(nth, _)| *nth <= last).collect();
        old.sort_unstable();
        for (_, request) in old {
            if let Some((item, draft)) = self.take_out(&request) {
                done(item, Fate::Send(draft));
            }
        }
    }

    fn finish(&mut self, done: &mut dyn FnMut(Item, Fate)) {
        while let Some(request) = self.held_order.pop_front() {
            if let Some((item, draft)) = self.take_out(&request) {
                done(item, Fate::Send(draft));
            }
        }
    }
}

/// Whether it is an audit event; `header` has the members of the object around it.
pub fn recognises(value: Value<'_>, header: &[u8]) -> bool {
    audit_event(value, header).is_ok()
}

/// One event by itself, `header` having the members of the list around it; or why it is none.
pub fn one(claims: &Claims, raw: &[u8], header: &[u8]) -> std::result::Result<Mapped, String> {
    let mut value = json::parse(raw).map_err(|e| e.to_string())?;
    let redacted = claims.redact(&mut value);
    let mut mapped = draft(claims, audit_event(value, header)?)?;
    if redacted {
        redact::list_places(&mut mapped.draft);
    }
    Ok(mapped)
}

/// The audit event of an item, or why it is none.
fn audit_event<'v>(value: Value<'v>, header: &[u8]) -> std::result::Result<Object<'v>, String> {
    let event = unwrapped(value)?;
    let group = foreign::text(event.get("apiVersion"))
        .map(str::to_owned)
        .or_else(|| group_of_list(header));
    match group {
        Some(group) if group.starts_with(API_GROUP) => {
            if ["verb", "auditID"]
                .iter()
                .all(|name| event.get(name).is_none())
            {
                return Err("no audit event: it has neither verb nor auditID".to_owned());
            }
        }
        Some(group) => return Err(format!("apiVersion is {group}, not {API_GROUP}…")),
        // Items of a list have none, and neither had the events of 2017.
        None if foreign::text(event.get("verb")).is_some()
            && EVENT_MEMBERS.iter().any(|name| event.get(name).is_some()) => {}
        None => {
            return Err(format!(
                "no audit event: it has no apiVersion, and no verb with one of {}",
                EVENT_MEMBERS.join(", ")
            ));
        }
    }
    Ok(event)
}

/// The apiVersion of the list around the events.
fn group_of_list(header: &[u8]) -> Option<String> {
    let header = json::parse(header).ok()?;
    foreign::text(header.get("apiVersion")).map(str::to_owned)
}

/// The event in what clouds and shippers put around it.
fn unwrapped(value: Value<'_>) -> std::result::Result<Object<'_>, String> {
    let Value::Object(around) = &value else {
        return Err(format!("no audit event but {}", value.what()));
    };
    let inner = match around.get("verb") {
        // It is one itself.
        Some(_) => None,
        None => WITHIN.iter().find_map(|path| match value.pointer(path)? {
            Value::String(text) if text.trim_start().starts_with('{') => Some(
                json::parse(text.as_bytes())
                    .map(Value::into_owned)
                    .map_err(|e| format!("the event within: {e}")),
            ),
            Value::Object(object) => Some(Ok(Value::Object(object.clone()))),
            _ => None,
        }),
    };
    let inner = match inner.transpose()? {
        None => None,
        Some(Value::Object(inner)) => Some(inner),
        Some(other) => return Err(format!("no audit event but {}", other.what())),
    };
    let Some(mut event) = inner else {
        return match value {
            Value::Object(object) => Ok(object),
            other => Err(format!("no audit event but {}", other.what())),
        };
    };
    // Some pass on an event without its times: the record around it has one.
    if TIMES.iter().all(|name| event.get(name).is_none())
        && let Some(time) = TIMES_AROUND.iter().find_map(|name| around.get(name))
    {
        event.insert("timestamp", time.clone());
    }
    Ok(event)
}

fn draft(claims: &Claims, mut event: Object<'_>) -> std::result::Result<Mapped, String> {
    // Log lines have these two, list items do not: they say the same.
    event.remove("kind");
    event.remove("apiVersion");
    foreign::drop_nulls(&mut event);
    let digest = foreign::digest(&mut event);
    let names = Names::of(&event);
    let received = ["requestReceivedTimestamp", "timestamp"]
        .map(|name| event.get(name).map(Value::to_string).unwrap_or_default());
    let stage_name = foreign::text(event.get("stage")).unwrap_or("").to_owned();
    let audit_id = foreign::take_text(&mut event, "auditID");
    let username = foreign::text_at(&event, &["user", "username"])
        .unwrap_or("")
        .to_owned();
    let is_watch = foreign::text(event.get("verb")) == Some("watch");

    let mut draft = Draft::new(actor(&mut event), names.action(), Result::Success);
    draft.category = Some(names.category());
    draft.target = names.target(&event);
    draft.scope.project = foreign::text_at(&event, &["objectRef", "namespace"])
        .filter(|n| n.len() <= entry::limits::PROJECT_BYTES_MAX)
        .map(Box::from);
    draft.scope.organization = claims.organization.organization(None);
    draft.source = Some(Source {
        name: claims.source.clone(),
        event_id: Some(
            format!(
                "{}/{stage_name}/{}/{digest}",
                audit_id.as_deref().unwrap_or(""),
                received[0].trim_matches('"')
            )
            .into(),
        ),
        sequence: None,
    });
    let request = request_key(audit_id.as_deref(), &received, &username);
    draft.request = request_of(&mut event, audit_id);
    let time = TIMES
        .iter()
        .find_map(|name| foreign::take_time(&mut event, name, claims.now));
    let time = time.or_else(|| {
        let created = event.get("metadata")?.get("creationTimestamp")?;
        super::foreign_time::read(created, claims.now)
    });
    let code = outcome(&mut draft, &mut event, &stage_name);
    draft.context = Some(context(&mut draft, event, &names, time, code));
    Ok(Mapped {
        stage: match stage_name.as_str() {
            "RequestReceived" => Stage::Received,
            "ResponseStarted" => Stage::Started,
            _ => Stage::Last,
        },
        request,
        unauthenticated: username.is_empty() || code == Some(401),
        is_watch,
        draft: Box::new(draft),
    })
}

fn request_key(audit_id: Option<&str>, received: &[String; 2], username: &str) -> RequestKey {
    let mut hash = Sha256::new();
    for part in [audit_id.unwrap_or(""), &received[0], &received[1], username] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    hash[..16].try_into().expect("16 of 32 bytes")
}

/// The authenticated user; whom it impersonated is whom it acted for.
fn actor(event: &mut Object<'_>) -> Actor {
    let party = party(event, "user").unwrap_or_else(|| Party {
        name: Some("unauthenticated".into()),
        ..Party::of(ActorKind::Anonymous)
    });
    Actor {
        party,
        on_behalf_of: party_if_named(event, "impersonatedUser"),
    }
}

fn party_if_named(event: &mut Object<'_>, member: &'static str) -> Option<Party> {
    foreign::text_at(event, &[member, "username"])?;
    party(event, member)
}

fn party(event: &mut Object<'_>, member: &'static str) -> Option<Party> {
    let mut user = foreign::take_object(event, member)?;
    let name = foreign::take_text(&mut user, "username");
    let id = foreign::take_text(&mut user, "uid");
    foreign::put_back(event, member, user);
    let kind = match name.as_deref() {
        None => ActorKind::Anonymous,
        Some("system:anonymous") => ActorKind::Anonymous,
        Some(name) if name.starts_with("system:serviceaccount:") => ActorKind::ServiceAccount,
        Some(name) if name.starts_with("system:") => ActorKind::System,
        Some(_) => ActorKind::User,
    };
    let email = name.as_deref().and_then(foreign::mail);
    (name.is_some() || id.is_some()).then_some(Party {
        kind,
        id,
        name,
        email,
    })
}

fn request_of(event: &mut Object<'_>, id: Option<Box<str>>) -> Request {
    Request {
        id,
        ip: peer(event),
        user_agent: foreign::take_text(event, "userAgent"),
        path: foreign::take_text(event, "requestURI"),
        ..Request::default()
    }
}

/// The last address: the peer. Those before it are what headers claim; the chain stays in the context where it is one.
fn peer(event: &mut Object<'_>) -> Option<Box<str>> {
    let chain = event.get("sourceIPs")?.as_array()?;
    let peer = foreign::text(chain.last()).map(Box::from)?;
    if chain.len() == 1 {
        event.remove("sourceIPs");
    }
    Some(peer)
}

/// Sets the result; the code is returned, and left out of the event.
fn outcome(draft: &mut Draft, event: &mut Object<'_>, stage: &str) -> Option<u64> {
    let mut status = foreign::take_object(event, "responseStatus").unwrap_or_default();
    let code = status.get("code").and_then(Value::as_u64);
    if code.is_some() {
        status.remove("code");
    }
    let said_failure = foreign::text(status.get("status")) == Some("Failure");
    if code.is_some_and(|code| code >= 400) || said_failure || stage == "Panic" {
        draft.result = Result::Failure;
        let message = foreign::take_text(&mut status, "message");
        let code = code
            .map(|code| code.to_string().into())
            .or_else(|| foreign::text(status.get("reason")).map(Box::from));
        draft.error =
            (code.is_some() || message.is_some()).then_some(entry::Error { code, message });
    }
    if status
        .get("metadata")
        .and_then(Value::as_object)
        .is_some_and(Object::is_empty)
    {
        status.remove("metadata");
    }
    foreign::put_back(event, "responseStatus", status);
    code
}

/// What no field holds. Bodies stand last: only the first leaves are indexed, and theirs are many.
fn context(
    draft: &mut Draft,
    mut event: Object<'_>,
    names: &Names,
    time: Option<super::foreign_time::ForeignTime>,
    code: Option<u64>,
) -> Json {
    let mut context = Object::new();
    foreign::set_time(draft, &mut context, time);
    for body in ["requestObject", "responseObject"] {
        if let Some(body_value) = event.remove(body) {
            context.insert(body, body_value);
        }
    }
    if let Some(code) = code {
        event.insert("code", code);
    }
    if names.dry_run {
        event.insert("dryRun", true);
    }
    if let Some(noise) = noise(draft, names, code) {
        context.insert("noise", noise);
    }
    context.insert("kubernetes", event);
    Json::from(&Value::Object(context))
}

/// What is seldom looked for. What was denied is never noise: it is how an intruder looks around.
fn noise(draft: &Draft, names: &Names, code: Option<u64>) -> Option<&'static str> {
    let of_the_platform = matches!(
        draft.actor.party.kind,
        ActorKind::System | ActorKind::ServiceAccount
    );
    match (names.reads(), names.dry_run) {
        _ if matches!(code, Some(401 | 403)) => None,
        (true, _) => Some("read"),
        (_, true) => Some("dry_run"),
        _ if of_the_platform => Some("system"),
        _ => None,
    }
}

/// A target without anything to say is none.
fn target(kind: &str, id: Option<&str>, name: Option<&str>) -> Target {
    Target {
        kind: Some(kind.into()),
        id: id.map(Box::from),
        name: name.map(Box::from),
    }
}

#[cfg(test)]
mod tests;
