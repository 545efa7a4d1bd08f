//! The server under the API: actix-web's own, with one worker, and limits for clients of which nothing is known.
//!
//! No client keeps a connection for nothing: the head of a request has a time limit here, its body has one in `routes`,
//! what is not read has one in the system's TCP. A client that has closed its side gets no further answer, so that the
//! stream of one that went away ends at once.

use std::{any::Any, future::Future, io, time::Duration};

use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{Extensions, ServiceFactory, ServiceRequest, ServiceResponse},
    http::KeepAlive,
};
use tokio::net::TcpListener;

/// What clients are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Connections at the same time; further ones wait in the listener's queue. Well below the 1,024 files that most
    /// systems allow a process, because the sidecar needs some for itself.
    pub(super) connections: usize,
    /// From the accepted connection to the end of the request head, else `408`. It may come half a second early: that
    /// is how old the time may be that actix-http counts from.
    pub(super) head: Duration,
    /// How long a client may leave unread what was sent. Linux only: elsewhere such a client keeps its connection.
    pub(super) unread: Duration,
    /// How long requests in flight may go on after the shutdown; whole seconds.
    pub(super) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 640,
            head: Duration::from_secs(2),
            unread: Duration::from_secs(10),
            grace: Duration::from_secs(2),
        }
    }
}

/// How long a connection that is being closed may take to read its last answer.
const LINGER: Duration = Duration::from_millis(500);

/// Serves until `shutdown` is done, then lets the requests in flight end within [`Limits::grace`] and cuts the rest.
/// While there are any, actix-server looks only once a second whether they have ended.
///
/// Dropping the future cuts every connection at once.
pub(super) async fn serve<F, T, B>(
    listener: TcpListener,
    app: F,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    F: Fn() -> App<T> + Clone + Send + 'static,
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let server = HttpServer::new(app)
        .workers(1)
        // Nothing blocks in a handler.
        .worker_max_blocking_threads(1)
        .max_connections(limits.connections)
        .client_request_timeout(limits.head)
        .client_disconnect_timeout(LINGER)
        .keep_alive(KeepAlive::Disabled)
        .h1_allow_half_closed(false)
        // An answer is one small write: waiting for more to send only delays it.
        .tcp_nodelay(true)
        .on_connect(move |connection, _: &mut Extensions| cut_unread(connection, limits.unread))
        .shutdown_timeout(limits.grace.as_secs())
        .disable_signals()
        .listen(listener.into_std()?)?
        .run();
    // `HttpServer::shutdown_signal` would end the whole System with it.
    let handle = server.handle();
    let stopped = async {
        shutdown.await;
        handle.stop(true).await;
    };
    tokio::select! {
        ended = server => ended,
        () = stopped => Ok(()),
    }
}

/// Has the system cut the connection when what was sent stays unread for so long.
fn cut_unread(connection: &dyn Any, limit: Duration) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<tokio::net::TcpStream>()
        && let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(limit))
    {
        tracing::debug!(%error, "TCP_USER_TIMEOUT");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (connection, limit);
}

#[cfg(test)]
mod tests {
    use actix_web::{HttpResponse, web};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::oneshot,
        task::JoinHandle,
    };

    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
    /// What takes longer never comes.
    const LONG: Duration = Duration::from_secs(60);
    const NEVER: Duration = Duration::from_secs(600);

    #[actix::test]
    async fn an_answer_ends_its_connection() {
        let server = Server::start(Limits::default()).await;
        assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
    }

    #[actix::test]
    async fn a_slow_head_gives_its_slot_back() {
        let limits = Limits {
            connections: 1,
            head: Duration::from_secs(1),
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let mut slow = server.connect().await;
        slow.write_all(b"GET / HT").await.unwrap();
        // Where a machine is slow, so is this client.
        while server.ask(GET).await.starts_with("HTTP/1.1 408") {}
        assert!(read(slow).await.starts_with("HTTP/1.1 408"));
    }

    /// Half a head keeps its connection here for as long as the test lasts: whoever is answered got another one. Both
    /// ends of a connection are files of this process, of which some systems allow no more than 1,024.
    #[actix::test]
    async fn hundreds_of_slow_heads_keep_nobody_out() {
        let limits = Limits {
            head: NEVER,
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let mut slow = Vec::new();
        for _ in 0..400 {
            let mut one = server.connect().await;
            one.write_all(b"GET /health/live HT").await.unwrap();
            slow.push(one);
        }
        assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
    }

    #[actix::test]
    #[cfg(target_os = "linux")]
    async fn a_client_that_reads_nothing_gives_its_slot_back() {
        let limits = Limits {
            connections: 1,
            unread: Duration::from_millis(50),
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
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let mut gone = server.connect().await;
        gone.write_all(b"GET /silent HTTP/1.1\r\nhost: test\r\n\r\n")
            .await
            .unwrap();
        // All of it: with something unread the system would send a reset, which is told from afar.
        let mut begun = Vec::new();
        while !begun.ends_with(b".\r\n") {
            gone.read_buf(&mut begun).await.unwrap();
        }
        drop(gone);
        assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
    }

    #[actix::test]
    async fn a_shutdown_closes_the_port_and_waits_for_no_longer_than_the_grace() {
        let limits = Limits {
            grace: Duration::ZERO,
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let mut silent = server.connect().await;
        silent
            .write_all(b"GET /silent HTTP/1.1\r\nhost: test\r\n\r\n")
            .await
            .unwrap();
        silent.read_u8().await.unwrap();
        server.stop.send(()).unwrap();
        server.ended.await.unwrap().unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
        // Cut: the end of its body is missing.
        let mut rest = Vec::new();
        let _ = silent.read_to_end(&mut rest).await;
        assert!(!rest.ends_with(b"0\r\n\r\n"));
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
            let app = || {
                App::new()
                    .route("/", web::get().to(HttpResponse::Ok))
                    .route("/endless", web::get().to(endless))
                    .route("/silent", web::get().to(silent))
            };
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

        /// Sends a request and reads until the server closes.
        async fn ask(&self, request: &[u8]) -> String {
            let mut stream = self.connect().await;
            stream.write_all(request).await.unwrap();
            read(stream).await
        }
    }

    async fn read(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        let read = tokio::time::timeout(LONG, read).await;
        read.expect("served").unwrap();
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
