//! What is read of people, and what a role hides, is noted whatever way it is read: on the first page or a later one, again within
//! the minute or not. A route that reads without a row here fails.
//!
//! Once `unmask=true` on the second page left nothing, nor did it within a minute of the same search without it, nor on the page
//! of a target's history at all; the quarantine was shown to who saw masked entries, and to who saw none.

use crate::access::{Caller, claimed, entry};
use crate::access_watching::{added, one};
use crate::api::{problem, uuid};
use crate::oracle::routes::made;
use crate::test_server::TestServer;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Routes that show entries, or what was to become some: an address of each, the act, and whether its pages go on by a cursor.
#[rustfmt::skip]
const READINGS: &[(&str, &str, &str, bool)] = &[
    ("/v1/entries", "/v1/entries?organization=acme&limit=2", "searchEntries", true),
    ("/v1/entries/{id}", "/v1/entries/ID", "viewEntry", false),
    ("/v1/entries/{id}/proof", "/v1/entries/ID/proof", "verifyEntry", false),
    ("/v1/facets", "/v1/facets?organization=acme&fields=result", "searchEntries", false),
    ("/v1/histogram", "/v1/histogram?result=success", "searchEntries", false),
    ("/v1/export", "/v1/export?organization=acme&format=ndjson", "exportEntries", false),
    ("/v1/tail", "/v1/tail?organization=acme", "tailEntries", false),
    ("/", "/?organization=acme&limit=2&columns=time", "searchEntries", true),
    ("/entries/{id}", "/entries/ID", "viewEntry", false),
    ("/targets/{kind}/{key}", "/targets/cluster/clu_9?organization=acme", "searchEntries", true),
    ("/v1/sources/{name}/quarantine", "/v1/sources/prod/quarantine?organization=acme&limit=1", "viewQuarantine", false),
    ("/sources/{name}", "/sources/prod?organization=acme", "viewQuarantine", false),
    ("/sources/{name}/items/{id}", "/sources/prod/items/ITEM?organization=acme", "viewQuarantine", false),
];

/// Routes that read nothing of the sort; the list only gets shorter.
const SILENT: &[(&str, &[&str])] = &[
    (
        "the server, and how it is spoken to",
        &[
            "/healthz",
            "/readyz",
            "/metrics",
            "/openapi.json",
            "/assets/{hash}/{name}",
            "/v1/catalogue",
            "/v1/sources/elastic/{name}",
            "/v1/sources/elastic/{name}/",
            "/v1/sources/elastic/{name}/_license",
            "/services/collector/health",
            "/services/collector/health/1.0",
            "/v1/sources/hec/{name}/services/collector/health",
            "/v1/sources/hec/{name}/services/collector/health/1.0",
        ],
    ),
    (
        "hashes and checkpoints, which hold no values",
        &[
            "/v1/logs",
            "/v1/logs/{organization}/checkpoint",
            "/v1/logs/{organization}/tile/{*path}",
            "/integrity",
            "/integrity/{organization}/key",
        ],
    ),
    (
        "counts by source",
        &[
            "/v1/sources",
            "/sources",
            "/sources/{name}/drop",
            "/connect",
        ],
    ),
    ("leads elsewhere", &["/entries"]),
    (
        "who comes in, which is noted by what lets them in",
        &[
            "/sign-in",
            "/sign-in/oidc",
            "/sign-in/oidc/callback",
            "/sign-out",
            "/claim",
            "/link",
            "/embed",
            "/no-access",
        ],
    ),
    (
        "who may do what, to who manages that",
        &[
            "/v1/access/me",
            "/v1/access/users",
            "/v1/access/roles",
            "/v1/access/bindings",
            "/v1/access/tokens",
            "/v1/access/sessions",
            "/v1/access/links",
            "/access",
            "/access/people",
            "/access/groups",
            "/access/roles",
            "/access/tokens",
            "/access/sessions",
            "/access/links",
            "/access/people/new",
            "/access/roles/new",
            "/access/tokens/new",
            "/access/links/new",
            "/access/people/{id}",
            "/access/people/{id}/disable",
            "/access/groups/{name}",
            "/access/roles/{name}/edit",
            "/access/roles/{name}/remove",
            "/access/bindings/{id}/remove",
            "/access/links/{id}/revoke",
            "/access/sessions/{id}/end",
            "/access/tokens/{id}/revoke",
            "/account",
            "/account/tokens/new",
            "/account/sessions/{id}/end",
            "/account/tokens/{id}/revoke",
        ],
    ),
];

const MINUTES: Duration = Duration::from_secs(180);

/// Entries of acme that are proven, and two items that no mapping takes.
fn furnished(server: &TestServer) -> Caller<'_> {
    let owner = claimed(server);
    // More than a page of a target's history has.
    for id in 1..40 {
        let body: Value = serde_json::from_str(&entry(id, "acme", None)).expect("JSON");
        owner.done("POST", "/v1/entries", &body);
    }
    let odd = |n: u32| json!({"kind": "Event", "reason": format!("odd {n}"), "user": {"username": "person-9@acme.example"}});
    let list =
        json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [odd(1), odd(2)]});
    owner.done(
        "POST",
        "/v1/sources/kubernetes/prod?organization=acme",
        &list,
    );
    server.clock.advance(MINUTES);
    owner
}

/// Who sees masked entries, manages sources, and may ask for what is hidden.
fn masked<'a>(owner: &Caller<'a>) -> Caller<'a> {
    let permissions = [
        "entries:read",
        "entries:unmask",
        "entries:export",
        "logs:verify",
        "sources:manage",
    ];
    let role =
        json!({"permissions": permissions, "mask": ["email", "ip", "actor_name", "actor_id"]});
    owner.done("PUT", "/v1/access/roles/masked", &role);
    let (secret, ..) = owner.service(
        "masked",
        &[json!({"role": "masked", "organization": "acme"})],
    );
    Caller::with_token(owner.server, &secret)
}

/// Reads it, or as much of it as there is for now.
fn look(caller: &Caller<'_>, path: &str) -> String {
    if !path.starts_with("/v1/tail") {
        let answer = caller.get(path);
        return format!("{} {}", answer.status, answer.text());
    }
    let (name, value) = caller.credential();
    let mut connection = caller.server.connect();
    let host = caller.server.address;
    connection
        .send(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{name}: {value}\r\n\r\n").as_bytes());
    let status = connection.line().expect("a status");
    status.replacen("HTTP/1.1 ", "", 1)
}

fn item(owner: &Caller<'_>) -> String {
    let kept = owner.done(
        "GET",
        "/v1/sources/prod/quarantine?organization=acme",
        &Value::Null,
    );
    kept["items"][0]["id"].as_str().expect("an item").to_owned()
}

/// The same, with what is hidden.
fn unmasked(path: &str) -> String {
    match path.contains('?') {
        true => format!("{path}&unmask=true"),
        false => format!("{path}?unmask=true"),
    }
}

/// The cursor of an answer of any kind.
fn cursor(text: &str) -> &str {
    let at = ["\"next_cursor\":\"", "cursor="].iter().find_map(|before| {
        let (_, rest) = text.split_once(before)?;
        rest.split(['"', '&']).next()
    });
    at.expect("it goes on")
}

/// One act, and that it showed what a role hides.
#[track_caller]
fn must_say_so(owner: &Caller<'_>, acts: &[(String, u64)], act: &str, what: &str) {
    assert_eq!(acts, one(act), "{what}");
    let newest = owner.entries(&format!("action={act}&order=received&limit=1"));
    assert_eq!(newest[0]["context"]["unmasked"], true, "{what}: {newest:?}");
}

#[test]
fn what_a_role_hides_is_noted_whatever_way_it_is_shown() {
    let server = TestServer::guarded();
    let owner = furnished(&server);
    let reader = masked(&owner);
    let item = item(&owner);
    for (_, path, act, goes_on) in READINGS {
        server.clock.advance(MINUTES);
        let path = path.replace("ITEM", &item).replace("ID", &uuid(2));
        let shown = |path: &str| {
            let mut text = String::new();
            let acts = added(&owner, || text = look(&reader, path));
            (acts, text)
        };
        // Whoever looked before, without it, is not who looks now.
        let (_, before) = shown(&path);
        let (acts, text) = shown(&unmasked(&path));
        assert!(text.starts_with("200"), "{path}: {text}");
        must_say_so(&owner, &acts, act, &path);
        let (again, _) = shown(&unmasked(&path));
        let is_once_a_minute = ["searchEntries", "viewQuarantine"].contains(act);
        let expected = if is_once_a_minute {
            Vec::new()
        } else {
            one(act)
        };
        assert_eq!(again, expected, "{path}, again");
        if *goes_on {
            server.clock.advance(MINUTES);
            let further = format!("{path}&cursor={}", cursor(&before));
            let (acts, text) = shown(&unmasked(&further));
            assert!(text.starts_with("200"), "{further}: {text}");
            must_say_so(&owner, &acts, act, &further);
        }
    }
}

#[test]
fn every_route_that_is_read_by_has_a_row_or_a_reason() {
    let rows = READINGS.iter().map(|row| row.0);
    let silent = SILENT.iter().flat_map(|(_, paths)| paths.iter().copied());
    let known: Vec<String> = rows.chain(silent).map(str::to_owned).collect();
    let each: BTreeSet<String> = known.iter().cloned().collect();
    assert_eq!(each.len(), known.len(), "one of them is there twice");
    let routes = made().into_iter().filter(|(method, _)| method == "GET");
    let routes: BTreeSet<String> = routes.map(|(_, path)| path).collect();
    let without: Vec<_> = routes.difference(&each).collect();
    assert!(without.is_empty(), "neither row nor reason: {without:?}");
    let gone: Vec<_> = each.difference(&routes).collect();
    assert!(gone.is_empty(), "no such route: {gone:?}");
}

#[test]
fn people_are_looked_for_by_more_than_their_names_and_a_walk_is_as_good_as_an_export() {
    let server = TestServer::guarded();
    let owner = furnished(&server);
    let first = owner.done("GET", "/v1/entries?organization=acme&limit=1", &Value::Null);
    let further = format!(
        "/v1/entries?organization=acme&limit=1&cursor={}",
        cursor(&first.to_string())
    );
    let noted = [
        format!("/v1/entries?id={}", uuid(3)),
        "/v1/entries?target=usr_5&target_type=user".to_owned(),
        "/targets/user/usr_5".to_owned(),
        "/v1/entries?q=context.email:ana".to_owned(),
        "/v1/entries?q=has:email".to_owned(),
        "/v1/facets?fields=email,actor,ip&top=1000".to_owned(),
        "/v1/facets?result=success&fields=actor&top=5".to_owned(),
        "/v1/facets?result=success&top=1000".to_owned(),
        "/?expand=actor&columns=time".to_owned(),
        "/v1/entries?limit=101&result=success".to_owned(),
        "/?limit=200&result=success&actor_type=user".to_owned(),
        further,
    ];
    for path in &noted {
        let look = || assert_eq!(owner.get(path).status, 200, "{path}");
        assert_eq!(added(&owner, look), one("searchEntries"), "{path}");
    }
    let newest = &owner.entries("action=searchEntries&order=received&limit=2")[0];
    assert_eq!(newest["context"]["limit"], 1, "{newest}");
    let silent = [
        "/v1/entries?organization=acme&limit=100",
        "/v1/entries?target=clu_9&target_type=cluster",
        "/v1/facets?organization=acme",
        "/v1/facets?fields=action,result&top=1000",
        "/?expand=action&columns=time",
        "/targets/cluster/clu_9",
        "/?limit=100",
    ];
    for path in silent {
        let look = || assert_eq!(owner.get(path).status, 200, "{path}");
        assert_eq!(added(&owner, look), [], "{path}");
    }
}

#[test]
fn whoever_asks_every_half_minute_is_noted_every_minute() {
    // Once each question put the minute off, and one entry stood for a day of them.
    let server = TestServer::guarded();
    let owner = furnished(&server);
    let ask = || assert_eq!(owner.get("/v1/entries?actor=person-1").status, 200);
    let noted: Vec<u64> = (0..6)
        .map(|_| {
            let acts = added(&owner, ask);
            server.clock.advance(Duration::from_secs(30));
            acts.first().map_or(0, |(_, count)| *count)
        })
        .collect();
    assert_eq!(noted, [1, 0, 1, 0, 1, 0]);
}

#[test]
fn the_quarantine_is_shown_to_who_sees_all_that_could_become_of_it() {
    let server = TestServer::guarded();
    let owner = furnished(&server);
    let (reader, item) = (masked(&owner), item(&owner));
    let list = "/v1/sources/prod/quarantine?organization=acme";
    let page = "/sources/prod?organization=acme";
    let whole = format!("/sources/prod/items/{item}?organization=acme");
    problem(&reader.get(list), 403, "forbidden");
    assert_eq!(reader.get(&whole).status, 403);
    let told = reader.get(page);
    assert_eq!(told.status, 200);
    assert!(!told.text().contains("person-9"), "{}", told.text());
    assert!(told.text().contains("Waiting for a mapping"));
    let token = json!({"name": "sources", "permissions": ["sources:manage"]});
    let token = owner.done("POST", "/v1/access/tokens", &token);
    let manager = Caller::with_token(&server, token["secret"].as_str().expect("text"));
    problem(&manager.get(list), 403, "forbidden");
    let noted = |caller: &Caller<'_>, path: &str| {
        let mut answer = String::new();
        let acts = added(&owner, || answer = look(caller, path));
        assert!(answer.contains("person-9"), "{path}: {answer}");
        acts
    };
    assert_eq!(noted(&reader, &unmasked(list)), one("viewQuarantine"));
    server.clock.advance(MINUTES);
    for path in [list, &whole] {
        assert_eq!(noted(&owner, path), one("viewQuarantine"), "{path}");
    }
    let newest = &owner.entries("action=viewQuarantine&order=received&limit=1")[0];
    assert_eq!(newest["context"]["items"], 1, "{newest}");
    assert_eq!(newest["target"]["name"], "prod", "{newest}");
    assert_eq!(newest["scope"]["organization"], "acme", "{newest}");
    assert_eq!(noted(&owner, list), [], "the same page again");
}

#[test]
fn a_secret_in_the_wrong_field_is_in_no_entry_of_the_logs_own() {
    let server = TestServer::guarded();
    let owner = furnished(&server);
    let (own, ..) = owner.service("bot", &[]);
    let refused = || assert_eq!(owner.get(&format!("/?search={own}")).status, 400);
    assert_eq!(added(&owner, refused), [], "no token of ours gets as far");
    let other = format!("ghp_{}", "aB3".repeat(12));
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    for canary in [other.as_str(), jwt] {
        let paths = [
            format!("/v1/entries?search={canary}"),
            format!("/v1/entries?actor=x&purpose={canary}"),
            format!("/?search={canary}&purpose=see+{canary}"),
            format!("/v1/export?q={canary}"),
            format!("/targets/user/{canary}"),
        ];
        for path in paths {
            let act = if path.contains("export") {
                "exportEntries"
            } else {
                "searchEntries"
            };
            let look = || assert_eq!(owner.get(&path).status, 200, "{path}");
            assert_eq!(added(&owner, look), one(act), "{path}");
        }
    }
    let all = owner
        .get("/v1/entries?category=audit&limit=1000")
        .text()
        .to_lowercase();
    for canary in [other.as_str(), jwt] {
        let found = all
            .find(&canary.to_lowercase())
            .map(|at| &all[at.saturating_sub(300)..at]);
        assert_eq!(found, None);
    }
    assert!(all.contains("[redacted: vendor_token]") && all.contains("[redacted: jwt]"));
}
