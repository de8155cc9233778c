//! What the parsers of protocols give back: everything that a call brought, item by item, and what is to become of each.
//!
//! A parser turns bytes into items; a [`Table`], the protocol's own or a user's, makes drafts of them. None of them does I/O or knows
//! the time: [`Claims`] say when it is and whose log it goes to.
//!
//! Whoever sends again what was not answered must not double it. What has an identity of its own is known by that and by its content;
//! anything else by its content and, if it says no time, by the call it came with and by how many such calls there were before it
//! ([`equal`]). Two equal items of one call are two entries.
//!
//! - [`equal`]: the same call again, or another one that says the same
//! - `known`: events of known formats within what a protocol brought

pub mod equal;
mod known;

use crate::foreign::{self, Claims};
use crate::mar;
use crate::table::Table;
use crate::{cloudevents, elastic, hec, otlp, syslog};
use entry::Draft;
use entry::json::Value;
use entry::limits::BATCH_ENTRIES_MAX;
use known::Staged;
use std::collections::HashMap;

/// One thing that was sent, and what is to become of it.
#[derive(Debug)]
pub struct Sent {
    /// As it came, or as JSON if it came as a part of something larger; [`again`] reads it.
    pub raw: Vec<u8>,
    pub fate: Fate,
}

/// What is to become of it.
#[derive(Debug)]
pub enum Fate {
    Store(Box<Draft>),
    /// No entry of its own, and why.
    Skip(&'static str),
    /// No entry, though it should be one: kept beside until a mapping takes it.
    Quarantine(String),
    /// Not taken, and the sender is told why.
    Refuse(String),
    /// Not taken, for its length alone.
    TooLong(String),
}

/// Why nothing of a call is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not what the protocol says; sending it again does not help. (400)
    #[error("{0}")]
    Malformed(String),
    /// Send less at once. (413)
    #[error("{0}")]
    TooMuch(String),
    /// It is of a version or a kind that is not read. (415)
    #[error("{0}")]
    Unsupported(String),
}

impl Unreadable {
    /// Of a call with more items than one may have.
    pub(crate) fn too_many(of: &str) -> Self {
        Unreadable::TooMuch(format!("more than {BATCH_ENTRIES_MAX} {of} at once"))
    }
}

/// Reads again what was kept of a protocol's items, by a table of one's own or the protocol's; `None` if no protocol has that name.
pub fn again(
    format: &str,
    raw: Vec<u8>,
    table: Option<&Table>,
    claims: &Claims,
) -> Option<Vec<Sent>> {
    let mut read = match format {
        otlp::FORMAT => otlp::again(&raw, table.unwrap_or(otlp::table()), claims),
        cloudevents::FORMAT => {
            cloudevents::again(&raw, table.unwrap_or(cloudevents::table()), claims)
        }
        elastic::FORMAT => elastic::again(&raw, table.unwrap_or(elastic::table()), claims),
        hec::FORMAT => hec::again(&raw, table.unwrap_or(hec::table()), claims),
        syslog::FORMAT => Ok(syslog::read(&raw, table, claims)),
        _ => return None,
    };
    if let Ok(sent) = &mut read {
        sent.iter_mut().for_each(|one| equal::keep(one, claims.now));
    }
    Some(read.unwrap_or_else(|why| {
        let fate = Fate::Quarantine(why.to_string());
        vec![Sent { raw, fate }]
    }))
}

/// What an item is known by, if its table does not say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Identity<'i> {
    /// The source's own.
    Own(&'i str),
    Content,
    /// Nothing: each is another one.
    None,
}

/// The items of one call on their way.
pub(crate) struct Call<'c> {
    table: &'c Table,
    claims: &'c Claims,
    /// The member that may be an event of a known format; none where a table of one's own is to decide.
    within: Option<&'static str>,
    /// Members that say how an event went, not which it is.
    besides: &'static [&'static str],
    /// How often each content was met.
    seen: HashMap<Box<str>, usize>,
    /// All contents, one after the other: what tells this call from another one.
    contents: Vec<u8>,
    /// Which of those sent are known by the call, too, since they say no time.
    timeless: Vec<usize>,
    /// Which of those sent are a stage of something longer.
    staged: Vec<(usize, Staged)>,
    sent: Vec<Sent>,
}

impl<'c> Call<'c> {
    pub(crate) fn new(table: &'c Table, claims: &'c Claims) -> Self {
        Self {
            table,
            claims,
            within: None,
            besides: &[],
            seen: HashMap::new(),
            contents: Vec::new(),
            timeless: Vec::new(),
            staged: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Lets the member of that name be an event of a known format, or a draft of ours, if the table is the protocol's own.
    pub(crate) fn within(mut self, member: &'static str, own: &Table) -> Self {
        self.within = std::ptr::eq(self.table, own).then_some(member);
        self
    }

    /// Leaves these members out of what an event is known by.
    pub(crate) fn besides(mut self, members: &'static [&'static str]) -> Self {
        self.besides = members;
        self
    }

    pub(crate) fn finish(mut self) -> Vec<Sent> {
        known::settle(&self.staged, &mut self.sent);
        let call = foreign::hex_digest(&self.contents);
        for at in self.timeless {
            if let Fate::Store(draft) = &mut self.sent[at].fate
                && let Some(id) = draft.source.as_mut().and_then(|s| s.event_id.as_mut())
            {
                *id = equal::first(id, &call);
            }
        }
        self.sent
    }

    /// How many there are so far.
    pub(crate) fn len(&self) -> usize {
        self.sent.len()
    }

    pub(crate) fn refuse(&mut self, raw: Vec<u8>, why: impl Into<String>) {
        let fate = Fate::Refuse(why.into());
        self.sent.push(Sent { raw, fate });
    }

    pub(crate) fn too_long(&mut self, why: impl Into<String>) {
        let fate = Fate::TooLong(why.into());
        let raw = Vec::new();
        self.sent.push(Sent { raw, fate });
    }

    pub(crate) fn quarantine(&mut self, raw: Vec<u8>, why: impl Into<String>) {
        let fate = Fate::Quarantine(why.into());
        self.sent.push(Sent { raw, fate });
    }

    /// An event, by the table; `raw` is what it is kept as.
    pub(crate) fn event(&mut self, raw: Vec<u8>, event: Value<'_>, identity: Identity<'_>) {
        if let Some(member) = self.within {
            if event.get(member).is_some_and(mar::recognises) {
                let fate = match known::own(self.claims, event, member) {
                    Err(why) => Fate::Quarantine(why),
                    Ok((mut draft, is_known)) => {
                        if !is_known {
                            self.identify(&mut draft, identity);
                        }
                        Fate::Store(draft)
                    }
                };
                return self.sent.push(Sent { raw, fate });
            }
            if !self.table.says_action(&event)
                && let Some(found) = known::read(self.claims, &event, member)
            {
                return self.each(raw, found);
            }
        }
        let bare = self.bare(&event);
        let mut drafts = self.table.drafts(self.claims, event, None);
        if let Some(bare) = bare
            && let (Ok(drafts), Ok(bare)) =
                (&mut drafts, self.table.drafts(self.claims, bare, None))
        {
            for (draft, bare) in drafts.iter_mut().zip(bare) {
                draft.source = bare.source;
            }
        }
        self.drafts(raw, drafts, identity);
    }

    /// The event without what does not tell which it is, if it has such.
    fn bare<'v>(&self, event: &Value<'v>) -> Option<Value<'v>> {
        self.besides.iter().find(|name| event.get(name).is_some())?;
        let mut bare = event.as_object()?.clone();
        for name in self.besides {
            bare.remove(name);
        }
        Some(Value::Object(bare))
    }

    fn each(&mut self, raw: Vec<u8>, found: Vec<(Fate, Option<Staged>)>) {
        for (fate, staged) in found {
            let at = self.sent.len();
            self.staged.extend(staged.map(|staged| (at, staged)));
            let raw = raw.clone();
            self.sent.push(Sent { raw, fate });
        }
    }

    fn drafts(&mut self, raw: Vec<u8>, drafts: Result<Vec<Draft>, String>, identity: Identity<'_>) {
        let drafts = match drafts {
            Ok(drafts) => drafts,
            Err(why) => return self.quarantine(raw, why),
        };
        let mut drafts = drafts.into_iter().peekable();
        if drafts.peek().is_none() {
            let why = format!("no {} event within", self.table.name);
            return self.quarantine(raw, why);
        }
        while let Some(mut draft) = drafts.next() {
            if !self.table.tells_identity() {
                self.identify(&mut draft, identity);
            }
            let raw = match drafts.peek() {
                Some(_) => raw.clone(),
                None => Vec::new(),
            };
            let fate = Fate::Store(Box::new(draft));
            self.sent.push(Sent { raw, fate });
        }
        // The last one takes the bytes themselves.
        if let Some(last) = self.sent.last_mut() {
            last.raw = raw;
        }
    }

    /// `source.event_id`, which is the digest of the content so far.
    fn identify(&mut self, draft: &mut Draft, identity: Identity<'_>) {
        let Some(source) = &mut draft.source else {
            return;
        };
        let digest = source.event_id.take().unwrap_or_default();
        source.event_id = match identity {
            Identity::None => None,
            Identity::Own(id) => Some(format!("{id}/{digest}").into()),
            Identity::Content => {
                self.contents.extend_from_slice(digest.as_bytes());
                if draft.timestamp.is_none() {
                    self.timeless.push(self.sent.len());
                }
                let seen = self.seen.entry(digest.clone()).or_default();
                *seen += 1;
                Some(match *seen {
                    1 => digest,
                    seen => format!("{digest}/{seen}").into(),
                })
            }
        };
    }
}

impl Table {
    /// The table of a protocol that comes with the program.
    ///
    /// # Panics
    /// If it is wrong, which a test of this crate rules out.
    pub(crate) fn of_protocol(name: &str, text: &str) -> Self {
        Table::parse(&format!("{name}.toml"), text).unwrap_or_else(|e| panic!("{e}"))
    }
}

#[cfg(test)]
mod tests;
