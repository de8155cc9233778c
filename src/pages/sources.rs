//! `/sources` and `/connect`: what other systems send, how each of them is, and how they are pointed here.
//!
//! What `/v1/sources` says, by the same functions. In reading order:
//! - this file: every source in a line
//! - [`one`]: one source, and what of it no mapping took
//! - [`connect`]: configuration to copy, with this server's address and a token made on the spot

mod connect;
mod one;

use super::access::{Visit, head, words};
use super::layout;
use super::location::{Location, segment};
use super::setting::icon;
use super::states;
use super::visible::{Shown, count};
use crate::access::Permission;
use crate::api::sources::listing::{self, Source, entries_of};
use crate::app::App;
use crate::problem::Problem;
use crate::reading::Reading;
use crate::watching;
use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use entry::Timestamp;
use maud::{Markup, html};
use std::sync::Arc;

pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/sources", get(list))
        .route("/sources/{name}", get(one::show))
        .route("/sources/{name}/items/{id}", get(one::item))
        .route("/sources/{name}/replay", post(one::replay))
        .route("/sources/{name}/drop", get(one::goes).post(one::drop_items))
        .route("/connect", get(connect::show).post(connect::make_token))
}

/// A source, and how much it sent in each part of the last hour.
pub struct Line {
    pub source: Source,
    pub bars: Vec<u64>,
}

/// Parts of the last hour that are told apart.
const BARS: i64 = 30;
const PART: i64 = 3_600_000_000 / BARS;

fn lines(app: &App, reading: &Reading) -> Result<Vec<Line>, Problem> {
    let found = listing::sources(app, reading, None)?;
    let line = |source| line(app, reading, source);
    found.into_iter().map(line).collect()
}

fn line(app: &App, reading: &Reading, source: Source) -> Result<Line, Problem> {
    let end = app.now().as_micros();
    let edges = (0..=BARS).map(|n| Timestamp::from_micros(end - (BARS - n) * PART));
    let edges: Option<Vec<_>> = edges.collect();
    let filter = entries_of(&source.organization, &source.name);
    let bars = match &edges {
        Some(edges) if source.last_hour > 0 => reading.histogram(&filter, edges)?,
        _ => Vec::new(),
    };
    let bars = bars.iter().map(|bar| bar.success + bar.failure).collect();
    Ok(Line { source, bars })
}

/// `GET /sources`
pub async fn list(visit: Visit) -> Response {
    let page = async {
        let reading = visit.app.reading(&visit.caller, Permission::Read)?;
        let work = move |app: &Arc<App>| lines(app, &reading);
        Ok(list_page(&visit, visit.app.blocking(work).await?))
    };
    answer(&visit, StatusCode::OK, "Sources", page.await)
}

fn answer(
    visit: &Visit,
    status: StatusCode,
    title: &str,
    content: Result<Markup, Problem>,
) -> Response {
    match content {
        Ok(content) => {
            let page = frame(visit, title, content);
            super::html(&visit.headers, status, page)
        }
        Err(problem) => {
            let page = states::page(&visit.setting, &problem);
            super::html(&visit.headers, problem.kind.status(), page)
        }
    }
}

fn frame(visit: &Visit, title: &str, content: Markup) -> Markup {
    let content = html! {
        link rel="stylesheet" href=(super::assets::url("access.css"));
        link rel="stylesheet" href=(super::assets::url("sources.css"));
        main.page.access.sources #main { (content) }
    };
    layout::page(
        &visit.setting,
        &super::visible::plain(title),
        "Sources",
        content,
    )
}

fn list_page(visit: &Visit, mut lines: Vec<Line>) -> Markup {
    // Who is missed comes first; what the log says of itself last.
    lines.sort_by_key(|line| {
        (
            !line.source.is_silent,
            &*line.source.name == watching::SOURCE,
        )
    });
    let silent = lines.iter().filter(|line| line.source.is_silent).count();
    let waiting: u64 = lines.iter().map(|line| line.source.kept.items).sum();
    let add = html! { a.button.primary href="/connect" { (icon("plus")) "Connect a source" } };
    html! {
        (head("Sources", "What other systems send here, and how each of them is.", add))
        @if lines.is_empty() { (nothing_yet()) } @else {
            @if silent > 0 {
                p.told.silent-told role="status" {
                    (icon("warn"))
                    span { @if silent == 1 { "One source is silent." } @else { (count(silent as u64)) " sources are silent." } " They should have been heard since." }
                }
            }
            div.sheet { div.tablewrap { (table(visit, &lines)) } }
            div.rules {
                p.hint { b { "Silent" } " is a source of which nothing came for longer than ten times its usual interval, for at least 15 minutes, and for longer than in any pause of the week before. What was imported has no interval." }
                p.hint { b { "Lag" } " is between what happened by the source’s clock and its receipt, of the newest entry." }
                @if lines.iter().any(|line| line.source.sequence.is_some()) { p.hint { b { "Missing" } " are numbers that a source gave to entries which are not here: on their way, or lost." } }
                @if waiting > 0 { p.hint { b { "Waiting" } " is what no mapping could read. It is kept as it came, until an update can, or somebody throws it away." } }
            }
        }
    }
}

fn nothing_yet() -> Markup {
    html! {
        div.sheet { div.state {
            (icon("source"))
            h1 { "No source yet" }
            p {
                "Programs record by the SDK or by plain HTTP; an API server, a collector or a log shipper that runs already can point here and keep its own format. "
                "Each needs an address and a token, and is listed here with its first entry."
            }
            a.button.primary href="/connect" { (icon("plus")) "Connect a source" }
            p.soft { "From a shell: " code { "mar-audit source kubernetes" } ", or " code { "mar-audit import" } " for files." }
        } }
    }
}

fn table(visit: &Visit, lines: &[Line]) -> Markup {
    let many = lines
        .windows(2)
        .any(|pair| pair[0].source.organization != pair[1].source.organization);
    html! {
        table.rows.of-sources {
            thead { tr {
                th scope="col" { "Source" } th scope="col" { "Last entry" } th scope="col" { "Last hour" } th.num scope="col" { "Entries" }
                th.num scope="col" { "Lag" } th.num scope="col" { "Missing" } th.num scope="col" { "Waiting" } th.num scope="col" { "Refused" }
            } }
            tbody { @for line in lines { (row(visit, line, many)) } }
        }
    }
}

fn row(visit: &Visit, line: &Line, many: bool) -> Markup {
    let source = &line.source;
    let page = page_of(source);
    html! {
        tr.silent[source.is_silent] {
            td data-label="Source" {
                a.name href=(page) { (Shown(&source.name)) }
                @if source.is_silent { " " (silence(visit, source)) }
                @if many { span.sub { (source.organization) } }
            }
            td data-label="Last entry" { (newest(visit, source)) }
            td.hour data-label="Last hour" { span.rate { (count(source.last_hour)) } (spark(&line.bars)) }
            td.num data-label="Entries" { (count(source.entries)) }
            td.num data-label="Lag" { (lag(source)) }
            td.num data-label="Missing" { (missing(source)) }
            td.num data-label="Waiting" {
                @if source.kept.items == 0 { span.soft { "0" } } @else { a.waiting href={ (page) "#quarantine" } { (count(source.kept.items)) } }
            }
            td.num data-label="Refused" { (refused(source)) }
        }
    }
}

fn silence(visit: &Visit, source: &Source) -> Markup {
    let since = source.silent_since().map(|at| {
        let away = visit.app.now().as_micros() - at.as_micros();
        super::moment::span(away)
    });
    html! { span.badge.silent-badge { "silent for " (since.unwrap_or_default()) } }
}

/// When it was heard last by an entry, and the way to its entries.
fn newest(visit: &Visit, source: &Source) -> Markup {
    let Some(newest) = &source.newest else {
        return html! { span.none { "none" } };
    };
    html! {
        a.seen href=(entries(source)) title="All entries of this source" { (words::instant(&visit.setting, visit.app.now(), newest.received_at)) }
    }
}

fn lag(source: &Source) -> Markup {
    match source.lag() {
        None => html! { span.soft { "–" } },
        Some(micros) if micros < 0 => {
            html! { span title="Its clock is ahead of this server’s" { (super::moment::span(micros)) " ahead" } }
        }
        Some(micros) => html! { (super::moment::span(micros)) },
    }
}

/// By the numbers that it gives to its entries.
fn missing(source: &Source) -> Markup {
    let Some(told) = &source.sequence else {
        return html! { span.soft title="It does not number its entries" { "–" } };
    };
    let gaps = format!("{}#numbers", page_of(source));
    html! {
        @if told.missing == 0 && !told.at_least { span.soft { "0" } } @else {
            a.waiting href=(gaps) { @if told.at_least { "≥ " } (count(told.missing)) }
        }
    }
}

fn refused(source: &Source) -> Markup {
    let Some(heard) = source.heard else {
        return html! { span.soft title="Whoever records by the API is answered itself" { "–" } };
    };
    html! {
        @match heard.tally.refused { 0 => span.soft { "0" }, refused => span.bad { (count(refused)) } }
        @if heard.calls_refused > 0 { span.sub { (calls(heard.calls_refused)) } }
    }
}

/// Of calls that were refused as a whole.
fn calls(refused: u64) -> String {
    match refused {
        1 => "1 call".to_owned(),
        n => format!("{} calls", count(n)),
    }
}

/// The list of its entries.
fn entries(source: &Source) -> String {
    let list = Location::list().only("source", &source.name);
    list.only("organization", source.organization.as_str())
        .href()
}

fn page_of(source: &Source) -> String {
    path(&source.name, source.organization.as_str(), "")
}

/// Below the page of a source.
fn path(name: &str, organization: &str, more: &str) -> String {
    let here = Location::new(&format!("/sources/{}{more}", segment(name)), "");
    here.with("organization", organization).href()
}

/// How much came when, within the last hour: a picture of the number beside it.
fn spark(bars: &[u64]) -> Markup {
    let largest = bars.iter().copied().max().unwrap_or(0).max(1);
    // A lone entry among thousands must still be seen.
    let tall = |n: u64| match n {
        0 => 0,
        n => (n * 20 / largest).max(2),
    };
    html! {
        svg.spark viewBox="0 0 120 22" aria-hidden="true" {
            rect.base x="0" y="21" width="120" height="1" {}
            @for (at, n) in bars.iter().enumerate() {
                @if *n > 0 { rect x=(at * 4) width="3" y=(21 - tall(*n)) height=(tall(*n)) {} }
            }
        }
    }
}
