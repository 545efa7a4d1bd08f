//! History of nodes since mid-2026: no mailserver is in use, one is picked for each query.
//!
//! Up to three are tried, at random; what failed lately comes last. One sync at a time, whoever asked for it. When all
//! tries fail, `history.request.started` has no end (read in status-go's source, not recorded).

use std::{rc::Rc, time::Duration};

use serde_json::Value;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use super::{
    connection_status::Status,
    gap::Gap,
    history, history_signals as signals,
    node::Node,
    plan::Plan,
    rpc::{Answer, Refusal},
    sync_state::Running,
};

/// How many stores are tried for a query.
const TRIES: usize = 3;

/// A store that failed is tried last for this long.
const TRIED_LAST: Duration = Duration::from_secs(120);

/// Between two tries of a sync of its own.
const OWN_PAUSE: Duration = Duration::from_secs(20);

/// How long a sync of its own is tried.
const OWN_PATIENCE: Duration = Duration::from_secs(180);

/// `wakuext_requestAllHistoricMessages`. The sync goes on when its caller is gone.
pub(crate) async fn request_all(node: &Rc<Node>) -> Answer {
    if node.state.borrow_mut().history_faults.take_null() {
        return Ok(Value::Null);
    }
    // Not told apart: not started, offline, switched off, another one under way.
    let Some(running) = node.begin_sync() else {
        return Ok(Value::Null);
    };
    let (answer, answered) = oneshot::channel();
    let syncing = node.clone();
    node.session.spawn(async move {
        let gaps = syncing.sync(running).await;
        let _ = answer.send(gaps);
    });
    match answered.await {
        Ok(Some(gaps)) => Ok(history::summary(node, gaps)),
        Ok(None) => Err(Refusal::failed(history::NO_STORE)),
        Err(_) => Err(Refusal::failed("the node stopped")),
    }
}

impl Node {
    /// The keys of the stores that a query tries, in this order.
    pub(crate) fn stores_to_try(&self) -> Vec<String> {
        let fleet = self.fleet().into_iter();
        let stores = fleet.map(|store| self.key_of(&store).to_owned()).collect();
        let state = self.state.borrow();
        let random = &mut *self.random.borrow_mut();
        let mut stores = state.syncs.order(stores, Instant::now(), random);
        stores.truncate(TRIES);
        stores
    }

    /// A store did not serve a query.
    pub(crate) fn store_failed(&self, store: &str) {
        let pause = self.scaled(TRIED_LAST);
        let mut state = self.state.borrow_mut();
        state.syncs.store_failed(store, Instant::now(), pause);
    }

    /// As if a sync of its own were under way, or no longer.
    pub(crate) fn hold_sync(self: &Rc<Self>, held: bool) {
        let was = std::mem::replace(&mut self.state.borrow_mut().syncs.held, held);
        match (was, held) {
            (false, true) => signals::started(self, "", &self.plan_missed().batches),
            (true, false) => signals::completed(self, ""),
            _ => {}
        }
        self.journal.note();
    }

    /// Asks for history by itself, each time it was not connected: after login, and whenever it is connected again.
    pub(crate) async fn sync_by_itself(self: Rc<Self>) {
        loop {
            self.journal.until(|| self.owes_a_sync()).await;
            self.state.borrow_mut().syncs.due = false;
            let end = Instant::now() + self.scaled(OWN_PATIENCE);
            while Instant::now() < end {
                if let Some(running) = self.begin_sync()
                    && let Some(gaps) = self.sync(running).await
                {
                    self.announce(&[], &gaps);
                    break;
                }
                sleep(self.scaled(OWN_PAUSE)).await;
            }
        }
    }

    fn owes_a_sync(&self) -> bool {
        let due = self.state.borrow().syncs.due;
        due && self.status() == Status::Connected && self.may_sync()
    }

    /// Whether a sync would be made now.
    fn may_sync(&self) -> bool {
        let state = self.state.borrow();
        let started = state.messenger_started && !state.peers.is_empty();
        let busy = state.syncs.under_way();
        drop(state);
        started && !busy && self.uses_mailservers()
    }

    fn begin_sync(&self) -> Option<Running> {
        let may = self.may_sync();
        may.then(|| self.state.borrow_mut().syncs.begin())
    }

    /// One sync with its signals: the gaps that it left, if a store served it.
    async fn sync(self: &Rc<Self>, running: Running) -> Option<Vec<Gap>> {
        let plan = self.plan_missed();
        signals::started(self, "", &plan.batches);
        let served = self.query(&plan).await;
        drop(running);
        let gaps = served.then(|| self.fetched(&plan));
        if served {
            signals::completed(self, "");
        }
        self.journal.note();
        gaps
    }

    /// Whether one of the stores serves it.
    pub(crate) async fn query(self: &Rc<Self>, plan: &Plan) -> bool {
        for store in self.stores_to_try() {
            match history::fetch(self, &store, plan, "").await {
                Ok(()) => return true,
                Err(reason) => {
                    tracing::debug!(store, reason, "query failed");
                    self.store_failed(&store);
                }
            }
        }
        false
    }
}
