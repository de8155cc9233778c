//! `check` reads what no server has open, and says what differs.

use crate::program::{Program, directory, run};
use std::path::{Path, PathBuf};

fn check(data: &Path, more: &[&str]) -> crate::program::Done {
    let arguments = [
        "check",
        "--data",
        data.to_str().expect("text"),
        "-o",
        "json",
    ];
    run(&[&arguments, more].concat())
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for file in std::fs::read_dir(dir).expect("a directory") {
        let path = file.expect("a name").path();
        if path.is_dir() {
            files(&path, found)
        } else {
            found.push(path)
        }
    }
}

#[test]
fn a_flipped_bit_is_found_and_named() {
    let dir = directory();
    let data = dir.path().join("data");
    let server = Program::serve(&data);
    let entry = |n: u32| {
        format!(r#"{{"actor":{{"type":"user","id":"u{n}"}},"action":"login","result":"success"}}"#)
    };
    // Two calls: what is wrong in the last record could be an append that nobody was told of.
    for range in [0..50, 50..60] {
        let lines: Vec<String> = range.map(entry).collect();
        server
            .run_with_stdin(&["record", "-"], lines.join("\n").as_bytes())
            .ok();
    }
    let busy = check(&data, &[]);
    assert_eq!(busy.exit, 1, "a server has it open: {busy:?}");
    assert!(busy.err.contains("in use"), "{}", busy.err);
    server.kill();

    let whole = check(&data, &[]).ok().json();
    assert_eq!(whole["logs"][0]["size"], 60, "{whole}");
    assert_eq!(whole["differences"].as_array().map(Vec::len), Some(0));

    let mut found = Vec::new();
    files(&data.join("journal"), &mut found);
    let (journal, mut bytes) = found
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).expect("readable")))
        .max_by_key(|(_, bytes)| bytes.len())
        .expect("a journal");
    let at = bytes
        .windows(3)
        .position(|text| text == b"u25")
        .expect("the journal has what was sent");
    bytes[at] ^= 1;
    std::fs::write(&journal, bytes).expect("written");
    let damaged = check(&data, &[]);
    assert_eq!(damaged.exit, 2, "{damaged:?}");
    let differences = damaged.json()["differences"].to_string();
    let name = journal.file_name().expect("a name").to_str().expect("text");
    assert!(differences.contains(name), "{differences}");

    assert_eq!(check(&dir.path().join("nowhere"), &[]).exit, 1);
}
