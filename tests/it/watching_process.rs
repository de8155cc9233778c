//! What the process itself does is in the log: that it starts and stops, and with other settings than before; above all that a
//! directory whose door was guarded is opened to everybody on the machine, which once left nothing at all.

use crate::cli_access::{House, guarded};
use crate::program::Program;
use serde_json::Value;
use std::fs;

/// What this process did, oldest first, by the words that count.
fn acts(house: &House) -> Vec<String> {
    let query =
        "search action:startServer~OR~action:stopServer~OR~action:changeConfig --limit 100 -o json";
    let found = house.owner(query).ok().json();
    let mut all: Vec<&Value> = found.as_array().expect("entries").iter().collect();
    all.sort_by_key(|entry| entry["seq"].as_u64());
    all.iter().map(|entry| said(entry)).collect()
}

fn said(entry: &Value) -> String {
    assert_eq!(entry["actor"]["name"], "mar-audit", "{entry}");
    assert_eq!(entry["category"], "audit", "{entry}");
    let action = entry["action"].as_str().unwrap_or_default();
    let settings = entry["context"]["settings"].as_array();
    let access = { settings.into_iter().flatten() }.find(|one| one["name"] == "access");
    match access {
        Some(access) => {
            let word = |when: &str| access[when].as_str().unwrap_or_default().trim_matches('"');
            format!("{action} access {} {}", word("before"), word("after"))
        }
        None => action.to_owned(),
    }
}

#[test]
fn a_guarded_directory_that_is_opened_says_so() {
    let House { dir, server } = House::new();
    let data = dir.path().join("data");
    assert_eq!(server.stop(), 0);
    let open = Program::serve(&data);
    assert!(
        !open.all("").is_empty(),
        "everything is read by whoever likes"
    );
    assert_eq!(open.stop(), 0);
    let house = House {
        dir,
        server: guarded(&data),
    };
    let expected = [
        "startServer",
        "stopServer",
        "startServer",
        "changeConfig access required open",
        "stopServer",
        "startServer",
        "changeConfig access open required",
    ];
    assert_eq!(acts(&house), expected);
}

#[test]
fn another_setting_is_told_before_it_is_taken_for_known() {
    let House { dir, server } = House::new();
    let data = dir.path().join("data");
    assert_eq!(server.stop(), 0);
    // As a start leaves it that was killed before the log had the entry: the settings of the one before.
    let file = data.join("settings");
    let kept = fs::read(&file).expect("what the last start had");
    let other = |data| {
        Program::serve_with(data, "127.0.0.1:0", |arguments| {
            let mut command = crate::program::command(arguments);
            command.args([
                "--access",
                "required",
                "--embed-origin",
                "https://console.example",
            ]);
            command
        })
    };
    assert_eq!(other(&data).stop(), 0);
    fs::write(&file, kept).expect("put back");
    assert_eq!(other(&data).stop(), 0);
    let house = House {
        dir,
        server: other(&data),
    };
    let changes = acts(&house);
    let changes = changes.iter().filter(|act| *act == "changeConfig").count();
    assert_eq!(changes, 2, "one of each start that took it for new");
}

#[test]
fn a_directory_that_was_never_guarded_is_not_watched() {
    let dir = crate::program::directory();
    let data = dir.path().join("data");
    assert_eq!(Program::serve(&data).stop(), 0);
    let server = Program::serve(&data);
    assert_eq!(server.all(""), Vec::<Value>::new());
    assert_eq!(server.stop(), 0);
}
