//! The command line as people and scripts use it.

use crate::program::{Done, Program, command, directory, run};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

const ESCAPES: &str = "Ana\u{1b}[31m\u{202e}nimda\u{200b}";

fn record(server: &Program, name: &str) -> Done {
    server.run(&[
        "record",
        "--action",
        "createCluster",
        "--result",
        "success",
        "--actor-name",
        name,
        "--target-name",
        "pay-eu",
        "-o",
        "ndjson",
    ])
}

/// Everything `record` can be told by the usual flags.
const DELETION: &[&str] = &[
    "record",
    "--action",
    "deleteCluster",
    "--result",
    "failure",
    "--actor-name",
    "Ana Ruiz",
    "--actor-email",
    "ana@acme.example",
    "--target-type",
    "cluster",
    "--target-name",
    "pay-eu",
    "--error-code",
    "403",
    "--error-message",
    "missing clusters:delete",
    "--organization",
    "acme",
    "--project",
    "payments",
    "--request-id",
    "req_1",
    "--ip",
    "203.0.113.9",
    "--context",
    "ticket=OPS-88",
    "--context",
    "ratio:=1.50e2",
    "-o",
    "ndjson",
];

/// Records it; its id.
fn record_deletion(server: &Program) -> String {
    let receipt = server.run(DELETION).ok().json();
    assert_eq!(receipt["status"], "accepted");
    receipt["id"].as_str().expect("an id").to_owned()
}

#[track_caller]
fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn an_entry_is_recorded_and_found() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let id = record_deletion(&server);
    let search = |arguments: &[&str]| server.run(&[&["search"], arguments].concat()).ok();
    let table = search(&["actor:ana*", "--result", "failure"]).out;
    holds(
        &table,
        &[
            "Time",
            "Ana Ruiz",
            "deleteCluster",
            "cluster pay-eu",
            "acme / payments",
            "failure 403",
            "203.0.113.9",
        ],
    );
    assert_eq!(search(&["--action", "createCluster"]).out, "");
    assert_eq!(
        search(&["--filter", "context.ticket=OPS-88", "-o", "ndjson"]).json()["id"],
        id
    );
    assert_eq!(
        search(&["--filter", "-action=deleteCluster", "-o", "json"]).out,
        "[]\n"
    );
    assert_eq!(server.stop(), 0, "it ends well when asked to");
}

#[test]
fn an_entry_is_shown_and_exported_whole() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let id = record_deletion(&server);
    let details = server.run(&["show", &id]).ok().out;
    holds(
        &details,
        &[
            "Ana Ruiz · ana@acme.example (user)",
            "403",
            "missing clusters:delete",
            "req_1",
            "OPS-88",
            "1.50e2",
            &id,
        ],
    );
    let json = server.run(&["show", &id, "-o", "ndjson"]).ok().out;
    holds(&json, &[r#""ratio":1.50e2"#]);
    for arguments in [vec!["search", "-o", "csv"], vec!["show", &id, "-o", "csv"]] {
        let csv = server.run(&arguments).ok().out;
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header = reader.headers().expect("a header").clone();
        assert!(header.iter().any(|name| name == "request_id"), "{csv}");
        assert_eq!(reader.records().count(), 1, "{csv}");
    }
    let file = dir.path().join("all.json");
    let name = file.to_str().expect("text");
    server
        .run(&["export", "--format", "json", "--out", name])
        .ok();
    let text = std::fs::read_to_string(&file).expect("the file is there");
    let whole: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&whole["complete"], &whole["entries"][0]["id"]),
        (&true.into(), &id.into())
    );
    assert!(!dir.path().join("all.json.part").exists());
}

#[test]
fn json_and_ndjson_are_recorded_from_files_and_stdin() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let entry = |n: u32| {
        format!(r#"{{"actor":{{"type":"user","id":"u{n}"}},"action":"login","result":"success"}}"#)
    };
    let array = format!("[{},\n {}]", entry(1), entry(2));
    let lines = format!("{}\n{}\n", entry(3), entry(4));
    for body in [array, lines, entry(5)] {
        server
            .run_with_stdin(&["record", "-"], body.as_bytes())
            .ok();
    }
    let file = dir.path().join("one.json");
    std::fs::write(&file, entry(6)).expect("written");
    server.run(&["record", file.to_str().expect("text")]).ok();
    assert_eq!(server.count("action=login"), 6);

    let mixed = format!(
        "{}\n{}\n",
        entry(7),
        r#"{"actor":{"type":"user","id":"u"},"action":"login","result":"perhaps"}"#
    );
    let done = server.run_with_stdin(&["record", "-"], mixed.as_bytes());
    assert_eq!(done.exit, 6, "{done:?}");
    assert!(
        done.out.contains("accepted")
            && done.out.contains("rejected")
            && done.out.contains("/result"),
        "{done:?}"
    );
    let done = server.run(&[
        "record",
        "--action",
        "x",
        "--result",
        "perhaps",
        "--actor-name",
        "a",
    ]);
    assert_eq!(done.exit, 6, "{done:?}");
    let done = server.run_with_stdin(&["record", "-"], b"{\"actor\":");
    assert_eq!(done.exit, 1, "{done:?}");
    assert_eq!(server.count("action=login"), 7);
}

#[test]
fn what_entries_hold_does_not_act_on_the_terminal() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let id = record(&server, ESCAPES).ok().json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    for arguments in [vec!["search"], vec!["show", &id], vec!["search", "--all"]] {
        let shown = server.run(&arguments).ok().out;
        assert!(
            shown.contains(r"Ana\u{1b}[31m\u{202e}nimda\u{200b}"),
            "{shown}"
        );
        assert!(
            !shown.contains(['\u{1b}', '\u{202e}', '\u{200b}']),
            "{shown:?}"
        );
    }
    // A program gets the bytes as they are.
    let json = server.run(&["search", "-o", "ndjson"]).ok().json();
    assert_eq!(json["actor"]["name"], ESCAPES);
    // The error of a receipt quotes nothing that acts, either.
    let done = server.run_with_stdin(&["record", "-"], "{\"\\u001b[31m\":1}".as_bytes());
    assert!(
        !done.out.contains('\u{1b}') && !done.err.contains('\u{1b}'),
        "{done:?}"
    );
}

#[test]
fn colour_is_for_terminals_and_those_who_insist() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    server
        .run(&[
            "record",
            "--action",
            "x",
            "--result",
            "failure",
            "--actor-name",
            "a",
        ])
        .ok();
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = server.command(&["search"]);
        command.envs(variables.iter().copied());
        let done = Done::of(&command.output().expect("the binary runs")).ok();
        done.out.contains('\u{1b}')
    };
    assert!(!coloured(&[]), "a pipe is no terminal");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let help = run(&["--help"]).ok().out;
    for code in [
        "0  done",
        "1  wrong usage",
        "2  what was read",
        "6  done, but",
    ] {
        assert!(help.contains(code), "{code} in {help}");
    }
    assert_eq!(
        run(&["--version"]).ok().out.trim(),
        format!("mar-audit {}", env!("CARGO_PKG_VERSION"))
    );
    for wrong in [
        &["serch"][..],
        &["search", "--limit", "many"],
        &["show"],
        &["show", "not-an-id"],
        &["record", "--action", "x"],
        &["import", "--format", "pigeon", "-"],
        &["--data", "x", "search"],
        &["search", "--server", "ftp://nowhere"],
        // Port 1 on loopback: nobody listens.
        &["search", "--server", "http://127.0.0.1:1"],
        &["tail", "--output", "csv"],
        &["--config", "/nowhere/at/all.toml", "config", "show"],
    ] {
        let done = run(wrong);
        assert_eq!(done.exit, 1, "{wrong:?}: {done:?}");
        assert!(!done.err.is_empty(), "{wrong:?} says why");
    }
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let done = server.run(&["search", "catgory:cluster"]);
    assert_eq!(done.exit, 1);
    assert!(
        done.err.contains("`category:`"),
        "the nearest field is named: {}",
        done.err
    );
    let done = server.run(&["show", "01983f0c-7d5e-7b3a-9c11-2f6f7a1b3c4d"]);
    assert_eq!(done.exit, 1, "{done:?}");
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let entry = r#"{"actor":{"type":"user","id":"u"},"action":"login","result":"success"}"#;
    let lines = format!("{entry}\n").repeat(2_000);
    server
        .run_with_stdin(&["record", "-", "-o", "ndjson"], lines.as_bytes())
        .ok();
    for arguments in [
        &["search", "--all", "-o", "ndjson"][..],
        &["search", "--all"],
        &["search", "--all", "-o", "csv"],
        &["export", "--format", "csv"],
        &["completions", "bash"],
    ] {
        let mut child = server
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut out = child.stdout.take().expect("a pipe");
        out.read_exact(&mut [0; 10]).expect("it begins");
        drop(out);
        let mut err = String::new();
        child
            .stderr
            .take()
            .expect("a pipe")
            .read_to_string(&mut err)
            .expect("text");
        assert!(
            child.wait().expect("it ends").success(),
            "{arguments:?}: {err}"
        );
        assert_eq!(err, "", "{arguments:?}");
    }
}

#[test]
fn completions_exist_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]).ok().out;
        assert!(
            script.contains("request-id") && script.contains("import"),
            "{shell}"
        );
    }
    let dir = directory();
    let script = dir.path().join("mar-audit.bash");
    std::fs::write(&script, run(&["completions", "bash"]).ok().out).expect("written");
    let checked = Command::new("bash")
        .arg("-n")
        .arg(&script)
        .output()
        .expect("bash runs");
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}

#[test]
fn tail_follows_over_a_restart_of_the_server() {
    let dir = directory();
    let data = dir.path().join("data");
    let server = Program::serve(&data);
    let address = server.address().to_owned();
    record(&server, "before").ok();
    let mut tail = server
        .command(&["tail", "actor:seen*", "-n", "2", "-o", "ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(tail.stdout.take().expect("a pipe")).lines();
    // Whether it follows already is not to be seen from outside, so entries are recorded until it does.
    let (seen, first) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut next = || lines.next().expect("a line").expect("text");
        seen.send(next()).expect("the test waits");
        next()
    });
    let first = loop {
        record(&server, "seen").ok();
        record(&server, "unseen").ok();
        if let Ok(line) = first.try_recv() {
            break line;
        }
    };
    assert!(first.contains(r#""name":"seen""#), "{first}");
    server.kill();
    let server = Program::serve_with(&data, &address, command);
    record(&server, "seen after").ok();
    let second = reader.join().expect("no panic");
    assert!(second.contains(r#""name":"seen"#), "{second}");
    let mut err = String::new();
    tail.stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut err)
        .expect("text");
    assert!(tail.wait().expect("it ends").success(), "{err}");
}
