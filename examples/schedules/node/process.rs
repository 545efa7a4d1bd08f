//! The process of the node: what is forgotten when it dies, its login, its signals, and what it hears live.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use actors::{
    messages::node::NodeSwitched,
    model::node::{Connectedness, Mode},
};
use rand::RngExt;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{Node, Signal, peers::Known};

/// How long the connections of a process that stands still are kept by its peers.
const KEPT: Duration = Duration::from_secs(30);

/// A process of the node.
pub(crate) struct Process {
    pub(crate) node: Rc<Node>,
    logged_in: Cell<bool>,
    /// The mailservers that it is connected to, and since when they are silent.
    pub(crate) peers: RefCell<BTreeMap<usize, Option<Instant>>>,
    /// The mailservers that it ever dialled.
    pub(crate) known: RefCell<BTreeMap<usize, Known>>,
    /// waku1: those that it was told to keep.
    pub(crate) wanted: RefCell<BTreeMap<usize, JoinHandle<()>>>,
    /// The mailserver that history is asked of.
    pub(crate) used: Cell<Option<usize>>,
    pub(crate) cycle: RefCell<Option<JoinHandle<()>>>,
    /// Since mid-2026: a sync is under way; one is due; who failed, and until when it is tried last.
    pub(crate) syncing: Cell<bool>,
    pub(crate) due: Cell<bool>,
    pub(crate) failed: RefCell<BTreeMap<usize, Instant>>,
    status: Cell<Option<Connectedness>>,
    subscriber: RefCell<Option<mpsc::UnboundedSender<Signal>>>,
    happened: watch::Sender<u64>,
    /// What came while it stood still, and since when it does.
    buffered: RefCell<Vec<usize>>,
    stands_since: Cell<Option<Instant>>,
}

impl Process {
    pub(crate) fn new(node: Rc<Node>) -> Self {
        Self {
            node,
            logged_in: Cell::default(),
            peers: RefCell::default(),
            known: RefCell::default(),
            wanted: RefCell::default(),
            used: Cell::default(),
            cycle: RefCell::default(),
            syncing: Cell::default(),
            due: Cell::default(),
            failed: RefCell::default(),
            status: Cell::default(),
            subscriber: RefCell::default(),
            happened: watch::Sender::new(0),
            buffered: RefCell::default(),
            stands_since: Cell::default(),
        }
    }

    pub(crate) fn is_logged_in(&self) -> bool {
        self.logged_in.get()
    }

    /// The life of the process after its start.
    pub(crate) async fn live(self: Rc<Self>) {
        let until_login = self.draw(500, 4_000);
        sleep(until_login).await;
        self.logged_in.set(true);
        tokio::task::spawn_local(self.clone().watch_peers());
        match self.node.mode {
            Mode::Waku1 => {}
            Mode::Waku2 => {
                tokio::task::spawn_local(self.clone().redial());
            }
            Mode::Pin => self.begin_cycle(),
            Mode::Observe => self.begin_syncs(),
        }
        if self.node.alone && matches!(self.node.mode, Mode::Waku1 | Mode::Waku2) {
            self.begin_classic_cycle();
        }
    }

    /// A random pause, in milliseconds.
    pub(crate) fn draw(&self, from: u64, to: u64) -> Duration {
        let drawn = self.node.random.borrow_mut().random_range(from..to);
        Duration::from_millis(drawn)
    }

    /// Ends what others hold of it: its tasks end with their set.
    pub(crate) fn die(&self) {
        self.subscriber.borrow_mut().take();
        self.wanted.borrow_mut().clear();
        self.cycle.borrow_mut().take();
    }

    pub(crate) fn subscribe(&self) -> mpsc::UnboundedReceiver<Signal> {
        let (to, opened) = mpsc::unbounded_channel();
        *self.subscriber.borrow_mut() = Some(to);
        opened
    }

    /// Says something, if somebody listens.
    pub(crate) fn emit(&self, signal: Signal) {
        if let Some(to) = self.subscriber.borrow().as_ref()
            && !self.node.faults.signals_lost.get()
        {
            let _ = to.send(signal);
        }
    }

    /// Says that it uses another mailserver.
    pub(crate) fn switch(&self, store: Option<usize>) {
        let mailserver = store.map(|store| self.node.world.mailserver(store));
        self.emit(Signal::Switched(NodeSwitched {
            identity: mailserver.as_ref().map(|it| it.identity.clone()),
            id: mailserver.map(|it| it.id),
        }));
        self.note();
    }

    /// Something changed that a task of it may wait for.
    pub(crate) fn note(&self) {
        self.tell_status();
        self.happened.send_modify(|count| *count += 1);
    }

    /// Waits until something holds; it is looked at after each [note](Self::note).
    pub(crate) async fn until(&self, mut holds: impl FnMut() -> bool) {
        let mut happened = self.happened.subscribe();
        let _ = happened.wait_for(|_| holds()).await;
    }

    /// Says who its peers are now.
    pub(crate) fn tell_peers(&self) {
        self.note();
        if self.node.mode != Mode::Observe {
            let peers: BTreeSet<usize> = self.peers.borrow().keys().copied().collect();
            self.emit(Signal::Peers(peers));
        }
    }

    /// Since mid-2026: how well it is connected.
    pub(crate) fn status(&self) -> Connectedness {
        match (
            self.peers.borrow().is_empty(),
            self.node.faults.poor_mesh.get(),
        ) {
            (true, _) => Connectedness::Disconnected,
            (false, true) => Connectedness::PartiallyConnected,
            (false, false) => Connectedness::Connected,
        }
    }

    fn tell_status(&self) {
        if self.node.mode != Mode::Observe || !self.is_logged_in() {
            return;
        }
        let status = self.status();
        if self.status.replace(Some(status)) == Some(status) {
            return;
        }
        if status != Connectedness::Connected {
            // What is sent now may be missed: it is asked for afterwards.
            self.due.set(true);
        }
        self.emit(Signal::Connection(status));
    }

    /// A message is passed on by its peers; `stands`: it comes while the process stands still.
    pub(crate) fn hear(&self, message: usize, stands: bool) {
        let faults = &self.node.faults;
        let world = &self.node.world;
        let passes = |store: usize| {
            world.path(store) == crate::world::Path::Open && world.stores.borrow()[store].relays()
        };
        let reached = self.is_logged_in()
            && !faults.deaf.get()
            && !faults.poor_mesh.get()
            && self.peers.borrow().keys().any(|store| passes(*store));
        if reached && stands {
            self.stands_since
                .set(self.stands_since.get().or(Some(Instant::now())));
            self.buffered.borrow_mut().push(message);
        } else if reached {
            self.receive(&[message]);
        }
    }

    /// It goes on after it stood still.
    pub(crate) fn thaw(&self) {
        let buffered = std::mem::take(&mut *self.buffered.borrow_mut());
        let since = self.stands_since.take();
        if since.is_some_and(|since| since.elapsed() > KEPT) {
            self.disconnect_all();
        } else {
            self.receive(&buffered);
        }
    }

    /// Messages reached it, live or as history.
    pub(crate) fn receive(&self, messages: &[usize]) {
        let mut database = self.node.database.borrow_mut();
        let new = messages.iter().filter(|it| database.received.insert(**it));
        let new = new.count() as u64;
        drop(database);
        if new > 0 {
            self.emit(Signal::Messages(new));
        }
    }
}
