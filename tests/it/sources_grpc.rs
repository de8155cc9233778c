//! gRPC, as OpenTelemetry's exporters speak it, over HTTP/2 on the port of everything else; and what HTTP/2 must not be used for.

use crate::access::claimed;
use crate::sources_kubernetes::total;
use crate::sources_otlp::{field, gzip};
use crate::test_server::TestServer;
use bytes::Bytes;
use h2::client::SendRequest;
use mar_audit::app::Settings;
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

pub const EXPORT: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// What a call came to: the status of HTTP, and gRPC's.
pub type Ended = (u16, Option<String>);

pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(test)
}

pub async fn speak<S>(stream: S) -> SendRequest<Bytes>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (calls, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    // Ends with the connection, however that ends.
    tokio::spawn(async move { drop(connection.await) });
    calls
}

async fn connect(server: &TestServer) -> SendRequest<Bytes> {
    speak(
        TcpStream::connect(server.address)
            .await
            .expect("the server accepts"),
    )
    .await
}

/// A request with one record for each name.
pub fn records(names: &[&str]) -> Vec<u8> {
    let one = |name: &&str| {
        let user = [field(1, b"user.id"), field(2, &field(1, name.as_bytes()))].concat();
        field(2, &[field(12, b"login"), field(6, &user)].concat())
    };
    let records: Vec<u8> = names.iter().flat_map(one).collect();
    field(1, &field(2, &records))
}

pub fn framed(packed: bool, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("small");
    [&[u8::from(packed)][..], &length.to_be_bytes(), message]
        .concat()
        .into()
}

pub async fn call(
    calls: &SendRequest<Bytes>,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Ended {
    let mut calls = calls.clone().ready().await.expect("it is open");
    let mut request = http::Request::post(format!("http://127.0.0.1{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (answer, mut sending) =
        { calls.send_request(request.body(()).expect("a request"), false) }.expect("sent");
    sending.send_data(body, true).expect("sent");
    let mut answer = answer.await.expect("an answer");
    let status = |headers: &http::HeaderMap| {
        let status = headers.get("grpc-status")?;
        Some(status.to_str().expect("a number").to_owned())
    };
    let before = status(answer.headers());
    let body = answer.body_mut();
    while let Some(data) = body.data().await {
        let length = data.expect("the whole answer").len();
        body.flow_control()
            .release_capacity(length)
            .expect("counted");
    }
    let trailers = body.trailers().await.expect("the whole answer");
    let behind = trailers.as_ref().and_then(status);
    (answer.status().as_u16(), before.or(behind))
}

pub const GRPC: (&str, &str) = ("content-type", "application/grpc");

fn ended(code: &str) -> Ended {
    (200, Some(code.to_owned()))
}

#[test]
fn records_are_taken_over_grpc_once() {
    let server = TestServer::start();
    run(async {
        let calls = connect(&server).await;
        for n in 0..40 {
            let body = records(&[&format!("n-{n}"), "both"]);
            let plain = call(&calls, EXPORT, &[GRPC], framed(false, &body)).await;
            assert_eq!(plain, ended("0"));
            let packing = [GRPC, ("grpc-encoding", "gzip")];
            let packed = call(&calls, EXPORT, &packing, framed(true, &gzip(&body))).await;
            assert_eq!(packed, ended("0"));
        }
    });
    assert_eq!(total(&server, "source=otlp&action=login"), 80);
}

#[test]
fn what_is_no_call_of_grpc_is_told_so_and_the_connection_goes_on() {
    let server = TestServer::start();
    run(async {
        let calls = connect(&server).await;
        let other = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        assert_eq!(
            call(&calls, other, &[GRPC], framed(false, b"")).await,
            ended("12")
        );
        assert_eq!(
            call(&calls, EXPORT, &[GRPC], framed(false, b"\x0a\xff")).await,
            ended("3")
        );
        assert_eq!(
            call(&calls, EXPORT, &[GRPC], Bytes::from_static(b"x")).await,
            ended("3")
        );
        let zstd = [GRPC, ("grpc-encoding", "zstd")];
        assert_eq!(
            call(&calls, EXPORT, &zstd, framed(true, b"x")).await,
            ended("3")
        );
        for path in ["/v1/entries", "/", "/v1/logs"] {
            let json = [("content-type", "application/json")];
            assert_eq!(
                call(&calls, path, &json, Bytes::from_static(b"{}")).await,
                (400, None),
                "{path}"
            );
        }
        let good = framed(false, &records(&["ana"]));
        assert_eq!(call(&calls, EXPORT, &[GRPC], good).await, ended("0"));
    });
    assert_eq!(total(&server, ""), 1);
}

#[test]
fn a_call_shows_a_token() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let (token, ..) = owner.service(
        "edge",
        &[json!({"role": "recorder", "organization": "acme"})],
    );
    let (reader, ..) = owner.service(
        "reader",
        &[json!({"role": "auditor", "organization": "acme"})],
    );
    run(async {
        let calls = connect(&server).await;
        for (token, expected) in [
            (None, "16"),
            (Some("mar_svc_x"), "16"),
            (Some(&*reader), "7"),
            (Some(&*token), "0"),
        ] {
            let shown = token.map(|token| format!("Bearer {token}"));
            let shown = shown.as_deref().map(|shown| ("authorization", shown));
            let headers: Vec<_> = [GRPC].into_iter().chain(shown).collect();
            let body = framed(false, &records(&["ana"]));
            assert_eq!(call(&calls, EXPORT, &headers, body).await, ended(expected));
        }
    });
    assert_eq!(owner.entries("source=otlp&organization=acme").len(), 1);
}

fn hasty() -> Settings {
    let mut settings = Settings::default();
    settings.limits.header_wait = Duration::from_millis(400);
    settings
}

/// Sends these bytes and reads until the server hangs up; it has to.
fn hung_up_on(server: &TestServer, bytes: &[u8]) -> Duration {
    let started = Instant::now();
    let mut stream = std::net::TcpStream::connect(server.address).expect("the server accepts");
    stream.write_all(bytes).expect("sent");
    let wait = Duration::from_secs(20);
    stream
        .set_read_timeout(Some(wait))
        .expect("a socket option");
    let mut scrap = [0; 4096];
    loop {
        match stream.read(&mut scrap) {
            Ok(0) => return started.elapsed(),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return started.elapsed(),
            Err(error) => panic!("the connection stays: {error}"),
        }
    }
}

#[test]
fn silence_is_waited_for_no_longer_than_in_http_1() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    // The head of a call that never ends: a HEADERS frame without END_HEADERS.
    const HALF_A_HEAD: &[u8] = b"\0\0\x01\x01\0\0\0\0\x01\x83";
    let server = TestServer::with(hasty());
    let greeted = [PREFACE, SETTINGS].concat();
    let half = [PREFACE, SETTINGS, HALF_A_HEAD].concat();
    for bytes in [&b""[..], b"P", b"PRI * ", PREFACE, &greeted, &half] {
        let took = hung_up_on(&server, bytes);
        assert!(took < Duration::from_secs(10), "{bytes:?}: {took:?}");
    }
}

#[test]
fn a_body_that_stalls_is_not_waited_for_and_holds_no_place() {
    let mut settings = Settings::default();
    settings.limits.body_wait = Duration::from_millis(300);
    let server = TestServer::with(settings);
    run(async {
        let mut calls = connect(&server).await.ready().await.expect("it is open");
        let request =
            http::Request::post(format!("http://127.0.0.1{EXPORT}")).header(GRPC.0, GRPC.1);
        let (answer, mut sending) =
            { calls.send_request(request.body(()).expect("a request"), false) }.expect("sent");
        sending
            .send_data(framed(false, b"xyz").slice(..6), false)
            .expect("sent");
        let answer = answer.await.expect("an answer");
        assert_eq!(answer.headers()["grpc-status"], "14");
    });
    assert_eq!(server.app.intake.calls.inside(), 0);
}
