//! Whose signatures are enough, and how old they may be.

use super::{Error, Refusal, Step, Verdict};
use entry::Timestamp;
use proof::checkpoint::SignedCheckpoint;
use proof::key::{PosixSeconds, VerifierKey};
use proof::leaf::ReceivedAt;
use proof::policy::{Accepted, Policy};
use std::time::Duration;

/// How far another's clock may be ahead of ours before its times are taken for untrue.
const AHEAD_MAX: Duration = Duration::from_secs(5 * 60);

/// The oldest that evidence may be.
#[derive(Clone, Copy, Debug)]
pub struct MaxAge {
    pub age: Duration,
    pub now: Timestamp,
}

/// What the verifier brings along; all else is evidence.
#[derive(Clone, Debug)]
pub struct Trust {
    policy: Policy,
    max_age: Option<MaxAge>,
}

impl Trust {
    /// One log's key, as a vkey; no witnesses.
    pub fn in_key(vkey: &str, max_age: Option<MaxAge>) -> Result<Self, Error> {
        let policy = VerifierKey::parse(vkey).and_then(Policy::of_log);
        Self::of(policy, max_age)
    }

    /// A C2SP tlog-policy file.
    pub fn in_policy(file: &[u8], max_age: Option<MaxAge>) -> Result<Self, Error> {
        Self::of(Policy::parse(file), max_age)
    }

    fn of(policy: Result<Policy, proof::Error>, max_age: Option<MaxAge>) -> Result<Self, Error> {
        let policy = policy.map_err(|e| Error::Trust(e.to_string()))?;
        Ok(Self { policy, max_age })
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Who of the trusted vouches for a checkpoint.
    pub fn accept(&self, signed: &SignedCheckpoint) -> Result<Accepted<'_>, Refusal> {
        self.policy
            .accept(signed)
            .map_err(|e| Refusal::of(Step::Signatures, &e))
    }

    /// Whether accepted evidence is fresh: by the newest cosignature where the policy knows witnesses, else by when the log
    /// received the newest entry of the evidence.
    pub fn check_age(
        &self,
        accepted: &Accepted<'_>,
        newest: Option<ReceivedAt>,
    ) -> Result<(), Refusal> {
        let Some(max) = self.max_age else {
            return Ok(());
        };
        let stale = |what: String| Err(Refusal::new(Step::Age, Verdict::Stale, what));
        let (what, seen) = if self.policy.witnesses().is_empty() {
            let seen = newest.and_then(|at| Timestamp::parse(&at.to_string()).ok());
            ("its newest entry was received", seen)
        } else {
            let times = accepted.witnesses.iter().filter_map(|signer| signer.time);
            ("a witness last saw it", times.max().and_then(instant))
        };
        let Some(seen) = seen else {
            return stale(format!("nothing in it says when {what}"));
        };
        let micros = max.now.as_micros().saturating_sub(seen.as_micros());
        let limit = i64::try_from(max.age.as_micros()).unwrap_or(i64::MAX);
        if micros > limit {
            return stale(format!(
                "{what} {seen}, longer ago than {} s",
                max.age.as_secs()
            ));
        }
        if micros < -(AHEAD_MAX.as_micros() as i64) {
            return stale(format!("{what} {seen}, which is yet to come"));
        }
        Ok(())
    }
}

/// When a witness signed, if a timestamp can hold it.
pub fn instant(time: PosixSeconds) -> Option<Timestamp> {
    let micros = i64::try_from(time.0).ok()?.checked_mul(1_000_000)?;
    Timestamp::from_micros(micros)
}
