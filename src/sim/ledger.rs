//! What the node asked mailservers for, and how much of it it had already.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use actors::model::{moment::Moment, topic::Topic};

/// Requests that are kept; the oldest are forgotten first.
const KEPT: usize = 10_000;

/// Why the node asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// For all that it missed.
    Missed,
    /// To fill gaps of a chat.
    Gaps,
    /// For what was sent in a chat before its history begins.
    Earlier,
}

/// One history request to one mailserver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Why.
    pub purpose: Purpose,
    /// When it began.
    pub at: Moment,
    /// The id of the mailserver, or what the node was told to ask if it is none of ours.
    pub mailserver: String,
    /// From when on each topic was asked for.
    pub from: Vec<(Topic, Moment)>,
    /// Up to when.
    pub to: Moment,
    /// The messages that came.
    pub delivered: u64,
    /// Those of them that the node did not have.
    pub new: u64,
    /// Whether all of it was answered.
    pub completed: bool,
}

/// A request that is under way, and later is over.
pub(crate) type Entry = Rc<RefCell<HistoryRequest>>;

/// All requests.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    requests: RefCell<VecDeque<Entry>>,
    repeats: Cell<u64>,
}

impl Ledger {
    /// A request begins.
    pub(crate) fn begin(&self, request: HistoryRequest) -> Entry {
        let entry = Rc::new(RefCell::new(request));
        let mut requests = self.requests.borrow_mut();
        if requests.len() >= KEPT {
            requests.pop_front();
        }
        requests.push_back(entry.clone());
        entry
    }

    /// Messages came with it, so many of them new.
    pub(crate) fn delivered(&self, entry: &Entry, messages: usize, new: usize) {
        let (messages, new) = (messages as u64, new as u64);
        let mut request = entry.borrow_mut();
        request.delivered += messages;
        request.new += new;
        self.repeats.set(self.repeats.get() + messages - new);
    }

    /// The requests that are kept, the oldest first.
    pub(crate) fn requests(&self) -> Vec<HistoryRequest> {
        let requests = self.requests.borrow();
        requests
            .iter()
            .map(|entry| entry.borrow().clone())
            .collect()
    }

    /// The messages that came although the node had them.
    pub(crate) fn repeats(&self) -> u64 {
        self.repeats.get()
    }
}
