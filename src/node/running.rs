//! Whether a history request of the node is under way, as its signals tell.

use std::{cell::Cell, time::Duration};

use actors::messages::node::HistorySignal;
use tokio::{sync::Notify, time::Instant};

/// The history request of the node that was heard of last, if it has not ended.
///
/// The signals carry no id that could be relied on, so that of several under way the first that ends ends them all.
#[derive(Debug, Default)]
pub(crate) struct Running {
    begun: Cell<Option<Instant>>,
    ended: Notify,
}

impl Running {
    /// Notes what a signal told.
    pub(crate) fn note(&self, signal: &HistorySignal) {
        match signal {
            HistorySignal::Started => self.begun.set(Some(Instant::now())),
            HistorySignal::Completed | HistorySignal::Failed { .. } => self.clear(),
        }
    }

    /// None is under way: one was answered, or what was under way concerns nobody any more. A failure may be told by
    /// no signal at all (status-go 2024-10: only that of a query is).
    pub(crate) fn clear(&self) {
        self.begun.set(None);
        self.ended.notify_one();
    }

    /// Waits until none is under way, for so long at most; false if one still is. One that began `longest` ago has
    /// ended, whatever was not told of it.
    pub(crate) async fn until_none(&self, patience: Duration, longest: Duration) -> bool {
        let none = async {
            while let Some(begun) = self.begun.get() {
                tokio::select! {
                    () = self.ended.notified() => {}
                    () = tokio::time::sleep_until(begun + longest) => self.clear(),
                }
            }
        };
        tokio::time::timeout(patience, none).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);
    const LONGEST: Duration = Duration::from_secs(90);

    #[actix::test]
    async fn one_that_goes_on_is_waited_for_and_one_that_ended_is_not() {
        tokio::time::pause();
        let running = Running::default();
        assert!(running.until_none(PATIENCE, LONGEST).await);
        let failed = HistorySignal::Failed {
            reason: "no".into(),
        };
        for end in [HistorySignal::Completed, failed] {
            running.note(&HistorySignal::Started);
            assert!(!running.until_none(PATIENCE, LONGEST).await);
            let (idle, ()) = tokio::join!(running.until_none(PATIENCE, LONGEST), async {
                tokio::time::sleep(PATIENCE / 2).await;
                running.note(&end);
            });
            assert!(idle);
        }
    }

    #[actix::test]
    async fn one_of_which_no_end_was_told_has_ended_all_the_same() {
        tokio::time::pause();
        let running = Running::default();
        running.note(&HistorySignal::Started);
        tokio::time::sleep(LONGEST - PATIENCE / 2).await;
        assert!(running.until_none(PATIENCE, LONGEST).await);
        // Another one begins, and its end was told before anybody waited.
        running.note(&HistorySignal::Started);
        running.clear();
        assert!(running.until_none(Duration::ZERO, LONGEST).await);
        running.note(&HistorySignal::Started);
        assert!(!running.until_none(PATIENCE, LONGEST).await);
    }
}
