//! The pages by which people come in and leave. They call the functions of `/v1/access` and tell what those say.
//!
//! A secret that comes behind the `#` of a link is in no address that anybody sees but the browser: a script moves it into
//! the form's field, and without scripts a person pastes it there.

use super::form::Form;
use super::layout;
use super::location::{Location, is_ours};
use super::preferences;
use super::reader::By;
use super::setting::{self, Setting, icon};
use super::visible::Shown;
use crate::access::token::{Kind as Shows, Presented};
use crate::access::{Denied, Secret};
use crate::api::access::bodies::Claim;
use crate::api::access::door::{self, SignedIn};
use crate::app::App;
use crate::guard::caller::{SignInFirst, unauthenticated};
use crate::guard::{Caller, Circumstances};
use crate::problem::{Kind, Problem};
use crate::watching::{Act, Deed};
use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use std::sync::Arc;

/// Whoever calls, known or not.
type Anyone = Result<Caller, SignInFirst>;

/// The setting of one of these pages, for whom it knows already.
fn setting(
    app: &App,
    (caller, circumstances): (&Anyone, &Circumstances),
    here: Location,
    headers: &HeaderMap,
) -> Setting {
    match caller {
        Ok(caller) => setting::read(app, caller, here, headers),
        Err(_) => setting::of_nobody(app, circumstances, here, headers),
    }
}

/// `GET /sign-in?next=` asks for login and password.
pub async fn sign_in_form(
    State(app): State<Arc<App>>,
    caller: Anyone,
    Extension(circumstances): Extension<Circumstances>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    let here = Location::new("/sign-in", &raw.unwrap_or_default());
    let next = here.get("next").filter(|next| is_ours(next));
    let next = next.unwrap_or("/").to_owned();
    let setting = setting(&app, (&caller, &circumstances), here, &headers);
    let page = sign_in_page(&app, &setting, "", &next, None);
    super::html(&headers, StatusCode::OK, page)
}

/// `POST /sign-in` begins a session and goes where one was going.
pub async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (mut login, mut next) = (String::new(), "/".to_owned());
    let entered = async {
        let form = Form::read(&app, &headers, body).await?;
        login = form.text("login");
        next = form
            .get("next")
            .filter(|to| is_ours(to))
            .unwrap_or("/")
            .into();
        door::enter(
            &app,
            circumstances.clone(),
            form.text("login"),
            form.secret("password"),
        )
        .await
    };
    match entered.await {
        Ok(signed_in) => gone_in(&signed_in, &next),
        Err(problem) => {
            let setting = setting::of_nobody(
                &app,
                &circumstances,
                Location::new("/sign-in", ""),
                &headers,
            );
            let page = sign_in_page(&app, &setting, &login, &next, Some(&problem));
            refused(&headers, &problem, page)
        }
    }
}

fn gone_in(signed_in: &SignedIn, next: &str) -> Response {
    to(next, [signed_in.cookie.clone()])
}

/// 303 to a path of ours, with cookies.
pub(super) fn to(path: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response();
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The page of a refusal, with what the API's answer would say beside it.
pub(super) fn refused(asked: &HeaderMap, problem: &Problem, page: Markup) -> Response {
    let mut response = super::html(asked, problem.kind.status(), page);
    for (name, value) in problem.headers() {
        // It is for programs; a browser would ask by itself.
        if name != header::WWW_AUTHENTICATE {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    response
}

fn sign_in_page(
    app: &App,
    setting: &Setting,
    login: &str,
    next: &str,
    wrong: Option<&Problem>,
) -> Markup {
    let known = match &setting.reader.by {
        By::Account { name, .. } | By::Link { name, .. } => Some(name),
        By::Nobody | By::Open | By::Embed => None,
    };
    let again = !login.is_empty();
    let content = html! {
        h1 { "Sign in" }
        @if matches!(setting.reader.by, By::Open) {
            p { "Access to this server is open: whoever reaches it from this machine may do everything, and nobody signs in." }
            a.button.primary href=(next) { "To the audit logs" }
        } @else {
            p.soft { "to the audit logs on " b { (host(setting)) } }
            @if let Some(name) = known {
                p.told { "You are in already, as " b { (Shown(name)) } ". " a href=(next) { "Go on" } }
            }
            (alert(wrong.map(why_not_signed_in)))
            @if app.door.access().is_ok_and(|access| !access.has_owner()) {
                p.told { "Nobody owns them yet. The first owner comes in by the link that the server printed when it was started." }
            }
            (elsewhere(app, next))
            form method="post" action="/sign-in" {
                input type="hidden" name="next" value=(next);
                (field(&Field { label: "Login", name: "login", value: login, complete: "username", focus: !again, wrong: wrong.is_some(), ..Field::TEXT }))
                (field(&Field { label: "Password", name: "password", kind: "password", complete: "current-password", focus: again, wrong: wrong.is_some(), ..Field::TEXT }))
                button.button.primary { "Sign in" }
            }
        }
    };
    layout::entrance(setting, "Sign in", content)
}

/// The way in for those who have no password here. A link: the policy of pages lets no form lead to another host.
fn elsewhere(app: &App, next: &str) -> Markup {
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    html! {
        @if let Some(provider) = &app.settings.provider {
            a.button.elsewhere href={ "/sign-in/oidc?next=" (next) } { span { "Sign in with " (Shown(&provider.name)) } }
            p.or { "or with a password" }
        }
    }
}

/// Neither whether there is such a login, nor which of the two was wrong.
fn why_not_signed_in(problem: &Problem) -> String {
    match problem.kind {
        Kind::Unauthenticated => "The login or the password is wrong.".into(),
        Kind::TooManyAttempts => {
            let wait = { problem.headers().iter() }.find(|(name, _)| name == header::RETRY_AFTER);
            let seconds = wait.and_then(|(_, seconds)| seconds.to_str().ok());
            let seconds = seconds.unwrap_or("some");
            format!("Too many attempts. The next may be made in {seconds} s.")
        }
        _ => sentence(&problem.detail),
    }
}

/// What a program is told, as a sentence.
fn sentence(detail: &str) -> String {
    let mut chars = detail.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), chars.as_str())
}

fn host(setting: &Setting) -> &str {
    let host = setting.origin.split_once("://");
    host.map_or(&*setting.origin, |(_, host)| host)
}

/// A field of a form by which one comes in.
struct Field<'a> {
    label: &'a str,
    name: &'a str,
    kind: &'a str,
    value: &'a str,
    /// What a password manager puts there.
    complete: &'a str,
    hint: Option<&'a str>,
    length_min: Option<u8>,
    focus: bool,
    /// What was wrong stands in the alert above.
    wrong: bool,
    /// The script puts here what came behind the `#`.
    takes_secret: bool,
}

impl Field<'_> {
    const TEXT: Self = Field {
        label: "",
        name: "",
        kind: "text",
        value: "",
        complete: "off",
        hint: None,
        length_min: None,
        focus: false,
        wrong: false,
        takes_secret: false,
    };
}

fn field(field: &Field<'_>) -> Markup {
    let hint = format!("{}-hint", field.name);
    let described = [
        field.wrong.then_some("said"),
        field.hint.map(|_| hint.as_str()),
    ];
    let described: Vec<&str> = described.into_iter().flatten().collect();
    html! {
        div.field data-secret[field.takes_secret] {
            label for=(field.name) { (field.label) }
            input id=(field.name) type=(field.kind) name=(field.name) value=(field.value) autocomplete=(field.complete) required
                autocapitalize="none" spellcheck="false" autofocus[field.focus] minlength=[field.length_min]
                aria-invalid=[field.wrong.then_some("true")]
                aria-describedby=[(!described.is_empty()).then(|| described.join(" "))];
            @if let Some(words) = field.hint { p.soft id=(hint) { (words) } }
        }
    }
}

fn alert(words: Option<String>) -> Markup {
    html! {
        @if let Some(words) = words {
            div.notice #said role="alert" { (icon("warn")) div { (words) } }
        }
    }
}

/// `GET /sign-out` asks whether one means it, or says that it is done.
pub async fn sign_out_form(
    State(app): State<Arc<App>>,
    caller: Anyone,
    Extension(circumstances): Extension<Circumstances>,
    headers: HeaderMap,
) -> Response {
    let here = Location::new("/sign-out", "");
    let setting = setting(&app, (&caller, &circumstances), here, &headers);
    let content = html! {
        @match &setting.reader.by {
            By::Account { name, .. } | By::Link { name, .. } => {
                h1 { "Sign out" }
                p { "You are in as " b { (Shown(name)) } "." }
                form method="post" action="/sign-out" { button.button.primary { "Sign out" } }
                a href="/" { "Stay, and go back to the audit logs" }
            },
            By::Open => {
                h1 { "Nobody is signed in" }
                p { "Access to this server is open, so there is nothing to sign out of." }
                a.button.primary href="/" { "To the audit logs" }
            },
            By::Nobody | By::Embed => {
                h1 { "You are signed out" }
                p { "This browser shows nothing of the audit logs any more." }
                a.button.primary href="/sign-in" { "Sign in" }
            },
        }
    };
    let page = layout::entrance(&setting, "Sign out", content);
    super::html(&headers, StatusCode::OK, page)
}

/// `POST /sign-out` ends the session, and the browser forgets it and the purpose.
pub async fn sign_out(State(app): State<Arc<App>>, caller: Anyone, headers: HeaderMap) -> Response {
    if let Ok(caller) = caller
        && !app.door.is_open()
    {
        let setting = setting::read(&app, &caller, Location::new("/sign-out", ""), &headers);
        if let Err(problem) = door::leave(&app, caller).await {
            return refused(&headers, &problem, super::states::page(&setting, &problem));
        }
    }
    to("/sign-out", [door::no_cookie(), preferences::no_purpose()])
}

/// What is behind the `#` of a pasted link, or the secret itself.
pub(super) fn secret_of(pasted: &str) -> String {
    let behind = pasted.rsplit('#').next().unwrap_or_default();
    behind.trim().to_owned()
}

/// `GET /claim` asks the first owner who they are. Its link's secret is behind the `#`.
pub async fn claim_form(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    headers: HeaderMap,
) -> Response {
    let here = Location::new("/claim", "");
    let setting = setting::of_nobody(&app, &circumstances, here, &headers);
    let page = claim_page(&setting, &Claimed::default(), None);
    super::html(&headers, StatusCode::OK, page)
}

/// What was filled in, to be corrected.
#[derive(Default)]
struct Claimed {
    /// Only where the link was right: whoever filled it in need not find it again.
    link: String,
    login: String,
    name: String,
}

/// `POST /claim` makes the first owner and signs it in.
pub async fn claim(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let mut filled = Claimed::default();
    let claimed = async {
        let form = Form::read(&app, &headers, body).await?;
        filled = Claimed {
            link: secret_of(form.get("link").unwrap_or_default()),
            login: form.text("login"),
            name: form.text("name"),
        };
        let asked = Claim {
            link: filled.link.clone(),
            login: filled.login.clone(),
            name: filled.name.clone(),
            password: form.text("password"),
        };
        door::begin(&app, circumstances.clone(), asked).await
    };
    match claimed.await {
        Ok((_, signed_in)) => gone_in(&signed_in, "/"),
        Err(problem) => {
            if problem.kind != Kind::InvalidAccess {
                filled.link.clear();
            }
            let setting =
                setting::of_nobody(&app, &circumstances, Location::new("/claim", ""), &headers);
            let page = claim_page(&setting, &filled, Some(&problem));
            refused(&headers, &problem, page)
        }
    }
}

fn claim_page(setting: &Setting, filled: &Claimed, wrong: Option<&Problem>) -> Markup {
    let fault = wrong.and_then(|problem| problem.errors.first());
    let fault = fault.and_then(|fault| fault.pointer.as_deref());
    let at = |name: &str| fault.and_then(|at| at.strip_prefix('/')) == Some(name);
    let no_link = wrong.is_some_and(|problem| problem.kind == Kind::Unauthenticated);
    let content = html! {
        h1 { "Welcome" }
        p.soft { "Nobody owns the audit logs on " b { (host(setting)) } " yet. Whoever has the link that the server printed becomes the first owner, once." }
        (alert(wrong.map(why_not_claimed)))
        form method="post" action="/claim" {
            @if filled.link.is_empty() {
                (field(&Field { label: "The link, or what is behind its #", name: "link", focus: true, wrong: no_link, takes_secret: true,
                    hint: Some("Printed at the first start; also in first-sign-in in the data directory."), ..Field::TEXT }))
            } @else {
                input type="hidden" name="link" value=(filled.link);
            }
            (field(&Field { label: "Your name", name: "name", value: &filled.name, complete: "name", wrong: at("name"), ..Field::TEXT }))
            (field(&Field { label: "Login", name: "login", value: &filled.login, complete: "username", wrong: at("login"),
                hint: Some("Your mail address, or a short name."), ..Field::TEXT }))
            (field(&Field { label: "Password", name: "password", kind: "password", complete: "new-password", wrong: at("password"),
                hint: Some("At least 12 characters. A few words are easier to remember than one odd one."), length_min: Some(12), ..Field::TEXT }))
            button.button.primary { "Become the owner" }
        }
    };
    layout::entrance(setting, "First sign-in", content)
}

fn why_not_claimed(problem: &Problem) -> String {
    match problem.kind {
        Kind::Unauthenticated => "This link is not known here: it was used, is older than a day, or was cut. While nobody owns this server, each start prints a new one.".into(),
        _ => sentence(&problem.detail),
    }
}

/// `GET /link` is where an auditor's link leads. Its secret is behind the `#`.
pub async fn link_form(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    headers: HeaderMap,
) -> Response {
    let here = Location::new("/link", "");
    let setting = setting::of_nobody(&app, &circumstances, here, &headers);
    super::html(&headers, StatusCode::OK, link_page(&setting, None))
}

/// `POST /link` lets an auditor in and notes that.
pub async fn link(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let followed = async {
        let form = Form::read(&app, &headers, body).await?;
        let secret = Secret::new(secret_of(form.get("link").unwrap_or_default()));
        let https = circumstances.https;
        app.must_be_watchable()?;
        let principal = auditor(&app, &secret).map_err(why_no_auditor)?;
        let deed = Deed::new(Act::SignIn).of(principal.organization());
        let caller = Caller {
            principal,
            circumstances: circumstances.clone(),
        };
        app.note(&caller, deed).await?;
        Ok::<_, Problem>(door::cookie(&secret, https))
    };
    match followed.await {
        Ok(cookie) => to("/", [cookie]),
        Err(problem) => {
            let setting =
                setting::of_nobody(&app, &circumstances, Location::new("/link", ""), &headers);
            let page = link_page(&setting, Some(&problem));
            refused(&headers, &problem, page)
        }
    }
}

fn auditor(app: &App, secret: &Secret) -> Result<crate::access::Principal, Denied> {
    let access = match app.door.access() {
        Ok(access) => access,
        Err(_) => return Err(Denied::Unknown),
    };
    match Presented::parse(secret.expose())?.kind {
        Shows::Auditor => access.authenticate(secret.expose(), app.now()),
        _ => Err(Denied::Unknown),
    }
}

/// What to do next: ask for another link, or copy this one whole.
fn why_no_auditor(denied: Denied) -> Problem {
    unauthenticated(match denied {
        Denied::Expired => "This link is over. Whoever gave it to you can give you another.",
        Denied::Malformed(_) => {
            "This link was cut or mistyped: copy all of it, to the last character."
        }
        Denied::Unknown | Denied::Disabled | Denied::Slow { .. } | Denied::Failed(_) => {
            "This link is not known here, or it was revoked."
        }
    })
}

fn link_page(setting: &Setting, wrong: Option<&Problem>) -> Markup {
    let content = html! {
        h1 { "Auditor’s link" }
        p.soft { "It shows a part of the audit logs on " b { (host(setting)) } ", to be read and not changed. That it is used is noted." }
        (alert(wrong.map(|problem| problem.detail.clone())))
        form method="post" action="/link" data-go[wrong.is_none()] {
            (field(&Field { label: "The link, or what is behind its #", name: "link", focus: true, wrong: wrong.is_some(), takes_secret: true, ..Field::TEXT }))
            button.button.primary { "Open the audit logs" }
        }
    };
    layout::entrance(setting, "Auditor’s link", content)
}
