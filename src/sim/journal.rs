//! What was asked of the simulated node, and a way to wait for things to happen.

use std::{
    cell::RefCell,
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{sync::watch, time::timeout};

/// Calls that are kept; the oldest are forgotten first.
const KEPT: usize = 100_000;

/// One call that the node received.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// When it arrived.
    pub at: Instant,
    /// The method as the caller wrote it.
    pub method: String,
    /// The parameters as the caller wrote them; null where there are none.
    pub params: Value,
}

/// One request to an endpoint by which a status-backend is logged in.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginCall {
    /// When it arrived.
    pub at: Instant,
    /// `InitializeApplication`, `LoginAccount` or `Logout`.
    pub endpoint: String,
    /// The body, passwords included: its JSON, or its text if it is none; null if it is empty.
    pub body: Value,
}

/// The calls so far, and a count of everything that happened.
#[derive(Debug)]
pub(crate) struct Journal {
    calls: RefCell<VecDeque<Call>>,
    logins: RefCell<VecDeque<LoginCall>>,
    happened: watch::Sender<u64>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            calls: RefCell::default(),
            logins: RefCell::default(),
            happened: watch::Sender::new(0),
        }
    }
}

impl Journal {
    /// Something changed that somebody may wait for.
    pub(crate) fn note(&self) {
        self.happened.send_modify(|count| *count += 1);
    }

    /// A call arrived.
    pub(crate) fn record(&self, method: &str, params: Value) {
        let (at, method) = (Instant::now(), method.to_owned());
        self.keep(&self.calls, Call { at, method, params });
    }

    /// A request about a login arrived.
    pub(crate) fn record_login(&self, endpoint: &str, body: Value) {
        let (at, endpoint) = (Instant::now(), endpoint.to_owned());
        self.keep(&self.logins, LoginCall { at, endpoint, body });
    }

    /// The oldest gives way.
    fn keep<T>(&self, kept: &RefCell<VecDeque<T>>, new: T) {
        let mut kept = kept.borrow_mut();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(new);
        drop(kept);
        self.note();
    }

    /// The requests about logins that are kept, the oldest first.
    pub(crate) fn logins(&self) -> Vec<LoginCall> {
        self.logins.borrow().iter().cloned().collect()
    }

    /// The calls that are kept, the oldest first.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.borrow().iter().cloned().collect()
    }

    /// Forgets them.
    pub(crate) fn clear(&self) {
        self.calls.borrow_mut().clear();
        self.logins.borrow_mut().clear();
    }

    /// Waits until `condition` holds; it is looked at after everything that happens.
    /// False if it does not come to hold within `limit`.
    pub(crate) async fn wait_for(&self, limit: Duration, condition: impl FnMut() -> bool) -> bool {
        timeout(limit, self.until(condition)).await.is_ok()
    }

    /// Waits until `condition` holds.
    pub(crate) async fn until(&self, mut condition: impl FnMut() -> bool) {
        let mut happened = self.happened.subscribe();
        // It can only fail when the sender is gone, and `self` holds it.
        let _ = happened.wait_for(|_| condition()).await;
    }
}
