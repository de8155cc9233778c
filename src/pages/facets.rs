//! Beside the list: which values there are, how many of each, and a click to keep or leave them.

use super::list::Listing;
use super::setting::{Setting, icon};
use super::toolbar::value_title;
use super::visible::{Listed, brief, count, is_linkable};
use entry::field::Field;
use maud::{Markup, html};
use store::view::Facet;

/// The fields shown, from the top.
pub const FIELDS: &[Field] = &[
    Field::Result,
    Field::TargetType,
    Field::Action,
    Field::Actor,
    Field::ActorType,
    Field::Project,
    Field::Ip,
    Field::Source,
];

/// Values shown of each, and when one is expanded.
const TOP: usize = 7;
pub const TOP_EXPANDED: usize = 50;

pub fn facets(setting: &Setting, listing: &Listing) -> Markup {
    html! {
        section.facets #facets aria-label="Values" {
            div.sheet-head { strong { "Values" } a.button href="#main" { "Done" } }
            @for facet in FIELDS.iter().filter_map(|field| listing.facet(*field)) { (one(setting, facet)) }
        }
    }
}

fn one(setting: &Setting, facet: &Facet) -> Markup {
    let here = &setting.here;
    let name = facet.field.name();
    let expanded = here.get("expand") == Some(name);
    let shown = if expanded { TOP_EXPANDED } else { TOP };
    let only_none = facet.top.iter().all(|(value, _)| value.is_none());
    let filtered = here
        .params()
        .any(|(n, _)| n.trim_start_matches('-') == name);
    if only_none && !filtered {
        return html! {};
    }
    let largest = facet.top.iter().map(|(_, n)| *n).max().unwrap_or(0).max(1);
    html! {
        details.facet open data-key=(name) {
            summary { (facet.field.title()) span.soft { (count(facet.distinct)) } }
            ul {
                @for (value, n) in facet.top.iter().take(shown) { (line(setting, facet, value.as_deref(), Some(*n), largest)) }
                @for (value, n) in unlisted(setting, facet, shown) { (line(setting, facet, Some(&value), n, largest)) }
            }
            @if expanded {
                a.more href=(here.without("expand").href()) { "Fewer" }
                @if facet.distinct > TOP_EXPANDED as u64 { span.soft { " · the " (TOP_EXPANDED) " most frequent of " (count(facet.distinct)) } }
            } @else if facet.top.len() > TOP || facet.distinct > facet.top.len() as u64 {
                a.more href=(here.with("expand", name).href()) { "More…" }
            }
        }
    }
}

/// Values that are filtered on but not among those shown: still here, so that they can be taken back. Their count, if
/// they are frequent enough to have been counted by value.
fn unlisted(setting: &Setting, facet: &Facet, shown: usize) -> Vec<(String, Option<u64>)> {
    let name = facet.field.name();
    let mut chosen = setting.here.values(name);
    chosen.extend(setting.here.values(&format!("-{name}")));
    let place = |value: &str| {
        let folded = value.to_lowercase();
        let same = |top: &(Option<Box<str>>, u64)| {
            top.0
                .as_ref()
                .is_some_and(|top| top.to_lowercase() == folded)
        };
        facet.top.iter().position(same)
    };
    // Where every value was counted, one that is not among them has no entries.
    let complete =
        facet.distinct <= facet.top.iter().filter(|(top, _)| top.is_some()).count() as u64;
    let places = chosen.into_iter().map(|value| (place(&value), value));
    places
        .filter(|(place, _)| place.is_none_or(|place| place >= shown))
        .map(|(place, value)| match place {
            Some(place) => (value, Some(facet.top[place].1)),
            None => (value, complete.then_some(0)),
        })
        .collect()
}

fn line(
    setting: &Setting,
    facet: &Facet,
    value: Option<&str>,
    n: Option<u64>,
    largest: u64,
) -> Markup {
    let here = &setting.here;
    let name = facet.field.name();
    let minus = format!("-{name}");
    let (on, off) = match value {
        Some(value) => (here.has_value(name, value), here.has_value(&minus, value)),
        None => (here.has_value("-has", name), here.has_value("has", name)),
    };
    let keep = match (value, on) {
        (Some(value), true) => here.without_value(name, value),
        (Some(value), false) => here.without_value(&minus, value).and(name, value),
        (None, true) => here.without_value("-has", name),
        (None, false) => here.without_value("has", name).and("-has", name),
    };
    let leave = match (value, off) {
        (Some(value), true) => here.without_value(&minus, value),
        (Some(value), false) => here.without_value(name, value).and(&minus, value),
        (None, true) => here.without_value("has", name),
        (None, false) => here.without_value("-has", name).and("has", name),
    };
    let title = value.map_or_else(|| "none".into(), |value| value_title(name, value));
    let width = format!("{:.1}%", n.unwrap_or(0) as f64 * 100.0 / largest as f64);
    let linkable = value.is_none_or(is_linkable);
    html! {
        li.on[on].off[off].bad[facet.field == Field::Result && value == Some("failure")] {
            a.value href=[linkable.then(|| keep.href())] title=(brief(&title, 120)) aria-current=[on.then_some("true")] {
                span.name { @if value.is_none() { span.none { "none" } } @else { (Listed(&title)) } }
                span.n { @if let Some(n) = n { (count(n)) } }
                svg aria-hidden="true" { rect width=(width) height="3" rx="1.5" {} }
            }
            @if linkable { a.not href=(leave.href()) title={ (if off { "Include " } else { "Exclude " }) (brief(&title, 120)) } {
                (icon(if off { "plus" } else { "minus" }))
                span.unseen { (if off { "Include " } else { "Exclude " }) (brief(&title, 120)) }
            } }
        }
    }
}
