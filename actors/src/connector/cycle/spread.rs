//! How to come back when everybody else does too: after a pause, and then once more to another one.

use super::Cycle;
use crate::{
    Instant,
    connector::{
        crowd::Crowd,
        phase::{Announced, Phase},
        world_return::WorldReturn,
    },
    messages::selection::{Decision, Surveyed},
    model::candidate::Purpose,
};

impl Cycle {
    /// Somebody answers after nobody did. If it may be everybody's outage that ends, and there is somebody to be
    /// dialled, it is counted first how many are back.
    pub(super) fn come_back(&mut self, offline_since: Option<Instant>) {
        let Some(since) = offline_since else {
            return;
        };
        let idle = matches!(
            self.phase,
            Phase::Idle | Phase::Selecting(_) | Phase::Held(..)
        );
        // Our own network shows life: the node has peers.
        let theirs = !self.node.alone;
        let crowd = self.config.crowd.crowd(self.node.candidates.values());
        if idle && theirs && crowd == Crowd::Large {
            self.world_return.begin(since);
        }
    }

    /// A round is over that tells how many are back.
    pub(super) fn count_the_returned(&mut self, surveyed: &Surveyed, now: Instant) {
        let replies = surveyed.replies.iter();
        let answered = replies.filter(|it| it.outcome.is_ok()).count();
        if !self.world_return.is_counting() || surveyed.purpose != Purpose::Active || answered == 0
        {
            return;
        }
        let candidates = surveyed.replies.len();
        let random = [self.fraction(), self.fraction()];
        let longest = self.config.jitter;
        let theirs = (self.world_return).count(answered, candidates, longest, random, now);
        if theirs {
            let pause = self.world_return.due().map(|at| at - now);
            tracing::info!(
                answered,
                candidates,
                ?pause,
                "everybody returns: pausing before the choice"
            );
        } else {
            tracing::debug!(answered, candidates, "the outage was our own");
            self.pause_after_offline(now);
            self.step(now);
        }
    }

    /// Whether nobody is to be chosen yet, because all the world would choose the same.
    pub(super) fn must_pause(&mut self, now: Instant) -> bool {
        self.world_return.is_pausing() && !self.world_return.may_choose(now)
    }

    /// Whoever came to its mailserver in a hurry chooses once more, with that one among the others; never while
    /// something is asked of it.
    pub(super) fn spread_again(&mut self, now: Instant) {
        if !self.world_return.wants_respreading(now) || self.requesting || !self.outage.is_online()
        {
            return;
        }
        if self.pin.is_some() || !self.node.has_lever() {
            self.world_return = WorldReturn::Over;
            return;
        }
        if let Some(round) = self.ask_for(self.all_candidates(now)) {
            self.world_return.respread(round);
        }
    }

    /// The choice that was made afresh.
    pub(super) fn move_on(&mut self, decision: &Decision, now: Instant) {
        let active = self.phase.connected().cloned();
        let chosen = decision.identity.as_ref();
        let chosen = chosen.and_then(|it| self.node.candidate(it)).cloned();
        let Some((active, chosen)) = active.zip(chosen) else {
            return;
        };
        if active.identity != chosen.identity && !self.requesting {
            let stays = Some(active);
            let announced = Announced::OnceConnected { stays };
            self.connect(chosen, announced, "the load spreads again", now);
        }
    }
}
