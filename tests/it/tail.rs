//! Tails: everything from now on, resumed without gap or repeat.

use crate::api::{line, problem, uuid};
use crate::test_server::{Connection, TestServer};
use serde_json::{Value, json};
use std::time::Duration;

/// One open tail.
struct Tail {
    connection: Connection,
    buffered: String,
    last_id: String,
}

impl Tail {
    fn open(server: &TestServer, parameters: &str, last_id: Option<&str>) -> Self {
        let mut connection = server.connect();
        let resume = last_id.map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        connection.send(
            format!(
                "GET /v1/tail?{parameters} HTTP/1.1\r\nhost: {}\r\n{resume}\r\n",
                server.address
            )
            .as_bytes(),
        );
        assert!(connection.line().expect("a status").contains("200"));
        let headers = connection.headers().expect("headers");
        assert!(headers.contains(&("content-type".to_owned(), "text/event-stream".to_owned())));
        let mut tail = Self {
            connection,
            buffered: String::new(),
            last_id: String::new(),
        };
        // The first block says where the tail begins; from then on nothing is missed.
        tail.block();
        tail
    }

    /// The next block of lines, as (event, data).
    fn block(&mut self) -> (Option<String>, Option<Value>) {
        while !self.buffered.contains("\n\n") {
            let chunk = self.connection.chunk().expect("the tail goes on");
            assert!(chunk > 0, "the tail ended");
            let bytes = self.connection.bytes(chunk + 2);
            self.buffered
                .push_str(std::str::from_utf8(&bytes[..chunk]).expect("UTF-8"));
        }
        let (block, rest) = self.buffered.split_once("\n\n").expect("a whole block");
        let (mut event, mut data) = (None, None);
        for (name, value) in block.lines().filter_map(|line| line.split_once(": ")) {
            match name {
                "id" => self.last_id = value.to_owned(),
                "event" => event = Some(value.to_owned()),
                "data" => data = Some(serde_json::from_str(value).expect("JSON")),
                _ => {}
            }
        }
        self.buffered = rest.to_owned();
        (event, data)
    }

    /// The next event, past heartbeats.
    fn event(&mut self) -> (String, Value) {
        loop {
            if let (Some(event), Some(data)) = self.block() {
                return (event, data);
            }
        }
    }

    fn id(&mut self) -> String {
        let (event, entry) = self.event();
        assert_eq!(event, "entry");
        entry["id"].as_str().expect("an id").to_owned()
    }
}

#[test]
fn a_tail_shows_what_is_appended_from_now_on_under_its_filter() {
    let server = TestServer::start();
    server.record(line(1, json!({"result": "failure"})));
    let mut failures = Tail::open(&server, "result=failure", None);
    let mut all = Tail::open(&server, "", None);
    server.record(line(2, json!({})) + &line(3, json!({"result": "failure"})));
    server.record(line(4, json!({"scope": {"organization": "acme"}, "timestamp": "2001-01-01T00:00:00Z", "result": "failure"})));
    assert_eq!([all.id(), all.id(), all.id()], [uuid(2), uuid(3), uuid(4)]);
    assert_eq!([failures.id(), failures.id()], [uuid(3), uuid(4)]);
    let shown = server.get(&format!("/v1/entries/{}", uuid(5))).status;
    assert_eq!(shown, 404);
    server.record(line(5, json!({})));
    let (_, entry) = all.event();
    assert_eq!(
        entry,
        server.get(&format!("/v1/entries/{}", uuid(5))).json(),
        "an event is the entry as the API shows it"
    );
}

#[test]
fn a_tail_resumes_without_gap_or_repeat_also_within_a_commit_and_after_a_restart() {
    let server = TestServer::start();
    let mut tail = Tail::open(&server, "", None);
    let begin = tail.last_id.clone();
    // One commit over three logs.
    let lines: String = (0..30)
        .map(|n| line(n, json!({"scope": {"organization": format!("o{}", n % 3)}})))
        .collect();
    server.record(&lines);
    let whole: Vec<(String, String)> = (0..30).map(|_| (tail.id(), tail.last_id.clone())).collect();
    let server = server.restart();
    let mut expected: Vec<String> = whole.iter().map(|(id, _)| id.clone()).collect();
    for cut in [0, 1, 9, 10, 11, 29] {
        let mut resumed = Tail::open(&server, "", Some(&whole[cut].1));
        server.record(line(100 + cut as u32, json!({})));
        expected.push(uuid(100 + cut as u32));
        for id in &expected[cut + 1..] {
            assert_eq!(&resumed.id(), id, "resumed after {cut}");
        }
    }
    let mut from_begin = Tail::open(&server, &format!("last_event_id={begin}"), None);
    assert_eq!(from_begin.id(), whole[0].0);
}

#[test]
fn silence_is_filled_with_heartbeats_that_move_the_place_on() {
    let mut settings = mar_audit::app::Settings::default();
    settings.limits.heartbeat = Duration::from_millis(50);
    let server = TestServer::with(settings);
    let mut tail = Tail::open(&server, "actor=nobody", None);
    let begin = tail.last_id.clone();
    server.record(line(1, json!({})));
    while tail.last_id == begin {
        assert_eq!(tail.block(), (None, None));
    }
    let resumed = tail.last_id.clone();
    let mut resumed = Tail::open(&server, "", Some(&resumed));
    server.record(line(2, json!({})));
    assert_eq!(
        resumed.id(),
        uuid(2),
        "what did not match is not looked at again"
    );
}

#[test]
fn a_tail_ends_with_a_reason_when_the_server_stops() {
    let server = TestServer::start();
    let mut tail = Tail::open(&server, "", None);
    let stopped = std::thread::spawn(move || drop(server));
    let (event, data) = tail.event();
    assert_eq!(
        (event.as_str(), &data),
        ("end", &json!({"reason": "the server is shutting down"}))
    );
    stopped
        .join()
        .expect("the server stops though a tail was open");
}

#[test]
fn foreign_places_and_too_many_tails_are_refused() {
    let mut settings = mar_audit::app::Settings::default();
    settings.limits.tails_max = 1;
    let server = TestServer::with(settings);
    for id in ["x", "1-2-ACME", "99999999999999999999-1-a", "-1"] {
        problem(
            &server.send("GET", "/v1/tail", &[("last-event-id", id)], b""),
            400,
            "bad-cursor",
        );
    }
    let held = Tail::open(&server, "", None);
    let refused = server.get("/v1/tail");
    problem(&refused, 503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(held);
    let mut reopened = std::iter::repeat_with(|| {
        let mut connection = server.connect();
        connection
            .send(format!("GET /v1/tail HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).as_bytes());
        connection.line().expect("a status")
    });
    assert!(
        reopened.any(|status| status.contains("200")),
        "a closed tail frees its place"
    );
}

#[test]
fn a_reader_that_reads_nothing_is_cut_and_frees_its_place() {
    let mut settings = mar_audit::app::Settings::default();
    settings.limits.tails_max = 1;
    settings.limits.write_wait = Duration::from_millis(200);
    let server = TestServer::with(settings);
    let silent = Tail::open(&server, "", None);
    let note = "x".repeat(100_000);
    // More than the sockets hold, until the place is free.
    let status = (0..).find_map(|n| {
        server.record(line(n, json!({"context": {"note": note}})));
        let mut connection = server.connect();
        connection
            .send(format!("GET /v1/tail HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).as_bytes());
        let status = connection.line().expect("a status");
        status.contains("200").then_some(status)
    });
    assert!(status.is_some());
    drop(silent);
}
