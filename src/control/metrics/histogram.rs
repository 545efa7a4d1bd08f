//! Histograms that were filled elsewhere: those of the library can only be filled where they are registered.

use std::{collections::BTreeMap, fmt};

use actors::model::durations::Durations;
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::registry::Metrics;

impl Metrics {
    /// How long something took.
    pub(super) fn durations(&mut self, name: &str, help: &str, filled: Durations) {
        self.0.register(name, help, Filled(filled));
    }

    /// The same by a word for the cause.
    pub(super) fn durations_by_cause(
        &mut self,
        name: &str,
        help: &str,
        filled: BTreeMap<&'static str, Durations>,
    ) {
        self.0.register(name, help, FilledByCause(filled));
    }
}

#[derive(Debug)]
struct Filled(Durations);

impl EncodeMetric for Filled {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let buckets: Vec<_> = self
            .0
            .classes()
            .map(|(bound, count)| (bound.map_or(f64::INFINITY, |it| it.as_secs_f64()), count))
            .collect();
        let (sum, count) = (self.0.sum().as_secs_f64(), self.0.count());
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[derive(Debug)]
struct FilledByCause(BTreeMap<&'static str, Durations>);

impl EncodeMetric for FilledByCause {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        for (cause, durations) in &self.0 {
            let labels = [("cause", *cause)];
            Filled(durations.clone()).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
