//! No room left: appends are refused with a word, reads go on, and appends go on when there is room.

use crate::program::{Program, agent, directory};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};

/// The largest file the server may write at first, in KiB.
const LIMIT_KIB: u64 = 2_048;

/// A server that may not let files grow beyond the limit; what the kernel does then is what a full disk does.
fn limited(arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command
        .arg("-c")
        .arg(format!("ulimit -S -f {LIMIT_KIB} && exec \"$0\" \"$@\""));
    command.arg(env!("CARGO_BIN_EXE_mar-audit")).args(arguments);
    command
}

struct Answer {
    status: u16,
    retry_after: Option<String>,
    body: Value,
}

fn post(server: &Program, n: u64) -> Answer {
    let text = "x".repeat(60_000);
    let entry = format!(
        r#"{{"actor":{{"type":"user","id":"u"}},"action":"login","result":"success","context":{{"n":{n},"text":"{text}"}},"source":{{"name":"s","event_id":"{n}"}}}}"#
    );
    let call = agent()
        .post(format!("{}/v1/entries", server.url))
        .content_type("application/json");
    let mut answer = call.send(entry.as_str()).expect("the server lives");
    let retry_after = answer
        .headers()
        .get("retry-after")
        .map(|v| v.to_str().expect("text").to_owned());
    let text = answer
        .body_mut()
        .read_to_string()
        .expect("the whole answer");
    Answer {
        status: answer.status().as_u16(),
        retry_after,
        body: serde_json::from_str(&text).expect("JSON"),
    }
}

/// Posts until the disk is full; how many entries were acknowledged.
fn fill(server: &Program) -> u64 {
    // Ten times what fits, uncompressed; the text compresses, but the journal keeps what was sent.
    for n in 0..10 * LIMIT_KIB / 60 {
        let answer = post(server, n);
        if answer.status == 200 {
            assert_eq!(answer.body["receipts"][0]["seq"], n);
            continue;
        }
        assert_eq!(answer.status, 507, "{}", answer.body);
        assert!(answer.retry_after.is_some(), "it says when to come again");
        assert_eq!(answer.body["status"], 507, "a problem document");
        return n;
    }
    panic!("the limit was never reached");
}

fn check_reads(server: &Program, acknowledged: u64) {
    assert_eq!(server.count(""), acknowledged);
    let entries = server.all("");
    let numbers: Vec<u64> = entries
        .iter()
        .map(|e| e["context"]["n"].as_u64().expect("n"))
        .collect();
    assert_eq!(numbers, (0..acknowledged).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_refuses_appends_and_nothing_else() {
    let dir = directory();
    let data = dir.path().join("data");
    let mut server = Program::serve_with(&data, "127.0.0.1:0", limited);
    let acknowledged = fill(&server);
    assert!(acknowledged > 0);
    assert!(server.lives(), "SIGXFSZ did not end it");
    check_reads(&server, acknowledged);
    assert_eq!(post(&server, acknowledged).status, 507, "still full");
    check_reads(&server, acknowledged);

    let pid = Pid::from_raw(server.pid()).expect("a process id");
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    prlimit(Some(pid), Resource::Fsize, unlimited).expect("room is made");
    // The server may look for room only now and then, so it is asked until it takes the entry.
    let deadline = Instant::now() + Duration::from_secs(60);
    let resumed = loop {
        let answer = post(&server, acknowledged);
        if answer.status == 200 {
            break answer;
        }
        assert_eq!(answer.status, 507, "{}", answer.body);
        assert!(Instant::now() < deadline, "it never found the room");
    };
    assert_eq!(
        resumed.body["receipts"][0]["seq"], acknowledged,
        "no gap where it was full"
    );
    check_reads(&server, acknowledged + 1);

    server.kill();
    let server = Program::serve(&data);
    check_reads(&server, acknowledged + 1);
}

#[test]
fn what_was_acknowledged_before_the_disk_was_full_survives_a_restart() {
    let dir = directory();
    let data = dir.path().join("data");
    let server = Program::serve_with(&data, "127.0.0.1:0", limited);
    let acknowledged = fill(&server);
    server.kill();
    let server = Program::serve(&data);
    check_reads(&server, acknowledged);
    let answer = post(&server, acknowledged);
    assert_eq!(
        (answer.status, &answer.body["receipts"][0]["seq"]),
        (200, &acknowledged.into())
    );
}
