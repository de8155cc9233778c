//! Syslog as it is listened for: every way it travels, who may send it, and what holds when the server ends or the disk is full.

use crate::certificates::{Authority, ours, shake};
use crate::program::{Program, command, directory, run};
use crate::test_server::{Connection, wait_until};
use rcgen::{ExtendedKeyUsagePurpose, KeyPair};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

struct House {
    dir: TempDir,
    server: Program,
    /// Where each transport is listened for.
    at: BTreeMap<String, SocketAddr>,
}

/// Sets what a transport is listened on: a free port of this machine.
fn listening<'s>(transports: &'s [&'s str]) -> Vec<(String, &'s str)> {
    let setting = |one: &&str| format!("MAR_AUDIT_SYSLOG_{}", one.to_uppercase());
    let each = transports.iter().map(|one| (setting(one), "127.0.0.1:0"));
    each.collect()
}

impl House {
    fn new(transports: &[&str]) -> Self {
        Self::with(transports, &[], command)
    }

    fn with(
        transports: &[&str],
        more: &[(&str, &str)],
        command: impl FnOnce(&[&str]) -> Command,
    ) -> Self {
        let dir = directory();
        let data = dir.path().join("data");
        let server = Program::serve_with(&data, "127.0.0.1:0", |arguments| {
            let mut command = command(arguments);
            command.envs(listening(transports));
            command.envs(more.iter().copied());
            command
        });
        let mut house = Self {
            dir,
            server,
            at: BTreeMap::new(),
        };
        for _ in transports {
            let line = house.server.line();
            let said = line.strip_prefix("syslog listening on ").expect(&line);
            let (transport, address) = said.split_once("://").expect(&line);
            let address = address.parse().expect(&line);
            house.at.insert(transport.to_owned(), address);
        }
        house
    }

    fn connect(&self, transport: &str) -> TcpStream {
        TcpStream::connect(self.at[transport]).expect("it listens")
    }

    /// The names of the actors, in order.
    fn actors(&self) -> Vec<String> {
        let all = self.server.all("source=syslog");
        let name = |entry: &serde_json::Value| entry["actor"]["name"].as_str().map(str::to_owned);
        let mut names: Vec<String> = all.iter().filter_map(name).collect();
        names.sort();
        names
    }

    #[track_caller]
    fn must_have(&self, numbers: impl IntoIterator<Item = u32>) {
        let mut expected: Vec<String> = numbers.into_iter().map(|n| format!("n{n}")).collect();
        expected.sort();
        wait_until("all of them are there", || {
            self.count() >= expected.len() as u64
        });
        assert_eq!(self.actors(), expected);
    }

    fn count(&self) -> u64 {
        self.server.count("source=syslog")
    }

    /// A measure of `/metrics`; 0 where it was never counted.
    fn measured(&self, name: &str) -> u64 {
        let url = format!("{}/metrics", self.server.url);
        let mut answer = crate::program::agent().get(url).call().expect("an answer");
        let text = answer.body_mut().read_to_string().expect("text");
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name));
        let value = values
            .next()
            .map(|rest| rest.trim().parse().expect("a count"));
        value.unwrap_or(0)
    }
}

/// What a program says of one thing: known by its microseconds when it is sent again.
fn message(n: u32) -> String {
    format!(
        "<86>1 2026-11-01T11:00:00.{n:06}Z web-1 billing 42 - - {{\"action\":\"deleteUser\",\"actor\":{{\"name\":\"n{n}\"}},\"result\":\"success\"}}"
    )
}

fn counted(text: &str) -> String {
    format!("{} {text}", text.len())
}

#[test]
fn messages_come_by_connections_in_both_framings_and_by_datagrams() {
    let house = House::new(&["udp", "tcp"]);
    let mut stream = house.connect("tcp");
    let text = format!("{}\n{}{}\n", message(1), counted(&message(2)), message(3));
    // In pieces of any size, as a network makes them.
    for piece in text.as_bytes().chunks(50) {
        stream.write_all(piece).expect("sent");
    }
    // What a sender leaves without an end is a message all the same.
    stream.write_all(message(4).as_bytes()).expect("sent");
    drop(stream);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for n in 5..=6 {
        let sent = socket.send_to(format!("{}\n", message(n)).as_bytes(), house.at["udp"]);
        sent.expect("sent");
    }
    house.must_have(1..=6);
    let entry = &house.server.all("source=syslog&actor=n2")[0];
    assert_eq!(entry["action"], "deleteUser");
    assert_eq!(entry["timestamp"], "2026-11-01T11:00:00.000002Z");
    assert_eq!(entry["scope"]["organization"], "default");
    let items = "mar_audit_source_items_total{organization=\"default\",source=\"syslog\",status=";
    assert_eq!(house.measured(&format!("{items}\"sent\"}}")), 6);
    assert_eq!(house.measured(&format!("{items}\"stored\"}}")), 6);
}

#[test]
fn whatever_the_bytes_are_they_are_kept_and_the_next_message_is_read() {
    let house = House::new(&["udp", "tcp"]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let hostile: [&[u8]; 6] = [
        b"\xff\xfe no text \x00 at all",
        b"<999>1 - - - - - -",
        b"<38>1 2026-11-01T11:00:00Z h <script>alert(1)</script> - - [a b=\"\\\"] x",
        b"CEF:0|||||||",
        b"{\"action\":\"x\",\"action\":\"y\"}",
        "\u{202e}evil".as_bytes(),
    ];
    let mut stream = house.connect("tcp");
    for bytes in hostile {
        socket.send_to(bytes, house.at["udp"]).expect("sent");
        stream
            .write_all(bytes)
            .and_then(|()| stream.write_all(b"\n"))
            .expect("sent");
    }
    // Longer than any message: told, and passed over.
    let long = vec![b'x'; 300 * 1024];
    stream
        .write_all(&long)
        .and_then(|()| stream.write_all(b"\n"))
        .expect("sent");
    stream.write_all(message(1).as_bytes()).expect("sent");
    drop(stream);
    let items = "mar_audit_source_items_total{organization=\"default\",source=\"syslog\",status=";
    let sent = || house.measured(&format!("{items}\"sent\"}}"));
    wait_until("all were taken", || sent() == 2 * hostile.len() as u64 + 2);
    assert_eq!(house.measured(&format!("{items}\"refused\"}}")), 1);
    // The CEF without an event is kept beside, once.
    for status in ["quarantined", "duplicate"] {
        assert_eq!(house.measured(&format!("{items}\"{status}\"}}")), 1);
    }
    assert_eq!(
        house.measured(&format!("{items}\"stored\"}}")),
        2 * hostile.len() as u64 - 1
    );
    assert_eq!(house.server.count("source=syslog&actor=n1"), 1);
}

#[test]
fn who_may_not_send_is_not_listened_to() {
    let house = House::with(
        &["udp", "tcp", "relp"],
        &[("MAR_AUDIT_SYSLOG_FROM", "127.0.0.2,127.0.1.0/24")],
        command,
    );
    let stranger = UdpSocket::bind("127.0.0.3:0").expect("an address of this machine");
    stranger
        .send_to(message(1).as_bytes(), house.at["udp"])
        .expect("sent");
    for transport in ["tcp", "relp"] {
        let mut stream = house.connect(transport);
        // It may have been hung up on by now.
        let _ = stream.write_all(message(2).as_bytes());
        assert!(
            matches!(stream.read(&mut [0; 8]), Ok(0) | Err(_)),
            "{transport}"
        );
    }
    for address in ["127.0.0.2:0", "127.0.1.77:0"] {
        let known = UdpSocket::bind(address).expect("an address of this machine");
        let n = if address.ends_with("77:0") { 4 } else { 3 };
        known
            .send_to(message(n).as_bytes(), house.at["udp"])
            .expect("sent");
    }
    house.must_have(3..=4);
    assert_eq!(
        house.measured("mar_audit_syslog_refused_total{why=\"address\"}"),
        3
    );
}

/// A client's certificate of that authority.
fn shown(authority: &Authority) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let mut params = ours();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let issued = authority.issue_for(&params, &KeyPair::generate().expect("a key"));
    let chain = CertificateDer::pem_slice_iter(issued.chain.as_bytes());
    let chain = chain.collect::<Result<_, _>>().expect("PEM");
    (
        chain,
        PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key"),
    )
}

#[test]
fn over_tls_a_certificate_lets_a_sender_in_and_no_other_and_none() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let files = authority.put_issued(&authority.issue(&ours()));
    let text = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    let (certificate, key) = (text(&files.certificate), text(&files.key));
    let trusted = text(&authority.trusted());
    let more = [
        ("MAR_AUDIT_TLS_CERT", certificate.as_str()),
        ("MAR_AUDIT_TLS_KEY", &key),
        ("MAR_AUDIT_SYSLOG_CLIENTS_FILE", &trusted),
    ];
    let house = House::with(&["tls"], &more, command);
    let send = |client: &rustls::ClientConfig, n: u32| -> std::io::Result<()> {
        let mut stream = shake(house.at["tls"], client)?;
        stream.write_all(counted(&message(n)).as_bytes())?;
        stream.conn.send_close_notify();
        stream.flush()?;
        // In the later version a certificate is judged after hands are shaken.
        match stream.read(&mut [0; 8]) {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(()),
            Err(e) => Err(e),
        }
    };
    let roots = || {
        let mut roots = rustls::RootCertStore::empty();
        let pem = std::fs::read(authority.trusted()).expect("a file");
        roots
            .add(CertificateDer::from_pem_slice(&pem).expect("PEM"))
            .expect("an authority");
        roots
    };
    let of = |(chain, key)| {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .expect("versions")
            .with_root_certificates(roots())
            .with_client_auth_cert(chain, key)
            .expect("of that key")
    };
    send(&of(shown(&authority)), 1).expect("sent");
    assert!(send(&of(shown(&stranger)), 2).is_err(), "another's");
    assert!(send(&authority.client(), 3).is_err(), "none");
    let asked = |path: &str| {
        let address = house
            .server
            .url
            .strip_prefix("https://")
            .expect("encrypted");
        let stream = shake(address.parse().expect("an address"), &authority.client());
        let mut connection = Connection::over(stream.expect("hands are shaken"));
        connection.send(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes());
        connection.answer_to("GET").text().to_owned()
    };
    let refused = "mar_audit_syslog_refused_total{why=\"handshake\"} 2";
    wait_until("two are refused", || asked("/metrics").contains(refused));
    let stored = |n: u32| asked(&format!("/v1/facets?fields=result&actor=n{n}"));
    wait_until("what was let in is stored", || {
        stored(1).contains("\"total\":1")
    });
    assert!([2, 3].iter().all(|n| stored(*n).contains("\"total\":0")));
}

/// Speaks RELP: each message is sent until it is answered.
struct RelpSender {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
    number: u32,
}

impl RelpSender {
    fn open(at: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(at)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let answers = BufReader::new(stream.try_clone()?);
        let mut sender = Self {
            stream,
            answers,
            number: 0,
        };
        sender.send("open", "relp_version=0\ncommands=syslog")?;
        let said = sender.answer()?;
        assert!(
            said.contains("200 OK") && said.contains("commands=syslog"),
            "{said}"
        );
        Ok(sender)
    }

    fn send(&mut self, command: &str, data: &str) -> std::io::Result<()> {
        self.number += 1;
        writeln!(
            self.stream,
            "{} {command} {} {data}",
            self.number,
            data.len()
        )
    }

    fn answer(&mut self) -> std::io::Result<String> {
        let mut head = Vec::new();
        for _ in 0..2 {
            if self.answers.read_until(b' ', &mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut length = Vec::new();
        self.answers.read_until(b' ', &mut length)?;
        let length = std::str::from_utf8(&length).expect("digits").trim();
        let mut data = vec![0; length.parse::<usize>().expect("a length") + 1];
        self.answers.read_exact(&mut data)?;
        Ok(String::from_utf8(data).expect("text"))
    }
}

#[test]
fn relp_answers_for_each_message_once_it_is_stored() {
    let house = House::new(&["relp"]);
    let mut sender = RelpSender::open(house.at["relp"]).expect("it listens");
    for n in 1..=3 {
        sender.send("syslog", &message(n)).expect("sent");
    }
    for _ in 1..=3 {
        assert_eq!(sender.answer().expect("an answer"), "200 OK\n");
    }
    assert_eq!(house.count(), 3, "an answer means stored");
    sender
        .send("syslog", &"x".repeat(300 * 1024))
        .expect("sent");
    assert_eq!(
        sender.answer().expect("an answer"),
        "500 the message is too long\n"
    );
    sender.send("starttls", "").expect("sent");
    assert_eq!(sender.answer().expect("an answer"), "500 no such command\n");
    writeln!(sender.stream, "6 close 0").expect("sent");
    let mut rest = String::new();
    sender.answers.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "6 rsp 0\n0 serverclose 0\n");
    let mut other = house.connect("relp");
    other.write_all(b"<86>this is not RELP\n").expect("sent");
    assert_eq!(other.read(&mut [0; 8]).expect("hung up on"), 0);
}

#[test]
fn a_server_that_is_killed_amid_relp_loses_nothing_and_doubles_nothing() {
    let mut house = House::new(&["relp"]);
    let count = 3_000;
    let at = house.at["relp"];
    let sending = std::thread::spawn(move || {
        let mut answered = 0;
        while answered < count {
            // What is away is waited for; what was not answered is sent again.
            let Ok(mut sender) = RelpSender::open(at) else {
                std::thread::yield_now();
                continue;
            };
            let window = 64.min(count - answered);
            let sent = (0..window).try_for_each(|n| sender.send("syslog", &message(answered + n)));
            let _ = sent;
            for _ in 0..window {
                match sender.answer() {
                    Ok(_) => answered += 1,
                    Err(_) => break,
                }
            }
        }
    });
    for part in 1..=2 {
        wait_until("some are stored", || {
            house.count() >= u64::from(count) * part / 3
        });
        let data = house.server.data.clone();
        let other = Program::serve(&house.dir.path().join("other"));
        std::mem::replace(&mut house.server, other).kill();
        house.server = Program::serve_with(&data, "127.0.0.1:0", |arguments| {
            let mut command = command(arguments);
            command.env("MAR_AUDIT_SYSLOG_RELP", at.to_string());
            command
        });
    }
    sending.join().expect("all were answered");
    assert_eq!(house.count(), u64::from(count));
    house.must_have(0..count);
}

#[test]
fn what_was_sent_before_a_stop_is_stored_by_it() {
    let house = House::new(&["udp", "tcp"]);
    let mut stream = house.connect("tcp");
    let text: String = (0..2_000).map(|n| message(n) + "\n").collect();
    stream.write_all(text.as_bytes()).expect("sent");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket
        .send_to(message(2_000).as_bytes(), house.at["udp"])
        .expect("sent");
    // The connection stays open: a relay knows nothing of our end.
    let data = house.server.data.clone();
    assert_eq!(house.server.stop(), 0);
    let server = Program::serve(&data);
    assert_eq!(server.count("source=syslog"), 2_001);
    drop(stream);
}

/// The largest file the server may write at first, in KiB; what the kernel does then is what a full disk does.
const LIMIT_KIB: u64 = 2_048;

#[test]
fn what_comes_while_the_disk_is_full_waits_and_is_stored_when_there_is_room() {
    let house = House::with(&["tcp"], &[], |arguments| {
        let mut command = Command::new("bash");
        let limited = format!("ulimit -S -f {LIMIT_KIB} && exec \"$0\" \"$@\"");
        command.arg("-c").arg(limited);
        command.arg(env!("CARGO_BIN_EXE_mar-audit")).args(arguments);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MAR_AUDIT_") {
                command.env_remove(name);
            }
        }
        command
    });
    let count = 100;
    let mut stream = house.connect("tcp");
    let sending = std::thread::spawn(move || {
        for n in 0..count {
            let long = message(n).replace(
                "success\"",
                &format!("success\",\"text\":\"{}\"", "x".repeat(60_000)),
            );
            writeln!(stream, "{long}").expect("sent");
        }
    });
    wait_until("the disk is full", || {
        house.measured("mar_audit_ready") == 0
    });
    wait_until("something waits", || {
        house.measured("mar_audit_syslog_waiting") > 0
    });
    let before = house.count();
    assert!(before < u64::from(count), "{before}");
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    let pid = Pid::from_raw(house.server.pid());
    prlimit(pid, Resource::Fsize, unlimited).expect("our own child");
    sending.join().expect("all were sent");
    house.must_have(0..count);
    assert_eq!(house.measured("mar_audit_syslog_waiting"), 0);
}

#[test]
fn settings_that_would_let_anybody_send_or_nobody_are_refused() {
    let dir = directory();
    let data = dir.path().join("data");
    let data = data.to_str().expect("text");
    for (settings, says) in [
        ("syslog.udp = \"0.0.0.0:0\"", "name them in syslog_from"),
        ("syslog.relp = \"[::]:0\"", "name them in syslog_from"),
        ("syslog.tcp = \"everywhere\"", "is not an address and port"),
        ("syslog.tls = \"127.0.0.1:0\"", "needs a certificate"),
        (
            "syslog.from = [\"10.0.0.0/40\"]",
            "no address and no network",
        ),
        (
            "syslog.clients_file = \"ca.pem\"",
            "means nothing without syslog_tls",
        ),
        ("syslog.source = \"No Name\"", "is not a name"),
        ("syslog.organization = \"No Name\"", "is not a name"),
    ] {
        let file = dir.path().join("mar-audit.toml");
        std::fs::write(&file, settings).expect("written");
        let file = file.to_str().expect("text");
        let refused = run(&[
            "serve",
            "--data",
            data,
            "--config",
            file,
            "--allow-volatile",
        ]);
        assert_eq!(refused.exit, 1, "{settings}: {refused:?}");
        assert!(refused.err.contains(says), "{settings}: {}", refused.err);
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut serve = command(&[
        "serve",
        "--data",
        data,
        "--listen",
        "127.0.0.1:0",
        "--allow-volatile",
    ]);
    let refused = serve
        .env("MAR_AUDIT_SYSLOG_TCP", &address)
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
}
