//! What the connector does for its loops.

use std::time::Duration;

use crate::{
    messages::{events::Event, peers::PeerState, selection::Select, watch::Watch},
    model::mailserver::{Identity, Mailserver},
};

/// What the loop wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Ping the candidates and choose one.
    Select(Select),
    /// Make the node use it; the answer comes back with the number.
    Connect(u64, Mailserver),
    /// Make the node know it as a peer; the answer comes back with the number.
    Introduce(u64, Mailserver),
    /// Drop it as a peer.
    Drop(Mailserver),
    /// Ask the node for its peers.
    Refresh,
    /// Correct the peer table.
    Mark(Identity, PeerState),
    /// Have history requested from it, after a pause.
    Available(Mailserver, Duration),
    /// Have history requested from whomever the node picks, after a pause.
    Fetch(Duration),
    /// No history can be requested now.
    Unavailable,
    /// Keep an eye on these.
    Watch(Watch),
    /// Tell everybody.
    Publish(Event),
}
