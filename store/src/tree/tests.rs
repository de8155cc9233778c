use super::*;
use crate::disk::real::RealDisk;
use crate::sealing::Limits;
use crate::store::{Known, Options, Store};
use crate::testing::{Ticking, item};
use crate::{Item, Receipt};
use entry::Units;
use proof::policy::Policy;
use std::path::Path;

const SECOND: i64 = 1_000_000;

fn options(clock: &Ticking) -> Options {
    Options {
        clock: clock.clock(),
        random: crate::testing::random(),
        public_host: None,
        default_host: "log.example".into(),
        known: Known::Off,
        allow_volatile: true,
        waiting_max: 100_000,
        open_bytes_max: 64 << 10,
    }
}

/// Limits so small that entries are sealed and merged all the time.
fn tiny() -> Limits {
    Limits {
        built_entries: 64,
        tails_entries_max: 128,
        journal_file_bytes: 32 << 10,
        journal_bytes_max: 64 << 10,
        fan_out: 3,
        merged_entries_max: 1 << 20,
        ..Limits::new(64 << 10)
    }
}

fn open(dir: &Path, clock: &Ticking) -> Store {
    Store::open_on(Arc::new(RealDisk), dir, options(clock), tiny()).expect("opens")
}

fn acme() -> Organization {
    Organization::parse("acme").expect("a slug")
}

/// Appends with a second between this and what was before, so that a checkpoint rides along.
fn append(store: &Store, clock: &Ticking, items: Vec<Item>) {
    clock.set(clock.now() + SECOND);
    let receipts = store.append(items).expect("appended");
    assert!(
        receipts
            .iter()
            .all(|receipt| matches!(receipt, Receipt::Accepted { .. }))
    );
}

/// Everything a stranger would check, and what only the log knows: each leaf, from the entry as it is kept now.
fn check(store: &Store, organization: &Organization) -> Arc<Published> {
    let published = store.published(organization).expect("published");
    let origin = store.origin(organization);
    let policy = Policy::of_log(origin.keys[0].clone()).expect("a policy");
    let note = SignedCheckpoint::parse(published.note.as_bytes()).expect("well formed");
    assert_eq!(note, published.checkpoint);
    policy.accept(&note).expect("signed by the log's key");
    let (tree, hashes) = (published.tree(), store.hashes(organization).expect("read"));
    assert!(hashes.size() >= tree.size.get());
    let (snapshot, mut units) = (store.snapshot(), Units::default());
    for seq in 0..tree.size.get() {
        let kept = snapshot
            .kept(organization, Seq(seq))
            .expect("readable")
            .expect("there");
        let leaf = kept.leaf(&mut units).expect("sound").hash();
        let path = hashes
            .inclusion(Seq(seq), tree.size.get())
            .expect("a proof");
        tree.includes(proof::Seq(seq), &leaf, &path)
            .expect("included");
    }
    published
}

#[test]
fn every_entry_is_proven_wherever_it_is_and_every_checkpoint_extends_those_before() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let mut store = open(dir.path(), &clock);
    let globex = Organization::parse("globex").expect("a slug");
    let (mut known, mut next): (Vec<Arc<Published>>, u64) = (Vec::new(), 0);
    for round in 0..24 {
        let size = [1, 2, 60, 130, 254, 3][round % 6];
        let items = (next..next + size).map(|n| item("acme", n)).collect();
        next += size;
        append(&store, &clock, items);
        append(&store, &clock, vec![item("globex", round as u64)]);
        let published = check(&store, &acme());
        assert_eq!(published.size(), next, "it covers the commit it rode with");
        let hashes = store.hashes(&acme()).expect("read");
        for old in &known {
            let path = hashes.consistency(old.size(), next).expect("a proof");
            let newer = published.checkpoint.checkpoint();
            newer
                .follows(old.checkpoint.checkpoint(), &path)
                .expect("it extends every one before");
        }
        known.push(published);
        if round % 7 == 6 {
            store.close().expect("closes");
            drop(store);
            store = open(dir.path(), &clock);
            let again = store.published(&acme()).expect("recovered");
            assert_eq!(Some(&again), known.last());
        }
    }
    assert_eq!(check(&store, &globex).size(), 24);
    assert_eq!(store.checkpoints(&acme())[0], known[23]);
    let arrays = dir.path().join("logs/acme/hashes");
    let length = |level: &str| {
        std::fs::metadata(arrays.join(level))
            .expect("written")
            .len()
    };
    assert!(length("0") > 256 * 32 && length("1") == length("0") / 32 / 256 * 32);
}

#[test]
fn tiles_are_prefixes_of_the_levels_at_every_width() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store = open(dir.path(), &clock);
    append(&store, &clock, (0..600).map(|n| item("acme", n)).collect());
    let (published, hashes) = (check(&store, &acme()), store.hashes(&acme()).expect("read"));
    let mut tiles = proof::tile::Tiles::of(published.tree());
    let mut count = 0;
    for tile in Tile::all(published.tree().size) {
        tiles
            .insert(tile, &hashes.tile(&tile).expect("the tree has it"))
            .expect("as wide as it should be");
        count += 1;
    }
    assert_eq!(
        count, 4,
        "600 leaves: two full tiles and a partial one, and two roots"
    );
    tiles.authenticate().expect("they make the root");
    let narrow = Tile::parse("tile/0/002.p/7").expect("a path");
    let wide = Tile::parse("tile/0/002.p/88").expect("a path");
    let bytes = |tile| hashes.tile(&tile).expect("the tree has it");
    assert!(bytes(wide).starts_with(&bytes(narrow)));
    for beyond in [
        "tile/0/002.p/89",
        "tile/0/002",
        "tile/1/000.p/3",
        "tile/7/000.p/1",
        "tile/63/000.p/1",
    ] {
        let beyond = Tile::parse(beyond).expect("a path");
        assert!(matches!(hashes.tile(&beyond), Err(Error::Proof(_))));
    }
    assert!(matches!(
        hashes.inclusion(Seq(600), 600),
        Err(Error::Proof(_))
    ));
    assert!(matches!(
        hashes.inclusion(Seq(0), 601),
        Err(Error::Proof(_))
    ));
    assert!(matches!(hashes.consistency(0, 600), Err(Error::Proof(_))));
    let node = |level, index| hashes.node(proof::tree::Node { level, index });
    assert!(node(9, 0).is_ok() && node(8, 1).is_ok());
    assert!(matches!(node(9, 1), Err(Error::Proof(_))));
    assert!(matches!(node(200, u64::MAX), Err(Error::Proof(_))));
}

#[test]
fn a_log_gets_one_checkpoint_a_second_and_only_if_it_grew() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store = open(dir.path(), &clock);
    let (tell, told) = crossbeam_channel::unbounded();
    store.on_checkpoint(Box::new(move |organization, published| {
        tell.send((organization.clone(), published.size()))
            .expect("the test listens");
    }));
    assert_eq!(store.published(&acme()), None);
    store.append(vec![item("acme", 0)]).expect("appended");
    assert_eq!(told.recv().expect("at once"), (acme(), 1));
    for n in 1..20 {
        store.append(vec![item("acme", n)]).expect("appended");
    }
    assert!(told.is_empty(), "the clock stood still");
    assert_eq!(store.published(&acme()).expect("the first").size(), 1);
    // Nobody appends: it is signed when the second is over.
    clock.set(clock.now() + SECOND);
    assert_eq!(told.recv().expect("signed"), (acme(), 20));
    assert_eq!(check(&store, &acme()).size(), 20);
    store.append(vec![item("acme", 20)]).expect("appended");
    store.close().expect("closes");
    assert_eq!(told.recv().expect("signed at the end"), (acme(), 21));
    drop(store);
    let store = open(dir.path(), &clock);
    assert_eq!(check(&store, &acme()).size(), 21);
    store.append(vec![item("acme", 0)]).expect("a duplicate");
    clock.set(clock.now() + SECOND);
    store.close().expect("closes");
    assert_eq!(store.published(&acme()).expect("the last").size(), 21);
}

#[test]
fn names_and_keys_are_told_before_the_first_entry_and_never_change() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store = open(dir.path(), &clock);
    let origin = store.origin(&acme());
    assert_eq!(origin.name.as_str(), "log.example/v1/logs/acme");
    assert_eq!(origin.keys.len(), 1);
    append(&store, &clock, vec![item("acme", 0)]);
    assert!(
        check(&store, &acme())
            .note
            .starts_with("log.example/v1/logs/acme\n1\n")
    );
    store.close().expect("closes");
    drop(store);
    let other = Options {
        default_host: "other.example".into(),
        ..options(&clock)
    };
    let store = Store::open(dir.path(), other).expect("what is not configured does not count");
    assert_eq!(store.origin(&acme()), origin);
    drop(store);
    let other = Options {
        public_host: Some("other.example".into()),
        ..options(&clock)
    };
    let refused = Store::open(dir.path(), other).err().expect("refused");
    assert!(refused.to_string().contains("log.example"), "{refused}");
}

/// A store of three logs, the first with hashes at two levels in files, closed.
fn closed(dir: &Path, clock: &Ticking) {
    let store = open(dir, clock);
    for round in 0..6 {
        append(
            &store,
            clock,
            (round * 90..round * 90 + 90)
                .map(|n| item("acme", n))
                .collect(),
        );
        append(&store, clock, vec![item("globex", round)]);
    }
    store.close().expect("closes");
}

/// The log is read and told to be damaged, appends and signatures are refused, its files stay; the others go on.
fn refused(dir: &Path, clock: &Ticking, evidence: &Path) {
    let before = std::fs::read(evidence).ok();
    let store = open(dir, clock);
    let globex = Organization::parse("globex").expect("a slug");
    assert!(matches!(store.health(), crate::Health::Damaged { .. }));
    assert!(store.refused(&acme()).is_some() && store.refused(&globex).is_none());
    clock.set(clock.now() + SECOND);
    let appended = store.append(vec![item("acme", 10_000)]);
    assert!(
        matches!(appended, Err(Error::Damaged { .. })),
        "{appended:?}"
    );
    let both = store.append(vec![item("globex", 10_000), item("acme", 10_000)]);
    assert!(matches!(both, Err(Error::Damaged { .. })), "{both:?}");
    store
        .append(vec![item("acme", 7)])
        .expect("a retry is known as ever");
    append(&store, clock, vec![item("globex", clock.now() as u64)]);
    let size = check(&store, &globex).size();
    assert_eq!(store.logs()[1].size, size);
    assert_eq!(store.logs()[0].size, 540, "reads go on");
    assert!(
        store
            .snapshot()
            .kept(&acme(), Seq(539))
            .expect("readable")
            .is_some()
    );
    store.close().expect("closes");
    drop(store);
    assert!(
        std::fs::read(evidence).ok() == before,
        "evidence stays as it is"
    );
}

#[test]
fn a_start_refuses_a_log_whose_hashes_are_not_those_that_were_signed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    closed(dir.path(), &clock);
    let hashes = dir.path().join("logs/acme/hashes");
    type Change = fn(&mut Vec<u8>);
    let damage: [(&str, Change); 5] = [
        ("1", |bytes| bytes[40] ^= 1),
        ("1", |bytes| bytes.truncate(40)),
        ("0", |bytes| bytes.truncate(31)),
        ("0", |bytes| *bytes = bytes.iter().rev().copied().collect()),
        ("0", |bytes| {
            let last = bytes.len() - 1;
            bytes[last] ^= 0x80;
        }),
    ];
    for (level, change) in damage {
        let path = hashes.join(level);
        let sound = std::fs::read(&path).expect("read");
        let mut bytes = sound.clone();
        change(&mut bytes);
        std::fs::write(&path, &bytes).expect("written");
        refused(dir.path(), &clock, &path);
        std::fs::write(&path, &sound).expect("written");
    }
    let path = hashes.join("0");
    let sound = std::fs::read(&path).expect("read");
    std::fs::remove_file(&path).expect("removed");
    refused(dir.path(), &clock, &path);
    std::fs::write(&path, &sound).expect("written");
    let store = open(dir.path(), &clock);
    append(&store, &clock, vec![item("acme", 10_000)]);
    assert_eq!(
        check(&store, &acme()).size(),
        541,
        "whole again, it goes on"
    );
}

#[test]
fn a_start_refuses_logs_whose_checkpoints_another_key_signed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    closed(dir.path(), &clock);
    let (key, other) = (
        dir.path().join("key.pem"),
        tempfile::tempdir().expect("another"),
    );
    let another = Options {
        random: Arc::new(|bytes| bytes.fill(3)),
        ..options(&clock)
    };
    drop(Store::open(other.path(), another).expect("opens"));
    std::fs::copy(other.path().join("key.pem"), &key).expect("replaced");
    let store = open(dir.path(), &clock);
    let why = store.refused(&acme()).expect("refused").to_string();
    assert!(why.contains("not signed by the log's key"), "{why}");
}

#[test]
fn a_start_refuses_a_log_that_is_behind_its_last_checkpoint() {
    let (dir, other) = (
        tempfile::tempdir().expect("one"),
        tempfile::tempdir().expect("two"),
    );
    let clock = Ticking::new();
    let note = |dir: &Path, entries| {
        let store = open(dir, &clock);
        append(
            &store,
            &clock,
            (0..entries).map(|n| item("acme", n)).collect(),
        );
        let published = store.published(&acme()).expect("published");
        store.close().expect("closes");
        published
    };
    note(dir.path(), 540);
    // The same key, the same name, more entries.
    let ahead = note(other.path(), 600);
    let path = dir.path().join("logs/acme/hashes/checkpoints");
    let later = clock.now() + 60 * SECOND;
    let later = Timestamp::from_micros(later).expect("in range");
    let text = format!("{later} {}\n{}", ahead.note.len(), ahead.note);
    std::fs::write(&path, &text).expect("written");
    let store = open(dir.path(), &clock);
    let why = store.refused(&acme()).expect("refused").to_string();
    assert!(why.contains("smaller than one before it"), "{why}");
    store.close().expect("closes");
    drop(store);
    // As the last one: the journal's are another log's now.
    std::fs::write(&path, &text).expect("written");
    for found in std::fs::read_dir(dir.path().join("journal")).expect("there") {
        let path = found.expect("readable").path();
        let mut bytes = std::fs::read(&path).expect("read");
        for at in (0..bytes.len() - 32).step_by(8) {
            let is_checkpoint =
                bytes[at + 24..at + 26] == [4, 2] && bytes[at + 33..at + 37] == *b"acme";
            if is_checkpoint {
                // Another log's, with its checksum as it should be.
                bytes[at + 33..at + 37].copy_from_slice(b"none");
                let length = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().expect("four"));
                let checksum = crc32c::crc32c(&bytes[at + 4..at + 32 + length as usize]);
                bytes[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
            }
        }
        std::fs::write(&path, &bytes).expect("written");
    }
    let store = open(dir.path(), &clock);
    let why = store.refused(&acme()).expect("refused").to_string();
    assert!(why.contains("600 entries, the log 540"), "{why}");
}

#[test]
fn hashes_that_change_under_a_running_store_are_never_signed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    closed(dir.path(), &clock);
    let store = open(dir.path(), &clock);
    let last = check(&store, &acme());
    let path = dir.path().join("logs/acme/hashes/1");
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[3] ^= 1;
    std::fs::write(&path, &bytes).expect("written");
    append(&store, &clock, vec![item("acme", 10_000)]);
    assert_eq!(
        store.published(&acme()),
        Some(last),
        "nothing more is signed"
    );
    assert!(matches!(store.health(), crate::Health::Damaged { .. }));
    append(
        &store,
        &clock,
        vec![item("acme", 10_001), item("globex", 10_001)],
    );
    assert_eq!(store.logs()[0].size, 542, "what is appended is still kept");
}
