//! Where the loop stands.

use crate::{
    Instant,
    messages::connection::Active,
    model::{mailserver::Mailserver, record::Cause},
};

/// The states of the loop. At most one mailserver is active in each of them.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Nothing is active.
    Idle,
    /// A selection is under way.
    Selecting {
        /// When it is given up.
        until: Instant,
        /// The active mailserver, which may be lost: whether anybody answers tells whether it is that, or us.
        held: Option<Held>,
    },
    /// Somebody is to be dialled, in a moment: others do the same.
    Waiting {
        /// Whom.
        mailserver: Mailserver,
        /// Whether it is active already.
        announced: Announced,
        /// Why it was chosen, for people.
        reason: String,
        /// Until when.
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
        /// A connection proves that it works: it answered a probe, or is dialled now.
        proves: bool,
    },
    /// In use.
    Connected {
        /// Who.
        mailserver: Mailserver,
        /// Since when.
        since: Instant,
    },
    /// We are offline: the active mailserver stays the active one.
    Held(Held),
}

/// An active mailserver that cannot be used, while it is not known whose fault that is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    /// Who.
    pub(crate) mailserver: Mailserver,
    /// Since when it was connected.
    pub(crate) since: Instant,
    /// What it would be blamed for.
    pub(crate) cause: Cause,
    /// What happened, for people.
    pub(crate) reason: String,
    /// Nobody else answered either: it is not to blame.
    pub(crate) excused: bool,
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
    /// It was never anything else: it is connected again.
    Still(Held),
}

impl Phase {
    /// The active mailserver, connected or still connecting.
    pub(crate) fn active(&self) -> Option<&Mailserver> {
        match self {
            Self::Idle => None,
            Self::Selecting { held, .. } => held.as_ref().map(|held| &held.mailserver),
            Self::Held(held) => Some(&held.mailserver),
            Self::Waiting { announced, .. } => announced.stays(),
            Self::Connecting {
                announced: Announced::Now,
                mailserver,
                ..
            }
            | Self::Connected { mailserver, .. } => Some(mailserver),
            Self::Connecting { announced, .. } => announced.stays(),
        }
    }

    /// What the node uses or is about to use.
    pub(crate) fn in_use(&self) -> Option<&Mailserver> {
        match self {
            Self::Waiting { mailserver, .. }
            | Self::Connecting { mailserver, .. }
            | Self::Connected { mailserver, .. } => Some(mailserver),
            Self::Idle | Self::Selecting { .. } | Self::Held(_) => None,
        }
    }

    /// The mailserver that is connected.
    pub(crate) fn connected(&self) -> Option<&Mailserver> {
        match self {
            Self::Connected { mailserver, .. } => Some(mailserver),
            _ => None,
        }
    }

    /// The active mailserver with its state, for people.
    pub(crate) fn status(&self, now: Instant) -> Option<Active> {
        let (state, since) = match self {
            Self::Idle => return None,
            // The node lists one that is only silent.
            Self::Selecting { held, .. } => match held.as_ref()? {
                held if held.cause == Cause::Probe && !held.excused => ("connected", held.since),
                held => ("disconnected", held.since),
            },
            Self::Held(held) => ("disconnected", held.since),
            Self::Waiting {
                announced: Announced::Still(held),
                ..
            } => ("disconnected", held.since),
            Self::Connecting {
                announced: Announced::Now | Announced::Still(_),
                since,
                ..
            } => ("connecting", *since),
            Self::Waiting { until, .. } => ("connected", *until),
            Self::Connecting { since, .. } | Self::Connected { since, .. } => ("connected", *since),
        };
        Some(Active {
            mailserver: self.active()?.clone(),
            state,
            since_ms: now.saturating_duration_since(since).as_millis() as u64,
        })
    }
}

impl Announced {
    /// Who is active until the connection is made, where that is not the one to be connected.
    fn stays(&self) -> Option<&Mailserver> {
        match self {
            Self::Now => None,
            Self::OnceConnected { stays } => stays.as_ref(),
            Self::Still(held) => Some(&held.mailserver),
        }
    }
}
