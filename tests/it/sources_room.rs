//! What cannot be mapped has so much room, and names of sources too: who takes much of it takes nothing from others.

use crate::sources_kubernetes::{event, list, total};
use crate::test_server::{Answer, TestServer, wait_until};
use serde_json::{Value, json};
use std::process::Command;

fn odd(organization: &str, n: usize, bytes: usize) -> Value {
    let note = format!("{organization} {n} {}", "x".repeat(bytes));
    json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "note": note})
}

fn send(server: &TestServer, organization: &str, items: &[Value]) -> Answer {
    let path = format!("/v1/sources/kubernetes/prod?organization={organization}");
    server.post(&path, list(items))
}

/// Takes all the room that an organization has.
fn fill(server: &TestServer, organization: &str) {
    for bytes in [100_000, 10_000, 1_000, 1] {
        let mut n = 0;
        while send(server, organization, &[odd(organization, n, bytes)]).status == 200 {
            n += 1;
        }
    }
}

/// A batch of one bad and one good event was answered 507 on every try, and the good one never stored.
#[test]
fn what_has_no_room_is_refused_and_what_is_mapped_is_stored() {
    let server = TestServer::start();
    fill(&server, "evil");
    let good = event("good", "ResponseComplete", "delete");
    let mixed = send(&server, "evil", &[odd("evil", 1, 50), good]);
    assert_eq!(mixed.status, 200, "{}", mixed.text());
    let counts = mixed.json();
    assert_eq!(
        (&counts["stored"], &counts["refused"]),
        (&json!(1), &json!(1))
    );
    // Of a call of which nothing has room its sender is told, and keeps it.
    let bad = send(&server, "evil", &[odd("evil", 1, 50)]);
    assert_eq!(bad.status, 507, "{}", bad.text());
    assert!(bad.text().contains("no room"), "{}", bad.text());
    // Another organization has its share.
    let victim = send(&server, "victim", &[odd("victim", 1, 50)]);
    assert_eq!(victim.json()["quarantined"], 1, "{}", victim.text());
    fill(&server, "victim");
    let third = send(&server, "third", &[odd("third", 1, 50)]);
    assert_eq!(third.json()["quarantined"], 1, "{}", third.text());
}

#[test]
fn each_protocol_says_in_its_own_way_what_had_no_room() {
    let server = TestServer::start();
    fill(&server, "default");
    let record = |name: &str| json!({"timeUnixNano": "1793534400000000000", "eventName": name, "body": {"stringValue": "x".repeat(300)}});
    let nameless = |n: u32| json!({"timeUnixNano": "1793534400000000000", "body": {"stringValue": format!("{n} {}", "x".repeat(300))}});
    let call = |records: &[Value]| {
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string()
    };
    let mixed = server.post("/v1/logs", call(&[record("login"), nameless(1)]));
    assert_eq!(mixed.status, 200, "{}", mixed.text());
    let partial = &mixed.json()["partialSuccess"];
    assert_eq!(partial["rejectedLogRecords"], "1", "{partial}");
    let none = server.post("/v1/logs", call(&[nameless(2)]));
    assert_eq!((none.status, &none.json()["code"]), (503, &json!(14)));
    assert_eq!(total(&server, "source=otlp"), 1);

    let padding = "x".repeat(300);
    let bulk = format!(
        "{{\"create\":{{}}}}\n{{\"event\":{{\"action\":\"login\"}},\"user\":{{\"name\":\"ana\"}}}}\n{{\"create\":{{}}}}\n[\"{padding}\"]\n"
    );
    let kind = [("content-type", "application/x-ndjson")];
    let path = "/v1/sources/elastic/shop/_bulk";
    let answer = server.send("POST", path, &kind, bulk.as_bytes()).json();
    let status = |n: usize| answer["items"][n]["create"]["status"].clone();
    assert_eq!((status(0), status(1)), (json!(201), json!(429)), "{answer}");

    let event = r#"{"time": 1793534400, "event": {"action": "login", "user": "ana"}}"#;
    let broken = format!("{{\"time\": 1793534400, \"event\": {{\"x\": \"{padding}\"}}}}");
    let mixed = server.post("/services/collector", format!("{event}{broken}"));
    let said = mixed.json();
    assert_eq!(
        (&said["code"], &said["invalid-event-number"]),
        (&json!(6), &json!(1))
    );
    let none = server.post("/services/collector", &broken);
    assert_eq!((none.status, &none.json()["code"]), (503, &json!(9)));
    assert_eq!(total(&server, "source=hec"), 1);
}

/// A thousand empty calls under a thousand names shut every other source out until a restart.
#[test]
fn empty_calls_take_nobodys_place_and_what_is_not_told_apart_is_stored_all_the_same() {
    let server = TestServer::start();
    let most = mar_audit::intake::tally::OF_ORGANIZATION_MAX;
    let kind = [("content-type", "application/cloudevents-batch+json")];
    let call = |n: usize, body: &str| {
        let path = format!("/v1/sources/cloudevents/x{n}?organization=evil");
        server.send("POST", &path, &kind, body.as_bytes())
    };
    assert_eq!(call(0, "[]").status, 200);
    assert!(server.app.intake.tallies.heard().is_empty());
    for n in 0..most + 3 {
        let event =
            json!([{"specversion": "1.0", "id": n.to_string(), "source": "/s", "type": "login"}]);
        let answer = call(n, &event.to_string());
        assert_eq!(answer.json()["stored"], 1, "{}", answer.text());
    }
    let victim = send(&server, "victim", &[event("a", "ResponseComplete", "get")]);
    assert_eq!(victim.json()["stored"], 1, "{}", victim.text());
    let listed = server.get("/v1/sources?organization=evil").json();
    let listed = listed["sources"].as_array().expect("sources");
    let others = listed.iter().find(|one| one["name"] == "(others)");
    let others = others.expect("what is beyond them is one");
    assert_eq!(others["since_start"]["stored"], 3, "{others}");
    let metrics = server.get("/metrics");
    let line = r#"source_items_total{organization="evil",source="(others)",status="stored"} 3"#;
    assert!(metrics.text().contains(line));
}

/// Eight calls whose items waited for the disk of the quarantine took the places of all searches.
#[test]
fn a_quarantine_whose_disk_hangs_holds_up_nobody_who_reads() {
    let server = TestServer::start();
    let good = event("good", "ResponseComplete", "delete");
    assert_eq!(send(&server, "default", &[good]).json()["stored"], 1);
    // A file that nobody reads: opening it to write waits, as for a disk that hangs.
    let dir = server.data().join("quarantine/default/prod");
    std::fs::create_dir_all(&dir).expect("a directory");
    let file = dir.join("00000000000000000000.tmp");
    let made = Command::new("mkfifo").arg(&file).status();
    assert!(made.expect("mkfifo runs").success());
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..20)
            .map(|n| {
                let server = &server;
                scope.spawn(move || send(server, "default", &[odd("default", n, 10)]).status)
            })
            .collect();
        wait_until("all of them wait", || {
            server.app.intake.calls.inside() == 20
        });
        wait_until("one of them for the disk", || {
            server.app.intake.shelving.inside() == 1
        });
        assert_eq!(total(&server, ""), 1, "a search");
        assert_eq!(server.get("/v1/sources").status, 200);
        assert_eq!(server.get("/v1/sources/prod/quarantine").status, 200);
        let other = server.post(
            "/v1/sources/kubernetes/other",
            list(&[event("b", "ResponseComplete", "get")]),
        );
        assert_eq!(
            other.json()["stored"],
            1,
            "what can be mapped is stored meanwhile"
        );
        // It goes on: the first call cannot sync what is no file, the others find their way.
        drop(std::fs::File::open(&file).expect("the other end"));
        let statuses: Vec<u16> = calls
            .into_iter()
            .map(|call| call.join().expect("an answer"))
            .collect();
        let kept = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(kept, 19, "{statuses:?}");
    });
}
