//! One source: how it is since the start, and what of it no mapping took: to look at, to map again, to throw away.

use super::{Line, answer, calls, entries, lag, line, path, silence, spark};
use crate::access::Permission;
use crate::api::sources::listing::{self, Source};
use crate::api::sources::quarantine::{self, must_see, nothing, of_managed};
use crate::app::App;
use crate::intake::sequences::Told;
use crate::intake::shelf::{Item, Number, Sender};
use crate::intake::tally::Tally;
use crate::pages::access::{Question, Visit, back, head, words};
use crate::pages::form::Form;
use crate::pages::location::Location;
use crate::pages::setting::icon;
use crate::pages::visible::{Shown, count, plain, plain_part};
use crate::problem::{Kind, Problem};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use entry::Organization;
use maud::{Markup, html};
use std::sync::Arc;

/// Items of one page.
const ITEMS: usize = 20;
/// Characters of an item that a list shows; it has a page of its own that shows it whole.
const CUT: usize = 600;

/// A source with what is kept of it, as far as the caller manages that.
struct One {
    line: Line,
    kept: Option<Kept>,
}

struct Kept {
    /// None to who does not see all that could become of them: they are shown as they came.
    items: Option<Vec<(Number, Item)>>,
    is_last: bool,
}

/// The organization that is meant: the one named, else the caller's.
fn organization(visit: &Visit, named: Option<&str>) -> Result<Organization, Problem> {
    let home = visit.caller.principal.organization();
    let otherwise = home.unwrap_or(&visit.app.settings.default_organization);
    match named {
        None => Ok(otherwise.clone()),
        Some(named) => Organization::parse(named).ok_or_else(missing),
    }
}

fn missing() -> Problem {
    Kind::NotFound.detail("There is no such source among those you see.")
}

/// `GET /sources/{name}`, of the `organization` that it names.
pub async fn show(visit: Visit, Path(name): Path<String>) -> Response {
    let page = load(&visit, &name).await;
    let page = page.map(|one| page_of(&visit, &one));
    answer(&visit, StatusCode::OK, &name, page)
}

async fn load(visit: &Visit, name: &str) -> Result<One, Problem> {
    let here = &visit.setting.here;
    let organization = organization(visit, here.get("organization"))?;
    let reading = visit.app.reading(&visit.caller, Permission::Read)?;
    if !reading.covers(&organization) {
        return Err(missing());
    }
    let after = here.get("after").and_then(Number::parse);
    let sender = of_managed(&visit.caller, organization.clone(), name).ok();
    let sees = must_see(&visit.app, &visit.caller, &organization).is_ok();
    let (name, of) = (name.to_owned(), sender.clone());
    let work = move |app: &Arc<App>| {
        let source = listing::source(app, &reading, &organization, &name)?;
        let line = line(app, &reading, source.ok_or_else(missing)?)?;
        let kept = match &of {
            None => None,
            Some(_) if !sees => Some(Kept {
                items: None,
                is_last: true,
            }),
            Some(of) => Some(kept(app, of, after)?),
        };
        Ok(One { line, kept })
    };
    let one = visit.app.blocking(work).await?;
    let items = one.kept.as_ref().and_then(|kept| kept.items.as_ref());
    if let (Some(sender), Some(items)) = (sender, items) {
        let numbers: Vec<Number> = items.iter().map(|(number, _)| *number).collect();
        let (app, caller) = (&visit.app, &visit.caller);
        app.note_quarantine(caller, &sender, &numbers).await;
    }
    Ok(one)
}

fn kept(app: &App, sender: &Sender, after: Option<Number>) -> Result<Kept, Problem> {
    let mut items = app.intake.quarantine.items(sender, after, ITEMS + 1)?;
    let is_last = items.len() <= ITEMS;
    items.truncate(ITEMS);
    let items = Some(items);
    Ok(Kept { items, is_last })
}

fn page_of(visit: &Visit, one: &One) -> Markup {
    let source = &one.line.source;
    let acts = html! {
        a.button href=(entries(source)) { (icon("history")) "Its entries" }
        a.button href=(connect(source)) { (icon("source")) "Set up a sender" }
    };
    html! {
        (back("/sources", "Sources"))
        (head(&plain(&source.name), &format!("of {}", source.organization), acts))
        (told(visit))
        @if source.is_silent {
            p.told.silent-told role="status" { (icon("warn")) span { (silence(visit, source)) " " (since(visit, source)) ": it should have been heard since." } }
        }
        section.sheet.part { h2 { "How it is" } (facts(visit, &one.line)) }
        @if let Some(told) = &source.sequence { section.sheet.part #numbers { h2 { "Its numbers" } (numbers(told)) } }
        @if let Some(heard) = &source.heard {
            section.sheet.part { h2 { "What it sent since this server started" } (sum(&heard.tally))
                @if heard.calls_refused > 0 {
                    p.soft { (calls(heard.calls_refused)) " refused as a whole: too large, no such format, or too much at once. What they held is with their sender, and may not be counted above." }
                }
            }
        }
        @if let Some(kept) = &one.kept { (quarantine(visit, source, kept)) }
    }
}

fn connect(source: &Source) -> String {
    let here = Location::new("/connect", "").with("name", &source.name);
    here.with("organization", source.organization.as_str())
        .href()
}

fn since(visit: &Visit, source: &Source) -> String {
    let at = source.silent_since();
    let at = at.map(|at| visit.setting.zone.minute(at));
    format!("since {}", at.unwrap_or_default())
}

/// What came of the form that led here: numbers only, so nobody can make it say anything else.
fn told(visit: &Visit) -> Markup {
    let number = |name: &str| -> Option<u64> { visit.setting.here.get(name)?.parse().ok() };
    html! {
        @if let Some(dropped) = number("dropped") {
            p.told.good role="status" { (count(dropped)) @if dropped == 1 { " item is" } @else { " items are" } " thrown away." }
        }
        @if let (Some(taken), Some(stay)) = (number("taken"), number("stay")) {
            p.told.good[taken > 0] role="status" {
                @if taken > 0 { (count(taken)) @if taken == 1 { " item was" } @else { " items were" } " mapped and left here. " }
                @if stay > 0 { (count(stay)) @if stay == 1 { " stays" } @else { " stay" } ": this release cannot read " @if stay == 1 { "it" } @else { "them" } " yet." }
            }
        }
    }
}

fn facts(visit: &Visit, line: &Line) -> Markup {
    let (source, now) = (&line.source, visit.app.now());
    html! {
        dl.facts {
            div { dt { "Newest entry" } dd {
                @match &source.newest {
                    Some(newest) => (words::instant(&visit.setting, now, newest.received_at)),
                    None => span.none { "none" },
                }
            } }
            div { dt { "Last heard" } dd {
                @match source.last() { Some(at) => (words::instant(&visit.setting, now, at)), None => span.none { "never" } }
            } }
            div { dt { "Lag of it" } dd { (lag(source)) } }
            div { dt { "Entries" } dd { a href=(entries(source)) { (count(source.entries)) } } }
            div.wide { dt { "In the last hour" } dd.hour { span.rate { (count(source.last_hour)) } (spark(&line.bars)) } }
        }
    }
}

/// What is here of what it numbered, and what is not.
fn numbers(told: &Told) -> Markup {
    let shown: u64 = told.gaps.iter().map(|(first, last)| last - first + 1).sum();
    html! {
        p {
            "It numbers its entries: " (count(told.first)) " to " (count(told.last))
            @if told.at_least { ", of which at least " b.bad { (count(told.missing)) } " are missing: there are more gaps than are remembered." }
            @else if told.missing > 0 { ", of which " b.bad { (count(told.missing)) } @if told.missing == 1 { " is missing." } @else { " are missing." } }
            @else { ", and none is missing." }
            @if told.first > 1 { " What it recorded before the first of them, here or elsewhere, is not known." }
        }
        @if !told.gaps.is_empty() {
            ul.chips-list aria-label="Missing numbers" {
                @for (first, last) in &told.gaps { li { code { @if first == last { (count(*first)) } @else { (count(*first)) " – " (count(*last)) } } } }
                @if told.missing > shown { li { "and " (count(told.missing - shown)) " more" } }
            }
            p.soft { "They are on their way, or lost. A program that uses the SDK records " code { "dropEntries" } " with the numbers of what it could not keep." }
        }
    }
}

/// `sent` is the sum of the others, which is the point of it.
fn sum(tally: &Tally) -> Markup {
    let parts = [
        ("stored", tally.stored, "entries, on stable storage"),
        (
            "duplicates",
            tally.duplicates,
            "sent again, and stored before",
        ),
        (
            "skipped",
            tally.skipped,
            "no entries of their own by the rules of the format, such as the start of a request",
        ),
        (
            "quarantined",
            tally.quarantined,
            "kept as they came: no mapping reads them",
        ),
        (
            "refused",
            tally.refused,
            "answered with an error, so the sender has them",
        ),
    ];
    let share = |n: u64| n as f64 * 100.0 / tally.sent.max(1) as f64;
    html! {
        div.sum {
            div.sum-bar aria-hidden="true" {
                svg { @for (at, (name, n, _)) in parts.iter().enumerate() {
                    @let before: u64 = parts[..at].iter().map(|(_, n, _)| n).sum();
                    @if *n > 0 { rect class=(name) x=(format!("{:.2}%", share(before))) width=(format!("{:.2}%", share(*n))) y="0" height="100%" {} }
                } }
            }
            dl {
                div.all { dt { "sent" } dd { (count(tally.sent)) } }
                @for (name, n, says) in &parts {
                    div class=(name) title=(says) { dt { i aria-hidden="true" {} (name) } dd { (count(*n)) } }
                }
            }
        }
    }
}

fn quarantine(visit: &Visit, source: &Source, kept: &Kept) -> Markup {
    let (name, organization) = (&*source.name, source.organization.as_str());
    let all = source.kept.items;
    html! {
        section.sheet.part #quarantine {
            div.part-head {
                h2 { "Waiting for a mapping" @if all > 0 { " " span.soft { (count(all)) ", " (bytes(source.kept.bytes)) } } }
                @if all > 0 { div.acts-row { (buttons(name, organization, None)) } }
            }
            @if all == 0 {
                p.none-here { "Nothing. What this source sends and no mapping reads would be kept here as it came, without what looks like a secret." }
            } @else if let Some(items) = &kept.items {
                p.soft { "Kept as it came, without what looks like a secret. After an update, map it again; what becomes an entry then leaves this list." }
                ol.items { @for (number, item) in items { (item_of(visit, source, *number, item)) } }
                (pager(visit, items, kept.is_last))
            } @else {
                p.none-here { "What was sent is shown as it came, so it takes " code { "entries:read" } " for all of the organization, with nothing hidden." }
            }
        }
    }
}

fn pager(visit: &Visit, items: &[(Number, Item)], is_last: bool) -> Markup {
    let here = &visit.setting.here;
    if is_last && here.get("after").is_none() {
        return html! {};
    }
    html! {
        nav.pager aria-label="Pages" {
            @if here.get("after").is_some() { a.button rel="first" href={ (here.without("after").href()) "#quarantine" } { (icon("left")) "From the oldest" } }
            @if let (Some((last, _)), false) = (items.last(), is_last) {
                a.button rel="next" href={ (here.with("after", &last.to_string()).href()) "#quarantine" } { "Next" (icon("right")) }
            }
        }
    }
}

/// Map again at once; throw away after a question.
fn buttons(name: &str, organization: &str, number: Option<Number>) -> Markup {
    let number = number.map(|number| number.to_string());
    html! {
        form method="post" action=(path(name, organization, "/replay")) {
            input type="hidden" name="organization" value=(organization);
            @if let Some(number) = &number { input type="hidden" name="item" value=(number); }
            button.button.small { @if number.is_some() { "Map again" } @else { "Map all again" } }
        }
        a.button.small href=(goes_path(name, organization, number.as_deref())) { @if number.is_some() { "Throw away…" } @else { "Throw all away…" } }
    }
}

fn goes_path(name: &str, organization: &str, number: Option<&str>) -> String {
    let path = path(name, organization, "/drop");
    match number {
        Some(number) => format!("{path}&item={number}"),
        None => path,
    }
}

fn item_of(visit: &Visit, source: &Source, number: Number, item: &Item) -> Markup {
    let (text, is_text) = text_of(item);
    let cut = text.char_indices().nth(CUT).map(|(at, _)| &text[..at]);
    let (name, organization) = (&*source.name, source.organization.as_str());
    let whole = path(name, organization, &format!("/items/{number}"));
    html! {
        li.item id={ "item-" (number) } {
            div.item-head {
                p.why { (Shown(&item.reason)) }
                div.acts-row { (buttons(name, organization, Some(number))) }
            }
            p.soft.about { (about(visit, item)) }
            pre.raw tabindex="0" aria-label="What was sent" { code { (lines_of(cut.unwrap_or(&text))) @if cut.is_some() { "…" } } }
            p { a href=(whole) { @if cut.is_some() { "Show all " (bytes(item.raw.len() as u64)) } @else { "Show it laid out" } } }
            @if !is_text { (no_text()) }
        }
    }
}

fn about(visit: &Visit, item: &Item) -> Markup {
    let at = item.received_at;
    html! {
        "read as " code { (item.format) } " · " time datetime=(at) { (visit.setting.zone.full(at)) } " · " (bytes(item.raw.len() as u64))
    }
}

fn no_text() -> Markup {
    html! { p.hint { (icon("warn")) "It is no UTF-8: bytes that are none are shown as �. The API gives them as base64." } }
}

/// What was sent as text, and whether it is text.
fn text_of(item: &Item) -> (String, bool) {
    let text = String::from_utf8_lossy(&item.raw);
    let is_text = matches!(text, std::borrow::Cow::Borrowed(_));
    (text.into_owned(), is_text)
}

/// Lines stay lines; whatever else hides itself is named.
fn lines_of(text: &str) -> Markup {
    html! { @for (at, line) in text.split('\n').enumerate() { @if at > 0 { "\n" } (plain_part(line)) } }
}

fn bytes(n: u64) -> String {
    match n {
        0..1_024 => format!("{n} bytes"),
        1_024..1_048_576 => format!("{} KiB", n.div_ceil(1_024)),
        _ => format!("{:.1} MiB", n as f64 / 1_048_576.0),
    }
}

/// `GET /sources/{name}/items/{id}` shows one of them whole.
pub async fn item(visit: Visit, Path((name, id)): Path<(String, String)>) -> Response {
    let page = async {
        let (sender, number) = meant(&visit, &name, &id)?;
        let (app, caller) = (&visit.app, &visit.caller);
        must_see(app, caller, &sender.organization)?;
        let of = sender.clone();
        let work = move |app: &Arc<App>| found(app, &of, number);
        let item = app.blocking(work).await?;
        app.note_quarantine(caller, &sender, &[number]).await;
        Ok(item_page(&visit, &sender, number, &item))
    };
    answer(&visit, StatusCode::OK, &name, page.await)
}

/// Whose item is meant, and which.
fn meant(visit: &Visit, name: &str, id: &str) -> Result<(Sender, Number), Problem> {
    let organization = organization(visit, visit.setting.here.get("organization"))?;
    let sender = of_managed(&visit.caller, organization, name)?;
    Ok((sender, Number::parse(id).ok_or_else(gone)?))
}

fn gone() -> Problem {
    Kind::NotFound.detail("This item is not kept any more: it was mapped, or thrown away.")
}

fn found(app: &App, sender: &Sender, number: Number) -> Result<Item, Problem> {
    let item = app.intake.quarantine.item(sender, number)?;
    item.ok_or_else(gone)
}

fn item_page(visit: &Visit, sender: &Sender, number: Number, item: &Item) -> Markup {
    let (name, organization) = (sender.source.as_str(), sender.organization.as_str());
    let (text, is_text) = text_of(item);
    let laid_out = match entry::json::parse(&item.raw) {
        Ok(_) if is_text => crate::terminal::pretty(&text),
        _ => text,
    };
    let acts = html! { (buttons(name, organization, Some(number))) };
    html! {
        (back(&path(name, organization, ""), name))
        (head(&format!("Item {number} of {name}"), "", acts))
        section.sheet.part {
            p.why { (Shown(&item.reason)) }
            p.soft.about { (about(visit, item)) }
            @if !is_text { (no_text()) }
            pre.raw.whole tabindex="0" aria-label="What was sent" { code { (lines_of(&laid_out)) } }
        }
    }
}

/// What a form means: everything, or one item.
fn chosen(form: &Form) -> Result<Option<Vec<Number>>, Problem> {
    match form.get("item") {
        None => Ok(None),
        Some(text) => Number::parse(text)
            .map(|one| Some(vec![one]))
            .ok_or_else(gone),
    }
}

/// `POST /sources/{name}/replay` maps again what is kept, or one item, and leads back.
pub async fn replay(visit: Visit, Path(name): Path<String>, form: Form) -> Response {
    let done = async {
        let organization = organization(&visit, form.get("organization"))?;
        let sender = of_managed(&visit.caller, organization, &name)?;
        let chosen = chosen(&form)?;
        let back = path(&name, sender.organization.as_str(), "");
        let sums = quarantine::map_again(&visit.app, &visit.caller, sender, chosen).await?;
        let taken = sums.stored + sums.duplicates + sums.skipped;
        Ok(format!("{back}&taken={taken}&stay={}", sums.stay))
    };
    match done.await {
        Ok(back) => visit.seen_at(&back),
        Err(problem) => answer(&visit, StatusCode::OK, &name, Err(problem)),
    }
}

/// `GET /sources/{name}/drop` asks first.
pub async fn goes(visit: Visit, Path(name): Path<String>) -> Response {
    let page = question(&visit, &name);
    answer(&visit, StatusCode::OK, "Throw away", page)
}

fn question(visit: &Visit, name: &str) -> Result<Markup, Problem> {
    let here = &visit.setting.here;
    let organization = organization(visit, here.get("organization"))?;
    let sender = of_managed(&visit.caller, organization, name)?;
    let kept = visit.app.intake.quarantine.kept().get(&sender).copied();
    let kept = kept.ok_or_else(nothing)?;
    let item = here.get("item");
    let organization = sender.organization.as_str();
    let question = Question {
        title: match item {
            Some(_) => format!("Throw away this item of {name}?"),
            None => format!("Throw away all {} items of {name}?", count(kept.items)),
        },
        says: html! { p { "It is gone for good, from the disk too, and no mapping will ever read it. That you did this is noted in the log." } },
        action: Some(goes_path(name, organization, item)),
        answer: "Throw away",
        back: path(name, organization, ""),
    };
    Ok(question.page(None))
}

/// `POST /sources/{name}/drop` throws away what the address names.
pub async fn drop_items(visit: Visit, Path(name): Path<String>) -> Response {
    let done = async {
        let here = &visit.setting.here;
        let organization = organization(&visit, here.get("organization"))?;
        let sender = of_managed(&visit.caller, organization, &name)?;
        let item = here.get("item").unwrap_or_default();
        let chosen = chosen(&Form::default().with("item", item))?;
        let back = path(&name, sender.organization.as_str(), "");
        let dropped = quarantine::throw_away(&visit.app, &visit.caller, sender, chosen).await?;
        Ok(format!("{back}&dropped={dropped}"))
    };
    match done.await {
        Ok(back) => visit.seen_at(&back),
        Err(problem) => answer(&visit, StatusCode::OK, "Throw away", Err(problem)),
    }
}
