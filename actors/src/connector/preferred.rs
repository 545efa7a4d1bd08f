//! Whether a mailserver is being probed that is to take the place of the active one.

/// The round in which it is probed, and why it is preferred.
#[derive(Debug, Default)]
pub(crate) struct Preferred(Option<(u64, &'static str)>);

impl Preferred {
    /// It is probed in this round.
    pub(crate) fn probed_in(round: u64, reason: &'static str) -> Self {
        Self(Some((round, reason)))
    }

    /// Why, if this is the round. Then it is over.
    pub(crate) fn ends_by(&mut self, round: u64) -> Option<&'static str> {
        self.0
            .take_if(|(probed_in, _)| *probed_in == round)
            .map(|(_, reason)| reason)
    }
}
