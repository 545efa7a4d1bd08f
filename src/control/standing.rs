//! How far history is complete, in a few words: for the status page and for graphs.

use std::collections::BTreeSet;

use actors::{
    messages::journal::{Counts, Report},
    model::{
        moment::Moment,
        window::{Reason, Window},
    },
};
use schemars::JsonSchema;
use serde::Serialize;

/// How far history is complete, in a few words.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "JournalStanding")]
pub(super) struct Standing<'a> {
    /// The moments below are told by this clock.
    now_ms: Moment,
    /// Nothing is said of the time before.
    since_ms: Option<Moment>,
    /// No window that begins before is open; null before the first request was completed.
    covered_until_ms: Option<Moment>,
    /// Windows that have still to be fetched.
    pub(super) open: usize,
    /// Windows that were fetched: others have still to say whether they hold more.
    pub(super) being_checked: usize,
    /// Of those that have still to be fetched; if there is none, of those that are being checked.
    oldest: Option<Oldest<'a>>,
    /// A request is under way.
    requesting: bool,
    /// How long it is to the next request for an open window; null if none is due, or nobody can be asked.
    next_try_ms: Option<u64>,
    /// Counters since the start of the process.
    counts: Counts,
}

/// The window that has waited longest.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "OldestWindow")]
struct Oldest<'a> {
    /// Its begin.
    from_ms: Moment,
    /// Why messages may have been missed in it.
    reasons: &'a BTreeSet<Reason>,
}

impl<'a> Standing<'a> {
    pub(super) fn new(report: &'a Report, now: Moment) -> Self {
        let oldest = oldest_open(report).or_else(|| report.open.iter().min_by_key(|it| it.from));
        let open = open(report).count();
        Self {
            now_ms: now,
            since_ms: report.since,
            covered_until_ms: report.covered_until,
            open,
            being_checked: report.open.len() - open,
            oldest: oldest.map(|it| Oldest {
                from_ms: it.from,
                reasons: &it.reasons,
            }),
            requesting: report.requesting,
            next_try_ms: report.next_try_ms,
            counts: report.counts,
        }
    }
}

/// The window that has waited longest to be fetched.
pub(super) fn oldest_open(report: &Report) -> Option<&Window> {
    open(report).min_by_key(|it| it.from)
}

fn open(report: &Report) -> impl Iterator<Item = &Window> {
    report.open.iter().filter(|it| it.state.is_open())
}
