use super::*;
use entry::{Organization, Timestamp};
use tempfile::TempDir;

fn source(name: &str) -> Sender {
    Sender {
        organization: Organization::parse("acme").expect("a slug"),
        source: SourceName::parse(name).expect("a name"),
    }
}

fn item(raw: &[u8]) -> Item {
    Item {
        received_at: Timestamp::from_micros(1_793_534_400_000_000).expect("a time"),
        format: "kubernetes".into(),
        reason: "no verb".into(),
        raw: raw.to_vec(),
    }
}

fn open(dir: &TempDir) -> Shelf {
    Shelf::open(&dir.path().join("quarantine"), 10_000).expect("opened")
}

fn all(shelf: &Shelf, name: &str) -> Vec<(Number, Item)> {
    shelf.items(&source(name), None, usize::MAX).expect("read")
}

#[test]
fn names_of_sources_are_parts_of_paths_and_nothing_else() {
    for good in ["k8s", "prod-eu.1", "0", "a_b"] {
        assert!(SourceName::parse(good).is_some(), "{good}");
    }
    let long = "a".repeat(64);
    for bad in ["", ".", "..", ".a", "-a", "A", "a/b", "a\0", "é", &long] {
        assert!(SourceName::parse(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn what_is_kept_is_there_after_a_restart_as_it_came_and_known_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let shelf = open(&dir);
    let bytes = [0xff, 0, b'\n', 0xc3];
    let kept = shelf.keep(&source("a"), vec![item(b"{\"x\":1}\n"), item(&bytes)]);
    assert_eq!(kept.expect("kept"), [Shelved::Kept, Shelved::Kept]);
    let before = all(&shelf, "a");
    drop(shelf);
    let shelf = open(&dir);
    let after = all(&shelf, "a");
    assert_eq!(before, after);
    assert_eq!(after[1].1.raw, bytes);
    let again = shelf.keep(&source("a"), vec![item(&bytes), item(b"3"), item(b"3")]);
    let expected = [Shelved::Known, Shelved::Kept, Shelved::Known];
    assert_eq!(again.expect("kept"), expected);
    // Another source's are its own.
    let other = shelf.keep(&source("b"), vec![item(&bytes)]);
    assert_eq!(other.expect("kept"), [Shelved::Kept]);
    let items: Vec<u64> = shelf.kept().values().map(|kept| kept.items).collect();
    assert_eq!(items, [3, 1]);
}

#[test]
fn what_is_taken_out_is_in_no_file_and_may_come_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let shelf = open(&dir);
    let a = source("a");
    shelf
        .keep(&a, vec![item(b"first"), item(b"second")])
        .expect("kept");
    shelf.keep(&a, vec![item(b"third")]).expect("kept");
    let numbers: Vec<Number> = all(&shelf, "a").into_iter().map(|(n, _)| n).collect();
    assert_eq!(shelf.take_out(&a, &numbers[1..2]).expect("taken"), 1);
    assert_eq!(shelf.take_out(&a, &numbers[1..2]).expect("gone before"), 0);
    // The numbers of those that stay are what they were.
    let left: Vec<Number> = all(&shelf, "a").into_iter().map(|(n, _)| n).collect();
    assert_eq!(left, [numbers[0], numbers[2]]);
    let found = shelf.items(&a, Some(numbers[0]), 10).expect("read");
    assert_eq!(found.len(), 1);
    for path in walk(dir.path()) {
        let text = fs::read(&path).expect("a file");
        assert!(!text.windows(6).any(|bytes| bytes == b"second"));
    }
    assert_eq!(shelf.take_out(&a, &left).expect("taken"), 2);
    assert!(shelf.kept().is_empty());
    assert_eq!(walk(dir.path()), Vec::<PathBuf>::new());
    let again = shelf.keep(&a, vec![item(b"second")]).expect("kept");
    assert_eq!(again, [Shelved::Kept]);
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(walk(&path)),
            false => found.push(path),
        }
    }
    found
}

/// A full shelf once refused whole calls, also of organizations that had nothing on it.
#[test]
fn what_finds_no_room_is_told_so_by_itself_and_no_organization_takes_all() {
    let dir = tempfile::tempdir().expect("a directory");
    let shelf = Shelf::open(&dir.path().join("quarantine"), 1_000).expect("opened");
    let a = source("a");
    let long = [b'x'; 300];
    let shelved = shelf.keep(&a, vec![item(b"one"), item(&long), item(b"two")]);
    let expected = [Shelved::Kept, Shelved::Full, Shelved::Kept];
    assert_eq!(shelved.expect("kept"), expected);
    for n in 0..20 {
        let more = format!("more {n}");
        shelf.keep(&a, vec![item(more.as_bytes())]).expect("told");
    }
    let of_acme: u64 = shelf.kept().values().map(|kept| kept.bytes).sum();
    assert!((300..=500).contains(&of_acme), "{of_acme}");
    let globex = Sender {
        organization: Organization::parse("globex").expect("a slug"),
        ..source("a")
    };
    let shelved = shelf.keep(&globex, vec![item(b"one")]).expect("kept");
    assert_eq!(shelved, [Shelved::Kept]);
    // Opened again, it knows whose the bytes are.
    drop(shelf);
    let shelf = Shelf::open(&dir.path().join("quarantine"), 1_000).expect("opened");
    let shelved = shelf.keep(&a, vec![item(b"no room")]).expect("told");
    assert_eq!(shelved, [Shelved::Full]);
    let numbers: Vec<Number> = all(&shelf, "a").into_iter().map(|(n, _)| n).collect();
    shelf.take_out(&a, &numbers).expect("taken");
    let shelved = shelf.keep(&a, vec![item(b"room")]).expect("kept");
    assert_eq!(shelved, [Shelved::Kept]);
}

#[test]
fn what_a_crash_left_unfinished_is_gone_and_what_is_damaged_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let shelf = open(&dir);
    shelf.keep(&source("a"), vec![item(b"one")]).expect("kept");
    drop(shelf);
    let of_a = dir.path().join("quarantine/acme/a");
    let unfinished = of_a.join("00000000000000000009.tmp");
    fs::write(&unfinished, "{\"n\":0,").expect("written");
    let shelf = open(&dir);
    assert_eq!(all(&shelf, "a").len(), 1);
    assert!(!unfinished.exists());
    drop(shelf);
    let file = walk(&of_a).pop().expect("a file");
    let text = fs::read_to_string(&file).expect("text");
    fs::write(&file, &text[..text.len() / 2]).expect("written");
    let opened = Shelf::open(&dir.path().join("quarantine"), 10_000);
    assert!(matches!(opened, Err(Error::Damaged { .. })));
}

#[test]
fn numbers_are_read_as_they_are_shown() {
    let number = Number::new(12, 3);
    assert_eq!(Number::parse(&number.to_string()), Some(number));
    for bad in [
        "",
        "-",
        "1",
        "1-",
        "+1-2",
        "1-2-3",
        "99999999999999999999-1",
    ] {
        assert_eq!(Number::parse(bad), None, "{bad}");
    }
}
