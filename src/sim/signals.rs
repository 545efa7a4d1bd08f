//! The signal socket of the simulated node.
//!
//! As on real nodes, one writer serves all subscribers in turn, pings are not answered, and a subscriber
//! that stops reading freezes the node: once [`FREEZE`] bytes wait, no call is answered any more
//! (recorded on status-go 2024-10, after about 2.4 MB). A node since mid-2026 gives each subscriber a limit for each frame, and
//! closes the socket of one that exceeds it.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use actix_ws::{MessageStream, Session};
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::Value;
use tokio::{sync::Notify, time::timeout};

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

/// A subscriber as the writer knows it.
struct Subscriber {
    session: Session,
    /// Tells that it was given up.
    given_up: Rc<Notify>,
}

/// The subscribers and what waits for them.
#[derive(Default)]
pub(crate) struct Signals {
    /// How long a subscriber may take for one frame; `None`: for ever.
    write_limit: Option<Duration>,
    subscribers: Cell<usize>,
    joined: RefCell<Vec<Subscriber>>,
    queue: RefCell<VecDeque<Frame>>,
    waiting: Cell<usize>,
    queued: Notify,
    written: Notify,
}

impl Signals {
    /// Signals to nobody yet; a subscriber is given up that takes longer than the limit for one frame.
    pub(crate) fn new(write_limit: Option<Duration>) -> Self {
        Self {
            write_limit,
            ..Self::default()
        }
    }

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
        let given_up = Rc::new(Notify::new());
        self.joined.borrow_mut().push(Subscriber {
            session,
            given_up: given_up.clone(),
        });
        self.subscribers.set(self.subscribers() + 1);
        joined();
        let leave = Leave(&self.subscribers);
        // Nothing that a client says is answered, not even a ping.
        let listening = async {
            while let Some(Ok(message)) = incoming.recv().await {
                if matches!(message, actix_ws::Message::Close(_)) {
                    break;
                }
            }
        };
        tokio::select! {
            () = listening => {}
            () = given_up.notified() => {}
        }
        drop(leave);
    }

    /// The one writer: the next frame leaves when every subscriber has taken the last one.
    pub(crate) async fn write(&self) {
        let mut subscribers: Vec<Subscriber> = Vec::new();
        loop {
            let Some(frame) = self.next() else {
                self.queued.notified().await;
                continue;
            };
            subscribers.append(&mut self.joined.borrow_mut());
            let mut open = Vec::with_capacity(subscribers.len());
            for mut subscriber in subscribers.drain(..) {
                if self.write_to(&mut subscriber.session, &frame).await {
                    open.push(subscriber);
                } else {
                    subscriber.given_up.notify_one();
                }
            }
            subscribers = open;
            self.waiting.set(self.waiting.get() - frame.size());
            self.written.notify_waiters();
        }
    }

    /// Whether the subscriber took the frame.
    async fn write_to(&self, session: &mut Session, frame: &Frame) -> bool {
        let sending = async {
            match frame.clone() {
                Frame::Text(text) => session.text(text).await,
                Frame::Binary(bytes) => session.binary(bytes).await,
            }
        };
        match self.write_limit {
            None => sending.await.is_ok(),
            Some(limit) => timeout(limit, sending).await.is_ok_and(|sent| sent.is_ok()),
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
