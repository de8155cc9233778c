//! Sockets: timeouts, a bound on connections, graceful shutdown.
//!
//! Written on hyper directly because `axum::serve` sets no timer, and without one a caller may send half a head and stay.

use crate::app::App;
use crate::router::router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error(
        "{0} can be reached by others and there is no access control yet; --insecure-listen accepts that"
    )]
    NotLoopback(SocketAddr),
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
}

/// Serves until `shutdown` resolves, then lets calls in flight finish.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Refused> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() && !app.settings.insecure_listen {
        return Err(Refused::NotLoopback(address));
    }
    let limits = &app.settings.limits;
    let service = router(Arc::clone(&app));
    let connections = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_wait)
        .max_header_size(limits.header_bytes_max);

    tokio::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    continue;
                }
            },
        };
        let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else {
            turn_away(stream);
            continue;
        };
        // Answers are written whole; waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let service = TowerToHyperService::new(tower::ServiceExt::map_request(
            service.clone(),
            |request: hyper::Request<hyper::body::Incoming>| request.map(Body::new),
        ));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _permit = permit;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown_wait, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("calls still in flight are cut");
    }
    Ok(())
}

/// Says 503 to a connection over the limit, without ever waiting for it.
fn turn_away(stream: TcpStream) {
    const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    // A fresh socket's buffer holds this; if it does not, the caller sees the connection closed.
    if let Err(error) = stream.try_write(BUSY) {
        tracing::debug!(%error, "a connection was turned away without a word");
    }
}
