//! The decisions of the loop, without I/O: inputs and the time in, commands out.
//!
//! Nothing active → choose one (or insist on the pin) → connect it → connected. Lost → start over, with
//! the standby that was drawn in advance. The tick is the guarantee, a signal is the speed: both end in
//! the same step.
//!
//! | module | what it decides |
//! |---|---|
//! | `decisions` | what is to be done now: whom to choose, whether the pin is tried |
//! | `connection` | how a mailserver is connected, used and left |
//! | `failover` | whether a mailserver is lost or we are offline, and who takes its place |
//! | `standby` | who is next, drawn in advance, and whether it is better |

mod connection;
mod decisions;
mod failover;
mod standby;
mod views;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};

use crate::{
    Instant,
    connector::{
        attempts::Attempts,
        evidence::Evidence,
        memory::Memory,
        phase::Phase,
        pin::{Pin, Policy},
    },
    messages::{
        candidates::CandidatesChanged,
        connection::Counts,
        events::Event,
        node::NodeSwitched,
        peers::PeerState,
        selection::{Decision, Select, Surveyed},
        watch::Watch,
    },
    model::{
        candidate::Purpose,
        mailserver::{Identity, Mailserver},
        node::{Blame, Connection, Mode, NodeError, NodeState},
        record::Cause,
        verdict::Verdict,
    },
};
pub use standby::Readiness;

/// How the loop behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Act on a lost mailserver at once; else at the next tick.
    pub reactive: bool,
    /// What to do while the pinned mailserver does not work.
    pub pin_policy: Policy,
    /// For how long `prefer` insists on a pin that does not work.
    pub pin_patience: Duration,
    /// The end of `Connecting`.
    pub connect_timeout: Duration,
    /// When a selection that gave no answer is given up: its actor was restarted. Well above the limit
    /// for a ping.
    pub selection_timeout: Duration,
    /// The longest random pause before a dial that many others are likely to make at the same moment.
    pub jitter: Duration,
    /// How ready the next mailserver is kept.
    pub standby: Readiness,
    /// Leave a mailserver that works for one that is much faster.
    pub improve: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reactive: true,
            pin_policy: Policy::Prefer,
            pin_patience: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            selection_timeout: Duration::from_secs(5),
            jitter: Duration::from_millis(500),
            standby: Readiness::Warm,
            improve: false,
        }
    }
}

/// What the loop wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Ping the candidates and choose one.
    Select(Select),
    /// Make the node use it; the answer comes back with the number.
    Connect(u64, Mailserver),
    /// Make the node know it as a peer; the answer comes back with the number.
    Introduce(u64, Mailserver),
    /// Drop it as a peer.
    Drop(Mailserver),
    /// Ask the node for its peers.
    Refresh,
    /// Correct the peer table.
    Mark(Identity, PeerState),
    /// Have history requested from it, after a pause.
    Available(Mailserver, Duration),
    /// No history can be requested now.
    Unavailable,
    /// Keep an eye on these.
    Watch(Watch),
    /// Tell everybody.
    Publish(Event),
}

/// A peer that was removed and is added again is connected this long after its last dial, not before
/// (recorded on waku1, v0.94).
const REDIAL: Duration = Duration::from_secs(35);

/// The first question for the peers while `Connecting` comes this much later.
const FIRST_REFRESH: Duration = Duration::from_millis(100);

/// The longest pause between two questions for the peers while `Connecting`: a summary is never sent for a
/// peer that was connected already, or without discovery (recorded on waku1, v0.94).
const REFRESH: Duration = Duration::from_secs(1);

/// The pause after a round that nobody answered: a twentieth of the time that it has lasted, so that those
/// who come back soon are found soon, within these limits. The tick comes on top.
const SEEK: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(10);

/// The state of the loop.
#[derive(Debug)]
pub struct Cycle {
    config: Config,
    node: NodeState,
    candidates: BTreeMap<Identity, Mailserver>,
    connected: BTreeSet<Identity>,
    pin: Option<Pin>,
    phase: Phase,
    /// The node's own choice, where it has a cycle of its own.
    node_uses: Option<Identity>,
    /// What was active when the node went away.
    resume: Option<Identity>,
    memory: Memory,
    random: StdRng,
    attempts: Attempts,
    /// The node uses another one than the active, one that it does not list.
    astray: bool,
    trial: Option<u64>,
    verdict: Verdict,
    /// We are offline, and nobody has answered since: nobody is dialled.
    withdrawn: bool,
    /// The node lists no peer at all, not even a mailserver.
    alone: bool,
    /// We were offline or asleep: messages may have been missed.
    gap: bool,
    /// Nobody is dialled before: others do the same.
    dial_not_before: Option<Instant>,
    /// The next one to be connected is asked for history after this pause: others do the same.
    request_pause: Duration,
    /// Since when nobody answers, and when to look again.
    seek: Option<failover::Seek>,
    /// The number of the last selection of an active mailserver.
    round: u64,
    beside: Option<failover::Beside>,
    /// When the round beside what is used begins.
    beside_due: Option<Instant>,
    /// A decision that waits for the rest of its round.
    early: Option<Decision>,
    /// A pin that is kept though it is silent is watched again at the next tick.
    rewatch: bool,
    standby: standby::Standby,
    evidence: Evidence,
    watched: Watch,
    last_number: u64,
    counts: Counts,
    commands: VecDeque<Command>,
}

// === inputs ===

impl Cycle {
    /// A loop that knows nothing of the node yet. `seed` makes its draws repeatable.
    #[must_use]
    pub fn new(config: Config, memory: Memory, seed: Option<u64>) -> Self {
        Self {
            config,
            memory,
            random: seed.map_or_else(rand::make_rng, StdRng::seed_from_u64),
            node: NodeState::Unreachable {
                reason: "not asked yet".into(),
            },
            candidates: BTreeMap::new(),
            connected: BTreeSet::new(),
            pin: None,
            phase: Phase::Idle,
            node_uses: None,
            resume: None,
            attempts: Attempts::default(),
            astray: false,
            trial: None,
            verdict: Verdict::default(),
            withdrawn: false,
            alone: false,
            gap: false,
            dial_not_before: None,
            request_pause: Duration::ZERO,
            seek: None,
            round: 0,
            beside: None,
            beside_due: None,
            early: None,
            rewatch: false,
            standby: standby::Standby::default(),
            evidence: Evidence::default(),
            watched: Watch::default(),
            last_number: 0,
            counts: Counts::default(),
            commands: VecDeque::new(),
        }
    }

    /// The next thing to be done.
    pub fn poll_command(&mut self) -> Option<Command> {
        let command = self.commands.pop_front();
        command.or_else(|| self.whom_to_watch().map(Command::Watch))
    }

    /// When [`Self::handle_timeout`] is to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let pin = self.pin.as_ref();
        // These move on whenever they are handled: one that has passed meanwhile is due now.
        let due = match &self.phase {
            Phase::Connecting { refresh_at, .. } => Some(*refresh_at),
            Phase::Waiting { until, .. } | Phase::Selecting { until, .. } => Some(*until),
            _ => None,
        };
        // What is due already was acted upon: to name it again would spin.
        let later = match &self.phase {
            Phase::Idle => [
                pin.and_then(Pin::falls_back_at),
                self.seek.as_ref().map(|it| it.at),
            ],
            Phase::Connected { .. } => [
                self.wanted_pin().map(|pin| pin.next_trial(now)),
                self.standby.due,
            ],
            _ => [None, None],
        };
        let later = later.into_iter().flatten().filter(|at| now < *at);
        due.into_iter().chain(self.beside_due).chain(later).min()
    }

    /// The heartbeat.
    pub fn handle_tick(&mut self, now: Instant) {
        self.counts.ticks += 1;
        self.attempts.allow_all();
        if std::mem::take(&mut self.rewatch) {
            self.watched = Watch::default();
        }
        if std::mem::take(&mut self.astray) {
            self.lead_back(now);
        }
        self.step(now);
    }

    /// A limit that [`Self::poll_timeout`] named has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let limit = self.config.connect_timeout;
        if self.beside_due.take_if(|due| *due <= now).is_some() && self.phase.in_use().is_some() {
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
                if !self.config.reactive && !self.connected.contains(&mailserver.identity) => {}
            _ => self.step(now),
        }
    }

    /// The node came, went, or told something new about itself.
    pub fn handle_node(&mut self, node: NodeState, now: Instant) {
        let was_ready = self.profile().is_some();
        self.node = node;
        match self.profile() {
            None => self.suspend("the node is away"),
            Some(profile) if !profile.use_mailservers => {
                self.resume = None;
                self.deactivate("mailservers are switched off in the node");
            }
            Some(_) => {
                self.attempts.forget();
                self.seek = None;
                if !was_ready {
                    self.resume_connection(now);
                }
                self.step(now);
            }
        }
    }

    /// The list of candidates or the pin changed.
    pub fn handle_candidates(&mut self, changed: CandidatesChanged, now: Instant) {
        let by_identity = |it: Mailserver| (it.identity.clone(), it);
        self.candidates = changed.candidates.into_iter().map(by_identity).collect();
        let known = &self.candidates;
        self.connected.retain(|it| known.contains_key(it));
        self.memory.retain(|it| known.contains_key(it));
        let pinned = changed.pinned.and_then(|it| self.candidates.get(&it));
        let kept = self.pin.take();
        self.pin = pinned.map(|pinned| match kept {
            Some(pin) if pin.mailserver() == pinned => pin,
            _ => Pin::new(
                pinned.clone(),
                self.config.pin_policy,
                self.config.pin_patience,
            ),
        });
        self.standby.retain(&self.candidates, now);
        let gone = |it: &Mailserver| !self.candidates.contains_key(&it.identity);
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
        self.alone = alone;
        match state {
            PeerState::Connected => {
                self.connected.insert(identity.clone());
                self.peer_came(identity, now);
            }
            PeerState::Disconnected => {
                self.connected.remove(identity);
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
        self.standby.listing_changed(&self.connected, now);
    }

    /// The answer to [`Command::Select`].
    pub fn handle_decision(&mut self, decision: &Decision, now: Instant) {
        if decision.round == self.round && decision.chosen.is_some() {
            self.withdrawn = false;
        }
        match decision.purpose {
            Purpose::Standby => self.draw_standby(decision, now),
            Purpose::Active if decision.round != self.round => {}
            Purpose::Active => match std::mem::replace(&mut self.phase, Phase::Idle) {
                Phase::Selecting {
                    held: Some(held), ..
                } => self.judge(held, decision, now),
                Phase::Selecting { held: None, .. } => self.take(decision, now),
                phase => {
                    self.phase = phase;
                    self.weigh(decision, now);
                }
            },
        }
    }

    /// The whole outcome of a ping round, which a decision may have overtaken.
    pub fn handle_surveyed(&mut self, surveyed: &Surveyed, now: Instant) {
        self.remember(surveyed, now);
        self.settle_beside(surveyed, now);
    }

    /// The verdict on our own network changed.
    pub fn handle_verdict(&mut self, verdict: Verdict, now: Instant) {
        let was_offline = self.verdict == Verdict::Offline;
        self.verdict = verdict;
        if verdict == Verdict::Online {
            self.withdrawn = false;
        }
        match verdict {
            Verdict::Suspect => {}
            Verdict::Offline | Verdict::Asleep => {
                self.gap = true;
                self.memory.acquit();
                match verdict {
                    Verdict::Offline => self.withdraw_plans(now),
                    _ => self.withdrawn = false,
                }
            }
            Verdict::Online if self.gap => self.return_online(was_offline, now),
            Verdict::Online if matches!(self.phase, Phase::Held(_)) => self.step(now),
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
            self.rewatch = true;
        }
    }

    /// A watched mailserver answered.
    pub fn handle_measured(&mut self, identity: &Identity, rtt: Duration, now: Instant) {
        self.memory.measured(identity, rtt);
        self.proved(identity, now);
    }

    /// A history request began, or none is under way any more.
    pub fn handle_requesting(&mut self, under_way: bool) {
        self.standby.requesting = under_way;
    }

    /// The answer to [`Command::Connect`], and in `observe` mode to [`Command::Introduce`].
    pub fn handle_connection(
        &mut self,
        number: u64,
        answer: Result<Connection, NodeError>,
        now: Instant,
    ) {
        let Phase::Connecting {
            attempt,
            mailserver,
            ..
        } = &self.phase
        else {
            return;
        };
        if *attempt != number {
            return;
        }
        let listed = self.connected.contains(&mailserver.identity);
        match answer {
            Ok(Connection::Connected) => self.connection_made(now),
            Ok(Connection::Pending) if listed => self.connection_made(now),
            Ok(Connection::Pending) => self.commands.push_back(Command::Refresh),
            Err(error) => self.fail_connection(&error.to_string(), error.blame(), now),
        }
    }

    /// The answer to a trial of the pin ([`Command::Introduce`]).
    pub fn handle_introduction(
        &mut self,
        number: u64,
        answer: &Result<Connection, NodeError>,
        now: Instant,
    ) {
        if self.standby.introduced(number) {
            return self.standby_introduced(answer, now);
        }
        if self.trial.take_if(|it| *it == number).is_none() {
            return self.handle_connection(number, answer.clone(), now);
        }
        let Some(pinned) = self.wanted_pin().map(|pin| pin.mailserver().clone()) else {
            return;
        };
        if matches!(answer, Ok(Connection::Connected)) {
            let mark = Command::Mark(pinned.identity.clone(), PeerState::Connected);
            self.commands.push_back(mark);
            self.connected.insert(pinned.identity);
            self.return_to_pin(now);
        }
    }

    /// The active mailserver does not answer history requests.
    pub fn handle_failing(&mut self, identity: &Identity, reason: &str, now: Instant) {
        let active = self.phase.connected();
        let in_use = active.is_some_and(|it| it.identity == *identity);
        // While we are offline nobody can answer.
        if !in_use || !self.has_lever() || self.verdict == Verdict::Offline {
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
        let Some(mailserver) = self.candidates.values().find(named).cloned() else {
            return;
        };
        self.node_uses = Some(mailserver.identity.clone());
        if matches!(self.mode(), Some(Mode::Pin | Mode::Observe)) {
            self.follow(mailserver, now);
        }
        self.step(now);
    }

    /// After a panic: everything that was under way is forgotten, what the others told is kept.
    pub fn reset(&mut self) {
        self.deactivate("the connector was restarted");
        self.trial = None;
        self.attempts.allow_all();
        self.memory.reset();
    }

    /// What is remembered of the mailservers, to be written down.
    pub fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }
}
