//! Settings and the ways a server refuses to start.

use crate::program::{Done, Program, command, directory, run};
use std::net::TcpListener;

#[test]
fn every_setting_is_shown_with_where_it_came_from() {
    let dir = directory();
    let file = dir.path().join("mar-audit.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:7777\"\nconnections_max = 99\n").expect("written");
    let mut show = command(&[
        "config",
        "show",
        "--origin",
        "--server",
        "http://127.0.0.1:9",
    ]);
    // The file of the working directory needs no flag.
    show.current_dir(dir.path())
        .env("MAR_AUDIT_CONNECTIONS_MAX", "100")
        .env("MAR_AUDIT_TOKEN", "hidden");
    let done = Done::of(&show.output().expect("the binary runs")).ok();
    for (setting, value, origin) in [
        ("listen", "\"127.0.0.1:7777\"", "file mar-audit.toml"),
        (
            "connections_max",
            "100",
            "environment MAR_AUDIT_CONNECTIONS_MAX",
        ),
        ("server", "\"http://127.0.0.1:9\"", "flag --server"),
        ("data", "\"./data\"", "built in"),
        ("token", "set, not shown", "environment MAR_AUDIT_TOKEN"),
    ] {
        let line = done
            .out
            .lines()
            .find(|line| line.trim_start().starts_with(setting));
        let line = line.unwrap_or_else(|| panic!("no {setting} in {}", done.out));
        assert!(line.contains(value) && line.contains(origin), "{line}");
    }
    assert!(!done.out.contains("hidden"));

    std::fs::write(&file, "lisen = \"127.0.0.1:7777\"\n").expect("written");
    let done = run(&["config", "show", "--config", file.to_str().expect("text")]);
    assert_eq!(done.exit, 1);
    assert!(done.err.contains("did you mean `listen`"), "{}", done.err);
}

#[test]
fn an_address_that_others_reach_is_refused_and_the_flag_named() {
    let dir = directory();
    let data = dir.path().join("data");
    let data = data.to_str().expect("text");
    for address in ["0.0.0.0:0", "[::]:0"] {
        let done = run(&[
            "serve",
            "--data",
            data,
            "--listen",
            address,
            "--allow-volatile",
        ]);
        assert_eq!(done.exit, 1, "{done:?}");
        assert!(done.err.contains("--insecure-listen"), "{}", done.err);
        assert_eq!(done.out, "", "it never says it listens");
    }
    let insecure = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.args(["--insecure-listen", "--access", "required"]);
        command
    };
    let done = run(&[
        "serve",
        "--data",
        data,
        "--listen",
        "0.0.0.0:0",
        "--allow-volatile",
        "--insecure-listen",
        "--access",
        "open",
    ]);
    assert_eq!(done.exit, 1, "{done:?}");
    assert!(done.err.contains("--access required"), "{}", done.err);
    let server = Program::serve_with(data.as_ref(), "0.0.0.0:0", insecure);
    assert!(server.url.starts_with("http://0.0.0.0:"), "{}", server.url);
}

#[test]
fn a_second_server_on_the_same_data_or_port_ends_and_says_why() {
    let dir = directory();
    let data = dir.path().join("data");
    let server = Program::serve(&data);
    let text = data.to_str().expect("text");
    let done = run(&[
        "serve",
        "--data",
        text,
        "--listen",
        "127.0.0.1:0",
        "--allow-volatile",
    ]);
    assert_eq!(done.exit, 1, "{done:?}");
    assert!(
        done.err.contains("in use by another process") && done.err.contains("--data"),
        "{}",
        done.err
    );
    drop(server);

    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let done = run(&[
        "serve",
        "--data",
        text,
        "--listen",
        &address,
        "--allow-volatile",
    ]);
    assert_eq!(done.exit, 1, "{done:?}");
    assert!(
        done.err.contains(&address) && done.err.contains("--listen"),
        "{}",
        done.err
    );
}

#[test]
fn data_of_a_newer_release_is_refused_and_left_alone() {
    let dir = directory();
    let data = dir.path().join("data");
    assert_eq!(Program::serve(&data).stop(), 0);
    let format = data.join("format");
    std::fs::write(&format, "999\n").expect("written");
    let done = run(&[
        "serve",
        "--data",
        data.to_str().expect("text"),
        "--listen",
        "127.0.0.1:0",
        "--allow-volatile",
    ]);
    assert_eq!(done.exit, 1, "{done:?}");
    assert!(done.err.contains("999"), "{}", done.err);
    assert_eq!(
        std::fs::read_to_string(&format).expect("still there"),
        "999\n"
    );
}

#[test]
fn an_action_of_the_deployment_has_its_category() {
    let dir = directory();
    let file = dir.path().join("settings.toml");
    let rows = "default_organization = \"acme\"\n[[catalogue]]\nname = \"rotateKey\"\ncategory = \"access_control\"\ntarget_type = \"key\"\n";
    std::fs::write(&file, rows).expect("written");
    let with_file = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.arg("--config").arg(&file);
        command
    };
    let server = Program::serve_with(&dir.path().join("data"), "127.0.0.1:0", with_file);
    server
        .run(&[
            "record",
            "--action",
            "rotateKey",
            "--result",
            "success",
            "--actor-name",
            "a",
        ])
        .ok();
    assert_eq!(server.count("category=access_control&organization=acme"), 1);
}

/// A table that is wrong is told at the start, not by items that pile up in the quarantine.
#[test]
fn a_source_goes_by_the_table_that_the_settings_name() {
    let dir = directory();
    let (file, table) = (
        dir.path().join("settings.toml"),
        dir.path().join("gate.toml"),
    );
    let rows = format!("[[sources]]\nname = \"gate\"\nmapping = {table:?}\n");
    std::fs::write(&file, rows).expect("written");
    let with_file = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.arg("--config").arg(&file);
        command
    };
    std::fs::write(
        &table,
        "name = \"gate\"\naction = \"/event/what\"\ncolour = 1\n",
    )
    .expect("written");
    let data = dir.path().join("data");
    let at = data.to_str().expect("a plain path");
    let refused = with_file(&["serve", "--listen", "127.0.0.1:0", "--data", at]).output();
    let refused = String::from_utf8(refused.expect("it ends").stderr).expect("a text");
    assert!(
        refused.contains("gate.toml") && refused.contains("colour"),
        "{refused}"
    );
    let right = "name = \"gate\"\naction = \"/event/what\"\n[actor]\nid = \"/event/badge\"\n";
    std::fs::write(&table, right).expect("written");
    let server = Program::serve_with(&data, "127.0.0.1:0", with_file);
    let url = format!("{}/v1/sources/hec/gate/services/collector", server.url);
    let event = r#"{"event": {"what": "openDoor", "badge": "b-1"}}"#;
    let answer = crate::program::agent().post(&url).send(event);
    assert_eq!(answer.expect("an answer").status(), 200);
    assert_eq!(server.count("source=gate&action=openDoor"), 1);
}
