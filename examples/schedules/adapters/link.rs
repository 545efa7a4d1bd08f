//! The link to the node, as the orders, the session and its signals share it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    time::Duration,
};

use actix::Recipient;
use actors::{
    messages::node::{
        ConnectionChanged, HistorySignal, MessagesArrived, NodeChanged, NodeSwitched, PeerSnapshot,
    },
    model::node::{Generation, NodeError, NodeState, Profile},
};
use futures_util::future::AbortHandle;
use tokio::sync::{Notify, broadcast};

use super::tell;
use crate::{
    node::{Node, Process},
    schedule::Setup,
};

/// Who is told what about the node, one after the other.
#[derive(Clone)]
pub(crate) struct Listeners {
    /// The first one knows of it before the peers are told, the others after that.
    pub(crate) node: Vec<Recipient<NodeChanged>>,
    pub(crate) peers: Vec<Recipient<PeerSnapshot>>,
    pub(crate) connection: Vec<Recipient<ConnectionChanged>>,
    pub(crate) history_signals: Vec<Recipient<HistorySignal>>,
    pub(crate) switched: Recipient<NodeSwitched>,
    pub(crate) messages: Vec<Recipient<MessagesArrived>>,
}

/// The link.
pub(crate) struct Link {
    pub(crate) node: Rc<Node>,
    pub(crate) generation: Generation,
    /// Whether the node can be told to dial.
    pub(crate) dials: bool,
    /// It tells its topics, and lets their markers be set.
    pub(crate) has_markers: bool,
    pub(crate) rpc_timeout: Duration,
    pub(crate) history_timeout: Duration,
    pub(crate) listeners: RefCell<Option<Listeners>>,
    pub(crate) attached: Notify,
    /// A call failed in a way that may mean the end of the session.
    pub(crate) alarm: Notify,
    pub(crate) closed: Cell<bool>,
    pub(crate) state: RefCell<Option<NodeState>>,
    pub(crate) snapshots: Cell<u64>,
    pub(crate) switches: broadcast::Sender<NodeSwitched>,
    pub(crate) history: Cell<Option<AbortHandle>>,
    /// The mailserver that was connected to last, by us.
    pub(crate) chosen: Cell<Option<usize>>,
    listed: RefCell<BTreeSet<usize>>,
    /// The number of the newest connect call.
    newest: Cell<u64>,
}

impl Link {
    pub(crate) fn new(node: Rc<Node>, setup: &Setup, limits: (Duration, Duration)) -> Self {
        let (rpc_timeout, history_timeout) = limits;
        Self {
            node,
            generation: setup.generation(),
            dials: setup.dials(),
            has_markers: setup.has_markers(),
            rpc_timeout,
            history_timeout,
            listeners: RefCell::default(),
            attached: Notify::new(),
            alarm: Notify::new(),
            closed: Cell::default(),
            state: RefCell::default(),
            snapshots: Cell::default(),
            switches: broadcast::channel(64).0,
            history: Cell::default(),
            chosen: Cell::default(),
            listed: RefCell::default(),
            newest: Cell::default(),
        }
    }

    /// A call to the node.
    pub(crate) async fn call<T, F>(
        &self,
        method: impl FnOnce(Rc<Process>) -> F + 'static,
    ) -> Result<T, NodeError>
    where
        T: 'static,
        F: Future<Output = Result<T, NodeError>> + 'static,
    {
        self.node.call(self.rpc_timeout, method).await
    }

    /// What the node tells of itself.
    pub(crate) fn profile(&self) -> Profile {
        Profile {
            mode: self.node.mode,
            generation: self.generation,
            fleet: Some("test".into()),
            saved: vec![],
            pinned: None,
            use_mailservers: true,
        }
    }

    /// Whether there is a session.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn ready(&self) -> Result<(), NodeError> {
        match &*self.state.borrow() {
            Some(NodeState::Ready { .. }) => Ok(()),
            Some(NodeState::LoggedOut) => Err(NodeError::NotLoggedIn),
            _ => Err(NodeError::Transport("the node has not answered".into())),
        }
    }

    pub(crate) fn listeners(&self) -> Option<Listeners> {
        self.listeners.borrow().clone()
    }

    /// A connect call begins: those under way are overtaken.
    pub(crate) fn begin_attempt(&self) -> u64 {
        self.newest.set(self.newest.get() + 1);
        self.newest.get()
    }

    /// # Errors
    /// A newer connect call, or another session, has begun since.
    pub(crate) fn stands(&self, attempt: u64) -> Result<(), NodeError> {
        match attempt == self.newest.get() {
            true => Ok(()),
            false => Err(NodeError::Superseded),
        }
    }

    pub(crate) fn lists(&self, store: usize) -> bool {
        self.listed.borrow().contains(&store)
    }

    pub(crate) fn note_listed(&self, store: usize, listed: bool) {
        match listed {
            true => self.listed.borrow_mut().insert(store),
            false => self.listed.borrow_mut().remove(&store),
        };
    }

    pub(crate) fn forget_listed(&self) {
        self.listed.borrow_mut().clear();
    }

    /// Asks the node for its peers and passes them on; an answer that a signal overtook is dropped.
    ///
    /// # Errors
    /// As for [`Link::call`].
    pub(crate) async fn refresh(&self) -> Result<(), NodeError> {
        let before = self.snapshots.get();
        let peers = |process: Rc<Process>| async move {
            Ok(process.peers.borrow().keys().copied().collect())
        };
        let peers = self.call(peers).await?;
        if self.snapshots.get() == before {
            self.deliver(peers).await;
        }
        Ok(())
    }

    /// Passes on a list of peers.
    pub(crate) async fn deliver(&self, peers: BTreeSet<usize>) {
        let world = &self.node.world;
        let identities = peers.iter().map(|it| world.mailserver(*it).identity);
        let snapshot = PeerSnapshot {
            peers: identities.collect(),
            stores: vec![],
            online: (self.generation == Generation::OwnCycle).then_some(!peers.is_empty()),
        };
        *self.listed.borrow_mut() = peers;
        let listeners = self.listeners();
        for listener in listeners.iter().flat_map(|it| &it.peers) {
            tell(listener, snapshot.clone()).await;
        }
    }

    /// Tells a new state: the registry first, the connector last; peers before those who act upon them.
    pub(crate) async fn announce(&self, state: NodeState) {
        let ready = matches!(state, NodeState::Ready { .. });
        *self.state.borrow_mut() = Some(state.clone());
        if !ready {
            self.begin_attempt();
            self.forget_listed();
            self.chosen.set(None);
        }
        let Some(listeners) = self.listeners() else {
            return;
        };
        let changed = NodeChanged(state);
        let Some((first, others)) = listeners.node.split_first() else {
            return;
        };
        tell(first, changed.clone()).await;
        if ready {
            let _ = self.watch(self.refresh().await);
        }
        for listener in others {
            tell(listener, changed.clone()).await;
        }
    }

    /// Sounds the alarm if an error may mean that the session is over, and hands it on.
    pub(crate) fn watch<T>(&self, outcome: Result<T, NodeError>) -> Result<T, NodeError> {
        if outcome.as_ref().is_err_and(NodeError::is_absence) {
            self.alarm.notify_one();
        }
        outcome
    }
}
