//! `verify log DIR`: what lies on a stopped server's disk, hashed value by value, against what was signed.

use crate::program::{Done, Program, command, directory, run};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A server whose entries are soon in files, and that keeps nothing outside of its directory.
fn serve(data: &Path) -> Program {
    Program::serve_with(data, "127.0.0.1:0", |arguments| {
        let mut command = command(arguments);
        command.env("MAR_AUDIT_KNOWN_CHECKPOINTS", "none");
        command.env("MAR_AUDIT_OPEN_MIB_MAX", "1");
        command
    })
}

/// Records entries that a checkpoint covers when this returns.
fn record(server: &Program, organization: &str, ids: std::ops::Range<u32>) {
    let entry = |n: u32| {
        json!({
            "id": format!("0198f3c2-7b1e-7c3a-9d0a-{n:012x}"),
            "actor": {"type": "user", "name": format!("Person {n}"), "email": format!("p{n}@acme.example")},
            "action": "scaleCluster", "result": "success",
            "context": {"note": "x".repeat(600), "n": n},
            "scope": {"organization": organization},
        })
    };
    let entries: Vec<Value> = ids.map(entry).collect();
    let url = format!("{}/v1/entries?wait=published", server.url);
    let mut answer = crate::program::agent()
        .post(url)
        .send_json(&entries)
        .expect("an answer");
    let answer: Value = answer.body_mut().read_json().expect("JSON");
    assert_eq!(
        answer["accepted"],
        entries.len(),
        "{:.500}",
        answer.to_string()
    );
}

fn vkey(server: &Program, organization: &str) -> String {
    let logs = server.get("/v1/logs");
    let mut logs = logs["logs"].as_array().expect("logs").iter();
    let log = logs.find(|log| log["organization"] == organization);
    log.expect("the log")["vkey"]
        .as_str()
        .expect("a vkey")
        .to_owned()
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

fn verify(path: &Path, arguments: &[&str]) -> Done {
    let path = path.to_str().expect("text");
    run(&[&["verify", "log", path], arguments].concat())
}

/// All files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(dir).expect("a directory") {
        let path = file.expect("a name").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn a_stopped_directory_is_verified_log_by_log() {
    let dir = directory();
    let data = dir.path().join("data");
    let state = dir.path().join("acme.checkpoint");
    let state = state.to_str().expect("text");
    let server = serve(&data);
    record(&server, "acme", 0..500);
    record(&server, "globex", 0..3);
    let key = vkey(&server, "acme");
    let url = format!("{}/v1/logs/acme", server.url);
    let of_server = run(&["verify", "log", &url, "--key", &key, "--state", state]);
    of_server.ok();
    let in_use = verify(&data, &["--key", &key]);
    assert_eq!(in_use.exit, 1, "a server has it open: {in_use:?}");
    record(&server, "acme", 500..3_000);
    assert_eq!(server.stop(), 0);
    let segments = files(&data.join("logs/acme/segments"));
    assert!(!segments.is_empty(), "most of it lies in files");

    let log = data.join("logs/acme");
    for more in [&[][..], &["--full"]] {
        let arguments = [&["--key", &key, "--state", state, "-o", "json"], more].concat();
        let shown = verify(&log, &arguments).ok().json();
        assert_eq!(
            (&shown["size"], &shown["unsigned"]),
            (&3_000.into(), &0.into())
        );
        assert_eq!(shown["full"], !more.is_empty());
        let all = verify(&data, &arguments).ok();
        assert_eq!(all.json()["logs"][0]["root"], shown["root"]);
        assert_eq!(all.json()["logs"].as_array().expect("logs").len(), 1);
        assert!(
            all.err.contains("globex"),
            "what is not verified is told: {all:?}"
        );
    }
    let table = verify(&data, &["--key", &key, "--full"]).ok().out;
    assert!(
        table.contains("older checkpoints of the same tree"),
        "{table}"
    );
    let other = verify(&data.join("logs/globex"), &["--key", &key]);
    assert_eq!(other.exit, 3, "{other:?}");
    for missing in [
        data.join("logs/nobody"),
        data.join("logs"),
        dir.path().to_owned(),
    ] {
        assert_eq!(verify(&missing, &["--key", &key]).exit, 1);
    }
}

#[test]
fn a_log_that_was_written_anew_with_its_own_key_is_convicted_by_who_remembered() {
    let dir = directory();
    let (data, other) = (dir.path().join("data"), dir.path().join("other"));
    let state = dir.path().join("acme.checkpoint");
    let state = state.to_str().expect("text");
    assert_eq!(serve(&data).stop(), 0);
    copy(&data, &other);
    let server = serve(&data);
    record(&server, "acme", 0..400);
    let key = vkey(&server, "acme");
    assert_eq!(server.stop(), 0);
    verify(&data, &["--key", &key, "--state", state, "--full"]).ok();

    // Who holds the key can write another history, and all in it agrees with itself.
    let server = serve(&other);
    record(&server, "acme", 0..399);
    record(&server, "acme", 7_000..7_002);
    assert_eq!(server.stop(), 0);
    verify(&other, &["--key", &key, "--full"]).ok();
    let done = verify(&other, &["--key", &key, "--state", state]);
    assert_eq!(done.exit, 4, "{done:?}");
    assert!(done.err.contains("forked"), "{done:?}");
}

/// The values of the log and the hashes above them: no bit of them may be another. (What only finds them is for `check`.)
#[test]
fn what_was_altered_on_the_disk_is_convicted() {
    let dir = directory();
    let data = dir.path().join("data");
    let server = serve(&data);
    record(&server, "acme", 0..1_500);
    record(&server, "acme", 1_500..2_000);
    let key = vkey(&server, "acme");
    assert_eq!(server.stop(), 0);
    let log = data.join("logs/acme");
    let full = ["--key", &key, "--full"];
    verify(&log, &full).ok();
    let convicts = |what: &str| {
        let done = verify(&log, &full);
        assert!([2, 4].contains(&done.exit), "{what}: {done:?}");
    };
    for file in files(&log.join("hashes"))
        .into_iter()
        .chain(files(&log.join("segments")))
    {
        let bytes = std::fs::read(&file).expect("readable");
        let name = file.display().to_string();
        if file.ends_with("checkpoints") || bytes.is_empty() {
            continue;
        }
        // Hashes are all evidence; of a segment, where the entries are.
        let is_hash = name.contains("/hashes/");
        for part in [0, 1, 2] {
            let mut altered = bytes.clone();
            let at = if is_hash {
                part * (bytes.len() - 1) / 2
            } else {
                200 + part * 500
            };
            altered[at] ^= 1;
            std::fs::write(&file, &altered).expect("written");
            convicts(&format!("byte {at} of {name}"));
        }
        std::fs::write(&file, &bytes[..bytes.len() - 1]).expect("written");
        convicts(&format!("{name} cut"));
        std::fs::remove_file(&file).expect("removed");
        // The journal may have what the segment had: then nothing is lost, and every leaf is hashed all the same.
        if is_hash || verify(&log, &full).exit != 0 {
            convicts(&format!("{name} gone"));
        }
        std::fs::write(&file, &bytes).expect("written");
    }
    verify(&log, &full).ok();
}
