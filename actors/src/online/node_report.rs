//! The node's report: what its lists of peers say about the network.
//!
//! A list is weak evidence. A node goes on listing peers that are dead for 14–32 s (recorded on v0.94), and its
//! signals come every 5 s whatever the network does. What counts is what changes: a peer that was not listed
//! before can only have been connected now.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    Instant,
    messages::node::PeerSnapshot,
    model::{mailserver::Identity, node::Connectedness},
};

/// Nodes with a heartbeat say every 5 s whether they are online (recorded on 2024-10): three times it is missing.
const SILENCE: Duration = Duration::from_secs(15);

/// How often a node that stays without peers is doubted again: it may stay so for minutes after the network is
/// back (recorded on 2024-10), so that its word alone is not worth a probe every 5 s.
const AGAIN: Duration = Duration::from_secs(30);

/// So many statements without news are a heartbeat; one may be a change that the list does not show.
const HEARTBEAT: u8 = 2;

/// The node's word against the network.
const SAYS_OFFLINE: &str = "the node says that it is offline";

/// What is remembered of the node's lists.
#[derive(Debug, Default)]
pub(super) struct NodeReport {
    /// `None` before the first one.
    listed: Option<BTreeSet<Identity>>,
    online: Option<bool>,
    /// What the node says of its connection, where it says so apart from its lists.
    said: Option<Connectedness>,
    /// When the node was doubted for what it still says.
    doubted: Option<Instant>,
    /// How often in a row it said again what was known: v0.94 speaks at changes only, and nodes since mid-2026 have no
    /// heartbeat either, so that their silence says nothing.
    beats: u8,
    /// When it will have been silent for too long.
    due: Option<Instant>,
}

impl NodeReport {
    /// The node lists these peers now. Why that proves that we are online, if it does.
    pub(super) fn hear(&mut self, snapshot: PeerSnapshot, now: Instant) -> Option<&'static str> {
        // Lists that are asked for come at any pace, and say nothing of being online.
        if snapshot.online.is_some() {
            let again =
                self.online == snapshot.online && self.listed.as_ref() == Some(&snapshot.peers);
            self.beats = match again {
                true => self.beats.saturating_add(1),
                false if self.beats < HEARTBEAT => 0,
                false => self.beats,
            };
        }
        let expected = snapshot.online.is_some() || self.due.is_some();
        self.due = (expected && self.beats >= HEARTBEAT).then(|| now + SILENCE);
        let turned_on = self.online == Some(false) && snapshot.online == Some(true);
        self.online = snapshot.online.or(self.online);
        let before = self.listed.replace(snapshot.peers);
        if self.against().is_none() {
            self.doubted = None;
        }
        let found = (before.zip(self.listed.as_ref()))
            .is_some_and(|(before, listed)| !listed.is_subset(&before));
        match found {
            true => Some("the node found a peer"),
            false => turned_on.then_some("the node says that it is online"),
        }
    }

    /// The node says how well it is connected. Why that proves that we are online, if it does.
    pub(super) fn hear_connectedness(&mut self, said: Connectedness) -> Option<&'static str> {
        let before = self.said.replace(said);
        if self.against().is_none() {
            self.doubted = None;
        }
        let turned_on = before == Some(Connectedness::Disconnected) && said.is_online();
        turned_on.then_some("the node says that it is online")
    }

    /// Whether the last list has it.
    pub(super) fn lists(&self, identity: &Identity) -> bool {
        (self.listed.as_ref()).is_some_and(|listed| listed.contains(identity))
    }

    /// Why the last list speaks against the network, if that was not said a short while ago.
    pub(super) fn complain(&mut self, now: Instant) -> Option<&'static str> {
        let reason = self.against()?;
        let lately = |at: Instant| now.saturating_duration_since(at) < AGAIN;
        if self.doubted.is_some_and(lately) {
            return None;
        }
        self.doubted = Some(now);
        Some(reason)
    }

    /// The node taken at its word: whether it has a network; `None` if it gave none.
    pub(super) fn says(&self) -> Option<bool> {
        let word = self.said.is_some() || self.listed.is_some();
        word.then(|| self.against().is_none())
    }

    /// When the node will have been silent for too long.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it has been silent for too long; said once for each silence.
    pub(super) fn fell_silent(&mut self, now: Instant) -> bool {
        let silent = self.due.is_some_and(|due| now >= due);
        if silent {
            self.due = None;
        }
        silent
    }

    /// What was heard before holds no more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    fn against(&self) -> Option<&'static str> {
        // Said at every change, while lists are only asked for now and then; some builds never list anybody.
        match self.said {
            Some(Connectedness::Disconnected) => return Some(SAYS_OFFLINE),
            Some(_) => return None,
            None => {}
        }
        let listed = self.listed.as_ref()?;
        if listed.is_empty() {
            return Some("the node lists no peer");
        }
        (self.online == Some(false)).then_some(SAYS_OFFLINE)
    }
}
