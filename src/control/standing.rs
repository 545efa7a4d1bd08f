//! How far history is complete, in a few words: for the status page and for graphs.

use std::collections::BTreeSet;

use actors::{
    messages::journal::{Counts, Report},
    model::{
        moment::Moment,
        window::{Reason, Window},
    },
};
use serde::Serialize;

/// The report of the journal without its windows.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Standing<'a> {
    /// The moments below are told by this clock.
    now_ms: Moment,
    since_ms: Option<Moment>,
    covered_until_ms: Option<Moment>,
    /// Windows that have still to be fetched.
    pub(super) open: usize,
    /// Windows that were fetched: others have still to say whether they hold more.
    pub(super) being_checked: usize,
    /// Of those that have still to be fetched; if there is none, of those that are being checked.
    oldest: Option<Oldest<'a>>,
    requesting: bool,
    next_try_ms: Option<u64>,
    counts: Counts,
}

#[derive(Debug, PartialEq, Serialize)]
struct Oldest<'a> {
    from_ms: Moment,
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
