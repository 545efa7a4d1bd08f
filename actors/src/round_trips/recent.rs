//! The last round-trip times of each mailserver.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{Instant, messages::round_trips::Sample, model::mailserver::Identity};

/// The active mailserver is probed each second: of so long, only the worst is kept.
const SLOT: Duration = Duration::from_secs(10);

/// So many are kept of each mailserver: ten minutes of one that is watched.
const MOST_SAMPLES: usize = 60;

/// Of so many mailservers; another one takes the place of that which was not probed for longest.
const MOST_MAILSERVERS: usize = 128;

/// Who was probed when, and answered how fast.
#[derive(Debug, Default)]
pub(super) struct Recent(BTreeMap<Identity, VecDeque<Probed>>);

#[derive(Clone, Copy, Debug)]
struct Probed {
    at: Instant,
    /// `None`: no answer.
    rtt: Option<Duration>,
}

impl Recent {
    pub(super) fn add(&mut self, identity: &Identity, rtt: Option<Duration>, at: Instant) {
        let new = Probed { at, rtt };
        if !self.0.contains_key(identity) && self.0.len() >= MOST_MAILSERVERS {
            self.forget_the_oldest();
        }
        let samples = self.0.entry(identity.clone()).or_default();
        match samples.back_mut() {
            Some(last) if at.saturating_duration_since(last.at) < SLOT => last.keep_the_worse(rtt),
            _ => {
                if samples.len() >= MOST_SAMPLES {
                    samples.pop_front();
                }
                samples.push_back(new);
            }
        }
    }

    fn forget_the_oldest(&mut self) {
        let newest = |samples: &VecDeque<Probed>| samples.back().map(|it| it.at);
        let oldest = self.0.iter().min_by_key(|(_, samples)| newest(samples));
        if let Some(identity) = oldest.map(|(identity, _)| identity.clone()) {
            self.0.remove(&identity);
        }
    }

    pub(super) fn tell(&self, now: Instant) -> BTreeMap<Identity, Vec<Sample>> {
        let told = |it: &Probed| Sample {
            ago_ms: u64::try_from(now.saturating_duration_since(it.at).as_millis())
                .unwrap_or(u64::MAX),
            rtt_ms: it.rtt.map(|rtt| rtt.as_micros() as f64 / 1000.0),
        };
        let each = self.0.iter();
        each.map(|(identity, samples)| (identity.clone(), samples.iter().map(told).collect()))
            .collect()
    }
}

impl Probed {
    /// None is worse than any.
    fn keep_the_worse(&mut self, rtt: Option<Duration>) {
        self.rtt = self.rtt.zip(rtt).map(|(one, other)| one.max(other));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(number: usize) -> Identity {
        let id = format!("enode://{number:0>128x}@192.0.2.7:30303");
        let address: crate::model::address::Address = id.parse().unwrap();
        address.identity().clone()
    }

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[actix::test]
    async fn of_ten_seconds_the_worst_is_kept() {
        let (start, one) = (Instant::now(), identity(1));
        let mut recent = Recent::default();
        for (after, rtt) in [(0, Some(20)), (1, Some(90)), (9, Some(30)), (10, Some(40))] {
            let at = start + Duration::from_secs(after);
            recent.add(&one, rtt.map(|it| it * MILLISECOND), at);
        }
        let told = recent.tell(start + Duration::from_secs(12));
        let sample = |ago_ms, rtt_ms| Sample { ago_ms, rtt_ms };
        assert_eq!(
            told[&one],
            [sample(12_000, Some(90.0)), sample(2_000, Some(40.0))]
        );
        recent.add(&one, None, start + Duration::from_secs(11));
        let told = recent.tell(start + Duration::from_secs(12));
        assert_eq!(told[&one][1], sample(2_000, None), "silence is the worst");
    }

    #[actix::test]
    async fn it_takes_the_same_space_however_long_it_goes_on() {
        let start = Instant::now();
        let mut recent = Recent::default();
        for number in 0..=MOST_MAILSERVERS {
            for slot in 0..u32::try_from(MOST_SAMPLES).unwrap() + 5 {
                let early = u32::try_from(number).unwrap() * MILLISECOND;
                recent.add(
                    &identity(number),
                    Some(MILLISECOND),
                    start + SLOT * slot + early,
                );
            }
        }
        let told = recent.tell(start);
        assert_eq!(told.len(), MOST_MAILSERVERS);
        assert!(!told.contains_key(&identity(0)));
        assert!(told.values().all(|it| it.len() == MOST_SAMPLES));
    }
}
