//! The questions of one audit: each mailserver is asked for all hashes, one after the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::rngs::StdRng;

use super::{
    comparison::{Hashes, Held, shortened},
    respondents::{Respondents, Silence},
    slices::Slice,
};
use crate::{
    Instant,
    messages::store::StoreAnswer,
    model::mailserver::{Identity, Mailserver},
};

/// So many others are compared with: all of a published fleet. What one mailserver alone holds is found by no smaller
/// number.
const OTHERS: usize = 8;

/// So many are asked for that, should the first ones not answer.
const MOST_ASKED: usize = 12;

/// The most hashes of one mailserver: more are no audit any more.
const MOST_HASHES: usize = 200_000;

/// One that is being asked.
#[derive(Debug)]
struct Asked {
    mailserver: Mailserver,
    slices: VecDeque<Slice>,
    hashes: Hashes,
}

/// What has been asked, and what is left.
#[derive(Debug)]
pub(super) struct Inquiry {
    slices: Vec<Slice>,
    /// Those from which it was fetched that were not asked yet.
    served: VecDeque<Identity>,
    /// All of them.
    from: BTreeSet<Identity>,
    others: usize,
    /// How many others answer at most.
    wanted: usize,
    asked: Option<Asked>,
    answers: Answers,
}

/// What an inquiry came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    /// What those hold that answered in full.
    pub(super) held: Held,
    /// Why others did not.
    pub(super) silent: BTreeMap<Identity, Silence>,
}

impl Inquiry {
    /// Asks those from which it was fetched, and others; three in all if it is not known from whom.
    pub(super) fn new(slices: Vec<Slice>, from: &[Identity]) -> Self {
        Self {
            slices,
            served: from.iter().cloned().collect(),
            from: from.iter().cloned().collect(),
            others: 0,
            wanted: OTHERS + usize::from(from.is_empty()),
            asked: None,
            answers: Answers::default(),
        }
    }

    /// Asks those from which it was fetched, and nobody else.
    pub(super) fn of_served(slices: Vec<Slice>, from: &[Identity]) -> Self {
        Self {
            wanted: 0,
            ..Self::new(slices, from)
        }
    }

    /// The next question; `None` if there is none.
    pub(super) fn next(
        &mut self,
        respondents: &Respondents,
        random: &mut StdRng,
        now: Instant,
    ) -> Option<(Mailserver, Slice)> {
        if self.asked.is_none() {
            let mailserver = self.next_mailserver(respondents, random, now)?;
            self.asked = Some(Asked {
                mailserver,
                slices: self.slices.iter().cloned().collect(),
                hashes: Hashes::new(),
            });
        }
        let asked = self.asked.as_ref()?;
        let slice = asked.slices.front()?.clone();
        Some((asked.mailserver.clone(), slice))
    }

    fn next_mailserver(
        &mut self,
        respondents: &Respondents,
        random: &mut StdRng,
        now: Instant,
    ) -> Option<Mailserver> {
        while let Some(identity) = self.served.pop_front() {
            match respondents.find(&identity, now) {
                Ok(found) => return Some(found.clone()),
                Err(silence) => {
                    self.answers.silent.insert(identity, silence);
                }
            }
        }
        let answered = self.answers.held.keys();
        let answered = answered.filter(|it| !self.from.contains(*it)).count();
        if answered >= self.wanted || self.others >= MOST_ASKED {
            return None;
        }
        let silent = self.answers.silent.keys();
        let asked = self.answers.held.keys().chain(silent);
        let except = asked.chain(&self.from).cloned().collect();
        let drawn = respondents.draw(&except, random, now)?;
        self.others += 1;
        Some(drawn)
    }

    /// The last question was answered.
    pub(super) fn answered(&mut self, answer: &StoreAnswer) {
        let Some(mut asked) = self.asked.take() else {
            return;
        };
        asked.hashes.extend(answer.hashes.iter().map(shortened));
        let slice = asked.slices.pop_front();
        let identity = asked.mailserver.identity.clone();
        if let Some(cut_off) = slice.filter(|_| answer.more) {
            let Some(halves) = cut_off.halves() else {
                self.answers.silent.insert(identity, Silence::Away);
                return;
            };
            let [first, second] = halves;
            asked.slices.push_front(second);
            asked.slices.push_front(first);
        }
        if asked.hashes.len() > MOST_HASHES {
            self.answers.silent.insert(identity, Silence::Away);
        } else if asked.slices.is_empty() {
            self.answers.held.insert(identity, asked.hashes);
        } else {
            self.asked = Some(asked);
        }
    }

    /// It was not: nothing is known of that mailserver.
    pub(super) fn failed(&mut self, silence: Silence) {
        if let Some(asked) = self.asked.take() {
            let identity = asked.mailserver.identity;
            self.answers.silent.insert(identity, silence);
        }
    }

    /// What it came to.
    pub(super) fn into_answers(self) -> Answers {
        self.answers
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng;

    use super::*;
    use crate::{
        auditor::slices::slices,
        model::{
            moment::{Moment, Period},
            topic::{MessageHash, Topic},
        },
        testing::mailserver,
    };

    const HOUR: u64 = 3_600_000;

    fn hour() -> Vec<Slice> {
        let topic = Topic {
            pubsub: "p".into(),
            content: "c".into(),
        };
        let period = Period {
            from: Moment::from_millis(HOUR),
            until: Moment::from_millis(2 * HOUR),
        };
        slices(period, &[topic])
    }

    fn answer(hashes: &[u8], more: bool) -> StoreAnswer {
        StoreAnswer {
            hashes: hashes.iter().map(|it| MessageHash([*it; 32])).collect(),
            more,
            ..StoreAnswer::default()
        }
    }

    /// Asks until there is nothing left to ask: whom, for how many minutes each.
    fn run(
        mut it: Inquiry,
        mut answers: impl FnMut(&Mailserver, &Slice) -> Result<StoreAnswer, Silence>,
    ) -> (Vec<(String, u64)>, Answers) {
        let mut respondents = Respondents::default();
        respondents.replace((0..20).map(mailserver).collect());
        let mut random = StdRng::seed_from_u64(7);
        let mut asked = Vec::new();
        while let Some((whom, slice)) = it.next(&respondents, &mut random, Instant::now()) {
            asked.push((whom.id.clone(), slice.period.length().as_secs() / 60));
            match answers(&whom, &slice) {
                Ok(answer) => it.answered(&answer),
                Err(silence) => it.failed(silence),
            }
        }
        (asked, it.into_answers())
    }

    #[test]
    fn those_it_was_fetched_from_and_others_are_asked() {
        let from = [mailserver(3).identity, mailserver(1).identity];
        let (asked, answers) = run(Inquiry::new(hour(), &from), |_, _| Ok(answer(&[1], false)));
        assert_eq!(asked.len(), 2 + OTHERS);
        assert_eq!(
            asked[..2],
            [("store-03.test".into(), 60), ("store-01.test".into(), 60)]
        );
        assert_eq!((answers.held.len(), answers.silent.len()), (2 + OTHERS, 0));
        let (asked, _) = run(Inquiry::new(hour(), &[]), |_, _| Ok(answer(&[1], false)));
        assert_eq!(asked.len(), 1 + OTHERS, "if the node picked one");
    }

    #[test]
    fn others_are_asked_in_the_place_of_silent_ones_but_not_all_of_them() {
        let from = [mailserver(3).identity];
        let (asked, answers) = run(Inquiry::new(hour(), &from), |_, _| Err(Silence::Away));
        assert_eq!(
            (asked.len(), answers.silent.len()),
            (1 + MOST_ASKED, 1 + MOST_ASKED)
        );
        let gone = [Identity::new("gone")];
        let (_, answers) = run(Inquiry::new(hour(), &gone), |_, _| Ok(answer(&[], false)));
        assert_eq!(answers.silent[&gone[0]], Silence::Away);
        assert_eq!(answers.held.len(), OTHERS);
    }

    #[test]
    fn what_was_cut_off_is_asked_for_in_halves_and_only_a_full_set_counts() {
        let from = [mailserver(0).identity];
        let half = Duration::from_secs(1800);
        let (asked, answers) = run(Inquiry::new(hour(), &from), |whom, slice| {
            if whom.id == "store-00.test" {
                let first = slice.period.from == Moment::from_millis(HOUR);
                let hash = if first { 1 } else { 2 };
                Ok(answer(&[hash], slice.period.length() > half))
            } else {
                Ok(answer(&[7], true))
            }
        });
        let minutes: Vec<u64> = asked[..3].iter().map(|it| it.1).collect();
        assert_eq!(minutes, [60, 30, 30]);
        assert_eq!(answers.held.len(), 1);
        assert_eq!(answers.held[&from[0]].len(), 2);
        assert_eq!(answers.silent.len(), MOST_ASKED, "they never end");
    }
}
