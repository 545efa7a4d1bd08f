//! Whether what is used without proof works: a ping round beside it tells, and who else would do.

use std::time::Duration;

use rand::RngExt;

use super::{Cycle, hold::reply_of};
use crate::{
    Instant,
    connector::{
        phase::{Announced, Asked, Phase},
        probation::{Probation, Round},
    },
    messages::selection::{Decision, Surveyed},
    model::{
        mailserver::{Identity, Mailserver},
        probe::ProbeFailure,
        record::Cause,
    },
};

/// Why it is left, for people.
const SILENT: &str = "silent, while others answer";

impl Cycle {
    /// Has everybody pinged beside what is used.
    pub(super) fn look_beside(&mut self, after_gap: bool, now: Instant) {
        if let Some(number) = self.ask_for(self.all_candidates(now)) {
            self.probation = Probation::Asked(Round { number, after_gap });
        }
    }

    /// What was used without proof failed, and a round beside it has begun already: uses what it finds.
    pub(super) fn await_probation(&mut self, now: Instant) -> bool {
        match self.probation.end() {
            Probation::Over | Probation::Planned(_) => false,
            Probation::Asked(round) => {
                self.phase = Phase::Selecting(Asked {
                    round: round.number,
                    until: now + self.config.selection_timeout,
                });
                true
            }
            Probation::Compared(_, other) => {
                let other = other.filter(|it| !self.attempts.has_failed(it));
                let other = other.and_then(|it| self.node.candidate(&it)).cloned();
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
        let other = decision.identity.clone();
        let other = other.filter(|it| Some(it) != using.as_ref());
        if !self.probation.compare(decision.round, other) {
            return;
        }
        match using.and_then(|it| reply_of(decision, &it)) {
            Some(true) => self.confirm(now),
            Some(false) => self.replace(now),
            // It may answer yet: the whole round will tell.
            None => {}
        }
    }

    /// The whole outcome of a round beside what is used.
    pub(super) fn settle_probation(&mut self, surveyed: &Surveyed, now: Instant) {
        if !self.probation.is_round(surveyed.round) {
            return;
        }
        let using = self.phase.in_use().map(|it| &it.identity);
        let mut replies = surveyed.replies.iter();
        match replies.find(|it| Some(&it.identity) == using) {
            Some(reply) if failed(&reply.outcome) => self.replace(now),
            Some(_) => self.confirm(now),
            // The round died, or nothing is used any more.
            None => {
                self.probation.end();
            }
        }
    }

    /// What is used works.
    fn confirm(&mut self, now: Instant) {
        let probation = self.probation.end();
        if let Some(using) = self.phase.in_use().cloned() {
            self.proved(&using.identity, now);
            self.make_up_for_gap(&probation);
        }
    }

    /// Has requested what was missed while we were away.
    fn make_up_for_gap(&mut self, probation: &Probation) {
        let (Probation::Asked(round) | Probation::Compared(round, _)) = probation else {
            return;
        };
        if round.after_gap && self.outage.has_missed() {
            self.ask_for_history();
        }
    }

    /// What is used does not answer: another one that does takes its place.
    fn replace(&mut self, now: Instant) {
        let probation = self.probation.end();
        let other = match &probation {
            Probation::Compared(_, other) => other.as_ref(),
            _ => None,
        };
        let Some(other) = other.and_then(|it| self.node.candidate(it)).cloned() else {
            // Nobody else would do: it is asked all the same.
            return self.make_up_for_gap(&probation);
        };
        let Some(using) = self.phase.in_use().map(|it| it.identity.clone()) else {
            return;
        };
        if self.pin_of(&using).is_some_and(|pin| pin.insists(now)) {
            return;
        }
        self.leave_silent(now);
        if !self.attempts.are_exhausted() {
            self.connect(other, self.announcement(), "it answers", now);
        }
    }

    /// Leaves what is used.
    fn leave_silent(&mut self, now: Instant) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            connected @ Phase::Connected { .. } => {
                self.phase = connected;
                self.lose(Cause::Probe, SILENT, now);
            }
            Phase::Connecting {
                mailserver,
                since,
                announced,
                ..
            } => {
                self.memory
                    .suspect(mailserver.identity.clone(), Cause::Probe);
                self.give_up(&mailserver, since);
                if announced == Announced::Now {
                    self.publish_changed(None, &format!("{}: {SILENT}", mailserver.id));
                }
            }
            _ => {}
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

    /// Uses the mailserver that was drawn in advance, if there is one.
    pub(super) fn use_standby(&mut self, now: Instant) -> bool {
        let Some(standby) = self.standby.take_if(|_| true) else {
            return false;
        };
        if !self.is_usable(&standby, now) {
            return false;
        }
        self.connect(standby, self.announcement(), "standby", now);
        // The round dials everybody: it waits for its turn too.
        match self.pauses.dial_at(now) {
            Some(at) => self.probation = Probation::Planned(at),
            None => self.look_beside(false, now),
        }
        true
    }

    fn is_usable(&self, standby: &Mailserver, now: Instant) -> bool {
        let identity = &standby.identity;
        let pinned = self.pin.as_ref().map(|pin| &pin.mailserver().identity);
        self.node.candidate(identity).is_some()
            && !self.attempts.has_failed(identity)
            && !self.memory.avoids(identity, now)
            && pinned != Some(identity)
            && self.node.has_lever()
    }
}

fn failed(outcome: &Result<Duration, ProbeFailure>) -> bool {
    !matches!(outcome, Ok(_) | Err(ProbeFailure::Impossible(_)))
}
