//! The server under the API: actix-http's connections behind an acceptor of our own, on one thread of their own, with
//! limits for clients of which nothing is known.
//!
//! No client keeps a connection for nothing: the head of a request has a time limit here, its body has one in `routes`,
//! what is not read has one in the system's TCP. However many clients there are, those who want nothing but a connection
//! make room for those who ask (see `slots`). A client that has closed its side gets no further answer, so that the
//! stream of one that went away ends at once.

#[cfg(test)]
mod tests;

use std::{
    future::Future,
    io,
    net::{self, SocketAddr},
    thread,
    time::Duration,
};

use actix_http::{HttpService, Request, error::DispatchError};
use actix_service::{Service, ServiceFactory, apply_fn_factory, map_config};
use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{AppConfig, ServiceRequest, ServiceResponse},
    http::KeepAlive,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use super::{
    acceptor::{Connections, settle},
    error::ApiError,
    slots::Room,
};

/// What clients are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Connections at the same time: in all well below the 1,024 files that most systems allow a process, because the
    /// sidecar needs some for itself.
    pub(super) room: Room,
    /// From the accepted connection to the end of the request head, else `408`. It may come half a second early: that
    /// is how old the time may be that actix-http counts from.
    pub(super) head: Duration,
    /// How long a client may leave unread what was sent. Linux only: elsewhere such a client keeps its connection.
    pub(super) unread: Duration,
    /// How long requests in flight may go on after the shutdown.
    pub(super) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            room: Room {
                waiting: 256,
                serving: 384,
            },
            head: Duration::from_secs(2),
            unread: Duration::from_secs(10),
            grace: Duration::from_secs(2),
        }
    }
}

/// How long a connection that is being closed may take to read its last answer.
const LINGER: Duration = Duration::from_millis(500);

/// Connections that the system may keep until they are accepted; it may have a lower limit of its own. A client that
/// finds the queue full tries again only after a second.
const BACKLOG: i32 = 4096;

/// Serves until `shutdown` is done: then the port is closed, and the requests in flight may end within
/// [`Limits::grace`]; the rest is cut.
///
/// Dropping the future cuts every connection at once.
pub(super) async fn serve<F, T, B>(
    listener: TcpListener,
    app: F,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    F: FnOnce() -> App<T> + Send + 'static,
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    socket2::SockRef::from(&listener).listen(BACKLOG)?;
    let listener = listener.into_std()?;
    let (stop, stopped) = oneshot::channel();
    let (tell, mut ended) = oneshot::channel();
    // What clients cost is not taken from the thread of the actors.
    thread::Builder::new()
        .name("control-api".to_owned())
        .spawn(move || {
            let service = async move || http(app(), limits).await;
            let _ = tell.send(on_this_thread(listener, service, limits, stopped));
        })?;
    let ended = tokio::select! {
        ended = &mut ended => ended,
        () = shutdown => {
            let _ = stop.send(());
            ended.await
        }
    };
    ended.unwrap_or_else(|_| Err(io::Error::other("the thread of the control API panicked")))
}

/// Serves until `stopped` is sent; if its sender was dropped, nothing in flight is waited for.
fn on_this_thread<S>(
    listener: net::TcpListener,
    service: impl AsyncFnOnce() -> io::Result<S>,
    limits: Limits,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()>
where
    S: Service<(TcpStream, Option<SocketAddr>), Response = (), Error = DispatchError>,
    S::Future: 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Nothing blocks in a handler.
        .max_blocking_threads(1)
        .build()?;
    // Dropped at the end, it drops the connections that are left.
    actix_rt::Runtime::from(runtime).block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let connections = Connections::new(limits.room, limits.unread);
        let service = service().await?;
        let orderly = tokio::select! {
            stopped = stopped => stopped.is_ok(),
            () = connections.accept(&listener, &service) => true,
        };
        drop(listener);
        if orderly {
            connections.ended(limits.grace).await;
        }
        Ok(())
    })
}

/// HTTP/1 over whatever connection it is given.
async fn http<T, B>(
    app: App<T>,
    limits: Limits,
) -> io::Result<
    impl Service<
        (TcpStream, Option<SocketAddr>),
        Response = (),
        Error = DispatchError,
        Future = impl Future<Output = Result<(), DispatchError>> + 'static,
    >,
>
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let app = map_config(app, |()| AppConfig::default());
    let app = apply_fn_factory(app, |request: Request, app| {
        // actix-http serves what it has read beyond a request, though it has told that it closes. What it takes for a
        // second request may be part of the first to others on the way.
        let served = settle(request).map(|request| app.call(request));
        async { served.ok_or(ApiError::SecondRequest)?.await }
    });
    let http = HttpService::build()
        .keep_alive(KeepAlive::Disabled)
        .client_request_timeout(limits.head)
        .client_disconnect_timeout(LINGER)
        .h1_allow_half_closed(false)
        .h1(app);
    let service = http.new_service(()).await;
    service.map_err(|()| io::Error::other("the routes of the control API cannot be served"))
}
