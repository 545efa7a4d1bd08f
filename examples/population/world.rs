//! The world: the mailservers of a real fleet, and so many sidecars at plausible distances from them.
//!
//! A round-trip time has four parts: the way from the region to the data centre, how far from the middle of the region
//! the sidecar is, the access line that everything passes, and the noise of one probe. The first is public, the others
//! are plausible; all are drawn from the seed.

use std::time::Duration;

use actors::model::mailserver::Mailserver;
use mailserver_sidecar::fleets;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The fleet whose mailservers are used: two in each of three data centres.
const FLEET: &str = "status.prod";

/// The data centres for which [`REGIONS`] has times, as the host names of the fleet call them.
const CENTRES: [&str; 3] = ["do-ams3", "gc-us-central1-a", "ac-cn-hongkong-c"];

/// Where sidecars are.
struct Region {
    name: &'static str,
    /// The part of all sidecars, in percent.
    share: u32,
    /// Round-trip times to [`CENTRES`], in ms.
    times: [u32; 3],
}

/// The times are those of public tables (between the regions of large clouds, and of looking glasses), rounded to 5 ms.
///
/// The shares: who runs a node beside a messenger for the privacy-minded sits in Europe and North America more often
/// than the average user of the net (nodes of public peer-to-peer networks are counted there at 60 to 80 %); Asia has
/// most of the users and a good part of the hosted nodes; the rest is small, and it is there because its times are unlike
/// all others: from the Gulf two data centres are equally far, from Africa and Oceania all of them are.
const REGIONS: [Region; 10] = [
    region("Europe", 38, [20, 115, 205]),
    region("North America, east", 15, [90, 30, 215]),
    region("North America, west", 9, [145, 45, 155]),
    region("South America", 7, [200, 150, 310]),
    region("East Asia", 9, [235, 140, 50]),
    region("South-East Asia", 8, [170, 205, 40]),
    region("South Asia", 5, [125, 230, 95]),
    region("Gulf", 3, [110, 200, 115]),
    region("Africa", 3, [140, 235, 285]),
    region("Oceania", 3, [265, 175, 130]),
];

const fn region(name: &'static str, share: u32, times: [u32; 3]) -> Region {
    Region { name, share, times }
}

/// How much nearer or farther than the middle of its region a sidecar is, per data centre.
const SPREAD: std::ops::Range<f64> = 0.75..1.35;

/// The access line: at least so much, and so much more in the mean (fibre and hosted nodes; few are mobile), in ms.
const ACCESS: (f64, f64) = (3.0, 10.0);

/// How much one probe measures too much in the mean: of two pings the smaller one counts, in ms.
const NOISE: f64 = 2.0;

/// What the seed of the sidecars' places is mixed with: what happens to them is drawn apart.
const PLACES: u64 = 0x9e37_79b9_7f4a_7c15;

/// Everybody, and what they choose from.
pub(crate) struct World {
    /// In the order of the fleet file.
    pub(crate) mailservers: Vec<Mailserver>,
    /// The data centre of each mailserver.
    centres: Vec<usize>,
    /// Of each sidecar.
    sidecars: Vec<Sidecar>,
}

/// One sidecar: its round-trip times without noise to each data centre, in ms.
#[derive(Clone, Copy)]
pub(crate) struct Sidecar([f32; CENTRES.len()]);

/// Which mailservers answer, in the order of the fleet.
pub(crate) type Alive = Vec<bool>;

/// What a ping round measured, in the order of the fleet; `None`: no reply in time, or not asked.
pub(crate) type Times = Vec<Option<Duration>>;

// === impl World ===

impl World {
    /// So many sidecars, each in the place that the seed gives it.
    pub(crate) fn new(sidecars: usize, seed: u64) -> Self {
        let loaded = fleets::parse(fleets::BUILT_IN.as_bytes()).expect("the built-in file is good");
        let mailservers = loaded.fleets[FLEET].mailservers.clone();
        let centres = mailservers.iter().map(centre).collect();
        let mut random = StdRng::seed_from_u64(seed ^ PLACES);
        let sidecars = (0..sidecars).map(|_| Sidecar::somewhere(&mut random));
        Self {
            centres,
            sidecars: sidecars.collect(),
            mailservers,
        }
    }

    pub(crate) fn sidecars(&self) -> &[Sidecar] {
        &self.sidecars
    }

    /// One ping round: what a sidecar measures of those that answer within the timeout.
    pub(crate) fn ping(
        &self,
        sidecar: Sidecar,
        alive: &Alive,
        timeout: Duration,
        random: &mut StdRng,
    ) -> Times {
        let measure = |(mailserver, alive): (usize, &bool)| {
            let ms = self.rtt(sidecar, mailserver) + exponential(NOISE, random);
            let time = Duration::from_micros((ms * 1000.0) as u64);
            (*alive && time < timeout).then_some(time)
        };
        alive.iter().enumerate().map(measure).collect()
    }

    /// The round-trip time of a sidecar to a mailserver without noise, in ms.
    pub(crate) fn rtt(&self, sidecar: Sidecar, mailserver: usize) -> f64 {
        f64::from(sidecar.0[self.centres[mailserver]])
    }

    /// Where the sidecars are, for people.
    pub(crate) fn regions() -> String {
        let share = |it: &Region| format!("{} {} %", it.name, it.share);
        REGIONS.each_ref().map(share).join(", ")
    }

    /// Nobody is dead.
    pub(crate) fn all_alive(&self) -> Alive {
        vec![true; self.mailservers.len()]
    }

    /// How a person calls a mailserver: its name without the fleet.
    pub(crate) fn name(&self, mailserver: usize) -> &str {
        let id = &self.mailservers[mailserver].id;
        id.strip_suffix(FLEET)
            .map_or(id, |it| it.trim_end_matches('.'))
    }
}

/// `store-01.do-ams3.status.prod` is in `do-ams3`.
fn centre(mailserver: &Mailserver) -> usize {
    let named = mailserver.id.split('.').nth(1);
    let known = CENTRES.iter().position(|it| Some(*it) == named);
    known.unwrap_or_else(|| panic!("no round-trip times are known for {}", mailserver.id))
}

// === impl Sidecar ===

impl Sidecar {
    fn somewhere(random: &mut StdRng) -> Self {
        let region = Region::drawn(random);
        let access = ACCESS.0 + exponential(ACCESS.1, random);
        let time = |middle| f64::from(middle) * random.random_range(SPREAD) + access;
        Self(region.times.map(time).map(|ms| ms as f32))
    }
}

impl Region {
    fn drawn(random: &mut StdRng) -> &'static Self {
        let all = REGIONS.iter().map(|it| it.share).sum();
        let mut drawn: u32 = random.random_range(0..all);
        let found = REGIONS.iter().find(|it| match drawn.checked_sub(it.share) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        });
        found.expect("less than all of them")
    }
}

/// A waiting time without memory, with this mean.
fn exponential(mean: f64, random: &mut StdRng) -> f64 {
    -mean * (1.0 - random.random::<f64>()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fleet_has_two_mailservers_in_each_data_centre() {
        let world = World::new(1, 1);
        let mut centres = world.centres.clone();
        centres.sort_unstable();
        assert_eq!(centres, [0, 0, 1, 1, 2, 2]);
        assert_eq!(world.name(0), "store-01.do-ams3");
    }

    #[test]
    fn the_shares_make_a_whole_and_are_drawn_accordingly() {
        assert_eq!(REGIONS.iter().map(|it| it.share).sum::<u32>(), 100);
        let mut random = StdRng::seed_from_u64(1);
        let drawn = (0..10_000).map(|_| Region::drawn(&mut random).name);
        let in_europe = drawn.filter(|it| *it == "Europe").count();
        assert!((3_600..4_000).contains(&in_europe), "{in_europe} of 10,000");
    }

    #[test]
    fn the_same_seed_gives_the_same_world() {
        let times = |seed| {
            World::new(100, seed)
                .sidecars
                .iter()
                .map(|it| it.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(times(7), times(7));
        assert_ne!(times(7), times(8));
    }

    #[test]
    fn the_dead_and_the_slow_give_no_time() {
        let world = World::new(1, 1);
        let mut alive = world.all_alive();
        alive[2] = false;
        let mut random = StdRng::seed_from_u64(1);
        let mut ping =
            |timeout| world.ping(Sidecar([20.0, 100.0, 600.0]), &alive, timeout, &mut random);
        let times = ping(Duration::from_millis(500));
        let answered: Vec<bool> = times.iter().map(Option::is_some).collect();
        assert_eq!(answered, [true, true, false, true, false, false]);
        assert!(times[0].unwrap() >= Duration::from_millis(20));
    }
}
