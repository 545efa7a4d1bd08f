//! One ping round: all targets at once, one deadline.
//!
//! The actor owns the probes in flight; how a target is probed is the adapter's business
//! ([`Probe`] out, one [`ProbeAnswer`] per target back, in any order). Who is in a hurry is told what
//! is known as soon as it is ([`Heard`]), in the words that the report will use.

use std::{collections::BTreeMap, time::Duration};

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::{
    Instant,
    messages::ping::{Heard, News, PingRound, Probe, ProbeAnswer, Progress, Proof},
    model::{
        mailserver::{Identity, Mailserver},
        probe::{PingReport, ProbeFailure, Reply, Stage, round_limit},
    },
};

/// The actor.
pub struct Pinger {
    probe: Recipient<Probe>,
    rounds: BTreeMap<u64, Round>,
    last: u64,
}

/// A round in flight.
struct Round {
    targets: Vec<Identity>,
    begun: BTreeMap<Identity, (Instant, u32)>,
    outcomes: BTreeMap<Identity, Result<Duration, ProbeFailure>>,
    timeout: Duration,
    heard: Option<(u64, Recipient<Heard>)>,
    report: oneshot::Sender<PingReport>,
}

impl Pinger {
    /// A pinger that probes through this adapter.
    #[must_use]
    pub fn new(probe: Recipient<Probe>) -> Self {
        Self {
            probe,
            rounds: BTreeMap::new(),
            last: 0,
        }
    }

    fn probe(
        &self,
        round: u64,
        targets: Vec<Mailserver>,
        proof: Proof,
        timeout: Duration,
        ctx: &mut Context<Self>,
    ) {
        if !targets.is_empty() {
            self.probe.do_send(Probe {
                round,
                targets,
                timeout,
                proof,
                answer_to: ctx.address().recipient(),
            });
        }
    }

    fn finish(&mut self, number: u64) {
        if let Some(round) = self.rounds.remove(&number) {
            let (report, to) = round.into_report();
            // Nobody waits any more: the round was for nothing.
            let _ = to.send(report);
        }
    }
}

impl Round {
    fn accept(&mut self, identity: Identity, news: News, now: Instant) {
        if !self.targets.contains(&identity) || self.outcomes.contains_key(&identity) {
            return;
        }
        let what = match news {
            News::Began { round_trips } if !self.begun.contains_key(&identity) => {
                let round_trips = round_trips.max(1);
                self.begun.insert(identity.clone(), (now, round_trips));
                Progress::Began { round_trips }
            }
            News::Done { outcome, .. } => {
                let outcome = self.counted(&identity, outcome, now);
                self.outcomes.insert(identity.clone(), outcome.clone());
                Progress::Done(outcome)
            }
            News::Began { .. } | News::Closed => return,
        };
        self.tell(identity, what, now);
    }

    /// The outcome as it counts: whoever kept us waiting for `t` took at least `t / round_trips`, whatever was
    /// measured, so that time that has passed is a proof against the silent.
    fn counted(
        &self,
        identity: &Identity,
        outcome: Result<Duration, ProbeFailure>,
        now: Instant,
    ) -> Result<Duration, ProbeFailure> {
        let begun = self.begun.get(identity);
        let least = begun.map_or(Duration::ZERO, |(at, round_trips)| {
            now.saturating_duration_since(*at) / *round_trips
        });
        let rtt = outcome?.max(least);
        match rtt < self.timeout {
            true => Ok(rtt),
            false => Err(ProbeFailure::Silent(Stage::Ping)),
        }
    }

    fn tell(&self, identity: Identity, what: Progress, at: Instant) {
        if let Some((number, to)) = &self.heard {
            to.do_send(Heard {
                number: *number,
                at,
                identity,
                what,
            });
        }
    }

    fn is_complete(&self) -> bool {
        self.targets.iter().all(|it| self.outcomes.contains_key(it))
    }

    fn into_report(mut self) -> (PingReport, oneshot::Sender<PingReport>) {
        let replies = self.targets.into_iter().map(|identity| {
            let outcome = self.outcomes.remove(&identity);
            Reply {
                outcome: outcome.unwrap_or(Err(ProbeFailure::Silent(Stage::Round))),
                identity,
            }
        });
        let replies = replies.collect();
        (PingReport { replies }, self.report)
    }
}

impl Actor for Pinger {
    type Context = Context<Self>;
}

impl Supervised for Pinger {
    fn restarting(&mut self, _: &mut Context<Self>) {
        // Those who wait for a report learn that there will be none.
        self.rounds.clear();
    }
}

impl Handler<PingRound> for Pinger {
    type Result = ResponseFuture<PingReport>;

    fn handle(&mut self, order: PingRound, ctx: &mut Context<Self>) -> Self::Result {
        self.last += 1;
        let number = self.last;
        let (report, reported) = oneshot::channel();
        let round = Round {
            targets: order.targets.iter().map(|it| it.identity.clone()).collect(),
            begun: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            timeout: order.timeout,
            heard: order.heard,
            report,
        };
        self.rounds.insert(number, round);
        if order.targets.is_empty() {
            self.finish(number);
        } else {
            let is_witness = |it: &Mailserver| order.witnesses.contains(&it.identity);
            let (witnesses, others) = order.targets.into_iter().partition(is_witness);
            self.probe(number, witnesses, Proof::Life, order.timeout, ctx);
            self.probe(number, others, Proof::Path, order.timeout, ctx);
            let limit = round_limit(order.timeout);
            ctx.run_later(limit, move |pinger, _| pinger.finish(number));
        }
        Box::pin(async { reported.await.unwrap_or_default() })
    }
}

impl Handler<ProbeAnswer> for Pinger {
    type Result = ();

    fn handle(&mut self, answer: ProbeAnswer, _: &mut Context<Self>) {
        let Some(round) = self.rounds.get_mut(&answer.round) else {
            return;
        };
        round.accept(answer.identity, answer.news, Instant::now());
        if round.is_complete() {
            self.finish(answer.round);
        }
    }
}
