//! The peers of the node: dialled, kept, lost, dialled again.

use std::{rc::Rc, time::Duration};

use actors::model::node::Mode;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep, sleep_until};

use super::process::Process;
use crate::world::{DIAL_LIMIT, Network, Path};

/// A silent peer is given up after this (recorded: 16 s on waku1, 14–32 s on waku2).
const PATIENCE: Duration = Duration::from_secs(16);

/// waku2 of 2022 dials every peer that it ever knew this often (recorded).
const REDIAL: Duration = Duration::from_secs(10);

/// waku1 dials the same peer no more often than this (recorded).
const DIAL_AGAIN: Duration = Duration::from_secs(35);

/// A node since mid-2026 that has no peer finds some after this.
const FIND: Duration = Duration::from_secs(10);

/// A mailserver that was dialled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    failures: u32,
    dialled: Instant,
    not_before: Instant,
}

/// Why a peer is not connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotConnected {
    /// It was not dialled, because an earlier dial failed.
    Backoff,
    Failed,
}

impl Process {
    pub(crate) fn is_connected(&self, store: usize) -> bool {
        self.peers.borrow().contains_key(&store)
    }

    /// Connects to a mailserver, unless it is connected.
    pub(crate) async fn dial(self: &Rc<Self>, store: usize) -> Result<(), NotConnected> {
        if self.is_connected(store) {
            return Ok(());
        }
        let known = self.known.borrow().get(&store).copied();
        let failures = match known {
            Some(it) if self.node.mode != Mode::Waku1 && Instant::now() < it.not_before => {
                return Err(NotConnected::Backoff);
            }
            known => known.map_or(0, |it| it.failures),
        };
        let world = &self.node.world;
        match world.path(store) {
            Path::Silent | Path::Hung => sleep(DIAL_LIMIT).await,
            Path::Unreachable => {}
            Path::Open | Path::Refused | Path::Stranger => sleep(world.latency(store)).await,
        }
        if world.path(store) != Path::Open {
            self.remember(store, failures + 1);
            return Err(NotConnected::Failed);
        }
        self.remember(store, 0);
        self.connected(store);
        Ok(())
    }

    fn remember(&self, store: usize, failures: u32) {
        let dialled = Instant::now();
        // Recorded: 5, 6, 9, 14 s.
        let pause = match failures {
            0 => 0,
            n => 5 + u64::from((n - 1).min(17).pow(2)),
        };
        let known = Known {
            failures,
            dialled,
            not_before: dialled + Duration::from_secs(pause),
        };
        self.known.borrow_mut().insert(store, known);
    }

    fn connected(self: &Rc<Self>, store: usize) {
        let mut peers = self.peers.borrow_mut();
        let was_alone = peers.is_empty();
        if peers.insert(store, None).is_some() {
            return;
        }
        drop(peers);
        self.tell_peers();
        if was_alone {
            self.came_online();
        }
    }

    pub(crate) fn disconnect(&self, store: usize) {
        if self.peers.borrow_mut().remove(&store).is_some() {
            self.tell_peers();
        }
    }

    pub(crate) fn disconnect_all(&self) {
        let peers = std::mem::take(&mut *self.peers.borrow_mut());
        if !peers.is_empty() {
            self.tell_peers();
        }
    }

    /// The link of the machine went down or came up.
    pub(crate) fn link_changed(&self) {
        if self.node.world.network() == Network::Unplugged {
            self.disconnect_all();
        }
        self.note();
    }

    /// Gives up the peers that are gone, at once or after their silence.
    pub(crate) async fn watch_peers(self: Rc<Self>) {
        let mut changes = self.node.world.changes();
        loop {
            let lost_at = self.look();
            match lost_at {
                Some(at) => {
                    let _ = tokio::time::timeout_at(at, changes.changed()).await;
                }
                None => drop(changes.changed().await),
            }
        }
    }

    /// Looks at each peer; when the next one is to be given up.
    fn look(&self) -> Option<Instant> {
        let (mut gone, mut next) = (Vec::new(), None::<Instant>);
        for (store, silent) in self.peers.borrow_mut().iter_mut() {
            match self.node.world.path(*store) {
                Path::Open => *silent = None,
                Path::Refused | Path::Stranger | Path::Unreachable => gone.push(*store),
                Path::Silent | Path::Hung => {
                    let at = *silent.get_or_insert_with(Instant::now) + PATIENCE;
                    match at <= Instant::now() {
                        true => gone.push(*store),
                        false => next = Some(next.map_or(at, |it| it.min(at))),
                    }
                }
            }
        }
        for store in gone {
            self.disconnect(store);
        }
        next
    }

    /// waku1: keeps dialling a peer until it is told to leave it.
    pub(crate) fn want(self: &Rc<Self>, store: usize) {
        if !self.wanted.borrow().contains_key(&store) {
            let dialling = tokio::task::spawn_local(self.clone().keep_dialling(store));
            self.wanted.borrow_mut().insert(store, dialling);
        }
    }

    /// waku1: leaves a peer.
    pub(crate) fn leave(&self, store: usize) {
        if let Some(dialling) = self.wanted.borrow_mut().remove(&store) {
            dialling.abort();
        }
        self.disconnect(store);
    }

    async fn keep_dialling(self: Rc<Self>, store: usize) {
        loop {
            let known = self.known.borrow().get(&store).copied();
            if let Some(known) = known {
                sleep_until(known.dialled + DIAL_AGAIN).await;
            }
            let _ = self.dial(store).await;
            self.until(|| !self.is_connected(store)).await;
        }
    }

    /// waku2 of 2022: dials every known peer again and again.
    pub(crate) async fn redial(self: Rc<Self>) {
        loop {
            sleep(REDIAL).await;
            let known: Vec<usize> = self.known.borrow().keys().copied().collect();
            for store in known.into_iter().filter(|it| !self.is_connected(*it)) {
                let process = self.clone();
                tokio::task::spawn_local(async move { process.dial(store).await });
            }
        }
    }

    /// Connects to all mailservers that it has built in.
    pub(crate) async fn dial_fleet(self: &Rc<Self>) {
        let dials = (0..self.node.world.size()).map(|store| self.dial(store));
        join_all(dials).await;
    }

    /// Since mid-2026: looks for peers whenever it has lost all of them. Nodes of 2024 do not (recorded: offline for
    /// 120 s beside live mailservers).
    pub(crate) async fn find_again(self: Rc<Self>) {
        loop {
            self.until(|| self.peers.borrow().is_empty()).await;
            sleep(FIND).await;
            if self.peers.borrow().is_empty() {
                self.dial_fleet().await;
            }
        }
    }
}
