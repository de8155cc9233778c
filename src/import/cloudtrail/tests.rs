//! Identities, targets and results by their tables.
