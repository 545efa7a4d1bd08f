//! Peers of the simulated node: dialled, kept, lost, dialled again.

use std::{net::SocketAddr, rc::Rc, time::Duration};

use actors::model::node::Mode;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

use super::{
    link::{self, DialFailure},
    node::Node,
    peer::{Known, Peer},
    wire::Lines,
};

/// A dial of waku2 gives up after this (recorded: 5.0 s, v0.94 and 2024-10).
const DIAL_LIMIT: Duration = Duration::from_secs(5);

/// A silent peer leaves the list after this (recorded: 16 s on waku1, 14–32 s on waku2).
const PATIENCE: Duration = Duration::from_secs(16);

/// waku2 dials every peer that it ever knew this often (recorded on v0.94).
const REDIAL: Duration = Duration::from_secs(10);

/// waku1 dials the same peer no more often than this (recorded on v0.94).
const DIAL_AGAIN: Duration = Duration::from_secs(35);

/// Why a peer is not connected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotConnected {
    /// The dial was not made, because an earlier one failed.
    Backoff,
    /// The dial failed.
    Failed(DialFailure),
}

impl Node {
    /// Connects to a peer; nothing is done if it is connected, whatever the address.
    pub(crate) async fn dial(
        self: &Rc<Self>,
        key: &str,
        address: SocketAddr,
    ) -> Result<(), NotConnected> {
        if self.is_connected(key) {
            return Ok(());
        }
        let failures = self.begin_dial(key, address)?;
        let lines = if self.state.borrow().network {
            link::dial(
                address,
                self.expected(key).as_deref(),
                self.scaled(DIAL_LIMIT),
            )
            .await
        } else {
            Err(DialFailure::Unreachable)
        };
        match lines {
            Ok(lines) if self.state.borrow().network => {
                self.remember(key, address, 0);
                self.connected(key, address, lines);
                Ok(())
            }
            Ok(_) => Err(NotConnected::Failed(DialFailure::Unreachable)),
            Err(failure) => {
                self.remember(key, address, failures + 1);
                Err(NotConnected::Failed(failure))
            }
        }
    }

    /// Whether the peer is listed.
    pub(crate) fn is_connected(&self, key: &str) -> bool {
        self.state.borrow().peers.contains_key(key)
    }

    /// Takes a peer off the list and closes its connection.
    pub(crate) fn disconnect(&self, key: &str) {
        let peer = self.state.borrow_mut().peers.remove(key);
        if peer.is_some() {
            self.announce_peers();
        }
    }

    /// All peers are gone at once.
    pub(crate) fn disconnect_all(&self) {
        let peers = std::mem::take(&mut self.state.borrow_mut().peers);
        if !peers.is_empty() {
            self.announce_peers();
        }
    }

    /// waku1: keeps dialling a peer until it is told to leave it.
    pub(crate) fn want(self: &Rc<Self>, key: &str, address: SocketAddr) {
        if !self.state.borrow().wanted.contains_key(key) {
            let dialling = self.clone().keep_dialling(key.to_owned(), address);
            let dialling = self.tasks.spawn(dialling);
            self.state
                .borrow_mut()
                .wanted
                .insert(key.to_owned(), dialling);
        }
    }

    /// waku1: leaves a peer.
    pub(crate) fn leave(&self, key: &str) {
        if let Some(dialling) = self.state.borrow_mut().wanted.remove(key) {
            dialling.abort();
        }
        self.disconnect(key);
    }

    /// waku2 of 2022: dials every known peer again and again.
    pub(crate) async fn redial(self: Rc<Self>) {
        loop {
            sleep(self.scaled(REDIAL)).await;
            let known: Vec<_> = {
                let state = self.state.borrow();
                let known = state.known.iter();
                known
                    .map(|(key, known)| (key.clone(), known.address))
                    .collect()
            };
            for (key, address) in known {
                let node = self.clone();
                self.tasks
                    .spawn(async move { drop(node.dial(&key, address).await) });
            }
        }
    }

    async fn keep_dialling(self: Rc<Self>, key: String, address: SocketAddr) {
        loop {
            let known = self.state.borrow().known.get(&key).copied();
            if let Some(known) = known {
                sleep_until(known.dialled + self.scaled(DIAL_AGAIN)).await;
            }
            // Failures show only by the peer's absence from the list.
            let _ = self.dial(&key, address).await;
            self.journal.until(|| !self.is_connected(&key)).await;
        }
    }

    /// Who must answer: devp2p and libp2p both prove the key, the simulation's hello names the peer id.
    fn expected(&self, key: &str) -> Option<String> {
        match self.setup.mode {
            Mode::Waku1 => self
                .mailserver(key)
                .map(|mailserver| mailserver.identity.peer_id.clone()),
            _ => Some(key.to_owned()),
        }
    }

    /// How many dials of it failed in a row before this one.
    fn begin_dial(&self, key: &str, address: SocketAddr) -> Result<u32, NotConnected> {
        let known = self.state.borrow().known.get(key).copied();
        match known {
            Some(known) if known.address != address => Ok(0),
            Some(known) if self.setup.mode != Mode::Waku1 && Instant::now() < known.not_before => {
                Err(NotConnected::Backoff)
            }
            Some(known) => Ok(known.failures),
            None => Ok(0),
        }
    }

    fn remember(&self, key: &str, address: SocketAddr, failures: u32) {
        let dialled = Instant::now();
        let pause = if failures == 0 {
            Duration::ZERO
        } else {
            self.scaled(backoff(failures))
        };
        let known = Known {
            address,
            failures,
            not_before: dialled + pause,
            dialled,
        };
        self.state.borrow_mut().known.insert(key.to_owned(), known);
    }

    fn connected(self: &Rc<Self>, key: &str, address: SocketAddr, lines: Lines) {
        // Another dial may have been faster.
        if self.is_connected(key) {
            return;
        }
        let (asks, asked) = mpsc::unbounded_channel();
        let (node, peer) = (self.clone(), key.to_owned());
        let link = self.tasks.spawn(async move {
            let live = |sequence, message| node.receive_live(sequence, message);
            link::keep(lines, asked, node.scaled(PATIENCE), live).await;
            // Dropping the peer aborts this task, which has nothing left to do.
            node.disconnect(&peer);
        });
        let peer = Peer {
            address,
            asks,
            link,
        };
        let mut state = self.state.borrow_mut();
        let was_offline = state.peers.is_empty();
        state.peers.insert(key.to_owned(), peer);
        drop(state);
        self.announce_peers();
        if was_offline {
            self.came_online();
        }
    }
}

/// The pause after so many failed dials in a row (recorded gaps: 5, 6, 9, 14 s).
fn backoff(failures: u32) -> Duration {
    let grown = (failures - 1).min(17);
    Duration::from_secs(5 + u64::from(grown * grown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_between_dials_are_those_recorded() {
        let seconds: Vec<u64> = (1..=4).map(|n| backoff(n).as_secs()).collect();
        assert_eq!(seconds, [5, 6, 9, 14]);
        assert!(backoff(u32::MAX) <= Duration::from_secs(300));
    }
}
