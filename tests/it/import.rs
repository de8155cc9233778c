//! Real audit data through the real program: counted through the API, to the number.

use crate::program::{Done, Program, directory};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The recorded data; `None` on a machine that does not have it, where these tests say so and pass.
fn fixtures() -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("MAR_AUDIT_FIXTURES").map(PathBuf::from);
    let places = named
        .into_iter()
        .chain(["../shared/fixtures", "../../shared/fixtures"].map(|place| home.join(place)));
    let found = places
        .into_iter()
        .find(|place| place.join("EXPECTED.json").exists());
    if found.is_none() {
        eprintln!(
            "skipped: no recorded data beside the project; MAR_AUDIT_FIXTURES names another place"
        );
    }
    found
}

fn expected(fixtures: &Path) -> Value {
    let text = std::fs::read_to_string(fixtures.join("EXPECTED.json")).expect("readable");
    serde_json::from_str(&text).expect("JSON")
}

fn files(dir: &Path) -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(dir)
        .expect("a directory")
        .map(|file| {
            file.expect("a file")
                .path()
                .to_str()
                .expect("text")
                .to_owned()
        })
        .collect();
    files.sort();
    files
}

/// Imports with refusals kept in the test's own directory; the counts.
fn import(server: &Program, format: &str, files: &[&str], more: &[&str]) -> Value {
    let refused = server.data.with_file_name("refused.ndjson");
    let mut arguments = vec![
        "import",
        "--format",
        format,
        "-o",
        "json",
        "--refused",
        refused.to_str().expect("text"),
    ];
    arguments.extend(more);
    arguments.extend(files);
    let done = server.run(&arguments);
    let counts = done.json();
    assert_eq!(
        done.exit,
        if counts["refused"] == 0 { 0 } else { 6 },
        "{done:?}"
    );
    counts
}

fn numbers(value: &Value) -> BTreeMap<String, u64> {
    let members = value.as_object().expect("an object");
    members
        .iter()
        .map(|(name, n)| (name.clone(), n.as_u64().expect("a number")))
        .collect()
}

#[test]
fn the_recorded_kubernetes_log_is_reproduced_to_the_number() {
    let Some(fixtures) = fixtures() else { return };
    let expected = &expected(&fixtures)["kubernetes/kube-apiserver/audit_shared.ndjson"];
    let file = fixtures.join("kubernetes/kube-apiserver/audit_shared.ndjson");
    let file = file.to_str().expect("text");
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let counts = import(&server, "kubernetes", &[file], &["--organization", "k8s"]);
    assert_eq!(counts["read"], expected["lines"]);
    assert_eq!(
        (&counts["accepted"], &counts["refused"]),
        (&expected["entries"], &0.into())
    );

    let k8s = "organization=k8s";
    assert_eq!(server.count(k8s), expected["entries"]);
    assert_eq!(
        server.count(&format!("{k8s}&result=failure")),
        expected["failure"]
    );
    assert_eq!(
        server.count(&format!(
            "{k8s}&context.kubernetes.verb=create,update,patch,delete,deletecollection"
        )),
        expected["writes"]
    );
    let denied_reads =
        format!("{k8s}&context.kubernetes.verb=get,list,watch&context.kubernetes.code=401,403");
    assert_eq!(
        server.count(&format!("{k8s}&-context.noise=read")),
        expected["writes"].as_u64().expect("a number") + server.count(&denied_reads)
    );
    assert_eq!(
        server.count(&format!("{denied_reads}&has=context.noise")),
        0
    );
    for (member, field) in [("by_verb", "verb"), ("by_code", "code")] {
        for (value, n) in numbers(&expected[member]) {
            assert_eq!(
                server.count(&format!("{k8s}&context.kubernetes.{field}={value}")),
                n,
                "{field} {value}"
            );
        }
    }
    assert_eq!(
        server.counts("actor", k8s),
        numbers(&expected["actors_authenticated"])
    );
    assert_eq!(
        server.counts("request_id", k8s).len() as u64,
        1000,
        "as many as are asked for: one request, one entry"
    );
    let again = import(&server, "kubernetes", &[file], &["--organization", "k8s"]);
    assert_eq!(
        (&again["accepted"], &again["duplicates"]),
        (&0.into(), &expected["entries"])
    );
}

/// The bounds, addresses and identities of recorded CloudTrail data.
fn check_cloudtrail(folder: &str) {
    let Some(fixtures) = fixtures() else { return };
    let expected = &expected(&fixtures)[format!("{folder}/")];
    let files = files(&fixtures.join(folder));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let counts = import(&server, "cloudtrail", &files, &[]);
    assert_eq!(
        (
            &counts["accepted"],
            &counts["refused"],
            &counts["duplicates"]
        ),
        (&expected["events"], &0.into(), &0.into())
    );

    assert_eq!(server.count("result=failure"), expected["failure"]);
    for (code, n) in numbers(&expected["failure_by_errorCode"]) {
        assert_eq!(
            server.count(&format!(
                "result=failure&context.cloudtrail.errorCode={code}"
            )),
            n,
            "{code}"
        );
    }
    let actions = server.counts("action", "");
    assert_eq!(actions.len() as u64, expected["event_names"]);
    for (action, n) in numbers(&expected["top_actions"]) {
        assert_eq!(actions[&action], n, "{action}");
    }
    assert_eq!(server.count("-has=request_id"), expected["no_request_id"]);
    assert_eq!(
        server.count("context.cloudtrail.readOnly=true"),
        expected["read_only"]
    );
    let denied = "context.cloudtrail.errorCode=*AccessDenied*,*Unauthorized*";
    assert!(server.count(denied) > 0);
    assert_eq!(server.count(&format!("{denied}&has=context.noise")), 0);
    for (kind, n) in numbers(&expected["identity_types"]) {
        let count = match kind.as_str() {
            "None" => server.count("-has=context.cloudtrail.userIdentity.type"),
            kind => server.count(&format!("context.cloudtrail.userIdentity.type={kind}")),
        };
        assert_eq!(count, n, "{kind}");
    }
    let entries = server.all("");
    let no_address = entries
        .iter()
        .filter(|e| entry::address::parse_ip(e["request"]["ip"].as_str().unwrap_or("")).is_none());
    assert_eq!(no_address.count() as u64, expected["source_not_ip"]);
    let mut times: Vec<&str> = entries
        .iter()
        .map(|e| e["timestamp"].as_str().expect("text"))
        .collect();
    times.sort_unstable();
    let seconds = |time: &str| format!("{}Z", &time[..19]);
    assert_eq!(seconds(times[0]), expected["first"]);
    assert_eq!(seconds(times[times.len() - 1]), expected["last"]);
    let again = import(&server, "cloudtrail", &files, &[]);
    assert_eq!(again["duplicates"], expected["events"]);
}

#[test]
fn the_recorded_invictus_trail_is_reproduced_to_the_number() {
    check_cloudtrail("cloudtrail/invictus");
}

#[test]
fn the_recorded_stratus_trails_are_reproduced_to_the_number() {
    check_cloudtrail("cloudtrail/stratus");
}

#[test]
fn a_batch_that_the_api_server_sends_again_is_stored_once() {
    let Some(fixtures) = fixtures() else { return };
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    for folder in ["webhook_batch", "webhook_blocking"] {
        let files = files(&fixtures.join("kubernetes/kube-apiserver").join(folder));
        let files: Vec<&str> = files
            .iter()
            .map(String::as_str)
            .filter(|f| !f.ends_with("requests.ndjson"))
            .collect();
        let counts = import(&server, "kubernetes", &files, &["--organization", folder]);
        let number = |name: &str| counts[name].as_u64().expect("a count");
        assert_eq!(number("refused"), 0);
        assert_eq!(
            number("read"),
            number("accepted") + number("duplicates") + number("skipped")
        );
        // Batch 3 was answered 500, so 4 and 5 are the same bytes.
        assert_eq!(
            number("duplicates") > 0,
            folder == "webhook_batch",
            "{counts}"
        );
        let mut ids = std::collections::BTreeSet::new();
        for entry in server.all(&format!("organization={folder}")) {
            let source = &entry["source"]["event_id"];
            assert!(ids.insert(source.to_string()), "{source} is stored twice");
        }
        assert_eq!(ids.len() as u64, number("accepted"));
    }
}

#[test]
fn samples_of_every_origin_are_taken_or_refused_with_a_reason() {
    let Some(fixtures) = fixtures() else { return };
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let falco = files(&fixtures.join("kubernetes/falco"));
    let falco: Vec<&str> = falco.iter().map(String::as_str).collect();
    let counts = import(&server, "kubernetes", &falco, &[]);
    assert_eq!(
        (&counts["accepted"], &counts["refused"]),
        (&19.into(), &1.into()),
        "{{\"kind\": 0}} is no event"
    );
    for (format, file, accepted, refused) in [
        (
            "kubernetes",
            "kubernetes/negative_k8s_events_not_audit.ndjson",
            0,
            20,
        ),
        ("kubernetes", "kubernetes/openshift_single-event.json", 1, 0),
        ("kubernetes", "kubernetes/panther_eks_audit.ndjson", 80, 0),
        (
            "cloudtrail",
            "cloudtrail/panther_aws_cloudtrail.ndjson",
            218,
            1,
        ),
        (
            "cloudtrail",
            "cloudtrail/cribl_cloudtrail_raw.ndjson",
            44,
            0,
        ),
        ("cloudtrail", "cloudtrail/crowdsec_aws-cloudtrail.log", 2, 0),
        (
            "cloudtrail",
            "cloudtrail/opensearch_cloudtrail-sample.json",
            1,
            0,
        ),
        ("cloudtrail", "cloudtrail/plaso_aws_cloudtrail.jsonl", 6, 0),
        // A stranger's format is refused line by line, not half understood.
        ("cloudtrail", "github/panther_github_audit.ndjson", 0, 43),
        ("mar", "auth0/panther_auth0_events.ndjson", 0, 15),
    ] {
        let path = fixtures.join(file);
        let counts = import(
            &server,
            format,
            &[path.to_str().expect("text")],
            &["--organization", "samples"],
        );
        let stored = counts["accepted"].as_u64().expect("a count")
            + counts["duplicates"].as_u64().expect("a count");
        let lines = counts["read"].as_u64().expect("a count");
        if refused == 0 || accepted == 0 {
            assert_eq!(
                counts["refused"].as_u64().expect("a count"),
                if accepted == 0 { lines } else { 0 },
                "{file}: {counts}"
            );
        } else {
            assert_eq!(counts["refused"], refused, "{file}: {counts}");
        }
        assert!(accepted == 0 || stored == accepted, "{file}: {counts}");
    }
}

fn event(audit_id: &str, stage: &str, more: &str) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"{audit_id}","stage":"{stage}","verb":"create",
           "requestURI":"/api/v1/namespaces","objectRef":{{"resource":"namespaces","name":"a"}},"sourceIPs":["203.0.113.7","10.0.0.1"],
           "requestReceivedTimestamp":"2026-11-23T09:00:00.000001Z"{more}}}"#
    )
    .replace('\n', " ")
}

fn import_text(server: &Program, format: &str, text: &str) -> Value {
    let refused = server.data.with_file_name("refused.ndjson");
    let done = server.run_with_stdin(
        &[
            "import",
            "--format",
            format,
            "-o",
            "json",
            "--refused",
            refused.to_str().expect("text"),
            "-",
        ],
        text.as_bytes(),
    );
    done.json()
}

/// Six requests in ten events, not all in order.
fn stages() -> [String; 10] {
    let ana = r#","user":{"username":"ana@acme.example"},"responseStatus":{"code":200}"#;
    let nobody =
        r#","user":{},"responseStatus":{"code":401,"status":"Failure","message":"Unauthorized"}"#;
    let boss = r#","user":{"username":"root"},"impersonatedUser":{"username":"bo@acme.example","groups":["g"]},"responseStatus":{"code":201}"#;
    [
        event(
            "watch",
            "RequestReceived",
            r#","user":{"username":"ana@acme.example"}"#,
        ),
        event("watch", "ResponseStarted", ana),
        event("unauthenticated", "ResponseStarted", nobody),
        event("watch", "ResponseComplete", ana),
        // Logs are not in order: what started may be written after what completed.
        event("late", "ResponseComplete", ana),
        event("late", "ResponseStarted", ana),
        event("open", "ResponseStarted", ana),
        event("panic", "RequestReceived", ana),
        event(
            "panic",
            "Panic",
            r#","user":{"username":"ana@acme.example"},"responseStatus":{"code":500,"message":"panic'd"}"#,
        ),
        event("as", "ResponseComplete", boss),
    ]
}

#[test]
fn an_entry_is_the_last_stage_of_its_request() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let lines = stages();
    let counts = import_text(&server, "kubernetes", &lines.join("\n"));
    assert_eq!(
        (&counts["accepted"], &counts["skipped"], &counts["refused"]),
        (&6.into(), &4.into(), &0.into()),
        "{counts}"
    );
    let one = |id: &str| {
        let mut found = server.all(&format!("request_id={id}"));
        assert_eq!(found.len(), 1, "{id}");
        found.remove(0)
    };
    assert_eq!(
        one("watch")["context"]["kubernetes"]["stage"],
        "ResponseComplete"
    );
    assert_eq!(
        one("late")["context"]["kubernetes"]["stage"],
        "ResponseComplete"
    );
    assert_eq!(
        one("open")["context"]["kubernetes"]["stage"],
        "ResponseStarted"
    );
    let refused = one("unauthenticated");
    assert_eq!(
        (
            &refused["actor"]["type"],
            &refused["result"],
            &refused["error"]["code"]
        ),
        (&"anonymous".into(), &"failure".into(), &"401".into())
    );
    assert_eq!(one("panic")["result"], "failure");
    let impersonated = one("as");
    assert_eq!(impersonated["actor"]["name"], "root");
    assert_eq!(
        impersonated["actor"]["on_behalf_of"]["email"],
        "bo@acme.example"
    );
    assert_eq!(
        impersonated["request"]["ip"], "10.0.0.1",
        "the peer, not what a header claims"
    );
    assert_eq!(
        impersonated["context"]["kubernetes"]["sourceIPs"][0],
        "203.0.113.7"
    );
    assert_eq!(
        (&impersonated["action"], &impersonated["target"]["type"]),
        (&"createCluster".into(), &"cluster".into())
    );
}

#[test]
fn nobody_takes_over_an_entry_by_its_audit_id() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let by = |name: &str| {
        event(
            "chosen-by-the-client",
            "ResponseComplete",
            &format!(r#","user":{{"username":"{name}"}},"responseStatus":{{"code":200}}"#),
        )
    };
    let counts = import_text(
        &server,
        "kubernetes",
        &format!("{}\n{}\n{}", by("ana"), by("system:anonymous"), by("ana")),
    );
    assert_eq!(
        (&counts["accepted"], &counts["duplicates"]),
        (&2.into(), &1.into())
    );
    let group = server.counts("actor", "request_id=chosen-by-the-client");
    assert_eq!(
        group,
        BTreeMap::from([("ana".to_owned(), 1), ("system:anonymous".to_owned(), 1)])
    );
}

#[test]
fn what_is_refused_is_kept_as_it_stood_and_the_rest_is_stored() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    // An event id that is empty is no identity.
    let good = r#"{"actor":{"type":"user","id":"u"},"action":"login","result":"success","source":{"name":"s","event_id":""}}"#;
    let bad = r#"{"actor":{"type":"user","id":"u"},"action":"login","result":"perhaps"}"#;
    let broken = r#"{"actor":{"type":"user","id":"é"#;
    let file = dir.path().join("mixed.ndjson");
    let mut bytes = format!("{good}\n{bad}\n{broken}\n{good}\n").into_bytes();
    bytes.extend_from_slice(b"\"\xff\xfe\"\n");
    std::fs::write(&file, &bytes).expect("written");
    let name = file.to_str().expect("text");
    let done = server.run(&["import", "--format", "mar", name]);
    assert_eq!(done.exit, 6, "{done:?}");
    let kept = std::fs::read_to_string(dir.path().join("mixed.ndjson.refused.ndjson"))
        .expect("kept beside");
    let kept: Vec<Value> = kept
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let raws: Vec<&str> = kept
        .iter()
        .map(|line| {
            line["raw"]
                .as_str()
                .or(line["raw_hex"].as_str())
                .expect("raw")
        })
        .collect();
    assert_eq!(raws, [bad, broken, "22fffe22"]);
    let lines: Vec<u64> = kept
        .iter()
        .map(|line| line["line"].as_u64().expect("a line"))
        .collect();
    assert_eq!(lines, [2, 3, 5]);
    assert!(
        kept[0]["reason"]
            .as_str()
            .expect("a reason")
            .contains("/result"),
        "{}",
        kept[0]
    );
    // Equal drafts at two places are two entries; the same file again adds none.
    assert_eq!(server.count("action=login"), 2);
    let again = server.run(&["import", "--format", "mar", "-o", "json", name]);
    assert_eq!(again.json()["duplicates"], 2);
}

/// The second import from stdin emptied the file that held what the first could not store: the only copy.
#[test]
fn what_one_import_kept_the_next_leaves_alone() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let wanted = dir.path().join("import.refused.ndjson");
    let wanted = wanted.to_str().expect("text");
    let kept: Vec<String> = ["{\"first\":1}", "{\"second\":2}", "{\"third\":3}"]
        .map(|item| {
            let command = [
                "import",
                "--format",
                "mar",
                "-o",
                "json",
                "--refused",
                wanted,
                "-",
            ];
            let done = server.run_with_stdin(&command, item.as_bytes());
            let told = done.json()["refused_files"][0].clone();
            std::fs::read_to_string(told.as_str().expect("a path")).expect("kept")
        })
        .into();
    let now = ["", "-2", "-3"].map(|number| {
        let path = dir.path().join(format!("import.refused{number}.ndjson"));
        std::fs::read_to_string(path).expect("kept")
    });
    assert_eq!(now.to_vec(), kept);
    for (text, item) in now.iter().zip(["first", "second", "third"]) {
        assert!(text.contains(item) && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn compressed_files_and_stdin_are_what_they_hold() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let entry = |n: u32| {
        format!(
            "{{\"id\":\"00000000-0000-7000-8000-{n:012}\",\"actor\":{{\"type\":\"user\",\"id\":\"u\"}},\"action\":\"login\",\"result\":\"success\"}}\n"
        )
    };
    let text: String = (0..5_000).map(entry).collect();
    let plain = dir.path().join("plain");
    std::fs::write(&plain, &text).expect("written");
    let gzip = dir.path().join("by-its-first-bytes");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Two members, as log rotation makes them.
    packed
        .write_all(&text.as_bytes()[..text.len() / 2])
        .expect("memory");
    let mut members = packed.finish().expect("memory");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(&text.as_bytes()[text.len() / 2..])
        .expect("memory");
    members.extend(packed.finish().expect("memory"));
    std::fs::write(&gzip, &members).expect("written");
    let zstd = dir.path().join("z");
    std::fs::write(&zstd, zstd::encode_all(text.as_bytes(), 1).expect("memory")).expect("written");
    let counts = import(&server, "mar", &[plain.to_str().expect("text")], &[]);
    assert_eq!(counts["accepted"], 5_000);
    for file in [gzip, zstd] {
        let counts = import(&server, "mar", &[file.to_str().expect("text")], &[]);
        assert_eq!(
            (&counts["duplicates"], &counts["refused"]),
            (&5_000.into(), &0.into())
        );
    }
    let done = server
        .run_with_stdin(
            &["import", "--format", "mar", "-o", "json", "-"],
            text.as_bytes(),
        )
        .ok();
    assert_eq!(done.json()["duplicates"], 5_000);

    let cut = dir.path().join("cut.gz");
    std::fs::write(&cut, &members[..members.len() - 100]).expect("written");
    let done = server.run(&["import", "--format", "mar", cut.to_str().expect("text")]);
    assert_eq!(done.exit, 1, "a cut file is no success: {done:?}");
}

#[test]
fn an_export_is_imported_elsewhere_as_it_was() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let lines = [
        r#"{"actor":{"type":"user","name":"Ana"},"action":"createCluster","result":"success","context":{"n":1.0e2,"s":"\u202e \ud83d\ude00"}}"#,
        r#"{"actor":{"type":"system","id":"s"},"action":"x","category":"webhook","result":"failure","error":{"code":"1"},"scope":{"organization":"acme"}}"#,
    ];
    server
        .run_with_stdin(&["record", "-"], lines.join("\n").as_bytes())
        .ok();
    let other = Program::serve(&dir.path().join("other"));
    for format in ["ndjson", "json"] {
        let file = dir.path().join(format);
        let name = file.to_str().expect("text");
        server
            .run(&["export", "--format", format, "--out", name])
            .ok();
        let done: Done = other
            .run(&["import", "--format", "mar", "-o", "json", name])
            .ok();
        let counts = done.json();
        assert_eq!(
            counts["accepted"].as_u64().expect("n") + counts["duplicates"].as_u64().expect("n"),
            2,
            "{format}: {counts}"
        );
    }
    let content = |server: &Program| {
        let mut entries = server.all("");
        for entry in &mut entries {
            let entry = entry.as_object_mut().expect("an object");
            entry.remove("seq");
            entry.remove("received_at");
        }
        entries.sort_by_key(|entry| entry["id"].to_string());
        entries
    };
    assert_eq!(content(&server), content(&other));
    assert!(
        other
            .run(&["search", "-o", "ndjson"])
            .ok()
            .out
            .contains("1.0e2")
    );
}

#[test]
fn a_dry_run_prints_what_would_be_sent_and_sends_nothing() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let line = event(
        "a",
        "ResponseComplete",
        r#","user":{"username":"ana"},"responseStatus":{"code":200}"#,
    );
    let text = format!("{line}\nnot JSON\n");
    let done = server.run_with_stdin(
        &["import", "--format", "kubernetes", "--dry-run", "-"],
        text.as_bytes(),
    );
    assert_eq!(done.exit, 6, "{done:?}");
    assert_eq!(done.json()["action"], "createCluster");
    assert!(
        done.err.contains("would send  1") && done.err.contains("line 2"),
        "{}",
        done.err
    );
    assert_eq!(server.count(""), 0);
}
