//! Who is let in, and what they see: the door, credentials, reach.

use crate::api::{line, problem};
use crate::test_server::{Answer, TestServer};
use serde_json::json;

#[test]
fn without_a_credential_nothing_is_answered_but_whether_the_server_lives() {
    let server = TestServer::guarded();
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for path in [
        "/v1/entries",
        "/v1/entries/0198f3c2-7b1e-7c3a-9d0a-000000000001",
        "/v1/facets",
        "/v1/histogram",
        "/v1/catalogue",
        "/v1/export",
        "/v1/tail",
    ] {
        let answer = server.get(path);
        problem(&answer, 401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
    }
    let answer = server.post("/v1/entries", line(1, json!({})));
    problem(&answer, 401, "unauthenticated");
    let page = server.get("/?result=failure&q=a%20b");
    assert_eq!(page.status, 303);
    assert_eq!(
        page.header("location"),
        Some("/sign-in?next=%2F%3Fresult%3Dfailure%26q%3Da%2520b")
    );
}

#[test]
fn what_is_no_credential_is_refused_and_not_repeated() {
    let server = TestServer::guarded();
    for shown in [
        "Bearer canary-of-a-token",
        "Basic Y2FuYXJ5",
        "Bearer",
        "Bearer mar_pat_canary",
    ] {
        let answer = with(&server, "/v1/entries", &[("authorization", shown)]);
        let said = problem(&answer, 401, "unauthenticated").to_string();
        assert!(!said.contains("canary") && !said.contains("Y2Fu"), "{said}");
    }
}

fn with(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Answer {
    server.send("GET", path, headers, b"")
}
