//! Sessions: a browser that signed in, until it signs out, idles or has been in for a day.

use super::identifier::Identifier;
use super::instant;
use super::secret::Digest;
use entry::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// From signing in to signing in again, whatever happens.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3_600);
/// Silence after which a browser was left behind.
pub const SESSION_IDLE: Duration = Duration::from_secs(3_600);
/// Sessions of one account; the oldest gives way, so that a leaked password cannot fill memory.
pub const SESSIONS_PER_ACCOUNT_MAX: usize = 32;
/// What is kept of the browser's name for itself, in bytes.
pub const FROM_BYTES_MAX: usize = 256;

/// What is kept of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub id: Identifier,
    pub account: Identifier,
    pub(super) digest: Digest,
    /// Address and browser, for its owner to know it by.
    pub from: String,
    #[serde(with = "instant")]
    pub created_at: Timestamp,
    #[serde(with = "instant")]
    pub expires_at: Timestamp,
    /// To the minute.
    #[serde(with = "instant")]
    pub seen_at: Timestamp,
}

impl Session {
    /// True at the end of its life, and after too long a silence.
    pub(super) fn is_over(&self, seen_at: Timestamp, now: Timestamp) -> bool {
        now >= self.expires_at || now >= instant::later(seen_at, SESSION_IDLE)
    }
}

/// The text, cut at a character to what is kept.
pub(super) fn shortened(from: &str) -> String {
    from[..from.floor_char_boundary(FROM_BYTES_MAX)].to_owned()
}
