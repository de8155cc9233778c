//! Many callers that each take what one may take: memory stays bounded, and what was refused goes through later.

use crate::api::{line, problem};
use crate::test_server::{Connection, TestServer};
use mar_audit::app::Settings;
use serde_json::json;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// One call whose answer nobody reads beyond its first line.
fn ask_and_never_read(server: &TestServer, path: &str) -> (Connection, String) {
    let mut connection = server.connect();
    let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    connection.send(head.as_bytes());
    let status = connection.line().expect("a status line");
    (connection, status)
}

/// A page was built, its place among the working calls given back, and its bytes lay in the connection for a minute: 120
/// callers that did not read took 2.5 GB.
#[test]
fn pages_that_nobody_reads_are_bounded_and_small_answers_still_come() {
    let mut settings = Settings::default();
    settings.limits.answers_in_flight_max = 16 * MIB;
    let server = TestServer::with(settings);
    let note = "x".repeat(4 * MIB - 8 * 1024);
    for n in 0..3 {
        server.record(line(n, json!({"context": {"note": note}})));
    }
    // The first entry is a little short of a full page, so each page holds two.
    let unread: Vec<_> = (0..6)
        .map(|_| ask_and_never_read(&server, "/v1/entries?limit=1000"))
        .collect();
    let served = unread.iter().filter(|(_, status)| status.contains("200"));
    assert_eq!(served.count(), 2, "two pages of 8 MiB fit into 16 MiB");
    let refused = server.get("/v1/entries");
    problem(&refused, 503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(server.get("/v1/facets?fields=result").json()["total"], 3);
    server.record(line(9, json!({"timestamp": "2020-01-01T00:00:00Z"})));

    drop(unread);
    let page = std::iter::repeat_with(|| server.get("/v1/entries")).find(|page| page.status != 503);
    let page = page.expect("the bytes are given back").json();
    assert_eq!(page["entries"].as_array().map(Vec::len), Some(2));
    assert!(page["next_cursor"].is_string());
}

#[test]
fn an_answer_larger_than_all_memory_for_answers_passes_alone() {
    let mut settings = Settings::default();
    settings.limits.answers_in_flight_max = MIB;
    let server = TestServer::with(settings);
    server.record(line(1, json!({"context": {"note": "x".repeat(3 * MIB)}})));
    for _ in 0..3 {
        let page = server.get("/v1/entries").json();
        assert_eq!(page["entries"].as_array().map(Vec::len), Some(1));
    }
}

/// Batches were counted by their bytes as sent; parsed they take four times as much, and two of 30 MB took half a gigabyte.
#[test]
fn a_batch_waits_until_there_is_memory_to_parse_it() {
    let server = TestServer::start();
    let limits = Settings::default().limits;
    let all = u32::try_from(limits.parsed_bytes_in_flight_max / 1024).expect("fits");
    let others = Arc::clone(&server.app.parsed_in_flight)
        .try_acquire_many_owned(all)
        .expect("nobody else is here");
    let body = line(1, json!({}));
    let mut waiting = server.connect();
    waiting.send(
        format!(
            "POST /v1/entries HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            server.address,
            body.len()
        )
        .as_bytes(),
    );
    waiting_for(&waiting.sender(), Duration::from_millis(300));
    let silence = waiting.line().expect_err("it waits").kind();
    assert!(
        matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{silence}"
    );
    let page = server.get("/v1/entries");
    assert_eq!((page.status, &page.json()["as_of"]), (200, &json!(null)));

    drop(others);
    waiting_for(&waiting.sender(), Duration::from_secs(30));
    assert_eq!(waiting.answer().json()["accepted"], 1);
    let free = || server.app.parsed_in_flight.available_permits() == all as usize;
    assert!(free(), "the room is given back before the answer");
}

fn waiting_for(stream: &TcpStream, wait: Duration) {
    stream
        .set_read_timeout(Some(wait))
        .expect("a socket option");
}

#[test]
fn a_batch_larger_than_all_room_to_parse_passes_alone() {
    let mut settings = Settings::default();
    settings.limits.parsed_bytes_in_flight_max = 64 * 1024;
    let server = TestServer::with(settings);
    let lines: String = (0..1_000).map(|n| line(n, json!({}))).collect();
    assert_eq!(server.record(lines)["accepted"], 1_000);
}
