//! The second opinion: how the auditor stands.

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::moment::Moment;

/// Ask how the auditor stands, for the status page.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Status")]
pub struct GetStatus;

/// How the auditor stands. Counters since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AuditStatus")]
pub struct Status {
    /// Mailservers are asked for hashes.
    pub enabled: bool,
    /// Windows that wait to be compared, now or again later.
    pub waiting: usize,
    /// Windows that were not compared since too many waited.
    pub dropped: u64,
    /// Comparisons that were made.
    pub audits: u64,
    /// Comparisons that found something missing.
    pub short: u64,
    /// Messages that were found missing.
    pub missing: u64,
    /// Windows that were fetched from a second mailserver, since they could not be compared.
    pub seconds: u64,
    /// Sweeps that were made.
    pub sweeps: u64,
    /// Sweeps that had the node fetch.
    pub fetches: u64,
    /// Messages that came with these.
    pub brought: u64,
    /// Queries that were sent to mailservers, each page one.
    pub queries: u64,
    /// Payload bytes of these, both directions.
    pub bytes: u64,
    /// Bytes that may be spent now.
    pub budget_left: u64,
    /// The node is deaf since then.
    #[serde(rename = "deaf_since_ms")]
    pub deaf_since: Option<Moment>,
}
