//! Where the loop stands.

use crate::{Instant, connector::Active, mailserver::Mailserver};

/// The states of the loop. At most one mailserver is active in each of them.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Nothing is active.
    Idle,
    /// A selection is under way.
    Selecting {
        /// When it is given up.
        until: Instant,
    },
    /// The node was told to connect.
    Connecting {
        /// To whom.
        mailserver: Mailserver,
        /// The number of the call.
        attempt: u64,
        /// Since when.
        since: Instant,
        /// When the node is asked for its peers next.
        refresh_at: Instant,
        /// Whether it is active already.
        announced: Announced,
    },
    /// In use.
    Connected {
        /// Who.
        mailserver: Mailserver,
        /// Since when.
        since: Instant,
    },
}

/// When a mailserver that is being connected becomes the active one.
#[derive(Debug, PartialEq)]
pub(crate) enum Announced {
    /// At once.
    Now,
    /// When the connection is made: for a pin that failed before, so that tries are no news.
    OnceConnected {
        /// Who stays active until then.
        stays: Option<Mailserver>,
    },
}

impl Phase {
    /// The active mailserver, connected or still connecting.
    pub(crate) fn active(&self) -> Option<&Mailserver> {
        match self {
            Self::Idle | Self::Selecting { .. } => None,
            Self::Connecting {
                announced: Announced::OnceConnected { stays },
                ..
            } => stays.as_ref(),
            Self::Connecting { mailserver, .. } | Self::Connected { mailserver, .. } => {
                Some(mailserver)
            }
        }
    }

    /// What the node uses or is about to use.
    pub(crate) fn in_use(&self) -> Option<&Mailserver> {
        match self {
            Self::Connecting { mailserver, .. } | Self::Connected { mailserver, .. } => {
                Some(mailserver)
            }
            Self::Idle | Self::Selecting { .. } => None,
        }
    }

    /// The active mailserver with its state, for people.
    pub(crate) fn status(&self, now: Instant) -> Option<Active> {
        let (state, since) = match self {
            Self::Idle | Self::Selecting { .. } => return None,
            Self::Connecting {
                announced: Announced::Now,
                since,
                ..
            } => ("connecting", since),
            Self::Connecting { since, .. } | Self::Connected { since, .. } => ("connected", since),
        };
        Some(Active {
            mailserver: self.active()?.clone(),
            state,
            since_ms: now.saturating_duration_since(*since).as_millis() as u64,
        })
    }
}
