//! Serving an actix-web `App` on the thread that calls, from a listener that the caller owns.
//!
//! `HttpServer` starts workers and an accept thread of its own; everything here lives on one thread, so
//! the loop is our own. Every connection costs a slot out of [`Limits::connections`], and no client can
//! keep a slot for nothing: the head, the answer and each write have a time limit.
//!
//! Each connection gets a `HttpService` of its own around the one application. That is on purpose: the
//! service's clock wakes the thread twice a second for as long as it exists, so with nobody connected
//! nothing wakes.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_http::{HttpService, KeepAlive, Request, Response, body::MessageBody};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_factory, fn_service};
use actix_web::{Error, dev::AppConfig, error::ErrorRequestTimeout};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;

/// What clients are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time; further ones wait in the listener's backlog.
    pub connections: usize,
    /// From the accepted connection to the end of the request head, else `408`. Zero: no limit.
    pub head: Duration,
    /// From the request head to the head of the response, reading the body included, else `408`.
    /// A stream of events is past it once it has begun.
    pub response: Duration,
    /// How long the client may read nothing while something is to be sent.
    pub write: Duration,
    /// How long an answer may go on once the client has closed its side.
    pub half_closed: Duration,
    /// How long a connection is kept for the next request; zero closes it after each.
    pub keep_alive: Duration,
    /// How long requests in flight may go on after the shutdown.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            head: Duration::from_secs(5),
            response: Duration::from_secs(30),
            write: Duration::from_secs(10),
            half_closed: Duration::from_millis(500),
            keep_alive: Duration::ZERO,
            grace: Duration::from_secs(2),
        }
    }
}

/// How long a connection that is being closed may take to read its last answer.
const LINGER: Duration = Duration::from_millis(500);

/// A pause after an `accept` that failed (no file descriptors left), so that it is not tried at full
/// speed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `shutdown` is done, then lets the requests in flight end within [`Limits::grace`] and
/// cuts the rest. Streams that do not end by themselves should be ended by the application.
///
/// Dropping the future cuts every connection at once. It must run inside a `LocalSet` (as everything
/// does under `actix_rt`).
///
/// # Errors
///
/// If the application could not be built. Failures of single connections end only them.
pub async fn serve<I, S, B>(
    listener: TcpListener,
    app: I,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig>,
    S::Service: 'static,
    S::Error: Into<Error>,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let app = app.into_factory().new_service(AppConfig::default()).await;
    let app = app.map_err(|error| io::Error::other(format!("application: {error:?}")))?;
    let app = Rc::new(app);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < limits.connections => match accepted {
                Ok((stream, _)) => {
                    connections.spawn_local(handle(stream, app.clone(), limits));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    // Elapsed: what is left is cut by the drop of the set.
    let _ = timeout(limits.grace, drained).await;
    Ok(())
}

/// Serves one connection to its end.
async fn handle<S, B>(stream: TcpStream, app: Rc<S>, limits: Limits)
where
    S: Service<Request> + 'static,
    S::Error: Into<Error>,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let peer = stream.peer_addr().ok();
    // An answer is one small write: waiting for more to send only delays it.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write));
    let (stream, gone) = Watched::new(stream);
    let bounded = move |request: Request| {
        let app = app.clone();
        async move {
            match timeout(limits.response, app.call(request)).await {
                Ok(Ok(response)) => Ok(response.into()),
                Ok(Err(error)) => Err(error.into()),
                Err(_) => Err(ErrorRequestTimeout("the request took too long")),
            }
        }
    };
    let service = HttpService::build()
        .keep_alive(match limits.keep_alive {
            Duration::ZERO => KeepAlive::Disabled,
            kept => KeepAlive::Timeout(kept),
        })
        .client_request_timeout(limits.head)
        .client_disconnect_timeout(LINGER)
        .h1(fn_factory(move || {
            let service = fn_service(bounded.clone());
            async move { Ok::<_, Error>(service) }
        }))
        .new_service(())
        .await;
    // Nothing in the making of it can fail, but its type cannot say so.
    let Ok(service) = service else { return };
    tokio::select! {
        ended = service.call((stream, peer)) => if let Err(error) = ended {
            tracing::debug!(%error, ?peer, "connection ended");
        },
        () = async { drop(gone.await); sleep(limits.half_closed).await } => {}
    }
}

/// A connection that tells when the client has sent its last byte: actix-http goes on with an answer
/// then, which for a stream of events would be until a write fails.
struct Watched {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    watch: Option<oneshot::Sender<()>>,
}

impl Watched {
    fn new(stream: TimeoutStream<TcpStream>) -> (Self, oneshot::Receiver<()>) {
        let (watch, gone) = oneshot::channel();
        let watched = Self {
            stream: Box::pin(stream),
            watch: Some(watch),
        };
        (watched, gone)
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream.as_mut().poll_read(cx, buffer);
        let ended = matches!(read, Poll::Ready(Ok(()))) && buffer.filled().len() == before;
        if (ended && buffer.remaining() > 0) || matches!(read, Poll::Ready(Err(_))) {
            // Told once; dropped is told too.
            self.watch = None;
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpResponse, web};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        task::JoinHandle,
    };

    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
    const SOON: Duration = Duration::from_millis(50);
    const NEVER: Duration = Duration::from_secs(600);

    #[actix::test]
    async fn without_keep_alive_an_answer_ends_its_connection() {
        let server = Server::start(Limits::default()).await;
        assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
    }

    #[actix::test]
    async fn one_connection_carries_many_requests_if_told_so() {
        let keep_alive = NEVER;
        let limits = Limits {
            keep_alive,
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let last = b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
        let answers = server.ask(&[GET, last].concat()).await;
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
    }

    #[actix::test]
    async fn a_slow_head_gives_its_slot_back() {
        let limits = Limits {
            connections: 1,
            head: SOON,
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let mut slow = server.connect().await;
        slow.write_all(b"GET / HT").await.unwrap();
        assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
        assert!(read(slow).await.starts_with("HTTP/1.1 408"));
    }

    #[actix::test]
    async fn a_slow_body_gives_its_slot_back() {
        let limits = Limits {
            connections: 1,
            response: SOON,
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let mut slow = server.connect().await;
        slow.write_all(b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\n12")
            .await
            .unwrap();
        assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
        assert!(read(slow).await.starts_with("HTTP/1.1 408"));
    }

    #[actix::test]
    async fn a_client_that_reads_nothing_gives_its_slot_back() {
        let limits = Limits {
            connections: 1,
            write: SOON,
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let mut deaf = server.connect().await;
        deaf.write_all(b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n")
            .await
            .unwrap();
        assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
    }

    #[actix::test]
    async fn a_stream_whose_client_went_away_gives_its_slot_back_though_nothing_is_sent() {
        let limits = Limits {
            connections: 1,
            half_closed: SOON,
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let mut gone = server.connect().await;
        gone.write_all(b"GET /silent HTTP/1.1\r\nhost: test\r\n\r\n")
            .await
            .unwrap();
        gone.read_u8().await.unwrap();
        drop(gone);
        assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
    }

    #[actix::test]
    async fn a_client_that_closed_its_side_still_gets_its_answer() {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        client.write_all(GET).await.unwrap();
        client.shutdown().await.unwrap();
        assert!(read(client).await.starts_with("HTTP/1.1 200"));
    }

    #[actix::test]
    async fn a_shutdown_closes_the_port_and_waits_for_no_longer_than_the_grace() {
        let limits = Limits {
            grace: SOON,
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let mut endless = server.connect().await;
        endless
            .write_all(b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n")
            .await
            .unwrap();
        endless.read_u8().await.unwrap();
        server.stop.send(()).unwrap();
        server.ended.await.unwrap().unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }

    struct Server {
        address: std::net::SocketAddr,
        stop: oneshot::Sender<()>,
        ended: JoinHandle<io::Result<()>>,
    }

    impl Server {
        async fn start(limits: Limits) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (stop, stopped) = oneshot::channel::<()>();
            let app = App::new()
                .route("/", web::get().to(HttpResponse::Ok))
                .route("/", web::post().to(|_: web::Bytes| HttpResponse::Ok()))
                .route("/endless", web::get().to(endless))
                .route("/silent", web::get().to(silent));
            let stopped = async { drop(stopped.await) };
            let ended = actix_rt::spawn(serve(listener, app, limits, stopped));
            Self {
                address,
                stop,
                ended,
            }
        }

        async fn connect(&self) -> TcpStream {
            TcpStream::connect(self.address).await.unwrap()
        }

        /// Sends requests and reads until the server closes.
        async fn ask(&self, requests: &[u8]) -> String {
            let mut stream = self.connect().await;
            stream.write_all(requests).await.unwrap();
            read(stream).await
        }
    }

    async fn read(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn endless() -> HttpResponse {
        let chunk = || Ok::<_, io::Error>(web::Bytes::from_static(&[b'.'; 65_536]));
        HttpResponse::Ok().streaming(futures_util::stream::repeat_with(chunk))
    }

    async fn silent() -> HttpResponse {
        let head = futures_util::stream::once(async { Ok(web::Bytes::from_static(b".")) });
        let nothing = futures_util::stream::pending::<io::Result<_>>();
        HttpResponse::Ok().streaming(futures_util::StreamExt::chain(head, nothing))
    }
}
