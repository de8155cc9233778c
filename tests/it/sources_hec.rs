//! What sends to Splunk's HTTP Event Collector.

use crate::access::claimed;
use crate::sources_kubernetes::total;
use crate::test_server::{Answer, TestServer};
use serde_json::{Value, json};

fn event(n: u32) -> Value {
    json!({
        "time": 1_793_534_400.5 + f64::from(n), "host": "web-1", "sourcetype": "_json",
        "event": {"action": "deleteInstance", "user": "ana@acme.example", "result": "success"},
    })
}

fn send(server: &TestServer, path: &str, body: &str) -> Answer {
    server.post(path, body)
}

fn said(answer: &Answer) -> (u16, u64) {
    let code = answer.json()["code"].as_u64();
    (answer.status, code.expect("a code"))
}

#[test]
fn events_are_stored_once_and_answered_as_splunk_does() {
    let server = TestServer::start();
    let body = format!("{}{}\n{}", event(1), event(2), event(3));
    for path in [
        "/services/collector",
        "/services/collector/event?channel=x&source=shop",
    ] {
        let answer = send(&server, path, &body);
        assert_eq!(
            answer.json(),
            json!({"text": "Success", "code": 0}),
            "{path}"
        );
    }
    assert_eq!(
        total(&server, "source=hec&email=ana@acme.example"),
        6,
        "another source is another content"
    );
    assert_eq!(said(&send(&server, "/services/collector", &body)), (200, 0));
    assert_eq!(total(&server, ""), 6);
    let named = "/v1/sources/hec/edge/services/collector/event";
    assert_eq!(said(&send(&server, named, &body)), (200, 0));
    assert_eq!(total(&server, "source=edge"), 3);
}

#[test]
fn lines_are_events() {
    let server = TestServer::start();
    let line = r#"{"action":"login","user":"ana@acme.example","timestamp":"2026-11-01T11:00:00Z"}"#;
    for path in [
        "/services/collector/raw?sourcetype=x",
        "/v1/sources/hec/edge/services/collector/raw",
    ] {
        assert_eq!(
            said(&send(&server, path, &format!("{line}\n\n{line}\n"))),
            (200, 0)
        );
    }
    assert_eq!(total(&server, "action=login"), 4);
}

#[test]
fn what_is_wrong_is_told_by_its_number_and_the_rest_is_taken() {
    let server = TestServer::start();
    let body = format!("{}{}{}", event(1), json!({"time": 1}), event(2));
    let answer = send(&server, "/services/collector", &body);
    assert_eq!(said(&answer), (400, 12));
    assert_eq!(answer.json()["invalid-event-number"], 1);
    let blank = send(
        &server,
        "/services/collector",
        &json!({"event": ""}).to_string(),
    );
    assert_eq!(said(&blank), (400, 13));
    assert_eq!(said(&send(&server, "/services/collector", "")), (400, 5));
    let broken = send(
        &server,
        "/services/collector",
        &format!("{}{{\"event\": ", event(3)),
    );
    assert_eq!(said(&broken), (400, 6));
    assert_eq!(total(&server, ""), 3);
}

#[test]
fn a_token_is_shown_as_splunks_are() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let role = json!({"role": "recorder", "organization": "acme"});
    let (token, ..) = owner.service("shipper", &[role]);
    let body = event(1).to_string();
    let call = |authorization: Option<&str>| {
        let shown = authorization.map(|text| ("authorization", text));
        let headers: Vec<_> = shown.into_iter().collect();
        server.send(
            "POST",
            "/services/collector/event",
            &headers,
            body.as_bytes(),
        )
    };
    assert_eq!(said(&call(None)), (401, 2));
    assert_eq!(said(&call(Some("Splunk mar_svc_nothing"))), (403, 4));
    assert_eq!(said(&call(Some(&format!("Splunk {token}")))), (200, 0));
    assert_eq!(
        owner.entries("source=hec")[0]["scope"]["organization"],
        "acme"
    );
    let elsewhere = [("authorization", format!("Splunk {token}"))];
    let elsewhere: Vec<_> = elsewhere.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(
        server.send("POST", "/v1/logs", &elsewhere, b"{}").status,
        415
    );
    assert_eq!(
        server.send("GET", "/v1/entries", &elsewhere, b"").status,
        401
    );
}

#[test]
fn whether_it_is_healthy_is_for_everybody() {
    let server = TestServer::guarded();
    assert_eq!(said(&server.get("/services/collector/health")), (200, 17));
}

/// The addresses that several of Splunk's libraries take where none is named; Docker's driver asks by OPTIONS, without a token, first.
#[test]
fn the_addresses_with_a_version_are_the_same_and_options_says_that_somebody_is_there() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let recorder = json!({"role": "recorder", "organization": "acme"});
    let (secret, ..) = owner.service("hec", &[recorder]);
    let shown = format!("Splunk {secret}");
    let headers = [("authorization", shown.as_str())];
    for below in ["", "/v1/sources/hec/edge"] {
        let at = |path: &str| format!("{below}/services/collector{path}");
        for path in ["", "/event", "/event/1.0", "/raw", "/raw/1.0"] {
            let asked = server.send("OPTIONS", &at(path), &[], b"");
            assert_eq!(asked.status, 200, "{path}: {}", asked.text());
            let sent = format!("{}?auto_extract_timestamp=true&channel=1", at(path));
            let body = event(u32::try_from(path.len()).expect("short")).to_string();
            let answer = server.send("POST", &sent, &headers, body.as_bytes());
            assert_eq!(said(&answer), (200, 0), "{path}: {}", answer.text());
        }
        for path in ["/health", "/health/1.0"] {
            assert_eq!(said(&server.get(&at(path))), (200, 17), "{path}");
        }
        let ack = server.send("POST", &at("/ack?channel=1"), &headers, b"{\"acks\":[0]}");
        assert_eq!(said(&ack), (400, 14));
        assert_eq!(ack.json()["text"], "ACK is disabled");
        let nobody = server.send("POST", &at("/ack"), &[], b"{}");
        assert_eq!(nobody.status, 401);
    }
}
