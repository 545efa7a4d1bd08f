//! The clock by which messages are sent and history is asked for.

use std::{cell::Cell, time::SystemTime};

use actors::model::moment::Moment;

/// The wall clock in milliseconds, but for this: what is sent after a request began is sent in a later millisecond, and
/// what was sent before in no later one. So a request divides the messages exactly.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    sent: Cell<Moment>,
    asked: Cell<Moment>,
}

impl Clock {
    /// Now, for a message.
    pub(crate) fn send(&self) -> Moment {
        let after = Moment::from_millis(self.asked.get().as_millis() + 1);
        let now = Moment::from(SystemTime::now()).max(after);
        self.sent.set(now.max(self.sent.get()));
        self.sent.get()
    }

    /// Now, for a request.
    #[cfg_attr(not(test), expect(dead_code, reason = "requests go by numbers yet"))]
    pub(crate) fn ask(&self) -> Moment {
        let now = Moment::from(SystemTime::now()).max(self.sent.get());
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
            assert!(before <= request && request < clock.send());
        }
    }
}
