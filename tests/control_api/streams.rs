//! The event stream.

use actors::messages::events::Event;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    server::{EventLines, Server},
    stubs::{STORE, Stub, peer},
};

#[actix::test]
async fn events_are_replayed_after_a_number_and_then_followed() {
    for request in [
        "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\nlast-event-id: 1\r\n\r\n",
        "GET /api/v1/events?last_event_id=1 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let server = Server::start(Stub::default()).await;
        server.publish(peer("one")).await;
        server.publish(peer("two")).await;
        let mut stream = EventLines::open(&server, request).await;
        let replayed = stream.event().await;
        assert_eq!(replayed[..2], ["id: 2", "event: peerConnected"]);
        let data: Value =
            serde_json::from_str(replayed[2].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(
            data["mailserver"],
            json!({ "id": "two", "name": "two", "address": STORE })
        );
        assert_eq!(data["at"], "1970-01-01T00:00:01.500Z");
        let reason = "chosen\nfor \"speed\"".to_owned();
        server
            .publish(Event::MailserverChanged {
                mailserver: None,
                reason,
            })
            .await;
        let followed = stream.event().await;
        assert_eq!(followed[..2], ["id: 3", "event: mailserver:changed"]);
        assert!(followed[2].contains(r#""mailserver":null"#), "{followed:?}");
        assert_eq!(followed.len(), 3);
    }
}

#[actix::test]
async fn without_a_number_only_new_events_come() {
    let server = Server::start(Stub::default()).await;
    server.publish(peer("old")).await;
    let mut stream = EventLines::open(
        &server,
        "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n",
    )
    .await;
    server.publish(peer("new")).await;
    assert_eq!(stream.event().await[0], "id: 2");
    let bad = server
        .raw("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\nlast-event-id: x\r\n\r\n")
        .await;
    assert_eq!(bad.status, 400);
    let twice =
        "GET /api/v1/events?last_event_id=1&last_event_id=2 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let refused = server.raw(twice).await;
    assert_eq!(
        (refused.status, refused.problem()),
        (400, "invalid".to_owned())
    );
}

#[actix::test]
async fn streams_end_when_the_service_stops_after_what_was_published() {
    let server = Server::start(Stub::default()).await;
    let mut stream = EventLines::open(
        &server,
        "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n",
    )
    .await;
    server.publish(peer("last")).await;
    server.stop().await;
    assert_eq!(stream.event().await[0], "id: 1");
    stream.end().await;
}

#[actix::test]
async fn streams_are_bounded_and_a_closed_one_makes_room() {
    const REQUEST: &str = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let server = Server::start(Stub::default()).await;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(EventLines::open(&server, REQUEST).await);
    }
    let refused = server.raw(REQUEST).await;
    assert_eq!(
        (refused.status, refused.problem()),
        (503, "too_many_streams".to_owned())
    );
    assert_eq!(server.get("/health/live").await.status, 200);
    drop(open.pop());
    // The server learns of it at once, and gives the place back a moment later.
    loop {
        let mut socket = server.connect().await;
        socket.write_all(REQUEST.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        socket.read_exact(&mut head).await.unwrap();
        if head == *b"HTTP/1.1 200" {
            break;
        }
    }
}
