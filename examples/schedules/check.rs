//! What is promised, and whether it holds.

use std::fmt;

use actors::messages::events::Event;

use crate::sidecar::Surroundings;

/// Something that was promised does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// An actor failed.
    ActorFailed(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ActorFailed(reason) => write!(f, "an actor failed: {reason}"),
        }
    }
}

/// The messages that some mailserver holds and the node does not have.
pub(crate) fn lost(around: &Surroundings) -> Vec<usize> {
    let world = &around.world;
    let received = &around.node.database.borrow().received;
    let all = 0..world.messages.borrow().len();
    let lost = all.filter(|it| !received.contains(it) && world.is_held(*it));
    lost.collect()
}

/// Whether an actor had to be restarted.
pub(crate) fn failed_actor(event: &Event) -> Option<Violation> {
    match event {
        Event::ActorRestarted { actor, reason, .. } => {
            Some(Violation::ActorFailed(format!("{actor}: {reason}")))
        }
        _ => None,
    }
}
