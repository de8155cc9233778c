use super::walk::{Story, Walk};
use crate::faults::{Fault, Faults};

/// The number in an environment variable.
fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

/// Walks one story for so many states; says what it did.
fn walk(story: Story, states: u64) {
    let seed = variable("MAR_AUDIT_SIM_SEED").unwrap_or(story as u64 + 1);
    let states = variable("MAR_AUDIT_SIM_STATES").unwrap_or(states);
    println!("{story:?}: seed {seed}, {states} states");
    let report = Walk {
        story,
        seed,
        faults: Faults::default(),
    }
    .run(states)
    .unwrap_or_else(|violation| panic!("{violation:?}"));
    assert!(report.states >= states);
}

#[test]
fn no_crash_of_plain_appends_breaks_a_promise() {
    walk(Story::Plain, 13_000);
}

#[test]
fn no_crash_while_sealing_and_merging_breaks_a_promise() {
    walk(Story::Sealing, 13_000);
}

#[test]
fn no_crash_on_a_disk_that_fills_up_breaks_a_promise() {
    walk(Story::FullDisk, 12_000);
}

#[test]
fn no_crash_on_a_disk_that_fails_breaks_a_promise() {
    walk(Story::BrokenDisk, 12_000);
}

#[test]
fn no_crash_of_an_erasure_breaks_a_promise_or_leaves_a_trace() {
    walk(Story::Redacting, 6_000);
}

/// The simulator sees a bug if it reports a violation before it has seen as many states as the tests above.
fn sees(fault: Fault, story: Story) {
    let faults = Faults {
        seeded: Some(fault),
    };
    let seen = Walk {
        story,
        seed: 7,
        faults,
    }
    .run(10_000);
    match seen {
        Err(violation) => println!("{fault:?} is seen: {violation:?}"),
        Ok(report) => panic!("{fault:?} goes unseen in {} states", report.states),
    }
}

#[test]
fn the_simulator_sees_an_acknowledgement_before_the_sync() {
    sees(Fault::AckBeforeSync, Story::Plain);
}

#[test]
fn the_simulator_sees_a_directory_that_is_not_synced() {
    sees(Fault::NoDirectorySync, Story::Plain);
}

#[test]
fn the_simulator_sees_a_checksum_that_is_not_checked() {
    sees(Fault::NoChecksum, Story::Plain);
}

#[test]
fn the_simulator_sees_a_stale_tail_that_is_kept() {
    sees(Fault::StaleTailKept, Story::Plain);
}

#[test]
fn the_simulator_sees_a_checkpoint_that_is_shown_before_the_sync() {
    sees(Fault::ShownBeforeSync, Story::Plain);
}

#[test]
fn the_simulator_sees_hashes_that_are_not_synced() {
    sees(Fault::HashesNotSynced, Story::Sealing);
}

#[test]
fn the_simulator_sees_a_checkpoint_that_goes_with_its_journal_file() {
    sees(Fault::CheckpointForgotten, Story::Redacting);
}

#[test]
fn the_simulator_sees_a_failed_sync_that_is_ignored() {
    sees(Fault::SyncErrorIgnored, Story::BrokenDisk);
}

#[test]
fn the_simulator_sees_an_erasure_that_a_start_forgets() {
    sees(Fault::ErasureForgotten, Story::Redacting);
}
