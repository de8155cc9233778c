//! Our own forms: drafts, and entries as the API and the exports give them.

use super::foreign::{Claims, Fate, Item, Layout, Mapper};
use entry::json::{self, Value};
use entry::{Draft, EntryId};
use sha2::{Digest, Sha256};

/// Members of drafts and entries; an object with none of the required ones is something else.
const REQUIRED: [&str; 3] = ["actor", "action", "result"];

/// Members whose arrays hold entries.
pub const WRAPPERS: &[&str] = &["entries"];

/// Whether it has what every draft has, in our own words.
pub fn recognises(value: &Value<'_>) -> bool {
    let actor = value.get("actor");
    let by_type = actor.and_then(|a| a.get("type")).and_then(Value::as_str);
    by_type.is_some_and(|word| entry::ActorKind::parse(word).is_some())
        && value.get("action").and_then(Value::as_str).is_some()
        && value
            .get("result")
            .and_then(Value::as_str)
            .is_some_and(|word| entry::Result::parse(word).is_some())
}

/// See the module.
pub struct Mar {
    claims: Claims,
}

impl Mar {
    pub fn new(claims: Claims) -> Self {
        Self { claims }
    }

    fn map(&self, item: &Item) -> Fate {
        let mut object = match json::parse(&item.raw) {
            Ok(Value::Object(object)) => object,
            Ok(other) => return Fate::Refuse(format!("no entry but {}", other.what())),
            Err(e) => return Fate::Refuse(e.to_string()),
        };
        if REQUIRED.iter().all(|name| object.get(name).is_none())
            && object.get("complete").is_some()
        {
            return Fate::Skip("the last line of an export, which says it is complete");
        }
        // The log that takes it adds its own.
        let exported = [object.remove("seq"), object.remove("received_at")]
            .iter()
            .any(Option::is_some);
        let mut bytes = Vec::with_capacity(item.raw.len());
        json::write_canonical(&Value::Object(object), &mut bytes);
        let mut draft = match Draft::from_json(&bytes) {
            Ok(draft) => draft,
            Err(problems) => return Fate::Refuse(problems.to_string()),
        };
        if let Some(organization) = self.claims.organization.organization(None) {
            draft.scope.organization = Some(organization);
        }
        let identified = draft.id.is_some()
            || draft
                .source
                .as_ref()
                .is_some_and(|source| source.identity().is_some());
        if !identified && !exported {
            draft.id = Some(placed_id(item, &bytes));
        }
        Fate::Send(Box::new(draft))
    }
}

/// For drafts without an identity: the same draft at the same place of an input is the same entry, so that importing a file
/// again stores it once; two equal drafts in one file are two entries.
fn placed_id(item: &Item, canonical: &[u8]) -> EntryId {
    let hash = Sha256::new()
        .chain_update(item.place.nth.to_be_bytes())
        .chain_update(canonical)
        .finalize();
    let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    EntryId::derive("", "mar-audit import", &name)
}

impl Mapper for Mar {
    fn layout(&self) -> Layout {
        Layout::json(WRAPPERS)
    }

    fn take(&mut self, item: Item, _header: &[u8], done: &mut dyn FnMut(Item, Fate)) {
        let fate = self.map(&item);
        done(item, fate);
    }
}
