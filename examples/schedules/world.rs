//! The world outside the machine, and the machine's network and clocks: all that node and sidecar have in common.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, SystemTime},
};

use actors::{
    messages::online::Clocks,
    model::{
        address::Network as Wire,
        mailserver::{Identity, Mailserver},
        moment::Moment,
        topic::{MessageHash, Topic},
    },
};
use tokio::{sync::watch, time::Instant};

use crate::{
    schedule::Setup,
    store::{Fault, Store},
};

/// When every schedule begins, in milliseconds since 1970.
const BEGIN: Moment = Moment::from_millis(1_800_000_000_000);

/// How long a dial into nowhere takes (recorded, v0.94 and 2024-10).
pub(crate) const DIAL_LIMIT: Duration = Duration::from_secs(5);

/// A message that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    /// When.
    pub(crate) sent: Moment,
    /// The number of the topic.
    pub(crate) topic: usize,
}

/// The machine's network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Network {
    /// Works.
    #[default]
    Up,
    /// The link is down: everybody on the machine knows at once.
    Unplugged,
    /// Packets vanish.
    Vanishing,
}

/// What becomes of packets to a mailserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// It answers.
    Open,
    /// There is no way there.
    Unreachable,
    /// Nobody listens there.
    Refused,
    /// The connection is accepted, nobody answers.
    Hung,
    /// Nothing comes back.
    Silent,
    /// Somebody else answers.
    Stranger,
}

/// The world.
pub(crate) struct World {
    begin: Instant,
    slept: Cell<Duration>,
    /// The machine sleeps: nothing on it goes on.
    pub(crate) asleep: Cell<bool>,
    network: Cell<Network>,
    pub(crate) stores: RefCell<Vec<Store>>,
    pub(crate) messages: RefCell<Vec<Message>>,
    /// Changes whenever a mailserver or the network does.
    changes: watch::Sender<u64>,
}

impl World {
    pub(crate) fn new(setup: &Setup) -> Self {
        let stores = setup.stores.iter().cloned().map(Store::new);
        let world = Self {
            begin: Instant::now(),
            slept: Cell::default(),
            asleep: Cell::default(),
            network: Cell::default(),
            stores: RefCell::new(stores.collect()),
            messages: RefCell::default(),
            changes: watch::Sender::new(0),
        };
        world.note();
        world
    }

    /// The wall clock.
    pub(crate) fn now(&self) -> Moment {
        BEGIN + self.since_begin()
    }

    /// Since the schedule began, sleeps included.
    pub(crate) fn since_begin(&self) -> Duration {
        self.begin.elapsed() + self.slept.get()
    }

    /// When the clock of the processes will show a moment of the schedule, if the machine does not sleep until then.
    pub(crate) fn instant(&self, since_begin: Duration) -> Instant {
        self.begin + since_begin.saturating_sub(self.slept.get())
    }

    /// The clocks of the machine.
    pub(crate) fn clocks(&self) -> Clocks {
        Clocks {
            boot: self.since_begin(),
            wall: SystemTime::from(self.now()),
        }
    }

    /// The machine sleeps until then.
    pub(crate) fn sleep_until(&self, since_begin: Duration) {
        let more = since_begin.saturating_sub(self.since_begin());
        self.slept.set(self.slept.get() + more);
    }

    pub(crate) fn network(&self) -> Network {
        self.network.get()
    }

    pub(crate) fn set_network(&self, network: Network) {
        self.network.set(network);
        self.note();
    }

    /// Changes a mailserver.
    pub(crate) fn change(&self, store: usize, change: impl FnOnce(&mut Store, Moment)) {
        let now = self.now();
        change(&mut self.stores.borrow_mut()[store], now);
        self.note();
    }

    /// Tells whoever waits for a change.
    pub(crate) fn note(&self) {
        let now = self.now();
        for store in 0..self.size() {
            let open = self.path(store) == Path::Open;
            let it = &mut self.stores.borrow_mut()[store];
            let sound = open && !it.breaks_off && it.reaches_back.is_none();
            it.sound_since = sound.then(|| it.sound_since.unwrap_or(now));
        }
        self.changes.send_modify(|count| *count += 1);
    }

    /// Wakes up whenever a mailserver or the network changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A message is sent; a bit of `holders` for each mailserver that it reaches.
    pub(crate) fn send(&self, topic: usize, holders: u32) -> usize {
        let sent = self.now();
        let mut messages = self.messages.borrow_mut();
        messages.push(Message { sent, topic });
        let number = messages.len() - 1;
        for (index, store) in self.stores.borrow_mut().iter_mut().enumerate() {
            store.hear(number, holders & (1 << index) != 0, sent);
        }
        number
    }

    /// What becomes of packets of this machine to a mailserver.
    pub(crate) fn path(&self, store: usize) -> Path {
        match (self.network.get(), self.stores.borrow()[store].fault) {
            (Network::Unplugged, _) => Path::Unreachable,
            (Network::Vanishing, _) | (Network::Up, Fault::Isolated) => Path::Silent,
            (Network::Up, Fault::None) => Path::Open,
            (Network::Up, Fault::Killed) => Path::Refused,
            (Network::Up, Fault::Hung) => Path::Hung,
            (Network::Up, Fault::Refusing) => Path::Stranger,
        }
    }

    pub(crate) fn latency(&self, store: usize) -> Duration {
        self.stores.borrow()[store].setup.latency
    }

    /// How many mailservers there are.
    pub(crate) fn size(&self) -> usize {
        self.stores.borrow().len()
    }

    pub(crate) fn mailserver(&self, store: usize) -> Mailserver {
        self.stores.borrow()[store].setup.mailserver.clone()
    }

    /// The number of a mailserver.
    pub(crate) fn find(&self, identity: &Identity) -> Option<usize> {
        let stores = self.stores.borrow();
        stores
            .iter()
            .position(|it| it.setup.mailserver.identity == *identity)
    }

    /// Whether some mailserver holds a message.
    pub(crate) fn is_held(&self, message: usize) -> bool {
        self.stores.borrow().iter().any(|it| it.holds(message))
    }

    /// Since when a message could be had without a break from a mailserver that can be asked what it holds. Enodes
    /// cannot, and are all worth the same.
    pub(crate) fn obtainable_since(&self, message: usize) -> Option<Moment> {
        let stores = self.stores.borrow();
        let waku1 = |it: &Store| it.setup.mailserver.address.network() == Wire::Waku1;
        let asked = |it: &&Store| it.setup.answers_queries || waku1(it);
        let since = stores.iter().filter(asked);
        since.filter_map(|it| it.obtainable_since(message)).min()
    }
}

/// The topic of that number.
pub(crate) fn topic(number: usize) -> Topic {
    Topic {
        pubsub: "/waku/2/rs/16/32".into(),
        content: format!("/waku/1/0x{number:08x}/rfc26"),
    }
}

/// The hash of the message of that number.
pub(crate) fn hash(message: usize) -> MessageHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&(message as u64 + 1).to_be_bytes());
    MessageHash(hash)
}
