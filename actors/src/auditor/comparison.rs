//! Compares what mailservers hold.
//!
//! Of each hash the first 8 bytes are kept. That two of a hundred thousand messages agree in them happens once in some
//! four thousand million comparisons; to make one that agrees with a message of somebody else takes 2^64 tries.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::model::{mailserver::Identity, topic::MessageHash};

/// The messages that a mailserver holds.
pub(super) type Hashes = BTreeSet<u64>;

/// What each mailserver holds.
pub(super) type Held = BTreeMap<Identity, Hashes>;

/// The part of a hash that is kept.
pub(super) fn shortened(hash: &MessageHash) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash.0[..8]);
    u64::from_be_bytes(first)
}

/// What a comparison shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// The messages that were certainly to be had where it was fetched from.
    pub(super) held: u64,
    /// Those that others hold beside these.
    pub(super) missing: u64,
    /// Of those from which it was fetched: who holds less than all, and is not wanted.
    pub(super) short: Vec<Identity>,
    /// Who holds the missing ones together: the one with most of them first.
    pub(super) wanted: Vec<Identity>,
}

/// Of a window that was fetched from mailservers that held this when it was: the missing ones may have reached one of
/// these only later.
pub(super) fn of_served(fetched: &Held, now: &Held) -> Comparison {
    let had: Hashes = fetched.values().flatten().copied().collect();
    let all: Hashes = now.values().flatten().copied().collect();
    let missing: Hashes = all.difference(&had).copied().collect();
    let wanted = cover(&missing, now, fetched);
    let holds_less = |it: &&Identity| {
        let holds = now.get(*it).or_else(|| fetched.get(*it));
        holds.is_some_and(|holds| !missing.is_subset(holds))
    };
    let is_short = |it: &&Identity| !wanted.contains(it) && holds_less(it);
    Comparison {
        held: had.len() as u64,
        missing: missing.len() as u64,
        short: fetched.keys().filter(is_short).cloned().collect(),
        wanted,
    }
}

/// Of a window that was fetched from nobody knows whom: only what all of them held then was certainly to be had.
pub(super) fn of_picked(sure: &Hashes, now: &Held) -> Comparison {
    let all: Hashes = now.values().flatten().copied().collect();
    Comparison {
        held: sure.len() as u64,
        missing: all.difference(sure).count() as u64,
        ..Comparison::default()
    }
}

/// What all of them hold.
pub(super) fn common(held: &Held) -> Hashes {
    let mut sets = held.values();
    let Some(first) = sets.next() else {
        return Hashes::new();
    };
    sets.fold(first.clone(), |common, it| &common & it)
}

/// Who hold these together: always the one that holds most of what is left; of several best one that was fetched from
/// before, since it is connected or was.
fn cover(missing: &Hashes, held: &Held, fetched: &Held) -> Vec<Identity> {
    let mut left = missing.clone();
    let mut cover = Vec::new();
    while !left.is_empty() {
        let best = held.iter().max_by_key(|(identity, holds)| {
            let of_left = left.intersection(holds).count();
            let before = fetched.contains_key(*identity);
            (of_left, before, holds.len(), Reverse((*identity).clone()))
        });
        let Some((identity, holds)) = best.filter(|it| !left.is_disjoint(it.1)) else {
            return cover;
        };
        left.retain(|it| !holds.contains(it));
        cover.push(identity.clone());
    }
    cover
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::{btree_map, btree_set},
        prelude::*,
    };

    use super::*;

    fn identity(index: u8) -> Identity {
        Identity::new(format!("store-{index}"))
    }

    fn held(all: &[(u8, &[u64])]) -> Held {
        let one = |it: &(u8, &[u64])| (identity(it.0), it.1.iter().copied().collect());
        all.iter().map(one).collect()
    }

    #[test]
    fn nothing_is_wanted_if_nobody_holds_more() {
        let now = held(&[(0, &[1, 2, 3]), (1, &[2]), (2, &[])]);
        let fetched = held(&[(0, &[1, 2, 3])]);
        let complete = Comparison {
            held: 3,
            ..Comparison::default()
        };
        assert_eq!(of_served(&fetched, &now), complete);
    }

    #[test]
    fn it_is_fetched_from_the_fullest_and_from_as_many_as_it_takes() {
        let now = held(&[(0, &[1]), (1, &[1, 2]), (2, &[1, 2, 3]), (3, &[4])]);
        let it = of_served(&held(&[(0, &[1])]), &now);
        assert_eq!((it.held, it.missing), (1, 3));
        assert_eq!(it.short, [identity(0)]);
        assert_eq!(it.wanted, [identity(2), identity(3)]);
    }

    #[test]
    fn what_reached_it_after_the_fetch_is_missing_and_it_is_not_short() {
        let now = held(&[(0, &[1, 2]), (1, &[1, 2])]);
        let it = of_served(&held(&[(0, &[1])]), &now);
        assert_eq!((it.held, it.missing), (1, 1));
        assert_eq!((it.short, it.wanted), (vec![], vec![identity(0)]));
    }

    #[test]
    fn of_an_unknown_one_only_what_all_hold_is_sure() {
        let now = held(&[(0, &[1, 2]), (1, &[2, 3]), (2, &[2])]);
        let sure = common(&now);
        assert_eq!(sure, Hashes::from([2]));
        let it = of_picked(&sure, &now);
        assert_eq!((it.held, it.missing), (1, 2));
        assert_eq!(common(&held(&[])), Hashes::new());
    }

    #[test]
    fn the_first_bytes_of_a_hash_are_kept() {
        let mut hash = [0xff; 32];
        hash[..8].copy_from_slice(&[0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(shortened(&MessageHash(hash)), 258);
    }

    prop_compose! {
        fn any_held()(
            all in btree_map(0..6_u8, btree_set(0..20_u64, 0..15), 1..6), fetched in btree_set(0..6_u8, 1..4),
        ) -> (Held, Held) {
            let now: Held = all.into_iter().map(|(index, it)| (identity(index), it)).collect();
            let fetched: BTreeSet<Identity> = fetched.into_iter().map(identity).collect();
            let had = now.iter().filter(|it| fetched.contains(it.0));
            // A third of them came later.
            let had = had.map(|(id, it)| (id.clone(), it.iter().copied().filter(|it| it % 3 > 0).collect()));
            (had.collect(), now)
        }
    }

    proptest! {
        #[test]
        fn those_wanted_hold_all_that_is_missing((fetched, now) in any_held()) {
            let it = of_served(&fetched, &now);
            let had: Hashes = fetched.values().flatten().copied().collect();
            let of_wanted = it.wanted.iter().flat_map(|it| &now[it]).copied();
            let after: Hashes = of_wanted.chain(had.iter().copied()).collect();
            let all: Hashes = now.values().flatten().copied().chain(had.iter().copied()).collect();
            prop_assert_eq!(&after, &all);
            prop_assert_eq!(it.missing as usize, all.len() - had.len());
            prop_assert_eq!(it.wanted.is_empty(), it.missing == 0);
            prop_assert_eq!(it.held as usize, had.len());
        }

        #[test]
        fn the_first_has_most_of_it_and_each_adds_something((fetched, now) in any_held()) {
            let it = of_served(&fetched, &now);
            let had: Hashes = fetched.values().flatten().copied().collect();
            let adds = |holds: &Hashes| holds.difference(&had).count();
            if let Some(first) = it.wanted.first() {
                prop_assert_eq!(adds(&now[first]), now.values().map(adds).max().unwrap_or(0));
            }
            let mut left: Hashes = now.values().flatten().copied().filter(|it| !had.contains(it)).collect();
            for wanted in &it.wanted {
                prop_assert!(!left.is_disjoint(&now[wanted]));
                left.retain(|it| !now[wanted].contains(it));
            }
            prop_assert!(it.short.iter().all(|short| fetched.contains_key(short) && !it.wanted.contains(short)));
        }
    }
}
