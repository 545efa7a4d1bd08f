//! What the node asks for next, and what it notes down when it was answered.

use std::time::Duration;

use actors::model::moment::Moment;
use serde_json::Value;

use super::{
    batch::{self, Batch, Bounds},
    gap::Gap,
    ledger::Purpose,
    node::Node,
};

/// A request before it is made.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) purpose: Purpose,
    pub(crate) to: Moment,
    pub(crate) batches: Vec<Batch>,
}

impl Node {
    /// How far back history is asked for, in seconds (`default-sync-period`).
    pub(crate) fn sync_period(&self) -> u64 {
        let usual = if self.is_modern() { 777_600 } else { 86_400 };
        let state = self.state.borrow();
        let saved = state.settings.get("default-sync-period");
        saved.and_then(Value::as_u64).unwrap_or(usual)
    }

    /// Asks for all that was missed, up to now.
    pub(crate) fn plan_missed(&self) -> Plan {
        let to = self.clock.ask();
        let bounds = Bounds {
            overlap: self.setup.overlap,
            floor: to.before(Duration::from_secs(self.sync_period())),
            to,
        };
        let state = self.state.borrow();
        let topics = self.setup.topics.iter();
        let topics = topics.map(|topic| (topic.clone(), state.markers.of(topic)));
        Plan {
            purpose: Purpose::Missed,
            to,
            batches: batch::missed(topics.collect(), bounds),
        }
    }

    /// All that was missed was fetched: the markers go on to the begin of the request. The gaps that it left.
    pub(crate) fn fetched(&self, plan: &Plan) -> Vec<Gap> {
        let state = &mut *self.state.borrow_mut();
        let mut gaps = Vec::new();
        for batch in &plan.batches {
            for topic in batch.topics() {
                state.markers.set(&topic, plan.to);
                gaps.extend(state.chats.fetched(&topic, batch.from, plan.to));
            }
        }
        for gap in &gaps {
            state.gaps.open(gap);
        }
        gaps
    }
}
