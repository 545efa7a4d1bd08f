//! History of nodes since mid-2026: no mailserver is in use, one is picked for each query.

use std::{rc::Rc, time::Duration};

use actors::{
    messages::node::HistorySignal,
    model::node::{Connectedness, NodeError},
};
use rand::seq::SliceRandom;
use tokio::time::{Instant, sleep};

use super::{Signal, history, process::Process};

/// How many stores are tried for a query.
const TRIES: usize = 3;

/// A store that failed is tried last for this long.
const TRIED_LAST: Duration = Duration::from_secs(120);

/// Between two tries of a sync of its own.
const OWN_PAUSE: Duration = Duration::from_secs(20);

/// How long a sync of its own is tried.
const OWN_PATIENCE: Duration = Duration::from_secs(180);

/// While all is well the markers are moved forward this often …
const FORWARD: Duration = Duration::from_secs(60);

/// … to so long ago.
const BEHIND: Duration = Duration::from_secs(60);

impl Process {
    /// A node since mid-2026 was logged in.
    pub(crate) fn begin_syncs(self: &Rc<Self>) {
        self.due.set(true);
        self.note();
        let process = self.clone();
        tokio::task::spawn_local(async move {
            sleep(process.draw(500, 12_000)).await;
            process.dial_fleet().await;
            process.find_again().await;
        });
        tokio::task::spawn_local(self.clone().sync_by_itself());
        tokio::task::spawn_local(self.clone().move_markers());
    }

    /// `wakuext_requestAllHistoricMessages`.
    pub(crate) async fn sync_on_request(self: &Rc<Self>) -> Result<Option<usize>, NodeError> {
        if !self.may_sync() {
            return Ok(None);
        }
        match self.sync().await {
            true => Ok(Some(0)),
            false => Err(history::refused(
                "no store node could serve the query".into(),
            )),
        }
    }

    fn may_sync(&self) -> bool {
        !self.syncing.get() && !self.peers.borrow().is_empty()
    }

    /// One sync with its signals: one that fails has no end. Whether a store served it.
    async fn sync(self: &Rc<Self>) -> bool {
        self.syncing.set(true);
        self.emit(Signal::History(HistorySignal::Started));
        let served = self.query().await;
        self.syncing.set(false);
        if served {
            self.emit(Signal::History(HistorySignal::Completed));
        }
        self.note();
        served
    }

    async fn query(self: &Rc<Self>) -> bool {
        for store in self.stores_to_try() {
            if self.fetch(store).await.is_ok() {
                return true;
            }
            let until = Instant::now() + TRIED_LAST;
            self.failed.borrow_mut().insert(store, until);
        }
        false
    }

    fn stores_to_try(&self) -> Vec<usize> {
        let mut stores: Vec<usize> = (0..self.node.world.size()).collect();
        stores.shuffle(&mut *self.node.random.borrow_mut());
        let (failed, now) = (self.failed.borrow(), Instant::now());
        stores.sort_by_key(|store| failed.get(store).is_some_and(|until| *until > now));
        stores.truncate(TRIES);
        stores
    }

    /// Asks for history by itself, each time it was not connected.
    async fn sync_by_itself(self: Rc<Self>) {
        loop {
            let owed =
                || self.due.get() && self.status() == Connectedness::Connected && self.may_sync();
            self.until(owed).await;
            self.due.set(false);
            let end = Instant::now() + OWN_PATIENCE;
            while Instant::now() < end {
                if self.may_sync() && self.sync().await {
                    break;
                }
                sleep(OWN_PAUSE).await;
            }
        }
    }

    async fn move_markers(self: Rc<Self>) {
        loop {
            sleep(FORWARD).await;
            let well = self.status() == Connectedness::Connected;
            if well && !self.due.get() && !self.syncing.get() {
                let reached = self.node.world.now().before(BEHIND);
                for marker in &mut self.node.database.borrow_mut().markers {
                    *marker = (*marker).max(reached);
                }
            }
        }
    }
}
