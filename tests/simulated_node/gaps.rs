//! Gaps, as the node tells of them and fills them.

use std::time::Duration;

use actors::model::{
    moment::{Moment, Period},
    node::Mode::{Pin, Waku2},
};
use mailserver_sidecar::sim::{Fault, Purpose};
use serde_json::{Value, json};

use crate::rig::Rig;

const FILL: &str = "wakuext_fillGaps";

#[actix::test]
async fn what_lies_between_two_requests_is_a_gap_in_the_answer_and_can_be_filled() {
    let rig = Rig::start(Waku2);
    rig.turn_to(0).await;
    rig.ask_history().await;
    rig.publish_unheard(0, "in the gap");
    // Shorter than the node was away: what is older than nothing is left out.
    rig.ok("settings_saveSetting", json!(["default-sync-period", 0]))
        .await;
    let mut signals = rig.signals().await;
    let answer = rig.ask_history().await;
    let gap = &answer["messages"][0];
    let requests = rig.sim.history_requests();
    let [from, to] = [&requests[0], &requests[1]].map(|it| it.to.as_millis());
    let period = json!({"from": from / 1000, "to": to.div_ceil(1000)});
    assert_eq!(gap["gapParameters"], period);
    assert_eq!(gap["contentType"], 10);
    assert_eq!(gap["chatId"], "simulation");
    assert_eq!(rig.sim.missing(), ["in the gap"]);

    assert_eq!(
        rig.ok(FILL, json!(["simulation", [gap["id"]]])).await,
        Value::Null
    );
    let told = signals.next("messages.new").await;
    assert_eq!(told["messages"][0]["text"], "in the gap");
    assert_eq!(told["messages"][0]["gapParameters"], json!({}));
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
    let filling = &rig.sim.history_requests()[2];
    assert_eq!((filling.purpose, filling.new), (Purpose::Gaps, 1));
    // It is unknown now, and so nothing is asked for.
    rig.ok(FILL, json!(["simulation", [gap["id"]]])).await;
    assert_eq!(rig.sim.history_requests()[3].delivered, 0);
}

#[actix::test]
async fn a_gap_can_be_told_with_whatever_comes_next() {
    let rig = Rig::start(Waku2);
    rig.turn_to(0).await;
    let mut signals = rig.signals().await;
    let from = Moment::from_millis(1_000_000_000_001);
    let until = from + Duration::from_secs(10);
    rig.sim.send_gap(Period { from, until });
    rig.sim.publish("live");
    let told = signals.next("messages.new").await;
    let period = json!({"from": 1_000_000_000_u64, "to": 1_000_000_011_u64});
    assert_eq!(told["messages"][1]["gapParameters"], period);
    rig.sim.send_gap(Period { from, until });
    let answer = rig.ask_history().await;
    assert_eq!(answer["messages"][0]["gapParameters"], period);
}

#[actix::test]
async fn a_node_that_asks_by_itself_tells_gaps_by_a_signal() {
    let rig = Rig::start(Pin);
    rig.until("it asked", |sim| {
        sim.history_requests().iter().any(|it| it.completed)
    })
    .await;
    rig.ok("settings_saveSetting", json!(["default-sync-period", 0]))
        .await;
    let mut signals = rig.signals().await;
    let pin = json!([{"sim.test": "store-02.sim.test"}]);
    rig.ok("wakuext_setPinnedMailservers", pin).await;
    let told = signals.next("messages.new").await;
    assert_eq!(told["messages"][0]["contentType"], 10);
}

#[actix::test]
async fn filling_fails_in_the_recorded_words() {
    let rig = Rig::start(Pin);
    rig.until("it chose", |sim| sim.used_mailserver().is_some())
        .await;
    let unknown = rig.error(FILL, json!(["nochat", []])).await;
    assert_eq!(unknown, (-32000, "chat not existing".into()));
    let crashed = (-32603, "method handler crashed".to_owned());
    let none = json!(["simulation", []]);
    assert_eq!(rig.error(FILL, none).await, crashed);
    let some = json!(["simulation", ["0x01"]]);
    assert_eq!(rig.ok(FILL, some.clone()).await, Value::Null);
    for index in 0..3 {
        rig.sim.set_fault(index, Fault::Killed).unwrap();
    }
    rig.until("all are gone", |sim| sim.peers().is_empty())
        .await;
    assert_eq!(rig.error(FILL, some.clone()).await.0, -32000);
    rig.sim.use_mailservers(false);
    rig.until("none is active", |sim| sim.used_mailserver().is_none())
        .await;
    assert_eq!(rig.error(FILL, some).await, crashed);

    let rig = Rig::start(Waku2);
    let missing = rig.error(FILL, json!(["simulation"])).await;
    let words = "missing value for required argument 1";
    assert_eq!(missing, (-32602, words.into()));
    let nobody = rig.error(FILL, json!(["simulation", ["0x01"]])).await;
    assert_eq!(nobody, (-32000, "no mailserver selected".into()));
}
