//! What is remembered of a mailserver, across restarts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a mailserver failed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The node could not connect to it.
    Dial,
    /// The node was connected to it and lost it.
    Lost,
    /// It did not answer our own probe while others did.
    Probe,
    /// It failed a history request.
    Request,
    /// It answered a history request with less than others have.
    ShortHistory,
    /// Somebody else lives at its address.
    WrongId,
    /// It refused because it was asked too often.
    RateLimited,
}

impl Cause {
    /// What a failed history request is blamed on. `reason` is the text of the node, which hands on that of the
    /// store: `429 - TOO_MANY_REQUESTS` is a status of store version 3 (13/WAKU2-STORE).
    #[must_use]
    pub fn of_request(reason: &str) -> Self {
        match reason.contains("429 -") || reason.contains("TOO_MANY_REQUESTS") {
            true => Self::RateLimited,
            false => Self::Request,
        }
    }
}

/// What is kept of one mailserver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The smoothed round-trip time, in milliseconds; `None` before the first measurement.
    pub rtt_ms: Option<f64>,
    /// History requests that it answered.
    pub successes: u64,
    /// Failures since the first day, by cause.
    pub failures: BTreeMap<Cause, u64>,
    /// How far its cool-off has grown: each conviction adds one, each success takes one away.
    pub level: u32,
    /// It is avoided until then, in milliseconds since 1970; 0 if it is not.
    pub avoided_until_ms: u64,
    /// When this last changed, in milliseconds since 1970: the oldest records are forgotten first.
    pub changed_ms: u64,
}
