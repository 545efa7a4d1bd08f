//! The clock by which messages are sent and history is asked for.

use std::{cell::Cell, time::SystemTime};

use actors::model::moment::Moment;

/// The wall clock in milliseconds, but for this: a request begins in a later millisecond than all that was sent before it,
/// and nothing that is sent after is sent earlier. So requests divide the messages exactly.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    sent: Cell<Moment>,
    asked: Cell<Moment>,
}

impl Clock {
    /// Now, for a message.
    pub(crate) fn send(&self) -> Moment {
        let now = Moment::from(SystemTime::now()).max(self.asked.get());
        self.sent.set(now.max(self.sent.get()));
        self.sent.get()
    }

    /// Now, for a request.
    pub(crate) fn ask(&self) -> Moment {
        let after = Moment::from_millis(self.sent.get().as_millis() + 1);
        let now = Moment::from(SystemTime::now()).max(after);
        self.asked.set(now.max(self.asked.get()));
        self.asked.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_divides_what_was_sent_before_from_what_is_sent_after() {
        let clock = Clock::default();
        for _ in 0..100 {
            let before = clock.send();
            let request = clock.ask();
            assert!(before < request && request <= clock.send());
        }
    }
}
