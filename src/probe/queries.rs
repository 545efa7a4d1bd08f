//! Store queries: few at a time, the others wait.

use actors::{
    messages::store::{FailedQuery, QueryStore, StoreAnswer, StoreFailure},
    model::address::Network,
};
use tokio::sync::Semaphore;

use super::libp2p::{Libp2p, store_query::pages::Pages};

/// The most queries at once: nobody is in a hurry, and the pings go on beside them.
const MOST_AT_ONCE: usize = 2;

/// The most queries that wait for their turn.
const MOST_WAITING: usize = 32;

/// Queries under way and waiting.
pub(super) struct Queries {
    places: Semaphore,
    turns: Semaphore,
}

impl Default for Queries {
    fn default() -> Self {
        Self {
            places: Semaphore::new(MOST_AT_ONCE + MOST_WAITING),
            turns: Semaphore::new(MOST_AT_ONCE),
        }
    }
}

impl Queries {
    /// Asks, in its turn.
    pub(super) async fn run(
        &self,
        libp2p: &Libp2p,
        query: QueryStore,
    ) -> Result<StoreAnswer, FailedQuery> {
        let address = &query.mailserver.address;
        if address.network() == Network::Waku1 || address.endpoints().is_empty() {
            return Err(StoreFailure::Unsupported.into());
        }
        let pages = Pages::new(&query)?;
        let Ok(_place) = self.places.try_acquire() else {
            return Err(StoreFailure::Busy("too many queries wait".into()).into());
        };
        // It is never closed.
        let _turn = self.turns.acquire().await;
        libp2p.query(query.mailserver, pages).await
    }
}
