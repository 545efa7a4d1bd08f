//! What the loop tells of itself.

use std::collections::BTreeMap;

use super::Cycle;
use crate::{
    Instant,
    connector::standby::Readiness,
    messages::connection::{Active, Counts, PinStatus},
    model::{
        durations::Durations,
        mailserver::{Identity, Mailserver},
        node::{Mode, NodeState},
        record::{Cause, Record},
    },
};

impl Cycle {
    /// The active mailserver, connected or still connecting.
    #[must_use]
    pub fn active(&self) -> Option<&Mailserver> {
        self.phase.active()
    }

    /// The active mailserver with its state, for the status page.
    #[must_use]
    pub fn active_status(&self, now: Instant) -> Option<Active> {
        self.phase.status(now)
    }

    /// The pin, for the status page.
    #[must_use]
    pub fn pin_status(&self, now: Instant) -> Option<PinStatus> {
        let pin = self.pin.as_ref()?;
        Some(PinStatus {
            mailserver: pin.mailserver().clone(),
            fallback_reason: pin.reason(now),
        })
    }

    /// The node as last reported.
    #[must_use]
    pub fn node(&self) -> &NodeState {
        &self.node.state
    }

    /// Who is avoided, and for how many milliseconds yet.
    #[must_use]
    pub fn cooling_ms(&self, now: Instant) -> BTreeMap<Identity, u64> {
        self.memory.remaining_ms(now)
    }

    /// What is remembered of each candidate.
    #[must_use]
    pub fn records(&self) -> BTreeMap<Identity, Record> {
        let known = self.node.candidates.keys();
        let record = |it: &Identity| Some((it.clone(), self.memory.record(it)?.clone()));
        known.filter_map(record).collect()
    }

    /// Counters since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How long it took from one mailserver to the next, by what the one was lost for, since the start.
    #[must_use]
    pub fn failovers(&self) -> &BTreeMap<Cause, Durations> {
        self.failovers.over()
    }

    /// How the node is driven, once that is known.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.node.mode()
    }

    /// The mailserver that is used next, if one was drawn.
    #[must_use]
    pub fn standby(&self) -> Option<&Mailserver> {
        self.standby.mailserver()
    }

    /// The mailserver that the node is to be kept connected to beside this one.
    #[must_use]
    pub fn kept_connected(&self, used: &Mailserver) -> Option<&Mailserver> {
        let hot = self.config.standby == Readiness::Hot;
        let standby = self.standby().filter(|_| hot);
        standby.filter(|it| it.identity != used.identity)
    }

    /// One line for a step from one state to another: what set it off, and what it was decided upon.
    pub(crate) fn log_transition(&self, input: &'static str, from: &'static str) {
        tracing::debug!(
            input,
            from,
            to = self.phase(),
            mailserver = self.phase.concerns().map(|it| it.id.as_str()),
            standby = self.standby().map(|it| it.id.as_str()),
            reach = ?self.outage.reach(),
            alone = self.node.alone,
            listed = self.node.listed.len(),
            candidates = self.node.candidates.len(),
            "loop"
        );
    }
}
