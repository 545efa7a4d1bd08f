//! Supervision for real: actors that panic, stop, and go on with their address, their queue and
//! what was entrusted to them.

mod recovery;

use std::{cell::Cell, rc::Rc, time::Duration};

use ::actors::{
    Instant,
    connector::Connector,
    history_requester::HistoryRequester,
    messages::{
        events::{Event, Publish},
        supervision::{GetHealth, Health, Report, Tick},
    },
    supervisor::{BudgetSpent, Config, Overseer, Slot, Supervisor, supervise},
    testing::{Probe, Received, settle},
};
use actix::prelude::*;
use tokio::sync::mpsc;

/// Counts what it is told; ends in whatever way it is told to.
#[derive(Default)]
pub(crate) struct Counter {
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
pub(crate) struct Count;

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Stop;

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

pub(crate) struct Rig {
    supervisor: Addr<Supervisor>,
    overseer: Overseer,
    ticks: Received<Tick>,
    events: Received<Publish>,
    spent: mpsc::UnboundedReceiver<BudgetSpent>,
}

pub(crate) fn rig() -> Rig {
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

pub(crate) async fn pass(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    settle().await;
}

pub(crate) fn restarted(reason: &str, restarts: usize) -> (String, String, usize) {
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
