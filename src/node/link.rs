//! The link to one node, as the handlers of the driver, its session and its reader of signals share it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    time::Duration,
};

use actix::{Message, Recipient};
use actors::{
    messages::node::{
        ConnectionChanged, HistorySignal, MessagesArrived, NodeChanged, NodeSwitched, PeerSnapshot,
    },
    model::{
        address::Network,
        mailserver::{Identity, Mailserver},
        node::{Connectedness, NodeError, NodeState},
    },
};
use futures_util::future::AbortHandle;
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard, Notify, watch};

use crate::node::{
    Signals,
    config::Config,
    detect::Driving,
    inbox::Inbox,
    peers::{EnodePeers, IdPeers},
    pin_memory::PinMemory,
    rpc::RpcClient,
};

/// How long an actor may take to accept what it is told; one that is being restarted takes a while.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an order may wait for the one before it. A call takes milliseconds; one that hangs must not hold up those
/// that may get through.
const ORDER_WAIT: Duration = Duration::from_secs(1);

/// Who is told what about the node. Where there are several they are told one after the other.
#[derive(Clone)]
pub struct Listeners {
    /// The state of the node. The first one (the registry) knows of it before the peers are told, the others after
    /// that; the last one (the connector) acts upon all of it.
    pub node: Vec<Recipient<NodeChanged>>,
    /// The peers that the node lists. The first one (the tracker) knows of them before the registry makes candidates
    /// of them.
    pub peers: Vec<Recipient<PeerSnapshot>>,
    /// How well the node is connected.
    pub connection: Vec<Recipient<ConnectionChanged>>,
    /// The history requests of the node itself.
    pub history_signals: Vec<Recipient<HistorySignal>>,
    /// The node's own choice of a mailserver.
    pub switched: Recipient<NodeSwitched>,
    /// The messages that reach the node, live or as history.
    pub messages: Vec<Recipient<MessagesArrived>>,
}

/// The link to one node: how it is reached and what is known of it.
pub(crate) struct Link {
    pub(crate) rpc: RpcClient,
    pub(crate) config: Config,
    pub(crate) history_timeout: Duration,
    pub(crate) pins: Rc<dyn PinMemory>,
    pub(crate) inbox: Inbox,
    /// Whether the node answered the last call of the session: once it does again, its socket can be had too.
    pub(crate) answers: watch::Sender<bool>,
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
    /// The number of the newest connect call.
    newest: Cell<u64>,
    /// Held while the node is told which mailserver to use.
    order_lock: Mutex<()>,
}

/// The number of a connect call: of several under way only the newest may have its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt(u64);

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
            answers: watch::channel(false).0,
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
            newest: Cell::default(),
            order_lock: Mutex::default(),
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
        // What was chosen for one session is not set in the next one, which may be that of another account.
        self.begin_attempt();
        self.inbox.want(driving.map(|driving| driving.network));
        if driving.is_none() {
            self.listed.borrow_mut().clear();
            *self.chosen.borrow_mut() = None;
        }
    }

    /// A connect call begins: those under way are overtaken.
    pub(crate) fn begin_attempt(&self) -> Attempt {
        self.newest.set(self.newest.get() + 1);
        Attempt(self.newest.get())
    }

    /// Whether a newer connect call, or another session, has begun since.
    pub(crate) fn is_overtaken(&self, Attempt(number): Attempt) -> bool {
        number != self.newest.get()
    }

    /// Waits until the node has answered the last order, and begins the next. Each call has a connection of its own, so
    /// that two at once might arrive in the other order, and the older mailserver be the one that is used.
    pub(crate) async fn lock_orders(&self) -> Option<MutexGuard<'_, ()>> {
        tokio::time::timeout(ORDER_WAIT, self.order_lock.lock())
            .await
            .ok()
    }

    /// As [`Link::lock_orders`], for a connect call.
    ///
    /// # Errors
    /// It was overtaken: to set its mailserver now would undo the newer choice.
    pub(crate) async fn lock_orders_for(
        &self,
        attempt: Attempt,
    ) -> Result<Option<MutexGuard<'_, ()>>, NodeError> {
        let lock = self.lock_orders().await;
        match self.is_overtaken(attempt) {
            true => Err(NodeError::Superseded),
            false => Ok(lock),
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

    /// Passes on what the node says of its connection.
    pub(crate) async fn tell_connectedness(&self, said: Connectedness) {
        if !said.is_online() {
            // Nobody is listed any more, whenever the next list comes.
            self.listed.borrow_mut().clear();
        }
        let listeners = self.listeners();
        for listener in listeners.iter().flat_map(|it| &it.connection) {
            tell(listener, ConnectionChanged(said)).await;
        }
    }

    /// Tells of messages that reached the node.
    pub(crate) async fn tell_messages(&self, arrived: MessagesArrived) {
        let listeners = self.listeners();
        for listener in listeners.iter().flat_map(|it| &it.messages) {
            tell(listener, arrived.clone()).await;
        }
    }

    async fn deliver_any(&self, snapshot: PeerSnapshot) {
        self.listed.borrow_mut().clone_from(&snapshot.peers);
        let listeners = self.listeners();
        for listener in listeners.iter().flat_map(|it| &it.peers) {
            tell(listener, snapshot.clone()).await;
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
        let rpc = &self.rpc;
        let snapshot: PeerSnapshot = match network {
            Network::Waku1 => rpc
                .call::<EnodePeers>("admin_peers", json!([]))
                .await?
                .into(),
            Network::Waku2 => rpc
                .call::<IdPeers>("wakuext_peers", json!([]))
                .await?
                .into(),
        };
        if self.snapshots() == before {
            self.deliver_any(snapshot).await;
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
        let Some((first, others)) = listeners.node.split_first() else {
            return;
        };
        tell(first, changed.clone()).await;
        if let Some(driving) = self.driving.get() {
            // A failure here is the session's to see: it asks again.
            let _ = self.watch(self.refresh(driving.network).await);
        }
        for listener in others {
            tell(listener, changed.clone()).await;
        }
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::{node::detect::Driving, state_store::NoPins};

    fn link() -> Link {
        let config = Config::default();
        let rpc = RpcClient::new(&config).unwrap();
        Link::new(rpc, config, Duration::from_secs(1), Rc::new(NoPins))
    }

    #[actix::test]
    async fn one_order_after_the_other_but_none_waits_for_one_that_hangs() {
        tokio::time::pause();
        let link = link();
        let first = link.lock_orders().await;
        assert!(first.is_some());
        let mut second = Box::pin(link.lock_orders());
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        let second = second.await;
        assert!(second.is_some());
        let begun = tokio::time::Instant::now();
        assert!(
            link.lock_orders().await.is_none(),
            "the lock is held, but it goes on"
        );
        assert!(begun.elapsed() >= ORDER_WAIT);
    }

    #[actix::test]
    async fn only_the_newest_attempt_of_a_session_gets_the_lock() {
        let link = link();
        let (older, newer) = (link.begin_attempt(), link.begin_attempt());
        let refused = link.lock_orders_for(older).await.err();
        assert_eq!(refused, Some(NodeError::Superseded));
        assert!(link.lock_orders_for(newer).await.is_ok());
        link.drive(None::<Driving>);
        assert!(
            link.lock_orders_for(newer).await.is_err(),
            "of a session before"
        );
    }

    #[actix::test]
    async fn an_attempt_that_is_overtaken_while_it_waits_for_its_turn_gets_none() {
        let link = link();
        let lock = link.lock_orders().await;
        let attempt = link.begin_attempt();
        let mut waiting = Box::pin(link.lock_orders_for(attempt));
        assert!(waiting.as_mut().now_or_never().is_none());
        link.begin_attempt();
        drop(lock);
        assert_eq!(waiting.await.err(), Some(NodeError::Superseded));
    }
}
