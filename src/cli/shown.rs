//! Entries as client commands show them.

use super::erased;
use crate::terminal::{self, visible};
use comfy_table::{Cell, Color, Table};
use entry::{Entry, Party, Result, Scope, Target};
use std::borrow::Cow;
use std::io::{self, Write};

fn party_name(party: &Party) -> &str {
    party.shown().unwrap_or("")
}

fn party_long(party: &Party) -> String {
    let name = party_name(party);
    let mut parts = vec![name];
    parts.extend(
        [&party.email, &party.id]
            .into_iter()
            .flatten()
            .map(|v| &**v)
            .filter(|v| *v != name),
    );
    format!("{} ({})", parts.join(" · "), party.kind)
}

fn target_name(target: &Target) -> &str {
    target.shown().unwrap_or("")
}

fn target_long(target: &Target) -> String {
    let mut text = target_name(target).to_owned();
    if let Some(id) = target.id.as_deref().filter(|id| *id != text) {
        text.push_str(" · ");
        text.push_str(id);
    }
    if let Some(kind) = &target.kind {
        text.push_str(&format!(" ({kind})"));
    }
    text
}

fn scope_name(scope: &Scope) -> Cow<'_, str> {
    match &scope.project {
        Some(project) => Cow::Owned(format!("{} / {project}", scope.organization)),
        None => Cow::Borrowed(scope.organization.as_str()),
    }
}

/// The columns of [`add_row`].
pub const COLUMNS: &[&str] = &["Time", "Actor", "Action", "Target", "Scope", "Result", "IP"];

/// The columns' texts, not yet visible.
pub fn columns(entry: &Entry) -> [Cow<'_, str>; 7] {
    let target = entry
        .target
        .as_ref()
        .map_or(Cow::Borrowed(""), |target| match &target.kind {
            Some(kind) => Cow::Owned(format!("{kind} {}", target_name(target))),
            None => Cow::Borrowed(target_name(target)),
        });
    let result = match entry.error.as_ref().and_then(|e| e.code.as_deref()) {
        Some(code) => Cow::Owned(format!("{} {code}", entry.result)),
        None => Cow::Borrowed(entry.result.as_str()),
    };
    [
        Cow::Owned(entry.timestamp.to_string()),
        Cow::Borrowed(erased::or_mark(
            entry,
            "/actor/name",
            party_name(&entry.actor.party),
        )),
        Cow::Borrowed(&entry.action),
        target,
        scope_name(&entry.scope),
        result,
        Cow::Borrowed(erased::or_mark(
            entry,
            "/request/ip",
            entry.request.ip.as_deref().unwrap_or(""),
        )),
    ]
}

pub fn add_row(table: &mut Table, entry: &Entry) {
    let cells = columns(entry)
        .into_iter()
        .enumerate()
        .map(|(at, text)| match at {
            5 if entry.result == Result::Failure => terminal::cell(&text).fg(Color::Red),
            _ => terminal::cell(&text),
        });
    table.add_row(cells.collect::<Vec<Cell>>());
}

/// Every part of one entry, a line each; `said` are the entries that say why something of it was erased.
pub fn print_details(out: &mut impl Write, entry: &Entry, said: &[Entry]) -> io::Result<()> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let mut add =
        |name, value: Option<&str>| lines.extend(value.map(|value| (name, value.to_owned())));
    add("Timestamp", Some(&entry.timestamp.to_string()));
    add("Received", Some(&entry.received_at.to_string()));
    add(
        "Note",
        entry
            .clock_ahead()
            .then_some("the timestamp is ahead of the log's clock"),
    );
    add("Actor", Some(&party_long(&entry.actor.party)));
    add(
        "On behalf of",
        entry.actor.on_behalf_of.as_ref().map(party_long).as_deref(),
    );
    add(
        "Action",
        Some(&format!("{} ({})", entry.action, entry.category)),
    );
    add("Target", entry.target.as_ref().map(target_long).as_deref());
    for target in &entry.related {
        add("Related", Some(&target_long(target)));
    }
    add("Scope", Some(&scope_name(&entry.scope)));
    add("Result", Some(entry.result.as_str()));
    add(
        "Error code",
        entry.error.as_ref().and_then(|e| e.code.as_deref()),
    );
    add(
        "Error",
        entry.error.as_ref().and_then(|e| e.message.as_deref()),
    );
    add("Request ID", entry.request.id.as_deref());
    add("IP address", entry.request.ip.as_deref());
    add("User agent", entry.request.user_agent.as_deref());
    add("Method", entry.request.method.as_deref());
    add("Path", entry.request.path.as_deref());
    add("Trace ID", entry.request.trace_id.as_deref());
    add("Session ID", entry.request.session_id.as_deref());
    if let Some(source) = &entry.source {
        add("Source", Some(&source.name));
        add("Source event", source.event_id.as_deref());
        add(
            "Source sequence",
            source.sequence.map(|n| n.to_string()).as_deref(),
        );
    }
    add("Entry ID", Some(&entry.id.to_string()));
    add("Seq", Some(&entry.seq.0.to_string()));
    lines.extend(erased::lines(entry, said));
    for hidden in entry.hidden.iter() {
        lines.push(("Hidden", hidden.path().to_owned()));
    }
    for (name, value) in &lines {
        writeln!(out, "{name:<17}{}", visible(value))?;
    }
    for (name, json) in [("Changes", &entry.changes), ("Context", &entry.context)] {
        if let Some(json) = json {
            writeln!(out, "{name}")?;
            for line in terminal::visible_json(&terminal::pretty(json.as_str())).lines() {
                writeln!(out, "  {line}")?;
            }
        }
    }
    Ok(())
}
