//! What is ordered from the thread that probes.

use std::time::Duration;

use actors::{
    messages::store::{FailedQuery, StoreAnswer},
    model::mailserver::Mailserver,
};
use tokio::sync::oneshot;

use super::store_query::pages::Pages;
use crate::probe::answers::Answer;

/// What the thread is to do.
pub(super) enum Order {
    Probe(ProbeOrder),
    Query(QueryOrder),
}

/// One target to be probed.
pub(in crate::probe) struct ProbeOrder {
    pub(in crate::probe) target: Mailserver,
    /// For each wait.
    pub(in crate::probe) limit: Duration,
    /// Whether its connection is kept.
    pub(in crate::probe) watched: bool,
    pub(in crate::probe) answer: Answer,
}

/// One target to be asked what it holds.
pub(super) struct QueryOrder {
    pub(super) target: Mailserver,
    pub(super) pages: Pages,
    pub(super) answer: oneshot::Sender<Result<StoreAnswer, FailedQuery>>,
}
