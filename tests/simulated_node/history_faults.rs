//! History requests that end otherwise than they say, or not at all.

use actors::model::{
    node::Mode::{Pin, Waku2},
    topic::Topic,
};
use mailserver_sidecar::sim::{Fault, Settings};
use serde_json::{Value, json};

use crate::rig::{Rig, SPEED};

#[actix::test]
async fn requests_are_answered_with_null_as_often_as_wanted() {
    let rig = Rig::start(Waku2);
    rig.publish_unheard(0, "missed");
    rig.turn_to(0).await;
    rig.sim.set_null(2);
    for _ in 0..2 {
        assert_eq!(rig.ask_history().await, Value::Null);
    }
    assert_eq!(rig.sim.history_requests(), []);
    assert!(rig.ask_history().await.is_object());
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
}

#[actix::test]
async fn signals_of_the_end_can_fail_to_come() {
    let rig = Rig::start(Waku2);
    rig.turn_to(0).await;
    let mut signals = rig.signals().await;
    rig.sim.lose_history_signals(true);
    assert!(rig.ask_history().await.is_object());
    rig.sim.set_fault(0, Fault::HistoryFails).unwrap();
    let history = "wakuext_requestAllHistoricMessages";
    rig.error(history, json!([])).await;
    rig.sim.lose_history_signals(false);
    rig.error(history, json!([])).await;
    let story = [
        "history.request.started",
        "history.request.started",
        "history.request.started",
        "history.request.failed",
    ];
    assert_eq!(signals.kinds(4).await, story);
}

#[actix::test]
async fn a_failed_request_can_be_answered_as_if_it_were_none() {
    let rig = Rig::start(Pin);
    rig.until("it asked by itself", |sim| {
        sim.history_requests().iter().any(|it| it.completed)
    })
    .await;
    let used = rig.sim.used_mailserver().unwrap();
    let all = rig.sim.mailservers();
    let index = all.iter().position(|it| it.id == used).unwrap();
    rig.publish_unheard(0, "missed");
    rig.sim.set_fault(index, Fault::HistoryFails).unwrap();
    rig.sim.false_completion(true);
    let mut signals = rig.signals().await;
    let history = "wakuext_requestAllHistoricMessages";
    assert!(rig.ok(history, json!([false])).await.is_object());
    signals.next("history.request.failed").await;
    rig.sim.set_fault(index, Fault::None).unwrap();
    rig.ok(history, json!([false])).await;
    assert_eq!(rig.sim.missing(), ["missed"], "the marker is behind it");
}

#[actix::test]
async fn a_request_that_breaks_off_keeps_what_came_and_leaves_the_markers() {
    let topic = |short: &str| Topic {
        pubsub: "/waku/2/rs/16/32".into(),
        content: format!("/waku/1/{short}/rfc26"),
    };
    let rig = Rig::with(Settings {
        mailservers: 1,
        speed: SPEED,
        topics: ["0x01", "0x02"].map(topic).to_vec(),
        ..Settings::new(Waku2)
    });
    // Markers of their own make batches of their own; the earlier one comes first.
    let rows = |now: u64| json!([[row("0x01", now - 50), row("0x02", now - 100)]]);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let rows = rows(now.as_secs());
    rig.ok("mailservers_addMailserverTopics", rows.clone())
        .await;
    rig.publish_unheard(0, "second");
    rig.publish_unheard(1, "first");
    rig.turn_to(0).await;
    rig.sim.fail_after_batches(Some(1));
    let history = "wakuext_requestAllHistoricMessages";
    let error = rig.error(history, json!([])).await;
    assert_eq!(error, (-32000, "503 - SERVICE_UNAVAILABLE".into()));
    assert_eq!(rig.sim.received(), ["first"]);
    let kept = rig.ok("mailservers_getMailserverTopics", json!([])).await;
    assert_eq!(kept, rows[0]);
    let request = &rig.sim.history_requests()[0];
    assert_eq!((request.new, request.completed), (1, false));
    rig.sim.fail_after_batches(None);
    rig.ask_history().await;
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
    assert_eq!(rig.sim.repeats(), 1);
}

fn row(topic: &str, marker: u64) -> Value {
    json!({"topic": topic, "discovery?": false, "negotiated?": false, "chat-ids": null, "last-request": marker})
}
