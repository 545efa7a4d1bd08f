//! Pings by libp2p: the truth about a waku2 mailserver. It has to show its key and to answer itself, which the
//! system of a hung process cannot do for it.
//!
//! ```text
//! wait 1   connect →                                        ← agreed
//! wait 2   multistream, noise, message 1 →                  ← yes, message 2 (its key)
//! wait 3   message 3, yamux, a stream for ping, ping 1 →    ← yes, yes, echo
//! wait 4   ping 2 →                                         ← echo
//! (wait 5  identify →                                       ← its protocols)
//! ```
//!
//! Everything that need not be waited for is sent along (multistream-select's lazy version), so that a mailserver
//! 300 ms away is known after 1.2 s instead of 3. Each wait has the whole limit of the probe. The round-trip
//! time is the smaller of the two pings. Yamux is the only multiplexer: go-waku has no other (v0.10, `wakuoptions.go`),
//! nwaku has both; one so old that it has only mplex gives "no common protocol (multiplexer)".
//!
//! Over the same connections mailservers are asked what they hold: [`store_query`].
//!
//! All of it runs on a thread of its own, which the first probe starts: handshakes compute, and delay nobody
//! there. All targets of a round wait for the network at once, and compute one after the other:
//! [`handshake_scheduler`].

mod byte_counter;
mod connection;
mod connection_pool;
mod dial;
mod frame;
mod handshake_scheduler;
mod identify;
mod inbound;
mod ping;
mod query;
pub(super) mod store_query;
mod streams;
mod websocket;

use std::{cell::RefCell, rc::Rc, time::Duration};

use actix::{Arbiter, ArbiterHandle};
use actors::{
    messages::store::{StoreAnswer, StoreFailure},
    model::{
        mailserver::{Identity, Mailserver},
        probe::ProbeFailure,
    },
};
use libp2p_identity::{Keypair, PeerId};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

use self::{
    byte_counter::ByteCounter,
    connection::Connection,
    connection_pool::{ConnectionPool, PooledConnection},
    handshake_scheduler::HandshakeScheduler,
    store_query::pages::Pages,
};
use super::{
    answers::Answer,
    resolve::Resolver,
    tcp::{self, Place},
};

/// How often a probe waits for the target after it is secured: for two pings.
const PINGS: u32 = 2;

/// What the thread is to do.
enum Order {
    Probe(ProbeOrder),
    Query(QueryOrder),
}

/// One target to be probed.
pub(super) struct ProbeOrder {
    pub(super) target: Mailserver,
    /// For each wait.
    pub(super) limit: Duration,
    /// Whether its connection is kept.
    pub(super) watched: bool,
    pub(super) answer: Answer,
}

/// One target to be asked what it holds.
struct QueryOrder {
    target: Mailserver,
    pages: Pages,
    answer: oneshot::Sender<Result<StoreAnswer, StoreFailure>>,
}

/// The way to the thread that probes.
pub(super) struct Libp2p {
    resolver: Resolver,
    identify: bool,
    running: RefCell<Option<Running>>,
}

struct Running {
    orders: mpsc::UnboundedSender<Order>,
    arbiter: ArbiterHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.arbiter.stop();
    }
}

impl Libp2p {
    /// Starts nothing yet. With `identify`, a target must list a store protocol.
    pub(super) fn new(resolver: Resolver, identify: bool) -> Self {
        Self {
            resolver,
            identify,
            running: RefCell::default(),
        }
    }

    /// Probes a target. How many there are at once is bounded by the orders, and those by the rounds.
    pub(super) fn probe(&self, order: ProbeOrder) {
        self.order(Order::Probe(order));
    }

    /// Asks a target what it holds. How many queries there are at once is for the caller to bound.
    pub(super) async fn query(
        &self,
        target: Mailserver,
        pages: Pages,
    ) -> Result<StoreAnswer, StoreFailure> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::Query(QueryOrder {
            target,
            pages,
            answer,
        }));
        let given_up = |_| StoreFailure::Broken("the query was given up".into());
        answered.await.map_err(given_up)?
    }

    fn order(&self, order: Order) {
        let mut running = self.running.borrow_mut();
        let order = match running.as_ref() {
            Some(running) => match running.orders.send(order) {
                Ok(()) => return,
                // The thread is gone: another one.
                Err(mpsc::error::SendError(order)) => order,
            },
            None => order,
        };
        let started = running.insert(self.start());
        // If it fails, the order says so when it is dropped.
        let _ = started.orders.send(order);
    }

    fn start(&self) -> Running {
        let (sender, orders) = mpsc::unbounded_channel();
        let (resolver, identify) = (self.resolver.clone(), self.identify);
        let arbiter = Arbiter::with_tokio_rt(runtime).handle();
        arbiter.spawn_fn(move || {
            actix_rt::spawn(serve(resolver, identify, orders));
        });
        Running {
            orders: sender,
            arbiter,
        }
    }
}

/// The runtime of the handshakes: names are looked up by at most two threads more.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .expect("the system gives a thread and a poller")
}

/// Probes what is ordered until nobody is left to order.
async fn serve(resolver: Resolver, identify: bool, mut orders: mpsc::UnboundedReceiver<Order>) {
    let host = match Host::new(resolver, identify) {
        Ok(host) => Rc::new(host),
        Err(error) => return tracing::error!(%error, "no keys for libp2p probes"),
    };
    let mut tasks = JoinSet::new();
    while let Some(order) = orders.recv().await {
        while tasks.try_join_next().is_some() {}
        let host = host.clone();
        match order {
            Order::Probe(order) => tasks.spawn_local(host.probe(order)),
            Order::Query(order) => tasks.spawn_local(host.query(order)),
        };
    }
    host.pool.clear();
}

/// What the probes share.
struct Host {
    resolver: Resolver,
    identify: bool,
    /// One key for all probes of this process: nwaku limits the peers behind one address.
    keys: libp2p_noise::Config,
    introduction: Rc<[u8]>,
    scheduler: HandshakeScheduler,
    pool: Rc<ConnectionPool>,
}

impl Host {
    fn new(resolver: Resolver, identify: bool) -> Result<Self, Box<dyn std::error::Error>> {
        let secret: [u8; 32] = rand::random();
        let keys = Keypair::ed25519_from_bytes(secret)?;
        Ok(Self {
            resolver,
            identify,
            introduction: identify::introduction(&keys.public(), &inbound::PROTOCOLS).into(),
            keys: libp2p_noise::Config::new(&keys)?,
            scheduler: HandshakeScheduler::new(),
            pool: Rc::default(),
        })
    }

    async fn probe(self: Rc<Self>, order: ProbeOrder) {
        // A round uses what the watch keeps, or a query is about to have: nwaku allows a peer one connection.
        let _ = timeout(order.limit, self.pool.dialled(&order.target.identity)).await;
        match self.pool.take(&order.target.identity) {
            Some(entry) => self.probe_again(entry, order).await,
            None => self.probe_anew(order).await,
        }
    }

    async fn probe_again(&self, mut entry: PooledConnection, order: ProbeOrder) {
        order.answer.began(1);
        let outcome = entry.connection.ping(order.limit).await;
        // What the other side said since the last ping counts too.
        let bytes = entry.counter.report();
        let lives = outcome.is_ok();
        let afterwards = order.answer.done(outcome, bytes);
        // One that hangs or has ended is dropped: the next probe dials.
        if lives {
            let entry = match order.watched {
                true => PooledConnection::watched(entry.connection, entry.counter, afterwards),
                false => entry,
            };
            self.pool.keep(order.target.identity, entry);
        }
    }

    async fn probe_anew(&self, order: ProbeOrder) {
        let ProbeOrder {
            target,
            limit,
            watched,
            answer,
        } = order;
        let counter = ByteCounter::default();
        match self.reach(&target, limit, &counter, &answer).await {
            Ok((connection, rtt)) => {
                let afterwards = answer.done(Ok(rtt), counter.report());
                if watched {
                    let entry = PooledConnection::watched(connection, counter, afterwards);
                    self.pool.keep(target.identity, entry);
                }
            }
            Err(failure) => drop(answer.done(Err(failure), counter.report())),
        }
    }

    /// Tries all addresses at once.
    async fn reach(
        &self,
        target: &Mailserver,
        limit: Duration,
        counter: &ByteCounter,
        answer: &Answer,
    ) -> Result<(Connection, Duration), ProbeFailure> {
        let expected = peer(&target.identity)?;
        let endpoints = target.address.endpoints();
        let places = tcp::resolve_all(&self.resolver, endpoints, limit).await?;
        let dials = places.iter().map(|it| it.endpoint.transport);
        let further = PINGS + u32::from(self.identify);
        answer.began(dials.map(dial::round_trips).max().unwrap_or(1) + further);
        let tries = places
            .iter()
            .map(|place| self.attempt(place, expected, limit, counter));
        tcp::first(tries.collect()).await
    }

    async fn attempt(
        &self,
        place: &Place,
        expected: PeerId,
        limit: Duration,
        counter: &ByteCounter,
    ) -> Result<(Connection, Duration), ProbeFailure> {
        let mut connection = self.connect(place, expected, limit, counter).await?;
        let mut rtt = connection.ping(limit).await?;
        rtt = rtt.min(connection.ping(limit).await?);
        if self.identify {
            connection.find_store(limit).await?;
        }
        Ok((connection, rtt))
    }

    /// A connection to whom we know, over which nothing was said yet.
    async fn connect(
        &self,
        place: &Place,
        expected: PeerId,
        limit: Duration,
        counter: &ByteCounter,
    ) -> Result<Connection, ProbeFailure> {
        let Place { endpoint, address } = place;
        #[cfg(not(feature = "tls"))]
        if endpoint.transport == actors::model::address::Transport::Wss {
            return Err(ProbeFailure::Impossible(dial::NO_TLS.into()));
        }
        let stream = dial::dial(endpoint, *address, limit, counter).await?;
        let secured =
            dial::secure(stream, self.keys.clone(), expected, limit, &self.scheduler).await?;
        let connection = Connection::over(secured, self.introduction.clone()).await;
        connection.map_err(|error| ProbeFailure::Other(error.to_string()))
    }
}

fn peer(identity: &Identity) -> Result<PeerId, ProbeFailure> {
    let peer = identity.as_str().parse();
    peer.map_err(|_| ProbeFailure::Impossible("no peer id".into()))
}
