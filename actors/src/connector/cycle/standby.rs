//! Who is used next: drawn in advance, so that a loss costs one call.
//!
//! The standby is drawn by the same rule as the active mailserver, preferably among those that the node has
//! as peers already, and drawn anew when it is lost, when it falls silent, and from time to time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Command, Cycle};
use crate::{
    Instant,
    connector::phase::Announced,
    messages::{
        peers::PeerState,
        selection::{Decision, Select, Surveyed},
        watch::Watch,
    },
    model::{
        candidate::{Candidate, Purpose, Tier},
        mailserver::{Identity, Mailserver},
        node::{Connection, NodeError},
        probe::ProbeFailure,
        record::Cause,
        verdict::Verdict,
    },
};

/// How ready the next mailserver is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// Not at all: it is chosen when it is needed.
    Off,
    /// It is known, and one that the node has as a peer is preferred.
    #[default]
    Warm,
    /// The node is kept connected to it.
    Hot,
}

/// After a connection was made, so that the history request goes first.
const FIRST: Duration = Duration::from_millis(200);

/// After something changed that may make another one a better standby: changes come in crowds.
const SOON: Duration = Duration::from_secs(1);

/// The pause before another draw where nobody was found, or the node could not connect to it.
const AGAIN: Duration = Duration::from_secs(30);

/// A standby is drawn anew after this long: others may have become faster.
const FRESH: Duration = Duration::from_secs(600);

/// The pause between two comparisons with the active mailserver, where that is wanted.
const COMPARED: Duration = Duration::from_secs(60);

/// In so many comparisons in a row another one must be faster before it is used.
const COMPARISONS: u32 = 3;

/// How much faster: at most this part of the time of the active mailserver …
const FASTER_PART: f64 = 0.7;

/// … and at least so much less.
const FASTER_BY_MS: f64 = 20.0;

/// The standby, and what is known for drawing one.
#[derive(Debug, Default)]
pub(super) struct Standby {
    mailserver: Option<Mailserver>,
    /// When it is to be drawn.
    pub(super) due: Option<Instant>,
    round: Option<u64>,
    /// The trial of a pin that refused, by a probe.
    pin_round: Option<u64>,
    /// The call that keeps it connected.
    call: Option<u64>,
    /// How often in a row each was much faster than the active one.
    faster: BTreeMap<Identity, u32>,
    /// A history request is under way.
    pub(super) requesting: bool,
}

impl Standby {
    pub(super) fn is(&self, identity: &Identity) -> bool {
        (self.mailserver.as_ref()).is_some_and(|it| it.identity == *identity)
    }

    /// Another mailserver is active.
    pub(super) fn begin(&mut self, active: &Identity, now: Instant) {
        self.mailserver.take_if(|it| it.identity == *active);
        self.faster.clear();
        self.round = None;
        self.due = Some(now + FIRST);
    }

    /// It is drawn anew.
    pub(super) fn forget(&mut self, now: Instant) {
        self.mailserver = None;
        self.due = Some(now);
    }

    /// The candidates changed.
    pub(super) fn retain(&mut self, known: &BTreeMap<Identity, Mailserver>, now: Instant) {
        let gone = |it: &mut Mailserver| known.get(&it.identity) != Some(&*it);
        if self.mailserver.take_if(gone).is_some() || self.mailserver.is_none() {
            self.hurry(now + SOON);
        }
    }

    /// The node lists a mailserver, or does not any more: another one may be the better standby.
    pub(super) fn listing_changed(&mut self, listed: &BTreeSet<Identity>, now: Instant) {
        let is_peer = |it: &Mailserver| listed.contains(&it.identity);
        if !self.mailserver.as_ref().is_some_and(is_peer) {
            self.hurry(now + SOON);
        }
    }

    pub(super) fn take_if(
        &mut self,
        wanted: impl FnOnce(&Mailserver) -> bool,
    ) -> Option<Mailserver> {
        self.mailserver.take_if(|it| wanted(it))
    }

    /// Nothing is active any more: whether a request is under way stays.
    pub(super) fn emptied(self) -> Self {
        Self {
            requesting: self.requesting,
            ..Self::default()
        }
    }

    /// Whether this is the answer to the call that keeps it connected.
    pub(super) fn introduced(&mut self, number: u64) -> bool {
        self.call.take_if(|it| *it == number).is_some()
    }

    fn hurry(&mut self, at: Instant) {
        self.due = self.due.map(|due| due.min(at));
    }
}

impl Cycle {
    /// The mailserver that is used next, if one was drawn.
    #[must_use]
    pub fn standby(&self) -> Option<&Mailserver> {
        self.standby.mailserver.as_ref()
    }

    /// The mailserver that the node is to be kept connected to beside this one.
    #[must_use]
    pub fn kept_connected(&self, used: &Mailserver) -> Option<&Mailserver> {
        let hot = self.config.standby == Readiness::Hot;
        let standby = self.standby().filter(|_| hot);
        standby.filter(|it| it.identity != used.identity)
    }

    /// Has the standby drawn, if it is time for that.
    pub(super) fn prepare_standby(&mut self, now: Instant) {
        let wanted = self.config.standby != Readiness::Off || self.config.improve;
        let due = self.standby.due.is_some_and(|due| due <= now);
        let Some(active) = self.phase.connected().map(|it| it.identity.clone()) else {
            return;
        };
        let strict = self.pin_of(&active).is_some_and(|pin| pin.is_strict());
        let listed = self.connected.contains(&active);
        if !wanted || !due || strict || !listed || !self.has_lever() {
            return;
        }
        self.standby.due = Some(now + AGAIN);
        let pinned = self.pin.as_ref().map(|pin| &pin.mailserver().identity);
        let others = (self.candidates.values())
            .filter(|it| Some(&it.identity) != pinned || it.identity == active)
            .filter(|it| self.config.improve || it.identity != active);
        let candidates = others.map(|it| {
            let candidate = self.candidate(it, now);
            match it.identity == active {
                // It is measured with them, but not drawn.
                true => Candidate {
                    tier: Tier::Cooling,
                    ..candidate
                },
                false => candidate,
            }
        });
        let candidates = candidates.collect();
        self.standby.round = self.draw(candidates);
    }

    /// Has one of these drawn for later; the number of the round.
    fn draw(&mut self, candidates: Vec<Candidate>) -> Option<u64> {
        if candidates.is_empty() {
            return None;
        }
        let round = self.next_number();
        self.commands.push_back(Command::Select(Select {
            round,
            candidates,
            purpose: Purpose::Standby,
            quiet: true,
            blind: self.evidence.is_blocked(),
        }));
        Some(round)
    }

    /// The answer to [`Self::draw`].
    pub(super) fn draw_standby(&mut self, decision: &Decision, now: Instant) {
        let answered = decision.identity.is_some();
        let this = |it: &mut u64| *it == decision.round;
        if self.standby.pin_round.take_if(this).is_some() && answered {
            return self.return_to_pin(now);
        }
        let Some(active) = self.phase.connected().map(|it| it.identity.clone()) else {
            return;
        };
        if self.standby.round.take_if(this).is_none() {
            return;
        }
        let drawn = decision.identity.as_ref().filter(|it| **it != active);
        let drawn = drawn.and_then(|it| self.candidates.get(it)).cloned();
        tracing::debug!(
            standby = drawn.as_ref().map(|it| it.id.as_str()),
            considered = decision.considered.len(),
            pool = decision.pool,
            "standby drawn"
        );
        self.standby.due = Some(now + self.redrawn_after(drawn.is_some()));
        if self.config.standby != Readiness::Off {
            self.standby.mailserver.clone_from(&drawn);
            self.keep_connected();
        }
        if let Some(drawn) = drawn.filter(|_| self.config.improve) {
            self.improve(drawn, now);
        }
    }

    fn redrawn_after(&self, found: bool) -> Duration {
        match (self.config.improve, found) {
            (true, _) => COMPARED,
            (false, true) => FRESH,
            (false, false) => AGAIN,
        }
    }

    /// A hot standby is kept connected by the node.
    fn keep_connected(&mut self) {
        let hot = self.config.standby == Readiness::Hot;
        let standby = self.standby().filter(|_| hot).cloned();
        let unlisted = standby.filter(|it| !self.connected.contains(&it.identity));
        if let Some(standby) = unlisted {
            let number = self.next_number();
            self.standby.call = Some(number);
            let introduce = Command::Introduce(number, standby);
            self.commands.push_back(introduce);
        }
    }

    /// The answer of the node that is to keep the standby connected.
    pub(super) fn standby_introduced(
        &mut self,
        answer: &Result<Connection, NodeError>,
        now: Instant,
    ) {
        let Some(standby) = self.standby.mailserver.as_ref() else {
            return;
        };
        match answer {
            Ok(Connection::Connected) => {
                let identity = standby.identity.clone();
                self.connected.insert(identity.clone());
                let mark = Command::Mark(identity, PeerState::Connected);
                self.commands.push_back(mark);
            }
            Ok(Connection::Pending) => {}
            Err(_) => {
                self.standby.forget(now);
                self.standby.due = Some(now + AGAIN);
            }
        }
    }

    /// Probes a pin that the node is connected to and that did not answer: its own word is needed.
    pub(super) fn probe_pin(&mut self, pinned: Mailserver, now: Instant) {
        let candidate = self.candidate(&pinned, now);
        self.standby.pin_round = self.draw(vec![candidate]);
    }

    pub(super) fn pin_refused(&self) -> bool {
        self.pin.as_ref().is_some_and(|pin| pin.refuses())
    }

    /// What a round says of everybody.
    pub(super) fn remember(&mut self, surveyed: &Surveyed, now: Instant) {
        let anybody = surveyed.replies.iter().any(|it| it.outcome.is_ok());
        let peers = self.verdict == Verdict::Online && !self.connected.is_empty();
        self.evidence.round_ended(anybody, peers);
        for reply in &surveyed.replies {
            match &reply.outcome {
                Ok(rtt) => {
                    self.memory.measured(&reply.identity, *rtt);
                }
                Err(ProbeFailure::WrongPeer(_)) => {
                    let fraction = self.fraction();
                    let identity = reply.identity.clone();
                    let cause = Cause::WrongId;
                    self.memory.fail(identity, cause, now, fraction);
                }
                Err(_) => {}
            }
        }
        if surveyed.purpose == Purpose::Standby && self.config.improve {
            self.compare(surveyed);
        }
    }

    /// Counts for how long each has been much faster than the active one.
    fn compare(&mut self, surveyed: &Surveyed) {
        let Some(active) = self.phase.connected() else {
            return;
        };
        let of_active = surveyed
            .replies
            .iter()
            .find(|it| it.identity == active.identity);
        let Some(Ok(of_active)) = of_active.map(|it| it.outcome.clone()) else {
            return self.standby.faster.clear();
        };
        let of_active = of_active.as_secs_f64() * 1000.0;
        let before = std::mem::take(&mut self.standby.faster);
        for reply in &surveyed.replies {
            let Ok(rtt) = reply.outcome else { continue };
            let rtt = rtt.as_secs_f64() * 1000.0;
            if rtt <= of_active * FASTER_PART && of_active - rtt >= FASTER_BY_MS {
                let times = before.get(&reply.identity).unwrap_or(&0) + 1;
                self.standby.faster.insert(reply.identity.clone(), times);
            }
        }
    }

    /// Leaves the active mailserver for one that was drawn and has been much faster for a while.
    fn improve(&mut self, drawn: Mailserver, now: Instant) {
        let times = self.standby.faster.get(&drawn.identity);
        let enough = times.is_some_and(|times| *times >= COMPARISONS);
        let pinned = self.phase.connected().map(|it| it.identity.clone());
        let pinned = pinned.is_some_and(|it| self.pin_of(&it).is_some());
        if enough && !pinned && !self.standby.requesting {
            let stays = self.phase.connected().cloned();
            let announced = Announced::OnceConnected { stays };
            self.connect(drawn, announced, "much faster", now);
        }
    }

    /// Whom to watch, if that changed.
    pub(super) fn whom_to_watch(&mut self) -> Option<Watch> {
        let active = self.phase.connected().cloned();
        let standby = self.standby.mailserver.clone();
        let standby = standby.filter(|_| active.is_some());
        let watch = Watch { active, standby };
        (watch != self.watched).then(|| {
            self.watched = watch.clone();
            watch
        })
    }
}
