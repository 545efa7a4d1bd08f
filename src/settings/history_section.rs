//! `[history]` and `[audit]`: what the journal, the requester and the auditor are given.

use std::time::Duration;

use actors::{auditor, history_requester, journal};
use bytesize::ByteSize;
use serde::Deserialize;

use super::sections::{Interval, Settings};

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
}

/// The second opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditSection {
    /// Other mailservers are asked what they hold.
    pub enabled: bool,
    /// What that may cost in an hour.
    pub budget: ByteSize,
}

impl Settings {
    /// What the history requester is given.
    #[must_use]
    pub fn history_requester(&self) -> history_requester::Config {
        history_requester::Config {
            retry_initial: self.history.retry_initial,
            retry_max: self.history.retry_max,
            timeout: self.history.timeout,
        }
    }

    /// What the journal is given.
    #[must_use]
    pub fn journal(&self) -> journal::Config {
        journal::Config {
            overlap: self.history.overlap,
            min_interval: self.history.min_interval,
            audited: self.audit.enabled,
        }
    }

    /// What the auditor is given.
    #[must_use]
    pub fn auditor(&self) -> auditor::Config {
        auditor::Config {
            enabled: self.audit.enabled,
            budget: self.audit.budget.as_u64(),
            sweep: self.history.sweep.pause(),
        }
    }
}
