//! What a mailserver answers to store queries, out of the messages that it keeps for its node.

use std::{
    cell::{Cell, Ref, RefCell},
    collections::{BTreeMap, HashMap},
};

use actors::model::topic::MessageHash;

use super::{
    libp2p::{
        Store,
        store::{self, StoreFault},
    },
    message::Message,
};

/// What is known of the messages beside themselves.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// What is wrong with it.
    pub(crate) fault: Cell<StoreFault>,
    /// The hashes of messages by their numbers, each computed once: an audit asks for them page by page.
    hashes: RefCell<HashMap<u64, MessageHash>>,
}

/// A shelf with the messages on it.
pub(crate) struct Filled<'a, F> {
    shelf: &'a Shelf,
    held: F,
}

impl Shelf {
    /// With what the mailserver holds whenever it is asked.
    pub(crate) fn with<'a, F>(&'a self, held: F) -> Filled<'a, F>
    where
        F: Fn() -> Ref<'a, BTreeMap<u64, Message>>,
    {
        Filled { shelf: self, held }
    }

    fn hash(&self, sequence: u64, message: &Message) -> MessageHash {
        let mut known = self.hashes.borrow_mut();
        let known = known.entry(sequence);
        *known.or_insert_with(|| message.hash(sequence))
    }
}

impl<'a, F> Store for Filled<'a, F>
where
    F: Fn() -> Ref<'a, BTreeMap<u64, Message>>,
{
    fn is_supported(&self) -> bool {
        self.shelf.fault.get() != StoreFault::Unsupported
    }

    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let messages = (self.held)();
        let kept = messages.iter();
        let kept = kept.map(|(&sequence, it)| (self.shelf.hash(sequence, it), it.sent, &it.topic));
        store::answer(question, self.shelf.fault.get(), kept)
    }
}
