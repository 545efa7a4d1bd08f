//! Candidates from the node's own peers: those that say that they speak a store protocol.
//!
//! A published fleet is vouched for by its publisher; any peer can claim to keep history. So these come after everyone
//! else, are few, and are used at all only where no fleet is published, or where somebody wants it. They come and
//! go with the node's connections, but a list that changes with each of them would be of no use: one that left stays a
//! candidate for a while, because it may come back.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Instant,
    model::{
        address::Address,
        mailserver::{Identity, Mailserver, Origin},
        node::StorePeer,
    },
};

/// The most peers that are candidates at a time: each costs a probe per round.
pub const MOST_DISCOVERED: usize = 32;

/// For how long one stays a candidate that the node does not list any more.
pub const KEPT: Duration = Duration::from_secs(600);

/// Whether the node's own peers may be chosen. Only in the modes `waku2` and `observe`: a pin must name a mailserver
/// that the node has built in (recorded on status-go 2024-10: another id is accepted and ignored), and a node
/// of waku v1 does not say what its peers can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Discover {
    /// If the fleet file has no mailserver that a node of this fleet could use: a custom network. Any peer can claim
    /// to keep history, so that the mailservers of a published fleet are to be trusted more.
    #[default]
    Auto,
    /// Beside the fleet.
    On,
    /// Never.
    Off,
}

/// The peers that say that they keep history, listed now or a while ago.
#[derive(Debug, Default)]
pub(crate) struct Discovered(BTreeMap<Identity, Sighting>);

#[derive(Debug)]
struct Sighting {
    address: Address,
    last: Instant,
}

impl Discovered {
    /// Takes over what the node lists now; whether anything came, moved or went.
    pub(crate) fn handle_stores(&mut self, listed: Vec<StorePeer>, now: Instant) -> bool {
        let mut changed = false;
        let mut strangers = Vec::new();
        for peer in listed {
            match self.0.get_mut(&peer.identity) {
                Some(known) => changed |= known.see(peer.address, now),
                None => strangers.push(peer),
            }
        }
        let before = self.0.len();
        self.0
            .retain(|_, it| now.saturating_duration_since(it.last) < KEPT);
        changed |= self.0.len() < before;
        for StorePeer { identity, address } in strangers {
            if self.make_room(now) {
                changed = true;
                self.0.insert(identity, Sighting { address, last: now });
            }
        }
        changed
    }

    /// Whether there is a place: if need be, that of the one that left the longest ago. Nobody who is there now has to
    /// go for another one.
    fn make_room(&mut self, now: Instant) -> bool {
        if self.0.len() < MOST_DISCOVERED {
            return true;
        }
        let left = self.0.iter().filter(|(_, it)| it.last < now);
        let oldest = left.min_by_key(|(_, it)| it.last).map(|(id, _)| id.clone());
        oldest.is_some_and(|identity| self.0.remove(&identity).is_some())
    }

    /// Forgets all of them: the node is of another network now.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// All of them as mailservers of a fleet, in the order of their identities: that of their arrival would
    /// change the list whenever one comes back.
    pub(crate) fn mailservers(&self, fleet: &str) -> impl Iterator<Item = Mailserver> {
        self.0.iter().map(move |(identity, it)| Mailserver {
            identity: identity.clone(),
            id: identity.to_string(),
            name: identity.to_string(),
            address: it.address.clone(),
            fleet: fleet.to_owned(),
            origin: Origin::Peer,
        })
    }
}

impl Sighting {
    /// Whether it moved. That the node lists no address of it now is no news.
    fn see(&mut self, address: Address, now: Instant) -> bool {
        self.last = now;
        let moved = address != self.address && !address.endpoints().is_empty();
        if moved {
            self.address = address;
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{PEER_IDS, mailserver};

    fn at(index: usize) -> StorePeer {
        let it = mailserver(index);
        StorePeer {
            identity: it.identity,
            address: it.address,
        }
    }

    /// More peers than there are real ids at hand.
    fn stranger(number: usize) -> StorePeer {
        StorePeer {
            identity: Identity::new(format!("stranger-{number:03}")),
            address: mailserver(0).address,
        }
    }

    fn ids(discovered: &Discovered) -> Vec<String> {
        discovered.mailservers("test").map(|it| it.id).collect()
    }

    #[test]
    fn the_same_list_again_is_no_news_in_whatever_order() {
        let (mut discovered, now) = (Discovered::default(), Instant::now());
        assert!(discovered.handle_stores(vec![at(0), at(1)], now));
        let first = ids(&discovered);
        for seconds in 1..100 {
            let now = now + Duration::from_secs(5 * seconds);
            assert!(!discovered.handle_stores(vec![at(1), at(0)], now));
        }
        assert_eq!(ids(&discovered), first);
    }

    #[test]
    fn one_that_left_stays_for_ten_minutes() {
        let (mut discovered, begun) = (Discovered::default(), Instant::now());
        discovered.handle_stores(vec![at(0), at(1)], begun);
        let almost = begun + KEPT - Duration::from_millis(1);
        assert!(!discovered.handle_stores(vec![at(0)], almost));
        assert_eq!(ids(&discovered).len(), 2);
        assert!(discovered.handle_stores(vec![at(0)], begun + KEPT));
        assert_eq!(ids(&discovered), [PEER_IDS[0]]);
        // It comes back after a long silence of the node: that counts, not the time it was away.
        let later = begun + 10 * KEPT;
        assert!(!discovered.handle_stores(vec![at(0)], later));
    }

    #[test]
    fn one_that_moved_is_told_once_and_a_missing_address_is_no_move() {
        let (mut discovered, now) = (Discovered::default(), Instant::now());
        let bare = || StorePeer {
            address: Address::of_peer(PEER_IDS[0]).unwrap(),
            ..at(0)
        };
        assert!(discovered.handle_stores(vec![bare()], now));
        assert!(discovered.handle_stores(vec![at(0)], now), "now known");
        assert!(!discovered.handle_stores(vec![bare()], now));
        let address = |it: &Discovered| it.mailservers("test").next().unwrap().address;
        assert_eq!(address(&discovered), at(0).address);
    }

    #[test]
    fn there_is_an_end_to_them_and_only_those_that_left_make_room() {
        let (mut discovered, begun) = (Discovered::default(), Instant::now());
        let all: Vec<_> = (0..MOST_DISCOVERED).map(stranger).collect();
        discovered.handle_stores(all.clone(), begun);
        let full = ids(&discovered);
        let next = |seconds| begun + Duration::from_secs(seconds);
        let late = || stranger(MOST_DISCOVERED);
        let more = [all.clone(), vec![late()]].concat();
        assert!(!discovered.handle_stores(more, next(5)));
        assert_eq!(ids(&discovered), full);

        // Number 0 left before number 1.
        discovered.handle_stores(all[1..].to_vec(), next(10));
        let rest = [all[2..].to_vec(), vec![late()]].concat();
        assert!(discovered.handle_stores(rest, next(15)));
        let now = ids(&discovered);
        assert_eq!(now.len(), MOST_DISCOVERED);
        assert!(!now.contains(&full[0]) && now.contains(&full[1]), "{now:?}");
    }
}
