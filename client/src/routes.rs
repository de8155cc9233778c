//! Which request is which action: a table of methods and paths, in the notation of axum (`/clusters/{id}`, `/files/{*rest}`).

use crate::{Action, Guarantee};
use http::Method;
use std::collections::HashMap;

/// What each changing route does, or that it is not worth an entry.
///
/// ```
/// use mar_audit_client::{Guarantee, Routes, action, routes::Route};
/// let routes = Routes::new()
///     .post("/clusters", Route::of(action::CREATE_CLUSTER).target("cluster"))
///     .delete("/clusters/{id}", Route::of(action::DELETE_CLUSTER).target_by("cluster", "id").guarantee(Guarantee::Required))
///     .exempt(http::Method::POST, "/clusters/search");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Routes {
    listed: Vec<Listed>,
    /// By path as written, then method: what a router that names its routes asks for.
    by_path: HashMap<String, Vec<usize>>,
}

#[derive(Clone, Debug)]
struct Listed {
    method: Method,
    pattern: Pattern,
    /// `None`: exempt.
    route: Option<Route>,
}

/// What a request of one route did.
#[derive(Clone, Debug)]
pub struct Route {
    pub(crate) action: Action,
    pub(crate) target_kind: Option<String>,
    pub(crate) id_parameter: Option<String>,
    pub(crate) name_parameter: Option<String>,
    pub(crate) guarantee: Option<Guarantee>,
}

impl Route {
    pub fn of(action: Action) -> Self {
        Self {
            action,
            target_kind: None,
            id_parameter: None,
            name_parameter: None,
            guarantee: None,
        }
    }

    /// The type of its target, whose id the handler offers: `POST /clusters`.
    #[must_use]
    pub fn target(mut self, kind: impl Into<String>) -> Self {
        self.target_kind = Some(kind.into());
        self
    }

    /// The type of its target, and the path's parameter that is its id: `/clusters/{id}`.
    #[must_use]
    pub fn target_by(self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        let mut route = self.target(kind);
        route.id_parameter = Some(id.into());
        route
    }

    /// The path's parameter that is the target's name.
    #[must_use]
    pub fn named_by(mut self, name: impl Into<String>) -> Self {
        self.name_parameter = Some(name.into());
        self
    }

    /// What it is worth, if not what the recorder says of its action.
    #[must_use]
    pub fn guarantee(mut self, guarantee: Guarantee) -> Self {
        self.guarantee = Some(guarantee);
        self
    }
}

/// What the table says of a request.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Recorded(&'a Route, &'a Pattern),
    Exempt,
    Unlisted,
}

impl Routes {
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests of this method and path are that action. A later row for the same ones replaces an earlier one.
    #[must_use]
    pub fn route(self, method: Method, path: &str, route: Route) -> Self {
        self.put(method, path, Some(route))
    }

    #[must_use]
    pub fn post(self, path: &str, route: Route) -> Self {
        self.route(Method::POST, path, route)
    }

    #[must_use]
    pub fn put_route(self, path: &str, route: Route) -> Self {
        self.route(Method::PUT, path, route)
    }

    #[must_use]
    pub fn patch(self, path: &str, route: Route) -> Self {
        self.route(Method::PATCH, path, route)
    }

    #[must_use]
    pub fn delete(self, path: &str, route: Route) -> Self {
        self.route(Method::DELETE, path, route)
    }

    /// Requests of this method and path change nothing that anybody would ask about.
    #[must_use]
    pub fn exempt(self, method: Method, path: &str) -> Self {
        self.put(method, path, None)
    }

    fn put(mut self, method: Method, path: &str, route: Option<Route>) -> Self {
        let pattern = Pattern::parse(path);
        let rows = self.by_path.entry(path.to_owned()).or_default();
        match rows.iter().find(|&&at| self.listed[at].method == method) {
            Some(&at) => self.listed[at].route = route,
            None => {
                rows.push(self.listed.len());
                self.listed.push(Listed {
                    method,
                    pattern,
                    route,
                });
            }
        }
        self
    }

    /// By the path that the router matched, as written in it.
    pub(crate) fn by_name(&self, method: &Method, path: &str) -> Found<'_> {
        let rows = self.by_path.get(path).map_or(&[][..], Vec::as_slice);
        let rows = rows.iter().map(|&at| &self.listed[at]);
        found(rows.into_iter().find(|listed| listed.method == *method))
    }

    /// By the path of the request, where the router does not say what it matched: the row with the most literal beginning.
    pub(crate) fn by_request(&self, method: &Method, path: &str) -> Found<'_> {
        let rows = self.listed.iter();
        let fits = rows.filter(|l| l.method == *method && l.pattern.matches(path));
        found(fits.min_by_key(|listed| listed.pattern.openness()))
    }

    /// The methods and paths of the table, exempt ones included.
    pub fn rows(&self) -> impl Iterator<Item = (&Method, &str)> {
        self.listed
            .iter()
            .map(|listed| (&listed.method, &*listed.pattern.text))
    }
}

fn found(listed: Option<&Listed>) -> Found<'_> {
    match listed {
        None => Found::Unlisted,
        Some(Listed { route: None, .. }) => Found::Exempt,
        Some(Listed {
            route: Some(route),
            pattern,
            ..
        }) => Found::Recorded(route, pattern),
    }
}

/// A path with parameters.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: Box<str>,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug)]
enum Segment {
    Literal(Box<str>),
    /// `{id}`
    Parameter(Box<str>),
    /// `{*rest}`: everything from here on.
    Rest(Box<str>),
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let segment = |part: &str| {
            let inside = part.strip_prefix('{').and_then(|p| p.strip_suffix('}'));
            match inside {
                Some(name) => match name.strip_prefix('*') {
                    Some(rest) => Segment::Rest(rest.into()),
                    None => Segment::Parameter(name.into()),
                },
                None => Segment::Literal(part.into()),
            }
        };
        Self {
            text: text.into(),
            segments: split(text).map(segment).collect(),
        }
    }

    fn matches(&self, path: &str) -> bool {
        let mut parts = split(path);
        for segment in &self.segments {
            match (segment, parts.next()) {
                (Segment::Rest(_), Some(part)) => return !part.is_empty(),
                (Segment::Literal(text), Some(part)) if **text == *part => {}
                (Segment::Parameter(_), Some(part)) if !part.is_empty() => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }

    /// Orders patterns that match the same path: literal before parameter before rest, from the left.
    fn openness(&self) -> Vec<u8> {
        let open = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Rest(_) => 2,
        };
        self.segments.iter().map(open).collect()
    }

    /// The value of a parameter in a path that this pattern matches, decoded.
    pub(crate) fn parameter(&self, path: &str, wanted: &str) -> Option<String> {
        let at = self.segments.iter().position(|segment| match segment {
            Segment::Parameter(name) | Segment::Rest(name) => **name == *wanted,
            Segment::Literal(_) => false,
        })?;
        let mut parts = split(path).skip(at);
        let value = match &self.segments[at] {
            Segment::Rest(_) => parts.collect::<Vec<_>>().join("/"),
            Segment::Parameter(_) | Segment::Literal(_) => parts.next()?.to_owned(),
        };
        Some(decode(&value))
    }
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// `%41` is `A`; what is no UTF-8 afterwards is shown with replacement characters.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let digits = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action;
    use proptest::prelude::*;

    fn name<'a>(found: &'a Found<'_>) -> &'a str {
        match found {
            Found::Recorded(route, _) => route.action.name(),
            Found::Exempt => "exempt",
            Found::Unlisted => "unlisted",
        }
    }

    fn table() -> Routes {
        Routes::new()
            .post("/clusters", Route::of(action::CREATE_CLUSTER))
            .post("/clusters/{id}", Route::of(action::UPDATE_CLUSTER))
            .exempt(Method::POST, "/clusters/search")
            .delete("/files/{*rest}", Route::of(action::DELETE_CLUSTER))
    }

    #[test]
    fn a_request_is_the_row_that_says_most_of_it() {
        let table = table();
        for (method, path, expected) in [
            (Method::POST, "/clusters", "createCluster"),
            (Method::POST, "/clusters/clu_9", "updateCluster"),
            (Method::POST, "/clusters/search", "exempt"),
            (Method::POST, "/clusters/", "unlisted"),
            (Method::POST, "/clusters/a/b", "unlisted"),
            (Method::DELETE, "/clusters/a", "unlisted"),
            (Method::DELETE, "/files/a/b", "deleteCluster"),
            (Method::DELETE, "/files/", "unlisted"),
            (Method::POST, "", "unlisted"),
        ] {
            let found = table.by_request(&method, path);
            assert_eq!(name(&found), expected, "{method} {path}");
        }
        assert_eq!(
            name(&table.by_name(&Method::POST, "/clusters/{id}")),
            "updateCluster"
        );
        assert_eq!(
            name(&table.by_name(&Method::POST, "/clusters/clu_9")),
            "unlisted"
        );
    }

    #[test]
    fn parameters_are_decoded() {
        let pattern = Pattern::parse("/clusters/{id}/files/{*path}");
        let path = "/clusters/a%20b%2Fc/files/x/y%zz";
        assert_eq!(pattern.parameter(path, "id").as_deref(), Some("a b/c"));
        assert_eq!(pattern.parameter(path, "path").as_deref(), Some("x/y%zz"));
        assert_eq!(pattern.parameter(path, "other"), None);
        assert_eq!(decode("%FF%"), "\u{fffd}%");
    }

    #[test]
    fn a_later_row_replaces_an_earlier_one() {
        let table = table().exempt(Method::POST, "/clusters");
        assert_eq!(name(&table.by_name(&Method::POST, "/clusters")), "exempt");
        assert_eq!(table.rows().count(), 4);
    }

    proptest! {
        #[test]
        fn foreign_paths_never_panic(path in ".{0,60}") {
            let _ = table().by_request(&Method::POST, &path);
            let _ = Pattern::parse(&path).parameter(&path, "id");
            let _ = decode(&path);
        }
    }
}
