//! The questions of one sweep: one mailserver is asked whether it holds anything at all.

use std::collections::{BTreeSet, VecDeque};

use rand::rngs::StdRng;

use super::{
    respondents::Respondents,
    slices::{Slice, slices},
};
use crate::{
    Instant,
    model::{
        mailserver::{Identity, Mailserver},
        moment::Period,
        topic::Topic,
    },
};

/// So many mailservers are tried for one sweep.
const MOST_TRIED: usize = 3;

/// What has been asked, and what is left.
#[derive(Debug)]
pub(super) struct Survey {
    /// Each with the period that it belongs to.
    left: VecDeque<(Period, Slice)>,
    found: Vec<Period>,
    asked: Option<Mailserver>,
    tried: BTreeSet<Identity>,
}

impl Survey {
    /// Asks for these periods.
    pub(super) fn new(periods: &[Period], topics: &[Topic]) -> Self {
        let of_period = |period: &Period| {
            let period = *period;
            slices(period, topics)
                .into_iter()
                .map(move |it| (period, it))
        };
        Self {
            left: periods.iter().flat_map(of_period).collect(),
            found: Vec::new(),
            asked: None,
            tried: BTreeSet::new(),
        }
    }

    /// The next question, best to another mailserver than the active one, whose holes nobody else would see; `None` if
    /// there is none left, or nobody to be asked.
    pub(super) fn next(
        &mut self,
        active: Option<&Identity>,
        respondents: &Respondents,
        random: &mut StdRng,
        now: Instant,
    ) -> Option<(Mailserver, Slice)> {
        let (_, slice) = self.left.front()?;
        let slice = slice.clone();
        if self.asked.is_none() {
            if self.tried.len() >= MOST_TRIED {
                return None;
            }
            let inactive = self.tried.iter().chain(active).cloned().collect();
            let other = respondents.draw(&inactive, random, now);
            let any = other.or_else(|| respondents.draw(&self.tried, random, now))?;
            self.tried.insert(any.identity.clone());
            self.asked = Some(any);
        }
        Some((self.asked.clone()?, slice))
    }

    /// The last question was answered. Of a period that something was found in nothing more is asked.
    pub(super) fn answered(&mut self, holds: bool) {
        let Some((period, _)) = self.left.pop_front() else {
            return;
        };
        if holds {
            self.found.push(period);
            self.left.retain(|it| it.0 != period);
        }
    }

    /// It was not: somebody else is asked.
    pub(super) fn failed(&mut self) {
        self.asked = None;
    }

    /// The periods in which something was found; `None` if not all could be asked for.
    pub(super) fn into_found(self) -> Option<Vec<Period>> {
        self.left.is_empty().then_some(self.found)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::{model::moment::Moment, testing::mailserver};

    fn periods() -> [Period; 2] {
        let period = |from| Period {
            from: Moment::from_millis(from),
            until: Moment::from_millis(from + 60_000),
        };
        [period(0), period(600_000)]
    }

    fn topics() -> Vec<Topic> {
        let topic = |index| Topic {
            pubsub: "p".into(),
            content: format!("{index:02}"),
        };
        (0..25).map(topic).collect()
    }

    fn run(
        fleet: usize,
        mut holds: impl FnMut(&Mailserver, &Slice) -> Option<bool>,
    ) -> (Vec<String>, Option<Vec<Period>>) {
        let mut respondents = Respondents::default();
        respondents.replace((0..fleet).map(mailserver).collect());
        let mut random = StdRng::seed_from_u64(7);
        let active = mailserver(0).identity;
        let mut it = Survey::new(&periods(), &topics());
        let mut asked = Vec::new();
        while let Some((whom, slice)) =
            it.next(Some(&active), &respondents, &mut random, Instant::now())
        {
            asked.push(whom.id.clone());
            match holds(&whom, &slice) {
                Some(holds) => it.answered(holds),
                None => it.failed(),
            }
        }
        (asked, it.into_found())
    }

    #[test]
    fn one_that_is_not_active_is_asked_for_everything() {
        for _ in 0..20 {
            let (asked, found) = run(2, |_, _| Some(false));
            assert_eq!(asked, vec!["store-01.test"; 6], "25 topics, two periods");
            assert_eq!(found, Some(vec![]));
        }
        assert_eq!(
            run(1, |_, _| Some(false)).0.len(),
            6,
            "unless there is no other"
        );
    }

    #[test]
    fn what_was_found_is_not_asked_for_again() {
        let first = periods()[0];
        let (asked, found) = run(3, |_, slice| Some(slice.period == first));
        assert_eq!((asked.len(), found), (1 + 3, Some(vec![first])));
    }

    #[test]
    fn a_silent_one_is_replaced_and_in_the_end_nothing_is_known() {
        let (asked, found) = run(5, |whom, _| (whom.id == "store-04.test").then_some(false));
        assert!(
            found.is_none()
                || asked.len() == 6 + asked.iter().position(|it| it == "store-04.test").unwrap()
        );
        let (asked, found) = run(5, |_, _| None);
        assert_eq!((asked.len(), found), (MOST_TRIED, None));
        assert_eq!(run(0, |_, _| None), (vec![], None));
    }
}
