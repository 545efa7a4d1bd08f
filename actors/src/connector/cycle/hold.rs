//! Is it the mailserver, or is it us?
//!
//! A mailserver that the node lists no more while it lists others is lost, and the standby is used at once. Where it
//! may be our own network that is down (the node lists nobody, or it is our own probes that go unanswered) a ping
//! round is asked first: if nobody answers, the active mailserver stays what it is, and nothing is rotated, dropped
//! or punished.

use std::collections::BTreeSet;

use super::{Command, Cycle};
use crate::{
    Instant,
    connector::{
        pauses::Pauses,
        phase::{Announced, Asked, Held, Inquiry, Phase},
        search::Search,
        watch_order::WatchOrder,
        world_return::WorldReturn,
    },
    messages::selection::{Decision, Surveyed},
    model::{
        address::Network,
        candidate::{Candidate, Standing, Tier},
        mailserver::Identity,
        probe::ProbeFailure,
        record::Cause,
    },
};

/// How many are asked to react like the living.
const WITNESSES: usize = 2;

impl Cycle {
    /// The node does not list the active mailserver any more.
    pub(super) fn lost_by_node(&mut self, now: Instant) {
        let active = self.phase.connected().map(|it| &it.identity);
        let tried = active.is_some_and(|it| self.attempts.has_failed(it));
        let doubtful = self.node.alone || !self.outage.is_online();
        if doubtful && !tried {
            return self.hold(Cause::Lost, "lost", now);
        }
        self.lose(Cause::Lost, "lost", now);
        self.choose(now);
    }

    /// It cannot be used, but it stays the active one until it is clear whose fault that is.
    pub(super) fn hold(&mut self, cause: Cause, reason: &str, now: Instant) {
        let Phase::Connected { mailserver, since } = &self.phase else {
            return;
        };
        let held = Held {
            mailserver: mailserver.clone(),
            since: *since,
            cause,
            reason: reason.to_owned(),
            excused: false,
            witnesses: BTreeSet::new(),
        };
        if cause == Cause::Lost {
            self.commands.push_back(Command::Unavailable);
        }
        // Is the list as the node has it now? And is the node there at all?
        self.commands.push_back(Command::Refresh);
        self.pause_after(cause, now);
        self.failovers.doubt(now);
        self.ask_about(held, now);
    }

    /// Has everybody pinged: whoever answers shows that we are online.
    pub(super) fn ask_about(&mut self, held: Held, now: Instant) {
        let held = Held {
            witnesses: self.witnesses(&held),
            ..held
        };
        let failed = held.cause != Cause::Lost || !self.is_our_fault(&held);
        let candidates = self.node.candidates.values().map(|it| {
            let candidate = self.candidate(it, now);
            match failed && it.identity == held.mailserver.identity {
                // Whoever just failed is not chosen next while another one answers.
                true => Candidate {
                    tier: Tier::Cooling,
                    ..candidate
                },
                false => candidate,
            }
        });
        let candidates = candidates.collect();
        let until = now + self.config.selection_timeout;
        let inquiry = match self.ask_for_with(candidates, held.witnesses.clone()) {
            Some(round) => Inquiry::Asked(Asked { round, until }),
            None => Inquiry::Unanswered,
        };
        self.phase = Phase::Held(held, inquiry);
    }

    /// The system of a hung enode answers a ping as that of a living one does. Where it is an enode that is silent, some
    /// others are to react before it is left: best those that the node is connected to, who cannot turn it away for
    /// it, and not the one that is dialled next.
    fn witnesses(&self, held: &Held) -> BTreeSet<Identity> {
        if held.cause != Cause::Probe || held.mailserver.address.network() != Network::Waku1 {
            return BTreeSet::new();
        }
        let others = self.node.candidates.keys();
        let others = others.filter(|it| **it != held.mailserver.identity);
        let mut others: Vec<&Identity> = others.collect();
        others.sort_by_key(|it| (!self.node.lists(it), self.standby.is(it)));
        others.into_iter().take(WITNESSES).cloned().collect()
    }

    /// It was lost because we were offline, or nobody else is there.
    fn is_our_fault(&self, held: &Held) -> bool {
        self.outage.has_missed() || held.excused
    }

    /// The node does not list it any more either, and lists others: there is nothing left to find out.
    pub(super) fn confirm_loss(&mut self, identity: &Identity, now: Instant) {
        let sure = !self.node.alone && self.outage.is_online() && self.config.reactive;
        match &self.phase {
            Phase::Held(_, Inquiry::Unanswered) => {}
            Phase::Held(held, _) if sure && held.mailserver.identity == *identity => {
                let held = held.clone();
                self.give_up_held(held, now);
                self.choose(now);
            }
            _ => {}
        }
    }

    /// The answer to [`Self::ask_about`].
    pub(super) fn judge(&mut self, held: Held, decision: &Decision, now: Instant) {
        if decision.chosen.is_some() && self.world_return.forbids_dials() {
            return self.excuse(held);
        }
        let answers = reply_of(decision, &held.mailserver.identity);
        let react = testimony(&held, |it| reply_of(decision, it));
        let wanted_back = self.is_our_fault(&held) && answers.is_none();
        if decision.early && (wanted_back || react.is_none()) {
            let overtaken = Inquiry::Overtaken {
                until: now + self.config.selection_timeout,
                decision: decision.clone(),
            };
            self.phase = Phase::Held(held, overtaken);
            return;
        }
        match react {
            Some(true) => self.judge_finally(held, decision, answers == Some(true), now),
            _ => self.hear_nobody(held, now),
        }
    }

    /// The round is over that an early decision was made in: whether the held one answered is known.
    pub(super) fn judge_late(&mut self, surveyed: &Surveyed, now: Instant) {
        let Phase::Held(held, Inquiry::Overtaken { decision, .. }) = &self.phase else {
            return;
        };
        if decision.round == surveyed.round {
            let (held, decision) = (held.clone(), decision.clone());
            let answered = |identity: &Identity| {
                let mut replies = surveyed.replies.iter();
                replies.any(|it| it.identity == *identity && it.outcome.is_ok())
            };
            match testimony(&held, |it| Some(answered(it))) {
                Some(true) => {
                    let answers = answered(&held.mailserver.identity);
                    self.judge_finally(held, &decision, answers, now);
                }
                _ => self.hear_nobody(held, now),
            }
        }
    }

    fn judge_finally(&mut self, held: Held, decision: &Decision, answers: bool, now: Instant) {
        let identity = &held.mailserver.identity;
        let chosen = decision.identity.as_ref();
        let Some(other) = chosen.and_then(|it| self.node.candidate(it)).cloned() else {
            return self.hear_nobody(held, now);
        };
        self.outage.answered();
        // The node may have dropped it since it fell silent.
        let lost = held.cause == Cause::Lost || !self.node.lists(identity);
        let tried = self.attempts.has_failed(identity);
        match (self.is_our_fault(&held) && answers) || other.identity == *identity {
            true if !lost => return self.go_on_with(held, now),
            true if !tried => return self.reconnect(held, now),
            _ => {}
        }
        let answered = |it: &Identity| reply_of(decision, it) == Some(true);
        let standby = self.standby.take_if(|it| answered(&it.identity));
        self.give_up_held(held, now);
        match &self.pin {
            Some(pin) if pin.insists(now) => self.connect_pin(now),
            _ => {
                let next = standby.unwrap_or(other);
                self.connect(next, self.announcement(), "it answers", now);
            }
        }
    }

    /// Nobody answers: we are offline, or our probes are no evidence, or all mailservers are gone.
    fn hear_nobody(&mut self, held: Held, now: Instant) {
        self.memory.acquit();
        let listed = self.node.lists(&held.mailserver.identity);
        if self.node.alone || !self.outage.is_online() {
            self.excuse(held);
        } else if listed && held.cause == Cause::Probe {
            // The node has it as a peer and is online: its word against our silence.
            self.go_on_with(held, now);
        } else {
            self.give_up_held(held, now);
            self.find_nobody(now);
        }
    }

    /// It stays the active one, and cannot be used until we are back.
    pub(super) fn excuse(&mut self, held: Held) {
        self.failovers.abandon();
        self.ask_no_more(&held);
        let excused = Held {
            excused: true,
            ..held
        };
        self.phase = Phase::Held(excused, Inquiry::Unanswered);
    }

    /// One that was only silent was still asked for history; one that was lost, or is held for longer, is not.
    fn ask_no_more(&mut self, held: &Held) {
        if held.cause != Cause::Lost && !held.excused {
            self.commands.push_back(Command::Unavailable);
        }
    }

    /// It answers, and the node has lost it: one dial brings the node back online.
    pub(super) fn reconnect(&mut self, held: Held, now: Instant) {
        self.ask_no_more(&held);
        let mailserver = held.mailserver.clone();
        self.connect(mailserver, Announced::Still(held), "it answers", now);
    }

    /// It goes on being used.
    fn go_on_with(&mut self, held: Held, now: Instant) {
        self.phase = Phase::Connected {
            mailserver: held.mailserver.clone(),
            since: held.since,
        };
        self.pauses = Pauses::default();
        self.failovers.abandon();
        if held.excused || held.cause == Cause::Lost {
            // It was not to be asked meanwhile.
            self.ask_for_history();
        }
        self.watch = WatchOrder::Outdated;
        // It may have become due meanwhile.
        self.prepare_standby(now);
    }

    /// Others answer: it is lost. The pause before the next dial has begun already.
    pub(super) fn give_up_held(&mut self, held: Held, now: Instant) {
        if held.cause == Cause::Probe
            && let Some(pin) = self.pin_of(&held.mailserver.identity)
        {
            // It is connected and does not answer: there is nothing to be patient for.
            pin.refused(now);
        }
        self.leave(&held.mailserver, held.since, held.cause, &held.reason, now);
        if self.is_our_fault(&held) {
            self.memory.acquit();
        }
    }

    /// Everybody who used the one that failed acts now: what costs others something waits for chance.
    pub(super) fn pause_after(&mut self, cause: Cause, now: Instant) {
        let random = [self.fraction(), self.fraction()];
        self.pauses.after(cause, self.config.jitter, random, now);
    }
}

// === offline, and back ===

impl Cycle {
    /// We are offline: whoever was to be dialled is not, and nobody is until somebody answers.
    pub(super) fn withdraw_plans(&mut self, now: Instant) {
        self.probation.end();
        self.trial = Default::default();
        self.world_return = WorldReturn::Over;
        self.failovers.abandon();
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Waiting {
                mailserver,
                announced,
                ..
            } => {
                tracing::debug!(mailserver = mailserver.id, "dial withdrawn: offline");
                match announced {
                    Announced::Still(held) => self.excuse(held),
                    Announced::OnceConnected { stays: Some(stays) } => {
                        self.phase = Phase::Connected {
                            mailserver: stays,
                            since: now,
                        };
                    }
                    Announced::Now | Announced::OnceConnected { stays: None } => {}
                }
            }
            // A decision that is still to come rests on answers from before.
            Phase::Selecting(_) => {}
            Phase::Held(held, _) => self.excuse(held),
            phase => self.phase = phase,
        }
    }

    /// Offline, nobody is dialled on the strength of what was known before: only an answer ends it. Where our probes
    /// are no evidence, a dial is the only way to find out.
    pub(super) fn may_dial_unasked(&self) -> bool {
        (!self.outage.forbids_dials() || self.evidence.is_blocked())
            && !self.world_return.forbids_dials()
    }

    /// We are online again, or awake.
    pub(super) fn return_online(&mut self, offline_since: Option<Instant>, now: Instant) {
        self.attempts.forget();
        self.search = Search::Over;
        self.come_back(offline_since);
        if offline_since.is_some() && !self.world_return.forbids_dials() {
            self.pause_after_offline(now);
        }
        match &self.phase {
            // The list of the node may be older than the outage.
            Phase::Connected { .. } => self.look_beside(true, now),
            _ => self.step(now),
        }
    }

    /// Others in our region come back now.
    pub(super) fn pause_after_offline(&mut self, now: Instant) {
        let random = self.fraction();
        self.pauses.after_offline(self.config.jitter, random, now);
    }

    /// Has the active mailserver asked for what may have been missed.
    pub(super) fn ask_for_history(&mut self) {
        if let Some(active) = self.phase.connected().cloned() {
            self.outage.made_up();
            let available = Command::Available(active, std::time::Duration::ZERO);
            self.commands.push_back(available);
        }
    }
}

/// Whether one of the witnesses reacts, or none is needed; `None` if that is not known yet.
fn testimony(held: &Held, answers: impl Fn(&Identity) -> Option<bool>) -> Option<bool> {
    let answers: Vec<_> = held.witnesses.iter().map(answers).collect();
    match answers.is_empty() || answers.contains(&Some(true)) {
        true => Some(true),
        false if answers.contains(&None) => None,
        false => Some(false),
    }
}

/// Whether it answered; `None` if that is not known yet or cannot be known.
pub(super) fn reply_of(decision: &Decision, identity: &Identity) -> Option<bool> {
    let mut considered = decision.considered.iter();
    let found = considered.find(|it| it.identity == *identity)?;
    match &found.verdict {
        _ if found.rtt.is_some() => Some(true),
        Standing::NoReply(ProbeFailure::Impossible(_)) | Standing::Pending => None,
        Standing::NoReply(_) => Some(false),
        _ => None,
    }
}
