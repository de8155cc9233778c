use super::*;
use crate::Health;
use crate::disk::real::RealDisk;
use crate::sealing::Limits;
use crate::segment::{Segment, SegmentBytes};
use crate::store::{Known, Options, Store};
use crate::testing::{Ticking, item, item_of, random};
use entry::{Json, Party, Seq, Target};
use proof::Hash;
use proptest::prelude::*;
use std::path::Path;

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

fn open(dir: &Path, limits: Limits) -> Store {
    let options = Options {
        clock: Ticking::new().clock(),
        random: random(),
        public_host: None,
        default_host: "log.example".into(),
        known: Known::Off,
        allow_volatile: true,
        waiting_max: 1_000,
        open_bytes_max: 1 << 20,
    };
    Store::open_on(Arc::new(RealDisk), dir, options, limits).expect("opens")
}

const PERSONAL: [&str; 12] = [
    "/actor/email",
    "/actor/id",
    "/actor/name",
    "/actor/on_behalf_of",
    "/changes",
    "/context/note",
    "/error/message",
    "/related",
    "/request/ip",
    "/request/user_agent",
    "/target/name",
    "/context/nested",
];

fn all() -> Vec<Box<str>> {
    PERSONAL.iter().map(|path| (*path).into()).collect()
}

/// A draft whose every personal member holds `word`.
fn speaking(organization: &str, number: u64, word: &str) -> Item {
    let mut item = item(organization, number);
    let text = |what: &str| Some(format!("{what} {word}").into());
    let draft = &mut item.draft;
    draft.actor.party.id = text("id");
    draft.actor.party.name = text("name");
    draft.actor.party.email = text("mail");
    draft.actor.on_behalf_of = Some(Party {
        name: text("other"),
        ..draft.actor.party.clone()
    });
    draft.target = Some(Target {
        kind: Some("cluster".into()),
        id: Some("clu_1".into()),
        name: text("target"),
    });
    draft.related = vec![Target {
        name: text("related"),
        ..Target::default()
    }];
    draft.request.ip = text("ip");
    draft.request.user_agent = text("agent");
    draft.result = entry::Result::Failure;
    draft.error = Some(entry::Error {
        code: Some("403".into()),
        message: text("message"),
    });
    let json = |text: String| Json::from(&entry::json::parse(text.as_bytes()).expect("JSON"));
    draft.changes = Some(json(format!(
        r#"[{{"after":"changed {word}","path":"/a"}}]"#
    )));
    draft.context = Some(json(format!(
        r#"{{"kept":"stays","nested":{{"deep":["deep {word}"]}},"note":"note {word}"}}"#
    )));
    item
}

fn audit(organization: &str, number: u64) -> Item {
    let mut item = item_of(organization, 9, number);
    item.draft.action = "redactEntry".into();
    item
}

fn redact(store: &Store, organization: &str, erase: Erasure, number: u64) -> Redacted {
    let redaction = Redaction {
        organization: Organization::parse(organization).expect("a slug"),
        erase,
        audit: audit(organization, number),
    };
    let redacted = store.redact(vec![redaction]).expect("redacted");
    redacted.into_iter().next().expect("one for one")
}

/// Every file that holds a text: as bytes, or in the entries of a segment.
fn holding(dir: &Path, text: &str) -> Vec<String> {
    loop {
        let mut found = Vec::new();
        match look(dir, text, &mut found) {
            Ok(()) => return found,
            // A merge took a file away while it was looked at: what it held is in another now.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn look(dir: &Path, text: &str, found: &mut Vec<String>) -> std::io::Result<()> {
    for file in std::fs::read_dir(dir)? {
        let path = file?.path();
        if path.is_dir() {
            look(&path, text, found)?;
            continue;
        }
        let bytes = std::fs::read(&path)?;
        let mut holds = memchr::memmem::find(&bytes, text.as_bytes()).is_some();
        if path.extension().is_some_and(|extension| extension == "seg") {
            let segment = Segment::open(SegmentBytes::Memory(bytes), &path).expect("sound");
            for row in 0..segment.len() {
                let mut wire = Vec::new();
                segment.entry(row).expect("sound").write_wire(&mut wire);
                holds |= memchr::memmem::find(&wire, text.as_bytes()).is_some();
            }
        }
        if holds {
            found.push(path.display().to_string());
        }
    }
    Ok(())
}

/// Of every entry of a log, in order: id, leaf, canonical bytes as they are shown.
fn shown(store: &Store, organization: &str) -> Vec<(entry::EntryId, Hash, String)> {
    let organization = Organization::parse(organization).expect("a slug");
    let snapshot = store.snapshot();
    let mut units = Units::default();
    (0..)
        .map_while(|seq| snapshot.kept(&organization, Seq(seq)).expect("sound"))
        .map(|kept| {
            let mut wire = Vec::new();
            kept.entry.write_wire(&mut wire);
            let leaf = kept.leaf(&mut units).expect("its own salts").hash();
            (kept.id, leaf, String::from_utf8(wire).expect("UTF-8"))
        })
        .collect()
}

#[test]
fn what_is_erased_is_in_no_file_and_every_leaf_stays() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path(), tiny());
    for number in 0..150 {
        // The same word often enough to get into dictionaries, in entries that stay and in one that goes.
        let word = format!("secret{number:03}");
        store
            .append(vec![speaking("acme", number, &word)])
            .expect("appended");
        if number % 5 == 0 {
            store
                .append(vec![item("globex", number)])
                .expect("appended");
        }
    }
    let before = shown(&store, "acme");
    let old = store.snapshot();
    for (number, seq) in [3, 77, 149].into_iter().enumerate() {
        let word = format!("secret{seq:03}");
        assert_ne!(holding(dir.path(), &word), [""; 0], "there before");
        let redacted = redact(&store, "acme", Erasure::of(Seq(seq), &all()), number as u64);
        assert_eq!(redacted.erased, Erasure::of(Seq(seq), &all()));
        assert!(redacted.already.is_empty());
        assert_eq!(holding(dir.path(), &word), [""; 0]);
    }
    let check = |store: &Store| {
        let after = shown(store, "acme");
        assert_eq!(after.len(), before.len() + 3);
        for (at, (then, now)) in before.iter().zip(&after).enumerate() {
            assert_eq!((then.0, then.1), (now.0, now.1), "seq {at}");
            assert_eq!(then.2 == now.2, ![3, 77, 149].contains(&at), "seq {at}");
        }
        assert!(after[77].2.contains(r#""erased":[{"entry":"#));
        assert!(after[77].2.contains(r#""context":{"kept":"stays"}"#));
        let found = store
            .snapshot()
            .suggest(entry::field::Field::Actor, "secret077", 5);
        assert_eq!(found.expect("answered"), []);
        assert_eq!(store.health(), Health::Ready);
    };
    check(&store);
    // A walk that began before goes on with what it saw.
    let acme = Organization::parse("acme").expect("a slug");
    let seen = old.kept(&acme, Seq(3)).expect("sound").expect("there");
    assert!(seen.erased.is_empty());
    drop(old);
    store.close().expect("closes");
    check(&open(dir.path(), tiny()));
    let report = crate::check::run(dir.path(), crate::check::Mode::Report, &mut |_| ());
    assert_eq!(report.expect("checked").differences, []);
}

#[test]
fn a_segment_of_usual_size_is_written_anew_without_the_words_of_its_dictionaries() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let limits = || Limits {
        part_entries: 3_000,
        ..Limits::new(8 << 20)
    };
    let store = open(dir.path(), limits());
    let word = "Maximiliana-Ypsilanti";
    for chunk in 0..10 {
        let items = (0..1_000).map(|n| {
            let number = chunk * 1_000 + n;
            match n % 2 {
                0 => speaking("acme", number, word),
                _ => speaking("acme", number, &format!("other{number}")),
            }
        });
        store.append(items.collect()).expect("appended");
    }
    store.close().expect("closes");
    let store = open(dir.path(), limits());
    let before = shown(&store, "acme");
    assert_ne!(holding(dir.path(), "Ypsilanti"), [""; 0]);
    let mut erase = Erasure::default();
    (0..10_000)
        .step_by(2)
        .for_each(|seq| erase.push(Seq(seq), &all()));
    redact(&store, "acme", erase, 0);
    assert_eq!(holding(dir.path(), "Ypsilanti"), [""; 0]);
    let after = shown(&store, "acme");
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(then, now)| (then.0, then.1) == (now.0, now.1))
    );
    assert!(after[4_999].2.contains("other4999") && !after[4_998].2.contains("Maximiliana"));
    store.close().expect("closes");
    let report = crate::check::run(dir.path(), crate::check::Mode::Report, &mut |_| ());
    assert_eq!(report.expect("checked").differences, []);
}

#[test]
fn a_retry_after_an_erasure_is_a_duplicate_and_brings_nothing_back() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path(), tiny());
    let sent = speaking("acme", 1, "retried");
    store.append(vec![sent.clone()]).expect("appended");
    redact(&store, "acme", Erasure::of(Seq(0), &all()), 0);
    let mut other = sent.clone();
    other.draft.action = "anotherAction".into();
    let receipts = store.append(vec![sent, other]).expect("answered");
    assert!(matches!(
        receipts[0],
        Receipt::Duplicate { seq: Seq(0), .. }
    ));
    assert!(matches!(receipts[1], Receipt::Conflict { seq: Seq(0), .. }));
    assert_eq!(holding(dir.path(), "retried"), [""; 0]);
}

#[test]
fn erasing_again_records_nothing_and_an_audit_entry_can_be_erased_too() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path(), tiny());
    store
        .append(vec![speaking("acme", 1, "once")])
        .expect("appended");
    let paths: Vec<Box<str>> = vec!["/actor/email".into(), "/actor/name".into()];
    redact(&store, "acme", Erasure::of(Seq(0), &paths[..1]), 0);
    let redacted = redact(&store, "acme", Erasure::of(Seq(0), &paths[..1]), 1);
    assert!(redacted.audit.is_none() && redacted.erased.is_empty());
    assert_eq!(redacted.already, Erasure::of(Seq(0), &paths[..1]));
    let redacted = redact(&store, "acme", Erasure::of(Seq(0), &paths), 2);
    assert_eq!(redacted.erased, Erasure::of(Seq(0), &paths[1..]));
    // Members that the entry never had, and its unit of what is not personal, are passed over.
    let never = ["".into(), "/context/never".into(), "/action".into()];
    assert!(
        redact(&store, "acme", Erasure::of(Seq(0), &never), 3)
            .audit
            .is_none()
    );
    assert!(
        redact(&store, "nobody", Erasure::of(Seq(0), &paths), 3)
            .audit
            .is_none()
    );
    let name = ["/actor/name".into()];
    assert_eq!(
        redact(&store, "acme", Erasure::of(Seq(1), &name), 4)
            .erased
            .len(),
        1
    );
    assert_eq!(shown(&store, "acme").len(), 4);
}

#[test]
fn redactions_beside_appends_seals_and_merges_lose_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path(), tiny());
    let appended = |number: u64| speaking("acme", number, &format!("word{number:04}"));
    store
        .append((0..50).map(appended).collect())
        .expect("appended");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 50..400 {
                store.append(vec![appended(number)]).expect("appended");
            }
        });
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..3 {
                    let seq = thread * 10 + n;
                    redact(store, "acme", Erasure::of(Seq(seq), &all()), seq);
                }
            });
        }
    });
    let after = shown(&store, "acme");
    assert_eq!(after.len(), 412);
    for seq in 0..50 {
        let goes = seq % 10 < 3 && seq < 40;
        let word = format!("word{seq:04}");
        assert_eq!(holding(dir.path(), &word).is_empty(), goes, "{word}");
    }
    let kept = after.iter().filter(|(_, _, wire)| wire.contains(" word"));
    assert_eq!(kept.count(), 400 - 12);
    store.close().expect("closes");
    let report = crate::check::run(dir.path(), crate::check::Mode::Report, &mut |_| ());
    assert_eq!(report.expect("checked").differences, []);
}

proptest! {
    #[test]
    fn an_erasure_comes_back_as_it_was_written(
        entries in prop::collection::btree_map(0u64..1 << 40, prop::collection::btree_set("/[a-c]{0,3}", 1..4), 0..20),
    ) {
        let mut erase = Erasure::default();
        for (seq, paths) in &entries {
            let paths: Vec<Box<str>> = paths.iter().map(|path| path.as_str().into()).collect();
            erase.push(Seq(*seq), &paths);
        }
        let acme = Organization::parse("acme").expect("a slug");
        let by = entry::EntryId::from_bytes([7; 16]);
        let mut bytes = Vec::new();
        write_order(&mut bytes, &Standing::new(acme.clone(), erase.clone(), by, 5));
        let order = bytes.len();
        bytes.extend_from_slice(b"entries");
        prop_assert_eq!(split_order(&bytes).map(|split| split.1), Some(&b"entries"[..]));
        let read = read_order(&bytes, 5).expect("well formed");
        prop_assert_eq!((&read.organization, read.by, read.position), (&acme, by, 5));
        prop_assert_eq!(&read.erase, &erase);
        prop_assert!((0..order).all(|cut| read_order(&bytes[..cut], 5).is_none()));
        for (seq, paths) in &entries {
            prop_assert!(paths.iter().all(|path| read.orders(Seq(*seq), path)));
            prop_assert!(!read.orders(Seq(*seq), "/d"));
        }
    }
}
