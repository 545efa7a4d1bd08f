//! What each input sets off.

use std::time::Duration;

use super::{Command, Cycle};
use crate::{
    Instant,
    connector::{
        phase::{Inquiry, Phase},
        pin::{Pin, Trial},
        search::Search,
    },
    messages::{
        candidates::CandidatesChanged,
        node::NodeSwitched,
        peers::PeerState,
        selection::{Decision, Surveyed},
    },
    model::{
        candidate::Purpose,
        mailserver::{Identity, Mailserver},
        node::{Blame, Connection, NodeError, NodeState},
        record::Cause,
        verdict::Verdict,
    },
};

/// The longest pause between two questions for the peers while `Connecting`: a summary is never sent for a
/// peer that was connected already, or without discovery (recorded on waku1, v0.94).
const REFRESH: Duration = Duration::from_secs(1);

impl Cycle {
    /// The heartbeat.
    pub fn handle_tick(&mut self, now: Instant) {
        self.counts.ticks += 1;
        self.attempts.allow_all();
        self.watch.tick();
        if self.node.choice.settle() {
            self.lead_back(now);
        }
        self.step(now);
    }

    /// A limit that [`Self::poll_timeout`] named has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let limit = self.config.connect_timeout;
        if self.probation.begins(now) && self.phase.in_use().is_some() {
            self.look_beside(false, now);
        }
        if self.waits_for_tick(now) {
            return;
        }
        match &mut self.phase {
            Phase::Connecting { since, .. } if now >= *since + limit => {
                self.fail_connection("not connected in time", Blame::Mailserver, now);
            }
            Phase::Connecting {
                since, refresh_at, ..
            } => {
                if now >= *refresh_at {
                    // Ever more rarely: a node lists a peer within milliseconds, or after a while.
                    let pause = now.saturating_duration_since(*since);
                    *refresh_at = (now + pause.min(REFRESH)).min(*since + limit);
                    self.commands.push_back(Command::Refresh);
                }
            }
            Phase::Waiting { until, .. } if now >= *until => self.dial(now),
            Phase::Waiting { .. } => {}
            // A loss is for the tick.
            Phase::Connected { mailserver, .. }
                if !self.config.reactive && !self.node.lists(&mailserver.identity) => {}
            _ => self.step(now),
        }
    }

    /// The node came, went, or told something new about itself.
    pub fn handle_node(&mut self, node: NodeState, now: Instant) {
        let was_ready = self.node.profile().is_some();
        self.node.state = node;
        match self.node.profile() {
            None => self.suspend("the node is away"),
            Some(profile) if !profile.use_mailservers => {
                self.deactivate("mailservers are switched off in the node");
            }
            Some(_) => {
                self.attempts.forget();
                self.search = Search::Over;
                if !was_ready {
                    self.resume(now);
                }
                self.step(now);
            }
        }
    }

    /// The list of candidates or the pin changed.
    pub fn handle_candidates(&mut self, changed: CandidatesChanged, now: Instant) {
        self.node.replace_candidates(changed.candidates);
        let known = &self.node.candidates;
        self.memory.retain(|it| known.contains_key(it));
        self.standby.retain(known, now);
        let pinned = changed.pinned.and_then(|it| known.get(&it));
        let kept = self.pin.take();
        self.pin = pinned.map(|pinned| match kept {
            Some(pin) if pin.mailserver() == pinned => pin,
            _ => Pin::new(
                pinned.clone(),
                self.config.pin_policy,
                self.config.pin_patience,
            ),
        });
        let gone = |it: &Mailserver| self.node.candidate(&it.identity).is_none();
        let mut concerned = self.phase.in_use().into_iter().chain(self.active());
        if concerned.any(gone) {
            self.deactivate("no candidate any more");
        }
        self.step(now);
    }

    /// The node lists a mailserver, or does not any more. `alone`: it lists no peer at all.
    pub fn handle_peer(
        &mut self,
        identity: &Identity,
        state: PeerState,
        alone: bool,
        now: Instant,
    ) {
        self.node.alone = alone;
        match state {
            PeerState::Connected => {
                self.node.listed.insert(identity.clone());
                self.peer_came(identity, now);
            }
            PeerState::Disconnected => {
                self.node.listed.remove(identity);
                let active = self.phase.connected();
                let lost = active.is_some_and(|it| it.identity == *identity);
                if lost && self.config.reactive {
                    self.attempts.allow_all();
                    self.step(now);
                } else {
                    self.confirm_loss(identity, now);
                }
            }
        }
        self.standby.listing_changed(|it| self.node.lists(it), now);
    }

    /// The node lists no peer at all, or some.
    pub fn handle_alone(&mut self, alone: bool) {
        self.node.alone = alone;
    }

    /// The answer to [`Command::Select`].
    pub fn handle_decision(&mut self, decision: &Decision, now: Instant) {
        let round = decision.round;
        let held = matches!(self.phase, Phase::Held(..));
        let awaited = self.phase.awaits(round) && !held;
        if decision.chosen.is_some() && (awaited || self.probation.is_round(round)) {
            self.outage.answered();
        }
        if decision.chosen.is_some() {
            self.come_back(self.outage.offline_since());
        }
        match decision.purpose {
            Purpose::Reach => {}
            Purpose::Standby => self.draw_standby(decision, now),
            Purpose::Active if self.world_return.is_respread_by(round) => {
                self.move_on(decision, now);
            }
            Purpose::Active if !self.phase.awaits(round) => self.weigh(decision, now),
            Purpose::Active => match std::mem::replace(&mut self.phase, Phase::Idle) {
                Phase::Held(held, Inquiry::Asked(_)) => self.judge(held, decision, now),
                _ => self.take(decision, now),
            },
        }
    }

    /// The whole outcome of a ping round, which a decision may have overtaken.
    pub fn handle_surveyed(&mut self, surveyed: &Surveyed, now: Instant) {
        self.remember(surveyed, now);
        self.count_the_returned(surveyed, now);
        self.judge_late(surveyed, now);
        self.settle_probation(surveyed, now);
    }

    /// The verdict on our own network changed.
    pub fn handle_verdict(&mut self, verdict: Verdict, now: Instant) {
        let offline_since = self.outage.offline_since();
        self.outage.judged(verdict, now);
        match verdict {
            Verdict::Suspect => {}
            Verdict::Offline => {
                self.memory.acquit();
                self.withdraw_plans(now);
            }
            Verdict::Asleep => self.memory.acquit(),
            Verdict::Online if self.outage.has_missed() => self.return_online(offline_since, now),
            Verdict::Online if matches!(self.phase, Phase::Held(_, Inquiry::Unanswered)) => {
                self.step(now);
            }
            Verdict::Online => {}
        }
    }

    /// A watched mailserver gave no sign of life.
    pub fn handle_silence(
        &mut self,
        identity: &Identity,
        cause: Cause,
        reason: &str,
        now: Instant,
    ) {
        if self.standby.is(identity) {
            self.standby.forget(now);
            return self.prepare_standby(now);
        }
        let strict = self.pin_of(identity).is_some_and(|pin| pin.is_strict());
        let active = self.phase.connected();
        if active.is_some_and(|it| it.identity == *identity) && !strict {
            self.attempts.allow_all();
            self.hold(cause, reason, now);
        } else {
            // It is still in use: the watch goes on, though not at once.
            self.watch.stopped();
        }
    }

    /// A watched mailserver answered.
    pub fn handle_measured(&mut self, identity: &Identity, rtt: Duration, now: Instant) {
        self.memory.measured(identity, rtt);
        self.proved(identity, now);
    }

    /// A history request began, or none is under way any more.
    pub fn handle_requesting(&mut self, under_way: bool) {
        self.requesting = under_way;
    }

    /// The answer to [`Command::Connect`] or [`Command::Introduce`].
    pub fn handle_answer(
        &mut self,
        number: u64,
        answer: Result<Connection, NodeError>,
        now: Instant,
    ) {
        if self.standby.is_introduced_by(number) {
            self.standby_introduced(&answer, now);
        } else if self.trial.ends_by(Trial::Calling(number)) {
            self.trial_answered(&answer, now);
        } else if self.phase.is_attempt(number) {
            self.attempt_answered(answer, now);
        }
    }

    /// The active mailserver does not answer history requests.
    pub fn handle_failing(&mut self, identity: &Identity, reason: &str, now: Instant) {
        let active = self.phase.connected();
        let in_use = active.is_some_and(|it| it.identity == *identity);
        // While we are offline nobody can answer.
        if !in_use || !self.node.has_lever() || self.outage.is_offline() {
            return;
        }
        match self.pin_of(identity) {
            // There is nobody to go to: the requests are repeated until it answers.
            Some(pin) if pin.is_strict() => return,
            Some(pin) => pin.refused(now),
            None => {}
        }
        self.attempts.allow_all();
        self.lose(Cause::of_request(reason), reason, now);
        self.step(now);
    }

    /// A mailserver answered a history request.
    pub fn handle_served(&mut self, identity: &Identity, now: Instant) {
        self.memory.served(identity);
        self.proved(identity, now);
        if let Some(pin) = self.pin_of(identity) {
            pin.served();
        }
    }

    /// The node says which mailserver it uses (nodes with a cycle of their own).
    pub fn handle_switched(&mut self, switched: &NodeSwitched, now: Instant) {
        let named = |it: &&Mailserver| {
            Some(&it.identity) == switched.identity.as_ref() || Some(&it.id) == switched.id.as_ref()
        };
        let Some(mailserver) = self.node.candidates.values().find(named).cloned() else {
            return;
        };
        self.follow(mailserver, now);
        self.step(now);
    }

    /// After a panic: everything that was under way is forgotten, what the others told is kept.
    pub fn reset(&mut self) {
        self.deactivate("the connector was restarted");
        self.attempts.allow_all();
        self.memory.reset();
    }
}
