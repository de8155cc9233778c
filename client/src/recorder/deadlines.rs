//! The thread that ends waiting: whoever asked for a required entry is told in time, whatever a call does.

use super::state::{Phase, Shared};
use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Instant;

pub fn run(shared: &Arc<Shared>) {
    let mut state = shared.state.lock();
    loop {
        if state.phase == Phase::Stopped {
            return;
        }
        match state.deadlines.peek().copied() {
            None => shared.to_expire.wait(&mut state),
            Some(Reverse((time, sequence))) if time <= Instant::now() => {
                state.deadlines.pop();
                state.expire(sequence, Instant::now());
                shared.settled.notify_all();
            }
            Some(Reverse((time, _))) => {
                shared.to_expire.wait_until(&mut state, time);
            }
        }
    }
}
