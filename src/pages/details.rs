//! One entry in full: beside the list, or as a page of its own.

use super::erasure::{self, Erasure, is_withheld};
use super::hiding;
use super::location::{Location, segment};
use super::moment;
use super::setting::{Setting, icon};
use super::table::{result, target_name};
use super::toolbar::value_title;
use super::visible::{Listed, Shown, brief, count, is_linkable, plain};
use super::{json, layout, proof};
use entry::catalogue::{Part, category_title};
use entry::field::Field;
use entry::json::Value;
use entry::{Category, Entry, Party, Result, Target};
use maud::{Markup, html};

/// An entry and what belongs to it.
pub struct Details {
    pub entry: Entry,
    /// The newest entries of the same target, this one perhaps among them.
    pub history: Vec<Entry>,
    /// Entries of the same request, this one not among them.
    pub same_request: Vec<Entry>,
    /// The entry above and below in the list, by id.
    pub previous: Option<String>,
    pub next: Option<String>,
    /// Who erased what of it, when and why.
    pub erasures: Vec<Erasure>,
    /// The keys of its log, the newest first.
    pub vkeys: Vec<String>,
}

/// Where details stand: that decides their frame and where their filters lead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Drawer,
    Page,
}

/// Beside the list; a missing entry is said, not hidden.
pub fn drawer(setting: &Setting, details: Option<&Details>) -> Markup {
    html! {
        section.drawer #drawer aria-label="Entry" tabindex="-1" {
            @match details {
                Some(details) => (article(setting, details, Place::Drawer)),
                None => div.details {
                    div.head { strong { "No such entry" } div.end { (close(setting)) } }
                    div.state { p { "There is no entry with this id in the logs you see." } }
                },
            }
        }
    }
}

/// The permalink.
pub fn page(setting: &Setting, details: &Details) -> Markup {
    let title = brief(&title(setting, &details.entry), 80);
    layout::page(
        setting,
        &title,
        "Entry",
        html! { main.page #main { (article(setting, details, Place::Page)) } },
    )
}

pub fn permalink(entry: &Entry) -> String {
    format!("/entries/{}", entry.id)
}

fn article(setting: &Setting, details: &Details, place: Place) -> Markup {
    let base = match place {
        Place::Drawer => setting.here.without("selected"),
        Place::Page => Location::list(),
    };
    let shown = Sections {
        setting,
        base: &base,
        place,
        erasures: &details.erasures,
    };
    let entry = &details.entry;
    html! {
        article.details data-id=(entry.id) {
            (head(setting, details, place))
            (lead(setting, entry, place))
            @if setting.reader.proves(entry) {
                (proof::of_entry(entry, &details.vkeys, setting.reader.is_unmasked, if place == Place::Page { 2 } else { 3 }))
            }
            (hiding::notice(setting, entry))
            (erasure::notice(&setting.zone, entry, &details.erasures))
            div.grid {
                (shown.when(entry))
                (shown.actor(entry))
                (shown.target(entry))
                (shown.scope(entry))
                (shown.request(entry, details))
                (shown.log(entry))
                (shown.changes(entry))
                (shown.context(entry))
                (shown.history(details))
                (raw(&shown, entry))
            }
        }
    }
}

fn head(setting: &Setting, details: &Details, place: Place) -> Markup {
    let open = |id: &str| setting.here.with("selected", id).href();
    let permalink = permalink(&details.entry);
    html! {
        div.head {
            @if place == Place::Drawer {
                @if let Some(id) = &details.previous { a.button.plain href=(open(id)) rel="prev" title="Previous (k)" { (icon("up")) span.unseen { "Previous entry" } } }
                @if let Some(id) = &details.next { a.button.plain href=(open(id)) rel="next" title="Next (j)" { (icon("down")) span.unseen { "Next entry" } } }
            } @else {
                a.button.plain href="/" { (icon("left")) "All entries" }
            }
            div.end {
                button.button.plain type="button" data-copy=(format!("{}{permalink}", setting.origin)) title="Copy the link to this entry" hidden { (icon("share")) span.unseen { "Copy link" } }
                @if place == Place::Drawer {
                    a.button.plain href=(permalink) title="Open as a page" { (icon("link")) span.unseen { "Open as a page" } }
                    (close(setting))
                } @else {
                    a.button.plain href={ "/v1" (permalink) } title="As the API answers it" data-leave { "JSON" }
                }
            }
        }
    }
}

fn close(setting: &Setting) -> Markup {
    html! { a.button.plain href=(setting.here.without("selected").href()) data-close title="Close (Esc)" { (icon("close")) span.unseen { "Close" } } }
}

fn title(setting: &Setting, entry: &Entry) -> String {
    setting.catalogue.get(&entry.action).map_or_else(
        || entry.action.to_string(),
        |action| action.title.to_string(),
    )
}

fn lead(setting: &Setting, entry: &Entry, place: Place) -> Markup {
    let title = title(setting, entry);
    html! {
        div.lead {
            @if place == Place::Page { h1.title { (Listed(&title)) } } @else { h2.title { (Listed(&title)) } }
            p.sentence { (sentence(setting, entry)) }
            div.verdict {
                (result(entry.result))
                code data-at="/action" { (Shown(&entry.action)) }
                span.badge { (category_title(entry.category)) }
                @if let Some(purpose) = purpose(entry) { span.badge.why { "Purpose " (Listed(&purpose)) } }
                @if entry.clock_ahead() { span.badge.warn { "clock ahead" } }
            }
            @if entry.result == Result::Failure {
                div.wrong {
                    @match &entry.error {
                        Some(error) => {
                            @if let Some(code) = &error.code { code { (Shown(code)) } " " }
                            @if let Some(message) = &error.message { (Shown(message)) }
                            @else if is_withheld(entry, "/error/message") { (erasure::mark(entry, "/error/message")) }
                        },
                        None => span.soft { "It failed; no reason was given." },
                    }
                }
            }
        }
    }
}

/// Why somebody read or changed something, in their words, as the log noted it.
pub fn purpose(entry: &Entry) -> Option<String> {
    let context = { entry.context.as_ref() }.filter(|_| entry.category == Category::Audit)?;
    let purpose = context.parse();
    let purpose = purpose.get("purpose").and_then(Value::as_str)?;
    Some(purpose.to_owned())
}

/// What happened, in one sentence. A failure is an attempt: it must not read as done.
pub fn sentence(setting: &Setting, entry: &Entry) -> Markup {
    let actor = erasure::cell(entry, ACTOR_NAMES, entry.actor.party.shown());
    let target = target_name(entry);
    let target_shown = erasure::cell(entry, TARGET_NAMES, target);
    let action = setting.catalogue.get(&entry.action);
    html! {
        @if entry.result == Result::Failure { "Failed attempt: " }
        @match action {
            Some(action) => @for part in action.parts() {
                @match part {
                    Part::Text(words) => (words),
                    Part::Actor => b { (actor) },
                    Part::Target => b { (target_shown) },
                }
            },
            None => {
                b { (actor) } " did " b { (Listed(&entry.action)) }
                @if target.is_some() || is_withheld(entry, "/target/name") { " on " b { (target_shown) } }
            },
        }
        @if let Some(other) = &entry.actor.on_behalf_of {
            ", on behalf of " b { (erasure::cell(entry, &[], other.shown())) }
        }
        @else if is_withheld(entry, "/actor/on_behalf_of") { ", on behalf of " b { (erasure::mark(entry, "/actor/on_behalf_of")) } }
    }
}

/// What an actor may be called by, and what a target.
pub const ACTOR_NAMES: &[&str] = &["/actor/name", "/actor/id", "/actor/email"];
pub const TARGET_NAMES: &[&str] = &["/target/name"];

/// The sections, each value with its ways to the list.
struct Sections<'a> {
    setting: &'a Setting,
    base: &'a Location,
    place: Place,
    erasures: &'a [Erasure],
}

impl Sections<'_> {
    /// One level below the title, which is the page's own or one among others.
    fn heading(&self, words: Markup) -> Markup {
        match self.place {
            Place::Drawer => html! { h3.part { (words) } },
            Place::Page => html! { h2.part { (words) } },
        }
    }

    fn when(&self, entry: &Entry) -> Markup {
        let zone = &self.setting.zone;
        let late = entry.received_at.as_micros() - entry.timestamp.as_micros();
        html! {
            section {
                (self.heading(html! { "Timestamp" }))
                dl.pairs {
                    dt { "Local" } dd { span.v { time datetime=(entry.timestamp) data-local[zone.is_utc()] { (zone.full(entry.timestamp)) } } }
                    dt { "UTC" } dd { code.v data-at="/timestamp" { bdi { (entry.timestamp) } } }
                    dt { "Received" }
                    dd { span.v {
                        code data-at="/received_at" { bdi { (entry.received_at) } } " "
                        span.soft { (moment::span(late)) @if late >= 0 { " later" } @else { " earlier" } }
                    } }
                    @if entry.clock_ahead() {
                        dt { "Clock" } dd { span.v { span.badge.warn { "ahead" } " The caller's clock was more than 5 minutes ahead of the log's." } }
                    }
                }
            }
        }
    }

    fn actor(&self, entry: &Entry) -> Markup {
        html! {
            section {
                (self.heading(html! { "Actor" }))
                dl.pairs {
                    (self.party(entry, &entry.actor.party, "/actor"))
                    @if let Some(other) = &entry.actor.on_behalf_of {
                        div.sep { "On behalf of" }
                        (self.party(entry, other, "/actor/on_behalf_of"))
                    } @else if is_withheld(entry, "/actor/on_behalf_of") {
                        dt { "On behalf of" } dd { span.v { (self.withheld(entry, "/actor/on_behalf_of")) } }
                    }
                }
            }
        }
    }

    fn party(&self, entry: &Entry, party: &Party, at: &str) -> Markup {
        let kind = value_title("actor_type", party.kind.as_str());
        let filters = at == "/actor";
        let pair = |label, name: &str, value: &Option<Box<str>>, field| {
            let field = Some(field).filter(|_| filters);
            self.pair(
                entry,
                label,
                &format!("{at}/{name}"),
                value.as_deref(),
                field,
            )
        };
        html! {
            (pair("Name", "name", &party.name, Field::Actor))
            (pair("Email", "email", &party.email, Field::Email))
            (pair("ID", "id", &party.id, Field::Actor))
            dt { "Type" } dd { span.v { (kind) } @if filters { (self.acts(Field::ActorType, party.kind.as_str())) } }
        }
    }

    fn target(&self, entry: &Entry) -> Markup {
        html! {
            section {
                (self.heading(html! {
                    "Target"
                    @if let Some(href) = entry.target.as_ref().and_then(history_href) { a href=(href) { "Full history" } }
                }))
                @match &entry.target {
                    Some(target) => dl.pairs { (self.target_pairs(entry, target, "/target")) },
                    None => p.none { "none" },
                }
                @for (i, related) in entry.related.iter().enumerate() {
                    dl.pairs {
                        div.sep { "Related" @if entry.related.len() > 1 { " " (i + 1) } }
                        (self.target_pairs(entry, related, &format!("/related/{i}")))
                    }
                }
                @if is_withheld(entry, "/related") {
                    dl.pairs { dt { "Related" } dd { span.v { (self.withheld(entry, "/related")) } } }
                }
            }
        }
    }

    fn target_pairs(&self, entry: &Entry, target: &Target, at: &str) -> Markup {
        let kind = target
            .kind
            .as_deref()
            .map(|kind| value_title("target_type", kind));
        let by = Some(Field::Target);
        html! {
            (self.pair(entry, "Name", &format!("{at}/name"), target.name.as_deref(), by))
            (self.pair(entry, "ID", &format!("{at}/id"), target.id.as_deref(), by))
            dt { "Type" }
            dd { span.v { (whole(kind.as_deref())) } @if let Some(kind) = &target.kind { (self.acts(Field::TargetType, kind)) } }
        }
    }

    fn scope(&self, entry: &Entry) -> Markup {
        html! {
            section {
                (self.heading(html! { "Scope" }))
                dl.pairs {
                    (self.pair(entry, "Organization", "/scope/organization", Some(entry.scope.organization.as_str()), Some(Field::Organization)))
                    (self.pair(entry, "Project", "/scope/project", entry.scope.project.as_deref(), Some(Field::Project)))
                }
            }
        }
    }

    fn request(&self, entry: &Entry, details: &Details) -> Markup {
        let request = &entry.request;
        html! {
            section {
                (self.heading(html! { "Request" }))
                dl.pairs {
                    (self.pair(entry, "Request ID", "/request/id", request.id.as_deref(), Some(Field::RequestId)))
                    (self.pair(entry, "IP address", "/request/ip", request.ip.as_deref(), Some(Field::Ip)))
                    (self.pair(entry, "User agent", "/request/user_agent", request.user_agent.as_deref(), None))
                    (self.pair(entry, "Method", "/request/method", request.method.as_deref(), None))
                    (self.pair(entry, "Path", "/request/path", request.path.as_deref(), None))
                    (self.pair(entry, "Trace ID", "/request/trace_id", request.trace_id.as_deref(), None))
                    (self.pair(entry, "Session ID", "/request/session_id", request.session_id.as_deref(), None))
                }
                @if !details.same_request.is_empty() {
                    dl.pairs { div.sep { "Also caused by this request" } }
                    (self.brief(&details.same_request, &entry.id.to_string()))
                }
            }
        }
    }

    fn log(&self, entry: &Entry) -> Markup {
        let source = entry.source.as_ref();
        let sequence = source.and_then(|s| s.sequence).map(|n| n.to_string());
        html! {
            section {
                (self.heading(html! { "Log" }))
                dl.pairs {
                    (self.pair(entry, "Entry ID", "/id", Some(&entry.id.to_string()), None))
                    dt { "Seq" } dd { span.v data-at="/seq" { bdi { (entry.seq.0) } } }
                    (self.pair(entry, "Source", "/source/name", source.map(|s| &*s.name), Some(Field::Source)))
                    @if source.is_some() {
                        (self.pair(entry, "Event ID", "/source/event_id", source.and_then(|s| s.event_id.as_deref()), None))
                        (self.pair(entry, "Sequence", "/source/sequence", sequence.as_deref(), None))
                    }
                }
            }
        }
    }

    fn history(&self, details: &Details) -> Markup {
        let target = details.entry.target.as_ref();
        let href = target.and_then(history_href);
        html! {
            @if details.history.len() > 1 {
                section.wide {
                    (self.heading(html! { "History of this target" @if let Some(href) = href { a href=(href) { "All of it" } } }))
                    (self.brief(&details.history, &details.entry.id.to_string()))
                }
            }
        }
    }

    fn brief(&self, entries: &[Entry], current: &str) -> Markup {
        html! {
            div.brief {
                @for entry in entries {
                    @let id = entry.id.to_string();
                    a href=(permalink(entry)) aria-current=[(id == current).then_some("true")] {
                        time.soft datetime=(entry.timestamp) { (self.setting.zone.format(entry.timestamp, "%-d %b %Y %H:%M:%S")) }
                        span.w { (Listed(&entry.action)) span.soft { " · " (erasure::cell(entry, ACTOR_NAMES, entry.actor.party.shown())) } }
                        (result(entry.result))
                    }
                }
            }
        }
    }

    /// A member and its value; `at` is its RFC 6901 pointer, by which the proof's panel finds what is shown of it.
    fn pair(
        &self,
        entry: &Entry,
        label: &str,
        at: &str,
        value: Option<&str>,
        field: Option<Field>,
    ) -> Markup {
        html! {
            dt { (label) }
            dd {
                span.v data-at=(at) {
                    @if value.is_none() && is_withheld(entry, at) { (self.withheld(entry, at)) } @else { (whole(value)) }
                }
                @if let (Some(value), Some(field)) = (value, field) { (self.acts(field, value)) }
            }
        }
    }

    fn withheld(&self, entry: &Entry, path: &str) -> Markup {
        erasure::link(entry, self.erasures, path)
    }

    fn changes(&self, entry: &Entry) -> Markup {
        let withheld = is_withheld(entry, "/changes");
        html! {
            @if entry.changes.is_some() || withheld {
                section.wide {
                    (self.heading(html! { "Changes" }))
                    @if let Some(changes) = &entry.changes { (json::changes(changes)) }
                    @if withheld { p { (self.withheld(entry, "/changes")) } }
                }
            }
        }
    }

    fn context(&self, entry: &Entry) -> Markup {
        let whole = is_withheld(entry, "/context");
        let keys: Vec<_> = erasure::context_keys(entry).collect();
        html! {
            @if entry.context.is_some() || whole || !keys.is_empty() {
                section.wide {
                    (self.heading(html! { "Additional context" }))
                    @if let Some(context) = &entry.context { (json::tree(self.base, context)) }
                    @if !keys.is_empty() {
                        ul.tree { @for (path, key) in &keys { li { span.k { (Shown(key)) ": " } (self.withheld(entry, path)) } } }
                    }
                    @if whole { p { (self.withheld(entry, "/context")) } }
                }
            }
        }
    }

    fn acts(&self, field: Field, value: &str) -> Markup {
        let name = field.name();
        let keep = self.base.only(name, value);
        let leave = self.base.and(&format!("-{name}"), value);
        if !is_linkable(value) {
            return html! {};
        }
        let words = format!("{} {}", field.title(), plain(value));
        html! {
            span.acts {
                a href=(keep.href()) title="Only this" { (icon("plus")) span.unseen { "Only " (words) } }
                a href=(leave.href()) title="Without this" { (icon("minus")) span.unseen { "Without " (words) } }
            }
        }
    }
}

/// A value whole, or the visible absence of one.
fn whole(value: Option<&str>) -> Markup {
    match value {
        Some(value) => html! { (Shown(value)) },
        None => html! { span.none { "none" } },
    }
}

/// Where a target's history is, if it has both a type and a name for its address.
pub fn history_href(target: &Target) -> Option<String> {
    let kind = target.kind.as_deref().filter(|kind| is_linkable(kind))?;
    let key = target
        .id
        .as_deref()
        .or(target.name.as_deref())
        .filter(|key| is_linkable(key))?;
    Some(format!("/targets/{}/{}", segment(kind), segment(key)))
}

/// The largest entry, in bytes, whose JSON is shown beside the list, where one goes from entry to entry.
const RAW_BESIDE_MAX: usize = 256 * 1024;

fn raw(sections: &Sections<'_>, entry: &Entry) -> Markup {
    let mut wire = Vec::new();
    entry.write_wire(&mut wire);
    if sections.place == Place::Drawer && wire.len() > RAW_BESIDE_MAX {
        return html! {
            section.wide {
                (sections.heading(html! { "Raw JSON" }))
                p.soft { "It is " (count(wire.len() as u64 / 1024)) " KiB; " a href=(permalink(entry)) { "the page of the entry" } " shows it whole." }
            }
        };
    }
    let wire = String::from_utf8(wire).expect("an entry is UTF-8");
    let text = json::indented(&entry::Json::from_canonical(wire.into()).parse());
    html! {
        section.wide {
            details.fold data-key="raw" {
                summary { (sections.heading(html! { "Raw JSON" })) }
                pre.raw tabindex="0" aria-label="Raw JSON" { code { (text) } }
                button.button type="button" data-copy-raw hidden { (icon("copy")) "Copy" }
            }
        }
    }
}
