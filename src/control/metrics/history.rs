//! What was missed, and what became of it.

use std::time::Duration;

use actors::{
    messages::{audit, gaps, history, journal},
    model::moment::Moment,
};

use super::registry::Metrics;
use crate::control::{
    snapshot::Snapshot,
    standing::{Standing, oldest_open},
};

pub(super) fn register(metrics: &mut Metrics, snapshot: &Snapshot) {
    if let Some(status) = &snapshot.history {
        requests(metrics, status);
    }
    if let Some(report) = &snapshot.journal {
        windows(metrics, report, snapshot.at);
        counts(metrics, report.counts);
    }
    if let Some(status) = snapshot.audit {
        audits(metrics, status);
        sweeps(metrics, status);
    }
    if let Some(status) = snapshot.gaps {
        gaps(metrics, status);
    }
}

fn requests(metrics: &mut Metrics, status: &history::Status) {
    let (completed, failed) = (status.completed, status.failed);
    let waiting = status.communities.len();
    metrics.level(
        "history_owed",
        "Whether history was not fetched yet",
        status.owed.into(),
    );
    metrics.count(
        "history_completed",
        "History requests that were answered",
        completed,
    );
    metrics.count("history_failed", "History requests that failed", failed);
    metrics.level(
        "communities_waiting",
        "Community requests that wait",
        waiting,
    );
}

fn windows(metrics: &mut Metrics, report: &journal::Report, now: Moment) {
    let standing = Standing::new(report, now);
    metrics.level(
        "windows_open",
        "Periods in which messages may have been missed and that were not fetched yet",
        standing.open,
    );
    metrics.level(
        "windows_being_checked",
        "Periods that were fetched and of which others have still to say whether they hold more",
        standing.being_checked,
    );
    let age = oldest_open(report).map_or(Duration::ZERO, |it| now.since(it.from));
    metrics.seconds(
        "oldest_open_window_seconds",
        "Since the begin of the oldest period that was not fetched yet; 0 if there is none",
        age.as_secs_f64(),
    );
}

fn counts(metrics: &mut Metrics, counts: journal::Counts) {
    metrics.count("windows_opened", "Windows that were opened", counts.opened);
    metrics.count(
        "windows_covered",
        "Windows that were covered",
        counts.covered,
    );
    metrics.count(
        "windows_given_up",
        "Windows that cannot be covered",
        counts.given_up,
    );
    metrics.count(
        "history_rewound",
        "History requests in which the node was made to go back",
        counts.rewound,
    );
    metrics.count(
        "history_needless",
        "History requests that were answered although no window was open",
        counts.needless,
    );
    metrics.count(
        "messages_found_missing",
        "Messages that others held and that were fetched after all",
        counts.found_missing,
    );
}

fn audits(metrics: &mut Metrics, status: audit::Status) {
    metrics.count(
        "audits",
        "Windows that were compared with what others hold",
        status.audits,
    );
    metrics.count(
        "audits_short",
        "Comparisons that found something missing",
        status.short,
    );
    metrics.count(
        "audit_queries",
        "Queries for hashes, each page one",
        status.queries,
    );
    metrics.count(
        "audit_bytes",
        "Payload bytes of these queries, both directions",
        status.bytes,
    );
}

fn sweeps(metrics: &mut Metrics, status: audit::Status) {
    metrics.count(
        "sweeps",
        "Looks whether anything was missed although all seemed well",
        status.sweeps,
    );
    metrics.count(
        "sweep_fetches",
        "Sweeps that had the node fetch",
        status.fetches,
    );
    metrics.count(
        "sweep_messages",
        "Messages that came with these",
        status.brought,
    );
    metrics.level(
        "node_deaf",
        "Whether the node hears nothing while mailservers hold messages for it",
        status.deaf_since.is_some().into(),
    );
}

fn gaps(metrics: &mut Metrics, status: gaps::Status) {
    metrics.level(
        "gaps_waiting",
        "Gaps in chats that wait to be filled",
        status.waiting,
    );
    metrics.count(
        "gaps_filled",
        "Gaps that the node was made to fill",
        status.filled,
    );
    metrics.count("gaps_failed", "Gaps that were given up", status.failed);
}
