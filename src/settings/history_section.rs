//! `[history]` and `[audit]`.

use std::time::Duration;

use actors::auditor;
use bytesize::ByteSize;
use serde::Deserialize;

use super::interval::Interval;

/// Requests for missed history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistorySection {
    /// The pause after the first failure; it doubles with each further one.
    #[serde(with = "humantime_serde")]
    pub retry_initial: Duration,
    /// The longest pause.
    #[serde(with = "humantime_serde")]
    pub retry_max: Duration,
    /// The end of one request.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// What is asked for before a window and after it.
    #[serde(with = "humantime_serde")]
    pub overlap: Duration,
    /// The shortest pause between two requests, unless a window was opened in between.
    #[serde(with = "humantime_serde")]
    pub min_interval: Duration,
    /// The pause between two sweeps.
    pub sweep: Interval,
    /// Chats whose history begins late are extended backwards.
    pub backfill: bool,
}

/// The second opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditSection {
    /// Other mailservers are asked what they hold.
    pub enabled: bool,
    /// What that may cost in an hour.
    pub budget: ByteSize,
    /// Messages younger than this are not compared. No knob: it is a property of the network, and only one that is
    /// simulated has another.
    #[serde(skip, default = "in_flight")]
    pub in_flight: Duration,
    /// The longest pause before a comparison. No knob either.
    #[serde(skip, default = "jitter")]
    pub jitter: Duration,
}

fn in_flight() -> Duration {
    auditor::Config::default().in_flight
}

fn jitter() -> Duration {
    auditor::Config::default().jitter
}
