//! Communities that the node knows.

use actors::model::node::Mode::{Waku1, Waku2};
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use crate::rig::Rig;

const ASK: &str = "wakuext_requestCommunityInfoFromMailserver";

#[actix::test]
async fn known_communities_are_listed() {
    let rig = Rig::start(Waku2);
    assert_eq!(rig.ok("wakuext_communities", json!([])).await, Value::Null);
    let id = format!("0x{}", "3d".repeat(33));
    rig.sim.publish_community(&id, "a community");
    rig.turn_to(0).await;
    let found = rig.ok(ASK, json!([id])).await;
    let known = rig.ok("wakuext_communities", json!([])).await;
    assert_eq!(known, json!([found]));
    assert_eq!(known[0]["id"], id);
}

#[actix::test]
async fn on_waku1_history_hangs_once_a_known_community_was_asked_for() {
    let rig = Rig::start(Waku1);
    let id = format!("0x{}", "3d".repeat(33));
    rig.sim.publish_community(&id, "a community");
    connect(&rig).await;
    rig.ok(ASK, json!([id])).await;
    assert!(rig.ask_history().await.is_object());
    // It is answered, and that is all that shows.
    assert_eq!(rig.ok(ASK, json!([id])).await["id"], id);
    let mut signals = rig.signals().await;
    let hanging = timeout(Duration::from_millis(200), rig.ask_history()).await;
    assert!(hanging.is_err(), "{hanging:?}");
    assert_eq!(signals.any().await["type"], "history.request.started");
    rig.sim.stop_node().await;
    rig.sim.start_node().unwrap();
    connect(&rig).await;
    assert!(rig.ask_history().await.is_object());
}

async fn connect(rig: &Rig) {
    let address = rig.mailserver(0).address;
    rig.ok("wakuext_updateMailservers", json!([[address]]))
        .await;
    rig.until("it is connected", |sim| !sim.peers().is_empty())
        .await;
}
