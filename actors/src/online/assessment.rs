//! How the verdict is reached, without I/O: [what is heard](inputs) and the time in, commands out.
//!
//! A sign against the network is a doubt, settled by [probing](super::probing); while offline, again and again.

mod inputs;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use rand::{RngExt, rngs::StdRng};

use crate::{
    Instant,
    messages::{events::Event, online::Online, ping::Proof},
    model::{
        address::Network,
        mailserver::{Identity, Mailserver},
        verdict::Verdict,
    },
    online::{node_report::NodeReport, probing::Probing, sleep::Wakefulness},
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

/// The pause between two rounds while offline is this part of the outage so far …
const PART: u32 = 60;

/// … but not shorter: whoever is back after a short outage is seen within a second …
const SHORTEST: Duration = Duration::from_secs(1);

/// … and not longer.
const LONGEST: Duration = Duration::from_secs(10);

/// A node that lists peers for this long after our probes were last answered is right, and our probes are
/// not: dead ones are listed for 32 s at most (recorded on v0.94).
const OUTLASTS: Duration = Duration::from_secs(60);

/// Why we are online, where our own probes are no evidence.
const THE_NODES_WORD: &str = "the node does not deny it, and our own probes tell nothing";

/// What is to be done.
#[derive(Debug)]
pub(super) enum Command {
    /// Probe these, until they give this.
    Probe(u64, Vec<Mailserver>, Proof),
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
    /// What ends it. A path to an enode proves nothing where it is an enode that is silent: the system of a hung one
    /// agrees to connections too.
    needs: Proof,
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
}

// === decisions ===

impl Assessment {
    /// Goes on with what an actor that was restarted, or a node that was away, left open.
    pub(super) fn resume(&mut self, now: Instant) {
        if !matches!(self.stage, Stage::Idle) {
            return;
        }
        match self.verdict {
            Verdict::Online => self.complain(now),
            // That we slept must come to an end, with or without the node.
            Verdict::Asleep => self.begin("slept", None, now),
            Verdict::Suspect | Verdict::Offline => self.doubt("it was open", None, now),
        }
    }

    pub(super) fn complain(&mut self, now: Instant) {
        if self.may_doubt()
            && let Some(reason) = self.node_report.complain(now)
        {
            self.begin(reason, None, now);
        }
    }

    pub(super) fn doubt(&mut self, reason: &'static str, about: Option<Identity>, now: Instant) {
        if self.may_doubt() {
            self.begin(reason, about, now);
        }
    }

    fn may_doubt(&self) -> bool {
        self.ready && matches!(self.stage, Stage::Idle | Stage::Settling { .. })
    }

    pub(super) fn begin(&mut self, reason: &'static str, about: Option<Identity>, now: Instant) {
        let wide = self.verdict == Verdict::Offline;
        if matches!(self.verdict, Verdict::Online | Verdict::Asleep) {
            self.doubt = Some(Doubt {
                since: now,
                first_round: self.last_round + 1,
                needs: self.proof_against(about.as_ref()),
            });
        }
        tracing::debug!(reason, verdict = ?self.verdict, candidates = self.candidates.len(), proven = self.proven, "doubt");
        let probing = Probing::new(reason, about, wide, self.last_round + 1, now);
        self.stage = Stage::Probing(probing);
        self.ask(now);
        self.proceed(now);
    }

    /// What it takes to end a doubt that was raised by the silence of this one.
    fn proof_against(&self, about: Option<&Identity>) -> Proof {
        let silent = |it: &&Mailserver| Some(&it.identity) == about;
        match self.candidates.iter().find(silent) {
            Some(it) if it.address.network() == Network::Waku1 => Proof::Life,
            _ => Proof::Path,
        }
    }

    /// What it takes to end the doubt, as it stands.
    fn needs(&self) -> Proof {
        self.doubt.map_or(Proof::Path, |doubt| doubt.needs)
    }

    fn ask(&mut self, now: Instant) {
        let needs = self.needs();
        let Stage::Probing(probing) = &mut self.stage else {
            return;
        };
        let (random, answered, report) = (&mut self.random, &self.answered, &self.node_report);
        // Whom the node is connected to already it need not dial: to be provoked costs that one nothing.
        let rank = |it: &Identity| match needs {
            Proof::Path => (false, !answered.contains(it)),
            Proof::Life | Proof::Watched => (!report.lists(it), !answered.contains(it)),
        };
        let targets = probing.next(&self.candidates, rank, self.timeout, random, now);
        if !targets.is_empty() {
            self.last_round += 1;
            let order = Command::Probe(self.last_round, targets, needs);
            self.commands.push_back(order);
        }
    }

    /// Once all that were asked are silent, the others are asked, or it is over.
    pub(super) fn proceed(&mut self, now: Instant) {
        if let Stage::Probing(probing) = &self.stage
            && probing.is_silent()
        {
            match probing.wide {
                true => self.conclude(now),
                false => self.widen(now),
            }
        }
    }

    /// The first two are silent. Only that is a suspicion worth telling: most doubts end sooner.
    pub(super) fn widen(&mut self, now: Instant) {
        let Stage::Probing(probing) = &mut self.stage else {
            return;
        };
        probing.wide = true;
        let reason = probing.reason;
        self.ask(now);
        let pending = matches!(&self.stage, Stage::Probing(it) if !it.is_silent());
        if pending && self.proven && self.verdict == Verdict::Online {
            let event = Event::Suspect {
                reason: reason.into(),
            };
            self.change(Verdict::Suspect, reason.into(), event, now);
        }
        self.proceed(now);
    }

    /// Nobody answered.
    pub(super) fn conclude(&mut self, now: Instant) {
        if let (Stage::Probing(probing), Some(doubt)) = (&self.stage, &mut self.doubt)
            && !probing.found_hung
        {
            // Nobody is even within reach: then whoever is again will do.
            doubt.needs = Proof::Path;
        }
        if !self.proven || self.candidates.is_empty() {
            let says = self.node_report.says();
            if says.unwrap_or(self.verdict != Verdict::Asleep) {
                return self.online_by(THE_NODES_WORD, now);
            }
            self.offline("the node lists no peer, and nobody answers", now);
        } else {
            self.offline("no candidate answers", now);
        }
    }

    fn offline(&mut self, reason: &'static str, now: Instant) {
        let asked = match &self.stage {
            Stage::Probing(probing) => probing.asked_at,
            _ => now,
        };
        let event = Event::Offline {
            reason: reason.into(),
        };
        self.change(Verdict::Offline, reason.into(), event, now);
        self.stage = match self.ready {
            true => Stage::Pausing {
                until: self.next_round(asked, now),
            },
            false => Stage::Idle,
        };
    }

    /// When all are asked again: at once if the network changed meanwhile; else a pause after they were asked, up
    /// to a fifth shorter, so that those who lost one network together do not knock together.
    fn next_round(&mut self, asked: Instant, now: Instant) -> Instant {
        if self.changed.is_some_and(|at| at >= asked) {
            return now + SETTLE;
        }
        let since = self.changed.map_or(self.since, |at| at.max(self.since));
        let outage = now.saturating_duration_since(since);
        let pause = (outage / PART).clamp(SHORTEST, LONGEST);
        let pause = pause.mul_f64(self.random.random_range(0.8..1.0));
        now.max(asked + pause)
    }

    /// Whatever was doubted, we are online.
    pub(super) fn online_by(&mut self, reason: impl Into<String>, now: Instant) {
        let reason = reason.into();
        self.stage = Stage::Idle;
        if let Some(doubt) = &mut self.doubt {
            doubt.needs = Proof::Path;
        }
        let outage = (self.verdict == Verdict::Offline)
            .then(|| now.saturating_duration_since(self.since).as_millis() as u64);
        let event = Event::Online {
            reason: reason.clone(),
            offline_ms: outage,
        };
        self.change(Verdict::Online, reason, event, now);
    }

    /// While offline, a list of peers counts where our probes do not, and once it has outlasted them.
    pub(super) fn believe_node(&mut self, now: Instant) {
        if self.verdict != Verdict::Offline || self.node_report.says() != Some(true) {
            return;
        }
        let outlasted = now.saturating_duration_since(self.since) >= OUTLASTS;
        if outlasted {
            self.proven = false;
        }
        if !self.proven || self.candidates.is_empty() {
            self.online_by(THE_NODES_WORD, now);
        }
    }

    pub(super) fn has_others(&self, about: &Identity) -> bool {
        self.candidates.iter().any(|it| it.identity != *about)
    }

    pub(super) fn change(&mut self, verdict: Verdict, reason: String, event: Event, now: Instant) {
        if self.verdict == verdict {
            return;
        }
        tracing::debug!(before = ?self.verdict, ?verdict, reason, "verdict");
        self.verdict = verdict;
        self.since = now;
        self.reason = reason;
        self.commands.push_back(Command::Change(verdict, event));
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
            verdict: self.verdict.into(),
            since_ms: now.saturating_duration_since(self.since).as_millis() as u64,
            reason: self.reason.clone(),
        }
    }
}
