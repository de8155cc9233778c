//! Sockets: encryption, timeouts, a bound on connections, graceful shutdown.
//!
//! Written on hyper directly because `axum::serve` sets no timer, and without one a caller may send half a head and stay.
//!
//! - [`multiplexed`]: HTTP/2, for gRPC alone
//! - [`patient`]: writes are not waited for without end
//! - [`tls`]: how connections are encrypted

mod multiplexed;
mod patient;
pub mod tls;

pub use tls::Tls;

use crate::app::{App, Limits, Settings};
use crate::guard::{Door, Peer};
use crate::intake::sequences;
use crate::problem::Kind;
use crate::router::router;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Parts};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
pub(crate) use patient::Patient;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{self, pin};
use std::sync::Arc;
use std::time::Duration;
use tls::{handshake, renewal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::ServiceExt;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error(
        "{0} can be reached by others, and what is sent there can be read on the way: give --tls-cert and --tls-key, or --behind-proxy with the addresses of the proxy that encrypts; --insecure-listen accepts it"
    )]
    NotLoopback(SocketAddr),
    #[error(
        "{0} can be reached by others, and access is open to every caller; --access required closes it"
    )]
    Open(SocketAddr),
    #[error(
        "whoever reaches the proxy reaches us, and access is open to every caller; --access required closes it"
    )]
    OpenBehindProxy,
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
}

/// Refuses an address that others can reach, unless that is guarded and encrypted, or its dangers are known.
pub fn must_listen_safely(
    address: SocketAddr,
    is_open: bool,
    settings: &Settings,
) -> Result<(), Refused> {
    match address.ip().is_loopback() {
        _ if is_open && !settings.proxies.is_empty() => Err(Refused::OpenBehindProxy),
        true => Ok(()),
        false if is_open => Err(Refused::Open(address)),
        false if settings.may_be_reached() => Ok(()),
        false => Err(Refused::NotLoopback(address)),
    }
}

/// Connections over the limit that are told so at the same time; the rest are closed without a word.
const TURNED_AWAY_MAX: usize = 64;
/// How long a refused caller has to take its answer.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Serves until `shutdown` resolves, then lets calls in flight finish.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Refused> {
    let address = listener.local_addr()?;
    must_listen_safely(address, app.door.is_open(), &app.settings)?;
    raise_descriptor_limit();
    let limits = &app.settings.limits;
    let service = router(Arc::clone(&app));
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let last_words = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
    let mut connections = JoinSet::new();
    let behind = Arc::clone(&app);
    if let Err(error) = tokio::task::spawn_blocking(move || behind.tell_pending()).await {
        tracing::error!(%error, "telling what was changed before panicked");
    }
    let tidying = tokio::spawn(tidy(Arc::clone(&app)));
    let counting = sequences::keep(Arc::clone(&app), app.closing.subscribe());
    let counting = tokio::spawn(counting);
    let tls = app.settings.tls.clone();
    let renewing = tls.map(|tls| tokio::spawn(renewal::watch(Arc::clone(&app), tls)));
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener) => accepted,
        };
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let (app, service) = (Arc::clone(&app), service.clone());
            connections.spawn(async move {
                app.metrics.connections.inc();
                welcome(&app, service, stream, Peer(peer)).await;
                app.metrics.connections.dec();
                drop(place);
            });
        } else {
            app.metrics.connections_refused.inc();
            if let Ok(place) = Arc::clone(&last_words).try_acquire_owned() {
                let app = Arc::clone(&app);
                connections.spawn(async move {
                    turn_away(&app, stream).await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    app.closing.send_replace(true);
    let mut carried = app.carried.subscribe();
    let ended = async {
        while connections.join_next().await.is_some() {}
        // Nobody waits for them any more but us.
        drop(carried.wait_for(|count| *count == 0).await);
    };
    if timeout(limits.shutdown_wait, ended).await.is_err() {
        tracing::warn!("calls still in flight are cut");
    }
    connections.shutdown().await;
    if let Err(error) = tidying.await {
        tracing::error!(%error, "what is kept of sessions was not tidied");
    }
    if let Err(error) = counting.await {
        tracing::error!(%error, "the numbers of sources were not kept");
    }
    if let Some(renewing) = renewing
        && let Err(error) = renewing.await
    {
        tracing::error!(%error, "the certificate was not looked at any more");
    }
    Ok(())
}

/// The next connection, and whom it comes from.
pub(crate) async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are written whole; waiting for more to send only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "no TCP_NODELAY");
                }
                return (stream, peer);
            }
            Err(error) => {
                // Out of descriptors, most likely: accepting again at once would only spin.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// How often it is written down when tokens and sessions were used last.
const TIDY: Duration = Duration::from_secs(60);

/// Writes that down now and then, and at the end; what was not told of changes is told.
async fn tidy(app: Arc<App>) {
    let mut closing = app.closing.subscribe();
    let mut is_over = app.door.is_open();
    while !is_over {
        is_over = timeout(TIDY, closes(&mut closing)).await.is_ok();
        let app = Arc::clone(&app);
        let work = move || match &app.door {
            Door::Guarded(guarded) => {
                app.tell_pending();
                guarded.access.tidy(app.now())
            }
            Door::Open => Ok(()),
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the use of tokens was not written down"),
            Err(error) => tracing::error!(%error, "tidying access panicked"),
        }
    }
}

/// Shells allow 1,024 open files, whatever the system would give.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the number of open files stays limited");
    }
}

/// Encrypts a connection where that is ours to do, and talks on it.
async fn welcome(app: &App, service: Router, stream: TcpStream, peer: Peer) {
    let limits = &app.settings.limits;
    let Some(tls) = &app.settings.tls else {
        let Some(is_multiplexed) = multiplexed::begins(app, &stream).await else {
            return;
        };
        let stream = Patient::new(stream, limits.write_wait);
        return match is_multiplexed {
            true => multiplexed::converse(app, service, stream, peer).await,
            false => converse(app, service, stream, peer).await,
        };
    };
    if let Some(stream) = handshake::shake(app, tls, stream, limits.header_wait).await {
        match stream.get_ref().1.alpn_protocol() {
            Some(tls::MULTIPLEXED) => multiplexed::converse(app, service, stream, peer).await,
            _ => converse(app, service, stream, peer).await,
        }
    }
}

/// Tells a caller that there are too many.
async fn turn_away(app: &App, stream: TcpStream) {
    let status = "503 Service Unavailable\r\nretry-after: 1";
    let busy = Kind::Overloaded
        .detail("too many connections")
        .to_json(None);
    match &app.settings.tls {
        None => last_word(stream, status, &busy).await,
        Some(tls) => {
            if let Some(stream) = handshake::shake(app, tls, stream, LAST_WORD).await {
                last_word(stream, status, &busy).await;
            }
        }
    }
}

/// One connection, from its first call to its last.
async fn converse<S>(app: &App, service: Router, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &app.settings.limits;
    let service = service.map_request(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.map(Body::new)
    });
    let mut connection =
        builder(limits).serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut closing = app.closing.subscribe();
    let ended = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => ended,
        () = closes(&mut closing) => {
            pin::Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    let Parts { io, read_buf, .. } = connection.into_parts();
    let mut stream = io.into_inner();
    match ended {
        // Half a head, then silence: hyper only hangs up, the caller deserves a reason. Without a byte it was idle.
        Err(error) if error.is_timeout() && !read_buf.is_empty() => {
            let late = Kind::Timeout
                .detail("the head of the call did not arrive in time")
                .to_json(None);
            last_word(stream, "408 Request Timeout", &late).await;
        }
        ended => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
            // Whatever the caller still sends is taken for a moment: closing on it would reset the connection and lose the answer.
            if stream.shutdown().await.is_ok() {
                drain(stream).await;
            }
        }
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_wait)
        .max_header_size(limits.header_bytes_max);
    http
}

pub(crate) async fn closes(closing: &mut watch::Receiver<bool>) {
    // Without a sender there is no server either.
    drop(closing.wait_for(|closing| *closing).await);
}

/// An answer to a caller that is not listened to any further.
async fn last_word(
    mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
    status: &str,
    document: &str,
) {
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{document}",
        document.len()
    );
    let said = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    if let Ok(Ok(())) = timeout(LAST_WORD, said).await {
        drain(stream).await;
    }
}

async fn drain(mut stream: impl AsyncReadExt + Unpin) {
    let mut scrap = [0; 4096];
    let rest = async { while matches!(stream.read(&mut scrap).await, Ok(1..)) {} };
    // Late or not, the connection is closed next.
    drop(timeout(LAST_WORD, rest).await);
}
