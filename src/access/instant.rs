//! Instants as they are stored: microseconds since 1970.

use entry::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

pub fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    at.as_micros().serialize(to)
}

pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    read(i64::deserialize(from)?)
}

fn read<E: Error>(micros: i64) -> Result<Timestamp, E> {
    Timestamp::from_micros(micros).ok_or_else(|| E::custom("an instant beyond the year 9999"))
}

/// Instants that may not be there.
pub mod maybe {
    use super::*;

    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.as_micros()).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        Option::<i64>::deserialize(from)?.map(read).transpose()
    }
}

/// So much later, or the last instant there is.
pub(super) fn later(at: Timestamp, by: std::time::Duration) -> Timestamp {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    let micros = at.as_micros().saturating_add(micros);
    Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
}
