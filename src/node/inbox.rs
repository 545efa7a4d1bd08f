//! What arrived by signal and was not delivered yet: bounded, of peer tables only the newest, of messages their sum.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use actors::{
    messages::node::{HistorySignal, MessagesArrived, NodeSwitched, PeerSnapshot},
    model::{address::Network, node::Connectedness},
};
use tokio::sync::{Notify, broadcast};

use crate::node::{
    arrivals,
    logins::{LoginNews, Logins},
    running::Running,
    signals::{self, Kind, Peek, Signal},
    traffic::Counters,
};

/// The most events that wait; a node sends a few in an hour. The oldest give way.
const MOST_WAITING: usize = 1_000;

/// Something to be told to an actor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Peers(PeerSnapshot),
    Connection(Connectedness),
    History(HistorySignal),
    Switched(NodeSwitched),
    Messages(MessagesArrived),
}

/// Something that the session itself has to act upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionEvent {
    /// The signal socket was opened.
    Opened,
    /// The signal socket was closed.
    Closed,
    /// An account logged in.
    LoggedIn,
    /// The node has started for an account, which is about to be logged in.
    NodeReady,
    /// The node says that it stopped.
    Stopped,
    /// A classic node turned out to have a cycle of its own.
    OwnCycle,
    /// The node uses a mailserver that it was not told to use: the user may have set a pin.
    Switched,
}

/// The waiting signals.
pub(crate) struct Inbox {
    counters: Rc<Counters>,
    /// The newest peer table, unread: most are replaced before anybody looks.
    peers: RefCell<Option<Vec<u8>>>,
    /// Whose peers are wanted, once that is known.
    network: Cell<Option<Network>>,
    /// What the node has said of its connection since the last login, for a session that begins later: it says so at
    /// changes only.
    connectedness: Cell<Option<Connectedness>>,
    events: RefCell<VecDeque<Signal>>,
    /// The messages that arrived, unread, as if one signal had brought them all.
    messages: RefCell<Option<MessagesArrived>>,
    arrived: Notify,
    session_events: RefCell<VecDeque<SessionEvent>>,
    session_event_arrived: Notify,
    switches: broadcast::Sender<NodeSwitched>,
    pub(crate) logins: Logins,
    /// The node's history requests.
    pub(crate) running: Running,
    dropped: Cell<u64>,
}

impl Inbox {
    pub(crate) fn new(counters: Rc<Counters>) -> Self {
        Self {
            counters,
            peers: RefCell::default(),
            network: Cell::default(),
            connectedness: Cell::default(),
            events: RefCell::default(),
            messages: RefCell::default(),
            arrived: Notify::new(),
            session_events: RefCell::default(),
            session_event_arrived: Notify::new(),
            switches: broadcast::channel(64).0,
            logins: Logins::default(),
            running: Running::default(),
            dropped: Cell::new(0),
        }
    }

    /// From now on only the peers of this network are wanted; of any, if it is not known.
    pub(crate) fn want(&self, network: Option<Network>) {
        self.network.set(network);
    }

    /// Takes a signal that the host application forwarded.
    pub(crate) fn push(&self, signal: String) {
        let counts = &self.counters.signals;
        counts.count_received();
        match signals::peek(signal.as_bytes()) {
            Peek::Foreign => counts.count_skipped(),
            Peek::NeedMore | Peek::Malformed => counts.count_malformed(),
            Peek::Wanted(kind) if kind.tells_unread() && signal.len() > kind.longest() => {
                self.put_overlong(kind);
            }
            Peek::Wanted(kind) => self.put(Some(kind), signal.into_bytes()),
            Peek::Unordered => self.put(None, signal.into_bytes()),
        }
    }

    /// Takes a signal that may be needed.
    pub(crate) fn put(&self, kind: Option<Kind>, signal: Vec<u8>) {
        let kind = kind.or_else(|| signals::kind_of(&signal));
        if let Some(network) = kind.and_then(Kind::peers_of) {
            // A table of the other network is always empty, and says nothing.
            if self.network.get().is_some_and(|it| it != network) {
                return self.counters.signals.count_skipped();
            }
            *self.peers.borrow_mut() = Some(signal);
            return self.arrived.notify_one();
        }
        match signals::read(&signal) {
            Ok(Some(event @ Signal::Connection(said))) => {
                self.connectedness.set(Some(said));
                self.keep(event);
            }
            Ok(Some(Signal::Messages(arrived))) => self.add(arrived.unwrap_or_default()),
            Ok(Some(Signal::LoggedIn)) => {
                self.logins.tell(LoginNews::Ended(Ok(())));
                self.notify_session(SessionEvent::LoggedIn);
            }
            // The session is told nothing: nobody is logged in by it.
            Ok(Some(Signal::LoginFailed { reason })) => {
                self.logins.tell(LoginNews::Ended(Err(reason)));
            }
            Ok(Some(Signal::NodeReady)) => self.notify_session(SessionEvent::NodeReady),
            Ok(Some(Signal::Stopped)) => self.notify_session(SessionEvent::Stopped),
            Ok(Some(event)) => self.keep(event),
            Ok(None) => self.counters.signals.count_skipped(),
            Err(error) => self.unreadable(&error),
        }
        self.arrived.notify_one();
    }

    /// Takes that a signal came which was too long to be read.
    pub(crate) fn put_overlong(&self, kind: Kind) {
        match kind {
            // How many messages it brought is not known: at least one.
            Kind::MessagesNew => self.add(MessagesArrived {
                messages: 1,
                gaps: Vec::new(),
            }),
            _ => self.counters.signals.count_malformed(),
        }
        self.arrived.notify_one();
    }

    fn add(&self, arrived: MessagesArrived) {
        if arrived == MessagesArrived::default() {
            return;
        }
        match &mut *self.messages.borrow_mut() {
            Some(unread) => arrivals::merge(unread, arrived),
            unread => *unread = Some(arrived),
        }
    }

    fn keep(&self, event: Signal) {
        match &event {
            // Nobody may be waiting for one.
            Signal::Switched(switched) => drop(self.switches.send(switched.clone())),
            Signal::History(signal) => self.running.note(signal),
            _ => {}
        }
        let mut events = self.events.borrow_mut();
        if events.len() == MOST_WAITING {
            events.pop_front();
            if self.dropped.replace(self.dropped.get() + 1) == 0 {
                tracing::warn!(most = MOST_WAITING, "signals dropped");
            }
        }
        events.push_back(event);
        self.counters.signals.set_waiting(events.len());
    }

    fn unreadable(&self, error: &signals::Unreadable) {
        self.counters.signals.count_malformed();
        tracing::debug!(%error, "signal");
    }

    /// Waits for something to deliver: events in their order, then messages, then the newest peer table.
    pub(crate) async fn next(&self) -> Delivery {
        loop {
            if let Some(delivery) = self.take() {
                return delivery;
            }
            self.arrived.notified().await;
        }
    }

    fn take(&self) -> Option<Delivery> {
        let mut events = self.events.borrow_mut();
        let event = events.pop_front();
        self.counters.signals.set_waiting(events.len());
        drop(events);
        if let Some(event) = event {
            return match event {
                Signal::Connection(said) => Some(Delivery::Connection(said)),
                Signal::History(signal) => Some(Delivery::History(signal)),
                Signal::Switched(switched) => Some(Delivery::Switched(switched)),
                Signal::Peers(_)
                | Signal::Messages(_)
                | Signal::LoggedIn
                | Signal::LoginFailed { .. }
                | Signal::NodeReady
                | Signal::Stopped => self.take(),
            };
        }
        let messages = self.messages.borrow_mut().take();
        if let Some(arrived) = messages {
            return Some(Delivery::Messages(arrived));
        }
        let newest = self.peers.borrow_mut().take()?;
        match signals::read(&newest) {
            Ok(Some(Signal::Peers(snapshot))) => Some(Delivery::Peers(snapshot)),
            Ok(_) => None,
            Err(error) => {
                self.unreadable(&error);
                None
            }
        }
    }

    /// What the node last said of its connection, if that still holds.
    pub(crate) fn connectedness(&self) -> Option<Connectedness> {
        self.connectedness.get()
    }

    /// Notes something for the session.
    pub(crate) fn notify_session(&self, event: SessionEvent) {
        if matches!(
            event,
            SessionEvent::LoggedIn | SessionEvent::Stopped | SessionEvent::Closed
        ) {
            // It is another life of the node, or it may have said something that we did not hear.
            self.connectedness.set(None);
            self.running.clear();
        }
        let mut session_events = self.session_events.borrow_mut();
        if session_events.back() != Some(&event) && session_events.len() < MOST_WAITING {
            session_events.push_back(event);
        }
        self.session_event_arrived.notify_one();
    }

    /// A session begins: what the socket closed before took nothing from it.
    pub(crate) fn begin_session(&self) {
        let mut session_events = self.session_events.borrow_mut();
        session_events.retain(|event| *event != SessionEvent::Closed);
    }

    /// Waits for something that the session has to act upon.
    pub(crate) async fn next_session_event(&self) -> SessionEvent {
        loop {
            let event = self.session_events.borrow_mut().pop_front();
            match event {
                Some(event) => return event,
                None => self.session_event_arrived.notified().await,
            }
        }
    }

    /// Every switch of the node's mailserver from now on.
    pub(crate) fn switches(&self) -> broadcast::Receiver<NodeSwitched> {
        self.switches.subscribe()
    }
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
