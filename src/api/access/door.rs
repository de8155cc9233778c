//! Claiming the server, signing in and out: what the pages' forms call too.

use super::bodies::{self, Claim, SignIn};
use super::shapes::{SessionShape, User};
use super::{Answer, said};
use crate::access::session::Session;
use crate::access::{Access, Account, Credential, Denied, Made, Principal, Secret};
use crate::app::App;
use crate::guard::caller::COOKIE;
use crate::guard::{Caller, Circumstances, Door};
use crate::problem::Problem;
use crate::watching::{self, Act, Deed};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Somebody who has just come in, and the cookie that says so.
pub struct SignedIn {
    pub session: Session,
    pub principal: Principal,
    pub cookie: HeaderValue,
}

/// `POST /v1/access/sign-in` begins a session; the answer sets its cookie.
pub async fn sign_in(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: SignIn = bodies::read(&app, &headers, body).await?;
    let password = Secret::new(asked.password);
    let signed_in = enter(&app, circumstances, asked.login, password).await?;
    Ok(answer(StatusCode::OK, &signed_in, None))
}

fn answer(status: StatusCode, signed_in: &SignedIn, account: Option<&Account>) -> Response {
    let session = SessionShape::of(&signed_in.session, &signed_in.principal);
    let mut body = json!({ "session": session });
    if let Some(account) = account {
        body["user"] = json!(User::from(account));
    }
    let mut response = said(status, &body);
    let headers = response.headers_mut();
    headers.insert(header::SET_COOKIE, signed_in.cookie.clone());
    response
}

/// Begins a session for who knows the password, and notes it; or notes that somebody tried.
pub async fn enter(
    app: &Arc<App>,
    circumstances: Circumstances,
    login: String,
    password: Secret,
) -> Result<SignedIn, Problem> {
    app.door.access()?;
    app.must_be_watchable()?;
    let from = circumstances
        .ip
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let browser = circumstances.user_agent.clone().unwrap_or_default();
    let now = app.now();
    let work = move |app: &Arc<App>| {
        let meant = circumstances.clone();
        let told = move |made: &Made<'_>| came_in(made, &meant);
        let enter = |access: &Access| access.sign_in(&login, &password, from, &browser, now);
        match app.witnessed(told, enter)?.answer {
            Ok((session, secret)) => Ok(SignedIn {
                session,
                principal: app.door.access()?.authenticate(secret.expose(), now)?,
                cookie: cookie(&secret, circumstances.https),
            }),
            // Whoever is not listened to any more leaves nothing: else a stranger could fill the log.
            Err(denied @ Denied::Slow { .. }) => Err(denied.into()),
            Err(denied) => {
                let caller = Caller {
                    principal: watching::nobody(),
                    circumstances,
                };
                app.note_here(&caller, watching::failed_sign_in(app, &login))?;
                Err(denied.into())
            }
        }
    };
    app.blocking_in(&app.hashing, work).await
}

/// What is noted of who begins a session.
fn came_in(made: &Made<'_>, circumstances: &Circumstances) -> (Caller, Deed) {
    let principal = match made.arrival() {
        Some((_, principal)) => principal,
        None => watching::nobody(),
    };
    let deed = Deed::new(Act::SignIn).of(principal.organization());
    let caller = Caller {
        principal,
        circumstances: circumstances.clone(),
    };
    (caller, deed)
}

/// The cookie of who came in. Only this server reads it, only from its own pages; a script never does.
pub fn cookie(secret: &Secret, https: bool) -> HeaderValue {
    let secure = if https { "; Secure" } else { "" };
    let secret = secret.expose();
    let text = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}");
    let mut value = HeaderValue::from_str(&text).expect("a token is ASCII");
    value.set_sensitive(true);
    value
}

/// The cookie taken back.
pub fn no_cookie() -> HeaderValue {
    let text = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    HeaderValue::from_str(&text).expect("fixed words")
}

/// `POST /v1/access/sign-out` ends the caller's session.
pub async fn sign_out(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    leave(&app, caller).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, no_cookie())]).into_response())
}

/// Ends the caller's session, if it has one, and notes it.
pub async fn leave(app: &Arc<App>, caller: Caller) -> Result<(), Problem> {
    let Credential::Session(id) = caller.principal.credential.clone() else {
        // Whatever else lets somebody in is not signed out of: the browser only forgets it.
        return Ok(());
    };
    let deed = Deed::new(Act::SignOut).of(caller.principal.organization());
    let work = move |access: &Access, by: &Caller| access.end_session(&by.principal, &id);
    super::change(app, caller, deed, work, |_, deed| deed).await
}

/// `POST /v1/access/claim` makes the first owner, once, by the link of the first start.
pub async fn claim(
    State(app): State<Arc<App>>,
    Extension(circumstances): Extension<Circumstances>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: Claim = bodies::read(&app, &headers, body).await?;
    let (account, signed_in) = begin(&app, circumstances, asked).await?;
    Ok(answer(StatusCode::CREATED, &signed_in, Some(&account)))
}

/// Makes the first owner and signs it in.
pub async fn begin(
    app: &Arc<App>,
    circumstances: Circumstances,
    asked: Claim,
) -> Result<(Account, SignedIn), Problem> {
    app.door.access()?;
    app.must_be_watchable()?;
    let (login, password) = (asked.login.clone(), Secret::new(asked.password));
    let (now, known) = (app.now(), password.clone());
    let meant = circumstances.clone();
    let work = move |app: &Arc<App>| {
        let told = move |made: &Made<'_>| claimed(made, &meant);
        let claim =
            |access: &Access| access.claim(&asked.link, &asked.login, &asked.name, &known, now);
        // A stranger's attempts leave nothing: nobody counts them.
        let account = app.witnessed(told, claim)?.answer?;
        if let Door::Guarded(guarded) = &app.door
            && let Err(error) = guarded.forget_first_sign_in()
        {
            // It is used up, whoever reads it.
            tracing::warn!(%error, "the file of the first sign-in is still there");
        }
        Ok(account)
    };
    let account = app.blocking_in(&app.hashing, work).await?;
    let signed_in = enter(app, circumstances, login, password).await?;
    Ok((account, signed_in))
}

/// What is noted of who becomes the first owner.
fn claimed(made: &Made<'_>, circumstances: &Circumstances) -> (Caller, Deed) {
    let principal = match made.account() {
        Some(account) => Principal::acting(account.party()),
        None => watching::nobody(),
    };
    let caller = Caller {
        principal,
        circumstances: circumstances.clone(),
    };
    (caller, super::made(made, Deed::new(Act::ClaimServer)))
}
