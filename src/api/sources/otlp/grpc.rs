//! `LogsService/Export`, by which OpenTelemetry's exporters send log records over gRPC: the same as over HTTP, in frames, with its answer's
//! status behind it.

use super::super::call::Call;
use super::{Said, code, take, unnamed};
use crate::app::App;
use crate::body::Coding;
use crate::problem::{Kind, Problem};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sources::otlp::Encoding;
use std::convert::Infallible;
use std::sync::Arc;

/// The address that the protocol gives to it.
pub const PATH: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

/// gRPC's number for a method that is not there.
const UNIMPLEMENTED: u32 = 12;

/// What stands before a message: whether it is packed, and its length.
const PREFIX_BYTES: usize = 5;

/// True if the headers are those of a gRPC call.
pub fn is_of(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// `POST /opentelemetry.proto.collector.logs.v1.LogsService/Export`
pub async fn export(State(app): State<Arc<App>>, call: Call) -> Response {
    if !is_of(&call.headers) {
        let problem = Kind::UnsupportedType.detail("gRPC calls are application/grpc");
        return call.refuse(problem).into_response();
    }
    match taken(&app, call).await {
        Ok(said) => succeeded(&said),
        Err(problem) => failed(code(&problem), &problem.detail),
    }
}

async fn taken(app: &Arc<App>, call: Call) -> Result<Said, Problem> {
    let received = call.receive(app, unnamed()).await?;
    let packing = received.headers.get("grpc-encoding").cloned();
    let message = |bytes: &[u8]| message(bytes, packing.as_ref());
    let received = received.unframed(app, message).await?;
    take(app, received, Encoding::Protobuf, None).await
}

/// How the one message of a call is packed, and where it begins.
fn message(body: &[u8], packing: Option<&HeaderValue>) -> Result<(Coding, usize), Problem> {
    let malformed = |why: &str| Kind::BadRequest.detail(why);
    let prefix = body.first_chunk::<PREFIX_BYTES>();
    let [packed, length @ ..] = prefix.ok_or_else(|| malformed("no message"))?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length != body.len() - PREFIX_BYTES {
        return Err(malformed("a call is one whole message"));
    }
    let coding = match (packed, packing.map(HeaderValue::as_bytes)) {
        (0, _) => Coding::Identity,
        (1, Some(b"gzip")) => Coding::Gzip,
        _ => return Err(malformed("a message is packed by gzip, or not at all")),
    };
    Ok((coding, PREFIX_BYTES))
}

fn succeeded(said: &Said) -> Response {
    let message = said.to_bytes(Encoding::Protobuf);
    let length = u32::try_from(message.len()).expect("a count and a sentence");
    let frame = [&[0][..], &length.to_be_bytes(), &message].concat();
    let mut status = HeaderMap::new();
    status.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [
        Ok::<_, Infallible>(Frame::data(Bytes::from(frame))),
        Ok(Frame::trailers(status)),
    ];
    let body = Body::new(StreamBody::new(tokio_stream::iter(frames)));
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
}

/// What a message of a status leaves as it is.
const PLAIN: &AsciiSet = &CONTROLS.add(b'%');

/// The status alone: where nothing is said, it stands before instead of behind.
fn failed(code: u32, why: &str) -> Response {
    let mut response = Body::empty().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    headers.insert("grpc-status", HeaderValue::from(code));
    let why = utf8_percent_encode(why, PLAIN).to_string();
    if let Ok(why) = HeaderValue::from_str(&why) {
        headers.insert("grpc-message", why);
    }
    headers.insert(
        "grpc-accept-encoding",
        HeaderValue::from_static("identity,gzip"),
    );
    response
}

/// The answer to any other call.
pub fn unknown() -> Response {
    failed(UNIMPLEMENTED, "only log records are taken")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_one_whole_message() {
        let gzip = HeaderValue::from_static("gzip");
        let zstd = HeaderValue::from_static("zstd");
        let good = message(b"\0\0\0\0\x02ab", None).expect("plain");
        assert_eq!(good, (Coding::Identity, 5));
        let good = message(b"\x01\0\0\0\x02ab", Some(&gzip)).expect("packed");
        assert_eq!(good, (Coding::Gzip, 5));
        for (bytes, packing) in [
            (&b""[..], None),
            (b"\0\0\0\0", None),
            (b"\0\0\0\0\x03ab", None),
            (b"\0\0\0\0\x01ab", None),
            (b"\0\xff\xff\xff\xffab", None),
            (b"\x01\0\0\0\x02ab", None),
            (b"\x01\0\0\0\x02ab", Some(&zstd)),
            (b"\x02\0\0\0\x02ab", Some(&gzip)),
        ] {
            assert!(message(bytes, packing).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_reason_is_text_of_a_header() {
        let response = failed(3, "line 1\nété 100 %");
        let message = response.headers().get("grpc-message").expect("why");
        assert_eq!(message.as_bytes(), b"line 1%0A%C3%A9t%C3%A9 100 %25");
    }
}
