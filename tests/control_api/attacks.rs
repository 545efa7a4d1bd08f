//! Clients that want to do harm: after each of them the API answers, and the actors have heard nothing of it.

use std::{fs, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    server::{EventLines, Server},
    stubs::{Stub, peer},
};

/// What takes longer never comes.
const LONG: Duration = Duration::from_secs(60);

/// How many clients there may be: both ends of a connection are files of this process, and other tests need some.
fn clients() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|it| it.starts_with("Max open files"));
    let files = line.and_then(|it| it.split_whitespace().nth(3)?.parse().ok());
    let clients = (files.unwrap_or(1024) / 4).min(2_000);
    eprintln!("{clients} clients");
    clients
}

async fn lives(server: &Server) {
    let answer = timeout(LONG, server.get("/health/live")).await;
    assert_eq!(answer.expect("answered").status, 200);
}

/// So many clients that send this and keep their connection.
async fn crowd(server: &Server, size: usize, request: &str) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for _ in 0..size {
        let mut one = server.connect().await;
        // Those that were ended already cannot write.
        let _ = one.write_all(request.as_bytes()).await;
        crowd.push(one);
    }
    crowd
}

#[actix::test]
async fn thousands_that_keep_their_connection_keep_nobody_out() {
    let size = clients();
    for request in [
        "",
        "GET /health/live HT",
        "POST /api/v1/mailservers HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{",
        "GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n",
        "GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let server = Server::start(Stub::default()).await;
        let crowd = crowd(&server, size, request).await;
        lives(&server).await;
        drop(crowd);
        lives(&server).await;
        assert!(server.heard().is_empty(), "{request}");
    }
}

#[actix::test]
async fn a_body_that_nobody_reads_does_not_keep_its_connection() {
    let server = Server::start(Stub::default()).await;
    for announced in ["content-length: 100", "transfer-encoding: chunked"] {
        for request in ["GET /health/live", "POST /nothing", "DELETE /api/v1/pin"] {
            let head = format!("{request} HTTP/1.1\r\nhost: localhost\r\n{announced}\r\n\r\n");
            let answer = timeout(LONG, server.raw(&head)).await;
            assert!(answer.is_ok(), "{head:?}");
        }
    }
}

#[actix::test]
async fn a_thousand_subscribers_take_nothing_from_the_first() {
    const REQUEST: &str = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let server = Server::start(Stub::default()).await;
    let mut first = EventLines::open(&server, REQUEST).await;
    let mut refused = 0;
    let mut open = Vec::new();
    for _ in 0..clients().min(1_000) {
        let mut socket = server.connect().await;
        socket.write_all(REQUEST.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        socket.read_exact(&mut head).await.unwrap();
        match &head {
            b"HTTP/1.1 200" => open.push(socket),
            b"HTTP/1.1 503" => refused += 1,
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    }
    assert!(open.len() < 100 && refused > 100, "{} open", open.len());
    server.publish(peer("one")).await;
    assert_eq!(first.event().await[0], "id: 1");
    lives(&server).await;
}

/// What one server of two would take for the end of a request must not be the begin of another here.
#[actix::test]
async fn no_request_is_hidden_in_another() {
    const HIDDEN: &str = "DELETE /api/v1/pin HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let server = Server::start(Stub::default()).await;
    let length = HIDDEN.len();
    let post = "POST /api/v1/communities/x HTTP/1.1\r\nhost: localhost\r\n";
    for head in [
        format!("{post}content-length: 0\r\ncontent-length: {length}\r\n\r\n"),
        format!("{post}content-length: {length}\r\ncontent-length: 0\r\n\r\n"),
        format!("{post}content-length: 0, {length}\r\n\r\n"),
        format!("{post}content-length: +{length}\r\n\r\n"),
        format!("{post}content-length: -1\r\n\r\n"),
        format!("{post}content-length: 0x10\r\n\r\n"),
        format!("{post}content-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("{post}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"),
        format!("{post}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        format!("{post}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
        format!("{post}transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
        format!("{post}x: y\r\n content-length: {length}\r\n\r\n"),
        format!("{post}x: y\rcontent-length: 0\r\n\r\n"),
        format!("{post}x: y\ncontent-length: 0\n\n"),
        format!("{post}content-length : 0\r\n\r\n"),
        format!("{post}x: \0\r\ncontent-length: 0\r\n\r\n"),
        format!("{post}\0: x\r\n\r\n"),
        "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
        "GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n".to_owned(),
    ] {
        let mut socket = server.connect().await;
        let request = format!("{head}{HIDDEN}");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answers = Vec::new();
        let read = timeout(LONG, socket.read_to_end(&mut answers)).await;
        // A reset, if it did not read all that was sent.
        let _ = read.expect("closed");
        let answers = String::from_utf8_lossy(&answers);
        for more in answers.split("HTTP/1.1 ").skip(2) {
            assert!(more.starts_with('4'), "{head:?}: {answers}");
        }
        let heard = server.heard();
        assert!(!heard.iter().any(|it| it == "unpin"), "{head:?}: {answers}");
    }
    lives(&server).await;
}

#[actix::test]
async fn malformed_heads_and_doubtful_hosts_are_refused() {
    let server = Server::start(Stub::default()).await;
    let address = server.address;
    let long = "x".repeat(1 << 20);
    for head in [
        format!("GET /api/v1/status HTTP/1.1\r\nhost: {address}\r\nhost: evil.example\r\n\r\n"),
        format!("GET /api/v1/status HTTP/1.1\r\nhost: evil.example\r\nhost: {address}\r\n\r\n"),
        format!("GET http://evil.example/api/v1/status HTTP/1.1\r\nhost: {address}\r\n\r\n"),
        format!(
            "GET http://evil.example@{address}/api/v1/status HTTP/1.1\r\nhost: {address}\r\n\r\n"
        ),
        format!("GET /api/v1/status HTTP/1.1\r\nhost: {address}@evil.example\r\n\r\n"),
        format!("GET /api/v1/status HTTP/1.1\r\nhost: {address}, evil.example\r\n\r\n"),
        format!("GET /api/v1/status HTTP/1.1\r\nhost:\r\nhost: {address}\r\n\r\n"),
        "GET /api/v1/status HTTP/1.1\r\n\r\n".to_owned(),
        format!("CONNECT {address} HTTP/1.1\r\nhost: {address}\r\n\r\n"),
        format!("GET /api/v1/status HTTP/2.0\r\nhost: {address}\r\n\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n".to_owned(),
        format!("GET /api/v1/status\0 HTTP/1.1\r\nhost: {address}\r\n\r\n"),
        format!("GET /api/v1/status HTTP/1.1\r\nhost: {address}\r\nx: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nhost: {address}\r\n\r\n"),
        format!(
            "GET /api/v1/status HTTP/1.1\r\nhost: {address}\r\n{}\r\n",
            "x: y\r\n".repeat(1_000)
        ),
    ] {
        let mut socket = server.connect().await;
        let _ = socket.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let read = timeout(LONG, socket.read_to_end(&mut answer)).await;
        let _ = read.expect("closed");
        let answer = String::from_utf8_lossy(&answer);
        let begin: String = head.chars().take(120).collect();
        // Of a reset nothing is left to be read.
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{begin:?}: {answer}");
    }
    lives(&server).await;
}

#[actix::test]
async fn bodies_without_end_are_refused_before_they_fill_the_memory() {
    let server = Server::start(Stub::default()).await;
    let post = "POST /api/v1/mailservers HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    for (head, piece) in [
        (
            format!("{post}content-length: 10000000000\r\n\r\n"),
            "x".repeat(65_536),
        ),
        (
            format!("{post}transfer-encoding: chunked\r\n\r\n"),
            format!("10000\r\n{}\r\n", "x".repeat(65_536)),
        ),
    ] {
        let mut socket = server.connect().await;
        socket.write_all(head.as_bytes()).await.unwrap();
        let (mut answers, mut more) = socket.split();
        let mut sent = 0;
        let sending = async {
            while more.write_all(piece.as_bytes()).await.is_ok() {
                sent += piece.len();
            }
        };
        let mut answer = [0; 12];
        let refused = async {
            answers.read_exact(&mut answer).await.unwrap();
        };
        let both = async {
            tokio::select! {
                () = sending => {}
                () = refused => {}
            }
        };
        timeout(LONG, both).await.expect("refused");
        assert!(sent < 100_000_000, "{sent} bytes were taken");
        lives(&server).await;
    }
    assert!(server.heard().is_empty());
}
