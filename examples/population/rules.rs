//! The three rules: who may be drawn after a ping round, and how long each rule takes to act.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

// The rule of the service itself: nothing of it is written a second time here.
use actors::{
    connector::{
        crowd::Crowd,
        jitter::{self, Outage},
    },
    messages::selection::Select,
    model::{
        candidate::{Candidate, Purpose, Tier},
        mailserver::Mailserver,
        probe::{PingReport, ProbeFailure, Reply, Stage},
        record::Cause,
    },
    selector::{Config, bucket, choose, pool_size},
};
use rand::{RngExt, rngs::StdRng};

use crate::world::Times;

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The loop as the apps had it: one of the fastest quarter, everybody at once.
    Quarter,
    /// The node of 2024: one of all if the quarter is 3 or less, so one of all up to 13.
    Node2024,
    /// The rule of this service: a standby drawn in advance from a pool that noise does not decide, and jitter.
    Ours,
}

/// When a rule does what. Times in ms; a `fn` takes a random fraction in [0, 1).
pub(crate) struct Tempo {
    /// How often it looks whether it has a mailserver, when it has none.
    pub(crate) tick: f64,
    /// A loss is acted upon at the next tick, not at once.
    pub(crate) waits_for_tick: bool,
    /// How long a ping round waits for a mailserver that does not answer.
    pub(crate) timeout: f64,
    /// The next mailserver is known before it is needed: no ping round comes first.
    pub(crate) standby: bool,
    /// The pause before the dial of a standby.
    pub(crate) dial: fn(Cause, f64) -> Duration,
    /// The pause before the dial after nobody could be reached.
    pub(crate) return_dial: fn(Outage, Crowd, f64) -> Duration,
    /// The pause between that dial and the history request.
    pub(crate) return_request: fn(Outage, Crowd, f64) -> Duration,
    /// How many act at the same moment, as far as the rule asks for it.
    pub(crate) crowd: Crowd,
    /// The pause between the switch and the history request.
    pub(crate) request: fn(Cause, f64) -> Duration,
    /// The pause before the ping round beside a standby that is a peer and is used at once. Where it must be dialled,
    /// the round goes beside the dial.
    pub(crate) refresh: fn(Cause, f64) -> Duration,
}

fn at_once(_: Cause, _: f64) -> Duration {
    Duration::ZERO
}

fn at_once_on_return(_: Outage, _: Crowd, _: f64) -> Duration {
    Duration::ZERO
}

/// The longest pause before a dial: the default of `cycle.jitter`.
const LONGEST: Duration = Duration::from_millis(500);

fn before_dial(cause: Cause, fraction: f64) -> Duration {
    jitter::before_dial(cause, LONGEST, fraction)
}

fn before_request(cause: Cause, fraction: f64) -> Duration {
    jitter::before_request(cause, LONGEST, fraction)
}

fn return_dial(outage: Outage, crowd: Crowd, fraction: f64) -> Duration {
    jitter::return_dial(outage, crowd, LONGEST, fraction)
}

fn return_request(outage: Outage, crowd: Crowd, fraction: f64) -> Duration {
    jitter::return_request(outage, crowd, LONGEST, fraction)
}

// === impl Rule ===

impl Rule {
    pub(crate) const ALL: [Self; 3] = [Self::Quarter, Self::Node2024, Self::Ours];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quarter => "plain quarter",
            Self::Node2024 => "node of 2024",
            Self::Ours => "ours",
        }
    }

    pub(crate) fn tempo(self) -> Tempo {
        let plain = Tempo {
            tick: 10_000.0,
            waits_for_tick: false,
            timeout: 500.0,
            standby: false,
            dial: at_once,
            request: at_once,
            return_dial: at_once_on_return,
            return_request: at_once_on_return,
            crowd: Crowd::Small,
            refresh: at_once,
        };
        match self {
            Self::Quarter => plain,
            // Looks every second; its pings have 4 s, and it waits for the last of them.
            Self::Node2024 => Tempo {
                tick: 1_000.0,
                waits_for_tick: true,
                timeout: 4_000.0,
                ..plain
            },
            // Without a mailserver the candidates are probed every second.
            Self::Ours => Tempo {
                tick: 1_000.0,
                standby: true,
                dial: before_dial,
                request: before_request,
                return_dial,
                return_request,
                crowd: Crowd::Large,
                refresh: before_dial,
                ..plain
            },
        }
    }
}

/// Those that may be drawn, each as likely as the others.
type Pool = Rc<[usize]>;

/// The bucket of each mailserver that answered.
type Buckets = Vec<Option<u32>>;

/// A rule at work on one fleet.
pub(crate) struct Chooser<'a> {
    rule: Rule,
    mailservers: &'a [Mailserver],
    /// The node has all of them as peers.
    peers: bool,
    /// The pools of our rule, by what decides them: it sees times only as buckets, and a million sidecars see few
    /// different ones.
    pools: BTreeMap<(Purpose, Buckets), Pool>,
}

// === impl Chooser ===

impl<'a> Chooser<'a> {
    pub(crate) fn new(rule: Rule, mailservers: &'a [Mailserver], peers: bool) -> Self {
        Self {
            rule,
            mailservers,
            peers,
            pools: BTreeMap::new(),
        }
    }

    /// The mailserver to use; `None` if nobody answered.
    pub(crate) fn active(&mut self, times: &Times, random: &mut StdRng) -> Option<usize> {
        self.draw(Purpose::Active, times, random)
    }

    /// The one to use after `active`.
    pub(crate) fn standby(
        &mut self,
        mut times: Times,
        active: usize,
        random: &mut StdRng,
    ) -> Option<usize> {
        times[active] = None;
        self.draw(Purpose::Standby, &times, random)
    }

    fn draw(&mut self, purpose: Purpose, times: &Times, random: &mut StdRng) -> Option<usize> {
        let pool = self.pool(purpose, times);
        (!pool.is_empty()).then(|| pool[random.random_range(0..pool.len())])
    }

    fn pool(&mut self, purpose: Purpose, times: &Times) -> Pool {
        match self.rule {
            Rule::Quarter => fastest(times, |replies| pool_size(replies, 0.25)),
            Rule::Node2024 => fastest(times, |replies| match (replies - 1).div_ceil(4) {
                ..=3 => replies,
                quarter => quarter,
            }),
            Rule::Ours => {
                let buckets = times.iter().map(|it| it.map(bucket)).collect();
                let (mailservers, peers) = (self.mailservers, self.peers);
                let pool = self.pools.entry((purpose, buckets));
                pool.or_insert_with(|| pool_of_ours(mailservers, peers, purpose, times))
                    .clone()
            }
        }
    }
}

/// The fastest of those that answered, as many as `size` says.
fn fastest(times: &Times, size: impl Fn(usize) -> usize) -> Pool {
    let answered = times
        .iter()
        .enumerate()
        .filter_map(|(index, time)| Some((time.as_ref()?, index)));
    let mut answered: Vec<_> = answered.collect();
    answered.sort_unstable();
    if !answered.is_empty() {
        answered.truncate(size(answered.len()));
    }
    answered.into_iter().map(|(_, index)| index).collect()
}

/// Asks the rule of the service for every draw that it can make.
fn pool_of_ours(mailservers: &[Mailserver], peers: bool, purpose: Purpose, times: &Times) -> Pool {
    let (order, report) = question(mailservers, peers, purpose, times);
    let mut size = 0;
    let mut drawn = |nth: usize| {
        let decision = choose(&order, &report, &Config::default(), |n| {
            size = n;
            nth
        });
        let known = |identity| mailservers.iter().position(|it| it.identity == identity);
        (decision.identity.and_then(known), size)
    };
    let (first, size) = drawn(0);
    first
        .into_iter()
        .chain((1..size).filter_map(|nth| drawn(nth).0))
        .collect()
}

/// A ping round as the selector gets to see it.
fn question(
    mailservers: &[Mailserver],
    peers: bool,
    purpose: Purpose,
    times: &Times,
) -> (Select, PingReport) {
    let candidate = |mailserver: &Mailserver| Candidate {
        mailserver: mailserver.clone(),
        tier: Tier::Healthy,
        listed: peers,
    };
    let reply = |(mailserver, time): (&Mailserver, &Option<Duration>)| Reply {
        identity: mailserver.identity.clone(),
        outcome: time.ok_or(ProbeFailure::Silent(Stage::Round)),
    };
    let order = Select {
        witnesses: BTreeSet::new(),
        round: 1,
        candidates: mailservers.iter().map(candidate).collect(),
        purpose,
        quiet: false,
        blind: false,
    };
    let replies = mailservers.iter().zip(times).map(reply).collect();
    (order, PingReport { replies })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::world::World;

    fn times(ms: [u64; 6]) -> Times {
        ms.map(|it| (it > 0).then(|| Duration::from_millis(it)))
            .to_vec()
    }

    fn pool(rule: Rule, ms: [u64; 6]) -> Vec<usize> {
        let world = World::new(0, 1);
        let mut chooser = Chooser::new(rule, &world.mailservers, true);
        let mut pool = chooser.pool(Purpose::Active, &times(ms)).to_vec();
        pool.sort_unstable();
        pool
    }

    #[test]
    fn the_plain_rule_takes_the_two_fastest_of_six_and_of_five() {
        assert_eq!(pool(Rule::Quarter, [21, 20, 90, 91, 200, 201]), [0, 1]);
        assert_eq!(pool(Rule::Quarter, [0, 20, 91, 90, 200, 201]), [1, 3]);
    }

    #[test]
    fn the_node_of_2024_takes_all_that_answer() {
        assert_eq!(
            pool(Rule::Node2024, [0, 20, 91, 90, 200, 201]),
            [1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn ours_takes_along_whoever_is_as_fast_but_for_noise() {
        assert_eq!(pool(Rule::Ours, [21, 20, 90, 91, 200, 201]), [0, 1]);
        assert_eq!(pool(Rule::Ours, [0, 20, 91, 90, 200, 201]), [1, 2, 3]);
    }

    #[test]
    fn nobody_answers_nobody_is_chosen() {
        for rule in Rule::ALL {
            assert!(pool(rule, [0; 6]).is_empty());
        }
    }

    #[test]
    fn a_standby_is_never_the_active_one() {
        let world = World::new(0, 1);
        let mut random = StdRng::seed_from_u64(1);
        let mut chooser = Chooser::new(Rule::Ours, &world.mailservers, true);
        for _ in 0..100 {
            let standby = chooser.standby(times([20; 6]), 3, &mut random);
            assert!(standby.is_some_and(|it| it != 3));
        }
    }

    /// What lets one answer of the rule stand for many sidecars.
    #[test]
    fn the_pool_of_a_bucket_is_the_pool_of_each_time_in_it() {
        let world = World::new(2_000, 3);
        let mut random = StdRng::seed_from_u64(3);
        let mut chooser = Chooser::new(Rule::Ours, &world.mailservers, true);
        for sidecar in world.sidecars() {
            let timeout = Duration::from_millis(500);
            let times = world.ping(*sidecar, &world.all_alive(), timeout, &mut random);
            let own = pool_of_ours(&world.mailservers, true, Purpose::Active, &times);
            assert_eq!(chooser.pool(Purpose::Active, &times), own);
        }
        assert!(chooser.pools.len() < 1_900, "{} pools", chooser.pools.len());
    }
}
