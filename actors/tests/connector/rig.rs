//! A connector whose neighbours are mailboxes that write one log.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use ::actors::{
    connector::{Config, Connector, Ports, pin::Policy},
    messages::{
        candidates::CandidatesChanged,
        connection::{GetStatus, Remember, Status},
        events::{Event, Publish},
        history::{MailserverAvailable, MailserverFailing, MailserverGone, Source},
        node::{
            Connect, DropPeer, Introduce, NodeChanged, NodePort, ReadTopics, RefreshPeers,
            RequestCommunity, RequestHistory,
        },
        peers::{Mark, PeerDisconnected, Repeat},
        selection::{Decision, Select},
        watch::Watch,
    },
    model::{
        candidate::Purpose,
        mailserver::Identity,
        node::{Connection, Mode, NodeError, NodeState},
    },
    testing::{Probe, Received, decision, mailserver, plain, profile, settle},
};
use actix::prelude::*;

/// What arrived in all mailboxes, in words, in the order of arrival.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    /// A mailbox whose messages are logged.
    pub(crate) fn mailbox<M>(&self, word: impl Fn(&M) -> String + 'static) -> Recipient<M>
    where
        M: Message + Clone + Send + Unpin + 'static,
        M::Result: Default + Send + 'static,
    {
        let log = self.clone();
        let (mailbox, _) = Probe::answering(move |message: &M| {
            log.0.borrow_mut().push(word(message));
            M::Result::default()
        });
        mailbox
    }
}

pub(crate) type Dialled = Result<Connection, NodeError>;

/// The node's answer to each call, and how long it takes.
pub(crate) type Dial = Rc<dyn Fn(usize) -> (Duration, Dialled)>;

/// Answers connect calls after a while, as a node does.
pub(crate) struct Dialler {
    pub(crate) log: Log,
    pub(crate) dial: Rc<RefCell<Dial>>,
    pub(crate) dropping: Rc<Cell<Duration>>,
}

impl Actor for Dialler {
    type Context = Context<Self>;
}

impl Dialler {
    pub(crate) fn answer(&self, call: &str, to: usize) -> ResponseFuture<Dialled> {
        self.log.0.borrow_mut().push(format!("{call} {to}"));
        let (pause, answer) = (self.dial.borrow())(to);
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            answer
        })
    }
}

impl Handler<Connect> for Dialler {
    type Result = ResponseFuture<Dialled>;

    fn handle(&mut self, connect: Connect, _: &mut Context<Self>) -> Self::Result {
        self.answer("connect", index(&connect.mailserver.identity))
    }
}

impl Handler<Introduce> for Dialler {
    type Result = ResponseFuture<Dialled>;

    fn handle(&mut self, Introduce(to): Introduce, _: &mut Context<Self>) -> Self::Result {
        self.answer("introduce", index(&to.identity))
    }
}

impl Handler<DropPeer> for Dialler {
    type Result = ResponseFuture<Result<(), NodeError>>;

    fn handle(&mut self, DropPeer(peer): DropPeer, _: &mut Context<Self>) -> Self::Result {
        let line = format!("drop {}", index(&peer.identity));
        self.log.0.borrow_mut().push(line);
        let pause = self.dropping.get();
        Box::pin(async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok(())
        })
    }
}

pub(crate) struct Rig {
    pub(crate) connector: Addr<Connector>,
    pub(crate) log: Log,
    pub(crate) dial: Rc<RefCell<Dial>>,
    /// How long the node takes to drop a peer.
    pub(crate) dropping: Rc<Cell<Duration>>,
    pub(crate) order: Rc<RefCell<Option<Select>>>,
    /// Whom the watch was told to watch.
    pub(crate) watched: Received<Watch>,
}

pub(crate) const CANDIDATES: usize = 4;

pub(crate) const NOTHING: [&str; 0] = [];

impl Rig {
    pub(crate) fn new(config: Config) -> Self {
        tokio::time::pause();
        let log = Log::default();
        let fast: Dial = Rc::new(|_| (Duration::from_millis(5), Ok(Connection::Connected)));
        let dial = Rc::new(RefCell::new(fast));
        let order = Rc::default();
        let dropping = Rc::default();
        let (watch, watched) = Probe::start();
        let ports = ports(&log, &dial, &dropping, &order, watch);
        Self {
            watched,
            dropping,
            connector: Connector::new(config, BTreeMap::new(), Some(1), ports).start(),
            log,
            dial,
            order,
        }
    }

    /// A node of this mode is there, and a selection is under way.
    pub(crate) async fn started(mode: Mode) -> Self {
        let rig = Self::new(plain());
        rig.candidates(None).await;
        rig.node(mode).await;
        rig
    }

    /// Mailserver 0 is connected.
    pub(crate) async fn connected(mode: Mode) -> Self {
        let rig = Self::started(mode).await;
        rig.decide(Some(0)).await;
        rig.pass(1).await;
        rig.sent().await;
        rig
    }

    /// The pin, mailserver 3, is connected.
    pub(crate) async fn pinned(policy: Policy) -> Self {
        let rig = Self::new(Config {
            pin_policy: policy,
            ..plain()
        });
        rig.candidates(Some(3)).await;
        rig.node(Mode::Waku2).await;
        rig.pass(1).await;
        rig.sent().await;
        rig
    }

    pub(crate) async fn tell<M>(&self, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        Connector: Handler<M>,
    {
        self.connector.send(message).await.expect("it lives");
        settle().await;
    }

    pub(crate) async fn candidates(&self, pinned: Option<usize>) {
        self.tell(CandidatesChanged {
            fleet: Some("test".into()),
            candidates: (0..CANDIDATES).map(mailserver).collect(),
            pinned: pinned.map(identity),
        })
        .await;
    }

    pub(crate) async fn node(&self, mode: Mode) {
        let profile = profile(mode);
        self.tell(NodeChanged(NodeState::Ready { profile })).await;
    }

    pub(crate) async fn decide(&self, chosen: Option<usize>) {
        let decision = self.decision(chosen);
        self.tell(decision).await;
    }

    fn decision(&self, chosen: Option<usize>) -> Decision {
        let order = self.order.borrow();
        decision(order.as_ref().expect("a selection"), chosen, |_| false)
    }

    pub(crate) async fn failing(&self, index: usize) {
        self.tell(MailserverFailing {
            identity: identity(index),
            reason: "history: hung".into(),
        })
        .await;
    }

    pub(crate) async fn lose(&self, index: usize) {
        self.tell(gone(index)).await;
    }

    /// From now on calls are answered like this.
    pub(crate) fn dials(&self, milliseconds: u64, answer: impl Fn(usize) -> Dialled + 'static) {
        let pause = Duration::from_millis(milliseconds);
        *self.dial.borrow_mut() = Rc::new(move |to| (pause, answer(to)));
    }

    pub(crate) async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        settle().await;
    }

    /// What was sent to anybody since the last call.
    pub(crate) async fn sent(&self) -> Vec<String> {
        settle().await;
        std::mem::take(&mut *self.log.0.borrow_mut())
    }

    pub(crate) async fn status(&self) -> Status {
        self.connector.send(GetStatus).await.expect("it lives")
    }

    pub(crate) async fn active(&self) -> Option<usize> {
        let active = self.status().await.active?;
        Some(index(&active.mailserver.identity))
    }
}

pub(crate) fn ports(
    log: &Log,
    dial: &Rc<RefCell<Dial>>,
    dropping: &Rc<Cell<Duration>>,
    order: &Rc<RefCell<Option<Select>>>,
    watch: Recipient<Watch>,
) -> Ports {
    let dialler = Dialler {
        log: log.clone(),
        dial: dial.clone(),
        dropping: dropping.clone(),
    };
    let dialler = dialler.start();
    let order = order.clone();
    let word = |it: &Identity| index(it);
    Ports {
        node: NodePort {
            connect: dialler.clone().recipient(),
            introduce: dialler.clone().recipient(),
            drop_peer: dialler.recipient(),
            refresh_peers: log.mailbox(|_: &RefreshPeers| "refresh".into()),
            request_history: Probe::<RequestHistory>::answering(|_| panic!("not its business")).0,
            read_topics: Probe::<ReadTopics>::answering(|_| panic!("nor this")).0,
            request_community: Probe::<RequestCommunity>::answering(|_| panic!("nor this")).0,
        },
        select: log.mailbox(move |it: &Select| {
            *order.borrow_mut() = Some(it.clone());
            let word = match it.purpose {
                Purpose::Active => "select of",
                Purpose::Reach => "reach of",
                Purpose::Standby => "draw of",
            };
            format!("{word} {}", it.candidates.len())
        }),
        mark: log.mailbox(move |it: &Mark| format!("mark {} {:?}", word(&it.identity), it.state)),
        repeat: log.mailbox(|_: &Repeat| "repeat".into()),
        available: log.mailbox(move |it: &MailserverAvailable| match &it.source {
            Source::Active {
                mailserver,
                node_asks_itself,
            } => {
                let by = if *node_asks_itself { "node" } else { "us" };
                format!("history from {} by {by}", word(&mailserver.identity))
            }
            Source::Picked => "history from whom it picks".into(),
        }),
        unavailable: log.mailbox(|_: &MailserverGone| "history from nobody".into()),
        watch,
        remember: Probe::<Remember>::start().0,
        events: log.mailbox(|it: &Publish| match &it.0 {
            Event::MailserverChanged { mailserver, .. } => {
                let id = mailserver.as_ref().map_or("none", |it| it.id.as_str());
                format!("changed {id}")
            }
            Event::MailserverAvailable { mailserver } => format!("available {}", mailserver.id),
            other => panic!("not its business: {other:?}"),
        }),
    }
}

/// Mailserver 0 … is no peer any more, others are.
pub(crate) fn gone(index: usize) -> PeerDisconnected {
    PeerDisconnected {
        identity: identity(index),
        alone: false,
    }
}

pub(crate) fn identity(index: usize) -> Identity {
    mailserver(index).identity
}

pub(crate) fn index(identity: &Identity) -> usize {
    let mut all = 0..CANDIDATES;
    all.find(|it| mailserver(*it).identity == *identity)
        .expect("a candidate")
}

pub(crate) fn refused() -> Dialled {
    Err(NodeError::Node {
        code: -32000,
        message: "connection refused".into(),
    })
}
