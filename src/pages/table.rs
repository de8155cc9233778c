//! The list itself: which columns, and a row for each entry.

use super::details::{ACTOR_NAMES, TARGET_NAMES, purpose};
use super::erasure::{cell as text, is_withheld, mark};
use super::list::Listing;
use super::location::Location;
use super::moment;
use super::setting::{Setting, icon};
use super::toolbar::value_title;
use super::visible::{Listed, brief};
use entry::catalogue::category_title;
use entry::{Entry, Result};
use maud::{Markup, html};

/// What a row can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Timestamp,
    Actor,
    Email,
    Action,
    Target,
    TargetType,
    Scope,
    RequestId,
    Ip,
    Result,
    Received,
    Source,
}

impl Column {
    pub const ALL: &'static [Column] = &[
        Column::Timestamp,
        Column::Actor,
        Column::Email,
        Column::Action,
        Column::Target,
        Column::TargetType,
        Column::Scope,
        Column::RequestId,
        Column::Ip,
        Column::Result,
        Column::Received,
        Column::Source,
    ];

    const DEFAULT: &'static [Column] = Column::ALL.split_at(10).0;

    pub fn name(self) -> &'static str {
        match self {
            Column::Timestamp => "timestamp",
            Column::Actor => "actor",
            Column::Email => "email",
            Column::Action => "action",
            Column::Target => "target",
            Column::TargetType => "target_type",
            Column::Scope => "scope",
            Column::RequestId => "request_id",
            Column::Ip => "ip",
            Column::Result => "result",
            Column::Received => "received_at",
            Column::Source => "source",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Column::Timestamp => "Timestamp",
            Column::Actor => "Actor",
            Column::Email => "Email",
            Column::Action => "Action",
            Column::Target => "Target",
            Column::TargetType => "Target Type",
            Column::Scope => "Scope",
            Column::RequestId => "Request ID",
            Column::Ip => "IP Address",
            Column::Result => "Result",
            Column::Received => "Received",
            Column::Source => "Source",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Column::Timestamp => "c-timestamp",
            Column::Actor => "c-actor",
            Column::Email => "c-email",
            Column::Action => "c-action",
            Column::Target => "c-target",
            Column::TargetType => "c-type",
            Column::Scope => "c-scope",
            Column::RequestId => "c-request",
            Column::Ip => "c-ip",
            Column::Result => "c-result",
            Column::Received => "c-received",
            Column::Source => "c-source",
        }
    }

    /// The column whose cell this one shares, under it.
    fn host(self) -> Option<Column> {
        match self {
            Column::Email => Some(Column::Actor),
            Column::TargetType => Some(Column::Target),
            Column::Ip => Some(Column::RequestId),
            _ => None,
        }
    }
}

/// Which columns a page shows, and whether some share a cell.
pub struct Shape {
    chosen: Vec<Column>,
    pub joined: bool,
}

impl Shape {
    pub fn of(here: &Location) -> Self {
        let named = here.values("columns");
        let mut chosen: Vec<Column> = Column::ALL
            .iter()
            .copied()
            .filter(|c| named.iter().any(|n| n == c.name()))
            .collect();
        if chosen.is_empty() {
            chosen = Column::DEFAULT.to_vec();
        }
        Self {
            chosen,
            joined: here.get("joined") != Some("no"),
        }
    }

    pub fn shows(&self, column: Column) -> bool {
        self.chosen.contains(&column)
    }

    /// The columns that have a cell of their own.
    fn cells(&self) -> Vec<Column> {
        let own = |c: &Column| !self.joined || c.host().is_none_or(|host| !self.shows(host));
        self.chosen.iter().copied().filter(own).collect()
    }

    /// The column under this one in its cell.
    fn under(&self, column: Column) -> Option<Column> {
        let guest = |c: &Column| self.joined && c.host() == Some(column);
        self.chosen.iter().copied().find(guest)
    }
}

pub fn table(setting: &Setting, listing: &Listing) -> Markup {
    let shape = Shape::of(&setting.here);
    let cells = shape.cells();
    html! {
        div.sheet.apart[!shape.joined] {
            table.entries {
                caption.unseen { "Audit log entries" }
                thead {
                    tr { @for column in &cells { th scope="col" class=(column.class()) { (heading(setting, &shape, *column)) } } }
                }
                tbody #rows {
                    @for entry in &listing.entries {
                        @let id = entry.id.to_string();
                        tr id=(row_id(entry)) data-id=(id)
                            .selected[setting.here.get("selected") == Some(&id)]
                            .failed[entry.result == Result::Failure] {
                            @for column in &cells {
                                td class=(column.class()) {
                                    (cell(setting, entry, *column, true))
                                    @if let Some(under) = shape.under(*column).filter(|under| !repeats(entry, *under)) {
                                        div.sub { (cell(setting, entry, under, false)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn heading(setting: &Setting, shape: &Shape, column: Column) -> Markup {
    let here = &setting.here;
    let by_time = here.get("order") != Some("received");
    let ascending = here.get("direction") == Some("asc");
    let sorted =
        (column == Column::Timestamp && by_time) || (column == Column::Received && !by_time);
    let title = match shape.under(column) {
        Some(Column::TargetType) => "Target · Type".into(),
        Some(Column::Ip) => "Request ID · IP".into(),
        _ => column.title().to_owned(),
    };
    html! {
        @if sorted {
            @let turned = if ascending { here.without("direction") } else { here.with("direction", "asc") };
            a href=(turned.without("cursor").href()) title=(if ascending { "Newest first" } else { "Oldest first" }) {
                (title) " " (icon(if ascending { "up" } else { "down" }))
            }
        } @else { (title) }
    }
}

/// Where a click on a row leads: the same list with this entry beside it.
fn open_href(here: &Location, entry: &Entry) -> String {
    format!(
        "{}#{}",
        here.with("selected", &entry.id.to_string()).href(),
        row_id(entry)
    )
}

/// Unique on the page: an id may occur once in each organization's log.
fn row_id(entry: &Entry) -> String {
    format!("e-{}-{}", entry.scope.organization, entry.seq.0)
}

fn cell(setting: &Setting, entry: &Entry, column: Column, first: bool) -> Markup {
    let party = &entry.actor.party;
    match column {
        Column::Timestamp => html! {
            a href=(open_href(&setting.here, entry)) title=(setting.zone.full(entry.timestamp)) {
                (moment::cell(&setting.zone, entry.timestamp))
            }
            @if entry.clock_ahead() { span.badge.warn title="The caller's clock was more than 5 minutes ahead of the log's" { "clock ahead" } }
        },
        Column::Received => moment::cell(&setting.zone, entry.received_at),
        Column::Actor => html! {
            span.strong title=(actor_hint(entry)) { (text(entry, ACTOR_NAMES, party.shown())) }
        },
        Column::Email if first || is_withheld(entry, "/actor/email") => {
            text(entry, &["/actor/email"], party.email.as_deref())
        }
        // Under a name that is the address already, the kind says more.
        Column::Email => {
            let email = party.email.as_deref().filter(|_| party.email != party.name);
            text(entry, &[], email.or(Some(kind_word(entry))))
        }
        Column::Action => html! {
            span.strong title=(action_title(setting, entry)) { (Listed(&entry.action)) }
            div.sub {
                (category_title(entry.category))
                @if let Some(purpose) = purpose(entry) { " · Purpose " (Listed(&purpose)) }
            }
        },
        Column::Target => {
            html! { span.strong title=(target_hint(entry)) { (text(entry, TARGET_NAMES, target_name(entry))) } }
        }
        Column::TargetType => {
            let kind = entry.target.as_ref().and_then(|t| t.kind.as_deref());
            text(
                entry,
                &[],
                kind.map(|k| value_title("target_type", k)).as_deref(),
            )
        }
        Column::Scope => html! {
            span { (Listed(entry.scope.project.as_deref().unwrap_or(entry.scope.organization.as_str()))) }
            div.sub { @if entry.scope.project.is_some() { (entry.scope.organization) } @else { "organization" } }
        },
        Column::RequestId => {
            html! { code title=[entry.request.id.as_deref().map(|id| brief(id, 120))] { (text(entry, &[], entry.request.id.as_deref())) } }
        }
        Column::Ip => {
            html! { code { (text(entry, &["/request/ip"], entry.request.ip.as_deref())) } }
        }
        Column::Result => html! {
            (result(entry.result))
            @if let Some(error) = &entry.error { div.sub.error title=(error_hint(error)) { (why(entry, error)) } }
        },
        Column::Source => text(entry, &[], entry.source.as_ref().map(|s| &*s.name)),
    }
}

/// True if a cell under another would only say "none" a second time.
fn repeats(entry: &Entry, under: Column) -> bool {
    under == Column::TargetType && entry.target.is_none()
}

/// Why it failed, in a word: code or message.
pub fn why(entry: &Entry, error: &entry::Error) -> Markup {
    match error.code.as_deref().or(error.message.as_deref()) {
        Some(reason) => html! { (Listed(reason)) },
        None if is_withheld(entry, "/error/message") => mark(entry, "/error/message"),
        None => html! { "no reason given" },
    }
}

pub fn result(result: Result) -> Markup {
    let title = if result == Result::Success {
        "Success"
    } else {
        "Failure"
    };
    html! { span class={ "result " (result) } { span.word { (title) } } }
}

pub fn target_name(entry: &Entry) -> Option<&str> {
    entry.target.as_ref()?.shown()
}

fn kind_word(entry: &Entry) -> &'static str {
    match entry.actor.party.kind {
        entry::ActorKind::User => "user",
        entry::ActorKind::System => "system",
        entry::ActorKind::ServiceAccount => "service account",
        entry::ActorKind::Agent => "agent",
        entry::ActorKind::Anonymous => "anonymous",
    }
}

fn action_title(setting: &Setting, entry: &Entry) -> String {
    setting.catalogue.get(&entry.action).map_or_else(
        || brief(&entry.action, 120),
        |action| action.title.to_string(),
    )
}

fn actor_hint(entry: &Entry) -> String {
    let party = &entry.actor.party;
    let parts = [
        party.name.as_deref(),
        party.email.as_deref(),
        party.id.as_deref(),
    ];
    parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .map(|part| brief(part, 120))
        .collect::<Vec<_>>()
        .join(" · ")
}

fn target_hint(entry: &Entry) -> String {
    let Some(target) = &entry.target else {
        return "no target".into();
    };
    let parts = [target.name.as_deref(), target.id.as_deref()];
    parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .map(|part| brief(part, 120))
        .collect::<Vec<_>>()
        .join(" · ")
}

fn error_hint(error: &entry::Error) -> String {
    let parts = [error.code.as_deref(), error.message.as_deref()];
    parts
        .into_iter()
        .flatten()
        .map(|part| brief(part, 300))
        .collect::<Vec<_>>()
        .join(" · ")
}
