//! What is said of a source: all that it sent, when it was heard, and whether it is missed.

use crate::access::entry;
use crate::sources_kubernetes::{event, list, send};
use crate::test_server::TestServer;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

fn source(server: &TestServer, name: &str) -> Value {
    let all = server.get("/v1/sources").json();
    let mut all = all["sources"].as_array().expect("sources").iter();
    all.find(|one| one["name"] == name)
        .cloned()
        .unwrap_or_default()
}

/// They were in no count: a source whose calls were all refused seemed never to have sent anything.
#[test]
fn calls_that_are_refused_as_a_whole_are_counted_by_their_status() {
    let server = TestServer::start();
    assert_eq!(send(&server, b"nonsense").status, 400);
    assert_eq!(send(&server, b"nonsense").status, 400);
    let many = vec![json!(1); 10_001];
    assert_eq!(send(&server, &list(&many)).status, 413);
    let odd = server.post("/v1/sources/kubernetes/prod?colour=red", list(&[]));
    assert_eq!(odd.status, 400);
    let prod = source(&server, "prod");
    assert_eq!(prod["since_start"]["calls_refused"], 4, "{prod}");
    assert_eq!(prod["since_start"]["sent"], 0, "{prod}");
    assert!(
        prod.get("last_received_at").is_none(),
        "it is not heard by that: {prod}"
    );
    let metrics = server.get("/metrics");
    for (status, count) in [(400, 3), (413, 1)] {
        let line = format!(
            "source_calls_refused_total{{organization=\"default\",source=\"prod\",status=\"{status}\"}} {count}"
        );
        assert!(
            metrics.text().contains(&line),
            "{line} is not in\n{}",
            metrics.text()
        );
    }
    let page = server.get("/sources");
    assert!(page.text().contains("4 calls"), "{}", page.text());
    let page = server.get("/sources/prod");
    assert!(
        page.text().contains("refused as a whole"),
        "{}",
        page.text()
    );
}

/// Every replay made a source that had been gone for weeks seem to have sent it all again, just now.
#[test]
fn what_is_mapped_again_is_not_sent_again() {
    let server = TestServer::start();
    let dir = server.data().join("quarantine/default/prod");
    fs::create_dir_all(&dir).expect("a directory");
    let line = json!({
        "n": 0, "received_at": "2026-10-01T00:00:00.000000Z", "format": "kubernetes",
        "reason": "not known yet", "raw": event("b", "ResponseComplete", "delete").to_string(),
    });
    fs::write(dir.join("00000000000000000004.ndjson"), format!("{line}\n")).expect("written");
    let server = server.restart();
    let first = send(&server, &list(&[event("a", "ResponseComplete", "get")]));
    assert_eq!(first.json()["stored"], 1);
    let heard = source(&server, "prod")["last_received_at"].clone();
    server.clock.advance(Duration::from_secs(3_600));
    let replayed = server.post("/v1/sources/prod/quarantine/replay", "{}");
    assert_eq!(replayed.json()["stored"], 1, "{}", replayed.text());
    let prod = source(&server, "prod");
    assert_eq!(prod["entries"], 2, "{prod}");
    assert_eq!(prod["last_received_at"], heard, "{prod}");
    assert_eq!(prod["since_start"]["sent"], 1, "{prod}");
    server.clock.advance(Duration::from_secs(60));
    let again = send(&server, &list(&[event("c", "ResponseComplete", "get")]));
    assert_eq!(again.json()["stored"], 1);
    assert_ne!(source(&server, "prod")["last_received_at"], heard);
}

fn line(n: u32, source: &str, at: &str) -> String {
    let mut line: Value = serde_json::from_str(&entry(n, "acme", None)).expect("JSON");
    line["timestamp"] = json!(at);
    line["source"] = json!({ "name": source });
    line.to_string()
}

/// An import of yesterday's log was "silent" a quarter of an hour after it.
#[test]
fn what_was_imported_is_not_missed() {
    let server = TestServer::start();
    let day = |day: u32| -> String {
        let minutes = (0..1_440).map(|minute| {
            let at = format!("2026-10-{day:02}T{:02}:{:02}:00Z", minute / 60, minute % 60);
            line(day * 1_440 + minute, "archive", &at) + "\n"
        });
        minutes.collect()
    };
    server.record(day(30));
    server.record(day(31));
    // A file that ends where it is imported: its last lines are news, the others are not.
    let fresh: String = (0..600)
        .map(|n| {
            let at = server.clock.now().as_micros() - i64::from(600 - n) * 60_000_000;
            let at = entry::Timestamp::from_micros(at).expect("a time");
            line(100_000 + n, "fresh", &at.to_string()) + "\n"
        })
        .collect();
    server.record(fresh);
    server.clock.advance(Duration::from_secs(20 * 60));
    for name in ["archive", "fresh"] {
        let source = source(&server, name);
        assert!(
            source["entries"].as_u64().is_some_and(|n| n >= 600),
            "{source}"
        );
        assert!(source.get("silent_since").is_none(), "{source}");
    }
}

/// Each look at the page once asked for ten thousand bars of every source that said nothing.
#[test]
fn how_long_a_source_may_say_nothing_is_worked_out_once() {
    let server = TestServer::start();
    for n in 0..60 {
        let at = server.clock.now().to_string();
        server.record(line(n, "steady", &at));
        server.clock.advance(Duration::from_secs(60));
    }
    let newest = || {
        let answer = server.get("/v1/entries?source=steady&limit=1").json();
        let id = answer["entries"][0]["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        entry::EntryId::parse(&id).expect("an id")
    };
    let acme = entry::Organization::parse("acme").expect("a slug");
    let rhythms = &server.app.intake.rhythms;
    source(&server, "steady");
    let known = || rhythms.of(&acme, "steady", newest());
    assert_eq!(known(), None, "while it speaks nobody asks");
    server.clock.advance(Duration::from_secs(20 * 60));
    assert!(source(&server, "steady").get("silent_since").is_some());
    assert_eq!(known(), Some(Some(15)));
    // What is remembered is what is believed, until it speaks again.
    rhythms.remember(&acme, "steady", newest(), None);
    assert!(source(&server, "steady").get("silent_since").is_none());
    server.record(line(60, "steady", &server.clock.now().to_string()));
    server.clock.advance(Duration::from_secs(60 * 60));
    assert!(source(&server, "steady").get("silent_since").is_some());
}
