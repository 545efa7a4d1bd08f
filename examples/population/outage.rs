//! The outage of all mailservers, and how everybody returns.

use std::time::Duration;

use actors::connector::jitter::{self, Outage};

use crate::{
    stories::{Play, ms},
    world::{Alive, Sidecar, Times, World},
};

/// How long after one mailserver the next one is back, in ms.
const NEXT_BACK: f64 = 5_000.0;

/// How long after the return of the last one it is measured who uses whom.
const MEASURED_AFTER: Duration = Duration::from_secs(600);

/// The time of that measurement, in ms after the return of the first one.
pub(crate) fn measured_at(world: &World) -> f64 {
    let others = world.mailservers.len().saturating_sub(1);
    others as f64 * NEXT_BACK + ms(MEASURED_AFTER)
}

/// They come back in the order of the file.
fn back_by(world: &World, at: f64) -> Alive {
    let count = world.mailservers.len();
    (0..count).map(|nth| nth as f64 * NEXT_BACK <= at).collect()
}

/// A ping round that somebody answered.
struct Found {
    times: Times,
    began: f64,
    over: f64,
}

/// How a sidecar came back.
struct Resumed {
    /// Where.
    active: usize,
    connected: f64,
    /// When the history request arrived.
    asked: f64,
}

impl Found {
    /// The outage that it ended.
    fn outage(&self) -> Outage {
        Outage::Theirs {
            answered: self.times.iter().flatten().count(),
            candidates: self.times.len(),
        }
    }
}

impl Play<'_> {
    /// Nobody has had a mailserver; the first one is back at 0.
    pub(crate) fn come_back(&mut self, sidecar: Sidecar) {
        let begins = self.fraction() * self.period();
        let found = self.seek(sidecar, begins);
        let (outage, crowd) = (found.outage(), self.tempo.crowd);
        let pause = ms((self.tempo.return_dial)(outage, crowd, self.fraction()));
        let active = match jitter::is_the_worlds(outage, crowd) {
            // More may be back when the pause is over: the choice is made then.
            true => {
                let now = self.seek(sidecar, found.over + pause);
                let resumed = self.resume(sidecar, outage, &now, now.over);
                resumed.map(|it| self.respread(sidecar, &it))
            }
            // The pause has run beside the round.
            false => {
                let at = found.over.max(found.began + pause);
                let resumed = self.resume(sidecar, outage, &found, at);
                resumed.map(|it| it.active)
            }
        };
        self.after.extend(active);
    }

    /// How often it looks. A round that finds nobody takes its time too.
    fn period(&self) -> f64 {
        self.tempo.tick.max(self.tempo.timeout)
    }

    /// Looks until somebody answers: one that is back may be too far away to answer in time.
    fn seek(&mut self, sidecar: Sidecar, from: f64) -> Found {
        let mut began = from;
        loop {
            let alive = back_by(self.world, began);
            let (times, over) = self.survey(sidecar, &alive, began);
            if times.iter().any(Option::is_some) {
                return Found { times, began, over };
            }
            began += self.period();
        }
    }

    /// Chooses among those that answered, connects, and asks for the history after its pause.
    fn resume(
        &mut self,
        sidecar: Sidecar,
        outage: Outage,
        found: &Found,
        at: f64,
    ) -> Option<Resumed> {
        let active = self.chooser.active(&found.times, &mut self.random)?;
        let connected = self.connect(sidecar, active, at);
        self.available.push(connected as f32);
        let pause = (self.tempo.return_request)(outage, self.tempo.crowd, self.fraction());
        let asked = self.ask(sidecar, active, connected + ms(pause));
        self.asked.push(asked as f32);
        Some(Resumed {
            active,
            connected,
            asked,
        })
    }

    /// Chooses once more, as if nobody were in use: the mailserver that is used when everybody is counted.
    fn respread(&mut self, sidecar: Sidecar, resumed: &Resumed) -> usize {
        let due = resumed.connected + ms(jitter::respread(self.fraction()));
        // Never during a request.
        let began = due.max(resumed.asked);
        let now = self.seek(sidecar, began);
        let drawn = self.chooser.active(&now.times, &mut self.random);
        match drawn.filter(|it| *it != resumed.active && now.over <= measured_at(self.world)) {
            Some(other) => {
                let connected = self.connect(sidecar, other, now.over);
                self.ask(sidecar, other, connected);
                other
            }
            None => resumed.active,
        }
    }
}

#[cfg(test)]
mod tests {
    use actors::connector::crowd::Crowd;

    use super::*;
    use crate::{
        arrivals::{Arrival, JUDGED},
        rules::Rule,
        stories::{Outcome, Story},
    };

    const SIDECARS: usize = 4_000;

    fn play(rule: Rule, crowd: Crowd) -> Outcome {
        let world = World::new(SIDECARS, 5);
        let mut play = Play::new(Story::Return, &world, rule, 5);
        play.tempo.crowd = crowd;
        for sidecar in world.sidecars() {
            play.begin(*sidecar);
            play.come_back(*sidecar);
        }
        play.end()
    }

    #[test]
    fn everybody_has_a_mailserver_again_and_was_without_one_once() {
        for rule in Rule::ALL {
            let outcome = play(rule, Crowd::Large);
            assert_eq!(outcome.after.iter().sum::<u64>(), SIDECARS as u64);
            assert_eq!(outcome.available.count(), SIDECARS);
        }
    }

    #[test]
    fn a_small_crowd_is_back_within_three_seconds_and_stays() {
        let outcome = play(Rule::Ours, Crowd::Small);
        // Noticed within 1 s, a pause of up to 1.5 s beside a round of 0.5 s; the rest is the dial.
        assert!(outcome.available.at(0.95) <= 3_000.0);
        assert!(outcome.after[0] > SIDECARS as u64 * 9 / 10);
    }

    #[test]
    fn a_large_crowd_takes_its_time_and_spreads_again() {
        let outcome = play(Rule::Ours, Crowd::Large);
        let small = play(Rule::Ours, Crowd::Small);
        let peak = |it: &Outcome| it.arrivals.peak(&JUDGED, 1_000.0).count;
        assert!(5 * peak(&outcome) < peak(&small));
        for (after, before) in outcome.after.iter().zip(&outcome.before) {
            // What chance does to so few.
            assert!(after.abs_diff(*before) < 150, "{after} of {before}");
        }
    }

    #[test]
    fn whoever_moves_dials_and_asks_once_more() {
        let count = |kind, crowd| {
            let whole = measured_at(&World::new(0, 5));
            let outcome = play(Rule::Ours, crowd);
            let of = |it| {
                let windows = outcome.arrivals.windows(&[kind], it, whole);
                windows.last().copied().unwrap_or(0)
            };
            (0..outcome.after.len()).map(of).sum::<u64>()
        };
        let all = SIDECARS as u64;
        assert_eq!(count(Arrival::Dial, Crowd::Small), all);
        let dials = count(Arrival::Dial, Crowd::Large);
        assert!(dials > all && dials < 2 * all);
        assert_eq!(count(Arrival::Request, Crowd::Large), dials);
    }

    #[test]
    fn they_come_back_one_by_one_and_are_counted_ten_minutes_after_the_last() {
        let world = World::new(0, 1);
        let back = |at| back_by(&world, at).into_iter().filter(|it| *it).count();
        assert_eq!([0.0, 4_999.0, 5_000.0, 25_000.0].map(back), [1, 1, 2, 6]);
        assert!((measured_at(&world) - 625_000.0).abs() < 1.0);
    }
}
