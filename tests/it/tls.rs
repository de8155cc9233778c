//! Encrypted connections: certificates, their renewal, and callers that are slow, plain or too many.

use crate::access::PASSWORD;
use crate::api::line;
use crate::certificates::{Authority, Encrypted, NAME, ours, shake, shown, text};
use crate::program::{Program, command, directory, run};
use crate::test_server::{Answer, Connection, TestServer, wait_until};
use mar_audit::app::Settings;
use mar_audit::server::Tls;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd};
use rustix::process::{Pid, Signal, kill_process};
use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Long enough for any machine that tests run on.
const LONG: Duration = Duration::from_secs(30);

fn encrypting(tls: Arc<Tls>) -> Settings {
    let mut settings = Settings {
        tls: Some(tls),
        public_hosts: Vec::from([NAME.to_owned()]),
        ..Settings::default()
    };
    settings.limits.certificate_look = Duration::from_millis(10);
    settings
}

fn connect(server: &TestServer, authority: &Authority) -> Connection<Encrypted> {
    let stream = shake(server.address, &authority.client());
    Connection::over(stream.expect("hands are shaken"))
}

/// A call on a connection that goes on.
fn call(
    connection: &mut Connection<Encrypted>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {NAME}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.len();
    connection.send(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes());
    connection.answer_to(method)
}

fn get(server: &TestServer, authority: &Authority, path: &str) -> Answer {
    call(&mut connect(server, authority), "GET", path, &[], "")
}

fn measured(server: &TestServer, authority: &Authority, measure: &str) -> bool {
    let metrics = get(server, authority, "/metrics");
    metrics.text().lines().any(|line| line == measure)
}

#[test]
fn a_client_that_knows_the_authority_is_answered_in_either_version_and_others_hang_up() {
    let authority = Authority::new();
    let (tls, issued) = authority.serve();
    let server = TestServer::with(encrypting(tls));
    for (version, meant) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let mut client = authority.client_of(&[version]);
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = shake(server.address, &client).expect("hands are shaken");
        assert_eq!(stream.conn.protocol_version(), Some(meant));
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(shown(&stream), issued.der);
        let mut connection = Connection::over(stream);
        for n in 0..3 {
            let body = line(n, json!({}));
            let json = [("content-type", "application/json")];
            let answer = call(&mut connection, "POST", "/v1/entries", &json, &body);
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let one = call(&mut connection, "GET", "/v1/entries?limit=2", &[], "").json();
        assert_eq!(one["entries"].as_array().map(Vec::len), Some(2));
    }
    let mut only_newer = authority.client();
    only_newer.alpn_protocols = vec![b"h2".to_vec()];
    let stream = shake(server.address, &only_newer).expect("gRPC knows no other");
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"h2"[..]));
    only_newer.alpn_protocols = vec![b"h3".to_vec()];
    shake(server.address, &only_newer).expect_err("that is not spoken here");
    let stranger = Authority::new();
    shake(server.address, &stranger.client()).expect_err("nobody it knows vouches for us");
    wait_until("a refused handshake is counted", || {
        measured(
            &server,
            &authority,
            "mar_audit_handshakes_failed_total{why=\"failed\"} 2",
        )
    });
}

#[test]
fn keys_are_read_in_every_form_that_programs_write() {
    let pkcs8 = |alg| {
        let key = KeyPair::generate_for(alg).expect("a key");
        let pem = key.serialize_pem();
        (key, pem)
    };
    let written =
        |pkcs8: &str, pem: &str| (KeyPair::from_pem(pkcs8).expect("a key"), pem.to_owned());
    let rsa = include_str!("tls/rsa-pkcs8.pem");
    let p256 = include_str!("tls/p256-pkcs8.pem");
    for (key, pem) in [
        pkcs8(&PKCS_ECDSA_P256_SHA256),
        pkcs8(&PKCS_ECDSA_P384_SHA384),
        pkcs8(&PKCS_ED25519),
        written(rsa, rsa),
        written(rsa, include_str!("tls/rsa-pkcs1.pem")),
        written(p256, include_str!("tls/p256-sec1.pem")),
    ] {
        let authority = Authority::new();
        let issued = authority.issue_for(&ours(), &key);
        let files = authority.put(&issued.chain, &pem);
        let server = TestServer::with(encrypting(Tls::open(files).expect(&pem)));
        assert_eq!(get(&server, &authority, "/healthz").status, 200, "{pem}");
    }
}

#[test]
fn cookies_and_links_are_for_https_and_browsers_are_told_to_stay() {
    let authority = Authority::new();
    let server = TestServer::guarded_with(encrypting(authority.serve().0));
    let mut connection = connect(&server, &authority);
    let cookie = claim(&server, &mut connection);
    assert!(cookie.contains("; Secure"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    let page = call(&mut connection, "GET", "/", &[("cookie", pair)], "");
    let stay = page.header("strict-transport-security");
    assert_eq!((page.status, stay), (200, Some("max-age=31536000")));
    // All servers of this machine share that name.
    let near = b"GET /healthz HTTP/1.1\r\nhost: localhost:1\r\n\r\n";
    connection.send(near);
    assert_eq!(
        connection.answer().header("strict-transport-security"),
        None
    );
    let plain = TestServer::start().get("/healthz");
    assert_eq!(plain.header("strict-transport-security"), None);
}

/// The cookie of the first owner.
fn claim(server: &TestServer, connection: &mut Connection<Encrypted>) -> String {
    let link = server.link.as_ref().expect("nobody owns it yet").expose();
    let body =
        json!({"link": link, "login": "root@log.example", "name": "Root", "password": PASSWORD});
    let json = [("content-type", "application/json")];
    let answer = call(
        connection,
        "POST",
        "/v1/access/claim",
        &json,
        &body.to_string(),
    );
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("set-cookie").expect("a cookie").to_owned()
}

fn is_served(server: SocketAddr, authority: &Authority, der: &CertificateDer<'static>) -> bool {
    shake(server, &authority.client()).is_ok_and(|stream| shown(&stream) == *der)
}

#[test]
fn a_renewed_certificate_is_for_new_connections_and_those_that_are_open_go_on() {
    let authority = Authority::new();
    let (tls, old) = authority.serve();
    let server = TestServer::guarded_with(encrypting(tls));
    let mut before = connect(&server, &authority);
    let cookie = claim(&server, &mut before);
    let pair = cookie.split(';').next().expect("a pair").to_owned();
    let body = line(1, json!({}));
    let (first, rest) = body.split_at(20);
    let head = format!(
        "POST /v1/entries HTTP/1.1\r\nhost: {NAME}\r\ncookie: {pair}\r\nsec-fetch-site: same-origin\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    );
    before.send(head.as_bytes());

    let new = authority.issue(&ours());
    authority.put_issued(&new);
    wait_until("the new one is served", || {
        is_served(server.address, &authority, &new.der)
    });
    before.send(rest.as_bytes());
    assert_eq!(before.answer().json()["accepted"], 1, "the call in flight");
    assert_eq!(shown(before.stream()), old.der);

    let renewed = "mar_audit_certificate_reloads_total{result=\"renewed\"} 1";
    wait_until("it is counted", || measured(&server, &authority, renewed));
    let path = "/v1/entries?q=action:changeConfig";
    let noted = call(&mut before, "GET", path, &[("cookie", &pair)], "").json();
    let settings = &noted["entries"][0]["context"]["settings"];
    assert_eq!(noted["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(settings[0]["name"], "tls_cert");
    assert_ne!(settings[0]["before"], settings[0]["after"]);
}

#[test]
fn what_cannot_be_served_never_replaces_what_can() {
    let authority = Authority::new();
    let (tls, good) = authority.serve();
    let server = TestServer::with(encrypting(tls));
    let other = authority.issue(&ours());
    let mut over = ours();
    // Before the server's clock.
    over.not_after = date_time_ymd(2026, 10, 1);
    let over = authority.issue(&over);
    let cut = &other.chain[..other.chain.len() - 60];
    let refused: [(&str, &str); 6] = [
        (&other.chain, &good.key),
        (&over.chain, &over.key),
        (cut, &other.key),
        ("", &other.key),
        (
            &other.chain,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ),
        ("\u{0}\u{1}", "\u{2}"),
    ];
    for (n, (chain, key)) in refused.into_iter().enumerate() {
        authority.put(chain, key);
        let count = n + 1;
        let counted = format!("mar_audit_certificate_reloads_total{{result=\"refused\"}} {count}");
        wait_until(&counted, || measured(&server, &authority, &counted));
        assert!(is_served(server.address, &authority, &good.der), "{n}");
    }
    std::fs::remove_file(authority.files().key).expect("removed");
    let counted = "mar_audit_certificate_reloads_total{result=\"refused\"} 7";
    wait_until(counted, || measured(&server, &authority, counted));
    authority.put_issued(&other);
    wait_until("the next good one is served", || {
        is_served(server.address, &authority, &other.der)
    });
}

#[test]
fn when_the_certificate_expires_is_measured() {
    let authority = Authority::new();
    let mut params = ours();
    params.not_after = date_time_ymd(2031, 1, 2);
    let tls = Tls::open(authority.put_issued(&authority.issue(&params))).expect("good files");
    assert!(tls.is_for(NAME) && tls.is_for("127.0.0.1"));
    assert!(!tls.is_for("other.example") && !tls.is_for("::1") && !tls.is_for(""));
    let server = TestServer::with(encrypting(tls));
    // 2031-01-02T00:00:00Z
    let measure = "mar_audit_certificate_expires_seconds 1925078400";
    wait_until(measure, || measured(&server, &authority, measure));
}

#[test]
fn plain_http_is_told_where_to_go() {
    let authority = Authority::new();
    let server = TestServer::with(encrypting(authority.serve().0));
    let answer = server.get("/v1/entries");
    assert_eq!(answer.status, 400);
    assert!(
        answer.json()["detail"]
            .as_str()
            .is_some_and(|text| text.contains("https://"))
    );
    let counted = "mar_audit_handshakes_failed_total{why=\"plain_http\"} 1";
    wait_until(counted, || measured(&server, &authority, counted));
    let mut garbage = server.connect();
    garbage.send(b"\x00\x01\x02\x03nothing that anybody speaks");
    // An alert or a reset: no HTTP.
    let line = garbage.line();
    assert!(!line.is_ok_and(|line| line.contains("HTTP")));
    assert_eq!(get(&server, &authority, "/healthz").status, 200);
}

/// A byte now and then held a connection for as long as anybody liked.
#[test]
fn half_a_handshake_is_cut_in_time_however_it_drips() {
    let authority = Authority::new();
    let mut settings = encrypting(authority.serve().0);
    settings.limits.header_wait = Duration::from_secs(2);
    let server = TestServer::with(settings);
    let begun = Instant::now();
    let silent = server.connect();
    let mut half = server.connect().sender();
    half.write_all(&[22, 3, 1, 2, 0, 1, 0, 1]).expect("sent");
    let mut drip = server.connect().sender();
    drip.set_read_timeout(Some(Duration::from_millis(20)))
        .expect("an option");
    drip.write_all(&[22, 3, 1, 2, 0]).expect("sent");
    loop {
        assert!(begun.elapsed() < LONG, "it is never cut");
        let sent = drip.write_all(&[1]);
        match drip.read(&mut [0; 64]).map_err(|error| error.kind()) {
            _ if sent.is_err() => break,
            Err(ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // An end, an alert or a reset.
            Ok(_) | Err(_) => break,
        }
    }
    for stream in [&mut silent.sender(), &mut half] {
        let rest = stream.read_to_end(&mut Vec::new());
        assert!(
            rest.map_err(|error| error.kind()) != Err(ErrorKind::WouldBlock),
            "it is cut"
        );
    }
    let counted = "mar_audit_handshakes_failed_total{why=\"timeout\"} 3";
    wait_until(counted, || measured(&server, &authority, counted));
}

#[test]
fn a_handshake_takes_a_place_and_who_finds_none_hears_so() {
    let authority = Authority::new();
    let mut settings = encrypting(authority.serve().0);
    settings.limits.connections_max = 1;
    let server = TestServer::with(settings);
    let mut half = server.connect();
    half.send(&[22, 3, 1, 2, 0, 1]);
    // A busy machine may need longer than who is turned away is given.
    let status = || {
        let stream = shake(server.address, &authority.client()).ok()?;
        let mut connection = Connection::over(stream);
        let answer = call(&mut connection, "GET", "/healthz", &[], "");
        let again = answer.header("retry-after").map(str::to_owned);
        Some((answer.status, again))
    };
    wait_until("it is told", || {
        status() == Some((503, Some("1".to_owned())))
    });
    drop(half);
    wait_until("the place is given back", || status() == Some((200, None)));
}

#[test]
fn a_renewed_certificate_is_served_at_once_when_the_process_is_told() {
    let authority = Authority::new();
    authority.put_issued(&authority.issue(&ours()));
    let (dir, files) = (directory(), authority.files());
    let server = Program::serve_with(
        dir.path().join("data").as_path(),
        "127.0.0.1:0",
        |arguments| {
            let mut command = command(arguments);
            command.env("MAR_AUDIT_TLS_CERT", &files.certificate);
            command.env("MAR_AUDIT_TLS_KEY", &files.key);
            command
        },
    );
    let address = server
        .url
        .strip_prefix("https://")
        .expect("it says that it encrypts");
    let address = address.parse().expect("an address");
    let new = authority.issue(&ours());
    authority.put_issued(&new);
    let begun = Instant::now();
    let pid = Pid::from_raw(server.pid()).expect("a process");
    kill_process(pid, Signal::HUP).expect("it runs");
    wait_until("it is served", || is_served(address, &authority, &new.der));
    // By looking alone it takes two looks, five seconds apart.
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_server_does_not_start_with_files_that_it_cannot_serve_with() {
    let authority = Authority::new();
    let (one, other) = (authority.issue(&ours()), authority.issue(&ours()));
    let files = authority.put(&one.chain, &other.key);
    let (certificate, key) = (text(&files.certificate), text(&files.key));
    let dir = directory();
    let data = dir.path().join("data");
    let serve = |more: &[&str]| {
        let mut all = vec!["serve", "--data", text(&data), "--allow-volatile"];
        all.extend_from_slice(more);
        run(&all)
    };
    for (more, says) in [
        (
            &["--tls-cert", certificate, "--tls-key", key][..],
            "is not of the key in",
        ),
        (
            &["--tls-cert", key, "--tls-key", key],
            "holds no certificate",
        ),
        (
            &["--tls-cert", certificate, "--tls-key", certificate],
            "holds no private key",
        ),
        (&["--tls-cert", certificate], "needs its key: tls_key"),
        (&["--tls-key", key], "needs its certificate: tls_cert"),
        (
            &["--tls-cert", "/nowhere", "--tls-key", key],
            "/nowhere: No such file",
        ),
        (
            &["--tls-cert", "/dev/zero", "--tls-key", key],
            "longer than",
        ),
        (
            &["--behind-proxy", "10.0.0.0/33"],
            "`10.0.0.0/33` is no address and no network",
        ),
        (&["--listen", "0.0.0.0:0"], "--behind-proxy"),
        (
            &["--behind-proxy", "10.0.0.1", "--access", "open"],
            "whoever reaches the proxy",
        ),
    ] {
        let done = serve(more);
        assert_eq!(done.exit, 1, "{done:?}");
        assert!(done.err.contains(says), "{more:?}: {}", done.err);
        assert!(!done.err.contains("-----"), "{}", done.err);
    }
}
