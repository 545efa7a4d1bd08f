//! A period has to be fetched from another mailserver than the active one.

use super::Cycle;
use crate::{
    Instant,
    connector::{phase::Announced, preferred::Preferred},
    messages::{journal::Prefer, selection::Decision},
    model::{mailserver::Mailserver, record::Cause},
};

impl Cycle {
    /// A period has to be fetched from another mailserver, if that one answers: a node that is connected to a hanging
    /// one would take it. One that others are shown to hold more than is remembered as short: it is avoided for a while.
    pub fn handle_prefer(&mut self, prefer: &Prefer, now: Instant) {
        if let Some(short) = &prefer.short {
            let fraction = self.fraction();
            self.memory
                .fail(short.clone(), Cause::ShortHistory, now, fraction);
        }
        let wanted = self.node.candidate(&prefer.identity).cloned();
        let Some(wanted) = wanted.filter(|it| self.may_be_left_for(it)) else {
            return;
        };
        let reason = match prefer.short {
            Some(_) => "it holds more history",
            None => "for a second opinion",
        };
        if self.evidence.is_blocked() {
            return self.use_instead(wanted, reason, now);
        }
        let candidate = self.candidate(&wanted, now);
        let round = self.draw(vec![candidate]);
        self.preferred = Preferred::probed_in(round, reason);
    }

    /// The one that was probed answers, or not.
    pub(super) fn prefer(&mut self, decision: &Decision, reason: &str, now: Instant) {
        let answers = decision.identity.as_ref();
        let wanted = answers.and_then(|it| self.node.candidate(it)).cloned();
        if let Some(wanted) = wanted.filter(|it| self.may_be_left_for(it)) {
            self.use_instead(wanted, reason, now);
        }
    }

    /// Whether the active one can be left for it now.
    fn may_be_left_for(&mut self, wanted: &Mailserver) -> bool {
        let Some(active) = self.phase.connected().map(|it| it.identity.clone()) else {
            return false;
        };
        // Whoever insists on a mailserver wants that one used, whatever it holds.
        let strict = self.pin_of(&active).is_some_and(|pin| pin.is_strict());
        let free = self.node.has_lever() && self.outage.is_online() && !self.requesting;
        free && !strict && wanted.identity != active
    }

    fn use_instead(&mut self, wanted: Mailserver, reason: &str, now: Instant) {
        let stays = self.phase.connected().cloned();
        if let Some(pin) = stays.as_ref().and_then(|it| self.pin_of(&it.identity)) {
            pin.lend(now);
        }
        self.connect(wanted, Announced::OnceConnected { stays }, reason, now);
    }
}
