//! CloudEvents, in the ways they come over HTTP.

use crate::sources_kubernetes::total;
use crate::test_server::{Answer, TestServer};
use serde_json::{Value, json};

const PATH: &str = "/v1/sources/cloudevents/shop";

fn event(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/shop", "type": "deleteInstance", "subject": "web-1",
        "time": "2026-11-01T11:00:00.123456789Z", "datacontenttype": "application/json",
        "data": {"actor": {"id": "u-7", "email": "ana@acme.example"}, "target": {"type": "instance", "id": "i-1"}},
    })
}

fn send(server: &TestServer, kind: &str, body: &Value) -> Answer {
    let body = body.to_string();
    server.send("POST", PATH, &[("content-type", kind)], body.as_bytes())
}

fn counts(answer: &Answer) -> (u64, u64, u64) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let tally = answer.json();
    let count = |name: &str| tally[name].as_u64().expect("a number");
    (count("stored"), count("duplicates"), count("quarantined"))
}

#[test]
fn an_event_is_the_same_in_every_mode() {
    let server = TestServer::start();
    let structured = send(
        &server,
        "application/cloudevents+json; charset=utf-8",
        &event("a"),
    );
    assert_eq!(counts(&structured), (1, 0, 0));
    let batch = json!([event("a"), event("b"), {"specversion": "1.0", "id": "c"}]);
    let batch = send(&server, "application/cloudevents-batch+json", &batch);
    assert_eq!(counts(&batch), (1, 1, 1));
    let data = event("b")["data"].to_string();
    let headers = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "b"),
        ("ce-source", "/shop"),
        ("ce-type", "deleteInstance"),
        ("ce-subject", "web-1"),
        ("ce-time", "2026-11-01T11:00:00.123456789Z"),
    ];
    let binary = server.send("POST", PATH, &headers, data.as_bytes());
    assert_eq!(counts(&binary), (0, 1, 0));
    assert_eq!(
        total(
            &server,
            "source=shop&action=deleteInstance&email=ana@acme.example"
        ),
        2
    );
}

#[test]
fn what_is_no_event_is_refused() {
    let server = TestServer::start();
    let plain = send(&server, "application/json", &json!({"id": "a"}));
    assert_eq!(plain.status, 415, "{}", plain.text());
    let avro = send(&server, "application/cloudevents+avro", &event("a"));
    assert_eq!(avro.status, 415);
    let broken = server.send(
        "POST",
        PATH,
        &[("content-type", "application/cloudevents+json")],
        b"{\"id\"",
    );
    assert_eq!(broken.status, 400);
    let named = server.post("/v1/sources/cloudevents/kubernetes", "{}");
    assert_eq!(named.status, 404, "a word of an address is no name");
    assert_eq!(total(&server, ""), 0);
}
