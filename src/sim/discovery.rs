//! How a modern node comes to its first peers without being told to dial.

use std::{rc::Rc, time::Duration};

use actors::model::node::Mode;
use futures_util::future::join_all;
use tokio::time::sleep;

use super::node::Node;

/// A node since mid-2026 that has no peer finds some after this (5 to 15 s and more, as users tell).
const FIND: Duration = Duration::from_secs(10);

impl Node {
    /// Connects to its fleet, when it was set up to.
    pub(crate) fn begin_connecting(self: &Rc<Self>) {
        let Some(pause) = self.first_peers_after() else {
            return;
        };
        self.state.borrow_mut().connecting = pause.is_zero();
        let node = self.clone();
        self.session.spawn(async move {
            if !pause.is_zero() {
                sleep(pause).await;
            }
            node.dial_fleet().await;
            node.state.borrow_mut().connecting = false;
            node.journal.note();
            if node.setup.mode == Mode::Observe {
                node.find_again().await;
            }
        });
    }

    /// Waits for the dials that are made at once.
    pub(crate) async fn connected_at_once(&self) {
        let connecting = || self.state.borrow().connecting;
        self.journal.until(|| !connecting()).await;
    }

    /// When it connects to its fleet by itself, if ever.
    fn first_peers_after(&self) -> Option<Duration> {
        let pause = self.scaled(self.setup.first_peer_after);
        (self.setup.connects_at_login || !pause.is_zero()).then_some(pause)
    }

    async fn dial_fleet(self: &Rc<Self>) {
        if self.state.borrow().network {
            let fleet = self.fleet();
            let dials = fleet
                .iter()
                .map(|store| self.dial(self.key_of(store), store.address()));
            join_all(dials).await;
        }
    }

    /// Looks for peers whenever it has lost all of them. Nodes of 2024 do not (recorded: offline for 120 s beside
    /// live mailservers).
    async fn find_again(self: &Rc<Self>) {
        let alone = || {
            let state = self.state.borrow();
            state.network && state.peers.is_empty()
        };
        loop {
            self.journal.until(alone).await;
            sleep(self.scaled(FIND)).await;
            if alone() {
                self.dial_fleet().await;
            }
        }
    }
}
