//! An event of a known format within what a protocol brought: a cluster's audit log that Fluent Bit sends to Splunk, CloudTrail in documents,
//! our own drafts in CloudEvents. What stood around it is `context.around`.
//!
//! A shipper sends the stages of one request as events of their own, in one call or in several. Where a call has the last one too, that is
//! the entry; else the stage alone decides, as it does for the API server's webhook: a beginning that has a proper end
//! elsewhere is none, and what may be all that is ever heard of something (a 401, a shell that is open, a request that Vault refused) is one.

use super::{Fate, Sent};
use crate::foreign::{self, Claims, Item};
use crate::formats::Formats;
use crate::kubernetes::{self, Mapped, Stage};
use crate::redact;
use crate::scan::{Piece, Place, Scanner, Spill};
use entry::json::{self, Object, Value};
use entry::{Draft, Json, Result as Outcome, Source};
use std::collections::HashMap;
use std::io;
use std::sync::LazyLock;

static FORMATS: LazyLock<Formats> = LazyLock::new(Formats::built_in);

/// A draft of ours, which is the member of that name, and whether it says what it is known by. An id that it has stands before the digest
/// of its content: other content under it is another entry. Without one, its identity is that digest.
pub(super) fn own(
    claims: &Claims,
    event: Value<'_>,
    name: &str,
) -> Result<(Box<Draft>, bool), String> {
    let Value::Object(mut around) = event.into_owned() else {
        return Err("no object".to_owned());
    };
    let mut inner = around.remove(name).unwrap_or(Value::Null);
    let mut rest = Value::Object(around);
    let redacted = claims.redact(&mut inner) | claims.redact(&mut rest);
    let mut bytes = Vec::new();
    if let Value::Object(inner) = &mut inner {
        // The log that takes it adds its own.
        inner.remove("seq");
        inner.remove("received_at");
        json::write_canonical(&Value::Object(std::mem::take(inner)), &mut bytes);
    }
    let mut draft = Draft::from_json(&bytes).map_err(|problems| problems.to_string())?;
    if let Some(organization) = claims.organization.organization(None) {
        draft.scope.organization = Some(organization);
    }
    let digest = foreign::hex_digest(&bytes);
    let said = draft.id.take().map(|id| id.to_string());
    let said = said.or_else(|| Some(draft.source.as_ref()?.identity()?.to_owned()));
    let is_known = said.is_some();
    draft.source = Some(Source {
        name: claims.source.clone(),
        event_id: Some(match said {
            Some(id) => format!("{id}/{digest}").into(),
            None => digest.into(),
        }),
        sequence: draft.source.as_ref().and_then(|source| source.sequence),
    });
    finish(&mut draft, rest, redacted);
    Ok((Box::new(draft), is_known))
}

/// A stage of something that other items of the same call may be about.
#[derive(Debug)]
pub(super) struct Staged {
    /// The format, and what the format knows the whole by.
    of: (&'static str, Box<[u8]>),
    is_last: bool,
    /// Why it is no entry if the last stage is here.
    followed: &'static str,
    /// Why it is none though the last stage is not; `None` if it is one.
    alone: Option<&'static str>,
}

const STARTED: &str = "ResponseStarted: the entry is a later stage";
const WATCH: &str = "ResponseStarted of a watch: the entry is its end";
const ASKED: &str = "a request: the entry is its response";

/// Decides the stages of a call that is read to its end.
pub(super) fn settle(staged: &[(usize, Staged)], sent: &mut [Sent]) {
    let mut last: HashMap<&(&str, Box<[u8]>), Outcome> = HashMap::new();
    for (at, stage) in staged.iter().filter(|(_, stage)| stage.is_last) {
        if let Fate::Store(draft) = &sent[*at].fate {
            last.insert(&stage.of, draft.result);
        }
    }
    for (at, stage) in staged.iter().filter(|(_, stage)| !stage.is_last) {
        let Fate::Store(draft) = &sent[*at].fate else {
            continue;
        };
        let skip = match last.get(&stage.of) {
            // What failed may say so in the beginning alone.
            Some(Outcome::Success) if draft.result == Outcome::Failure => None,
            Some(_) => Some(stage.followed),
            None => stage.alone,
        };
        if let Some(why) = skip {
            sent[*at].fate = Fate::Skip(why);
        }
    }
}

/// What becomes of an event of a known format, which is the member of that name; `None` if it is of none.
pub(super) fn read(
    claims: &Claims,
    event: &Value<'_>,
    name: &str,
) -> Option<Vec<(Fate, Option<Staged>)>> {
    let bytes = |inner: &Value<'_>| match inner {
        Value::Object(_) => {
            let mut bytes = Vec::new();
            json::write_canonical(inner, &mut bytes);
            Some(bytes)
        }
        Value::String(text) if text.trim_start().starts_with('{') => Some(text.as_bytes().to_vec()),
        _ => None,
    };
    let format = match event.get(name)? {
        inner @ Value::Object(_) => FORMATS.of_event(inner),
        Value::String(text) => FORMATS.of_event(&json::parse(text.as_bytes()).ok()?),
        _ => None,
    };
    // A draft of ours is told before; in a text it is one of any kind.
    let format = format.filter(|format| *format != "mar")?;
    let mut event = event.clone().into_owned();
    let redacted = claims.redact(&mut event);
    let inner = bytes(event.get(name)?)?;
    if let Value::Object(event) = &mut event {
        event.remove(name);
    }
    let mut mapper = FORMATS.mapper(format, claims.clone())?;
    let mut scanner = Scanner::new(inner.as_slice(), mapper.layout());
    let mut found = Vec::new();
    while let Ok(Some(Piece::Item { place, raw })) = scanner.next(&mut Nowhere) {
        // AKS has such events in Azure's records.
        let of_kubernetes = matches!(format, "kubernetes" | "azure");
        if of_kubernetes && let Ok(mapped) = kubernetes::one(claims, &raw, scanner.header()) {
            found.push(of_stage(mapped));
            continue;
        }
        let asked = (format == "vault").then(|| vault_stage(&raw)).flatten();
        let mut staged = asked;
        let mut done = |_: Item, fate: foreign::Fate| {
            let fate = match fate {
                foreign::Fate::Send(draft) => Fate::Store(draft),
                foreign::Fate::Skip(why) => Fate::Skip(why),
                foreign::Fate::Refuse(why) => Fate::Quarantine(why),
            };
            if let (Fate::Store(draft), Some(staged)) = (&fate, &mut staged)
                && draft.result == Outcome::Failure
            {
                staged.alone = None;
            }
            found.push((fate, staged.take()));
        };
        mapper.take(Item { place, raw }, scanner.header(), &mut done);
        mapper.finish(&mut done);
    }
    for (fate, _) in &mut found {
        if let Fate::Store(draft) = fate {
            finish(draft, event.clone(), redacted);
        }
    }
    (!found.is_empty()).then_some(found)
}

fn of_stage(mapped: Mapped) -> (Fate, Option<Staged>) {
    let staged = Staged {
        of: ("kubernetes", Box::from(mapped.request())),
        is_last: mapped.stage == Stage::Last,
        followed: STARTED,
        alone: mapped.is_watch.then_some(WATCH),
    };
    match mapped.stage {
        Stage::Received => {
            let why = "RequestReceived: the entry is a later stage";
            (Fate::Skip(why), None)
        }
        // Nothing follows.
        Stage::Started if mapped.unauthenticated => (Fate::Store(mapped.draft), None),
        Stage::Started | Stage::Last => (Fate::Store(mapped.draft), Some(staged)),
    }
}

/// Of a record of Vault: its request's id, and whether it is the response.
fn vault_stage(raw: &[u8]) -> Option<Staged> {
    let record = json::parse(raw).ok()?;
    let id = foreign::text(record.pointer("/request/id"))?;
    let is_request = record.get("type").and_then(Value::as_str) == Some("request");
    Some(Staged {
        of: ("vault", Box::from(id.as_bytes())),
        is_last: !is_request,
        followed: ASKED,
        alone: Some(ASKED),
    })
}

/// Adds what stood around, and lists what was redacted.
fn finish(draft: &mut Draft, around: Value<'static>, redacted: bool) {
    let empty = around.as_object().is_none_or(Object::is_empty);
    if !empty {
        let context = draft.context.take().map(|json| json.parse().into_owned());
        let mut context = match context {
            Some(Value::Object(context)) => context,
            _ => Object::new(),
        };
        let free = match context.get("around") {
            None => "around",
            Some(_) => "around_it",
        };
        context.insert(free, around);
        draft.context = Some(Json::from(&Value::Object(context)));
    }
    if redacted {
        redact::list_places(draft);
    }
}

struct Nowhere;

impl Spill for Nowhere {
    fn write(&mut self, _: Place, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}
