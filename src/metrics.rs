//! What `/metrics` says, in Prometheus' words: `mar_audit_…`, units last.

use prometheus_client::registry::Registry;

/// Every counter of the roof.
pub struct Metrics {
    pub registry: Registry,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        Self {
            registry: Registry::with_prefix("mar_audit"),
        }
    }
}
