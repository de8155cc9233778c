//! Above the list: search, pickers, tabs, menus, and the chips of what is filtered.

use super::layout::purpose;
use super::list::{Listing, PRESETS};
use super::location::{Location, escape_value};
use super::setting::{Setting, icon};
use super::table::{Column, Shape};
use super::visible::{brief, count, is_choosable, plain};
use crate::access::Permission;
use entry::Category;
use entry::catalogue::{TARGET_TYPES, category_title};
use entry::field::Field;
use maud::{Markup, html};
use store::view::Facet;

/// The whole of it: one form, so that every field keeps the others.
pub fn toolbar(setting: &Setting, listing: &Listing) -> Markup {
    let here = &setting.here;
    html! {
        section.filters #filters aria-label="Filters" {
            form #filter-form method="get" action="/" role="search" {
                (kept(here, &["search", "q", "organization", "project", "target_type", "result", "from", "to", "cursor", "selected"]))
                div.bar {
                    div.pickers {
                        (picker(here, "organization", "Organization", "All organizations", listing.facet(Field::Organization)))
                        (picker(here, "project", "Project", "All projects", listing.facet(Field::Project)))
                        (target_types(here, listing.facet(Field::TargetType)))
                        (results(here))
                        (ranges(setting))
                        (custom_range(setting, listing))
                        details.query-field open[here.get("q").is_some()] { summary.button { (icon("query")) "Query" } }
                        noscript { button.button.primary { "Apply" } }
                    }
                    (searchbox(here))
                    (advanced(here, listing))
                }
            }
            // A form cannot stand in a form: the fields of the range name this one.
            form #range-form method="get" action="/" { (kept(here, &["from", "to", "cursor", "selected"])) }
            div.tabs-row { (tabs(here, listing)) (tools(setting, listing)) }
            (chips(setting))
        }
    }
}

/// The parameters a form leaves alone.
fn kept(here: &Location, own: &[&str]) -> Markup {
    html! {
        @for (name, value) in here.params() {
            @if !own.contains(&name) { input type="hidden" name=(name) value=(value); }
        }
    }
}

fn searchbox(here: &Location) -> Markup {
    let value = here.get("search");
    html! {
        div.searchbox {
            label.unseen for="search" { "Search by actor name, actor email, target name, or request ID" }
            input #search.set[value.is_some()] type="search" name="search" value=[value] autocomplete="off" spellcheck="false"
                placeholder="Actor name, actor email, target name, or request ID";
            button title="Search" { (icon("search")) span.unseen { "Search" } }
            kbd aria-hidden="true" { "/" }
        }
    }
}

fn picker(here: &Location, name: &str, label: &str, all: &str, facet: Option<&Facet>) -> Markup {
    let chosen = here.values(name);
    let values: Vec<(&str, u64)> = facet
        .iter()
        .flat_map(|f| &f.top)
        .filter_map(|(v, n)| v.as_deref().map(|v| (v, *n)))
        .filter(|(v, _)| is_choosable(v))
        .collect();
    if values.len() < 2 && chosen.is_empty() {
        return html! {};
    }
    let titled: Vec<(String, String, u64)> = values
        .iter()
        .map(|(v, n)| (v.to_string(), brief(v, 40), *n))
        .collect();
    html! { div.first { (select(here, name, label, all, &titled)) } }
}

fn target_types(here: &Location, facet: Option<&Facet>) -> Markup {
    let counted = |word: &str| {
        facet
            .iter()
            .flat_map(|f| &f.top)
            .find(|(v, _)| v.as_deref() == Some(word))
            .map_or(0, |(_, n)| *n)
    };
    let mut types: Vec<(String, String, u64)> = TARGET_TYPES
        .iter()
        .map(|(word, title)| (word.to_string(), title.to_string(), counted(word)))
        .collect();
    for (value, n) in facet.iter().flat_map(|f| &f.top) {
        if let Some(value) = value
            .as_deref()
            .filter(|v| is_choosable(v) && TARGET_TYPES.iter().all(|(word, _)| word != v))
        {
            types.push((value.to_owned(), brief(value, 40), *n));
        }
    }
    select(
        here,
        "target_type",
        "Target type",
        "All target types",
        &types,
    )
}

fn results(here: &Location) -> Markup {
    let chosen = here.values("result");
    html! {
        label.field {
            span.unseen { "Result" }
            select.set[!chosen.is_empty()] name="result" data-submit {
                option value="" { "All results" }
                @for (word, title) in [("success", "Success"), ("failure", "Failure")] {
                    option value=(word) selected[chosen.len() == 1 && chosen[0] == word] { (title) }
                }
                @if chosen.len() > 1 { option value=(chosen.join(",")) selected { "Success or failure" } }
            }
        }
    }
}

/// One choice of values; several chosen elsewhere (by the facets) stay chosen as one option.
fn select(
    here: &Location,
    name: &str,
    label: &str,
    all: &str,
    values: &[(String, String, u64)],
) -> Markup {
    let chosen = here.values(name);
    let single = chosen.first().filter(|_| chosen.len() == 1);
    let listed = single.is_some_and(|one| values.iter().any(|(v, ..)| v == one));
    html! {
        label.field {
            span.unseen { (label) }
            select.set[!chosen.is_empty()] name=(name) data-submit {
                option value="" { (all) }
                @for (value, title, n) in values {
                    option value=(escape_value(name, value)) selected[single == Some(value)] {
                        (title) @if *n > 0 { " (" (count(*n)) ")" }
                    }
                }
                @if chosen.len() > 1 {
                    @let written: Vec<&str> = here.all(name).collect();
                    option value=(written.join(",")) selected { (chosen.len()) " chosen" }
                } @else if let (Some(one), false) = (single, listed) {
                    option value=(here.get(name).unwrap_or_default()) selected { (brief(one, 40)) }
                }
            }
        }
    }
}

fn ranges(setting: &Setting) -> Markup {
    let here = &setting.here;
    let (from, to) = (here.get("from"), here.get("to"));
    let preset = PRESETS
        .iter()
        .any(|(value, _)| to.is_none() && from == Some(value));
    let custom = !preset && (from.is_some() || to.is_some());
    html! {
        label.field {
            span.unseen { "Time range" }
            select.set[from.is_some() || to.is_some()] name="from" data-submit data-range {
                option value="" { "All time" }
                @for (value, title) in PRESETS {
                    option value=(value) selected[to.is_none() && from == Some(value)] { (title) }
                }
                @if custom { option value=(from.unwrap_or_default()) selected { "Custom range" } }
            }
        }
        @if let Some(to) = to.filter(|_| custom) { input type="hidden" name="to" value=(to); }
    }
}

fn custom_range(setting: &Setting, listing: &Listing) -> Markup {
    let here = &setting.here;
    let field = |bound: Option<entry::Timestamp>| {
        bound
            .map(|at| setting.zone.format_field(at))
            .unwrap_or_default()
    };
    html! {
        details.menu.range-menu {
            summary.button.plain title="Custom time range" { (icon("history")) span.unseen { "Custom time range" } }
            div.pop {
                h2 { "From (inclusive) to (exclusive), " (setting.zone.name()) }
                div.pair {
                    label.stack { "From" input type="datetime-local" name="from" form="range-form" step="1" value=(field(listing.from)); }
                    label.stack { "To" input type="datetime-local" name="to" form="range-form" step="1" value=(field(listing.to)); }
                }
                div.row {
                    button.button.primary form="range-form" { "Apply" }
                    a.button href=(here.without("from").without("to").href()) { "All time" }
                }
            }
        }
    }
}

fn advanced(here: &Location, listing: &Listing) -> Markup {
    let value = here.get("q");
    html! {
        div.advanced {
            label.unseen for="q" { "Query" }
            input #q.set[value.is_some()] type="text" name="q" value=[value] maxlength="4096" autocomplete="off" spellcheck="false"
                aria-invalid=[listing.problem.as_ref().map(|_| "true")]
                placeholder="actor:ana action:create* -result:failure ip:10.0.0.0/8 since:7d";
            button.button.primary { "Run" }
            p.how {
                "Terms combine with AND. "
                code { "actor:ana" } " " code { "action:create*" } " " code { "-result:failure" } " "
                code { "(category:cluster OR category:instance)" } " " code { "ip:10.0.0.0/8" } " " code { "has:email" } " "
                code { "context.ticket:OPS-88" } " " code { "\"exact words\"" } " " code { "since:7d" }
            }
        }
    }
}

fn tabs(here: &Location, listing: &Listing) -> Markup {
    let facet = listing.facet(Field::Category);
    let counted = |category: Category| {
        facet
            .iter()
            .flat_map(|f| &f.top)
            .find(|(v, _)| v.as_deref() == Some(category.as_str()))
            .map_or(0, |(_, n)| *n)
    };
    let chosen = here.values("category");
    let rare = |category: &Category| matches!(category, Category::Audit | Category::Other);
    html! {
        nav.tabs aria-label="Categories" {
            a href=(here.without("category").href()) aria-current=[chosen.is_empty().then_some("page")] {
                "All Actions" @if let Some(facet) = facet { span.n { (count(facet.total)) } }
            }
            @for category in Category::ALL {
                @let on = chosen.iter().any(|c| c == category.as_str());
                @if on || !rare(category) || counted(*category) > 0 {
                    a href=(here.with("category", category.as_str()).href()) aria-current=[on.then_some("page")] {
                        (category_title(*category)) @if facet.is_some() { span.n { (count(counted(*category))) } }
                    }
                }
            }
        }
    }
}

fn tools(setting: &Setting, listing: &Listing) -> Markup {
    let here = &setting.here;
    html! {
        div.tools {
            a.button.to-facets href="#facets" title="Values" { (icon("filter")) span.label { "Values" } }
            a.button.live data-live data-tail=(tail(here, listing)) role="button"
                aria-pressed=(here.get("live").is_some())
                href=(if here.get("live").is_some() { here.without("live") } else { here.without("cursor").with("live", "on") }.href())
                title="Show new entries as they arrive" { span.dot aria-hidden="true" {} span.label { "Live" } }
            (columns_menu(setting))
            // An address of another site's frame is no address to give away.
            @if !setting.reader.is_embedded() { (share_menu(setting)) }
            @if setting.reader.may(Permission::Export) { (export_menu(setting, listing)) }
        }
    }
}

/// What comes after what is shown.
fn tail(here: &Location, listing: &Listing) -> String {
    let tail = here.filters_at("/v1/tail");
    match listing.as_of {
        Some(state) => tail
            .with("last_event_id", &crate::tail::behind(state))
            .href(),
        None => tail.href(),
    }
}

fn columns_menu(setting: &Setting) -> Markup {
    let here = &setting.here;
    let shape = Shape::of(here);
    html! {
        details.menu {
            summary.button title="Columns" { (icon("columns")) span.label { "Columns" } }
            form.pop method="get" action="/" {
                (kept(here, &["columns", "joined"]))
                h2 { "Columns" }
                div.choices {
                    @for column in Column::ALL {
                        label { input type="checkbox" name="columns" value=(column.name()) checked[shape.shows(*column)]; (column.title()) }
                    }
                }
                div.choices {
                    label { input type="checkbox" name="joined" value="no" checked[!shape.joined]; "Every column by itself" }
                }
                div.row {
                    button.button.primary { "Show" }
                    a.button href=(here.without("columns").without("joined").href()) { "Default" }
                }
            }
        }
    }
}

fn share_menu(setting: &Setting) -> Markup {
    let url = format!("{}{}", setting.origin, setting.here.without("live").href());
    html! {
        details.menu {
            summary.button title="Share" { (icon("share")) span.label { "Share" } }
            div.pop {
                h2 { "This view, with its filters" }
                label.stack { "Address" input type="text" readonly value=(url) data-here; }
                div.row { button.button.primary type="button" data-copy-here hidden { (icon("copy")) "Copy" } }
            }
        }
    }
}

fn export_menu(setting: &Setting, listing: &Listing) -> Markup {
    let here = &setting.here;
    let formats = [
        ("csv", "CSV", "for spreadsheets"),
        ("ndjson", "NDJSON", "one entry a line"),
        ("json", "JSON", "one document"),
    ];
    html! {
        details.menu.export {
            summary.button title="Export" { (icon("export")) span.label { "Export" } }
            div.pop {
                h2 {
                    "Export " (count(listing.total)) @if listing.total == 1 { " entry" } @else { " entries" }
                    @if here.is_filtered() { ", exactly those filtered" }
                }
                div.choices {
                    @for (format, title, why) in formats {
                        a href=(here.filters_at("/v1/export").with("format", format).href()) download data-leave {
                            (title) span.soft { (why) }
                        }
                    }
                }
                p.soft { "Streamed whole, without a cap. A cut file can be told from a complete one." }
                (purpose(setting))
            }
        }
    }
}

/// What is filtered, each with its way out.
fn chips(setting: &Setting) -> Markup {
    let here = &setting.here;
    html! {
        @if here.is_filtered() {
            div.chips {
                @for (name, value) in here.filters() {
                    @let chip = chip(setting, name, value);
                    span.chip.not[chip.not] {
                        span.what title=(plain(value)) { b { (chip.label) } " " (chip.value) }
                        a href=(here.without_param(name, value).href()) title="Remove" {
                            (icon("close")) span.unseen { "Remove " (chip.label) " " (chip.value) }
                        }
                    }
                }
                a.clear href=(here.cleared().href()) { "Clear all" }
            }
        }
    }
}

/// Imported logs hold far more reads and system chatter than deeds.
pub fn noise(here: &Location, listing: &Listing) -> Markup {
    html! {
        @if listing.noise > 0 && here.get(NOISE).is_none() {
            a href=(here.with(NOISE, "*").href()) {
                "Hide " (count(listing.noise)) " reads and system noise"
            }
        }
    }
}

/// The parameter that hides what imports marked as noise.
pub const NOISE: &str = "-context.noise";

pub struct Chip {
    pub label: String,
    pub value: String,
    pub not: bool,
}

/// The words of one filter parameter.
pub fn chip(setting: &Setting, name: &str, value: &str) -> Chip {
    let bare = name.trim_start_matches('-').trim_end_matches('!');
    let not = bare.len() != name.len();
    let title =
        |field: &str| Field::parse(field).map_or_else(|| plain(field), |f| f.title().to_owned());
    if name == NOISE && value == "*" {
        return Chip {
            label: "Hidden".into(),
            value: "reads and system noise".into(),
            not,
        };
    }
    let (label, value) = match bare {
        "search" => ("Search".into(), format!("“{}”", brief(value, 60))),
        "q" => ("Query".into(), brief(value, 80)),
        "from" | "to" => {
            let preset = PRESETS
                .iter()
                .find(|(preset, _)| bare == "from" && *preset == value);
            match preset {
                Some((_, title)) => ("Time".into(), title.to_lowercase()),
                None if bare == "from" => ("From".into(), when(setting, value)),
                None => ("Until".into(), when(setting, value)),
            }
        }
        "has" => {
            let none = if not { "none" } else { "any" };
            let fields: Vec<String> = value.split(',').map(title).collect();
            return Chip {
                label: fields.join(", "),
                value: none.into(),
                not: false,
            };
        }
        _ => (title(bare), values_in_words(bare, value)),
    };
    let label = if not { format!("not {label}") } else { label };
    Chip { label, value, not }
}

fn values_in_words(field: &str, value: &str) -> String {
    let one = Location::list().with(field, value);
    let words: Vec<String> = one
        .values(field)
        .iter()
        .map(|v| brief(&value_title(field, v), 60))
        .collect();
    words.join(" or ")
}

fn when(setting: &Setting, value: &str) -> String {
    match entry::Timestamp::parse(value) {
        Ok(at) => setting.zone.minute(at),
        Err(_) => plain(value),
    }
}

/// The human word of a value of a field, where there is one.
pub fn value_title(field: &str, value: &str) -> String {
    let found = match field {
        "target_type" => TARGET_TYPES
            .iter()
            .find(|(word, _)| *word == value)
            .map(|(_, title)| *title),
        "category" => Category::parse(value).map(category_title),
        "result" => match value {
            "success" => Some("Success"),
            "failure" => Some("Failure"),
            _ => None,
        },
        "actor_type" => match value {
            "user" => Some("User"),
            "system" => Some("System"),
            "service_account" => Some("Service account"),
            "agent" => Some("Agent"),
            "anonymous" => Some("Anonymous"),
            _ => None,
        },
        _ => None,
    };
    found.map_or_else(|| value.to_owned(), Into::into)
}
