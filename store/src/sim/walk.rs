//! Workloads, every place where they can crash, and what may survive there.

use super::Random;
use super::disk::{CrashPoint, SimDisk, Survival, Trouble, World};
use super::oracle::{self, Erasing, Erasures, Key, PATHS, Promises};
use super::signed;
use crate::faults::Faults;
use crate::health::HealthCell;
use crate::keyring::Keyring;
use crate::recovery::{self, Recovered};
use crate::redaction::Erasure;
use crate::sealing::{Limits, Sealing};
use crate::sequencer::{Prepared, Sequencer};
use crate::state::State;
use crate::store::Known;
use crate::testing::Ticking;
use crate::{Error, Receipt, directory};
use entry::{Organization, Seq, Timestamp, Units};
use proof::leaf::Seed;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// Of every entry.
pub(super) const SEED: Seed = Seed([7; 16]);

pub(super) const ORGANIZATIONS: [&str; 3] = ["acme", "globex", "initech"];

/// What a walk does besides appending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Story {
    /// Commits only.
    Plain,
    /// Small files, sealed and merged all the time.
    Sealing,
    /// The disk fills up and gets room again.
    FullDisk,
    /// Syncs and writes fail; the process is restarted.
    BrokenDisk,
    /// Sealed and merged all the time, and values erased.
    Redacting,
}

/// A walk: rounds of work, each ending in a crash, the next beginning with a recovery from it.
pub(super) struct Walk {
    pub story: Story,
    pub seed: u64,
    pub faults: Faults,
}

/// How far a walk went.
pub(super) struct Report {
    /// Different states recovered from.
    pub states: u64,
}

/// What did not hold, and where.
#[derive(Debug)]
pub(super) struct Violation {
    #[expect(dead_code, reason = "shown by Debug")]
    pub what: String,
}

/// A running store, without threads.
pub(super) struct Running {
    pub disk: SimDisk,
    clock: Ticking,
    state: Arc<State>,
    pub sequencer: Sequencer,
    pub sealing: Sealing,
    pub promises: Promises,
}

fn limits() -> Limits {
    Limits {
        built_entries: 3,
        tails_entries_max: 9,
        tail_bytes_max: 8 << 10,
        open_bytes_max: 6 << 10,
        journal_file_bytes: 4 << 10,
        journal_bytes_max: 12 << 10,
        fan_out: 2,
        merged_entries_max: 40,
        part_entries: 8,
        threads: 0,
    }
}

impl Running {
    pub fn start(
        disk: SimDisk,
        promises: &Promises,
        faults: Faults,
        now: i64,
    ) -> Result<Running, String> {
        let path = Path::new("/data");
        let opened = directory::open(Arc::new(disk.clone()), path, false)
            .map_err(|e| format!("opening: {e}"))?;
        let health = Arc::new(HealthCell::default());
        let clock = Ticking::new();
        clock.set(now);
        let random: crate::Random = Arc::new(|bytes| bytes.fill(9));
        let keyring = Keyring::open(&opened.directory, &random, None, "log.example")
            .map_err(|e| format!("the keyring: {e}"))?;
        let Recovered {
            state,
            trees,
            mut sequencer,
        } = recovery::recover(
            &opened.directory,
            (keyring, &Known::Beside),
            &health,
            &limits(),
            clock.clock(),
            faults,
        )
        .map_err(|e| format!("recovery: {e}"))?;
        let shown = signed::check_shown(&trees, &promises.shown)?;
        disk.watch(trees.clone());
        let sealing = Sealing::new(opened.directory, state.clone(), trees, health, limits());
        sealing
            .redact_step(&mut || sequencer.begin_file())
            .map_err(|e| format!("finishing erasures: {e}"))?;
        let mut promises = oracle::check(&state.snapshot(), promises, Erasures::Finished)?;
        promises.shown = signed::check(&sealing.trees, &state.snapshot(), &shown)?;
        oracle::no_trace(&disk.world(), &promises)?;
        disk.set_promises(promises.clone());
        Ok(Running {
            disk,
            clock,
            state,
            sequencer,
            sealing,
            promises,
        })
    }

    fn has(&self, key: &Key) -> bool {
        self.promises
            .logs
            .get(key.organization)
            .is_some_and(|log| log.iter().any(|(known, _)| known == key))
    }

    fn prepared(&self, item: crate::Item) -> Prepared {
        let files = self.state.files(&item.defaults.organization);
        Prepared::new(item, SEED, files, &mut Units::default()).expect("segments can be read")
    }

    /// Commits batches of new drafts and checks the receipts. `Err` is a violation.
    pub fn commit(&mut self, batches: Vec<Vec<Key>>) -> Result<(), String> {
        let latched = self.sealing.health.refuse_if_latched().is_err();
        if !latched {
            self.promises.in_flight.clone_from(&batches);
            self.disk.set_promises(self.promises.clone());
        }
        let prepared = batches
            .iter()
            .map(|batch| batch.iter().map(|key| self.prepared(key.item())).collect());
        let outcome = self.sequencer.commit(prepared.collect());
        for (batch, answer) in batches.into_iter().zip(outcome.answers) {
            match answer {
                Ok(_) if latched => {
                    return Err("an append was acknowledged after a failed sync".into());
                }
                Ok(receipts) => {
                    for (key, receipt) in batch.into_iter().zip(receipts) {
                        self.accepted(key, &receipt)?;
                    }
                    self.promises.in_flight.remove(0);
                }
                // It was taken back: nothing of it may be found.
                Err(Error::NoSpace { .. }) => self.promises.in_flight.clear(),
                // It may be found or not, and nothing is written after it.
                Err(Error::Latched { .. }) => {}
                Err(error) => return Err(format!("an append was answered: {error}")),
            }
        }
        self.look()?;
        oracle::check(
            &self.state.snapshot(),
            &Promises {
                in_flight: Vec::new(),
                ..self.promises.clone()
            },
            Erasures::Standing,
        )
        .map(drop)
    }

    /// Orders that an entry loses what is personal of it. `Err` is a violation.
    fn redact(&mut self, number: &mut u64, random: &mut Random) -> Result<(), String> {
        let logs: Vec<(&'static str, u64)> = self
            .promises
            .logs
            .iter()
            .map(|(organization, log)| (*organization, log.len() as u64))
            .filter(|(_, size)| *size > 0)
            .collect();
        if logs.is_empty() || self.sealing.health.refuse_if_latched().is_err() {
            return Ok(());
        }
        let (organization, size) = logs[random.below(logs.len() as u64) as usize];
        let place = (organization, random.below(size));
        if self.promises.erased.contains_key(&place) {
            return Ok(());
        }
        *number += 1;
        let audit = Key {
            organization,
            number: *number,
        };
        self.promises.in_flight = vec![vec![audit.clone()]];
        let erasing = Erasing {
            by: audit.id(),
            is_done: false,
        };
        self.promises.erased.insert(place, erasing);
        self.disk.set_promises(self.promises.clone());
        let erase = Erasure::of(Seq(place.1), &PATHS.map(Into::into));
        let prepared = self.prepared(audit.item());
        let answer = self.sequencer.redact(prepared, erase).answers.remove(0);
        match answer {
            Ok(receipts) => {
                self.accepted(audit, &receipts[0])?;
                self.promises.in_flight.clear();
            }
            Err(Error::NoSpace { .. }) => {
                self.promises.in_flight.clear();
                self.promises.erased.remove(&place);
            }
            Err(Error::Latched { .. }) => {}
            Err(error) => return Err(format!("an erasure was answered: {error}")),
        }
        self.look()
    }

    /// Checks what is shown, and keeps it.
    fn look(&mut self) -> Result<(), String> {
        let trees = &self.sealing.trees;
        self.promises.shown = signed::check_shown(trees, &self.promises.shown)?;
        self.disk.set_promises(self.promises.clone());
        Ok(())
    }

    /// Finishes what was ordered, if the disk lets it. `Err` is a violation.
    fn finish_redactions(&mut self) -> Result<(), String> {
        let begin_file = &mut || self.sequencer.begin_file();
        if let Ok(true) = self.sealing.redact_step(begin_file) {
            let erased = self.promises.erased.values_mut();
            erased.for_each(|erasing| erasing.is_done = true);
            self.disk.set_promises(self.promises.clone());
            oracle::no_trace(&self.disk.world(), &self.promises)?;
        }
        Ok(())
    }

    /// Lets a second go by, so that whatever grew gets a checkpoint.
    pub fn tick(&mut self) {
        let shown = self.promises.shown.values().map(|published| published.at);
        let last = shown.chain(self.state.snapshot().as_of).max();
        let last = last.map_or(0, Timestamp::as_micros);
        self.clock.set(last.max(self.clock.now()) + 1_000_000);
    }

    /// What the store does when nobody appends.
    pub fn idle(&mut self) -> Result<(), String> {
        self.sequencer.sign_due();
        self.sequencer.idle();
        self.look()
    }

    pub fn write_known(&self) {
        if let Some(known) = &self.sealing.trees.known {
            known.write();
        }
    }

    fn accepted(&mut self, key: Key, receipt: &Receipt) -> Result<(), String> {
        let log = self.promises.logs.entry(key.organization).or_default();
        match receipt {
            Receipt::Accepted {
                seq, received_at, ..
            } if seq.0 == log.len() as u64 => {
                log.push((key, *received_at));
                Ok(())
            }
            receipt => Err(format!(
                "{key:?} got {receipt:?}, the log has {} entries",
                log.len()
            )),
        }
    }

    /// Sends drafts again that are stored, with the same and with other content: retries are recognised wherever they are.
    fn retry(&mut self, random: &mut Random) -> Result<(), String> {
        let known: Vec<(Key, u64)> = self
            .promises
            .logs
            .values()
            .flat_map(|log| {
                log.iter()
                    .zip(0..)
                    .map(|((key, _), seq)| (key.clone(), seq))
            })
            .collect();
        if known.is_empty() {
            return Ok(());
        }
        let sample: Vec<_> = (0..3)
            .map(|_| known[random.below(known.len() as u64) as usize].clone())
            .collect();
        let batch = sample.iter().flat_map(|(key, _)| {
            [
                self.prepared(key.item()),
                self.prepared(key.conflicting_item()),
            ]
        });
        let answers = self
            .sequencer
            .commit(vec![batch.collect()])
            .answers
            .remove(0);
        let receipts = match answers {
            Ok(receipts) => receipts,
            Err(Error::Latched { .. }) => return Ok(()),
            Err(error) => return Err(format!("a retry was answered: {error}")),
        };
        for ((key, at), pair) in sample.iter().zip(receipts.chunks(2)) {
            let right = matches!(&pair[0], Receipt::Duplicate { seq, .. } if seq.0 == *at)
                && matches!(&pair[1], Receipt::Conflict { seq, .. } if seq.0 == *at);
            if !right {
                return Err(format!("{key:?} is at {at}, sent again it got {pair:?}"));
            }
        }
        Ok(())
    }

    /// One step of sealing; whether it succeeds depends on the disk's trouble.
    fn seal(&mut self, random: &mut Random) {
        let organization =
            Organization::parse(ORGANIZATIONS[random.below(3) as usize]).expect("a slug");
        let failed = match random.below(6) {
            0 => {
                self.sealing.build_step();
                None
            }
            1 => self.sealing.seal_step().err(),
            2 => self.sealing.seal(&organization).err(),
            3 => self.sealing.merge_step().err(),
            4 => self.sealing.trim_step().err(),
            _ => {
                self.write_known();
                None
            }
        };
        if let Some(error) = failed {
            self.sealing.health.sealing_failed(&error);
        }
    }
}

impl Walk {
    /// Walks until `states` different states were recovered from.
    pub fn run(&self, states: u64) -> Result<Report, Violation> {
        let mut random = Random(self.seed);
        let mut seen = HashSet::new();
        let (mut world, mut promises) = (World::new(), Arc::new(Promises::default()));
        let mut round = 0;
        while (seen.len() as u64) < states {
            round += 1;
            let points = self
                .round(&world, &promises, &mut random)
                .map_err(|what| self.violation(round, &what))?;
            self.crash_everywhere(&points, &mut seen, &mut random)
                .map_err(|what| self.violation(round, &what))?;
            // The next round goes on from one of them; from a new disk now and then, or recoveries get long.
            // More often where it waited for an answer.
            let waiting: Vec<_> = points
                .iter()
                .filter(|point| point.promises.in_flight.len() > 1)
                .collect();
            let point = match waiting.len() as u64 {
                0 => &points[random.below(points.len() as u64) as usize],
                _ if random.once_in(2) => &points[random.below(points.len() as u64) as usize],
                several => waiting[random.below(several) as usize],
            };
            if point.promises.size() > 60 {
                (world, promises) = (World::new(), Arc::new(Promises::default()));
            } else {
                let survival = [
                    Survival::Killed,
                    Survival::Some,
                    Survival::Everything,
                    Survival::Nothing,
                ];
                world = point
                    .world
                    .crash(survival[random.below(4) as usize], &mut random);
                promises = point.promises.clone();
            }
        }
        Ok(Report {
            states: seen.len() as u64,
        })
    }

    fn violation(&self, round: u32, what: &str) -> Violation {
        Violation {
            what: format!(
                "{:?}, round {round}: {what}; again with MAR_AUDIT_SIM_SEED={}",
                self.story, self.seed
            ),
        }
    }

    /// Recovers, works, and ends somewhere. Answers with every place where it could have crashed.
    fn round(
        &self,
        world: &World,
        promises: &Arc<Promises>,
        random: &mut Random,
    ) -> Result<Vec<CrashPoint>, String> {
        let disk = SimDisk::new(world.clone(), promises.clone(), true, Random(random.next()));
        // The clock may have been set back while nothing ran.
        let now = random.below(1_000_000) as i64;
        let mut running = Running::start(disk.clone(), promises, self.faults, now)?;
        let mut number = promises
            .logs
            .values()
            .flatten()
            .map(|(key, _)| key.number + 1)
            .max()
            .unwrap_or(0);
        // What was sent and is not there is sent again, as its callers would, one after the other.
        let lost: Vec<Vec<Key>> = promises.in_flight.clone();
        for batch in lost {
            number = batch
                .iter()
                .map(|key| key.number + 1)
                .max()
                .unwrap_or(0)
                .max(number);
            if !running.has(&batch[0]) && !random.once_in(4) {
                running.commit(vec![batch])?;
            }
        }
        for _ in 0..4 + random.below(8) {
            self.step(&mut running, &mut number, random)?;
        }
        if random.once_in(3) {
            // After a failed sync the closing record is refused, which is no violation.
            let _ = running.sequencer.close();
        }
        Ok(disk.take_points())
    }

    fn step(
        &self,
        running: &mut Running,
        number: &mut u64,
        random: &mut Random,
    ) -> Result<(), String> {
        match (self.story, random.below(10)) {
            (Story::Redacting, 0..=1) => running.redact(number, random)?,
            (Story::Redacting, 2) => running.finish_redactions()?,
            (Story::FullDisk | Story::BrokenDisk, 5) if random.once_in(3) => {
                running.redact(number, random)?;
                running.finish_redactions()?;
            }
            (Story::Redacting, 3..=5)
            | (Story::Sealing, 0..=5)
            | (Story::FullDisk | Story::BrokenDisk, 0..=1) => running.seal(random),
            (Story::FullDisk, 2..=3) => running.disk.set_room(random.below(3_000) as usize),
            (Story::FullDisk, 4) => running.disk.set_trouble(Trouble::default()),
            (Story::BrokenDisk, 2) => running.disk.set_trouble(Trouble {
                sync_fails_in: Some(random.below(3) as u32),
                write_fails_in: random.once_in(3).then(|| random.below(4) as u32),
                ..Trouble::default()
            }),
            (_, 8) => running.retry(random)?,
            (_, 9) => {
                if random.once_in(2) {
                    running.tick();
                }
                running.idle()?;
            }
            _ => {
                if random.once_in(2) {
                    running.tick();
                }
                let batches = (0..1 + random.below(3))
                    .map(|_| batch(number, random))
                    .collect();
                running.commit(batches)?;
            }
        }
        Ok(())
    }

    /// Recovers from every place where the round could have crashed, with several survivals each.
    fn crash_everywhere(
        &self,
        points: &[CrashPoint],
        seen: &mut HashSet<u64>,
        random: &mut Random,
    ) -> Result<(), String> {
        let survivals = [
            Survival::Nothing,
            Survival::Everything,
            Survival::NamesAndSizes,
            Survival::Killed,
            Survival::Some,
            Survival::Some,
            Survival::Some,
            Survival::Some,
        ];
        for (at, point) in points.iter().enumerate() {
            for survival in survivals {
                let world = point.world.crash(survival, random);
                if !seen.insert(world.fingerprint()) {
                    continue;
                }
                oracle::no_trace(&world, &point.promises)?;
                let disk =
                    SimDisk::new(world, point.promises.clone(), false, Random(random.next()));
                self.recover_and_check(disk, &point.promises, random)
                    .map_err(|what| {
                        format!(
                            "crashed before operation {at} of {}, {survival:?} survived: {what}",
                            points.len()
                        )
                    })?;
            }
        }
        Ok(())
    }

    fn recover_and_check(
        &self,
        disk: SimDisk,
        promises: &Promises,
        random: &mut Random,
    ) -> Result<(), String> {
        let mut running = Running::start(disk, promises, self.faults, 0)?;
        // Without it a record that was lost ends where its first try did; with it, a checkpoint follows.
        if random.once_in(2) {
            running.tick();
        }
        running.retry(random)?;
        // The first that was lost is sent again, so that its record ends where its first try did.
        let lost = promises
            .in_flight
            .iter()
            .find(|batch| !running.has(&batch[0]))
            .cloned();
        let fresh = vec![Key {
            organization: ORGANIZATIONS[0],
            number: 1_000_000,
        }];
        let sent = lost.unwrap_or(fresh);
        let log = sent[0].organization;
        running.commit(vec![sent])?;
        let last = |log: &Vec<(Key, Timestamp)>| log.last().map(|(_, received_at)| *received_at);
        if running.promises.logs.values().filter_map(last).max()
            != last(&running.promises.logs[log])
        {
            return Err("the newest entry is not the newest".into());
        }
        if random.once_in(4) {
            let disk = SimDisk::new(
                running.disk.world(),
                Arc::default(),
                false,
                Random(random.next()),
            );
            Running::start(disk, &running.promises, self.faults, 0)
                .map_err(|what| format!("the second time: {what}"))?;
        }
        Ok(())
    }
}

/// New drafts of one or several logs.
fn batch(number: &mut u64, random: &mut Random) -> Vec<Key> {
    let of_one = random.once_in(2).then(|| random.below(3));
    (0..1 + random.below(4))
        .map(|_| {
            *number += 1;
            Key {
                organization: ORGANIZATIONS[of_one.unwrap_or_else(|| random.below(3)) as usize],
                number: *number,
            }
        })
        .collect()
}
