//! When the next attempt may be made: later after each failure, with jitter, and never before the log said.

use std::time::{Duration, Instant};

/// The pause after a first failure.
const FIRST: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Pace {
    pause_max: Duration,
    failures: u32,
    /// When the last attempt failed, and how long to pause by our own reckoning.
    failed: Option<(Instant, Duration)>,
    /// Not before this, by the log's word.
    told: Option<Instant>,
    seed: u64,
}

impl Pace {
    pub fn new(pause_max: Duration, seed: u64) -> Self {
        Self {
            pause_max,
            failures: 0,
            failed: None,
            told: None,
            seed: seed | 1,
        }
    }

    pub fn succeeded(&mut self) {
        (self.failures, self.failed, self.told) = (0, None, None);
    }

    pub fn failed(&mut self, retry_after: Option<Duration>) {
        let pause = FIRST
            .saturating_mul(1 << self.failures.min(16))
            .min(self.pause_max);
        self.failures = self.failures.saturating_add(1);
        let now = Instant::now();
        // Between half and all of it: many recorders that lost the same log do not come back together.
        self.failed = Some((now, pause.mul_f64(0.5 + self.fraction() / 2.0)));
        self.told = retry_after.map(|wait| now + wait.min(self.pause_max));
    }

    /// When to try again. With someone waiting, our own reckoning may hold it back for a moment only.
    pub fn not_before(&self, someone_waits: bool) -> Option<Instant> {
        let own = self.failed.map(|(at, pause)| match someone_waits {
            true => at + pause.min(FIRST),
            false => at + pause,
        });
        own.max(self.told)
    }

    /// Xorshift: no randomness that anything but politeness relies on.
    fn fraction(&mut self) -> f64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_end_with_success() {
        let mut pace = Pace::new(Duration::from_secs(2), 42);
        assert_eq!(pace.not_before(false), None);
        let mut last = Duration::ZERO;
        for n in 0..40 {
            pace.failed(None);
            let pause = pace.not_before(false).expect("a pause") - Instant::now();
            assert!(pace.not_before(true) <= Some(Instant::now() + FIRST));
            assert!(pause <= Duration::from_secs(2), "{n}: {pause:?}");
            last = pause;
        }
        assert!(last >= Duration::from_millis(990), "{last:?}");
        pace.succeeded();
        assert_eq!(pace.not_before(false), None);
    }

    #[test]
    fn the_log_is_not_asked_before_it_said() {
        let mut pace = Pace::new(Duration::from_secs(30), 7);
        pace.failed(Some(Duration::from_secs(7)));
        let wait = pace.not_before(true).expect("a pause") - Instant::now();
        assert!(wait > Duration::from_secs(6), "{wait:?}");
        pace.failed(None);
        let wait = pace.not_before(true).expect("a pause");
        assert!(wait <= Instant::now() + FIRST);
    }
}
