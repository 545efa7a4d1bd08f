//! Makes a schedule that fails as short as it can be: the fewest troubles, then the fewest messages.

use crate::schedule::Schedule;

/// The shortest that is found and still fails.
pub(crate) fn shrink(schedule: &Schedule, fails: impl Fn(&Schedule) -> bool) -> Schedule {
    let mut shortest = schedule.clone();
    let troubles = |troubles: Vec<_>| Schedule {
        troubles,
        ..schedule.clone()
    };
    shortest.troubles = fewest(&schedule.troubles, |it| fails(&troubles(it.to_vec())));
    let left = shortest.clone();
    let messages = |messages: Vec<_>| Schedule {
        messages,
        ..left.clone()
    };
    shortest.messages = fewest(&left.messages, |it| fails(&messages(it.to_vec())));
    shortest
}

/// Leaves out as many as it can, so that the rest still fails: first in large parts, then in smaller ones.
fn fewest<T: Clone>(all: &[T], fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut left = all.to_vec();
    let mut part = left.len();
    while part > 0 {
        let mut from = 0;
        let before = left.len();
        while from < left.len() {
            let until = (from + part).min(left.len());
            let without: Vec<T> = [&left[..from], &left[until..]].concat();
            match fails(&without) {
                true => left = without,
                false => from = until,
            }
        }
        // What was left out may be why others could not be.
        if part > 1 || left.len() == before {
            part /= 2;
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_not_is_left_out() {
        let all: Vec<u32> = (0..100).collect();
        let fails = |some: &[u32]| some.contains(&17) && some.contains(&80);
        assert_eq!(fewest(&all, fails), [17, 80]);
        assert_eq!(fewest(&all, |_| true), [0; 0]);
        assert_eq!(fewest(&all[..3], |some| some.len() > 2), [0, 1, 2]);
    }

    #[test]
    fn both_lists_of_a_schedule_are_shortened() {
        let schedule = Schedule::new(1);
        let wanted = (schedule.troubles[1], schedule.messages[7].at);
        let fails = |it: &Schedule| {
            it.troubles.contains(&wanted.0) && it.messages.iter().any(|it| it.at == wanted.1)
        };
        let shortest = shrink(&schedule, fails);
        assert_eq!(
            (shortest.troubles.len(), shortest.messages.len()),
            (1, 1),
            "{:?}",
            shortest.troubles
        );
    }
}
