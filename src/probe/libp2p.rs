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
mod failure;
mod frame;
mod handshake_scheduler;
mod host;
mod identify;
mod inbound;
mod order;
mod ping;
mod query;
pub(super) mod store_query;
mod streams;
mod websocket;

use std::{cell::RefCell, rc::Rc};

use actix::{Arbiter, ArbiterHandle};
use actors::{
    messages::store::{FailedQuery, StoreAnswer, StoreFailure},
    model::mailserver::Mailserver,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

pub(super) use self::order::ProbeOrder;
use self::{
    host::Host,
    order::{Order, QueryOrder},
    store_query::pages::Pages,
};
use super::resolve::Resolver;

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
    ) -> Result<StoreAnswer, FailedQuery> {
        let (answer, answered) = oneshot::channel();
        self.order(Order::Query(QueryOrder {
            target,
            pages,
            answer,
        }));
        let given_up =
            |_| FailedQuery::uncounted(StoreFailure::Broken("the query was given up".into()));
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
