//! What a page says when there is nothing to show, or something is wrong.

use super::list::{Listing, Relaxed};
use super::setting::{Setting, icon};
use super::toolbar::chip;
use super::visible::{count, plain, plain_part};
use crate::problem::{Kind, Problem};
use maud::{Markup, html};

/// An empty list: nothing recorded yet, or nothing that matches.
pub fn nothing(setting: &Setting, listing: &Listing) -> Markup {
    if listing.stored == 0 {
        first(setting)
    } else {
        no_match(setting, listing)
    }
}

fn first(setting: &Setting) -> Markup {
    let curl = format!(
        "curl -X POST {}/v1/entries -H 'Content-Type: application/json' -d '{{\n  \
         \"actor\": {{\"type\": \"user\", \"name\": \"Ana Ruiz\", \"email\": \"ana@acme.example\"}},\n  \
         \"action\": \"createCluster\",\n  \"target\": {{\"type\": \"cluster\", \"id\": \"clu_9\", \"name\": \"pay-eu\"}},\n  \
         \"result\": \"success\"\n}}'",
        setting.origin
    );
    html! {
        div.sheet { div.state {
            h2 { "No entries yet" }
            p { "Nothing has been recorded on this server. Record the first entry, then come back: it is here the moment it is accepted." }
            pre tabindex="0" { code { (curl) } }
            button.button type="button" data-copy=(curl) hidden { (icon("copy")) "Copy" }
            p { "To look around with made-up data instead: " code { "mar-audit serve --demo" } ". To bring what you have: " code { "mar-audit import --format kubernetes audit.log" } "." }
        } }
    }
}

fn no_match(setting: &Setting, listing: &Listing) -> Markup {
    html! {
        div.sheet { div.state {
            h2 { "No entry matches" }
            @if listing.relaxed.is_empty() {
                p { (count(listing.stored)) " entries are stored, none of them here." }
            } @else {
                p { (count(listing.stored)) " entries are stored. Without one of these filters there would be:" }
                ul {
                    @for relaxed in &listing.relaxed { (relax(setting, relaxed)) }
                }
            }
            a.button.primary href=(setting.here.cleared().href()) { "Clear all filters" }
        } }
    }
}

fn relax(setting: &Setting, relaxed: &Relaxed) -> Markup {
    let chip = chip(setting, &relaxed.name, &relaxed.value);
    html! {
        li {
            a href=(setting.here.without_param(&relaxed.name, &relaxed.value).href()) { "without " (chip.label) " " (chip.value) }
            span.soft { " · " (count(relaxed.count)) @if relaxed.count == 1 { " entry" } @else { " entries" } }
        }
    }
}

/// A refused filter, above the list: where it is wrong and what would be right.
pub fn refused(setting: &Setting, problem: &Problem) -> Markup {
    let expired = problem.kind == Kind::BadCursor;
    html! {
        div.notice role="alert" {
            (icon("warn"))
            div {
                @if expired {
                    strong { "This page of the list cannot be continued" }
                    p { "Its cursor belongs to another filter or another server. " a href=(setting.here.without("cursor").href()) { "Start again from the first page" } "." }
                } @else {
                    strong { (title(problem)) }
                    @if problem.errors.is_empty() { p { (plain(&problem.detail)) } }
                    @for fault in &problem.errors {
                        @let name = fault.parameter.as_deref().unwrap_or_default();
                        @if let (Some(value), Some(position)) = (setting.here.get(name), fault.position) { (marked(value, position)) }
                        p { @if !name.is_empty() && name != "q" { code { (plain(name)) } ": " } (plain(&fault.detail)) }
                        @if let Some(suggestion) = &fault.suggestion {
                            p { "Did you mean " code { (plain(suggestion)) } " ?" }
                        }
                        @if !name.is_empty() && setting.here.get(name).is_some() {
                            p { a href=(setting.here.without(name).href()) { "Remove it" } }
                        }
                    }
                }
            }
        }
    }
}

fn title(problem: &Problem) -> &'static str {
    match problem.errors.as_slice() {
        [fault] if fault.parameter.as_deref() == Some("q") => "The query cannot be read",
        _ => problem.kind.title(),
    }
}

/// The text with the place of its fault marked; a position inside of a character means that character.
fn marked(text: &str, position: usize) -> Markup {
    let start = (0..=position.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let end = text[start..]
        .find([' ', ')'])
        .map_or(text.len(), |at| start + at);
    let here = if end > start { &text[start..end] } else { " " };
    html! {
        pre { code {
            @if start > 0 { (plain_part(&text[..start])) }
            span.here { (plain_part(here)) }
            @if end < text.len() { (plain_part(&text[end..])) }
        } }
    }
}

/// A whole page that says what went wrong.
pub fn page(setting: &Setting, problem: &Problem) -> Markup {
    let content = html! {
        main.page #main {
            div.sheet { div.state {
                h1 { (problem.kind.title()) }
                p { (plain(&problem.detail)) }
                a.button.primary href="/" { "To all entries" }
            } }
        }
    };
    super::layout::page(setting, problem.kind.title(), "", content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_marked_where_it_is_even_inside_of_a_character() {
        let html = marked("actor:ana accion:x", 10).into_string();
        assert!(
            html.contains("<span class=\"here\">accion:x</span>"),
            "{html}"
        );
        let html = marked("é", 1).into_string();
        assert!(html.contains("<span class=\"here\">é</span>"), "{html}");
        marked("short", 4_000);
    }
}
