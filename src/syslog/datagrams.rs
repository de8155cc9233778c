//! UDP: read as fast as it comes, so that the kernel drops little, and stored as fast as the disk takes it. What neither holds is gone,
//! and counted.

use super::taking::Taking;
use super::{Senders, Why};
use crate::app::App;
use crate::server::closes;
use rustix::fs::fstat;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use sources::syslog::framing::Frame;
use std::io;
use std::net::UdpSocket as Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The longest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Datagrams, and bytes of them, that are read and not stored yet.
const QUEUED_MAX: usize = 65_536;
const QUEUED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Asked of the kernel, which gives what it allows.
const KERNEL_BYTES: usize = 8 * 1024 * 1024;

/// Datagrams that are stored at once.
const BATCH_MAX: usize = 1_000;

/// How often it is looked what the kernel dropped.
const LOOK: Duration = Duration::from_secs(5);

/// Silence after which there is nothing more, once the server ends.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The socket, and how the kernel calls it.
pub struct Socket {
    socket: UdpSocket,
    inode: u64,
}

impl Socket {
    pub fn of(bound: Bound) -> io::Result<Self> {
        // Beyond what the system grants everybody, where this process may ask for it.
        let forced = set_socket_recv_buffer_size_force(&bound, KERNEL_BYTES);
        let asked = forced.or_else(|_| set_socket_recv_buffer_size(&bound, KERNEL_BYTES));
        if let Err(error) = asked {
            tracing::debug!(%error, "the kernel holds as few datagrams as it does by itself");
        }
        Ok(Self {
            inode: fstat(&bound)?.st_ino,
            socket: UdpSocket::from_std(bound)?,
        })
    }
}

/// Takes datagrams until the server ends.
pub async fn listen(taking: Arc<Taking>, socket: Socket, senders: Senders) {
    let (queue, queued) = channel(QUEUED_MAX);
    let bytes = AtomicUsize::new(0);
    let working = async {
        tokio::join!(
            read(&taking.app, &socket.socket, &senders, queue, &bytes),
            store(&taking, queued, &bytes)
        );
    };
    tokio::select! {
        () = working => {}
        () = watch(&taking.app, socket.inode) => {}
    }
}

async fn read(
    app: &App,
    socket: &UdpSocket,
    senders: &Senders,
    queue: Sender<Vec<u8>>,
    bytes: &AtomicUsize,
) {
    let counts = &app.metrics.syslog;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let mut closing = app.closing.subscribe();
    loop {
        let read = tokio::select! {
            biased;
            read = socket.recv_from(&mut buffer) => Some(read),
            () = closes(&mut closing) => None,
        };
        let read = match read {
            Some(read) => read,
            None => match timeout(LAST_WORDS, socket.recv_from(&mut buffer)).await {
                Ok(read) => read,
                Err(_) => return,
            },
        };
        let (count, peer) = match read {
            Ok(read) => read,
            Err(error) => {
                // What a socket tells here is of datagrams that were sent, and none are.
                tracing::debug!(%error, "a datagram was not read");
                continue;
            }
        };
        if !senders.have(peer.ip()) {
            counts.refused.get_or_create(&Why::ADDRESS).inc();
            continue;
        }
        let has_room = bytes.load(Ordering::Relaxed) + count <= QUEUED_BYTES_MAX;
        match has_room && queue.try_send(buffer[..count].to_vec()).is_ok() {
            true => drop(bytes.fetch_add(count, Ordering::Relaxed)),
            false => drop(counts.dropped.get_or_create(&Why::QUEUE).inc()),
        }
    }
}

async fn store(taking: &Taking, mut queued: Receiver<Vec<u8>>, bytes: &AtomicUsize) {
    let mut batch = Vec::new();
    while queued.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let count: usize = batch.iter().map(Vec::len).sum();
        let messages = batch.drain(..).map(trimmed).filter(|one| !one.is_empty());
        taking.take(messages.map(Frame::Message).collect()).await;
        bytes.fetch_sub(count, Ordering::Relaxed);
    }
}

/// Without the ends that senders write of a line or a text.
fn trimmed(mut message: Vec<u8>) -> Vec<u8> {
    while matches!(message.last(), Some(b'\n' | b'\r' | 0)) {
        message.pop();
    }
    message
}

/// Counts what the kernel dropped, which nobody tells otherwise.
async fn watch(app: &App, inode: u64) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = 0;
    loop {
        ticks.tick().await;
        let looked = tokio::task::spawn_blocking(move || dropped(inode)).await;
        let Ok(Some(now)) = looked else {
            tracing::debug!("what the kernel dropped of syslog is not known");
            continue;
        };
        if now > known {
            let (more, counts) = (now - known, &app.metrics.syslog);
            counts.dropped.get_or_create(&Why::KERNEL).inc_by(more);
            tracing::warn!(
                more,
                "datagrams of syslog came faster than they could be read, and are lost"
            );
        }
        known = now;
    }
}

/// Of the socket with that inode, since it was opened.
fn dropped(inode: u64) -> Option<u64> {
    let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"];
    tables
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .find_map(|table| of_table(&table, inode))
}

/// A line has the inode in its tenth column and what was dropped in its last (`Documentation/networking/proc_net_tcp`, `net/ipv4/udp.c`).
fn of_table(table: &str, inode: u64) -> Option<u64> {
    let mut lines = table
        .lines()
        .skip(1)
        .map(|line| line.split_ascii_whitespace());
    let mut line = lines.find(|line| {
        let mut columns = line.clone();
        columns.nth(9).and_then(|text| text.parse().ok()) == Some(inode)
    })?;
    line.next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_dropped_is_read_of_the_right_socket() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            \x20 251: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 0\n\
            \x20 977: 0100007F:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 37\n";
        assert_eq!(of_table(table, 4712), Some(37));
        assert_eq!(of_table(table, 4711), Some(0));
        assert_eq!(of_table(table, 4713), None);
        let bound = Bound::bind("127.0.0.1:0").expect("a free port");
        let inode = fstat(&bound).expect("a socket").st_ino;
        assert_eq!(dropped(inode), Some(0));
    }
}
