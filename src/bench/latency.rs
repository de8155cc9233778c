//! Percentiles, and what one fsync costs on the disk in question.

use super::Failed;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Durations of one thing done many times.
#[derive(Default)]
pub(super) struct Latency(Vec<Duration>);

impl Latency {
    /// Does `work` and keeps how long it took.
    pub fn time<T>(&mut self, work: impl FnOnce() -> Result<T, Failed>) -> Result<T, Failed> {
        let begun = Instant::now();
        let done = work()?;
        self.0.push(begun.elapsed());
        Ok(done)
    }

    pub fn add(&mut self, other: Latency) {
        self.0.extend(other.0);
    }

    /// The duration that `per_cent` of all did not exceed (nearest rank).
    pub fn percentile(&self, per_cent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * per_cent).div_ceil(100);
        sorted
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    /// `p50 0.81 ms, p99 3.2 ms (200)`
    pub fn shown(&self) -> String {
        let [half, most] = [50, 99].map(|per_cent| milliseconds(self.percentile(per_cent)));
        format!("p50 {half}, p99 {most}")
    }
}

/// Two digits that count: `0.083 ms`, `4.1 ms`, `412 ms`.
pub(super) fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1_000.0;
    let digits = if ms < 0.1 {
        3
    } else if ms < 1.0 {
        2
    } else {
        usize::from(ms < 100.0)
    };
    format!("{ms:.digits$} ms")
}

/// Appending four kilobytes and waiting for the disk, two hundred times, in `dir`.
pub(super) fn fsync(dir: &Path) -> Result<Latency, Failed> {
    let path = dir.join("fsync-probe");
    let mut file = File::create(&path).map_err(Failed::file(&path))?;
    let mut latency = Latency::default();
    for _ in 0..200 {
        file.write_all(&[0x5a; 4096]).map_err(Failed::file(&path))?;
        latency.time(|| file.sync_data().map_err(Failed::file(&path)))?;
    }
    std::fs::remove_file(&path).map_err(Failed::file(&path))?;
    Ok(latency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_duration_that_was_measured() {
        let latency = Latency((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(latency.percentile(50), Duration::from_millis(100));
        assert_eq!(latency.percentile(99), Duration::from_millis(198));
        assert_eq!(latency.percentile(100), Duration::from_millis(200));
        assert_eq!(Latency::default().percentile(99), Duration::ZERO);
        assert_eq!(latency.shown(), "p50 100 ms, p99 198 ms");
        assert_eq!(milliseconds(Duration::from_micros(83)), "0.083 ms");
    }
}
