//! The cycle that nodes of 2022-03 and later have of their own, with its weaknesses: it switches only when a request
//! fails, and never leaves a dead pin.

use std::{rc::Rc, time::Duration};

use actors::model::node::Mode;
use rand::seq::IndexedRandom;
use tokio::time::sleep;

use super::process::Process;
use crate::world::Path;

/// Between two requests to the same mailserver (recorded on 2024-10).
const RETRY: Duration = Duration::from_secs(2);

/// From one request to a dead pin to the next (recorded).
const PINNED_RETRY: Duration = Duration::from_secs(5);

/// A selection waits for the slowest ping, but no longer than this (recorded).
const PING_LIMIT: Duration = Duration::from_secs(4);

/// A selection without result is repeated after this.
const SELECT_AGAIN: Duration = Duration::from_secs(8);

/// A classic node with its own cycle looks this often (recorded on v0.94).
const CLASSIC_TICK: Duration = Duration::from_secs(10);

/// The peers are told this often, changed or not (recorded on 2024-10).
const PEERSTATS: Duration = Duration::from_secs(5);

/// Where the cycle is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Logged in: connect to the fleet, then choose.
    Login,
    /// Another one is wanted.
    Choose,
    /// Online again: ask the active one, or choose one.
    Resume,
    /// A request to the active one failed.
    Failed,
}

impl Process {
    /// A node of 2024 was logged in.
    pub(crate) fn begin_cycle(self: &Rc<Self>) {
        self.enter_cycle(Entry::Login);
        let process = self.clone();
        tokio::task::spawn_local(async move {
            loop {
                sleep(PEERSTATS).await;
                process.tell_peers();
            }
        });
    }

    /// Enters the cycle, wherever it was before.
    pub(crate) fn enter_cycle(self: &Rc<Self>, entry: Entry) {
        let cycle = tokio::task::spawn_local(self.clone().run_cycle(entry));
        if let Some(before) = self.cycle.borrow_mut().replace(cycle) {
            before.abort();
        }
    }

    /// The first peer is connected. Until then a node of 2024 does nothing (recorded).
    pub(crate) fn came_online(self: &Rc<Self>) {
        if self.node.mode == Mode::Pin && self.cycle_rests() {
            self.enter_cycle(Entry::Resume);
        }
    }

    /// A request from outside failed.
    pub(crate) fn request_failed(self: &Rc<Self>) {
        if self.node.mode == Mode::Pin && self.cycle_rests() {
            self.enter_cycle(Entry::Failed);
        }
    }

    fn cycle_rests(&self) -> bool {
        self.cycle
            .borrow()
            .as_ref()
            .is_some_and(|it| it.is_finished())
    }

    async fn run_cycle(self: Rc<Self>, entry: Entry) {
        let before = self.used.get();
        match entry {
            Entry::Login => self.dial_fleet().await,
            Entry::Choose => self.give_up_active(),
            Entry::Failed => {
                sleep(RETRY).await;
                if self.ask_active(1).await {
                    return;
                }
            }
            Entry::Resume => {
                if before.is_some() && self.ask_active(2).await {
                    return;
                }
            }
        }
        let mut failed = before.filter(|_| matches!(entry, Entry::Failed | Entry::Resume));
        while !self.peers.borrow().is_empty() {
            let Some(chosen) = self.choose(failed).await else {
                sleep(SELECT_AGAIN).await;
                continue;
            };
            self.used.set(Some(chosen));
            self.switch(Some(chosen));
            if self.ask_active(2).await {
                return;
            }
            failed = Some(chosen);
        }
    }

    /// Asks the active mailserver for history, at most so often. False: it is given up, unless it is pinned, for then
    /// it is asked for ever.
    async fn ask_active(self: &Rc<Self>, tries: usize) -> bool {
        let Some(active) = self.used.get() else {
            return false;
        };
        loop {
            for again in 0..tries {
                if again > 0 {
                    sleep(RETRY).await;
                }
                if self.ask(active).await.is_ok() {
                    return true;
                }
            }
            if self.pinned() != Some(active) {
                self.give_up_active();
                return false;
            }
            self.switch(Some(active));
            sleep(PINNED_RETRY).await;
        }
    }

    fn pinned(&self) -> Option<usize> {
        self.node.database.borrow().pinned
    }

    /// `wakuext_setPinnedMailservers`.
    pub(crate) fn pin(self: &Rc<Self>, store: usize) {
        self.node.database.borrow_mut().pinned = Some(store);
        self.enter_cycle(Entry::Choose);
    }

    async fn choose(&self, except: Option<usize>) -> Option<usize> {
        if let Some(pinned) = self.pinned() {
            return Some(pinned);
        }
        let world = &self.node.world;
        let all = 0..world.size();
        // A connect is answered by a hung one too.
        let answers = |it: &usize| matches!(world.path(*it), Path::Open | Path::Hung);
        let silent = all.clone().any(|it| world.path(it) == Path::Silent);
        let slowest = all.clone().map(|it| world.latency(it)).max();
        sleep(if silent {
            PING_LIMIT
        } else {
            slowest.unwrap_or_default()
        })
        .await;
        let others: Vec<usize> = all
            .filter(answers)
            .filter(|it| Some(*it) != except)
            .collect();
        others.choose(&mut *self.node.random.borrow_mut()).copied()
    }

    fn give_up_active(&self) {
        self.used.set(None);
        self.switch(None);
    }

    /// The cycle of a classic node that serves itself.
    pub(crate) fn begin_classic_cycle(self: &Rc<Self>) {
        tokio::task::spawn_local(self.clone().classic_cycle());
    }

    async fn classic_cycle(self: Rc<Self>) {
        loop {
            let connected = self.used.get().is_some_and(|it| self.is_connected(it));
            if !connected {
                self.used.set(self.choose(None).await);
                if let Some(chosen) = self.used.get()
                    && self.dial(chosen).await.is_ok()
                {
                    let _ = self.ask(chosen).await;
                }
            }
            sleep(CLASSIC_TICK).await;
        }
    }
}
