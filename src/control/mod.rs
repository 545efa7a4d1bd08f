//! The control API: what people and programs see and change while the service runs.
//!
//! ```text
//! socket ─▶ server ─▶ guard (Host, Origin) ─▶ gate (token) ─▶ routes ─▶ Ports ─▶ actors
//!                                                                └──▶ stream, websocket ◀── subscription ◀── events
//! ```
//!
//! Everything is asked by message with a limit: an actor that does not answer costs its part of the
//! answer, never the whole. `guard` keeps out the pages that a browser on the same machine may show; who
//! else may ask is told by `gate`: everybody on loopback, unless a token is configured, which any other address needs.

mod acceptor;
mod body;
pub mod client;
mod conditions;
mod dashboard;
mod error;
mod gate;
mod guard;
mod history;
mod mailservers;
mod metrics;
mod openapi;
mod playground;
mod ports;
mod round_trips;
mod routes;
mod server;
mod session;
mod sessions;
mod signals;
mod slots;
mod snapshot;
mod standing;
mod status;
mod stream;
mod subscription;
mod token;
mod websocket;

use std::{future::Future, io, net::SocketAddr};

use actix_web::{App, web};
use tokio::{net::TcpListener, sync::watch, time::Instant};

pub use gate::{Gate, is_open_to_others};
use ports::Started;
pub use ports::{Config, PlaygroundPorts, Ports};
pub use token::TokenFile;

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
    let started = web::Data::new(Started(Instant::now()));
    let streams = web::Data::new(subscription::Streams::new(stopped));
    let guard = web::Data::new(guard::Guard::new(address, config.gate.clone()));
    let (ports, config) = (web::Data::new(ports), web::Data::new(config));
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
