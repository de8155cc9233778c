//! Which calls are let in at all, and what every answer says to a browser.
//!
//! While there is no access control the server is protected by being reachable from its own machine only. Two ways around
//! that lead through the browser of a person who works there: a page of another site posting a form to us (refused by
//! `Origin` and `Sec-Fetch-Site`), and a page whose DNS name is rebound to 127.0.0.1 (refused by `Host`).

use crate::answer;
use crate::app::App;
use crate::body::linger;
use crate::metrics::Call;
use crate::problem::{Kind, Problem};
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// Checks the call, answers it, finishes the answer.
pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
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
    let response = match check(&app, &method, request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            linger(request.into_body());
            problem.into_response()
        }
    };
    let mut response = answer::hold(&app, &method, response).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let document = problem.to_json(Some(&path));
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(document.len()));
        *response.body_mut() = Body::from(document);
    }
    secure(response.headers_mut());
    call.status = response.status().as_u16();
    app.metrics.answered(call, started.elapsed());
    response
}

/// A caller may invent methods; a label may not be invented.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
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

fn check(app: &App, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let host = host(uri, headers)?;
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
            .is_some_and(|(_, o)| o == host),
    };
    if foreign || !origin {
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
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.parse::<IpAddr>().ok();
    name == "localhost"
        || address.is_some_and(|ip| ip.is_loopback() || app.settings.insecure_listen)
        || app
            .settings
            .public_hosts
            .iter()
            .any(|ours| ours.eq_ignore_ascii_case(name) || ours.eq_ignore_ascii_case(host))
}

/// Pages load only what this server serves; everything else loads nothing.
const PAGE_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

fn secure(headers: &mut HeaderMap) {
    let page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let policy = if page { PAGE_POLICY } else { DATA_POLICY };
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
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
