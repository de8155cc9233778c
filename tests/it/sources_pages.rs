//! The pages of sources: how each is, what waits for a mapping, and what is copied to connect one.

use crate::access::{Caller, claimed, entry};
use crate::access_watching::{added, one};
use crate::test_server::{Answer, TestServer};
use entry::Organization;
use mar_audit::app::Settings;
use mar_audit::intake::shelf::SourceName;
use mar_audit::syslog::{Listening, Transport};
use serde_json::{Value, json};
use std::time::Duration;

const SEND: &str = "/v1/sources/kubernetes/prod?organization=acme";
const PAGE: &str = "/sources/prod?organization=acme";

/// Posts a form as a page of ours would.
fn post(caller: &Caller<'_>, path: &str, fields: &str) -> Answer {
    let headers = [
        caller.credential(),
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    let server = caller.server;
    server.send("POST", path, &headers, fields.as_bytes())
}

#[track_caller]
fn page(caller: &Caller<'_>, path: &str) -> String {
    let answer = caller.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text().to_owned()
}

#[track_caller]
fn seen_at(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").expect("a place").to_owned()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

fn event(id: &str) -> Value {
    json!({
        "auditID": id, "stage": "ResponseComplete", "verb": "delete",
        "user": {"username": "ana@acme.example"}, "responseStatus": {"code": 200},
        "objectRef": {"resource": "pods", "namespace": "pay", "name": "web-1"},
        "requestReceivedTimestamp": "2026-11-01T11:59:00.000000Z",
    })
}

fn odd(note: &str) -> Value {
    json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "note": note})
}

fn list(items: &[Value]) -> Value {
    json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items})
}

/// Who holds a role of these permissions in an organization.
fn service<'a>(owner: &Caller<'a>, name: &str, permissions: &[&str], of: &str) -> Caller<'a> {
    let path = format!("/v1/access/roles/{name}");
    owner.done("PUT", &path, &json!({ "permissions": permissions }));
    let binding = json!({"role": name, "organization": of});
    let (secret, ..) = owner.service(name, &[binding]);
    Caller::with_token(owner.server, &secret)
}

#[test]
fn a_source_is_shown_with_what_became_of_all_that_it_sent() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let empty = page(&owner, "/sources");
    says(&empty, &["mar-audit", "/connect"]);
    let items = [event("a"), event("b"), odd("<script>alert(1)</script>")];
    owner.done("POST", SEND, &list(&items));
    owner.done("POST", SEND, &list(&items[..1]));
    let all = page(&owner, "/sources");
    let line = [
        "/sources/prod?organization=acme",
        "#quarantine\">1<",
        "class=\"spark\"",
    ];
    says(&all, &line);
    let shown = page(&owner, PAGE);
    let parts = [
        "Waiting for a mapping",
        "events.k8s.io/v1",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "read as <code>kubernetes</code>",
    ];
    says(&shown, &parts);
    assert!(!shown.contains("<script>alert"), "{shown}");
    let sums = [
        "sent</dt><dd>4<",
        "stored</dt><dd>2<",
        "duplicates</dt><dd>1<",
        "quarantined</dt><dd>1<",
    ];
    says(&shown, &sums);
}

#[test]
fn what_waits_is_mapped_again_and_thrown_away_after_a_question_and_each_leaves_one_entry() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    owner.done("POST", SEND, &list(&[odd("1"), odd("2"), odd("3")]));
    let items = owner.done(
        "GET",
        "/v1/sources/prod/quarantine?organization=acme",
        &Value::Null,
    );
    let id = items["items"][0]["id"].as_str().expect("an id").to_owned();
    let whole = page(
        &owner,
        &format!("/sources/prod/items/{id}?organization=acme"),
    );
    says(&whole, &["&quot;note&quot;: &quot;1&quot;"]);
    let mut place = String::new();
    let acts = added(&owner, || {
        let form = format!("organization=acme&item={id}");
        place = seen_at(&post(&owner, "/sources/prod/replay", &form));
    });
    assert_eq!(acts, one("replayQuarantine"));
    says(
        &page(&owner, &place),
        &["1 stays: this release cannot read it yet"],
    );
    let question = format!("/sources/prod/drop?organization=acme&item={id}");
    says(&page(&owner, &question), &["Throw away this item of prod?"]);
    let acts = added(&owner, || place = seen_at(&post(&owner, &question, "")));
    assert_eq!(acts, one("dropQuarantine"));
    says(&page(&owner, &place), &["1 item is thrown away"]);
    assert_eq!(
        post(&owner, &format!("/sources/prod/items/{id}"), "").status,
        405
    );
    assert_eq!(
        owner
            .get(&format!("/sources/prod/items/{id}?organization=acme"))
            .status,
        404
    );
    let all = "/sources/prod/drop?organization=acme";
    says(&page(&owner, all), &["Throw away all 2 items of prod?"]);
    says(
        &page(&owner, &seen_at(&post(&owner, all, ""))),
        &["2 items are thrown away"],
    );
}

#[test]
fn who_reads_an_organization_sees_its_sources_and_who_manages_them_what_waits() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    owner.done("POST", SEND, &list(&[event("a"), odd("canary")]));
    let reader = service(&owner, "reading", &["entries:read"], "acme");
    let shown = page(&reader, PAGE);
    assert!(
        !shown.contains("canary") && !shown.contains("/replay"),
        "{shown}"
    );
    says(
        &page(&reader, "/sources"),
        &["/sources/prod?organization=acme"],
    );
    let manager = service(
        &owner,
        "managing",
        &["entries:read", "sources:manage"],
        "acme",
    );
    says(&page(&manager, PAGE), &["canary", "/sources/prod/replay"]);
    let stranger = service(
        &owner,
        "elsewhere",
        &["entries:read", "sources:manage"],
        "globex",
    );
    assert!(!page(&stranger, "/sources").contains("prod"));
    assert_eq!(stranger.get(PAGE).status, 404);
    for path in [
        "/sources/prod/drop?organization=acme",
        "/sources/prod/items/0-0?organization=acme",
    ] {
        assert_eq!(stranger.get(path).status, 404, "{path}");
        assert_eq!(reader.get(path).status, 403, "{path}");
    }
    let form = "organization=acme";
    assert_eq!(post(&stranger, "/sources/prod/replay", form).status, 404);
    assert_eq!(post(&reader, "/sources/prod/replay", form).status, 403);
    assert_eq!(
        post(&reader, "/sources/prod/drop?organization=acme", "").status,
        403
    );
}

#[test]
fn a_source_that_is_missed_is_said_to_be_silent_and_one_that_pauses_as_ever_is_not() {
    let server = TestServer::start();
    let mut n = 0;
    // One speaks each minute, the other each two hours.
    for minute in 0..600 {
        let mut lines = Vec::new();
        for (name, step) in [("steady", 1), ("rare", 120)] {
            if minute % step == 0 {
                n += 1;
                let mut line: Value = serde_json::from_str(&entry(n, "acme", None)).expect("JSON");
                line["timestamp"] = json!(server.clock.now().to_string());
                line["source"] = json!({ "name": name });
                lines.push(line.to_string());
            }
        }
        server.record(lines.join("\n"));
        server.clock.advance(Duration::from_secs(60));
    }
    let silent = |server: &TestServer| -> Vec<String> {
        let all = server.get("/v1/sources").json();
        let all = all["sources"].as_array().expect("sources").clone();
        let silent = all.iter().filter(|one| one.get("silent_since").is_some());
        silent
            .map(|one| one["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    server.clock.advance(Duration::from_secs(13 * 60));
    assert_eq!(silent(&server), [""; 0]);
    server.clock.advance(Duration::from_secs(3 * 60));
    assert_eq!(silent(&server), ["steady"]);
    let shown = server.get("/sources");
    says(
        shown.text(),
        &[
            "One source is silent.",
            "silent for 17 min",
            "ten times its usual interval",
        ],
    );
    server.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(silent(&server), ["rare", "steady"]);
}

/// An API server leaves out what stands behind the path of its address, so that everything went to the default organization.
#[test]
fn a_cluster_of_an_organization_is_told_whose_it_is_by_an_open_server_too() {
    let server = TestServer::start();
    let shown = server.get("/connect?type=kubernetes&organization=acme&name=prod");
    let address = format!("http://{}/v1/sources/kubernetes/acme/prod", server.address);
    says(shown.text(), &[&address, "--organization acme"]);
    let answer = server.post("/v1/sources/kubernetes/acme/prod?timeout=30s", json!({
        "kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [{
            "auditID": "a", "stage": "ResponseComplete", "verb": "delete", "user": {"username": "ana"},
            "objectRef": {"resource": "pods", "namespace": "pay", "name": "web-1"},
        }],
    }).to_string());
    assert_eq!(answer.json()["stored"], 1, "{}", answer.text());
    let stored = server.get("/v1/entries?source=prod").json();
    assert_eq!(stored["entries"][0]["scope"]["organization"], "acme");
    let bad = server.post("/v1/sources/kubernetes/NO/prod", "{}");
    assert_eq!(bad.status, 404);
}

#[test]
fn what_is_copied_has_this_address_and_a_token_that_records_and_does_nothing_else() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let before = page(&owner, "/connect?type=curl&name=billing&organization=acme");
    let address = format!("http://{}/v1/entries", server.address);
    says(&before, &[&address, "Bearer TOKEN", "Make a token"]);
    let form = "type=curl&name=billing&organization=acme&login=billing";
    let mut made = String::new();
    let acts = added(&owner, || {
        let answer = post(&owner, "/connect", form);
        assert_eq!(answer.status, 201, "{}", answer.text());
        made = answer.text().to_owned();
    });
    let acts: Vec<&str> = acts.iter().map(|(name, _)| &**name).collect();
    assert_eq!(acts, ["createAccount", "createBinding", "createToken"]);
    let at = made.find("mar_rec_").expect("a token");
    let secret: String = { made[at..].chars() }
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    says(&made, &[&format!("Bearer {secret}")]);
    let source = Caller::with_token(&server, &secret);
    let line = entry(1, "acme", None);
    assert_eq!(source.call("POST", "/v1/entries", &line).status, 200);
    assert_eq!(source.get("/v1/entries").status, 403);
    // The same login again is said to be taken, in the form; the service that there is now can be chosen.
    let again = post(&owner, "/connect", form);
    assert_eq!(again.status, 409, "{}", again.text());
    says(again.text(), &["Make a token", "billing (billing)"]);
    let wrong = page(&owner, "/connect?name=..%2Fx");
    says(&wrong, &["aria-invalid=\"true\"", "1 to 63"]);
}

#[test]
fn behind_an_open_door_nothing_is_shown_and_who_may_not_manage_access_makes_no_token() {
    let server = TestServer::start();
    let protocols = ["otlp", "cloudevents", "elastic", "splunk"];
    for kind in [&["kubernetes", "sdk", "curl", "file"][..], &protocols].concat() {
        let answer = server.get(&format!("/connect?type={kind}&organization=acme"));
        let text = answer.text();
        says(
            text,
            &["This server lets everybody in", &server.address.to_string()],
        );
        assert!(
            !text.contains("Bearer") && !text.contains("Make a token"),
            "{text}"
        );
    }
    let guarded = TestServer::guarded();
    let owner = claimed(&guarded);
    let reader = service(&owner, "reading", &["entries:read"], "acme");
    says(
        &page(&reader, "/connect"),
        &["Somebody who manages access makes one"],
    );
    let refused = post(
        &reader,
        "/connect",
        "type=curl&name=x&organization=acme&login=x",
    );
    assert_eq!(refused.status, 403, "{}", refused.text());
}

#[test]
fn syslog_shows_no_token_and_goes_where_the_settings_say() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let text = page(&owner, "/connect?type=syslog&name=prod&organization=acme");
    says(&text, &["is not listened for yet", "[syslog]", "prod"]);
    assert!(!text.contains("Make a token"), "{text}");
    let settings = Settings {
        syslog: Some(Listening {
            addresses: vec![(Transport::Relp, "0.0.0.0:2514".parse().expect("an address"))],
            organization: Organization::parse("acme").expect("a slug"),
            source: SourceName::parse("hosts").expect("a name"),
            by_certificate: false,
        }),
        ..Settings::default()
    };
    // Whose log it goes to is nothing for others to know.
    let server = TestServer::guarded_with(settings.clone());
    let owner = claimed(&server);
    let stranger = service(&owner, "stranger", &["entries:record"], "globex");
    let text = page(&stranger, "/connect?type=syslog");
    says(&text, &["is not listened for yet"]);
    assert!(!text.contains("acme") && !text.contains("hosts"));
    let known = service(&owner, "known", &["entries:record"], "acme");
    says(&page(&known, "/connect?type=syslog"), &["omrelp", "hosts"]);
    let server = TestServer::with(settings);
    let text = server
        .get("/connect?type=syslog&name=prod")
        .text()
        .to_owned();
    says(&text, &["omrelp", "port=&quot;2514&quot;", "source:hosts"]);
    assert!(!text.contains("lets everybody in"));
    assert!(!text.contains("source:prod"));
}
