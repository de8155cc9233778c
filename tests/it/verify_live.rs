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
    answer.body_mut().read_json().expect("JSON")
}

/// The key of the log, in a file of this directory, as `--key` takes it.
fn key_of(server: &Program, dir: &Path) -> String {
    let logs = server.get("/v1/logs");
    let vkey = logs["logs"][0]["vkey"].as_str().expect("a vkey");
    let file = dir.join("acme.vkey");
    std::fs::write(&file, format!("{vkey}\n")).expect("written");
    format!("@{}", text(&file))
}

/// The entry as the server shows it.
fn entry(server: &Program, id: &Value) -> Value {
    let id = id.as_str().expect("an id");
    server.get(&format!("/v1/entries/{id}"))
}

#[test]
fn a_proof_and_the_log_itself_are_verified() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let answer = record(&server, 0..300);
    let key = key_of(&server, dir.path());

    let file = dir.path().join("7.tlog-proof");
    let proof = answer["receipts"][7]["proof"].as_str().expect("a proof");
    std::fs::write(&file, proof).expect("written");
    let fixed = ["verify", "proof", text(&file), "--key", &key];
    let shown = run(&[&fixed[..], &["--reveal", "-o", "json"]].concat());
    let shown = shown.ok().json();
    assert_eq!(shown["seq"], 7);
    assert_eq!(
        shown["entry"],
        entry(&server, &shown["id"]),
        "the same, whole"
    );

    let url = format!("{}/v1/logs/acme", server.url);
    let state = dir.path().join("acme.checkpoint");
    let verify = |more: &[&str]| {
        let fixed = ["verify", "log", &url, "--key", &key, "-o", "json"];
        let done = run(&[&fixed[..], &["--state", text(&state)], more].concat());
        done.ok().json()
    };
    assert_eq!(verify(&[])["size"], 300);
    record(&server, 300..700);
    let shown = verify(&["--full"]);
    assert_eq!(
        (&shown["size"], &shown["continues"]),
        (&700.into(), &300.into())
    );
    assert_eq!(verify(&["--max-age", "1h"])["continues"], 700);
    assert_eq!(server.stop(), 0);
}

#[test]
fn an_exported_bundle_is_verified_and_holds_the_entries() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    record(&server, 0..300);
    let key = key_of(&server, dir.path());
    let (bundle, entries) = (
        dir.path().join("acme.maraudit"),
        dir.path().join("acme.ndjson"),
    );
    let chosen = ["--organization", "acme", "--request-id", "req_1*"];
    server
        .run(&[&["export", "--bundle", text(&bundle)], &chosen[..]].concat())
        .ok();
    let fixed = [
        "verify",
        "bundle",
        text(&bundle),
        "--key",
        &key,
        "-o",
        "json",
    ];
    let shown = run(&[&fixed[..], &["--entries", text(&entries)]].concat());
    let shown = shown.ok().json();
    // 1, 10 to 19 and 100 to 199; from the first to the last of them nothing is missing.
    assert_eq!((&shown["first"], &shown["end"]), (&1.into(), &200.into()));
    assert_eq!(
        (&shown["shown"], &shown["withheld"]),
        (&111.into(), &88.into())
    );
    let lines = std::fs::read_to_string(&entries).expect("the entries");
    assert_eq!(lines.lines().count(), 111);
    for line in lines.lines().step_by(20) {
        let shown: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(shown, entry(&server, &shown["id"]), "the same, whole");
    }
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
