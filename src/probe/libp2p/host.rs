//! Whoever probes: its keys, the connections that it keeps, and a probe from the dial to the answer.

use std::{rc::Rc, time::Duration};

use actors::model::{
    mailserver::{Identity, Mailserver},
    probe::ProbeFailure,
};
use libp2p_identity::{Keypair, PeerId};
use tokio::time::timeout;

use super::{
    byte_counter::ByteCounter,
    connection::Connection,
    connection_pool::{ConnectionPool, PooledConnection},
    dial,
    handshake_scheduler::HandshakeScheduler,
    identify, inbound,
    order::ProbeOrder,
};
use crate::probe::{
    answers::Answer,
    resolve::Resolver,
    tcp::{self, Place},
};

/// How often a probe waits for the target after it is secured: for two pings.
const PINGS: u32 = 2;

/// What probes and queries share.
pub(super) struct Host {
    pub(super) resolver: Resolver,
    identify: bool,
    /// One key for all probes of this process: nwaku limits the peers behind one address.
    keys: libp2p_noise::Config,
    introduction: Rc<[u8]>,
    scheduler: HandshakeScheduler,
    pub(super) pool: Rc<ConnectionPool>,
}

impl Host {
    pub(super) fn new(
        resolver: Resolver,
        identify: bool,
    ) -> Result<Self, Box<dyn std::error::Error>> {
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

    pub(super) async fn probe(self: Rc<Self>, order: ProbeOrder) {
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
    pub(super) async fn connect(
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

pub(super) fn peer(identity: &Identity) -> Result<PeerId, ProbeFailure> {
    let peer = identity.as_str().parse();
    peer.map_err(|_| ProbeFailure::Impossible("no peer id".into()))
}
