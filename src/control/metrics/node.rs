//! What goes to and comes from the node.

use std::collections::BTreeMap;

use actors::messages::node::CallOutcomes;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

use super::registry::Metrics;
use crate::control::snapshot::Snapshot;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    method: String,
    outcome: &'static str,
}

pub(super) fn register(metrics: &mut Metrics, snapshot: &Snapshot) {
    let Some(traffic) = &snapshot.traffic else {
        return;
    };
    metrics.count("rpc_calls", "Calls sent to the node", traffic.rpc_calls);
    metrics.count(
        "rpc_failures",
        "Calls to the node that failed",
        traffic.rpc_failures,
    );
    outcomes(metrics, &traffic.rpc);
    metrics.count("signals", "Signals received", traffic.signals);
    metrics.count(
        "signals_skipped",
        "Signals that nobody here needs",
        traffic.signals_skipped,
    );
    metrics.count(
        "signals_malformed",
        "Frames that could not be read",
        traffic.signals_malformed,
    );
    metrics.level(
        "signals_open",
        "Whether signals arrive",
        traffic.signals_open.into(),
    );
}

/// All outcomes of each method, so that a rate begins with the first call that fails.
fn outcomes(metrics: &mut Metrics, methods: &BTreeMap<String, CallOutcomes>) {
    let family = Family::<OutcomeLabels, Counter>::default();
    for (method, counts) in methods {
        for (outcome, count) in [
            ("ok", counts.ok),
            ("error", counts.error),
            ("timeout", counts.timeout),
            ("unreachable", counts.unreachable),
        ] {
            let method = method.clone();
            let labels = OutcomeLabels { method, outcome };
            family.get_or_create(&labels).inc_by(count);
        }
    }
    metrics.0.register(
        "rpc_outcomes",
        "Calls to the node that ended, by method or endpoint and by what became of them",
        family,
    );
}
