//! A token as a program shows it: as a bearer's; and where programs are spoken to that know other ways only, in those too.
//!
//! Another way shows the same token, and lets nobody in who would not be let in otherwise. It is believed below the addresses of
//! the programs that need it, and nowhere else: what a browser asks for and keeps (a name and a password) is no way into pages.

use axum::http::{HeaderMap, header};
use data_encoding::BASE64;
use std::borrow::Cow;

/// The ways besides the bearer's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A name, which says nothing, and the token as the password, in base64.
    Basic,
    /// The token, or an id, which says nothing, and the token in base64.
    ApiKey,
    /// The token.
    Splunk,
}

/// Below which addresses which ways are believed.
const WAYS: &[(&str, &[Way])] = &[
    ("/v1/sources/elastic/", &[Way::Basic, Way::ApiKey]),
    ("/v1/sources/hec/", &[Way::Splunk, Way::Basic]),
    ("/services/collector", &[Way::Splunk, Way::Basic]),
];

/// What the headers of a call show; `None` if nothing.
pub fn token<'h>(path: &str, headers: &'h HeaderMap) -> Option<Result<Cow<'h, str>, &'static str>> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (all.next()?, all.next());
    let text = first.to_str().ok().filter(|_| second.is_none());
    let token = text.and_then(|text| {
        let (scheme, shown) = text.split_once(' ')?;
        let shown = shown.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Cow::Borrowed(shown));
        }
        let way = Way::of(scheme)?;
        let is_known =
            |(below, ways): &(&str, &[Way])| path.starts_with(below) && ways.contains(&way);
        WAYS.iter().any(is_known).then(|| way.token(shown))?
    });
    Some(token.ok_or("Authorization is one header: Bearer and a token"))
}

/// What a call shows on any address.
pub fn bearer(headers: &HeaderMap) -> Option<Result<Cow<'_, str>, &'static str>> {
    token("", headers)
}

impl Way {
    fn of(scheme: &str) -> Option<Self> {
        let named = |name: &str| scheme.eq_ignore_ascii_case(name);
        match () {
            () if named("basic") => Some(Self::Basic),
            () if named("apikey") => Some(Self::ApiKey),
            () if named("splunk") => Some(Self::Splunk),
            () => None,
        }
    }

    fn token(self, shown: &str) -> Option<Cow<'_, str>> {
        let second = || {
            let pair = String::from_utf8(BASE64.decode(shown.as_bytes()).ok()?).ok()?;
            let (_, token) = pair.split_once(':')?;
            Some(Cow::Owned(token.to_owned()))
        };
        match self {
            Self::Splunk => Some(Cow::Borrowed(shown)),
            Self::Basic => second(),
            Self::ApiKey => second().or(Some(Cow::Borrowed(shown))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn shown(path: &str, authorization: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(authorization).expect("a header");
        headers.insert(header::AUTHORIZATION, value);
        token(path, &headers)?.ok().map(Cow::into_owned)
    }

    #[test]
    fn other_ways_than_the_bearers_are_believed_where_they_are_needed_only() {
        let basic = format!("Basic {}", BASE64.encode(b"elastic:mar_t:x"));
        let key = format!("ApiKey {}", BASE64.encode(b"id:mar_t:x"));
        let ways = [
            ("Bearer mar_t:x", true, true),
            (&basic, true, true),
            (&key, true, false),
            ("ApiKey mar_t:x", true, false),
            ("Splunk mar_t:x", false, true),
        ];
        for (text, elastic, splunk) in ways {
            for (path, believed) in [
                ("/v1/sources/elastic/shop/_bulk", elastic),
                ("/services/collector/event", splunk),
                ("/v1/sources/hec/shop/services/collector", splunk),
                ("/v1/entries", text.starts_with("Bearer")),
                ("/v1/sources/kubernetes/prod", text.starts_with("Bearer")),
            ] {
                let found = shown(path, text);
                assert_eq!(
                    found.as_deref() == Some("mar_t:x"),
                    believed,
                    "{path} {text}"
                );
            }
        }
    }
}
