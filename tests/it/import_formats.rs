//! Other systems' formats through the real program: recognised by their first items, or told by a user's own table.

use crate::program::{Done, Program, directory};
use std::io::Write;
use std::path::{Path, PathBuf};

const OKTA: &str = r#"{"uuid":"u1","published":"2026-01-02T03:04:05.678Z","eventType":"user.session.start","displayMessage":"User login","actor":{"id":"1","type":"User","alternateId":"ana@example.com","displayName":"Ana"},"outcome":{"result":"FAILURE"}}"#;

fn written(dir: &Path, name: &str, text: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).expect("written");
    path
}

fn import(server: &Program, arguments: &[&str]) -> Done {
    let mut all = vec!["import", "-o", "json"];
    all.extend(arguments);
    server.run(&all)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn a_format_is_recognised_by_the_first_items_of_a_file_a_pipe_or_something_compressed() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let plain = written(dir.path(), "okta.ndjson", format!("{OKTA}\n").as_bytes());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(OKTA.replace("u1", "u2").as_bytes())
        .expect("memory");
    let packed = gzip.finish().expect("memory");
    let packed_file = written(dir.path(), "okta.gz", &packed);
    let empty = written(dir.path(), "empty.log", b"\n");

    let done = import(&server, &[text(&empty), text(&plain), text(&packed_file)]);
    assert_eq!(done.exit, 0, "{done:?}");
    assert!(done.err.contains("format: okta"), "{done:?}");
    assert_eq!(done.json()["accepted"], 2);
    assert_eq!(server.count("source=okta&result=failure"), 2);

    let piped = server.run_with_stdin(&["import", "-o", "json", "-"], &packed);
    assert_eq!(piped.json()["duplicates"], 1, "{piped:?}");
}

#[test]
fn nothing_is_guessed_and_the_formats_are_named() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let unknown = written(dir.path(), "other.ndjson", b"{\"pigeons\":3}\n");
    let done = import(&server, &[text(&unknown)]);
    assert_eq!(done.exit, 1, "{done:?}");
    assert!(done.err.contains("of no known format"), "{done:?}");
    assert!(done.err.contains("cloudtrail"), "{done:?}");
    assert_eq!(server.count("source=mar"), 0);
}

/// A block of the worked example of docs/mappings.md.
fn documented(fence: &str) -> String {
    documented_under("## A source of your own", fence)
}

/// A block of docs/mappings.md below a heading.
fn documented_under(heading: &str, fence: &str) -> String {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mappings.md");
    let manual = std::fs::read_to_string(manual).expect("docs/mappings.md");
    let example = manual.split(heading).nth(1).expect("the worked example");
    let block = example.split(fence).nth(1).expect("a block");
    block.split("```").next().expect("an end").trim().to_owned()
}

#[test]
fn a_person_adds_a_source_without_rust_as_the_manual_says() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let mapping = written(dir.path(), "gate.toml", documented("```toml").as_bytes());
    let line = documented("```json");
    let log = written(dir.path(), "gate.ndjson", format!("{line}\n").as_bytes());
    let done = import(&server, &["--mapping", text(&mapping), text(&log)]);
    assert_eq!(
        (done.exit, &done.json()["accepted"]),
        (0, &1.into()),
        "{done:?}"
    );
    for asked in [
        "source=gate&action=door.opened&result=failure",
        "actor_type=service_account",
        "target_type=door&target=Server+room",
        "context.gate.nr=88123",
        "project=berlin",
    ] {
        assert_eq!(server.count(asked), 1, "{asked}");
    }
    let again = import(&server, &["--mapping", text(&mapping), text(&log)]);
    assert_eq!(again.json()["duplicates"], 1, "{again:?}");
}

#[test]
fn a_table_of_csv_reads_its_file_as_the_manual_says() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let block = |fence| documented_under("\n## CSV", fence);
    let mapping = written(dir.path(), "doors.toml", block("```toml").as_bytes());
    let file = written(dir.path(), "doors.csv", block("```csv").as_bytes());
    let done = import(&server, &["--mapping", text(&mapping), text(&file)]);
    assert_eq!(
        (done.exit, &done.json()["accepted"]),
        (0, &1.into()),
        "{done:?}"
    );
    let asked = "source=doors&action=DOOR_OPENED&result=failure&target_type=door";
    assert_eq!(server.count(asked), 1);
}

#[test]
fn a_wrong_table_is_told_with_its_line_and_member() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let wrong = documented("```toml").replace("when = \"", "wenn = \"");
    let mapping = written(dir.path(), "gate.toml", wrong.as_bytes());
    let log = written(dir.path(), "gate.ndjson", b"{}\n");
    let done = import(&server, &["--mapping", text(&mapping), text(&log)]);
    assert_eq!(done.exit, 1, "{done:?}");
    assert!(done.err.contains("gate.toml:"), "{done:?}");
    assert!(done.err.contains("no rule of that name"), "{done:?}");
}

#[test]
fn secrets_stay_out_unless_a_rule_is_switched_off() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let line = OKTA.replace(r#""version""#, "").replacen(
        '{',
        r#"{"debugContext":{"debugData":{"apiToken":"hunter2"}},"#,
        1,
    );
    let file = written(dir.path(), "okta.ndjson", line.as_bytes());
    let done = import(&server, &[text(&file)]);
    assert_eq!(done.exit, 0, "{done:?}");
    let found = server.all("source=okta").remove(0);
    assert!(!found.to_string().contains("hunter2"), "{found}");
    assert_eq!(
        found["context"]["redacted"][0],
        "/context/okta/debugContext/debugData/apiToken"
    );

    let done = import(
        &server,
        &["--no-redact", "token", "--source", "raw", text(&file)],
    );
    assert_eq!(done.exit, 0, "{done:?}");
    assert!(
        server
            .all("source=raw")
            .remove(0)
            .to_string()
            .contains("hunter2")
    );
    let done = import(&server, &["--no-redact", "pigeon", text(&file)]);
    assert_eq!(done.exit, 1);
    assert!(done.err.contains("no rule `pigeon`"), "{done:?}");
}

/// Exports of both are CSV alone, of which every line was "neither an object nor an array".
#[test]
fn exports_as_csv_are_read_and_what_is_broken_in_them_is_kept() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let table = "id,action,occurred_at,actor_id,actor_name,targets\r\n\
        1,team.create,2026-01-02T03:04:05Z,u1,ana@example.com,\"[{\"\"type\"\":\"\"team\"\",\"\"name\"\":\"\"Ops\"\"}]\"\r\n\
        2,team.delete\r\n\
        3,team.delete,2026-01-02T03:04:06Z,u1,\"ana\r\n\
        4,team.rename,2026-01-02T03:04:07Z,u1,ana@example.com,\r\n";
    let file = written(dir.path(), "export.csv", table.as_bytes());
    let done = import(&server, &[text(&file)]);
    assert_eq!(done.exit, 6, "{done:?}");
    assert!(done.err.contains("format: workos"), "{done:?}");
    assert_eq!(
        (&done.json()["accepted"], &done.json()["refused"]),
        (&2.into(), &2.into())
    );
    assert_eq!(server.count("source=workos&target=Ops"), 1);
    assert_eq!(server.count("source=workos&action=team.rename"), 1);
    let kept = std::fs::read_to_string(dir.path().join("export.csv.refused.ndjson")).expect("kept");
    let lines: Vec<serde_json::Value> = kept
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let told: Vec<(u64, bool)> = lines
        .iter()
        .map(|line| {
            (
                line["line"].as_u64().unwrap_or(0),
                line.to_string().contains("team.delete"),
            )
        })
        .collect();
    assert_eq!(told, [(3, true), (4, true)], "{kept}");
    let again = import(&server, &[text(&file)]);
    assert_eq!(again.json()["duplicates"], 2, "{again:?}");
}
