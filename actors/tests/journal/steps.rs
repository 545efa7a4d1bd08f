//! What may happen to a node, its mailservers and the sidecar beside it.

/// What keeps messages from the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    Away,
    Offline,
    Alone,
    Poor,
    NoMailserver,
    SidecarAway,
    Asleep,
}

/// What may happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Pass(u8),
    Begin(Trouble),
    End(Trouble),
    /// A mailserver is connected, whatever was before.
    Available(u8),
    /// The requester asks, if it owes anything.
    Ask,
    Complete {
        rewinds: bool,
    },
    Fail,
    /// The node asks by itself, and nobody expected it.
    NodeAsks,
    Sleep(u16),
    /// The sidecar dies, its last words with it, and comes back after so many seconds.
    Crash {
        lost: u8,
        away: u8,
    },
    Panic,
    /// The adapter has its turn.
    Write,
}
