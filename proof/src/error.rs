//! The one error of this crate: a variant for each thing the caller can do next.

/// Why evidence was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fetch it again: this is not the format it should be, so nothing in it was believed.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// The format that was expected.
        what: &'static str,
        /// The rule it breaks.
        why: &'static str,
    },
    /// Keep it and call a person: it reads well and is false. Something was altered, or never true.
    #[error("{what} is false: {why}")]
    Refuted {
        /// The claim that was checked.
        what: &'static str,
        /// What was found instead.
        why: &'static str,
    },
    /// Ask for more signatures, or change the policy: nothing is wrong with what is there.
    #[error("the policy is not met: {why}")]
    PolicyUnmet {
        /// Which signatures are missing.
        why: String,
    },
    /// Keep both and call a person: one log, two histories, and someone was shown each.
    #[error("{origin} has forked: its tree of {new} entries does not extend its tree of {old}")]
    Fork {
        /// The log.
        origin: String,
        /// Size of the tree known before.
        old: u64,
        /// Size of the tree seen now.
        new: u64,
    },
    /// Keep both and call a person: a log was shown smaller than it already was.
    #[error("{origin} was rolled back from {old} entries to {new}")]
    Rollback {
        /// The log.
        origin: String,
        /// Size of the tree known before.
        old: u64,
        /// Size of the tree seen now.
        new: u64,
    },
    /// Ask for something the tree has.
    #[error("{what} {asked} is outside a tree of {size} entries")]
    OutOfRange {
        /// What was asked for.
        what: &'static str,
        /// Its number.
        asked: u64,
        /// The tree it was asked of.
        size: u64,
    },
    /// Bring the missing tile, then try again: without it this cannot be decided.
    #[error("{path} is missing, and nothing below it can be checked without it")]
    MissingTile {
        /// The tile's C2SP path.
        path: String,
    },
}

impl Error {
    pub(crate) fn malformed(what: &'static str, why: &'static str) -> Self {
        Self::Malformed { what, why }
    }

    pub(crate) fn refuted(what: &'static str, why: &'static str) -> Self {
        Self::Refuted { what, why }
    }
}
