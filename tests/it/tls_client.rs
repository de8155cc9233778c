//! Client commands and servers that encrypt: whom they trust, and what they say of whom they do not.

use crate::api::line;
use crate::certificates::{Authority, ours, shake, text};
use crate::program::{Done, Program, command, directory, run};
use crate::test_server::Connection;
use mar_audit::server::tls::Files;
use rcgen::{CertificateParams, date_time_ymd};
use serde_json::json;
use std::path::Path;

fn serve(dir: &Path, files: &Files) -> Program {
    Program::serve_with(dir, "127.0.0.1:0", |arguments| {
        let mut command = command(arguments);
        command.env("MAR_AUDIT_TLS_CERT", &files.certificate);
        command.env("MAR_AUDIT_TLS_KEY", &files.key);
        command
    })
}

#[test]
fn commands_trust_the_authority_of_a_file_and_say_whom_they_do_not() {
    let authority = Authority::new();
    let dir = directory();
    let files = authority.put_issued(&authority.issue(&ours()));
    let server = serve(&dir.path().join("data"), &files);
    let trusted = authority.trusted();
    let with = |more: &[&str]| {
        let mut arguments = more.to_vec();
        arguments.extend(["--ca-file", text(&trusted)]);
        server.run(&arguments)
    };
    let entry = line(1, json!({"scope": {"organization": "acme"}}));
    let recorded = {
        let file = dir.path().join("entry.json");
        std::fs::write(&file, entry).expect("written");
        with(&["record", text(&file)])
    };
    recorded.ok();
    let found = with(&["search", "", "--output", "ndjson"]).ok();
    assert!(found.out.contains("scaleCluster"), "{found:?}");
    let mut by_environment = server.command(&["search", ""]);
    by_environment.env("MAR_AUDIT_CA_FILE", &trusted);
    Done::of(&by_environment.output().expect("the binary runs")).ok();

    let refused = server.run(&["search", ""]);
    assert_eq!(refused.exit, 1);
    for says in ["is not trusted", "--ca-file"] {
        assert!(refused.err.contains(says), "{refused:?}");
    }
    let stranger = Authority::new();
    let refused = server.run(&["search", "", "--ca-file", text(&stranger.trusted())]);
    assert!(refused.err.contains("nobody whom we trust"), "{refused:?}");
    let elsewhere = server.url.replace("127.0.0.1", "localhost");
    let refused = with(&["search", "", "--server", &elsewhere]);
    assert!(refused.err.contains("for another name"), "{refused:?}");
    let plain = server.url.replace("https://", "http://");
    let refused = with(&["search", "", "--server", &plain]);
    assert!(refused.err.contains("call https://"), "{refused:?}");
    for (file, says) in [
        ("/nowhere", "No such file"),
        (text(&files.key), "holds no certificate"),
    ] {
        let refused = server.run(&["search", "", "--ca-file", file]);
        assert_eq!(refused.exit, 1);
        assert!(refused.err.contains(says), "{refused:?}");
    }
}

#[test]
fn a_certificate_that_has_expired_is_said_to_have() {
    let authority = Authority::new();
    let dir = directory();
    let mut over = ours();
    over.not_after = date_time_ymd(2020, 1, 1);
    let files = authority.put_issued(&authority.issue(&over));
    // There is no other, so it is served.
    let server = serve(&dir.path().join("data"), &files);
    let refused = server.run(&["search", "", "--ca-file", text(&authority.trusted())]);
    assert!(refused.err.contains("has expired"), "{refused:?}");
}

#[test]
fn a_log_is_verified_over_an_authority_of_its_own() {
    let authority = Authority::new();
    let dir = directory();
    let files = authority.put_issued(&authority.issue(&ours()));
    let server = serve(&dir.path().join("data"), &files);
    let address = server.url.strip_prefix("https://").expect("it encrypts");
    let stream = shake(address.parse().expect("an address"), &authority.client());
    let mut connection = Connection::over(stream.expect("hands are shaken"));
    let mut call = |head: &str, body: &str| {
        let length = body.len();
        let head = format!(
            "{head} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        connection.send((head + body).as_bytes());
        connection.answer().json()
    };
    let entry = line(1, json!({"scope": {"organization": "acme"}}));
    let stored = call("POST /v1/entries?wait=published", &entry);
    assert_eq!(stored["accepted"], 1, "{stored}");
    let logs = call("GET /v1/logs", "");
    let key = logs["logs"][0]["vkey"].as_str().expect("a vkey");

    let log = format!("{}/v1/logs/acme", server.url);
    let trusted = authority.trusted();
    run(&[
        "verify",
        "log",
        &log,
        "--key",
        key,
        "--ca-file",
        text(&trusted),
    ])
    .ok();
    let refused = run(&["verify", "log", &log, "--key", key]);
    assert!(refused.err.contains("is not trusted"), "{refused:?}");
}

/// An authority that vouches for itself is no server: what is wrong with it is said.
#[test]
fn a_certificate_of_an_authority_is_no_certificate_of_a_server() {
    let authority = Authority::new();
    let dir = directory();
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = ["127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).expect("names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).expect("signed").pem();
    let files = authority.put(&own, &key.serialize_pem());
    let server = serve(&dir.path().join("data"), &files);
    let refused = server.run(&["search", "", "--ca-file", text(&files.certificate)]);
    assert!(refused.err.contains("CA:TRUE"), "{refused:?}");
}
