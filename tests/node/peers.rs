//! What reaches the listeners of the node's peers: who they are, which keep history, whether the node is online.

use ::actors::{
    messages::node::{PeerSnapshot, PushSignals, RefreshPeers},
    model::node::StorePeer,
};
use mailserver_sidecar::node::{
    Signals,
    signals::{self, Signal},
};
use serde_json::{Value, json};

use crate::{
    ears::{Ears, Heard, drive},
    scripted::{Node, Reply, usual},
    stores::{STORE_1, STORE_2},
};

fn recorded(version: &str) -> Vec<(Value, PeerSnapshot)> {
    let path = format!(
        "{}/tests/fixtures/wire/{version}.signals.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let all = std::fs::read_to_string(path).unwrap();
    let snapshots = all.lines().filter_map(|line| {
        let Ok(Some(Signal::Peers(snapshot))) = signals::read(line.as_bytes()) else {
            return None;
        };
        let event = serde_json::from_str::<Value>(line).unwrap()["event"].take();
        Some((event, snapshot))
    });
    snapshots.collect()
}

/// Id and address of each.
fn written(stores: &[StorePeer]) -> Vec<(String, String)> {
    let written = |it: &StorePeer| (it.identity.to_string(), it.address.to_string());
    stores.iter().map(written).collect()
}

async fn snapshot(ears: &Ears) -> PeerSnapshot {
    ears.until(|heard| match heard {
        Heard::Peers(snapshot) => Some(snapshot.clone()),
        _ => None,
    })
    .await
}

#[test]
fn recorded_peers_of_2024_that_keep_history_are_found_with_their_address() {
    let mut found = 0;
    for (event, snapshot) in recorded("pin-2024-10") {
        let entries = event["peers"].as_object().unwrap().iter();
        let stores =
            entries.filter(|(_, it)| it["protocols"].to_string().contains("/vac/waku/store"));
        let expected: Vec<_> = stores
            .map(|(id, it)| (id.clone(), it["addresses"][0].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(written(&snapshot.stores), expected);
        assert_eq!(snapshot.online, event["isOnline"].as_bool());
        found += expected.len();
    }
    assert!(found > 10, "{found}");
}

#[test]
fn recorded_peers_of_2022_that_keep_history_are_found_without_address() {
    let mut found = 0;
    for (event, snapshot) in recorded("waku2-v0.94") {
        let entries = event["peers"].as_object().unwrap().iter();
        let stores = entries.filter(|(_, it)| it.to_string().contains("/vac/waku/store"));
        let expected: Vec<_> = stores
            .map(|(id, _)| (id.clone(), format!("/p2p/{id}")))
            .collect();
        assert_eq!(written(&snapshot.stores), expected);
        assert_eq!(snapshot.online, event["isOnline"].as_bool());
        found += expected.len();
    }
    assert!(found > 10, "{found}");
    assert!(
        recorded("waku1-v0.94")
            .iter()
            .all(|(_, it)| it.stores.is_empty())
    );
}

#[actix::test]
async fn a_node_that_is_asked_tells_it_too() {
    let address = format!("/ip4/127.0.0.1/tcp/61001/p2p/{STORE_1}");
    let table = json!({
        STORE_1: {"protocols": ["/vac/waku/store-query/3.0.0"], "addresses": [address]},
        STORE_2: ["/vac/waku/relay/2.0.0"],
    });
    let mut usual = usual("pin");
    let node = Node::start(move |method, params| match method {
        "wakuext_peers" => Some(Reply::Result(table.clone())),
        _ => usual(method, params),
    })
    .await;
    let (driver, ears) = drive(node.polled());
    ears.ready().await;
    driver.do_send(RefreshPeers);
    let snapshot = snapshot(&ears).await;
    assert_eq!((snapshot.peers.len(), snapshot.online), (2, None));
    assert_eq!(written(&snapshot.stores), [(STORE_1.to_owned(), address)]);
}

#[actix::test]
async fn a_node_without_peers_says_whether_it_is_online() {
    for kind in ["waku2", "pin"] {
        let node = Node::start(usual(kind)).await;
        let mut config = node.config();
        config.signals = Signals::Push;
        let (driver, ears) = drive(config);
        ears.ready().await;
        let table = json!({STORE_1: []});
        for (event, peers, online) in [
            (json!({"isOnline": true, "peers": table}), 1, Some(true)),
            // 2022.
            (
                json!({"isOnline": false, "hasHistory": false, "peers": {}}),
                0,
                Some(false),
            ),
            // 2024.
            (json!({"isOnline": false, "peers": {}}), 0, Some(false)),
            (json!({"isOnline": false, "peers": null}), 0, Some(false)),
            (json!({"isOnline": true, "peers": {}}), 0, Some(true)),
        ] {
            let signal = json!({"type": "wakuv2.peerstats", "event": event}).to_string();
            driver.do_send(PushSignals(vec![signal]));
            let heard = snapshot(&ears).await;
            assert_eq!(
                (heard.peers.len(), heard.online),
                (peers, online),
                "{event}"
            );
        }
    }
}

#[test]
fn there_is_an_end_to_those_that_keep_history() {
    let ids = (0..100_u8).map(|number| {
        // Peer ids of ed25519 keys.
        let key = [&[0, 36, 8, 1, 18, 32][..], &[number; 32]].concat();
        libp2p_identity::PeerId::from_bytes(&key)
            .unwrap()
            .to_string()
    });
    let entries = ids.map(|id| (id, json!(["/vac/waku/store/2.0.0-beta4"])));
    let peers: serde_json::Map<_, _> = entries.collect();
    let signal = json!({"type": "wakuv2.peerstats", "event": {"peers": peers}}).to_string();
    let Ok(Some(Signal::Peers(snapshot))) = signals::read(signal.as_bytes()) else {
        panic!("no peers")
    };
    assert_eq!(snapshot.peers.len(), 100);
    assert_eq!(snapshot.stores.len(), ::actors::model::node::MOST_STORES);
}
