//! Which calls are let in at all, who makes them, and what every answer says to a browser.
//!
//! Two ways in lead through the browser of a person who may do something here: a page of another site posting a form to us
//! (refused by `Origin` and `Sec-Fetch-Site`), and a page whose DNS name is rebound to 127.0.0.1 (refused by `Host`).
//!
//! - [`door`]: open, or guarded
//! - [`address`]: no token is in one
//! - [`caller`]: who calls, and how; the extractor that handlers take
//! - [`forwarded`]: whom a call comes from, where a proxy hands it on
//! - [`framing`]: which sites may show what in a frame
//! - [`shown`]: a token, as different programs show it
//! - [`stream`]: streams end when who reads them may no longer

mod address;
pub mod caller;
pub mod door;
pub mod forwarded;
pub mod framing;
mod shown;
pub mod stream;

pub use caller::{Caller, Circumstances, Peer};
pub use door::Door;

use crate::answer;
use crate::api::query::{Parameters, refused};
use crate::app::App;
use crate::body::linger;
use crate::metrics::Call;
use crate::problem::{Fault, Kind, Problem};
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// Checks the call, answers it, finishes the answer.
pub async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = request.uri().path().to_owned();
    let mut call = Call {
        route: request
            .extensions()
            .get::<MatchedPath>()
            .map_or("none", MatchedPath::as_str)
            .to_owned(),
        method: known_method(request.method()),
        status: 0,
    };
    let method = request.method().clone();
    let circumstances = Circumstances::of(&app, &request);
    let bare = address::must_hold_no_token(request.uri());
    let told = bare.is_ok().then_some(path.as_str());
    let checked = bare.and_then(|()| check(&app, &request, circumstances.https));
    let policy = transport(&app, &circumstances, &request);
    let ancestors = framing::ancestors(&app, &path, request.headers());
    let response = match checked.and_then(|()| introduce(&app, &mut request, circumstances)) {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            linger(request.into_body());
            problem.into_response()
        }
    };
    let mut response = answer::hold(&app, &method, response).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let document = problem.to_json(told);
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(document.len()));
        *response.body_mut() = Body::from(document);
    }
    secure(response.headers_mut(), ancestors.as_deref());
    if let Some(policy) = policy {
        let headers = response.headers_mut();
        headers.insert(header::STRICT_TRANSPORT_SECURITY, policy);
    }
    call.status = response.status().as_u16();
    app.metrics.answered(call, started.elapsed());
    response
}

/// Says with the call who makes it, and takes what every route understands out of its parameters.
fn introduce(
    app: &App,
    request: &mut Request,
    mut circumstances: Circumstances,
) -> Result<(), Problem> {
    let taken = std::mem::take(request);
    let (mut parts, body) = taken.into_parts();
    let read = take_parameters(&mut parts.uri, &mut circumstances);
    if circumstances.purpose.is_none() {
        circumstances.purpose = kept_purpose(&parts.headers);
    }
    let identity = caller::identify(&app.door, parts.uri.path(), &parts.headers, app.now());
    parts.extensions.insert(identity);
    parts.extensions.insert(circumstances);
    *request = Request::from_parts(parts, body);
    read
}

/// The longest `?purpose=`, in bytes: a ticket and a sentence.
pub const PURPOSE_BYTES_MAX: usize = 256;
/// The cookie of a browser whose reader said why, percent-encoded. A `?purpose=` counts before it.
pub const PURPOSE: &str = "mar_audit_purpose";

/// The purpose that the browser keeps; one that no page of ours kept is none.
pub fn kept_purpose(headers: &HeaderMap) -> Option<Box<str>> {
    let kept = caller::named_cookie(headers, PURPOSE)?;
    let (text, _) = url::form_urlencoded::parse(kept.as_bytes()).next()?;
    let is_short = (1..=PURPOSE_BYTES_MAX).contains(&text.len());
    is_short.then(|| text.into())
}

/// Takes `purpose` and `unmask`, which say how a call is meant on any route, out of the parameters.
fn take_parameters(uri: &mut Uri, circumstances: &mut Circumstances) -> Result<(), Problem> {
    let Some(query) = uri.query() else {
        return Ok(());
    };
    let is_own = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        matches!(name, "purpose" | "unmask")
    };
    if !query.split('&').any(|pair| is_own(&pair)) {
        return Ok(());
    }
    let (own, rest): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_own);
    let mut parameters = Parameters::read(Some(&own.join("&")))?;
    let mut faults = Vec::new();
    let purpose = parameters.once("purpose", &mut faults);
    if purpose
        .as_ref()
        .is_some_and(|text| text.len() > PURPOSE_BYTES_MAX)
    {
        faults.push(Fault::parameter("purpose", "at most 256 bytes"));
    }
    let switch = [("true", true), ("false", false)];
    let unmask = parameters.choice("unmask", &switch, &mut faults);
    if !faults.is_empty() {
        return Err(refused(faults));
    }
    circumstances.purpose = purpose.map(Into::into);
    circumstances.unmask = unmask.unwrap_or(false);
    let path = match rest.is_empty() {
        true => uri.path().to_owned(),
        false => format!("{}?{}", uri.path(), rest.join("&")),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path.parse().expect("a part of a path and query"));
    *uri = Uri::from_parts(parts).expect("parts of an address");
    Ok(())
}

/// A caller may invent methods; a label may not be invented.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// 404 as a problem document.
pub async fn no_such_route() -> Problem {
    Kind::NotFound.detail("no such route; /openapi.json lists those there are")
}

/// 405 as a problem document, and what is offered to a caller that asked; the router adds `Allow`.
pub async fn no_such_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    Kind::MethodNotAllowed
        .detail(format!("{method} does not apply to this path"))
        .into_response()
}

fn check(app: &App, request: &Request, https: bool) -> Result<(), Problem> {
    let (method, headers) = (request.method(), request.headers());
    let host = host(request.uri(), headers)?;
    if !is_ours(&host, app) {
        let detail = format!("{host:?} is not a name of this server; --public-host adds one");
        return Err(Kind::Misdirected.detail(detail));
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let foreign = match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => false,
        Some(_) => true,
    };
    let origin = match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin
            .to_str()
            .ok()
            .and_then(|o| o.split_once("://"))
            // A page that came unencrypted may be anybody's on the way.
            .is_some_and(|(scheme, o)| o == host && (scheme == "https" || !https)),
    };
    // What a browser sends by itself proves nothing about who meant the call: one that changes something says where from.
    let told = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    let untold = !told && caller::is_by_cookie(&app.door, headers);
    let brings = *method == Method::POST && framing::may_bring(app, request.uri().path(), headers);
    if (foreign || !origin || untold) && !brings {
        return Err(
            Kind::CrossOrigin.detail("a page of another origin may not change anything here")
        );
    }
    Ok(())
}

/// The authority the caller means: of an absolute request target, else of `Host`.
fn host(uri: &Uri, headers: &HeaderMap) -> Result<String, Problem> {
    if let Some(authority) = uri.authority() {
        return Ok(authority.as_str().to_ascii_lowercase());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next().map(HeaderValue::to_str), hosts.next()) {
        (Some(Ok(host)), None) => Ok(host.to_ascii_lowercase()),
        _ => Err(Kind::BadRequest.detail("exactly one Host header is needed")),
    }
}

/// A DNS name can be rebound to any address, an address cannot: loopback names and the configured ones pass, and where
/// others may reach the server anyway, any address does.
fn is_ours(host: &str, app: &App) -> bool {
    let name = without_port(host);
    let address = name.parse::<IpAddr>().ok();
    name == "localhost"
        || address.is_some_and(|ip| ip.is_loopback() || app.settings.may_be_reached())
        || app
            .settings
            .public_hosts
            .iter()
            .any(|ours| ours.eq_ignore_ascii_case(name) || ours.eq_ignore_ascii_case(host))
}

/// The name or address of an authority, without brackets.
pub fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// A browser that came here encrypted once never comes unencrypted again, for a year. Not where the proxy ends TLS: there it is
/// the proxy's to say; nor on this machine, whose name all its servers share.
fn transport(app: &App, circumstances: &Circumstances, request: &Request) -> Option<HeaderValue> {
    let host = host(request.uri(), request.headers()).ok()?;
    let name = without_port(&host);
    let is_local = name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let is_ours = app.settings.tls.is_some() && !circumstances.by_proxy;
    (is_ours && !is_local).then(|| HeaderValue::from_static("max-age=31536000"))
}

/// Pages load only what this server serves; everything else loads nothing.
const PAGE_POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors ";
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors ";

/// `ancestors` may show the answer in a frame; nobody, if there are none.
fn secure(headers: &mut HeaderMap, ancestors: Option<&str>) {
    let page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let policy = if page { PAGE_POLICY } else { DATA_POLICY };
    let policy = format!("{policy}{}", ancestors.unwrap_or("'none'"));
    let policy = HeaderValue::from_str(&policy).expect("origins are ASCII");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    if ancestors.is_none() {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    let fixed: [(HeaderName, &'static str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Entries are nobody's to keep but the log's; assets say otherwise for themselves.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}
