//! Auditor links: a look at some entries for somebody who has no account, made in three steps - what, how much that is, the link.

use super::fields::{Filled, asked_extent};
use super::tokens::{in_days, lives};
use super::{Lines, Question, Tab, Visit, gone, head, tables, words};
use crate::access::link::{Link, OF_LINKS};
use crate::access::{Credential, Secret};
use crate::api::access::bodies::NewLink;
use crate::api::access::credentials::{foreseen, invite, withdraw};
use crate::pages::form::Form;
use crate::pages::setting::icon;
use crate::pages::visible::{Shown, count, plain};
use crate::problem::Problem;
use crate::watching::people::Search;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use entry::Filter;
use maud::{Markup, html};

/// `GET /access/links` lists those that the caller may revoke.
pub async fn list(visit: Visit) -> Response {
    let page = list_page(&visit);
    visit.show(Tab::Links, "Auditor links", page)
}

fn list_page(visit: &Visit) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let (here, now) = (&visit.setting.here, visit.app.now());
    let lines = Lines::of(access.links(&visit.caller.principal), here);
    let add = html! { a.button.primary href="/access/links/new" { (icon("plus")) "New link" } };
    Ok(html! {
        (head("Auditor links", "A look at some entries for who has no account here: an auditor, a customer, an insurer.", add))
        div.sheet {
            @if lines.total == 0 {
                div.state { h2 { "No link yet" } p { "A link shows the entries of one filter until it expires or is revoked. It never shows more than you may see, and each look leaves an entry." } }
            } @else {
                div.tablewrap { table.rows {
                    thead { tr {
                        th scope="col" { "Link" } th scope="col" { "Shows" } th scope="col" { "Made" } th scope="col" { "Expires" }
                        th scope="col" { span.unseen { "Revoke" } }
                    } }
                    tbody { @for link in &lines.shown {
                        @let over = link.expires_at <= now;
                        tr.over[over] {
                            td data-label="Link" { b { (Shown(&link.name)) } span.sub { (words::permissions(link.permissions)) } }
                            td data-label="Shows" { (words::extent(&link.extent)) (shows(link)) }
                            td data-label="Made" { (words::instant(&visit.setting, now, link.created_at)) span.sub { "by " (maker(visit, link)) } }
                            td data-label="Expires" { @if over { span.badge { "expired" } } @else { (words::instant(&visit.setting, now, link.expires_at)) } }
                            td.act { a.button.small href={ "/access/links/" (link.id) "/revoke" } { "Revoke" span.unseen { " " (Shown(&link.name)) } } }
                        }
                    } }
                } }
            }
        }
        (lines.pager(here))
    })
}

fn maker(visit: &Visit, link: &Link) -> String {
    let access = visit.managed().ok();
    let account = access.and_then(|access| visit.account(access, &link.account));
    account.map_or_else(|| link.account.to_string(), |account| plain(&account.name))
}

/// The filter of a link and what it hides.
fn shows(link: &Link) -> Markup {
    let filter = link.filter.filter().to_string();
    html! {
        span.sub { @if filter == EVERYTHING { "every entry" } @else { code { (plain(&filter)) } } }
        @if !link.mask.is_none() { span.sub { "without " (words::mask(link.mask)) } }
    }
}

/// The query text of a filter that lets everything pass.
const EVERYTHING: &str = "*";

const TITLE: &str = "New auditor link";

/// `GET /access/links/new`
pub async fn empty(visit: Visit) -> Response {
    let form = Form::default().with("permissions", "entries:read");
    let form = visit.places().begin(form.with("life", "30"));
    let page = form_page(&visit, Filled::new(&form));
    visit.show(Tab::Links, TITLE, page)
}

fn form_page(visit: &Visit, filled: Filled<'_>) -> Result<Markup, Problem> {
    visit.managed()?;
    let by_session = matches!(visit.caller.principal.credential, Credential::Session(_));
    let fields = [
        "name",
        "permissions",
        "scope",
        "organization",
        "projects",
        "filter",
        "mask",
        "expires_at",
    ];
    Ok(html! {
        (super::back("/access/links", "Auditor links"))
        (head(TITLE, "It is made in your name: it never shows more than you may see, and ends with your account.", html! {}))
        @if !by_session { p.told { "Links are made by somebody who is signed in, not by a program's token." } }
        (filled.notice(&fields))
        form.sheet.form method="post" action="/access/links/new" {
            (filled.required("name", "For whom", "You will know the link by this; who opens it does not see it."))
            (filled.extent(&visit.places(), "The whole server"))
            (filled.line("filter", "Only entries that match", "Query text, such as category:cluster result:failure since:90d. It is frozen: since:90d stays the instant it is now. Empty: every entry there."))
            (filled.permissions(OF_LINKS))
            (filled.mask("Hide from who opens it"))
            (lives(filled, false))
            div.row { button.button.primary name="step" value="preview" { "See what it shows" } a.button href="/access/links" { "Cancel" } }
        }
    })
}

fn asked(visit: &Visit, form: &Form) -> Result<NewLink, Problem> {
    let (organization, projects) = asked_extent(form)?;
    Ok(NewLink {
        name: form.trimmed("name").unwrap_or_default().to_owned(),
        permissions: form.all("permissions"),
        organization,
        projects,
        mask: Some(form.all("mask")),
        filter: Some(form.trimmed("filter").unwrap_or_default().to_owned()),
        expires_at: in_days(visit, form.get("life").unwrap_or_default())?.to_string(),
    })
}

/// `POST /access/links/new` says first how much the link would show, then makes it and shows it on that answer and never
/// again.
pub async fn make_link(visit: Visit, form: Form) -> Response {
    let done = match form.get("step").unwrap_or_default() {
        "change" => form_page(&visit, Filled::new(&form)).map(|page| (StatusCode::OK, page)),
        "make" => make(&visit, &form).await,
        _ => preview(&visit, &form).await,
    };
    match done {
        Ok((status, page)) => visit.page(status, Tab::Links, TITLE, page),
        Err(problem) => visit.again(Tab::Links, TITLE, &form, &problem, |filled| {
            form_page(&visit, filled)
        }),
    }
}

async fn make(visit: &Visit, form: &Form) -> Result<(StatusCode, Markup), Problem> {
    let asked = asked(visit, form)?;
    let (link, secret) = invite(&visit.app, visit.caller.clone(), asked).await?;
    Ok((StatusCode::CREATED, made(visit, &link, &secret)))
}

async fn preview(visit: &Visit, form: &Form) -> Result<(StatusCode, Markup), Problem> {
    let (link, reach) = foreseen(&visit.app, &visit.caller, asked(visit, form)?)?;
    let reading = visit.app.reading_within(reach);
    let seen = reading.clone();
    let work = move |_: &_| {
        let all = Filter::everything();
        Ok((seen.count(&all)?, seen.time_bounds(&all)?))
    };
    let (many, bounds) = visit.app.blocking(work).await?;
    let filter = link.filter.filter();
    let search = Search::of(filter);
    visit.app.note_search(&visit.caller, &reading, search).await;
    let zone = &visit.setting.zone;
    let page = html! {
        (super::back("/access/links", "Auditor links"))
        (head(&format!("A link for {}", plain(&link.name)), "", html! {}))
        section.sheet.part {
            p.many { "It shows " b { (count(many)) } @if many == 1 { " entry" } @else { " entries" } @if let Some((from, to)) = bounds {
                span.soft { ", from " (zone.minute(from)) " to " (zone.minute(to)) }
            } }
            @if many == 0 { p.told { "Nothing matches by now. Entries to come that match are shown." } }
            dl.pairs {
                dt { "Of" } dd { span { (words::extent(&link.extent)) } }
                dt { "Filter" } dd { @if filter.to_string() == EVERYTHING { "none" } @else { code.v { (plain(&filter.to_string())) } } }
                dt { "May" } dd { (words::permissions(link.permissions)) }
                dt { "Hidden" } dd { @if link.mask.is_none() { "nothing" } @else { (words::mask(link.mask)) } }
                dt { "Good until" } dd { (zone.minute(link.expires_at)) }
            }
            form.row method="post" action="/access/links/new" {
                (kept(form, &link))
                button.button.primary name="step" value="make" { "Make the link" }
                button.button name="step" value="change" { "Change it" }
            }
        }
    };
    Ok((StatusCode::OK, page))
}

/// The form again, unseen; its filter as it was frozen, so that the link is what was looked at.
fn kept(form: &Form, link: &Link) -> Markup {
    let one = ["name", "scope", "organization", "projects", "life"];
    html! {
        @for name in one { input type="hidden" name=(name) value=(form.text(name)); }
        input type="hidden" name="filter" value=(link.filter.filter());
        @for name in ["permissions", "mask"] {
            @for value in form.all(name) { input type="hidden" name=(name) value=(value); }
        }
    }
}

fn made(visit: &Visit, link: &Link, secret: &Secret) -> Markup {
    let url = format!("{}/link#{}", visit.setting.origin, secret.expose());
    html! {
        (super::back("/access/links", "Auditor links"))
        (head(&format!("Link made for {}", plain(&link.name)), "", html! {}))
        section.sheet.part {
            (tables::once(&url, "Link", &[]))
            p.told { "Whoever has it sees what it shows: send it as you would send a password. What comes after # is never sent to a server on the way." }
            dl.pairs {
                dt { "Shows" } dd { div { (words::extent(&link.extent)) (shows(link)) } }
                dt { "Good until" } dd { (visit.setting.zone.minute(link.expires_at)) }
            }
            div.row { a.button.primary href="/access/links" { "Done" } }
        }
    }
}

fn revoke_page(visit: &Visit, id: &str, problem: Option<&Problem>) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let mut all = access.links(&visit.caller.principal).into_iter();
    let link = all.find(|link| link.id.as_str() == id);
    let link = link.ok_or_else(|| gone("link"))?;
    let question = Question {
        title: format!("Revoke the link for {}?", plain(&link.name)),
        says: html! {
            p { "Whoever opened it is out at once, and nobody can open it again. It cannot be taken back: make another link instead." }
        },
        action: Some(format!("/access/links/{}/revoke", link.id)),
        answer: "Revoke",
        back: "/access/links".to_owned(),
    };
    Ok(question.page(problem))
}

/// `GET /access/links/{id}/revoke` asks first.
pub async fn goes(visit: Visit, Path(id): Path<String>) -> Response {
    let page = revoke_page(&visit, &id, None);
    visit.show(Tab::Links, "Revoke a link", page)
}

/// `POST /access/links/{id}/revoke`
pub async fn revoke_link(visit: Visit, Path(id): Path<String>) -> Response {
    match withdraw(&visit.app, visit.caller.clone(), &id).await {
        Ok(_) => visit.seen_at("/access/links"),
        Err(problem) => {
            let title = "Revoke a link";
            visit.again(Tab::Links, title, &Form::default(), &problem, |_| {
                revoke_page(&visit, &id, Some(&problem))
            })
        }
    }
}
