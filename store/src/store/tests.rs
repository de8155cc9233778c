use super::*;
use crate::segment::layout::Part;
use crate::testing::{Ticking, damage_segments, item, item_of};
use entry::{Entry, Seq};

fn options(clock: &Ticking) -> Options {
    Options {
        clock: clock.clock(),
        random: crate::testing::random(),
        public_host: None,
        default_host: "log.example".into(),
        known: Known::Off,
        allow_volatile: true,
        waiting_max: 1_000,
        open_bytes_max: 1 << 20,
    }
}

/// Limits so small that a few entries reach every step.
fn tiny() -> Limits {
    Limits {
        built_entries: 4,
        tails_entries_max: 12,
        tail_bytes_max: 1 << 20,
        open_bytes_max: 16 << 10,
        journal_file_bytes: 4 << 10,
        journal_bytes_max: 16 << 10,
        fan_out: 3,
        merged_entries_max: 64,
        part_entries: 8,
        threads: 2,
    }
}

fn entries(store: &Store, organization: &str) -> Vec<Entry> {
    let snapshot = store.snapshot();
    let Some(log) = snapshot
        .logs
        .iter()
        .find(|log| log.organization.as_str() == organization)
    else {
        return Vec::new();
    };
    let mut entries = Vec::new();
    for segment in &log.segments {
        for seq in segment.first_seq().0..segment.end_seq().0 {
            entries.push(segment.entry_at_seq(Seq(seq)).expect("sound"));
        }
    }
    entries.extend(log.tail.iter().map(|kept| kept.entry.clone()));
    entries
}

fn seq(receipt: &Receipt) -> u64 {
    match receipt {
        Receipt::Accepted { seq, .. }
        | Receipt::Duplicate { seq, .. }
        | Receipt::Conflict { seq, .. } => seq.0,
    }
}

#[test]
fn what_was_acknowledged_is_there_at_once_and_after_a_restart() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store = Store::open(dir.path(), options(&clock)).expect("opens");
    let receipts = store
        .append((0..10).map(|n| item("acme", n)).collect())
        .expect("appended");
    assert_eq!(
        receipts.iter().map(seq).collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
    let before = entries(&store, "acme");
    assert_eq!(before.len(), 10);
    let secret = store.secret();
    store.close().expect("closes");
    assert!(matches!(
        store.append(vec![item("acme", 99)]),
        Err(Error::Closing)
    ));

    let store = Store::open(dir.path(), options(&clock)).expect("opens again");
    assert_eq!(entries(&store, "acme"), before);
    assert_eq!(store.secret(), secret);
    let receipts = store
        .append(vec![item("acme", 3), item("acme", 10)])
        .expect("appended");
    assert!(matches!(
        receipts[0],
        Receipt::Duplicate { seq: Seq(3), .. }
    ));
    assert!(matches!(
        receipts[1],
        Receipt::Accepted { seq: Seq(10), .. }
    ));
    assert_eq!(store.logs()[0].size, 11);
}

#[test]
fn the_same_id_with_other_content_is_a_conflict_wherever_the_first_is() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store =
        Store::open_on(Arc::new(RealDisk), dir.path(), options(&clock), tiny()).expect("opens");
    let mut other = item("acme", 0);
    other.draft.action = "anotherAction".into();
    let receipts = store
        .append(vec![item("acme", 0), other.clone(), item("acme", 0)])
        .expect("appended");
    assert!(matches!(receipts[0], Receipt::Accepted { .. }));
    assert!(
        matches!(receipts[1], Receipt::Conflict { seq: Seq(0), .. }),
        "in the same batch"
    );
    assert!(matches!(
        receipts[2],
        Receipt::Duplicate { seq: Seq(0), .. }
    ));
    for n in 1..200 {
        store.append(vec![item("acme", n)]).expect("appended");
        let receipts = store
            .append(vec![item("acme", 0), other.clone(), item("acme", n)])
            .expect("appended");
        assert!(
            matches!(receipts[0], Receipt::Duplicate { seq: Seq(0), .. }),
            "{receipts:?}"
        );
        assert!(
            matches!(receipts[1], Receipt::Conflict { seq: Seq(0), .. }),
            "{receipts:?}"
        );
        assert_eq!(seq(&receipts[2]), n);
    }
    let receipts = store.append(vec![item("globex", 0)]).expect("appended");
    assert!(
        matches!(receipts[0], Receipt::Accepted { seq: Seq(0), .. }),
        "each log has its own ids"
    );
}

/// A log of 200 entries, nearly all of them in segment files, closed.
fn sealed(dir: &Path, clock: &Ticking) {
    let store = Store::open_on(Arc::new(RealDisk), dir, options(clock), tiny()).expect("opens");
    for n in 0..200 {
        store.append(vec![item("acme", n)]).expect("appended");
    }
    store.close().expect("closes");
}

/// One flipped byte among the ids, or a lost page of the filter before them, made an acknowledged entry unknown: sent again it
/// was stored again.
#[test]
fn what_is_sent_again_is_refused_rather_than_stored_twice_where_ids_are_damaged() {
    let flip: fn(&mut [u8]) = |bytes| bytes[3] ^= 0x10;
    let lose: fn(&mut [u8]) = |bytes| bytes.fill(0);
    for (part, damage) in [
        (Part::Ids, flip),
        (Part::IdOrder, flip),
        (Part::Bloom, lose),
    ] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clock = Ticking::new();
        sealed(dir.path(), &clock);
        damage_segments(&dir.path().join("logs/acme/segments"), part, damage);
        let store = Store::open(dir.path(), options(&clock)).expect("opens");
        let mut refused = 0;
        for n in 0..200 {
            match store.append(vec![item("acme", n)]) {
                Ok(receipts) => assert_eq!(
                    receipts,
                    [Receipt::Duplicate {
                        id: item("acme", n).draft.id.expect("chosen"),
                        seq: Seq(n)
                    }]
                ),
                Err(Error::Damaged { what, .. }) => {
                    refused += 1;
                    assert!(what.contains(&format!("{part:?}")), "{what}");
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(refused > 0, "{part:?}");
        assert_eq!(store.logs()[0].size, 200);
        let elsewhere = store.append(vec![item("globex", 0)]).expect("appended");
        assert!(matches!(elsewhere[0], Receipt::Accepted { .. }));
    }
}

/// A changed byte of an index made searches and counts wrong, and nothing said so until somebody ran a check.
#[test]
fn a_damaged_index_is_told_after_a_start_while_appends_go_on() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    sealed(dir.path(), &clock);
    let segments = dir.path().join("logs/acme/segments");
    damage_segments(&segments, Part::RecordRows, |bytes| bytes[0] ^= 1);
    let store = Store::open(dir.path(), options(&clock)).expect("opens");
    while store.health() == Health::Ready {
        std::thread::yield_now();
    }
    let Health::Damaged { path, what } = store.health() else {
        panic!("{:?}", store.health())
    };
    assert_eq!(path.parent(), Some(&*segments));
    assert!(what.starts_with("RecordRows of "), "{what}");
    let receipts = store
        .append(vec![item("acme", 7), item("acme", 200)])
        .expect("ids are sound");
    assert_eq!(receipts.iter().map(seq).collect::<Vec<_>>(), [7, 200]);
    store.close().expect("closes");
}

#[test]
fn a_retry_without_a_timestamp_is_a_duplicate() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store = Store::open(dir.path(), options(&clock)).expect("opens");
    let untimed = || {
        let mut item = item("acme", 0);
        item.draft.timestamp = None;
        item
    };
    store.append(vec![untimed()]).expect("appended");
    let stored = entries(&store, "acme").remove(0);
    assert_eq!(stored.timestamp, stored.received_at);
    let receipts = store.append(vec![untimed()]).expect("appended");
    assert!(matches!(
        receipts[0],
        Receipt::Duplicate { seq: Seq(0), .. }
    ));
    assert_eq!(entries(&store, "acme").len(), 1);
}

#[test]
fn nothing_is_lost_while_entries_move_to_files_and_files_are_merged() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let open =
        || Store::open_on(Arc::new(RealDisk), dir.path(), options(&clock), tiny()).expect("opens");
    let store = open();
    for n in 0..400 {
        let receipts = store
            .append(vec![item("acme", n), item("globex", n)])
            .expect("appended");
        assert!(receipts.iter().all(|receipt| seq(receipt) == n));
        let seen = entries(&store, "acme");
        assert_eq!(
            seen.len() as u64,
            n + 1,
            "an acknowledged entry is visible at once"
        );
        assert!(
            seen.iter()
                .zip(0..)
                .all(|(entry, seq)| entry.seq == Seq(seq))
        );
    }
    let (acme, globex) = (entries(&store, "acme"), entries(&store, "globex"));
    store.close().expect("closes");
    assert_eq!(store.health(), Health::Ready);
    let files = |organization: &str| {
        let dir = dir.path().join("logs").join(organization).join("segments");
        std::fs::read_dir(dir).expect("sealed").count()
    };
    assert!((1..20).contains(&files("acme")), "{} files", files("acme"));
    let journal = std::fs::read_dir(dir.path().join("journal"))
        .expect("a journal")
        .count();
    assert!(journal < 12, "{journal} journal files");
    let store = open();
    assert_eq!(entries(&store, "acme"), acme);
    assert_eq!(entries(&store, "globex"), globex);
    assert!(matches!(
        store.append(vec![item("acme", 7)]).expect("appended")[0],
        Receipt::Duplicate { seq: Seq(7), .. }
    ));
}

#[test]
fn received_at_rises_with_every_commit_also_when_the_clock_falls() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store = Store::open(dir.path(), options(&clock)).expect("opens");
    for n in 0..5 {
        clock.set(1_000_000 - n as i64 * 1_000);
        store.append(vec![item("acme", n)]).expect("appended");
    }
    drop(store);
    clock.set(5);
    let store = Store::open(dir.path(), options(&clock)).expect("opens again");
    store.append(vec![item("globex", 5)]).expect("appended");
    let mut seen: Vec<_> = entries(&store, "acme")
        .iter()
        .map(|entry| entry.received_at)
        .collect();
    seen.extend(
        entries(&store, "globex")
            .iter()
            .map(|entry| entry.received_at),
    );
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{seen:?}");
    assert_eq!(store.snapshot().as_of, seen.last().copied());
}

#[test]
fn a_second_process_is_refused_at_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store = Store::open(dir.path(), options(&clock)).expect("opens");
    assert!(matches!(
        Store::open(dir.path(), options(&clock)),
        Err(Error::Locked { .. })
    ));
    store.close().expect("closes");
    assert!(Store::open(dir.path(), options(&clock)).is_ok());
}

/// `--data ~` made a home directory a log's, and its own files part of every copy.
#[test]
fn a_directory_of_something_else_is_refused_untouched() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let foreign = dir.path().join("letters");
    std::fs::write(&foreign, "dear").expect("written");
    let refused = Store::open(dir.path(), options(&clock)).err();
    assert!(
        matches!(&refused, Some(Error::Foreign { found, .. }) if found == "letters"),
        "{refused:?}"
    );
    assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 1);
    std::fs::remove_file(foreign).expect("removed");
    // What a killed first start leaves, and what a new file system has.
    std::fs::write(dir.path().join("lock"), "").expect("written");
    std::fs::write(dir.path().join("format.tmp"), "").expect("written");
    for name in ["journal", "logs", "lost+found"] {
        std::fs::create_dir(dir.path().join(name)).expect("made");
    }
    let store = Store::open(dir.path(), options(&clock)).expect("opens");
    store.append(vec![item("acme", 0)]).expect("appended");
    store.close().expect("closes");
    // A log of its own may have what it likes beside it.
    std::fs::write(dir.path().join("notes"), "").expect("written");
    assert!(Store::open(dir.path(), options(&clock)).is_ok());
}

#[test]
fn another_format_is_refused_and_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    drop(Store::open(dir.path(), options(&clock)).expect("opens"));
    let refused = |format: &str| {
        std::fs::write(dir.path().join("format"), format).expect("written");
        Store::open(dir.path(), options(&clock)).err()
    };
    let (newer, older) = (refused("7\n"), refused("1\n"));
    assert!(
        matches!(
            newer,
            Some(Error::NewerFormat {
                found: 7,
                known: 2,
                ..
            })
        ),
        "{newer:?}"
    );
    assert!(
        matches!(
            older,
            Some(Error::OlderFormat {
                found: 1,
                known: 2,
                ..
            })
        ),
        "{older:?}"
    );
}

#[test]
fn a_full_queue_is_an_answer() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store = Store::open(
        dir.path(),
        Options {
            waiting_max: 10,
            ..options(&clock)
        },
    )
    .expect("opens");
    // The first commit's `done` holds the sequencer, so that what follows has to wait.
    let (hold, held) = bounded::<()>(0);
    let (began, begun) = bounded::<()>(0);
    store.append_then(
        vec![item("acme", 0)],
        Box::new(move |_| {
            began.send(()).expect("the test waits");
            held.recv().expect("the test lets go");
        }),
    );
    begun.recv().expect("committed");
    let (answer, answered) = unbounded();
    for n in 1..20 {
        let answer = answer.clone();
        store.append_then(
            vec![item("acme", n)],
            Box::new(move |answered| answer.send(answered).expect("kept")),
        );
    }
    let refused = answered.try_iter().inspect(|answer| {
        assert!(
            matches!(
                answer,
                Err(Error::Full {
                    waiting: 10,
                    max: 10
                })
            ),
            "{answer:?}"
        );
    });
    assert_eq!(refused.count(), 9);
    hold.send(()).expect("held");
    let accepted: Vec<_> = (0..10)
        .map(|_| answered.recv().expect("answered"))
        .collect();
    assert!(accepted.iter().all(|answer| answer.is_ok()));
    assert_eq!(store.logs()[0].size, 11);
}

#[test]
fn appends_from_many_threads_get_each_seq_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store =
        Store::open_on(Arc::new(RealDisk), dir.path(), options(&clock), tiny()).expect("opens");
    let mut seqs: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let store = store.clone();
                scope.spawn(move || {
                    let append = |n| {
                        seq(&store
                            .append(vec![item_of("acme", thread, n)])
                            .expect("appended")[0])
                    };
                    (0..100).map(append).collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    seqs.sort_unstable();
    assert_eq!(seqs, (0..400).collect::<Vec<_>>());
    assert!(
        entries(&store, "acme")
            .iter()
            .zip(0..)
            .all(|(entry, seq)| entry.seq == Seq(seq))
    );
}

#[test]
fn the_last_clone_may_go_on_the_stores_own_thread() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let clock = Ticking::new();
    let store = Store::open(dir.path(), options(&clock)).expect("opens");
    let (hold, held) = bounded::<()>(0);
    let clone = store.clone();
    store.append_then(
        vec![item("acme", 0)],
        Box::new(move |_| {
            held.recv().expect("the test lets go");
            drop(clone);
        }),
    );
    drop(store);
    hold.send(()).expect("held");
    // It closes on its own; until then the directory is in use.
    let store = loop {
        match Store::open(dir.path(), options(&clock)) {
            Err(Error::Locked { .. }) => std::thread::yield_now(),
            opened => break opened.expect("opens"),
        }
    };
    assert_eq!(entries(&store, "acme").len(), 1);
}
