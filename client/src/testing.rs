//! For the tests of a program: no changing route is forgotten.

use crate::routes::{Found, Routes};
use http::Method;

/// Routes that can be listed: pairs of method and path, or a router that shows what it has.
pub trait ListRoutes {
    /// Method and path of every route.
    fn list(&self) -> Vec<(Method, String)>;
}

impl<P: AsRef<str>> ListRoutes for [(Method, P)] {
    fn list(&self) -> Vec<(Method, String)> {
        let routes = self.iter();
        routes
            .map(|(method, path)| (method.clone(), path.as_ref().to_owned()))
            .collect()
    }
}

impl<P: AsRef<str>, const N: usize> ListRoutes for [(Method, P); N] {
    fn list(&self) -> Vec<(Method, String)> {
        self.as_slice().list()
    }
}

/// What axum 0.8 shows of a router by `{:?}`: it has no other list. A version that shows something else lists nothing, which
/// fails every test that asks.
#[cfg(feature = "axum")]
impl<S> ListRoutes for axum::Router<S> {
    fn list(&self) -> Vec<(Method, String)> {
        shown::routes(&format!("{self:?}"))
    }
}

/// Fails if a changing route of a program is neither in its table nor exempt there, and if the table lists what is no route.
///
/// # Panics
/// Naming every such route. Also if there is no route at all: nothing was looked at.
#[track_caller]
pub fn assert_every_route_recorded(routes: &(impl ListRoutes + ?Sized), table: &Routes) {
    let routes = routes.list();
    assert!(
        !routes.is_empty(),
        "no route was found: nothing was looked at"
    );
    let changing = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let mut wrong = Vec::new();
    for (method, path) in &routes {
        let is_unlisted = matches!(table.by_name(method, path), Found::Unlisted);
        if changing.contains(method) && is_unlisted {
            wrong.push(format!("{method} {path} is neither recorded nor exempt"));
        }
    }
    for (method, path) in table.rows() {
        if !routes.iter().any(|(m, p)| m == method && p == path) {
            wrong.push(format!(
                "{method} {path} is listed, but there is no such route"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Reads the text of `{:?}` of an axum router.
#[cfg(feature = "axum")]
mod shown {
    use http::Method;
    use std::collections::BTreeMap;

    /// Each route's number with its methods, then each number with its path.
    pub fn routes(text: &str) -> Vec<(Method, String)> {
        // The fallback's router comes behind and has paths of its own.
        let text = text.split("fallback_router:").next().unwrap_or(text);
        let (routers, paths) = text.split_once("node: Node").unwrap_or((text, ""));
        let methods = numbered(routers, "RouteId(").collect::<BTreeMap<_, _>>();
        let mut found = Vec::new();
        for (number, rest) in numbered(paths, "RouteId(") {
            let Some(path) = rest.split('"').nth(1) else {
                continue;
            };
            let shown = methods.get(&number).copied().unwrap_or_default();
            for method in methods_of(shown) {
                found.push((method, path.to_owned()));
            }
        }
        found.sort_by(|a, b| (&a.1, a.0.as_str()).cmp(&(&b.1, b.0.as_str())));
        found
    }

    /// What follows each number, up to the next one.
    fn numbered<'t>(text: &'t str, mark: &'t str) -> impl Iterator<Item = (u64, &'t str)> {
        text.split(mark).skip(1).filter_map(|part| {
            let (number, rest) = part.split_once(')')?;
            Some((number.parse().ok()?, rest))
        })
    }

    fn methods_of(shown: &str) -> Vec<Method> {
        let names = [
            ("get", Method::GET),
            ("delete", Method::DELETE),
            ("patch", Method::PATCH),
            ("post", Method::POST),
            ("put", Method::PUT),
        ];
        let has = |name: &str| {
            let field = format!(" {name}: ");
            shown
                .split_once(&field)
                .is_some_and(|(_, value)| !value.starts_with("None"))
        };
        let takes_all = !shown.contains("MethodRouter {") || shown.contains("allow_header: Skip");
        names
            .into_iter()
            // `any` and services that are routes have all of them.
            .filter(|(name, _)| takes_all || has(name))
            .map(|(_, method)| method)
            .collect()
    }
}
