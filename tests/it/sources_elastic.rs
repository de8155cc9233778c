//! What ships logs to Elasticsearch.

use crate::access::{Caller, claimed};
use crate::sources_kubernetes::total;
use crate::test_server::{Answer, TestServer};
use data_encoding::BASE64;
use serde_json::{Value, json};

const BULK: &str = "/v1/sources/elastic/shop/_bulk";

fn document(n: u32) -> Value {
    json!({
        "@timestamp": "2026-11-01T11:00:00.000Z",
        "event": {"action": "deleteInstance", "outcome": "success"},
        "user": {"id": format!("u-{n}"), "email": "ana@acme.example"},
    })
}

fn lines(lines: &[Value]) -> Vec<u8> {
    lines
        .iter()
        .map(|line| format!("{line}\n"))
        .collect::<String>()
        .into_bytes()
}

fn send(server: &TestServer, method: &str, path: &str, body: &[u8]) -> Answer {
    let headers = [
        (
            "content-type",
            "application/vnd.elasticsearch+x-ndjson; compatible-with=9",
        ),
        (
            "accept",
            "application/vnd.elasticsearch+json; compatible-with=9",
        ),
    ];
    let answer = server.send(method, path, &headers, body);
    let kind = answer.header("content-type");
    assert_eq!(
        kind,
        Some("application/vnd.elasticsearch+json;compatible-with=9"),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"));
    answer
}

fn statuses(answer: &Answer) -> Vec<u64> {
    let items = answer.json()["items"].as_array().expect("items").clone();
    let status = |item: &Value| {
        let (_, shape) = item
            .as_object()
            .expect("one member")
            .iter()
            .next()
            .expect("one");
        shape["status"].as_u64().expect("a number")
    };
    items.iter().map(status).collect()
}

#[test]
fn a_client_learns_whom_it_talks_to() {
    let server = TestServer::start();
    for path in ["/v1/sources/elastic/shop", "/v1/sources/elastic/shop/"] {
        let answer = send(&server, "GET", path, b"");
        assert_eq!(answer.status, 200);
        assert!(answer.json()["version"]["number"].is_string());
        assert_eq!(send(&server, "HEAD", path, b"").status, 200);
    }
    let plain = server.get("/v1/sources/elastic/shop");
    assert_eq!(plain.header("content-type"), Some("application/json"));
}

#[test]
fn what_is_created_is_stored_once_and_nothing_is_ever_changed() {
    let server = TestServer::start();
    let body = lines(&[
        json!({"create": {"_index": "audit", "_id": "1"}}),
        document(1),
        json!({"index": {}}),
        document(2),
        json!({"delete": {"_id": "1"}}),
        json!({"update": {"_id": "1"}}),
        json!({"doc": {"result": "failure"}}),
        json!({"create": {}}),
        json!({"note": "no audit event"}),
    ]);
    let answer = send(
        &server,
        "PUT",
        "/v1/sources/elastic/shop/logs/_bulk?refresh=false",
        &body,
    );
    assert_eq!(
        statuses(&answer),
        [201, 201, 400, 400, 202],
        "{}",
        answer.text()
    );
    assert_eq!(answer.json()["errors"], true);
    assert_eq!(answer.json()["items"][1]["index"]["_index"], "logs");
    assert_eq!(total(&server, "source=shop"), 2);
    let again = send(
        &server,
        "POST",
        "/v1/sources/elastic/shop/logs/_bulk",
        &body,
    );
    assert_eq!(statuses(&again), [200, 200, 400, 400, 200]);
    assert_eq!(total(&server, ""), 2);
    let kept = server.get("/v1/sources/shop/quarantine").json();
    assert_eq!(kept["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_refusal_is_an_error_of_elasticsearchs() {
    let server = TestServer::start();
    let answer = send(&server, "POST", BULK, b"{\"create\": 7}\n{}\n");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"]["type"], "illegal_argument_exception");
    assert_eq!(answer.json()["status"], 400);
}

#[test]
fn a_token_is_shown_in_any_way_that_clients_know_and_in_no_other_place() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let role = json!({"role": "recorder", "organization": "acme"});
    let (token, ..) = owner.service("shipper", &[role]);
    let basic = format!(
        "Basic {}",
        BASE64.encode(format!("elastic:{token}").as_bytes())
    );
    let key = format!("ApiKey {}", BASE64.encode(format!("id:{token}").as_bytes()));
    let bearer = format!("Bearer {token}");
    for (n, way) in [&basic, &key, &bearer].into_iter().enumerate() {
        let n = u32::try_from(n).expect("small");
        let body = lines(&[json!({"create": {}}), document(n)]);
        let headers = [
            ("authorization", way.as_str()),
            ("content-type", "application/x-ndjson"),
        ];
        let answer = server.send("POST", BULK, &headers, &body);
        assert_eq!((answer.status, statuses(&answer)), (200, vec![201]));
        let about = server.send("GET", "/v1/sources/elastic/shop/", &headers[..1], b"");
        assert_eq!(about.status, 200);
    }
    for way in [&basic, &key] {
        let elsewhere = [
            ("authorization", way.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = server.send("POST", "/v1/entries", &elsewhere, b"{}");
        assert_eq!(answer.status, 401);
    }
    let nobody = server.send("POST", BULK, &[], b"{}");
    assert_eq!(
        (nobody.status, &nobody.json()["error"]["type"]),
        (401, &json!("security_exception"))
    );
    let about = server.get("/v1/sources/elastic/shop");
    assert_eq!(about.status, 401);
    let stored = owner.entries("source=shop");
    assert_eq!(stored.len(), 3);
    assert_eq!(stored[0]["scope"]["organization"], "acme");
    let reader = json!({"role": "auditor", "organization": "acme"});
    let (reader, ..) = owner.service("reader", &[reader]);
    let answer = Caller::with_token(&server, &reader).get("/v1/sources/elastic/shop");
    assert_eq!(answer.status, 403);
}

/// Beats of version 7 ask for a license, and without one send nothing.
#[test]
fn a_beat_is_told_of_a_license_that_lets_it_send() {
    let server = TestServer::start();
    let license = server.get("/v1/sources/elastic/shop/_license");
    let license = &license.json()["license"];
    assert_eq!(
        (&license["status"], &license["type"]),
        (&json!("active"), &json!("basic"))
    );
    let guarded = TestServer::guarded();
    claimed(&guarded);
    assert_eq!(guarded.get("/v1/sources/elastic/shop/_license").status, 401);
}
