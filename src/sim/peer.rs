//! What the simulated node holds of one peer.

use std::net::SocketAddr;

use tokio::{sync::mpsc, task::AbortHandle, time::Instant};

use super::link::Ask;

/// A connected peer.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) asks: mpsc::UnboundedSender<Ask>,
    /// Keeps the connection.
    pub(crate) link: AbortHandle,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.link.abort();
    }
}

/// What the node remembers of a peer that it dialled.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) address: SocketAddr,
    /// Dials that failed in a row.
    pub(crate) failures: u32,
    /// Until then a dial fails without being made (`dial backoff`).
    pub(crate) not_before: Instant,
    /// When it was last dialled.
    pub(crate) dialled: Instant,
}
