//! A race with a stopwatch: the selector, and between it and the pinger somebody who notes when who answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use actix::{Actor, Addr, AsyncContext as _, Context, Handler, Recipient, ResponseFuture};
use actors::{
    messages::{
        events::Publish,
        ping::{Heard, PingRound, Progress},
        selection::{Decision, Select, Surveyed},
    },
    model::{
        candidate::{Candidate, Purpose, Tier},
        mailserver::{Identity, Mailserver},
        probe::PingReport,
    },
    selector::{Config, Ports, Selector, choose},
};
use tokio::sync::oneshot;

/// What was seen of a race.
pub(crate) struct Seen {
    /// From the order to the decision.
    pub(crate) decided: Duration,
    /// From the order to the answer of the slowest in the pool that the whole round gives.
    pub(crate) pool_answered: Duration,
}

/// Has one of these chosen in a hurry.
pub(crate) async fn race(
    pinger: Recipient<PingRound>,
    targets: &[Mailserver],
    timeout: Duration,
    seed: u64,
) -> Seen {
    let candidates = targets.iter().map(|mailserver| Candidate {
        mailserver: mailserver.clone(),
        tier: Tier::Healthy,
        listed: false,
    });
    let order = Select {
        witnesses: BTreeSet::new(),
        round: 1,
        candidates: candidates.collect(),
        purpose: Purpose::Active,
        quiet: true,
        blind: false,
    };
    let (over, is_over) = oneshot::channel();
    let course = Course::new(pinger, over).start();
    let selector = selector(&course, timeout, seed);
    let begun = Instant::now();
    selector.do_send(order.clone());
    let notes = is_over.await.expect("the race ends");
    let whole = choose(&order, &notes.report, &Config::default(), |_| 0);
    assert!(whole.pool > 0, "somebody answers");
    let pool = &whole.considered[..whole.pool];
    assert!(
        pool.iter()
            .any(|it| Some(&it.identity) == notes.chosen.as_ref())
    );
    let answered = pool.iter().map(|it| notes.answered[&it.identity]).max();
    Seen {
        decided: notes.decided.expect("a decision") - begun,
        pool_answered: answered.expect("a pool") - begun,
    }
}

fn selector(course: &Addr<Course>, timeout: Duration, seed: u64) -> Addr<Selector> {
    let ports = Ports {
        pinger: course.clone().recipient(),
        decided: course.clone().recipient(),
        surveyed: vec![course.clone().recipient()],
        events: course.clone().recipient(),
    };
    Selector::new(Config::default(), timeout, Some(seed), ports).start()
}

/// What is noted.
#[derive(Default)]
struct Notes {
    answered: BTreeMap<Identity, Instant>,
    decided: Option<Instant>,
    chosen: Option<Identity>,
    report: PingReport,
}

struct Course {
    pinger: Recipient<PingRound>,
    selector: Option<Recipient<Heard>>,
    notes: Notes,
    over: Option<oneshot::Sender<Notes>>,
}

impl Course {
    fn new(pinger: Recipient<PingRound>, over: oneshot::Sender<Notes>) -> Self {
        Self {
            pinger,
            selector: None,
            notes: Notes::default(),
            over: Some(over),
        }
    }
}

impl Actor for Course {
    type Context = Context<Self>;
}

impl Handler<PingRound> for Course {
    type Result = ResponseFuture<PingReport>;

    fn handle(&mut self, mut order: PingRound, ctx: &mut Self::Context) -> Self::Result {
        order.heard = order.heard.map(|(number, selector)| {
            self.selector = Some(selector);
            (number, ctx.address().recipient())
        });
        let report = self.pinger.send(order);
        Box::pin(async { report.await.expect("the pinger runs") })
    }
}

impl Handler<Heard> for Course {
    type Result = ();

    fn handle(&mut self, heard: Heard, _: &mut Self::Context) {
        if matches!(heard.what, Progress::Done(Ok(_))) {
            let identity = heard.identity.clone();
            self.notes.answered.insert(identity, heard.at.into_std());
        }
        if let Some(selector) = &self.selector {
            selector.do_send(heard);
        }
    }
}

impl Handler<Decision> for Course {
    type Result = ();

    fn handle(&mut self, decision: Decision, _: &mut Self::Context) {
        self.notes.decided = Some(Instant::now());
        self.notes.chosen = decision.identity;
    }
}

impl Handler<Surveyed> for Course {
    type Result = ();

    fn handle(&mut self, surveyed: Surveyed, _: &mut Self::Context) {
        self.notes.report = PingReport {
            replies: surveyed.replies,
        };
        if let Some(over) = self.over.take() {
            // It fails only where the bench has failed already.
            let _ = over.send(std::mem::take(&mut self.notes));
        }
    }
}

impl Handler<Publish> for Course {
    type Result = ();

    fn handle(&mut self, _: Publish, _: &mut Self::Context) {}
}
