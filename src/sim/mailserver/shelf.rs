//! What a mailserver answers to store queries, out of the messages that it keeps for its node.

use super::{
    super::libp2p::{
        Store,
        store::{self, StoreFault},
    },
    Mailserver,
};

impl Store for Mailserver {
    fn is_supported(&self) -> bool {
        self.store_fault.get() != StoreFault::Unsupported
    }

    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let messages = self.messages.borrow();
        let kept = messages.iter();
        let kept = kept.map(|(&sequence, it)| (it.hash(sequence), it.sent, &it.topic));
        store::answer(question, self.store_fault.get(), kept)
    }
}
