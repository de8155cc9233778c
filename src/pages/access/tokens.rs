//! Tokens: what programs show. Made for accounts that the caller may act for, and shown once.

use super::fields::{Attributes, Filled, Places, asked_extent};
use super::{Lines, Question, Tab, Visit, gone, head, tables, words};
use crate::access::token::{Kind, Token};
use crate::access::{Extent, Permission, Permissions, Secret};
use crate::api::access::bodies::{NewToken, wrong};
use crate::api::access::credentials::{issue, revoke};
use crate::pages::form::Form;
use crate::pages::setting::icon;
use crate::pages::visible::plain;
use crate::problem::Problem;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use entry::Timestamp;
use maud::{Markup, html};

/// `GET /access/tokens` lists those that the caller may revoke.
pub async fn list(visit: Visit) -> Response {
    let page = list_page(&visit);
    visit.show(Tab::Tokens, "Tokens", page)
}

fn list_page(visit: &Visit) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let here = &visit.setting.here;
    let lines = Lines::of(access.tokens(&visit.caller.principal), here);
    let add = html! { a.button.primary href="/access/tokens/new" { (icon("plus")) "New token" } };
    Ok(html! {
        (head("Tokens", "What programs show instead of signing in. A token never does more than its account may at that moment.", add))
        div.sheet {
            @if lines.total == 0 {
                div.state { h2 { "No token yet" } p { "A program that records, searches or exports shows one. Add a service under People, give it a role, and make a token for it." } }
            } @else { (tables::tokens(visit, access, &lines.shown, "/access/tokens", true)) }
        }
        (lines.pager(here))
    })
}

/// What a form of a token is on: the page of all, or one's own account.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Desk {
    All,
    Own,
}

impl Desk {
    const fn home(self) -> &'static str {
        match self {
            Desk::All => "/access/tokens",
            Desk::Own => "/account/tokens",
        }
    }

    const fn back(self) -> (&'static str, &'static str) {
        match self {
            Desk::All => ("/access/tokens", "Tokens"),
            Desk::Own => ("/account", "Account"),
        }
    }

    const fn tab(self) -> Tab {
        match self {
            Desk::All => Tab::Tokens,
            Desk::Own => Tab::Own,
        }
    }
}

/// `GET /access/tokens/new`, for the `account` that it names.
pub async fn empty(visit: Visit) -> Response {
    begin(&visit, Desk::All)
}

/// The form of a token as it begins.
pub fn begin(visit: &Visit, desk: Desk) -> Response {
    let account = visit.setting.here.get("account").unwrap_or_default();
    let form = Form::default().with("account", account);
    let form = form.with("scope", "server").with("kind", "account");
    let form = form.with("life", LIVES[1].0);
    let page = form_page(visit, desk, Filled::new(&form));
    visit.show(desk.tab(), "New token", page)
}

/// How long a token or link lives.
pub const LIVES: &[(&str, &str)] = &[
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "365 days"),
];

/// So many days from now, as a call names it.
pub fn in_days(visit: &Visit, days: &str) -> Result<Timestamp, Problem> {
    let known = LIVES.iter().find(|(value, _)| *value == days);
    let days: Option<i64> = known.and_then(|(value, _)| value.parse().ok());
    let micros = days.map(|days| days * 86_400_000_000);
    let at = micros.and_then(|micros| visit.app.now().as_micros().checked_add(micros));
    let at = at.and_then(Timestamp::from_micros);
    at.ok_or_else(|| wrong("expires_at", "how long is it good for?"))
}

/// What the caller may let a token do: what it may do itself.
fn offered(visit: &Visit) -> Permissions {
    let held = Permission::ALL.iter().copied();
    let held: Vec<Permission> = held
        .filter(|one| visit.caller.principal.holds(*one))
        .collect();
    Permissions::of(&held)
}

fn form_page(visit: &Visit, desk: Desk, filled: Filled<'_>) -> Result<Markup, Problem> {
    let (home, (path, name)) = (desk.home(), desk.back());
    let places = match desk {
        Desk::All => {
            visit.managed()?;
            visit.places_of_token()
        }
        Desk::Own => Places {
            organizations: own_organizations(visit),
            ..visit.places_of_token()
        },
    };
    let login = Attributes {
        kind: "text",
        is_required: true,
        ..Attributes::default()
    };
    let fields = [
        "name",
        "account",
        "kind",
        "permissions",
        "organization",
        "projects",
        "scope",
        "expires_at",
    ];
    Ok(html! {
        (super::back(path, name))
        (head("New token", "It is shown once, on the next page. It never does more than its account may at that moment.", html! {}))
        (filled.notice(&fields))
        form.sheet.form method="post" action={ (home) "/new" } {
            (filled.required("name", "Name", "What it is for, such as the program and the machine that hold it."))
            @if desk == Desk::All { (filled.input("account", "Login of its account", "A service, or a person.", login)) }
            @if desk == Desk::All {
                (filled.radios("kind", "Kind", &[
                    ("account", "Acts for its account", "may do what you tick below."),
                    ("recorder", "Records only", "of a service: adds entries and sees nothing, whatever the service may."),
                ]))
            }
            div.of-account { (filled.permissions(offered(visit))) }
            (filled.extent(&places, "Wherever its account may"))
            (lives(filled, true))
            div.row { button.button.primary { "Make the token" } a.button href=(path) { "Cancel" } }
        }
    })
}

/// The organizations that the caller may do something in.
fn own_organizations(visit: &Visit) -> Vec<String> {
    let grants = visit.caller.principal.grants().iter();
    let named = grants.filter_map(|grant| grant.extent.organization());
    let mut named: Vec<String> = named.map(ToString::to_string).collect();
    named.sort();
    named.dedup();
    named
}

/// How long it is good for.
pub fn lives(filled: Filled<'_>, or_ever: bool) -> Markup {
    let chosen = filled.form.get("life").unwrap_or_default();
    let fault = filled.fault("expires_at");
    html! {
        fieldset.boxes {
            legend { "Good for" }
            @if let Some(fault) = fault { p.fault #expires_at-fault { (icon("warn")) (fault) } }
            div.choices.short {
                @for (value, title) in LIVES {
                    label.choice { input type="radio" name="life" value=(value) checked[chosen == *value]; span { (title) } }
                }
                @if or_ever {
                    label.choice { input type="radio" name="life" value="never" checked[chosen == "never"]; span { "Until it is revoked" } }
                }
            }
            @if or_ever {
                p.hint.of-never { (icon("warn")) "A token that never expires works for whoever finds it in years. Choose this only if something else reminds you." }
            }
        }
    }
}

/// `POST /access/tokens/new` makes it, and shows its secret on this answer and never again.
pub async fn make_token(visit: Visit, form: Form) -> Response {
    make(&visit, Desk::All, &form).await
}

/// Makes a token of a form.
pub async fn make(visit: &Visit, desk: Desk, form: &Form) -> Response {
    let done = match asked(visit, desk, form) {
        Ok(asked) => issue(&visit.app, visit.caller.clone(), asked).await,
        Err(problem) => Err(problem),
    };
    match done {
        Ok((token, secret)) => {
            let page = made(visit, desk, &token, &secret);
            visit.page(StatusCode::CREATED, desk.tab(), "Token made", page)
        }
        Err(problem) => visit.again(desk.tab(), "New token", form, &problem, |filled| {
            form_page(visit, desk, filled)
        }),
    }
}

fn asked(visit: &Visit, desk: Desk, form: &Form) -> Result<NewToken, Problem> {
    let account = match desk {
        Desk::Own => None,
        Desk::All => {
            let login = form.trimmed("account").unwrap_or_default();
            let found = { visit.managed()? }.account_of(&visit.caller.principal, login);
            let found = found.ok_or_else(|| wrong("account", "nobody has this login"))?;
            Some(found.id.to_string())
        }
    };
    let is_recorder = form.get("kind") == Some("recorder");
    let permissions = match is_recorder {
        true => vec![Permission::Record.as_str().to_owned()],
        false => form.all("permissions"),
    };
    let expires_at = match form.get("life").unwrap_or_default() {
        "never" => None,
        days => Some(in_days(visit, days)?.to_string()),
    };
    let (organization, projects) = asked_extent(form)?;
    Ok(NewToken {
        account,
        kind: is_recorder.then(|| "recorder".to_owned()),
        name: form.trimmed("name").unwrap_or_default().to_owned(),
        permissions,
        organization,
        projects,
        expires_at,
    })
}

fn made(visit: &Visit, desk: Desk, token: &Token, secret: &Secret) -> Markup {
    let (path, name) = desk.back();
    let origin = &visit.setting.origin;
    let bearer = "-H \"Authorization: Bearer $MAR_AUDIT_TOKEN\"";
    let call = match token.permissions.has(Permission::Read) {
        true => format!("curl {bearer} '{origin}/v1/entries?limit=1'"),
        false if token.kind == Kind::Recorder => format!(
            "curl {bearer} -H 'Content-Type: application/json' {origin}/v1/entries \\\n  -d '{{\"actor\": {{\"type\": \"system\", \"name\": \"test\"}}, \"action\": \"login\", \"result\": \"success\"}}'"
        ),
        false => format!("curl {bearer} {origin}/v1/access/me"),
    };
    let lines = [
        (
            "For this shell:",
            format!("export MAR_AUDIT_TOKEN={}", secret.expose()),
        ),
        ("Then, to try it:", call),
    ];
    html! {
        (super::back(path, name))
        (head(&format!("Token made: {}", plain(&token.name)), "", html! {}))
        section.sheet.part {
            (tables::once(secret.expose(), "Token", &lines))
            dl.pairs {
                dt { "May" } dd { (words::permissions(token.permissions)) }
                dt { "Where" } dd { @if token.extent == Extent::Server { "wherever its account may" } @else { span { (words::extent(&token.extent)) } } }
                dt { "Good until" } dd { @match token.expires_at { Some(at) => (visit.setting.zone.minute(at)), None => "it is revoked" } }
            }
            div.row { a.button.primary href=(path) { "Done" } }
        }
    }
}

/// The question before a token is revoked.
pub fn revoke_page(
    visit: &Visit,
    desk: Desk,
    id: &str,
    problem: Option<&Problem>,
) -> Result<Markup, Problem> {
    let access = visit.app.door.access()?;
    let mut all = access.tokens(&visit.caller.principal).into_iter();
    let token = all.find(|token| token.id.as_str() == id);
    let token = token.ok_or_else(|| gone("token"))?;
    let now = visit.app.now();
    let question = Question {
        title: format!("Revoke {}?", plain(&token.name)),
        says: html! {
            p { "Whatever shows this token is refused from that moment on; exports and tails under way end within a second. It cannot be taken back: make another token instead." }
            p { "Last used: " @match token.used_at { Some(at) => (words::instant(&visit.setting, now, at)), None => "never" } }
        },
        action: Some(format!("{}/{}/revoke", desk.home(), token.id)),
        answer: "Revoke",
        back: desk.back().0.to_owned(),
    };
    Ok(question.page(problem))
}

/// `GET /access/tokens/{id}/revoke` asks first.
pub async fn goes(visit: Visit, Path(id): Path<String>) -> Response {
    let page = visit.managed().map(drop);
    let page = page.and_then(|()| revoke_page(&visit, Desk::All, &id, None));
    visit.show(Tab::Tokens, "Revoke a token", page)
}

/// `POST /access/tokens/{id}/revoke`
pub async fn revoke_token(visit: Visit, Path(id): Path<String>) -> Response {
    revoked(&visit, Desk::All, &id).await
}

/// Revokes a token, and leads back.
pub async fn revoked(visit: &Visit, desk: Desk, id: &str) -> Response {
    match revoke(&visit.app, visit.caller.clone(), id).await {
        Ok(_) => visit.seen_at(desk.back().0),
        Err(problem) => {
            let title = "Revoke a token";
            visit.again(desk.tab(), title, &Form::default(), &problem, |_| {
                revoke_page(visit, desk, id, Some(&problem))
            })
        }
    }
}
