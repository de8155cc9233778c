//! Evidence as a real server gives it out, verified by the program as its users run it.

use crate::program::{Program, directory, run};
use serde_json::Value;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// Records entries and waits until a checkpoint covers them; the answer.
fn record(server: &Program, ids: std::ops::Range<u32>) -> Value {
    let entry = |n: u32| {
        serde_json::json!({
            "id": format!("0198f3c2-7b1e-7c3a-9d0a-{n:012x}"),
            "actor": {"type": "user", "name": "Maria Ro\u{df}i", "email": "maria@acme.example"},
            "action": "scaleCluster", "result": "success",
            "target": {"type": "cluster", "id": format!("clu_{n}"), "name": "pay-eu"},
            "request": {"id": format!("req_{n}"), "ip": "203.0.113.9", "method": "PATCH"},
            "context": {"ratio": 1.5, "ticket/of": "OPS-88\u{1b}[31m"},
            "changes": [{"path": "/replicas", "before": n, "after": n + 1}],
            "scope": {"organization": "acme"},
        })
    };
    let entries: Vec<Value> = ids.map(entry).collect();
    let url = format!("{}/v1/entries?wait=published", server.url);
    let mut answer = crate::program::agent()
        .post(url)
        .send_json(&entries)
        .expect("an answer");
    let answer = answer.body_mut().read_json().expect("JSON");
    answer
}

#[test]
fn what_a_server_gives_out_is_verified() {
    let dir = directory();
    let at = |name: &str| dir.path().join(name);
    let server = Program::serve(&at("data"));
    let answer = record(&server, 0..300);
    let logs = server.get("/v1/logs");
    let vkey = logs["logs"][0]["vkey"].as_str().expect("a vkey").to_owned();
    std::fs::write(at("acme.vkey"), format!("{vkey}\n")).expect("written");
    let key = format!("@{}", text(&at("acme.vkey")));

    let proof = answer["receipts"][7]["proof"].as_str().expect("a proof");
    std::fs::write(at("7.tlog-proof"), proof).expect("written");
    let shown = run(&[
        "verify",
        "proof",
        text(&at("7.tlog-proof")),
        "--key",
        &key,
        "--reveal",
        "-o",
        "json",
    ]);
    let shown = shown.ok().json();
    assert_eq!(shown["seq"], 7);
    let id = shown["id"].as_str().expect("an id");
    assert_eq!(
        shown["entry"],
        server.get(&format!("/v1/entries/{id}")),
        "the same entry, whole"
    );

    let url = format!("{}/v1/logs/acme", server.url);
    let state = at("acme.checkpoint");
    let verify = |more: &[&str]| {
        let fixed = [
            "verify",
            "log",
            &url,
            "--key",
            &key,
            "--state",
            text(&state),
            "-o",
            "json",
        ];
        run(&[&fixed, more].concat())
    };
    assert_eq!(verify(&[]).ok().json()["size"], 300);
    record(&server, 300..700);
    let shown = verify(&["--full"]).ok().json();
    assert_eq!(
        (&shown["size"], &shown["continues"]),
        (&700.into(), &300.into())
    );
    assert_eq!(verify(&["--max-age", "1h"]).ok().json()["continues"], 700);

    let bundle = at("acme.maraudit");
    let organization = ["--organization", "acme", "--request-id", "req_1*"];
    server
        .run(&[&["export", "--bundle", text(&bundle)], &organization[..]].concat())
        .ok();
    let entries = at("acme.ndjson");
    let fixed = [
        "verify",
        "bundle",
        text(&bundle),
        "--key",
        &key,
        "--entries",
        text(&entries),
    ];
    let shown = run(&[&fixed[..], &["-o", "json"]].concat()).ok().json();
    // 1, 10 to 19 and 100 to 199; from the first to the last of them nothing is missing.
    assert_eq!((&shown["first"], &shown["end"]), (&1.into(), &200.into()));
    assert_eq!(
        (&shown["shown"], &shown["withheld"]),
        (&111.into(), &88.into())
    );
    let lines = std::fs::read_to_string(&entries).expect("the entries");
    let first: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    let id = first["id"].as_str().expect("an id");
    assert_eq!(
        first,
        server.get(&format!("/v1/entries/{id}")),
        "the same entry, whole"
    );
    assert_eq!(server.stop(), 0);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for file in std::fs::read_dir(from).expect("a directory") {
        let file = file.expect("a name");
        let target = to.join(file.file_name());
        if file.file_type().expect("a kind").is_dir() {
            copy(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).expect("copied");
        }
    }
}

/// An operator who sets the log back, with the key in hand and the server's own care switched off: who remembered knows.
#[test]
fn a_restored_backup_is_convicted_by_whoever_remembered() {
    let dir = directory();
    let at = |name: &str| dir.path().join(name);
    let (data, backup, state) = (at("data"), at("backup"), at("acme.checkpoint"));
    let serve = |data: &Path| {
        Program::serve_with(data, "127.0.0.1:0", |arguments| {
            let mut command = crate::program::command(arguments);
            command.env("MAR_AUDIT_KNOWN_CHECKPOINTS", "none");
            command
        })
    };
    let server = serve(&data);
    record(&server, 0..300);
    let logs = server.get("/v1/logs");
    let key = logs["logs"][0]["vkey"].as_str().expect("a vkey").to_owned();
    assert_eq!(server.stop(), 0);
    copy(&data, &backup);
    let verify = |server: &Program| {
        let url = format!("{}/v1/logs/acme", server.url);
        run(&[
            "verify",
            "log",
            &url,
            "--key",
            &key,
            "--state",
            text(&state),
        ])
    };
    let server = serve(&data);
    record(&server, 300..400);
    verify(&server).ok();
    assert_eq!(server.stop(), 0);

    let server = serve(&backup);
    let done = verify(&server);
    assert_eq!(done.exit, 4, "{done:?}");
    assert!(
        done.err.contains("rolled back from 400 entries to 300"),
        "{done:?}"
    );
    record(&server, 1_000..1_100);
    assert!(verify(&server).err.contains("forked"), "as many, others");
    record(&server, 1_100..1_200);
    let done = verify(&server);
    assert_eq!(done.exit, 4, "{done:?}");
    assert!(done.err.contains("forked"), "more, others: {done:?}");
    assert_eq!(server.stop(), 0);
}
