//! Signing in at the provider: the way there, the way back, and what a page says if nobody comes in.

use super::location::Location;
use super::preferences::cookie;
use super::setting::{self, Setting};
use super::{html, layout, states, unbound, visible};
use crate::access::provider::{Arrival, Barred};
use crate::access::{Access, Denied, Made, Principal, Secret};
use crate::api::access::door::cookie as session_cookie;
use crate::api::query::Parameters;
use crate::app::App;
use crate::guard::{self, Caller, Circumstances};
use crate::oidc::ticket::{COOKIE, LIFE_SECONDS, Secrets};
use crate::oidc::{CALLBACK, Failure, Provider, Returned, Ticket};
use crate::problem::Problem;
use crate::watching::{self, Act, Deed};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use maud::{Markup, html};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Where a browser sets out; `?next=` is where it goes once it is in.
pub const SET_OUT: &str = "/sign-in/oidc";

pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route(SET_OUT, get(set_out))
        .route(CALLBACK, get(come_back))
}

/// Why nobody came in.
enum Turned {
    Away(Failure),
    /// It is not about who tried: this server is busy, its disk full, its door open.
    Problem(Problem),
}

impl From<Failure> for Turned {
    fn from(failure: Failure) -> Self {
        Turned::Away(failure)
    }
}

impl From<Problem> for Turned {
    fn from(problem: Problem) -> Self {
        Turned::Problem(problem)
    }
}

impl From<crate::access::Error> for Turned {
    fn from(error: crate::access::Error) -> Self {
        Turned::Problem(error.into())
    }
}

/// `GET /sign-in/oidc` sends a browser to the provider, with a ticket for the way back.
async fn set_out(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(provider) = app.provider.clone() else {
        return guard::no_such_route().await.into_response();
    };
    let asked = Location::new(SET_OUT, &raw.unwrap_or_default());
    match begin(&app, &provider, asked.get("next")).await {
        Ok((to, ticket)) => {
            let mut response = Redirect::to(&to).into_response();
            response.headers_mut().append(header::SET_COOKIE, ticket);
            response
        }
        Err(turned) => {
            let setting = setting_of(&app, &circumstances, &headers);
            refused(&setting, &provider, &headers, turned)
        }
    }
}

/// Without what was sent: a code is no part of any page.
fn setting_of(app: &App, circumstances: &Circumstances, headers: &HeaderMap) -> Setting {
    setting::of_nobody(app, circumstances, Location::new(SET_OUT, ""), headers)
}

async fn begin(
    app: &Arc<App>,
    provider: &Arc<Provider>,
    next: Option<&str>,
) -> Result<(String, HeaderValue), Turned> {
    let access = app.door.access()?;
    let ticket = Ticket::new(next, app.now())?;
    let secrets = ticket.secrets(access);
    let asked = Arc::clone(provider);
    let address = app.blocking_in(&provider.calls, move |_| Ok(asked.address(&secrets)));
    let address = address.await??;
    let text = ticket.write(access);
    Ok((address.into(), ticket_cookie(&text, LIFE_SECONDS, provider)))
}

/// Sent back with the way back only, and only by this browser's own going there.
fn ticket_cookie(text: &str, seconds: i64, provider: &Provider) -> HeaderValue {
    let secure = if provider.settings.is_https() {
        "; Secure"
    } else {
        ""
    };
    let text = format!(
        "{COOKIE}={text}; Path={SET_OUT}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    );
    let mut value = HeaderValue::from_str(&text).expect("base64 and digits");
    value.set_sensitive(true);
    value
}

/// `GET /sign-in/oidc/callback` is where the provider sends a browser back to. Whatever comes of it, the ticket is used up.
async fn come_back(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(provider) = app.provider.clone() else {
        return guard::no_such_route().await.into_response();
    };
    let returned = returned(raw.as_deref());
    let ticket = cookie(&headers, COOKIE).map(str::to_owned);
    let setting = setting_of(&app, &circumstances, &headers);
    let arrived = arrive(&app, &provider, circumstances, ticket, returned).await;
    let mut response = match arrived {
        Ok((to, session)) => {
            let mut response = Redirect::to(&to).into_response();
            response.headers_mut().append(header::SET_COOKIE, session);
            response
        }
        Err(turned) => refused(&setting, &provider, &headers, turned),
    };
    let no_ticket = ticket_cookie("", 0, &provider);
    response.headers_mut().append(header::SET_COOKIE, no_ticket);
    response
}

/// What the provider sent back; nothing of it, if a part is there twice.
fn returned(raw: Option<&str>) -> Returned {
    let Ok(mut sent) = Parameters::read(raw) else {
        return Returned::default();
    };
    let mut faults = Vec::new();
    let mut once = |name| sent.once(name, &mut faults);
    let returned = Returned {
        code: once("code").map(Secret::new),
        state: once("state"),
        issuer: once("iss"),
        error: once("error"),
    };
    match faults.is_empty() {
        true => returned,
        false => Returned::default(),
    }
}

/// Begins a session for who came back, and notes it; or notes that somebody tried. The way onward, and the cookie.
async fn arrive(
    app: &Arc<App>,
    provider: &Arc<Provider>,
    circumstances: Circumstances,
    ticket: Option<String>,
    returned: Returned,
) -> Result<(String, HeaderValue), Turned> {
    let access = app.door.access()?;
    app.must_be_watchable()?;
    let ip = circumstances.ip;
    let from = ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    // Whoever is not listened to any more leaves nothing: else a stranger could fill the log.
    match access.attempt_from(from, app.now()) {
        Ok(()) => {}
        Err(Denied::Slow { wait }) => return Err(Failure::Slow { wait }.into()),
        Err(denied) => return Err(Problem::from(denied).into()),
    }
    let browser = circumstances.user_agent.clone().unwrap_or_default();
    let ticket = ticket_of(app, access, provider, ticket, &returned);
    let asked = Arc::clone(provider);
    // All of it on one thread: whoever hangs up takes no entry with them.
    let work = move |app: &Arc<App>| {
        let meant = (circumstances.clone(), Arc::clone(&asked));
        let told = move |made: &Made<'_>| came_in(made, &meant.0, &meant.1);
        let arrived = ticket.and_then(|(ticket, secrets)| {
            let newcomer = asked.finish(&secrets, &returned)?;
            Ok((newcomer, ticket.next))
        });
        let arrived = match arrived {
            Err(failure) => Err(failure),
            Ok((newcomer, next)) => {
                let arrive = |access: &Access| access.arrive(&newcomer, from, &browser, app.now());
                let arrival = app.witnessed(told, arrive)?.answer;
                arrival.map(|one| (one, next)).map_err(Failure::from)
            }
        };
        match arrived {
            Ok((arrival, next)) => Ok(Ok(welcome(app, &asked, &circumstances, &arrival, next)?)),
            Err(failure) => {
                tell(&failure);
                let caller = Caller {
                    principal: watching::nobody(),
                    circumstances,
                };
                app.note_here(&caller, failed(app.door.access()?, &asked, &failure))?;
                Ok(Err(failure))
            }
        }
    };
    Ok(app.blocking_in(&provider.calls, work).await??)
}

/// Where somebody who came in goes on, and the cookie.
fn welcome(
    app: &App,
    provider: &Provider,
    circumstances: &Circumstances,
    arrival: &Arrival,
    next: String,
) -> Result<(String, HeaderValue), Problem> {
    let https = circumstances.https || provider.settings.is_https();
    let access = app.door.access()?;
    let principal = access.authenticate(arrival.secret.expose(), app.now())?;
    let to = match principal.grants().is_empty() {
        true => unbound::PATH.to_owned(),
        false => next,
    };
    Ok((to, session_cookie(&arrival.secret, https)))
}

/// The ticket that this browser set out with, used up now.
fn ticket_of(
    app: &App,
    access: &Access,
    provider: &Provider,
    ticket: Option<String>,
    returned: &Returned,
) -> Result<(Ticket, Secrets), Failure> {
    let now = app.now();
    let ticket = ticket.and_then(|text| Ticket::read(&text, access, now));
    let ticket = ticket.ok_or(Failure::NotBegun)?;
    let state = returned.state.as_deref().unwrap_or_default();
    if !ticket.is_of(state, access) {
        return Err(Failure::NotBegun);
    }
    provider.use_up(&ticket, now)?;
    let secrets = ticket.secrets(access);
    Ok((ticket, secrets))
}

/// What is noted of who begins a session.
fn came_in(made: &Made<'_>, circumstances: &Circumstances, provider: &Provider) -> (Caller, Deed) {
    let deed = Deed::new(Act::SignIn).with("provider", provider.settings.issuer.as_str());
    let circumstances = circumstances.clone();
    let Some((account, principal)) = made.arrival() else {
        let principal = watching::nobody();
        let caller = Caller {
            principal,
            circumstances,
        };
        return (caller, deed);
    };
    let deed = deed.of(principal.organization());
    let deed = match made.is_new(&account) {
        true => deed.with("account", "created"),
        false => deed,
    };
    let groups = made.bound_groups(&account);
    let deed = match groups.is_empty() {
        true => deed,
        false => deed.with("groups", groups),
    };
    let caller = Caller {
        principal,
        circumstances,
    };
    (caller, deed)
}

fn failed(access: &Access, provider: &Provider, failure: &Failure) -> Deed {
    let code = match failure.status() {
        StatusCode::BAD_REQUEST => "400",
        StatusCode::BAD_GATEWAY => "502",
        _ => "403",
    };
    let deed = Deed::new(Act::SignIn)
        .refused(code)
        .with("provider", provider.settings.issuer.as_str())
        .with("reason", failure.reason());
    let account = match failure {
        Failure::Barred(Barred::Disabled { account }) => Some((**account).clone()),
        Failure::Barred(Barred::Taken { login }) => {
            access.account_of(&Principal::process(), login.as_str())
        }
        _ => None,
    };
    match account {
        Some(account) => deed.to("user", account.id.as_str(), Some(&account.name)),
        None => deed,
    }
}

/// What whoever runs the server must know; who tried is told by the page.
fn tell(failure: &Failure) {
    match failure {
        Failure::Unreachable(_) | Failure::Unusable(_) => {
            tracing::error!(%failure, "the sign-in provider");
        }
        Failure::CodeRefused(_) | Failure::Untrusted(_) | Failure::BadGroups => {
            tracing::warn!(%failure, "a sign-in at the provider was refused");
        }
        _ => tracing::debug!(reason = failure.reason(), "nobody was signed in"),
    }
}

fn refused(
    setting: &Setting,
    provider: &Provider,
    headers: &HeaderMap,
    turned: Turned,
) -> Response {
    match turned {
        Turned::Problem(problem) => {
            let status = problem.kind.status();
            html(headers, status, states::page(setting, &problem))
        }
        Turned::Away(failure) => {
            let page = page(setting, provider, &failure);
            let mut response = html(headers, failure.status(), page);
            if let Failure::Slow { wait } = failure {
                let wait = wait.as_secs().max(1);
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, wait.into());
            }
            response
        }
    }
}

fn page(setting: &Setting, provider: &Provider, failure: &Failure) -> Markup {
    let again = format!("{}{SET_OUT}", provider.settings.public_url);
    let content = html! {
        h1 { (failure.title()) }
        p { (visible::plain(&failure.advice())) }
        p.soft { "Reason: " code { (failure.reason()) } }
        @if failure.may_be_tried_again() {
            a.button.primary href=(again) { "Sign in with " (visible::plain(&provider.settings.name)) }
        }
        a href="/sign-in" { "Sign in otherwise" }
    };
    layout::entrance(setting, failure.title(), content)
}
