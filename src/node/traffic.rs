//! Counters of what goes over the wire.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use actors::{
    messages::node::{CallOutcomes, MOST_METHODS, OTHER_METHODS, Traffic},
    model::node::NodeError,
};

/// Counted by the client, the socket and the session; read by whoever asks for [`Traffic`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: Cell<u64>,
    under_way: Cell<usize>,
    failures: Cell<u64>,
    outcomes: RefCell<BTreeMap<String, CallOutcomes>>,
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
    waiting: Cell<usize>,
}

/// A call that was sent: under way until it is dropped, also when nobody waits for its answer any more.
#[derive(Debug)]
pub(crate) struct Call {
    /// Its number, which serves as its id.
    pub(crate) id: u64,
    counters: Rc<Counters>,
}

impl Call {
    /// Counts what became of it, by its method or endpoint.
    pub(crate) fn ended<T>(self, method: &str, outcome: &Result<T, NodeError>) {
        self.counters.call_ended(method, outcome);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let under_way = &self.counters.under_way;
        under_way.set(under_way.get().saturating_sub(1));
    }
}

impl Counters {
    /// Counts a call.
    pub(crate) fn call_sent(self: &Rc<Self>) -> Call {
        self.calls.set(self.calls.get() + 1);
        self.under_way.set(self.under_way.get() + 1);
        Call {
            id: self.calls.get(),
            counters: self.clone(),
        }
    }

    fn call_ended<T>(&self, method: &str, outcome: &Result<T, NodeError>) {
        if outcome.is_err() {
            self.failures.set(self.failures.get() + 1);
        }
        let mut outcomes = self.outcomes.borrow_mut();
        let counted = outcomes.contains_key(method) || outcomes.len() < MOST_METHODS;
        let method = if counted { method } else { OTHER_METHODS };
        outcomes
            .entry(method.to_owned())
            .or_default()
            .count(outcome);
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
            rpc_under_way: self.under_way.get(),
            rpc: self.outcomes.borrow().clone(),
            signals: self.signals.received(),
            signals_skipped: self.signals.skipped(),
            signals_malformed: self.signals.malformed(),
            signals_waiting: self.signals.waiting.get(),
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

    /// Notes how many wait to be delivered.
    pub(crate) fn set_waiting(&self, waiting: usize) {
        self.waiting.set(waiting);
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
