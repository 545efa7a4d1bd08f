//! What is to be done now: whom to choose, whether the pin is tried.

use super::{Command, Cycle};
use crate::{
    Instant,
    connector::{
        phase::{Announced, Phase},
        pin::Pin,
    },
    messages::selection::{Decision, Select},
    model::{
        candidate::{Candidate, Purpose, Tier},
        mailserver::{Mailserver, Origin},
        node::Mode,
    },
};

impl Cycle {
    /// The loop itself: called at every tick and after everything that may have changed its mind.
    pub(super) fn step(&mut self, now: Instant) {
        if !self.profile().is_some_and(|it| it.use_mailservers) {
            return;
        }
        match &self.phase {
            Phase::Selecting { until, .. } if now < *until => {}
            Phase::Connecting { .. } | Phase::Waiting { .. } => {}
            Phase::Connected { mailserver, .. } => {
                if !self.connected.contains(&mailserver.identity) {
                    return self.lost_by_node(now);
                }
                if self.may_dial_unasked() {
                    self.try_pin(now);
                }
                self.prepare_standby(now);
            }
            Phase::Held(held)
            | Phase::Selecting {
                held: Some(held), ..
            } => {
                let held = held.clone();
                self.ask_about(held, now);
            }
            Phase::Idle | Phase::Selecting { held: None, .. } => self.choose(now),
        }
    }

    pub(super) fn choose(&mut self, now: Instant) {
        if self.mode() == Some(Mode::Observe) && self.adopt(now) {
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

    pub(super) fn select(&mut self, now: Instant) {
        if self.wait_beside(now) {
            return;
        }
        let failing_pin = self.pin.as_ref().map(|pin| &pin.mailserver().identity);
        let candidates = self.candidates.values();
        let candidates = candidates.filter(|it| Some(&it.identity) != failing_pin);
        let candidates = candidates.map(|it| self.candidate(it, now)).collect();
        if self.ask_for(candidates) {
            let until = now + self.config.selection_timeout;
            self.phase = Phase::Selecting { until, held: None };
        } else {
            self.phase = Phase::Idle;
            self.fall_back_to_pin(now);
        }
    }

    /// Has an active mailserver chosen among these, if there are any.
    pub(super) fn ask_for(&mut self, candidates: Vec<Candidate>) -> bool {
        if candidates.is_empty() {
            return false;
        }
        self.counts.selections += 1;
        self.beside = None;
        self.beside_due = None;
        self.round = self.next_number();
        self.commands.push_back(Command::Select(Select {
            round: self.round,
            candidates,
            purpose: Purpose::Active,
            quiet: self.announcement() != Announced::Now || self.seek.is_some(),
            blind: self.evidence.is_blocked(),
        }));
        true
    }

    /// A mailserver as it stands now.
    pub(super) fn candidate(&self, mailserver: &Mailserver, now: Instant) -> Candidate {
        let identity = &mailserver.identity;
        let vouched_for = mailserver.origin != Origin::Peer || self.memory.is_proven(identity);
        let tier = match self.memory.avoids(identity, now) || self.attempts.has_failed(identity) {
            true => Tier::Cooling,
            false if vouched_for => Tier::Healthy,
            false => Tier::Unknown,
        };
        Candidate {
            mailserver: mailserver.clone(),
            tier,
            listed: self.connected.contains(identity),
        }
    }

    fn is_overtaken(&self, decision: &Decision, chosen: &Mailserver) -> bool {
        let identity = &chosen.identity;
        let mut considered = decision.considered.iter();
        let fit = considered.any(|it| it.identity == *identity && it.tier != Tier::Cooling);
        fit && self.attempts.has_failed(identity)
    }

    fn insists_on_untried_pin(&self, now: Instant) -> bool {
        let tried = |pin: &Pin| self.attempts.has_failed(&pin.mailserver().identity);
        (self.pin.as_ref()).is_some_and(|pin| pin.insists(now) && !tried(pin))
    }

    /// The choice was made, with nothing active.
    pub(super) fn take(&mut self, decision: &Decision, now: Instant) {
        let chosen = decision.identity.as_ref();
        // The choice must be in the list: it may have changed since the ping round began.
        match chosen.and_then(|it| self.candidates.get(it)).cloned() {
            // It was tried since the round began.
            Some(mailserver) if self.is_overtaken(decision, &mailserver) => self.select(now),
            // Somebody answers: now a pin that was not to be dialled while we were offline may be.
            Some(_) if self.insists_on_untried_pin(now) => self.connect_pin(now),
            Some(mailserver) => self.connect(mailserver, self.announcement(), "chosen", now),
            None if chosen.is_some() => self.step(now),
            None => self.find_nobody(now),
        }
    }

    /// Without a lever: use what the node uses, or any mailserver that it lists.
    pub(super) fn adopt(&mut self, now: Instant) -> bool {
        let named = self.node_uses.iter();
        let listed = self.candidates.keys();
        let usable = named.chain(listed).filter(|it| self.connected.contains(it));
        let mut usable = usable.filter(|it| !self.memory.avoids(it, now));
        let Some(mailserver) = usable.next().and_then(|it| self.candidates.get(it)) else {
            return false;
        };
        let mailserver = mailserver.clone();
        self.use_it(mailserver, "the node is connected to it", now);
        true
    }

    /// Another mailserver is active than the pinned one: try whether the pin works by now.
    pub(super) fn try_pin(&mut self, now: Instant) {
        let due = |pin: &&Pin| pin.next_trial(now) <= now;
        let Some(pinned) = self.wanted_pin().filter(due) else {
            return;
        };
        let pinned = pinned.mailserver().clone();
        if let Some(pin) = &mut self.pin {
            pin.postpone(now);
        }
        if self.pin_refused() && !self.evidence.is_blocked() {
            return self.probe_pin(pinned, now);
        }
        if self.connected.contains(&pinned.identity) {
            return self.return_to_pin(now);
        }
        let number = self.next_number();
        self.trial = Some(number);
        self.commands.push_back(Command::Introduce(number, pinned));
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

    /// A try is news, unless the ones before it failed: then only a connection is. Nor is it, if the
    /// choice is the node's.
    pub(super) fn announcement(&self) -> Announced {
        match self.attempts.are_no_news() || !self.has_lever() {
            true => Announced::OnceConnected { stays: None },
            false => Announced::Now,
        }
    }
}
