//! A store query: over the connection that there is, or over one that is dialled for it.

use std::{rc::Rc, time::Duration};

use actors::{
    messages::store::{FailedQuery, StoreAnswer, StoreFailure},
    model::{mailserver::Mailserver, probe::ProbeFailure},
};
use tokio::time::Instant;

use super::{
    byte_counter::ByteCounter,
    connection_pool::{PooledConnection, SharedConnection},
    host::{Host, peer},
    order::QueryOrder,
    store_query::pages::Pages,
};
use crate::probe::tcp;

/// How long each wait may take. A store looks into a database of days, which is more than an echo.
const PATIENCE: Duration = Duration::from_secs(5);

impl Host {
    /// Asks, and answers.
    pub(super) async fn query(self: Rc<Self>, order: QueryOrder) {
        let QueryOrder {
            target,
            pages,
            answer,
        } = order;
        // Whoever asked may be gone.
        let _ = answer.send(self.ask_store(&target, pages).await);
    }

    async fn ask_store(
        &self,
        target: &Mailserver,
        mut pages: Pages,
    ) -> Result<StoreAnswer, FailedQuery> {
        let begun = Instant::now();
        let turn = self.pool.turn(&target.identity).await;
        let connection = match self.pool.share(&target.identity) {
            Some(connection) => connection,
            None if !pages.worth_a_dial() => return Ok(pages.into_answer(0)),
            None => self.dial_for_query(target).await?,
        };
        drop(turn);
        let (mut bytes, mut asked) = (connection.counter.report(), 0);
        let id = || format!("{:032x}", rand::random::<u128>());
        while let Some(request) = pages.next(bytes, begun.elapsed(), id()) {
            let page = connection.streams.query_store(&request, PATIENCE).await;
            bytes += connection.counter.report();
            asked += 1;
            let received = page.and_then(|page| pages.receive(page));
            received.map_err(|why| FailedQuery {
                why,
                bytes: Some(bytes),
                pages: asked,
            })?;
        }
        Ok(pages.into_answer(bytes))
    }

    async fn dial_for_query(&self, target: &Mailserver) -> Result<SharedConnection, FailedQuery> {
        let expected = peer(&target.identity).map_err(failure)?;
        let endpoints = target.address.endpoints();
        let places = tcp::resolve_all(&self.resolver, endpoints, PATIENCE).await;
        let places = places.map_err(failure)?;
        let counter = ByteCounter::default();
        let dials = places
            .iter()
            .map(|place| self.connect(place, expected, PATIENCE, &counter));
        let dialled = tcp::first(dials.collect()).await;
        let connection = dialled.map_err(|it| FailedQuery {
            why: failure(it),
            bytes: Some(counter.report()),
            pages: 0,
        })?;
        // The watch may have begun meanwhile.
        if let Some(shared) = self.pool.share(&target.identity) {
            return Ok(shared);
        }
        let shared = SharedConnection {
            streams: connection.streams().clone(),
            counter: counter.clone(),
        };
        let entry = PooledConnection::for_query(connection, counter);
        self.pool.keep(target.identity.clone(), entry);
        Ok(shared)
    }
}

fn failure(failure: ProbeFailure) -> StoreFailure {
    match failure {
        ProbeFailure::Impossible(_) => StoreFailure::Unsupported,
        failure => failure.into(),
    }
}
