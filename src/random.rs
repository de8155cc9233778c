//! The only place that asks the system for randomness on the store's behalf.

use std::sync::Arc;

/// The system's randomness, as the store takes it.
pub fn system() -> store::Random {
    // Once it has booted, a system has it for ever; a log without it must not go on.
    Arc::new(|bytes| getrandom::fill(bytes).expect("the system gives random bytes"))
}
