//! How many others act at the same moment as we do: with a published fleet a large crowd, with a network of one's own
//! a small one.
//!
//! Nobody can count them. But a mailserver that the shipped fleet file names is built into every app, and a mailserver
//! that it does not name is known to few. It is told by its identity: a network of one's own, or a test rig, may well
//! call itself by the name of a published fleet.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::mailserver::{Identity, Mailserver, Origin};

/// How many others use the same mailservers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// So many that an outage of all mailservers brings back more at once than the first of them can bear.
    Large,
    /// So few that nobody has to wait for them.
    Small,
}

/// What the user says about the crowd: the setting `fleet.crowd`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CrowdSetting {
    /// Nothing: the candidates tell.
    #[default]
    Auto,
    /// It is large.
    Large,
    /// It is small.
    Small,
}

/// How the crowd is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrowdRule {
    /// The user says so.
    Fixed(Crowd),
    /// By the candidates: it is large if at least half of them are published.
    ByCandidates {
        /// The mailservers that the shipped fleet file names, of all fleets.
        published: BTreeSet<Identity>,
    },
}

// === impl CrowdSetting ===

impl CrowdSetting {
    /// The rule that the setting means; `published` lists the mailservers of the shipped fleet file, and is asked only
    /// where they matter.
    #[must_use]
    pub fn rule(self, published: impl FnOnce() -> BTreeSet<Identity>) -> CrowdRule {
        match self {
            Self::Auto => CrowdRule::ByCandidates {
                published: published(),
            },
            Self::Large => CrowdRule::Fixed(Crowd::Large),
            Self::Small => CrowdRule::Fixed(Crowd::Small),
        }
    }
}

// === impl CrowdRule ===

impl Default for CrowdRule {
    /// A small crowd, whoever the candidates are.
    fn default() -> Self {
        Self::Fixed(Crowd::Small)
    }
}

impl CrowdRule {
    /// The crowd that uses these candidates.
    ///
    /// A peer of the node that only says that it keeps history does not count, unless it is published: it is no more
    /// than a stopgap, and must not make the crowd of a published fleet look small.
    #[must_use]
    pub fn crowd<'a>(&self, candidates: impl IntoIterator<Item = &'a Mailserver>) -> Crowd {
        let published = match self {
            Self::Fixed(crowd) => return *crowd,
            Self::ByCandidates { published } => published,
        };
        let (mut known, mut all) = (0_usize, 0_usize);
        for candidate in candidates {
            let named = published.contains(&candidate.identity);
            known += usize::from(named);
            all += usize::from(named || candidate.origin != Origin::Peer);
        }
        match known > 0 && 2 * known >= all {
            true => Crowd::Large,
            false => Crowd::Small,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mailserver;

    /// Mailservers 0 to 9 are published.
    fn auto() -> CrowdRule {
        CrowdSetting::Auto.rule(|| (0..10).map(|it| mailserver(it).identity).collect())
    }

    fn crowd(candidates: impl IntoIterator<Item = usize>) -> Crowd {
        let candidates: Vec<Mailserver> = candidates.into_iter().map(mailserver).collect();
        auto().crowd(&candidates)
    }

    #[test]
    fn it_is_large_if_at_least_half_of_the_candidates_are_published() {
        assert_eq!(crowd(0..6), Crowd::Large);
        assert_eq!(crowd([0, 1, 10, 11]), Crowd::Large);
        assert_eq!(crowd([0, 1, 10, 11, 12]), Crowd::Small);
        assert_eq!(crowd(10..16), Crowd::Small);
        assert_eq!(crowd([]), Crowd::Small);
    }

    #[test]
    fn a_network_of_ones_own_under_a_published_name_stays_small() {
        let rig = (10..16).map(|it| Mailserver {
            id: mailserver(it - 10).id,
            fleet: mailserver(0).fleet,
            ..mailserver(it)
        });
        let rig: Vec<Mailserver> = rig.collect();
        assert_eq!(auto().crowd(&rig), Crowd::Small);
    }

    #[test]
    fn a_discovered_peer_counts_only_if_it_is_published() {
        let peer = |it| Mailserver {
            origin: Origin::Peer,
            ..mailserver(it)
        };
        let fleet = (0..2).map(mailserver);
        let beside: Vec<Mailserver> = fleet.chain((10..20).map(peer)).collect();
        assert_eq!(auto().crowd(&beside), Crowd::Large);
        let strangers: Vec<Mailserver> = (10..20).map(peer).collect();
        assert_eq!(auto().crowd(&strangers), Crowd::Small);
        let published: Vec<Mailserver> = (0..2).map(peer).collect();
        assert_eq!(auto().crowd(&published), Crowd::Large);
    }

    #[test]
    fn what_the_user_says_goes_before_what_the_candidates_tell() {
        let unasked = || unreachable!("the list is not needed");
        let large = CrowdSetting::Large.rule(unasked);
        let small = CrowdSetting::Small.rule(unasked);
        assert_eq!(large.crowd(&[mailserver(10)]), Crowd::Large);
        assert_eq!(small.crowd(&[mailserver(0)]), Crowd::Small);
        assert_eq!(CrowdRule::default().crowd(&[mailserver(0)]), Crowd::Small);
    }
}
