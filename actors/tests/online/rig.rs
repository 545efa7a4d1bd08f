//! An online watch among mailboxes, and a network that can be cut.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    rc::Rc,
    time::{Duration, SystemTime},
};

use ::actors::{
    Instant,
    messages::{
        candidates::CandidatesChanged,
        events::{Event, Publish},
        node::{ConnectionChanged, NodeChanged, PeerSnapshot},
        online::{CLOCK_INTERVAL, Clocks, GetVerdict, Missed, Online, Shown, VerdictChanged},
        ping::{News, Probe, ProbeAnswer, Proof},
        selection::Surveyed,
        watch::Measured,
    },
    model::{
        candidate::Purpose,
        mailserver::Mailserver,
        node::{Connectedness, Mode, NodeState},
        probe::{ProbeFailure, Reply, Stage},
        verdict::Verdict,
    },
    online::{Config, OnlineWatch, Ports},
    testing::{Probe as Mailbox, Received, enode, mailserver, profile, settle},
};
use actix::prelude::*;

/// The limit of a probe.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(500);

/// What a reply takes on the network.
pub(crate) const RTT: Duration = Duration::from_millis(20);

/// The network between us and the mailservers.
#[derive(Default)]
struct Network {
    /// Who can be reached; others are silent.
    alive: BTreeSet<usize>,
    /// Whose process is stopped while its system goes on.
    hung: BTreeSet<usize>,
    /// What the others do instead.
    failure: Option<ProbeFailure>,
}

pub(crate) struct Rig {
    pub(crate) watch: Addr<OnlineWatch>,
    pub(crate) probed: Received<Probe>,
    pub(crate) told: Received<VerdictChanged>,
    pub(crate) events: Received<Publish>,
    network: Rc<RefCell<Network>>,
    boot: Duration,
    wall: SystemTime,
}

/// A ready node with this many candidates, all of which can be reached, and a first list of two peers.
pub(crate) async fn rig(candidates: usize) -> Rig {
    let rig = bare(candidates);
    rig.candidates(candidates).await;
    rig.ready().await;
    rig.peers(&[100, 101]).await;
    rig
}

/// A watch that was told nothing, with this many mailservers in reach.
pub(crate) fn bare(alive: usize) -> Rig {
    tokio::time::pause();
    let network = Rc::new(RefCell::new(Network {
        alive: (0..alive).collect(),
        hung: BTreeSet::new(),
        failure: None,
    }));
    let behind = network.clone();
    let (probe, probed) = Mailbox::answering(move |order: &Probe| {
        assert_ne!(order.proof, Proof::Watched);
        order
            .targets
            .iter()
            .for_each(|it| reply(&behind, order, it));
    });
    let (listener, told) = Mailbox::start();
    let (events_to, events) = Mailbox::start();
    let ports = Ports {
        probe,
        listeners: vec![listener],
        events: events_to,
    };
    let config = Config { timeout: TIMEOUT };
    Rig {
        watch: OnlineWatch::new(config, Some(7), ports).start(),
        probed,
        told,
        events,
        network,
        boot: Duration::from_secs(1000),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000),
    }
}

/// What the adapter makes of one target, as the network is now.
fn reply(network: &Rc<RefCell<Network>>, order: &Probe, target: &Mailserver) {
    let network = network.borrow();
    let index = index(&target.identity);
    // The system of a hung one agrees to connections.
    let hung = network.hung.contains(&index) && order.proof == Proof::Path;
    let alive = network.alive.contains(&index) || hung;
    let failure = match network.hung.contains(&index) {
        true => Some(ProbeFailure::Silent(Stage::Ping)),
        false => network.failure.clone(),
    };
    let (after, outcome) = match (alive, failure) {
        (true, _) => (RTT, Ok(RTT)),
        (false, Some(failure)) => (RTT, Err(failure)),
        (false, None) => (order.timeout, Err(ProbeFailure::Silent(Stage::Connect))),
    };
    let (to, round, identity) = (
        order.answer_to.clone(),
        order.round,
        target.identity.clone(),
    );
    actix_rt::spawn(async move {
        tokio::time::sleep(after).await;
        to.do_send(ProbeAnswer {
            round,
            identity,
            news: News::Done { outcome, bytes: 0 },
        });
    });
}

/// The first target of this order answers now.
pub(crate) fn answer(order: &Probe) {
    order.answer_to.do_send(ProbeAnswer {
        round: order.round,
        identity: order.targets[0].identity.clone(),
        news: News::Done {
            outcome: Ok(RTT),
            bytes: 0,
        },
    });
}

pub(crate) fn index(identity: &::actors::model::mailserver::Identity) -> usize {
    let is = |it: &usize| mailserver(*it).identity == *identity || enode(*it).identity == *identity;
    let found = (0..).find(is);
    found.expect("one of the test's mailservers")
}

impl Rig {
    pub(crate) async fn tell<M>(&self, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        OnlineWatch: Handler<M>,
    {
        self.watch.send(message).await.expect("it runs");
        settle().await;
    }

    pub(crate) async fn candidates(&self, count: usize) {
        self.tell(CandidatesChanged {
            fleet: Some("test".into()),
            candidates: (0..count).map(mailserver).collect(),
            pinned: None,
        })
        .await;
    }

    pub(crate) async fn ready(&self) {
        let profile = profile(Mode::Waku2);
        self.tell(NodeChanged(NodeState::Ready { profile })).await;
    }

    pub(crate) async fn unreachable(&self) {
        let reason = "a test".into();
        self.tell(NodeChanged(NodeState::Unreachable { reason }))
            .await;
    }

    /// The node lists these peers, which need not be mailservers.
    pub(crate) async fn peers(&self, peers: &[usize]) {
        self.listed(peers, None).await;
    }

    pub(crate) async fn listed(&self, peers: &[usize], online: Option<bool>) {
        let peer = |it: &usize| match it {
            0..24 => mailserver(*it).identity,
            other => ::actors::model::mailserver::Identity::new(format!("peer-{other}")),
        };
        let peers = peers.iter().map(peer).collect();
        let snapshot = PeerSnapshot {
            peers,
            online,
            ..PeerSnapshot::default()
        };
        self.tell(snapshot).await;
    }

    /// The node says how well it is connected.
    pub(crate) async fn says(&self, said: Connectedness) {
        self.tell(ConnectionChanged(said)).await;
    }

    /// The watch of the active mailserver had an answer: from then on our own probes count.
    pub(crate) async fn measured(&self, index: usize) {
        self.tell(Measured {
            identity: mailserver(index).identity,
            rtt: RTT,
            sent: Instant::now(),
        })
        .await;
    }

    /// A ping round over so many candidates is over, and nobody answered.
    pub(crate) async fn surveyed(&self, count: usize) {
        let silent = |it: usize| Reply {
            identity: mailserver(it).identity,
            outcome: Err(ProbeFailure::Silent(Stage::Connect)),
        };
        self.tell(Surveyed {
            round: 1,
            purpose: Purpose::Active,
            begun: Instant::now(),
            replies: (0..count).map(silent).collect(),
        })
        .await;
    }

    /// The clocks are read after the usual pause, during which the machine slept for so long.
    pub(crate) async fn clocks_after_sleep(&mut self, boot: u64, wall: i64) {
        tokio::time::sleep(CLOCK_INTERVAL).await;
        self.boot += CLOCK_INTERVAL;
        self.wall += CLOCK_INTERVAL;
        self.clocks_jump(boot, wall).await;
    }

    /// The clocks are read now, this much later by them.
    pub(crate) async fn clocks_jump(&mut self, boot: u64, wall: i64) {
        self.boot += Duration::from_secs(boot);
        let by = Duration::from_secs(wall.unsigned_abs());
        match wall < 0 {
            true => self.wall -= by,
            false => self.wall += by,
        }
        self.read_clocks().await;
    }

    /// The process stood still, and all clocks went on.
    pub(crate) async fn clocks_after_stop(&mut self, seconds: u64) {
        let stop = Duration::from_secs(seconds);
        tokio::time::advance(stop).await;
        self.boot += stop;
        self.wall += stop;
        self.read_clocks().await;
    }

    async fn read_clocks(&self) {
        let (boot, wall) = (self.boot, self.wall);
        self.tell(Clocks { boot, wall }).await;
    }

    /// This one is watched, and missed a probe.
    pub(crate) async fn missed(&self, index: usize) {
        self.tell(Missed(mailserver(index).identity)).await;
    }

    /// The processes of these stop, and nobody else is alive.
    pub(crate) fn hang(&self, hung: impl IntoIterator<Item = usize>) {
        let mut network = self.network.borrow_mut();
        network.hung = hung.into_iter().collect();
        network.alive.clear();
    }

    /// Only these can be reached from now on.
    pub(crate) fn reachable(&self, alive: impl IntoIterator<Item = usize>) {
        let mut network = self.network.borrow_mut();
        network.alive = alive.into_iter().collect();
        network.hung.clear();
    }

    /// Whoever cannot be reached fails at once in this way, instead of being silent.
    pub(crate) fn failing(&self, failure: ProbeFailure) {
        self.network.borrow_mut().failure = Some(failure);
    }

    /// The verdict, of a node that is ready.
    pub(crate) async fn verdict(&self) -> Verdict {
        match self.shown().await.verdict {
            Shown::Verdict(verdict) => verdict,
            Shown::Waiting => panic!("the node is not ready"),
        }
    }

    /// What people are shown.
    pub(crate) async fn shown(&self) -> Online {
        self.watch.send(GetVerdict).await.expect("it runs")
    }

    /// Nobody is logged in to the node any more.
    pub(crate) async fn logged_out(&self) {
        self.tell(NodeChanged(NodeState::LoggedOut)).await;
    }

    /// The rounds since the last call: how many were asked in each.
    pub(crate) async fn rounds(&self) -> Vec<usize> {
        let orders = self.probed.drain().await;
        orders.iter().map(|it| it.targets.len()).collect()
    }

    /// The names of the events since the last call; each was told to the listener too.
    pub(crate) async fn news(&self) -> Vec<&'static str> {
        let events = self.events.drain().await;
        let told = self.told.drain().await;
        let verdict = |it: &VerdictChanged| match it.0 {
            Verdict::Online => "online",
            Verdict::Suspect => "suspect",
            Verdict::Offline => "offline",
            Verdict::Asleep => "asleep",
        };
        let names: Vec<_> = events.iter().map(|it| it.0.name()).collect();
        assert_eq!(told.iter().map(verdict).collect::<Vec<_>>(), names);
        names
    }

    /// The next event, and how long it took.
    pub(crate) async fn next_event(&self) -> (Event, Duration) {
        let since = Instant::now();
        let event = self.events.next().await.0;
        self.told.next().await;
        (event, since.elapsed())
    }
}

pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
    settle().await;
}

/// Longer than a probing takes if nobody answers: two rounds, each of one limit.
pub(crate) const PROBING: Duration = Duration::from_millis(1100);

pub(crate) const NONE: [&str; 0] = [];
