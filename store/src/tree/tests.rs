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
