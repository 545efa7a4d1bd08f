//! What the loop tells of itself.

use std::collections::BTreeMap;

use rand::RngExt;

use super::Cycle;
use crate::{
    Instant,
    connector::pin::Pin,
    messages::connection::{Active, Counts, PinStatus},
    model::{
        mailserver::{Identity, Mailserver},
        node::{Mode, NodeState, Profile},
        record::Record,
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
        &self.node
    }

    /// Who is avoided, and for how many milliseconds yet.
    #[must_use]
    pub fn cooling_ms(&self, now: Instant) -> BTreeMap<Identity, u64> {
        self.memory.remaining_ms(now)
    }

    /// What is remembered of each candidate.
    #[must_use]
    pub fn records(&self) -> BTreeMap<Identity, Record> {
        let known = self.candidates.keys();
        let record = |it: &Identity| Some((it.clone(), self.memory.record(it)?.clone()));
        known.filter_map(record).collect()
    }

    /// Counters since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How the node is driven, once that is known.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.profile().map(|profile| profile.mode)
    }

    pub(super) fn profile(&self) -> Option<&Profile> {
        match &self.node {
            NodeState::Ready { profile } => Some(profile),
            NodeState::Unreachable { .. } | NodeState::LoggedOut => None,
        }
    }

    pub(super) fn has_lever(&self) -> bool {
        self.mode() != Some(Mode::Observe)
    }

    /// The pin, if another mailserver is connected in its place.
    pub(super) fn wanted_pin(&self) -> Option<&Pin> {
        let mailserver = self.phase.connected()?;
        let pin = self.pin.as_ref().filter(|_| self.has_lever());
        pin.filter(|pin| pin.mailserver().identity != mailserver.identity)
    }

    /// The pin, if this is it.
    pub(super) fn pin_of(&mut self, identity: &Identity) -> Option<&mut Pin> {
        let pin = self.pin.as_mut();
        pin.filter(|pin| pin.mailserver().identity == *identity)
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// A fraction in [0, 1).
    pub(super) fn fraction(&mut self) -> f64 {
        self.random.random()
    }
}
