//! Counters of what goes over the wire.

use std::{cell::Cell, rc::Rc};

use actors::messages::node::Traffic;

/// Counted by the client, the socket and the session; read by whoever asks for [`Traffic`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: Cell<u64>,
    failures: Cell<u64>,
    open: Cell<bool>,
    /// What the decoder of the signals saw.
    pub(crate) signals: Rc<SignalCounts>,
}

/// What became of the signals that arrived.
#[derive(Debug, Default)]
pub struct SignalCounts {
    received: Cell<u64>,
    skipped: Cell<u64>,
    malformed: Cell<u64>,
}

impl Counters {
    /// Counts a call; its number serves as its id.
    pub(crate) fn call_sent(&self) -> u64 {
        self.calls.set(self.calls.get() + 1);
        self.calls.get()
    }

    /// Counts a call that failed.
    pub(crate) fn call_failed(&self) {
        self.failures.set(self.failures.get() + 1);
    }

    /// Notes whether signals arrive.
    pub(crate) fn set_open(&self, open: bool) {
        self.open.set(open);
    }

    /// Whether signals arrive.
    pub(crate) fn is_open(&self) -> bool {
        self.open.get()
    }

    /// All counters, as the status shows them.
    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            rpc_calls: self.calls.get(),
            rpc_failures: self.failures.get(),
            signals: self.signals.received(),
            signals_skipped: self.signals.skipped(),
            signals_malformed: self.signals.malformed(),
            signals_open: self.open.get(),
        }
    }
}

impl SignalCounts {
    /// Messages that arrived, wanted or not.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// Messages nobody needs.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped.get()
    }

    /// Messages that are no signals, or wanted ones that could not be read.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed.get()
    }

    pub(crate) fn count_received(&self) {
        self.received.set(self.received.get() + 1);
    }

    pub(crate) fn count_skipped(&self) {
        self.skipped.set(self.skipped.get() + 1);
    }

    pub(crate) fn count_malformed(&self) {
        self.malformed.set(self.malformed.get() + 1);
    }
}
