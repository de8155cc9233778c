//! Which sites may show our pages in a frame: those that are configured, and of our pages the ones that an embed token asks
//! for, with the way in by one. Everything else is framed by nobody.
//!
//! The cookie of such a page is not that of a person who signed in: one browser may hold both, and which of them a call is
//! meant by is told by where the page stands, in a frame or in a window of its own.

use super::{caller, shown};
use crate::access::token::{Kind, Presented};
use crate::app::App;
use axum::http::HeaderMap;
use std::borrow::Cow;
use std::fmt;
use url::{Origin, Url};

/// Where an embed token is turned into a cookie: the one path that other sites may post a form to, since what lets
/// somebody in is in its body.
pub const PATH: &str = "/embed";
/// The cookie of a page in another site's frame.
pub const COOKIE: &str = "mar_embed";

/// A site whose pages may hold ours: `https://console.mar.example`, port optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site(String);

impl Site {
    /// `None` for anything but scheme, host and port: a policy of the browser is made of it.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let origin = match url.origin() {
            origin @ Origin::Tuple(..) => origin.ascii_serialization(),
            Origin::Opaque(_) => return None,
        };
        let is_web = matches!(url.scheme(), "https" | "http");
        let is_bare = origin.eq_ignore_ascii_case(text.strip_suffix('/').unwrap_or(text));
        (is_web && is_bare).then_some(Self(origin))
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the page stands that a call is made for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Frame,
    Window,
    /// A script's call, or a browser that does not tell.
    Untold,
}

impl Place {
    fn of(headers: &HeaderMap) -> Self {
        // Our own scripts tell what the browser does not.
        if headers.contains_key("x-framed") {
            return Place::Frame;
        }
        match headers.get("sec-fetch-dest").map(|dest| dest.as_bytes()) {
            Some(b"iframe" | b"frame" | b"embed" | b"object" | b"fencedframe") => Place::Frame,
            Some(b"document") => Place::Window,
            _ => Place::Untold,
        }
    }
}

/// True if the call is made for a page in a frame.
pub fn is_in_frame(headers: &HeaderMap) -> bool {
    Place::of(headers) == Place::Frame
}

/// Of the cookies that let somebody in, the one that this call is meant by.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let session = caller::named_cookie(headers, caller::COOKIE);
    let embedded = caller::named_cookie(headers, COOKIE);
    match Place::of(headers) {
        Place::Frame => embedded.or(session),
        Place::Window => session,
        Place::Untold => session.or(embedded),
    }
}

/// True if what lets this call in is an embed token, good or over.
pub(super) fn shows_embed(headers: &HeaderMap) -> bool {
    let shown = match shown::bearer(headers) {
        Some(token) => token.ok(),
        None => cookie(headers).map(Cow::Borrowed),
    };
    shown.is_some_and(|text| Presented::parse(&text).is_ok_and(|shown| shown.kind == Kind::Embed))
}

/// True if the call is made for a frame, and is not by a person who signed in: what it shows, other sites may hold.
pub(super) fn is_embedded(path: &str, headers: &HeaderMap) -> bool {
    let unknown = || is_in_frame(headers) && cookie(headers).is_none();
    path == PATH || shows_embed(headers) || unknown()
}

/// What the browser is told of who may frame an answer; `None`: nobody.
pub(super) fn ancestors(app: &App, path: &str, headers: &HeaderMap) -> Option<String> {
    let sites = &app.settings.embed_origins;
    if sites.is_empty() || app.door.is_open() || !is_embedded(path, headers) {
        return None;
    }
    let sites: Vec<&str> = sites.iter().map(|site| &*site.0).collect();
    Some(sites.join(" "))
}

/// True if a form from there may bring a token here.
pub(super) fn may_bring(app: &App, path: &str, headers: &HeaderMap) -> bool {
    let origin = headers.get(axum::http::header::ORIGIN);
    let origin = origin.and_then(|origin| origin.to_str().ok());
    let known = |origin: &str| app.settings.embed_origins.iter().any(|s| s.0 == origin);
    path == PATH && origin.is_some_and(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    #[test]
    fn a_site_is_scheme_host_and_port_and_nothing_that_widens_a_policy() {
        for (text, site) in [
            ("https://console.mar.example", "https://console.mar.example"),
            (
                "https://Console.mar.example/",
                "https://console.mar.example",
            ),
            ("http://localhost:8081", "http://localhost:8081"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ] {
            let parsed = Site::parse(text).map(|site| site.to_string());
            assert_eq!(parsed.as_deref(), Some(site));
        }
        for text in [
            "",
            "*",
            "'self'",
            "console.mar.example",
            "https://",
            "https://*.mar.example; script-src *",
            "https://mar.example https://evil.example",
            "https://mar.example/console",
            "https://ana@mar.example",
            "https://mar.example?",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://mar.example",
        ] {
            assert_eq!(Site::parse(text), None, "{text:?}");
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let value = HeaderValue::from_static(value);
            (HeaderName::from_static(name), value)
        });
        pairs.collect()
    }

    #[test]
    fn of_two_cookies_the_one_counts_that_the_page_was_opened_by() {
        const BOTH: (&str, &str) = ("cookie", "mar_session=s; mar_embed=e");
        for (told, cookie) in [
            (("sec-fetch-dest", "iframe"), Some("e")),
            (("x-framed", "yes"), Some("e")),
            (("sec-fetch-dest", "document"), Some("s")),
            (("sec-fetch-dest", "empty"), Some("s")),
        ] {
            assert_eq!(super::cookie(&headers(&[BOTH, told])), cookie, "{told:?}");
        }
        let only = ("cookie", "mar_embed=e");
        let window = ("sec-fetch-dest", "document");
        assert_eq!(super::cookie(&headers(&[only])), Some("e"));
        assert_eq!(super::cookie(&headers(&[only, window])), None);
    }
}
