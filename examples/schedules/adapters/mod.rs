//! What stands in the place of the adapters: the same messages, in memory.

pub(crate) mod disk;
pub(crate) mod driver;
pub(crate) mod link;
mod orders;
pub(crate) mod prober;
mod rewind;
mod session;

use std::time::Duration;

use actix::{Message, Recipient};

/// How long an actor may take to accept what it is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells an actor something and waits until it has taken it.
pub(crate) async fn tell<M>(who: &Recipient<M>, message: M)
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    // One that is being restarted misses it.
    let _ = tokio::time::timeout(PATIENCE, who.send(message)).await;
}
