//! kill -9 of the server in the middle of what sources send, each sending again what it had no answer to: nothing is lost, nothing
//! is doubled.

use crate::program::{Program, agent, directory};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Items of a call.
const ITEMS: u64 = 10;

/// A sender that does not give up: its name, where it sends, and what it says of things by their numbers.
struct Sender {
    name: &'static str,
    path: &'static str,
    kind: &'static str,
    body: fn(u64) -> String,
}

const TIME: u64 = 1_793_534_400;

fn each(first: u64, one: impl Fn(u64) -> Value) -> Vec<Value> {
    (first..first + ITEMS).map(one).collect()
}

fn lines(first: u64, one: impl Fn(u64) -> String) -> String {
    (first..first + ITEMS).map(|n| one(n) + "\n").collect()
}

fn kubernetes(first: u64) -> String {
    let event = |n: u64| {
        json!({
            "level": "Metadata", "auditID": format!("a-{n}"), "stage": "ResponseComplete", "verb": "update",
            "user": {"username": format!("n-{n}")}, "responseStatus": {"code": 200},
            "objectRef": {"resource": "configmaps", "namespace": "pay", "name": "limits"},
            "requestReceivedTimestamp": "2026-11-01T11:00:00.000000Z",
        })
    };
    let items = each(first, event);
    json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items}).to_string()
}

/// Every other record says no time: those are known by the call they came with.
fn otlp(first: u64) -> String {
    let record = |n: u64| {
        let user = json!({"key": "user.id", "value": {"stringValue": format!("n-{n}")}});
        let mut record = json!({"eventName": "login", "attributes": [user]});
        if n.is_multiple_of(2) {
            record["timeUnixNano"] = json!(format!("{}000000000", TIME + n));
        }
        record
    };
    let records = each(first, record);
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string()
}

fn cloudevents(first: u64) -> String {
    let event = |n: u64| {
        json!({
            "specversion": "1.0", "id": format!("{n}"), "source": "/shop", "type": "login",
            "data": {"actor": {"id": format!("n-{n}")}},
        })
    };
    Value::Array(each(first, event)).to_string()
}

fn elastic(first: u64) -> String {
    let document = |n: u64| json!({"event": {"action": "login"}, "user": {"id": format!("n-{n}")}});
    lines(first, |n| format!("{{\"create\":{{}}}}\n{}", document(n)))
}

fn hec(first: u64) -> String {
    let event = |n: u64| json!({"time": TIME + n, "event": {"action": "login", "user_id": format!("n-{n}")}});
    lines(first, |n| event(n).to_string())
}

const SENDERS: [Sender; 5] = [
    Sender {
        name: "prod",
        path: "/v1/sources/kubernetes/prod",
        kind: "application/json",
        body: kubernetes,
    },
    Sender {
        name: "otlp",
        path: "/v1/logs",
        kind: "application/json",
        body: otlp,
    },
    Sender {
        name: "shop",
        path: "/v1/sources/cloudevents/shop",
        kind: "application/cloudevents-batch+json",
        body: cloudevents,
    },
    Sender {
        name: "ship",
        path: "/v1/sources/elastic/ship/_bulk",
        kind: "application/x-ndjson",
        body: elastic,
    },
    Sender {
        name: "hec",
        path: "/services/collector",
        kind: "application/json",
        body: hec,
    },
];

/// Sends what has the numbers from `next` on until the server is gone; the first number that is not acknowledged.
fn write(sender: &Sender, url: &str, mut next: u64, acks: &AtomicU64) -> u64 {
    let agent = agent();
    loop {
        let call = agent.post(format!("{url}{}", sender.path));
        let answer = call
            .header("content-type", sender.kind)
            .send((sender.body)(next));
        let Ok(mut answer) = answer else { return next };
        // Cut within the answer: it may be stored or not, and is sent again.
        let Ok(text) = answer.body_mut().read_to_string() else {
            return next;
        };
        assert_eq!(answer.status(), 200, "{}: {text}", sender.name);
        next += ITEMS;
        acks.fetch_add(1, Ordering::SeqCst);
    }
}

/// Lets every sender send until so many calls were acknowledged, then kills the server in the middle of others.
fn send_and_kill(data: &Path, next: &mut [u64], after: u64) {
    let server = Program::serve(data);
    let (url, acks) = (server.url.clone(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for (sender, next) in SENDERS.iter().zip(next.iter_mut()) {
            let (url, acks) = (&url, &acks);
            scope.spawn(move || *next = write(sender, url, *next, acks));
        }
        while acks.load(Ordering::SeqCst) < after {
            std::thread::yield_now();
        }
        server.kill();
    });
}

/// Every acknowledged thing is there once; what was sent without an answer is there once, or not.
fn check(server: &Program, next: &[u64]) {
    for (sender, next) in SENDERS.iter().zip(next) {
        let found: BTreeMap<String, u64> =
            server.counts("actor", &format!("source={}", sender.name));
        let twice: Vec<_> = found.iter().filter(|(_, count)| **count != 1).collect();
        assert!(twice.is_empty(), "{}: {twice:?}", sender.name);
        let missing: Vec<u64> = (0..*next)
            .filter(|n| !found.contains_key(&format!("n-{n}")))
            .collect();
        assert!(missing.is_empty(), "{}: {missing:?}", sender.name);
        let most = usize::try_from(next + ITEMS).expect("small");
        assert!(found.len() <= most, "{}: {}", sender.name, found.len());
    }
}

#[test]
fn what_sources_sent_survives_a_kill_once() {
    let dir = directory();
    let data = dir.path().join("data");
    let mut next = [0; SENDERS.len()];
    for after in [1, 10, 25] {
        send_and_kill(&data, &mut next, after);
        let server = Program::serve(&data);
        check(&server, &next);
        server.kill();
    }
    assert!(
        next.iter().all(|next| *next < 900),
        "all values are counted: {next:?}"
    );
}
