use super::*;
use crate::Item;
use crate::store::{Known, Options, Store};
use crate::testing::{Ticking, item};
use entry::{Actor, ActorKind, Party};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are never the same twice, in no store of this process.
fn random() -> crate::Random {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    std::sync::Arc::new(|bytes| {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        bytes[..8].copy_from_slice(&next.to_be_bytes());
    })
}

fn options(clock: &Ticking) -> Options {
    Options {
        clock: clock.clock(),
        random: random(),
        public_host: Some("log.example".into()),
        default_host: "127.0.0.1:8080".into(),
        known: Known::Beside,
        allow_volatile: true,
        waiting_max: 1_000,
        open_bytes_max: 1 << 20,
    }
}

fn change() -> Change {
    let mut party = Party::of(ActorKind::User);
    party.id = Some("usr_7".into());
    Change {
        actor: Actor {
            party,
            on_behalf_of: None,
        },
        reason: "the yearly change".into(),
    }
}

fn acme() -> Organization {
    Organization::parse("acme").expect("a slug")
}

/// Appends a second later, so that a checkpoint rides along.
fn append(dir: &Path, clock: &Ticking, items: Vec<Item>) -> Store {
    clock.set(clock.now() + 1_000_000);
    let store = Store::open(dir, options(clock)).expect("opens");
    store.append(items).expect("appended");
    store
}

/// All files, as a backup has them.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for found in std::fs::read_dir(from).expect("a directory") {
        let found = found.expect("readable");
        let to = to.join(found.file_name());
        if found.path().is_dir() {
            copy(&found.path(), &to);
        } else {
            std::fs::copy(found.path(), to).expect("copied");
        }
    }
}

#[test]
fn the_key_is_one_that_openssl_writes_and_has_one_spelling() {
    // RFC 8410, section 10.3.
    let rfc = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let secret = pem::read(rfc.as_bytes()).expect("a key");
    assert_eq!(secret[..4], [0xd4, 0xee, 0x72, 0xdb]);
    assert_eq!(pem::write(&secret), rfc);
    for other in [
        "",
        rfc.trim_end(),
        &rfc.replace("MC4", "MC5"),
        &rfc.replace('\n', "\r\n"),
    ] {
        assert_eq!(pem::read(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn the_key_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (data, clock) = (dir.path().join("data"), Ticking::new());
    append(&data, &clock, vec![item("acme", 0)])
        .close()
        .expect("closes");
    let key = data.join("key.pem");
    let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&key), mode(&data.join("origins"))), (0o600, 0o600));
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o640)).expect("set");
    let refused = Store::open(&data, options(&clock)).err().expect("refused");
    assert!(matches!(&refused, Error::Configuration { what } if what.contains("chmod 600")));
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).expect("set");
    Store::open(&data, options(&clock))
        .expect("opens")
        .close()
        .expect("closes");
    std::fs::remove_file(&key).expect("removed");
    let refused = Store::open(&data, options(&clock)).err().expect("refused");
    assert!(matches!(refused, Error::Damaged { path, .. } if path == key));
    assert!(
        !key.exists(),
        "a key that is gone is never replaced without a word"
    );
}

#[test]
fn a_log_never_gets_another_name_without_a_word() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (data, clock) = (dir.path().join("data"), Ticking::new());
    let close = |store: Store| store.close().expect("closes");
    close(append(&data, &clock, vec![item("acme", 0)]));
    let origins = data.join("origins");
    std::fs::write(&origins, "host other.example\n").expect("written");
    let options = |public_host| Options {
        public_host,
        ..options(&clock)
    };
    let store = Store::open(&data, options(None)).expect("opens, to be read");
    let why = store.refused(&acme()).expect("refused").to_string();
    assert!(why.contains("another name"), "{why}");
    close(store);
    std::fs::remove_file(&origins).expect("removed");
    for public_host in [None, Some("log.example".to_owned())] {
        let refused = Store::open(&data, options(public_host))
            .err()
            .expect("refused");
        assert!(
            matches!(&refused, Error::Damaged { path, .. } if *path == origins),
            "{refused}"
        );
        assert!(!origins.exists());
    }
    std::fs::write(&origins, "host log.example\n").expect("written");
    let store = append(&data, &clock, vec![item("acme", 1)]);
    assert!(store.refused(&acme()).is_none());
}

#[test]
fn what_cannot_be_in_an_origin_is_no_public_host() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    for host in ["", "a b", "a+b", "a/b", "a\nb", "a\u{a0}b"] {
        let options = Options {
            public_host: Some(host.into()),
            ..options(&clock)
        };
        let refused = Store::open(dir.path(), options).err().expect("refused");
        assert!(
            matches!(refused, Error::Configuration { .. }),
            "{host:?}: {refused}"
        );
    }
}

#[test]
fn after_a_rotation_both_keys_verify_and_every_log_names_them() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (data, clock) = (dir.path().join("data"), Ticking::new());
    let store = append(&data, &clock, vec![item("acme", 0), item("globex", 0)]);
    let before = store.origin(&acme());
    assert!(matches!(
        rotate(&data, options(&clock), &change()),
        Err(Error::Locked { .. })
    ));
    store.close().expect("closes");
    drop(store);
    let rotated = rotate(&data, options(&clock), &change()).expect("rotated");
    assert_eq!(rotated.len(), 2);
    assert_eq!(
        (&rotated[0].organization, &rotated[0].old),
        (&acme(), &before.keys[0])
    );

    let store = append(&data, &clock, vec![item("acme", 1)]);
    let after = store.origin(&acme());
    assert_eq!(after.keys, [rotated[0].new.clone(), before.keys[0].clone()]);
    assert_eq!(show(&data).expect("readable").origin(&acme()), after);
    let published = store.published(&acme()).expect("published");
    let ids: Vec<_> = published
        .checkpoint
        .note()
        .signatures()
        .iter()
        .map(|s| s.id())
        .collect();
    assert_eq!(
        ids,
        [after.keys[0].id(), after.keys[1].id()],
        "the new key's first"
    );
    for key in &after.keys {
        let signers = published
            .checkpoint
            .note()
            .verified_by([key])
            .expect("true");
        assert_eq!(signers.len(), 1);
    }
    let entry = store
        .snapshot()
        .kept(&acme(), entry::Seq(1))
        .expect("read")
        .expect("there");
    assert_eq!(
        (&*entry.action, entry.category),
        ("rotateLogKey", entry::Category::Audit)
    );
    let context = entry.context.as_ref().expect("it names both").as_str();
    assert!(
        after
            .keys
            .iter()
            .all(|key| context.contains(&key.to_string())),
        "{context}"
    );
}

#[test]
fn a_rotation_that_ended_half_way_goes_on() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (data, clock) = (dir.path().join("data"), Ticking::new());
    let store = append(&data, &clock, vec![item("acme", 0)]);
    let before = store.origin(&acme());
    store.close().expect("closes");
    drop(store);
    rotate(&data, options(&clock), &change()).expect("rotated");
    rotate(&data, options(&clock), &change()).expect("rotated again");
    let again = show(&data).expect("readable").origin(&acme());
    assert_eq!(again.keys[2..], before.keys);
    // One that ended before the new key was in its place goes on where it ended.
    std::fs::copy(data.join("key.pem"), data.join("key-3.pem")).expect("copied");
    assert_eq!(show(&data).expect("readable").origin(&acme()), again);
    rotate(&data, options(&clock), &change()).expect("rotated a third time");
    assert_eq!(
        show(&data).expect("readable").origin(&acme()).keys[1..],
        again.keys
    );
}

#[test]
fn a_backup_that_was_put_back_is_refused_until_it_gets_a_new_name() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    let clock = Ticking::new();
    append(&data, &clock, vec![item("acme", 0)])
        .close()
        .expect("closes");
    copy(&data, &backup);
    let ahead = append(&data, &clock, vec![item("acme", 1), item("globex", 0)]);
    let old = ahead.origin(&acme());
    ahead.close().expect("closes");
    drop(ahead);
    std::fs::remove_dir_all(&data).expect("lost");
    copy(&backup, &data);

    let store = Store::open(&data, options(&clock)).expect("opens, to be read");
    let what = store.refused(&acme()).expect("refused").to_string();
    assert!(
        what.contains("key recover") && what.contains("published"),
        "{what}"
    );
    assert!(matches!(store.health(), crate::Health::Damaged { .. }));
    for organization in ["acme", "globex"] {
        let appended = store.append(vec![item(organization, 5)]);
        assert!(
            matches!(appended, Err(Error::Damaged { .. })),
            "{appended:?}"
        );
    }
    store
        .append(vec![item("initech", 0)])
        .expect("another log goes on");
    assert_eq!(store.published(&acme()).expect("it can be read").size(), 1);
    store.close().expect("closes");
    drop(store);

    let origin = recover(&data, options(&clock), &acme(), &change()).expect("recovered");
    assert_eq!(origin.name.as_str(), "log.example/v1/logs/acme~2");
    assert_eq!(origin.keys[0].as_bytes(), old.keys[0].as_bytes());
    let refused = recover(&data, options(&clock), &acme(), &change());
    assert!(
        matches!(refused, Err(Error::Configuration { .. })),
        "{refused:?}"
    );
    let store = append(&data, &clock, vec![item("acme", 1)]);
    assert!(store.refused(&acme()).is_none());
    let published = store.published(&acme()).expect("published");
    assert_eq!(
        published.checkpoint.checkpoint().origin(),
        "log.example/v1/logs/acme~2"
    );
    let entry = store
        .snapshot()
        .kept(&acme(), entry::Seq(1))
        .expect("read")
        .expect("there");
    assert_eq!(&*entry.action, "recoverLog");
    store.close().expect("closes");
    drop(store);
    let store = Store::open(&data, options(&clock)).expect("opens");
    assert!(
        store.refused(&acme()).is_none()
            && store
                .refused(&Organization::parse("globex").expect("a slug"))
                .is_some()
    );
}
