//! The roof.
pub mod bench;
