//! What `/metrics` says, in Prometheus' words: `mar_audit_…`, units last.

use crate::api::receipts::Receipts;
use crate::syslog;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

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
    pub handshakes_failed: Family<Handshake, Counter>,
    /// In seconds since 1970; 0 without a certificate.
    pub certificate_expires_seconds: Gauge,
    pub certificate_reloads: Family<Reload, Counter>,
    pub tails: Gauge,
    pub exported_entries: Counter,
    pub exports_cut: Counter,
    /// Readings that should have left an entry of our own and did not.
    pub unnoted: Counter,
    pub log_entries: Gauge,
    pub logs: Gauge,
    pub checkpoint_size: Gauge,
    pub checkpoint_lag_seconds: Gauge<f64, AtomicU64>,
    pub ready: Gauge,
    pub syslog: syslog::Counts,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    status: &'static str,
}

/// How a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Handshake {
    why: &'static str,
}

impl Handshake {
    pub const FAILED: Self = Self { why: "failed" };
    pub const PLAIN_HTTP: Self = Self { why: "plain_http" };
    pub const TIMEOUT: Self = Self { why: "timeout" };
}

/// What became of a changed certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reload {
    result: &'static str,
}

impl Reload {
    pub const RENEWED: Self = Self { result: "renewed" };
    pub const REFUSED: Self = Self { result: "refused" };
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Call {
    /// The route's pattern, never the path: paths hold ids.
    pub route: String,
    pub method: &'static str,
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
            handshakes_failed: Family::default(),
            certificate_expires_seconds: Gauge::default(),
            certificate_reloads: Family::default(),
            tails: Gauge::default(),
            exported_entries: Counter::default(),
            exports_cut: Counter::default(),
            unnoted: Counter::default(),
            log_entries: Gauge::default(),
            logs: Gauge::default(),
            checkpoint_size: Gauge::default(),
            checkpoint_lag_seconds: Gauge::default(),
            ready: Gauge::default(),
            syslog: syslog::Counts::default(),
            registry: Registry::default(),
        };
        metrics.register(&mut registry);
        Self {
            registry,
            ..metrics
        }
    }

    fn register(&self, to: &mut Registry) {
        to.register(
            "entries",
            "Entries received, by what became of them",
            self.entries.clone(),
        );
        let append = "From handing drafts to the log until they are on stable storage";
        to.register_with_unit("append", append, Unit::Seconds, self.append_seconds.clone());
        to.register("calls", "HTTP calls answered", self.calls.clone());
        let call = "From the head of a call to the head of its answer";
        to.register_with_unit("call", call, Unit::Seconds, self.call_seconds.clone());
        to.register("connections", "Connections open", self.connections.clone());
        let refused = "Connections turned away because too many were open";
        to.register(
            "connections_refused",
            refused,
            self.connections_refused.clone(),
        );
        self.register_tls(to);
        self.syslog.register(to);
        to.register("tails", "Tails open", self.tails.clone());
        to.register(
            "exported_entries",
            "Entries written to exports",
            self.exported_entries.clone(),
        );
        to.register(
            "exports_cut",
            "Exports that ended before they were complete",
            self.exports_cut.clone(),
        );
        let unnoted = "Readings that left no entry of their own, since nothing could be written";
        to.register("unnoted_readings", unnoted, self.unnoted.clone());
        to.register(
            "log_entries",
            "Entries in all logs",
            self.log_entries.clone(),
        );
        to.register("logs", "Logs", self.logs.clone());
        to.register(
            "checkpoint_size",
            "Entries that checkpoints cover, in all logs",
            self.checkpoint_size.clone(),
        );
        let lag = "How long the oldest entry that no checkpoint covers has been stored; above a few seconds, none is signed";
        to.register_with_unit(
            "checkpoint_lag",
            lag,
            Unit::Seconds,
            self.checkpoint_lag_seconds.clone(),
        );
        to.register("ready", "1 if entries can be appended", self.ready.clone());
    }

    fn register_tls(&self, to: &mut Registry) {
        let failed = "TLS handshakes that failed, by why";
        to.register("handshakes_failed", failed, self.handshakes_failed.clone());
        let expires = "When the certificate expires, in seconds since 1970; 0 without one";
        to.register_with_unit(
            "certificate_expires",
            expires,
            Unit::Seconds,
            self.certificate_expires_seconds.clone(),
        );
        let reloads = "Changed certificates, by what became of them";
        to.register(
            "certificate_reloads",
            reloads,
            self.certificate_reloads.clone(),
        );
    }

    /// Counts a call by its route's pattern.
    pub fn answered(&self, call: Call, elapsed: Duration) {
        self.calls.get_or_create(&call).inc();
        self.call_seconds.observe(elapsed.as_secs_f64());
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
