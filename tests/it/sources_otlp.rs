//! OpenTelemetry's exporters: their recorded calls, and what a server owes them.

use crate::access::{Caller, claimed};
use crate::sources_kubernetes::{fixtures, total};
use crate::test_server::{Answer, TestServer};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;

const JSON: (&str, &str) = ("content-type", "application/json");
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

fn record(name: &str, second: u64, user: &str) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    json!({
        "timeUnixNano": format!("{}000000000", 1_793_534_400 + second),
        "eventName": name,
        "attributes": [text("user.id", user), text("client.address", "203.0.113.9")],
    })
}

fn of_service(service: &str, records: &[Value]) -> Value {
    let name = json!({"key": "service.name", "value": {"stringValue": service}});
    json!({"resource": {"attributes": [name]}, "scopeLogs": [{"scope": {}, "logRecords": records}]})
}

fn call(resources: &[Value]) -> Vec<u8> {
    json!({ "resourceLogs": resources })
        .to_string()
        .into_bytes()
}

fn send(server: &TestServer, body: &[u8]) -> Answer {
    server.send("POST", "/v1/logs", &[JSON], body)
}

pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(body).expect("memory");
    packed.finish().expect("memory")
}

#[test]
fn what_real_exporters_sent_is_stored_once_and_answered_in_their_form() {
    let Some(dir) = fixtures() else { return };
    let server = TestServer::start();
    let mut before = 0;
    for (name, kind) in [("001", PROTOBUF), ("003", JSON)] {
        let body = fs::read(dir.join(format!("otlp/wire/{name}.body"))).expect("a recorded body");
        let plain = server.send("POST", "/v1/logs", &[kind], &body);
        assert_eq!(plain.status, 200);
        assert_eq!(plain.header("content-type"), Some(kind.1));
        let text = String::from_utf8_lossy(&plain.body);
        assert!(text.contains("kept beside"), "some say no action: {text}");
        let stored = total(&server, "");
        assert!(stored > before, "{stored}");
        before = stored;
        let packed = server.send(
            "POST",
            "/v1/logs",
            &[kind, ("content-encoding", "gzip")],
            &gzip(&body),
        );
        assert_eq!((packed.status, total(&server, "")), (200, stored));
    }
}

#[test]
fn a_body_in_chunks_is_a_body() {
    let server = TestServer::start();
    let body = call(&[of_service("pay", &[record("createCluster", 1, "ana")])]);
    let (first, rest) = body.split_at(20);
    let mut connection = server.connect();
    connection.send(
        format!(
            "POST /v1/logs HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
            server.address
        )
        .as_bytes(),
    );
    for part in [first, rest] {
        connection.send(format!("{:x}\r\n", part.len()).as_bytes());
        connection.send(part);
        connection.send(b"\r\n");
    }
    connection.send(b"0\r\n\r\n");
    assert_eq!(connection.answer().status, 200);
    assert_eq!(
        total(&server, "action=createCluster&actor=ana&ip=203.0.113.9"),
        1
    );
}

#[test]
fn a_service_is_a_source_unless_the_address_names_one() {
    let server = TestServer::start();
    let one = |service: &str| of_service(service, &[record("login", 1, "ana")]);
    let answer = send(
        &server,
        &call(&[one("Pay API"), one("shop"), one("???"), one("elastic")]),
    );
    assert_eq!((answer.status, answer.text()), (200, "{}"));
    for (source, count) in [("pay-api", 1), ("shop", 1), ("otlp", 2)] {
        assert_eq!(
            total(&server, &format!("source={source}")),
            count,
            "{source}"
        );
    }
    let path = "/v1/sources/otlp/edge/v1/logs";
    let answer = server.send("POST", path, &[JSON], &call(&[one("pay"), one("shop")]));
    assert_eq!(answer.status, 200);
    assert_eq!(total(&server, "source=edge"), 2);
}

pub fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).expect("7 bits") | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).expect("7 bits"));
    [out, bytes.to_vec()].concat()
}

#[test]
fn a_record_that_is_too_large_is_told_and_takes_no_other_with_it() {
    let server = TestServer::start();
    // A record's `event_name` and its `body`, a text.
    let record = |text: &str| {
        let body = field(5, &field(1, text.as_bytes()));
        field(2, &[field(12, b"login"), body].concat())
    };
    let records = [record(&"x".repeat(5 * 1024 * 1024)), record("in")].concat();
    let body = field(1, &field(2, &records));
    let answer = server.send("POST", "/v1/logs", &[PROTOBUF], &body);
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 200, "{text}");
    // `partial_success` (1) with `rejected_log_records` (1), which is 1, and the reason.
    assert_eq!(answer.body[2..4], [0x08, 1]);
    assert!(text.contains("a log record of"), "{text}");
    assert_eq!(total(&server, "action=login"), 1);
}

#[test]
fn a_record_that_is_no_entry_is_kept_beside_and_told_as_a_warning() {
    let server = TestServer::start();
    let answer = send(
        &server,
        &call(&[of_service(
            "pay",
            &[json!({"body": {"stringValue": "started"}})],
        )]),
    );
    let partial = answer.json()["partialSuccess"].clone();
    assert_eq!(partial["rejectedLogRecords"], "0", "{partial}");
    let says = partial["errorMessage"].as_str().expect("why");
    assert!(says.starts_with("kept beside"), "{says}");
    let kept = server.get("/v1/sources/pay/quarantine").json();
    assert_eq!(kept["items"].as_array().map(Vec::len), Some(1));
    let again = server
        .post("/v1/sources/pay/quarantine/replay", "{}")
        .json();
    assert_eq!((&again["stay"], &again["stored"]), (&json!(1), &json!(0)));
}

/// An exporter whose call is refused for a name would drop all that comes with it.
#[test]
fn services_beyond_what_is_told_apart_are_one_source() {
    let server = TestServer::start();
    let one = |n: usize| {
        of_service(
            &format!("pod-{n}"),
            &[record("login", 1, &format!("u-{n}"))],
        )
    };
    let most = mar_audit::intake::tally::OF_ORGANIZATION_MAX;
    for first in (0..most + 100).step_by(50) {
        let services: Vec<Value> = (first..first + 50).map(one).collect();
        let answer = send(&server, &call(&services));
        assert_eq!((answer.status, answer.text()), (200, "{}"));
    }
    assert_eq!(total(&server, ""), most as u64 + 100);
    assert_eq!(total(&server, "source=otlp"), 150);
}

#[test]
fn a_refusal_is_a_status_in_the_form_of_the_call() {
    let server = TestServer::start();
    let bad = send(&server, b"{\"resourceLogs\": 7}");
    assert_eq!((bad.status, &bad.json()["code"]), (400, &json!(3)));
    let bad = server.send("POST", "/v1/logs", &[PROTOBUF], b"\x0a\xff\xff");
    assert_eq!(
        (bad.status, bad.header("content-type")),
        (400, Some(PROTOBUF.1))
    );
    assert_eq!(
        bad.body.first(),
        Some(&0x08),
        "google.rpc.Status begins with its code"
    );
    let plain = server.send("POST", "/v1/logs", &[("content-type", "text/plain")], b"x");
    assert_eq!(plain.status, 415);
    let odd = server.send("POST", "/v1/logs?colour=red", &[JSON], &call(&[]));
    assert_eq!((odd.status, &odd.json()["code"]), (400, &json!(3)));
}

#[test]
fn a_full_disk_is_a_refusal_that_an_exporter_repeats() {
    let server = TestServer::start();
    let large = "x".repeat(1_200_000);
    let body = call(&[of_service(
        "pay",
        &[json!({"body": {"stringValue": large}})],
    )]);
    let answer = send(&server, &body);
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!(14)));
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn who_may_not_record_is_told_in_the_form_of_the_call() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let body = call(&[of_service("pay", &[record("login", 1, "ana")])]);
    let nobody = send(&server, &body);
    assert_eq!((nobody.status, &nobody.json()["code"]), (401, &json!(16)));
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
    let role = |role: &str| json!({"role": role, "organization": "acme"});
    let (reader, ..) = owner.service("reader", &[role("auditor")]);
    let (recorder, ..) = owner.service("recorder", &[role("recorder")]);
    let text = std::str::from_utf8(&body).expect("JSON");
    let answer = Caller::with_token(&server, &reader).call("POST", "/v1/logs", text);
    assert_eq!((answer.status, &answer.json()["code"]), (403, &json!(7)));
    let recorder = Caller::with_token(&server, &recorder);
    let answer = recorder.call("POST", "/v1/logs?organization=globex", text);
    assert_eq!(answer.status, 403);
    let answer = recorder.call("POST", "/v1/logs", text);
    assert_eq!((answer.status, answer.text()), (200, "{}"));
    let stored = owner.entries("source=pay");
    assert_eq!(stored[0]["scope"]["organization"], "acme");
}
