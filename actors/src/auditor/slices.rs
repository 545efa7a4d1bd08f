//! Cuts what is to be asked into queries that a mailserver takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::model::{
    moment::{Moment, Period},
    topic::{MOST_CONTENT_TOPICS, Topic},
};

/// The longest period of one query.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A slice is not halved below this: what is cut off then is a mailserver that sends no end of it.
const SHORTEST: Duration = Duration::from_secs(60);

/// What one query asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// At least one, at most [`MOST_CONTENT_TOPICS`], all on one pubsub topic.
    pub(super) topics: Vec<Topic>,
    /// At most 24 hours.
    pub(super) period: Period,
}

/// All slices of a period and topics. Of a topic, one ends at the very millisecond at which the next begins: messages
/// carry nanoseconds, and one that was sent between two milliseconds must not fall between two slices.
pub(super) fn slices(period: Period, topics: &[Topic]) -> Vec<Slice> {
    let mut by_pubsub = BTreeMap::<&str, BTreeSet<&Topic>>::new();
    for topic in topics {
        by_pubsub.entry(&topic.pubsub).or_default().insert(topic);
    }
    let periods = periods(period);
    let mut slices = Vec::new();
    for topics in by_pubsub.values() {
        let topics: Vec<&Topic> = topics.iter().copied().collect();
        for topics in topics.chunks(MOST_CONTENT_TOPICS) {
            let topics: Vec<Topic> = topics.iter().copied().cloned().collect();
            slices.extend(periods.iter().map(|period| Slice {
                topics: topics.clone(),
                period: *period,
            }));
        }
    }
    slices
}

fn periods(whole: Period) -> Vec<Period> {
    let mut periods = Vec::new();
    let mut from = whole.from;
    loop {
        let until = (from + LONGEST).min(whole.until.max(from));
        periods.push(Period { from, until });
        if until >= whole.until {
            return periods;
        }
        from = until;
    }
}

/// What of a period is in none of these, the earliest first. Rests below a second are left out.
pub(super) fn without(whole: Period, others: &[Period]) -> Vec<Period> {
    let mut others = others.to_vec();
    others.sort();
    let mut rests = Vec::new();
    let mut from = whole.from;
    let mut add = |from: Moment, until: Moment| {
        if until.since(from) >= Duration::from_secs(1) {
            rests.push(Period { from, until });
        }
    };
    for other in others {
        add(from, other.from.min(whole.until));
        from = from.max(other.until);
    }
    add(from, whole.until);
    rests
}

impl Slice {
    /// The same in two halves of time; `None` if it is too short for that.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let Period { from, until } = self.period;
        if self.period.length() < 2 * SHORTEST {
            return None;
        }
        let middle = from + self.period.length() / 2;
        let half = |from, until| Self {
            topics: self.topics.clone(),
            period: Period { from, until },
        };
        Some([half(from, middle), half(middle, until)])
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn period(from: u64, until: u64) -> Period {
        let (from, until) = (Moment::from_millis(from), Moment::from_millis(until));
        Period { from, until }
    }

    prop_compose! {
        fn any_topics()(all in vec((0..3_u8, 0..40_u8), 0..80)) -> Vec<Topic> {
            let topic = |(pubsub, content)| Topic {
                pubsub: format!("/waku/2/rs/16/{pubsub}"),
                content: format!("/waku/1/0x{content:08x}/rfc26"),
            };
            all.into_iter().map(topic).collect()
        }
    }

    prop_compose! {
        fn any_period()(from in 0..100_000_000_000_u64, length in 0..1_000_000_000_u64) -> Period {
            period(from, from + length)
        }
    }

    proptest! {
        #[test]
        fn slices_are_what_mailservers_take(period in any_period(), topics in any_topics()) {
            for it in slices(period, &topics) {
                prop_assert!(!it.topics.is_empty() && it.topics.len() <= MOST_CONTENT_TOPICS);
                prop_assert!(it.topics.iter().all(|other| other.pubsub == it.topics[0].pubsub));
                prop_assert!(it.period.length() <= LONGEST);
            }
        }

        #[test]
        fn for_each_topic_they_are_the_whole_period_without_hole_or_overlap(
            period in any_period(), topics in any_topics(), halved in any::<bool>(),
        ) {
            let mut all = slices(period, &topics);
            if halved {
                let halves = |it: Slice| it.halves().map_or(vec![it], Vec::from);
                all = all.into_iter().flat_map(halves).collect();
            }
            for topic in &topics {
                let of_it = all.iter().filter(|it| it.topics.contains(topic));
                let periods: Vec<Period> = of_it.map(|it| it.period).collect();
                prop_assert_eq!(periods.first().map(|it| it.from), Some(period.from));
                prop_assert_eq!(periods.last().map(|it| it.until), Some(period.until));
                prop_assert!(periods.windows(2).all(|it| it[0].until == it[1].from));
            }
        }

        #[test]
        fn what_is_without_is_in_none_and_nothing_else_is_left_out(
            whole in (0..500_u64, 0..500_u64), others in vec((0..1000_u64, 0..200_u64), 0..6),
        ) {
            let seconds = |(from, length): (u64, u64)| period(from * 1000, (from + length) * 1000);
            let (whole, others) = (seconds(whole), others.into_iter().map(seconds).collect::<Vec<_>>());
            let rests = without(whole, &others);
            let has = |it: &Period, at| it.from < at && at < it.until;
            for at in (0..1_000_000).step_by(1000).map(|it| Moment::from_millis(it + 500)) {
                let wanted = has(&whole, at) && !others.iter().any(|it| has(it, at));
                prop_assert_eq!(rests.iter().filter(|it| has(it, at)).count(), usize::from(wanted));
            }
        }
    }

    #[test]
    fn a_slice_is_halved_until_it_is_short() {
        let topics = vec![Topic {
            pubsub: "p".into(),
            content: "c".into(),
        }];
        let mut it = slices(period(0, 86_400_000), &topics).remove(0);
        let mut times = 0;
        while let Some([first, _]) = it.halves() {
            it = first;
            times += 1;
        }
        assert_eq!((times, it.period.length().as_secs()), (10, 84));
    }
}
