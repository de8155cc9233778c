//! What was let in is put out: streams end within a second once their reader may no longer read, calls at once.

use crate::access::{Caller, claimed, entry};
use crate::api::problem;
use crate::test_server::{Connection, TestServer};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A tail that is open, read as far as its first block.
fn tail(caller: &Caller<'_>) -> Connection {
    let mut connection = caller.server.connect();
    let (name, value) = caller.credential();
    let host = caller.server.address;
    let head = format!("GET /v1/tail HTTP/1.1\r\nhost: {host}\r\n{name}: {value}\r\n\r\n");
    connection.send(head.as_bytes());
    assert!(connection.line().expect("a status").contains("200"));
    connection.headers().expect("headers");
    assert!(text(&mut connection).contains("retry: 2000"));
    connection
}

/// The next chunk.
fn text(connection: &mut Connection) -> String {
    let size = connection.chunk().expect("the stream goes on");
    let bytes = connection.bytes(size + 2);
    String::from_utf8(bytes[..size].to_vec()).expect("UTF-8")
}

/// Reads on until the stream says that it ends, and how long that took.
fn end(connection: &mut Connection) -> (String, Duration) {
    let since = Instant::now();
    loop {
        let said = text(connection);
        if said.contains("event: end") {
            assert_eq!(connection.chunk().expect("the last chunk"), 0);
            return (said, since.elapsed());
        }
    }
}

fn reader<'a>(owner: &Caller<'a>) -> (Caller<'a>, String, String) {
    let binding = json!({"role": "viewer", "organization": "acme"});
    let (secret, token, account) = owner.service("reader", &[binding]);
    (Caller::with_token(owner.server, &secret), token, account)
}

#[test]
fn a_tail_ends_within_a_second_whatever_took_its_right_away() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let (caller, token, account) = reader(&owner);
    let path = format!("/v1/access/users/{account}");
    let bindings = || {
        let bindings = owner.done("GET", "/v1/access/bindings", &Value::Null);
        let all = bindings["bindings"].as_array().expect("bindings").clone();
        let of = all.iter().find(|one| one["account"] == *account);
        of.expect("bound")["id"].as_str().expect("an id").to_owned()
    };
    let ends = |take: &dyn Fn(), status: u16, slug: &str| {
        let mut open = tail(&caller);
        take();
        let (said, took) = end(&mut open);
        assert!(said.contains("you may no longer read this"), "{said}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        problem(&caller.get("/v1/entries"), status, slug);
    };
    let unbind = || {
        drop(owner.done(
            "DELETE",
            &format!("/v1/access/bindings/{}", bindings()),
            &Value::Null,
        ))
    };
    ends(&unbind, 403, "forbidden");
    let again = json!({"account": account, "role": "viewer", "organization": "acme"});
    owner.done("POST", "/v1/access/bindings", &again);
    let disable = || drop(owner.done("PATCH", &path, &json!({"disabled": true})));
    ends(&disable, 401, "unauthenticated");
    owner.done("PATCH", &path, &json!({"disabled": false}));
    let revoke = || {
        drop(owner.done(
            "DELETE",
            &format!("/v1/access/tokens/{token}"),
            &Value::Null,
        ))
    };
    ends(&revoke, 401, "unauthenticated");
}

#[test]
fn a_tail_ends_with_its_session_and_with_its_token_s_time() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let expires = json!({"name": "short", "permissions": ["entries:read"], "expires_at": "2026-11-01T12:10:00Z"});
    let made = owner.done("POST", "/v1/access/tokens", &expires);
    let short = Caller::with_token(&server, made["secret"].as_str().expect("text"));
    let (mut by_token, mut by_session) = (tail(&short), tail(&owner));
    server.clock.advance(Duration::from_secs(11 * 60));
    assert!(end(&mut by_token).1 < Duration::from_millis(1500));
    problem(&short.get("/v1/entries"), 401, "unauthenticated");
    owner.done("POST", "/v1/access/sign-out", &Value::Null);
    assert!(end(&mut by_session).1 < Duration::from_secs(1));
    problem(&owner.get("/v1/entries"), 401, "unauthenticated");
}

#[test]
fn a_tail_goes_on_with_what_its_reader_may_see_by_then() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let (caller, _, account) = reader(&owner);
    let mut open = tail(&caller);
    let more = json!({"account": account, "role": "viewer", "organization": "other"});
    let post = |id, log| {
        let body: Value = serde_json::from_str(&entry(id, log, None)).expect("JSON");
        owner.done("POST", "/v1/entries", &body);
    };
    let mut said = String::new();
    let mut until = |name: &str| {
        while !said.contains(name) {
            said.push_str(&text(&mut open));
        }
    };
    // Once the later one has come, the tail is past the first.
    post(1, "other");
    post(3, "acme");
    until("person-3");
    owner.done("POST", "/v1/access/bindings", &more);
    post(2, "other");
    until("person-2");
    assert!(!said.contains("person-1"), "{said}");
}

#[test]
fn an_export_that_nobody_may_read_any_more_is_cut() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let text = "x".repeat(200_000);
    for id in 1..60 {
        let mut body: Value = serde_json::from_str(&entry(id, "acme", None)).expect("JSON");
        body["context"] = json!({ "text": text });
        owner.done("POST", "/v1/entries", &body);
    }
    let (secret, token, _) = owner.service(
        "exporter",
        &[json!({"role": "auditor", "organization": "acme"})],
    );
    let caller = Caller::with_token(&server, &secret);
    let (name, value) = caller.credential();
    let mut connection = server.connect();
    let host = server.address;
    let head =
        format!("GET /v1/export?format=ndjson HTTP/1.1\r\nhost: {host}\r\n{name}: {value}\r\n\r\n");
    connection.send(head.as_bytes());
    assert!(connection.line().expect("a status").contains("200"));
    owner.done(
        "DELETE",
        &format!("/v1/access/tokens/{token}"),
        &Value::Null,
    );
    connection.headers().expect("headers");
    // Twelve megabytes do not fit on the way: what follows is read after the token is gone.
    let cut = loop {
        match connection.chunk() {
            Ok(0) => break false,
            Ok(size) => match connection.try_bytes(size + 2) {
                Ok(_) => {}
                Err(_) => break true,
            },
            Err(_) => break true,
        }
    };
    assert!(cut, "it ended as if it were whole");
}
