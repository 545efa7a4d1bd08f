//! Who is next, and whether it is better than the active one.

use super::{Command, Cycle};
use crate::{
    Instant,
    connector::{
        phase::Announced,
        pin::{Pin, Trial},
        standby::Readiness,
    },
    messages::{
        peers::PeerState,
        selection::{Decision, Surveyed},
    },
    model::{
        candidate::{Candidate, Purpose, Tier},
        mailserver::{Identity, Mailserver},
        node::{Connection, NodeError},
        probe::ProbeFailure,
        record::Cause,
    },
};

impl Cycle {
    /// Has the standby drawn, if it is time for that.
    pub(super) fn prepare_standby(&mut self, now: Instant) {
        let wanted = self.config.standby != Readiness::Off || self.config.improve;
        let due = self.standby.due().is_some_and(|due| due <= now);
        let Some(active) = self.phase.connected().map(|it| it.identity.clone()) else {
            return;
        };
        let strict = self.pin_of(&active).is_some_and(|pin| pin.is_strict());
        let listed = self.node.lists(&active);
        if !wanted || !due || strict || !listed || !self.node.has_lever() {
            return;
        }
        let candidates = self.candidates_beside(&active, now);
        if candidates.is_empty() {
            return self.standby.draw_later(now);
        }
        let round = self.draw(candidates);
        self.standby.draw(round, now);
    }

    /// Whoever may be next; with them the active one, where they are compared with it.
    fn candidates_beside(&self, active: &Identity, now: Instant) -> Vec<Candidate> {
        let pinned = self.pin.as_ref().map(|pin| &pin.mailserver().identity);
        let others = (self.node.candidates.values())
            .filter(|it| Some(&it.identity) != pinned || it.identity == *active)
            .filter(|it| self.config.improve || it.identity != *active);
        let candidates = others.map(|it| {
            let candidate = self.candidate(it, now);
            match it.identity == *active {
                // It is measured with them, but not drawn.
                true => Candidate {
                    tier: Tier::Cooling,
                    ..candidate
                },
                false => candidate,
            }
        });
        candidates.collect()
    }

    /// The decision of a round that was for later.
    pub(super) fn draw_standby(&mut self, decision: &Decision, now: Instant) {
        if self.trial.ends_by(Trial::Probing(decision.round)) {
            if decision.identity.is_some() {
                self.return_to_pin(now);
            }
            return;
        }
        if let Some(reason) = self.preferred.ends_by(decision.round) {
            return self.prefer(decision, reason, now);
        }
        let Some(active) = self.phase.connected().map(|it| it.identity.clone()) else {
            return;
        };
        if !self.standby.is_drawn_by(decision.round) {
            return;
        }
        let drawn = decision.identity.as_ref().filter(|it| **it != active);
        let drawn = drawn.and_then(|it| self.node.candidate(it)).cloned();
        tracing::debug!(
            standby = drawn.as_ref().map(|it| it.id.as_str()),
            considered = decision.considered.len(),
            pool = decision.pool,
            "standby drawn"
        );
        let kept = self.config.standby != Readiness::Off;
        self.standby
            .found(drawn.as_ref(), kept, self.config.improve, now);
        if kept {
            self.keep_connected();
        }
        if let Some(drawn) = drawn.filter(|_| self.config.improve) {
            self.improve(drawn, now);
        }
    }

    /// A hot standby is kept connected by the node.
    fn keep_connected(&mut self) {
        let hot = self.config.standby == Readiness::Hot;
        let standby = self.standby().filter(|_| hot).cloned();
        let unlisted = standby.filter(|it| !self.node.lists(&it.identity));
        if let Some(standby) = unlisted {
            let number = self.next_number();
            self.standby.introduce(number);
            self.commands.push_back(Command::Introduce(number, standby));
        }
    }

    /// The answer of the node that is to keep the standby connected.
    pub(super) fn standby_introduced(
        &mut self,
        answer: &Result<Connection, NodeError>,
        now: Instant,
    ) {
        let Some(standby) = self.standby() else {
            return;
        };
        match answer {
            Ok(Connection::Connected) => {
                let identity = standby.identity.clone();
                self.node.listed.insert(identity.clone());
                let mark = Command::Mark(identity, PeerState::Connected);
                self.commands.push_back(mark);
            }
            Ok(Connection::Pending) => {}
            Err(_) => self.standby.is_unreachable(now),
        }
    }

    /// What a round says of everybody.
    pub(super) fn remember(&mut self, surveyed: &Surveyed, now: Instant) {
        let anybody = surveyed.replies.iter().any(|it| it.outcome.is_ok());
        let peers = self.outage.is_online() && !self.node.listed.is_empty();
        self.evidence.round_ended(anybody, peers);
        for reply in &surveyed.replies {
            match &reply.outcome {
                Ok(rtt) => self.memory.measured(&reply.identity, *rtt),
                Err(ProbeFailure::WrongPeer(_)) => {
                    let fraction = self.fraction();
                    let identity = reply.identity.clone();
                    self.memory.fail(identity, Cause::WrongId, now, fraction);
                }
                Err(_) => {}
            }
        }
        if let Some(active) = self.phase.connected()
            && surveyed.purpose == Purpose::Standby
            && self.config.improve
        {
            self.comparison.add(&active.identity, &surveyed.replies);
        }
    }

    /// Leaves the active mailserver for one that was drawn and has been much faster for a while.
    fn improve(&mut self, drawn: Mailserver, now: Instant) {
        let active = self.phase.connected().cloned();
        let pinned = self.pin.as_ref().map(Pin::mailserver) == active.as_ref();
        if self.comparison.favours(&drawn.identity) && !pinned && !self.requesting {
            let announced = Announced::OnceConnected { stays: active };
            self.connect(drawn, announced, "much faster", now);
        }
    }
}
