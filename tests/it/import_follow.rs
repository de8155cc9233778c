//! `import --follow`: every line of a growing file once, through rotation, restarts, kills and a server that is away.

use crate::program::{Program, directory};
use crate::test_server::wait_until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use tempfile::TempDir;

struct House {
    dir: TempDir,
    server: Program,
}

/// A command that follows; killed when dropped.
struct Follower(Child);

impl Follower {
    /// As a power cut would.
    fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }

    /// Told to stop: its report.
    fn stop(mut self) -> Value {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, Signal::TERM).expect("it runs");
        let status = self.0.wait().expect("it ends");
        let mut said = String::new();
        let out = self.0.stdout.as_mut().expect("a pipe");
        out.read_to_string(&mut said).expect("text");
        assert!(status.success(), "{status}: {said}");
        serde_json::from_str(&said).expect("a report")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lines without an identity of their own: the same text may stand in a file more than once.
fn line(n: u32) -> String {
    json!({"actor": {"type": "user", "name": format!("n{n}")}, "action": "login", "result": "success", "timestamp": "2026-11-01T11:00:00Z"})
        .to_string()
}

impl House {
    fn new() -> Self {
        let dir = directory();
        let server = Program::serve(&dir.path().join("data"));
        Self { dir, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut options = OpenOptions::new();
        let mut file = { options.create(true).append(true).open(self.path(name)) }.expect("opened");
        file.write_all(text.as_bytes()).expect("written");
    }

    fn lines(&self, name: &str, numbers: impl IntoIterator<Item = u32>) {
        let text: String = numbers.into_iter().map(|n| line(n) + "\n").collect();
        self.append(name, &text);
    }

    fn follow(&self) -> Follower {
        let file = self.path("audit.log");
        let file = file.to_str().expect("text");
        let mut command = self
            .server
            .command(&["import", "--follow", "--format", "mar", "-o", "json", file]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        Follower(command.spawn().expect("the binary runs"))
    }

    fn count(&self) -> u64 {
        self.server.count("")
    }

    fn wait_for(&self, count: u64) {
        wait_until(&format!("{count} entries"), || self.count() == count);
    }

    /// How often each number is there.
    fn numbers(&self) -> BTreeMap<String, u64> {
        self.server.counts("actor", "")
    }

    fn must_have_each_once(&self, numbers: impl IntoIterator<Item = u32>) {
        let expected: BTreeMap<String, u64> = { numbers.into_iter() }
            .map(|n| (format!("n{n}"), 1))
            .collect();
        assert_eq!(self.numbers(), expected);
    }
}

#[test]
fn lines_come_as_they_are_written_and_the_next_run_goes_on_where_one_was_stopped() {
    let house = House::new();
    // There is no file yet.
    let follower = house.follow();
    house.lines("audit.log", 1..=3);
    house.wait_for(3);
    let whole = line(4);
    let (half, rest) = whole.split_at(20);
    house.append("audit.log", half);
    house.lines("other.log", [0]);
    let report = follower.stop();
    assert_eq!(
        (&report["accepted"], &report["refused"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(house.count(), 3, "half a line waits");
    house.append("audit.log", &format!("{rest}\n\n"));
    house.lines("audit.log", [5, 5]);
    house.append("audit.log", "no entry\n");
    let follower = house.follow();
    house.wait_for(6);
    let report = follower.stop();
    assert_eq!(
        (
            &report["accepted"],
            &report["duplicates"],
            &report["refused"]
        ),
        (&json!(3), &json!(0), &json!(1))
    );
    assert_eq!(house.numbers()["n5"], 2, "two equal lines are two entries");
    let refused = fs::read_to_string(house.path("audit.log.refused.ndjson")).expect("kept");
    assert!(
        refused.contains("no entry") && refused.contains("\"line\":8"),
        "{refused}"
    );
}

#[test]
fn a_file_that_is_renamed_away_is_read_to_its_end_and_so_are_those_between() {
    let house = House::new();
    let follower = house.follow();
    house.lines("audit.log", 1..=2);
    house.wait_for(2);
    let rename =
        |from: &str, to: &str| fs::rename(house.path(from), house.path(to)).expect("renamed");
    rename("audit.log", "audit.log.1");
    // Who writes has it open still.
    house.lines("audit.log.1", [3]);
    house.wait_for(3);
    house.append("audit.log.1", &line(4));
    house.lines("audit.log", [5]);
    house.wait_for(5);
    follower.stop();
    // Three files on while nobody looks.
    house.lines("audit.log", [6]);
    rename("audit.log.1", "audit.log.3");
    rename("audit.log", "audit.log.2");
    house.lines("audit.log.1", 7..=8);
    house.lines("audit.log", [9]);
    // Rotations are further apart than a clock of a file system is coarse.
    for (name, minutes) in [("audit.log.3", 3), ("audit.log.2", 2), ("audit.log.1", 1)] {
        let file = File::options().append(true).open(house.path(name));
        let noon =
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_793_534_400);
        let then = noon - std::time::Duration::from_secs(60 * minutes);
        file.expect("opened").set_modified(then).expect("set");
    }
    let follower = house.follow();
    house.wait_for(9);
    let report = follower.stop();
    assert_eq!(report["duplicates"], 0);
    house.must_have_each_once(1..=9);
}

#[test]
fn a_file_that_is_copied_and_cut_off_is_read_on_in_the_copy() {
    let house = House::new();
    house.lines("audit.log", 1..=3);
    let follower = house.follow();
    house.wait_for(3);
    follower.stop();
    house.lines("audit.log", 4..=5);
    let cut = |copy: &str| {
        fs::copy(house.path("audit.log"), house.path(copy)).expect("copied");
        File::create(house.path("audit.log")).expect("cut off");
    };
    cut("audit.log.1");
    house.lines("audit.log", 6..=7);
    let follower = house.follow();
    house.wait_for(7);
    // And while it is looked at; the new text is longer than the old one was.
    cut("audit.log-20261101");
    house.lines("audit.log", 8..=30);
    house.wait_for(30);
    let report = follower.stop();
    assert_eq!(report["duplicates"], 0);
    house.must_have_each_once(1..=30);
}

#[test]
fn killed_again_and_again_it_loses_no_line_and_stores_none_twice() {
    let house = House::new();
    let mut next = 0;
    for round in 0..8_u32 {
        let follower = house.follow();
        for _ in 0..40 {
            house.lines("audit.log", next..next + 25);
            next += 25;
        }
        // Somewhere on its way.
        let enough = u64::from(next) - 900 + u64::from(round) * 100;
        wait_until("it is on its way", || house.count() >= enough);
        follower.kill();
        if round % 3 == 1 {
            let old = format!("audit.log.{}", 10 - round);
            fs::rename(house.path("audit.log"), house.path(&old)).expect("renamed");
        }
    }
    let follower = house.follow();
    house.lines("audit.log", [next]);
    house.wait_for(u64::from(next) + 1);
    follower.stop();
    house.must_have_all(next + 1);
}

impl House {
    /// Of more numbers than facets tell.
    fn must_have_all(&self, count: u32) {
        let all = self.server.all("");
        let name = |entry: &Value| entry["actor"]["name"].as_str().expect("a name").to_owned();
        let mut found: Vec<String> = all.iter().map(name).collect();
        let mut expected: Vec<String> = (0..count).map(|n| format!("n{n}")).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_server_that_is_away_is_waited_for() {
    let mut house = House::new();
    let address = house.server.address().to_owned();
    let data = house.server.data.clone();
    let follower = house.follow();
    house.lines("audit.log", 1..=2);
    house.wait_for(2);
    // The place is written after the log's answer, so it may come later than the entries.
    let place = house.path("audit.log.position");
    wait_until("a place is written down", || place.exists());
    let before = fs::read_to_string(&place).expect("kept");
    house.server = {
        let other = Program::serve(&house.path("other"));
        let gone = std::mem::replace(&mut house.server, other);
        gone.kill();
        house.lines("audit.log", 3..=4);
        Program::serve_with(&data, &address, crate::program::command)
    };
    house.wait_for(4);
    wait_until("it is written down", || {
        fs::read_to_string(&place).is_ok_and(|now| now != before)
    });
    follower.stop();
    house.must_have_each_once(1..=4);
}

#[test]
fn what_cannot_be_followed_is_said() {
    let house = House::new();
    for (arguments, says) in [
        (&["a", "b"][..], "one file"),
        (&["-"], "a plain file"),
        (&["a.gz"], "a plain file"),
        (&["a", "--dry-run"], "--dry-run"),
    ] {
        let refused = house
            .server
            .run(&[&["import", "--follow"], arguments].concat());
        assert!(
            refused.exit == 1 && refused.err.contains(says),
            "{refused:?}"
        );
    }
    // Each line would be taken for the one that names the columns, and nothing would come of it.
    let table = house.path("export.csv");
    fs::write(
        &table,
        "id,action,occurred_at,actor_name\n1,a.b,2026-01-02T03:04:05Z,ana\n",
    )
    .expect("written");
    let table = table.to_str().expect("text");
    for named in [&["--format", "workos"][..], &[]] {
        let arguments = [&["import", "--follow"], named, &[table]].concat();
        let refused = house.server.run(&arguments);
        assert!(
            refused.exit == 1 && refused.err.contains("not for it"),
            "{refused:?}"
        );
    }
    fs::write(house.path("x.position"), "{}").expect("written");
    let file = house.path("x");
    let refused = house
        .server
        .run(&["import", "--follow", file.to_str().expect("text")]);
    assert!(refused.err.contains("x.position"), "{refused:?}");
}
