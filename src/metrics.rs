//! What `/metrics` says, in Prometheus' words: `mar_audit_…`, units last.

use crate::api::receipts::Receipts;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Every measure of the roof.
pub struct Metrics {
    pub registry: Registry,
    entries: Family<Outcome, Counter>,
    /// From handing drafts to the log until they are on stable storage.
    pub append_seconds: Histogram,
    pub calls: Family<Call, Counter>,
    pub call_seconds: Histogram,
    pub connections: Gauge,
    pub connections_refused: Counter,
    pub tails: Gauge,
    pub exported_entries: Counter,
    pub exports_cut: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Call {
    /// The route's pattern, never the path: paths hold ids.
    pub route: String,
    pub method: String,
    pub status: u16,
}

/// From 100 µs to about 13 s: an fsync is a few milliseconds, a stall is seconds.
fn seconds() -> Histogram {
    Histogram::new((0..18).map(|n| 0.000_1 * f64::from(1 << n)))
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("mar_audit");
        let metrics = Self {
            entries: Family::default(),
            append_seconds: seconds(),
            calls: Family::default(),
            call_seconds: seconds(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            tails: Gauge::default(),
            exported_entries: Counter::default(),
            exports_cut: Counter::default(),
            registry: Registry::default(),
        };
        registry.register(
            "entries",
            "Entries received, by what became of them",
            metrics.entries.clone(),
        );
        let append = "From handing drafts to the log until they are on stable storage";
        registry.register_with_unit(
            "append",
            append,
            Unit::Seconds,
            metrics.append_seconds.clone(),
        );
        registry.register("calls", "HTTP calls answered", metrics.calls.clone());
        let call = "From the head of a call to the head of its answer";
        registry.register_with_unit("call", call, Unit::Seconds, metrics.call_seconds.clone());
        registry.register(
            "connections",
            "Connections open",
            metrics.connections.clone(),
        );
        let refused = "Connections turned away because too many were open";
        registry.register(
            "connections_refused",
            refused,
            metrics.connections_refused.clone(),
        );
        registry.register("tails", "Tails open", metrics.tails.clone());
        registry.register(
            "exported_entries",
            "Entries written to exports",
            metrics.exported_entries.clone(),
        );
        registry.register(
            "exports_cut",
            "Exports that ended before they were complete",
            metrics.exports_cut.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }

    pub fn appended(&self, receipts: &Receipts) {
        let counts = [
            ("accepted", receipts.accepted()),
            ("duplicate", receipts.duplicates()),
            ("rejected", receipts.rejected()),
        ];
        for (status, count) in counts {
            self.entries
                .get_or_create(&Outcome { status })
                .inc_by(count as u64);
        }
    }
}
