//! What the answers to an inquiry mean for a window.

use std::{collections::BTreeSet, time::Duration};

use rand::rngs::StdRng;

use super::{
    comparison::{Comparison, Hashes, Held, common, of_picked, of_served},
    inquiry::Answers,
    respondents::{Respondents, Silence},
};
use crate::{Instant, model::mailserver::Identity};

/// What was to be had where the window was fetched from, as far as that was found out soon after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Of each mailserver from which it was fetched.
    pub(super) served: Held,
    /// Of all that were asked, where nobody knows from whom it was fetched.
    pub(super) sure: Option<Hashes>,
}

impl Kept {
    /// How many hashes it is made of.
    pub(super) fn len(&self) -> usize {
        let served: usize = self.served.values().map(Hashes::len).sum();
        served + self.sure.as_ref().map_or(0, Hashes::len)
    }
}

/// The judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It was compared.
    Compared(Comparison),
    /// It cannot be compared: it is fetched a second time, if it matters, from this one.
    Second(Identity),
    /// Nobody knows what it was fetched with, and others hold messages of it: it is fetched a second time, from the
    /// fullest of them.
    Held(Identity),
    /// It can never be compared.
    Never,
    /// Later, perhaps.
    Later,
}

/// What all hold so long after a fetch tells nothing of what they held then.
const SOON: Duration = Duration::from_secs(60);

/// Judges a window that was fetched from these, so long ago. `None`: the node does not say which topics it has.
pub(super) fn judge(
    from: &[Identity],
    age: Duration,
    kept: &mut Kept,
    answers: Option<&Answers>,
    respondents: &Respondents,
    random: &mut StdRng,
    now: Instant,
) -> Judgement {
    let from: BTreeSet<Identity> = from.iter().cloned().collect();
    let second = |wanted: Option<Identity>| wanted.map_or(Judgement::Later, Judgement::Second);
    let Some(answers) = answers else {
        return match from.is_empty() {
            true => Judgement::Never,
            false => second(respondents.draw_any(&from, random)),
        };
    };
    let mut silent = answers.silent.values();
    let unheard = silent.all(|it| *it == Silence::Unsupported);
    let unsupported = unheard && respondents.are_unsupported(&from, now);
    if from.is_empty() {
        return match answers.held.len() + usize::from(kept.sure.is_some()) {
            0 if unsupported => Judgement::Never,
            // Whoever tells nothing may hold nothing: nothing is sure.
            1 if respondents.are_unsupported(&answers.held.keys().cloned().collect(), now) => {
                kept.sure = Some(Hashes::new());
                Judgement::Compared(compare_picked(kept, &answers.held))
            }
            0 | 1 => Judgement::Later,
            _ => {
                if age > SOON {
                    kept.sure.get_or_insert_default();
                }
                Judgement::Compared(compare_picked(kept, &answers.held))
            }
        };
    }
    let others = answers.held.iter().filter(|it| !from.contains(it.0));
    let is_known = |it: &&Identity| answers.held.contains_key(*it) || kept.served.contains_key(*it);
    match (from.iter().filter(is_known).count(), others.clone().count()) {
        (0, 0) if unsupported => second(respondents.draw_any(&from, random)),
        // It was fetched from all that are known, and none of them tells anything.
        (0, 0) if unheard && !respondents.are_more_than(&from) => Judgement::Never,
        (0, 0) => Judgement::Later,
        (0, _) if is_paused(&from, answers) => Judgement::Later,
        // Nothing is known of what was fetched.
        (0, _) => match others.max_by_key(|it| it.1.len()) {
            Some((fullest, holds)) if !holds.is_empty() => Judgement::Held(fullest.clone()),
            // Nobody holds anything of it.
            _ => Judgement::Compared(Comparison::default()),
        },
        (_, 0) if respondents.are_unsupported(&from, now) => {
            second(respondents.draw_any(&from, random))
        }
        // It was fetched from all that are known.
        (1.., 0) if !respondents.are_more_than(&from) => {
            Judgement::Compared(compare_served(&from, kept, &answers.held))
        }
        (_, 0) => Judgement::Later,
        _ => Judgement::Compared(compare_served(&from, kept, &answers.held)),
    }
}

/// Whether one from which it was fetched only wants to be asked later.
fn is_paused(from: &BTreeSet<Identity>, answers: &Answers) -> bool {
    let mut silent = from.iter().filter_map(|it| answers.silent.get(it));
    silent.any(|it| matches!(it, Silence::Pausing(_)))
}

fn compare_served(from: &BTreeSet<Identity>, kept: &mut Kept, held: &Held) -> Comparison {
    for identity in from {
        if let Some(now) = held.get(identity)
            && !kept.served.contains_key(identity)
        {
            kept.served.insert(identity.clone(), now.clone());
        }
    }
    of_served(&kept.served, held)
}

fn compare_picked(kept: &mut Kept, held: &Held) -> Comparison {
    let sure = kept.sure.get_or_insert_with(|| common(held));
    of_picked(sure, held)
}
