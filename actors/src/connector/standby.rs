//! Who is used next: drawn in advance, so that a loss costs one call.
//!
//! It is drawn by the same rule as the active mailserver, preferably among those that the node has as peers already,
//! and drawn anew when it is lost, when it falls silent, and from time to time.
//!
//! ```text
//!   Unwanted ──a mailserver is connected──▶ Wanted: Resting ──it is due──▶ Drawing ──nobody, or warm──▶ Resting
//!      ▲                                                                      │                           ▲
//!      └── nothing is active any more                                         └──hot, not a peer──▶ Introducing
//! ```

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Instant,
    model::mailserver::{Identity, Mailserver},
};

/// How ready the next mailserver is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// Not at all: it is chosen when it is needed.
    Off,
    /// It is known, and one that the node has as a peer is preferred.
    #[default]
    Warm,
    /// The node is kept connected to it.
    Hot,
}

/// After a connection was made, so that the history request goes first.
const FIRST: Duration = Duration::from_millis(200);

/// After something changed that may make another one a better standby: changes come in crowds.
const SOON: Duration = Duration::from_secs(1);

/// The pause before another draw where nobody was found, or the node could not connect to it.
const AGAIN: Duration = Duration::from_secs(30);

/// A standby is drawn anew after this long: others may have become faster.
const FRESH: Duration = Duration::from_secs(600);

/// The pause between two comparisons with the active mailserver, where that is wanted.
const COMPARED: Duration = Duration::from_secs(60);

/// The standby and the way to the next one.
#[derive(Debug, Default)]
pub(crate) enum Standby {
    /// Nothing is active, so that nobody can be next.
    #[default]
    Unwanted,
    /// One is to be kept.
    Wanted {
        /// Who it is, once one was drawn.
        mailserver: Option<Mailserver>,
        /// When it is to be drawn, or drawn anew.
        due: Instant,
        /// What is being done.
        step: Step,
    },
}

/// What is being done about the standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Resting,
    /// It is being drawn, in this round.
    Drawing(u64),
    /// The node is being connected to it, by this call.
    Introducing(u64),
}

impl Standby {
    /// Who is next.
    pub(crate) fn mailserver(&self) -> Option<&Mailserver> {
        match self {
            Self::Unwanted => None,
            Self::Wanted { mailserver, .. } => mailserver.as_ref(),
        }
    }

    /// Whether it is this one.
    pub(crate) fn is(&self, identity: &Identity) -> bool {
        self.mailserver().is_some_and(|it| it.identity == *identity)
    }

    /// When it is to be drawn.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self {
            Self::Unwanted => None,
            Self::Wanted { due, .. } => Some(*due),
        }
    }

    /// Another mailserver is active: it cannot be the next one too.
    pub(crate) fn begin(&mut self, active: &Identity, now: Instant) {
        let mailserver = self.take_if(|it| it.identity != *active);
        *self = Self::Wanted {
            mailserver,
            due: now + FIRST,
            step: Step::Resting,
        };
    }

    /// A round is under way that draws it.
    pub(crate) fn draw(&mut self, round: u64, now: Instant) {
        self.step_on(Step::Drawing(round), now + AGAIN);
    }

    /// Nobody can be drawn now.
    pub(crate) fn draw_later(&mut self, now: Instant) {
        self.step_on(Step::Resting, now + AGAIN);
    }

    /// Whether this is the round that draws it. Then it is over.
    pub(crate) fn is_drawn_by(&mut self, number: u64) -> bool {
        self.finish(Step::Drawing(number))
    }

    /// Whether this is the call that connects the node to it. Then it is over.
    pub(crate) fn is_introduced_by(&mut self, number: u64) -> bool {
        self.finish(Step::Introducing(number))
    }

    /// The round found this one, or nobody. `kept`: whether the one it found is kept; `improve`: whether it is compared.
    pub(crate) fn found(
        &mut self,
        drawn: Option<&Mailserver>,
        kept: bool,
        improve: bool,
        now: Instant,
    ) {
        let pause = match (improve, drawn) {
            (true, _) => COMPARED,
            (false, Some(_)) => FRESH,
            (false, None) => AGAIN,
        };
        if let Self::Wanted {
            mailserver, due, ..
        } = self
        {
            *due = now + pause;
            if kept {
                *mailserver = drawn.cloned();
            }
        }
    }

    /// The node is being connected to it.
    pub(crate) fn introduce(&mut self, call: u64) {
        if let Self::Wanted { step, .. } = self {
            *step = Step::Introducing(call);
        }
    }

    /// The node cannot connect to it.
    pub(crate) fn is_unreachable(&mut self, now: Instant) {
        if let Self::Wanted {
            mailserver, due, ..
        } = self
        {
            *mailserver = None;
            *due = now + AGAIN;
        }
    }

    /// It is drawn anew.
    pub(crate) fn forget(&mut self, now: Instant) {
        if let Self::Wanted {
            mailserver, due, ..
        } = self
        {
            *mailserver = None;
            *due = now;
        }
    }

    /// The candidates changed.
    pub(crate) fn retain(&mut self, known: &BTreeMap<Identity, Mailserver>, now: Instant) {
        if let Self::Wanted { mailserver, .. } = self {
            mailserver.take_if(|it| known.get(&it.identity) != Some(&*it));
            if mailserver.is_none() {
                self.hurry(now);
            }
        }
    }

    /// The node lists a mailserver, or does not any more: another one may be the better standby, unless this one is
    /// a peer.
    pub(crate) fn listing_changed(
        &mut self,
        is_peer: impl FnOnce(&Identity) -> bool,
        now: Instant,
    ) {
        let peer = self.mailserver().is_some_and(|it| is_peer(&it.identity));
        if !peer {
            self.hurry(now);
        }
    }

    /// It is used now, if it is wanted.
    pub(crate) fn take_if(
        &mut self,
        wanted: impl FnOnce(&Mailserver) -> bool,
    ) -> Option<Mailserver> {
        match self {
            Self::Unwanted => None,
            Self::Wanted { mailserver, .. } => mailserver.take_if(|it| wanted(it)),
        }
    }

    fn hurry(&mut self, now: Instant) {
        if let Self::Wanted { due, .. } = self {
            *due = (*due).min(now + SOON);
        }
    }

    fn step_on(&mut self, next: Step, at: Instant) {
        if let Self::Wanted { due, step, .. } = self {
            *due = at;
            *step = next;
        }
    }

    fn finish(&mut self, awaited: Step) -> bool {
        match self {
            Self::Wanted { step, .. } if *step == awaited => {
                *step = Step::Resting;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mailserver;

    /// Mailserver 0 is active, and mailserver 1 was drawn.
    fn ready(now: Instant) -> Standby {
        let mut standby = Standby::default();
        standby.begin(&mailserver(0).identity, now);
        standby.draw(1, now);
        assert!(standby.is_drawn_by(1));
        standby.found(Some(&mailserver(1)), true, false, now);
        standby
    }

    #[test]
    fn with_nothing_active_nobody_is_next_whatever_happens() {
        let now = Instant::now();
        let mut standby = Standby::default();
        standby.draw(1, now);
        assert!(!standby.is_drawn_by(1));
        standby.found(Some(&mailserver(1)), true, false, now);
        standby.forget(now);
        standby.listing_changed(|_| false, now);
        assert_eq!((standby.mailserver(), standby.due()), (None, None));
    }

    #[test]
    fn it_is_drawn_soon_after_a_connection_and_kept_for_ten_minutes() {
        let now = Instant::now();
        let mut standby = Standby::default();
        standby.begin(&mailserver(0).identity, now);
        assert_eq!(standby.due(), Some(now + FIRST));
        let standby = ready(now);
        assert!(standby.is(&mailserver(1).identity));
        assert_eq!(standby.due(), Some(now + FRESH));
    }

    #[test]
    fn only_the_answer_that_is_awaited_counts_and_only_once() {
        let now = Instant::now();
        let mut standby = ready(now);
        standby.draw(2, now);
        assert!(!standby.is_drawn_by(1) && !standby.is_introduced_by(2));
        assert!(standby.is_drawn_by(2) && !standby.is_drawn_by(2));
        standby.introduce(3);
        assert!(!standby.is_drawn_by(3));
        assert!(standby.is_introduced_by(3) && !standby.is_introduced_by(3));
    }

    #[test]
    fn one_that_fell_silent_is_replaced_at_once_and_one_that_cannot_be_reached_after_a_while() {
        let now = Instant::now();
        let mut silent = ready(now);
        silent.forget(now);
        assert_eq!((silent.mailserver(), silent.due()), (None, Some(now)));
        let mut unreachable = ready(now);
        unreachable.is_unreachable(now);
        let later = Some(now + AGAIN);
        assert_eq!((unreachable.mailserver(), unreachable.due()), (None, later));
    }

    #[test]
    fn news_of_peers_hurries_a_draw_unless_it_is_a_peer_itself() {
        let now = Instant::now();
        let mut standby = ready(now);
        standby.listing_changed(|_| true, now);
        assert_eq!(standby.due(), Some(now + FRESH));
        standby.listing_changed(|_| false, now);
        assert_eq!(standby.due(), Some(now + SOON));
    }

    #[test]
    fn one_that_becomes_active_or_is_no_candidate_any_more_is_next_no_longer() {
        let now = Instant::now();
        let mut used = ready(now);
        used.begin(&mailserver(1).identity, now);
        assert_eq!(used.mailserver(), None);
        let mut gone = ready(now);
        gone.retain(&BTreeMap::new(), now);
        assert_eq!(gone.mailserver(), None);
        assert_eq!(gone.due(), Some(now + SOON));
    }
}
