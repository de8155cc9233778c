//! Tokens, sessions, auditor links and embedded pages. A secret is in the answer that makes it, and in no other.

use super::bodies::{self, EMBED_LIFE_DEFAULT, NewEmbed, wrong};
use super::shapes::{self, LinkShape, SessionShape, TokenShape};
use super::{Answer, change, identifier, made, managed, said};
use crate::access::link::Link;
use crate::access::session::Session;
use crate::access::token::{Kind, Token};
use crate::access::{
    Access, AccountKind, Embedded, Error, Extent, Made, NewLink, NewToken, Principal, Reach, Secret,
};
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::watching::{self, Act, Deed};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use entry::Organization;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// `GET /v1/access/tokens` lists the tokens that the caller may revoke.
pub async fn tokens(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let all = app.door.access()?.tokens(&caller.principal);
    let all: Vec<TokenShape> = all.iter().map(TokenShape::from).collect();
    Ok(said(StatusCode::OK, &json!({ "tokens": all })))
}

/// `POST /v1/access/tokens` makes one, for the caller's own account or another that it may act for.
pub async fn create_token(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: bodies::NewToken = bodies::read(&app, &headers, body).await?;
    let (token, secret) = issue(&app, caller, asked).await?;
    let body = json!({"token": TokenShape::from(&token), "secret": secret.expose()});
    Ok(said(StatusCode::CREATED, &body))
}

/// Makes a token, and shows it this once.
pub async fn issue(
    app: &Arc<App>,
    caller: Caller,
    asked: bodies::NewToken,
) -> Result<(Token, Secret), Problem> {
    let access = app.door.access()?;
    let account = match asked.account {
        Some(id) => identifier(&id, "account")?,
        None => {
            let own = caller.principal.account().cloned();
            own.ok_or_else(|| wrong("account", "is required: no account calls"))?
        }
    };
    let kind = match asked.kind.as_deref() {
        Some("personal") => Kind::Personal,
        Some("service") => Kind::Service,
        Some("recorder") => Kind::Recorder,
        Some(_) => return Err(wrong("kind", "personal, service or recorder")),
        None => of_account(access, &caller.principal, &account),
    };
    let expires_at = asked.expires_at.as_deref();
    let wanted = NewToken {
        account,
        kind,
        name: asked.name,
        permissions: bodies::permissions(asked.permissions)?,
        extent: bodies::extent(asked.organization, asked.projects)?,
        expires_at: expires_at
            .map(|text| bodies::instant("expires_at", text))
            .transpose()?,
    };
    let deed = Deed::new(Act::CreateToken)
        .of(wanted.extent.organization())
        .with("account", wanted.account.as_str())
        .with("kind", shapes::kind(kind))
        .with("permissions", Vec::from(wanted.permissions))
        .with("extent", wanted.extent.to_string());
    let now = app.now();
    let work = move |access: &Access, by: &Caller| access.create_token(&by.principal, &wanted, now);
    change(app, caller, deed, work, made).await
}

fn of_account(access: &Access, by: &Principal, account: &crate::access::Identifier) -> Kind {
    match access.account(by, account).map(|one| one.kind) {
        Some(AccountKind::Service) => Kind::Service,
        Some(AccountKind::Person) | None => Kind::Personal,
    }
}

/// `DELETE /v1/access/tokens/{id}` revokes it: from now on nothing that shows it is let in.
pub async fn revoke_token(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    revoke(&app, caller, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Revokes a token, and answers with what is gone.
pub async fn revoke(app: &Arc<App>, caller: Caller, id: &str) -> Result<Token, Problem> {
    let id = identifier(id, "token")?;
    let mut seen = app.door.access()?.tokens(&caller.principal).into_iter();
    let gone = seen.find(|token| token.id == id);
    // One that the caller may not revoke is there as little as one that is not.
    let gone = gone.ok_or(Error::NotFound { what: "token" })?;
    let deed = Deed::new(Act::RevokeToken)
        .of(gone.extent.organization())
        .to("token", id.as_str(), Some(&gone.name))
        .with("account", gone.account.as_str());
    let work = move |access: &Access, by: &Caller| access.revoke_token(&by.principal, &id);
    change(app, caller, deed, work, |_, deed| deed).await?;
    Ok(gone)
}

/// `GET /v1/access/sessions` lists the sessions that the caller may end.
pub async fn sessions(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let all = app.door.access()?.sessions(&caller.principal);
    let shape = |session: &_| SessionShape::of(session, &caller.principal);
    let all: Vec<SessionShape> = all.iter().map(shape).collect();
    Ok(said(StatusCode::OK, &json!({ "sessions": all })))
}

/// `DELETE /v1/access/sessions/{id}` ends it.
pub async fn end_session(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    end(&app, caller, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends a session, and answers with what is gone.
pub async fn end(app: &Arc<App>, caller: Caller, id: &str) -> Result<Session, Problem> {
    let id = identifier(id, "session")?;
    let mut seen = app.door.access()?.sessions(&caller.principal).into_iter();
    let gone = seen.find(|session| session.id == id);
    let gone = gone.ok_or(Error::NotFound { what: "session" })?;
    let deed = Deed::new(Act::EndSession)
        .of(caller.principal.organization())
        .to("session", id.as_str(), None)
        .with("account", gone.account.as_str());
    let work = move |access: &Access, by: &Caller| access.end_session(&by.principal, &id);
    change(app, caller, deed, work, |_, deed| deed).await?;
    Ok(gone)
}

/// `GET /v1/access/links` lists the auditor links that the caller may revoke.
pub async fn links(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let all = managed(&app, &caller)?.links(&caller.principal);
    let all: Vec<LinkShape> = all.iter().map(LinkShape::from).collect();
    Ok(said(StatusCode::OK, &json!({ "links": all })))
}

/// `POST /v1/access/links` makes a link for somebody else's auditor, in the name of who is signed in.
pub async fn create_link(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: bodies::NewLink = bodies::read(&app, &headers, body).await?;
    let (link, secret) = invite(&app, caller, asked).await?;
    let body = json!({"link": LinkShape::from(&link), "secret": secret.expose()});
    Ok(said(StatusCode::CREATED, &body))
}

/// Makes a link for somebody else's auditor, and shows it this once.
pub async fn invite(
    app: &Arc<App>,
    caller: Caller,
    asked: bodies::NewLink,
) -> Result<(Link, Secret), Problem> {
    managed(app, &caller)?;
    let wanted = wanted(asked)?;
    let deed = Deed::new(Act::CreateLink)
        .of(wanted.extent.organization())
        .with("permissions", Vec::from(wanted.permissions))
        .with("extent", wanted.extent.to_string())
        .with("mask", wanted.mask.to_string())
        .with("expires_at", wanted.expires_at.to_string());
    let now = app.now();
    let work = move |access: &Access, by: &Caller| access.create_link(&by.principal, &wanted, now);
    let noted = |of: &Made<'_>, deed: Deed| match of.link() {
        Some(link) => made(of, deed).with("filter", watching::said(link.filter.filter())),
        None => deed,
    };
    change(app, caller, deed, work, noted).await
}

/// What such a link would show to whoever has it: nothing is made yet.
pub fn foreseen(
    app: &App,
    caller: &Caller,
    asked: bodies::NewLink,
) -> Result<(Link, Reach), Problem> {
    let access = managed(app, caller)?;
    Ok(access.foreseen(&caller.principal, &wanted(asked)?, app.now())?)
}

fn wanted(asked: bodies::NewLink) -> Result<NewLink, Problem> {
    Ok(NewLink {
        name: asked.name,
        permissions: bodies::permissions(asked.permissions)?,
        extent: bodies::extent(asked.organization, asked.projects)?,
        mask: bodies::mask(asked.mask)?,
        filter: asked.filter.unwrap_or_default(),
        expires_at: bodies::instant("expires_at", &asked.expires_at)?,
    })
}

/// `DELETE /v1/access/links/{id}` revokes it.
pub async fn revoke_link(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    withdraw(&app, caller, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Revokes an auditor's link, and answers with what is gone.
pub async fn withdraw(app: &Arc<App>, caller: Caller, id: &str) -> Result<Link, Problem> {
    let id = identifier(id, "link")?;
    let mut seen = managed(app, &caller)?.links(&caller.principal).into_iter();
    let gone = seen.find(|link| link.id == id);
    let gone = gone.ok_or(Error::NotFound { what: "link" })?;
    let deed = Deed::new(Act::RevokeLink)
        .of(gone.extent.organization())
        .to("link", id.as_str(), Some(&gone.name));
    let work = move |access: &Access, by: &Caller| access.revoke_link(&by.principal, &id);
    change(app, caller, deed, work, |_, deed| deed).await?;
    Ok(gone)
}

/// `POST /v1/access/embed` makes a short-lived token for a page within the platform's own, never more than the token that
/// asks for it may do.
pub async fn embed(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: NewEmbed = bodies::read(&app, &headers, body).await?;
    let life = asked.life_seconds.map(Duration::from_secs);
    let extent = bodies::extent(asked.organization, asked.projects)?;
    let wanted = Embedded {
        extent: extent.clone(),
        mask: bodies::mask(asked.mask)?,
        filter: asked.filter.unwrap_or_default(),
        life: life.unwrap_or(EMBED_LIFE_DEFAULT),
    };
    let now = app.now();
    let expires_at = later(now, wanted.life)?;
    let deed = Deed::new(Act::CreateEmbed)
        .of(of(&extent))
        .with("extent", extent.to_string())
        .with("mask", wanted.mask.to_string())
        .with("filter", watching::said_as(&wanted.filter))
        .with("expires_at", expires_at.to_string());
    let work = move |access: &Access, by: &Caller| access.embed(&by.principal, &wanted, now);
    let secret = change(&app, caller, deed, work, |_, deed| deed).await?;
    let body = json!({"secret": secret.expose(), "expires_at": expires_at.to_string()});
    Ok(said(StatusCode::CREATED, &body))
}

fn of(extent: &Extent) -> Option<&Organization> {
    extent.organization()
}

fn later(now: entry::Timestamp, life: Duration) -> Result<entry::Timestamp, Problem> {
    let micros = i64::try_from(life.as_micros()).ok();
    let at = micros.and_then(|micros| now.as_micros().checked_add(micros));
    let at = at.and_then(entry::Timestamp::from_micros);
    at.ok_or_else(|| wrong("life_seconds", "is at most an hour"))
}
