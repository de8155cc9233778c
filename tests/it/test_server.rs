//! The product on a temporary directory and a free port, and the smallest client that hides nothing from a test.
#![allow(dead_code, reason = "every test file uses a part of it")]

use entry::{Catalogue, Timestamp};
use mar_audit::access::Secret;
use mar_audit::app::{App, Settings};
use mar_audit::config::provider;
use mar_audit::guard::Door;
use mar_audit::intake::Intake;
use mar_audit::server;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use store::Store;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// What its logs are named after: `<HOST>/v1/logs/<organization>`.
pub const HOST: &str = "log.example";

/// A server in this process; stops and removes its data when dropped.
pub struct TestServer {
    pub address: SocketAddr,
    pub app: Arc<App>,
    pub clock: Ticking,
    pub disk: Disk,
    /// What the first owner makes itself known by, while there is none.
    pub link: Option<Secret>,
    is_guarded: bool,
    settings: Settings,
    open_bytes: usize,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    dir: Option<TempDir>,
}

/// A clock that moves by hand. Starts at 2026-11-01T12:00:00Z.
#[derive(Clone)]
pub struct Ticking(Arc<AtomicI64>);

impl Ticking {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_793_534_400_000_000)))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(
            i64::try_from(by.as_micros()).expect("a test's span"),
            Ordering::SeqCst,
        );
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst)).expect("within the years of a test")
    }

    fn clock(&self) -> store::Clock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

/// What the log is written to: it can be made to stall, as a disk does that hangs in a sync. In truth the log waits for the time
/// that it gives to entries, after it took them in and before it writes them.
#[derive(Clone, Default)]
pub struct Disk(Arc<(Mutex<bool>, Condvar)>);

impl Disk {
    pub fn stall(&self) {
        *self.0.0.lock().expect("no panic") = true;
    }

    pub fn go_on(&self) {
        *self.0.0.lock().expect("no panic") = false;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let stalled = self.0.0.lock().expect("no panic");
        drop(
            self.0
                .1
                .wait_while(stalled, |stalled| *stalled)
                .expect("no panic"),
        );
    }

    fn clock(&self, clock: store::Clock) -> store::Clock {
        let disk = self.clone();
        Arc::new(move || {
            disk.pass();
            clock()
        })
    }
}

/// Room for what no mapping takes.
const QUARANTINE_BYTES: u64 = 1024 * 1024;

/// Memory for entries that are in no file yet.
const OPEN_BYTES: usize = 32 * 1024 * 1024;

/// A provider where people would sign in, if anybody reached it.
pub fn provider_nobody_reaches() -> provider::Settings {
    provider::Settings {
        issuer: "http://127.0.0.1:1".into(),
        client_id: "mar-audit".into(),
        client_secret: None,
        public_url: "http://localhost".into(),
        name: "Nobody".into(),
        scopes: vec!["openid".into()],
        groups_claim: "groups".into(),
        allowed_groups: Vec::new(),
        assume_verified: false,
        authorities: None,
    }
}

fn new_dir() -> TempDir {
    tempfile::Builder::new()
        .prefix("mar-audit-it-")
        .tempdir()
        .expect("a temporary directory")
}

impl TestServer {
    pub fn start() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        Self::open(new_dir(), Ticking::new(), settings, OPEN_BYTES, false)
    }

    /// With so little memory for entries that are in no file yet.
    pub fn start_with_open_bytes(bytes: usize) -> Self {
        Self::open(new_dir(), Ticking::new(), Settings::default(), bytes, false)
    }

    /// A server that lets nobody in without a credential.
    pub fn guarded() -> Self {
        Self::guarded_with(Settings::default())
    }

    /// The same with settings of the test's own.
    pub fn guarded_with(settings: Settings) -> Self {
        Self::open(new_dir(), Ticking::new(), settings, OPEN_BYTES, true)
    }

    /// The same, with so little memory for entries that are in no file yet.
    pub fn guarded_with_open_bytes(bytes: usize) -> Self {
        Self::open(new_dir(), Ticking::new(), Settings::default(), bytes, true)
    }

    /// The same with both.
    pub fn guarded_of(settings: Settings, open_bytes: usize) -> Self {
        Self::open(new_dir(), Ticking::new(), settings, open_bytes, true)
    }

    /// Where its data directory lies, and what is beside it.
    pub fn directory(&self) -> &Path {
        self.dir
            .as_ref()
            .expect("the data outlives every halt")
            .path()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory().join("data")
    }

    fn open(
        dir: TempDir,
        clock: Ticking,
        mut settings: Settings,
        open_bytes: usize,
        is_guarded: bool,
    ) -> Self {
        if settings.limits.source_wait == Settings::default().limits.source_wait {
            // A machine that does much else at once is slower than an API server has patience for.
            settings.limits.source_wait = Duration::from_secs(30);
            settings.limits.exporter_wait = Duration::from_secs(30);
        }
        let disk = Disk::default();
        let options = store::Options {
            clock: disk.clock(clock.clock()),
            random: mar_audit::random::system(),
            public_host: None,
            default_host: HOST.to_owned(),
            known: store::Known::Beside,
            allow_volatile: true,
            waiting_max: 100_000,
            open_bytes_max: open_bytes,
        };
        let store = Store::open(&dir.path().join("data"), options).expect("the store opens");
        let (door, link) = match is_guarded {
            false => (Door::Open, None),
            true => {
                let mark = dir.path().join("known").join("ACCESS");
                let random = mar_audit::access::system_random();
                Door::guarded(&dir.path().join("data"), mark, random, clock.now())
                    .expect("who may come in is read")
            }
        };
        let intake = Intake::open(&dir.path().join("data"), QUARANTINE_BYTES).expect("opened");
        let app = App::new(
            store,
            door,
            intake,
            Catalogue::built_in(),
            settings.clone(),
            clock.clock(),
        );
        let (address, running) = run(Arc::clone(&app));
        Self {
            address,
            app,
            clock,
            disk,
            link,
            is_guarded,
            settings,
            open_bytes,
            running: Some(running),
            dir: Some(dir),
        }
    }

    /// Stops, closes the store and starts again on the same data.
    pub fn restart(mut self) -> Self {
        self.halt();
        let dir = self.dir.take().expect("the data outlives every halt");
        let (clock, settings) = (self.clock.clone(), self.settings.clone());
        let (open_bytes, is_guarded) = (self.open_bytes, self.is_guarded);
        drop(self);
        Self::open(dir, clock, settings, open_bytes, is_guarded)
    }

    /// The same with other settings.
    pub fn restart_with(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self.restart()
    }

    fn halt(&mut self) {
        self.disk.go_on();
        if let Some((stop, thread)) = self.running.take() {
            // The server is gone already if nobody listens.
            let _ = stop.send(());
            thread.join().expect("the server ends without a panic");
            self.app.store.close().expect("the store closes");
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    /// POST of JSON.
    pub fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.send(
            "POST",
            path,
            &[("content-type", "application/json")],
            body.as_ref(),
        )
    }

    /// Records entries given as JSON, one a line, and expects each to be accepted or known.
    pub fn record(&self, lines: impl AsRef<[u8]>) -> serde_json::Value {
        let answer = self.send(
            "POST",
            "/v1/entries",
            &[("content-type", "application/x-ndjson")],
            lines.as_ref(),
        );
        assert_eq!(answer.status, 200, "{}", answer.text());
        let receipts = answer.json();
        assert_eq!(receipts["rejected"], 0, "{receipts}");
        receipts
    }

    /// One call on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            head.push_str(&format!("host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut connection = self.connect();
        connection.send(head.as_bytes());
        connection.send(body);
        connection.answer_to(method)
    }

    /// A bare connection, for what no client would send.
    pub fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).expect("the server accepts");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a socket option");
        Connection {
            reader: BufReader::new(stream),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.halt();
        }
    }
}

fn run(app: Arc<App>) -> (SocketAddr, (oneshot::Sender<()>, JoinHandle<()>)) {
    let (stop, stopped) = oneshot::channel();
    let (bound, address) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a free port");
            bound
                .send(listener.local_addr().expect("an address"))
                .expect("the test waits");
            let shutdown = async {
                // Dropped or sent, it means stop.
                let _ = stopped.await;
            };
            server::serve(app, listener, shutdown)
                .await
                .expect("loopback is served");
        });
    });
    (address.recv().expect("the server binds"), (stop, thread))
}

/// One connection to the server.
pub struct Connection<S = TcpStream> {
    reader: BufReader<S>,
}

impl Connection {
    /// A second hand that writes to the same connection.
    pub fn sender(&self) -> TcpStream {
        self.reader.get_ref().try_clone().expect("a descriptor")
    }

    /// Sends no more, listens on.
    pub fn finish_sending(&mut self) {
        // The server may have closed already.
        let _ = self.reader.get_ref().shutdown(std::net::Shutdown::Write);
    }
}

impl<S: Read + Write> Connection<S> {
    /// On a stream of the test's making.
    pub fn over(stream: S) -> Self {
        let reader = BufReader::new(stream);
        Self { reader }
    }

    pub fn stream(&self) -> &S {
        self.reader.get_ref()
    }

    /// Sends bytes; a server that has hung up already is seen when its answer is read.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.reader.get_mut().write_all(bytes);
    }

    /// The answer to a GET or POST.
    pub fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    pub fn answer_to(&mut self, method: &str) -> Answer {
        self.try_answer_to(method).expect("an answer")
    }

    /// `Err` where the connection ends before the answer is complete.
    pub fn try_answer_to(&mut self, method: &str) -> std::io::Result<Answer> {
        let status_line = self.line()?;
        let status = status_line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok());
        let status = status
            .ok_or_else(|| std::io::Error::other(format!("no status line: {status_line:?}")))?;
        let headers = self.headers()?;
        let mut answer = Answer {
            status,
            headers,
            trailers: Vec::new(),
            body: Vec::new(),
        };
        if method == "HEAD" || status == 204 || status == 304 {
            return Ok(answer);
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            while let chunk @ 1.. = self.chunk()? {
                let start = answer.body.len();
                answer.body.resize(start + chunk, 0);
                self.reader.read_exact(&mut answer.body[start..])?;
                self.line()?;
            }
            answer.trailers = self.headers()?;
        } else if let Some(length) = answer.header("content-length") {
            answer.body.resize(length.parse().expect("a number"), 0);
            self.reader.read_exact(&mut answer.body)?;
        } else {
            self.reader.read_to_end(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// The next line without its end; for server-sent events too.
    pub fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Exactly so many bytes, if the connection goes on.
    pub fn try_bytes(&mut self, count: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Exactly so many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.reader
            .read_exact(&mut bytes)
            .expect("the connection goes on");
        bytes
    }

    /// The length of the next chunk.
    pub fn chunk(&mut self) -> std::io::Result<usize> {
        let line = self.line()?;
        usize::from_str_radix(&line, 16)
            .map_err(|_| std::io::Error::other(format!("no chunk length: {line:?}")))
    }

    pub fn headers(&mut self) -> std::io::Result<Vec<(String, String)>> {
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(headers);
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub trailers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// Asks again until it is so; longer than any machine needs, it never is.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::yield_now();
    }
}
