//! An auditor among mailboxes, and mailservers that hold what the test puts there.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use ::actors::{
    Instant,
    auditor::{Auditor, Config, Ports},
    messages::{
        audit::{GetStatus, Status},
        candidates::CandidatesChanged,
        events::{Event, Publish},
        history::{MailserverAvailable, Source},
        journal::{Audited, Finding, OpenWindow, Prefer, WindowCovered, WindowsOpen},
        node::{MessagesArrived, NodeChanged, ReadTopics},
        online::{Clocks, VerdictChanged},
        store::{Extent, FailedQuery, QueryStore, StoreAnswer, StoreFailure},
    },
    model::{
        mailserver::Identity,
        moment::{Moment, Period},
        node::{Mode, NodeError, NodeState},
        topic::{MarkedTopic, MessageHash},
        verdict::Verdict,
        window::WindowId,
    },
    testing::{PEER_IDS, Probe, Received, mailserver, marked_topic, profile, settle},
};
use actix::prelude::*;

/// The wall clock when a test begins.
pub(crate) const START: u64 = 1_795_000_000;

/// What a query costs, and a hash in it.
const QUERY: u64 = 1000;
const HASH: u64 = 36;

#[derive(Default)]
struct World {
    /// The seconds at which the messages were sent that each holds. The hash is made of them.
    held: BTreeMap<usize, Vec<u64>>,
    failures: BTreeMap<usize, FailedQuery>,
    topics: Option<Result<Vec<MarkedTopic>, NodeError>>,
    asked: Vec<(Instant, usize, QueryStore)>,
    topics_read: usize,
}

pub(crate) struct Rig {
    pub(crate) auditor: Addr<Auditor>,
    world: Rc<RefCell<World>>,
    begun: Instant,
    pub(crate) audited: Received<Audited>,
    pub(crate) opened: Received<OpenWindow>,
    pub(crate) preferred: Received<Prefer>,
    events: Received<Publish>,
}

/// The number of a mailserver.
pub(crate) fn index(identity: &Identity) -> usize {
    let mut all = PEER_IDS.iter();
    all.position(|it| *it == identity.as_str())
        .expect("it is of the test fleet")
}

fn hash(sent: u64) -> MessageHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&sent.to_be_bytes());
    MessageHash(hash)
}

impl World {
    fn answer(&mut self, query: &QueryStore) -> Result<StoreAnswer, FailedQuery> {
        let whom = index(&query.mailserver.identity);
        self.asked.push((Instant::now(), whom, query.clone()));
        if let Some(failure) = self.failures.get(&whom) {
            return Err(failure.clone());
        }
        let is_in = |sent: &&u64| {
            let sent = Moment::from_seconds(**sent);
            query.period.from <= sent && sent <= query.period.until
        };
        let held = self.held.get(&whom).into_iter().flatten().filter(is_in);
        let hashes: Vec<MessageHash> = held.map(|it| hash(*it)).collect();
        let most = match query.extent {
            Extent::All => usize::try_from(query.most_bytes / HASH).expect("it fits"),
            Extent::Any => 1,
        };
        let more = hashes.len() > most;
        let hashes: Vec<MessageHash> = hashes.into_iter().take(most).collect();
        Ok(StoreAnswer {
            bytes: QUERY + HASH * hashes.len() as u64,
            pages: 1,
            hashes,
            more,
        })
    }
}

pub(crate) fn rig() -> Rig {
    rig_with(Config {
        sweep: None,
        ..Config::default()
    })
}

/// An auditor that has heard of nothing.
pub(crate) fn rig_with(config: Config) -> Rig {
    rig_after(config, None)
}

/// An auditor that has heard of nothing, but that an earlier process swept up to this second of the test.
pub(crate) fn rig_after(config: Config, swept: Option<i64>) -> Rig {
    tokio::time::pause();
    let world = Rc::<RefCell<World>>::default();
    let (to_world, of_topics) = (world.clone(), world.clone());
    let (audited_to, audited) = Probe::start();
    let (opened_to, opened) = Probe::start();
    let (preferred_to, preferred) = Probe::start();
    let (events_to, events) = Probe::start();
    let ports = Ports {
        read_topics: Probe::<ReadTopics>::answering(move |_| {
            let mut world = of_topics.borrow_mut();
            world.topics_read += 1;
            world
                .topics
                .clone()
                .unwrap_or_else(|| Ok(vec![marked_topic(1)]))
        })
        .0,
        query_store: Probe::<QueryStore>::answering(move |it| to_world.borrow_mut().answer(it)).0,
        audited: audited_to,
        open_window: opened_to,
        swept: Probe::start().0,
        prefer: preferred_to,
        events: events_to,
    };
    let swept = swept.map(|it| period(it, it).until);
    let auditor = Auditor::new(config, swept, Some(7), ports);
    Rig {
        auditor: Supervisor::start(|_| auditor),
        world,
        begun: Instant::now(),
        audited,
        opened,
        preferred,
        events,
    }
}

/// From one second of the test to another.
pub(crate) fn period(from: i64, until: i64) -> Period {
    let at = |it: i64| Moment::from_seconds(START.saturating_add_signed(it));
    Period {
        from: at(from),
        until: at(until),
    }
}

pub(crate) fn covered(id: u64, period: Period, from: &[usize]) -> WindowCovered {
    WindowCovered {
        id: WindowId(id),
        period,
        from: from.iter().map(|it| mailserver(*it).identity).collect(),
        brought: vec![],
    }
}

impl Rig {
    pub(crate) async fn tell<M>(&self, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        Auditor: Handler<M>,
    {
        self.auditor.send(message).await.expect("it runs");
        settle().await;
    }

    /// The node is ready, so many mailservers are known, the first one is active.
    pub(crate) async fn ready(self, fleet: usize) -> Self {
        self.clock().await;
        self.candidates(fleet).await;
        let profile = profile(Mode::Pin);
        self.tell(NodeChanged(NodeState::Ready { profile })).await;
        self.tell(MailserverAvailable {
            source: Source::Active {
                mailserver: mailserver(0),
                node_asks_itself: false,
            },
            pause: Duration::ZERO,
            since: None,
        })
        .await;
        self
    }

    pub(crate) async fn clock(&self) {
        let since = self.begun.elapsed();
        let wall = Moment::from_seconds(START) + since;
        self.tell(Clocks {
            boot: since,
            wall: wall.into(),
        })
        .await;
    }

    pub(crate) async fn candidates(&self, fleet: usize) {
        self.tell(CandidatesChanged {
            fleet: Some("test".into()),
            candidates: (0..fleet).map(mailserver).collect(),
            pinned: None,
        })
        .await;
    }

    pub(crate) async fn away(&self) {
        let reason = "killed".into();
        self.tell(NodeChanged(NodeState::Unreachable { reason }))
            .await;
    }

    pub(crate) async fn verdict(&self, verdict: Verdict) {
        self.tell(VerdictChanged(verdict)).await;
    }

    pub(crate) async fn arrived(&self, messages: u64) {
        let gaps = vec![];
        self.tell(MessagesArrived { messages, gaps }).await;
    }

    /// These hold messages that were sent at these seconds of the test.
    pub(crate) fn hold(&self, mailservers: &[usize], sent: &[i64]) {
        let mut world = self.world.borrow_mut();
        for index in mailservers {
            let held = world.held.entry(*index).or_default();
            held.extend(sent.iter().map(|it| START.saturating_add_signed(*it)));
        }
    }

    pub(crate) fn fail(&self, mailservers: &[usize], failure: &StoreFailure) {
        for index in mailservers {
            let failed = FailedQuery::uncounted(failure.clone());
            self.fail_after(*index, failed);
        }
    }

    /// It fails after it has cost that.
    pub(crate) fn fail_after(&self, index: usize, failed: FailedQuery) {
        self.world.borrow_mut().failures.insert(index, failed);
    }

    pub(crate) fn recover(&self, mailservers: &[usize]) {
        for index in mailservers {
            self.world.borrow_mut().failures.remove(index);
        }
    }

    pub(crate) fn topics(&self, topics: Result<usize, NodeError>) {
        let topics = topics.map(|it| (0..it).map(marked_topic).collect());
        self.world.borrow_mut().topics = Some(topics);
    }

    pub(crate) fn topics_read(&self) -> usize {
        std::mem::take(&mut self.world.borrow_mut().topics_read)
    }

    /// Who was asked since the last time, for what, after how many seconds of the test.
    pub(crate) async fn queries(&self) -> Vec<(f64, usize, QueryStore)> {
        settle().await;
        let asked = std::mem::take(&mut self.world.borrow_mut().asked);
        let seconds = |at: Instant| (at - self.begun).as_secs_f64();
        let asked = asked.into_iter();
        asked.map(|(at, who, it)| (seconds(at), who, it)).collect()
    }

    /// Who was asked since the last time, each once.
    pub(crate) async fn asked(&self) -> Vec<usize> {
        let mut asked: Vec<usize> = self.queries().await.into_iter().map(|it| it.1).collect();
        asked.sort_unstable();
        asked.dedup();
        asked
    }

    /// What was found since the last time.
    pub(crate) async fn findings(&self) -> Vec<Finding> {
        let audited = self.audited.drain().await;
        audited.into_iter().map(|it| it.finding).collect()
    }

    /// The journal has windows, or none.
    pub(crate) async fn windows_open(&self, open: bool) {
        self.tell(WindowsOpen(open)).await;
    }

    /// Whether the node was said to be deaf, since the last time.
    pub(crate) async fn deafness(&self) -> Vec<bool> {
        let events = self.events.drain().await;
        let deaf = |it: Publish| match it.0 {
            Event::NodeDeaf { deaf, .. } => deaf,
            other => panic!("{other:?}"),
        };
        events.into_iter().map(deaf).collect()
    }

    pub(crate) async fn status(&self) -> Status {
        self.auditor.send(GetStatus).await.expect("it runs")
    }
}

/// Short of these many messages, in the words of the journal.
pub(crate) fn short(missing: u64, short: &[usize], wanted: &[usize]) -> Finding {
    let identities = |all: &[usize]| all.iter().map(|it| mailserver(*it).identity).collect();
    Finding::Short {
        missing,
        short: short.iter().map(|it| mailserver(*it).id).collect(),
        wanted: identities(wanted),
    }
}

pub(crate) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    settle().await;
}

/// Ends the actor, as a panic would.
pub(crate) struct Fail;

impl Message for Fail {
    type Result = ();
}

impl Handler<Fail> for Auditor {
    type Result = ();

    fn handle(&mut self, _: Fail, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
