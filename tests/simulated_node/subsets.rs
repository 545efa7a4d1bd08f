//! Mailservers that do not hold all that was sent.

use std::time::Duration;

use actors::model::node::Mode::{Pin, Waku2};
use mailserver_sidecar::sim::Fault;
use serde_json::json;

use crate::rig::Rig;

#[actix::test]
async fn a_deaf_mailserver_answers_keeps_nothing_new_and_passes_nothing_on() {
    let rig = Rig::start(Waku2);
    rig.sim.publish("before");
    rig.turn_to(0).await;
    rig.sim.set_deaf(0, true);
    rig.sim.publish("meanwhile");
    rig.ask_history().await;
    assert_eq!(rig.sim.received(), ["before"]);
    assert_eq!(rig.sim.holders("before"), [0, 1, 2]);
    assert_eq!(rig.sim.holders("meanwhile"), [1, 2]);
    rig.sim.set_deaf(0, false);
    rig.sim.publish("after");
    rig.until("it passes on again", |sim| sim.received().len() == 2)
        .await;
    assert_eq!(rig.sim.missing(), ["meanwhile"]);
}

#[actix::test]
async fn what_no_live_mailserver_holds_cannot_be_recovered() {
    let rig = Rig::start(Waku2);
    rig.sim.set_deaf(1, true);
    rig.sim.set_fault(2, Fault::Killed).unwrap();
    rig.sim.publish("held by the first");
    assert_eq!(rig.sim.unrecoverable(), Vec::<String>::new());
    rig.sim.set_fault(0, Fault::Killed).unwrap();
    assert_eq!(rig.sim.holders("held by the first"), [0]);
    assert_eq!(rig.sim.unrecoverable(), ["held by the first"]);
    rig.sim.set_fault(0, Fault::None).unwrap();
    assert_eq!(rig.sim.unrecoverable(), Vec::<String>::new());
}

#[actix::test]
async fn a_truncated_mailserver_forgets_what_is_older() {
    let rig = Rig::start(Waku2);
    rig.sim.publish("old");
    rig.sim.set_truncated(0, Some(Duration::from_secs(3600)));
    assert_eq!(rig.sim.holders("old"), [0, 1, 2]);
    // Nothing is that young.
    rig.sim.set_truncated(0, Some(Duration::ZERO));
    assert_eq!(rig.sim.holders("old"), [1, 2]);
    rig.sim.set_truncated(0, None);
    rig.sim.publish("new");
    rig.turn_to(0).await;
    rig.ask_history().await;
    assert_eq!(rig.sim.received(), ["new"]);
}

#[actix::test]
async fn what_is_kept_late_is_not_in_the_answer_before() {
    let rig = Rig::start(Waku2);
    rig.sim.set_ingest_delay(0, Duration::from_secs(2));
    rig.publish_unheard(0, "late");
    rig.turn_to(0).await;
    rig.ask_history().await;
    assert_eq!(rig.sim.holders("late"), [1, 2]);
    rig.sim.set_fault(1, Fault::Killed).unwrap();
    rig.sim.set_fault(2, Fault::Killed).unwrap();
    assert_eq!(rig.sim.unrecoverable(), Vec::<String>::new(), "on its way");
    rig.until("it is kept", |sim| sim.holders("late").contains(&0))
        .await;
    rig.ask_history().await;
    assert_eq!(rig.sim.missing(), ["late"], "the marker is behind it");
}

#[actix::test]
async fn a_deaf_node_has_its_peers_and_hears_nothing() {
    let rig = Rig::start(Pin);
    rig.until("it asked by itself", |sim| {
        sim.history_requests().iter().any(|it| it.completed)
    })
    .await;
    rig.sim.set_node_deaf(true);
    rig.sim.publish("unheard");
    let mut signals = rig.signals().await;
    assert_eq!(signals.next("wakuv2.peerstats").await["isOnline"], true);
    assert_eq!(rig.sim.missing(), ["unheard"]);
    rig.sim.set_node_deaf(false);
    rig.sim.publish("heard");
    let told = signals.next("messages.new").await;
    assert_eq!(told["messages"][0]["text"], "heard");
    assert_eq!(told["messages"][0]["contentType"], 1);
    rig.ok("wakuext_requestAllHistoricMessages", json!([false]))
        .await;
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
}
