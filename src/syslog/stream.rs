//! Connections: plain and encrypted ones, whose messages are not answered, and those of RELP, whose are.

use super::taking::Taking;
use super::{Entrance, Senders, Why};
use crate::app::App;
use crate::server::{Patient, accept, closes};
use futures_util::FutureExt;
use rustix::net::sockopt::{
    set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl,
};
use sources::syslog::MESSAGE_BYTES_MAX;
use sources::syslog::framing::{Frame, Framing};
use sources::syslog::relp::{self, Command, Kind, Relp};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Connections at once, of all kinds: relays keep theirs, and each may hold the longest message.
const CONNECTIONS_MAX: usize = 256;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// Bytes that are read before they are stored.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Silence after which a sender has sent what it had, once the server ends.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A sender that vanished is known after this and as much again: others need its place.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

pub fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(CONNECTIONS_MAX))
}

/// Lets connections in until the server ends, and returns once they have.
pub async fn listen(
    taking: Arc<Taking>,
    listener: TcpListener,
    entrance: Entrance,
    senders: Senders,
    places: Arc<Semaphore>,
) {
    let counts = &taking.app.metrics.syslog;
    let mut closing = taking.app.closing.subscribe();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => Some(accepted),
            Some(_) = connections.join_next() => continue,
            () = closes(&mut closing) => None,
        };
        // Who connected before the end, and was not met yet, has sent something all the same.
        let accepted = match accepted {
            Some(accepted) => Some(accepted),
            None => timeout(LAST_WORDS, accept(&listener)).await.ok(),
        };
        let Some((stream, peer)) = accepted else {
            break;
        };
        let shows = matches!(
            entrance,
            Entrance::Encrypted {
                by_certificate: true,
                ..
            }
        );
        if !shows && !senders.have(peer.ip()) {
            tracing::debug!(%peer, "syslog from an address that may not send");
            counts.refused.get_or_create(&Why::ADDRESS).inc();
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!("too many connections of syslog; one was closed");
            counts.refused.get_or_create(&Why::CONNECTIONS).inc();
            continue;
        };
        keep_alive(&stream);
        connections.spawn(welcome(
            Arc::clone(&taking),
            stream,
            entrance.clone(),
            place,
        ));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn keep_alive(stream: &TcpStream) {
    let set = || {
        set_socket_keepalive(stream, true)?;
        set_tcp_keepidle(stream, KEEP_ALIVE)?;
        set_tcp_keepintvl(stream, KEEP_ALIVE / 4)?;
        set_tcp_keepcnt(stream, 4)
    };
    if let Err(error) = set() {
        tracing::debug!(%error, "a connection is not asked whether it lives");
    }
}

async fn welcome(
    taking: Arc<Taking>,
    stream: TcpStream,
    entrance: Entrance,
    place: OwnedSemaphorePermit,
) {
    let (app, counts) = (&taking.app, &taking.app.metrics.syslog);
    counts.connections.inc();
    let limits = &app.settings.limits;
    let ended = match entrance {
        Entrance::Plain => follow(&taking, stream).await,
        Entrance::Relp => converse(&taking, Patient::new(stream, limits.write_wait)).await,
        Entrance::Encrypted { config, .. } => {
            let shaken = TlsAcceptor::from(config).accept(Patient::new(stream, limits.write_wait));
            match timeout(limits.header_wait, shaken).await {
                Ok(Ok(stream)) => follow(&taking, stream).await,
                failed => {
                    counts.refused.get_or_create(&Why::HANDSHAKE).inc();
                    failed.map(drop).map_err(io::Error::from)
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of syslog ended early");
    }
    counts.connections.dec();
    drop(place);
}

/// What arrives on a connection. Cut off by the end of the server, but not amid what a sender is just sending.
struct Arriving<S> {
    stream: S,
    buffer: Box<[u8]>,
    closing: watch::Receiver<bool>,
}

impl<S: AsyncRead + Unpin> Arriving<S> {
    fn new(app: &App, stream: S) -> Self {
        Self {
            stream,
            buffer: vec![0; READ_BYTES].into(),
            closing: app.closing.subscribe(),
        }
    }

    /// The next bytes; none at the end.
    async fn next(&mut self) -> io::Result<&[u8]> {
        let read = tokio::select! {
            biased;
            read = self.stream.read(&mut self.buffer) => Some(read),
            () = closes(&mut self.closing) => None,
        };
        let count = match read {
            Some(read) => read?,
            None => {
                let last = timeout(LAST_WORDS, self.stream.read(&mut self.buffer)).await;
                last.unwrap_or(Ok(0))?
            }
        };
        Ok(&self.buffer[..count])
    }

    /// Those that are here already: none if there are none, or at the end, which the next look tells again.
    fn ready(&mut self) -> &[u8] {
        let read = self.stream.read(&mut self.buffer).now_or_never();
        let count = read.and_then(Result::ok).unwrap_or(0);
        &self.buffer[..count]
    }
}

/// Messages that are not answered: each is stored before more than a batch is read.
async fn follow<S: AsyncRead + Unpin>(taking: &Taking, stream: S) -> io::Result<()> {
    let mut arriving = Arriving::new(&taking.app, stream);
    let mut framing = Framing::new(MESSAGE_BYTES_MAX);
    let mut frames = Vec::new();
    let ended = loop {
        let bytes = match arriving.next().await {
            Ok([]) => break Ok(()),
            Err(error) => break Err(error),
            Ok(bytes) => bytes,
        };
        let mut count = bytes.len();
        framing.feed(bytes, &mut |frame| frames.push(frame));
        while count < BATCH_BYTES_MAX {
            let bytes = arriving.ready();
            if bytes.is_empty() {
                break;
            }
            count += bytes.len();
            framing.feed(bytes, &mut |frame| frames.push(frame));
        }
        taking.take(std::mem::take(&mut frames)).await;
    };
    // Half a message is better than none: nobody sends the other half.
    framing.finish(&mut |frame| frames.push(frame));
    taking.take(frames).await;
    ended
}

/// RELP: messages are answered once they are stored. What was not answered is sent again.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(taking: &Taking, stream: S) -> io::Result<()> {
    let mut arriving = Arriving::new(&taking.app, stream);
    let mut relp = Relp::new(MESSAGE_BYTES_MAX);
    loop {
        let bytes = arriving.next().await?;
        if bytes.is_empty() {
            return Ok(());
        }
        let mut commands = Vec::new();
        let fed = relp.feed(bytes, &mut |command| commands.push(command));
        let answers = answer(taking, &mut commands).await;
        arriving.stream.write_all(&answers).await?;
        arriving.stream.flush().await?;
        fed.map_err(|malformed| io::Error::new(io::ErrorKind::InvalidData, malformed))?;
        if commands.iter().any(|command| command.kind == Kind::Close) {
            return arriving.stream.shutdown().await;
        }
    }
}

/// Has the messages of the commands stored, then answers everything in its order.
async fn answer(taking: &Taking, commands: &mut [Command]) -> Vec<u8> {
    let mut answers = Vec::new();
    let mut frames = Vec::new();
    for command in commands {
        relp::answer(command, &mut answers);
        if let Kind::Message(frame) = &mut command.kind {
            frames.push(std::mem::replace(frame, Frame::TooLong { bytes: 0 }));
        }
    }
    taking.take(frames).await;
    answers
}
