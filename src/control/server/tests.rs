use std::collections::VecDeque;

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
async fn a_slow_head_gives_its_place_back() {
    let limits = Limits {
        head: Duration::from_secs(1),
        ..limits(1, 0)
    };
    let server = Server::start(limits).await;
    let slow = server.half_a_head().await;
    assert!(read(slow).await.starts_with("HTTP/1.1 408"));
    assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
}

/// Half a head could keep its connection here for as long as the test lasts: whoever is answered got another one.
#[actix::test]
async fn slow_heads_make_room_for_whoever_asks_the_oldest_first() {
    let limits = Limits {
        head: NEVER,
        ..limits(8, 1)
    };
    let server = Server::start(limits).await;
    let mut slow = VecDeque::new();
    for _ in 0..8 {
        slow.push_back(server.half_a_head().await);
    }
    for _ in 0..16 {
        assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
        cut(slow.pop_front().unwrap()).await;
        slow.push_back(server.half_a_head().await);
    }
}

/// Bodies that do not come keep their connections here for as long as the test lasts.
#[actix::test]
async fn slow_bodies_keep_nobody_out_and_a_request_that_was_let_in_stays_in() {
    let server = Server::start(limits(2, 1)).await;
    let mut first = server.silent().await;
    for _ in 0..8 {
        let mut slow = server.connect().await;
        let head = b"POST /body HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nhalf";
        slow.write_all(head).await.unwrap();
        assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
    }
    let more = tokio::time::timeout(Duration::ZERO, first.read_u8()).await;
    assert!(more.is_err(), "its stream goes on");
}

#[actix::test]
#[cfg(target_os = "linux")]
async fn a_client_that_reads_nothing_gives_its_place_back() {
    let limits = Limits {
        unread: Duration::from_millis(50),
        grace: NEVER,
        ..limits(1, 1)
    };
    let server = Server::start(limits).await;
    let mut deaf = server.connect().await;
    deaf.write_all(b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    // It is served, and reads no more.
    deaf.read_u8().await.unwrap();
    assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
    server.stop_within(LONG).await;
}

#[actix::test]
async fn a_stream_whose_client_went_away_gives_its_place_back_though_nothing_is_sent() {
    let limits = Limits {
        grace: NEVER,
        ..limits(1, 1)
    };
    let server = Server::start(limits).await;
    drop(server.silent().await);
    server.stop_within(LONG).await;
}

#[actix::test]
async fn a_shutdown_closes_the_port_and_waits_for_no_longer_than_the_grace() {
    let limits = Limits {
        grace: Duration::ZERO,
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let mut silent = server.silent().await;
    let address = server.address;
    server.stop_within(LONG).await;
    assert!(TcpStream::connect(address).await.is_err());
    // Cut: the end of its body is missing.
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest).await;
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

#[actix::test]
async fn a_shutdown_lets_a_request_in_flight_end() {
    let limits = Limits {
        grace: NEVER,
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let mut slow = server.connect().await;
    slow.write_all(b"POST /body HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nha")
        .await
        .unwrap();
    // The other one was accepted later.
    assert!(server.ask(GET).await.starts_with("HTTP/1.1 200"));
    let address = server.address;
    let stopping = actix_rt::spawn(server.stop_within(LONG));
    while TcpStream::connect(address).await.is_ok() {}
    slow.write_all(b"lf").await.unwrap();
    assert!(read(slow).await.ends_with("half"));
    stopping.await.unwrap();
}

#[actix::test]
async fn a_server_that_is_dropped_waits_for_nobody() {
    let limits = Limits {
        grace: NEVER,
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let mut silent = server.silent().await;
    server.ended.abort();
    let mut rest = Vec::new();
    let cut = tokio::time::timeout(LONG, silent.read_to_end(&mut rest)).await;
    assert!(cut.is_ok() && !rest.ends_with(b"0\r\n\r\n"));
}

fn limits(waiting: usize, serving: usize) -> Limits {
    Limits {
        room: Room { waiting, serving },
        ..Limits::default()
    }
}

struct Server {
    address: SocketAddr,
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
                .route("/body", web::post().to(async |body: web::Bytes| body))
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

    async fn half_a_head(&self) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(b"GET / HT").await.unwrap();
        stream
    }

    /// Asks for a body that has begun, and neither goes on nor ends.
    async fn silent(&self) -> TcpStream {
        let mut stream = self.connect().await;
        let request = b"GET /silent HTTP/1.1\r\nhost: test\r\n\r\n";
        stream.write_all(request).await.unwrap();
        // All of it: with something unread the system would send a reset, which is told from afar.
        let mut begun = Vec::new();
        while !begun.ends_with(b".\r\n") {
            stream.read_buf(&mut begun).await.unwrap();
        }
        stream
    }

    async fn stop_within(self, limit: Duration) {
        self.stop.send(()).unwrap();
        let ended = tokio::time::timeout(limit, self.ended).await;
        ended.expect("nothing is waited for").unwrap().unwrap();
    }

    /// Sends a request and reads until the server closes.
    async fn ask(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        read(stream).await
    }
}

/// Waits for the end of a connection that gets no answer.
async fn cut(mut stream: TcpStream) {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await;
    // What the server had not read by then becomes a reset.
    let _ = read.expect("closed");
    assert!(answer.is_empty());
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
