//! What people are shown while the node cannot be driven: nobody can be served then, whatever the verdict.

use crate::{
    Instant,
    messages::online::{Online, Shown},
    model::node::NodeState,
};

/// Since when the node is waited for, and why. For the status page alone: no verdict is made of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    since: Instant,
    reason: &'static str,
}

impl Waiting {
    /// Nothing was heard of the node yet.
    pub(super) fn begin(now: Instant) -> Self {
        Self {
            since: now,
            reason: "the node has not been heard of yet",
        }
    }

    /// What the state of the node makes of it; `None` once the node can be driven.
    pub(super) fn after(before: Option<Self>, state: &NodeState, now: Instant) -> Option<Self> {
        let reason = match state {
            NodeState::Ready { .. } => return None,
            NodeState::Unreachable { .. } => "the node is away",
            NodeState::LoggedOut => "no account is logged in to the node",
        };
        let since = before.map_or(now, |it| it.since);
        Some(Self { since, reason })
    }

    /// As the status page has it.
    pub(super) fn shown(&self, now: Instant) -> Online {
        Online {
            verdict: Shown::Waiting,
            since_ms: now.saturating_duration_since(self.since).as_millis() as u64,
            reason: self.reason.into(),
        }
    }
}
