//! The watch over the mailservers in use: the connector says over whom, the watch tells what it finds.

use std::time::Duration;

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Instant,
    model::{
        mailserver::{Identity, Mailserver},
        record::Cause,
    },
};

/// Whom to watch from now on. Sent by the connector whenever it changes, and again if it keeps one that was
/// [lost](WatchLost): only then that one is probed again. Telling the same changes nothing else.
#[derive(Message, Clone, Debug, Default, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Watch {
    /// The active mailserver, while it is connected.
    pub active: Option<Mailserver>,
    /// The one that is used next.
    pub standby: Option<Mailserver>,
}

/// A watched mailserver gave no sign of life, twice in a row, after it had given some before. Sent to the connector.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct WatchLost {
    /// Which.
    pub identity: Identity,
    /// `Probe`: it was silent, which each watch notices in its own time. `Lost`: its address said no, to everybody at
    /// the same moment.
    pub cause: Cause,
    /// What happened, for people.
    pub reason: String,
}

/// A watched mailserver answered. Sent to the connector.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Measured {
    /// Which.
    pub identity: Identity,
    /// The round-trip time.
    pub rtt: Duration,
    /// When the probe was sent: an answer is no news of what happened after that.
    pub sent: Instant,
}

/// Ask for the state of the watch, for the status page.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Watched")]
pub struct GetWatch;

/// The state of the watch, for the status page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Watched {
    /// Probes sent since the start of the process.
    pub probes: u64,
    /// Probes that were not answered in time.
    pub misses: u64,
    /// Payload bytes on the wire in the last minute.
    pub bytes_per_minute: u64,
    /// The pause between two probes now, in milliseconds; `None` if nobody is watched.
    pub interval_ms: Option<u64>,
    /// The patience for a reply of the active mailserver now, in milliseconds.
    pub patience_ms: Option<u64>,
}
