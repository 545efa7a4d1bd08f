//! The link to one node, as the handlers of the driver, its session and its reader of signals share it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    time::Duration,
};

use actix::{Message, Recipient};
use actors::{
    address::Network,
    mailserver::{Identity, Mailserver},
    node::{HistorySignal, NodeChanged, NodeError, NodeState, NodeSwitched, PeerSnapshot},
};
use futures_util::future::AbortHandle;
use serde_json::json;
use tokio::sync::{Notify, watch};

use crate::node::{
    Signals,
    config::Config,
    detect::Driving,
    inbox::Inbox,
    peers::{EnodePeers, IdPeers},
    pin::PinMemory,
    rpc::RpcClient,
};

/// How long an actor may take to accept what it is told; one that is being restarted takes a while.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who is told what about the node.
#[derive(Clone)]
pub struct Listeners {
    /// Told first when the state of the node changes.
    pub registry: Recipient<NodeChanged>,
    /// The peers that the node lists.
    pub peers: Recipient<PeerSnapshot>,
    /// The history requests of the node itself.
    pub history_signals: Recipient<HistorySignal>,
    /// Told of the state last.
    pub connector: Recipient<NodeChanged>,
    /// The node's own choice of a mailserver.
    pub switched: Recipient<NodeSwitched>,
    /// The probe, which asks the node in some modes.
    pub probe: Recipient<NodeChanged>,
}

/// See the module.
pub(crate) struct Link {
    pub(crate) rpc: RpcClient,
    pub(crate) config: Config,
    pub(crate) history_timeout: Duration,
    pub(crate) pins: Rc<dyn PinMemory>,
    pub(crate) inbox: Inbox,
    /// Whether there is a session: the reader subscribes once the peer table is seeded.
    pub(crate) seeded: watch::Sender<bool>,
    /// A call failed in a way that may mean the end of the session.
    pub(crate) alarm: Notify,
    /// Listeners came, or came anew.
    pub(crate) attached: Notify,
    /// The history request on the wire: a newer one takes its place.
    pub(crate) history: Cell<Option<AbortHandle>>,
    /// The mailserver that was connected to last, by us.
    pub(crate) chosen: RefCell<Option<Mailserver>>,
    /// The fleet of the node and the user's pin for it, as the node had them when it was read.
    pub(crate) user_pin: RefCell<Option<(String, String)>>,
    listeners: RefCell<Option<Listeners>>,
    driving: Cell<Option<Driving>>,
    listed: RefCell<BTreeSet<Identity>>,
    snapshots: Cell<u64>,
    state: RefCell<Option<NodeState>>,
}

impl Link {
    pub(crate) fn new(
        rpc: RpcClient,
        config: Config,
        history_timeout: Duration,
        pins: Rc<dyn PinMemory>,
    ) -> Self {
        rpc.counters()
            .set_open(!matches!(config.signals, Signals::Socket(_)));
        Self {
            inbox: Inbox::new(rpc.counters().clone()),
            rpc,
            config,
            history_timeout,
            pins,
            seeded: watch::channel(false).0,
            alarm: Notify::new(),
            attached: Notify::new(),
            history: Cell::default(),
            chosen: RefCell::default(),
            user_pin: RefCell::default(),
            listeners: RefCell::default(),
            driving: Cell::default(),
            listed: RefCell::default(),
            snapshots: Cell::default(),
            state: RefCell::default(),
        }
    }

    pub(crate) fn attach(&self, listeners: Listeners) {
        *self.listeners.borrow_mut() = Some(listeners);
        self.attached.notify_one();
    }

    pub(crate) fn listeners(&self) -> Option<Listeners> {
        self.listeners.borrow().clone()
    }

    /// How the node is driven.
    ///
    /// # Errors
    /// There is no session.
    pub(crate) fn driving(&self) -> Result<Driving, NodeError> {
        self.driving
            .get()
            .ok_or_else(|| match &*self.state.borrow() {
                Some(NodeState::LoggedOut) => NodeError::NotLoggedIn,
                Some(NodeState::Unreachable { reason }) => NodeError::Transport(reason.clone()),
                _ => NodeError::Transport("the node has not answered yet".into()),
            })
    }

    pub(crate) fn drive(&self, driving: Option<Driving>) {
        self.driving.set(driving);
        self.inbox.want(driving.map(|driving| driving.network));
        if driving.is_none() {
            self.listed.borrow_mut().clear();
            *self.chosen.borrow_mut() = None;
        }
    }

    /// Whether signals arrive now.
    pub(crate) fn hears(&self) -> bool {
        self.config.signals != Signals::Poll && self.rpc.counters().is_open()
    }

    /// Whether the node listed a peer when it was last heard of, or a dial to it succeeded since.
    pub(crate) fn lists(&self, peer: &Identity) -> bool {
        self.listed.borrow().contains(peer)
    }

    pub(crate) fn note_dialled(&self, peer: &Identity) {
        self.listed.borrow_mut().insert(peer.clone());
    }

    pub(crate) fn note_dropped(&self, peer: &Identity) {
        self.listed.borrow_mut().remove(peer);
    }

    /// How many peer tables came by signal.
    pub(crate) fn snapshots(&self) -> u64 {
        self.snapshots.get()
    }

    /// Passes on a peer table that came by signal.
    pub(crate) async fn deliver(&self, snapshot: PeerSnapshot) {
        self.snapshots.set(self.snapshots.get() + 1);
        self.deliver_any(snapshot).await;
    }

    async fn deliver_any(&self, snapshot: PeerSnapshot) {
        self.listed.borrow_mut().clone_from(&snapshot.peers);
        if let Some(listeners) = self.listeners() {
            tell(&listeners.peers, snapshot).await;
        }
    }

    /// Asks the node for its peers and passes them on; an answer that a signal overtook is dropped.
    ///
    /// # Errors
    /// As for [`RpcClient::call`].
    pub(crate) async fn refresh(&self, network: Network) -> Result<(), NodeError> {
        let before = self.snapshots();
        // Each table is always empty on the other network (recorded on v0.94; `admin_peers` on 2024-10
        // too): never mixed up.
        let peers = match network {
            Network::Waku1 => {
                self.rpc
                    .call::<EnodePeers>("admin_peers", json!([]))
                    .await?
                    .0
            }
            Network::Waku2 => {
                self.rpc
                    .call::<IdPeers>("wakuext_peers", json!([]))
                    .await?
                    .0
            }
        };
        if self.snapshots() == before {
            self.deliver_any(PeerSnapshot {
                peers,
                online: None,
            })
            .await;
        }
        Ok(())
    }

    /// Sounds the alarm if an error may mean that the session is over, and hands it on.
    pub(crate) fn watch<T>(&self, outcome: Result<T, NodeError>) -> Result<T, NodeError> {
        if outcome.as_ref().is_err_and(NodeError::is_absence) {
            self.alarm.notify_one();
        }
        outcome
    }

    /// The state that was announced last.
    pub(crate) fn state(&self) -> Option<NodeState> {
        self.state.borrow().clone()
    }

    /// Tells a new state: the registry first, the connector last; peers before those who act upon them.
    pub(crate) async fn announce(&self, state: NodeState) {
        *self.state.borrow_mut() = Some(state.clone());
        let Some(listeners) = self.listeners() else {
            return;
        };
        let changed = NodeChanged(state);
        tell(&listeners.registry, changed.clone()).await;
        if let Some(driving) = self.driving.get() {
            // A failure here is the session's to see: it asks again.
            let _ = self.watch(self.refresh(driving.network).await);
        }
        tell(&listeners.probe, changed.clone()).await;
        tell(&listeners.connector, changed).await;
    }
}

/// Tells an actor something and waits until it has taken it.
pub(crate) async fn tell<M>(who: &Recipient<M>, message: M)
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    match tokio::time::timeout(PATIENCE, who.send(message)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, kind = std::any::type_name::<M>(), "not told"),
        Err(_) => tracing::warn!(
            kind = std::any::type_name::<M>(),
            "an actor does not listen"
        ),
    }
}
