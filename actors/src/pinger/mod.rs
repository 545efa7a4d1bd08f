//! One ping round: all targets at once, one deadline.
//!
//! The actor owns the probes in flight; how a target is probed is the adapter's business
//! ([`Probe`] out, one [`ProbeAnswer`] per target back, in any order). Who is in a hurry is told what
//! is known as soon as it is ([`Heard`]), in the words that the report will use.

use std::{collections::BTreeMap, time::Duration};

use actix::prelude::*;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::{
    Instant,
    model::mailserver::{Identity, Mailserver},
};

/// Probe all targets; answered when each has answered or the deadline has passed.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "PingReport")]
pub struct PingRound {
    /// Whom to probe.
    pub targets: Vec<Mailserver>,
    /// A round-trip time must be less than this.
    pub timeout: Duration,
    /// Whom to tell what is known before the report, under which number; `None`: nobody.
    pub heard: Option<(u64, Recipient<Heard>)>,
}

/// What is known of a target before the report: at most once that its probe began, at most once its outcome.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Heard {
    /// The number given with the [`PingRound`].
    pub number: u64,
    /// When the pinger knew it. What it tells later it knew later.
    pub at: Instant,
    /// Who.
    pub identity: Identity,
    /// What.
    pub what: Progress,
}

/// How far a probe is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It began. An outcome that comes `t` after this has a round-trip time of at least `t / round_trips`.
    Began {
        /// How many times the probe waits for the target, one after the other. At least 1.
        round_trips: u32,
    },
    /// It is done: the outcome that the report will have.
    Done(Result<Duration, ProbeFailure>),
}

/// What a round found, one entry for each target, in the order of the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PingReport {
    /// Who answered how.
    pub replies: Vec<Reply>,
}

/// The outcome for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// Who.
    pub identity: Identity,
    /// How.
    pub outcome: Result<Duration, ProbeFailure>,
}

/// Why a target gave no round-trip time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "failure", content = "detail")]
pub enum ProbeFailure {
    /// No reply before the deadline, or within the limit of one stage.
    #[error("no reply in time{}", .0.in_brackets())]
    Silent(Stage),
    /// Something answered that nobody listens there.
    #[error("connection refused")]
    Refused,
    /// The name has no address.
    #[error("name not resolved: {0}")]
    Unresolved(String),
    /// Somebody else lives there: the peer id that was found.
    #[error("another peer is there: {0}")]
    WrongPeer(String),
    /// It answers, but not by a protocol that we speak.
    #[error("no common protocol ({0})")]
    NoProtocol(Stage),
    /// It answers, but keeps no history: it lists no store protocol.
    #[error("no store protocol")]
    NoStore,
    /// There is no way to probe it: no address that we can reach, or no method.
    #[error("cannot be probed: {0}")]
    Impossible(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// How far a probe got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The round ended first.
    Round,
    /// Its name was looked up.
    Name,
    /// It was connected to.
    Connect,
    /// The connection was secured (noise), or upgraded (websocket).
    Handshake,
    /// The multiplexer was agreed upon.
    Multiplexer,
    /// It was pinged.
    Ping,
    /// It was asked for its protocols.
    Identify,
}

impl Stage {
    /// For the end of a sentence; nothing if it only says that time was up.
    fn in_brackets(self) -> String {
        match self {
            Self::Round => String::new(),
            stage => format!(" ({stage})"),
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Round => "round",
            Self::Name => "name",
            Self::Connect => "connect",
            Self::Handshake => "handshake",
            Self::Multiplexer => "multiplexer",
            Self::Ping => "ping",
            Self::Identify => "identify",
        })
    }
}

/// Order to the probe adapter: probe these, and send a [`ProbeAnswer`] for each as soon as it is known.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Probe {
    /// Number of the round, to be repeated in each answer.
    pub round: u64,
    /// Whom.
    pub targets: Vec<Mailserver>,
    /// The limit for each reply: for a probe of several round trips, for each of them.
    pub timeout: Duration,
    /// The targets are watched: their connections may be kept open for the next probe, and whatever a hung
    /// server answers too (a connect, done by its system) is no reply.
    pub watched: bool,
    /// Where the answers go.
    pub answer_to: Recipient<ProbeAnswer>,
}

/// What the adapter has to say of one target.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct ProbeAnswer {
    /// The number of the [`Probe`].
    pub round: u64,
    /// Who.
    pub identity: Identity,
    /// What.
    pub news: News,
}

/// How a probe goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It begins now, at most once and not for every method: a reply that comes `t` later took a round-trip
    /// time of at least `t / round_trips`.
    Began {
        /// How many times the probe waits for the target, one after the other. At least 1.
        round_trips: u32,
    },
    /// It is done: exactly once.
    Done {
        /// The round-trip time, or why there is none.
        outcome: Result<Duration, ProbeFailure>,
        /// Payload bytes on the wire, both directions.
        bytes: u64,
    },
    /// The connection that was kept open for a watched target has ended. After `Done`, at most once.
    Closed,
}

/// The actor.
pub struct Pinger {
    probe: Recipient<Probe>,
    rounds: BTreeMap<u64, Round>,
    last: u64,
}

/// A round in flight.
struct Round {
    targets: Vec<Identity>,
    begun: BTreeMap<Identity, (Instant, u32)>,
    outcomes: BTreeMap<Identity, Result<Duration, ProbeFailure>>,
    timeout: Duration,
    heard: Option<(u64, Recipient<Heard>)>,
    report: oneshot::Sender<PingReport>,
}

impl Pinger {
    /// A pinger that probes through this adapter.
    #[must_use]
    pub fn new(probe: Recipient<Probe>) -> Self {
        Self {
            probe,
            rounds: BTreeMap::new(),
            last: 0,
        }
    }

    fn finish(&mut self, number: u64) {
        if let Some(round) = self.rounds.remove(&number) {
            let (report, to) = round.into_report();
            // Nobody waits any more: the round was for nothing.
            let _ = to.send(report);
        }
    }
}

impl Round {
    fn accept(&mut self, identity: Identity, news: News, now: Instant) {
        if !self.targets.contains(&identity) || self.outcomes.contains_key(&identity) {
            return;
        }
        let what = match news {
            News::Began { round_trips } if !self.begun.contains_key(&identity) => {
                let round_trips = round_trips.max(1);
                self.begun.insert(identity.clone(), (now, round_trips));
                Progress::Began { round_trips }
            }
            News::Done { outcome, .. } => {
                let outcome = self.counted(&identity, outcome, now);
                self.outcomes.insert(identity.clone(), outcome.clone());
                Progress::Done(outcome)
            }
            News::Began { .. } | News::Closed => return,
        };
        self.tell(identity, what, now);
    }

    /// The outcome as it counts: whoever kept us waiting for `t` took at least `t / round_trips`, whatever was
    /// measured, so that time that has passed is a proof against the silent.
    fn counted(
        &self,
        identity: &Identity,
        outcome: Result<Duration, ProbeFailure>,
        now: Instant,
    ) -> Result<Duration, ProbeFailure> {
        let begun = self.begun.get(identity);
        let least = begun.map_or(Duration::ZERO, |(at, round_trips)| {
            now.saturating_duration_since(*at) / *round_trips
        });
        let rtt = outcome?.max(least);
        match rtt < self.timeout {
            true => Ok(rtt),
            false => Err(ProbeFailure::Silent(Stage::Ping)),
        }
    }

    fn tell(&self, identity: Identity, what: Progress, at: Instant) {
        if let Some((number, to)) = &self.heard {
            to.do_send(Heard {
                number: *number,
                at,
                identity,
                what,
            });
        }
    }

    fn is_complete(&self) -> bool {
        self.targets.iter().all(|it| self.outcomes.contains_key(it))
    }

    fn into_report(mut self) -> (PingReport, oneshot::Sender<PingReport>) {
        let replies = self.targets.into_iter().map(|identity| {
            let outcome = self.outcomes.remove(&identity);
            Reply {
                outcome: outcome.unwrap_or(Err(ProbeFailure::Silent(Stage::Round))),
                identity,
            }
        });
        let replies = replies.collect();
        (PingReport { replies }, self.report)
    }
}

/// The most round trips that a probe takes, one after the other, before it has its answer.
const MOST_ROUND_TRIPS: u32 = 5;

/// How much later the round itself ends: a node answers for all of its targets in one message a
/// little after the deadline (502.8 ms for 500 ms, recorded on v0.94), and a busy one later.
const GRACE: Duration = Duration::from_secs(1);

/// When a round ends at the latest, whoever is still missing.
///
/// The timeout is for one round trip: a live but far mailserver answers within all of its round trips, each
/// of them in time. A silent one does not use this up: its adapter gives up after one timeout.
#[must_use]
pub fn round_limit(timeout: Duration) -> Duration {
    timeout
        .saturating_mul(MOST_ROUND_TRIPS)
        .saturating_add(GRACE)
}

impl Actor for Pinger {
    type Context = Context<Self>;
}

impl Supervised for Pinger {
    fn restarting(&mut self, _: &mut Context<Self>) {
        // Those who wait for a report learn that there will be none.
        self.rounds.clear();
    }
}

impl Handler<PingRound> for Pinger {
    type Result = ResponseFuture<PingReport>;

    fn handle(&mut self, order: PingRound, ctx: &mut Context<Self>) -> Self::Result {
        self.last += 1;
        let number = self.last;
        let (report, reported) = oneshot::channel();
        let round = Round {
            targets: order.targets.iter().map(|it| it.identity.clone()).collect(),
            begun: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            timeout: order.timeout,
            heard: order.heard,
            report,
        };
        self.rounds.insert(number, round);
        if order.targets.is_empty() {
            self.finish(number);
        } else {
            self.probe.do_send(Probe {
                round: number,
                targets: order.targets,
                timeout: order.timeout,
                watched: false,
                answer_to: ctx.address().recipient(),
            });
            let limit = round_limit(order.timeout);
            ctx.run_later(limit, move |pinger, _| pinger.finish(number));
        }
        Box::pin(async { reported.await.unwrap_or_default() })
    }
}

impl Handler<ProbeAnswer> for Pinger {
    type Result = ();

    fn handle(&mut self, answer: ProbeAnswer, _: &mut Context<Self>) {
        let Some(round) = self.rounds.get_mut(&answer.round) else {
            return;
        };
        round.accept(answer.identity, answer.news, Instant::now());
        if round.is_complete() {
            self.finish(answer.round);
        }
    }
}
