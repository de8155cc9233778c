use super::*;
use crate::{Actor, Entry, Target, action};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use tempfile::TempDir;

/// What a scripted log does with one call.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// A receipt for each entry.
    Stores,
    /// Answers with this, storing nothing.
    Says(&'static str, &'static str),
    /// Closes the connection when it has the body.
    HangsUp,
}

/// A log of a test's making: one connection a call; after its script it stores everything.
pub(crate) struct Log {
    address: SocketAddr,
    pub inside: Arc<(Mutex<Inside>, Condvar)>,
}

/// What it was sent.
#[derive(Default)]
pub(crate) struct Inside {
    script: VecDeque<Does>,
    /// Calls wait until the test lets them go on.
    is_held: bool,
    /// Entries that contain this are refused.
    refuses: Option<&'static str>,
    /// Whoever shows another token is not let in.
    pub lets_in: Option<&'static str>,
    pub calls: usize,
    pub entries: Vec<serde_json::Value>,
}

impl Log {
    fn start(script: impl IntoIterator<Item = Does>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let inside = Inside {
            script: script.into_iter().collect(),
            ..Inside::default()
        };
        let inside = Arc::new((Mutex::new(inside), Condvar::new()));
        let log = Self {
            address,
            inside: Arc::clone(&inside),
        };
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let inside = Arc::clone(&inside);
                // A recorder that hangs up ends its connection, not the log.
                std::thread::spawn(move || connection.and_then(|c| answer(c, &inside)));
            }
        });
        log
    }

    pub fn hold(&self, is_held: bool) {
        self.inside.0.lock().is_held = is_held;
        self.inside.1.notify_all();
    }

    pub fn wait(&self, until: impl Fn(&Inside) -> bool) {
        let mut inside = self.inside.0.lock();
        while !until(&inside) {
            let waited = self.inside.1.wait_for(&mut inside, Duration::from_secs(30));
            assert!(!waited.timed_out(), "it never came to that");
        }
    }

    pub fn sequences(&self) -> Vec<u64> {
        let inside = self.inside.0.lock();
        let number = |e: &serde_json::Value| e["source"]["sequence"].as_u64().expect("a number");
        inside.entries.iter().map(number).collect()
    }

    pub fn entry(&self, sequence: u64) -> serde_json::Value {
        let inside = self.inside.0.lock();
        let found = inside
            .entries
            .iter()
            .find(|e| e["source"]["sequence"] == sequence);
        found.expect("it was sent").clone()
    }
}

fn answer(
    connection: std::net::TcpStream,
    inside: &(Mutex<Inside>, Condvar),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection);
    loop {
        let (mut length, mut packed, mut line, mut token) = (0, false, String::new(), None);
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().expect("a length"),
                "content-encoding" => packed = true,
                "authorization" => token = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        if packed {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain)?;
            body = plain;
        }
        let Some(answer) = take(inside, &body, token) else {
            return Ok(());
        };
        reader.get_mut().write_all(answer.as_bytes())?;
    }
}

/// What it answers to a body; `None` if it hangs up.
fn take(inside: &(Mutex<Inside>, Condvar), body: &[u8], token: Option<String>) -> Option<String> {
    let mut state = inside.0.lock();
    state.calls += 1;
    inside.1.notify_all();
    while state.is_held {
        inside.1.wait(&mut state);
    }
    let is_known = state
        .lets_in
        .is_none_or(|wanted| token.as_deref() == Some(wanted));
    let does = match is_known {
        true => state.script.pop_front().unwrap_or(Does::Stores),
        false => Does::Says("401 Unauthorized", r#"{"title":"Sign in first"}"#),
    };
    match does {
        Does::HangsUp => return None,
        Does::Says(status, body) => {
            let length = body.len();
            return Some(format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}"
            ));
        }
        Does::Stores => {}
    }
    let refused = state.refuses;
    let mut receipts = Vec::new();
    for line in body.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        let text = String::from_utf8_lossy(line);
        if refused.is_some_and(|refused| text.contains(refused)) {
            receipts.push(r#"{"status":"rejected","error":{"detail":"not this one"}}"#.to_owned());
            continue;
        }
        let entry: serde_json::Value = serde_json::from_slice(line).expect("JSON");
        let known = state.entries.iter().position(|e| e["id"] == entry["id"]);
        let (status, seq) = match known {
            Some(at) => ("duplicate", at),
            None => ("accepted", state.entries.len()),
        };
        if known.is_none() {
            state.entries.push(entry);
        }
        receipts.push(format!(r#"{{"status":"{status}","seq":{seq}}}"#));
    }
    inside.1.notify_all();
    let body = format!(r#"{{"receipts":[{}]}}"#, receipts.join(","));
    let length = body.len();
    Some(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

pub(crate) struct Bench {
    pub log: Log,
    dir: TempDir,
    notices: Arc<Mutex<Vec<Notice>>>,
}

impl Bench {
    /// What was recorded, when everything is delivered.
    #[cfg(feature = "axum")]
    pub fn entries(&self, recorder: &Recorder) -> Vec<serde_json::Value> {
        recorder.flush(Duration::from_secs(30)).expect("delivered");
        self.log.inside.0.lock().entries.clone()
    }

    pub fn with(script: impl IntoIterator<Item = Does>) -> Self {
        Self {
            log: Log::start(script),
            dir: tempfile::tempdir().expect("a directory"),
            notices: Arc::default(),
        }
    }

    pub fn config(&self) -> Config {
        let server = format!("http://{}", self.log.address);
        let notices = Arc::clone(&self.notices);
        let config = Config::new(server, "test", self.dir.path());
        Config {
            pause_max: Duration::from_millis(20),
            close_wait_max: Duration::from_secs(30),
            required_wait_max: Duration::from_secs(30),
            ..config.listener(move |notice| notices.lock().push(notice.clone()))
        }
    }

    pub fn open(&self) -> Recorder {
        Recorder::open(self.config()).expect("the recorder opens")
    }

    /// Waits for a notice.
    fn noticed(&self, wanted: impl Fn(&Notice) -> bool) {
        while !self.notices.lock().iter().any(&wanted) {
            std::thread::yield_now();
        }
    }
}

/// An entry that says which it is.
fn draft(n: u64) -> Draft {
    Entry::by(Actor::user("ana"))
        .did(action::SCALE_CLUSTER)
        .to(Target::cluster("clu_9"))
        .context("n", n)
        .success()
}

#[test]
fn spooled_entries_arrive_in_order_each_with_its_number() {
    let bench = Bench::with([]);
    let recorder = bench.open();
    for n in 1..=50 {
        let receipt = recorder.record(draft(n)).expect("recorded");
        assert_eq!((receipt.sequence, receipt.kept), (n, Kept::Spooled));
    }
    recorder.flush(Duration::from_secs(30)).expect("delivered");
    assert_eq!(bench.log.sequences(), (1..=50).collect::<Vec<_>>());
    assert_eq!(bench.log.entry(7)["context"]["n"], 7);
    assert_eq!(bench.log.entry(7)["source"]["name"], "test");
    let stats = recorder.stats();
    assert_eq!((stats.recorded, stats.logged, stats.spooled), (50, 50, 0));
    recorder.close().expect("delivered");
    // The next recorder goes on where this one ended.
    let recorder = bench.open();
    assert_eq!(recorder.record(draft(51)).expect("recorded").sequence, 51);
    recorder.close().expect("delivered");
    assert_eq!(bench.log.sequences(), (1..=51).collect::<Vec<_>>());
}

#[test]
fn many_callers_share_a_sync() {
    let bench = Bench::with([]);
    let recorder = bench.open();
    let recordings: Vec<Recording> = (0..2000).map(|n| recorder.recording(draft(n))).collect();
    for recording in recordings {
        recording.wait().expect("recorded");
    }
    let syncs = recorder.stats().syncs;
    assert!(syncs < 1000, "{syncs} syncs for 2000 entries");
    recorder.close().expect("delivered");
    assert_eq!(bench.log.sequences(), (1..=2000).collect::<Vec<_>>());
}

#[test]
fn a_required_entry_is_in_the_log_when_its_caller_goes_on() {
    let bench = Bench::with([Does::Says("503 Busy", "")]);
    let recorder = bench.open();
    let receipt = recorder.record_as(Guarantee::Required, draft(1));
    let receipt = receipt.expect("recorded");
    assert_eq!(receipt.kept, Kept::Logged { seq: 0 });
    assert_eq!(bench.log.sequences(), [1]);
    recorder.close().expect("nothing waits");
    // Its number is not given again, though no spool file has the entry.
    let recorder = bench.open();
    assert_eq!(recorder.record(draft(2)).expect("recorded").sequence, 2);
}

#[test]
fn a_required_entry_without_an_answer_is_perhaps_recorded_and_found_when_asked_again() {
    let bench = Bench::with([]);
    bench.log.hold(true);
    let recorder = Recorder::open(Config {
        required_wait_max: Duration::from_millis(200),
        ..bench.config()
    });
    let recorder = recorder.expect("the recorder opens");
    let error = recorder.record_as(Guarantee::Required, draft(1));
    let Err(Error::Unknown(unconfirmed)) = error else {
        panic!("{error:?}");
    };
    bench.log.hold(false);
    bench.log.wait(|inside| inside.entries.len() == 1);
    let receipt = recorder.again(unconfirmed).wait().expect("found");
    assert_eq!(
        (receipt.sequence, receipt.kept),
        (1, Kept::Logged { seq: 0 })
    );
    assert_eq!(bench.log.sequences(), [1], "stored once");
}

#[test]
fn a_required_entry_that_cannot_be_sent_is_not_recorded_and_the_log_is_told() {
    let bench = Bench::with([]);
    let unused = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nowhere = unused.local_addr().expect("an address");
    drop(unused);
    let recorder = Recorder::open(Config {
        server: format!("http://{nowhere}"),
        required_wait_max: Duration::from_millis(300),
        close_wait_max: Duration::ZERO,
        ..bench.config()
    });
    let recorder = recorder.expect("the recorder opens");
    let error = recorder.record_as(Guarantee::Required, draft(1));
    assert!(matches!(error, Err(Error::NotRecorded(_))), "{error:?}");
    bench.noticed(|n| matches!(n, Notice::Unreachable { .. }));
    assert_eq!(recorder.health().is_reached, Some(false));
    recorder.close().expect_err("the entry about it waits");
    let recorder = bench.open();
    recorder.flush(Duration::from_secs(30)).expect("delivered");
    assert_eq!(bench.log.sequences(), [2]);
    let told = bench.log.entry(2);
    assert_eq!(told["action"], "dropEntries");
    assert_eq!(
        told["context"],
        serde_json::json!({"dropped": 1, "sequences": "1", "not_recorded": 1})
    );
}

#[test]
fn best_effort_entries_that_find_no_room_become_one_entry() {
    let bench = Bench::with([]);
    bench.log.hold(true);
    let recorder = Recorder::open(Config {
        best_effort_bytes_max: 1000,
        ..bench.config().guarantee(Guarantee::BestEffort)
    });
    let recorder = recorder.expect("the recorder opens");
    assert_eq!(
        recorder.record(draft(1)).expect("queued").kept,
        Kept::Queued
    );
    bench.log.wait(|inside| inside.calls == 1);
    let kept: Vec<Kept> = (2..=9)
        .map(|n| recorder.record(draft(n)).expect("never an error").kept)
        .collect();
    let queued = kept.iter().filter(|kept| **kept == Kept::Queued).count() as u64;
    assert!((1..8).contains(&queued), "{kept:?}");
    bench.log.hold(false);
    bench
        .log
        .wait(|inside| inside.entries.len() as u64 == queued + 2);
    let told = bench.log.entry(10);
    assert_eq!(told["context"]["dropped"], 8 - queued);
    assert_eq!(told["context"]["queue_full"], 8 - queued);
    assert_eq!(told["context"]["sequences"], format!("{}-9", queued + 2));
    assert_eq!(recorder.stats().dropped, 8 - queued);
    recorder.close().expect("delivered");
    assert_eq!(bench.log.inside.0.lock().entries.len() as u64, queued + 2);
}

#[test]
fn a_full_spool_is_an_error_and_a_gap_that_is_explained() {
    let bench = Bench::with([]);
    bench.log.hold(true);
    let recorder = Recorder::open(Config {
        spool_bytes_max: 20_000,
        batch_entries_max: 5,
        ..bench.config()
    });
    let recorder = recorder.expect("the recorder opens");
    let mut full = 0;
    for n in 1..=100 {
        match recorder.record(draft(n)) {
            Ok(receipt) => assert_eq!(receipt.sequence, n),
            Err(Error::Full { max_bytes, .. }) => {
                assert_eq!(max_bytes, 20_000);
                full += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(full > 0 && full < 90, "{full}");
    assert!(!bench.dir.path().join("rejected.ndjson").exists());
    bench.log.hold(false);
    bench
        .log
        .wait(|inside| inside.entries.len() as u64 == 101 - full);
    let told = bench.log.entry(101);
    assert_eq!(told["context"]["spool_full"], full);
    assert_eq!(told["context"]["sequences"], format!("{}-100", 101 - full));
    // Delivered files are gone, and there is room again.
    assert_eq!(recorder.record(draft(102)).expect("room").sequence, 102);
    recorder.close().expect("delivered");
}

#[test]
fn an_entry_that_the_log_refuses_is_kept_aside_and_blocks_nothing() {
    let bench = Bench::with([]);
    bench.log.inside.0.lock().refuses = Some(r#""n":2}"#);
    let recorder = bench.open();
    for n in 1..=3 {
        recorder.record(draft(n)).expect("recorded");
    }
    let error = recorder.record_as(Guarantee::Required, draft(2));
    assert!(matches!(error, Err(Error::Refused(why)) if why == "not this one"));
    recorder.flush(Duration::from_secs(30)).expect("delivered");
    let rejected = std::fs::read_to_string(bench.dir.path().join("rejected.ndjson"));
    let mut rejected: Vec<serde_json::Value> = rejected
        .expect("they are kept")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    rejected.sort_by_key(|line| line["sequence"].as_u64());
    let [spooled, required] = rejected.as_slice() else {
        panic!("{rejected:?}");
    };
    assert_eq!(
        (&spooled["sequence"], &required["sequence"]),
        (&2.into(), &4.into())
    );
    for line in [spooled, required] {
        assert_eq!(line["why"], "not this one");
        assert_eq!(line["entry"]["context"]["n"], 2);
    }
    bench.noticed(|n| matches!(n, Notice::Rejected { sequence: 2, .. }));
    assert_eq!(recorder.stats().rejected, 2);
    recorder.close().expect("delivered");
    let told = |e: &serde_json::Value| e["context"]["rejected"].as_u64().unwrap_or(0);
    let inside = bench.log.inside.0.lock();
    assert_eq!(
        inside.entries.iter().map(told).sum::<u64>(),
        2,
        "both gaps are explained"
    );
}

#[test]
fn a_wrong_token_loses_nothing_and_the_right_one_goes_on() {
    let bench = Bench::with([]);
    bench.log.inside.0.lock().lets_in = Some("Bearer right");
    let recorder = Recorder::open(bench.config().token("wrong")).expect("the recorder opens");
    recorder.record(draft(1)).expect("spooled");
    bench.log.wait(|inside| inside.calls >= 2);
    let error = recorder.record_as(Guarantee::Required, draft(2));
    assert!(
        matches!(&error, Err(Error::NotRecorded(why)) if why.contains("Sign in first")),
        "{error:?}"
    );
    bench.noticed(|n| matches!(n, Notice::Unauthorized { status: 401, .. }));
    recorder.set_token("right");
    recorder.flush(Duration::from_secs(30)).expect("delivered");
    assert_eq!(bench.log.entry(1)["context"]["n"], 1);
    recorder.close().expect("delivered");
    assert_eq!(
        bench.log.sequences(),
        [1, 3],
        "the gap is explained by the entry behind it"
    );
}

#[test]
fn an_answer_that_is_lost_stores_nothing_twice() {
    let bench = Bench::with([Does::HangsUp, Does::Says("502 Bad Gateway", "")]);
    let recorder = bench.open();
    recorder.record(draft(1)).expect("spooled");
    recorder.flush(Duration::from_secs(30)).expect("delivered");
    assert_eq!(bench.log.sequences(), [1]);
    assert!(recorder.stats().failed_calls >= 2);
}

#[test]
fn a_body_that_is_too_large_is_sent_in_parts() {
    let bench = Bench::with([Does::Stores, Does::Says("413 Too Large", "")]);
    bench.log.hold(true);
    let recorder = bench.open();
    recorder.record(draft(1)).expect("spooled");
    bench.log.wait(|inside| inside.calls == 1);
    for n in 2..=65 {
        recorder.record(draft(n)).expect("spooled");
    }
    bench.log.hold(false);
    recorder.flush(Duration::from_secs(30)).expect("delivered");
    assert_eq!(bench.log.sequences(), (1..=65).collect::<Vec<_>>());
    assert_eq!(
        bench.log.inside.0.lock().calls,
        4,
        "one, all, and two halves"
    );
}

#[test]
fn an_invalid_entry_is_refused_at_once_and_takes_no_number() {
    let bench = Bench::with([]);
    let recorder = bench.open();
    let nobody = Entry::by(Actor::user("")).did(action::LOGIN).success();
    let error = recorder.record(nobody);
    assert!(matches!(error, Err(Error::Invalid(_))), "{error:?}");
    assert_eq!(recorder.record(draft(1)).expect("recorded").sequence, 1);
}

#[test]
fn a_listener_that_panics_hurts_nothing() {
    let bench = Bench::with([Does::Says("503 Busy", "")]);
    let config = bench
        .config()
        .listener(|_| panic!("a listener's own fault"));
    let recorder = Recorder::open(config).expect("the recorder opens");
    recorder.record(draft(1)).expect("spooled");
    recorder.flush(Duration::from_secs(30)).expect("delivered");
    assert!(recorder.stats().listener_panics >= 1);
}

#[test]
fn a_closed_recorder_takes_nothing() {
    let bench = Bench::with([]);
    let recorder = bench.open();
    let clone = recorder.clone();
    recorder.close().expect("nothing waits");
    assert!(matches!(clone.record(draft(1)), Err(Error::Closed)));
    drop(clone);
    drop(bench.open());
}
