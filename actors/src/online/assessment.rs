//! How the verdict is reached, without I/O: signs and the time in, commands out.
//!
//! A sign against the network is a doubt, and a doubt is settled by [probing](super::probing). While offline all
//! candidates are probed again and again; any answer ends it.

mod decisions;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use rand::rngs::StdRng;

use crate::{
    Instant,
    messages::{
        events::Event,
        node::PeerSnapshot,
        online::{Clocks, Online},
        selection::Surveyed,
    },
    model::{
        mailserver::{Identity, Mailserver},
        probe::ProbeFailure,
        verdict::Verdict,
    },
    online::{
        node_report::NodeReport,
        probing::{Probing, proves_a_path},
        sleep::Wakefulness,
    },
};

/// How the verdict is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The limit for each reply of a probe: longer makes a verdict later, shorter makes slow networks suspect.
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(500),
        }
    }
}

/// For how long the system's changes are collected: routes come a moment after addresses, and in numbers.
const SETTLE: Duration = Duration::from_millis(250);

/// What is to be done.
#[derive(Debug)]
pub(super) enum Command {
    /// Probe these.
    Probe(u64, Vec<Mailserver>),
    /// The verdict is another one: tell the listeners and everybody.
    Change(Verdict, Event),
}

/// What is being done to find out.
#[derive(Debug)]
enum Stage {
    /// Nothing.
    Idle,
    /// The system reports changes; more may follow.
    Settling { until: Instant },
    /// Candidates are being probed.
    Probing(Probing),
    /// Offline, until the next round.
    Pausing { until: Instant },
}

/// What was probed before a doubt arose says nothing about it.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    since: Instant,
    /// The first round of probes that was sent after it.
    first_round: u64,
}

/// The state.
#[derive(Debug)]
pub(super) struct Assessment {
    timeout: Duration,
    random: StdRng,
    verdict: Verdict,
    since: Instant,
    reason: String,
    ready: bool,
    candidates: Vec<Mailserver>,
    /// Candidates that answered a probe: asked first.
    answered: BTreeSet<Identity>,
    /// Silence is evidence only once a probe of ours was answered: a firewall around the sidecar makes
    /// all of them silent, though the node works.
    proven: bool,
    node_report: NodeReport,
    changed: Option<Instant>,
    wakefulness: Wakefulness,
    stage: Stage,
    last_round: u64,
    /// Rounds up to this one were before the last sleep: what they find is void.
    void: u64,
    /// The doubt that was raised last.
    doubt: Option<Doubt>,
    commands: VecDeque<Command>,
}

// === inputs ===

impl Assessment {
    /// Online: nothing speaks against it.
    pub(super) fn new(config: Config, random: StdRng, now: Instant) -> Self {
        Self {
            timeout: config.timeout,
            random,
            verdict: Verdict::Online,
            since: now,
            reason: "nothing speaks against it".into(),
            ready: false,
            candidates: Vec::new(),
            answered: BTreeSet::new(),
            proven: false,
            node_report: NodeReport::default(),
            changed: None,
            wakefulness: Wakefulness::default(),
            stage: Stage::Idle,
            last_round: 0,
            void: 0,
            doubt: None,
            commands: VecDeque::new(),
        }
    }

    /// Something is about to be handled, whatever it is.
    pub(super) fn note(&mut self, now: Instant) {
        self.wakefulness.note(now);
    }

    /// The actor was restarted: what was under way is lost. The verdict stays, because the listeners know that
    /// one; so does the memory of who ever answered.
    pub(super) fn reset(&mut self) {
        self.stage = Stage::Idle;
        self.changed = None;
        self.void = self.last_round;
        self.node_report.forget();
        self.wakefulness = Wakefulness::default();
        self.commands.clear();
    }

    /// The node can be driven, or cannot. Without it nobody can be served: nothing new is found out then,
    /// and its silence says nothing of the network.
    pub(super) fn handle_node(&mut self, ready: bool, now: Instant) {
        self.ready = ready;
        if ready {
            return self.resume(now);
        }
        self.node_report.forget();
        if matches!(self.stage, Stage::Settling { .. } | Stage::Pausing { .. }) {
            self.stage = Stage::Idle;
        }
    }

    /// These may be probed.
    pub(super) fn handle_candidates(&mut self, candidates: Vec<Mailserver>) {
        self.candidates = candidates;
        let candidates = &self.candidates;
        (self.answered).retain(|it| candidates.iter().any(|known| known.identity == *it));
    }

    /// The node lists these peers.
    pub(super) fn handle_snapshot(&mut self, snapshot: PeerSnapshot, now: Instant) {
        if let Some(reason) = self.node_report.hear(snapshot, now) {
            return self.online_by(reason, now);
        }
        self.believe_node(now);
        self.complain(now);
    }

    /// The answer to a probe of ours. One that comes late is a sign of life all the same, if it was sent after the doubt.
    pub(super) fn handle_answer(
        &mut self,
        round: u64,
        identity: &Identity,
        outcome: &Result<Duration, ProbeFailure>,
        now: Instant,
    ) {
        if round <= self.void {
            return;
        }
        if proves_a_path(outcome) {
            let before = self.doubt.filter(|doubt| round < doubt.first_round);
            let sent = before.map_or(now, |doubt| doubt.since - Duration::from_nanos(1));
            return self.handle_measured(identity, sent, now);
        }
        if let Stage::Probing(probing) = &mut self.stage
            && probing.note_silent(round, identity)
        {
            self.proceed(now);
        }
    }

    /// A mailserver answered a probe that was sent then, this actor's or another's.
    pub(super) fn handle_measured(&mut self, identity: &Identity, sent: Instant, now: Instant) {
        self.proven = true;
        let known = self.candidates.iter().find(|it| it.identity == *identity);
        let name = known.map_or("a mailserver", |it| it.id.as_str());
        let reason = format!("{name} answers");
        if known.is_some() {
            self.answered.insert(identity.clone());
        }
        if self.doubt.is_none_or(|doubt| sent >= doubt.since) {
            self.online_by(reason, now);
        }
    }

    /// A ping round is over. Its silence is evidence like that of our own probes, where those are any.
    pub(super) fn handle_surveyed(&mut self, surveyed: &Surveyed, now: Instant) {
        let mut replies = surveyed.replies.iter();
        if let Some(reply) = replies.clone().find(|it| proves_a_path(&it.outcome)) {
            return self.handle_measured(&reply.identity, surveyed.begun, now);
        }
        let asked = |it: &Mailserver| surveyed.replies.iter().any(|r| r.identity == it.identity);
        let possible = replies.all(|it| !matches!(it.outcome, Err(ProbeFailure::Impossible(_))));
        let all = !self.candidates.is_empty() && self.candidates.iter().all(asked);
        if all && possible && self.proven {
            self.doubt("a ping round was answered by nobody", None, now);
        }
    }

    /// A watched mailserver missed a probe: what its loss may mean is found out beforehand.
    ///
    /// If nobody else can be probed, there is no doubt: to give up the only mailserver changes nothing, and to
    /// wait for the network could last for ever.
    pub(super) fn handle_missed(&mut self, about: Identity, now: Instant) {
        if self.has_others(&about) {
            self.doubt("a watched mailserver is silent", Some(about), now);
        }
    }

    /// The system says that the network changed.
    pub(super) fn handle_network(&mut self, now: Instant) {
        self.changed = Some(now);
        let soon = now + SETTLE;
        match &mut self.stage {
            Stage::Idle if self.ready => self.stage = Stage::Settling { until: soon },
            Stage::Pausing { until } => *until = soon.min(*until),
            Stage::Idle | Stage::Settling { .. } | Stage::Probing(_) => {}
        }
    }

    /// The clocks were read. After a sleep nothing holds that was known before.
    pub(super) fn handle_clocks(&mut self, clocks: Clocks, now: Instant) {
        let Some(slept) = self.wakefulness.read(clocks, now) else {
            return;
        };
        self.void = self.last_round;
        self.changed = None;
        self.node_report.forget();
        let slept_ms = slept.as_millis() as u64;
        let reason = format!("slept for {} s", slept.as_secs());
        self.change(Verdict::Asleep, reason, Event::Asleep { slept_ms }, now);
        self.begin("slept", None, now);
    }

    /// A limit has passed.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match &self.stage {
            Stage::Settling { until } if now >= *until => {
                self.begin("the network changed", None, now);
            }
            Stage::Pausing { until } if now >= *until => self.begin("offline", None, now),
            Stage::Probing(probing) if now >= probing.until => match probing.wide {
                true => self.conclude(now),
                // Those that have not answered yet may be slow: their answers still count.
                false => self.widen(now),
            },
            _ => {}
        }
        if self.ready && self.node_report.fell_silent(now) {
            self.doubt("the signals of the node stopped", None, now);
        }
    }
}

// === outputs ===

impl Assessment {
    /// The next thing to be done.
    pub(super) fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let stage = match &self.stage {
            Stage::Idle => None,
            Stage::Settling { until } | Stage::Pausing { until } => Some(*until),
            Stage::Probing(probing) => Some(probing.until),
        };
        let silence = self.node_report.due().filter(|_| self.ready);
        stage.into_iter().chain(silence).min()
    }

    /// The limit for each reply of a probe.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The verdict as it was told.
    pub(super) fn online(&self, now: Instant) -> Online {
        Online {
            verdict: self.verdict,
            since_ms: now.saturating_duration_since(self.since).as_millis() as u64,
            reason: self.reason.clone(),
        }
    }
}
