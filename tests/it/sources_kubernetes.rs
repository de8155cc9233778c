//! The API server's webhook, with bodies that a real one sent.

use crate::test_server::{Answer, TestServer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Recorded data beside the project; none where it was cloned alone.
pub fn fixtures() -> Option<PathBuf> {
    let named = std::env::var_os("MAR_AUDIT_FIXTURES").map(PathBuf::from);
    let dir = named.unwrap_or_else(|| "../shared/fixtures".into());
    let found = dir.join("kubernetes/kube-apiserver").is_dir();
    if !found {
        println!("skipped: no fixtures at {}", dir.display());
    }
    found.then_some(dir)
}

pub fn send(server: &TestServer, body: &[u8]) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("user-agent", "Go-http-client/1.1"),
    ];
    server.send(
        "POST",
        "/v1/sources/kubernetes/prod?timeout=30s",
        &headers,
        body,
    )
}

pub fn tally(answer: &Answer) -> BTreeMap<String, u64> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).expect("numbers")
}

pub fn list(items: &[Value]) -> Vec<u8> {
    json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items})
        .to_string()
        .into_bytes()
}

pub fn total(server: &TestServer, query: &str) -> u64 {
    let answer = server.get(&format!("/v1/facets?fields=result&{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["total"].as_u64().expect("a number")
}

pub fn event(id: &str, stage: &str, verb: &str) -> Value {
    json!({
        "level": "RequestResponse", "auditID": id, "stage": stage, "verb": verb,
        "requestURI": "/api/v1/namespaces/pay/configmaps/limits",
        "user": {"username": "ana@acme.example"}, "sourceIPs": ["203.0.113.9"],
        "objectRef": {"resource": "configmaps", "namespace": "pay", "name": "limits", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": "2026-11-01T11:00:00.000000Z",
        "stageTimestamp": "2026-11-01T11:00:00.100000Z",
    })
}

#[test]
fn a_recorded_cluster_is_one_entry_a_request_however_often_it_is_sent() {
    let Some(dir) = fixtures() else { return };
    let server = TestServer::start();
    let lines = fs::read_to_string(dir.join("kubernetes/kube-apiserver/audit_shared.ndjson"));
    let lines = lines.expect("the recording");
    let items: Vec<Value> = { lines.lines() }
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect();
    let expected = fs::read_to_string(dir.join("EXPECTED.json")).expect("what is expected");
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    let expected = &expected["kubernetes/kube-apiserver/audit_shared.ndjson"];
    let mut sums = BTreeMap::new();
    for _ in 0..2 {
        for part in items.chunks(400) {
            for (name, count) in tally(&send(&server, &list(part))) {
                *sums.entry(name).or_insert(0) += count;
            }
        }
    }
    let entries = expected["entries"].as_u64().expect("a number");
    assert_eq!(sums["sent"], 2 * items.len() as u64);
    assert_eq!((sums["stored"], sums["duplicates"]), (entries, entries));
    assert_eq!((sums["quarantined"], sums["refused"]), (0, 0));
    assert_eq!(total(&server, "source=prod"), entries);
    let failures = expected["failure"].as_u64().expect("a number");
    assert_eq!(total(&server, "source=prod&result=failure"), failures);
}

#[test]
fn the_batches_of_a_retrying_server_are_stored_once() {
    let Some(dir) = fixtures() else { return };
    let server = TestServer::start();
    let mut bodies: Vec<PathBuf> = Vec::new();
    for kind in ["webhook_batch", "webhook_blocking"] {
        let dir = dir.join("kubernetes/kube-apiserver").join(kind);
        let files = fs::read_dir(dir).expect("recorded bodies");
        let files = files.map(|file| file.expect("a file").path());
        bodies.extend(files.filter(|path| path.extension().is_some_and(|e| e == "json")));
    }
    bodies.sort();
    let (mut stored, mut sent) = (0, 0);
    for path in bodies.iter().chain(&bodies) {
        let counts = tally(&send(&server, &fs::read(path).expect("a body")));
        let rest: u64 = ["stored", "duplicates", "skipped"]
            .iter()
            .map(|n| counts[*n])
            .sum();
        assert_eq!(counts["sent"], rest, "{counts:?}");
        stored += counts["stored"];
        sent += counts["sent"];
    }
    assert!(stored > 100 && sent > 2 * stored, "{stored} of {sent}");
    assert_eq!(total(&server, "source=prod"), stored);
    let metrics = server.get("/metrics");
    let metrics = metrics.text();
    let line = |status: &str, count: u64| {
        format!(
            "source_items_total{{organization=\"default\",source=\"prod\",status=\"{status}\"}} {count}"
        )
    };
    for line in [line("sent", sent), line("stored", stored)] {
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn the_end_is_the_entry_and_so_is_the_start_where_nothing_follows() {
    let server = TestServer::start();
    let mut unknown = event("u", "ResponseStarted", "get");
    unknown["user"] = json!({});
    unknown["responseStatus"]["code"] = json!(401);
    let items = [
        event("a", "RequestReceived", "update"),
        event("a", "ResponseComplete", "update"),
        event("w", "ResponseStarted", "watch"),
        event("w", "ResponseComplete", "watch"),
        event("p", "Panic", "create"),
        unknown,
    ];
    let counts = tally(&send(&server, &list(&items)));
    assert_eq!((counts["stored"], counts["skipped"]), (4, 2), "{counts:?}");
    assert_eq!(total(&server, "result=failure"), 2);
}

#[test]
fn an_audit_id_that_somebody_else_chose_hides_nothing() {
    let server = TestServer::start();
    let mine = event("chosen", "ResponseComplete", "delete");
    let mut theirs = event("chosen", "ResponseComplete", "get");
    theirs["user"]["username"] = json!("system:anonymous");
    let counts = tally(&send(&server, &list(std::slice::from_ref(&mine))));
    assert_eq!(counts["stored"], 1);
    let counts = tally(&send(&server, &list(&[theirs, mine])));
    assert_eq!((counts["stored"], counts["duplicates"]), (1, 1));
    assert_eq!(total(&server, "request_id=chosen"), 2);
}

#[test]
fn what_is_no_audit_event_is_kept_and_known_again() {
    let server = TestServer::start();
    let odd = json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "reason": "Scheduled"});
    let body = list(&[odd, event("a", "ResponseComplete", "get")]);
    let counts = tally(&send(&server, &body));
    assert_eq!((counts["stored"], counts["quarantined"]), (1, 1));
    let counts = tally(&send(&server, &body));
    assert_eq!((counts["duplicates"], counts["quarantined"]), (2, 0));
    let server = server.restart();
    let counts = tally(&send(&server, &body));
    assert_eq!((counts["duplicates"], counts["quarantined"]), (2, 0));
}

#[test]
fn a_full_quarantine_refuses_and_loses_nothing() {
    let server = TestServer::start();
    let odd = |n: usize| json!({"kind": "Event", "apiVersion": "v1", "note": "x".repeat(n)});
    let large = send(&server, &list(&[odd(1_200_000)]));
    assert_eq!(large.status, 507, "{}", large.text());
    let counts = tally(&send(&server, &list(&[odd(10)])));
    assert_eq!(counts["quarantined"], 1);
}

#[test]
fn what_is_no_list_is_refused_as_a_whole() {
    let server = TestServer::start();
    for bad in [
        "",
        "{\"kind\":\"EventList\",\"items\":[{\"a\":1},",
        "nonsense",
        "[1,2]",
    ] {
        let answer = send(&server, bad.as_bytes());
        assert!(
            answer.status == 400 || answer.status == 200,
            "{bad}: {}",
            answer.text()
        );
    }
    assert_eq!(total(&server, ""), 0);
    let answer = server.post("/v1/sources/kubernetes/NOT%20A%20NAME", list(&[]));
    assert_eq!(answer.status, 404, "{}", answer.text());
}

fn shows(mut event: Value, version: &str, based_on: Option<&str>, limit: u64) -> Value {
    let object = |version: &str| {
        json!({
            "kind": "ConfigMap", "data": {"limit": limit},
            "metadata": {"uid": "u-1", "name": "limits", "resourceVersion": version},
        })
    };
    event["responseObject"] = object(version);
    if let Some(based_on) = based_on {
        event["requestObject"] = object(based_on);
    }
    event
}

#[test]
fn what_an_object_was_is_told_from_our_own_entries() {
    let server = TestServer::start();
    let at = |mut event: Value, second: u32| {
        event["requestReceivedTimestamp"] = json!(format!("2026-11-01T11:00:{second:02}.000000Z"));
        event
    };
    let made = shows(
        at(event("1", "ResponseComplete", "create"), 1),
        "10",
        None,
        5,
    );
    let known = at(event("2", "ResponseComplete", "update"), 2);
    let known = shows(known, "11", Some("10"), 6);
    let unseen = at(event("3", "ResponseComplete", "patch"), 3);
    let unseen = shows(unseen, "14", None, 7);
    for one in [&made, &known, &unseen] {
        let counts = tally(&send(&server, &list(std::slice::from_ref(one))));
        assert_eq!(counts["stored"], 1);
    }
    // Sent again, what was added here is no other content.
    let counts = tally(&send(&server, &list(&[made, known, unseen])));
    assert_eq!(counts["duplicates"], 3, "{counts:?}");
    let answer = server
        .get("/v1/entries?order=received&direction=asc")
        .json();
    let entries = answer["entries"].as_array().expect("entries");
    let changes = |n: usize| &entries[n]["changes"];
    assert_eq!(*changes(0), Value::Null);
    let expected = json!([{"path": "/data/limit", "before": 5, "after": 6}]);
    assert_eq!(*changes(1), expected);
    let from = &entries[1]["context"]["changes_from"];
    assert_eq!(
        *from,
        json!({"entry": entries[0]["id"], "certainty": "exact"})
    );
    assert_eq!(changes(2)[0]["before"], 6);
    assert_eq!(
        entries[2]["context"]["changes_from"]["certainty"],
        "derived"
    );
}

fn of_kind(kind: &str, subresource: Option<&str>, spec: &Value, second: u32) -> Value {
    let mut event = event(&format!("{kind}-{second}"), "ResponseComplete", "patch");
    event["requestReceivedTimestamp"] = json!(format!("2026-11-01T11:00:{second:02}.000000Z"));
    event["objectRef"] =
        json!({"resource": "deployments", "namespace": "pay", "name": "web", "apiVersion": "v1"});
    if let Some(subresource) = subresource {
        event["objectRef"]["subresource"] = json!(subresource);
    }
    let version = format!("{}", 100 + second);
    event["responseObject"] = json!({
        "kind": kind, "apiVersion": "v1", "spec": spec,
        "metadata": {"uid": "u-9", "name": "web", "resourceVersion": version},
    });
    event
}

/// A patch of the scale was told to have removed the template, and a second patch in the same call to have made what the first did.
#[test]
fn what_an_object_was_is_of_its_kind_and_what_the_same_call_showed_last() {
    let server = TestServer::start();
    let whole =
        |replicas: u32, image: &str| json!({"replicas": replicas, "template": {"image": image}});
    let scale = |replicas: u32| json!({"replicas": replicas});
    let first = of_kind("Deployment", None, &whole(1, "a"), 1);
    assert_eq!(tally(&send(&server, &list(&[first])))["stored"], 1);
    let batch = [
        of_kind("Scale", Some("scale"), &scale(2), 2),
        of_kind("Deployment", None, &whole(2, "b"), 3),
        of_kind("Scale", Some("scale"), &scale(5), 4),
        of_kind("Deployment", None, &whole(5, "c"), 5),
    ];
    assert_eq!(tally(&send(&server, &list(&batch)))["stored"], 4);
    let answer = server.get("/v1/entries?order=time&direction=asc").json();
    let entries = answer["entries"].as_array().expect("entries");
    let changes: Vec<&Value> = entries.iter().map(|one| &one["changes"]).collect();
    let change = |path: &str, before: Value, after: Value| json!({"path": path, "before": before, "after": after});
    assert_eq!(*changes[1], Value::Null, "nothing showed its scale before");
    let image = "/spec/template/image";
    let replicas = "/spec/replicas";
    let expected = json!([
        change(replicas, json!(1), json!(2)),
        change(image, json!("a"), json!("b"))
    ]);
    assert_eq!(*changes[2], expected);
    assert_eq!(*changes[3], json!([change(replicas, json!(2), json!(5))]));
    let expected = json!([
        change(replicas, json!(2), json!(5)),
        change(image, json!("b"), json!("c"))
    ]);
    assert_eq!(*changes[4], expected);
    let from = |n: usize| &entries[n]["context"]["changes_from"]["entry"];
    assert_eq!(*from(2), entries[0]["id"]);
    assert_eq!(*from(3), entries[1]["id"]);
    assert_eq!(*from(4), entries[2]["id"]);
}

/// A thousand patches of objects with a history took longer than the second that an answer may take, on every try.
#[test]
fn what_there_is_no_time_to_look_up_is_stored_and_says_so() {
    use mar_audit::access::Permission;
    use mar_audit::guard::Caller;
    use mar_audit::intake::shelf::{Sender, SourceName};
    use mar_audit::intake::{Fate, kubernetes};

    let server = TestServer::start();
    let spec = |n: u32| json!({ "replicas": n });
    let first = of_kind("Deployment", None, &spec(1), 1);
    assert_eq!(tally(&send(&server, &list(&[first])))["stored"], 1);
    let sender = Sender {
        organization: entry::Organization::parse("default").expect("a slug"),
        source: SourceName::parse("prod").expect("a name"),
    };
    let batch = [2, 3].map(|n| of_kind("Deployment", None, &spec(n), n));
    let body = list(&batch);
    let mut sent = kubernetes::read(&body, &sender, server.clock.now()).expect("two events");
    let reading = server
        .app
        .reading(&Caller::process(), Permission::Read)
        .expect("all");
    let over = std::time::Instant::now();
    kubernetes::reconstruct(&reading, &sender.organization, &mut sent, over).expect("no time");
    let said: Vec<(bool, String)> = { sent.iter() }
        .map(|one| match &one.fate {
            Fate::Store(draft) => {
                let context = draft.context.as_ref().expect("a context");
                let context = context.as_str().to_owned();
                (draft.changes.is_some(), context)
            }
            _ => panic!("it is stored"),
        })
        .collect();
    assert!(
        !said[0].0 && said[0].1.contains("no time to look up"),
        "{}",
        said[0].1
    );
    // What the call itself shows costs no look.
    assert!(said[1].0 && !said[1].1.contains("no time"), "{}", said[1].1);
}
