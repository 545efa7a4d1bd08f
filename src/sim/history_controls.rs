//! What a simulation is told to do to the node's history requests, and what it tells of them.

use actors::model::moment::Period;

use super::{Simulation, gap::Gap, ledger::HistoryRequest};

impl Simulation {
    /// Keeps live messages from the node, or lets them reach it again. It has its peers all the while, and says so.
    pub fn set_node_deaf(&self, deaf: bool) {
        self.node.state.borrow_mut().deaf = deaf;
    }

    /// Makes the next so many requests for all history be answered with null, and nothing be done.
    pub fn set_null(&self, requests: u32) {
        self.node.state.borrow_mut().history_faults.nulls = requests;
    }

    /// Loses the signals that tell how history requests went on and ended, or sends them again. That one began is told.
    pub fn lose_history_signals(&self, lost: bool) {
        let mut state = self.node.state.borrow_mut();
        state.history_faults.lose_signals = lost;
    }

    /// Nodes up to mid-2026: has requests for all history that failed, and of which a signal says so, answered as if they
    /// had not; the markers go on, too.
    pub fn false_completion(&self, on: bool) {
        let mut state = self.node.state.borrow_mut();
        state.history_faults.false_completion = on;
    }

    /// Makes history requests fail when so many batches were answered, `None`: none. What these brought the node keeps; its
    /// markers stay. Topics with the same marker are one batch.
    pub fn fail_after_batches(&self, batches: Option<usize>) {
        let mut state = self.node.state.borrow_mut();
        state.history_faults.fail_after = batches;
    }

    /// Makes the node believe that messages are missing in its first chat: it says so with the next `messages.new`, or in
    /// the next answer of a history request. The period is rounded to seconds outwards.
    pub fn send_gap(&self, period: Period) {
        let gap = Gap::new(&self.node.setup.topics[0], period.from, period.until);
        self.node.state.borrow_mut().gaps.open_untold(gap);
    }

    /// How many messages mailservers delivered, as history, that the node had.
    #[must_use]
    pub fn repeats(&self) -> u64 {
        self.node.ledger.repeats()
    }

    /// The history requests that reached for a mailserver, the oldest first.
    #[must_use]
    pub fn history_requests(&self) -> Vec<HistoryRequest> {
        self.node.ledger.requests()
    }
}
