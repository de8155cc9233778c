//! Precedence, provenance and refusals of settings.

use super::*;

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("settings.toml");
    std::fs::write(&path, text).expect("written");
    (dir, path)
}

fn shown(layers: &Layers, name: &str) -> (String, String) {
    let row = layers
        .show()
        .into_iter()
        .find(|s| s.name == name)
        .expect("every setting is shown");
    (row.value, row.origin)
}

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_what_is_built_in() {
    let (_dir, path) = file("listen = \"127.0.0.1:1\"\ndata = \"/from/file\"\nopen_mib_max = 7\n");
    let environment = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let layers = Layers::read(Sources {
        file: Some(path.clone()),
        environment: vec![
            environment("MAR_AUDIT_LISTEN", "127.0.0.1:2"),
            environment("MAR_AUDIT_DATA", "/from/env"),
        ],
        flags: vec![Flag::new("listen", "127.0.0.1:3")],
    })
    .expect("good settings");
    let config = layers.check().expect("good settings");
    assert_eq!(config.listen, "127.0.0.1:3".parse().expect("an address"));
    assert_eq!(config.data, PathBuf::from("/from/env"));
    assert_eq!(config.open_bytes_max, 7 * 1024 * 1024);
    assert_eq!(
        shown(&layers, "listen"),
        ("\"127.0.0.1:3\"".into(), "flag --listen".into())
    );
    assert_eq!(
        shown(&layers, "data"),
        ("\"/from/env\"".into(), "environment MAR_AUDIT_DATA".into())
    );
    assert_eq!(
        shown(&layers, "open_mib_max"),
        ("7".into(), format!("file {}", path.display()))
    );
    assert_eq!(
        shown(&layers, "connections_max"),
        ("1024".into(), "built in".into())
    );
    assert_eq!(
        shown(&layers, "public_host"),
        ("not set".into(), String::new())
    );
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_that_exists() {
    let (_dir, path) = file("lisen = \"127.0.0.1:1\"\n");
    let refused = Layers::read(Sources {
        file: Some(path.clone()),
        ..Sources::default()
    })
    .err()
    .expect("refused");
    assert_eq!(
        refused.to_string(),
        format!(
            "{}: unknown setting `lisen`; did you mean `listen`?",
            path.display()
        )
    );
}

#[test]
fn an_impossible_value_is_refused_with_its_origin() {
    for (text, starts) in [
        ("listen = \"here\"", "listen (file "),
        (
            "default_organization = \"Not A Slug\"",
            "default_organization (file ",
        ),
        ("connections_max = 0", "connections_max (file "),
        ("connections_max = \"many\"", "connections_max (file "),
        (
            "[[sources]]\nname = \"NO\"\nmapping = \"a.toml\"",
            "sources (file ",
        ),
        ("[[sources]]\nname = \"a\"", "sources (file "),
        (
            "[[catalogue]]\nname = \"a\"\ncategory = \"b\"\ntarget_type = \"c\"",
            "catalogue (file ",
        ),
        (
            "[[catalogue]]\nname = \"a\"\ncategory = \"other\"\ntarget_type = \"c\"\ncolour = 1",
            "catalogue (file ",
        ),
    ] {
        let (_dir, path) = file(text);
        let layers = Layers::read(Sources {
            file: Some(path),
            ..Sources::default()
        })
        .expect("names are known");
        let refused = layers.check().expect_err(text).to_string();
        assert!(refused.starts_with(starts), "{text}: {refused}");
    }
    let environment = vec![("MAR_AUDIT_INSECURE_LISTEN".to_owned(), "perhaps".to_owned())];
    let refused = Layers::read(Sources {
        environment,
        ..Sources::default()
    })
    .err()
    .expect("refused");
    assert_eq!(
        refused.to_string(),
        "MAR_AUDIT_INSECURE_LISTEN: `perhaps` is neither true nor false"
    );
}

#[test]
fn a_named_file_that_is_absent_is_an_error_and_names_of_an_orchestrator_are_not() {
    let absent = Sources {
        file: Some("/nowhere/at/all.toml".into()),
        ..Sources::default()
    };
    assert!(Layers::read(absent).is_err());
    let environment = vec![("MAR_AUDIT_SERVICE_HOST".to_owned(), "10.0.0.1".to_owned())];
    let layers = Layers::read(Sources {
        environment,
        ..Sources::default()
    })
    .expect("ignored");
    layers.check().expect("built-in values are good");
}

#[test]
fn a_row_of_sources_names_a_table() {
    let (_dir, path) = file("[[sources]]\nname = \"shop\"\nmapping = \"shop.toml\"\n");
    let layers = Layers::read(Sources {
        file: Some(path),
        ..Sources::default()
    });
    let config = layers.expect("good").check().expect("good settings");
    let row = tables::Row {
        name: SourceName::parse("shop").expect("a name"),
        organization: None,
        mapping: "shop.toml".into(),
    };
    assert_eq!(config.tables, [row]);
}

#[test]
fn a_row_of_the_catalogue_adds_an_action() {
    let (_dir, path) = file(
        "[[catalogue]]\nname = \"rotateKey\"\ncategory = \"access_control\"\ntarget_type = \"key\"\n",
    );
    let layers = Layers::read(Sources {
        file: Some(path),
        ..Sources::default()
    })
    .expect("good settings");
    let config = layers.check().expect("good settings");
    assert_eq!(
        config.catalogue().category("rotateKey", None),
        Category::AccessControl
    );
}

#[test]
fn a_list_and_a_secret_come_from_the_environment_and_the_secret_is_not_shown() {
    let environment = [
        ("MAR_AUDIT_PUBLIC_HOST", "a.example, b.example"),
        ("MAR_AUDIT_TOKEN", "12345678"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .to_vec();
    let layers = Layers::read(Sources {
        environment,
        ..Sources::default()
    })
    .expect("good settings");
    let config = layers.check().expect("good settings");
    assert_eq!(config.public_hosts, ["a.example", "b.example"]);
    assert_eq!(
        config.token.as_deref(),
        Some("12345678"),
        "digits stay a text"
    );
    assert_eq!(shown(&layers, "token").0, "set, not shown");
    assert_eq!(
        shown(&layers, "public_host").0,
        "[\"a.example\", \"b.example\"]"
    );
}

#[test]
fn known_checkpoints_are_beside_the_data_unless_said_otherwise() {
    let known = |text: Option<&str>| {
        let flags = text.map(|text| Flag::new("known_checkpoints", text));
        let layers = Layers::read(Sources {
            flags: flags.into_iter().collect(),
            ..Sources::default()
        });
        layers
            .and_then(|layers| layers.check())
            .map(|config| config.known_checkpoints)
    };
    assert_eq!(known(None).expect("good"), Known::Beside);
    assert_eq!(known(Some("none")).expect("good"), Known::Off);
    assert_eq!(
        known(Some("/mnt/other")).expect("good"),
        Known::At("/mnt/other".into())
    );
    assert!(known(Some("")).is_err());
}

#[test]
fn the_settings_of_the_document_are_those_of_the_table() {
    let document = include_str!("../../docs/operations.md");
    for key in KEYS {
        let built_in = key
            .built_in
            .map(|text| format!("`{text}`"))
            .unwrap_or_default();
        let row = format!("| `{}` | {built_in} | {} |\n", key.name, key.says);
        assert!(document.contains(&row), "docs/operations.md lacks {row}");
    }
}

#[test]
fn what_is_built_in_is_what_the_server_has_by_itself() {
    let config = Layers::read(Sources::default())
        .and_then(|layers| layers.check())
        .expect("built-in values are good");
    let (settings, limits) = (
        crate::app::Settings::default(),
        crate::app::Limits::default(),
    );
    assert_eq!(config.default_organization, settings.default_organization);
    assert_eq!(config.header_timeout, limits.header_wait);
    assert_eq!(config.body_timeout, limits.body_wait);
    assert_eq!(config.connections_max, limits.connections_max);
}
