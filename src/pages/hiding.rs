//! What a role hides of an entry: that it is said, and how who may see it asks for it. A hidden value never looks like one
//! that was not sent, nor like one that was erased.

use super::erasure::name;
use super::setting::{Setting, icon};
use crate::access::Permission;
use entry::Entry;
use maud::{Markup, html};

pub fn is_hidden(entry: &Entry, path: &str) -> bool {
    entry.hidden.hides_at(path)
}

/// In the place of a hidden value.
pub fn mark() -> Markup {
    html! { span.erased.veiled title="Hidden from you by your role; what it is, the entry’s proof commits to" { "hidden" } }
}

/// In the details: what is hidden, or that it is shown because that was asked for.
pub fn notice(setting: &Setting, entry: &Entry) -> Markup {
    let reader = &setting.reader;
    let hidden: Vec<_> = entry.hidden.iter().collect();
    html! {
        @if !hidden.is_empty() {
            div.hiding {
                span {
                    strong { @if hidden.len() == 1 { "1 member is" } @else { (hidden.len()) " members are" } " hidden by your role" }
                    ": " @for (i, one) in hidden.iter().enumerate() { @if i > 0 { ", " } (name(one.path())) }
                }
                @if reader.may_with(Permission::Unmask, entry) { (ask(setting)) }
            }
        } @else if reader.is_unmasked {
            div.hiding { span { strong { "Shown in full" } ", whatever your role hides; that you looked is noted" } (ask_no_more(setting)) }
        }
    }
}

/// Above a list.
pub fn switch(setting: &Setting, entries: &[Entry]) -> Markup {
    let reader = &setting.reader;
    let can = |entry: &Entry| !entry.hidden.is_none() && reader.may_with(Permission::Unmask, entry);
    html! {
        @if reader.is_unmasked { (ask_no_more(setting)) }
        @else if entries.iter().any(can) { (ask(setting)) }
    }
}

fn ask(setting: &Setting) -> Markup {
    html! {
        a href=(setting.here.with("unmask", "true").href()) title="The log notes that you looked, and your purpose if you gave one" {
            (icon("eye")) " Show hidden values"
        }
    }
}

fn ask_no_more(setting: &Setting) -> Markup {
    html! { a href=(setting.here.href()) { (icon("eye")) " Hide them again" } }
}
