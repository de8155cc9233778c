//! Bugs that can be seeded, so that the crash simulator can show that it sees them. Outside of tests there are none.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    AckBeforeSync,
    NoDirectorySync,
    NoChecksum,
    StaleTailKept,
    SyncErrorIgnored,
    ErasureForgotten,
    ShownBeforeSync,
    HashesNotSynced,
    CheckpointForgotten,
}

/// The bug of this store, if any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    #[cfg(test)]
    pub seeded: Option<Fault>,
}

impl Faults {
    #[cfg(test)]
    pub fn has(self, fault: Fault) -> bool {
        self.seeded == Some(fault)
    }

    #[cfg(not(test))]
    pub fn has(self, _fault: Fault) -> bool {
        false
    }
}
