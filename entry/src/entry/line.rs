//! The canonical bytes of a draft or an entry, written member by member in sorted order.

use super::{Actor, Error, Party, Request, Seq, Source, Target};
use crate::json::write_string;
use crate::units::Erased;
use crate::{Category, EntryId, Json, Mask, Organization, Result, Timestamp};
use std::io::Write;

/// Everything a draft or an entry can say; absent is left out.
pub(crate) struct Line<'a> {
    pub seq: Option<Seq>,
    pub received_at: Option<Timestamp>,
    pub id: Option<EntryId>,
    pub timestamp: Option<Timestamp>,
    pub actor: &'a Actor,
    pub action: &'a str,
    pub category: Option<Category>,
    pub target: Option<&'a Target>,
    pub related: &'a [Target],
    pub organization: Option<&'a Organization>,
    pub project: Option<&'a str>,
    pub request: &'a Request,
    pub result: Result,
    pub error: Option<&'a Error>,
    pub changes: Option<&'a Json>,
    pub context: Option<&'a Json>,
    pub source: Option<&'a Source>,
    pub erased: &'a [Erased],
    pub hidden: Mask,
    /// Leaves out what is personal; its places stay, as empty objects.
    pub public_only: bool,
}

impl Line<'_> {
    /// The members in the order of their names, so that what is written is canonical.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut entry = Members::open(out);
        entry.text("action", Some(self.action));
        entry.with("actor", |out| self.write_actor(out));
        entry.word("category", self.category.map(Category::as_str));
        entry.json("changes", self.changes.filter(|_| !self.public_only));
        match self.context {
            Some(_) if self.public_only => {
                entry.with("context", |out| out.extend_from_slice(b"{}"))
            }
            context => entry.json("context", context),
        }
        if let Some(error) = self.error {
            entry.with("error", |out| self.write_error(error, out));
        }
        if !self.erased.is_empty() {
            entry.with("erased", |out| write_erased(self.erased, out));
        }
        if !self.hidden.is_none() {
            entry.with("hidden", |out| write_hidden(self.hidden, out));
        }
        entry.word("id", self.id.map(EntryId::to_ascii).as_ref());
        entry.word(
            "received_at",
            self.received_at.map(Timestamp::to_ascii).as_ref(),
        );
        if !self.related.is_empty() && !self.public_only {
            entry.with("related", |out| write_targets(self.related, out));
        }
        if self.has_request() {
            entry.with("request", |out| self.write_request(out));
        }
        entry.word("result", Some(self.result.as_str()));
        if self.organization.is_some() || self.project.is_some() {
            entry.with("scope", |out| self.write_scope(out));
        }
        entry.integer("seq", self.seq.map(|seq| seq.0));
        if let Some(source) = self.source {
            entry.with("source", |out| write_source(source, out));
        }
        if let Some(target) = self.target {
            entry.with("target", |out| self.write_target(target, out));
        }
        entry.word(
            "timestamp",
            self.timestamp.map(Timestamp::to_ascii).as_ref(),
        );
        entry.close();
    }

    fn write_scope(&self, out: &mut Vec<u8>) {
        let mut scope = Members::open(out);
        scope.word("organization", self.organization.map(Organization::as_str));
        scope.text("project", self.project);
        scope.close();
    }

    fn write_actor(&self, out: &mut Vec<u8>) {
        let mut members = Members::open(out);
        if !self.public_only {
            write_names(&self.actor.party, &mut members);
            if let Some(other) = &self.actor.on_behalf_of {
                members.with("on_behalf_of", |out| write_party(other, out));
            }
        }
        members.word("type", Some(self.actor.party.kind.as_str()));
        members.close();
    }

    fn write_target(&self, target: &Target, out: &mut Vec<u8>) {
        write_target(target, self.public_only, out);
    }

    /// The personal text, unless it is to be left out.
    fn personal<'t>(&self, text: &'t Option<Box<str>>) -> Option<&'t str> {
        text.as_deref().filter(|_| !self.public_only)
    }

    fn has_request(&self) -> bool {
        let Request {
            id,
            ip,
            user_agent,
            method,
            path,
            trace_id,
            session_id,
        } = self.request;
        let public = [id, method, path, trace_id, session_id];
        public.into_iter().any(Option::is_some)
            || self.personal(ip).is_some()
            || self.personal(user_agent).is_some()
    }

    fn write_request(&self, out: &mut Vec<u8>) {
        let request = self.request;
        let mut members = Members::open(out);
        members.text("id", request.id.as_deref());
        members.text("ip", self.personal(&request.ip));
        members.text("method", request.method.as_deref());
        members.text("path", request.path.as_deref());
        members.text("session_id", request.session_id.as_deref());
        members.text("trace_id", request.trace_id.as_deref());
        members.text("user_agent", self.personal(&request.user_agent));
        members.close();
    }

    fn write_error(&self, error: &Error, out: &mut Vec<u8>) {
        let mut members = Members::open(out);
        members.text("code", error.code.as_deref());
        members.text("message", self.personal(&error.message));
        members.close();
    }
}

/// A party as `actor.on_behalf_of` has it.
pub(crate) fn write_party(party: &Party, out: &mut Vec<u8>) {
    let mut members = Members::open(out);
    write_names(party, &mut members);
    members.word("type", Some(party.kind.as_str()));
    members.close();
}

fn write_names(party: &Party, members: &mut Members<'_>) {
    members.text("email", party.email.as_deref());
    members.text("id", party.id.as_deref());
    members.text("name", party.name.as_deref());
}

/// Targets as `related` has them.
pub(crate) fn write_targets(targets: &[Target], out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, target) in targets.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_target(target, false, out);
    }
    out.push(b']');
}

fn write_target(target: &Target, public_only: bool, out: &mut Vec<u8>) {
    let mut members = Members::open(out);
    members.text("id", target.id.as_deref());
    members.text("name", target.name.as_deref().filter(|_| !public_only));
    members.text("type", target.kind.as_deref());
    members.close();
}

fn write_erased(erased: &[Erased], out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, erased) in erased.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let mut members = Members::open(out);
        members.word("entry", Some(erased.entry.to_ascii()));
        members.text("path", Some(&erased.path));
        members.close();
    }
    out.push(b']');
}

/// Paths are ASCII that JSON needs no escapes for.
fn write_hidden(hidden: Mask, out: &mut Vec<u8>) {
    for (at, one) in hidden.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"[\"" } else { b",\"" });
        out.extend_from_slice(one.path().as_bytes());
        out.push(b'"');
    }
    out.push(b']');
}

fn write_source(source: &Source, out: &mut Vec<u8>) {
    let mut members = Members::open(out);
    members.text("event_id", source.event_id.as_deref());
    members.text("name", Some(&source.name));
    members.integer("sequence", source.sequence);
    members.close();
}

/// An object being written.
struct Members<'o> {
    out: &'o mut Vec<u8>,
    /// What goes before the next member: the brace or a comma.
    before: u8,
}

impl<'o> Members<'o> {
    fn open(out: &'o mut Vec<u8>) -> Self {
        Self { out, before: b'{' }
    }

    fn close(self) {
        if self.before == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }

    /// `name` must need no escapes.
    fn with(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.out.extend_from_slice(&[self.before, b'"']);
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.before = b',';
        write(self.out);
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.with(name, |out| write_string(text, out));
        }
    }

    /// A text that needs no escapes.
    fn word(&mut self, name: &str, word: Option<impl AsRef<[u8]>>) {
        if let Some(word) = word {
            self.with(name, |out| {
                out.push(b'"');
                out.extend_from_slice(word.as_ref());
                out.push(b'"');
            });
        }
    }

    fn integer(&mut self, name: &str, integer: Option<u64>) {
        if let Some(integer) = integer {
            self.with(name, |out| {
                write!(out, "{integer}").expect("a Vec takes every byte")
            });
        }
    }

    fn json(&mut self, name: &str, json: Option<&Json>) {
        if let Some(json) = json {
            self.with(name, |out| out.extend_from_slice(json.as_str().as_bytes()));
        }
    }
}
