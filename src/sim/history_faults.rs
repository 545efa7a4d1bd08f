//! What can go wrong with the node's history requests beside what is wrong with the mailservers.

/// As it was set; lasts until it is set otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HistoryFaults {
    /// So many more requests are answered with null, and nothing is done.
    pub(crate) nulls: u32,
    /// No signal tells of the end of a request.
    pub(crate) lose_signals: bool,
    /// A request that failed is answered as if it had not, though a signal says so.
    pub(crate) false_completion: bool,
    /// A request fails after so many batches.
    pub(crate) fail_after: Option<usize>,
    /// waku1: the node hangs in every request (a known community was asked for).
    pub(crate) hung: bool,
}

impl HistoryFaults {
    /// Whether this request is to be answered with null.
    pub(crate) fn take_null(&mut self) -> bool {
        let null = self.nulls > 0;
        self.nulls = self.nulls.saturating_sub(1);
        null
    }
}
