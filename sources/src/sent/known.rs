//! An event of a known format within what a protocol brought: a cluster's audit log that Fluent Bit sends to Splunk, CloudTrail in documents,
//! our own drafts in CloudEvents. What stood around it is `context.around`.

use super::Fate;
use crate::foreign::{self, Claims, Item};
use crate::formats::Formats;
use crate::redact;
use crate::scan::{Piece, Place, Scanner, Spill};
use entry::json::{self, Object, Value};
use entry::{Draft, Json, Source};
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

/// What becomes of an event of a known format, which is the member of that name; `None` if it is of none.
pub(super) fn read(claims: &Claims, event: &Value<'_>, name: &str) -> Option<Vec<Fate>> {
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
    let mut fates = Vec::new();
    let mut done = |_: Item, fate: foreign::Fate| {
        fates.push(match fate {
            foreign::Fate::Send(mut draft) => {
                finish(&mut draft, event.clone(), redacted);
                Fate::Store(draft)
            }
            foreign::Fate::Skip(why) => Fate::Skip(why),
            foreign::Fate::Refuse(why) => Fate::Quarantine(why),
        });
    };
    while let Ok(Some(Piece::Item { place, raw })) = scanner.next(&mut Nowhere) {
        mapper.take(Item { place, raw }, scanner.header(), &mut done);
    }
    mapper.finish(&mut done);
    (!fates.is_empty()).then_some(fates)
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
