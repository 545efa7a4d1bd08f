//! What a probe of a mailserver found, and how long a round of probes may take.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::mailserver::Identity;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
    /// It was asked which messages it holds.
    Store,
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
            Self::Store => "store",
        })
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
