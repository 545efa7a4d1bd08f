//! Each event of the document is sent, and is as it is described.

use std::collections::BTreeSet;

use actors::{
    messages::{events::Event, selection::Decision},
    model::{
        candidate::{Considered, Purpose, Standing, Tier},
        mailserver::{Identity, MailserverRef},
        moment::Moment,
        probe::{ProbeFailure, Stage},
        window::{Reason, WindowId},
    },
};
use serde_json::{Value, json};

use crate::{
    schema::Document,
    server::{EventLines, Server},
    sockets::Socket,
    stubs::{STORE, Stub},
};

const REQUEST: &str = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn reference() -> MailserverRef {
    MailserverRef {
        id: "store-1".to_owned(),
        name: "Store 1".to_owned(),
        address: STORE.to_owned(),
    }
}

fn why() -> String {
    "the reason".to_owned()
}

/// One of each kind that tells of a mailserver or of history.
fn of_mailservers() -> Vec<Event> {
    let (mailserver, reason) = (reference(), why());
    let some = || Some(reference());
    vec![
        Event::MailserverChanged {
            mailserver: some(),
            reason: why(),
        },
        Event::MailserverChanged {
            mailserver: None,
            reason: why(),
        },
        Event::MailserverAvailable {
            mailserver: mailserver.clone(),
        },
        Event::PeerConnected {
            mailserver: mailserver.clone(),
        },
        Event::PeerDisconnected { mailserver },
        Event::HistoryRequested { mailserver: some() },
        Event::HistoryCompleted {
            mailserver: some(),
            took_ms: 12,
        },
        Event::HistoryFailed {
            mailserver: None,
            reason,
            retry_in_ms: 2000,
        },
    ]
}

/// One of each kind that tells of what was missed.
fn of_windows() -> Vec<Event> {
    let window = WindowId(7);
    let (from_ms, until_ms) = (Moment::from_millis(1), Moment::from_millis(2));
    vec![
        Event::WindowOpened {
            window,
            from_ms,
            reason: Reason::NodeOffline,
        },
        Event::WindowCovered {
            window,
            from_ms,
            until_ms,
            mailserver: Some("store-1".to_owned()),
            requests: 2,
        },
        Event::WindowGivenUp {
            window,
            from_ms,
            until_ms,
            reason: why(),
        },
        Event::AuditShort {
            window,
            mailservers: vec!["store-1".to_owned()],
            missing: 3,
        },
        Event::GapFilled {
            chat: "chat".to_owned(),
            gaps: 1,
        },
        Event::NodeDeaf {
            deaf: true,
            reason: why(),
        },
    ]
}

/// One of each kind that tells of us.
fn of_us() -> Vec<Event> {
    vec![
        Event::Decision(decision()),
        Event::Online {
            reason: why(),
            offline_ms: None,
        },
        Event::Offline { reason: why() },
        Event::Suspect { reason: why() },
        Event::Asleep { slept_ms: 5 },
        Event::ActorRestarted {
            actor: "pinger".to_owned(),
            reason: why(),
            restarts: 1,
        },
    ]
}

/// A decision in which everything became of some candidate.
fn decision() -> Decision {
    let considered = |verdict| Considered {
        mailserver: reference(),
        identity: Identity::new("16Uiu2a"),
        rtt: None,
        tier: Tier::Cooling,
        listed: false,
        verdict,
    };
    let failures = [
        ProbeFailure::Silent(Stage::Connect),
        ProbeFailure::Refused,
        ProbeFailure::WrongPeer("16Uiu2b".to_owned()),
    ];
    let standings = [
        Standing::Chosen,
        Standing::NotDrawn,
        Standing::Slower,
        Standing::Pending,
    ];
    let all = standings.into_iter().chain(failures.map(Standing::NoReply));
    Decision {
        round: 1,
        purpose: Purpose::Standby,
        chosen: None,
        identity: None,
        considered: all.map(considered).collect(),
        pool: 0,
        drawn: None,
        early: false,
        took_ms: 500,
    }
}

/// The names of the events whose shape this is.
fn names(schema: &Value) -> BTreeSet<String> {
    let frames = schema["oneOf"].as_array().unwrap();
    frames.iter().map(|it| name(it).to_owned()).collect()
}

fn name(frame: &Value) -> &str {
    frame["properties"]["event"]["const"].as_str().unwrap()
}

/// The data of an event, which was sent in a text of its own.
fn data(schema: &Value, sent: &Value) -> (Value, Value) {
    let frames = schema["oneOf"].as_array().unwrap();
    let frame = frames.iter().find(|it| name(it) == sent["event"]).unwrap();
    let data = serde_json::from_str(sent["data"].as_str().unwrap()).unwrap();
    let schema = &frame["properties"]["data"]["contentSchema"];
    (schema.clone(), data)
}

#[actix::test]
async fn each_event_is_as_it_is_described_and_each_that_is_described_is_sent() {
    let server = Server::start(Stub::default()).await;
    let document = Document::of(&server).await;
    let described = |path: &str, status: &str, media: &str| {
        let answer = &document.0["paths"][path]["get"]["responses"][status];
        answer["content"][media]["schema"].clone()
    };
    let of_lines = described("/api/v1/events", "200", "text/event-stream");
    let of_messages = described("/api/v1/events/ws", "101", "application/json");
    let mut missed = names(&of_lines);
    assert_eq!(names(&of_messages), missed);
    let mut stream = EventLines::open(&server, REQUEST).await;
    let mut socket = Socket::open(&server, "", None).await;
    for event in [of_mailservers(), of_windows(), of_us()]
        .into_iter()
        .flatten()
    {
        server.publish(event).await;
        let lines = stream.event().await;
        let fields = lines.iter().map(|it| it.split_once(": ").unwrap());
        let sent: Value = fields
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        assert_eq!(document.breaches(&of_lines, &sent), [""; 0], "{sent}");
        let (schema, data) = data(&of_lines, &sent);
        assert_eq!(document.breaches(&schema, &data), [""; 0], "{data}");
        let message: Value = serde_json::from_str(&socket.text().await).unwrap();
        let breaches = document.breaches(&of_messages, &message);
        assert_eq!(breaches, [""; 0], "{message}");
        assert_eq!(message["data"], data);
        missed.remove(sent["event"].as_str().unwrap());
    }
    assert!(missed.is_empty(), "{missed:?} were never sent");
}
