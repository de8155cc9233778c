//! kill -9 under load: what was acknowledged is there, once, in order.

use crate::program::{Program, agent, directory};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

const WRITERS: u64 = 4;
const BATCH: u64 = 20;

/// One writer's batch: entries numbered in the order sent, recognisable when sent again.
fn batch(writer: u64, first: u64) -> String {
    (first..first + BATCH)
        .map(|n| {
            format!(
                r#"{{"actor":{{"type":"user","id":"w{writer}"}},"action":"login","result":"success","source":{{"name":"w{writer}","event_id":"{n}","sequence":{n}}}}}"#
            ) + "\n"
        })
        .collect()
}

/// Sends a batch; the seq of each entry if the server acknowledged it.
fn send(agent: &ureq::Agent, url: &str, body: &str) -> Option<Vec<u64>> {
    let call = agent
        .post(format!("{url}/v1/entries"))
        .header("content-type", "application/x-ndjson");
    let mut answer = call.send(body).ok()?;
    let text = answer.body_mut().read_to_string().ok()?;
    assert_eq!(answer.status(), 200, "{text}");
    let receipts: Value = serde_json::from_str(&text).expect("JSON");
    let receipts = receipts["receipts"].as_array().expect("receipts");
    Some(
        receipts
            .iter()
            .map(|receipt| receipt["seq"].as_u64().expect("stored"))
            .collect(),
    )
}

/// What a writer knows: the seq of every entry that was acknowledged, by its number, and where to go on.
#[derive(Default)]
struct Writer {
    acked: BTreeMap<u64, u64>,
    next: u64,
}

impl Writer {
    /// Sends batches until the server is gone.
    fn write(&mut self, id: u64, url: &str, acks: &AtomicU64) {
        let agent = agent();
        while let Some(seqs) = send(&agent, url, &batch(id, self.next)) {
            for (n, seq) in (self.next..).zip(seqs) {
                // A batch whose answer was lost is sent again, and found or stored.
                assert!(self.acked.insert(n, seq).is_none_or(|before| before == seq));
            }
            self.next += BATCH;
            acks.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Loads a server and kills it after so many acknowledged batches, in the middle of others.
fn load_and_kill(data: &Path, writers: &mut [Writer], after: u64) {
    let server = Program::serve(data);
    let (url, acks) = (server.url.clone(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for (id, writer) in (0..).zip(writers.iter_mut()) {
            let (url, acks) = (&url, &acks);
            scope.spawn(move || writer.write(id, url, acks));
        }
        while acks.load(Ordering::SeqCst) < after {
            std::thread::yield_now();
        }
        server.kill();
    });
}

/// Every acknowledged entry is where its receipt says; nothing is twice; each writer's entries are in the order sent.
fn check(server: &Program, writers: &[Writer]) {
    let entries = server.all("");
    let seqs: Vec<u64> = entries
        .iter()
        .map(|entry| entry["seq"].as_u64().expect("a seq"))
        .collect();
    assert_eq!(
        seqs,
        (0..entries.len() as u64).collect::<Vec<_>>(),
        "no gap, no repeat"
    );
    let mut stored: Vec<BTreeMap<u64, u64>> = writers.iter().map(|_| BTreeMap::new()).collect();
    for entry in &entries {
        let writer: usize = entry["source"]["name"].as_str().expect("a name")[1..]
            .parse()
            .expect("a number");
        let n = entry["source"]["sequence"].as_u64().expect("a number");
        let seq = entry["seq"].as_u64().expect("a seq");
        let (last, again) = (
            stored[writer].last_key_value().map(|(n, _)| *n),
            stored[writer].insert(n, seq),
        );
        assert_eq!(again, None, "writer {writer}: {n} is stored twice");
        assert!(
            last.is_none_or(|last| last < n),
            "writer {writer}: {n} after {last:?}"
        );
    }
    for (id, writer) in writers.iter().enumerate() {
        for (n, seq) in &writer.acked {
            assert_eq!(
                stored[id].get(n),
                Some(seq),
                "writer {id}: {n} was acknowledged"
            );
        }
        let beyond = stored[id].range(writer.next + BATCH..).next();
        assert_eq!(beyond, None, "writer {id}: nothing is invented");
        // The batch in flight is there whole or not at all.
        let in_flight = stored[id].range(writer.next..).count() as u64;
        assert!(
            in_flight == 0 || in_flight == BATCH,
            "writer {id}: {in_flight} of a batch"
        );
    }
    let received: Vec<&str> = entries
        .iter()
        .map(|entry| entry["received_at"].as_str().expect("an instant"))
        .collect();
    assert!(received.is_sorted(), "the log's clock never falls");
}

#[test]
fn acknowledged_entries_survive_every_kill() {
    let dir = directory();
    let data = dir.path().join("data");
    let mut writers: Vec<Writer> = (0..WRITERS).map(|_| Writer::default()).collect();
    for (round, after) in [1, 40, 7, 120].into_iter().enumerate() {
        load_and_kill(&data, &mut writers, after);
        let server = Program::serve(&data);
        eprintln!(
            "round {round}: {} batches acknowledged",
            writers.iter().map(|w| w.next / BATCH).sum::<u64>()
        );
        check(&server, &writers);
        server.kill();
    }
    let server = Program::serve(&data);
    let agent = agent();
    for (id, writer) in (0..).zip(&mut writers) {
        for first in (0..=writer.next).step_by(BATCH as usize) {
            let seqs = send(&agent, &server.url, &batch(id, first)).expect("the server answers");
            for (n, seq) in (first..).zip(seqs) {
                assert_eq!(
                    *writer.acked.entry(n).or_insert(seq),
                    seq,
                    "sent again, found where it was"
                );
            }
        }
        writer.next += BATCH;
    }
    check(&server, &writers);
    assert_eq!(
        server.count(""),
        writers.iter().map(|w| w.next).sum::<u64>()
    );
}
