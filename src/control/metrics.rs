//! `/metrics`: the snapshot as OpenMetrics text, for Prometheus.
//!
//! The numbers live in the actors: a registry is filled anew for each scrape. A part that did not
//! answer has no lines, so that a graph shows a hole and not a zero.

mod histogram;
mod history;
mod node;
mod queues;
mod registry;

use std::collections::BTreeMap;

use actors::{
    messages::{connection::Counts, peers::PeerState},
    model::{record::Cause, verdict::Verdict},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
};

use super::snapshot::Snapshot;
use registry::Metrics;

/// What a scraper is told that it gets.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ActorLabel {
    actor: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

/// The text of one scrape.
pub(super) fn render(snapshot: &Snapshot, uptime_seconds: f64) -> Result<String, std::fmt::Error> {
    let mut metrics = Metrics::new();
    metrics.0.register(
        "build",
        "The version that runs",
        Info::new([("version", env!("CARGO_PKG_VERSION"))]),
    );
    metrics.seconds(
        "uptime_seconds",
        "Since the control API came up",
        uptime_seconds,
    );
    connector(&mut metrics, snapshot);
    memory(&mut metrics, snapshot);
    mailservers(&mut metrics, snapshot);
    round_trips(&mut metrics, snapshot);
    online(&mut metrics, snapshot);
    watch(&mut metrics, snapshot);
    history::register(&mut metrics, snapshot);
    node::register(&mut metrics, snapshot);
    queues::register(&mut metrics, snapshot);
    actors(&mut metrics, snapshot);
    let mut text = String::new();
    encode(&mut text, &metrics.0)?;
    Ok(text)
}

fn connector(metrics: &mut Metrics, snapshot: &Snapshot) {
    let Some(status) = &snapshot.connector else {
        return;
    };
    let connected = status
        .active
        .as_ref()
        .is_some_and(|active| active.state == "connected");
    metrics.level(
        "node_ready",
        "Whether the node can be driven",
        snapshot.profile().is_some().into(),
    );
    metrics.level(
        "active",
        "Whether a mailserver is active and connected",
        connected.into(),
    );
    let reached = status.reach.as_ref().map(|it| it.mailserver.is_some());
    metrics.level(
        "reach",
        "Whether a mailserver is within reach of a node that picks one for each query",
        reached.unwrap_or_default().into(),
    );
    metrics.level(
        "standby",
        "Whether the next mailserver is known in advance",
        status.standby.is_some().into(),
    );
    let falling_back = status
        .pin
        .as_ref()
        .is_some_and(|pin| pin.fallback_reason.is_some());
    metrics.level(
        "pin_unused",
        "Whether there is a pin that is not used",
        falling_back.into(),
    );
    metrics.level(
        "cooling",
        "Mailservers that failed lately",
        status.cooling_ms.len(),
    );
    counts(metrics, status.counts);
    let failovers = status.failovers.iter();
    let failovers = failovers.map(|(cause, it)| (word(*cause), it.clone()));
    metrics.durations_by_cause(
        "failover_seconds",
        "From the loss of the active mailserver to the next connection, by what it was lost for",
        failovers.collect(),
    );
}

fn counts(metrics: &mut Metrics, counts: Counts) {
    let failed = counts.failed_connections;
    metrics.count("ticks", "Ticks of the loop", counts.ticks);
    metrics.count("selections", "Selections begun", counts.selections);
    metrics.count("connections", "Connections made", counts.connections);
    metrics.count("failed_connections", "Connect calls that failed", failed);
    metrics.count("losses", "Active mailservers that were lost", counts.losses);
}

fn mailservers(metrics: &mut Metrics, snapshot: &Snapshot) {
    if let Some(registry) = &snapshot.registry {
        metrics.level(
            "candidates",
            "Mailservers that may be chosen",
            registry.candidates.len(),
        );
    }
    if let Some(table) = &snapshot.peers {
        let connected = table
            .states
            .values()
            .filter(|state| **state == PeerState::Connected);
        metrics.level(
            "mailservers_connected",
            "Mailservers that the node lists as peers",
            connected.count(),
        );
        metrics.level("peers", "All peers of the node", table.peers);
        if let Some(online) = table.online {
            metrics.level(
                "node_online",
                "Whether the node says that it is online",
                online.into(),
            );
        }
    }
}

/// Summed over the candidates: a label for each would be as many series as there are mailservers. They are gauges,
/// because candidates come and go.
fn memory(metrics: &mut Metrics, snapshot: &Snapshot) {
    let Some(status) = &snapshot.connector else {
        return;
    };
    let successes: u64 = status.memory.values().map(|it| it.successes).sum();
    metrics.level(
        "remembered_successes",
        "History requests that the candidates answered, since the first day",
        usize::try_from(successes).unwrap_or(usize::MAX),
    );
    let mut sums = BTreeMap::<Cause, u64>::new();
    for (&cause, times) in status.memory.values().flat_map(|it| &it.failures) {
        *sums.entry(cause).or_default() += times;
    }
    let failures = Family::<CauseLabel, Gauge>::default();
    for (cause, times) in sums {
        let cause = word(cause);
        let times = i64::try_from(times).unwrap_or(i64::MAX);
        failures.get_or_create(&CauseLabel { cause }).set(times);
    }
    metrics.0.register(
        "remembered_failures",
        "Failures of the candidates, since the first day",
        failures,
    );
}

/// As in the status report.
fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::Dial => "dial",
        Cause::Lost => "lost",
        Cause::Probe => "probe",
        Cause::Request => "request",
        Cause::ShortHistory => "short_history",
        Cause::WrongId => "wrong_id",
        Cause::RateLimited => "rate_limited",
    }
}

fn round_trips(metrics: &mut Metrics, snapshot: &Snapshot) {
    if let Some(round_trips) = &snapshot.round_trips {
        metrics.durations(
            "round_trip_seconds",
            "How fast mailservers answered the probes of selections and of the watch",
            round_trips.answered.clone(),
        );
    }
}

fn online(metrics: &mut Metrics, snapshot: &Snapshot) {
    let Some(online) = &snapshot.online else {
        return;
    };
    let is = |verdict: Verdict| usize::from(online.verdict == verdict.into());
    metrics.level(
        "online",
        "Whether the verdict is online",
        is(Verdict::Online),
    );
    metrics.level(
        "offline",
        "Whether the verdict is offline: neither online, nor in doubt",
        is(Verdict::Offline),
    );
}

fn watch(metrics: &mut Metrics, snapshot: &Snapshot) {
    let Some(watched) = &snapshot.watch else {
        return;
    };
    metrics.count("watch_probes", "Probes of the watch", watched.probes);
    metrics.count(
        "watch_misses",
        "Probes of the watch that were not answered in time",
        watched.misses,
    );
    metrics.level(
        "watch_bytes_per_minute",
        "Payload bytes of the watch in the last minute",
        usize::try_from(watched.bytes_per_minute).unwrap_or(usize::MAX),
    );
}

fn actors(metrics: &mut Metrics, snapshot: &Snapshot) {
    let Some(health) = &snapshot.health else {
        return;
    };
    let running = Family::<ActorLabel, Gauge>::default();
    let restarts = Family::<ActorLabel, Counter>::default();
    for (&actor, health) in health {
        running
            .get_or_create(&ActorLabel { actor })
            .set(health.running.into());
        restarts
            .get_or_create(&ActorLabel { actor })
            .inc_by(health.restarts);
    }
    metrics
        .0
        .register("actor_running", "Whether the actor runs now", running);
    metrics
        .0
        .register("actor_restarts", "Restarts of the actor", restarts);
}
