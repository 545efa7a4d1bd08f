//! The cycle that nodes of 2022-03 and later have of their own, with its weaknesses: it switches only
//! when a request fails, it never leaves a dead pin, and it says `available` without looking.

use std::{rc::Rc, time::Duration};

use futures_util::future::join_all;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{history, mailserver::Mailserver, node::Node};

/// Between two requests to the same mailserver (recorded on 2024-10).
const RETRY: Duration = Duration::from_secs(2);

/// From `mailserver.not.working` to the next request to a dead pin (recorded: 5 s).
const PINNED_RETRY: Duration = Duration::from_secs(5);

/// A selection waits for the slowest ping, but no longer than this (recorded).
const PING_LIMIT: Duration = Duration::from_secs(4);

/// A selection without result is repeated after this.
const SELECT_AGAIN: Duration = Duration::from_secs(8);

/// A classic node with its own cycle looks this often (recorded on v0.94).
const CLASSIC_TICK: Duration = Duration::from_secs(10);

/// `wakuv2.peerstats` comes this often, changed or not (recorded on 2024-10).
const PEERSTATS: Duration = Duration::from_secs(5);

/// Where the cycle is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The messenger is started: wait for the fleet's connections, then choose.
    Login,
    /// Another one is wanted: give up the active one, then choose.
    Choose,
    /// Online again: ask the active one, or choose one.
    Resume,
    /// A request to the active one failed.
    Failed,
}

impl Node {
    /// Enters the cycle, wherever it was before.
    pub(crate) fn enter_cycle(self: &Rc<Self>, entry: Entry) {
        // It runs from the messenger's start on (read in status-go's source of 2024-10).
        if !self.state.borrow().messenger_started {
            return;
        }
        let cycle = self.tasks.spawn(self.clone().cycle(entry));
        if let Some(before) = self.state.borrow_mut().cycle.replace(cycle) {
            before.abort();
        }
    }

    /// The first peer is connected. Until then a modern node does nothing (recorded: offline for 120 s
    /// beside live mailservers, then one dial and it asked by itself).
    pub(crate) fn came_online(self: &Rc<Self>) {
        if self.has_cycle() && self.cycle_rests() {
            self.enter_cycle(Entry::Resume);
        }
    }

    /// A request from outside failed: a modern node's cycle takes notice.
    pub(crate) fn request_failed(self: &Rc<Self>) {
        if self.has_cycle() && self.cycle_rests() {
            self.enter_cycle(Entry::Failed);
        }
    }

    fn cycle_rests(&self) -> bool {
        let state = self.state.borrow();
        let cycle = state.cycle.as_ref();
        cycle.is_some_and(|cycle| cycle.is_finished())
    }

    /// The heartbeat of a modern node's signals.
    pub(crate) async fn repeat_peerstats(self: Rc<Self>) {
        loop {
            sleep(self.scaled(PEERSTATS)).await;
            self.announce_peers();
        }
    }

    async fn cycle(self: Rc<Self>, entry: Entry) {
        let before = self.state.borrow().used.clone();
        let before = before.filter(|_| matches!(entry, Entry::Failed | Entry::Resume));
        match entry {
            Entry::Login => self.connected_at_once().await,
            Entry::Choose => self.give_up_active(),
            Entry::Failed => {
                sleep(self.scaled(RETRY)).await;
                if self.ask_active(1).await {
                    return;
                }
            }
            Entry::Resume => {
                if self.state.borrow().used.is_some() && self.ask_active(2).await {
                    return;
                }
            }
        }
        let mut failed = before;
        while self.uses_mailservers() && self.is_online() {
            let Some(chosen) = self.choose(failed.as_deref()).await else {
                sleep(self.scaled(SELECT_AGAIN)).await;
                continue;
            };
            self.activate(&chosen);
            if self.ask_active(2).await {
                return;
            }
            failed = Some(self.key_of(&chosen).to_owned());
        }
    }

    /// Asks the active mailserver for history, at most so often. False: it is given up, unless it is
    /// pinned, for then it is asked for ever.
    async fn ask_active(self: &Rc<Self>, tries: usize) -> bool {
        let Some(active) = self.state.borrow().used.clone() else {
            return false;
        };
        loop {
            for again in 0..tries {
                if again > 0 {
                    sleep(self.scaled(RETRY)).await;
                }
                if let Ok(gaps) = history::run_missed(self, &active).await {
                    self.announce(&[], &gaps);
                    return true;
                }
            }
            let nobody = || named(None, "");
            self.signals.emit("mailserver.not.working", nobody);
            match self.pinned() {
                Some(pinned) if self.key_of(&pinned) == active => {
                    self.announce_change(Some(&pinned));
                    sleep(self.scaled(PINNED_RETRY)).await;
                }
                _ => {
                    self.give_up_active();
                    return false;
                }
            }
        }
    }

    fn is_online(&self) -> bool {
        !self.state.borrow().peers.is_empty()
    }

    /// The pin, dead or alive; one that names nothing built in is ignored without a word.
    fn pinned(&self) -> Option<Rc<Mailserver>> {
        let state = self.state.borrow();
        let pins = state.settings.get("pinned-mailservers")?;
        let id = pins.get(&state.fleet)?.as_str()?.to_owned();
        drop(state);
        self.fleet()
            .into_iter()
            .find(|mailserver| mailserver.id == id)
    }

    async fn choose(&self, except: Option<&str>) -> Option<Rc<Mailserver>> {
        if let Some(pinned) = self.pinned() {
            return Some(pinned);
        }
        let limit = self.scaled(PING_LIMIT);
        let pings = self.fleet().into_iter().map(|mailserver| async move {
            let connected = timeout(limit, TcpStream::connect(mailserver.address())).await;
            matches!(connected, Ok(Ok(_))).then_some(mailserver)
        });
        let answered: Vec<_> = join_all(pings).await.into_iter().flatten().collect();
        let others = answered
            .iter()
            .filter(|mailserver| Some(self.key_of(mailserver)) != except);
        let others: Vec<_> = others.collect();
        others
            .choose(&mut *self.random.borrow_mut())
            .map(|chosen| (*chosen).clone())
    }

    fn activate(&self, chosen: &Mailserver) {
        self.state.borrow_mut().used = Some(self.key_of(chosen).to_owned());
        self.announce_change(Some(chosen));
        self.signals
            .emit("mailserver.available", || self.naming(Some(chosen)));
        self.journal.note();
    }

    fn give_up_active(&self) {
        self.state.borrow_mut().used = None;
        self.announce_change(None);
    }

    fn announce_change(&self, mailserver: Option<&Mailserver>) {
        self.signals
            .emit("mailserver.changed", || self.naming(mailserver));
        self.journal.note();
    }

    /// How signals name a mailserver: since 2024 with its id, before by what identifies it.
    fn naming(&self, mailserver: Option<&Mailserver>) -> Value {
        match mailserver {
            Some(mailserver) if self.is_modern() => {
                named(Some(&mailserver.multiaddr()), &mailserver.id)
            }
            None if self.is_modern() => named(None, ""),
            Some(mailserver) => json!({"address": self.classic_name(mailserver)}),
            None => json!({"address": ""}),
        }
    }

    fn classic_name(&self, mailserver: &Mailserver) -> String {
        match self.setup.mode {
            actors::model::node::Mode::Waku1 => mailserver.enode(),
            _ => mailserver.identity.peer_id.clone(),
        }
    }

    /// Enters the cycle of a classic node, if it is switched on.
    pub(crate) fn enter_classic_cycle(self: &Rc<Self>) {
        if self.setup.own_cycle {
            let cycle = self.tasks.spawn(self.clone().classic_cycle());
            if let Some(before) = self.state.borrow_mut().cycle.replace(cycle) {
                before.abort();
            }
        }
    }

    /// The cycle of a classic node that has it switched on: it puts its own choice in the place of
    /// anybody else's.
    async fn classic_cycle(self: Rc<Self>) {
        let mut mine: Option<String> = None;
        loop {
            let used = self.state.borrow().used.clone();
            let stands = mine.is_some() && used == mine;
            if !stands || !mine.as_deref().is_some_and(|key| self.is_connected(key)) {
                self.give_up_active();
                if let Some(chosen) = self.choose(None).await {
                    let key = self.key_of(&chosen).to_owned();
                    self.state.borrow_mut().used = Some(key.clone());
                    self.announce_change(Some(&chosen));
                    if self.dial(&key, chosen.address()).await.is_ok() {
                        self.signals
                            .emit("mailserver.available", || self.naming(Some(&chosen)));
                    }
                    mine = Some(key);
                }
            }
            sleep(self.scaled(CLASSIC_TICK)).await;
        }
    }

    /// `wakuext_disconnectActiveMailserver`.
    pub(crate) fn disconnect_active(self: &Rc<Self>) {
        if self.has_cycle() {
            self.enter_cycle(Entry::Choose);
        } else if self.setup.own_cycle {
            let active = self.state.borrow().used.clone();
            self.give_up_active();
            if let Some(active) = active {
                self.disconnect(&active);
            }
        }
    }
}

fn named(address: Option<&str>, id: &str) -> Value {
    json!({"address": address, "id": id})
}
