//! The SDK before the product: a server that dies, stalls, is away, and does not let everybody in.

use crate::access::{Caller, claimed};
use crate::program::{Program, command, directory};
use crate::test_server::TestServer;
use mar_audit_client::{
    Actor, Config, Draft, Entry, Error, Guarantee, Kept, Notice, Receipt, Recorder, Target, action,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub const LONG: Duration = Duration::from_secs(60);

/// Settings of a test: it waits long for what must come and a moment for what must not.
pub fn config(url: &str, spool: &Path) -> Config {
    Config {
        pause_max: Duration::from_millis(100),
        close_wait_max: LONG,
        required_wait_max: LONG,
        batch_entries_max: 50,
        ..Config::new(url, "sdk-test", spool)
    }
}

/// An entry that says which it is.
pub fn numbered(n: u64) -> Draft {
    Entry::by(Actor::user("usr_5").name("Ana Ruiz"))
        .did(action::SCALE_CLUSTER)
        .to(Target::cluster("clu_9").name("pay-eu"))
        .change("/spec/replicas", n, n + 1)
        .context("n", n)
        .success()
}

/// The recorder's entries in the order of the log: number at the source, and what the entry says it is.
pub fn recorded(server: &Program) -> Vec<(u64, Option<u64>)> {
    let entries = server.all("");
    let seqs: Vec<u64> = entries
        .iter()
        .map(|entry| entry["seq"].as_u64().expect("a seq"))
        .collect();
    assert_eq!(
        seqs,
        (0..entries.len() as u64).collect::<Vec<_>>(),
        "no gap, no repeat"
    );
    let number = |entry: &Value| entry["source"]["sequence"].as_u64().expect("a number");
    let said = |entry: &Value| entry["context"]["n"].as_u64();
    entries.iter().map(|e| (number(e), said(e))).collect()
}

fn again(server: Program) -> Program {
    let (data, address) = (server.data.clone(), server.address().to_owned());
    server.kill();
    Program::serve_with(&data, &address, command)
}

fn data(dir: &TempDir) -> std::path::PathBuf {
    dir.path().join("data")
}

#[test]
fn a_server_that_is_killed_again_and_again_gets_every_entry_once_in_order() {
    let dir = directory();
    let server = Program::serve(&data(&dir));
    let spool = dir.path().join("spool");
    let recorder = Recorder::open(config(&server.url, &spool)).expect("the recorder opens");
    let (taken, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (server, receipts) = std::thread::scope(|scope| {
        let mut server = server;
        let writers: Vec<_> = (0..4_u64)
            .map(|writer| {
                let (recorder, taken, is_over) = (&recorder, &taken, &is_over);
                scope.spawn(move || {
                    let mut receipts = Vec::new();
                    for n in (0..).map(|n| writer * 1_000_000 + n) {
                        if is_over.load(Ordering::SeqCst) {
                            break;
                        }
                        let receipt = recorder.record(numbered(n)).expect("spooled");
                        receipts.push((n, receipt));
                        taken.fetch_add(1, Ordering::SeqCst);
                    }
                    receipts
                })
            })
            .collect();
        for target in [100, 400, 450, 900] {
            while taken.load(Ordering::SeqCst) < target {
                std::thread::yield_now();
            }
            server = again(server);
        }
        is_over.store(true, Ordering::SeqCst);
        let ended = writers.into_iter().map(|writer| writer.join());
        let receipts = ended.flat_map(|ended| ended.expect("no panic"));
        (server, receipts.collect::<Vec<(u64, Receipt)>>())
    });
    recorder.close().expect("delivered");
    let found = recorded(&server);
    let sequences: Vec<u64> = found.iter().map(|(sequence, _)| *sequence).collect();
    let expected: Vec<u64> = (1..=receipts.len() as u64).collect();
    assert_eq!(sequences, expected, "each once, in order, without a gap");
    let by_sequence: BTreeMap<u64, Option<u64>> = found.into_iter().collect();
    for (n, receipt) in receipts {
        assert_eq!(by_sequence[&receipt.sequence], Some(n));
    }
}

#[test]
fn what_was_required_is_in_the_log_at_its_place_or_its_caller_knows() {
    let dir = directory();
    let server = Program::serve(&data(&dir));
    let config = Config {
        required_wait_max: Duration::from_millis(700),
        call_wait_max: Duration::from_millis(300),
        ..config(&server.url, &dir.path().join("spool"))
    };
    let recorder = Recorder::open(config).expect("the recorder opens");
    let answered = AtomicU64::new(0);
    let (server, outcomes) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut outcomes = Vec::new();
            for n in 0..600 {
                outcomes.push((n, recorder.record_as(Guarantee::Required, numbered(n))));
                answered.fetch_add(1, Ordering::SeqCst);
            }
            outcomes
        });
        let mut server = server;
        for target in [50, 200, 400] {
            while answered.load(Ordering::SeqCst) < target {
                std::thread::yield_now();
            }
            server = again(server);
        }
        (server, writer.join().expect("no panic"))
    });
    let unknown = outcomes.iter().filter_map(|(n, outcome)| match outcome {
        Err(Error::Unknown(unconfirmed)) => Some((*n, unconfirmed.clone())),
        _ => None,
    });
    let unknown: Vec<_> = unknown.collect();
    let mut settled = Vec::new();
    for (n, unconfirmed) in unknown {
        let receipt = recorder.again(unconfirmed).wait();
        settled.push((n, receipt.expect("the server answers now")));
    }
    recorder.close().expect("delivered");
    let entries = server.all("");
    let at = |seq: u64| &entries[usize::try_from(seq).expect("a place")];
    let mut known = 0;
    for (n, receipt) in outcomes
        .iter()
        .filter_map(|(n, outcome)| Some((*n, *outcome.as_ref().ok()?)))
        .chain(settled)
    {
        let Kept::Logged { seq } = receipt.kept else {
            panic!("{receipt:?}");
        };
        assert_eq!(at(seq)["context"]["n"], n);
        assert_eq!(at(seq)["id"], receipt.id.to_string());
        known += 1;
    }
    let said = entries.iter().filter(|e| e["action"] == "scaleCluster");
    assert_eq!(
        said.count(),
        known,
        "nothing else is there, and nothing twice"
    );
    for (n, outcome) in outcomes {
        if let Err(error) = outcome {
            let fits = matches!(error, Error::Unknown(_) | Error::NotRecorded(_));
            assert!(fits, "{n}: {error}");
        }
    }
}

#[test]
fn a_server_that_is_away_for_long_gets_everything_when_it_comes() {
    let dir = directory();
    let server = Program::serve(&data(&dir));
    let (address, url) = (server.address().to_owned(), server.url.clone());
    assert_eq!(server.stop(), 0);
    let recorder = Recorder::open(config(&url, &dir.path().join("spool")));
    let recorder = recorder.expect("the recorder opens");
    let recordings: Vec<_> = (1..=3000)
        .map(|n| recorder.recording(numbered(n)))
        .collect();
    for recording in recordings {
        assert_eq!(recording.wait().expect("spooled").kept, Kept::Spooled);
    }
    assert_eq!(recorder.stats().spooled, 3000);
    let server = Program::serve_with(&data(&dir), &address, command);
    recorder.flush(LONG).expect("delivered");
    let expected: Vec<_> = (1..=3000).map(|n| (n, Some(n))).collect();
    assert_eq!(recorded(&server), expected);
    let stats = recorder.stats();
    assert_eq!((stats.spooled, stats.logged, stats.dropped), (0, 3000, 0));
    assert_eq!(recorder.health().is_reached, Some(true));
}

#[test]
fn a_server_that_stalls_holds_up_nobody_but_who_needs_it() {
    let dir = directory();
    let server = Program::serve(&data(&dir));
    let config = Config {
        required_wait_max: Duration::from_millis(500),
        call_wait_max: Duration::from_secs(1),
        ..config(&server.url, &dir.path().join("spool"))
    };
    let recorder = Recorder::open(config).expect("the recorder opens");
    recorder.record(numbered(1)).expect("spooled");
    recorder.flush(LONG).expect("delivered");
    let pid = Pid::from_raw(server.pid()).expect("a process");
    kill_process(pid, Signal::STOP).expect("it runs");
    recorder.record(numbered(2)).expect("spooled");
    let required = recorder.record_as(Guarantee::Required, numbered(3));
    let kept = recorder.record_as(Guarantee::BestEffort, numbered(4));
    kill_process(pid, Signal::CONT).expect("it is there");
    assert!(matches!(required, Err(Error::Unknown(_))), "{required:?}");
    assert_eq!(kept.expect("never an error").kept, Kept::Queued);
    recorder.close().expect("delivered");
    let mut numbers: Vec<_> = recorded(&server).into_iter().filter_map(|e| e.1).collect();
    numbers.sort_unstable();
    // The third is there or not: nobody knew, and nobody asked again.
    assert!(
        numbers == [1, 2, 4] || numbers == [1, 2, 3, 4],
        "{numbers:?}"
    );
}

#[test]
fn a_budget_that_is_used_up_is_told_to_the_caller_and_to_the_log() {
    let dir = directory();
    let server = Program::serve(&data(&dir));
    let (address, url) = (server.address().to_owned(), server.url.clone());
    server.kill();
    let config = Config {
        spool_bytes_max: 100_000,
        ..config(&url, &dir.path().join("spool"))
    };
    let recorder = Recorder::open(config).expect("the recorder opens");
    let outcomes: Vec<_> = (1..=1000).map(|n| recorder.record(numbered(n))).collect();
    let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    assert!((100..900).contains(&kept), "{kept}");
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    for error in refused {
        assert!(matches!(error, Error::Full { .. }), "{error}");
    }
    let server = Program::serve_with(&data(&dir), &address, command);
    recorder.close().expect("delivered");
    let entries = server.all("");
    assert_eq!(entries.len() as u64, kept + 1);
    let told = entries.last().expect("the entry about it");
    assert_eq!(told["action"], "dropEntries");
    assert_eq!(told["result"], "failure");
    assert_eq!(told["context"]["dropped"], 1000 - kept);
    assert_eq!(told["context"]["sequences"], format!("{}-1000", kept + 1));
    assert_eq!(told["target"], json!({"type": "source", "id": "sdk-test"}));
}

#[test]
fn a_token_that_is_wrong_then_right_loses_nothing_and_what_it_may_not_is_kept_aside() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let recorder_of_acme = json!({"role": "recorder", "organization": "acme"});
    let (secret, ..) = owner.service("mar-api", &[recorder_of_acme]);
    let dir = directory();
    let spool = dir.path().join("spool");
    let (sender, notices) = std::sync::mpsc::channel();
    let config = Config {
        organization: mar_audit_client::Organization::parse("acme"),
        ..config(&server.url(""), &spool)
            .token("mar_wrong")
            .listener(move |notice| sender.send(notice.clone()).expect("the test listens"))
    };
    let recorder = Recorder::open(config).expect("the recorder opens");
    recorder.record(numbered(1)).expect("spooled");
    let first = notices.recv_timeout(LONG).expect("it is told");
    assert!(
        matches!(first, Notice::Unauthorized { status: 401, .. }),
        "{first:?}"
    );
    let elsewhere = Entry::by(Actor::user("usr_5"))
        .did(action::LOGIN)
        .in_organization("other")
        .success();
    recorder.record(elsewhere).expect("spooled");
    recorder.record(numbered(3)).expect("spooled");
    recorder.set_token(secret.as_str());
    recorder.flush(LONG).expect("delivered");
    let rejected = std::fs::read_to_string(spool.join("rejected.ndjson")).expect("it is kept");
    let rejected: Value = serde_json::from_str(rejected.trim_end()).expect("one line");
    assert_eq!(rejected["sequence"], 2);
    assert_eq!(rejected["entry"]["scope"]["organization"], "other");
    recorder.close().expect("delivered");
    let auditor = Caller::with_token(&server, &secret);
    assert_eq!(
        auditor.get("/v1/entries").status,
        403,
        "it may record alone"
    );
    let entries = owner.entries("organization=acme&source=sdk-test&order=received&direction=asc");
    let sequences: Vec<_> = entries
        .iter()
        .map(|entry| entry["source"]["sequence"].as_u64().expect("a number"))
        .collect();
    assert_eq!(sequences, [1, 3, 4]);
    assert_eq!(entries[2]["context"]["rejected"], 1);
}
