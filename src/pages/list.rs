//! The Audit Logs page: what is on it, and its frame.

use super::chart::{Chart, chart};
use super::details::{Details, drawer};
use super::facets::facets;
use super::setting::{Setting, icon};
use super::table::table;
use super::toolbar::{noise, toolbar};
use super::visible::count;
use super::{hiding, layout, states};
use crate::problem::Problem;
use entry::field::Field;
use entry::{Entry, Timestamp};
use maud::{Markup, html};
use store::view::Facet;

/// Time ranges of one click: the API's word, and the person's.
pub const PRESETS: &[(&str, &str)] = &[
    ("15m", "Last 15 minutes"),
    ("1h", "Last hour"),
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
    ("90d", "Last 90 days"),
];

/// Page sizes on offer.
pub const SIZES: &[usize] = &[25, 50, 100, 200];
pub const SIZE: usize = 50;

/// All that the page shows.
#[derive(Default)]
pub struct Listing {
    pub entries: Vec<Entry>,
    pub next_cursor: Option<String>,
    /// The newest receipt of what is shown: live goes on from there.
    pub as_of: Option<Timestamp>,
    /// Entries that match.
    pub total: u64,
    /// Entries stored, filtered or not.
    pub stored: u64,
    /// Those that imports marked as noise, under the filter.
    pub noise: u64,
    /// For the sidebar, tabs and pickers.
    pub facets: Vec<Facet>,
    pub chart: Option<Chart>,
    /// The time range of the filter, resolved.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Why the filter was refused; then there is nothing else.
    pub problem: Option<Problem>,
    /// If nothing matches: what would, without one of the filters.
    pub relaxed: Vec<Relaxed>,
    /// The entry beside the list, if one was asked for: `Some(None)` if there is no such entry.
    pub selected: Option<Option<Details>>,
}

/// How many entries there would be without one filter.
pub struct Relaxed {
    pub name: String,
    pub value: String,
    pub count: u64,
}

impl Listing {
    pub fn facet(&self, field: Field) -> Option<&Facet> {
        self.facets.iter().find(|facet| facet.field == field)
    }
}

pub fn page(setting: &Setting, listing: &Listing) -> Markup {
    let selected = listing.selected.as_ref();
    let without_facets = listing.facets.is_empty() || listing.stored == 0;
    let content = html! {
        div #page {
            (toolbar(setting, listing))
            main.body.with-drawer[selected.is_some()].alone[without_facets && selected.is_none()] #main {
                h1.unseen { "Audit Logs" }
                @if !without_facets { (facets(setting, listing)) }
                div.results { (results(setting, listing)) }
                @if let Some(details) = selected { (drawer(setting, details.as_ref())) }
            }
        }
    };
    layout::page(setting, "Audit Logs", "Audit Logs", content)
}

fn results(setting: &Setting, listing: &Listing) -> Markup {
    html! {
        @if let Some(problem) = &listing.problem {
            (states::refused(setting, problem))
        } @else {
            @if listing.total > 0 { (chart(setting, listing)) }
            div.fresh-note #fresh role="status" {}
            @if listing.entries.is_empty() { (states::nothing(setting, listing)) } @else {
                (heading(setting, listing))
                (table(setting, listing))
                (pager(setting, listing))
            }
        }
    }
}

fn heading(setting: &Setting, listing: &Listing) -> Markup {
    let here = &setting.here;
    let received = here.get("order") == Some("received");
    let ascending = here.get("direction") == Some("asc");
    let first = here.without("cursor");
    html! {
        div.list-head {
            span {
                strong { (count(listing.total)) } @if listing.total == 1 { " entry" } @else { " entries" }
                @if setting.here.is_filtered() && listing.stored > listing.total { " of " (count(listing.stored)) }
            }
            (noise(here, listing))
            (hiding::switch(setting, &listing.entries))
            div.end {
                span.seg role="group" aria-label="Order by" {
                    a href=(first.without("order").href()) aria-current=[(!received).then_some("true")] title="By the time of the action" { "Time" }
                    a href=(first.with("order", "received").href()) aria-current=[received.then_some("true")] title="By the time the log received it" { "Received" }
                }
                span.seg role="group" aria-label="Direction" {
                    a href=(first.without("direction").href()) aria-current=[(!ascending).then_some("true")] { "Newest first" }
                    a href=(first.with("direction", "asc").href()) aria-current=[ascending.then_some("true")] { "Oldest first" }
                }
            }
        }
    }
}

fn pager(setting: &Setting, listing: &Listing) -> Markup {
    let here = &setting.here;
    let onward = if here.get("direction") == Some("asc") {
        "Newer"
    } else {
        "Older"
    };
    let size = here
        .get("limit")
        .and_then(|n| n.parse().ok())
        .unwrap_or(SIZE);
    html! {
        nav.pager aria-label="Pages" {
            @if here.get("cursor").is_some() {
                a.button href=(here.without("cursor").without("selected").href()) rel="first" { (icon("left")) "First page" }
            }
            @if let Some(cursor) = &listing.next_cursor {
                a.button href=(here.without("selected").with("cursor", cursor).href()) rel="next" { (onward) (icon("right")) }
            } @else {
                span.soft { "The end of the list" }
            }
            div.end {
                span { "A page holds" }
                span.seg role="group" aria-label="Entries a page" {
                    @for n in SIZES {
                        @let href = if *n == SIZE { here.without("limit") } else { here.with("limit", &n.to_string()) };
                        a href=(href.without("cursor").href()) aria-current=[(*n == size).then_some("true")] { (n) }
                    }
                }
            }
        }
    }
}
