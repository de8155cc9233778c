//! Every route with the check that asks it. A route without a row fails; so does a row without a route.

use super::administering as m;
use super::around as a;
use super::checks::{self as c, Checked};
use super::managing as p;
use super::protocols as o;
use super::random::Random;
use super::sending as s;
use super::world::World;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub type Check = fn(&mut World, &mut Random, usize) -> Checked;

/// Method and path, how often it is asked, and how it is checked. Routes of one check share its name; it asks the one whose
/// row it was called for ([`World::row`]).
#[rustfmt::skip]
pub const ROWS: &[(&str, &str, usize, Check)] = &[
    ("GET", "/v1/entries", 240, c::list),
    ("POST", "/v1/entries", 25, a::record),
    ("GET", "/v1/entries/{id}", 130, c::show),
    ("GET", "/v1/entries/{id}/proof", 50, c::prove),
    ("POST", "/v1/entries/{id}/redact", 25, a::redact),
    ("POST", "/v1/redactions", 10, a::person),
    ("GET", "/v1/facets", 160, c::facets),
    ("GET", "/v1/histogram", 90, c::histogram),
    ("GET", "/v1/export", 60, c::export),
    ("GET", "/v1/tail", 12, c::tail),
    ("GET", "/v1/logs", 10, a::logs),
    ("GET", "/v1/logs/{organization}/checkpoint", 15, a::checkpoint),
    ("GET", "/v1/logs/{organization}/tile/{*path}", 15, a::tile),
    ("GET", "/v1/catalogue", 2, a::public),
    ("GET", "/v1/access/me", 5, a::me),
    ("POST", "/v1/access/sign-in", 1, a::sign_in),
    ("POST", "/v1/access/sign-out", 2, a::sign_out),
    ("POST", "/v1/access/claim", 1, a::claim),
    ("GET", "/v1/access/users", 8, m::users),
    ("POST", "/v1/access/users", 2, m::add_user),
    ("PATCH", "/v1/access/users/{id}", 4, m::change_user),
    ("GET", "/v1/access/roles", 2, a::public),
    ("PUT", "/v1/access/roles/{name}", 3, m::put_role),
    ("DELETE", "/v1/access/roles/{name}", 2, m::remove_role),
    ("GET", "/v1/access/bindings", 8, m::bindings),
    ("POST", "/v1/access/bindings", 5, m::bind),
    ("DELETE", "/v1/access/bindings/{id}", 5, m::unbind),
    ("GET", "/v1/access/tokens", 5, m::tokens),
    ("POST", "/v1/access/tokens", 5, m::create_token),
    ("DELETE", "/v1/access/tokens/{id}", 5, m::revoke_token),
    ("GET", "/v1/access/sessions", 3, m::sessions),
    ("DELETE", "/v1/access/sessions/{id}", 3, m::end_session),
    ("GET", "/v1/access/links", 3, m::links),
    ("POST", "/v1/access/links", 3, m::create_link),
    ("DELETE", "/v1/access/links/{id}", 3, m::revoke_link),
    ("POST", "/v1/access/embed", 5, m::embed),
    ("GET", "/", 35, a::page),
    ("GET", "/entries", 2, a::public),
    ("GET", "/entries/{id}", 30, a::entry_page),
    ("GET", "/targets/{kind}/{key}", 25, a::target_page),
    ("GET", "/integrity", 10, a::integrity),
    ("GET", "/integrity/{organization}/key", 10, a::key_file),
    ("GET", "/sign-in", 2, a::entrance),
    ("POST", "/sign-in", 1, a::enters),
    ("GET", "/sign-in/oidc", 1, a::public),
    ("GET", "/sign-in/oidc/callback", 1, a::public),
    ("GET", "/no-access", 2, a::public),
    ("GET", "/embed", 1, a::public),
    ("POST", "/embed", 1, a::enters),
    ("GET", "/sign-out", 2, a::entrance),
    ("POST", "/sign-out", 2, a::leaves),
    ("GET", "/claim", 2, a::entrance),
    ("POST", "/claim", 1, a::enters),
    ("GET", "/link", 2, a::entrance),
    ("POST", "/link", 1, a::enters),
    ("POST", "/preferences", 2, a::preferences),
    ("GET", "/assets/{hash}/{name}", 2, a::public),
    ("GET", "/healthz", 2, a::public),
    ("GET", "/readyz", 2, a::public),
    ("GET", "/metrics", 4, a::metrics),
    ("GET", "/openapi.json", 2, a::public),
    ("GET", "/access", 1, p::entrance),
    ("GET", "/access/people", 3, p::list),
    ("GET", "/access/groups", 3, p::list),
    ("GET", "/access/roles", 2, p::list),
    ("GET", "/access/tokens", 3, p::list),
    ("GET", "/access/sessions", 3, p::list),
    ("GET", "/access/links", 3, p::list),
    ("GET", "/access/people/new", 1, p::blank),
    ("GET", "/access/roles/new", 1, p::blank),
    ("GET", "/access/tokens/new", 1, p::blank),
    ("GET", "/access/links/new", 1, p::blank),
    ("POST", "/access/people/new", 1, p::make),
    ("POST", "/access/roles/new", 1, p::make),
    ("POST", "/access/tokens/new", 1, p::make),
    ("POST", "/access/links/new", 1, p::make),
    ("POST", "/access/groups", 1, p::make),
    ("GET", "/access/people/{id}", 2, p::person),
    ("GET", "/access/people/{id}/disable", 2, p::person),
    ("POST", "/access/people/{id}/disable", 1, p::change_person),
    ("POST", "/access/people/{id}/enable", 1, p::change_person),
    ("POST", "/access/people/{id}/groups", 1, p::change_person),
    ("POST", "/access/people/{id}/password", 1, p::change_person),
    ("POST", "/access/people/{id}/roles", 1, p::change_person),
    ("GET", "/access/groups/{name}", 2, p::group),
    ("POST", "/access/groups/{name}/members", 1, p::group),
    ("POST", "/access/groups/{name}/members/remove", 1, p::group),
    ("POST", "/access/groups/{name}/roles", 1, p::group),
    ("GET", "/access/roles/{name}/edit", 1, p::role),
    ("POST", "/access/roles/{name}/edit", 1, p::role),
    ("GET", "/access/roles/{name}/remove", 1, p::role),
    ("POST", "/access/roles/{name}/remove", 1, p::role),
    ("GET", "/access/bindings/{id}/remove", 2, p::taken),
    ("POST", "/access/bindings/{id}/remove", 2, p::taken),
    ("GET", "/access/links/{id}/revoke", 2, p::taken),
    ("POST", "/access/links/{id}/revoke", 2, p::taken),
    ("GET", "/access/sessions/{id}/end", 2, p::taken),
    ("POST", "/access/sessions/{id}/end", 2, p::taken),
    ("GET", "/access/tokens/{id}/revoke", 2, p::taken),
    ("POST", "/access/tokens/{id}/revoke", 2, p::taken),
    ("GET", "/account", 4, p::account),
    ("POST", "/account/password", 1, p::make),
    ("GET", "/account/tokens/new", 1, p::own_token),
    ("POST", "/account/tokens/new", 1, p::make),
    ("GET", "/account/sessions/{id}/end", 1, p::taken),
    ("POST", "/account/sessions/{id}/end", 1, p::taken),
    ("GET", "/account/tokens/{id}/revoke", 1, p::taken),
    ("POST", "/account/tokens/{id}/revoke", 1, p::taken),
    ("GET", "/v1/sources", 10, s::list),
    ("POST", "/v1/sources/kubernetes/{name}", 10, s::kubernetes),
    ("POST", "/v1/sources/kubernetes/{organization}/{name}", 5, s::kubernetes),
    ("GET", "/v1/sources/{name}/quarantine", 15, s::quarantine),
    ("DELETE", "/v1/sources/{name}/quarantine", 10, s::quarantine),
    ("POST", "/v1/sources/{name}/quarantine/replay", 8, s::quarantine),
    ("GET", "/sources", 5, s::page),
    ("GET", "/sources/{name}", 12, s::page_of_one),
    ("GET", "/sources/{name}/items/{id}", 12, s::waiting),
    ("POST", "/sources/{name}/replay", 8, s::waiting),
    ("GET", "/sources/{name}/drop", 8, s::waiting),
    ("POST", "/sources/{name}/drop", 8, s::waiting),
    ("GET", "/connect", 2, p::connect),
    ("POST", "/connect", 3, p::make),
    ("POST", "/v1/logs", 10, o::otlp),
    ("POST", "/v1/sources/otlp/{name}/v1/logs", 5, o::otlp),
    ("POST", "/v1/sources/cloudevents/{name}", 5, o::cloudevents),
    ("GET", "/v1/sources/elastic/{name}", 2, o::about),
    ("GET", "/v1/sources/elastic/{name}/", 2, o::about),
    ("GET", "/v1/sources/elastic/{name}/_license", 2, o::about),
    ("POST", "/v1/sources/elastic/{name}/_bulk", 5, o::elastic),
    ("PUT", "/v1/sources/elastic/{name}/_bulk", 3, o::elastic),
    ("POST", "/v1/sources/elastic/{name}/{index}/_bulk", 5, o::elastic),
    ("PUT", "/v1/sources/elastic/{name}/{index}/_bulk", 3, o::elastic),
    ("POST", "/services/collector", 5, o::hec),
    ("OPTIONS", "/services/collector", 1, o::offered),
    ("POST", "/services/collector/event", 3, o::hec),
    ("OPTIONS", "/services/collector/event", 1, o::offered),
    ("POST", "/services/collector/event/1.0", 3, o::hec),
    ("OPTIONS", "/services/collector/event/1.0", 1, o::offered),
    ("POST", "/services/collector/raw", 3, o::hec),
    ("OPTIONS", "/services/collector/raw", 1, o::offered),
    ("POST", "/services/collector/raw/1.0", 3, o::hec),
    ("OPTIONS", "/services/collector/raw/1.0", 1, o::offered),
    ("GET", "/services/collector/health", 1, a::public),
    ("GET", "/services/collector/health/1.0", 1, a::public),
    ("POST", "/services/collector/ack", 3, o::ack),
    ("POST", "/v1/sources/hec/{name}/services/collector", 5, o::hec),
    ("OPTIONS", "/v1/sources/hec/{name}/services/collector", 1, o::offered),
    ("POST", "/v1/sources/hec/{name}/services/collector/event", 3, o::hec),
    ("OPTIONS", "/v1/sources/hec/{name}/services/collector/event", 1, o::offered),
    ("POST", "/v1/sources/hec/{name}/services/collector/event/1.0", 3, o::hec),
    ("OPTIONS", "/v1/sources/hec/{name}/services/collector/event/1.0", 1, o::offered),
    ("POST", "/v1/sources/hec/{name}/services/collector/raw", 3, o::hec),
    ("OPTIONS", "/v1/sources/hec/{name}/services/collector/raw", 1, o::offered),
    ("POST", "/v1/sources/hec/{name}/services/collector/raw/1.0", 3, o::hec),
    ("OPTIONS", "/v1/sources/hec/{name}/services/collector/raw/1.0", 1, o::offered),
    ("GET", "/v1/sources/hec/{name}/services/collector/health", 1, a::public),
    ("GET", "/v1/sources/hec/{name}/services/collector/health/1.0", 1, a::public),
    ("POST", "/v1/sources/hec/{name}/services/collector/ack", 3, o::ack),
    ("POST", "/opentelemetry.proto.collector.logs.v1.LogsService/Export", 3, o::grpc),
    // Of no route: what is asked wrongly.
    ("GET", "", 20, a::wrong),
];

/// Where routers are nested, by the file that makes them; `""` is the root.
fn nested(file: &str, before: &str) -> &'static str {
    match file {
        "src/router.rs" if before.matches("Router::new()").count() == 1 => "/v1",
        "src/api/access.rs" => "/v1/access",
        "src/api/sources.rs" => "/v1/sources",
        _ => "",
    }
}

/// Every route that the sources make, by method and path.
pub fn made() -> BTreeSet<(String, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    each_source(&root.join("src"), &mut |path, text| {
        let file = path.strip_prefix(&root).expect("below the root");
        sources.push((file.to_string_lossy().into_owned(), text.to_owned()));
    });
    let mut found = BTreeSet::new();
    for (file, text) in &sources {
        for (at, call) in text.match_indices(".route(") {
            let rest = text[at + call.len()..].trim_start();
            let path = written(rest, &sources);
            let path =
                path.unwrap_or_else(|| panic!("{file}: a route with no known path: {:.60}", rest));
            // The root of what is nested is named without its slash.
            let path = match (nested(file, &text[..at]), path) {
                ("", path) => path.to_owned(),
                (above, "/") => above.to_owned(),
                (above, path) => format!("{above}{path}"),
            };
            for method in methods(&rest[..end(rest)]) {
                found.insert((method, path.clone()));
            }
        }
    }
    found
}

/// The path of a route, as it is written there or by the constant that is named.
fn written<'a>(route: &'a str, sources: &'a [(String, String)]) -> Option<&'a str> {
    if let Some(text) = route.strip_prefix('"') {
        return text.split('"').next();
    }
    let named = route.split(',').next()?.trim();
    let (module, name) = named.rsplit_once("::").unwrap_or(("", named));
    let made = format!("const {name}: &str = \"");
    let of_module = |(file, _): &&(String, String)| {
        module.is_empty() || file.ends_with(&format!("/{module}.rs"))
    };
    let mut values =
        { sources.iter().filter(of_module) }.flat_map(|(_, text)| text.split(&made).skip(1));
    values.next()?.split('"').next()
}

/// Where the parenthesis ends that is open at the start.
fn end(text: &str) -> usize {
    let mut open = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at;
        }
    }
    text.len()
}

fn methods(route: &str) -> Vec<String> {
    let all = [
        "get", "post", "put", "patch", "delete", "any", "head", "options",
    ];
    let called = |name: &&&str| {
        route.match_indices(&format!("{name}(")).any(|(at, _)| {
            let before = route[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
        })
    };
    all.iter()
        .filter(called)
        .map(|name| name.to_uppercase())
        .collect()
}

fn each_source(dir: &Path, look: &mut impl FnMut(&Path, &str)) {
    for found in fs::read_dir(dir).expect("a directory") {
        let path = found.expect("a name").path();
        match path.is_dir() {
            true => each_source(&path, look),
            false if path.extension().is_some_and(|e| e == "rs") => {
                look(&path, &fs::read_to_string(&path).expect("UTF-8"))
            }
            false => {}
        }
    }
}
