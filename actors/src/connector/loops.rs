//! Which of the two loops serves the node, by its generation: the [`Cycle`] around an active mailserver, or the
//! [`Observation`] of a node that picks one for each query.
//!
//! What is true of the world (candidates, peers, our own network) both are told, so that either can begin at any moment;
//! what answers an order goes to the one that gave it. A node that the other one serves is away to a loop.

use std::time::Duration;

use crate::{
    Instant,
    connector::{
        command::Command,
        cycle::{Config, Cycle},
        memory::Memory,
        observation::Observation,
    },
    messages::{
        candidates::CandidatesChanged,
        connection::{Counts, PinStatus, Reach},
        peers::PeerState,
        selection::{Decision, Surveyed},
    },
    model::{
        candidate::Purpose,
        mailserver::Identity,
        node::{Connectedness, Connection, Generation, NodeError, NodeState},
        record::Cause,
        verdict::Verdict,
    },
};

/// Both loops.
#[derive(Debug)]
pub(crate) struct Loops {
    pub(crate) cycle: Cycle,
    observation: Observation,
    node: NodeState,
    /// What was logged last of what keeps history from being fetched.
    told: Option<String>,
}

impl Loops {
    pub(crate) fn new(config: Config, memory: Memory, seed: Option<u64>) -> Self {
        let observation = Observation::new(config.clone(), seed);
        let cycle = Cycle::new(config, memory, seed);
        Self {
            node: cycle.node().clone(),
            cycle,
            observation,
            told: None,
        }
    }

    /// The node as last reported.
    pub(crate) fn node(&self) -> &NodeState {
        &self.node
    }

    /// The name of the state, for the log.
    pub(crate) fn phase(&self) -> &'static str {
        match self.picks_per_query() {
            true => self.observation.stage(),
            false => self.cycle.phase(),
        }
    }

    /// Whether history can be fetched, where the node picks a mailserver for each query.
    pub(crate) fn reach(&self, now: Instant) -> Option<Reach> {
        self.observation.reach(now)
    }

    /// The pin, for the status page.
    pub(crate) fn pin_status(&self, now: Instant) -> Option<PinStatus> {
        let pin = self.cycle.pin_status(now)?;
        Some(match self.picks_per_query() {
            true => PinStatus {
                fallback_reason: Some("the node picks a mailserver for each query".into()),
                ..pin
            },
            false => pin,
        })
    }

    pub(crate) fn counts(&self) -> Counts {
        self.cycle.counts() + self.observation.counts()
    }

    pub(crate) fn poll_command(&mut self) -> Option<Command> {
        let command = self.cycle.poll_command();
        command.or_else(|| self.observation.poll_command())
    }

    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let both = [
            self.cycle.poll_timeout(now),
            self.observation.poll_timeout(),
        ];
        both.into_iter().flatten().min()
    }

    /// One line for a step from one state to another.
    pub(crate) fn log_transition(&mut self, input: &'static str, from: &'static str) {
        if !self.picks_per_query() {
            return self.cycle.log_transition(input, from);
        }
        let to = self.observation.stage();
        tracing::debug!(input, from, to, "observation");
        let hindrance = self.observation.lasting_hindrance();
        match hindrance {
            Some(reason) if self.told.as_ref() != Some(&reason) => {
                tracing::warn!(reason, "history cannot be fetched");
                self.told = Some(reason);
            }
            None if to == "reached" => self.told = None,
            _ => {}
        }
    }

    fn picks_per_query(&self) -> bool {
        matches!(&self.node, NodeState::Ready { profile } if profile.generation == Generation::PerQuery)
    }
}

// === inputs ===

impl Loops {
    pub(crate) fn handle_tick(&mut self, now: Instant) {
        self.cycle.handle_tick(now);
        self.observation.handle_tick(now);
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.cycle.handle_timeout(now);
        self.observation.handle_timeout(now);
    }

    pub(crate) fn handle_node(&mut self, node: NodeState, now: Instant) {
        self.node = node;
        let observed = match &self.node {
            NodeState::Ready { profile } if self.picks_per_query() => Some(profile),
            _ => None,
        };
        self.observation.handle_node(observed, now);
        match observed {
            Some(_) => self.cycle.handle_node(
                NodeState::Unreachable {
                    reason: "it has no active mailserver".into(),
                },
                now,
            ),
            None => self.cycle.handle_node(self.node.clone(), now),
        }
    }

    pub(crate) fn handle_candidates(&mut self, changed: CandidatesChanged, now: Instant) {
        self.observation.handle_candidates(&changed, now);
        self.cycle.handle_candidates(changed, now);
    }

    pub(crate) fn handle_peer(
        &mut self,
        identity: &Identity,
        state: PeerState,
        alone: bool,
        now: Instant,
    ) {
        self.observation.handle_peer(identity, state);
        self.cycle.handle_peer(identity, state, alone, now);
    }

    pub(crate) fn handle_alone(&mut self, alone: bool, now: Instant) {
        self.observation.handle_alone(alone, now);
        self.cycle.handle_alone(alone);
    }

    pub(crate) fn handle_connectedness(&mut self, said: Connectedness, now: Instant) {
        self.observation.handle_connectedness(said, now);
    }

    pub(crate) fn handle_decision(&mut self, decision: &Decision, now: Instant) {
        match decision.purpose {
            Purpose::Reach => self.observation.handle_decision(decision, now),
            Purpose::Active | Purpose::Standby => self.cycle.handle_decision(decision, now),
        }
    }

    pub(crate) fn handle_surveyed(&mut self, surveyed: &Surveyed, now: Instant) {
        self.observation.handle_surveyed(surveyed, now);
        self.cycle.handle_surveyed(surveyed, now);
    }

    pub(crate) fn handle_verdict(&mut self, verdict: Verdict, now: Instant) {
        self.observation.handle_verdict(verdict, now);
        self.cycle.handle_verdict(verdict, now);
    }

    pub(crate) fn handle_silence(
        &mut self,
        identity: &Identity,
        cause: Cause,
        reason: &str,
        now: Instant,
    ) {
        match self.picks_per_query() {
            true => self.observation.handle_silence(identity, now),
            false => self.cycle.handle_silence(identity, cause, reason, now),
        }
    }

    pub(crate) fn handle_measured(&mut self, identity: &Identity, rtt: Duration, now: Instant) {
        self.cycle.handle_measured(identity, rtt, now);
    }

    pub(crate) fn handle_answer(
        &mut self,
        number: u64,
        answer: Result<Connection, NodeError>,
        now: Instant,
    ) {
        self.observation.handle_answer(number, &answer, now);
        self.cycle.handle_answer(number, answer, now);
    }

    pub(crate) fn reset(&mut self) {
        self.cycle.reset();
        self.observation.reset();
    }
}
