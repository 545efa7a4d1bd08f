//! The stories: what happens to the fleet, and what each sidecar does about it under a rule.
//!
//! No sidecar sees another one, and a mailserver here never refuses anybody: so each sidecar is followed through its own
//! events to the end, and what meets at a mailserver is counted there. All times are in ms.

use std::time::Duration;

use actors::model::record::Cause;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    arrivals::{Arrival, Arrivals, Quantiles},
    outage,
    rules::{Chooser, Rule, Tempo},
    world::{Alive, Sidecar, Times, World},
};

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    /// The most used mailserver dies. The nodes have all others as peers (as waku2 nodes do), so nobody has to dial.
    LossAmongPeers,
    /// The same; the nodes have no others (as waku1 nodes), so whoever switches must dial.
    LossWithoutPeers,
    /// All are gone for 30 s, then one after the other is back. Nobody has any of them as a peer.
    Return,
}

/// What came of a story under a rule.
pub(crate) struct Outcome {
    pub(crate) story: Story,
    pub(crate) rule: Rule,
    /// How many used each mailserver before, when all were there, and after it: at once after a loss, ten minutes after
    /// the return of the last one.
    pub(crate) before: Vec<u64>,
    pub(crate) after: Vec<u64>,
    /// From the death of the mailserver (the return of the first one) on.
    pub(crate) arrivals: Arrivals,
    /// From then to `mailserverAvailable`, of those who had lost theirs.
    pub(crate) available: Quantiles,
    /// From then to the arrival of the history request.
    pub(crate) asked: Quantiles,
}

/// The part of the nodes that tell at once that the connection broke; the others keep it in their list.
const TOLD: f64 = 0.8;

/// How soon they tell.
const SIGNAL: std::ops::Range<f64> = 5.0..15.0;

/// How soon the watch notices what a node does not tell: two misses of a probe every 2 s.
const WATCH: std::ops::Range<f64> = 0.0..2_600.0;

/// One call to the node.
const RPC: f64 = 2.0;

/// The round trips of a dial: TCP, the agreement on noise, its handshake, the multiplexer.
const DIAL_TRIPS: f64 = 4.0;

/// For how long arrivals after a loss are told apart.
const HORIZON: f64 = 40_000.0;

// === impl Story ===

impl Story {
    pub(crate) const ALL: [Self; 3] = [Self::LossAmongPeers, Self::LossWithoutPeers, Self::Return];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::LossAmongPeers => "The most used one dies, the others are peers (waku2)",
            Self::LossWithoutPeers => "The most used one dies, the others must be dialled (waku1)",
            Self::Return => "All were gone for 30 s, then one is back every 5 s",
        }
    }

    /// For how long arrivals are told apart.
    fn horizon(self, world: &World) -> f64 {
        match self {
            Self::LossAmongPeers | Self::LossWithoutPeers => HORIZON,
            Self::Return => outage::measured_at(world),
        }
    }

    /// Plays it; `dead` is the one that dies.
    pub(crate) fn play(self, world: &World, rule: Rule, dead: usize, seed: u64) -> Outcome {
        let mut play = Play::new(self, world, rule, seed);
        for sidecar in world.sidecars() {
            let active = play.begin(*sidecar);
            match self {
                Self::Return => play.come_back(*sidecar),
                _ if active == Some(dead) => play.lose(*sidecar, dead),
                _ => play.after.extend(active),
            }
        }
        play.end()
    }
}

/// The mailserver that most sidecars use under the plain rule.
pub(crate) fn most_used(world: &World, seed: u64) -> usize {
    let mut play = Play::new(Story::LossAmongPeers, world, Rule::Quarter, seed);
    for sidecar in world.sidecars() {
        play.begin(*sidecar);
    }
    let users = count(&play.before, world.mailservers.len());
    (0..users.len()).max_by_key(|it| users[*it]).unwrap_or(0)
}

/// One story while it is played.
pub(crate) struct Play<'a> {
    story: Story,
    rule: Rule,
    pub(crate) world: &'a World,
    pub(crate) tempo: Tempo,
    pub(crate) chooser: Chooser<'a>,
    pub(crate) random: StdRng,
    before: Vec<usize>,
    pub(crate) after: Vec<usize>,
    arrivals: Arrivals,
    pub(crate) available: Vec<f32>,
    pub(crate) asked: Vec<f32>,
}

// === impl Play ===

impl<'a> Play<'a> {
    pub(crate) fn new(story: Story, world: &'a World, rule: Rule, seed: u64) -> Self {
        let peers = story == Story::LossAmongPeers;
        Self {
            story,
            rule,
            world,
            tempo: rule.tempo(),
            chooser: Chooser::new(rule, &world.mailservers, peers),
            random: StdRng::seed_from_u64(seed),
            before: Vec::with_capacity(world.sidecars().len()),
            after: Vec::with_capacity(world.sidecars().len()),
            arrivals: Arrivals::new(world.mailservers.len(), story.horizon(world)),
            available: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// All is well, and has been for long: the mailserver in use.
    pub(crate) fn begin(&mut self, sidecar: Sidecar) -> Option<usize> {
        let times = self.ping(sidecar, &self.world.all_alive());
        let active = self.chooser.active(&times, &mut self.random);
        self.before.extend(active);
        active
    }

    /// Its mailserver died at 0.
    fn lose(&mut self, sidecar: Sidecar, dead: usize) {
        let (mut at, cause) = self.notices();
        let mut alive = self.world.all_alive();
        if self.tempo.standby {
            // Drawn while all was well; it cannot be the one that was in use.
            let times = self.ping(sidecar, &alive);
            let next = self.chooser.standby(times, dead, &mut self.random);
            alive[dead] = false;
            let beside = match self.story == Story::LossAmongPeers {
                // The switch is as good as done: nothing waits for the round.
                true => at + self.pause(self.tempo.refresh, cause),
                false => {
                    at += self.pause(self.tempo.dial, cause);
                    at
                }
            };
            self.probes_arrive(sidecar, &alive, beside);
            return self.switch(sidecar, next, at, cause);
        }
        alive[dead] = false;
        if self.tempo.waits_for_tick {
            at += self.fraction() * self.tempo.tick;
        }
        let (next, at) = self.round(sidecar, &alive, at);
        self.switch(sidecar, next, at, cause);
    }

    /// When it notices, and whether everybody does at that moment.
    fn notices(&mut self) -> (f64, Cause) {
        match self.random.random_bool(TOLD) {
            true => (self.random.random_range(SIGNAL), Cause::Lost),
            false => (self.random.random_range(WATCH), Cause::Probe),
        }
    }

    /// A ping round and the choice after it, and when that is made.
    fn round(&mut self, sidecar: Sidecar, alive: &Alive, at: f64) -> (Option<usize>, f64) {
        let (times, over) = self.survey(sidecar, alive, at);
        (self.chooser.active(&times, &mut self.random), over)
    }

    /// A ping round, and when it is over: what is still to answer may be dead.
    pub(crate) fn survey(&mut self, sidecar: Sidecar, alive: &Alive, at: f64) -> (Times, f64) {
        self.probes_arrive(sidecar, alive, at);
        let times = self.ping(sidecar, alive);
        let slowest = times
            .iter()
            .flatten()
            .max()
            .filter(|_| times.iter().all(Option::is_some));
        let took = slowest.map_or(self.tempo.timeout, |it| ms(*it));
        (times, at + took)
    }

    fn ping(&mut self, sidecar: Sidecar, alive: &Alive) -> Times {
        let timeout = Duration::from_secs_f64(self.tempo.timeout / 1000.0);
        self.world.ping(sidecar, alive, timeout, &mut self.random)
    }

    fn probes_arrive(&mut self, sidecar: Sidecar, alive: &Alive, at: f64) {
        for (mailserver, _) in alive.iter().enumerate().filter(|(_, alive)| **alive) {
            let on_the_way = self.world.rtt(sidecar, mailserver) / 2.0;
            self.arrivals
                .add(Arrival::Probe, mailserver, at + on_the_way);
        }
    }

    /// The choice is made: dial if need be, tell the node, ask for the history.
    fn switch(&mut self, sidecar: Sidecar, next: Option<usize>, decided: f64, cause: Cause) {
        let Some(next) = next else { return };
        let at = self.connect(sidecar, next, decided);
        self.available.push(at as f32);
        let asks = at + self.pause(self.tempo.request, cause);
        let asked = self.ask(sidecar, next, asks);
        self.asked.push(asked as f32);
        self.after.push(next);
    }

    /// Dials if need be and tells the node; when it is connected.
    pub(crate) fn connect(&mut self, sidecar: Sidecar, next: usize, at: f64) -> f64 {
        let rtt = self.world.rtt(sidecar, next);
        let dial = match self.story {
            Story::LossAmongPeers => 0.0,
            Story::LossWithoutPeers | Story::Return => {
                self.arrivals.add(Arrival::Dial, next, at + rtt / 2.0);
                DIAL_TRIPS * rtt
            }
        };
        at + dial + RPC
    }

    /// Asks for the history; when that arrives.
    pub(crate) fn ask(&mut self, sidecar: Sidecar, of: usize, at: f64) -> f64 {
        let arrives = at + self.world.rtt(sidecar, of) / 2.0;
        self.arrivals.add(Arrival::Request, of, arrives);
        arrives
    }

    fn pause(&mut self, of: fn(Cause, f64) -> Duration, cause: Cause) -> f64 {
        ms(of(cause, self.fraction()))
    }

    pub(crate) fn fraction(&mut self) -> f64 {
        self.random.random()
    }

    pub(crate) fn end(self) -> Outcome {
        let mailservers = self.world.mailservers.len();
        Outcome {
            story: self.story,
            rule: self.rule,
            before: count(&self.before, mailservers),
            after: count(&self.after, mailservers),
            arrivals: self.arrivals,
            available: Quantiles::new(self.available),
            asked: Quantiles::new(self.asked),
        }
    }
}

/// A duration as the stories count time.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// How many use each mailserver.
fn count(used: &[usize], mailservers: usize) -> Vec<u64> {
    let mut counts = vec![0; mailservers];
    for mailserver in used {
        counts[*mailserver] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::{ALL, JUDGED};

    const SIDECARS: usize = 2_000;

    fn play(story: Story, rule: Rule) -> (Outcome, usize) {
        let world = World::new(SIDECARS, 5);
        let dead = most_used(&world, 5);
        (story.play(&world, rule, dead, 5), dead)
    }

    fn total(counts: &[u64]) -> u64 {
        counts.iter().sum()
    }

    #[test]
    fn nobody_is_left_at_the_dead_one_and_nobody_gets_lost() {
        for rule in Rule::ALL {
            let (outcome, dead) = play(Story::LossAmongPeers, rule);
            assert!(outcome.before[dead] > 0 && outcome.after[dead] == 0);
            assert_eq!(total(&outcome.before), SIDECARS as u64);
            assert_eq!(total(&outcome.after), SIDECARS as u64);
            assert_eq!(outcome.available.count() as u64, outcome.before[dead]);
        }
    }

    #[test]
    fn nobody_dials_a_peer_and_everybody_else_dials_once() {
        for rule in Rule::ALL {
            let dials = |story| {
                let (outcome, _) = play(story, rule);
                let all = outcome.arrivals.peak(&[Arrival::Dial], HORIZON).count;
                (all, outcome.available.count())
            };
            assert_eq!(dials(Story::LossAmongPeers).0, 0);
            let (at_one, lost) = dials(Story::LossWithoutPeers);
            assert!(at_one > 0 && at_one <= lost as u64);
        }
    }

    #[test]
    fn a_standby_that_is_a_peer_is_available_after_the_signal_and_one_call() {
        let (ours, _) = play(Story::LossAmongPeers, Rule::Ours);
        assert!(ours.available.at(0.5) <= SIGNAL.end + RPC);
        assert!(ours.available.at(1.0) <= WATCH.end + RPC);
        let (plain, _) = play(Story::LossAmongPeers, Rule::Quarter);
        assert!(
            plain.available.at(0.0) >= 500.0,
            "its round waits for the dead one"
        );
        let (node, _) = play(Story::LossAmongPeers, Rule::Node2024);
        assert!(node.available.at(0.0) >= 4_000.0);
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let told = || {
            let (outcome, _) = play(Story::LossWithoutPeers, Rule::Ours);
            (
                outcome.after.clone(),
                outcome.arrivals.peak(&JUDGED, 100.0),
                outcome.arrivals.peak(&ALL, 1_000.0),
            )
        };
        assert_eq!(told(), told());
    }
}
