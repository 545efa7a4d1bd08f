//! How one is connected: the state of the loop. Its diagram is in [`cycle`](super::cycle).

use std::collections::BTreeSet;

use crate::{
    Instant,
    messages::{connection::Active, selection::Decision},
    model::{
        mailserver::{Identity, Mailserver},
        record::Cause,
    },
};

/// The states of the loop. At most one mailserver is active in each of them.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Nothing is active.
    Idle,
    /// The node is away: what was active is gone on with if the node still lists it when it is back.
    Suspended {
        /// What was active.
        resume: Identity,
    },
    /// A selection is under way, with nothing active.
    Selecting(Asked),
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
    /// The active mailserver cannot be used and stays the active one: whether anybody answers tells whether it is
    /// lost, or we are offline.
    Held(Held, Inquiry),
}

/// A selection that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Its number.
    pub(crate) round: u64,
    /// When it is given up.
    pub(crate) until: Instant,
}

/// How far it is known whose fault it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Inquiry {
    /// A ping round is under way.
    Asked(Asked),
    /// Others answered, which settled the choice; it may answer yet, and would be wanted back: the whole round will tell.
    Overtaken {
        /// When the rest is given up.
        until: Instant,
        /// The choice.
        decision: Decision,
    },
    /// Nobody answered: it is we who are offline.
    Unanswered,
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
    /// Others, of whom one must react like the living before this one is left; empty where any answer will do.
    pub(crate) witnesses: BTreeSet<Identity>,
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
            Self::Idle | Self::Suspended { .. } | Self::Selecting(_) => None,
            Self::Held(held, _) => Some(&held.mailserver),
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
            Self::Idle | Self::Suspended { .. } | Self::Selecting(_) | Self::Held(..) => None,
        }
    }

    /// The mailserver that it is about, for the log.
    pub(crate) fn concerns(&self) -> Option<&Mailserver> {
        self.in_use().or_else(|| self.active())
    }

    /// The mailserver that is connected.
    pub(crate) fn connected(&self) -> Option<&Mailserver> {
        match self {
            Self::Connected { mailserver, .. } => Some(mailserver),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Suspended { .. } => "suspended",
            Self::Selecting(_) => "selecting",
            Self::Waiting { .. } => "waiting",
            Self::Connecting { .. } => "connecting",
            Self::Connected { .. } => "connected",
            Self::Held(..) => "held",
        }
    }

    /// When the loop has to act, whatever happens: one that has passed meanwhile is due now.
    pub(crate) fn limit(&self) -> Option<Instant> {
        match self {
            Self::Connecting { refresh_at, .. } => Some(*refresh_at),
            Self::Waiting { until, .. }
            | Self::Selecting(Asked { until, .. })
            | Self::Held(
                _,
                Inquiry::Asked(Asked { until, .. }) | Inquiry::Overtaken { until, .. },
            ) => Some(*until),
            Self::Idle
            | Self::Suspended { .. }
            | Self::Connected { .. }
            | Self::Held(_, Inquiry::Unanswered) => None,
        }
    }

    /// Whether the decision of this round is waited for.
    pub(crate) fn awaits(&self, number: u64) -> bool {
        match self {
            Self::Selecting(asked) | Self::Held(_, Inquiry::Asked(asked)) => asked.round == number,
            _ => false,
        }
    }

    /// Whether the answer to this call is waited for.
    pub(crate) fn is_attempt(&self, number: u64) -> bool {
        matches!(self, Self::Connecting { attempt, .. } if *attempt == number)
    }

    /// The active mailserver with its state, for people.
    pub(crate) fn status(&self, now: Instant) -> Option<Active> {
        let (state, since) = match self {
            Self::Idle | Self::Suspended { .. } | Self::Selecting(_) => return None,
            // The node lists one that is only silent.
            Self::Held(held, Inquiry::Asked(_) | Inquiry::Overtaken { .. })
                if held.cause == Cause::Probe && !held.excused =>
            {
                ("connected", held.since)
            }
            Self::Held(held, _) => ("disconnected", held.since),
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
