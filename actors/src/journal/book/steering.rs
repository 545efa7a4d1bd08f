//! What is asked for next, and when: the requester is told what it owes, the connector from whom it is wanted.

use std::time::Duration;

use super::{Book, Command};
use crate::{
    Instant,
    messages::{history::Source, journal::Prefer},
    model::{
        backoff::Backoff,
        mailserver::Mailserver,
        moment::Moment,
        window::{Reason, Window},
    },
};

use super::super::requests::{Coverage, coverage};

/// The requester asks by itself once a mailserver is available: only what is open after that is owed beside.
const BY_ITSELF: Duration = Duration::from_millis(1500);

/// A mailserver that is wanted and is not made the active one is wanted again after growing pauses: it may be away, or
/// another one be pinned.
const PREFER: Backoff = Backoff {
    initial: Duration::from_secs(20),
    max: Duration::from_secs(300),
};

/// Reasons that come again and again while nothing changes: their requests keep their distance.
const REPEATED: [Reason; 3] = [Reason::PoorMesh, Reason::Swept, Reason::MailserverShort];

/// A request that has to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Need {
    since: Option<Moment>,
    at: Instant,
}

impl Book {
    /// How far back a request has to go that begins now, for all that is open: for [`Command::Available`].
    pub(super) fn reach_back(&self) -> Option<Moment> {
        let needed = self.ledger.live().filter(|it| self.may_ask_for(it));
        needed.filter_map(|it| self.back_to(it)).min()
    }

    /// Whether the mailserver that is asked now is one from which the window is wanted.
    pub(super) fn may_ask_for(&self, window: &Window) -> bool {
        let wanted = window.state.wanted();
        let is_wanted = |it| wanted.contains(it);
        window.state.is_open()
            && (wanted.is_empty() || self.steering.active().is_some_and(is_wanted))
    }

    /// How far back the node has to be made to go for a window; `None` if it goes there by itself.
    fn back_to(&self, window: &Window) -> Option<Moment> {
        let rule = self.rule();
        let from = rule.from(window);
        let reached = self.marks.reached.map(|it| rule.goes_on_from(it));
        let reached = reached.is_some_and(|it| it > from);
        (reached && self.can_rewind).then_some(from)
    }

    /// What is to be asked for, if anything; what the request under way will cover is not.
    fn need(&self, now: Instant) -> Option<Need> {
        self.steering.source.as_ref()?;
        let covered = |it: &Window| {
            self.flight
                .as_ref()
                .is_some_and(|flight| coverage(it, flight, true, self.rule()) == Coverage::All)
        };
        let ended = self.ledger.live().filter(|it| it.until.is_some());
        let needed: Vec<_> = ended
            .filter(|it| self.may_ask_for(it) && !covered(it))
            .collect();
        let since = needed.iter().filter_map(|it| self.back_to(it)).min();
        let at = needed.iter().map(|it| self.due(it, now)).min()?;
        Some(Need { since, at })
    }

    /// Whether the mailserver that is asked now is wanted for the window, and was not asked for it last: requests of
    /// one and the same keep their distance.
    fn is_new_turn(&self, window: &Window) -> bool {
        let active = self.steering.source.as_ref().and_then(Source::mailserver);
        let last = window.attempts.last().and_then(|it| it.mailserver.as_ref());
        let is_new = |it: &Mailserver| last != Some(&it.id);
        !window.state.wanted().is_empty() && active.is_some_and(is_new)
    }

    /// When a window is asked for at the earliest.
    fn due(&self, window: &Window, now: Instant) -> Instant {
        let asked = window.reasons.contains(&Reason::Asked);
        let until = window.until.filter(|_| !asked && window.requests == 0);
        let ended = until.map_or(now, |it| self.instant(it + BY_ITSELF, now));
        let repeated = window.requests > 0
            || window
                .reasons
                .iter()
                .all(|reason| REPEATED.contains(reason));
        let keeps_distance = repeated && !self.is_new_turn(window);
        match self.steering.began.filter(|_| keeps_distance) {
            Some(began) => ended.max(began + self.config.min_interval),
            None => ended,
        }
    }

    /// From whom a window is wanted that cannot be asked now, unless the one that can is still needed.
    fn wanted(&self) -> Option<Prefer> {
        let active = self.steering.active()?;
        if self.flight.is_some() {
            return None;
        }
        let mut elsewhere = self.ledger.live().filter(|it| !self.may_ask_for(it));
        let window = elsewhere.find(|it| !it.state.wanted().is_empty())?;
        let wanted = window.state.wanted();
        let turn = self.steering.preferred as usize % wanted.len();
        let is_short = window.reasons.contains(&Reason::MailserverShort);
        let short = Some(active).filter(|it| is_short && window.fetched_from.contains(it));
        Some(Prefer {
            identity: wanted[turn].clone(),
            short: short.cloned(),
        })
    }

    /// When [`Self::steer`] has something to do.
    pub(super) fn steer_at(&self, now: Instant) -> Option<Instant> {
        let need = self.need(now);
        let owe = need.filter(|it| !self.steering.has_in_hand(it.since));
        let idle = need.is_none();
        let prefer = self
            .wanted()
            .filter(|_| idle)
            .map(|_| self.steering.prefer_at.unwrap_or(now));
        owe.map(|it| it.at).into_iter().chain(prefer).min()
    }

    /// Says what has to be said now.
    pub(super) fn steer(&mut self, now: Instant) {
        let need = self.need(now);
        if let Some(Need { since, at }) = need {
            if at <= now && !self.steering.has_in_hand(since) {
                let owe = self.steering.owe(since, false);
                self.commands.push_back(Command::Owe(owe));
            }
            return;
        }
        let due = self.steering.prefer_at.is_none_or(|it| it <= now);
        let Some(prefer) = self.wanted().filter(|_| due) else {
            return;
        };
        self.steering.preferred += 1;
        self.steering.prefer_at = Some(now + PREFER.pause(self.steering.preferred));
        self.commands.push_back(Command::Prefer(prefer));
    }
}
