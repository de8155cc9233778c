//! A source that goes by a table of its user's own: what it sends that the usual table does not know becomes entries.

use crate::sources_kubernetes::total;
use crate::test_server::{Answer, TestServer};
use mar_audit::app::Settings;
use mar_audit::intake::shelf::SourceName;
use mar_audit::intake::tables::{Row, Tables};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// What the door system says, behind the member that a protocol puts it in.
fn table(at: &str) -> String {
    format!(
        r#"
name = "gate"
title = "Door system"
recognise = {{ any = ["{at}/what"] }}
time = ["{at}/at"]
action = {{ from = "{at}/what", values = {{ DOOR_OPENED = "door.opened" }} }}

[actor]
id = "{at}/badge"

[[target]]
type = "door"
id = "{at}/door"

[result]
from = "{at}/ok"
success = ["Y"]
failure = ["N"]
"#
    )
}

fn settings(dir: &Path, rows: &[(&str, Option<&str>, &str)]) -> Settings {
    let row = |(name, organization, at): &(&str, Option<&str>, &str)| {
        let mapping: PathBuf = dir.join(format!("{name}-{}.toml", organization.unwrap_or("any")));
        fs::write(&mapping, table(at)).expect("written");
        Row {
            name: SourceName::parse(name).expect("a name"),
            organization: organization.map(|of| entry::Organization::parse(of).expect("a slug")),
            mapping,
        }
    };
    let rows: Vec<Row> = rows.iter().map(row).collect();
    Settings {
        tables: Tables::read(&rows).expect("good tables"),
        ..Settings::default()
    }
}

fn door(n: u32) -> Value {
    json!({"at": "2026-10-04T05:06:07Z", "what": "DOOR_OPENED", "badge": format!("b-{n}"), "door": "d-9", "ok": "N"})
}

fn cloud(n: u32) -> Value {
    json!({"specversion": "1.0", "id": n.to_string(), "source": "/gate", "type": "x.y", "data": door(n)})
}

fn deliver(server: &TestServer, organization: &str, event: &Value) -> Answer {
    let path = format!("/v1/sources/cloudevents/gate?organization={organization}");
    let kind = [("content-type", "application/cloudevents+json")];
    server.send("POST", &path, &kind, event.to_string().as_bytes())
}

#[test]
fn a_named_source_goes_by_a_table_of_ones_own_over_each_protocol() {
    let dir = tempfile::tempdir().expect("a directory");
    let rows = [
        ("gate", None, "/data"),
        ("gate-hec", None, "/event"),
        ("gate-es", None, "/doc"),
        ("gate-otlp", None, "/body"),
    ];
    let server = TestServer::with(settings(dir.path(), &rows));
    assert_eq!(deliver(&server, "acme", &cloud(1)).json()["stored"], 1);
    let hec = json!({ "event": door(2) }).to_string();
    let hec = server.post("/v1/sources/hec/gate-hec/services/collector", hec);
    assert_eq!(hec.json()["code"], 0, "{}", hec.text());
    let bulk = format!("{{\"create\":{{}}}}\n{}\n", door(3));
    let kind = [("content-type", "application/x-ndjson")];
    let bulk = server.send(
        "POST",
        "/v1/sources/elastic/gate-es/_bulk",
        &kind,
        bulk.as_bytes(),
    );
    assert_eq!(
        bulk.json()["items"][0]["create"]["status"],
        201,
        "{}",
        bulk.text()
    );
    let text = |key: &str, value: &Value| json!({"key": key, "value": {"stringValue": value}});
    let door = door(4);
    let members = door.as_object().expect("members").iter();
    let body: Vec<Value> = members.map(|(key, value)| text(key, value)).collect();
    // The service is the source.
    let otlp = json!({"resourceLogs": [{
        "resource": {"attributes": [text("service.name", &json!("gate-otlp"))]},
        "scopeLogs": [{"logRecords": [{"body": {"kvlistValue": {"values": body}}}]}],
    }]});
    let otlp = server.post("/v1/logs", otlp.to_string());
    assert_eq!((otlp.status, otlp.text()), (200, "{}"));
    assert_eq!(
        total(&server, "action=door.opened&result=failure&target=d-9"),
        4
    );
    // Any other source goes by the protocol's.
    let other = json!({"event": {"action": "login", "user": "ana"}}).to_string();
    assert_eq!(server.post("/services/collector", other).json()["code"], 0);
    assert_eq!(total(&server, "action=login"), 1);
}

/// What was kept before there was a table, or by a wrong one, becomes entries after a restart with a right one.
#[test]
fn a_replay_goes_by_the_table_of_now() {
    let dir = tempfile::tempdir().expect("a directory");
    let wrong = [("gate", Some("acme"), "/nowhere")];
    let server = TestServer::with(settings(dir.path(), &wrong));
    let kept = deliver(&server, "acme", &cloud(1));
    assert_eq!(kept.json()["quarantined"], 1, "{}", kept.text());
    // The table is that organization's alone: another's source of the same name goes by the usual one.
    assert_eq!(deliver(&server, "globex", &cloud(2)).json()["stored"], 1);
    assert_eq!(total(&server, "action=x.y"), 1);
    let replay = "/v1/sources/gate/quarantine/replay?organization=acme";
    assert_eq!(server.post(replay, "{}").json()["stay"], 1);
    let right = [("gate", Some("acme"), "/data")];
    let server = server.restart_with(settings(dir.path(), &right));
    let replayed = server.post(replay, "{}");
    assert_eq!(replayed.json()["stored"], 1, "{}", replayed.text());
    assert_eq!(total(&server, "organization=acme&action=door.opened"), 1);
    // Sent again, it is known.
    assert_eq!(deliver(&server, "acme", &cloud(1)).json()["duplicates"], 1);
}

#[test]
fn a_table_that_cannot_be_used_is_named_with_its_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let row = |file: &str| Row {
        name: SourceName::parse("gate").expect("a name"),
        organization: None,
        mapping: dir.path().join(file),
    };
    let missing = Tables::read(&[row("none.toml")]).expect_err("no file");
    assert!(missing.to_string().contains("none.toml"), "{missing}");
    fs::write(
        dir.path().join("bad.toml"),
        "name = \"gate\"\naction = \"/x\"\ncolour = 1\n",
    )
    .expect("written");
    let bad = Tables::read(&[row("bad.toml")])
        .expect_err("no table")
        .to_string();
    assert!(bad.contains("bad.toml") && bad.contains("colour"), "{bad}");
}
