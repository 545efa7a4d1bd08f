//! What the connector tells of the loop, and what it has remembered.

use std::collections::BTreeMap;

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{
    durations::Durations,
    mailserver::{Identity, Mailserver},
    node::{Connectedness, NodeState},
    record::{Cause, Record},
};

/// Keep these across restarts, in place of what was kept of the same mailservers. Answered by an adapter; what
/// cannot be kept is only logged.
#[derive(Message, Clone, Debug, PartialEq)]
#[rtype(result = "()")]
pub struct Remember(pub BTreeMap<Identity, Record>);

/// The state of the loop, for the status page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The node as last reported.
    pub node: NodeState,
    /// The active mailserver; none ever where the node picks one for each query.
    pub active: Option<Active>,
    /// Where it does: whether history can be fetched.
    pub reach: Option<Reach>,
    /// The mailserver that is used next, if one was drawn.
    pub standby: Option<Mailserver>,
    /// The pin and what keeps it from being used.
    pub pin: Option<PinStatus>,
    /// Who failed lately, with the rest of the cool-off in milliseconds.
    pub cooling_ms: BTreeMap<Identity, u64>,
    /// What is remembered of each candidate.
    pub memory: BTreeMap<Identity, Record>,
    /// Counters since the start of the process.
    pub counts: Counts,
    /// Since the start of the process: from the loss of the active mailserver to the next connection, by what it was
    /// lost for. Times in which we were offline or the node was away are none.
    pub failovers: BTreeMap<Cause, Durations>,
}

/// The active mailserver.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Active {
    /// Which.
    pub mailserver: Mailserver,
    /// `"connecting"`, `"connected"`, or `"disconnected"` while we are offline or are finding out.
    pub state: &'static str,
    /// For how long it has been in that state.
    pub since_ms: u64,
}

/// Whether a node that picks a mailserver for each query can fetch history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reach {
    /// A mailserver that answers our own probes, while the node is online.
    pub mailserver: Option<Mailserver>,
    /// For how long one has answered.
    pub since_ms: Option<u64>,
    /// What the node says of its own connection, if it said anything since its login.
    pub connection: Option<Connectedness>,
    /// What keeps history from being fetched, for people.
    pub hindrance: Option<String>,
}

/// The user's pin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PinStatus {
    /// Which mailserver.
    pub mailserver: Mailserver,
    /// Why another one is used, or none; `None` while the pin is used.
    pub fallback_reason: Option<String>,
}

/// Counters since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "LoopCounts")]
pub struct Counts {
    /// Ticks received.
    pub ticks: u64,
    /// Selections begun.
    pub selections: u64,
    /// Connections made, or, where the node picks a mailserver for each query, times that one came within reach
    /// (`mailserverAvailable`).
    pub connections: u64,
    /// Connect calls that failed.
    pub failed_connections: u64,
    /// Active mailservers that were lost.
    pub losses: u64,
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            ticks: self.ticks + other.ticks,
            selections: self.selections + other.selections,
            connections: self.connections + other.connections,
            failed_connections: self.failed_connections + other.failed_connections,
            losses: self.losses + other.losses,
        }
    }
}

/// Ask for it.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Status")]
pub struct GetStatus;
