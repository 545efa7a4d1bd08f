//! Small random pauses, so that sidecars all over the world do not act at the same moment.
//!
//! A pause grows with how many others are likely affected by the same event, and there is none where nobody is dialled
//! or asked. The longest pause before a dial is a setting; the others follow from it, in the proportions
//! that `examples/population.rs` argues for.

use std::time::Duration;

use crate::model::record::Cause;

/// How much longer than after a loss the pause may be after a return from offline: a whole region comes
/// back at once. With the pause between two probes of whoever is offline (1 s at least) it spreads the dials
/// over 2.5 s.
const REGION: u32 = 3;

/// How much longer than a dial a first history request may wait: it costs its mailserver more, and what it fetches is
/// a gap of seconds. Shorter, a switch to a standby that is a peer already would make a herd of requests.
const REQUEST: u32 = 3;

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
    use super::*;

    const LONGEST: Duration = Duration::from_millis(500);

    #[test]
    fn it_grows_with_how_many_are_likely_affected() {
        let own = before_dial(Cause::Request, LONGEST, 0.9);
        let everybody = before_dial(Cause::Lost, LONGEST, 0.9);
        let region = after_offline(LONGEST, 0.9);
        assert_eq!(own, Duration::ZERO);
        assert_eq!(everybody, Duration::from_millis(450));
        assert_eq!(region, Duration::from_millis(1350));
    }

    #[test]
    fn a_request_costs_more_than_a_dial_and_waits_longer() {
        let own = before_request(Cause::Dial, LONGEST, 0.9);
        let everybody = before_request(Cause::Lost, LONGEST, 0.9);
        assert_eq!(own, Duration::ZERO);
        assert_eq!(everybody, Duration::from_millis(1350));
    }
}
