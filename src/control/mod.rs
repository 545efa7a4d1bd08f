//! The control API: what people and programs see and change while the service runs.
//!
//! ```text
//! socket ─▶ server ─▶ guard (Host, Origin) ─▶ routes ─▶ Ports ─▶ actors
//!                                               └──▶ stream ◀── events
//! ```
//!
//! Everything is asked by message with a limit: an actor that does not answer costs its part of the
//! answer, never the whole. There is no password: the API is for loopback, and `guard` keeps out the
//! pages that a browser on the same machine may show.

pub mod client;
mod error;
mod guard;
mod metrics;
mod routes;
mod server;
mod signals;
mod snapshot;
mod status;
mod stream;

use std::{future::Future, io, net::SocketAddr, time::Duration};

use actix::{Message, Recipient};
use actix_web::{App, web};
use actors::messages::{
    candidates::{AddCustom, Candidates, Pin, RemoveCustom, Unpin},
    connection,
    events::Subscribe,
    history::{self, QueueCommunity, RequestNow},
    node::{GetTraffic, PushSignals},
    online::GetVerdict,
    peers::Peers,
    selection::LastDecision,
    supervision::GetHealth,
    watch::GetWatch,
};
use tokio::{net::TcpListener, sync::watch, time::Instant};

/// How long an actor may take to tell its state, before that part of an answer is left out.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// How long a change may take: it can involve a write to disk.
const CHANGE_LIMIT: Duration = Duration::from_secs(10);

/// Whom the API asks.
#[derive(Clone)]
pub struct Ports {
    /// The connector, for its state.
    pub connector: Recipient<connection::GetStatus>,
    /// The registry, for the list.
    pub candidates: Recipient<Candidates>,
    /// The registry, to add a mailserver.
    pub add_custom: Recipient<AddCustom>,
    /// The registry, to remove one.
    pub remove_custom: Recipient<RemoveCustom>,
    /// The registry, to pin one.
    pub pin: Recipient<Pin>,
    /// The registry, to unpin it.
    pub unpin: Recipient<Unpin>,
    /// The peer tracker.
    pub peers: Recipient<Peers>,
    /// The selector.
    pub last_decision: Recipient<LastDecision>,
    /// The online watch, for the verdict.
    pub online: Recipient<GetVerdict>,
    /// The watch, for its state.
    pub watch: Recipient<GetWatch>,
    /// The history requester, for its state.
    pub history: Recipient<history::GetStatus>,
    /// The history requester, to ask now.
    pub request_history: Recipient<RequestNow>,
    /// The history requester, for a community.
    pub queue_community: Recipient<QueueCommunity>,
    /// The supervisor.
    pub health: Recipient<GetHealth>,
    /// The node adapter, for its counters.
    pub traffic: Recipient<GetTraffic>,
    /// The node adapter, for signals that the application forwards.
    pub push_signals: Recipient<PushSignals>,
    /// The events.
    pub subscribe: Recipient<Subscribe>,
}

/// What the API is told about the rest of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether signals may be posted (`node.signals = "push"`).
    pub accept_signals: bool,
}

/// The port could not be taken: exit code 71.
#[derive(Debug, thiserror::Error)]
#[error("control.listen = {address}: {error}")]
pub struct BindError {
    /// The address of the configuration.
    pub address: SocketAddr,
    /// The system's error.
    #[source]
    pub error: io::Error,
}

/// Takes the port, so that a port in use is known before anything else is started.
///
/// # Errors
///
/// If it is in use, or the address is not one of this machine.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| BindError { address, error })
}

/// Serves until `shutdown` is done: event streams end, requests in flight are answered.
///
/// # Errors
///
/// If the listener has no address, or the threads that serve it could not be started.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    ports: Ports,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let (stopping, stopped) = watch::channel(());
    let (ports, config) = (web::Data::new(ports), web::Data::new(config));
    let started = web::Data::new(Started(Instant::now()));
    let streams = web::Data::new(stream::Streams::new(stopped));
    let guard = web::Data::new(guard::Guard::new(address));
    let app = move || {
        App::new()
            .app_data(ports.clone())
            .app_data(config.clone())
            .app_data(started.clone())
            .app_data(streams.clone())
            .app_data(guard.clone())
            .wrap(actix_web::middleware::from_fn(guard::admit))
            .configure(routes::register)
    };
    tracing::info!(%address, "control API open");
    // Dropping the sender ends the streams.
    let shutdown = async move {
        shutdown.await;
        drop(stopping);
    };
    server::serve(listener, app, server::Limits::default(), shutdown).await
}

/// When the API came up.
struct Started(Instant);

/// Asks an actor; `None` if it does not answer in time.
async fn ask<M>(port: &Recipient<M>, message: M, limit: Duration) -> Option<M::Result>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    tokio::time::timeout(limit, port.send(message))
        .await
        .ok()?
        .ok()
}
