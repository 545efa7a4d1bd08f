//! How long it took from one mailserver to the next, by what the one was lost for.
//!
//! Counted is the time in which the node could have used another one: from the moment in which the active one could not
//! be used any more, which is known only later, to the next connection. It is none while we are offline or the node is
//! away.

use std::collections::BTreeMap;

use crate::{
    Instant,
    model::{durations::Durations, record::Cause},
};

/// What was counted, and what is being counted.
#[derive(Debug, Default)]
pub(crate) struct Failovers {
    under_way: UnderWay,
    over: BTreeMap<Cause, Durations>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum UnderWay {
    /// Nothing is to be replaced.
    #[default]
    Nothing,
    /// It is being found out whether the active one is lost, since then.
    Doubt(Instant),
    /// It is, since then.
    Loss(Cause, Instant),
}

impl Failovers {
    /// The active mailserver cannot be used, and may be lost.
    pub(crate) fn doubt(&mut self, now: Instant) {
        self.under_way = UnderWay::Doubt(now);
    }

    /// It is lost.
    pub(crate) fn lose(&mut self, cause: Cause, now: Instant) {
        let since = match self.under_way {
            UnderWay::Doubt(since) => since,
            UnderWay::Nothing | UnderWay::Loss(..) => now,
        };
        self.under_way = UnderWay::Loss(cause, since);
    }

    /// One is connected.
    pub(crate) fn connect(&mut self, now: Instant) {
        if let UnderWay::Loss(cause, since) = std::mem::take(&mut self.under_way) {
            let took = now.saturating_duration_since(since);
            self.over.entry(cause).or_default().observe(took);
        }
    }

    /// There is nothing to be replaced, or no way to.
    pub(crate) fn abandon(&mut self) {
        self.under_way = UnderWay::Nothing;
    }

    /// Those that are over.
    pub(crate) fn over(&self) -> &BTreeMap<Cause, Durations> {
        &self.over
    }
}
