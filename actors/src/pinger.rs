//! One ping round: all targets at once, one deadline.
//!
//! The actor owns the probes in flight; how a target is probed is the adapter's business
//! ([`Probe`] out, one [`ProbeAnswer`] per target back, in any order).

use std::{collections::BTreeMap, time::Duration};

use actix::prelude::*;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::mailserver::{Identity, Mailserver};

/// Probe all targets; answered when each has answered or the deadline has passed.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "PingReport")]
pub struct PingRound {
    /// Whom to probe.
    pub targets: Vec<Mailserver>,
    /// A reply must arrive in less than this.
    pub timeout: Duration,
}

/// What a round found, one entry for each target, in the order of the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PingReport {
    /// Who answered how.
    pub replies: Vec<Reply>,
}

/// The outcome for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// Who.
    pub identity: Identity,
    /// How.
    pub outcome: Result<Duration, ProbeFailure>,
}

/// Why a target gave no round-trip time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "failure", content = "detail")]
pub enum ProbeFailure {
    /// No reply before the deadline.
    #[error("no reply in time")]
    Silent,
    /// Something answered that nobody listens there.
    #[error("connection refused")]
    Refused,
    /// The name has no address.
    #[error("name not resolved: {0}")]
    Unresolved(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Order to the probe adapter: probe these, and send a [`ProbeAnswer`] for each as soon as it is known.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Probe {
    /// Number of the round, to be repeated in each answer.
    pub round: u64,
    /// Whom.
    pub targets: Vec<Mailserver>,
    /// The limit for each of them.
    pub timeout: Duration,
    /// Where the answers go.
    pub answer_to: Recipient<ProbeAnswer>,
}

/// The adapter's answer for one target.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct ProbeAnswer {
    /// The number of the [`Probe`].
    pub round: u64,
    /// Who.
    pub identity: Identity,
    /// The round-trip time, or why there is none.
    pub outcome: Result<Duration, ProbeFailure>,
}

/// The actor.
pub struct Pinger {
    probe: Recipient<Probe>,
    rounds: BTreeMap<u64, Round>,
    last: u64,
}

/// A round in flight.
struct Round {
    targets: Vec<Identity>,
    outcomes: BTreeMap<Identity, Result<Duration, ProbeFailure>>,
    timeout: Duration,
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

    fn finish(&mut self, number: u64) {
        if let Some(round) = self.rounds.remove(&number) {
            let (report, to) = round.into_report();
            // Nobody waits any more: the round was for nothing.
            let _ = to.send(report);
        }
    }
}

impl Round {
    fn accept(&mut self, identity: Identity, outcome: Result<Duration, ProbeFailure>) {
        let in_time = outcome.and_then(|rtt| match rtt < self.timeout {
            true => Ok(rtt),
            false => Err(ProbeFailure::Silent),
        });
        self.outcomes.entry(identity).or_insert(in_time);
    }

    fn is_complete(&self) -> bool {
        self.targets.iter().all(|it| self.outcomes.contains_key(it))
    }

    fn into_report(mut self) -> (PingReport, oneshot::Sender<PingReport>) {
        let replies = self.targets.into_iter().map(|identity| {
            let outcome = self.outcomes.remove(&identity);
            Reply {
                outcome: outcome.unwrap_or(Err(ProbeFailure::Silent)),
                identity,
            }
        });
        let replies = replies.collect();
        (PingReport { replies }, self.report)
    }
}

/// How much later than the deadline of the targets the round itself ends: a node answers for all of
/// its targets in one message a little after the deadline (502.8 ms for 500 ms, recorded on v0.94),
/// and a busy one later.
const GRACE: Duration = Duration::from_secs(1);

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
            outcomes: BTreeMap::new(),
            timeout: order.timeout,
            report,
        };
        self.rounds.insert(number, round);
        if order.targets.is_empty() {
            self.finish(number);
        } else {
            self.probe.do_send(Probe {
                round: number,
                targets: order.targets,
                timeout: order.timeout,
                answer_to: ctx.address().recipient(),
            });
            ctx.run_later(order.timeout + GRACE, move |pinger, _| {
                pinger.finish(number)
            });
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
        round.accept(answer.identity, answer.outcome);
        if round.is_complete() {
            self.finish(answer.round);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Probe as Mailbox, mailserver};

    const TIMEOUT: Duration = Duration::from_millis(500);

    fn round_of(count: usize) -> PingRound {
        PingRound {
            targets: (0..count).map(mailserver).collect(),
            timeout: TIMEOUT,
        }
    }

    fn answer(order: &Probe, target: usize, rtt_ms: u64) {
        order.answer_to.do_send(ProbeAnswer {
            round: order.round,
            identity: mailserver(target).identity,
            outcome: Ok(Duration::from_millis(rtt_ms)),
        });
    }

    fn times(report: &PingReport) -> Vec<Option<u128>> {
        let time = |reply: &Reply| reply.outcome.as_ref().ok().map(Duration::as_millis);
        report.replies.iter().map(time).collect()
    }

    #[actix::test]
    async fn all_targets_are_probed_in_one_order_and_the_round_ends_with_the_last_answer() {
        tokio::time::pause();
        let (probes, sent) = Mailbox::<Probe>::start();
        let pinger = Pinger::new(probes).start();
        let report = actix_rt::spawn(pinger.send(round_of(3)));
        let order = sent.next().await;
        assert_eq!(order.targets.len(), 3);
        let begun = tokio::time::Instant::now();
        answer(&order, 2, 30);
        answer(&order, 0, 10);
        answer(&order, 1, 20);
        let report = report.await.unwrap().unwrap();
        assert_eq!(times(&report), [Some(10), Some(20), Some(30)]);
        assert_eq!(begun.elapsed(), Duration::ZERO, "no wait for the deadline");
        sent.assert_none("one order for all").await;
    }

    #[actix::test]
    async fn a_silent_target_costs_one_deadline_and_is_reported_as_silent() {
        tokio::time::pause();
        let (probes, sent) = Mailbox::<Probe>::start();
        let pinger = Pinger::new(probes).start();
        let report = actix_rt::spawn(pinger.send(round_of(2)));
        let order = sent.next().await;
        answer(&order, 0, 10);
        let begun = tokio::time::Instant::now();
        let report = report.await.unwrap().unwrap();
        assert_eq!(times(&report), [Some(10), None]);
        // The timers of tokio are exact to a millisecond.
        assert!(begun.elapsed() <= TIMEOUT + GRACE + Duration::from_millis(1));
    }

    #[actix::test]
    async fn a_reply_as_late_as_the_timeout_is_none() {
        let (probes, sent) = Mailbox::<Probe>::start();
        let pinger = Pinger::new(probes).start();
        let report = actix_rt::spawn(pinger.send(round_of(2)));
        let order = sent.next().await;
        answer(&order, 0, 500);
        answer(&order, 1, 499);
        let report = report.await.unwrap().unwrap();
        assert_eq!(times(&report), [None, Some(499)]);
    }

    #[actix::test]
    async fn answers_of_another_round_and_second_answers_change_nothing() {
        let (probes, sent) = Mailbox::<Probe>::start();
        let pinger = Pinger::new(probes).start();
        let report = actix_rt::spawn(pinger.send(round_of(2)));
        let order = sent.next().await;
        let mut foreign = order.clone();
        foreign.round += 1;
        answer(&foreign, 1, 1);
        answer(&order, 0, 10);
        answer(&order, 0, 99);
        answer(&order, 1, 20);
        let report = report.await.unwrap().unwrap();
        assert_eq!(times(&report), [Some(10), Some(20)]);
    }

    #[actix::test]
    async fn no_targets_no_probe() {
        let (probes, sent) = Mailbox::<Probe>::start();
        let pinger = Pinger::new(probes).start();
        let report = pinger.send(round_of(0)).await.unwrap();
        assert!(report.replies.is_empty());
        sent.assert_none("one order for all").await;
    }
}
