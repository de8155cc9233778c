//! The only place of this crate that asks the system for the time.

use entry::Timestamp;
use std::time::SystemTime;

/// The system's time now; before year 1 and after 9999 the nearest instant that can be written.
pub fn now() -> Timestamp {
    let micros = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
        }
    };
    let nearest = micros.clamp(Timestamp::MIN.as_micros(), Timestamp::MAX.as_micros());
    Timestamp::from_micros(nearest).expect("clamped to what a timestamp holds")
}
