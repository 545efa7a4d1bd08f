//! The choice of a mailserver, and its reasons.
//!
//! All candidates are pinged, and the rule ([`choose`], in [`ranking`]) is applied to what they
//! answered. Who is in a hurry ([`Purpose::is_urgent`]) does not wait for the silent ones: the decision is made as soon
//! as the answers in hand settle it (see `early_decision`), while the round goes on. A choice for later
//! ([`Purpose::Standby`]) waits for the whole round. Either way all that the round found is passed on when
//! it is complete ([`Surveyed`]): what comes too late for the decision is still worth remembering.

pub mod early_decision;
pub mod pool;
pub mod ranking;

use std::{collections::BTreeMap, time::Duration};

use actix::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    Instant,
    deadline::Deadline,
    messages::{
        events::{Event, Publish},
        ping::{Heard, PingRound, Progress},
        selection::{Decision, LastDecision, Select, Surveyed},
    },
    model::{
        candidate::Purpose,
        probe::{PingReport, round_limit},
    },
    selector::early_decision::EarlyDecision,
};
pub use crate::{
    model::candidate::{Candidate, Considered, Standing, Tier},
    selector::{
        pool::{Config, bucket, pool_size},
        ranking::choose,
    },
};

/// Whom the selector talks to.
#[derive(Clone)]
pub struct Ports {
    /// The pinger.
    pub pinger: Recipient<PingRound>,
    /// The connector.
    pub decided: Recipient<Decision>,
    /// Those who learn from what a round found.
    pub surveyed: Vec<Recipient<Surveyed>>,
    /// Everybody.
    pub events: Recipient<Publish>,
}

/// The longest time from a [`Select`] to its [`Decision`]: the limit of the round, and a second for a busy pinger.
#[must_use]
pub fn decision_limit(timeout: Duration) -> Duration {
    round_limit(timeout).saturating_add(Duration::from_secs(1))
}

/// The actor.
pub struct Selector {
    config: Config,
    timeout: Duration,
    ports: Ports,
    random: StdRng,
    /// Counts the rounds.
    rounds: u64,
    undecided: BTreeMap<Purpose, Undecided>,
    /// When time alone settles the choice of the active one.
    deadline: Deadline,
    last: Option<Decision>,
}

/// An order that has no decision yet.
struct Undecided {
    number: u64,
    begun: Instant,
    early: EarlyDecision,
}

impl Selector {
    /// A selector; `timeout` is the limit for each round trip, `seed` makes its draws repeatable.
    #[must_use]
    pub fn new(config: Config, timeout: Duration, seed: Option<u64>, ports: Ports) -> Self {
        Self {
            config,
            timeout,
            ports,
            random: seed.map_or_else(rand::make_rng, StdRng::seed_from_u64),
            rounds: 0,
            undecided: BTreeMap::new(),
            deadline: Deadline::default(),
            last: None,
        }
    }

    /// Decides if what is in hand settles it, else waits for the time when it will.
    fn settle(&mut self, number: u64, now: Instant, ctx: &mut Context<Self>) {
        let Some(undecided) = self.take(number) else {
            return;
        };
        let race = &undecided.early;
        if let Some(settled) = race.settled(now) {
            let random = &mut self.random;
            let decision = race.decide(settled, |n| random.random_range(0..n));
            self.decide(&undecided, decision);
            return self.deadline.arm(None, ctx, |_, _| {});
        }
        let at = race.settles_at();
        self.deadline.arm(at, ctx, move |selector, ctx| {
            selector.deadline.clear();
            // Through the mailbox: whatever the pinger has sent until now comes first.
            let at = Instant::now();
            ctx.address().do_send(Due { number, at });
        });
        let purpose = undecided.early.order().purpose;
        self.undecided.insert(purpose, undecided);
    }

    /// The round is over.
    fn complete(&mut self, number: u64, report: &PingReport) {
        if let Some(undecided) = self.take(number) {
            let order = undecided.early.order();
            let random = &mut self.random;
            let decision = choose(order, report, &self.config, |n| random.random_range(0..n));
            self.decide(&undecided, decision);
        }
    }

    /// The order of this number, unless it is decided or another took its place.
    fn take(&mut self, number: u64) -> Option<Undecided> {
        let mut undecided = self.undecided.iter();
        let (purpose, _) = undecided.find(|(_, it)| it.number == number)?;
        let purpose = *purpose;
        self.undecided.remove(&purpose)
    }

    fn decide(&mut self, undecided: &Undecided, mut decision: Decision) {
        let took = undecided.begun.elapsed().as_millis();
        decision.took_ms = u64::try_from(took).unwrap_or(u64::MAX);
        if decision.purpose.is_urgent() {
            self.report(&decision, undecided.early.order().quiet);
            self.last = Some(decision.clone());
        }
        self.ports.decided.do_send(decision);
    }

    /// Once per change: a fleet that stays silent is not news at every tick.
    fn report(&self, decision: &Decision, quiet: bool) {
        let choice = decision.purpose == Purpose::Active;
        let nobody = decision.chosen.is_none();
        let nobody_again = nobody && self.last.as_ref().is_some_and(|it| it.chosen.is_none());
        if choice && !nobody_again && !quiet {
            let event = Event::Decision(decision.clone());
            self.ports.events.do_send(Publish(event));
        }
    }
}

impl Actor for Selector {
    type Context = Context<Self>;
}

impl Supervised for Selector {
    fn restarting(&mut self, _: &mut Context<Self>) {
        // The rounds are forgotten with the futures that waited for them; the connector has a limit of its own.
        self.undecided.clear();
        self.deadline.clear();
    }
}

impl Handler<Select> for Selector {
    type Result = ();

    fn handle(&mut self, order: Select, ctx: &mut Context<Self>) {
        self.rounds += 1;
        let (number, round, purpose) = (self.rounds, order.round, order.purpose);
        let hurry = purpose.is_urgent();
        let candidates = order.candidates.iter();
        let report = self.ports.pinger.send(PingRound {
            targets: candidates.map(|it| it.mailserver.clone()).collect(),
            witnesses: order.witnesses.clone(),
            timeout: self.timeout,
            heard: hurry.then(|| (number, ctx.address().recipient())),
        });
        let begun = Instant::now();
        let undecided = Undecided {
            number,
            begun,
            early: EarlyDecision::new(order, self.config),
        };
        self.undecided.insert(purpose, undecided);
        if hurry {
            // Of the order before.
            self.deadline.arm(None, ctx, |_, _| {});
        }
        let report = report.timeout(decision_limit(self.timeout));
        ctx.spawn(report.into_actor(self).map(move |report, selector, _| {
            // A pinger that died gives no report: then nobody has replied.
            let report = report.unwrap_or_default();
            selector.complete(number, &report);
            let replies = report.replies;
            let surveyed = Surveyed {
                round,
                purpose,
                begun,
                replies,
            };
            for listener in &selector.ports.surveyed {
                listener.do_send(surveyed.clone());
            }
        }));
    }
}

impl Handler<Heard> for Selector {
    type Result = ();

    fn handle(&mut self, heard: Heard, ctx: &mut Context<Self>) {
        let mut undecided = self.undecided.values_mut();
        let Some(current) = undecided.find(|it| it.number == heard.number) else {
            return;
        };
        match heard.what {
            Progress::Began { round_trips } => {
                (current.early).handle_began(heard.identity, round_trips, heard.at);
            }
            Progress::Done(outcome) => current.early.handle_outcome(heard.identity, outcome),
        }
        // As of then: the next one may wait in the mailbox already.
        self.settle(heard.number, heard.at, ctx);
    }
}

/// Time alone may have settled the choice.
#[derive(Message)]
#[rtype(result = "()")]
struct Due {
    number: u64,
    at: Instant,
}

impl Handler<Due> for Selector {
    type Result = ();

    fn handle(&mut self, due: Due, ctx: &mut Context<Self>) {
        self.settle(due.number, due.at, ctx);
    }
}

impl Handler<LastDecision> for Selector {
    type Result = MessageResult<LastDecision>;

    fn handle(&mut self, _: LastDecision, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.last.clone())
    }
}
