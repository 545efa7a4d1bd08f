//! Failovers by cause, with how long they took.

use std::{collections::BTreeMap, fmt};

use actors::model::durations::Durations;
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::registry::Metrics;

/// Histograms that were filled elsewhere: those of the library can only be filled here.
#[derive(Debug)]
struct Filled(BTreeMap<&'static str, Durations>);

/// `failovers` by the word for the cause.
pub(super) fn register(metrics: &mut Metrics, failovers: BTreeMap<&'static str, Durations>) {
    metrics.0.register(
        "failover_seconds",
        "From the loss of the active mailserver to the next connection, by what it was lost for",
        Filled(failovers),
    );
}

impl EncodeMetric for Filled {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        for (cause, durations) in &self.0 {
            let buckets: Vec<_> = durations
                .classes()
                .map(|(bound, count)| (bound.map_or(f64::INFINITY, |it| it.as_secs_f64()), count))
                .collect();
            let labels = [("cause", *cause)];
            let (sum, count) = (durations.sum().as_secs_f64(), durations.count());
            encoder
                .encode_family(&labels)?
                .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
