//! The metrics of one scrape, as they are gathered.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// Those of this service, by its prefix.
pub(super) struct Metrics(pub(super) Registry);

impl Metrics {
    pub(super) fn new() -> Self {
        Self(Registry::with_prefix("mailserver_sidecar"))
    }

    pub(super) fn count(&mut self, name: &str, help: &str, value: u64) {
        let counter = <Counter>::default();
        counter.inc_by(value);
        self.0.register(name, help, counter);
    }

    pub(super) fn level(&mut self, name: &str, help: &str, value: usize) {
        let gauge = <Gauge>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        self.0.register(name, help, gauge);
    }

    pub(super) fn seconds(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }
}
