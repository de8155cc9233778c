//! From a connection to an encrypted one, within a time.

use super::Tls;
use crate::app::App;
use crate::metrics::Handshake;
use crate::problem::Kind;
use crate::server::patient::Patient;
use crate::server::{closes, last_word};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

/// The first byte of a handshake.
const HANDSHAKE: u8 = 22;

/// An encrypted connection.
pub type Encrypted = TlsStream<Patient<TcpStream>>;

/// What began instead of a handshake.
enum Failed {
    /// A program that only looks whether somebody listens, or that was cut.
    Nothing,
    /// HTTP, most likely.
    Text(TcpStream),
    Strange(io::Error),
}

/// Shakes hands within `wait`; who speaks plain HTTP here is told so. Strangers can make any of these as often as they like, so
/// they are counted, and only told at debug.
pub async fn shake(app: &App, tls: &Tls, stream: TcpStream, wait: Duration) -> Option<Encrypted> {
    let mut closing = app.closing.subscribe();
    let ended = tokio::select! {
        ended = timeout(wait, begin(app, tls, stream)) => ended,
        () = closes(&mut closing) => return None,
    };
    let why = match ended {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(Failed::Nothing)) => return None,
        Ok(Err(Failed::Text(stream))) => {
            let wrong = Kind::BadRequest
                .detail("this port speaks TLS: call https://")
                .to_json(None);
            last_word(stream, "400 Bad Request", &wrong).await;
            Handshake::PLAIN_HTTP
        }
        Ok(Err(Failed::Strange(error))) => {
            tracing::debug!(%error, "a handshake failed");
            Handshake::FAILED
        }
        Err(_) => {
            tracing::debug!("a handshake took too long");
            Handshake::TIMEOUT
        }
    };
    app.metrics.handshakes_failed.get_or_create(&why).inc();
    None
}

async fn begin(app: &App, tls: &Tls, stream: TcpStream) -> Result<Encrypted, Failed> {
    let mut first = [0];
    match stream.peek(&mut first).await.map_err(Failed::Strange)? {
        0 => return Err(Failed::Nothing),
        _ if first[0] != HANDSHAKE && first[0].is_ascii_alphabetic() => {
            return Err(Failed::Text(stream));
        }
        _ => {}
    }
    // Below TLS: each write to the socket is one that the other end must take.
    let stream = Patient::new(stream, app.settings.limits.write_wait);
    let accepted = tls.acceptor().accept(stream).await;
    accepted.map_err(Failed::Strange)
}
