//! Measurements.
pub mod workload;
