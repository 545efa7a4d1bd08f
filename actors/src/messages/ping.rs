//! Probing mailservers: the selector orders a round from the pinger; the pinger, the watch and the online watch have
//! an adapter probe.

use std::{collections::BTreeSet, time::Duration};

use actix::prelude::*;

use crate::{
    Instant,
    model::{
        mailserver::{Identity, Mailserver},
        probe::{PingReport, ProbeFailure},
    },
};

/// Probe all targets; answered when each has answered or the deadline has passed.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "PingReport")]
pub struct PingRound {
    /// Whom to probe.
    pub targets: Vec<Mailserver>,
    /// Those of them of whom a path is no proof: they must react like the living.
    pub witnesses: BTreeSet<Identity>,
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
    /// What is taken for a reply.
    pub proof: Proof,
    /// Where the answers go.
    pub answer_to: Recipient<ProbeAnswer>,
}

/// What is taken for a reply. To a libp2p target it is always a ping that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A path to the target: of an enode, that its system agrees to a connection, which the process behind it, hung
    /// or not, never hears of.
    Path,
    /// A reaction of a living process. An enode on the internet turns away whoever connects to it twice in 30 s from
    /// one address, the node included: to be asked of few, best of those that the node is connected to.
    Life,
    /// The same, of a target that is watched: its connection may be kept open for the next probe.
    Watched,
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
