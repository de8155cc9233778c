//! Calls that say the same and no time: sent again, or said again.

use crate::sources_kubernetes::total;
use crate::test_server::TestServer;
use serde_json::json;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// A sender's path, its type of content, and a call that says no time.
fn senders() -> [(&'static str, &'static str, String); 3] {
    let restart = json!({"action": "restart", "actor": "svc"});
    let record = json!({"eventName": "restart"});
    let records = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]});
    [
        (
            "/services/collector/raw",
            "application/json",
            restart.to_string(),
        ),
        (
            "/v1/sources/elastic/shop/_bulk",
            "application/x-ndjson",
            format!("{{\"create\":{{}}}}\n{restart}\n"),
        ),
        ("/v1/logs", "application/json", records.to_string()),
    ]
}

/// The second restart of a day had the text of the first, and was taken for it sent again: answered 200, and never stored.
#[test]
fn an_equal_call_is_another_entry_once_nobody_sends_the_first_again_any_more() {
    let mut server = TestServer::start();
    let mut wanted = 0;
    let send = |server: &TestServer| {
        for (path, kind, body) in senders() {
            let headers = [("content-type", kind)];
            let answer = server.send("POST", path, &headers, body.as_bytes());
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
    };
    for pause in [
        Duration::ZERO,
        6 * MINUTE,
        5 * MINUTE + Duration::from_secs(1),
        500 * MINUTE,
    ] {
        server.clock.advance(pause);
        send(&server);
        wanted += 3;
        assert_eq!(total(&server, ""), wanted, "{pause:?}");
        // Sent again, also after a restart, it is the same.
        server.clock.advance(2 * MINUTE);
        send(&server);
        server = server.restart();
        server.clock.advance(2 * MINUTE);
        send(&server);
        assert_eq!(total(&server, ""), wanted, "{pause:?}");
    }
}

/// What ships an API server's log sends each stage as an event: a watch was two entries, and so was a request of Vault.
#[test]
fn the_stages_that_a_shipper_sends_are_one_entry() {
    let server = TestServer::start();
    let watch = |stage: &str| {
        json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "a", "stage": stage, "verb": "watch",
            "user": {"username": "ana@acme.example"}, "objectRef": {"resource": "pods", "namespace": "pay"},
            "requestReceivedTimestamp": "2026-11-01T11:00:00.000000Z",
        })
    };
    let vault = |kind: &str| {
        json!({
            "type": kind, "time": "2026-11-01T11:00:00Z", "auth": {"display_name": "ana"},
            "request": {"id": "r", "operation": "read", "path": "kv/a", "mount_type": "kv"},
        })
    };
    let all = [
        watch("ResponseStarted"),
        watch("ResponseComplete"),
        vault("request"),
        vault("response"),
    ];
    let bulk = |events: &[serde_json::Value]| {
        let lines = events
            .iter()
            .map(|event| format!("{{\"create\":{{}}}}\n{event}\n"));
        let headers = [("content-type", "application/x-ndjson")];
        let body: String = lines.collect();
        let answer = server.send(
            "POST",
            "/v1/sources/elastic/shop/_bulk",
            &headers,
            body.as_bytes(),
        );
        assert_eq!(answer.json()["errors"], false, "{}", answer.text());
    };
    bulk(&all);
    assert_eq!(total(&server, ""), 2);
    for event in &all {
        bulk(std::slice::from_ref(event));
        let event = json!({ "event": event });
        assert_eq!(
            server
                .post("/v1/sources/hec/edge/services/collector", event.to_string())
                .status,
            200
        );
    }
    assert_eq!(
        (total(&server, "source=shop"), total(&server, "source=edge")),
        (2, 2)
    );
}
