use super::*;
use crate::sealing::Limits;
use crate::store::{Known, Options, Store};
use crate::testing::{Ticking, item};

/// A store of two logs with several segments each, and a journal behind them.
fn written(dir: &Path) {
    let limits = Limits {
        built_entries: 8,
        tails_entries_max: 24,
        tail_bytes_max: 1 << 20,
        open_bytes_max: 24 << 10,
        journal_file_bytes: 8 << 10,
        journal_bytes_max: 32 << 10,
        fan_out: 3,
        merged_entries_max: 64,
        part_entries: 8,
        threads: 2,
    };
    let options = Options {
        clock: Ticking::new().clock(),
        random: crate::testing::random(),
        public_host: None,
        default_host: "log.example".into(),
        known: Known::Off,
        allow_volatile: true,
        waiting_max: 1_000,
        open_bytes_max: limits.open_bytes_max,
    };
    let store = Store::open_on(Arc::new(RealDisk), dir, options, limits).expect("opens");
    for n in 0..200 {
        store
            .append(vec![item("acme", n), item("globex", n)])
            .expect("appended");
    }
    store.close().expect("closes");
}

fn check(dir: &Path, mode: Mode) -> Report {
    let mut last = 0;
    run(dir, mode, &mut |progress| {
        assert!(progress.done_bytes >= last && progress.done_bytes <= progress.total_bytes);
        last = progress.done_bytes;
    })
    .expect("can be read")
}

fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("a directory")
        .map(|found| found.expect("readable").path())
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    files.sort();
    files
}

#[test]
fn a_sound_store_has_no_differences_and_is_not_changed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    written(dir.path());
    let journal = files(&dir.path().join("journal"), ".journal");
    let before: Vec<_> = journal
        .iter()
        .map(|path| std::fs::read(path).expect("read"))
        .collect();
    let report = check(dir.path(), Mode::RepairIndex);
    assert_eq!(report.differences, []);
    assert_eq!(report.repaired, Vec::<PathBuf>::new());
    let sizes: Vec<_> = report
        .logs
        .iter()
        .map(|log| (log.organization.as_str(), log.size))
        .collect();
    assert_eq!(sizes, [("acme", 200), ("globex", 200)]);
    assert!(report.logs.iter().all(|log| log.segments > 1) && report.journal_records > 0);
    let after: Vec<_> = journal
        .iter()
        .map(|path| std::fs::read(path).expect("read"))
        .collect();
    assert!(before == after);
}

#[test]
fn a_store_in_use_is_not_checked_and_a_missing_one_is_told() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = Options {
        clock: Ticking::new().clock(),
        random: crate::testing::random(),
        public_host: None,
        default_host: "log.example".into(),
        known: Known::Off,
        allow_volatile: true,
        waiting_max: 1,
        open_bytes_max: 1 << 20,
    };
    let store = Store::open(dir.path(), options).expect("opens");
    assert!(matches!(
        run(dir.path(), Mode::Report, &mut |_| ()),
        Err(Error::Locked { .. })
    ));
    drop(store);
    let missing = dir.path().join("missing");
    assert!(matches!(
        run(&missing, Mode::Report, &mut |_| ()),
        Err(Error::NoData { path }) if path == missing
    ));
    assert!(!missing.exists());
}

#[test]
fn a_missing_segment_is_named_with_its_seqs() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    written(dir.path());
    let segments = files(&dir.path().join("logs/acme/segments"), ".seg");
    std::fs::remove_file(&segments[0]).expect("removed");
    let report = check(dir.path(), Mode::Report);
    let [difference] = &report.differences[..] else {
        panic!("{:?}", report.differences)
    };
    let (organization, first, end) = difference.entries.as_ref().expect("entries are missing");
    assert_eq!((organization.as_str(), first.0), ("acme", 0));
    let second: u64 = segments[1]
        .file_stem()
        .and_then(|stem| stem.to_str()?.parse().ok())
        .expect("a seq");
    assert_eq!(end.0, second);
}

#[test]
fn every_changed_byte_of_a_segment_is_found_and_indexes_are_made_anew() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    written(dir.path());
    let path = files(&dir.path().join("logs/globex/segments"), ".seg").remove(0);
    let sound = std::fs::read(&path).expect("read");
    let (mut repaired, mut beyond_repair) = (0, 0);
    for at in (0..sound.len()).step_by(101) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x20;
        std::fs::write(&path, &damaged).expect("written");
        let report = check(dir.path(), Mode::RepairIndex);
        assert!(
            report
                .differences
                .iter()
                .any(|difference| difference.path == path),
            "byte {at}: {report:?}"
        );
        if report.repaired.is_empty() {
            beyond_repair += 1;
            assert!(
                std::fs::read(&path).expect("read") == damaged,
                "byte {at}: damage is evidence, and stays"
            );
        } else {
            repaired += 1;
            assert_eq!(check(dir.path(), Mode::Report).differences, [], "byte {at}");
        }
    }
    assert!(
        repaired > 0 && beyond_repair > 0,
        "{repaired} repaired, {beyond_repair} not"
    );
}

#[test]
fn a_changed_journal_is_named_with_its_bytes() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    written(dir.path());
    let path = files(&dir.path().join("journal"), ".journal").remove(0);
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[1_000] ^= 1;
    std::fs::write(&path, &bytes).expect("written");
    let report = check(dir.path(), Mode::RepairIndex);
    assert!(
        report.differences[0].path == path && report.differences[0].what.starts_with("bytes "),
        "{report:?}"
    );
    assert!(
        std::fs::read(&path).expect("read") == bytes,
        "damage is evidence, and stays"
    );
}

/// Every checkpoint of a stopped store follows from its entries, and its hashes prove each.
fn read_stopped(dir: &Path) {
    let stopped = crate::stopped::open(dir).expect("it can be read");
    assert_eq!(stopped.logs.len(), 2);
    for log in &stopped.logs {
        assert_eq!(log.size(), 200);
        let hashes = log.hashes().expect("of a size that trees have");
        let mut units = entry::Units::default();
        let leaves: Vec<_> = log
            .entries()
            .map(|kept| {
                let kept = kept.expect("sound");
                assert_eq!(Some(&kept), log.kept(kept.seq).expect("sound").as_ref());
                kept.leaf(&mut units).expect("sound").hash()
            })
            .collect();
        assert_eq!(leaves.len(), 200);
        assert!(
            log.checkpoints.len() > 1 && log.checkpoints.is_sorted_by_key(|known| known.size())
        );
        for published in &log.checkpoints {
            let signers = published.checkpoint.note().verified_by(&log.origin.keys);
            assert_eq!(signers.expect("true").len(), 1);
            for (seq, leaf) in leaves.iter().enumerate().take(published.size() as usize) {
                let seq = seq as u64;
                let path = hashes
                    .inclusion(Seq(seq), published.size())
                    .expect("a proof");
                let included = published.tree().includes(proof::Seq(seq), leaf, &path);
                included.expect("in the tree that was signed");
            }
        }
        assert_eq!(
            log.checkpoints.last().expect("signed at the end").size(),
            200
        );
    }
}

#[test]
fn a_stopped_store_is_read_as_it_is() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    written(dir.path());
    read_stopped(dir.path());
    assert!(matches!(
        crate::stopped::open(&dir.path().join("logs")),
        Err(Error::NoData { .. })
    ));
}

#[test]
fn every_changed_byte_of_the_hashes_is_found_and_they_are_made_anew() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    written(dir.path());
    let path = dir.path().join("logs/acme/hashes/0");
    let sound = std::fs::read(&path).expect("read");
    let damage = |at: usize| {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        damaged
    };
    let changes = (0..sound.len()).step_by(997).map(damage);
    let cut = [0, 31, sound.len() - 32].map(|length| sound[..length].to_vec());
    let mut rounds = 0;
    for damaged in changes.chain(cut) {
        std::fs::write(&path, &damaged).expect("written");
        let report = check(dir.path(), Mode::Report);
        let [difference] = &report.differences[..] else {
            panic!("{:?}", report.differences)
        };
        let (organization, _, _) = difference.entries.as_ref().expect("of the entries");
        assert_eq!((&difference.path, organization.as_str()), (&path, "acme"));
        assert_eq!(
            std::fs::read(&path).expect("read"),
            damaged,
            "a report changes nothing"
        );
        let report = check(dir.path(), Mode::RepairIndex);
        assert_eq!(report.repaired, std::slice::from_ref(&path));
        assert!(std::fs::read(&path).expect("read") == sound);
        assert_eq!(check(dir.path(), Mode::Report).differences, []);
        rounds += 1;
    }
    assert!(rounds > 6);
    read_stopped(dir.path());
}

#[test]
fn hashes_are_not_made_anew_of_entries_that_were_never_signed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    written(dir.path());
    // Another store's entries under the same name: of the same shape, received at other times.
    let other = tempfile::tempdir().expect("another");
    let options = Options {
        clock: {
            let clock = Ticking::new();
            clock.set(77_000_000);
            clock.clock()
        },
        random: crate::testing::random(),
        public_host: None,
        default_host: "log.example".into(),
        known: Known::Off,
        allow_volatile: true,
        waiting_max: 1_000,
        open_bytes_max: 1 << 20,
    };
    let store = Store::open(other.path(), options).expect("opens");
    let all = (0..300).map(|n| item("acme", n)).collect();
    store.append(all).expect("appended");
    store.close().expect("closes");
    let here = dir.path().join("logs/acme/segments");
    for path in files(&here, ".seg") {
        std::fs::remove_file(path).expect("removed");
    }
    std::fs::remove_dir_all(dir.path().join("journal")).expect("removed");
    std::fs::rename(other.path().join("journal"), dir.path().join("journal")).expect("moved");
    let hashes = dir.path().join("logs/acme/hashes/0");
    let before = std::fs::read(&hashes).expect("read");
    let report = check(dir.path(), Mode::RepairIndex);
    let what: String = report
        .differences
        .iter()
        .map(|d| format!("{}\n", d.what))
        .collect();
    assert!(what.contains("has another root than the entries"), "{what}");
    assert_eq!(report.repaired, Vec::<PathBuf>::new());
    assert!(std::fs::read(&hashes).expect("read") == before);
}
