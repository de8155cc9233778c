//! Numbers that sources give to their entries: what is missing is told, and up to when nothing is.

use crate::access::{Caller, claimed};
use crate::program::{Program, directory};
use crate::test_server::{TestServer, wait_until};
use serde_json::{Value, json};
use std::time::Duration;

/// The second of an hour, as entries of these tests are numbered.
fn at(number: u64) -> String {
    format!(
        "2026-11-01T11:{:02}:{:02}.000000Z",
        number / 60,
        number % 60
    )
}

fn line(organization: &str, source: &str, number: u64) -> String {
    json!({
        "actor": {"type": "user", "name": "Ana"}, "action": "login", "result": "success", "timestamp": at(number),
        "scope": {"organization": organization}, "source": {"name": source, "event_id": number.to_string(), "sequence": number},
    })
    .to_string()
}

fn lines(organization: &str, source: &str, numbers: impl IntoIterator<Item = u64>) -> String {
    let all = numbers.into_iter();
    let all: Vec<String> = all.map(|n| line(organization, source, n)).collect();
    all.join("\n")
}

/// The numbers of a source, once they are known.
fn sequence(get: &dyn Fn(&str) -> Value, name: &str) -> Value {
    let mut told = None;
    wait_until("the numbers are known", || {
        let all = get("/v1/sources");
        let mut all = all["sources"].as_array().expect("sources").iter();
        let found = all.find(|one| one["name"] == name);
        told = found.and_then(|one| one.get("sequence").cloned());
        told.is_some()
    });
    told.expect("they are known")
}

#[test]
fn gaps_are_told_until_they_are_filled_and_answers_say_up_to_when_there_is_none() {
    let server = TestServer::start();
    let get = |path: &str| server.get(path).json();
    server.record(lines("acme", "api", [1, 2, 3, 7, 8, 20]));
    let told = sequence(&get, "api");
    let expected = json!({"first": 1, "last": 20, "missing": 14, "gaps": [[4, 6], [9, 19]]});
    assert_eq!(told, expected);
    let through = |path: &str| get(path)["complete_through"].clone();
    assert_eq!(through("/v1/entries"), json!(at(3)));
    server.record(lines("acme", "api", 4..=6));
    assert_eq!(through("/v1/entries?limit=1"), json!(at(8)));
    server.record(lines("acme", "api", 9..20));
    assert_eq!(sequence(&get, "api")["gaps"], json!([]));
    assert_eq!(through("/v1/entries"), json!(at(20)));
    // The slower of two sources is what counts, where both are in question.
    server.record(lines("globex", "api", [1, 5]));
    assert_eq!(through("/v1/entries"), json!(at(1)));
    assert_eq!(through("/v1/entries?organization=acme"), json!(at(20)));
    // What was said first holds for the whole walk, and is not said again.
    let cursor = get("/v1/entries?limit=1")["next_cursor"].clone();
    let cursor = cursor.as_str().expect("more").to_owned();
    let next = get(&format!("/v1/entries?limit=1&cursor={cursor}"));
    assert!(next.get("complete_through").is_none(), "{next}");
    let metrics = server.get("/metrics");
    let gauge = "source_sequence_missing{organization=\"globex\",source=\"api\"} 3";
    assert!(metrics.text().contains(gauge), "{}", metrics.text());
    let page = server.get("/sources/api?organization=globex");
    assert!(page.text().contains("2 – 4"), "{}", page.text());
    // Who was not heard for a day may be gone for good.
    server.clock.advance(Duration::from_secs(25 * 3_600));
    assert!(get("/v1/entries").get("complete_through").is_none());
}

#[test]
fn exports_say_it_in_their_last_words_and_in_a_header() {
    let server = TestServer::start();
    server.record(lines("acme", "api", [1, 2, 4]));
    sequence(&|path| server.get(path).json(), "api");
    for format in ["ndjson", "json", "csv"] {
        let answer = server.get(&format!("/v1/export?format={format}&organization=acme"));
        assert_eq!(answer.header("x-audit-complete-through"), Some(&*at(2)));
        let said = format!("\"complete_through\":\"{}\"", at(2));
        assert_eq!(answer.text().contains(&said), format != "csv", "{format}");
    }
}

#[test]
fn nothing_is_said_to_be_complete_to_who_does_not_read_a_log_as_a_whole() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    for number in [1, 2] {
        let line = serde_json::from_str(&line("acme", "api", number)).expect("JSON");
        owner.done("POST", "/v1/entries", &line);
    }
    let get = |path: &str| owner.done("GET", path, &Value::Null);
    sequence(&get, "api");
    assert_eq!(
        get("/v1/entries?organization=acme")["complete_through"],
        json!(at(2))
    );
    let whole = json!({"role": "viewer", "organization": "acme"});
    let part = json!({"role": "viewer", "organization": "acme", "projects": ["pay"]});
    for (name, binding, said) in [("whole", whole, true), ("part", part, false)] {
        let (secret, ..) = owner.service(name, &[binding]);
        let answer = Caller::with_token(&server, &secret).get("/v1/entries");
        assert_eq!(answer.status, 200);
        let told = answer.json().get("complete_through").is_some();
        assert_eq!(told, said, "{name}");
    }
    // Entries without numbers say nothing.
    let plain = json!({"actor": {"type": "user", "name": "Ana"}, "action": "login", "result": "success", "scope": {"organization": "globex"}});
    owner.done("POST", "/v1/entries", &plain);
    assert!(
        get("/v1/entries?organization=globex")
            .get("complete_through")
            .is_none()
    );
}

#[test]
fn numbers_outlive_a_stop_and_a_kill_and_a_damaged_file_is_made_anew() {
    let dir = directory();
    let data = dir.path().join("data");
    let ndjson = |server: &Program, text: &str| {
        server
            .run_with_stdin(&["record", "-", "-o", "json"], text.as_bytes())
            .ok();
    };
    let server = Program::serve(&data);
    ndjson(&server, &lines("acme", "api", [1, 2, 5]));
    assert_eq!(server.stop(), 0);
    let file = data.join("sequences.ndjson");
    assert!(file.is_file(), "it is written at the end");
    let told = |server: &Program| sequence(&|path| server.get(path), "api");
    let server = Program::serve(&data);
    assert_eq!(told(&server)["gaps"], json!([[3, 4]]));
    ndjson(&server, &lines("acme", "api", [3, 9]));
    server.kill();
    let server = Program::serve(&data);
    assert_eq!(told(&server)["gaps"], json!([[4, 4], [6, 8]]));
    server.kill();
    std::fs::write(&file, "{\"sequences\":1}").expect("written");
    let server = Program::serve(&data);
    assert_eq!(told(&server)["gaps"], json!([[4, 4], [6, 8]]));
}
