//! What other systems send: how many items a second each protocol brings onto stable storage, and at what CPU.
//!
//! Every protocol tells of the reference workload in its own words, to a server and a directory of its own. What is sent is made before it is
//! measured; the clients only send it.
//!
//! - [`said`]: the words

mod said;

use super::server::Server;
use super::{Failed, Figure, Measured, figure, ingest};
use said::{PROTOCOLS, Protocol, Way};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Measures each protocol with `measured.entries` items.
pub(super) fn measure(measured: &Measured) -> Result<Vec<Figure>, Failed> {
    let each = PROTOCOLS.iter().map(|protocol| one(protocol, measured));
    each.collect()
}

fn one(protocol: &Protocol, measured: &Measured) -> Result<Figure, Failed> {
    let dir = measured.data.join(format!("source-{}", protocol.key));
    ingest::must_be_empty(&dir)?;
    let workload = measured.workload();
    let all = 0..workload.entries;
    let firsts = all.step_by(usize::try_from(measured.batch.max(1)).unwrap_or(usize::MAX));
    let bodies: Vec<Vec<u8>> = firsts
        .map(|first| {
            let end = (first + measured.batch).min(workload.entries);
            let drafts: Vec<_> = (first..end).map(|i| (i, workload.draft(i))).collect();
            (protocol.body)(&drafts)
        })
        .collect();
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let server = Server::start_with(&dir, protocol.settings)?;
    let begun = Instant::now();
    at_once(&bodies, measured.clients, |next| match protocol.way {
        Way::Call { path, kind } => calls(&server, path, kind, next),
        Way::Tcp => stream(server.syslog()?, next),
        Way::Relp => relp(server.syslog()?, next),
    })?;
    // What is not answered is on its way still.
    while ingest::stored(&server)? < workload.entries {}
    let took = begun.elapsed().as_secs_f64();
    let items = workload.entries as f64;
    let cpu = server.cpu_seconds()? / (items / 1e6);
    let stored = ingest::stored(&server)?;
    if stored != workload.entries {
        return Err(Failed::Server(format!(
            "holds {stored} entries after {} were sent by {}",
            workload.entries, protocol.says
        )));
    }
    server.stop()?;
    let (per_second, size) = (items / took, bytes as f64 / items);
    Ok(figure(
        protocol.says,
        "",
        format!("{per_second:.0} entries/s, {cpu:.1} s CPU per million, {size:.0} bytes an item"),
    ))
}

/// The bodies that nobody has sent yet, one after the other.
type Next<'b> = dyn Fn() -> Option<&'b [u8]> + Sync + 'b;

/// Each client takes the next body until there is none.
fn at_once(
    bodies: &[Vec<u8>],
    clients: u64,
    send: impl Fn(&Next<'_>) -> Result<(), Failed> + Sync,
) -> Result<(), Failed> {
    let taken = AtomicUsize::new(0);
    let next = || {
        let at = taken.fetch_add(1, Ordering::Relaxed);
        bodies.get(at).map(Vec::as_slice)
    };
    std::thread::scope(|scope| {
        let sending: Vec<_> = (0..clients).map(|_| scope.spawn(|| send(&next))).collect();
        for client in sending {
            client.join().expect("a client does not panic")?;
        }
        Ok(())
    })
}

/// A call that is refused because the server is busy is made again, as every sender does.
fn calls(server: &Server, path: &str, kind: &str, next: &Next<'_>) -> Result<(), Failed> {
    let client = server.client_of(path);
    while let Some(body) = next() {
        loop {
            match client.post(kind, body) {
                Ok(_) => break,
                Err(Failed::Answer { status: 503, .. }) => std::thread::yield_now(),
                Err(failed) => return Err(failed),
            }
        }
    }
    Ok(())
}

fn stream(at: SocketAddr, next: &Next<'_>) -> Result<(), Failed> {
    let mut stream = TcpStream::connect(at)?;
    while let Some(body) = next() {
        stream.write_all(body)?;
    }
    Ok(())
}

/// As a relay with a window of one batch: the next is sent when all of it is answered.
fn relp(at: SocketAddr, next: &Next<'_>) -> Result<(), Failed> {
    let mut stream = TcpStream::connect(at)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut answer = |lines: usize| {
        let mut said = Vec::new();
        for _ in 0..lines {
            answers.read_until(b'\n', &mut said)?;
        }
        Ok::<_, std::io::Error>(said)
    };
    stream.write_all(b"1 open 0\n")?;
    // The code, the version, the program, the commands.
    answer(4)?;
    while let Some(body) = next() {
        stream.write_all(body)?;
        let frames = memchr::memchr_iter(b'\n', body).count();
        let said = answer(frames)?;
        if memchr::memmem::find_iter(&said, b" 200 OK\n").count() != frames {
            return Err(Failed::Server("refused a message by RELP".to_owned()));
        }
    }
    Ok(())
}
