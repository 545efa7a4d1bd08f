//! The choice of a mailserver, and its reasons.
//!
//! All candidates are pinged; those that reply are sorted by round-trip time; one of the fastest
//! quarter is drawn at random, so that the users of a fleet spread over its fast servers. Whoever
//! failed lately is drawn only if nobody else replies: a hung server answers pings too (v0.94).
//!
//! [`choose`] is the whole rule, a pure function; the actor has it fed and sends the result on.

use std::{collections::BTreeSet, time::Duration};

use actix::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use crate::{
    events::{Event, Publish},
    mailserver::{Identity, Mailserver, MailserverRef},
    pinger::{PingReport, PingRound, ProbeFailure, Reply},
};

/// Choose one of the candidates; answered by a [`Decision`] with the same number.
#[derive(Message, Clone, Debug, PartialEq)]
#[rtype(result = "()")]
pub struct Select {
    /// Counts the selections of the connector.
    pub round: u64,
    /// Who may be chosen.
    pub candidates: Vec<Mailserver>,
    /// Who failed lately: chosen only if nobody else answers.
    pub cooling: Vec<Identity>,
    /// The decision is no news: those before it came to nothing.
    pub quiet: bool,
}

/// A choice and its reasons.
#[derive(Message, Clone, Debug, PartialEq, Serialize)]
#[rtype(result = "()")]
pub struct Decision {
    /// The number of the [`Select`].
    pub round: u64,
    /// The chosen one; `None` if nobody answered.
    pub chosen: Option<MailserverRef>,
    /// The identity of the chosen one.
    pub identity: Option<Identity>,
    /// Every candidate with its time and what became of it; the fastest first, the silent last.
    pub considered: Vec<Considered>,
    /// How many the pool held.
    pub pool: usize,
}

/// One candidate in a decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Considered {
    /// Who.
    pub mailserver: MailserverRef,
    /// The identity.
    pub identity: Identity,
    /// The measured round-trip time.
    #[serde(rename = "rtt_ms", serialize_with = "as_milliseconds")]
    pub rtt: Option<Duration>,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "detail")]
pub enum Verdict {
    /// Drawn from the pool.
    Chosen,
    /// In the pool, but another was drawn.
    NotDrawn,
    /// Answered, but slower than the pool.
    Slower,
    /// Answered, but failed lately while others had not.
    Cooling,
    /// Did not answer.
    NoReply(ProbeFailure),
}

fn as_milliseconds<S: serde::Serializer>(rtt: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match rtt {
        Some(rtt) => to.serialize_some(&(rtt.as_micros() as f64 / 1000.0)),
        None => to.serialize_none(),
    }
}

/// The last decision, for the status page.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Option<Decision>")]
pub struct LastDecision;

/// How the choice is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The part of those that replied from which one is drawn, in (0, 1]: smaller is faster, larger
    /// spreads the load. The pool holds at least one.
    pub pool_fraction: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            pool_fraction: 0.25,
        }
    }
}

/// How many of so many replies the pool holds: rounded up, so that 5 give 2 and 13 give 4.
#[must_use]
pub fn pool_size(replies: usize, fraction: f64) -> usize {
    // The tiny term keeps 0.1 × 10 from being rounded up to 2 by its last binary digit.
    let exact = (replies as f64 * fraction - 1e-9).ceil() as usize;
    exact.clamp(1, replies.max(1))
}

/// The rule. `draw(n)` gives an index below `n`.
#[must_use]
pub fn choose(
    order: &Select,
    report: &PingReport,
    config: &Config,
    draw: impl FnOnce(usize) -> usize,
) -> Decision {
    let mut considered = considered(order, report);
    let cooling: BTreeSet<&Identity> = order.cooling.iter().collect();
    let replied = |it: &Considered| it.rtt.is_some();
    let anyone_fit = (considered.iter()).any(|it| replied(it) && !cooling.contains(&it.identity));
    let eligible: Vec<usize> = (0..considered.len())
        .filter(|&index| {
            let it = &considered[index];
            replied(it) && !(anyone_fit && cooling.contains(&it.identity))
        })
        .collect();
    let pool = match eligible.len() {
        0 => 0,
        replies => pool_size(replies, config.pool_fraction),
    };
    for (rank, &index) in eligible.iter().enumerate() {
        considered[index].verdict = match rank < pool {
            true => Verdict::NotDrawn,
            false => Verdict::Slower,
        };
    }
    let chosen = (pool > 0).then(|| eligible[draw(pool).min(pool - 1)]);
    if let Some(index) = chosen {
        considered[index].verdict = Verdict::Chosen;
    }
    Decision {
        round: order.round,
        chosen: chosen.map(|index| considered[index].mailserver.clone()),
        identity: chosen.map(|index| considered[index].identity.clone()),
        considered,
        pool,
    }
}

/// Every candidate, the fastest first; equal times in the order of identities, so that the same
/// input gives the same answer.
fn considered(order: &Select, report: &PingReport) -> Vec<Considered> {
    let outcome = |identity: &Identity| {
        let mut replies = report.replies.iter();
        let found = replies.find(|reply: &&Reply| reply.identity == *identity);
        found.map_or(Err(ProbeFailure::Silent), |reply| reply.outcome.clone())
    };
    let mut all: Vec<Considered> = (order.candidates.iter())
        .map(|candidate| {
            let outcome = outcome(&candidate.identity);
            Considered {
                mailserver: candidate.reference(),
                identity: candidate.identity.clone(),
                rtt: outcome.as_ref().ok().copied(),
                verdict: outcome.map_or_else(Verdict::NoReply, |_| Verdict::Cooling),
            }
        })
        .collect();
    all.sort_by(|a, b| {
        let key = |it: &Considered| (it.rtt.is_none(), it.rtt, it.identity.clone());
        key(a).cmp(&key(b))
    });
    all
}

/// The actor.
pub struct Selector {
    config: Config,
    timeout: Duration,
    pinger: Recipient<PingRound>,
    decided: Recipient<Decision>,
    events: Recipient<Publish>,
    random: StdRng,
    last: Option<Decision>,
}

impl Selector {
    /// A selector; `timeout` is the limit for each reply, `seed` makes its draws repeatable.
    #[must_use]
    pub fn new(
        config: Config,
        timeout: Duration,
        seed: Option<u64>,
        pinger: Recipient<PingRound>,
        decided: Recipient<Decision>,
        events: Recipient<Publish>,
    ) -> Self {
        Self {
            config,
            timeout,
            pinger,
            decided,
            events,
            random: seed.map_or_else(rand::make_rng, StdRng::seed_from_u64),
            last: None,
        }
    }

    fn decide(&mut self, order: &Select, report: &PingReport) {
        let random = &mut self.random;
        let decision = choose(order, report, &self.config, |n| random.random_range(0..n));
        let nobody = decision.chosen.is_none();
        let nobody_again = nobody && self.last.as_ref().is_some_and(|it| it.chosen.is_none());
        if !nobody_again && !order.quiet {
            // Once per change: a fleet that stays silent is not news at every tick.
            self.events
                .do_send(Publish(Event::Decision(decision.clone())));
        }
        self.last = Some(decision.clone());
        self.decided.do_send(decision);
    }
}

impl Actor for Selector {
    type Context = Context<Self>;
}

impl Supervised for Selector {}

/// How much longer than its targets a ping round may take before the selector goes on without it.
const ROUND_GRACE: Duration = Duration::from_secs(2);

impl Handler<Select> for Selector {
    type Result = ();

    fn handle(&mut self, order: Select, ctx: &mut Context<Self>) {
        let round = PingRound {
            targets: order.candidates.clone(),
            timeout: self.timeout,
        };
        let report = self.pinger.send(round).timeout(self.timeout + ROUND_GRACE);
        let decided = report.into_actor(self).map(move |report, selector, _| {
            // A pinger that died gives no report: then nobody has replied.
            selector.decide(&order, &report.unwrap_or_default());
        });
        ctx.spawn(decided);
    }
}

impl Handler<LastDecision> for Selector {
    type Result = MessageResult<LastDecision>;

    fn handle(&mut self, _: LastDecision, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.last.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Probe, mailserver};

    const CONFIG: Config = Config {
        pool_fraction: 0.25,
    };

    /// A case: times in ms of the candidates (`None`: silent), and who of them is cooling.
    fn order_and_report(times: &[Option<u64>], cooling: &[bool]) -> (Select, PingReport) {
        let candidates: Vec<Mailserver> = (0..times.len()).map(mailserver).collect();
        let replies = candidates.iter().zip(times).map(|(it, time)| Reply {
            identity: it.identity.clone(),
            outcome: time.map(Duration::from_millis).ok_or(ProbeFailure::Silent),
        });
        let cool = candidates.iter().zip(cooling).filter(|(_, cool)| **cool);
        let report = PingReport {
            replies: replies.rev().collect(),
        };
        let order = Select {
            round: 7,
            cooling: cool.map(|(it, _)| it.identity.clone()).collect(),
            quiet: false,
            candidates,
        };
        (order, report)
    }

    fn cases() -> impl Strategy<Value = (Vec<Option<u64>>, Vec<bool>)> {
        (1..=24_usize).prop_flat_map(|count| {
            let times = proptest::collection::vec(proptest::option::of(0..500_u64), count);
            (times, proptest::collection::vec(any::<bool>(), count))
        })
    }

    /// The times among which the choice must fall: of those that replied and do not cool, or if
    /// there is none, of all that replied.
    fn fit_times(times: &[Option<u64>], cooling: &[bool]) -> Vec<u64> {
        let mut fit: Vec<u64> = (times.iter().zip(cooling))
            .filter_map(|(time, cool)| time.filter(|_| !cool))
            .collect();
        if fit.is_empty() {
            fit = times.iter().flatten().copied().collect();
        }
        fit.sort_unstable();
        fit
    }

    proptest! {
        #[test]
        fn the_chosen_one_is_a_candidate_of_the_fastest_quarter(
            (times, cooling) in cases(), draw in any::<usize>(),
        ) {
            let (order, report) = order_and_report(&times, &cooling);
            let decision = choose(&order, &report, &CONFIG, |n| draw % n);
            let fit = fit_times(&times, &cooling);
            match decision.identity {
                None => prop_assert!(fit.is_empty()),
                Some(identity) => {
                    let index = order.candidates.iter().position(|it| it.identity == identity);
                    let time = times[index.expect("a candidate")].expect("replied");
                    prop_assert!(time <= fit[fit.len().div_ceil(4) - 1]);
                }
            }
        }

        #[test]
        fn every_member_of_the_pool_is_reached_by_some_draw((times, cooling) in cases()) {
            let (order, report) = order_and_report(&times, &cooling);
            let pool = choose(&order, &report, &CONFIG, |_| 0).pool;
            let reached: BTreeSet<_> = (0..pool)
                .map(|draw| choose(&order, &report, &CONFIG, |_| draw).identity)
                .collect();
            prop_assert_eq!(reached.len(), pool);
            prop_assert_eq!(pool, fit_times(&times, &cooling).len().div_ceil(4));
        }

        #[test]
        fn the_order_of_replies_does_not_matter((times, cooling) in cases(), draw in any::<usize>()) {
            let (order, mut report) = order_and_report(&times, &cooling);
            let one = choose(&order, &report, &CONFIG, |n| draw % n);
            report.replies.reverse();
            prop_assert_eq!(one, choose(&order, &report, &CONFIG, |n| draw % n));
        }

        #[test]
        fn every_candidate_is_in_the_decision_with_a_verdict((times, cooling) in cases()) {
            let (order, report) = order_and_report(&times, &cooling);
            let decision = choose(&order, &report, &CONFIG, |_| 0);
            prop_assert_eq!(decision.considered.len(), times.len());
            let silent = decision.considered.iter().filter(|it| matches!(it.verdict, Verdict::NoReply(_)));
            prop_assert_eq!(silent.count(), times.iter().filter(|it| it.is_none()).count());
        }
    }

    #[test]
    fn the_pool_is_a_quarter_rounded_up() {
        let sizes: Vec<usize> = (1..=13).map(|n| pool_size(n, 0.25)).collect();
        assert_eq!(sizes, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4]);
        assert_eq!(pool_size(10, 0.1), 1);
        assert_eq!(pool_size(3, 1.0), 3);
    }

    #[test]
    fn two_candidates_at_one_place_are_two_candidates() {
        let (mut order, report) = order_and_report(&[Some(5), Some(6)], &[false, false]);
        order.candidates[1].address = order.candidates[0].address.clone();
        let decision = choose(&order, &report, &CONFIG, |_| 0);
        assert_eq!(decision.considered.len(), 2);
    }

    fn selector(
        report: PingReport,
        seed: u64,
    ) -> (
        Addr<Selector>,
        crate::testing::Received<Decision>,
        crate::testing::Received<Publish>,
    ) {
        let (pinger, _) = Probe::<PingRound>::answering(move |_| report.clone());
        let (decided, decisions) = Probe::<Decision>::start();
        let (events, published) = Probe::<Publish>::start();
        let timeout = Duration::from_millis(500);
        let selector = Selector::new(CONFIG, timeout, Some(seed), pinger, decided, events);
        (selector.start(), decisions, published)
    }

    #[actix::test]
    async fn the_same_seed_gives_the_same_choices() {
        let times: Vec<_> = (0..20).map(|index| Some(10 + index)).collect();
        let (order, report) = order_and_report(&times, &[false; 20]);
        let mut runs = Vec::new();
        for seed in [1, 1, 2] {
            let (selector, decisions, _) = selector(report.clone(), seed);
            for _ in 0..12 {
                selector.do_send(order.clone());
            }
            let mut chosen = Vec::new();
            for _ in 0..12 {
                chosen.push(decisions.next().await.identity);
            }
            runs.push(chosen);
        }
        assert_eq!(runs[0], runs[1]);
        assert_ne!(runs[0], runs[2]);
    }

    #[actix::test]
    async fn a_silent_fleet_is_published_once_and_reported_each_time() {
        let (order, report) = order_and_report(&[None, None], &[false, false]);
        let (selector, decisions, published) = selector(report, 1);
        selector.do_send(order.clone());
        selector.do_send(order);
        assert_eq!(decisions.next().await.chosen, None);
        assert_eq!(decisions.next().await.chosen, None);
        assert_eq!(published.drain().await.len(), 1);
    }

    #[actix::test]
    async fn a_pinger_that_never_answers_does_not_hold_the_loop() {
        tokio::time::pause();
        let (order, _) = order_and_report(&[Some(1)], &[false]);
        let stuck = Stuck.start().recipient();
        let (decided, decisions) = Probe::<Decision>::start();
        let (events, _) = Probe::<Publish>::start();
        let timeout = Duration::from_millis(500);
        let selector = Selector::new(CONFIG, timeout, Some(1), stuck, decided, events).start();
        selector.do_send(order);
        assert_eq!(decisions.next().await.chosen, None);
    }

    struct Stuck;

    impl Actor for Stuck {
        type Context = Context<Self>;
    }

    impl Handler<PingRound> for Stuck {
        type Result = ResponseFuture<PingReport>;

        fn handle(&mut self, _: PingRound, _: &mut Context<Self>) -> Self::Result {
            Box::pin(std::future::pending())
        }
    }
}
