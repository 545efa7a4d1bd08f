//! Tasks of this thread that end with their owner.

use std::{cell::RefCell, future::Future};

use tokio::task::{AbortHandle, JoinSet};

/// A set of tasks; dropping it, or [`Tasks::abort_all`], ends them.
#[derive(Debug, Default)]
pub(crate) struct Tasks(RefCell<JoinSet<()>>);

impl Tasks {
    /// Starts one.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) -> AbortHandle {
        let mut tasks = self.0.borrow_mut();
        // Forget those that are done, or the set only grows.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_local(task)
    }

    /// Ends all of them at their next turn.
    pub(crate) fn abort_all(&self) {
        self.0.borrow_mut().abort_all();
    }
}
