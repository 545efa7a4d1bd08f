//! How fast mailservers answered, for people and graphs.

use std::collections::BTreeMap;

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{durations::Durations, mailserver::Identity};

/// Ask for it.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "RoundTrips")]
pub struct GetRoundTrips;

/// What probes of mailservers found since the start of the process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoundTrips {
    /// The answers.
    pub answered: Durations,
    /// The last ones of each mailserver, the oldest first.
    pub recent: BTreeMap<Identity, Vec<Sample>>,
}

/// One answer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Sample {
    /// How long ago, in milliseconds.
    pub ago_ms: u64,
    /// The round-trip time in milliseconds; `None` if there was no answer.
    pub rtt_ms: Option<f64>,
}
