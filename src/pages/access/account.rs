//! `/account`: who the caller is, what they may do, and what acts for them.

use super::fields::Filled;
use super::people::nothing;
use super::tokens::{self, Desk};
use super::{Tab, Visit, head, sessions, tables};
use crate::access::{Account, AccountKind, Credential};
use crate::api::access::bodies::UserChange;
use crate::api::access::people::alter;
use crate::pages::form::Form;
use crate::pages::location::{Location, segment};
use crate::pages::setting::icon;
use crate::pages::visible::Shown;
use crate::problem::{Kind, Problem};
use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

/// `GET /account`
pub async fn show(visit: Visit) -> Response {
    let form = Form::default();
    let page = page(&visit, Filled::new(&form));
    visit.show(Tab::Own, "Account", page)
}

fn own(visit: &Visit) -> Result<Account, Problem> {
    let access = visit.app.door.access()?;
    let id = visit.caller.principal.account();
    let own = id.and_then(|id| visit.account(access, id));
    own.ok_or_else(|| Kind::Forbidden.detail("this takes an account: sign in with yours"))
}

fn page(visit: &Visit, filled: Filled<'_>) -> Result<Markup, Problem> {
    visit.app.door.access()?;
    let own = own(visit).ok();
    let changed = visit.setting.here.get("changed") == Some("password");
    Ok(html! {
        (who(visit, own.as_ref()))
        @if changed { p.told.good role="status" { "Your password is changed. Your other sessions have ended." } }
        section.sheet.part {
            h2 { "What you may do" }
            @if visit.caller.principal.grants().is_empty() {
                p.none-here { "Nothing yet: whoever manages access has to give you a role." }
            } @else { (tables::grants(visit.caller.principal.grants())) }
        }
        @if let Some(own) = own { (acting(visit, &own, filled)) }
    })
}

fn who(visit: &Visit, own: Option<&Account>) -> Markup {
    let principal = &visit.caller.principal;
    let did = |id: &str| Location::list().only("actor", id).href();
    match own {
        Some(account) => html! {
            header.access-head {
                div {
                    h1 { (Shown(&account.name)) }
                    p.soft {
                        (account.login)
                        @if account.kind == AccountKind::Service { " · a service" }
                        @for (n, group) in account.groups.iter().chain(&account.provider_groups).enumerate() {
                            @if n == 0 { " · in " } @else { ", " } (Shown(group))
                        }
                        " · " span.mono { (account.id) }
                    }
                }
                div.acts-row {
                    @if principal.holds(crate::access::Permission::Read) { a.button href=(did(account.id.as_str())) { (icon("history")) "What I did" } }
                    @if principal.holds(crate::access::Permission::ManageAccess) { a.button href={ "/access/people/" (segment(account.id.as_str())) } { "In Access" } }
                }
            }
        },
        None => {
            let by = match &principal.credential {
                Credential::Link(_) => {
                    "You are here by an auditor's link: it has no account, and shows what its maker chose."
                }
                Credential::Embed(_) => {
                    "This page is shown within another, by a token that is good for minutes."
                }
                Credential::Session(_)
                | Credential::Token(_)
                | Credential::Process
                | Credential::Local => "No account is known for this call.",
            };
            head("Account", by, html! {})
        }
    }
}

fn acting(visit: &Visit, account: &Account, filled: Filled<'_>) -> Markup {
    let Ok(access) = visit.app.door.access() else {
        return html! {};
    };
    let by = &visit.caller.principal;
    let mut own_tokens = access.tokens(by);
    own_tokens.retain(|token| token.account == account.id);
    let mut own_sessions = access.sessions(by);
    own_sessions.retain(|session| session.account == account.id);
    let is_signed_in = visit.caller.is_by_session_of(&account.id);
    html! {
        @if !is_signed_in {
            p.told { "You are here by a token. Sign in to change your password and to make or revoke what acts for you." }
        }
        @if let Some(elsewhere) = &account.elsewhere {
            p.hint { "You sign in at " span.mono { (Shown(&elsewhere.issuer)) } ": there is no password here." }
        }
        @if is_signed_in {
            section.sheet.part #tokens {
                div.part-head { h2 { "Your tokens" } a.button.small href="/account/tokens/new" { (icon("plus")) "New token" } }
                (tables::or_none(own_tokens.is_empty(), "None. Programs that act for you show one: the command line, a script.",
                    tables::tokens(visit, access, &own_tokens, "/account/tokens", false)))
            }
            section.sheet.part #sessions {
                h2 { "Where you are signed in" }
                (tables::sessions(visit, access, &own_sessions, "/account/sessions", false))
            }
            @if account.elsewhere.is_none() { section.sheet.part #change-password {
                h2 { "Change your password" }
                (filled.notice(&["old_password", "password", "again"]))
                form.form method="post" action="/account/password" {
                    (filled.password("old_password", "Password you have", "", false))
                    (filled.password("password", "New password", "At least 12 characters. Your other sessions end.", true))
                    (filled.password("again", "New password again", "", true))
                    div.row { button.button.primary { "Change password" } }
                }
            } }
        }
        p.hint { "Your name, login and groups are changed by whoever manages access. What your roles allow is the most that your tokens may." }
    }
}

/// `POST /account/password` takes the old one for a new one.
pub async fn change_password(visit: Visit, form: Form) -> Response {
    let done = async {
        let account = own(&visit)?;
        if form.get("password").unwrap_or_default() != form.get("again").unwrap_or_default() {
            return Err(crate::api::access::bodies::wrong(
                "again",
                "is not the same",
            ));
        }
        let asked = UserChange {
            password: Some(form.text("password")),
            old_password: Some(form.text("old_password")),
            ..nothing()
        };
        alter(&visit.app, visit.caller.clone(), account.id.as_str(), asked).await
    };
    match done.await {
        Ok(_) => visit.seen_at("/account?changed=password"),
        Err(problem) => visit.again(Tab::Own, "Account", &form, &problem, |filled| {
            page(&visit, filled)
        }),
    }
}

/// `GET /account/tokens/new`
pub async fn new_token(visit: Visit) -> Response {
    match own(&visit) {
        Ok(_) => tokens::begin(&visit, Desk::Own),
        Err(problem) => visit.failed(problem),
    }
}

/// `POST /account/tokens/new` makes one for the caller's own account.
pub async fn make_token(visit: Visit, form: Form) -> Response {
    tokens::make(&visit, Desk::Own, &form).await
}

/// `GET /account/tokens/{id}/revoke` asks first.
pub async fn token_goes(visit: Visit, Path(id): Path<String>) -> Response {
    let page = tokens::revoke_page(&visit, Desk::Own, &id, None);
    visit.show(Tab::Own, "Revoke a token", page)
}

/// `POST /account/tokens/{id}/revoke`
pub async fn revoke_token(visit: Visit, Path(id): Path<String>) -> Response {
    tokens::revoked(&visit, Desk::Own, &id).await
}

/// `GET /account/sessions/{id}/end` asks first.
pub async fn session_goes(visit: Visit, Path(id): Path<String>) -> Response {
    let page = sessions::end_page(&visit, Desk::Own, &id, None);
    visit.show(Tab::Own, "End a session", page)
}

/// `POST /account/sessions/{id}/end`
pub async fn end_session(visit: Visit, Path(id): Path<String>) -> Response {
    sessions::ended(&visit, Desk::Own, &id).await
}
