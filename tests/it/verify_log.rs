//! `verify log`: a log that only grew is accepted, every other one is refused and the evidence kept.

use crate::program::{Done, agent, command, directory, run};
use crate::verify_evidence::{ORIGIN, TestLog, disclosure, key, log_key, policy, vkey};
use mar_audit::verify::Trust;
use mar_audit::verify::log::{self, Depth, Evidence};
use proof::checkpoint::{Checkpoint, SignedCheckpoint};
use proof::key::KeyKind;
use proof::leaf::Leaf;
use proof::tile::{Bundle, Tile};
use proptest::prelude::*;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::JoinHandle;

/// What a server answers to a path: the bytes of the whole answer after its status.
type Answers = dyn Fn(&str) -> (u16, Vec<(&'static str, String)>, Vec<u8>) + Send + Sync;

/// A server that gives out whatever a test wants it to; ends when dropped.
struct Served {
    url: String,
    /// The heads of the calls so far.
    heard: Arc<Mutex<Vec<String>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn new(answers: Box<Answers>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (keep, stop) = (heard.clone(), stopping.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                // A client may go away whenever it has seen enough.
                let _ = answer(&stream.expect("a call"), &answers, &keep);
            }
        });
        Self {
            url: format!("http://{address}/v1/logs/acme"),
            heard,
            stopping,
            thread: Some(thread),
        }
    }

    /// A log as it is.
    fn honest(log: Arc<TestLog>, size: u64) -> Self {
        Self::altered(log, size, |_, bytes| bytes)
    }

    /// A log of which some files are not what they should be.
    fn altered(
        log: Arc<TestLog>,
        size: u64,
        alter: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::new(Box::new(move |path| match file(&log, size, path) {
            Some(bytes) => (200, Vec::new(), alter(path, bytes)),
            None => (404, Vec::new(), Vec::new()),
        }))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread; if that cannot be, it is not waiting.
        let address = self.url["http://".len()..].split('/').next();
        let _ = TcpStream::connect(address.expect("an address"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(
    mut stream: &TcpStream,
    answers: &Answers,
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = String::new();
    let mut lines = BufReader::new(stream);
    while lines.read_line(&mut head)? > 2 {}
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heard.lock().expect("no panic").push(head);
    let path = path.strip_prefix("/v1/logs/acme/").unwrap_or(&path);
    let (status, headers, body) = answers(path);
    write!(stream, "HTTP/1.1 {status} Said\r\nconnection: close\r\n")?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "content-length: {}\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

/// What a server of C2SP tlog-tiles has at a path.
fn file(log: &TestLog, size: u64, path: &str) -> Option<Vec<u8>> {
    let of = proof::Size::new(size).expect("small");
    if path == "checkpoint" {
        return Some(log.checkpoint(size).to_string().into_bytes());
    }
    if let Ok(tile) = Tile::parse(path) {
        return tile.is_in(of).then(|| log.tile(tile));
    }
    let bundle = Bundle::parse(path).ok().filter(|bundle| bundle.is_in(of))?;
    let mut bytes = Vec::new();
    let start = 256 * bundle.index() as usize;
    for shown in &log.disclosures[start..start + usize::from(bundle.width())] {
        let leaf = shown.leaf().expect("a leaf").to_bytes();
        Bundle::push(&mut bytes, &leaf).expect("it fits");
    }
    Some(bytes)
}

fn verify(served: &Served, arguments: &[&str]) -> Done {
    run(&[&["verify", "log", &served.url, "--key", &vkey()], arguments].concat())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// The size in a file that remembers a checkpoint.
fn remembered(state: &Path) -> u64 {
    let note = std::fs::read(state).expect("it is there");
    let signed = SignedCheckpoint::parse(&note).expect("a checkpoint");
    signed.checkpoint().tree().size.get()
}

#[test]
fn a_log_is_verified_at_every_edge_and_remembered_as_it_grows() {
    let log = Arc::new(TestLog::of(1025));
    let dir = directory();
    let state = dir.path().join("acme.checkpoint");
    let mut before = serde_json::Value::Null;
    for size in [0, 1, 2, 255, 256, 256, 257, 700, 1024, 1025] {
        let served = Served::honest(log.clone(), size);
        for more in [&[][..], &["--full"]] {
            let shown = verify(
                &served,
                &[&["--state", text(&state), "-o", "json"], more].concat(),
            );
            let shown = shown.ok().json();
            assert_eq!(
                (&shown["verified"], &shown["origin"]),
                (&true.into(), &ORIGIN.into())
            );
            assert_eq!(
                (&shown["size"], &shown["continues"]),
                (&size.into(), &before)
            );
            assert_eq!(remembered(&state), size);
            let newest = size
                .checked_sub(1)
                .map(|last| format!("2026-07-22T16:23:02.{last:06}Z"));
            assert_eq!(shown["newest_received_at"].as_str(), newest.as_deref());
            before = size.into();
        }
    }
    let served = Served::honest(log, 700);
    let shown = verify(&served, &[]).ok().out;
    assert!(shown.contains("nothing that was remembered"), "{shown}");
    let calls = served.heard.lock().expect("no panic").len();
    assert!(
        calls <= 6,
        "without --full a log of any size is a few calls: {calls}"
    );
}

/// The log, but for the last entries another history.
fn other_history(entries: u64, from: u64) -> TestLog {
    let mut log = TestLog::default();
    for seq in 0..entries {
        log.append(disclosure(if seq < from { seq } else { seq + 9_000 }));
    }
    log
}

#[test]
fn a_fork_and_a_rollback_are_convicted_and_the_evidence_kept() {
    let dir = directory();
    let state = dir.path().join("acme.checkpoint");
    let evidence = dir.path().join("acme.checkpoint.contradicted-by");
    let log = Arc::new(TestLog::of(700));
    let served = Served::honest(log.clone(), 600);
    verify(&served, &["--state", text(&state)]).ok();
    let kept = std::fs::read(&state).expect("it is there");
    for (served, says) in [
        (
            Served::honest(log.clone(), 599),
            "rolled back from 600 entries to 599",
        ),
        (
            Served::honest(log.clone(), 0),
            "rolled back from 600 entries to 0",
        ),
        (
            Served::honest(Arc::new(other_history(600, 599)), 600),
            "forked",
        ),
        (
            Served::honest(Arc::new(other_history(700, 599)), 700),
            "forked",
        ),
        (
            Served::honest(Arc::new(other_history(700, 0)), 601),
            "forked",
        ),
    ] {
        let done = verify(&served, &["--state", text(&state), "-o", "ndjson"]);
        assert_eq!(done.exit, 4, "{done:?}");
        assert_eq!(
            (&done.json()["verdict"], &done.json()["step"]),
            (&"forked".into(), &"growth".into())
        );
        assert!(
            done.err.contains(says) && done.err.contains("keep both checkpoints"),
            "{done:?}"
        );
        assert!(done.err.contains(text(&evidence)), "{done:?}");
        assert_eq!(
            std::fs::read(&state).expect("it is there"),
            kept,
            "what was accepted stays"
        );
        let against = std::fs::read_to_string(&evidence).expect("kept");
        let told = agent().get(format!("{}/checkpoint", served.url)).call();
        let told = told.expect("an answer").body_mut().read_to_string();
        assert_eq!(against, told.expect("a note"));
    }
    // Who does not remember cannot know.
    let forked = Served::honest(Arc::new(other_history(700, 0)), 601);
    verify(&forked, &["--full"]).ok();
    let honest = Served::honest(log, 700);
    verify(&honest, &["--state", text(&state)]).ok();
    assert_eq!(remembered(&state), 700);
}

#[test]
fn what_is_not_what_was_signed_is_refused() {
    let log = Arc::new(TestLog::of(700));
    let dir = directory();
    let state = dir.path().join("acme.checkpoint");
    std::fs::write(&state, log.checkpoint(300).to_string()).expect("written");
    type Alter = fn(Vec<u8>) -> Vec<u8>;
    let flip: Alter = |mut bytes| {
        bytes[40] ^= 1;
        bytes
    };
    let cut: Alter = |mut bytes| {
        bytes.pop();
        bytes
    };
    let more: Alter = |bytes| [&bytes[..], b"\0"].concat();
    let nothing: Alter = |_| Vec::new();
    let huge: Alter = |_| vec![b'a'; 3 << 20];
    // Which files an answer follows from: the last two only where every leaf is read.
    for (path, full) in [
        ("checkpoint", false),
        ("tile/1/000.p/2", false),
        ("tile/0/002.p/188", false),
        ("tile/0/001", false),
        ("tile/entries/002.p/188", false),
        ("tile/0/000", true),
        ("tile/entries/001", true),
    ] {
        for (what, alter) in [
            ("flip", flip),
            ("cut", cut),
            ("more", more),
            ("nothing", nothing),
            ("huge", huge),
        ] {
            let served = Served::altered(log.clone(), 700, move |asked, bytes| {
                if asked == path { alter(bytes) } else { bytes }
            });
            let mut arguments = vec!["--state", text(&state)];
            arguments.extend(full.then_some("--full"));
            let done = verify(&served, &arguments);
            assert_eq!(done.exit, 2, "{what} {path}: {done:?}");
            let calls = served.heard.lock().expect("no panic");
            assert!(
                calls.iter().any(|head| head.contains(path)),
                "{path} is not asked for"
            );
        }
    }
    assert_eq!(remembered(&state), 300);
}

#[test]
fn a_leaf_that_travelled_in_time_convicts_the_log() {
    let mut log = TestLog::default();
    for seq in [0, 1, 5, 2] {
        log.append(disclosure(seq));
    }
    let served = Served::honest(Arc::new(log), 4);
    let done = verify(&served, &["--full"]);
    assert_eq!(done.exit, 2, "{done:?}");
    assert!(
        done.err.contains("seq 3 says it was received before"),
        "{done:?}"
    );
}

/// A leaf that is not of the log's own kind: hashed and signed, and yet refused.
#[test]
fn a_leaf_of_another_kind_is_refused() {
    let log = Arc::new(TestLog::of(3));
    let served = Served::altered(log, 3, |path, bytes| match path {
        "tile/entries/000.p/3" => {
            let leaf = Leaf::parse(&bytes[2..130]).expect("a leaf");
            let text = String::from_utf8_lossy(&leaf.to_bytes()).replace("@v1", "@v2");
            [&bytes[..2], text.as_bytes(), &bytes[130..]].concat()
        }
        _ => bytes,
    });
    assert_eq!(verify(&served, &["--full"]).exit, 2);
}

#[test]
fn what_decides_nothing_is_no_verdict() {
    let dir = directory();
    let log = Arc::new(TestLog::of(300));
    let path = |name: &str| text(&dir.path().join(name)).to_owned();
    let (garbage, foreign) = (path("garbage"), path("foreign"));
    std::fs::write(&garbage, "not a checkpoint").expect("written");
    let other = key("other.example/v1/logs/acme", KeyKind::Ed25519, 1);
    let checkpoint = Checkpoint::new(other.verifier().name(), log.tree(300));
    let note = SignedCheckpoint::sign(checkpoint, &other)
        .expect("its own")
        .to_string();
    std::fs::write(&foreign, note).expect("written");
    let honest = Served::honest(log.clone(), 300);
    for (state, says) in [
        (&garbage, "not replaced"),
        (&foreign, "one file for each log"),
    ] {
        let done = verify(&honest, &["--state", state]);
        assert_eq!(done.exit, 1, "{done:?}");
        assert!(done.err.contains(says), "{done:?}");
    }
    assert_eq!(
        std::fs::read(&garbage).expect("it is there"),
        b"not a checkpoint"
    );
    assert_eq!(
        verify(&honest, &["--state", &path("no/such/dir/state")]).exit,
        1
    );

    let missing = log.clone();
    let missing = Served::new(Box::new(move |path| match file(&missing, 300, path) {
        Some(bytes) if !path.contains("tile/1") => (200, Vec::new(), bytes),
        _ => (404, Vec::new(), Vec::new()),
    }));
    let done = verify(&missing, &[]);
    assert_eq!(done.exit, 1, "{done:?}");
    assert!(
        done.err.contains("tile/1/000.p/1") && done.err.contains("404"),
        "{done:?}"
    );

    let elsewhere = Served::new(Box::new(|_| {
        (
            302,
            vec![(
                "location",
                "http://127.0.0.1:1/v1/logs/acme/checkpoint".into(),
            )],
            Vec::new(),
        )
    }));
    let done = verify(&elsewhere, &[]);
    assert_eq!(done.exit, 1, "{done:?}");
    assert!(done.err.contains("not followed"), "{done:?}");

    for address in [
        "http://127.0.0.1:1/v1/logs/acme",
        "ftp://h/x",
        "http://h/x?y",
        "http://h/x#y",
    ] {
        let done = run(&["verify", "log", address, "--key", &vkey()]);
        assert_eq!(done.exit, 1, "{address}: {done:?}");
    }
}

#[test]
fn a_log_ends_with_the_exit_codes() {
    let log = Arc::new(TestLog::of(3));
    let served = Served::honest(log.clone(), 3);
    let other = key(ORIGIN, KeyKind::Ed25519, 9).verifier().to_string();
    assert_eq!(
        run(&["verify", "log", &served.url, "--key", &other]).exit,
        3
    );
    assert_eq!(verify(&served, &["--max-age", "1s"]).exit, 5);
    assert_eq!(verify(&served, &["--max-age", "36500d"]).exit, 0);
    let empty = Served::honest(log.clone(), 0);
    assert_eq!(
        verify(&empty, &["--max-age", "36500d"]).exit,
        5,
        "nothing says when"
    );
    // Signed by another key under the log's name.
    let forged = Served::altered(log.clone(), 3, |path, bytes| match path {
        "checkpoint" => {
            let text = String::from_utf8(bytes).expect("text");
            text.replacen("\n3\n", "\n4\n", 1).into_bytes()
        }
        _ => bytes,
    });
    assert_eq!(verify(&forged, &[]).exit, 2);
    assert_eq!(log_key().verifier().name().as_str(), ORIGIN);
}

/// A token is a secret of one server: another that is verified must not hear it.
#[test]
fn the_token_goes_to_the_configured_server_alone() {
    let served = Served::honest(Arc::new(TestLog::of(3)), 3);
    let ours = served.url.replace("/v1/logs/acme", "");
    for (server, flag, told) in [
        ("http://127.0.0.1:1", None, false),
        (ours.as_str(), None, true),
        ("http://127.0.0.1:1", Some("hush-2"), true),
    ] {
        served.heard.lock().expect("no panic").clear();
        let mut command = command(&["verify", "log", &served.url, "--key", &vkey()]);
        command.args(flag.iter().flat_map(|token| ["--token", token]));
        command.env("MAR_AUDIT_SERVER", server);
        command.env("MAR_AUDIT_TOKEN", "hush-1");
        let done = Done::of(&command.output().expect("the binary runs"));
        assert_eq!(done.exit, 0, "{done:?}");
        let heard = served.heard.lock().expect("no panic").join("\n");
        assert_eq!(heard.contains("hush-"), told, "{heard}");
        assert_eq!(heard.contains("hush-2"), flag.is_some(), "{heard}");
    }
}

/// Verifies a log whose files come from a function, without a server.
fn verified(size: u64, alter: &dyn Fn(&str, Vec<u8>) -> Vec<u8>, depth: Depth) -> bool {
    static LOG: LazyLock<TestLog> = LazyLock::new(|| TestLog::of(600));
    let get = |path: String| {
        let bytes = file(&LOG, size, &path).unwrap_or_default();
        Ok(alter(&path, bytes))
    };
    let mut evidence = Evidence {
        checkpoint: &mut || get("checkpoint".to_owned()),
        tile: &mut |tile| get(tile.to_string()),
        leaves: &mut |bundle| get(bundle.to_string()),
    };
    let trust = Trust::in_policy(policy().as_bytes(), None).expect("a policy");
    let before = LOG.checkpoint(300);
    log::verify(&mut evidence, &trust, Some(&before), depth, &mut |_, _| {}).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every byte that a full reading asks for has one value it may have.
    #[test]
    fn no_altered_file_of_a_log_is_accepted(
        which in 0usize..7,
        at in any::<prop::sample::Index>(),
        byte: u8,
        cut: bool,
    ) {
        let paths = [
            "checkpoint", "tile/1/000.p/2", "tile/0/000", "tile/0/001", "tile/0/002.p/88",
            "tile/entries/001", "tile/entries/002.p/88",
        ];
        let changed = std::cell::Cell::new(false);
        let alter = |path: &str, bytes: Vec<u8>| {
            if path != paths[which] {
                return bytes;
            }
            let mut altered = bytes.clone();
            let at = at.index(altered.len());
            if cut {
                altered.truncate(at);
            } else {
                altered[at] = byte;
            }
            changed.set(altered != bytes);
            altered
        };
        let held = verified(600, &alter, Depth::Full);
        prop_assert_eq!(held, !changed.get());
    }

    #[test]
    fn no_bytes_of_a_server_do_more_than_be_refused(bytes: Vec<u8>, which in 0usize..3) {
        let starts = ["checkpoint", "tile/0", "tile/entries"][which];
        let alter = |path: &str, true_bytes| match path.starts_with(starts) {
            true => bytes.clone(),
            false => true_bytes,
        };
        prop_assert!(!verified(600, &alter, Depth::Edge));
        prop_assert!(!verified(600, &alter, Depth::Full));
    }
}
