//! Bytes that change on the disk: damage is reported and left as it is, a tail that nobody was promised is cut.

use super::Random;
use super::disk::{SimDisk, Trouble, World};
use super::oracle::{Key, Promises};
use super::walk::Running;
use crate::Health;
use crate::faults::Faults;
use crate::journal::record;
use entry::Organization;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn start(world: World) -> Running {
    start_with(world, &Promises::default()).expect("starts")
}

fn start_with(world: World, promises: &Promises) -> Result<Running, String> {
    let disk = SimDisk::new(world, Arc::default(), false, Random(1));
    Running::start(disk, promises, Faults::default(), 0)
}

fn batch(from: u64) -> Vec<Key> {
    (from..from + 3)
        .map(|number| Key {
            organization: "acme",
            number,
        })
        .collect()
}

/// A store of several commits that nobody closed.
fn written(commits: u64, marked: bool) -> (World, Promises) {
    let mut running = start(World::new());
    for commit in 0..commits {
        running
            .commit(vec![batch(commit * 10), batch(commit * 10 + 5)])
            .expect("stored");
    }
    if marked {
        running.idle().expect("sound");
    }
    (running.disk.world(), running.promises)
}

/// Where records of entries begin and end in their files.
fn records(world: &mut World) -> Vec<(PathBuf, usize, usize)> {
    let mut records = Vec::new();
    for path in world.files(".journal") {
        let first: u64 = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok())
            .expect("a position");
        let bytes = world.bytes_mut(&path).clone();
        let mut at = 0;
        while let Some(found) = record::decode(&bytes[at..], first + at as u64, true) {
            if found.count > 0 {
                records.push((path.clone(), at, at + found.size_bytes));
            }
            at += found.size_bytes;
        }
    }
    records
}

/// Starting is refused, names the file, and changes nothing of it.
fn refused(mut world: World, promises: &Promises, path: &Path) {
    let before = world.bytes_mut(path).clone();
    let disk = SimDisk::new(world, Arc::default(), false, Random(1));
    let refused = Running::start(disk.clone(), promises, Faults::default(), 0)
        .err()
        .expect("damage must be seen");
    assert!(refused.contains("is damaged"), "{refused}");
    assert!(refused.contains(&path.display().to_string()), "{refused}");
    assert!(
        *disk.world().bytes_mut(path) == before,
        "damage is evidence, and stays"
    );
}

#[test]
fn an_acknowledged_record_that_changed_is_damage_wherever_it_is() {
    let (mut world, promises) = written(8, true);
    let records = records(&mut world);
    assert!(records.len() == 16 && world.files(".journal").len() > 1);
    for (path, start, end) in &records {
        for at in [
            *start,
            start + 4,
            start + 9,
            start + 24,
            start + 40,
            end - 9,
        ] {
            let mut damaged = world.clone();
            damaged.bytes_mut(path)[at] ^= 0x10;
            refused(damaged, &promises, path);
        }
        let mut damaged = world.clone();
        damaged.bytes_mut(path)[*start..*end].fill(0);
        refused(damaged, &promises, path);
    }
}

#[test]
fn a_journal_file_that_is_cut_or_gone_is_damage() {
    let (world, promises) = written(12, true);
    let files = world.files(".journal");
    assert!(files.len() > 2);
    for path in &files[..files.len() - 1] {
        let mut cut = world.clone();
        let bytes = cut.bytes_mut(path);
        bytes.truncate(bytes.len() - 600);
        refused(cut, &promises, path);
    }
    let mut gone = world.clone();
    gone.forget(&files[1]);
    assert!(
        start_with(gone, &promises)
            .err()
            .expect("seen")
            .contains("is damaged")
    );
    let mut gone = world;
    gone.forget(&files[0]);
    assert!(
        start_with(gone, &promises)
            .err()
            .expect("seen")
            .contains("is damaged")
    );
}

#[test]
fn a_tail_that_nobody_was_promised_is_cut_and_the_log_goes_on() {
    let (mut world, promises) = written(3, false);
    let records = records(&mut world);
    let (path, start, end) = records.last().expect("written");
    world.bytes_mut(path)[end - 9] ^= 1;
    // Nothing after it says that it was acknowledged: as far as the disk tells, it is a torn write.
    let mut promised = promises;
    let log = promised.logs.get_mut("acme").expect("written");
    log.truncate(log.len() - 3);
    let mut running = start_with(world, &promised).expect("cut");
    assert!(
        running.disk.world().bytes_mut(path)[*start..]
            .iter()
            .all(|byte| *byte == 0)
    );
    running.commit(vec![batch(500)]).expect("goes on");
    start_with(running.disk.world(), &running.promises).expect("and is there after a restart");
}

#[test]
fn a_full_disk_is_an_answer_and_room_is_enough_to_go_on() {
    let mut running = start(World::new());
    running.commit(vec![batch(0)]).expect("stored");
    for room in 0..40_usize {
        running.disk.set_room(room * 50);
        // Whatever fits is stored, whatever does not is taken back; `commit` checks which.
        running
            .commit(vec![batch(10 + room as u64 * 10)])
            .expect("an answer");
    }
    running.disk.set_room(0);
    running
        .commit((0..20).map(|n| batch(1_000 + n * 10)).collect())
        .expect("an answer");
    assert!(matches!(
        running.sealing.health.get(),
        Health::NoSpace { .. }
    ));
    running.disk.set_trouble(Trouble::default());
    running.idle().expect("sound");
    assert_eq!(
        running.sealing.health.get(),
        Health::Ready,
        "the store looks for room by itself"
    );
    running.commit(vec![batch(2_000)]).expect("stored");
    start_with(running.disk.world(), &running.promises).expect("and is there after a restart");
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_a_restart() {
    let mut running = start(World::new());
    running.commit(vec![batch(0)]).expect("stored");
    running.disk.set_trouble(Trouble {
        sync_fails_in: Some(0),
        ..Trouble::default()
    });
    running.commit(vec![batch(10)]).expect("refused");
    for n in 2..5 {
        running.commit(vec![batch(n * 10)]).expect("refused");
    }
    assert_eq!(running.promises.size(), 3);
    assert!(matches!(
        running.sealing.health.get(),
        Health::Latched { .. }
    ));
    assert!(
        running.sealing.seal_step().is_err(),
        "nor is anything sealed"
    );
    let mut running = start_with(running.disk.world(), &running.promises).expect("restarted");
    running.commit(vec![batch(50)]).expect("stored");
    assert_eq!(running.sealing.health.get(), Health::Ready);
}

#[test]
fn a_hash_that_changed_is_damage_and_what_was_signed_stays() {
    let mut running = start(World::new());
    for commit in 0..6 {
        running.tick();
        running.commit(vec![batch(commit * 10)]).expect("stored");
    }
    let acme = Organization::parse("acme").expect("a slug");
    running.sealing.seal(&acme).expect("sealed");
    let (world, promises) = (running.disk.world(), running.promises);
    let [path] = &world.files("hashes/0")[..] else {
        panic!("one array")
    };
    let length = world.clone().bytes_mut(path).len();
    assert_eq!(length, 18 * 32);
    for at in (0..length).step_by(5) {
        let mut damaged = world.clone();
        damaged.bytes_mut(path)[at] ^= 0x04;
        let why = start_with(damaged, &promises).err().expect("seen");
        assert!(why.contains("acme: it is refused"), "byte {at}: {why}");
    }
    let mut damaged = world.clone();
    damaged.bytes_mut(path).truncate(length - 1);
    assert!(start_with(damaged, &promises).is_err());
    // What is behind the last segment was written by a process that did not get to name the next one.
    let mut longer = world.clone();
    longer.bytes_mut(path).extend([7; 45]);
    let mut running = start_with(longer, &promises).expect("cut");
    running.tick();
    running.commit(vec![batch(500)]).expect("goes on");
    running.sealing.seal(&acme).expect("sealed");
    start_with(running.disk.world(), &running.promises).expect("and is sound after a restart");
}

#[test]
fn a_copy_of_before_is_refused_when_more_is_known() {
    let mut running = start(World::new());
    running.commit(vec![batch(0)]).expect("stored");
    running.write_known();
    let (mut copy, known) = (running.disk.world(), Path::new("/data.known/acme"));
    let promised = running.promises.clone();
    start_with(copy.clone(), &promised).expect("nothing more is known");
    running.tick();
    running.commit(vec![batch(10)]).expect("stored");
    running.write_known();
    let newer = running.disk.world().bytes_mut(known).clone();
    *copy.bytes_mut(known) = newer.clone();
    let why = start_with(copy.clone(), &promised).err().expect("seen");
    assert!(
        why.contains("6 entries was published, the log has 3"),
        "{why}"
    );
    // Other entries in the same number are another log, not the same one.
    let mut other = start(World::new());
    other.commit(vec![batch(100), batch(200)]).expect("stored");
    other.write_known();
    let (mut world, promised) = (other.disk.world(), other.promises);
    *world.bytes_mut(known) = newer;
    let why = start_with(world, &promised).err().expect("seen");
    assert!(why.contains("begins with other 6 entries"), "{why}");
}
