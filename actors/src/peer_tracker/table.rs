//! The table of peers, without I/O: lists in, changes out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    Instant,
    messages::{
        node::PeerSnapshot,
        peers::{PeerState, PeerTable},
    },
    model::{
        mailserver::{Identity, Mailserver},
        node::Connectedness,
    },
};

/// For how long a dial that succeeded outweighs a list that does not have the peer. Recorded: the
/// signal follows the dial by 1–8 ms.
pub const TRUST: Duration = Duration::from_secs(1);

/// Which mailservers there are, and which of them are peers.
#[derive(Debug, Default)]
pub(super) struct Table {
    known: BTreeMap<Identity, (Mailserver, PeerState)>,
    listed: BTreeSet<Identity>,
    trusted: BTreeMap<Identity, Trust>,
    online: Option<bool>,
}

/// A peer that counts as connected although it may not be listed yet.
#[derive(Debug)]
struct Trust {
    until: Instant,
    /// A list without it was seen: the next one decides.
    doubted: bool,
}

/// A mailserver whose state changed.
pub(super) type Change = (Mailserver, PeerState);

impl Table {
    pub(super) fn handle_candidates(&mut self, candidates: Vec<Mailserver>) -> Vec<Change> {
        let mut before = std::mem::take(&mut self.known);
        for mailserver in candidates {
            let state = before.remove(&mailserver.identity);
            let state = state.map_or(PeerState::Disconnected, |(_, state)| state);
            let identity = mailserver.identity.clone();
            self.known.insert(identity, (mailserver, state));
        }
        self.trusted.retain(|it, _| self.known.contains_key(it));
        self.compare(None)
    }

    pub(super) fn handle_snapshot(&mut self, snapshot: PeerSnapshot, now: Instant) -> Vec<Change> {
        self.listed = snapshot.peers;
        self.online = snapshot.online.or(self.online);
        let listed = &self.listed;
        // A list that has the peer was written after the dial: from then on the node is believed at once.
        self.trusted.retain(|it, trust| {
            !listed.contains(it) && !std::mem::replace(&mut trust.doubted, true)
        });
        self.compare(Some(now))
    }

    /// The node says whether it is connected.
    pub(super) fn handle_connectedness(&mut self, said: Connectedness) {
        self.online = Some(said.is_online());
    }

    pub(super) fn handle_mark(
        &mut self,
        identity: &Identity,
        state: PeerState,
        now: Instant,
    ) -> Vec<Change> {
        match state {
            // The list was faster than the answer to the dial: nothing has to be taken on trust.
            PeerState::Connected if self.listed.contains(identity) => {}
            PeerState::Connected => {
                let trust = Trust {
                    until: now + TRUST,
                    doubted: false,
                };
                self.trusted.insert(identity.clone(), trust);
                self.listed.insert(identity.clone());
            }
            PeerState::Disconnected => {
                self.trusted.remove(identity);
                self.listed.remove(identity);
            }
        }
        self.compare(Some(now))
    }

    /// Whether a peer is held for connected only because it was dialled a moment ago.
    pub(super) fn doubtful(&self) -> bool {
        self.trusted.values().any(|trust| trust.doubted)
    }

    /// Whether the node lists no peer at all.
    pub(super) fn is_alone(&self) -> bool {
        self.listed.is_empty()
    }

    /// The mailservers that are peers.
    pub(super) fn connected(&self) -> impl Iterator<Item = &Identity> {
        let known = self.known.iter();
        known.filter_map(|(it, (_, state))| (*state == PeerState::Connected).then_some(it))
    }

    /// The whole table.
    pub(super) fn peers(&self) -> PeerTable {
        let states = self.known.iter();
        PeerTable {
            states: states
                .map(|(it, (_, state))| (it.clone(), *state))
                .collect(),
            online: self.online,
            peers: self.listed.len(),
        }
    }

    fn compare(&mut self, now: Option<Instant>) -> Vec<Change> {
        if let Some(now) = now {
            self.trusted.retain(|_, trust| now < trust.until);
        }
        let mut changes = Vec::new();
        for (identity, (mailserver, state)) in &mut self.known {
            let connected = self.listed.contains(identity) || self.trusted.contains_key(identity);
            let now_is = match connected {
                true => PeerState::Connected,
                false => PeerState::Disconnected,
            };
            if *state != now_is {
                *state = now_is;
                changes.push((mailserver.clone(), now_is));
            }
        }
        changes
    }
}
