//! What a mailserver answers to store queries, out of the messages that it keeps for its node.

use std::{cell::RefCell, collections::HashMap};

use actors::model::topic::MessageHash;

use super::{
    super::libp2p::{
        Store,
        store::{self, StoreFault},
    },
    Mailserver, Message,
};

/// The hashes of messages by their numbers, each computed once: an audit asks for them page by page.
#[derive(Debug, Default)]
pub(super) struct Hashes(RefCell<HashMap<u64, MessageHash>>);

impl Hashes {
    fn of(&self, sequence: u64, message: &Message) -> MessageHash {
        let mut known = self.0.borrow_mut();
        *known
            .entry(sequence)
            .or_insert_with(|| message.hash(sequence))
    }
}

impl Store for Mailserver {
    fn is_supported(&self) -> bool {
        self.store_fault.get() != StoreFault::Unsupported
    }

    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let messages = self.held();
        let kept = messages.iter();
        let kept = kept.map(|(&sequence, it)| (self.hashes.of(sequence, it), it.sent, &it.topic));
        store::answer(question, self.store_fault.get(), kept)
    }
}
