//! The way in for a page within another site's own: a token that its backend had made becomes the cookie of the frame.

use super::entrance::{refused, secret_of, to};
use super::form::Form;
use super::location::{Location, is_ours};
use super::moment::Zone;
use super::setting::{self, Setting, Theme, icon};
use super::{layout, preferences};
use crate::access::token::{Kind as Shows, Presented};
use crate::access::{Denied, Secret};
use crate::app::App;
use crate::guard::Circumstances;
use crate::guard::caller::unauthenticated;
use crate::guard::framing::{COOKIE, PATH};
use crate::problem::{Kind, Problem};
use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use maud::{Markup, html};
use std::net::IpAddr;
use std::sync::Arc;

/// `GET /embed` takes a token from behind the `#`; with `?over=` it says that there is none any more.
pub async fn form(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    let here = Location::new(PATH, &raw.unwrap_or_default());
    let setting = within(&app, &circumstances, here, &headers);
    if let Err(problem) = must_be_embeddable(&app) {
        return refused(&headers, &problem, refusal(&setting, &problem));
    }
    let page = match setting.here.get("over") {
        Some(why) => layout::entrance(&setting, "Audit logs", over(why)),
        None => layout::entrance(&setting, "Audit logs", ask(&setting, None)),
    };
    super::html(&headers, StatusCode::OK, page)
}

/// `POST /embed` makes a token the cookie of this frame and goes to `next`, else to all entries. How it looks is kept beside it:
/// `theme` and `tz`, of the form or the address.
pub async fn enter(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let here = Location::new(PATH, &raw.unwrap_or_default());
    let mut next = "/".to_owned();
    let mut view = None;
    let entered = async {
        must_be_embeddable(&app)?;
        let form = Form::read(&app, &headers, body).await?;
        let given = |name: &str| form.get(name).or_else(|| here.get(name)).map(str::to_owned);
        next = given("next")
            .filter(|to| is_ours(to))
            .unwrap_or(next.clone());
        let theme = given("theme").and_then(|theme| Theme::parse(&theme));
        let zone = given("tz").and_then(|zone| Zone::parse(&zone));
        view = Some((theme, zone));
        let token = Secret::new(secret_of(form.get("token").unwrap_or_default()));
        must_be_good(&app, &token).map_err(why_not)?;
        Ok::<_, Problem>(token)
    };
    match entered.await {
        Ok(token) => {
            let (theme, zone) = view.expect("it was read before the token was");
            let attributes = attributes(&circumstances, &headers);
            let look = preferences::look(theme, zone.as_ref());
            let cookies = [
                cookie(COOKIE, token.expose(), attributes),
                cookie(preferences::LOOK, &look, attributes),
            ];
            to(&next, cookies)
        }
        Err(problem) => {
            let setting = within(&app, &circumstances, here, &headers);
            refused(&headers, &problem, refusal(&setting, &problem))
        }
    }
}

/// What the pages around an embedded one look like.
fn within(
    app: &App,
    circumstances: &Circumstances,
    here: Location,
    headers: &HeaderMap,
) -> Setting {
    let theme = here.get("theme").and_then(Theme::parse);
    let setting = setting::of_nobody(app, circumstances, here, headers);
    let (kept, zone) = preferences::kept_look(headers);
    Setting {
        theme: theme.or(kept),
        zone: zone.unwrap_or(setting.zone),
        reader: super::reader::Reader::embedded(),
        ..setting
    }
}

fn must_be_embeddable(app: &App) -> Result<(), Problem> {
    app.door.access()?;
    match app.settings.embed_origins.is_empty() {
        false => Ok(()),
        true => Err(Kind::Forbidden.detail(
            "no other site may show these pages: the setting embed_origins, or --embed-origin, names those that may",
        )),
    }
}

fn must_be_good(app: &App, token: &Secret) -> Result<(), Denied> {
    let access = app.door.access().map_err(|_| Denied::Unknown)?;
    match Presented::parse(token.expose())?.kind {
        Shows::Embed => { access.authenticate(token.expose(), app.now()) }.map(drop),
        _ => Err(Denied::Unknown),
    }
}

fn why_not(denied: Denied) -> Problem {
    unauthenticated(match denied {
        Denied::Expired => "This token is over: the page around this one asks for another.",
        Denied::Malformed(_) => "This is no token, or not all of one.",
        Denied::Unknown | Denied::Disabled | Denied::Slow { .. } | Denied::Failed(_) => {
            "This token is no embed token of this server, or what made it was revoked."
        }
    })
}

/// To a frame of another site browsers send only cookies that say so, and are of that one site; that takes encryption, or
/// an address of the same machine.
fn attributes(circumstances: &Circumstances, headers: &HeaderMap) -> &'static str {
    let host = headers.get(axum::http::header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let url = url::Url::parse(&format!("http://{host}/")).ok();
    let is_local = url.is_some_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    });
    match circumstances.https || is_local {
        true => "; SameSite=None; Secure; Partitioned",
        false => "; SameSite=Lax",
    }
}

fn cookie(name: &str, value: &str, attributes: &str) -> HeaderValue {
    let text = format!("{name}={value}; Path=/; HttpOnly{attributes}");
    let mut value = HeaderValue::from_str(&text).expect("tokens and known words are ASCII");
    value.set_sensitive(true);
    value
}

fn refusal(setting: &Setting, problem: &Problem) -> Markup {
    let content = match problem.kind {
        Kind::Unauthenticated => ask(setting, Some(&problem.detail)),
        _ => html! { h1 { (problem.kind.title()) } p { (problem.detail) } },
    };
    layout::entrance(setting, "Audit logs", content)
}

fn ask(setting: &Setting, wrong: Option<&str>) -> Markup {
    let kept = ["theme", "tz", "next"];
    let kept = kept.map(|name| (name, setting.here.get(name)));
    html! {
        h1 { "Audit logs" }
        @if let Some(words) = wrong {
            div.notice #said role="alert" data-over { (icon("warn")) div { (words) } }
        }
        form method="post" action=(PATH) data-go[wrong.is_none()] {
            @for (name, value) in kept { @if let Some(value) = value { input type="hidden" name=(name) value=(value); } }
            div.field data-secret {
                label for="token" { "Token" }
                input #token type="text" name="token" autocomplete="off" spellcheck="false" required;
                p.soft { "The page around this one brings it; nobody types it." }
            }
            button.button.primary { "Show the audit logs" }
        }
    }
}

/// Why a frame shows nothing any more.
fn over(why: &str) -> Markup {
    html! {
        h1 { "This view is over" }
        div data-over {
            @if why == "unknown" {
                p { "This browser keeps no cookie for this frame, or not any more. Reload the page around it; if that does not help, allow cookies here, or open the audit logs in a window of their own." }
            } @else {
                p { "It was let in for a short time, which has passed. Reload the page around it." }
            }
        }
    }
}
