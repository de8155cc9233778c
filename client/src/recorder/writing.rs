//! The thread that writes the spool: whoever waits while it syncs shares the next sync.

use super::losses::Loss;
use super::state::{Group, Phase, Shared};
use crate::spool::{Failed, SpoolFile, Writer};
use crate::{Error, Notice};
use rustix::fs::{FlockOperation, flock};
use std::sync::Arc;

/// Writes groups until the recorder stops, the last one included; then the spool may be another process's.
pub fn run(shared: &Arc<Shared>, mut writer: Writer) {
    while let Some(group) = next(shared) {
        let bytes = group.frames.len() as u64;
        match writer.append(&group.frames, group.last) {
            Ok(begun) => written(shared, &writer, begun, group),
            Err(failed) => unwritten(shared, group, bytes, failed),
        }
    }
    if let Err(error) = flock(&shared.lock, FlockOperation::Unlock) {
        shared.tell(&Notice::SpoolFailed {
            why: error.to_string(),
        });
    }
}

fn next(shared: &Shared) -> Option<Group> {
    let mut state = shared.state.lock();
    loop {
        if !state.group.frames.is_empty() {
            let group = std::mem::take(&mut state.group);
            state.writing = Some(group.entries);
            return Some(group);
        }
        if state.phase == Phase::Stopped {
            return None;
        }
        shared.to_write.wait(&mut state);
    }
}

fn written(shared: &Shared, writer: &Writer, begun: Option<SpoolFile>, mut group: Group) {
    let mut state = shared.state.lock();
    if let Some(begun) = begun {
        state.used_bytes += begun.bytes;
        state.files.push_back(begun);
    }
    state
        .files
        .back_mut()
        .expect("there is a file to append to")
        .bytes = writer.length;
    state.durable_sequence = state.durable_sequence.max(group.last);
    state.counts.waiting += group.entries;
    state.counts.syncs += 1;
    state.writing = None;
    drop(state);
    shared.to_deliver.notify_one();
    for (receipt, slot) in group.waiting.drain(..) {
        if let Some(slot) = slot {
            slot.put(Ok(receipt));
        }
    }
}

fn unwritten(shared: &Shared, mut group: Group, bytes: u64, failed: Failed) {
    let (error, is_latched) = match failed {
        Failed::Undone(error) => (error, false),
        Failed::Latched(error) => (error, true),
    };
    let why = error.to_string();
    let mut state = shared.state.lock();
    state.used_bytes -= bytes;
    state.writing = None;
    if is_latched {
        state.latched = Some(why.clone());
    }
    // What is no entry, but a mark, has no id.
    for (receipt, _) in group.waiting.iter().filter(|w| !w.0.id.is_nil()) {
        state.lose(receipt.sequence, Loss::SpoolFailed);
    }
    drop(state);
    for (_, slot) in group.waiting.drain(..) {
        if let Some(slot) = slot {
            slot.put(Err(Error::Spool(why.clone())));
        }
    }
    shared.settled.notify_all();
    shared.tell(&Notice::SpoolFailed { why });
}
