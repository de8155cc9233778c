//! Erasure: after the answer the values are nowhere, and everything else is as it was.

use crate::api::{line, problem, uuid};
use crate::program::{Program, agent, directory};
use crate::test_server::TestServer;
use entry::Seq;
use serde_json::{Value, json};
use std::path::Path;
use store::segment::{Segment, SegmentBytes};

/// An entry whose every personal member speaks of `word`.
fn speaking(id: u32, word: &str) -> String {
    let party = |what: &str| {
        json!({"type": "user", "id": format!("{what}-id-{word}"), "name": format!("{what} {word}"),
               "email": format!("{what}.{word}@acme.example")})
    };
    let mut actor = party("actor");
    actor["on_behalf_of"] = party("behalf");
    line(
        id,
        json!({
            "actor": actor,
            "target": {"type": "cluster", "id": "clu_9", "name": format!("target {word}")},
            "related": [{"type": "user", "name": format!("related {word}")}],
            "request": {"id": "req_1", "ip": format!("ip {word}"), "user_agent": format!("agent {word}")},
            "result": "failure",
            "error": {"code": "403", "message": format!("message {word}")},
            "changes": [{"path": "/a", "before": format!("before {word}"), "after": 5}],
            "context": {"note": format!("note {word}"), "kept": "stays", "nested": {"deep": [format!("deep {word}")]}},
        }),
    )
}

const PERSONAL: [&str; 12] = [
    "/actor/email",
    "/actor/id",
    "/actor/name",
    "/actor/on_behalf_of",
    "/changes",
    "/context/nested",
    "/context/note",
    "/error/message",
    "/related",
    "/request/ip",
    "/request/user_agent",
    "/target/name",
];

/// Every file under a directory that holds a text: as bytes in any case, or in the entries of a segment.
fn holding(dir: &Path, text: &str) -> Vec<String> {
    loop {
        let mut found = Vec::new();
        match look(dir, &text.to_ascii_lowercase(), &mut found) {
            Ok(()) => return found,
            // A merge took a file away while it was looked at: what it held is in another now.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn look(dir: &Path, text: &str, found: &mut Vec<String>) -> std::io::Result<()> {
    let holds =
        |bytes: &[u8]| memchr::memmem::find(&bytes.to_ascii_lowercase(), text.as_bytes()).is_some();
    for file in std::fs::read_dir(dir)? {
        let path = file?.path();
        if path.is_dir() {
            look(&path, text, found)?;
            continue;
        }
        let bytes = std::fs::read(&path)?;
        let mut is_in = holds(&bytes);
        if path.extension().is_some_and(|extension| extension == "seg") {
            let segment = Segment::open(SegmentBytes::Memory(bytes), &path).expect("sound");
            for seq in segment.first_seq().0..segment.end_seq().0 {
                let mut wire = Vec::new();
                let entry = segment.entry_at_seq(Seq(seq)).expect("sound");
                entry.write_wire(&mut wire);
                is_in |= holds(&wire);
            }
        }
        if is_in {
            found.push(path.display().to_string());
        }
    }
    Ok(())
}

const NOWHERE: [&str; 0] = [];

#[test]
fn members_of_an_entry_vanish_and_the_entry_says_so() {
    let server = TestServer::start();
    server.record(speaking(1, "Quillington") + &speaking(2, "Bystander"));
    assert_ne!(holding(&server.data(), "quillington"), NOWHERE);
    let path = format!("/v1/entries/{}/redact", uuid(1));
    let body = json!({"paths": PERSONAL, "reason": "request of 2026-11-20, case 12",
                      "actor": {"type": "user", "id": "usr_dpo"}});
    let answer = server.post(&path, body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["erased"], json!(PERSONAL));
    assert_eq!(
        (&answer["already"], &answer["seq"]),
        (&json!([]), &json!(2))
    );
    assert_eq!(holding(&server.data(), "quillington"), NOWHERE);
    assert_ne!(holding(&server.data(), "bystander"), NOWHERE);

    let audit = answer["entry"].as_str().expect("an id");
    let entry = server.get(&format!("/v1/entries/{}", uuid(1))).json();
    let erased: Vec<Value> = PERSONAL
        .iter()
        .map(|path| json!({"entry": audit, "path": path}))
        .collect();
    assert_eq!(entry["erased"], json!(erased));
    assert_eq!(entry["context"], json!({"kept": "stays"}));
    assert_eq!(entry["actor"], json!({"type": "user"}));
    let said = server.get(&format!("/v1/entries/{audit}")).json();
    assert_eq!(
        (&said["action"], &said["category"]),
        (&json!("redactEntry"), &json!("audit"))
    );
    assert_eq!(said["target"], json!({"type": "entry", "id": uuid(1)}));
    assert_eq!(said["actor"]["id"], "usr_dpo");
    assert_eq!(
        said["context"],
        json!({"entries": 1, "paths": PERSONAL, "reason": "request of 2026-11-20, case 12"})
    );
    is_asked_for_in_vain(&server, "quillington", 2);
    let known = server.record(speaking(1, "Quillington"));
    assert_eq!(known["receipts"][0]["status"], "duplicate");
    assert_eq!(holding(&server.data(), "quillington"), NOWHERE);

    let again = server.post(&path, body.to_string()).json();
    assert_eq!(
        (&again["erased"], &again["already"]),
        (&json!([]), &json!(PERSONAL))
    );
    assert_eq!(
        (&again["entry"], &again["seq"]),
        (&json!(audit), &Value::Null)
    );

    let server = server.restart();
    assert_eq!(
        server.get(&format!("/v1/entries/{}", uuid(1))).json(),
        entry
    );
    is_asked_for_in_vain(&server, "quillington", 2);
    assert_eq!(holding(&server.data(), "quillington"), NOWHERE);
}

/// No search, count, suggestion, export or tail finds a text; the other speaking entry is found as before.
fn is_asked_for_in_vain(server: &TestServer, text: &str, others: u64) {
    for question in [
        "search=",
        "q=",
        "actor=*",
        "email=*",
        "target=*",
        "ip=*",
        "context.note=*",
    ] {
        let end = if question.ends_with('*') { "*" } else { "" };
        let listing = server
            .get(&format!("/v1/entries?{question}{text}{end}"))
            .json();
        assert_eq!(listing["entries"], json!([]), "{question}");
    }
    let total = |filter: &str| {
        server.get(&format!(
            "/v1/facets?fields=actor,ip,target&top=100&{filter}"
        ))
    };
    assert_eq!(total("q=bystander").json()["total"], 1);
    assert!(total("").json()["total"].as_u64().expect("a total") >= others);
    let tail = {
        let mut connection = server.connect();
        connection.send(
            format!(
                "GET /v1/tail?last_event_id=0-0-a HTTP/1.1\r\nhost: {}\r\n\r\n",
                server.address
            )
            .as_bytes(),
        );
        connection.line().expect("a status");
        connection.headers().expect("headers");
        let mut told = String::new();
        while !told.contains("Bystander") {
            let chunk = connection.chunk().expect("the tail goes on");
            told.push_str(std::str::from_utf8(&connection.bytes(chunk + 2)).expect("UTF-8"));
        }
        told
    };
    let shown = [
        total("").text().to_owned(),
        server.get("/v1/export?format=ndjson").text().to_owned(),
        server.get("/v1/export?format=csv").text().to_owned(),
        server.get("/").text().to_owned(),
        tail,
    ];
    for shown in shown {
        assert!(!shown.to_ascii_lowercase().contains(text), "{shown}");
    }
}

/// Checks that a call is refused for these places in its body; gives the problem.
fn refused(server: &TestServer, path: &str, body: &Value, pointers: &[&str]) -> Value {
    let answer = server.post(path, body.to_string());
    let said = problem(&answer, 422, "invalid-erasure");
    let errors = said["errors"].as_array().expect("places");
    let named = errors.iter().map(|fault| fault["pointer"].as_str());
    let named: Vec<&str> = named.map(|pointer| pointer.expect("a place")).collect();
    assert_eq!(named, pointers, "{body}: {said}");
    said
}

#[test]
fn what_cannot_be_erased_is_refused_with_its_place_and_nothing_is_recorded() {
    let server = TestServer::start();
    server.record(speaking(1, "Quillington"));
    let path = format!("/v1/entries/{}/redact", uuid(1));
    let refused = |body: Value, pointers: &[&str]| refused(&server, &path, &body, pointers);
    let email = "/actor/email";
    refused(json!({"paths": [email]}), &["/reason"]);
    refused(json!({"paths": [email], "reason": " "}), &["/reason"]);
    refused(
        json!({"paths": [email], "reason": "x".repeat(1_001)}),
        &["/reason"],
    );
    refused(json!({"paths": [], "reason": "why"}), &["/paths"]);
    refused(
        json!({"paths": email, "reason": "why", "colour": 1}),
        &["/paths", "/colour"],
    );
    refused(
        json!({"paths": [email, "", "/action", "/target/id"], "reason": "why"}),
        &["/paths/1", "/paths/2", "/paths/3"],
    );
    let said = refused(
        json!({"paths": ["/context/note/deeper"], "reason": "why"}),
        &["/paths/0"],
    );
    assert_eq!(said["errors"][0]["suggestion"], "/context/note");
    refused(
        json!({"paths": [email], "reason": "ACTOR.quillington@acme.example wants it"}),
        &["/reason"],
    );
    let herself = json!({"type": "user", "email": "actor.Quillington@acme.example"});
    refused(
        json!({"paths": [email], "reason": "why", "actor": herself}),
        &["/actor"],
    );
    refused(
        json!({"paths": [email], "reason": "why", "actor": {"type": "user"}}),
        &["/actor"],
    );
    refused(json!([email]), &[""]);
    let why = json!({"paths": [email], "reason": "why"}).to_string();
    problem(
        &server.post("/v1/entries/nothing/redact", &why),
        404,
        "not-found",
    );
    problem(
        &server.post(&format!("/v1/entries/{}/redact", uuid(2)), &why),
        404,
        "not-found",
    );
    problem(&server.post(&path, "{"), 400, "bad-json");
    problem(&server.post(&path, ""), 400, "empty-body");
    let plain = [("content-type", "text/plain")];
    let answer = server.send("POST", &path, &plain, why.as_bytes());
    problem(&answer, 415, "unsupported-media-type");
    assert_eq!(server.get("/v1/facets?fields=action").json()["total"], 1);
    assert_ne!(holding(&server.data(), "quillington"), NOWHERE);
}

#[test]
fn a_person_who_is_not_well_named_is_refused() {
    let server = TestServer::start();
    server.record(speaking(1, "Quillington"));
    for (body, pointers) in [
        (json!({"reason": "why", "dry_run": true}), vec![""]),
        (
            json!({"actor_id": "usr_5", "text": "usr_5", "reason": "why", "dry_run": true}),
            vec![""],
        ),
        (
            json!({"actor_email": "ab", "reason": "why", "dry_run": true}),
            vec!["/actor_email"],
        ),
        (
            json!({"actor_email": "ana@acme.example", "reason": "why"}),
            vec!["/dry_run"],
        ),
        (
            json!({"text": "Quillington", "reason": "quillington wants it", "dry_run": false}),
            vec!["/reason"],
        ),
        (
            json!({"text": "Quillington", "reason": "why", "dry_run": true, "also": ["/action"]}),
            vec!["/also/0"],
        ),
    ] {
        refused(&server, "/v1/redactions", &body, &pointers);
    }
    assert_eq!(server.get("/v1/facets?fields=action").json()["total"], 1);
    assert_ne!(holding(&server.data(), "quillington"), NOWHERE);
}

/// Thousands of sealed entries that a person made in one log, and a few of all kinds in another, not sealed.
fn with_a_person() -> TestServer {
    let server = TestServer::start();
    let mut lines = String::new();
    for n in 0..6_000u32 {
        // Often enough to be in the dictionaries that compress; in entries of others too.
        let word = match n % 3 {
            0 => "Quillington".to_owned(),
            _ => format!("other{n}"),
        };
        lines.push_str(&speaking(n, &word));
    }
    server.record(lines);
    let in_globex = |id: u32, fields: Value| {
        let mut fields = fields;
        fields["scope"] = json!({"organization": "globex"});
        line(id, fields)
    };
    let server = server.restart();
    // Not yet in any segment: as actor in other letters, on behalf, in a text, and where nothing can be erased.
    server.record(
        in_globex(7_001, json!({"actor": {"type": "user", "id": "u7", "email": "ACTOR.quillington@ACME.example"}, "request": {"ip": "203.0.113.77"}}))
            + &in_globex(7_002, json!({"context": {"note": "mail to actor.quillington@acme.example \"now\""}}))
            + &in_globex(7_003, json!({"target": {"type": "user", "id": "actor.quillington@acme.example"}}))
            + &in_globex(7_004, json!({"context": {"actor.quillington@acme.example": true, "plain": 1}})),
    );
    server
}

#[test]
fn a_person_is_erased_from_every_log_and_what_cannot_go_is_told() {
    let server = with_a_person();
    let mut body = json!({"actor_email": "actor.quillington@acme.example", "also": ["/actor/id"],
                          "reason": "case 13", "dry_run": true});
    let before = server.get("/v1/export?format=ndjson&order=received&direction=asc");
    let dry = server.post("/v1/redactions", body.to_string()).json();
    assert_eq!(dry["entries"], 2_002, "{dry}");
    assert_eq!(dry["logs"], json!({"default": 2_000, "globex": 2}));
    assert_eq!(dry["units"]["/actor/email"], 2_001);
    assert_eq!(dry["units"]["/request/ip"], 2_001);
    assert_eq!(
        dry["units"]["/context/note"], 1,
        "others do not hold the address"
    );
    assert_eq!(dry["remains"]["entries"], 2);
    assert_eq!(dry["sample"].as_array().expect("a sample").len(), 20);
    assert_eq!(dry["audit"], json!([]));
    assert_eq!(
        server
            .get("/v1/export?format=ndjson&order=received&direction=asc")
            .body,
        before.body
    );

    body["dry_run"] = json!(false);
    let done = server.post("/v1/redactions", body.to_string());
    assert_eq!(done.status, 200, "{}", done.text());
    let done = done.json();
    for member in ["entries", "logs", "units", "sample", "remains"] {
        assert_eq!(done[member], dry[member], "{member}");
    }
    assert_eq!(done["since"], 0);
    let audits = done["audit"].as_array().expect("one a log");
    let logs: Vec<&str> = audits
        .iter()
        .filter_map(|audit| audit["organization"].as_str())
        .collect();
    assert_eq!(logs, ["default", "globex"]);
    assert_eq!(
        server
            .get("/v1/facets?fields=action&action=erasePerson")
            .json()["total"],
        2
    );
    // What holds the address otherwise than as the actor went too; names and more of her go when they are asked for.
    assert_eq!(holding(&server.data(), "203.0.113.77"), NOWHERE);
    let body = json!({"text": "quillington", "reason": "case 13", "dry_run": false});
    let done = server.post("/v1/redactions", body.to_string()).json();
    assert_eq!(
        (&done["entries"], &done["remains"]["entries"]),
        (&json!(2_000), &json!(2)),
        "{done}"
    );
    let in_logs = server.data().join("logs/default");
    assert_eq!(holding(&in_logs, "quillington"), NOWHERE);
    assert_eq!(
        holding(&server.data().join("journal"), "quillington"),
        NOWHERE
    );
    assert_eq!(
        server
            .get("/v1/facets?fields=action&organization=default")
            .json()["total"],
        6_002
    );
    let kept = server.get(&format!("/v1/entries/{}", uuid(1))).json();
    assert_eq!(kept["actor"]["name"], "actor other1");
    let nothing = server.post("/v1/redactions", body.to_string()).json();
    assert_eq!(nothing["audit"], json!([]));
}

#[test]
fn a_server_killed_amid_an_erasure_finishes_it_before_it_answers_again() {
    let data = directory();
    let server = Program::serve(data.path());
    let mut lines = String::new();
    for n in 0..8_000u32 {
        lines.push_str(&speaking(
            n,
            if n % 2 == 0 {
                "Quillington"
            } else {
                "Bystander"
            },
        ));
    }
    let append = agent()
        .post(format!("{}/v1/entries", server.url))
        .header("content-type", "application/x-ndjson")
        .send(lines.as_bytes())
        .expect("an answer");
    assert_eq!(append.status(), 200);
    let body = json!({"text": "quillington", "reason": "case 14", "dry_run": false}).to_string();
    let url = format!("{}/v1/redactions", server.url);
    let erasing = std::thread::spawn(move || {
        let agent = agent();
        let call = agent.post(url).header("content-type", "application/json");
        call.send(body.as_bytes())
            .is_ok_and(|answer| answer.status() == 200)
    });
    // The audit entry is seen as soon as the erasure is law; all the work is still to do.
    while server.count("action=erasePerson") == 0 {
        std::thread::yield_now();
    }
    server.kill();
    assert!(
        !erasing.join().expect("no panic"),
        "it was killed before it had answered"
    );
    let server = Program::serve(data.path());
    assert_eq!(holding(data.path(), "quillington"), NOWHERE);
    assert_eq!(server.count("q=quillington"), 0);
    assert_eq!(
        (server.count(""), server.count("q=bystander")),
        (8_001, 4_000)
    );
    let shown = server.get(&format!("/v1/entries/{}", uuid(0)));
    assert_eq!(
        shown["erased"].as_array().map(Vec::len),
        Some(PERSONAL.len())
    );
    assert_eq!(server.stop(), 0);
    let check = crate::program::run(&["check", "--data", data.path().to_str().expect("a path")]);
    check.ok();
}

#[test]
fn the_command_shows_what_would_go_and_erases_when_told_to() {
    let data = directory();
    let server = Program::serve(data.path());
    let recorded = server.run(&[
        "record",
        "--action",
        "login",
        "--result",
        "success",
        "--actor-email",
        "quill@acme.example",
        "--actor-name",
        "Quill",
        "--ip",
        "203.0.113.5",
        "-o",
        "ndjson",
    ]);
    let id = recorded.ok().json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let who = [
        "redact",
        "--actor-email",
        "quill@acme.example",
        "--reason",
        "case 15",
    ];
    let with = |more: &[&str]| server.run(&[&who[..], more].concat());
    let dry = with(&["--dry-run"]).ok();
    assert!(
        dry.out.contains("would be erased of 1 entries") && dry.out.contains("/request/ip"),
        "{dry:?}"
    );
    let unsure = with(&[]);
    assert_eq!(unsure.exit, 1);
    assert!(unsure.err.contains("--yes"), "{unsure:?}");
    assert_ne!(holding(data.path(), "quill@acme.example"), NOWHERE);
    let done = with(&["--yes", "-o", "json"]).ok().json();
    assert_eq!(
        (&done["entries"], &done["audit"][0]["seq"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(holding(data.path(), "quill"), NOWHERE);
    let wrong = server.run(&["redact", &id, "/action", "--reason", "why", "--yes"]);
    assert!(
        wrong.exit == 1 && wrong.err.contains("/paths/0"),
        "{wrong:?}"
    );
    let again = server
        .run(&["redact", &id, "/actor/email", "--reason", "why", "--yes"])
        .ok();
    assert!(
        again.out.contains("Erased before: /actor/email"),
        "{again:?}"
    );
    for wrong in [
        &["redact", "--reason", "why"][..],
        &["redact", &id, "--reason", "why"],
        &["redact", &id, "/a", "--text", "abc", "--reason", "w"],
    ] {
        assert_eq!(server.run(wrong).exit, 1, "{wrong:?}");
    }
}
