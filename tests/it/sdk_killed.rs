//! kill -9 of a program that records: every entry that was acknowledged to it is in the log, once, in order.

use crate::program::{Program, directory};
use crate::sdk::{config, numbered, recorded};
use mar_audit_client::{Guarantee, Recorder};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// The log's address, the spool, the first number, and whether it goes on for ever: for the program that is killed.
const URL: &str = "SDK_KILLED_URL";
const SPOOL: &str = "SDK_KILLED_SPOOL";
const FIRST: &str = "SDK_KILLED_FIRST";

/// A program of its own: this test binary, asked for one test alone.
#[test]
#[ignore = "is the program that another test starts and kills"]
fn the_program_that_is_killed() {
    let set = |name: &str| std::env::var(name).expect("started by the test that kills it");
    let (url, spool, first) = (set(URL), set(SPOOL), set(FIRST));
    let first: u64 = first.parse().expect("a number");
    let recorder = Recorder::open(config(&url, Path::new(&spool))).expect("the recorder opens");
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (recorder, next) = (&recorder, &next);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    // Every fourth is required: its numbers are among the spooled ones, and in no file.
                    let guarantee = match writer {
                        0 => Guarantee::Required,
                        _ => Guarantee::Spooled,
                    };
                    let receipt = recorder.record_as(guarantee, numbered(n));
                    let sequence = receipt.expect("recorded").sequence;
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "acknowledged {n} {sequence}").expect("somebody reads");
                    out.flush().expect("somebody reads");
                }
            });
        }
    });
}

fn start(url: &str, spool: &Path, first: u64) -> Child {
    Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "sdk_killed::the_program_that_is_killed"])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .env(URL, url)
        .env(SPOOL, spool)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs")
}

/// Runs the program until it was told of so many entries, kills it, and adds what it was told.
fn run_and_kill(url: &str, spool: &Path, first: u64, count: usize, told: &mut BTreeMap<u64, u64>) {
    let mut child = start(url, spool, first);
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
    let mut read = 0;
    while read < count {
        let line = lines.next().expect("it goes on").expect("text");
        read += take(&line, told);
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    // What it had said when it died.
    for line in lines.map_while(Result::ok) {
        take(&line, told);
    }
}

/// 1 if the line tells of an entry. A line that was cut by the kill tells of none.
fn take(line: &str, told: &mut BTreeMap<u64, u64>) -> usize {
    let Some((_, numbers)) = line.split_once("acknowledged ") else {
        return 0;
    };
    let Some((n, sequence)) = numbers.split_once(' ') else {
        return 0;
    };
    let (Ok(n), Ok(sequence)) = (n.parse(), sequence.parse::<u64>()) else {
        return 0;
    };
    assert!(told.insert(n, sequence).is_none(), "{n} is told twice");
    1
}

#[test]
fn what_a_killed_program_was_told_is_in_the_log_once() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let spool = dir.path().join("spool");
    let mut told = BTreeMap::new();
    for (round, count) in [1, 40, 7, 300].into_iter().enumerate() {
        let first = round as u64 * 1_000_000;
        run_and_kill(&server.url, &spool, first, count, &mut told);
    }
    // The next recorder of the spool delivers what the last one left.
    let recorder = Recorder::open(config(&server.url, &spool)).expect("the recorder opens");
    recorder.close().expect("delivered");
    let found = recorded(&server);
    let mut by_n: BTreeMap<u64, u64> = BTreeMap::new();
    let mut sequences = BTreeSet::new();
    for (sequence, n) in &found {
        assert!(sequences.insert(*sequence), "{sequence} was given twice");
        let before = n.and_then(|n| by_n.insert(n, *sequence));
        assert_eq!(before, None, "{n:?} is there twice");
    }
    for (n, sequence) in &told {
        // The last digits of a line may have been cut with the program.
        let kept = by_n.get(n).map(ToString::to_string).unwrap_or_default();
        assert!(
            kept.starts_with(&sequence.to_string()),
            "{n} was acknowledged as {sequence}, and is there as `{kept}`"
        );
    }
}
