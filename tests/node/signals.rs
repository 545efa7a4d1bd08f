//! The signal socket: it is always read, and what nobody needs costs nothing.

use ::actors::messages::node::{GetTraffic, HistorySignal};
use actix::Addr;
use mailserver_sidecar::node::Driver;

use crate::{
    ears::{Ears, Heard, drive},
    scripted::{Node, frame, usual},
    stores::{STORE_1, STORE_2},
};

async fn subscribed() -> (Node, Addr<Driver>, Ears) {
    let node = Node::start(usual("waku2")).await;
    let (driver, ears) = drive(node.config());
    ears.ready().await;
    node.until_subscribed(1).await;
    (node, driver, ears)
}

/// Sends a signal of 50 MB that begins like this, and a peer table after it.
async fn fifty_megabytes(node: &Node, head: &[u8]) {
    let length: u64 = 50 * 1024 * 1024;
    node.send_raw(&[&[0x81, 127][..], &length.to_be_bytes(), head].concat())
        .await;
    let (chunk, mut left) = (vec![b'x'; 1024 * 1024], length as usize - head.len());
    while left > 0 {
        let next = left.min(chunk.len());
        node.send_raw(&chunk[..next]).await;
        left -= next;
    }
    node.peers(&[STORE_1]).await;
}

#[actix::test]
async fn a_signal_of_fifty_megabytes_passes_by() {
    let (node, driver, ears) = subscribed().await;
    fifty_megabytes(&node, br#"{"type":"wallet","event":""#).await;
    ears.peers(&[STORE_1]).await;
    let traffic = driver.send(GetTraffic).await.unwrap();
    assert_eq!(
        (
            traffic.signals,
            traffic.signals_skipped,
            traffic.signals_malformed
        ),
        (2, 1, 0)
    );
}

#[actix::test]
async fn messages_are_told_however_long_the_signal() {
    let (node, _driver, ears) = subscribed().await;
    let arrived = async || {
        ears.until(|heard| match heard {
            Heard::Messages(arrived) => Some(arrived.clone()),
            _ => None,
        })
        .await
    };
    let gap = r#"{"id":"0x2","localChatId":"chat","contentType":10}"#;
    node.signal(&format!(
        r#"{{"type":"messages.new","event":{{"messages":[{{"id":"0x1","contentType":1}},{gap}]}}}}"#
    ))
    .await;
    let told = arrived().await;
    assert_eq!((told.messages, told.gaps.len()), (1, 1));
    assert_eq!(told.gaps[0].chat, "chat");
    // How many there are in a longer one nobody knows: at least one.
    fifty_megabytes(&node, br#"{"type":"messages.new","event":""#).await;
    let told = arrived().await;
    assert_eq!((told.messages, told.gaps.len()), (1, 0));
}

#[actix::test]
async fn ten_thousand_signals_at_once_are_one_snapshot_and_no_event_is_lost() {
    let (node, driver, ears) = subscribed().await;
    let mut burst = Vec::new();
    for n in 0..10_000 {
        let text = match n % 2 {
            0 => r#"{"type":"wallet","event":{"type":"wallet-tick"}}"#.to_owned(),
            _ => format!(r#"{{"type":"wakuv2.peerstats","event":{{"peers":{{"peer{n}":[]}}}}}}"#),
        };
        burst.extend(frame(0x81, text.as_bytes()));
    }
    for _ in 0..10 {
        burst.extend(frame(
            0x81,
            br#"{"type":"history.request.started","event":{}}"#,
        ));
    }
    node.send_raw(&burst).await;
    node.peers(&[STORE_2]).await;
    let (mut snapshots, mut events) = (0, 0);
    ears.until(|heard| {
        match heard {
            Heard::Peers(peers) if peers.peers.iter().any(|peer| peer.as_str() == STORE_2) => {
                return Some(());
            }
            Heard::Peers(_) => snapshots += 1,
            Heard::History(HistorySignal::Started) => events += 1,
            _ => {}
        }
        None
    })
    .await;
    let traffic = driver.send(GetTraffic).await.unwrap();
    assert_eq!((traffic.signals, traffic.signals_skipped), (10_011, 5_000));
    assert!(snapshots < 5_000, "{snapshots} of 5000 snapshots delivered");
    assert_eq!(events, 10);
}

#[actix::test]
async fn fragments_pings_and_junk() {
    let (node, driver, ears) = subscribed().await;
    let text = format!(r#"{{"type":"wakuv2.peerstats","event":{{"peers":{{"{STORE_1}":[]}}}}}}"#);
    let (first, rest) = text.as_bytes().split_at(30);
    node.send_raw(&frame(0x01, first)).await;
    node.send_raw(&frame(0x89, b"ping")).await;
    let pong = node.subscriber_sent(10).await;
    assert_eq!(pong[..2], [0x8a, 0x84]);
    let plain: Vec<u8> = pong[6..]
        .iter()
        .zip(&pong[2..6])
        .map(|(byte, mask)| byte ^ mask)
        .collect();
    assert_eq!(plain, b"ping");
    node.send_raw(&frame(0x80, rest)).await;
    ears.peers(&[STORE_1]).await;
    for junk in ["", "hello", "[]", "{}", r#"{"type":7}"#] {
        node.signal(junk).await;
    }
    node.peers(&[STORE_2]).await;
    ears.peers(&[STORE_2]).await;
    assert_eq!(driver.send(GetTraffic).await.unwrap().signals_malformed, 5);
}

#[actix::test]
async fn a_broken_or_closed_socket_is_opened_again_and_the_node_read_again() {
    for last in [
        frame(0xf1, b"reserved bits"),
        frame(0x88, &1000_u16.to_be_bytes()),
    ] {
        let (node, _driver, ears) = subscribed().await;
        node.forget_calls();
        node.send_raw(&last).await;
        node.until_subscribed(2).await;
        // Once because the socket closed, once because it is open again; signals may have been missed.
        node.until_called("settings_getSettings", 2).await;
        node.until_called("wakuext_peers", 1).await;
        node.peers(&[STORE_1]).await;
        ears.peers(&[STORE_1]).await;
    }
}
