//! One handshake computes at a time, and between two of them the system is asked what has arrived.
//!
//! All targets of a round are dialled at once, so their answers come at once, and each costs a good part of a
//! millisecond of cryptography. An echo that arrives in the middle of it must not wait for all of that, or
//! the pings measure our own queue.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use futures_util::task::{ArcWake, AtomicWaker, waker};
use tokio::{sync::Semaphore, task::yield_now};

/// Lets one handshake compute at a time.
#[derive(Debug)]
pub(super) struct HandshakeScheduler(Semaphore);

impl HandshakeScheduler {
    pub(super) fn new() -> Self {
        Self(Semaphore::new(1))
    }

    /// Does some work, each step of it in a turn. Waiting for the network takes no turn.
    pub(super) async fn run<W: Future>(&self, work: W) -> W::Output {
        let mut work = pin!(work);
        let wakeup = Arc::new(Wakeup::default());
        let waker = waker(wakeup.clone());
        loop {
            let turn = self.0.acquire().await;
            let step = work.as_mut().poll(&mut Context::from_waker(&waker));
            // The turn ends when others have had theirs, first of all the echoes that have arrived.
            yield_now().await;
            drop(turn);
            match step {
                Poll::Ready(output) => return output,
                Poll::Pending => wakeup.woken().await,
            }
        }
    }
}

/// Remembers that the work can go on, whoever is woken meanwhile.
#[derive(Default)]
struct Wakeup {
    woken: AtomicBool,
    task: AtomicWaker,
}

impl Wakeup {
    async fn woken(&self) {
        std::future::poll_fn(|context| {
            self.task.register(context.waker());
            match self.woken.swap(false, SeqCst) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

impl ArcWake for Wakeup {
    fn wake_by_ref(wakeup: &Arc<Self>) {
        wakeup.woken.store(true, SeqCst);
        wakeup.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc, time::Duration};

    use futures_util::future::join_all;
    use tokio::time::{Instant, sleep};

    use super::*;

    #[actix::test]
    async fn waiting_takes_no_turn() {
        tokio::time::pause();
        let scheduler = HandshakeScheduler::new();
        let begun = Instant::now();
        let wait = Duration::from_millis(500);
        join_all((0..200).map(|_| scheduler.run(sleep(wait)))).await;
        assert!(begun.elapsed() <= wait + Duration::from_millis(1));
    }

    #[actix::test]
    async fn another_task_runs_between_two_steps() {
        let scheduler = Rc::new(HandshakeScheduler::new());
        let done = Rc::new(Cell::new(0));
        for _ in 0..10 {
            let (scheduler, done) = (scheduler.clone(), done.clone());
            actix_rt::spawn(async move { scheduler.run(async { done.set(done.get() + 1) }).await });
        }
        let mut seen = vec![0];
        while done.get() < 10 {
            yield_now().await;
            seen.push(done.get());
        }
        assert!(seen.windows(2).all(|two| two[1] - two[0] <= 1), "{seen:?}");
    }
}
