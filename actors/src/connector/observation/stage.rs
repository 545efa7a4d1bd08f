//! How far it is known whether history can be fetched. Its diagram is in [`observation`](super).

use crate::{Instant, messages::selection::Decision, model::mailserver::Mailserver};

/// How far it is known whether history can be fetched.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nothing is found out now.
    Resting,
    /// All are being pinged.
    Looking(Look),
    /// Nobody answered: all are pinged again later.
    Unanswered,
    /// One answers, and the node, which has no peer, was told to dial it.
    Dialling { mailserver: Mailserver, number: u64 },
    /// One answers, and the node has no peer.
    Stranded { why: String },
    /// One answers, and the node is online.
    Reached {
        mailserver: Mailserver,
        since: Instant,
    },
    /// It was silent: all are being pinged.
    Doubted {
        mailserver: Mailserver,
        since: Instant,
        look: Look,
    },
}

/// A ping round.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) round: u64,
    /// When it is given up: the selector was restarted.
    pub(super) until: Instant,
    /// Its decision, while the whole round is waited for: it tells how many are back.
    pub(super) decided: Option<Decision>,
}

impl Stage {
    /// Who is reached.
    pub(super) fn reached(&self) -> Option<&Mailserver> {
        match self {
            Self::Reached { mailserver, .. } | Self::Doubted { mailserver, .. } => Some(mailserver),
            _ => None,
        }
    }

    /// The round that is under way.
    pub(super) fn look(&mut self) -> Option<&mut Look> {
        match self {
            Self::Looking(look) | Self::Doubted { look, .. } => Some(look),
            _ => None,
        }
    }
}
