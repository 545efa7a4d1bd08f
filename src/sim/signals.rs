//! The signal socket of the simulated node.
//!
//! As on real nodes, one writer serves all subscribers in turn, pings are not answered, and a subscriber
//! that stops reading freezes the node: once [`FREEZE`] bytes wait, no call is answered any more
//! (recorded on status-go 2024-10, after about 2.4 MB).

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use actix_ws::{MessageStream, Session};
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::Value;
use tokio::sync::Notify;

/// What may wait for a slow subscriber before the node stands still.
const FREEZE: usize = 2_400_000;

/// Frames that may wait; further ones are lost. A frozen node would not make them.
const QUEUE_LIMIT: usize = 65_536;

/// A frame of the socket.
#[derive(Clone, Debug)]
pub enum Frame {
    /// What nodes send.
    Text(ByteString),
    /// What no node sends.
    Binary(Bytes),
}

impl From<String> for Frame {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&str> for Frame {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl Frame {
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// The subscribers and what waits for them.
#[derive(Default)]
pub(crate) struct Signals {
    subscribers: Cell<usize>,
    joined: RefCell<Vec<Session>>,
    queue: RefCell<VecDeque<Frame>>,
    waiting: Cell<usize>,
    queued: Notify,
    written: Notify,
}

impl Signals {
    /// How many sockets are open.
    pub(crate) fn subscribers(&self) -> usize {
        self.subscribers.get()
    }

    /// Sends a signal to whoever listens.
    pub(crate) fn emit(&self, kind: &str, event: impl FnOnce() -> Value) {
        if self.subscribers() > 0 {
            let event = event();
            self.send(format!(r#"{{"type":"{kind}","event":{event}}}"#).into());
        }
    }

    /// Sends a frame as it is.
    pub(crate) fn send(&self, frame: Frame) {
        let mut queue = self.queue.borrow_mut();
        if self.subscribers() > 0 && queue.len() < QUEUE_LIMIT {
            self.waiting.set(self.waiting.get() + frame.size());
            queue.push_back(frame);
            self.queued.notify_one();
        }
    }

    /// Returns at once, unless the node is frozen by a subscriber that does not read.
    pub(crate) async fn flowing(&self) {
        while self.waiting.get() > FREEZE {
            self.written.notified().await;
        }
    }

    /// Serves one socket until the client is gone.
    pub(crate) async fn subscribe(
        &self,
        session: Session,
        mut incoming: MessageStream,
        joined: impl FnOnce(),
    ) {
        self.joined.borrow_mut().push(session);
        self.subscribers.set(self.subscribers() + 1);
        joined();
        let leave = Leave(&self.subscribers);
        // Nothing that a client says is answered, not even a ping.
        while let Some(Ok(message)) = incoming.recv().await {
            if matches!(message, actix_ws::Message::Close(_)) {
                break;
            }
        }
        drop(leave);
    }

    /// The one writer: the next frame leaves when every subscriber has taken the last one.
    pub(crate) async fn write(&self) {
        let mut sessions: Vec<Session> = Vec::new();
        loop {
            let Some(frame) = self.next() else {
                self.queued.notified().await;
                continue;
            };
            sessions.append(&mut self.joined.borrow_mut());
            let mut open = Vec::with_capacity(sessions.len());
            for mut session in sessions.drain(..) {
                let sent = match frame.clone() {
                    Frame::Text(text) => session.text(text).await,
                    Frame::Binary(bytes) => session.binary(bytes).await,
                };
                if sent.is_ok() {
                    open.push(session);
                }
            }
            sessions = open;
            self.waiting.set(self.waiting.get() - frame.size());
            self.written.notify_waiters();
        }
    }

    /// Forgets what waits and whom it waits for: the node is gone.
    pub(crate) fn reset(&self) {
        self.joined.borrow_mut().clear();
        self.queue.borrow_mut().clear();
        self.waiting.set(0);
        self.written.notify_waiters();
    }

    fn next(&self) -> Option<Frame> {
        self.queue.borrow_mut().pop_front()
    }
}

/// Takes a subscriber off the count, also when its connection is cut.
struct Leave<'a>(&'a Cell<usize>);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
