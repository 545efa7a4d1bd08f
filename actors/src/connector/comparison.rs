//! For how long each candidate has been much faster than the active mailserver (`selector.improve`).

use std::collections::BTreeMap;

use crate::model::{mailserver::Identity, probe::Reply};

/// In so many comparisons in a row another one must be faster before it is used.
const COMPARISONS: u32 = 3;

/// How much faster: at most this part of the time of the active mailserver …
const FASTER_PART: f64 = 0.7;

/// … and at least so much less.
const FASTER_BY_MS: f64 = 20.0;

/// How often in a row each was much faster than the active one.
#[derive(Debug, Default)]
pub(crate) struct Comparison(BTreeMap<Identity, u32>);

impl Comparison {
    /// A round was answered by these. If the active one is not among them it cannot be compared.
    pub(crate) fn add(&mut self, active: &Identity, replies: &[Reply]) {
        let before = std::mem::take(&mut self.0);
        let milliseconds =
            |reply: &Reply| Some(reply.outcome.as_ref().ok()?.as_secs_f64() * 1000.0);
        let of_active = replies.iter().find(|it| it.identity == *active);
        let Some(of_active) = of_active.and_then(milliseconds) else {
            return;
        };
        for reply in replies {
            let Some(rtt) = milliseconds(reply) else {
                continue;
            };
            if rtt <= of_active * FASTER_PART && of_active - rtt >= FASTER_BY_MS {
                let times = before.get(&reply.identity).unwrap_or(&0) + 1;
                self.0.insert(reply.identity.clone(), times);
            }
        }
    }

    /// Whether it has been faster for long enough.
    pub(crate) fn favours(&self, identity: &Identity) -> bool {
        self.0.get(identity).is_some_and(|it| *it >= COMPARISONS)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::mailserver;

    fn rounds(rounds: &[[u64; 2]]) -> Comparison {
        let mut comparison = Comparison::default();
        for times in rounds {
            let replies = times.iter().enumerate().map(|(index, time)| Reply {
                identity: mailserver(index).identity,
                outcome: Ok(Duration::from_millis(*time)),
            });
            let replies: Vec<_> = replies.collect();
            comparison.add(&mailserver(0).identity, &replies);
        }
        comparison
    }

    #[test]
    fn three_times_in_a_row_much_faster_is_enough() {
        let favoured = |it: &[[u64; 2]]| rounds(it).favours(&mailserver(1).identity);
        assert!(favoured(&[[100, 70]; 3]));
        assert!(!favoured(&[[100, 70]; 2]));
        assert!(!favoured(&[[100, 70], [100, 70], [100, 71], [100, 70]]));
        assert!(!favoured(&[[60, 41]; 3]));
    }

    #[test]
    fn while_the_active_one_is_silent_nothing_is_compared() {
        let mut comparison = rounds(&[[100, 70]; 3]);
        comparison.add(&mailserver(2).identity, &[]);
        assert!(!comparison.favours(&mailserver(1).identity));
    }
}
