//! Whom to probe when, and what the answers mean, without I/O: inputs and the time in, commands out.
//!
//! Only an answer of the adapter can be a miss. A timer that is late (a busy machine, an hour of sleep) probes
//! late and concludes nothing.

mod evidence;
mod response_times;
mod watched_peer;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use evidence::Evidence;
pub use evidence::RoundProof;
use response_times::ResponseTimes;
use watched_peer::{RARELY, Role, WatchedPeer, Watching};

use crate::{
    Instant,
    messages::{
        ping::{News, ProbeAnswer},
        watch::{Measured, Watch, WatchLost, Watched},
    },
    model::{
        mailserver::{Identity, Mailserver},
        probe::ProbeFailure,
        record::Cause,
        verdict::Verdict,
    },
    watch::byte_budget::ByteBudget,
};

/// How the watch is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The pause between two probes of the active mailserver; `None`: no watch.
    pub interval: Option<Duration>,
    /// The most payload bytes that all probes of the watch may cost in a minute: the pause grows with what they
    /// cost. Only the second probe after a miss, and the one after a connection ended, never wait for it.
    pub budget: u64,
    /// The longest patience for one reply.
    pub timeout: Duration,
    /// What an answer to a ping round proves.
    pub rounds: RoundProof,
}

/// What the watch wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Probe it; the answer comes back with the number of the round.
    Probe {
        /// The round.
        round: u64,
        /// Whom.
        target: Mailserver,
        /// The limit for each reply.
        patience: Duration,
        /// It is the one in use: the node is connected to it.
        in_use: bool,
    },
    /// It answered, in this time.
    Measured(Measured),
    /// It did not, for the first time in a row.
    Missed(Identity),
    /// It did not again: why, for people.
    Lost(WatchLost),
}

/// One that never answered is probed rarely too after so many misses: a firewall is in the way.
const HOPELESS: u32 = 3;

/// So many misses in a row, and it is lost.
const LOST: u32 = 2;

/// The state.
#[derive(Debug)]
pub struct FailureDetector {
    config: Config,
    peers: BTreeMap<Identity, WatchedPeer>,
    times: ResponseTimes,
    evidence: Evidence,
    /// The last one that was lost without having ever answered. If it is kept, it is not probed at that pace again.
    mute: Option<Identity>,
    bytes_spent: ByteBudget,
    offline: bool,
    last_round: u64,
    probes: u64,
    misses: u64,
    commands: VecDeque<Command>,
}

impl FailureDetector {
    /// Nobody is watched yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            peers: BTreeMap::new(),
            times: ResponseTimes::default(),
            evidence: Evidence::default(),
            mute: None,
            bytes_spent: ByteBudget::new(config.budget),
            offline: false,
            last_round: 0,
            probes: 0,
            misses: 0,
            commands: VecDeque::new(),
        }
    }

    /// The next thing to be done.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.offline {
            return None;
        }
        self.peers.values().filter_map(|it| it.stage.until()).min()
    }

    /// These are watched from now on, and nobody else.
    pub fn handle_watch(&mut self, watch: Watch, now: Instant) {
        let Some(interval) = self.config.interval else {
            return;
        };
        let mut before = std::mem::take(&mut self.peers);
        let Watch { active, standby } = watch;
        let both = |it: &Mailserver| active.as_ref().is_some_and(|a| a.identity == it.identity);
        let standby = standby.filter(|it| !both(it));
        let named = active.map(|it| (it, Role::Active));
        for (mailserver, role) in named
            .into_iter()
            .chain(standby.map(|it| (it, Role::Standby)))
        {
            let identity = mailserver.identity.clone();
            let mut peer = match before.remove(&identity) {
                Some(peer) => peer.named_again(mailserver, role, interval, now),
                None => WatchedPeer::new(mailserver, role, interval, now),
            };
            if self.mute.as_ref() == Some(&identity)
                && matches!(peer.stage, Watching::Waiting { .. })
            {
                let until = now + interval * RARELY;
                peer.stage = Watching::Waiting { until };
            }
            self.peers.insert(identity, peer);
        }
    }

    /// While we are offline nobody is probed: silence would be no news.
    pub fn handle_verdict(&mut self, verdict: Verdict, now: Instant) {
        match verdict {
            Verdict::Offline => self.offline = true,
            Verdict::Online if self.offline => {
                self.offline = false;
                self.begin_again(now);
            }
            Verdict::Online | Verdict::Suspect | Verdict::Asleep => {}
        }
    }

    /// A ping round was answered by somebody.
    pub fn handle_heard(&mut self, now: Instant) {
        self.evidence.round_answered = Some(now);
    }

    /// After a restart: those that are watched are watched from the beginning. Answers that are under way
    /// belong to no round any more.
    pub fn reset(&mut self, now: Instant) {
        self.commands.clear();
        self.begin_again(now);
    }

    /// A probe is due, or its answer did not come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.offline {
            return;
        }
        let due = |peer: &WatchedPeer| peer.stage.until().is_some_and(|until| until <= now);
        let due = self.peers.iter().filter(|(_, peer)| due(peer));
        let due: Vec<Identity> = due.map(|(identity, _)| identity.clone()).collect();
        for identity in due {
            match self.peers[&identity].stage {
                Watching::Waiting { .. } => match self.bytes_spent.free_at(now) {
                    Some(until) => self.set(&identity, Watching::Waiting { until }),
                    None => self.probe(&identity, now),
                },
                // The adapter died with it: nothing was learned.
                Watching::Probing { .. } => self.wait(&identity, now, now),
                Watching::Resting => {}
            }
        }
    }

    /// The adapter has news of a probe.
    pub fn handle_answer(&mut self, answer: &ProbeAnswer, now: Instant) {
        let identity = &answer.identity;
        let (outcome, bytes) = match &answer.news {
            News::Began { .. } => return,
            News::Closed => return self.handle_closed(identity, now),
            News::Done { outcome, bytes } => (outcome, *bytes),
        };
        self.bytes_spent.spend(bytes, now);
        let stage = self.peers.get(identity).map(|peer| peer.stage);
        let Some(Watching::Probing { round, sent, .. }) = stage else {
            return;
        };
        if round != answer.round || self.offline {
            return;
        }
        match outcome {
            Ok(rtt) => self.handle_reply(identity, *rtt, sent, now),
            Err(ProbeFailure::Impossible(reason)) => self.give_up(identity, reason),
            Err(failure) => self.handle_miss(identity, failure, now),
        }
    }

    /// The state, for the status page.
    #[must_use]
    pub fn watched(&self, now: Instant) -> Watched {
        let awake = |peer: &&WatchedPeer| !self.offline && !matches!(peer.stage, Watching::Resting);
        let pauses = self.peers.iter().filter(|(_, peer)| awake(peer));
        let pause = pauses
            .map(|(identity, peer)| self.pause(identity, peer, now))
            .min();
        let active = self
            .peers
            .iter()
            .find(|(_, peer)| peer.role == Role::Active);
        let ms = |it: Duration| it.as_millis() as u64;
        Watched {
            probes: self.probes,
            misses: self.misses,
            bytes_per_minute: self.bytes_spent.in_minute(now),
            interval_ms: pause.map(ms),
            patience_ms: active.map(|(identity, _)| ms(self.patience(identity, 0))),
        }
    }

    fn handle_reply(&mut self, identity: &Identity, rtt: Duration, sent: Instant, now: Instant) {
        self.times.add(identity, rtt, now);
        if let Some(peer) = self.peers.get_mut(identity) {
            peer.misses = 0;
        }
        self.mute.take_if(|it| it == identity);
        self.evidence.reacted = Some(now);
        self.commands.push_back(Command::Measured(Measured {
            identity: identity.clone(),
            rtt,
            sent,
        }));
        self.wait(identity, sent, now);
    }

    fn handle_miss(&mut self, identity: &Identity, failure: &ProbeFailure, now: Instant) {
        self.misses += 1;
        let Some(peer) = self.peers.get_mut(identity) else {
            return;
        };
        peer.misses = peer.misses.saturating_add(1);
        let (misses, network) = (peer.misses, peer.mailserver.address.network());
        let id = peer.mailserver.id.clone();
        let known = self.times.knows(identity);
        let rounds = self.config.rounds;
        let evidence = known || (self.evidence).tells_against(network, failure, rounds, now);
        tracing::debug!(mailserver = id, %failure, misses, evidence, "probe missed");
        let Some(peer) = self.peers.get_mut(identity) else {
            return;
        };
        if !evidence {
            // It cannot be measured from here: its silence is no news.
            self.wait(identity, now, now);
        } else if peer.misses < LOST {
            self.commands.push_back(Command::Missed(identity.clone()));
            self.probe(identity, now);
        } else {
            peer.stage = Watching::Resting;
            if !self.times.knows(identity) {
                self.mute = Some(identity.clone());
            }
            let silent = matches!(failure, ProbeFailure::Silent(_));
            self.commands.push_back(Command::Lost(WatchLost {
                identity: identity.clone(),
                cause: if silent { Cause::Probe } else { Cause::Lost },
                reason: format!("two probes in a row failed: {failure}"),
            }));
        }
    }

    /// No miss by itself: connections end for many reasons. Once in a pause it is worth a probe at once; a mailserver
    /// that hangs up after every ping is not probed faster and faster.
    fn handle_closed(&mut self, identity: &Identity, now: Instant) {
        let Some(peer) = self.peers.get(identity) else {
            return;
        };
        let pause = self.pause(identity, peer, now);
        let recently = |at: Instant| now.saturating_duration_since(at) < pause;
        let calm = !peer.alarmed.is_some_and(recently) && !self.offline;
        if calm && matches!(peer.stage, Watching::Waiting { .. }) {
            self.probe(identity, now);
            if let Some(peer) = self.peers.get_mut(identity) {
                peer.alarmed = Some(now);
            }
        }
    }

    fn give_up(&mut self, identity: &Identity, reason: &str) {
        let Some(peer) = self.peers.get_mut(identity) else {
            return;
        };
        peer.stage = Watching::Resting;
        if !std::mem::replace(&mut peer.told, true) {
            tracing::info!(mailserver = peer.mailserver.id, reason, "not watched");
        }
    }

    fn probe(&mut self, identity: &Identity, now: Instant) {
        let Some(peer) = self.peers.get(identity) else {
            return;
        };
        self.last_round += 1;
        self.probes += 1;
        self.commands.push_back(Command::Probe {
            round: self.last_round,
            target: peer.mailserver.clone(),
            patience: self.patience(identity, peer.misses),
            in_use: peer.role == Role::Active,
        });
        let stage = Watching::Probing {
            round: self.last_round,
            sent: now,
            until: now + self.config.timeout * 6 + Duration::from_secs(1),
        };
        self.set(identity, stage);
    }

    /// Until the next probe, one pause after this.
    fn wait(&mut self, identity: &Identity, after: Instant, now: Instant) {
        if let Some(peer) = self.peers.get(identity) {
            let until = (after + self.pause(identity, peer, now)).max(now);
            self.set(identity, Watching::Waiting { until });
        }
    }

    fn set(&mut self, identity: &Identity, stage: Watching) {
        if let Some(peer) = self.peers.get_mut(identity) {
            peer.stage = stage;
        }
    }

    fn begin_again(&mut self, now: Instant) {
        let interval = self.config.interval.unwrap_or_default();
        for peer in self.peers.values_mut() {
            peer.begin(interval, now);
        }
    }

    fn pause(&self, identity: &Identity, peer: &WatchedPeer, now: Instant) -> Duration {
        let interval = self.config.interval.unwrap_or_default();
        let pause = self.bytes_spent.stretch(interval, now);
        let mute = self.mute.as_ref() == Some(identity);
        let hopeless = (peer.misses >= HOPELESS || mute) && !self.times.knows(identity);
        match peer.role {
            Role::Active if !hopeless => pause,
            Role::Active | Role::Standby => pause * RARELY,
        }
    }

    fn patience(&self, identity: &Identity, misses: u32) -> Duration {
        (self.times).patience(identity, misses, self.config.timeout)
    }
}
