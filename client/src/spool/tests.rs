use super::reader::{Reader, Run};
use super::*;
use proptest::prelude::*;
use tempfile::TempDir;

const BUDGET: u64 = 1 << 20;

fn open(dir: &TempDir) -> Spool {
    Spool::open(dir.path(), "s", BUDGET).expect("the spool opens")
}

fn json(sequence: u64) -> String {
    format!(r#"{{"action":"login","n":{sequence}}}"#)
}

/// Appends entries, up to twenty with each sync.
fn append(spool: &mut Spool, sequences: std::ops::Range<u64>) {
    let all: Vec<u64> = sequences.collect();
    for group in all.chunks(20) {
        let mut frames = Vec::new();
        for &sequence in group {
            frame::push(&mut frames, Kind::Entry, sequence, |out| {
                out.extend_from_slice(json(sequence).as_bytes());
            });
        }
        let begun = spool.writer.append(&frames, group[group.len() - 1]);
        let begun = begun.expect("it is appended");
        spool.files.extend(begun);
        let last = spool.files.last_mut().expect("a file");
        last.bytes = spool.writer.length;
    }
}

/// Everything that delivery would send, with what it noticed.
fn read(spool: &Spool, dir: &Path, entries_max: usize, bytes_max: usize) -> (Vec<u64>, usize) {
    let mut reader = Reader::new(dir);
    let (mut found, mut damaged) = (Vec::new(), 0);
    let mut place = spool.delivered.place;
    let first = place.number;
    for file in spool.files.iter().filter(|file| file.number >= first) {
        if file.number > place.number {
            place = Place {
                number: file.number,
                at: 0,
            };
        }
        while place.at < file.bytes {
            let run = reader.run(place, file.bytes, entries_max, bytes_max);
            let run: Run = run.expect("it is read");
            assert!(run.end > place, "delivery goes on");
            let mut from = 0;
            for (to, sequence) in &run.entries {
                let line = std::str::from_utf8(&run.lines[from..*to]).expect("UTF-8");
                assert_eq!(line, json(*sequence) + "\n");
                found.push(*sequence);
                from = *to;
            }
            damaged += run.notices.len();
            place = run.end;
        }
    }
    (found, damaged)
}

fn newest(dir: &Path) -> PathBuf {
    let numbers = directory::numbers(dir).expect("a directory");
    directory::file(dir, *numbers.last().expect("a file"))
}

#[test]
fn what_was_appended_is_read_back_in_order_by_the_next_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = open(&dir);
    append(&mut spool, 1..2000);
    assert!(spool.files.len() > 1 || spool.writer.length < 131_072);
    drop(spool);
    let spool = open(&dir);
    assert_eq!((spool.next_sequence, spool.waiting), (2000, 1999));
    assert_eq!(spool.notices, []);
    for (entries_max, bytes_max) in [(1, 1), (7, 100_000), (1000, 333), (10_000, 10_000_000)] {
        let (found, damaged) = read(&spool, dir.path(), entries_max, bytes_max);
        assert_eq!((found, damaged), ((1..2000).collect(), 0));
    }
}

#[test]
fn a_small_budget_makes_small_files_and_numbers_outlive_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = Spool::open(dir.path(), "s", 40_000).expect("the spool opens");
    append(&mut spool, 1..400);
    assert!(spool.files.len() > 2, "{:?}", spool.files);
    let last = *spool.files.last().expect("a file");
    let end = Place {
        number: last.number,
        at: last.bytes,
    };
    spool.delivered.advance(end).expect("it is remembered");
    for file in &spool.files[..spool.files.len() - 1] {
        spool.delivered.remove(file.number).expect("it is removed");
    }
    drop(spool);
    let spool = Spool::open(dir.path(), "s", 40_000).expect("the spool opens");
    assert_eq!((spool.next_sequence, spool.waiting), (400, 0));
    drop(spool);
    std::fs::remove_file(dir.path().join("delivered")).expect("it is there");
    let spool = Spool::open(dir.path(), "s", 40_000).expect("the spool opens");
    assert_eq!(spool.next_sequence, 400, "numbers are in the files");
    assert_eq!(spool.delivered.place.number, spool.files[0].number);
    assert!(spool.waiting > 0, "what is delivered is sent again");
}

#[test]
fn what_is_spooled_after_somebody_took_the_files_away_is_delivered() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(open(&dir));
    let mut spool = open(&dir);
    append(&mut spool, 1..5);
    let end = Place {
        number: spool.writer.number,
        at: spool.writer.length,
    };
    spool.delivered.advance(end).expect("it is remembered");
    for file in &spool.files {
        spool.delivered.remove(file.number).expect("it is removed");
    }
    drop(spool);
    let mut spool = open(&dir);
    append(&mut spool, 1..3);
    assert_eq!(read(&spool, dir.path(), 10, 1000).0, [1, 2]);
}

#[test]
fn one_process_at_a_time_and_one_source_for_ever() {
    let dir = tempfile::tempdir().expect("a directory");
    let spool = open(&dir);
    let second = Spool::open(dir.path(), "s", BUDGET);
    assert!(matches!(second, Err(OpenError::Locked { .. })));
    drop(spool);
    let other = Spool::open(dir.path(), "t", BUDGET);
    assert!(matches!(other, Err(OpenError::Foreign { source_name, .. }) if source_name == "s"));
}

#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().expect("a directory");
    let place = dir.path().join("spool");
    let mut spool = Spool::open(&place, "s", BUDGET).expect("the spool opens");
    append(&mut spool, 1..2);
    keep_rejected(&place, &[(1, "a \"reason\"", b"{}\n")]).expect("it is kept");
    let rejected = std::fs::read_to_string(place.join("rejected.ndjson")).expect("UTF-8");
    assert_eq!(
        rejected,
        "{\"sequence\":1,\"why\":\"a \\\"reason\\\"\",\"entry\":{}}\n"
    );
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").mode() & 0o777;
    assert_eq!(mode(&place), 0o700);
    for entry in std::fs::read_dir(&place).expect("a directory") {
        let path = entry.expect("a name").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_file_cut_at_any_byte_keeps_every_whole_entry_and_gives_no_number_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = open(&dir);
    append(&mut spool, 1..5);
    drop(spool);
    let path = newest(dir.path());
    let whole = std::fs::read(&path).expect("a file");
    let ends: Vec<usize> = recovery::parts(&whole, 0)
        .filter_map(|part| match part {
            recovery::Part::Frame { at, frame } => Some(at as usize + frame.bytes()),
            _ => None,
        })
        .collect();
    for cut in 0..=whole.len() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(directory::file(dir.path(), 1), &whole[..cut]).expect("written");
        let spool = open(&dir);
        let complete = ends.iter().filter(|&&end| end <= cut).count() as u64;
        let entries = complete.saturating_sub(1);
        let (found, damaged) = read(&spool, dir.path(), 100, 100_000);
        assert_eq!(found, (1..=entries).collect::<Vec<_>>(), "cut at {cut}");
        assert_eq!(damaged, 0);
        assert_eq!(
            spool.next_sequence,
            entries + 1,
            "a number nobody was told is free"
        );
        let exact = ends.contains(&cut) || cut == 0 || cut == MAGIC.len();
        assert_eq!(spool.notices.is_empty(), exact, "cut at {cut} is told");
        drop(spool);
        assert_eq!(open(&dir).notices, [], "and told once");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bytes of a file changed: all other entries are delivered, in order, and the damage is told once.
    #[test]
    fn damage_takes_what_it_hits_alone(at in 100_usize..4000, length in 1_usize..200, seed in any::<u8>()) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut spool = open(&dir);
        append(&mut spool, 1..100);
        drop(spool);
        // A newer file: the damaged one is no place where a process can have ended.
        drop(open(&dir));
        let path = directory::file(dir.path(), 1);
        let mut bytes = std::fs::read(&path).expect("a file");
        let at = at % bytes.len();
        let end = (at + length).min(bytes.len());
        let hit: Vec<u64> = recovery::parts(&bytes, 0)
            .filter_map(|part| match part {
                recovery::Part::Frame { at: from, frame } if frame.kind == Kind::Entry => {
                    let to = from as usize + frame.bytes();
                    ((from as usize) < end && to > at).then_some(frame.sequence)
                }
                _ => None,
            })
            .collect();
        for (n, byte) in bytes[at..end].iter_mut().enumerate() {
            *byte ^= seed.wrapping_add(n as u8) | 1;
        }
        std::fs::write(&path, &bytes).expect("written");
        let spool = open(&dir);
        let told = spool.notices.len();
        let (found, again) = read(&spool, dir.path(), 10, 1000);
        let expected: Vec<u64> = (1..100).filter(|n| !hit.contains(n)).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!((told > 0, again), (true, 0), "told by the opening, once");
        prop_assert_eq!(spool.next_sequence, 100);
        drop(spool);
        prop_assert_eq!(&open(&dir).notices, &[]);
    }
}
