//! Why messages may be missed at this moment, and since when.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    moment::Moment,
    node::{Connectedness, NodeState},
    verdict::Verdict,
    window::Reason,
};

/// What shows that messages may be missed. What one of them shows another one does not take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    /// Nobody watched.
    SidecarAway,
    /// The node cannot be driven.
    NodeAway,
    /// Our own verdict.
    Offline,
    /// We slept.
    Asleep,
    /// The node lists no peer.
    Alone,
    /// The node says that it has none.
    Disconnected,
    /// The node says that its peers pass nothing on reliably.
    PoorMesh,
    /// There is no mailserver to be asked.
    NoMailserver,
}

impl Sign {
    fn reason(self) -> Reason {
        match self {
            Self::SidecarAway => Reason::SidecarAway,
            Self::NodeAway => Reason::NodeAway,
            Self::Offline | Self::Alone | Self::Disconnected => Reason::NodeOffline,
            Self::Asleep => Reason::Asleep,
            Self::PoorMesh => Reason::PoorMesh,
            Self::NoMailserver => Reason::MailserverChanged,
        }
    }
}

/// The signs that are seen now.
#[derive(Debug, Default)]
pub(super) struct Exposure {
    since: BTreeMap<Sign, Moment>,
    /// Those of which the windows do not know yet.
    new: BTreeSet<Sign>,
    /// Something speaks against our being online since then: if it turns out to be true, it was so from there on.
    suspect: Option<Moment>,
}

impl Exposure {
    /// The sidecar was not running since then: true until a mailserver is available.
    pub(super) fn sidecar_was_away(&mut self, since: Moment) {
        self.begin(Sign::SidecarAway, since);
    }

    /// The reasons that came to hold since this was asked last, each with its begin.
    pub(super) fn take_new(&mut self) -> Vec<(Reason, Moment)> {
        let new = std::mem::take(&mut self.new).into_iter();
        let begun = new.filter_map(|sign| Some((sign.reason(), *self.since.get(&sign)?)));
        begun.collect()
    }

    /// Whether messages may be missed now.
    pub(super) fn is_exposed(&self) -> bool {
        !self.since.is_empty()
    }

    pub(super) fn handle_node(&mut self, state: &NodeState, now: Moment) {
        match state {
            NodeState::Ready { .. } => self.end(Sign::NodeAway),
            NodeState::LoggedOut | NodeState::Unreachable { .. } => {
                self.begin(Sign::NodeAway, now);
                // What it said before its end holds no longer.
                self.end(Sign::PoorMesh);
                self.end(Sign::Disconnected);
            }
        }
    }

    /// `slept_from`: the last sign of the clocks before they jumped.
    pub(super) fn handle_verdict(&mut self, verdict: Verdict, slept_from: Moment, now: Moment) {
        match verdict {
            Verdict::Online => {
                self.suspect = None;
                self.end(Sign::Offline);
                self.end(Sign::Asleep);
            }
            Verdict::Suspect => self.suspect = self.suspect.or(Some(now)),
            Verdict::Offline => {
                let since = self.suspect.unwrap_or(now);
                self.begin(Sign::Offline, since);
            }
            Verdict::Asleep => self.begin(Sign::Asleep, slept_from),
        }
    }

    /// Whether the node lists no peer at all.
    pub(super) fn handle_alone(&mut self, alone: bool, now: Moment) {
        match alone {
            true => self.begin(Sign::Alone, now),
            false => self.end(Sign::Alone),
        }
    }

    pub(super) fn handle_connectedness(&mut self, said: Connectedness, now: Moment) {
        match said {
            Connectedness::Disconnected => {
                // Who is reached after that is another mesh.
                self.end(Sign::PoorMesh);
                self.begin(Sign::Disconnected, now);
            }
            Connectedness::PartiallyConnected => {
                self.end(Sign::Disconnected);
                self.begin(Sign::PoorMesh, now);
            }
            Connectedness::Connected => {
                self.end(Sign::Disconnected);
                self.end(Sign::PoorMesh);
            }
        }
    }

    /// No mailserver can be asked any more.
    pub(super) fn handle_gone(&mut self, now: Moment) {
        self.begin(Sign::NoMailserver, now);
    }

    /// A mailserver is connected: so the node is up, awake and online, whatever else is known by now.
    pub(super) fn handle_available(&mut self) {
        let poor = self.since.remove_entry(&Sign::PoorMesh);
        self.since.clear();
        self.since.extend(poor);
        self.suspect = None;
    }

    fn begin(&mut self, sign: Sign, since: Moment) {
        let known = self.since.get(&sign);
        if known.is_none_or(|known| since < *known) {
            self.since.insert(sign, since);
            self.new.insert(sign);
        }
    }

    fn end(&mut self, sign: Sign) {
        self.since.remove(&sign);
    }
}

/// What a node that picks its mailservers says of its connection: while all is well, it moves its markers forward by itself.
/// What it knows to have missed it fetches first.
#[derive(Debug, Default)]
pub(super) struct Word {
    well: bool,
    owes: bool,
}

impl Word {
    pub(super) fn say(&mut self, said: Connectedness) {
        self.well = said == Connectedness::Connected;
        self.owes |= !self.well;
    }

    /// A fetch was completed.
    pub(super) fn fetched(&mut self) {
        self.owes = false;
    }

    /// Whether it moves its markers.
    pub(super) fn moves_markers(&self) -> bool {
        self.well && !self.owes
    }
}
