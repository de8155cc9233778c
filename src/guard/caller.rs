//! Who calls, and how: what a handler that shows or changes anything asks for.

use super::door::Door;
use super::forwarded::{Sender, sender};
use super::{framing, shown};
use crate::access::token::{Kind as Shown, Presented};
use crate::access::{Credential, Denied, Identifier, Principal};
use crate::app::App;
use crate::problem::{Kind, Problem};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use entry::Timestamp;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The cookie of a browser that signed in.
pub const COOKIE: &str = "mar_session";

/// A call and who makes it. A handler that takes one is not run for anybody else.
#[derive(Clone, Debug)]
pub struct Caller {
    pub principal: Principal,
    pub circumstances: Circumstances,
}

/// What is known of a call besides who makes it.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Whom the call comes from: the other end of the connection, or whom a trusted proxy there names.
    pub ip: Option<IpAddr>,
    /// A trusted proxy handed the call on.
    pub by_proxy: bool,
    pub user_agent: Option<Box<str>>,
    /// `X-Request-Id`, as the caller sent it.
    pub request_id: Option<Box<str>>,
    pub method: Method,
    /// Without parameters: those may hold what somebody searched for.
    pub path: Box<str>,
    /// The caller's browser speaks TLS, to us or to the proxy before us.
    pub https: bool,
    /// `?purpose=`: why, in the caller's words.
    pub purpose: Option<Box<str>>,
    /// `?unmask=true`: what a role hides is asked for, by who may.
    pub unmask: bool,
}

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The longest text of a header that is kept for the log, in bytes.
const KEPT_BYTES_MAX: usize = 512;

/// What somebody showed on calling.
#[derive(Clone)]
pub(super) enum Identity {
    Nobody,
    Known(Principal),
    /// Something that lets nobody in; said once, without what it was.
    Denied(&'static str),
}

impl Caller {
    /// This process itself, where there is no call.
    pub fn process() -> Self {
        Self {
            principal: Principal::process(),
            circumstances: Circumstances::default(),
        }
    }

    /// The account's own person is at the browser.
    pub fn is_by_session_of(&self, account: &Identifier) -> bool {
        let by_session = matches!(self.principal.credential, Credential::Session(_));
        by_session && self.principal.account() == Some(account)
    }
}

impl Circumstances {
    pub(super) fn of(app: &App, request: &Request) -> Self {
        let headers = request.headers();
        let text = |name: HeaderName| {
            let text = headers.get(name)?.to_str().ok()?;
            let kept = &text[..text.floor_char_boundary(KEPT_BYTES_MAX)];
            (!kept.is_empty()).then(|| kept.into())
        };
        let peer = request.extensions().get::<Peer>();
        let from = peer.map(|peer| sender(peer.0.ip(), &app.settings.proxies, headers));
        let told = from.and_then(|from: Sender| from.https);
        Self {
            ip: from.map(|from| from.ip),
            by_proxy: from.is_some_and(|from| from.by_proxy),
            user_agent: text(header::USER_AGENT),
            request_id: text(HeaderName::from_static("x-request-id")),
            method: request.method().clone(),
            path: request.uri().path().into(),
            https: told.unwrap_or(app.settings.tls.is_some()),
            purpose: None,
            unmask: false,
        }
    }

    /// The call comes from this machine, and nobody forwards it: what a proxy sends by itself may be anybody's.
    pub fn is_loopback(&self, headers: &HeaderMap) -> bool {
        let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip"];
        !self.by_proxy
            && self.ip.is_some_and(|ip| ip.is_loopback())
            && !forwarded.iter().any(|name| headers.contains_key(*name))
    }
}

/// Who the headers speak for. Where there are two credentials, the bearer's counts.
pub(super) fn identify(door: &Door, path: &str, headers: &HeaderMap, now: Timestamp) -> Identity {
    let Door::Guarded(guarded) = door else {
        return Identity::Known(Principal::local());
    };
    let (text, is_cookie) = match (shown::token(path, headers), cookie(headers)) {
        (Some(Ok(token)), _) => (token, false),
        (Some(Err(what)), _) => return Identity::Denied(what),
        (None, Some(session)) => (Cow::Borrowed(session), true),
        (None, None) => return Identity::Nobody,
    };
    let text = text.as_ref();
    // Each where it belongs: what a browser sends by itself must not be what programs hold, nor the other way round.
    let fits = match Presented::parse(text).map(|shown| shown.kind) {
        Ok(Shown::Session) => is_cookie,
        Ok(Shown::Personal | Shown::Service | Shown::Recorder) => !is_cookie,
        Ok(Shown::Auditor | Shown::Embed) => true,
        Ok(Shown::Bootstrap) => false,
        Err(_) => return Identity::Denied("the credential was mistyped or cut"),
    };
    if !fits {
        return Identity::Denied("that is no credential for calls");
    }
    match guarded.access.authenticate(text, now) {
        Ok(principal) => Identity::Known(principal),
        Err(Denied::Expired) => Identity::Denied("the credential has expired"),
        Err(denied) => {
            tracing::debug!(%denied, "a credential was refused");
            Identity::Denied("the credential is not known, or not any more")
        }
    }
}

/// The credential that a browser holds, if it sent one.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    framing::cookie(headers)
}

/// The value of a cookie, if there is one.
pub fn named_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let sent = headers.get_all(header::COOKIE).iter();
    let pairs = sent
        .filter_map(|sent| sent.to_str().ok())
        .flat_map(|sent| sent.split(';'));
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    let found = pairs.find(|(known, _)| *known == name);
    found
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

/// True if the call is let in by what a browser sends by itself, so that another site's page could have made it.
pub(super) fn is_by_cookie(door: &Door, headers: &HeaderMap) -> bool {
    !door.is_open() && !headers.contains_key(header::AUTHORIZATION) && cookie(headers).is_some()
}

/// Why a call was not answered: it must sign in first.
#[derive(Debug)]
pub enum SignInFirst {
    /// A program.
    Program(Box<Problem>),
    /// A person, who comes back to where it was going.
    Person(String),
    /// A page in another site's frame, where nobody signs in.
    Frame(&'static str),
}

impl IntoResponse for SignInFirst {
    fn into_response(self) -> Response {
        match self {
            SignInFirst::Program(problem) => problem.into_response(),
            SignInFirst::Person(to) => {
                let to = HeaderValue::from_str(&to)
                    .unwrap_or_else(|_| HeaderValue::from_static("/sign-in"));
                (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
            }
            SignInFirst::Frame(why) => {
                let to = format!("{}?over={why}", framing::PATH);
                (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
            }
        }
    }
}

/// 401, with why.
pub fn unauthenticated(why: &str) -> Problem {
    Kind::Unauthenticated
        .detail(why)
        .header(header::WWW_AUTHENTICATE, "Bearer")
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = SignInFirst;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, SignInFirst> {
        let circumstances = { parts.extensions.get::<Circumstances>() }.cloned();
        let circumstances = circumstances.unwrap_or_default();
        let why = match parts.extensions.get::<Identity>() {
            Some(Identity::Known(principal)) => {
                return Ok(Self {
                    principal: principal.clone(),
                    circumstances,
                });
            }
            Some(Identity::Denied(why)) => why,
            Some(Identity::Nobody) | None => {
                "sign in, or send a token: Authorization: Bearer mar_…"
            }
        };
        let known = framing::shows_embed(&parts.headers);
        Err(match is_for_people(&circumstances.path) {
            true if known => SignInFirst::Frame("expired"),
            true if framing::is_embedded(&circumstances.path, &parts.headers) => {
                SignInFirst::Frame("unknown")
            }
            true => SignInFirst::Person(sign_in(&parts.method, &parts.uri)),
            false => SignInFirst::Program(Box::new(unauthenticated(why))),
        })
    }
}

/// A page that a person opened, or a part of it that a script asks for, as opposed to what programs ask for.
fn is_for_people(path: &str) -> bool {
    !path.starts_with("/v1/") && !path.starts_with("/services/") && path != "/metrics"
}

/// `/sign-in`, with the way back to a page that can be opened again.
fn sign_in(method: &Method, uri: &Uri) -> String {
    if method != Method::GET {
        return "/sign-in".to_owned();
    }
    let next = uri.path_and_query().map_or("/", |next| next.as_str());
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("/sign-in?next={next}")
}
