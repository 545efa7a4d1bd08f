//! Who can be asked, and what the requester and the connector were told last.

use crate::{
    Instant,
    messages::{history::Source, journal::Owe},
    model::{mailserver::Identity, moment::Moment},
};

/// Who can be asked, and what was said.
#[derive(Debug, Default)]
pub(super) struct Steering {
    /// Whom the node asks.
    pub(super) source: Option<Source>,
    /// The requester owes a request that goes back so far; `Some(None)`: one that goes on from where the node was.
    pub(super) owed: Option<Option<Moment>>,
    /// When the last request began.
    pub(super) began: Option<Instant>,
    /// When the requester tries again.
    pub(super) retry: Option<Instant>,
    /// How often a mailserver was preferred in vain, and when that is done again.
    pub(super) preferred: u32,
    pub(super) prefer_at: Option<Instant>,
}

impl Steering {
    /// After a panic nobody knows what was said.
    pub(super) fn forget(&mut self) {
        self.owed = None;
        self.retry = None;
        self.prefer_anew();
    }

    /// The mailserver that was asked gave what was wanted from it: the next one is wanted at once.
    pub(super) fn prefer_anew(&mut self) {
        self.preferred = 0;
        self.prefer_at = None;
    }

    /// The mailserver that the node asks, where that is known.
    pub(super) fn active(&self) -> Option<&Identity> {
        Some(&self.source.as_ref()?.mailserver()?.identity)
    }

    /// The requester owes a request that goes back at least so far, and as far as it was told before.
    pub(super) fn owe(&mut self, since: Option<Moment>, at_once: bool) -> Owe {
        let since = since.into_iter().chain(self.owed.flatten()).min();
        self.owed = Some(since);
        Owe { since, at_once }
    }

    /// Whether the requester has it in hand.
    pub(super) fn has_in_hand(&self, since: Option<Moment>) -> bool {
        match (self.owed, since) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(owed), Some(since)) => owed.is_some_and(|owed| owed <= since),
        }
    }
}
