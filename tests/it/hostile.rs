//! What no honest caller sends: each gets a clear answer, and the server goes on.

use crate::api::{line, problem, uuid};
use crate::test_server::TestServer;
use mar_audit::app::Settings;
use serde_json::{Value, json};
use std::io::Read;
use std::time::Duration;

/// A server that loses patience soon.
fn impatient() -> TestServer {
    let mut settings = Settings::default();
    settings.limits.header_wait = Duration::from_millis(300);
    settings.limits.body_wait = Duration::from_millis(300);
    TestServer::with(settings)
}

/// The end of every story here: the server answers as if nothing had happened.
fn goes_on(server: &TestServer) {
    let receipts = server.record(line(900_000, json!({})));
    assert!(receipts["receipts"][0]["seq"].is_u64());
    assert_eq!(
        server.get(&format!("/v1/entries/{}", uuid(900_000))).status,
        200
    );
}

/// Name and bytes of every case of JSONTestSuite.
fn json_test_suite() -> Vec<(&'static str, Vec<u8>)> {
    let table = include_str!("../../entry/fixtures/json_test_suite.tsv");
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| row.split_once('\t').expect("name, tab, bytes"))
        .map(|(name, text)| (name, unescape(text)))
        .collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let mut next = || char::from(bytes.next().expect("an escape goes on"));
        out.push(match next() {
            't' => b'\t',
            'n' => b'\n',
            'r' => b'\r',
            'x' => u8::from_str_radix(&format!("{}{}", next(), next()), 16).expect("two digits"),
            other => other as u8,
        });
    }
    out
}

/// A batch of none, which is answered 200.
fn is_empty_array(body: &[u8]) -> bool {
    serde_json::from_slice::<Vec<serde_json::Value>>(body).is_ok_and(|items| items.is_empty())
}

#[test]
fn no_body_of_json_test_suite_is_an_entry_and_none_that_is_no_json_is_called_one() {
    let server = TestServer::start();
    let cases = json_test_suite();
    assert!(cases.len() > 300);
    for (name, body) in cases {
        for kind in ["application/json", "application/x-ndjson"] {
            let answer = server.send("POST", "/v1/entries", &[("content-type", kind)], &body);
            let none = kind == "application/json" && is_empty_array(&body);
            assert!(
                (answer.status == 200) == none && matches!(answer.status, 200 | 400 | 413 | 422),
                "{name} as {kind}: {} {}",
                answer.status,
                answer.text()
            );
            if name.starts_with("n_") && kind == "application/json" {
                assert_eq!(answer.status, 400, "{name}: {}", answer.text());
            }
        }
    }
    goes_on(&server);
}

#[test]
fn every_value_of_json_test_suite_is_kept_or_refused_as_context() {
    let server = TestServer::start();
    // A name twice would make two readers see two things.
    let twice = [
        "y_object_duplicated_key",
        "y_object_duplicated_key_and_value",
    ];
    for (n, (name, value)) in (0..).zip(json_test_suite()) {
        let mut body = line(n, json!({}))
            .trim_end()
            .strip_suffix('}')
            .expect("an object")
            .as_bytes()
            .to_vec();
        body.extend_from_slice(b",\"context\":{\"value\":");
        body.extend_from_slice(&value);
        body.extend_from_slice(b"}}");
        let answer = server.post("/v1/entries", &body);
        let wanted = match &name[..2] {
            "y_" if !twice.contains(&name) => vec![200],
            // Some are no values, yet harmless between our braces: white space, another member.
            "n_" => vec![200, 400, 422],
            _ => vec![200, 400, 422],
        };
        assert!(
            wanted.contains(&answer.status),
            "{name}: {} {}",
            answer.status,
            answer.text()
        );
        if answer.status == 200 {
            let shown = server.get(&format!("/v1/entries/{}", uuid(n)));
            // Numbers too large for this test's reader are compared as text elsewhere.
            let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
            if let (Some(sent), Some(shown)) = (read(&body), read(&shown.body)) {
                assert_eq!(shown["context"], sent["context"], "{name}");
            }
        }
    }
    goes_on(&server);
}

#[test]
fn naughty_strings_come_back_as_they_were_sent_through_every_door() {
    let server = TestServer::start();
    let strings: Vec<String> =
        serde_json::from_str(include_str!("../../entry/fixtures/blns.json")).expect("JSON");
    let sent = |n: u32, text: &str| {
        json!({
            "actor": {"type": "user", "id": format!("u{n}"), "name": text},
            "target": {"type": "cluster", "name": text, "id": text},
            "related": [{"type": text, "name": text}],
            "request": {"id": text, "user_agent": text, "path": text},
            "result": "failure",
            "error": {"code": text, "message": text},
            "context": {"text": text, "list": [text]},
        })
    };
    let lines: String = (0..)
        .zip(&strings)
        .map(|(n, text)| line(n, sent(n, text)))
        .collect();
    server.record(lines);
    let exported = server.get("/v1/export?format=ndjson&order=received&direction=asc");
    for ((n, text), exported) in (0..).zip(&strings).zip(exported.text().lines()) {
        let shown = server.get(&format!("/v1/entries/{}", uuid(n)));
        assert_eq!(shown.text(), exported);
        let shown = shown.json();
        for (member, value) in sent(n, text).as_object().expect("members") {
            assert_eq!(&shown[member], value, "{text:?}");
        }
        let found = server
            .get(&format!(
                "/v1/entries?id={}&search={}",
                uuid(n),
                percent(text)
            ))
            .json();
        assert_eq!(
            found["entries"].as_array().map(Vec::len),
            Some(1),
            "{text:?} is found by itself"
        );
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[test]
fn deep_and_wide_documents_are_refused_or_kept_without_strain() {
    let server = TestServer::start();
    for deep in [
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        "{\"a\":".repeat(1_000_000),
        "[".repeat(4_000_000),
    ] {
        let body = line(1, json!({"context": 0}))
            .replace("\"context\":0", &format!("\"context\":{{\"a\":{deep}}}"));
        let answer = server.post("/v1/entries", body);
        assert!(matches!(answer.status, 400 | 422), "{}", answer.status);
    }
    let wide: String = (0..50_000).map(|n| format!("\"k{n}\":{n},")).collect();
    let body = line(1, json!({"context": 0})).replace(
        "\"context\":0",
        &format!("\"context\":{{{}}}", wide.trim_end_matches(',')),
    );
    assert_eq!(server.post("/v1/entries", body).status, 200);
    let shown = server.get(&format!("/v1/entries/{}", uuid(1))).json();
    assert_eq!(
        shown["context"].as_object().map(serde_json::Map::len),
        Some(50_000)
    );
    goes_on(&server);
}

/// Memory of this process, in bytes.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("a row");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<usize>().ok())
        .expect("a number")
        * 1024
}

#[test]
fn a_bomb_of_33_kilobytes_is_refused_before_it_unfolds() {
    let server = TestServer::start();
    let mut bomb = Vec::new();
    zstd::stream::copy_encode(std::io::repeat(b' ').take(1 << 30), &mut bomb, 3).expect("memory");
    assert!(bomb.len() < 128 * 1024, "{}", bomb.len());
    let before = resident_bytes();
    let headers = [
        ("content-type", "application/json"),
        ("content-encoding", "zstd"),
    ];
    for _ in 0..5 {
        problem(
            &server.send("POST", "/v1/entries", &headers, &bomb),
            413,
            "too-large",
        );
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::copy(&mut std::io::repeat(b'[').take(40 << 20), &mut gzip).expect("memory");
    let headers = [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    problem(
        &server.send(
            "POST",
            "/v1/entries",
            &headers,
            &gzip.finish().expect("memory"),
        ),
        413,
        "too-large",
    );
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 160 << 20, "{grown} bytes");

    // A window larger than HTTP allows is memory asked for in eight bytes.
    let mut wide = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    wide.window_log(27).expect("a window of 128 MiB");
    std::io::copy(&mut std::io::repeat(b' ').take(1 << 20), &mut wide).expect("memory");
    let headers = [
        ("content-type", "application/json"),
        ("content-encoding", "zstd"),
    ];
    let wide = wide.finish().expect("memory");
    let answer = server.send("POST", "/v1/entries", &headers, &wide);
    let refused = problem(&answer, 400, "bad-encoding");
    let detail = refused["detail"].as_str().expect("a sentence");
    assert!(detail.contains("window is larger than 8 MiB"), "{detail}");
    goes_on(&server);
}

#[test]
fn half_a_head_is_answered_408_and_silence_is_closed() {
    let server = impatient();
    for half in [
        "G",
        "GET /v1/entries HTTP/1.1\r\n",
        "GET /v1/entries HTTP/1.1\r\nhost: localhost\r\nx-half: ",
    ] {
        let mut connection = server.connect();
        connection.send(half.as_bytes());
        problem_without_instance(connection.answer(), 408, "timeout");
    }
    let mut silent = server.connect();
    assert!(
        silent.line().is_err(),
        "an idle connection is closed without a word"
    );
    goes_on(&server);
}

fn problem_without_instance(answer: crate::test_server::Answer, status: u16, slug: &str) {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (status, Some("application/problem+json"))
    );
    assert_eq!(
        answer.json()["type"],
        format!("urn:mar-audit:problem:{slug}")
    );
}

#[test]
fn a_body_that_stalls_or_drips_is_answered_408() {
    let server = impatient();
    let head = format!(
        "POST /v1/entries HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n",
        server.address
    );
    let mut stalled = server.connect();
    stalled.send(format!("{head}content-length: 500\r\n\r\n{{\"actor\"").as_bytes());
    problem(&stalled.answer(), 408, "timeout");
    let mut chunked = server.connect();
    chunked.send(format!("{head}transfer-encoding: chunked\r\n\r\n4\r\n[{{}},\r\n").as_bytes());
    problem(&chunked.answer(), 408, "timeout");

    // One byte before each timeout would never end; the slowest allowed sender is faster.
    let mut dripping = server.connect();
    dripping.send(format!("{head}content-length: 100000\r\n\r\n").as_bytes());
    let dripper = dripping.sender();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let drip = std::thread::spawn(move || {
        let mut dripper = dripper;
        while stopped.recv_timeout(Duration::from_millis(50))
            == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            if std::io::Write::write_all(&mut dripper, b" ").is_err() {
                break;
            }
        }
    });
    problem(&dripping.answer(), 408, "timeout");
    drop(stop);
    drip.join().expect("the dripper ends");
    goes_on(&server);
}

/// A thousand conditions are allowed; as ids they are 37 KB, and a head could hold 32.
#[test]
fn a_thousand_ids_fit_into_one_call() {
    let server = TestServer::start();
    server.record(line(999, json!({})));
    let ids: Vec<String> = (0..1_000).map(uuid).collect();
    let page = server.get(&format!("/v1/entries?id={}", ids.join(",")));
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(page.json()["entries"].as_array().map(Vec::len), Some(1));
}

#[test]
fn heads_and_lines_without_end_are_refused() {
    let server = impatient();
    let mut endless = server.connect();
    endless.send(
        format!(
            "GET /v1/entries HTTP/1.1\r\nhost: {}\r\nx: {}",
            server.address,
            "a".repeat(1 << 20)
        )
        .as_bytes(),
    );
    assert_eq!(endless.answer().status, 431);
    let mut many = server.connect();
    let headers: String = (0..5_000).map(|n| format!("x{n}: y\r\n")).collect();
    many.send(
        format!(
            "GET /v1/entries HTTP/1.1\r\nhost: {}\r\n{headers}\r\n",
            server.address
        )
        .as_bytes(),
    );
    assert_eq!(many.answer().status, 431);
    let url = server.get(&format!("/v1/entries?search={}", "a".repeat(200_000)));
    assert!(matches!(url.status, 414 | 431), "{}", url.status);

    let lines = [("content-type", "application/x-ndjson")];
    let long = line(1, json!({"context": {"text": "x".repeat(5 << 20)}}));
    let answer = server.send("POST", "/v1/entries", &lines, long.as_bytes());
    problem(&answer, 422, "invalid-entry");
    let endless = server.send("POST", "/v1/entries", &lines, &vec![b'a'; 33 << 20]);
    problem(&endless, 413, "too-large");
    goes_on(&server);
}

#[test]
fn a_batch_of_more_than_ten_thousand_is_refused_whole() {
    let server = TestServer::start();
    let lines: String = (0..10_001).map(|n| line(n, json!({}))).collect();
    let answer = server.send(
        "POST",
        "/v1/entries",
        &[("content-type", "application/x-ndjson")],
        lines.as_bytes(),
    );
    problem(&answer, 413, "too-large");
    problem(
        &server.post("/v1/entries", format!("[{}]", vec!["{}"; 10_001].join(","))),
        413,
        "too-large",
    );
    problem(
        &server.post(
            "/v1/entries",
            format!("[{}]", vec!["1"; 1_000_000].join(",")),
        ),
        413,
        "too-large",
    );
    assert_eq!(
        server.get("/v1/entries").json()["as_of"],
        Value::Null,
        "nothing of it was stored"
    );
    let ten_thousand: String = (0..10_000).map(|n| line(n, json!({}))).collect();
    let receipts = server.record(ten_thousand);
    for (n, receipt) in (0..).zip(receipts["receipts"].as_array().expect("receipts")) {
        assert_eq!(
            (&receipt["id"], &receipt["seq"]),
            (&json!(uuid(n)), &json!(n))
        );
    }
    assert_eq!(receipts["accepted"], 10_000);
}

#[test]
fn lengths_and_chunks_that_lie_are_refused() {
    let server = impatient();
    let head = format!(
        "POST /v1/entries HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n",
        server.address
    );
    let mut absurd = server.connect();
    absurd.send(format!("{head}content-length: 1000000000000\r\n\r\n").as_bytes());
    problem(&absurd.answer(), 413, "too-large");
    let refused = [
        "content-length: 99999999999999999999999999\r\n\r\n",
        "content-length: -5\r\n\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n\r\n[{}] ",
        "content-length: five\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nxyz\r\n",
        "transfer-encoding: chunked\r\n\r\nfffffffffffffffffffff\r\n",
        "transfer-encoding: chunked\r\n\r\n2\r\n[{}]\r\n0\r\n\r\n",
        "transfer-encoding: gzip\r\n\r\n",
        "bad header\r\n\r\n",
        "\0: x\r\n\r\n",
    ];
    for rest in refused {
        let mut connection = server.connect();
        connection.send(format!("{head}{rest}").as_bytes());
        let answer = connection
            .try_answer_to("POST")
            .unwrap_or_else(|error| panic!("{rest:?}: {error}"));
        assert_eq!(answer.status, 400, "{rest:?}");
    }
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\xff\xfe\xfd\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut connection = server.connect();
        connection.send(garbage);
        assert!(
            matches!(connection.answer().status, 400 | 408),
            "{garbage:?}"
        );
    }
    // Who speaks HTTP/2 unasked expects no HTTP/1 answer.
    let mut newer = server.connect();
    newer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(newer.line().is_err());
    let mut short = server.connect();
    short.send(format!("{head}content-length: 500\r\n\r\n{{").as_bytes());
    short.finish_sending();
    // Either it hears why, or it left before.
    assert!(
        short
            .try_answer_to("POST")
            .map_or(true, |answer| answer.status == 400)
    );
    goes_on(&server);
}

#[test]
fn a_name_that_is_not_ours_may_be_a_rebound_one_and_gets_nothing() {
    let settings = Settings {
        public_hosts: vec!["audit.example.org".to_owned()],
        ..Settings::default()
    };
    let server = TestServer::with(settings);
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "10.0.0.1",
        "127.0.0.1.evil.example",
        "[::2]:80",
        "",
        "@localhost",
    ] {
        problem(
            &server.send("GET", "/v1/entries", &[("host", host)], b""),
            421,
            "misdirected",
        );
    }
    for host in [
        "localhost",
        "LOCALHOST:8080",
        "127.0.0.1:9",
        "[::1]:80",
        "audit.example.org",
        "Audit.Example.Org:443",
    ] {
        assert_eq!(
            server
                .send("GET", "/v1/entries", &[("host", host)], b"")
                .status,
            200,
            "{host}"
        );
    }
    let mut hostless = server.connect();
    hostless.send(b"GET /v1/entries HTTP/1.1\r\n\r\n");
    problem(&hostless.answer(), 400, "bad-request");
}

#[test]
fn a_page_of_another_site_may_not_record() {
    let server = TestServer::start();
    let post = |headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers
            .iter()
            .copied()
            .chain([("content-type", "application/json")])
            .collect();
        server.send(
            "POST",
            "/v1/entries",
            &headers,
            line(1, json!({})).as_bytes(),
        )
    };
    let host = server.address.to_string();
    let ours = format!("http://{host}");
    for foreign in [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("origin", "http://localhost:1")],
    ] {
        problem(&post(&foreign), 403, "cross-origin");
    }
    assert_eq!(server.get("/v1/entries").json()["as_of"], Value::Null);
    assert_eq!(
        post(&[("origin", &ours), ("sec-fetch-site", "same-origin")]).status,
        200
    );
}

#[test]
fn every_answer_tells_a_browser_to_be_careful() {
    let server = TestServer::start();
    for path in ["/v1/entries", "/healthz", "/v1/nothing"] {
        let answer = server.get(path);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(
            answer
                .header("content-security-policy")
                .is_some_and(|policy| policy.contains("frame-ancestors 'none'"))
        );
    }
}

#[test]
fn too_many_connections_and_too_much_in_flight_are_told_to_come_again() {
    let mut settings = Settings::default();
    settings.limits.connections_max = 2;
    settings.limits.bytes_in_flight_max = 64 * 1024;
    let server = TestServer::with(settings);
    let held = [server.connect(), server.connect()].map(|mut connection| {
        connection
            .send(format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", server.address).as_bytes());
        assert_eq!(connection.answer().status, 200);
        connection
    });
    let refused = server.connect().answer();
    assert_eq!(refused.header("retry-after"), Some("1"));
    problem_without_instance(refused, 503, "overloaded");
    drop(held);
    let health =
        std::iter::repeat_with(|| server.get("/healthz").status).find(|status| *status != 503);
    assert_eq!(health, Some(200), "a place is free again");

    let lines: String = (0..1_000).map(|n| line(n, json!({}))).collect();
    let answer = server.send(
        "POST",
        "/v1/entries",
        &[("content-type", "application/x-ndjson")],
        lines.as_bytes(),
    );
    problem(&answer, 503, "overloaded");
    assert_eq!(answer.header("retry-after"), Some("1"));
    goes_on(&server);
}

#[test]
fn no_other_address_than_loopback_is_open_to_every_caller() {
    use mar_audit::server::{Refused, serve};
    let server = TestServer::start();
    let app = std::sync::Arc::clone(&server.app);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let refused = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0")
            .await
            .expect("a free port");
        serve(app, listener, std::future::ready(())).await
    });
    let text = match refused {
        Err(error @ Refused::Open(_)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(text.contains("--access required"), "{text}");
}
