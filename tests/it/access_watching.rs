//! The log watches itself: each act leaves exactly one entry.

use crate::access::{Caller, PASSWORD, claimed, entry};
use crate::api::{problem, uuid};
use crate::test_server::TestServer;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many entries of each action the log has of itself.
pub fn acts(owner: &Caller<'_>) -> BTreeMap<String, u64> {
    let counts = owner.done(
        "GET",
        "/v1/facets?fields=action&top=100&category=audit",
        &Value::Null,
    );
    let values = counts["facets"]["action"]["values"]
        .as_array()
        .expect("values");
    let pair = |one: &Value| {
        let name = one["value"].as_str().expect("a name").to_owned();
        (name, one["count"].as_u64().expect("a count"))
    };
    values.iter().map(pair).collect()
}

/// The actions that a piece of work added, with how many each.
pub fn added(owner: &Caller<'_>, work: impl FnOnce()) -> Vec<(String, u64)> {
    let before = acts(owner);
    work();
    let after = acts(owner).into_iter();
    let more = after.map(|(name, count)| {
        let known = before.get(&name).copied().unwrap_or(0);
        (name, count - known)
    });
    more.filter(|(_, count)| *count > 0).collect()
}

pub fn one(name: &str) -> Vec<(String, u64)> {
    vec![(name.to_owned(), 1)]
}

/// The newest entry of the action.
fn newest(owner: &Caller<'_>, action: &str) -> Value {
    owner.entries(&format!("action={action}&order=received&limit=1"))[0].clone()
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Makes one change, and holds what it leaves against what it was.
fn done(owner: &Caller<'_>, method: &str, path: &str, body: &Value, action: &str) -> Value {
    let mut answer = Value::Null;
    let acts = added(owner, || answer = owner.done(method, path, body));
    assert_eq!(acts, one(action), "{method} {path}");
    let entry = newest(owner, action);
    assert_eq!(entry["actor"]["name"], "Root", "{entry}");
    let own = (&entry["category"], &entry["source"]["name"]);
    assert_eq!(own, (&json!("audit"), &json!("mar-audit")));
    assert!(!entry.to_string().contains("mar_"), "{entry}");
    answer
}

#[test]
fn every_change_of_access_leaves_one_entry_that_says_who_and_what() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    assert_eq!(
        newest(&owner, "claimServer")["actor"]["email"],
        "root@log.example"
    );
    let change = |method: &str, path: &str, body: Value, action: &str| {
        done(&owner, method, path, &body, action)
    };
    let service = json!({"kind": "service", "login": "bot", "name": "Bot"});
    let bot = text(&change("POST", "/v1/access/users", service, "createAccount")["id"]);
    let path = format!("/v1/access/users/{bot}");
    change("PATCH", &path, json!({"groups": ["ops"]}), "updateAccount");
    let role = json!({"permissions": ["entries:read"], "mask": ["ip"]});
    change("PUT", "/v1/access/roles/look", role, "putRole");
    let binding = json!({"account": bot, "role": "look", "organization": "acme"});
    let binding = text(&change("POST", "/v1/access/bindings", binding, "createBinding")["id"]);
    let scope = newest(&owner, "createBinding")["scope"].clone();
    assert_eq!(scope["organization"], "acme");
    let token = json!({"account": bot, "name": "ci", "permissions": ["entries:read"]});
    let made = change("POST", "/v1/access/tokens", token, "createToken");
    let reader = Caller::with_token(&server, made["secret"].as_str().expect("text"));
    let embed = json!({"organization": "acme", "mask": ["ip"]});
    let embedded = || drop(reader.done("POST", "/v1/access/embed", &embed));
    assert_eq!(added(&owner, embedded), one("createEmbed"));
    let token = text(&made["token"]["id"]);
    let path = format!("/v1/access/tokens/{token}");
    change("DELETE", &path, Value::Null, "revokeToken");
    let path = format!("/v1/access/bindings/{binding}");
    change("DELETE", &path, Value::Null, "deleteBinding");
    change("DELETE", "/v1/access/roles/look", Value::Null, "removeRole");
}

#[test]
fn an_auditors_link_comes_and_goes_and_leaves_an_entry_each_time() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let link = json!({"name": "Auditors & Co", "permissions": ["entries:read"], "organization": "acme",
        "filter": "result:failure", "expires_at": "2026-12-01T00:00:00Z"});
    let made = done(&owner, "POST", "/v1/access/links", &link, "createLink");
    let auditor = Caller::with_token(&server, made["secret"].as_str().expect("text"));
    let failure = json!({"id": uuid(1), "scope": {"organization": "acme"}, "actor": {"type": "system", "name": "x"},
        "action": "login", "result": "failure"});
    let mut success = failure.clone();
    (success["id"], success["result"]) = (json!(uuid(2)), json!("success"));
    owner.done("POST", "/v1/entries", &failure);
    owner.done("POST", "/v1/entries", &success);
    let seen = auditor.entries("");
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0]["id"], uuid(1));
    let path = format!("/v1/access/links/{}", text(&made["link"]["id"]));
    done(&owner, "DELETE", &path, &Value::Null, "revokeLink");
    problem(&auditor.get("/v1/entries"), 401, "unauthenticated");
}

#[test]
fn signing_in_and_out_leaves_an_entry_and_so_does_trying() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let enter = |login: &str, password: &str| {
        let body = json!({"login": login, "password": password});
        server.post("/v1/access/sign-in", body.to_string())
    };
    let refused = |login: &str| {
        let refused = || drop(problem(&enter(login, "wrong"), 401, "unauthenticated"));
        assert_eq!(added(&owner, refused), one("signIn"));
        newest(&owner, "signIn")
    };
    let failed = refused("Root@log.example");
    let how = (&failed["result"], &failed["actor"]["type"]);
    assert_eq!(how, (&json!("failure"), &json!("anonymous")));
    assert_eq!(failed["target"]["name"], "Root");
    // What nobody is called may be a password in the wrong field.
    assert!(
        !refused("canary-of-a-password")
            .to_string()
            .contains("canary")
    );
    let mut session = None;
    let entered = || session = Some(enter("ROOT@log.example", PASSWORD));
    assert_eq!(added(&owner, entered), one("signIn"));
    let second = Caller::with_cookie(&server, &session.expect("answered"));
    let left = || drop(second.done("POST", "/v1/access/sign-out", &Value::Null));
    assert_eq!(added(&owner, left), one("signOut"));
}

#[test]
fn reading_leaves_one_entry_where_people_are_looked_for_or_at() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    for id in 1..4 {
        let body: Value = serde_json::from_str(&entry(id, "acme", None)).expect("JSON");
        owner.done("POST", "/v1/entries", &body);
    }
    let get = |path: &str| assert_eq!(owner.get(path).status, 200, "{path}");
    let id = uuid(2);
    let quiet = [
        "/v1/entries?organization=acme",
        "/v1/entries?result=failure",
        "/v1/facets?organization=acme",
        "/v1/histogram",
        "/v1/catalogue",
        "/",
    ];
    for path in quiet {
        assert_eq!(added(&owner, || get(path)), [], "{path}");
    }
    let noted = [
        ("/v1/entries?email=person-1*".to_owned(), "searchEntries"),
        ("/v1/entries?q=person-3".to_owned(), "searchEntries"),
        ("/?search=person-2".to_owned(), "searchEntries"),
        (format!("/v1/entries/{id}?purpose=OPS-88"), "viewEntry"),
        (format!("/entries/{id}"), "viewEntry"),
        (
            "/v1/export?format=csv&organization=acme".to_owned(),
            "exportEntries",
        ),
    ];
    for (path, action) in &noted {
        assert_eq!(added(&owner, || get(path)), one(action), "{path}");
    }
    let viewed = &owner.entries(&format!(
        "action=viewEntry&order=received&direction=asc&target={id}"
    ))[0];
    assert_eq!(
        (
            &viewed["context"]["purpose"],
            &viewed["scope"]["organization"]
        ),
        (&json!("OPS-88"), &json!("acme"))
    );
    assert_eq!(viewed["request"]["path"], format!("/v1/entries/{id}"));
    server.clock.advance(Duration::from_secs(2));
    let proof = format!("/v1/entries/{id}/proof");
    assert_eq!(added(&owner, || get(&proof)), one("verifyEntry"));

    // One walk, or the same look at it by another route, is one search.
    let walk = || {
        let first = owner.done("GET", "/v1/entries?actor=person-*&limit=1", &Value::Null);
        let cursor = first["next_cursor"].as_str().expect("more");
        get(&format!(
            "/v1/entries?actor=person-*&limit=1&cursor={cursor}"
        ));
        get("/v1/facets?actor=person-*");
        get("/v1/histogram?actor=person-*");
    };
    assert_eq!(added(&owner, walk), one("searchEntries"));
    server.clock.advance(Duration::from_secs(120));
    assert_eq!(
        added(&owner, || get("/v1/facets?actor=person-*")),
        one("searchEntries")
    );
}

#[test]
fn a_tail_is_one_entry_and_what_it_sends_is_none() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let mut connection = server.connect();
    let (name, value) = owner.credential();
    let follow = || {
        let host = server.address;
        let head = format!(
            "GET /v1/tail?purpose=watch HTTP/1.1\r\nhost: {host}\r\n{name}: {value}\r\n\r\n"
        );
        connection.send(head.as_bytes());
        assert!(connection.line().expect("a status").contains("200"));
        connection.headers().expect("headers");
        let mut said = String::new();
        // It sees what it left itself, and that leaves nothing more.
        while !said.contains("person-3") {
            let size = connection.chunk().expect("the tail goes on");
            said.push_str(&String::from_utf8_lossy(&connection.bytes(size + 2)));
            if said.contains("retry: 2000") && !said.contains("person-1") {
                for id in 1..4 {
                    let body: Value = serde_json::from_str(&entry(id, "acme", None)).expect("JSON");
                    owner.done("POST", "/v1/entries", &body);
                }
            }
        }
    };
    assert_eq!(added(&owner, follow), one("tailEntries"));
}
