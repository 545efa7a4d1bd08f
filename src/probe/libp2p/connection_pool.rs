//! Connections that are kept open for the next probe of a watched target, and for queries.
//!
//! One ping over a connection that stands costs about 150 bytes and one round trip; a new connection costs ten
//! times that. And it tells at once when the other process dies.
//!
//! A probe takes the connection away while it pings; a query shares it meanwhile, and is nobody who watches: what it
//! dialled itself is kept for the next query, and ends soon after the last one.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    sync::{Arc, Weak},
    task::Poll,
    time::Duration,
};

use actors::model::mailserver::Identity;
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::AbortHandle,
    time::{Instant, timeout_at},
};

use super::{
    byte_counter::ByteCounter,
    connection::Connection,
    streams::{Streams, WeakStreams},
};
use crate::probe::answers::Afterwards;

/// The most connections that are kept.
const MOST_KEPT: usize = 4;

/// How long a connection is kept that no probe asks for.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long one is kept that was dialled for a query and serves none any more.
const AFTER_QUERY: Duration = Duration::from_secs(2);

/// A connection with what belongs to it.
pub(super) struct PooledConnection {
    pub(super) connection: Connection,
    /// What goes over its socket.
    pub(super) counter: ByteCounter,
    /// Who is told that it has ended, if it is watched.
    pub(super) afterwards: Option<Afterwards>,
    /// Until when it is kept, at least.
    pub(super) until: Instant,
}

impl PooledConnection {
    /// One that is watched.
    pub(super) fn watched(
        connection: Connection,
        counter: ByteCounter,
        afterwards: Afterwards,
    ) -> Self {
        Self {
            connection,
            counter,
            afterwards: Some(afterwards),
            until: Instant::now() + PATIENCE,
        }
    }

    /// One that a query needs.
    pub(super) fn for_query(connection: Connection, counter: ByteCounter) -> Self {
        Self {
            connection,
            counter,
            afterwards: None,
            until: Instant::now() + AFTER_QUERY,
        }
    }

    /// How much it is needed: by a query, or by the watch; the one that was pinged last the most.
    fn worth(&self) -> (bool, Instant) {
        let needed = self.connection.streams().is_shared() || self.afterwards.is_some();
        (needed, self.until)
    }
}

/// A connection that a query shares.
pub(super) struct SharedConnection {
    pub(super) streams: Streams,
    pub(super) counter: ByteCounter,
}

/// The connections that are kept, one for each identity.
#[derive(Default)]
pub(super) struct ConnectionPool {
    kept: RefCell<BTreeMap<Identity, Guarded>>,
    /// Those that can be shared, whether they are kept now or in use by a probe.
    shareable: RefCell<BTreeMap<Identity, (WeakStreams, ByteCounter)>>,
    /// Who is being dialled for a query.
    dialled: RefCell<BTreeMap<Identity, Weak<Mutex<()>>>>,
}

/// While this is held, nobody else dials the same peer for a query.
pub(super) type Turn = OwnedMutexGuard<()>;

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
        self.allow_sharing(&identity, &entry);
        let guard = guard(self.clone(), identity.clone(), entry.until);
        let guard = Guard(actix_rt::spawn(guard).abort_handle());
        let guarded = Guarded { entry, guard };
        self.kept.borrow_mut().insert(identity, guarded);
    }

    /// Closes all.
    pub(super) fn clear(&self) {
        self.kept.borrow_mut().clear();
    }

    /// The connection to somebody, if there is one, whoever else uses it.
    pub(super) fn share(&self, identity: &Identity) -> Option<SharedConnection> {
        let shareable = self.shareable.borrow();
        let (streams, counter) = shareable.get(identity)?;
        Some(SharedConnection {
            streams: streams.upgrade()?,
            counter: counter.clone(),
        })
    }

    /// Waits until nobody dials this peer for a query.
    pub(super) async fn dialled(&self, identity: &Identity) {
        if let Some(turn) = self.turn_of(identity) {
            drop(turn.lock().await);
        }
    }

    /// Waits for the turn to dial this peer for a query.
    pub(super) async fn turn(&self, identity: &Identity) -> Turn {
        self.make_turn(identity).lock_owned().await
    }

    fn make_turn(&self, identity: &Identity) -> Arc<Mutex<()>> {
        let turn = self.turn_of(identity).unwrap_or_default();
        let mut dialled = self.dialled.borrow_mut();
        dialled.retain(|_, it| it.strong_count() > 0);
        dialled.insert(identity.clone(), Arc::downgrade(&turn));
        turn
    }

    fn turn_of(&self, identity: &Identity) -> Option<Arc<Mutex<()>>> {
        self.dialled.borrow().get(identity)?.upgrade()
    }

    fn is_shared(&self, identity: &Identity) -> bool {
        let pool = self.kept.borrow();
        let guarded = pool.get(identity);
        guarded.is_some_and(|it| it.entry.connection.streams().is_shared())
    }

    fn allow_sharing(&self, identity: &Identity, entry: &PooledConnection) {
        let shared = (
            entry.connection.streams().downgrade(),
            entry.counter.clone(),
        );
        let mut shareable = self.shareable.borrow_mut();
        shareable.retain(|_, (streams, _)| streams.upgrade().is_some());
        shareable.insert(identity.clone(), shared);
    }

    fn make_room(&self, identity: &Identity) {
        let mut pool = self.kept.borrow_mut();
        if pool.len() < MOST_KEPT || pool.contains_key(identity) {
            return;
        }
        let least = pool.iter().min_by_key(|(_, it)| it.entry.worth());
        if let Some(least) = least.map(|(identity, _)| identity.clone()) {
            pool.remove(&least);
        }
    }

    /// Takes a connection away: for a probe, or because it is over.
    pub(super) fn take(&self, identity: &Identity) -> Option<PooledConnection> {
        let guarded = self.kept.borrow_mut().remove(identity);
        guarded.map(|guarded| guarded.entry)
    }
}

/// Waits for the end of one connection, and says so. It is aborted when the connection is taken or replaced.
async fn guard(pool: Rc<ConnectionPool>, identity: Identity, mut until: Instant) {
    let ended = poll_fn(|context| match pool.kept.borrow_mut().get_mut(&identity) {
        Some(guarded) => guarded.entry.connection.poll_ended(context),
        None => Poll::Ready(()),
    });
    let mut ended = pin!(ended);
    let by_itself = loop {
        if timeout_at(until, &mut ended).await.is_ok() {
            break true;
        }
        if !pool.is_shared(&identity) {
            break false;
        }
        until = Instant::now() + AFTER_QUERY;
    };
    if let Some(entry) = pool.take(&identity)
        && by_itself
        && let Some(afterwards) = entry.afterwards
    {
        afterwards.closed();
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
        let entry = PooledConnection::watched(connection, ByteCounter::default(), afterwards);
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
        assert!(pool.kept.borrow().contains_key(&identity(0)));
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

    /// A connection to nobody that a query dialled, the query's part of it, and the other end.
    async fn dial(pool: &Rc<ConnectionPool>, number: usize) -> (DuplexStream, Streams) {
        let (near, far) = tokio::io::duplex(1024);
        let connection = Connection::over(near.compat(), Rc::from([])).await.unwrap();
        let streams = connection.streams().clone();
        let entry = PooledConnection::for_query(connection, ByteCounter::default());
        pool.keep(identity(number), entry);
        (far, streams)
    }

    #[actix::test]
    async fn what_a_query_dialled_is_kept_as_long_as_one_needs_it() {
        tokio::time::pause();
        let pool = Rc::new(ConnectionPool::default());
        let (_far, streams) = dial(&pool, 0).await;
        tokio::time::sleep(2 * PATIENCE).await;
        let next = pool.share(&identity(0)).expect("one needs it");
        drop((streams, next));
        tokio::time::sleep(2 * AFTER_QUERY).await;
        assert!(pool.take(&identity(0)).is_none());
        assert!(pool.share(&identity(0)).is_none());
    }

    #[actix::test]
    async fn a_connection_is_shared_while_a_probe_has_it_and_not_when_it_has_ended() {
        tokio::time::pause();
        let pool = Rc::new(ConnectionPool::default());
        let (_far, _answers) = keep(&pool, 0).await;
        let taken = pool.take(&identity(0)).unwrap();
        assert!(pool.share(&identity(0)).is_some());
        drop(taken);
        tokio::task::yield_now().await;
        assert!(pool.share(&identity(0)).is_none());
    }

    #[actix::test]
    async fn a_place_is_taken_first_from_whom_neither_the_watch_nor_a_query_needs() {
        tokio::time::pause();
        let pool = Rc::new(ConnectionPool::default());
        let (_watched, _answers) = keep(&pool, 0).await;
        let mut held = Vec::new();
        for number in 1..MOST_KEPT {
            tokio::time::sleep(AFTER_QUERY / 10).await;
            held.push(dial(&pool, number).await);
        }
        let (_far, idle) = held.pop().unwrap();
        drop(idle);
        let _newest = dial(&pool, MOST_KEPT).await;
        assert!(pool.take(&identity(MOST_KEPT - 1)).is_none());
        assert!((0..MOST_KEPT - 1).all(|number| pool.take(&identity(number)).is_some()));
    }

    #[actix::test]
    async fn one_query_at_a_time_dials_a_peer_and_probes_wait_for_it() {
        tokio::time::pause();
        let pool = ConnectionPool::default();
        let limit = Duration::from_secs(1);
        let turn = pool.turn(&identity(0)).await;
        assert!(
            tokio::time::timeout(limit, pool.turn(&identity(0)))
                .await
                .is_err()
        );
        assert!(
            tokio::time::timeout(limit, pool.dialled(&identity(0)))
                .await
                .is_err()
        );
        pool.dialled(&identity(1)).await;
        drop(pool.turn(&identity(1)).await);
        drop(turn);
        pool.dialled(&identity(0)).await;
    }
}
