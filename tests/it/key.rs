//! `key show`, `key rotate`, `key recover`: who signs, and under which name, never changes by itself.

use crate::api::uuid;
use crate::program::{Program, directory, run};
use crate::proofs::lines;
use proof::checkpoint::SignedCheckpoint;
use proof::key::VerifierKey;
use proof::log_proof::LogProof;
use proof::policy::Policy;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn get(server: &Program, path: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent
        .get(format!("{}{path}", server.url))
        .call()
        .expect("an answer");
    let body = answer.body_mut().read_to_string().expect("text");
    (answer.status().as_u16(), body)
}

/// Records entries with their proofs.
fn record(server: &Program, log: &str, ids: std::ops::Range<u32>) -> Value {
    let url = format!("{}/v1/entries?wait=published", server.url);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let sent = agent
        .post(url)
        .content_type("application/x-ndjson")
        .send(lines(log, ids));
    sent.expect("an answer")
        .body_mut()
        .read_json()
        .expect("JSON")
}

fn proof(server: &Program, id: u32) -> LogProof {
    let (status, text) = get(server, &format!("/v1/entries/{}/proof", uuid(id)));
    assert_eq!(status, 200, "{text}");
    LogProof::parse(text.as_bytes()).expect("a proof")
}

fn vkeys(log: &Value) -> Vec<String> {
    let vkeys = log["vkeys"].as_array().expect("vkeys");
    vkeys
        .iter()
        .map(|vkey| vkey.as_str().expect("text").to_owned())
        .collect()
}

fn verifies(proof: &LogProof, vkey: &str) -> bool {
    let key = VerifierKey::parse(vkey).expect("a vkey");
    proof
        .verify(&Policy::of_log(key).expect("a log's key"))
        .is_ok()
}

fn show(data: &Path) -> Value {
    run(&[
        "key",
        "show",
        "--data",
        data.to_str().expect("text"),
        "--output",
        "json",
    ])
    .ok()
    .json()
}

/// The newest entry of a log's own with that action.
fn own_entry(server: &Program, action: &str) -> Value {
    let (_, listing) = get(
        server,
        &format!("/v1/entries?organization=acme&category=audit&action={action}"),
    );
    let listing: Value = serde_json::from_str(&listing).expect("JSON");
    let entries = listing["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 1, "{listing}");
    entries[0].clone()
}

#[test]
fn the_key_shown_is_the_one_that_verifies_what_is_served() {
    let dir = directory();
    let data = dir.path().join("data");
    let server = Program::serve_with(&data, "127.0.0.1:0", |serve| {
        let mut command = crate::program::command(serve);
        command.args([
            "--public-host",
            "audit.example.org",
            "--public-host",
            "other.example",
        ]);
        command
    });
    for log in ["acme", "globex"] {
        record(&server, log, 0..3);
    }
    // Beside the running server, and after it.
    let shown = show(&data);
    let (_, logs) = get(&server, "/v1/logs");
    let logs: Value = serde_json::from_str(&logs).expect("JSON");
    for (shown, log) in shown
        .as_array()
        .expect("rows")
        .iter()
        .zip(logs["logs"].as_array().expect("logs"))
    {
        for member in ["organization", "origin", "vkey", "vkeys"] {
            assert_eq!(shown[member], log[member]);
        }
    }
    assert_eq!(shown[0]["origin"], "audit.example.org/v1/logs/acme");
    let (_, note) = get(&server, "/v1/logs/acme/checkpoint");
    let signed = SignedCheckpoint::parse(note.as_bytes()).expect("a checkpoint");
    let vkey = VerifierKey::parse(shown[0]["vkey"].as_str().expect("text")).expect("a vkey");
    Policy::of_log(vkey)
        .expect("a log's key")
        .accept(&signed)
        .expect("signed by it");
    let private = std::fs::read_to_string(data.join("key.pem")).expect("the key");
    let secret = private.lines().nth(1).expect("a line");
    drop(server);
    assert_eq!(show(&data), shown);
    let data = data.to_str().expect("text");
    for output in ["table", "csv", "ndjson"] {
        let said = run(&["key", "show", "--data", data, "--output", output]).ok();
        assert!(
            said.out.contains("acme") && !said.out.contains(secret),
            "{said:?}"
        );
    }
}

#[test]
fn the_name_of_a_log_is_that_of_its_first_start_and_no_command_makes_a_directory() {
    let dir = directory();
    let data = dir.path().join("data");
    drop(Program::serve_with(&data, "127.0.0.1:0", |serve| {
        let mut command = crate::program::command(serve);
        command.args(["--public-host", "audit.example.org"]);
        command
    }));
    let data = data.to_str().expect("text");
    let one = [
        "key",
        "show",
        "--data",
        data,
        "--organization",
        "new",
        "--output",
        "json",
    ];
    let one = run(&one).ok().json();
    assert_eq!(one[0]["origin"], "audit.example.org/v1/logs/new");

    let other = run(&[
        "serve",
        "--data",
        data,
        "--listen",
        "127.0.0.1:0",
        "--public-host",
        "other.example",
    ]);
    assert_eq!(other.exit, 1, "{other:?}");
    assert!(other.err.contains("audit.example.org"), "{other:?}");
    let nowhere = dir.path().join("nowhere");
    for command in ["show", "rotate", "recover"] {
        let mut arguments = vec!["key", command, "--data", nowhere.to_str().expect("text")];
        if command == "recover" {
            arguments.extend(["--reason", "because"]);
        }
        let refused = run(&arguments);
        assert_eq!(refused.exit, 1, "{refused:?}");
        assert!(!nowhere.exists(), "{command} made a directory");
    }
}

#[test]
fn after_a_rotation_old_keys_and_new_ones_verify_and_the_log_says_so() {
    let dir = directory();
    let data = dir.path().join("data");
    let text = data.to_str().expect("text").to_owned();
    let server = Program::serve(&data);
    record(&server, "acme", 0..3);
    let before = proof(&server, 1);
    let old = vkeys(&show(&data)[0]);
    let in_use = run(&["key", "rotate", "--data", &text]);
    assert_eq!(in_use.exit, 1, "{in_use:?}");
    assert!(in_use.err.contains("in use"), "{in_use:?}");
    drop(server);
    let rotated = run(&[
        "key",
        "rotate",
        "--data",
        &text,
        "--reason",
        "a laptop was lost",
        "--actor",
        "dana",
        "--output",
        "json",
    ])
    .ok();
    let new = vkeys(&rotated.json()[0]);
    assert_eq!((new.len(), &new[1..]), (2, &old[..]));

    let server = Program::serve(&data);
    record(&server, "acme", 3..5);
    let after = proof(&server, 1);
    assert!(
        verifies(&before, &new[1]) && !verifies(&before, &new[0]),
        "the old proof is the old key's"
    );
    assert!(
        verifies(&after, &new[0]) && verifies(&after, &new[1]),
        "both sign now"
    );
    let signers: Vec<String> = after
        .checkpoint
        .to_string()
        .lines()
        .filter(|line| line.starts_with('—'))
        .map(str::to_owned)
        .collect();
    assert_eq!(signers.len(), 2);
    let entry = own_entry(&server, "rotateLogKey");
    assert_eq!(entry["actor"]["name"], "dana");
    assert_eq!(
        entry["context"],
        json!({"new_vkey": new[0], "old_vkey": new[1], "reason": "a laptop was lost"})
    );
    let (_, logs) = get(&server, "/v1/logs");
    assert!(logs.contains(&new[0]) && logs.contains(&new[1]), "{logs}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for found in std::fs::read_dir(from).expect("a directory") {
        let found = found.expect("readable");
        let to = to.join(found.file_name());
        match found.file_type().expect("a kind").is_dir() {
            true => copy(&found.path(), &to),
            false => drop(std::fs::copy(found.path(), to).expect("copied")),
        }
    }
}

/// A log of which the last three entries are lost: put back from a backup after they were proven.
struct Restored {
    data: PathBuf,
    /// The proof of an entry that is gone.
    lost: LogProof,
    vkey: String,
}

fn restored(dir: &Path) -> Restored {
    let (data, backup) = (dir.join("data"), dir.join("backup"));
    let server = Program::serve(&data);
    record(&server, "acme", 0..3);
    record(&server, "globex", 0..3);
    drop(server);
    copy(&data, &backup);
    let server = Program::serve(&data);
    record(&server, "acme", 3..6);
    let lost = proof(&server, 5);
    let vkey = vkeys(&show(&data)[0]).remove(0);
    drop(server);
    std::fs::remove_dir_all(&data).expect("removed");
    copy(&backup, &data);
    Restored { data, lost, vkey }
}

#[test]
fn a_restored_backup_signs_nothing_until_its_loss_is_accepted_and_then_under_another_name() {
    let dir = directory();
    let Restored { data, lost, vkey } = restored(dir.path());
    let text = data.to_str().expect("text").to_owned();
    let server = Program::serve(&data);
    let (ready, said) = get(&server, "/readyz");
    assert_eq!(ready, 500, "{said}");
    assert!(said.contains("key recover"), "{said}");
    let refused = record(&server, "acme", 6..7);
    assert_eq!(refused["status"], 500, "{refused}");
    // Others go on, and what is left can be read.
    assert_eq!(record(&server, "globex", 3..4)["accepted"], 1);
    assert_eq!(get(&server, &format!("/v1/entries/{}", uuid(1))).0, 200);
    drop(server);

    let recovered = run(&[
        "key",
        "recover",
        "--data",
        &text,
        "--reason",
        "the disk was lost",
        "--actor",
        "dana",
        "--output",
        "json",
    ])
    .ok();
    assert_eq!(
        recovered.json().as_array().map(Vec::len),
        Some(1),
        "{recovered:?}"
    );
    let new = recovered.json()[0].clone();
    assert!(
        new["origin"]
            .as_str()
            .expect("text")
            .ends_with("/v1/logs/acme~2"),
        "{new}"
    );
    let again = ["key", "recover", "--data", &text, "--reason", "once more"];
    let again = run(&again).ok();
    assert!(again.err.contains("no log needs it"), "{again:?}");

    let server = Program::serve(&data);
    assert_eq!(get(&server, "/readyz").0, 200);
    assert_eq!(record(&server, "acme", 6..8)["accepted"], 2);
    let proven = proof(&server, 7);
    assert!(verifies(&proven, &vkeys(&new)[0]) && !verifies(&proven, &vkey));
    assert!(verifies(&lost, &vkey), "what was proven stays proven");
    let entry = own_entry(&server, "recoverLog");
    assert_eq!(
        (&entry["actor"]["name"], &entry["context"]["reason"]),
        (&json!("dana"), &json!("the disk was lost"))
    );
    is_found_under(
        &server,
        &["acme", "acme~2"],
        new["origin"].as_str().expect("text"),
    );
}

/// The log is there under these names, and under no other like them.
fn is_found_under(server: &Program, names: &[&str], origin: &str) {
    for name in names {
        let (status, note) = get(server, &format!("/v1/logs/{name}/checkpoint"));
        assert_eq!((status, note.lines().next()), (200, Some(origin)), "{name}");
    }
    for name in ["acme~1", "acme~3", "globex~2"] {
        assert_eq!(
            get(server, &format!("/v1/logs/{name}/checkpoint")).0,
            404,
            "{name}"
        );
    }
}
