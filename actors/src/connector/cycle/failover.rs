//! Is it the mailserver, or is it us? And who takes its place?
//!
//! A mailserver that the node lists no more while it lists others is lost, and the standby is used at once; a
//! ping round beside it shows whether that was right, and who else would do. Where it may be our own network
//! that is down (the node lists nobody, or it is our own probes that go unanswered) a ping round is asked
//! first: if nobody answers, the active mailserver stays what it is, and nothing is rotated, dropped or punished.

use std::time::Duration;

use rand::RngExt;

use super::{Command, Cycle, SEEK};
use crate::{
    Instant,
    connector::{
        jitter,
        phase::{Announced, Held, Phase},
    },
    messages::{
        selection::{Decision, Surveyed},
        watch::Watch,
    },
    model::{
        candidate::{Candidate, Standing, Tier},
        mailserver::{Identity, Mailserver},
        probe::ProbeFailure,
        record::Cause,
        verdict::Verdict,
    },
};

/// Nobody answers.
#[derive(Debug)]
pub(super) struct Seek {
    since: Instant,
    /// When to look again.
    pub(super) at: Instant,
}

/// A ping round beside a mailserver that is used before it has proved itself.
#[derive(Debug)]
pub(super) struct Beside {
    round: u64,
    /// Who else would do, once that is known.
    other: Option<Option<Identity>>,
    /// We were away: what was missed is to be asked for.
    after_gap: bool,
}

impl Cycle {
    /// The node does not list the active mailserver any more.
    pub(super) fn lost_by_node(&mut self, now: Instant) {
        let active = self.phase.connected().map(|it| &it.identity);
        let tried = active.is_some_and(|it| self.attempts.has_failed(it));
        let doubtful = self.alone || self.verdict != Verdict::Online;
        if doubtful && !tried {
            return self.hold(Cause::Lost, "lost", now);
        }
        self.lose(Cause::Lost, "lost", now);
        self.choose(now);
    }

    /// It cannot be used, but it stays the active one until it is clear whose fault that is.
    pub(super) fn hold(&mut self, cause: Cause, reason: &str, now: Instant) {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        let Phase::Connected { mailserver, since } = phase else {
            self.phase = phase;
            return;
        };
        if cause == Cause::Lost {
            self.commands.push_back(Command::Unavailable);
        }
        // Is the list as the node has it now? And is the node there at all?
        self.commands.push_back(Command::Refresh);
        let held = Held {
            mailserver,
            since,
            cause,
            reason: reason.to_owned(),
            excused: false,
        };
        self.keep_from_the_herd(cause, now);
        self.ask_about(held, now);
    }

    /// The node does not list it any more either, and lists others: there is nothing left to find out.
    pub(super) fn confirm_loss(&mut self, identity: &Identity, now: Instant) {
        let sure = !self.alone && self.verdict == Verdict::Online && self.config.reactive;
        let asked = |phase: &mut Phase| match phase {
            Phase::Selecting { held, .. } if sure => {
                held.take_if(|held| held.mailserver.identity == *identity)
            }
            _ => None,
        };
        if let Some(held) = asked(&mut self.phase) {
            self.give_up_held(held, now);
            self.choose(now);
        }
    }

    /// Has everybody pinged: whoever answers shows that we are online.
    pub(super) fn ask_about(&mut self, held: Held, now: Instant) {
        let failed = held.cause != Cause::Lost || !(self.gap || held.excused);
        let candidates = self.candidates.values().map(|it| {
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
        self.ask_for(candidates);
        self.phase = Phase::Selecting {
            until: now + self.config.selection_timeout,
            held: Some(held),
        };
    }

    /// The answer to [`Self::ask_about`].
    pub(super) fn judge(&mut self, held: Held, decision: &Decision, now: Instant) {
        let ours = self.gap || held.excused;
        let answers = reply_of(decision, &held.mailserver.identity);
        if ours && decision.early && answers.is_none() {
            // It is wanted back if it answers, and may yet: the whole round will tell.
            self.early = Some(decision.clone());
            self.phase = Phase::Selecting {
                until: now + self.config.selection_timeout,
                held: Some(held),
            };
            return;
        }
        self.judge_finally(held, decision, answers == Some(true), now);
    }

    /// The round is over that an early decision was made in: whether the held one answered is known.
    fn judge_late(&mut self, surveyed: &Surveyed, now: Instant) {
        let this = |it: &mut Decision| it.round == surveyed.round;
        let Some(decision) = self.early.take_if(this) else {
            return;
        };
        let held = match &mut self.phase {
            Phase::Selecting { held, .. } => held.take(),
            _ => None,
        };
        if let Some(held) = held {
            let mut replies = surveyed.replies.iter();
            let identity = &held.mailserver.identity;
            let answers = replies.any(|it| it.identity == *identity && it.outcome.is_ok());
            self.judge_finally(held, &decision, answers, now);
        }
    }

    fn judge_finally(&mut self, held: Held, decision: &Decision, answers: bool, now: Instant) {
        let identity = held.mailserver.identity.clone();
        let chosen = decision.identity.as_ref();
        let Some(other) = chosen.and_then(|it| self.candidates.get(it)).cloned() else {
            return self.hear_nobody(held, now);
        };
        let lost = held.cause == Cause::Lost && !self.attempts.has_failed(&identity);
        // It was lost because we were offline, or nobody else is there.
        let ours = self.gap || held.excused;
        match (ours && answers) || other.identity == identity {
            true if lost => return self.reconnect(held, now),
            true if held.cause != Cause::Lost => return self.go_on_with(held, now),
            _ => {}
        }
        let proved = |it: &Mailserver| reply_of(decision, &it.identity) == Some(true);
        let standby = self.standby.take_if(proved);
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
        let listed = self.connected.contains(&held.mailserver.identity);
        if self.alone || self.verdict != Verdict::Online {
            self.phase = self.excuse(held);
        } else if listed && held.cause == Cause::Probe {
            // The node has it as a peer and is online: its word against our silence.
            self.go_on_with(held, now);
        } else {
            self.give_up_held(held, now);
            self.find_nobody(now);
        }
    }

    /// It stays the active one, and cannot be used until we are back.
    fn excuse(&mut self, held: Held) -> Phase {
        if held.cause != Cause::Lost && !held.excused {
            self.commands.push_back(Command::Unavailable);
        }
        Phase::Held(Held {
            excused: true,
            ..held
        })
    }

    /// It answers, and the node has lost it: one dial brings the node back online.
    pub(super) fn reconnect(&mut self, held: Held, now: Instant) {
        let mailserver = held.mailserver.clone();
        self.connect(mailserver, Announced::Still(held), "it answers", now);
    }

    /// It goes on being used.
    fn go_on_with(&mut self, held: Held, now: Instant) {
        self.phase = Phase::Connected {
            mailserver: held.mailserver.clone(),
            since: held.since,
        };
        self.request_pause = Duration::ZERO;
        self.dial_not_before = None;
        if held.excused || held.cause == Cause::Lost {
            // It was not to be asked meanwhile.
            self.gap = false;
            let available = Command::Available(held.mailserver, Duration::ZERO);
            self.commands.push_back(available);
        }
        self.watched = Watch::default();
        // It may have become due meanwhile.
        self.prepare_standby(now);
    }

    /// Others answer: it is lost.
    pub(super) fn give_up_held(&mut self, held: Held, now: Instant) {
        if held.cause == Cause::Probe
            && let Some(pin) = self.pin_of(&held.mailserver.identity)
        {
            // It is connected and does not answer: there is nothing to be patient for.
            pin.refused(now);
        }
        self.phase = Phase::Connected {
            mailserver: held.mailserver,
            since: held.since,
        };
        // The pause began when it was held, or when we came back.
        let pause = self.dial_not_before;
        self.lose(held.cause, &held.reason, now);
        self.dial_not_before = pause;
        if self.gap || held.excused {
            self.memory.acquit();
        }
    }

    /// Nobody answers, and nothing is active: looks again, more and more rarely.
    pub(super) fn find_nobody(&mut self, now: Instant) {
        let since = self.seek.as_ref().map_or(now, |seek| seek.since);
        let pause = now.saturating_duration_since(since) / 20;
        let at = now + pause.clamp(*SEEK.start(), *SEEK.end());
        self.seek = Some(Seek { since, at });
        self.fall_back_to_pin(now);
    }

    /// We are offline: whoever was to be dialled is not, and nobody is until somebody answers.
    pub(super) fn withdraw_plans(&mut self, now: Instant) {
        self.beside = None;
        self.beside_due = None;
        self.trial = None;
        self.early = None;
        self.withdrawn = true;
        // A decision that is still to come rests on answers from before.
        self.round = self.next_number();
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        self.phase = match phase {
            Phase::Waiting {
                mailserver,
                announced,
                ..
            } => {
                tracing::debug!(mailserver = mailserver.id, "dial withdrawn: offline");
                match announced {
                    Announced::Still(held) => self.excuse(held),
                    Announced::OnceConnected { stays: Some(stays) } => Phase::Connected {
                        mailserver: stays,
                        since: now,
                    },
                    Announced::Now | Announced::OnceConnected { stays: None } => Phase::Idle,
                }
            }
            Phase::Selecting { held: None, .. } => Phase::Idle,
            Phase::Selecting {
                held: Some(held), ..
            } => self.excuse(held),
            phase => phase,
        };
    }

    /// Offline, nobody is dialled on the strength of what was known before: only an answer ends it. Where our probes
    /// are no evidence, a dial is the only way to find out.
    pub(super) fn may_dial_unasked(&self) -> bool {
        !self.withdrawn || self.evidence.is_blocked()
    }

    /// We are online again, or awake.
    pub(super) fn return_online(&mut self, was_offline: bool, now: Instant) {
        self.attempts.forget();
        self.seek = None;
        if was_offline {
            let pause = jitter::after_offline(self.config.jitter, self.fraction());
            self.dial_not_before = Some(now + pause);
        }
        match &self.phase {
            // The list of the node may be older than the outage.
            Phase::Connected { .. } => self.look_beside(true, now),
            _ => self.step(now),
        }
    }

    /// Uses the mailserver that was drawn in advance, if there is one.
    pub(super) fn use_standby(&mut self, now: Instant) -> bool {
        let Some(standby) = self.standby.take_if(|_| true) else {
            return false;
        };
        let identity = &standby.identity;
        let pinned = self.pin.as_ref().map(|pin| &pin.mailserver().identity);
        let usable = self.candidates.contains_key(identity)
            && !self.attempts.has_failed(identity)
            && !self.memory.avoids(identity, now)
            && pinned != Some(identity)
            && self.has_lever();
        if usable {
            self.connect(standby, self.announcement(), "standby", now);
            // The round dials everybody: it waits for its turn too.
            match self.dial_not_before.filter(|at| now < *at) {
                Some(at) => self.beside_due = Some(at),
                None => self.look_beside(false, now),
            }
        }
        usable
    }

    /// Everybody who used the one that failed acts now: what costs others something waits for chance.
    pub(super) fn keep_from_the_herd(&mut self, cause: Cause, now: Instant) {
        let longest = self.config.jitter;
        let pause = jitter::before_dial(cause, longest, self.fraction());
        self.dial_not_before = Some(now + pause);
        self.request_pause = jitter::before_request(cause, longest, self.fraction());
    }

    /// Has everybody pinged beside what is used.
    pub(super) fn look_beside(&mut self, after_gap: bool, now: Instant) {
        let candidates = self.candidates.values();
        let candidates = candidates.map(|it| self.candidate(it, now)).collect();
        if self.ask_for(candidates) {
            self.beside = Some(Beside {
                round: self.round,
                other: None,
                after_gap,
            });
        }
    }

    /// What was used without proof failed, and a round beside it has begun already: uses what it finds.
    pub(super) fn wait_beside(&mut self, now: Instant) -> bool {
        let Some(beside) = self.beside.take() else {
            return false;
        };
        match beside.other {
            None => {
                let until = now + self.config.selection_timeout;
                self.phase = Phase::Selecting { until, held: None };
                true
            }
            Some(other) => {
                let other = other.filter(|it| !self.attempts.has_failed(it));
                let other = other.and_then(|it| self.candidates.get(&it)).cloned();
                let found = other.is_some();
                if let Some(other) = other {
                    self.connect(other, self.announcement(), "chosen", now);
                }
                found
            }
        }
    }

    /// The decision of a round beside what is used.
    pub(super) fn weigh(&mut self, decision: &Decision, now: Instant) {
        let using = self.phase.in_use().map(|it| it.identity.clone());
        let Some(beside) = self.beside.as_mut().filter(|it| it.round == decision.round) else {
            return;
        };
        let other = decision
            .identity
            .clone()
            .filter(|it| Some(it) != using.as_ref());
        beside.other = Some(other);
        let Some(using) = using else { return };
        match reply_of(decision, &using) {
            Some(true) => self.confirm(now),
            Some(false) => self.replace(now),
            // It may answer yet: the whole round will tell.
            None => {}
        }
    }

    /// The whole outcome of a round beside what is used.
    pub(super) fn settle_beside(&mut self, surveyed: &Surveyed, now: Instant) {
        self.judge_late(surveyed, now);
        let open = (self.beside.as_ref()).is_some_and(|it| it.round == surveyed.round);
        if !open {
            return;
        }
        let Some(using) = self.phase.in_use() else {
            self.beside = None;
            return;
        };
        let mut replies = surveyed.replies.iter();
        match replies.find(|it| it.identity == using.identity) {
            Some(reply) if failed(&reply.outcome) => self.replace(now),
            Some(_) => self.confirm(now),
            // The round died.
            None => self.beside = None,
        }
    }

    /// What is used works.
    fn confirm(&mut self, now: Instant) {
        let Some(beside) = self.beside.take() else {
            return;
        };
        if let Some(using) = self.phase.in_use().cloned() {
            self.proved(&using.identity, now);
            self.make_up_for_gap(beside.after_gap);
        }
    }

    /// Has requested what was missed while we were away.
    fn make_up_for_gap(&mut self, after_gap: bool) {
        let active = self.phase.connected().filter(|_| after_gap && self.gap);
        if let Some(active) = active.cloned() {
            self.gap = false;
            let available = Command::Available(active, Duration::ZERO);
            self.commands.push_back(available);
        }
    }

    /// What is used does not answer: another one that does takes its place.
    fn replace(&mut self, now: Instant) {
        let Some(beside) = self.beside.take() else {
            return;
        };
        let other = beside.other.flatten();
        let Some(other) = other.and_then(|it| self.candidates.get(&it)).cloned() else {
            // Nobody else would do: it is asked all the same.
            return self.make_up_for_gap(beside.after_gap);
        };
        let insisted_on = |cycle: &mut Self, it: &Mailserver| {
            (cycle.pin_of(&it.identity)).is_some_and(|pin| pin.insists(now))
        };
        let using = self.phase.in_use().cloned();
        if using.is_none_or(|it| insisted_on(self, &it)) {
            return;
        }
        let reason = "silent, while others answer";
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            connected @ Phase::Connected { .. } => {
                self.phase = connected;
                self.lose(Cause::Probe, reason, now);
            }
            Phase::Connecting {
                mailserver,
                since,
                announced,
                ..
            } => {
                let identity = mailserver.identity.clone();
                self.memory.suspect(identity, Cause::Probe);
                self.give_up(&mailserver, since);
                if announced == Announced::Now {
                    self.publish_changed(None, &format!("{}: {reason}", mailserver.id));
                }
            }
            _ => {}
        }
        if !self.attempts.are_exhausted() {
            self.connect(other, self.announcement(), "it answers", now);
        }
    }

    /// It works: those that were suspected did fail.
    pub(super) fn proved(&mut self, identity: &Identity, now: Instant) {
        let active = self.phase.connected();
        if active.is_some_and(|it| it.identity == *identity) {
            let random = &mut self.random;
            self.memory.convict(identity, now, || random.random());
        }
    }
}

/// Whether it answered; `None` if that is not known yet or cannot be known.
fn reply_of(decision: &Decision, identity: &Identity) -> Option<bool> {
    let mut considered = decision.considered.iter();
    let found = considered.find(|it| it.identity == *identity)?;
    match &found.verdict {
        _ if found.rtt.is_some() => Some(true),
        Standing::NoReply(ProbeFailure::Impossible(_)) | Standing::Pending => None,
        Standing::NoReply(_) => Some(false),
        _ => None,
    }
}

fn failed(outcome: &Result<Duration, ProbeFailure>) -> bool {
    !matches!(outcome, Ok(_) | Err(ProbeFailure::Impossible(_)))
}
