//! The events over WebSocket.

use std::time::Duration;

use actix_codec::Framed;
use actors::messages::events::Event;
use awc::{
    BoxedSocket, Client,
    ws::{CloseCode, Codec, Frame, Message},
};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    server::{EventLines, Server},
    stubs::{STORE, Stub, peer},
};

/// What a client sends that wants a socket.
pub(crate) const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
     sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// A socket that is open.
pub(crate) struct Socket(Framed<BoxedSocket, Codec>);

impl Socket {
    /// Opens one with this query and this field of the head.
    pub(crate) async fn open(server: &Server, query: &str, header: Option<(&str, &str)>) -> Self {
        let url = format!("ws://{}/api/v1/events/ws{query}", server.address);
        let client = Client::builder().disable_timeout().finish();
        let mut request = client.ws(url).max_frame_size(1 << 20);
        if let Some((name, value)) = header {
            request = request.set_header(name, value);
        }
        Self(request.connect().await.unwrap().1)
    }

    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        Some(self.0.next().await?.unwrap())
    }

    /// The next event, as it was sent.
    pub(crate) async fn text(&mut self) -> String {
        match self.frame().await {
            Some(Frame::Text(text)) => String::from_utf8(text.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn event(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Reads to the end, which is this one.
    async fn ends_with(mut self, code: CloseCode) {
        match self.frame().await {
            Some(Frame::Close(Some(reason))) => assert_eq!(reason.code, code),
            other => panic!("{other:?}"),
        }
        assert!(self.0.next().await.is_none());
    }

    async fn say(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }
}

#[actix::test]
async fn events_are_replayed_after_a_number_and_then_followed() {
    for (query, header) in [
        ("?last_event_id=1", None),
        ("", Some(("last-event-id", "1"))),
    ] {
        let server = Server::start(Stub::default()).await;
        server.publish(peer("one")).await;
        server.publish(peer("two")).await;
        let mut socket = Socket::open(&server, query, header).await;
        let told = socket.text().await;
        assert!(told.starts_with(r#"{"id":2,"event":"peerConnected","data":{"#));
        let mailserver = json!({ "id": "two", "name": "two", "address": STORE });
        let at = "1970-01-01T00:00:01.500Z";
        let event = json!({
            "id": 2, "event": "peerConnected", "data": { "mailserver": mailserver, "at": at },
        });
        assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), event);
        let reason = "chosen\nfor \"speed\"".to_owned();
        let changed = Event::MailserverChanged {
            mailserver: None,
            reason: reason.clone(),
        };
        server.publish(changed).await;
        let followed = socket.event().await;
        assert_eq!(followed["id"], 3);
        assert_eq!(followed["data"]["reason"], reason);
    }
}

#[actix::test]
async fn without_a_number_only_new_events_come_and_the_head_comes_before_them() {
    let server = Server::start(Stub::default()).await;
    server.publish(peer("old")).await;
    // Opened: nothing was published since.
    let mut socket = Socket::open(&server, "", None).await;
    server.publish(peer("new")).await;
    assert_eq!(socket.event().await["id"], 2);
}

#[actix::test]
async fn pings_are_answered_and_small_messages_ignored_but_large_ones_end_it() {
    for size in [5_000, 1 << 20] {
        let server = Server::start(Stub::default()).await;
        let mut socket = Socket::open(&server, "", None).await;
        socket.say(Message::Text("hello".into())).await;
        socket.say(Message::Ping("still there?".into())).await;
        match socket.frame().await {
            Some(Frame::Pong(payload)) => assert_eq!(payload, "still there?"),
            other => panic!("{other:?}"),
        }
        let large = Message::Binary(Bytes::from(vec![0; size]));
        socket.say(large).await;
        socket.ends_with(CloseCode::Size).await;
    }
}

#[actix::test]
async fn sockets_are_closed_when_the_service_stops_after_what_was_published() {
    let server = Server::start(Stub::default()).await;
    let mut socket = Socket::open(&server, "", None).await;
    server.publish(peer("last")).await;
    let reading = async {
        assert_eq!(socket.event().await["id"], 1);
        socket.ends_with(CloseCode::Away).await;
    };
    tokio::join!(reading, server.stop());
}

#[actix::test]
async fn a_client_that_closes_is_told_the_same() {
    let server = Server::start(Stub::default()).await;
    let mut socket = Socket::open(&server, "", None).await;
    socket
        .say(Message::Close(Some(CloseCode::Normal.into())))
        .await;
    socket.ends_with(CloseCode::Normal).await;
}

#[actix::test]
async fn both_kinds_of_streams_are_bounded_together_and_a_closed_one_makes_room() {
    const LINES: &str = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let server = Server::start(Stub::default()).await;
    let request = format!("GET /api/v1/events/ws HTTP/1.1\r\nhost: localhost\r\n{UPGRADE}\r\n");
    let (mut lines, mut sockets) = (Vec::new(), Vec::new());
    for _ in 0..32 {
        lines.push(EventLines::open(&server, LINES).await);
        sockets.push(Socket::open(&server, "", None).await);
    }
    for request in [LINES, &request] {
        let refused = server.raw(request).await;
        assert_eq!(
            (refused.status, refused.problem()),
            (503, "too_many_streams".to_owned())
        );
    }
    drop(sockets.pop());
    // The server learns of it at once, and gives the place back a moment later.
    loop {
        let mut socket = server.connect().await;
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        socket.read_exact(&mut head).await.unwrap();
        if head == *b"HTTP/1.1 101" {
            break;
        }
    }
}

#[actix::test]
async fn what_is_no_handshake_is_refused_and_takes_no_place() {
    let server = Server::start(Stub::default()).await;
    let old = UPGRADE.replace(": 13", ": 8");
    let keyless = UPGRADE.replace("==", "");
    for lines in [&[""; 70][..], &[&old, &keyless, "upgrade: websocket\r\n"]].concat() {
        let request = format!("GET /api/v1/events/ws HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n");
        let refused = server.raw(&request).await;
        assert_eq!(
            (refused.status, refused.problem()),
            (400, "invalid".to_owned()),
            "{lines}"
        );
    }
    Socket::open(&server, "", None).await;
}

/// A page may open a socket to wherever it likes: no rule of browsers keeps it from that.
#[actix::test]
async fn a_foreign_page_gets_no_socket() {
    let server = Server::start(Stub::default()).await;
    let own = format!("http://{}", server.address);
    for (origin, status) in [("http://evil.example", 403), ("null", 403), (&own, 101)] {
        let request = format!(
            "GET /api/v1/events/ws HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\n{UPGRADE}\r\n"
        );
        let mut socket = server.connect().await;
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        let read = tokio::time::timeout(Duration::from_secs(60), socket.read_exact(&mut head));
        read.await.expect("answered").unwrap();
        let head = String::from_utf8_lossy(&head).into_owned();
        assert_eq!(head, format!("HTTP/1.1 {status}"), "{origin}");
    }
}
