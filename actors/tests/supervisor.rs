//! Supervision for real: actors that panic, stop, and go on with their address, their queue and
//! what was entrusted to them.

use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};

use ::actors::{
    Instant,
    connector::{self, Connector},
    history_requester::{self, HistoryRequester},
    messages::{
        candidates::CandidatesChanged,
        events::{Event, Publish},
        history::{MailserverAvailable, QueueCommunity, RequestNow},
        node::{NodeChanged, NodePort, RequestCommunity, RequestHistory},
        peers::Repeat,
        selection::Select,
        supervision::{GetHealth, Health, Report, Tick},
    },
    model::{
        mailserver::Identity,
        node::{CommunityAnswer, Connection, HistoryAnswer, Mode, NodeState},
    },
    supervisor::{BudgetSpent, Config, Overseer, Slot, Supervisor, supervise},
    testing::{Probe, Received, mailserver, profile, settle},
};
use actix::prelude::*;
use tokio::sync::mpsc;

/// Counts what it is told; ends in whatever way it is told to.
#[derive(Default)]
struct Counter {
    count: usize,
    restarts: Rc<Cell<usize>>,
    panics_in_restarting: usize,
    stops_in_started: bool,
}

impl Actor for Counter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.stops_in_started {
            ctx.stop();
        }
    }
}

impl Supervised for Counter {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.restarts.set(self.restarts.get() + 1);
        if self.panics_in_restarting > 0 {
            self.panics_in_restarting -= 1;
            panic!("in restarting");
        }
        self.count = 0;
    }
}

#[derive(Message)]
#[rtype(result = "usize")]
struct Count;

#[derive(Message)]
#[rtype(result = "()")]
struct Panic;

#[derive(Message)]
#[rtype(result = "()")]
struct Stop;

impl Handler<Count> for Counter {
    type Result = usize;

    fn handle(&mut self, _: Count, _: &mut Context<Self>) -> usize {
        self.count += 1;
        self.count
    }
}

impl Handler<Panic> for Counter {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
        panic!("told to");
    }
}

impl Handler<Stop> for Counter {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<Panic> for HistoryRequester {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
        panic!("told to");
    }
}

impl Handler<Panic> for Connector {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
        panic!("told to");
    }
}

struct Rig {
    supervisor: Addr<Supervisor>,
    overseer: Overseer,
    ticks: Received<Tick>,
    events: Received<Publish>,
    spent: mpsc::UnboundedReceiver<BudgetSpent>,
}

fn rig() -> Rig {
    tokio::time::pause();
    let (tick, ticks) = Probe::start();
    let (publish, events) = Probe::start();
    let config = Config::default();
    let supervisor = Supervisor::new(config, tick, publish).start();
    let (spent, ends) = mpsc::unbounded_channel();
    Rig {
        overseer: Overseer {
            config,
            reports: supervisor.clone().recipient(),
            spent,
        },
        supervisor,
        ticks,
        events,
        spent: ends,
    }
}

impl Rig {
    fn start(&self, counter: Counter) -> Addr<Counter> {
        supervise("counter", Slot::default(), counter, &self.overseer)
    }

    async fn health(&self, actor: &str) -> Health {
        settle().await;
        let health = self.supervisor.send(GetHealth).await;
        health.expect("it lives")[actor].clone()
    }

    /// The `actor:restarted` events since the last call: who, why, and how many it were.
    async fn restarted(&self) -> Vec<(String, String, usize)> {
        let events = self.events.drain().await;
        let words = events.into_iter().map(|it| match it.0 {
            Event::ActorRestarted {
                actor,
                reason,
                restarts,
            } => (actor, reason, restarts),
            other => panic!("not its business: {other:?}"),
        });
        words.collect()
    }
}

async fn pass(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    settle().await;
}

fn restarted(reason: &str, restarts: usize) -> (String, String, usize) {
    ("counter".into(), reason.into(), restarts)
}

// === restarts ===

#[actix::test]
async fn after_a_panic_address_and_queue_are_kept_and_the_state_is_reset() {
    let rig = rig();
    let counter = rig.start(Counter::default());
    for count in 1..=3 {
        assert_eq!(counter.send(Count).await, Ok(count));
    }
    let lost = counter.send(Panic);
    let queued = counter.send(Count);
    assert_eq!(lost.await, Err(MailboxError::Closed), "the one in work");
    assert_eq!(queued.await, Ok(1), "those behind it");
    assert_eq!(counter.send(Count).await, Ok(2));
    let once = [restarted("panicked: told to", 1)];
    assert_eq!(rig.restarted().await, once);
}

#[actix::test]
async fn an_actor_that_stops_is_restarted_too() {
    let rig = rig();
    let counter = rig.start(Counter::default());
    counter.send(Count).await.unwrap();
    counter.send(Stop).await.unwrap();
    assert_eq!(counter.send(Count).await, Ok(1));
    assert_eq!(rig.restarted().await, [restarted("stopped", 1)]);
}

#[actix::test]
async fn health_tells_who_is_down_and_why() {
    let rig = rig();
    let counter = rig.start(Counter::default());
    let mut health = Health {
        running: true,
        ..Health::default()
    };
    assert_eq!(rig.health("counter").await, health);
    counter.do_send(Panic);
    health.running = false;
    health.last_failure = Some("panicked: told to".into());
    assert_eq!(rig.health("counter").await, health);
    assert_eq!(rig.restarted().await, [], "not before it runs");
    pass(60).await;
    health.running = true;
    health.restarts = 1;
    assert_eq!(rig.health("counter").await, health);
}

#[actix::test]
async fn pauses_grow_and_the_budget_ends() {
    let mut rig = rig();
    let counter = rig.start(Counter::default());
    let mut pauses = Vec::new();
    for _ in 0..5 {
        counter.do_send(Panic);
        let since = Instant::now();
        counter.send(Count).await.unwrap();
        // Timers of a paused clock are exact to the millisecond.
        pauses.push(since.elapsed().as_millis() / 10 * 10);
    }
    assert_eq!(pauses, [50, 100, 200, 400, 800]);
    assert!(rig.spent.try_recv().is_err(), "within the budget");
    counter.do_send(Panic);
    let spent = rig.spent.recv().await.unwrap();
    assert_eq!((spent.actor, spent.failures), ("counter", 6));
    assert_eq!(spent.reason, "panicked: told to");
    assert_eq!(counter.send(Count).await, Err(MailboxError::Closed));
    assert_eq!(rig.restarted().await.len(), 5);
}

#[actix::test]
async fn failures_of_long_ago_are_forgotten() {
    let mut rig = rig();
    let counter = rig.start(Counter::default());
    for _ in 0..20 {
        counter.do_send(Panic);
        pass(13_000).await;
        counter.send(Count).await.unwrap();
    }
    assert!(rig.spent.try_recv().is_err());
    assert_eq!(rig.health("counter").await.restarts, 20);
}

#[actix::test]
async fn one_that_stops_in_started_spends_its_budget_and_does_not_spin() {
    let mut rig = rig();
    let _counter = rig.start(Counter {
        stops_in_started: true,
        ..Counter::default()
    });
    let since = Instant::now();
    let spent = rig.spent.recv().await.unwrap();
    assert_eq!((spent.failures, spent.reason.as_str()), (6, "stopped"));
    assert_eq!(since.elapsed().as_millis() / 50 * 50, 1_550);
}

#[actix::test]
async fn one_that_panics_in_restarting_is_reset_before_it_runs_again() {
    let mut rig = rig();
    let restarts = Rc::default();
    let counter = rig.start(Counter {
        restarts: Rc::clone(&restarts),
        panics_in_restarting: 2,
        ..Counter::default()
    });
    counter.send(Count).await.unwrap();
    counter.do_send(Panic);
    assert_eq!(counter.send(Count).await, Ok(1), "the state was reset");
    assert_eq!(restarts.get(), 3);
    let once = [restarted("panicked: in restarting", 3)];
    assert_eq!(rig.restarted().await, once, "news only when it runs");

    let hopeless = rig.start(Counter {
        panics_in_restarting: 99,
        ..Counter::default()
    });
    hopeless.do_send(Panic);
    let spent = rig.spent.recv().await.unwrap();
    assert_eq!(spent.reason, "panicked: in restarting");
}

#[actix::test]
async fn the_others_live_on() {
    let rig = rig();
    let counter = rig.start(Counter::default());
    let other = supervise("other", Slot::default(), Counter::default(), &rig.overseer);
    other.send(Count).await.unwrap();
    counter.do_send(Panic);
    assert_eq!(other.send(Count).await, Ok(2));
    pass(1_000).await;
    assert_eq!(other.send(Count).await, Ok(3), "not even restarted");
    assert_eq!(rig.health("other").await.restarts, 0);
}

#[actix::test]
async fn one_whose_address_nobody_holds_ends_in_peace() {
    let mut rig = rig();
    drop(rig.start(Counter::default()));
    pass(60_000).await;
    assert!(rig.spent.try_recv().is_err());
    assert_eq!(rig.restarted().await, []);
}

#[actix::test]
async fn a_slot_takes_messages_before_its_actor_exists() {
    let rig = rig();
    let slot = Slot::default();
    let early = slot.address();
    let queued = early.send(Count);
    supervise("counter", slot, Counter::default(), &rig.overseer);
    assert_eq!(queued.await, Ok(1));
}

// === the tick ===

#[actix::test]
async fn the_heart_beats_every_ten_seconds() {
    let rig = rig();
    settle().await;
    rig.ticks.assert_none("not at the start").await;
    let mut last = Instant::now();
    for _ in 0..5 {
        rig.ticks.next().await;
        assert_eq!(last.elapsed().as_secs_f64().round(), 10.0);
        last = Instant::now();
    }
}

#[actix::test]
async fn a_blocked_thread_misses_ticks_and_does_not_make_up_for_them() {
    let rig = rig();
    settle().await;
    tokio::time::advance(Duration::from_secs(65)).await;
    assert_eq!(rig.ticks.drain().await.len(), 1);
    pass(9_900).await;
    rig.ticks.assert_none("the next one is 10 s later").await;
    pass(200).await;
    assert_eq!(rig.ticks.drain().await.len(), 1);
}

// === the actors of the service ===

fn node(
    request_history: Recipient<RequestHistory>,
    request_community: Recipient<RequestCommunity>,
) -> NodePort {
    NodePort {
        connect: Probe::answering(|_| Ok(Connection::Connected)).0,
        introduce: Probe::answering(|_| Ok(Connection::Connected)).0,
        drop_peer: Probe::answering(|_| Ok(())).0,
        refresh_peers: Probe::start().0,
        request_history,
        request_community,
    }
}

#[actix::test]
async fn a_requester_that_panics_loses_no_request_that_was_accepted() {
    let rig = rig();
    let answer = Rc::new(Cell::new(HistoryAnswer::NothingDone));
    let answers = answer.clone();
    let (request_history, asked) = Probe::answering(move |_: &RequestHistory| Ok(answers.get()));
    let (request_community, communities) =
        Probe::answering(|_: &RequestCommunity| Ok(CommunityAnswer::Found));
    let (events, published) = Probe::<Publish>::start();
    let ports = history_requester::Ports {
        node: node(request_history, request_community),
        failing: Probe::start().0,
        served: Probe::start().0,
        under_way: Probe::start().0,
        events,
    };
    let requester = HistoryRequester::new(history_requester::Config::default(), ports);
    let requester = supervise("history", Slot::default(), requester, &rig.overseer);
    let community = format!("0x02{:064}", 1);
    let accepted = requester.send(QueueCommunity(community.clone())).await;
    accepted.unwrap().unwrap();
    requester.send(RequestNow).await.unwrap();
    let available = MailserverAvailable {
        mailserver: mailserver(0),
        node_asks_itself: false,
        pause: Duration::ZERO,
    };
    requester.send(available).await.unwrap();
    asked.next().await;
    requester.do_send(Panic);
    answer.set(HistoryAnswer::Done { messages: 0 });
    // Much sooner than the pause that it was in: a restart begins anew.
    pass(100).await;
    assert_eq!(asked.drain().await.len(), 1);
    let asked_for = communities.drain().await;
    assert_eq!(asked_for, [RequestCommunity(community)]);
    let events = published.drain().await;
    let events: Vec<&str> = events.iter().map(|it| it.0.name()).collect();
    let once = ["history:requested", "history:failed", "history:completed"];
    assert_eq!(events, once);
}

#[actix::test]
async fn a_connector_that_panics_starts_over_and_says_so() {
    let rig = rig();
    let (select, selections) = Probe::<Select>::start();
    let (repeat, repeats) = Probe::<Repeat>::start();
    let (events, published) = Probe::<Publish>::start();
    let ports = connector::Ports {
        node: node(
            Probe::answering(|_| Ok(HistoryAnswer::NothingDone)).0,
            Probe::answering(|_| Ok(CommunityAnswer::Unknown)).0,
        ),
        select,
        mark: Probe::start().0,
        repeat,
        available: Probe::start().0,
        unavailable: Probe::start().0,
        watch: Probe::start().0,
        remember: Probe::start().0,
        events,
    };
    let config = connector::Config {
        standby: connector::Readiness::Off,
        ..connector::Config::default()
    };
    let connector = Connector::new(config, BTreeMap::new(), Some(1), ports);
    let connector = supervise("connector", Slot::default(), connector, &rig.overseer);
    connector.do_send(candidates(Some(mailserver(0).identity)));
    connector.do_send(NodeChanged(ready()));
    pass(100).await;
    let names = |events: &[Publish]| -> Vec<&str> { events.iter().map(|it| it.0.name()).collect() };
    let connected = ["mailserver:changed", "mailserverAvailable"];
    assert_eq!(names(&published.drain().await), connected);
    connector.do_send(Panic);
    connector.do_send(candidates(None));
    pass(100).await;
    assert_eq!(repeats.drain().await.len(), 1, "the peers are told again");
    assert_eq!(names(&published.drain().await), ["mailserver:changed"]);
    let queued = selections.drain().await;
    assert_eq!(queued.len(), 1, "a message behind the panic was handled");
}

fn candidates(pinned: Option<Identity>) -> CandidatesChanged {
    CandidatesChanged {
        fleet: Some("test".into()),
        candidates: vec![mailserver(0), mailserver(1)],
        pinned,
    }
}

fn ready() -> NodeState {
    let profile = profile(Mode::Waku2);
    NodeState::Ready { profile }
}

#[actix::test]
async fn a_report_is_an_event_once_per_restart() {
    let rig = rig();
    let report = |report| rig.supervisor.send(report);
    let reason = || "a test".to_owned();
    report(Report::Started("pinger")).await.unwrap();
    report(Report::Failed {
        actor: "pinger",
        reason: reason(),
    })
    .await
    .unwrap();
    rig.events.assert_none("a failure alone is no news").await;
    report(Report::Restarted {
        actor: "pinger",
        reason: reason(),
        restarts: 1,
    })
    .await
    .unwrap();
    let once = [("pinger".to_owned(), reason(), 1)];
    assert_eq!(rig.restarted().await, once);
}
