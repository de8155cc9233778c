//! What sources sent and no mapping could take: seen, mapped again, thrown away, by whom may.

use crate::access::{Caller, claimed};
use crate::test_server::TestServer;
use serde_json::{Value, json};
use std::fs;

const SEND: &str = "/v1/sources/kubernetes/prod?organization=acme";
const KEPT: &str = "/v1/sources/prod/quarantine?organization=acme";

fn list(items: &[Value]) -> Value {
    json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items})
}

fn good(id: &str) -> Value {
    json!({
        "auditID": id, "stage": "ResponseComplete", "verb": "delete",
        "user": {"username": "ana@acme.example"}, "responseStatus": {"code": 200},
        "objectRef": {"resource": "pods", "namespace": "pay", "name": "web-1"},
        "requestReceivedTimestamp": "2026-11-01T11:00:00.000000Z",
    })
}

fn odd(n: u32) -> Value {
    json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "reason": format!("Scheduled {n}")})
}

fn kept(caller: &Caller<'_>) -> Vec<Value> {
    let answer = caller.done("GET", KEPT, &Value::Null);
    answer["items"].as_array().expect("items").clone()
}

#[test]
fn what_is_kept_is_shown_with_its_reason_and_thrown_away_by_whom_may() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let recorder = json!({"role": "recorder", "organization": "acme"});
    let (secret, ..) = owner.service("k8s", &[recorder]);
    let source = Caller::with_token(&server, &secret);
    source.done("POST", SEND, &list(&[odd(1), odd(2), odd(3)]));
    let items = kept(&owner);
    assert_eq!(items.len(), 3);
    assert_eq!(items[0]["format"], "kubernetes");
    let reason = items[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("events.k8s.io/v1"), "{reason}");
    assert_eq!(items[0]["raw"], odd(1).to_string());
    // Who records may neither see nor take away what others recorded.
    for (method, path) in [("GET", KEPT), ("DELETE", KEPT)] {
        assert_eq!(source.call(method, path, "{}").status, 403, "{method}");
    }
    let one = json!({"items": [items[1]["id"]]});
    assert_eq!(owner.done("DELETE", KEPT, &one)["dropped"], 1);
    assert_eq!(kept(&owner).len(), 2);
    assert_eq!(owner.done("DELETE", KEPT, &json!({}))["dropped"], 2);
    assert_eq!(kept(&owner), Vec::<Value>::new());
    let noted = owner.entries("organization=acme&action=dropQuarantine");
    assert_eq!(noted.len(), 2, "{noted:?}");
    assert_eq!(noted[0]["target"]["name"], "prod");
}

#[test]
fn a_secret_is_in_neither_an_entry_nor_the_quarantine() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let mut known = good("a");
    known["requestObject"] = json!({"env": [{"name": "DB_PASSWORD", "value": "hunter2-canary"}]});
    let unknown = json!({"kind": "Event", "password": "hunter2-canary"});
    let counts = owner.done("POST", SEND, &list(&[known, unknown]));
    assert_eq!(
        (&counts["stored"], &counts["quarantined"]),
        (&json!(1), &json!(1))
    );
    let entry = &owner.entries("organization=acme&source=prod")[0];
    assert!(!entry.to_string().contains("hunter2"), "{entry}");
    assert_eq!(
        entry["context"]["redacted"].as_array().map(Vec::len),
        Some(1),
        "{entry}"
    );
    let items = kept(&owner);
    assert!(!items[0].to_string().contains("hunter2"), "{items:?}");
}

/// A document is kept with the line above it: two lines are not one JSON value, and were looked through as a text is.
#[test]
fn a_document_of_two_lines_is_kept_without_its_secrets() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let document = json!({
        "kind": "Secret", "data": {"x": "hunter2-canary"}, "cookie": "hunter2-canary", "password": 12_345_678,
        "passwords": ["hunter2-canary"], "headers": [{"name": "Authorization", "value": "hunter2-canary"}],
    });
    let bulk = format!("{{\"create\":{{}}}}\n{document}\n");
    let path = "/v1/sources/elastic/shop/_bulk?organization=acme";
    let answer = owner.call("POST", path, &bulk);
    assert_eq!(
        answer.json()["items"][0]["create"]["status"],
        202,
        "{}",
        answer.text()
    );
    let kept = "/v1/sources/shop/quarantine?organization=acme";
    let kept = owner.done("GET", kept, &Value::Null)["items"].to_string();
    assert!(kept.contains("passwords"), "{kept}");
    assert!(
        !kept.contains("hunter2") && !kept.contains("12345678"),
        "{kept}"
    );
}

#[test]
fn nobody_hears_of_anothers_sources() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    owner.done("POST", SEND, &list(&[odd(1), good("a")]));
    let admin = |login: &str, organization: &str| {
        let role = json!({"role": "security-admin", "organization": organization});
        owner.service(login, &[role]).0
    };
    let (ours, theirs) = (admin("ours", "acme"), admin("theirs", "globex"));
    let (ours, theirs) = (
        Caller::with_token(&server, &ours),
        Caller::with_token(&server, &theirs),
    );
    let sources = |caller: &Caller<'_>| {
        let answer = caller.done("GET", "/v1/sources", &Value::Null);
        answer["sources"].as_array().expect("sources").clone()
    };
    let of = |all: Vec<Value>, name: &str| all.into_iter().find(|one| one["name"] == name);
    let seen = of(sources(&ours), "prod").expect("its own source");
    assert_eq!(
        (&seen["entries"], &seen["quarantine"]["items"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(seen["since_start"]["sent"], 2);
    assert!(of(sources(&theirs), "prod").is_none());
    let foreign = theirs.call("GET", KEPT, "");
    let missing = theirs.call("GET", "/v1/sources/prod/quarantine?organization=none", "");
    assert_eq!((foreign.status, missing.status), (404, 404));
    assert_eq!(foreign.text(), missing.text());
}

#[test]
fn what_a_mapping_takes_by_now_becomes_an_entry_once() {
    let server = TestServer::guarded();
    let data = server.data();
    // As an older release left it, which did not know the event.
    let dir = data.join("quarantine/acme/prod");
    fs::create_dir_all(&dir).expect("a directory");
    let line = |n: u32, raw: &Value| {
        json!({
            "n": n, "received_at": "2026-10-01T00:00:00.000000Z", "format": "kubernetes",
            "reason": "not known yet", "raw": raw.to_string(),
        })
        .to_string()
    };
    let text = format!("{}\n{}\n", line(0, &good("a")), line(1, &odd(1)));
    fs::write(dir.join("00000000000000000004.ndjson"), text).expect("written");
    let server = server.restart();
    let owner = claimed(&server);
    assert_eq!(kept(&owner).len(), 2);
    let replay = "/v1/sources/prod/quarantine/replay?organization=acme&purpose=OPS-88";
    let answer = owner.done("POST", replay, &json!({}));
    assert_eq!(
        answer,
        json!({"stored": 1, "duplicates": 0, "skipped": 0, "stay": 1})
    );
    assert_eq!(kept(&owner).len(), 1);
    assert_eq!(owner.entries("organization=acme&source=prod").len(), 1);
    // The sender, sending it again, finds it stored.
    let again = owner.done("POST", SEND, &list(&[good("a")]));
    assert_eq!(again["duplicates"], 1, "{again}");
    let noted = owner.entries("organization=acme&action=replayQuarantine");
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0]["context"]["purpose"], "OPS-88");
}

#[test]
fn a_source_stores_within_its_callers_reach_only_and_never_as_the_log() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let recorder = json!({"role": "recorder", "organization": "globex"});
    let (secret, ..) = owner.service("k8s", &[recorder]);
    let source = Caller::with_token(&server, &secret);
    let body = list(&[good("a"), odd(1)]).to_string();
    assert_eq!(source.call("POST", SEND, &body).status, 403);
    assert_eq!(kept(&owner), Vec::<Value>::new());
    let own = "/v1/sources/kubernetes/mar-audit?organization=acme";
    let answer = owner.call("POST", own, &list(&[good("a")]).to_string());
    assert_eq!(answer.status, 403, "{}", answer.text());
}
