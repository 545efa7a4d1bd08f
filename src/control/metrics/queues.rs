//! What waits to be done, in one family: a queue that grows is seen whichever it is.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
};

use super::registry::Metrics;
use crate::control::{snapshot::Snapshot, standing::Standing};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct QueueLabel {
    queue: &'static str,
}

pub(super) fn register(metrics: &mut Metrics, snapshot: &Snapshot) {
    let family = Family::<QueueLabel, Gauge>::default();
    for (queue, depth) in depths(snapshot) {
        // A part that did not answer has no line.
        let Some(depth) = depth else { continue };
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        family.get_or_create(&QueueLabel { queue }).set(depth);
    }
    metrics
        .0
        .register("queue_depth", "What waits to be done, by queue", family);
}

fn depths(snapshot: &Snapshot) -> [(&'static str, Option<usize>); 6] {
    let journal = snapshot.journal.as_ref();
    let history = snapshot.history.as_ref();
    let traffic = snapshot.traffic.as_ref();
    [
        (
            "windows",
            journal.map(|it| Standing::new(it, snapshot.at).open),
        ),
        ("audits", snapshot.audit.map(|it| it.waiting)),
        ("communities", history.map(|it| it.communities.len())),
        ("gaps", snapshot.gaps.map(|it| it.waiting)),
        ("rpc", traffic.map(|it| it.rpc_under_way)),
        ("signals", traffic.map(|it| it.signals_waiting)),
    ]
}
