//! What is foreign and what is missing are answered alike, and as soon: an answer that takes longer tells that there is
//! something. Once it did: every entry of an id was unpacked and read before anybody asked whether it was in reach, and a
//! large foreign one took ten to twenty times as long as none; so it did in a list by `?id=`, in another project of the log.

use crate::access::{Caller, claimed, entry};
use crate::api::uuid;
use crate::test_server::{TestServer, wait_until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How much longer the one may take than the other; what this is about took ten to twenty times as long.
const RATIO_MAX: f64 = 3.0;
/// Pairs of calls whose medians are compared.
const CALLS: usize = 25;
/// The machine does other things too, and they only add: of so many comparisons the one is taken that they were kindest to.
const ROUNDS: usize = 5;

const OF_BETA: u32 = 1;
const OF_WEB: u32 = 2;
const MISSING: u32 = 99_999;

/// Leaves of context in an entry: reading it takes milliseconds.
const LEAVES: usize = 30_000;

/// As large as they come, where the reader reaches nothing.
fn large(id: u32, organization: &str, project: Option<&str>) -> Value {
    let mut entry: Value = serde_json::from_str(&entry(id, organization, project)).expect("JSON");
    let leaf = |n: usize| format!("v{}", n * 7_919).repeat(12);
    let leaves = (0..LEAVES).map(|n| (format!("k{n}"), Value::from(leaf(n))));
    entry["context"] = Value::Object(leaves.collect());
    entry
}

/// Two large entries, and after them more small ones than a page looks at one by one.
fn fill(owner: &Caller<'_>) {
    for foreign in [
        large(OF_BETA, "beta", None),
        large(OF_WEB, "acme", Some("web")),
    ] {
        owner.done("POST", "/v1/entries", &foreign);
    }
    let small =
        |id: u32| -> Value { serde_json::from_str(&entry(id, "acme", Some("pay"))).expect("JSON") };
    let small: Vec<Value> = (3..803).map(small).collect();
    owner.done("POST", "/v1/entries", &json!(small));
}

fn took(caller: &Caller<'_>, path: &str, expected: u16) -> Duration {
    let begun = Instant::now();
    let answer = caller.get(path);
    let took = begun.elapsed();
    assert_eq!(answer.status, expected, "{path}: {}", answer.text());
    took
}

/// How many times longer the one takes than the other, whichever is the slower.
fn ratio(caller: &Caller<'_>, [one, other]: [&str; 2], expected: u16) -> f64 {
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        ones.push(took(caller, one, expected));
        others.push(took(caller, other, expected));
    }
    let median = |mut all: Vec<Duration>| {
        all.sort();
        all[all.len() / 2].as_secs_f64()
    };
    let (one, other) = (median(ones), median(others));
    (one / other).max(other / one)
}

fn must_take_alike(caller: &Caller<'_>, foreign: u32) {
    for (path, expected) in [
        ("/v1/entries/{}", 404),
        ("/v1/entries/{}/proof", 404),
        ("/entries/{}", 404),
        ("/v1/entries?id={}", 200),
    ] {
        let of = |id: u32| path.replace("{}", &uuid(id));
        let paths = [of(foreign), of(MISSING)];
        let paths = [paths[0].as_str(), paths[1].as_str()];
        let rounds = (0..ROUNDS).map(|_| ratio(caller, paths, expected));
        let mut least = f64::INFINITY;
        for ratio in rounds {
            least = least.min(ratio);
            if least <= RATIO_MAX {
                break;
            }
        }
        assert!(least <= RATIO_MAX, "{path}: {least:.1} times");
    }
}

fn hold(server: &TestServer, owner: &Caller<'_>) {
    let auditor = json!({"role": "auditor", "organization": "acme"});
    let (secret, ..) = owner.service("whole", &[auditor]);
    let whole = Caller::with_token(server, &secret);
    must_take_alike(&whole, OF_BETA);
    let auditor = json!({"role": "auditor", "organization": "acme", "projects": ["pay"]});
    let (secret, ..) = owner.service("part", &[auditor]);
    let part = Caller::with_token(server, &secret);
    must_take_alike(&part, OF_BETA);
    must_take_alike(&part, OF_WEB);
    // What is the reader's own is found all the same.
    took(&part, &format!("/v1/entries/{}", uuid(3)), 200);
}

/// Entries of both logs that are in no segment.
fn unsealed(server: &TestServer) -> usize {
    let snapshot = server.app.store.snapshot();
    let of = snapshot.logs.iter();
    let of = of.filter(|log| ["acme", "beta"].contains(&log.organization.as_str()));
    of.map(|log| log.tail.len()).sum()
}

#[test]
fn a_foreign_entry_in_memory_takes_no_longer_than_none() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    fill(&owner);
    assert_eq!(unsealed(&server), 802);
    hold(&server, &owner);
}

#[test]
fn a_foreign_entry_in_a_file_takes_no_longer_than_none() {
    let server = TestServer::guarded_with_open_bytes(64 * 1024);
    let owner = claimed(&server);
    fill(&owner);
    wait_until("sealed", || {
        // What was appended last stays in memory until there is more.
        unsealed(&server) < 100
    });
    hold(&server, &owner);
}
