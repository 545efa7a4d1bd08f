//! `waku.connection.status.change`: all that nodes since mid-2026 tell about their peers.
//!
//! The first one after the messenger's start is always sent, also `disconnected`; then changes alone. No method asks
//! for it, and a socket that comes later is told nothing (read in status-go's source, not recorded).

use serde_json::{Value, json};

/// What the signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// No peers.
    Disconnected,
    /// Peers, but too few of them pass messages on.
    PartiallyConnected,
    /// Peers that pass messages on.
    Connected,
}

impl Status {
    /// What a node with so many peers says.
    pub(crate) fn of(peers: usize, poor_mesh: bool) -> Self {
        match (peers, poor_mesh) {
            (0, _) => Self::Disconnected,
            (_, true) => Self::PartiallyConnected,
            (_, false) => Self::Connected,
        }
    }

    /// The event of the signal.
    pub(crate) fn event(self) -> Value {
        let status = match self {
            Self::Disconnected => "disconnected",
            Self::PartiallyConnected => "partiallyConnected",
            Self::Connected => "connected",
        };
        json!({"status": status, "isOnline": self != Self::Disconnected})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_peers_it_is_disconnected_whatever_the_mesh() {
        assert_eq!(Status::of(0, false), Status::Disconnected);
        assert_eq!(Status::of(0, true), Status::Disconnected);
        assert_eq!(Status::of(1, true), Status::PartiallyConnected);
        assert_eq!(Status::of(1, false), Status::Connected);
    }
}
