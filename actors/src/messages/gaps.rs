//! Gaps: the gap filler tells people what became of them.

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

/// The state, for the status page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "GapStatus")]
pub struct Status {
    /// Gaps that wait to be filled, those of a call that is under way included.
    pub waiting: usize,
    /// Gaps that the node was made to fill.
    pub filled: u64,
    /// Gaps that were given up: tried in vain too often, or too many at once.
    pub failed: u64,
}

/// Ask for it.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Status")]
pub struct GetStatus;
