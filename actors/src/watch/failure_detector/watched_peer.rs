//! One mailserver that is watched: in which role, and what is waited for.

use std::time::Duration;

use crate::{Instant, model::mailserver::Mailserver};

/// A new active mailserver is probed after this, not after a whole interval: only then is there a connection whose
/// end tells at once that it was killed. Not sooner: the node has just dialled it.
const FIRST: Duration = Duration::from_millis(200);

/// The standby is probed once in so many intervals.
pub(super) const RARELY: u32 = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Active,
    Standby,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Watching {
    /// For the next probe.
    Waiting { until: Instant },
    /// For the answer to this one.
    Probing {
        round: u64,
        sent: Instant,
        until: Instant,
    },
    /// Lost, or not to be probed: until it is named again.
    Resting,
}

/// One that is watched.
#[derive(Debug)]
pub(super) struct WatchedPeer {
    pub(super) mailserver: Mailserver,
    pub(super) role: Role,
    pub(super) stage: Watching,
    /// In a row.
    pub(super) misses: u32,
    /// When it was last probed because its connection had ended.
    pub(super) alarmed: Option<Instant>,
    /// That it cannot be probed was logged.
    pub(super) told: bool,
}

impl WatchedPeer {
    pub(super) fn new(
        mailserver: Mailserver,
        role: Role,
        interval: Duration,
        now: Instant,
    ) -> Self {
        let mut peer = Self {
            mailserver,
            role,
            stage: Watching::Resting,
            misses: 0,
            alarmed: None,
            told: false,
        };
        peer.begin(interval, now);
        peer
    }

    pub(super) fn begin(&mut self, interval: Duration, now: Instant) {
        self.misses = 0;
        self.alarmed = None;
        let until = now
            + match self.role {
                Role::Active => FIRST.min(interval),
                Role::Standby => interval * RARELY,
            };
        self.stage = Watching::Waiting { until };
    }

    /// The same in the same role: nothing changes, but one that rested is watched again.
    pub(super) fn named_again(
        mut self,
        mailserver: Mailserver,
        role: Role,
        interval: Duration,
        now: Instant,
    ) -> Self {
        let changed = std::mem::replace(&mut self.role, role) != role;
        self.mailserver = mailserver;
        match self.stage {
            // Its answer is worth as much as before.
            Watching::Probing { .. } => {}
            Watching::Waiting { .. } if !changed => {}
            Watching::Waiting { .. } | Watching::Resting => self.begin(interval, now),
        }
        self
    }
}

impl Watching {
    pub(super) fn until(self) -> Option<Instant> {
        match self {
            Self::Waiting { until } | Self::Probing { until, .. } => Some(until),
            Self::Resting => None,
        }
    }
}
