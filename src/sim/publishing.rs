//! Messages that are sent in the simulation: who keeps them, and who has them.

use std::{rc::Rc, time::Duration};

use tokio::time::sleep;

use super::{Simulation, mailserver::Mailserver, message::Message};

impl Simulation {
    /// Sends a message on the first topic: every live mailserver keeps it, and passes it on to the node if it is connected
    /// and its mesh is not poor.
    /// Texts are bounded by the longest line between node and mailserver, 1 MiB.
    pub fn publish(&self, text: &str) {
        self.publish_to(0, text);
    }

    /// The same on any topic.
    ///
    /// # Panics
    ///
    /// If there is no topic of that number.
    pub fn publish_to(&self, topic: usize, text: &str) {
        let sequence = self.node.now.get() + 1;
        self.node.now.set(sequence);
        let message = Message {
            text: text.to_owned(),
            sent: self.node.clock.send(),
            topic: self.node.setup.topics[topic].clone(),
        };
        let poor_mesh = self.node.state.borrow().poor_mesh;
        let all = self.node.mailservers.iter();
        for mailserver in all.filter(|mailserver| mailserver.hears()) {
            self.ingest(mailserver, sequence, message.clone());
            if !poor_mesh {
                mailserver.relay(sequence, &message);
            }
        }
        self.published
            .borrow_mut()
            .push((sequence, text.to_owned()));
    }

    /// Has a mailserver keep a message when it is time.
    fn ingest(&self, mailserver: &Rc<Mailserver>, sequence: u64, message: Message) {
        let delay = mailserver.keeping.ingest_delay.get();
        if delay.is_zero() {
            mailserver.keep(sequence, message);
            return;
        }
        mailserver.keeping.coming.borrow_mut().insert(sequence);
        let (node, mailserver) = (self.node.clone(), mailserver.clone());
        self.ingesting.spawn(async move {
            sleep(delay).await;
            mailserver.keep(sequence, message);
            mailserver.keeping.coming.borrow_mut().remove(&sequence);
            node.journal.note();
        });
    }

    /// Gives every live mailserver the description of a community.
    pub fn publish_community(&self, id: &str, name: &str) {
        let all = self.node.mailservers.iter();
        for mailserver in all.filter(|mailserver| mailserver.is_live()) {
            mailserver.publish_community(id, name);
        }
    }

    /// The messages that were sent and that the node does not have.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.missing_where(|_| true)
    }

    /// Those of the [missing](Self::missing) ones that no live mailserver holds or is about to hold: nobody can bring
    /// them to the node.
    #[must_use]
    pub fn unrecoverable(&self) -> Vec<String> {
        let live = self.node.mailservers.iter().filter(|it| it.is_live());
        let live: Vec<_> = live.collect();
        self.missing_where(|sequence| !live.iter().any(|it| it.will_hold(sequence)))
    }

    fn missing_where(&self, condition: impl Fn(u64) -> bool) -> Vec<String> {
        let state = self.node.state.borrow();
        let published = self.published.borrow();
        let missing = published
            .iter()
            .filter(|(sequence, _)| !state.received.contains_key(sequence))
            .filter(|(sequence, _)| condition(*sequence));
        missing.map(|(_, text)| text.clone()).collect()
    }

    /// The texts that the node has, in the order in which they were sent.
    #[must_use]
    pub fn received(&self) -> Vec<String> {
        let received = &self.node.state.borrow().received;
        received.values().map(|it| it.text.clone()).collect()
    }

    /// The numbers of the mailservers that hold a message with this text, live or not.
    #[must_use]
    pub fn holders(&self, text: &str) -> Vec<usize> {
        let all = self.node.mailservers.iter().enumerate();
        let holders = all.filter(|(_, it)| it.held().values().any(|it| it.text == text));
        holders.map(|(index, _)| index).collect()
    }

    /// Puts a mailserver outside the relay mesh, or back: it answers everything, keeps nothing new, and passes nothing on.
    /// Real ones do so when they were stopped and continued. Beside its [`Fault`](super::Fault).
    ///
    /// # Panics
    ///
    /// If there is no mailserver of that number.
    pub fn set_deaf(&self, index: usize, deaf: bool) {
        self.node.mailservers[index].keeping.deaf.set(deaf);
    }

    /// Makes a mailserver forget what is older than this; `None`: nothing from now on.
    ///
    /// # Panics
    ///
    /// If there is no mailserver of that number.
    pub fn set_truncated(&self, index: usize, retention: Option<Duration>) {
        let mailserver = &self.node.mailservers[index];
        mailserver.keeping.retention.set(retention);
    }

    /// Makes a mailserver slow to keep messages: what is sent from now on can be asked of it so much later. It passes
    /// them on at once.
    ///
    /// # Panics
    ///
    /// If there is no mailserver of that number.
    pub fn set_ingest_delay(&self, index: usize, delay: Duration) {
        let mailserver = &self.node.mailservers[index];
        mailserver.keeping.ingest_delay.set(delay);
    }
}
