//! Connections that are kept open for the next probe of a watched target.
//!
//! One ping over a connection that stands costs about 150 bytes and one round trip; a new connection costs ten
//! times that. And it tells at once when the other process dies.

use std::{
    cell::RefCell, collections::BTreeMap, future::poll_fn, rc::Rc, task::Poll, time::Duration,
};

use actors::model::mailserver::Identity;
use tokio::{
    task::AbortHandle,
    time::{Instant, timeout_at},
};

use super::{byte_counter::ByteCounter, connection::Connection};
use crate::probe::answers::Afterwards;

/// The most connections that are kept.
const MOST_KEPT: usize = 4;

/// How long a connection is kept that no probe asks for.
const PATIENCE: Duration = Duration::from_secs(90);

/// A connection with what belongs to it.
pub(super) struct PooledConnection {
    pub(super) connection: Connection,
    /// What goes over its socket.
    pub(super) counter: ByteCounter,
    /// What of it was reported already.
    pub(super) reported: u64,
    /// Who is told that it has ended.
    pub(super) afterwards: Afterwards,
    /// Until when it is kept.
    pub(super) until: Instant,
}

impl PooledConnection {
    pub(super) fn new(
        connection: Connection,
        counter: ByteCounter,
        afterwards: Afterwards,
    ) -> Self {
        Self {
            connection,
            reported: counter.total(),
            counter,
            afterwards,
            until: Instant::now() + PATIENCE,
        }
    }
}

/// The connections that are kept, one for each identity.
#[derive(Default)]
pub(super) struct ConnectionPool(RefCell<BTreeMap<Identity, Guarded>>);

struct Guarded {
    entry: PooledConnection,
    #[expect(dead_code, reason = "ends with the entry")]
    guard: Guard,
}

/// The task that waits for the end of a connection; it ends with it.
struct Guard(AbortHandle);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ConnectionPool {
    /// Keeps a connection until it ends, nobody asks for it any more, or its place is needed.
    pub(super) fn keep(self: &Rc<Self>, identity: Identity, entry: PooledConnection) {
        self.make_room(&identity);
        let guard = guard(self.clone(), identity.clone(), entry.until);
        let guard = Guard(actix_rt::spawn(guard).abort_handle());
        let guarded = Guarded { entry, guard };
        self.0.borrow_mut().insert(identity, guarded);
    }

    /// Closes all.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    fn make_room(&self, identity: &Identity) {
        let mut pool = self.0.borrow_mut();
        if pool.len() < MOST_KEPT || pool.contains_key(identity) {
            return;
        }
        let oldest = pool.iter().min_by_key(|(_, it)| it.entry.until);
        if let Some(oldest) = oldest.map(|(identity, _)| identity.clone()) {
            pool.remove(&oldest);
        }
    }

    /// Takes a connection away: for a probe, or because it is over.
    pub(super) fn take(&self, identity: &Identity) -> Option<PooledConnection> {
        let guarded = self.0.borrow_mut().remove(identity);
        guarded.map(|guarded| guarded.entry)
    }
}

/// Waits for the end of one connection, and says so. It is aborted when the connection is taken or replaced.
async fn guard(pool: Rc<ConnectionPool>, identity: Identity, until: Instant) {
    let ended = poll_fn(|context| match pool.0.borrow_mut().get_mut(&identity) {
        Some(guarded) => guarded.entry.connection.poll_ended(context),
        None => Poll::Ready(()),
    });
    let by_itself = timeout_at(until, ended).await.is_ok();
    if let Some(entry) = pool.take(&identity)
        && by_itself
    {
        entry.afterwards.closed();
    }
}

#[cfg(test)]
mod tests {
    use actors::{
        messages::ping::{News, Probe, ProbeAnswer, Proof},
        testing::{self, Received},
    };
    use tokio::io::DuplexStream;
    use tokio_util::compat::TokioAsyncReadCompatExt as _;

    use super::*;
    use crate::probe::answers::Answers;

    /// A kept connection to nobody, the other end of it, and what is said of it.
    async fn keep(
        pool: &Rc<ConnectionPool>,
        number: usize,
    ) -> (DuplexStream, Received<ProbeAnswer>) {
        let (answer_to, answers) = testing::Probe::<ProbeAnswer>::start();
        let probe = Probe {
            round: 1,
            targets: Vec::new(),
            timeout: Duration::ZERO,
            proof: Proof::Watched,
            answer_to,
        };
        let answer = Answers::of(&probe).about(identity(number));
        let afterwards = answer.done(Ok(Duration::ZERO), 0);
        answers.next().await;
        let (near, far) = tokio::io::duplex(1024);
        let connection = Connection::over(near.compat(), Rc::from([])).await.unwrap();
        let entry = PooledConnection::new(connection, ByteCounter::default(), afterwards);
        pool.keep(identity(number), entry);
        (far, answers)
    }

    fn identity(number: usize) -> Identity {
        testing::mailserver(number).identity
    }

    #[actix::test]
    async fn an_end_is_told_once_and_only_by_who_is_still_kept() {
        tokio::time::pause();
        let pool = Rc::new(ConnectionPool::default());
        let (far, answers) = keep(&pool, 0).await;
        drop(far);
        assert_eq!(answers.next().await.news, News::Closed);
        assert!(pool.take(&identity(0)).is_none());
        let (far, answers) = keep(&pool, 1).await;
        let taken = pool.take(&identity(1)).unwrap();
        drop(far);
        answers.assert_none("it is in use").await;
        drop(taken);
    }

    #[actix::test]
    async fn whoever_is_not_asked_for_in_90_seconds_is_dropped_without_a_word() {
        tokio::time::pause();
        let pool = Rc::new(ConnectionPool::default());
        let (_far, answers) = keep(&pool, 0).await;
        tokio::time::sleep(PATIENCE - Duration::from_secs(1)).await;
        assert!(pool.0.borrow().contains_key(&identity(0)));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(pool.take(&identity(0)).is_none());
        answers.assert_none("it did not end by itself").await;
    }

    #[actix::test]
    async fn the_fifth_takes_the_place_of_the_oldest() {
        tokio::time::pause();
        let pool = Rc::new(ConnectionPool::default());
        let mut held = Vec::new();
        for number in 0..=MOST_KEPT {
            held.push(keep(&pool, number).await);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(pool.take(&identity(0)).is_none());
        assert!((1..=MOST_KEPT).all(|number| pool.take(&identity(number)).is_some()));
        held[0].1.assert_none("its place was needed").await;
    }
}
