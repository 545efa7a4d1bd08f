//! Our own network: signs of life go to the online watch, its verdict to those who act upon it.

use std::time::{Duration, SystemTime};

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::verdict::Verdict;

/// The verdict changed. Sent to the connector, which does nothing to mailservers while offline, and acts at once
/// when it is over.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct VerdictChanged(pub Verdict);

/// A watched mailserver missed a probe: is it our own network that is down, rather than this mailserver? Two
/// others are probed, since its own silence is no evidence. Sent by the watch.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Missed(pub crate::model::mailserver::Identity);

/// A reading of the clocks. Sent by an adapter every [`CLOCK_INTERVAL`].
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Clocks {
    /// Since the machine was started, its sleep included (CLOCK_BOOTTIME).
    pub boot: Duration,
    /// The time of day, which may be set.
    pub wall: SystemTime,
}

/// The pause between two readings of the clocks.
pub const CLOCK_INTERVAL: Duration = Duration::from_secs(2);

/// The operating system says that an address or a route came or went.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct NetworkChanged;

/// Ask for the verdict, for the status page.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Online")]
pub struct GetVerdict;

/// What people are shown for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ShownVerdict")]
pub enum Shown {
    /// The node cannot be driven: until it can, the verdict is of no use to anybody.
    Waiting,
    /// The verdict.
    #[serde(untagged)]
    Verdict(Verdict),
}

impl From<Verdict> for Shown {
    fn from(verdict: Verdict) -> Self {
        Self::Verdict(verdict)
    }
}

/// The verdict with what it is made of, for the status page.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "OnlineVerdict")]
pub struct Online {
    /// The verdict, or that the node is waited for.
    pub verdict: Shown,
    /// For how long.
    pub since_ms: u64,
    /// Why, for people.
    pub reason: String,
}
