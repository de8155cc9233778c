//! Other systems have actions that are called as ours are: each once was refused, which lost it with most senders.

use crate::sources_kubernetes::{event, list, total};
use crate::test_server::TestServer;
use serde_json::{Value, json};

const OTLP: &str = r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [
    {"timeUnixNano": "1793534400000000000", "eventName": "startServer"}]}]}]}"#;
const CLOUD: &str = r#"[{"specversion": "1.0", "id": "7", "source": "/shop", "type": "signIn",
    "data": {"actor": {"email": "ana@acme.example"}}}]"#;
const BULK: &str = "{\"create\": {}}\n{\"@timestamp\": \"2026-11-01T12:00:00Z\", \"event\": {\"action\": \"verifyEntry\"}, \"user\": {\"name\": \"ana\"}}\n";
const HEC: &str = r#"{"time": 1793534400, "event": {"action": "signIn", "actor": {"email": "ana@acme.example"}}}"#;

fn entries(server: &TestServer) -> Vec<Value> {
    let answer = server
        .get("/v1/entries?order=received&direction=asc")
        .json();
    answer["entries"].as_array().expect("entries").clone()
}

#[test]
fn what_others_call_as_the_log_calls_its_own_is_stored_under_another_name() {
    let server = TestServer::start();
    let kind = |kind| [("content-type", kind)];
    let bulk = server.send(
        "POST",
        "/v1/sources/elastic/shop/_bulk",
        &kind("application/x-ndjson"),
        BULK.as_bytes(),
    );
    assert_eq!(
        bulk.json()["items"][0]["create"]["status"],
        201,
        "{}",
        bulk.text()
    );
    let otlp = server.post("/v1/logs", OTLP);
    assert_eq!((otlp.status, otlp.text()), (200, "{}"));
    let hec = server.post("/services/collector", HEC);
    assert_eq!((hec.status, &hec.json()["code"]), (200, &json!(0)));
    let batch = kind("application/cloudevents-batch+json");
    let path = "/v1/sources/cloudevents/shop";
    let cloud = server.send("POST", path, &batch, CLOUD.as_bytes());
    assert_eq!(cloud.json()["stored"], 1, "{}", cloud.text());
    let entries = entries(&server);
    let said: Vec<_> = { entries.iter() }
        .map(|one| one["action"].as_str().expect("an action"))
        .collect();
    let expected = [
        "elastic:verifyEntry",
        "otlp:startServer",
        "hec:signIn",
        "cloudevents:signIn",
    ];
    assert_eq!(said, expected);
    for entry in &entries {
        assert_ne!(entry["category"], "audit", "{entry}");
        let note = entry["context"]["action_note"].as_str();
        assert!(note.is_some_and(|note| note.contains("says")), "{entry}");
    }
    // It is found by the name that it has, and is no word of the log.
    assert_eq!(total(&server, "action=hec:signIn"), 1);
    assert_eq!(total(&server, "q=action:hec:signIn"), 1);
    assert_eq!(total(&server, "category=audit"), 0);
    // Sent again, it is known.
    let again = server.send("POST", path, &batch, CLOUD.as_bytes());
    assert_eq!(again.json()["duplicates"], 1, "{}", again.text());
}

#[test]
fn a_draft_of_ours_within_what_others_send_is_no_word_of_the_log_either() {
    let server = TestServer::start();
    let draft = json!({
        "actor": {"type": "user", "name": "mallory"}, "action": "redactEntry", "category": "audit",
        "result": "success", "source": {"name": "mar-audit", "event_id": "1"},
    });
    let event =
        json!({"specversion": "1.0", "id": "7", "source": "/shop", "type": "x", "data": draft});
    let kind = [("content-type", "application/cloudevents+json")];
    let path = "/v1/sources/cloudevents/shop";
    let answer = server.send("POST", path, &kind, event.to_string().as_bytes());
    assert_eq!(answer.json()["stored"], 1, "{}", answer.text());
    assert_eq!(total(&server, "category=audit"), 0);
    assert_eq!(total(&server, "source=mar-audit"), 0);
    assert_eq!(
        total(&server, "source=shop&action=cloudevents:redactEntry"),
        1
    );
}

/// It was answered 403, as if a permission were missing.
#[test]
fn one_event_that_is_too_long_is_said_to_be_so() {
    let server = TestServer::start();
    let long = "x".repeat(9 * 1024 * 1024);
    let event =
        json!([{"specversion": "1.0", "id": "7", "source": "/shop", "type": "x", "data": long}]);
    let kind = [("content-type", "application/cloudevents-batch+json")];
    let path = "/v1/sources/cloudevents/shop";
    let answer = server.send("POST", path, &kind, event.to_string().as_bytes());
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(answer.text().contains("bytes"), "{}", answer.text());
}

/// The API server sends such a list again, whole, and drops it in the end.
#[test]
fn one_event_that_is_too_long_takes_no_other_of_its_list_with_it() {
    let server = TestServer::start();
    let mut long = event("long", "ResponseComplete", "update");
    long["requestObject"] = json!({"data": {"x": "x".repeat(9 * 1024 * 1024)}});
    long["responseObject"] = json!({"data": {"y": "y".repeat(64)}});
    let mut endless = event("endless", "ResponseComplete", "get");
    endless["userAgent"] = json!("x".repeat(9 * 1024 * 1024));
    let good = |id: &str| event(id, "ResponseComplete", "delete");
    let body = list(&[good("a"), long, endless, good("b")]);
    let answer = crate::sources_kubernetes::send(&server, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let counts = answer.json();
    assert_eq!(
        (&counts["stored"], &counts["refused"]),
        (&json!(3), &json!(1))
    );
    let all = entries(&server);
    let shortened = all.iter().find(|one| one["request"]["id"] == "long");
    let context = &shortened.expect("stored without its objects")["context"];
    assert!(context.get("requestObject").is_none() && context.get("responseObject").is_none());
    let note = &context["kubernetes"]["annotations"]["mar-audit/left-out"];
    let note = note.as_str().expect("a note");
    assert!(
        note.starts_with("requestObject, responseObject: an event of 943"),
        "{note}"
    );
    let again = crate::sources_kubernetes::send(&server, &body);
    assert_eq!(again.json()["duplicates"], 3, "{}", again.text());
}
