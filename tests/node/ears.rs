//! A driver that follows a node, and an actor that hears what it tells.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use ::actors::{
    messages::node::{
        ConnectionChanged, HistorySignal, MessagesArrived, NodeChanged, NodeSwitched, PeerSnapshot,
    },
    model::{
        mailserver::Identity,
        node::{Connectedness, NodeState, Profile},
    },
};
use actix::prelude::*;
use mailserver_sidecar::node::{
    Attach, Config, Driver, Listeners, PinMemory, PinRecord, RpcClient,
};
use tokio::sync::Notify;

use crate::scripted::LIMIT;

/// What the listener heard, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    State(&'static str, NodeState),
    Peers(PeerSnapshot),
    Connection(Connectedness),
    History(HistorySignal),
    Switched(NodeSwitched),
    Messages(MessagesArrived),
}

/// Everything that the driver tells, whoever it is told to.
#[derive(Clone, Default)]
pub(crate) struct Ears {
    heard: Rc<RefCell<VecDeque<Heard>>>,
    news: Rc<Notify>,
}

struct Listener(&'static str, Ears);

impl Actor for Listener {
    type Context = Context<Self>;
}

macro_rules! hears {
    ($message:ty, $listener:ident, $heard:ident => $as:expr) => {
        impl Handler<$message> for Listener {
            type Result = ();

            fn handle(&mut self, $heard: $message, _: &mut Self::Context) {
                let $listener = self.0;
                let heard = $as;
                self.1.heard.borrow_mut().push_back(heard);
                self.1.news.notify_waiters();
            }
        }
    };
}

hears!(NodeChanged, name, changed => Heard::State(name, changed.0));
hears!(PeerSnapshot, _name, peers => Heard::Peers(peers));
hears!(ConnectionChanged, _name, changed => Heard::Connection(changed.0));
hears!(HistorySignal, _name, signal => Heard::History(signal));
hears!(NodeSwitched, _name, switched => Heard::Switched(switched));
hears!(MessagesArrived, _name, arrived => Heard::Messages(arrived));

impl Ears {
    pub(crate) fn listeners(&self) -> Listeners {
        let listener = |name| Listener(name, self.clone()).start();
        let (registry, history, connector) = (
            listener("registry"),
            listener("history"),
            listener("connector"),
        );
        Listeners {
            node: vec![
                registry.clone().recipient(),
                listener("probe").recipient(),
                connector.clone().recipient(),
            ],
            peers: vec![registry.recipient()],
            connection: vec![connector.clone().recipient()],
            history_signals: vec![history.clone().recipient()],
            switched: connector.recipient(),
            messages: vec![history.recipient()],
        }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.borrow().iter().cloned().collect()
    }

    /// Takes what was heard, waiting for more, until something wanted is among it.
    pub(crate) async fn until<T>(&self, mut wanted: impl FnMut(&Heard) -> Option<T>) -> T {
        let found = async {
            loop {
                let news = self.news.notified();
                while let Some(heard) = self.next() {
                    if let Some(found) = wanted(&heard) {
                        return found;
                    }
                }
                news.await;
            }
        };
        tokio::time::timeout(LIMIT, found).await.expect("not heard")
    }

    fn next(&self) -> Option<Heard> {
        self.heard.borrow_mut().pop_front()
    }

    /// Waits until the connector, which is told last, knows of a session.
    pub(crate) async fn ready(&self) -> Profile {
        self.until(|heard| match heard {
            Heard::State("connector", NodeState::Ready { profile }) => Some(profile.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn away(&self) -> NodeState {
        self.until(|heard| match heard {
            Heard::State(
                "connector",
                state @ (NodeState::LoggedOut | NodeState::Unreachable { .. }),
            ) => Some(state.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn peers(&self, ids: &[&str]) {
        let wanted = ids.iter().map(|id| Identity::new(*id)).collect();
        self.until(|heard| {
            matches!(heard, Heard::Peers(peers) if peers.peers == wanted).then_some(())
        })
        .await;
    }
}

/// Pins in memory.
#[derive(Default)]
pub(crate) struct Pins(pub(crate) RefCell<BTreeMap<String, PinRecord>>);

impl PinMemory for Pins {
    fn load(&self, fleet: &str) -> Option<PinRecord> {
        self.0.borrow().get(fleet).cloned()
    }

    fn store(&self, fleet: &str, record: &PinRecord) -> Result<(), String> {
        self.0.borrow_mut().insert(fleet.into(), record.clone());
        Ok(())
    }
}

/// A driver that follows a node, and what it tells.
pub(crate) fn drive(config: Config) -> (Addr<Driver>, Ears) {
    drive_with(config, Rc::new(Pins::default()))
}

pub(crate) fn drive_with(config: Config, pins: Rc<dyn PinMemory>) -> (Addr<Driver>, Ears) {
    drive_as(config, pins, |driver| driver)
}

/// As [`drive`], after something was done to the driver.
pub(crate) fn drive_as(
    config: Config,
    pins: Rc<dyn PinMemory>,
    with: impl FnOnce(Driver) -> Driver,
) -> (Addr<Driver>, Ears) {
    let rpc = RpcClient::new(&config).unwrap();
    let driver = Driver::new(config, rpc, pins, Duration::from_millis(300));
    let driver = with(driver).start();
    let ears = Ears::default();
    driver.do_send(Attach(ears.listeners()));
    (driver, ears)
}
