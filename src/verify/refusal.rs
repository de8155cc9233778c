//! Why evidence does not hold: the step that failed, what was found, and what that means.

use crate::client;
use std::fmt;
use std::io;

/// What evidence that does not hold comes to. Each has its own exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something was altered, left out, cut short, or never true.
    Tampered,
    /// Nothing is wrong with it, but those whose word is asked for have not signed it.
    PolicyUnmet,
    /// One log, two histories, or a log smaller than it was.
    Forked,
    /// True once; too long ago to say how things stand now.
    Stale,
}

impl Verdict {
    /// One word, for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Tampered => "tampered",
            Verdict::PolicyUnmet => "policy_unmet",
            Verdict::Forked => "forked",
            Verdict::Stale => "stale",
        }
    }
}

/// The steps of a verification. Each believes only what those before it have shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading the file, in its one spelling.
    Format,
    /// Who signed the checkpoint.
    Signatures,
    /// The tiles against the signed root.
    Tiles,
    /// The values against the entry's commitment, and the entry put together.
    Entry,
    /// The entry's leaf against the signed root.
    Place,
    /// A checkpoint against the one accepted before.
    Growth,
    /// Times: how long ago, and in which order.
    Age,
}

impl Step {
    /// One word, for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Format => "format",
            Step::Signatures => "signatures",
            Step::Tiles => "tiles",
            Step::Entry => "entry",
            Step::Place => "place",
            Step::Growth => "growth",
            Step::Age => "age",
        }
    }

    /// What the step does, for sentences: `checking …`.
    fn does(self) -> &'static str {
        match self {
            Step::Format => "reading it strictly",
            Step::Signatures => "checking who signed the checkpoint",
            Step::Tiles => "checking the tiles against the signed root",
            Step::Entry => "checking the entry's values",
            Step::Place => "checking the entry's place under the signed root",
            Step::Growth => "checking that the log continues what was accepted before",
            Step::Age => "checking its times",
        }
    }
}

/// Evidence that was read and does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub step: Step,
    pub verdict: Verdict,
    /// Which part of the evidence, where it has parts: `entries/000.ndjson, line 7`.
    pub place: Option<String>,
    /// What was found.
    pub what: String,
}

impl Refusal {
    pub fn new(step: Step, verdict: Verdict, what: impl Into<String>) -> Self {
        Self {
            step,
            verdict,
            place: None,
            what: what.into(),
        }
    }

    pub fn tampered(step: Step, what: impl Into<String>) -> Self {
        Self::new(step, Verdict::Tampered, what)
    }

    /// What the mathematics found at a step.
    pub fn of(step: Step, error: &proof::Error) -> Self {
        let verdict = match error {
            proof::Error::Malformed { .. }
            | proof::Error::Refuted { .. }
            | proof::Error::OutOfRange { .. }
            | proof::Error::MissingTile { .. } => Verdict::Tampered,
            proof::Error::PolicyUnmet { .. } => Verdict::PolicyUnmet,
            proof::Error::Fork { .. } | proof::Error::Rollback { .. } => Verdict::Forked,
        };
        Self::new(step, verdict, error.to_string())
    }

    /// The part of the evidence it is about.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// What it means, for whoever must act on it.
    pub fn means(&self) -> &'static str {
        match (self.verdict, self.step) {
            (Verdict::Tampered, Step::Format) => {
                "it was cut or altered on its way, or is something else: nothing in it was believed; fetch it again"
            }
            (Verdict::Tampered, Step::Signatures) => {
                "the checkpoint was altered after it was signed, or someone without the key signed it: nothing it says can be believed"
            }
            (Verdict::Tampered, Step::Tiles) => {
                "the hashes do not belong to the signed tree: a tile was altered, left out or swapped"
            }
            (Verdict::Tampered, Step::Entry) => {
                "this is not the entry that was logged: a value was changed, left out or added"
            }
            (Verdict::Tampered, Step::Place) => {
                "the signed log does not hold this entry at this place: the entry, its place or its hashes were altered"
            }
            (Verdict::Tampered, Step::Growth) => {
                "whether the log continues what was accepted before could not be shown"
            }
            (Verdict::Tampered, Step::Age) => {
                "its times cannot be true: the log signed what it could not have received so"
            }
            (Verdict::PolicyUnmet, _) => {
                "nothing was found altered, but those you trust have not vouched for it: is it the right key or policy, and the right log?"
            }
            (Verdict::Forked, _) => {
                "the log shows different histories to different readers, or was set back: keep both checkpoints, they are the evidence"
            }
            (Verdict::Stale, _) => {
                "it holds, but does not show how things stand now: fetch newer evidence"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not verified: {}: ", self.step.does())?;
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}\nthis means: {}", self.what, self.means())
    }
}

impl std::error::Error for Refusal {}

/// Why nothing was verified.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Keep the evidence and read what it means.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nothing was decided: correct the key or policy file.
    #[error("{0}")]
    Trust(String),
    /// Nothing was decided: the log could not be asked.
    #[error("{path}: {source}")]
    Call {
        path: String,
        source: Box<client::Error>,
    },
    /// Nothing was decided: the directory could not be read.
    #[error(transparent)]
    Stored(Box<store::Error>),
    /// Nothing was decided: name a file that can be read.
    #[error("{name}: {source}")]
    File { name: String, source: io::Error },
}
