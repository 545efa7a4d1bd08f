//! Small random pauses, so that sidecars all over the world do not act at the same moment.
//!
//! A pause grows with how many others are likely affected by the same event, and there is none where nobody is dialled
//! or asked. The longest pause before a dial is a setting; the others follow from it, in the proportions
//! that `examples/population.rs` argues for.
//!
//! The widest pauses are those after an outage of all mailservers of a published fleet: everybody in the world comes
//! back, and finds the first mailserver only. Three rules keep them from it:
//!
//! 1. [`return_dial`] goes before the dial. The mailserver is chosen **after** it, by a ping round like any other: more
//!    are back by then, and whoever chose before would still go where everybody goes.
//! 2. [`return_request`] goes between the connection and the first history request.
//! 3. [`respread`] says when to choose once more, as if nobody were in use: whoever came early had little choice.

use std::time::Duration;

use crate::{connector::crowd::Crowd, model::record::Cause};

/// How much longer than after a loss the pause may be after a return from offline: a whole region comes
/// back at once. With the pause between two probes of whoever is offline (1 s at least) it spreads the dials
/// over 2.5 s.
const REGION: u32 = 3;

/// How much longer than a dial a first history request may wait: it costs its mailserver more, and what it fetches is
/// a gap of seconds. Shorter, a switch to a standby that is a peer already would make a herd of requests.
const REQUEST: u32 = 3;

/// How much longer than after a loss the pause before a dial may be when all mailservers were gone and all are back.
/// It is more than after a return from offline, because it is everybody who returns and not a region.
const WORLD: f64 = 10.0;

/// The same when hardly one of them is back. Longer, half of all would not be connected within 10 s.
const WORLD_AT_ONE: f64 = 30.0;

/// How much longer than the dial after such an outage the first history request may wait. It spreads the requests
/// over a minute at most, so that they add little to the dials; what they fetch has been missing for longer.
const WORLD_REQUEST: u32 = 4;

/// The shortest time until whoever came in a hurry chooses again. The first history request has been made by then, and
/// a fleet that comes back is mostly whole.
const RESPREAD_AFTER: Duration = Duration::from_secs(60);

/// The range of that time. Ten minutes after the fleet is whole the load must be spread, also by those whose choice
/// had to wait for a request; and over five minutes the moves are a small part of the traffic on return.
const RESPREAD_WITHIN: Duration = Duration::from_secs(300);

/// What we return from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Our own network was down: with us, a region at most.
    Ours,
    /// All mailservers were gone while our own network showed life: gone for everybody in the world.
    Theirs {
        /// How many answered in the ping round that ended the outage. The whole round counts, not an early decision:
        /// whoever is still to answer is not gone.
        answered: usize,
        /// How many were asked.
        candidates: usize,
    },
}

/// An outage that lasted less, and after which all answer at once, was our own: the node had not noticed yet that its
/// peers were gone (its own limits are 15 to 30 s).
const NOTICED: Duration = Duration::from_secs(20);

impl Outage {
    /// Whose it was, where the node kept peers meanwhile: so long it lasted, and so many answered in the round that ended
    /// it.
    #[must_use]
    pub fn of(lasted: Duration, answered: usize, candidates: usize) -> Self {
        match lasted < NOTICED && answered == candidates {
            true => Self::Ours,
            false => Self::Theirs {
                answered,
                candidates,
            },
        }
    }

    /// How wide it still is: the part of the candidates that do not answer, in 0 to 1. An outage of our own network
    /// has no width.
    #[must_use]
    pub fn width(self) -> f64 {
        match self {
            Self::Theirs {
                answered,
                candidates,
            } if candidates > 0 => candidates.saturating_sub(answered) as f64 / candidates as f64,
            _ => 0.0,
        }
    }
}

/// The pause before a dial that follows a failure: up to `longest`. `random` is a fraction in [0, 1).
#[must_use]
pub fn before_dial(cause: Cause, longest: Duration, random: f64) -> Duration {
    match is_everybodys(cause) {
        true => longest.mul_f64(random),
        false => Duration::ZERO,
    }
}

/// The pause before the first history request to whoever takes the place of one that failed: up to three times
/// `longest`. `random` is a fraction in [0, 1).
#[must_use]
pub fn before_request(cause: Cause, longest: Duration, random: f64) -> Duration {
    before_dial(cause, longest * REQUEST, random)
}

/// The pause before a dial that follows a return from offline: up to three times `longest`. `random` is a fraction
/// in [0, 1).
#[must_use]
pub fn after_offline(longest: Duration, random: f64) -> Duration {
    (longest * REGION).mul_f64(random)
}

/// The pause before the choice and the dial that follow an outage of any kind. After an outage of theirs with a large
/// crowd: up to 10 to 30 times `longest`, the more the wider it still is; else [`after_offline`]. `random` is a
/// fraction in [0, 1).
#[must_use]
pub fn return_dial(outage: Outage, crowd: Crowd, longest: Duration, random: f64) -> Duration {
    match is_the_worlds(outage, crowd) {
        true => {
            let factor = WORLD + (WORLD_AT_ONE - WORLD) * outage.width();
            longest.mul_f64(factor * random)
        }
        false => after_offline(longest, random),
    }
}

/// The pause between the connection that ends an outage and the first history request. After an outage of theirs with
/// a large crowd: up to 40 to 120 times `longest`, four times as long as before the dial; else as after a loss
/// ([`before_request`]). `random` is a fraction in [0, 1).
#[must_use]
pub fn return_request(outage: Outage, crowd: Crowd, longest: Duration, random: f64) -> Duration {
    match is_the_worlds(outage, crowd) {
        true => return_dial(outage, crowd, longest * WORLD_REQUEST, random),
        false => before_request(Cause::Lost, longest, random),
    }
}

/// The time from a connection that was made after such an outage to the choice that is made afresh: 1 to 6 min.
/// `random` is a fraction in [0, 1).
#[must_use]
pub fn respread(random: f64) -> Duration {
    RESPREAD_AFTER + RESPREAD_WITHIN.mul_f64(random)
}

/// Whether the whole world returns together with us.
#[must_use]
pub fn is_the_worlds(outage: Outage, crowd: Crowd) -> bool {
    matches!(outage, Outage::Theirs { .. }) && crowd == Crowd::Large
}

/// Whoever was connected and is lost, is lost to everybody who used it, at the same moment. One that fell silent is
/// noticed by each watch in its own time, which spreads them already; a dial that failed or a request that was
/// refused is most likely our own affair.
fn is_everybodys(cause: Cause) -> bool {
    match cause {
        Cause::Lost => true,
        Cause::Probe
        | Cause::Dial
        | Cause::Request
        | Cause::ShortHistory
        | Cause::WrongId
        | Cause::RateLimited => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONGEST: Duration = Duration::from_millis(500);

    fn one_of(candidates: usize) -> Outage {
        Outage::Theirs {
            answered: 1,
            candidates,
        }
    }

    #[test]
    fn it_grows_with_how_many_are_likely_affected() {
        let own = before_dial(Cause::Request, LONGEST, 0.9);
        let everybody = before_dial(Cause::Lost, LONGEST, 0.9);
        let region = after_offline(LONGEST, 0.9);
        let world = return_dial(one_of(1), Crowd::Large, LONGEST, 0.9);
        assert_eq!(own, Duration::ZERO);
        assert_eq!(everybody, Duration::from_millis(450));
        assert_eq!(region, Duration::from_millis(1350));
        assert_eq!(world, Duration::from_millis(4500));
    }

    #[test]
    fn a_request_costs_more_than_a_dial_and_waits_longer() {
        let own = before_request(Cause::Dial, LONGEST, 0.9);
        let everybody = before_request(Cause::Lost, LONGEST, 0.9);
        let world = return_request(one_of(1), Crowd::Large, LONGEST, 0.9);
        assert_eq!(own, Duration::ZERO);
        assert_eq!(everybody, Duration::from_millis(1350));
        assert_eq!(world, Duration::from_secs(18));
    }

    #[test]
    fn the_first_one_back_of_six_is_given_time() {
        let all_but = |random| return_dial(one_of(6), Crowd::Large, LONGEST, random).as_millis();
        assert_eq!([0.0, 0.5].map(all_but), [0, 6_666]);
        let respread = [0.0, 0.5].map(respread);
        assert_eq!(respread.map(|it| it.as_secs()), [60, 210]);
    }

    #[test]
    fn an_outage_is_as_wide_as_the_part_that_does_not_answer() {
        let width = |answered, candidates| {
            Outage::Theirs {
                answered,
                candidates,
            }
            .width()
        };
        assert_eq!([width(1, 4), width(4, 4), width(0, 4)], [0.75, 0.0, 1.0]);
        // More answers than candidates, or none of either, come of lists that changed meanwhile.
        assert_eq!([width(5, 4), width(0, 0), Outage::Ours.width()], [0.0; 3]);
    }

    prop_compose! {
        fn any_outage()(candidates in 0..300_usize, answered in 0..300_usize) -> Outage {
            Outage::Theirs { answered, candidates }
        }
    }

    proptest! {
        #[test]
        fn the_wider_the_outage_the_wider_the_pause(
            one in any_outage(), other in any_outage(), ms in 0..=60_000_u64, random in 0.0..1.0,
        ) {
            let longest = Duration::from_millis(ms);
            for pause in [return_dial, return_request] {
                let pause = |outage| pause(outage, Crowd::Large, longest, random);
                let wider = one.width() >= other.width();
                let (wide, narrow) = if wider { (one, other) } else { (other, one) };
                prop_assert!(pause(wide) >= pause(narrow));
                prop_assert!(pause(narrow) >= pause(Outage::Ours));
            }
        }

        #[test]
        fn pauses_are_bounded_and_a_request_waits_longer_than_a_dial(
            outage in any_outage(), ms in 0..=60_000_u64, random in 0.0..1.0,
        ) {
            let longest = Duration::from_millis(ms);
            let dial = return_dial(outage, Crowd::Large, longest, random);
            let request = return_request(outage, Crowd::Large, longest, random);
            prop_assert!(dial <= 30 * longest);
            prop_assert!(dial <= request && request <= 120 * longest);
            let minutes = respread(random).as_secs_f64() / 60.0;
            prop_assert!((1.0..6.0).contains(&minutes));
        }

        #[test]
        fn a_small_crowd_and_an_outage_of_our_own_keep_the_short_pauses(
            outage in any_outage(), ms in 0..=60_000_u64, random in 0.0..1.0,
        ) {
            let longest = Duration::from_millis(ms);
            let short = [after_offline(longest, random), before_request(Cause::Lost, longest, random)];
            let pauses = |outage, crowd| {
                [return_dial, return_request].map(|it| it(outage, crowd, longest, random))
            };
            prop_assert_eq!(pauses(outage, Crowd::Small), short);
            prop_assert_eq!(pauses(Outage::Ours, Crowd::Small), short);
            prop_assert_eq!(pauses(Outage::Ours, Crowd::Large), short);
        }
    }
}
