//! Messages that reach the node, and how it tells of them.

use std::{rc::Rc, time::Duration};

use actors::model::topic::Topic;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{chat, gap::Gap, message::Message, node::Node};

/// In 2024 `messages.new` follows `history.request.completed` after this (recorded).
const MODERN_DELAY: Duration = Duration::from_secs(1);

impl Node {
    /// A message reached the node, live or as history. True if it did not have it.
    pub(crate) fn receive(&self, sequence: u64, message: Message) -> bool {
        let mut state = self.state.borrow_mut();
        state.chats.received(&message.topic, message.sent);
        let new = state.received.insert(sequence, message).is_none();
        drop(state);
        self.journal.note();
        new
    }

    /// A mailserver passed a message on.
    pub(crate) fn receive_live(&self, sequence: u64, message: Message) {
        if !self.state.borrow().deaf && self.receive(sequence, message.clone()) {
            self.announce(&[(sequence, message)], &[]);
        }
    }

    /// `messages.new` for messages that it did not have, and for gaps.
    pub(crate) fn announce(&self, messages: &[(u64, Message)], gaps: &[Gap]) {
        if messages.is_empty() && gaps.is_empty() {
            return;
        }
        let untold = self.state.borrow_mut().gaps.take_untold();
        self.signals.emit("messages.new", || {
            let ordinary = messages.iter().map(|it| self.shown(it));
            let gaps = gaps.iter().chain(&untold).map(|it| self.shown_gap(it));
            let messages: Vec<Value> = ordinary.chain(gaps).collect();
            json!({"chats": self.shown_chats(), "messages": messages, "notifications": null})
        });
    }

    /// The same as nodes of 2024 do it: later.
    pub(crate) fn announce_later(self: &Rc<Self>, messages: Vec<(u64, Message)>) {
        if !messages.is_empty() {
            let telling = self.clone();
            self.tasks.spawn(async move {
                sleep(telling.scaled(MODERN_DELAY)).await;
                telling.announce(&messages, &[]);
            });
        }
    }

    /// The chats as answers and signals carry them.
    pub(crate) fn shown_chats(&self) -> Value {
        let state = self.state.borrow();
        let topics = self.setup.topics.iter().enumerate();
        let shown = topics.map(|(index, topic)| chat::shown(index, state.chats.of(topic)));
        shown.collect()
    }

    /// The message that stands for a gap.
    pub(crate) fn shown_gap(&self, gap: &Gap) -> Value {
        gap.shown(&self.chat_on(&gap.topic))
    }

    fn shown(&self, (sequence, message): &(u64, Message)) -> Value {
        let sent = message.sent.as_millis();
        let mut shown = json!({
            "id": message.id(*sequence),
            "chatId": self.chat_on(&message.topic),
            "text": message.text,
            "clock": sent,
            "timestamp": sent,
            "contentType": 1,
        });
        if !self.is_modern() {
            // Empty where there is no gap (recorded on v0.94).
            shown["gapParameters"] = json!({});
        }
        shown
    }

    /// The id of the chat on a topic; empty if the node does not listen to it.
    fn chat_on(&self, topic: &Topic) -> String {
        let mut topics = self.setup.topics.iter();
        let index = topics.position(|other| other == topic);
        index.map(chat::id).unwrap_or_default()
    }
}
