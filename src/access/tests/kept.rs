//! What is on disk: comes back, holds no secret, and is not believed when something is wrong with it.

use super::*;
use crate::access::file::SCHEMA;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// The same directory, opened again as after a restart.
fn reopened(world: World) -> (TempDir, Access) {
    let World { dir, access, .. } = world;
    drop(access);
    let access = open(&dir).expect("the same file");
    (dir, access)
}

#[test]
fn everything_comes_back_after_a_restart() {
    let world = World::new();
    let service = world.service("ci", &[("viewer", acme())]);
    let (_, secret) = world.token(&service, token::Kind::Service, acme());
    let role = Role::new(
        "desk",
        Permissions::of(&[Permission::Read]),
        Mask::of([Hidden::Ip]),
    );
    world
        .access
        .put_role(&world.owner, role.expect("a role"))
        .expect("the owner may");
    world.person("ana", &[("desk", acme())]);
    world.who(&secret, 500).expect("a token");
    world.access.tidy(at(500)).expect("written");
    let tell = |access: &Access| {
        let by = Principal::process();
        let (accounts, bindings) = (access.accounts(&by), access.bindings(&by));
        let (tokens, sessions) = (access.tokens(&by), access.sessions(&by));
        format!(
            "{accounts:?} {bindings:?} {:?} {tokens:?} {sessions:?}",
            access.roles()
        )
    };
    let before = tell(&world.access);
    let (_dir, access) = reopened(world);
    assert_eq!(tell(&access), before);
    assert_eq!(
        access.tokens(&Principal::process())[0].used_at,
        Some(at(500))
    );
    let principal = access
        .authenticate(secret.expose(), at(501))
        .expect("a token");
    assert!(may(&principal, Permission::Read, "acme", None));
    assert!(
        access
            .bootstrap_link(at(501))
            .expect("nothing to write")
            .is_none()
    );
}

#[test]
fn using_tokens_writes_nothing_until_it_is_time_to() {
    let world = World::new();
    let service = world.service("ci", &[("viewer", acme())]);
    let (_, secret) = world.token(&service, token::Kind::Service, acme());
    let mark = || fs::read_to_string(places(&world.dir).mark).expect("a mark");
    let before = mark();
    (0..100).for_each(|now| drop(world.who(&secret, now).expect("a token")));
    assert_eq!(mark(), before);
    world.access.tidy(at(100)).expect("written");
    let used = mark();
    assert_ne!(used, before);
    world.who(&secret, 200).expect("a token");
    world.access.tidy(at(200)).expect("nothing to write");
    assert_eq!(mark(), used, "to the quarter of an hour");
}

#[test]
fn no_secret_is_in_the_file_or_in_any_output() {
    let world = World::new();
    let service = world.service("ci", &[("viewer", acme())]);
    let (token, secret) = world.token(&service, token::Kind::Service, acme());
    let backend = world.who(&secret, 0).expect("a token");
    let wanted = Embedded {
        extent: acme(),
        mask: Mask::NONE,
        filter: "*".into(),
        life: Duration::from_secs(9),
    };
    let page = world
        .access
        .embed(&backend, &wanted, at(0))
        .expect("its to give");
    let wanted = NewLink {
        name: "x".into(),
        permissions: Permissions::of(&[Permission::Read]),
        extent: acme(),
        mask: Mask::NONE,
        filter: "*".into(),
        expires_at: at(10),
    };
    let (link, url) = world
        .access
        .create_link(&world.owner, &wanted, at(0))
        .expect("the owner may");
    let (session, cookie) = world
        .access
        .sign_in("owner@acme.example", &password(), address(), "x", at(0))
        .expect("the right password");
    let principals = (
        world.who(&page, 1),
        world.who(&url, 1),
        world.who(&cookie, 1),
        backend,
    );
    let denied = world
        .access
        .sign_in("owner@acme.example", &secret, address(), "x", at(0));
    let mistyped = world
        .access
        .authenticate(&format!("{}x", secret.expose()), at(0));
    let mut shown = format!(
        "{token:?} {link:?} {session:?} {principals:?} {secret:?} {page:?} {url:?} {cookie:?}"
    );
    shown += &format!(
        "{denied:?} {mistyped:?} {:?} {}",
        world.access.accounts(&world.owner),
        mistyped.as_ref().unwrap_err()
    );
    let (dir, access) = reopened(world);
    drop(access);
    let file = fs::read(places(&dir).file).expect("the file");
    let secrets = [&secret, &page, &url, &cookie].map(|secret| {
        let text = secret.expose();
        text[text.len() - 39..text.len() - 6].to_owned()
    });
    for secret in secrets.iter().map(String::as_str).chain([PASSWORD]) {
        assert!(!shown.contains(secret), "in an output");
        assert_eq!(
            memchr::memmem::find(&file, secret.as_bytes()),
            None,
            "in the file"
        );
    }
}

#[test]
fn a_file_that_is_gone_another_or_older_is_told() {
    let world = World::new();
    let Places { file, mark } = places(&world.dir);
    let older = world.dir.path().join("older");
    world.access.tidy(at(0)).expect("written");
    fs::copy(&file, &older).expect("a backup");
    let service = world.service("ci", &[("viewer", acme())]);
    let (token, secret) = world.token(&service, token::Kind::Service, acme());
    fs::copy(&file, &older).expect("a backup");
    world
        .access
        .revoke_token(&world.owner, &token.id)
        .expect("the owner may");
    let dir = world.dir;
    drop(world.access);

    let newest = fs::read(&file).expect("the file");
    fs::copy(&older, &file).expect("restored");
    assert!(matches!(open(&dir), Err(Error::Older { .. })));
    fs::remove_file(&file).expect("there");
    assert!(matches!(open(&dir), Err(Error::Wiped { .. })));
    assert!(!file.exists(), "refusing leaves no new file behind");
    fs::write(&file, []).expect("emptied");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("ours");
    assert!(matches!(open(&dir), Err(Error::Wiped { .. })));

    let another = World::new();
    fs::copy(places(&another.dir).file, &file).expect("another's");
    assert!(matches!(open(&dir), Err(Error::Replaced { .. })));
    fs::write(&mark, "nonsense").expect("ours");
    assert!(matches!(open(&dir), Err(Error::Damaged { .. })));

    // Somebody answers for it.
    fs::copy(&older, &file).expect("restored");
    let access = Access::open(&places(&dir), Expect::Anything, system_random()).expect("as it is");
    assert!(
        access.authenticate(secret.expose(), at(1)).is_ok(),
        "what was revoked since is back"
    );
    drop(access);
    fs::write(&file, newest).expect("restored");
    open(&dir).expect("newer than its mark");
}

#[test]
fn a_file_that_others_can_read_or_that_is_open_elsewhere_is_refused() {
    let world = World::new();
    let file = places(&world.dir).file;
    let mode = fs::metadata(&file).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let mark = fs::metadata(places(&world.dir).mark)
        .expect("there")
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mark, 0o600);
    assert!(matches!(open(&world.dir), Err(Error::Locked { .. })));
    let dir = world.dir;
    drop(world.access);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("ours");
    assert!(matches!(
        open(&dir),
        Err(Error::Exposed { mode: 0o644, .. })
    ));
}

/// Writes one row past the product.
fn with_row(dir: &TempDir, key: &str, value: &str) {
    const ROWS: redb::TableDefinition<&str, &[u8]> = redb::TableDefinition::new("mar-audit/access");
    let database = redb::Database::open(places(dir).file).expect("the file");
    let transaction = database.begin_write().expect("nobody else writes");
    let mut table = transaction.open_table(ROWS).expect("the table");
    table.insert(key, value.as_bytes()).expect("room");
    drop(table);
    transaction.commit().expect("room");
}

#[test]
fn what_this_release_does_not_know_is_not_guessed_at() {
    let binding = r#"{"id":"0000000000000","subject":{"account":"0000000000000"},"role":"viewer","extent":{}}"#;
    let role = r#"{"name":"desk","permissions":["entries:read"],"mask":[]}"#;
    for (key, value) in [
        ("role/desk", &role.replace("mask", "masks")),
        ("role/desk", &role.replace("entries:read", "entries:*")),
        ("role/other", &role.to_owned()),
        ("rule/desk", &role.to_owned()),
        ("role/desk", &"{".to_owned()),
        ("binding/0000000000000", &binding.to_owned()),
    ] {
        let World { dir, access, .. } = World::new();
        drop(access);
        with_row(&dir, key, value);
        assert!(
            matches!(open(&dir), Err(Error::Damaged { .. })),
            "{key} {value}"
        );
    }
    let World { dir, access, .. } = World::new();
    drop(access);
    with_row(&dir, "role/desk", role);
    assert_eq!(open(&dir).expect("a sound row").roles().len(), 1);
    with_row(
        &dir,
        "meta",
        &format!(r#"{{"schema":{},"of":"later"}}"#, SCHEMA + 1),
    );
    assert!(matches!(open(&dir), Err(Error::NewerSchema { .. })));
}

#[test]
fn a_password_that_was_hashed_more_cheaply_is_hashed_anew_when_it_is_known() {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let World { dir, access, .. } = World::new();
    let account = access.accounts(&Principal::process()).remove(0);
    drop(access);
    let cheap = Params::new(64, 1, 1, None).expect("within Argon2's bounds");
    let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap);
    let cheap = cheap.hash_password_with_salt(PASSWORD.as_bytes(), &[5; 16]);
    let mut row = serde_json::to_value(&account).expect("JSON");
    row["password"] = cheap.expect("a salt of 16 bytes").to_string().into();
    with_row(&dir, &format!("account/{}", account.id), &row.to_string());
    let access = open(&dir).expect("a sound row");
    let outdated = || {
        let account = access.account_of(&Principal::process(), "owner@acme.example");
        let password = account.expect("the owner").password.expect("a password");
        password.is_outdated()
    };
    assert!(outdated());
    sign_in(&access, "owner@acme.example");
    assert!(!outdated());
    sign_in(&access, "owner@acme.example");
}

#[test]
fn a_damaged_file_is_told_and_never_panics() {
    let World { dir, access, .. } = World::new();
    drop(access);
    let file = places(&dir).file;
    let sound = fs::read(&file).expect("the file");
    let mut told = 0;
    for at in (0..sound.len()).step_by(1 + sound.len() / 150) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x55;
        fs::write(&file, &bytes).expect("ours");
        told += usize::from(open(&dir).is_err());
    }
    for length in (0..sound.len()).step_by(1 + sound.len() / 30) {
        fs::write(&file, &sound[..length]).expect("ours");
        assert!(open(&dir).is_err(), "cut at {length}");
    }
    // Most of a small file is free space, where a flipped bit means nothing.
    assert!(told > 0);
    fs::write(&file, &sound).expect("ours");
    open(&dir).expect("as it was");
}

/// The directory that the killed process works in.
const KILLED: &str = "MAR_AUDIT_ACCESS_KILLED";

#[test]
fn what_was_answered_survives_a_kill() {
    let World { dir, access, .. } = World::new();
    drop(access);
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--ignored",
            "--exact",
            "access::tests::kept::makes_tokens_until_it_is_killed",
            "--nocapture",
        ])
        .env(KILLED, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test once more");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let told = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("made ").map(str::to_owned));
    let made: Vec<String> = told.take(40).collect();
    child.kill().expect("it runs");
    child.wait().expect("it ended");
    assert_eq!(made.len(), 40);
    let access = open(&dir).expect("whole");
    for text in &made {
        access.authenticate(text, at(1)).expect("it was answered");
    }
}

#[test]
#[ignore = "the process that what_was_answered_survives_a_kill kills"]
fn makes_tokens_until_it_is_killed() {
    let dir = std::env::var_os(KILLED).expect("set by the test that kills this");
    let places = Places {
        file: std::path::Path::new(&dir).join("access.redb"),
        mark: std::path::Path::new(&dir).join("access.mark"),
    };
    let access = Access::open(&places, Expect::Known, system_random()).expect("the parent's file");
    let by = Principal::process();
    for n in 0..10_000 {
        let login = format!("service{n}");
        let account = access
            .add_account(&by, AccountKind::Service, &login, "x", None, at(0))
            .expect("new");
        let wanted = NewToken {
            account: account.id,
            kind: token::Kind::Service,
            name: "x".into(),
            permissions: Permissions::all(),
            extent: Extent::Server,
            expires_at: None,
        };
        let (_, secret) = access
            .create_token(&by, &wanted, at(0))
            .expect("may everything");
        println!("made {}", secret.expose());
    }
}
