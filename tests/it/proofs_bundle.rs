//! `GET /v1/export?format=bundle` and `export --bundle`: what comes out is what `verify bundle` checks.

use crate::api::{line, problem};
use crate::program::{Program, directory, run};
use crate::proofs::{covered, lines, publish, tick, vkey};
use crate::test_server::{HOST, TestServer};
use mar_audit::verify::Trust;
use mar_audit::verify::bundle::{Options, verify};
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::time::Duration;

/// What a bundle shows, verified with nothing but the key.
struct Shown {
    first: u64,
    end: u64,
    withheld: u64,
    size: u64,
    filter: String,
    entries: Vec<Value>,
}

fn shown(bundle: &[u8], vkey: &str) -> Shown {
    let trust = Trust::in_key(vkey, None).expect("a key");
    let mut entries: Vec<Value> = Vec::new();
    let mut take = |lines: &[u8]| {
        let lines = serde_json::Deserializer::from_slice(lines).into_iter();
        entries.extend(
            lines
                .map(|line| line.expect("JSON"))
                .collect::<Vec<Value>>(),
        );
        Ok(())
    };
    let options = Options {
        threads: NonZeroUsize::new(2).expect("two"),
        list_withheld: false,
        entries: Some(&mut take),
    };
    let verified = verify(|| Ok(bundle), &trust, options).expect("it verifies");
    let (about, withheld, size) = (verified.about, verified.withheld, verified.tree.size.get());
    assert_eq!(about.origin, format!("{HOST}/v1/logs/acme"));
    let (first, end, filter) = (about.first.0, about.end.0, about.filter);
    Shown {
        first,
        end,
        withheld,
        size,
        filter,
        entries,
    }
}

fn export(server: &TestServer, query: &str) -> Shown {
    let answer = server.get(&format!("/v1/export?format=bundle&{query}"));
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    assert_eq!(answer.header("content-type"), Some("application/zstd"));
    let name = answer.header("content-disposition").expect("a name");
    assert!(name.ends_with(".maraudit\""), "{name}");
    shown(&answer.body, &vkey(server, "acme").to_string())
}

#[test]
fn a_bundle_shows_what_the_filter_matches_and_proves_the_rest_to_be_there() {
    let server = TestServer::start();
    for batch in 0..7 {
        tick(&server);
        let result = |id: u32| if id % 10 == 3 { "failure" } else { "success" };
        let lines: String = (batch * 100..(batch + 1) * 100)
            .map(|id| {
                line(
                    id,
                    json!({"scope": {"organization": "acme"}, "result": result(id)}),
                )
            })
            .collect();
        server.record(lines);
    }
    covered(&server, "acme");
    let all = export(&server, "");
    assert_eq!(
        (
            all.first,
            all.end,
            all.withheld,
            all.size,
            all.entries.len()
        ),
        (0, 700, 0, 700, 700)
    );
    let some = export(&server, "result=failure");
    // From the first that matches to the last.
    assert_eq!(
        (some.first, some.end, some.entries.len(), some.withheld),
        (3, 694, 70, 621)
    );
    assert!(some.filter.contains("failure"), "{}", some.filter);
    let listed = server
        .get("/v1/entries?result=failure&order=received&direction=asc&limit=1000")
        .json();
    for (shown, listed) in some
        .entries
        .iter()
        .zip(listed["entries"].as_array().expect("entries"))
    {
        assert_eq!(shown, listed, "put together again it is the entry");
    }
    let last = export(&server, &format!("id={}", crate::api::uuid(699)));
    assert_eq!((last.first, last.end, last.entries.len()), (699, 700, 1));
}

#[test]
fn a_bundle_is_of_one_log_in_its_order() {
    let server = TestServer::start();
    publish(&server, "acme", 0..20);
    publish(&server, "globex", 0..5);
    let one_log = problem(
        &server.get("/v1/export?format=bundle"),
        400,
        "bad-parameter",
    );
    assert_eq!(
        one_log["errors"][0]["parameter"], "organization",
        "{one_log}"
    );
    assert_eq!(
        export(&server, "organization=acme&result=success")
            .entries
            .len(),
        20
    );
    for (query, status, slug) in [
        ("organization=acme&actor=nobody", 404, "not-found"),
        ("organization=nobody", 404, "not-found"),
        ("organization=acme&order=time", 400, "bad-parameter"),
        ("organization=acme&direction=asc", 400, "bad-parameter"),
    ] {
        problem(
            &server.get(&format!("/v1/export?format=bundle&{query}")),
            status,
            slug,
        );
    }
    let head = server.send("HEAD", "/v1/export?format=bundle", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn a_bundle_waits_for_the_checkpoint_of_its_newest_entry_and_is_of_one_state() {
    let mut settings = mar_audit::app::Settings::default();
    settings.limits.checkpoint_wait = Duration::from_millis(200);
    let server = TestServer::with(settings);
    publish(&server, "acme", 0..10);
    // The log's clock stands still: what is new is in no checkpoint.
    server.record(lines("acme", 10..20));
    let late = server.get("/v1/export?format=bundle");
    problem(&late, 503, "unpublished");
    assert!(late.header("retry-after").is_some());
    covered(&server, "acme");
    assert_eq!(export(&server, "").end, 20);
}

#[test]
fn a_cut_bundle_is_none() {
    let server = TestServer::start();
    publish(&server, "acme", 0..300);
    let whole = server.get("/v1/export?format=bundle").body;
    let trust = Trust::in_key(&vkey(&server, "acme").to_string(), None).expect("a key");
    for length in [0, 1, 100, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
        let options = Options {
            threads: NonZeroUsize::new(1).expect("one"),
            list_withheld: false,
            entries: None,
        };
        assert!(
            verify(|| Ok(&whole[..length]), &trust, options).is_err(),
            "{length}"
        );
    }
}

#[test]
fn the_command_writes_a_bundle_that_the_command_verifies() {
    let dir = directory();
    let server = Program::serve(&dir.path().join("data"));
    let file = dir.path().join("acme.maraudit");
    let file = file.to_str().expect("text");
    for n in 0..3 {
        let name = format!("cron-{n}");
        run(&[
            "record",
            "--server",
            &server.url,
            "--organization",
            "acme",
            "--actor-type",
            "system",
            "--actor-name",
            &name,
            "--action",
            "rotateKeys",
            "--result",
            "success",
        ])
        .ok();
    }
    let nothing = run(&[
        "export",
        "--server",
        &server.url,
        "--bundle",
        file,
        "--actor",
        "nobody",
    ]);
    assert_eq!(nothing.exit, 1, "{nothing:?}");
    assert!(nothing.err.contains("nothing matches"), "{nothing:?}");
    assert!(!std::path::Path::new(file).exists());
    let written = run(&[
        "export",
        "--server",
        &server.url,
        "--bundle",
        file,
        "--organization",
        "acme",
    ])
    .ok();
    assert!(written.err.contains("complete"), "{written:?}");
    let logs = ureq::get(format!("{}/v1/logs", server.url)).call();
    let logs = logs.expect("an answer").body_mut().read_to_vec();
    let logs: Value = serde_json::from_slice(&logs.expect("a body")).expect("JSON");
    let vkey = logs["logs"][0]["vkey"].as_str().expect("a vkey");
    let verified = run(&["verify", "bundle", file, "--key", vkey, "--output", "json"])
        .ok()
        .json();
    assert_eq!(
        (&verified["shown"], &verified["first"]),
        (&json!(3), &json!(0)),
        "{verified}"
    );
    let both = run(&["export", "--bundle", file, "--format", "csv"]);
    assert_eq!(both.exit, 1, "{both:?}");
}
