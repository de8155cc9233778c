//! HTTP/2, for gRPC alone: exporters know no other way. Whoever speaks both is answered in HTTP/1.1, and what is not gRPC is told to.
//!
//! The bounds are those of HTTP/1.1: so long a head, so long a silence between calls, a slow reader is cut. And those that many calls
//! on one connection need: how many at once, how many bytes of them unread.

use super::closes;
use crate::api::sources::otlp::grpc;
use crate::app::App;
use crate::guard::Peer;
use crate::problem::Kind;
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::ServiceExt;

/// Calls at once on one connection: an exporter makes them one after the other.
const CALLS_MAX: u32 = 32;

/// Bytes of one call, and of all of a connection, that may arrive before they are asked for. The rest of a body waits at its
/// sender until the share of memory for it is there.
const CALL_WINDOW_BYTES: u32 = 128 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;

/// How HTTP/2 begins, and no method of HTTP/1.1 that is known here.
const PREFACE: &[u8] = b"PRI";

/// True if HTTP/2 is spoken without having been agreed on; `None` if nothing is said. Nothing is taken from the stream. Who sends the
/// first three bytes one by one is taken for a speaker of HTTP/1.1.
pub async fn begins(app: &App, stream: &TcpStream) -> Option<bool> {
    let mut first = [0; PREFACE.len()];
    let mut closing = app.closing.subscribe();
    let peeked = tokio::select! {
        peeked = timeout(app.settings.limits.header_wait, stream.peek(&mut first)) => peeked,
        () = closes(&mut closing) => return None,
    };
    match peeked {
        Ok(Ok(0) | Err(_)) | Err(_) => None,
        Ok(Ok(_)) => Some(first == PREFACE),
    }
}

/// How many calls are being answered, and how many ever were.
type Calls = watch::Sender<(usize, u64)>;

/// One connection, from its first call to its last.
pub async fn converse<S>(app: &App, service: Router, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &app.settings.limits;
    let calls = Calls::new((0, 0));
    let mut moves = calls.subscribe();
    let answer = move |request: Request<Incoming>| {
        let (service, calls) = (service.clone(), calls.clone());
        async move {
            calls.send_modify(|(now, ever)| (*now, *ever) = (*now + 1, *ever + 1));
            let answer = answer(service, request, peer).await;
            calls.send_modify(|(now, _)| *now -= 1);
            Ok::<_, Infallible>(answer)
        }
    };
    let head_max = u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX);
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(CALLS_MAX)
        .max_header_list_size(head_max)
        .initial_stream_window_size(CALL_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(limits.header_wait)
        .keep_alive_timeout(limits.header_wait);
    let service = hyper::service::service_fn(answer);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut closing = app.closing.subscribe();
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = async {
            tokio::select! {
                () = closes(&mut closing) => {}
                () = rests(&mut moves, limits.header_wait) => {}
            }
        } => {
            connection.as_mut().graceful_shutdown();
            // Who does not hang up then is hung up on.
            timeout(limits.header_wait, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Resolves once no call was made for so long, the last one being answered.
async fn rests(moves: &mut watch::Receiver<(usize, u64)>, wait: Duration) {
    loop {
        // Without a sender there is no connection either.
        if moves.wait_for(|(now, _)| *now == 0).await.is_err() {
            return;
        }
        match timeout(wait, moves.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

async fn answer(service: Router, request: Request<Incoming>, peer: Peer) -> Response {
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(peer);
    let is_known = parts.uri.path() == grpc::PATH;
    match is_known {
        true => {
            let request = Request::from_parts(parts, Body::new(body));
            let Ok(response) = service.oneshot(request).await;
            response
        }
        false if grpc::is_of(&parts.headers) => grpc::unknown(),
        false => Kind::BadRequest
            .detail("over HTTP/2 only gRPC is answered; everything else takes HTTP/1.1")
            .into_response(),
    }
}
