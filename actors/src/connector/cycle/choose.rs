//! What is to be done now: whom to choose, whether the pin is tried.

use std::collections::BTreeSet;

use super::{Command, Cycle};
use crate::{
    Instant,
    connector::{
        phase::{Announced, Asked, Phase},
        pin::{Pin, Trial},
    },
    messages::{
        peers::PeerState,
        selection::{Decision, Select},
    },
    model::{
        candidate::{Candidate, Purpose, Tier},
        mailserver::{Identity, Mailserver, Origin},
        node::{Connection, Mode, NodeError},
    },
};

impl Cycle {
    /// The loop itself: called at every tick and after everything that may have changed its mind.
    pub(super) fn step(&mut self, now: Instant) {
        if !self.node.profile().is_some_and(|it| it.use_mailservers) {
            return;
        }
        match &self.phase {
            Phase::Selecting(_) | Phase::Held(..) if self.phase.limit() > Some(now) => {}
            Phase::Connecting { .. } | Phase::Waiting { .. } => {}
            Phase::Connected { mailserver, .. } => {
                if !self.node.lists(&mailserver.identity) {
                    return self.lost_by_node(now);
                }
                if self.may_dial_unasked() {
                    self.try_pin(now);
                }
                self.prepare_standby(now);
                self.spread_again(now);
            }
            Phase::Held(held, _) => {
                let held = held.clone();
                match self.must_pause(now) {
                    true => self.excuse(held),
                    false => self.ask_about(held, now),
                }
            }
            Phase::Idle | Phase::Suspended { .. } | Phase::Selecting(_) => self.choose(now),
        }
    }

    pub(super) fn choose(&mut self, now: Instant) {
        if self.node.mode() == Some(Mode::Observe) && self.adopt(now) {
            return;
        }
        if self.must_pause(now) {
            self.phase = Phase::Idle;
            return;
        }
        let insists = self.pin.as_ref().is_some_and(|pin| pin.insists(now));
        if !self.may_dial_unasked() {
            self.select(now);
        } else if insists {
            self.connect_pin(now);
        } else if !self.use_standby(now) {
            self.select(now);
        }
    }

    fn select(&mut self, now: Instant) {
        if self.await_probation(now) {
            return;
        }
        // It is insisted on, or has failed; while nobody is dialled unasked, its answer is as good as another's.
        let pin = self.pin.as_ref().filter(|_| self.may_dial_unasked());
        let passed_over = pin.map(|pin| &pin.mailserver().identity);
        let candidates = self.node.candidates.values();
        let candidates = candidates.filter(|it| Some(&it.identity) != passed_over);
        let candidates = candidates.map(|it| self.candidate(it, now)).collect();
        match self.ask_for(candidates) {
            Some(round) => {
                let until = now + self.config.selection_timeout;
                self.phase = Phase::Selecting(Asked { round, until });
            }
            None => {
                self.phase = Phase::Idle;
                self.fall_back_to_pin(now);
            }
        }
    }

    /// Has an active mailserver chosen among these, if there are any; the number of the round.
    pub(super) fn ask_for(&mut self, candidates: Vec<Candidate>) -> Option<u64> {
        self.ask_for_with(candidates, BTreeSet::new())
    }

    /// The same, where the witnesses must react like the living.
    pub(super) fn ask_for_with(
        &mut self,
        candidates: Vec<Candidate>,
        witnesses: BTreeSet<Identity>,
    ) -> Option<u64> {
        if candidates.is_empty() {
            return None;
        }
        self.counts.selections += 1;
        self.probation.end();
        let round = self.next_number();
        let quiet = self.announcement() != Announced::Now || self.search.goes_on();
        self.commands.push_back(Command::Select(Select {
            round,
            candidates,
            witnesses,
            purpose: Purpose::Active,
            quiet,
            blind: self.evidence.is_blocked(),
        }));
        Some(round)
    }

    /// Has one chosen for later; the number of the round.
    pub(super) fn draw(&mut self, candidates: Vec<Candidate>) -> u64 {
        let round = self.next_number();
        self.commands.push_back(Command::Select(Select {
            round,
            candidates,
            witnesses: BTreeSet::new(),
            purpose: Purpose::Standby,
            quiet: true,
            blind: self.evidence.is_blocked(),
        }));
        round
    }

    /// A mailserver as it stands now.
    pub(super) fn candidate(&self, mailserver: &Mailserver, now: Instant) -> Candidate {
        let identity = &mailserver.identity;
        let vouched_for = mailserver.origin != Origin::Peer || self.memory.is_proven(identity);
        let avoided = self.memory.avoids(identity, now) || self.attempts.has_failed(identity);
        let tier = match avoided {
            true => Tier::Cooling,
            false if vouched_for => Tier::Healthy,
            false => Tier::Unknown,
        };
        Candidate {
            mailserver: mailserver.clone(),
            tier,
            listed: self.node.lists(identity),
        }
    }

    /// All mailservers as they stand now.
    pub(super) fn all_candidates(&self, now: Instant) -> Vec<Candidate> {
        let candidates = self.node.candidates.values();
        candidates.map(|it| self.candidate(it, now)).collect()
    }

    /// The choice was made, with nothing active.
    pub(super) fn take(&mut self, decision: &Decision, now: Instant) {
        let chosen = decision.identity.as_ref();
        // The choice must be in the list: it may have changed since the ping round began.
        match chosen.and_then(|it| self.node.candidate(it)).cloned() {
            // It is chosen after the pause: more will be back by then.
            Some(_) if self.world_return.forbids_dials() => {}
            Some(mailserver) if self.failed_meanwhile(decision, &mailserver) => self.select(now),
            // Somebody answers: now a pin that was not to be dialled while we were offline may be.
            Some(_) if self.insists_on_untried_pin(now) => self.connect_pin(now),
            Some(mailserver) => self.connect(mailserver, self.announcement(), "chosen", now),
            None if chosen.is_some() => self.step(now),
            None => self.find_nobody(now),
        }
    }

    /// It was tried since the round began.
    fn failed_meanwhile(&self, decision: &Decision, chosen: &Mailserver) -> bool {
        let identity = &chosen.identity;
        let mut considered = decision.considered.iter();
        let fit = considered.any(|it| it.identity == *identity && it.tier != Tier::Cooling);
        fit && self.attempts.has_failed(identity)
    }

    /// Nobody answers, and nothing is active: looks again, more and more rarely.
    pub(super) fn find_nobody(&mut self, now: Instant) {
        self.search.found_nobody(now);
        self.fall_back_to_pin(now);
    }

    /// Without a lever: use what the node uses, or any mailserver that it lists.
    fn adopt(&mut self, now: Instant) -> bool {
        let named = self.node.choice.identity().into_iter();
        let usable = named
            .chain(self.node.candidates.keys())
            .filter(|it| self.node.lists(it) && !self.memory.avoids(it, now));
        let mut usable = usable.filter_map(|it| self.node.candidate(it));
        let Some(mailserver) = usable.next().cloned() else {
            return false;
        };
        self.use_it(mailserver, "the node is connected to it", now);
        true
    }

    /// A try is news, unless the ones before it failed: then only a connection is. Nor is it, if the
    /// choice is the node's.
    pub(super) fn announcement(&self) -> Announced {
        match self.attempts.are_no_news() || !self.node.has_lever() {
            true => Announced::OnceConnected { stays: None },
            false => Announced::Now,
        }
    }
}

// === the pin ===

impl Cycle {
    pub(super) fn connect_pin(&mut self, now: Instant) {
        let Some(pin) = &self.pin else {
            return;
        };
        let announced = match pin.is_failing() {
            true => Announced::OnceConnected { stays: None },
            false => Announced::Now,
        };
        self.connect(pin.mailserver().clone(), announced, "pinned", now);
    }

    /// Nobody else works: a pin that is not insisted on any more is still better than nobody.
    pub(super) fn fall_back_to_pin(&mut self, now: Instant) {
        let pinned = self.pin.as_ref().map(|pin| &pin.mailserver().identity);
        let untried = pinned.is_some_and(|it| !self.attempts.has_failed(it));
        match untried && self.may_dial_unasked() {
            true => self.connect_pin(now),
            // Whoever was tried failed: more likely it is the node that is offline.
            false => self.memory.acquit(),
        }
    }

    fn insists_on_untried_pin(&self, now: Instant) -> bool {
        let tried = |pin: &Pin| self.attempts.has_failed(&pin.mailserver().identity);
        (self.pin.as_ref()).is_some_and(|pin| pin.insists(now) && !tried(pin))
    }

    /// Another mailserver is active than the pinned one: try whether the pin works by now.
    fn try_pin(&mut self, now: Instant) {
        let due = |pin: &&Pin| pin.next_trial(now) <= now;
        let Some(pin) = self.wanted_pin().filter(due) else {
            return;
        };
        let (pinned, refuses) = (pin.mailserver().clone(), pin.refuses());
        let requesting = self.requesting;
        if let Some(pin) = &mut self.pin {
            match requesting {
                // Whoever is asked now is left when it has answered.
                true => return pin.lend(now),
                false => pin.postpone(now),
            }
        }
        if refuses && !self.evidence.is_blocked() {
            // The node is connected to it already, which proves nothing.
            let candidate = self.candidate(&pinned, now);
            self.trial = Trial::Probing(self.draw(vec![candidate]));
        } else if self.node.lists(&pinned.identity) {
            self.return_to_pin(now);
        } else {
            let number = self.next_number();
            self.trial = Trial::Calling(number);
            self.commands.push_back(Command::Introduce(number, pinned));
        }
    }

    /// The node was connected to the pin, or not.
    pub(super) fn trial_answered(&mut self, answer: &Result<Connection, NodeError>, now: Instant) {
        let Some(pinned) = self.wanted_pin().map(|pin| pin.mailserver().clone()) else {
            return;
        };
        if matches!(answer, Ok(Connection::Connected)) {
            let mark = Command::Mark(pinned.identity.clone(), PeerState::Connected);
            self.commands.push_back(mark);
            self.node.listed.insert(pinned.identity);
            self.return_to_pin(now);
        }
    }

    /// The pin works: use it, and the other one until it is connected.
    pub(super) fn return_to_pin(&mut self, now: Instant) {
        let wanted = self.wanted_pin().map(|pin| pin.mailserver().clone());
        let Some(pinned) = wanted else {
            return;
        };
        let stays = self.active().cloned();
        let announced = Announced::OnceConnected { stays };
        self.connect(pinned, announced, "the pin works", now);
    }

    /// A pin that does not work is tried once a tick, not all the time.
    pub(super) fn waits_for_tick(&self, now: Instant) -> bool {
        let idle = matches!(self.phase, Phase::Idle);
        let pin = self.pin.as_ref();
        idle && pin.is_some_and(|pin| pin.is_failing() && pin.insists(now))
    }
}
