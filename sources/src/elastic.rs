//! Elasticsearch's `_bulk`: a line that says what to do, and mostly a line with the document. A log only grows, so documents are taken,
//! and what would change or delete one is refused, item by item.
//!
//! What a table sees: `index`, `id` (each if named) and `doc`, the document.

use crate::foreign::Claims;
use crate::sent::{Call, Identity, Sent, Unreadable};
use crate::table::Table;
use entry::json::{self, Object, Value};
use entry::limits::{BATCH_ENTRIES_MAX, ENTRY_BYTES_MAX};
use std::sync::LazyLock;

pub const FORMAT: &str = "elastic";

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::of_protocol(FORMAT, include_str!("../tables/protocols/elastic.toml")));

/// How documents become drafts, if nobody says otherwise.
pub fn table() -> &'static Table {
    &TABLE
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Index,
    Update,
    Delete,
}

impl Operation {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "create" => Some(Self::Create),
            "index" => Some(Self::Index),
            "update" => Some(Self::Update),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The member of an item's answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Index => "index",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One item of a call, for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub operation: Operation,
    /// As named in the item, else in the call's path.
    pub index: Option<Box<str>>,
    pub id: Option<Box<str>>,
    /// How many of what was sent are of it, at least 1.
    pub sent: usize,
}

/// A call.
#[derive(Debug)]
pub struct Bulk {
    /// In the order of the call, as the answer's are.
    pub items: Vec<Item>,
    /// Item by item.
    pub sent: Vec<Sent>,
}

const GROWS_ONLY: &str = "an audit log only grows: create and index are taken";

/// Reads a call, decompressed; `index` is that of its path. A call whose lines do not tell items apart is refused whole.
pub fn read(
    body: &[u8],
    index: Option<&str>,
    table: &Table,
    claims: &Claims,
) -> Result<Bulk, Unreadable> {
    let mut call = Call::new(table, claims).within("doc", &TABLE);
    let mut items: Vec<Item> = Vec::new();
    let mut lines = body.split(|byte| *byte == b'\n').enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if items.len() == BATCH_ENTRIES_MAX {
            return Err(Unreadable::too_many("items"));
        }
        let mut item = item(line, index).map_err(|why| {
            let number = number + 1;
            Unreadable::Malformed(format!(
                "Malformed action/metadata line [{number}], expected an object with one action: {why}"
            ))
        })?;
        let document = match item.operation {
            Operation::Delete => &[][..],
            _ => {
                let next = lines.next().map(|(_, line)| line);
                next.filter(|line| !line.trim_ascii().is_empty())
                    .ok_or_else(|| {
                        let number = number + 1;
                        Unreadable::Malformed(format!("no document follows line [{number}]"))
                    })?
            }
        };
        let before = call.len();
        decide(&item, line, document, &mut call);
        item.sent = call.len() - before;
        items.push(item);
    }
    let sent = call.finish();
    Ok(Bulk { items, sent })
}

/// An item as it was kept: its two lines.
pub(crate) fn again(raw: &[u8], table: &Table, claims: &Claims) -> Result<Vec<Sent>, Unreadable> {
    Ok(read(raw, None, table, claims)?.sent)
}

/// `{"create":{"_index":"i","_id":"7"}}`
fn item(line: &[u8], index: Option<&str>) -> Result<Item, String> {
    let Value::Object(action) = json::parse(line).map_err(|e| e.to_string())? else {
        return Err("it is none".to_owned());
    };
    let mut members = action.iter();
    let (Some((word, about)), None) = (members.next(), members.next()) else {
        return Err(format!("it has {} members", action.len()));
    };
    let operation = Operation::parse(word).ok_or_else(|| format!("unknown action [{word}]"))?;
    if about.as_object().is_none() {
        return Err(format!("[{word}] is {}", about.what()));
    }
    let named = |name| match about.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(Box::from(text.as_ref()))),
        // A number is taken as what it reads as.
        Some(Value::Number(text)) => Ok(Some(Box::from(text.as_ref()))),
        Some(other) => Err(format!("[{name}] is {}", other.what())),
    };
    Ok(Item {
        operation,
        index: named("_index")?.or_else(|| index.map(Box::from)),
        id: named("_id")?,
        sent: 0,
    })
}

fn decide(item: &Item, line: &[u8], document: &[u8], call: &mut Call<'_>) {
    let raw = || [&kept(item, line), &b"\n"[..], document, b"\n"].concat();
    if matches!(item.operation, Operation::Update | Operation::Delete) {
        return call.refuse(Vec::new(), GROWS_ONLY);
    }
    if document.len() > ENTRY_BYTES_MAX {
        let bytes = document.len();
        let why = format!("a document of {bytes} bytes: at most {ENTRY_BYTES_MAX}");
        return call.too_long(why);
    }
    let doc = match json::parse(document) {
        Ok(doc @ Value::Object(_)) => doc,
        Ok(other) => {
            return call.quarantine(
                raw(),
                format!("a document is an object, not {}", other.what()),
            );
        }
        Err(why) => return call.quarantine(raw(), format!("the document: {why}")),
    };
    let mut event = Object::new();
    for (name, value) in [("index", &item.index), ("id", &item.id)] {
        if let Some(value) = value {
            event.insert(name, value.as_ref());
        }
    }
    event.insert("doc", doc);
    let own = item
        .id
        .as_ref()
        .map(|id| format!("{}/{id}", item.index.as_deref().unwrap_or_default()));
    let identity = own.as_deref().map_or(Identity::Content, Identity::Own);
    call.event(raw(), Value::Object(event), identity);
}

/// The line of an action as it is kept: with the index, which may be named in the path alone.
fn kept(item: &Item, line: &[u8]) -> Vec<u8> {
    let Some(index) = &item.index else {
        return line.to_vec();
    };
    let mut about = Object::new();
    about.insert("_index", index.as_ref());
    if let Some(id) = &item.id {
        about.insert("_id", id.as_ref());
    }
    let mut action = Object::new();
    action.insert(item.operation.as_str(), about);
    Value::Object(action).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
