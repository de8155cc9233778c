//! A store on a disk that crashes, and an oracle that re-reads everything after each crash.
//!
//! - `damage`: what bytes that change by themselves lead to
//! - `disk`: a disk that keeps what is durable, what is written but not synced, and names not synced apart
//! - `oracle`: what must hold after every crash; `signed`: what must hold of trees and checkpoints
//! - `walk`: workloads, every place where they can crash, and what may survive there
//!
//! Everything runs on one thread and follows from a seed. `MAR_AUDIT_SIM_SEED` runs one seed again, `MAR_AUDIT_SIM_STATES`
//! asks for more states than the tests do by themselves.

mod damage;
mod disk;
mod oracle;
mod signed;
mod tests;
mod walk;

/// Numbers that follow from a seed (splitmix64).
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in `times`.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
