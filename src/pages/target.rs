//! The history of one target: what was done to it, by whom, and what changed each time.

use super::details::{permalink, sentence};
use super::erasure::{is_withheld, mark};
use super::hiding;
use super::location::Location;
use super::moment;
use super::setting::{Setting, icon};
use super::table::{result, why};
use super::toolbar::value_title;
use super::visible::{Listed, Shown, brief, count};
use super::{json, layout};
use entry::Entry;
use maud::{Markup, html};

/// What the page shows.
pub struct History {
    /// As in the address.
    pub kind: String,
    pub key: String,
    /// The name it had last.
    pub name: Option<String>,
    pub entries: Vec<Entry>,
    pub total: u64,
    pub next_cursor: Option<String>,
}

pub fn page(setting: &Setting, history: &History) -> Markup {
    let name = history.name.as_deref().unwrap_or(&history.key);
    let kind = value_title("target_type", &history.kind);
    let list = Location::list()
        .only("target_type", &history.kind)
        .only("target", &history.key);
    let content = html! {
        main.page #main {
            article.details {
                div.head {
                    a.button.plain href="/" { (icon("left")) "All entries" }
                    div.end { a.button.plain href=(list.href()) { (icon("filter")) "Open as a list" } }
                }
                div.lead {
                    h1.title { (Listed(name)) }
                    p.sentence {
                        (Shown(&kind)) " · " code { (Shown(&history.key)) } " · "
                        (count(history.total)) @if history.total == 1 { " entry" } @else { " entries" } ", newest first"
                    }
                    (hiding::switch(setting, &history.entries))
                }
                @if history.entries.is_empty() {
                    div.state { p { "Nothing is recorded for this target." } }
                } @else {
                    ol.story { @for entry in &history.entries { (step(setting, entry)) } }
                }
                @if let Some(cursor) = &history.next_cursor {
                    section { a.button href=(setting.here.with("cursor", cursor).href()) rel="next" { "Older" (icon("right")) } }
                }
            }
        }
    };
    layout::page(
        setting,
        &format!("{} · {}", brief(name, 80), brief(&kind, 40)),
        "Target history",
        content,
    )
}

fn step(setting: &Setting, entry: &Entry) -> Markup {
    html! {
        li class=(entry.result.as_str()) {
            (moment::cell(&setting.zone, entry.timestamp))
            span.rail aria-hidden="true" {}
            div.what {
                p { a href=(permalink(entry)) { (sentence(setting, entry)) } }
                p { (result(entry.result)) " " code.soft { (Listed(&entry.action)) }
                    @if let Some(error) = &entry.error { " " span.soft { (failure(entry, error)) } }
                }
                @if let Some(changes) = &entry.changes { (json::changes(changes)) }
                @else if is_withheld(entry, "/changes") { p { span.soft { "Changes: " } (mark(entry, "/changes")) } }
            }
        }
    }
}

fn failure(entry: &Entry, error: &entry::Error) -> Markup {
    match &error.message {
        Some(message) => html! { (Listed(message)) },
        None => why(entry, error),
    }
}
