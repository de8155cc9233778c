//! Sessions: browsers that are signed in, and ending one.

use super::tokens::Desk;
use super::{Lines, Question, Tab, Visit, gone, head, tables, words};
use crate::access::Credential;
use crate::api::access::credentials::end;
use crate::pages::form::Form;
use crate::pages::visible::plain;
use crate::problem::Problem;
use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

/// `GET /access/sessions` lists those that the caller may end.
pub async fn list(visit: Visit) -> Response {
    let page = list_page(&visit);
    visit.show(Tab::Sessions, "Sessions", page)
}

fn list_page(visit: &Visit) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let here = &visit.setting.here;
    let lines = Lines::of(access.sessions(&visit.caller.principal), here);
    Ok(html! {
        (head("Sessions", "Browsers that are signed in: for at most 12 hours, or one of silence.", html! {}))
        div.sheet {
            @if lines.total == 0 {
                div.state { h2 { "Nobody is signed in" } p { "Nobody whose sessions you may end, at least." } }
            } @else { (tables::sessions(visit, access, &lines.shown, "/access/sessions", true)) }
        }
        (lines.pager(here))
    })
}

const fn places(desk: Desk) -> (Tab, &'static str) {
    match desk {
        Desk::All => (Tab::Sessions, "/access/sessions"),
        Desk::Own => (Tab::Own, "/account"),
    }
}

/// The question before a session is ended.
pub fn end_page(
    visit: &Visit,
    desk: Desk,
    id: &str,
    problem: Option<&Problem>,
) -> Result<Markup, Problem> {
    let access = visit.app.door.access()?;
    let mut all = access.sessions(&visit.caller.principal).into_iter();
    let session = all.find(|session| session.id.as_str() == id);
    let session = session.ok_or_else(|| gone("session"))?;
    let (address, browser) = words::browser(&session.from);
    let is_this = visit.caller.principal.credential == Credential::Session(session.id.clone());
    let (_, back) = places(desk);
    let base = if desk == Desk::Own {
        "/account/sessions"
    } else {
        back
    };
    let question = Question {
        title: "End this session?".to_owned(),
        says: html! {
            p { b { (plain(&browser)) } " at " span.mono { (plain(address)) } ", of " (tables::whose(visit, access, &session.account)) }
            @if is_this { p { "It is the one you are using: you will have to sign in again." } }
            @else { p { "Whoever uses it has to sign in again; exports and tails under way end within a second." } }
        },
        action: Some(format!("{base}/{}/end", session.id)),
        answer: "End it",
        back: back.to_owned(),
    };
    Ok(question.page(problem))
}

/// `GET /access/sessions/{id}/end` asks first.
pub async fn goes(visit: Visit, Path(id): Path<String>) -> Response {
    let page = visit.managed().map(drop);
    let page = page.and_then(|()| end_page(&visit, Desk::All, &id, None));
    visit.show(Tab::Sessions, "End a session", page)
}

/// `POST /access/sessions/{id}/end`
pub async fn end_session(visit: Visit, Path(id): Path<String>) -> Response {
    ended(&visit, Desk::All, &id).await
}

/// Ends a session, and leads back.
pub async fn ended(visit: &Visit, desk: Desk, id: &str) -> Response {
    let (tab, back) = places(desk);
    match end(&visit.app, visit.caller.clone(), id).await {
        Ok(_) => visit.seen_at(back),
        Err(problem) => {
            let title = "End a session";
            visit.again(tab, title, &Form::default(), &problem, |_| {
                end_page(visit, desk, id, Some(&problem))
            })
        }
    }
}
