//! The decisions of the loop, without I/O: inputs and the time in, commands out.
//!
//! Nothing active → choose one (or insist on the pin) → connect it → connected. Lost → start over.
//! The tick is the guarantee, a signal is the speed: both end in the same step.

mod decisions;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::{
    Instant,
    connector::{Active, Counts, PinStatus},
    cooling::Cooling,
    events::Event,
    fleet_registry::CandidatesChanged,
    mailserver::{Identity, Mailserver},
    node::{Blame, Connection, Mode, NodeError, NodeState, NodeSwitched, Profile},
    peer_tracker::PeerState,
    phase::Phase,
    pin::{Pin, Policy},
    selector::{Decision, Select},
};

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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reactive: true,
            pin_policy: Policy::Prefer,
            pin_patience: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            selection_timeout: Duration::from_secs(5),
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
    /// Have history requested from it.
    Available(Mailserver),
    /// No history can be requested now.
    Unavailable,
    /// Tell everybody.
    Publish(Event),
}

/// How many connect calls may fail in a row before the loop waits for the next tick: if they all
/// fail, it is more likely the node that has no network.
const ATTEMPTS_PER_TICK: usize = 3;

/// A peer that was removed and is added again is connected this long after its last dial, not before
/// (recorded on waku1, v0.94).
const REDIAL: Duration = Duration::from_secs(35);

/// The first question for the peers while `Connecting` comes this much later.
const FIRST_REFRESH: Duration = Duration::from_millis(100);

/// The longest pause between two questions for the peers while `Connecting`: a summary is never sent for a
/// peer that was connected already, or without discovery (recorded on waku1, v0.94).
const REFRESH: Duration = Duration::from_secs(1);

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
    cooling: Cooling,
    /// Whom a connect call failed for since the last tick, once for each call.
    tried: Vec<Identity>,
    /// Connect calls that failed since the last connection.
    failures: usize,
    /// The node uses another one than the active, one that it does not list.
    astray: bool,
    trial: Option<u64>,
    last_number: u64,
    counts: Counts,
    commands: VecDeque<Command>,
}

// === inputs ===

impl Cycle {
    /// A loop that knows nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            node: NodeState::Unreachable {
                reason: "not asked yet".into(),
            },
            candidates: BTreeMap::new(),
            connected: BTreeSet::new(),
            pin: None,
            phase: Phase::Idle,
            node_uses: None,
            resume: None,
            cooling: Cooling::default(),
            tried: Vec::new(),
            failures: 0,
            astray: false,
            trial: None,
            last_number: 0,
            counts: Counts::default(),
            commands: VecDeque::new(),
        }
    }

    /// The next thing to be done.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let pin = self.pin.as_ref();
        let at = match &self.phase {
            Phase::Connecting { refresh_at, .. } => return Some(*refresh_at),
            Phase::Selecting { until } => Some(*until),
            Phase::Idle => pin.and_then(Pin::falls_back_at),
            Phase::Connected { .. } => self.wanted_pin().map(|pin| pin.next_trial(now)),
        };
        // What is due already was acted upon: to name it again would spin.
        at.filter(|at| now < *at)
    }

    /// The heartbeat.
    pub fn handle_tick(&mut self, now: Instant) {
        self.counts.ticks += 1;
        self.tried.clear();
        if std::mem::take(&mut self.astray) {
            self.lead_back(now);
        }
        self.step(now);
    }

    /// A limit that [`Self::poll_timeout`] named has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let limit = self.config.connect_timeout;
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
                self.tried.clear();
                self.failures = 0;
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
        self.cooling.retain(|it| known.contains_key(it));
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
        let gone = |it: &Mailserver| !self.candidates.contains_key(&it.identity);
        let mut concerned = self.phase.in_use().into_iter().chain(self.active());
        if concerned.any(gone) {
            self.deactivate("no candidate any more");
        }
        self.step(now);
    }

    /// The node lists a mailserver, or does not any more.
    pub fn handle_peer(&mut self, identity: &Identity, state: PeerState, now: Instant) {
        match state {
            PeerState::Connected => {
                self.connected.insert(identity.clone());
                self.peer_came(identity, now);
            }
            PeerState::Disconnected => {
                self.connected.remove(identity);
                let lost = matches!(&self.phase, Phase::Connected { mailserver, .. }
                    if mailserver.identity == *identity);
                if lost && self.config.reactive {
                    self.tried.clear();
                    self.step(now);
                }
            }
        }
    }

    /// The answer to [`Command::Select`].
    pub fn handle_decision(&mut self, decision: &Decision, now: Instant) {
        if !matches!(self.phase, Phase::Selecting { .. }) || decision.round != self.last_number {
            return;
        }
        self.phase = Phase::Idle;
        let chosen = decision.identity.as_ref();
        // The choice must be in the list: it may have changed since the ping round began.
        match chosen.and_then(|it| self.candidates.get(it)).cloned() {
            Some(mailserver) => self.connect(mailserver, self.announcement(), "chosen", now),
            None if chosen.is_some() => self.step(now),
            None => self.fall_back_to_pin(now),
        }
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
        let in_use = matches!(&self.phase, Phase::Connected { mailserver, .. }
            if mailserver.identity == *identity);
        if !in_use || !self.has_lever() {
            return;
        }
        match self.pin_of(identity) {
            // There is nobody to go to: the requests are repeated until it answers.
            Some(pin) if pin.is_strict() => return,
            Some(pin) => pin.refused(now),
            None => {}
        }
        self.tried.clear();
        self.lose(reason, now);
        self.step(now);
    }

    /// A mailserver answered a history request.
    pub fn handle_served(&mut self, identity: &Identity) {
        self.cooling.forgive(identity);
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
        self.tried.clear();
        self.cooling = Cooling::default();
    }
}

// === views ===

impl Cycle {
    /// The active mailserver, connected or still connecting.
    #[must_use]
    pub fn active(&self) -> Option<&Mailserver> {
        self.phase.active()
    }

    /// The active mailserver with its state, for the status page.
    #[must_use]
    pub fn active_status(&self, now: Instant) -> Option<Active> {
        self.phase.status(now)
    }

    /// The pin, for the status page.
    #[must_use]
    pub fn pin_status(&self, now: Instant) -> Option<PinStatus> {
        let pin = self.pin.as_ref()?;
        Some(PinStatus {
            mailserver: pin.mailserver().clone(),
            fallback_reason: pin.reason(now),
        })
    }

    /// The node as last reported.
    #[must_use]
    pub fn node(&self) -> &NodeState {
        &self.node
    }

    /// Who is avoided, and for how many milliseconds yet.
    #[must_use]
    pub fn cooling_ms(&self, now: Instant) -> BTreeMap<Identity, u64> {
        self.cooling.remaining_ms(now)
    }

    /// Counters since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How the node is driven, once that is known.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.profile().map(|profile| profile.mode)
    }

    fn profile(&self) -> Option<&Profile> {
        match &self.node {
            NodeState::Ready { profile } => Some(profile),
            NodeState::Unreachable { .. } | NodeState::LoggedOut => None,
        }
    }

    fn has_lever(&self) -> bool {
        self.mode() != Some(Mode::Observe)
    }

    /// The pin, if another mailserver is connected in its place.
    fn wanted_pin(&self) -> Option<&Pin> {
        let Phase::Connected { mailserver, .. } = &self.phase else {
            return None;
        };
        let pin = self.pin.as_ref().filter(|_| self.has_lever());
        pin.filter(|pin| pin.mailserver().identity != mailserver.identity)
    }

    /// The pin, if this is it.
    fn pin_of(&mut self, identity: &Identity) -> Option<&mut Pin> {
        let pin = self.pin.as_mut();
        pin.filter(|pin| pin.mailserver().identity == *identity)
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}
