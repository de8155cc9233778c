//! How a person likes the pages, kept in cookies: nothing about them, nothing on the server.

use super::location::{Location, is_ours};
use super::moment::Zone;
use super::setting::Theme;
use crate::guard::{PURPOSE, PURPOSE_BYTES_MAX};
use axum::body::Bytes;
use axum::http::header::{HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

pub const THEME: &str = "mar_audit_theme";
pub const ZONE: &str = "mar_audit_zone";

/// How a page in another site's frame looks, as that site said; the person's own choices are for windows.
pub const LOOK: &str = "mar_embed_look";

/// The value of [`LOOK`].
pub fn look(theme: Option<Theme>, zone: Option<&Zone>) -> String {
    let mut look = url::form_urlencoded::Serializer::new(String::new());
    look.extend_pairs(theme.map(|theme| ("theme", theme.name())));
    look.extend_pairs(zone.map(|zone| ("tz", zone.name())));
    look.finish()
}

/// What [`LOOK`] says.
pub fn kept_look(headers: &HeaderMap) -> (Option<Theme>, Option<Zone>) {
    let look = Location::new("", cookie(headers, LOOK).unwrap_or_default());
    let theme = look.get("theme").and_then(Theme::parse);
    (theme, look.get("tz").and_then(Zone::parse))
}

/// Taken back: why somebody read is not why the next one does.
pub fn no_purpose() -> HeaderValue {
    HeaderValue::from_static("mar_audit_purpose=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// Until the browser is closed: a purpose is of today's work.
fn purpose(text: &str) -> HeaderValue {
    let text = text.trim();
    if text.is_empty() {
        return no_purpose();
    }
    let cut = &text[..text.floor_char_boundary(PURPOSE_BYTES_MAX)];
    let kept: String = url::form_urlencoded::byte_serialize(cut.as_bytes()).collect();
    let cookie = format!("{PURPOSE}={kept}; Path=/; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&cookie).expect("percent-encoded")
}

/// The value of a cookie, if the caller sent one.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|sent| sent.to_str().ok())
        .flat_map(|sent| sent.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// `POST /preferences` keeps `theme` or `tz` for a year, or `purpose` for now, and goes back to `return`.
pub async fn set(body: Bytes) -> Response {
    let fields = Location::new("", &String::from_utf8_lossy(&body));
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    let mut keep = |name: &str, value: &str| {
        let age = if value.is_empty() { 0 } else { 31_536_000 };
        let cookie = format!("{name}={value}; Path=/; Max-Age={age}; SameSite=Lax");
        // A theme's word and a zone's name from the database are ASCII without separators.
        headers.append(
            SET_COOKIE,
            HeaderValue::from_str(&cookie).expect("known words only"),
        );
    };
    if let Some(theme) = fields.get("theme") {
        keep(THEME, Theme::parse(theme).map_or("", Theme::name));
    }
    let mut back = fields
        .get("return")
        .filter(|path| is_ours(path))
        .unwrap_or("/")
        .to_owned();
    match (fields.get("tz"), fields.get("tz").and_then(Zone::parse)) {
        (_, Some(zone)) => keep(ZONE, if zone.is_utc() { "" } else { zone.name() }),
        // The page says that there is no such zone.
        (Some(name), None) => back = Location::list().with("tz", name).href(),
        (None, None) => {}
    }
    let purposes = url::form_urlencoded::parse(&body).find(|(name, _)| name == "purpose");
    if let Some((_, text)) = purposes {
        headers.append(SET_COOKIE, purpose(&text));
    }
    headers.insert(
        LOCATION,
        HeaderValue::from_str(&back).unwrap_or(HeaderValue::from_static("/")),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=1; mar_audit_theme=dark;b=2"),
        );
        assert_eq!(cookie(&headers, THEME), Some("dark"));
        assert_eq!(cookie(&headers, ZONE), None);
    }
}
