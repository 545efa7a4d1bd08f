//! The markers of topics: how far history was asked for, and what it does to set them back.

use std::time::Duration;

use actors::model::{
    moment::Moment,
    node::Mode::{self, Observe, Pin, Waku2},
    topic::Topic,
};
use mailserver_sidecar::sim::Settings;
use serde_json::{Value, json};

use crate::rig::{Rig, SPEED};

const LIST: &str = "mailservers_getMailserverTopics";
const SET: &str = "mailservers_addMailserverTopics";

#[actix::test]
async fn a_topic_has_a_row_once_it_was_asked_for() {
    let rig = Rig::start(Waku2);
    assert_eq!(rig.ok(LIST, json!([])).await, Value::Null);
    rig.turn_to(0).await;
    rig.ask_history().await;
    let asked = rig.sim.history_requests()[0].to.as_seconds();
    let mut row = json!({
        "topic": "0x77739787",
        "discovery?": false,
        "negotiated?": false,
        "chat-ids": null,
        "last-request": asked,
    });
    assert_eq!(rig.ok(LIST, json!([])).await, json!([row]));
    let rig = Rig::start(Pin);
    rig.until("it asked by itself", |sim| {
        !sim.history_requests().is_empty()
    })
    .await;
    rig.until("it was answered", |sim| sim.history_requests()[0].completed)
        .await;
    row["pubsubTopic"] = "".into();
    row["last-request"] = (rig.sim.history_requests()[0].to.as_seconds()).into();
    assert_eq!(rig.ok(LIST, json!([])).await, json!([row]));
}

#[actix::test]
async fn a_marker_that_is_set_back_makes_the_node_ask_another_mailserver_again() {
    let rig = Rig::start(Waku2);
    rig.sim.set_deaf(0, true);
    rig.publish_unheard(0, "held by others");
    rig.turn_to(0).await;
    rig.ask_history().await;
    rig.turn_to(1).await;
    rig.ask_history().await;
    assert_eq!(rig.sim.missing(), ["held by others"]);
    let mut rows = rig.ok(LIST, json!([])).await;
    let marker = rows[0]["last-request"].as_u64().unwrap();
    rows[0]["last-request"] = (marker - 600).into();
    assert_eq!(rig.ok(SET, json!([rows])).await, Value::Null);
    assert_eq!(rig.ok(LIST, json!([])).await, rows);
    rig.ask_history().await;
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
    let after = rig.ok(LIST, json!([])).await;
    assert!(after[0]["last-request"].as_u64() >= Some(marker), "{after}");
}

#[actix::test]
async fn each_topic_is_asked_for_from_its_own_marker() {
    let rig = with_two_topics(Waku2, Duration::ZERO);
    rig.turn_to(0).await;
    rig.ask_history().await;
    let rows = rig.ok(LIST, json!([])).await;
    let mut second = rows[1].clone();
    assert_eq!(second["topic"], "0xe5d79d4e");
    let back = second["last-request"].as_u64().unwrap() - 100;
    second["last-request"] = back.into();
    let single = "mailservers_addMailserverTopic";
    assert_eq!(rig.ok(single, json!([second])).await, Value::Null);
    rig.ask_history().await;
    let requests = rig.sim.history_requests();
    let [(late, at), (early, from)] = &requests[1].from[..] else {
        panic!("{requests:?}")
    };
    let (late, at, early, from) = match at > from {
        true => (late, at, early, from),
        false => (early, from, late, at),
    };
    assert_eq!(late.content, "/waku/1/0x77739787/rfc26");
    assert_eq!(*at, requests[0].to);
    assert_eq!(early.content, "/waku/1/0xe5d79d4e/rfc26");
    assert_eq!(*from, Moment::from_seconds(back));
}

#[actix::test]
async fn what_overlaps_comes_again_and_is_not_told_again() {
    let rig = with_two_topics(Waku2, Duration::from_secs(60));
    rig.publish_unheard(0, "missed");
    rig.turn_to(0).await;
    let mut signals = rig.signals().await;
    rig.ask_history().await;
    signals.next("messages.new").await;
    assert_eq!(rig.sim.repeats(), 0);
    let told = signals.kinds(2).await;
    rig.ask_history().await;
    assert_eq!(rig.sim.repeats(), 1);
    assert_eq!(signals.kinds(3).await[1..], told);
    let requests = rig.sim.history_requests();
    let counts = requests.iter().map(|it| (it.delivered, it.new));
    assert_eq!(counts.collect::<Vec<_>>(), [(1, 1), (1, 0)]);
}

#[actix::test]
async fn nothing_is_asked_for_that_is_older_than_the_sync_period() {
    let rig = Rig::start(Waku2);
    let period = json!(["default-sync-period", 5]);
    rig.ok("settings_saveSetting", period).await;
    let row = json!({"topic": "0x77739787", "last-request": 1_000_000_000});
    rig.ok(SET, json!([[row]])).await;
    rig.turn_to(0).await;
    rig.ask_history().await;
    let request = &rig.sim.history_requests()[0];
    assert_eq!(request.from[0].1, request.to.before(Duration::from_secs(5)));
}

#[actix::test]
async fn rows_are_refused_in_the_words_of_go_or_of_no_effect() {
    let rig = Rig::start(Pin);
    let refused = [
        (
            json!(["x"]),
            "string into Go value of type []mailservers.MailserverTopic",
        ),
        (
            json!([[1]]),
            "number into Go value of type mailservers.MailserverTopic",
        ),
        (
            json!([[{"topic": "0x77739787", "last-request": "1"}]]),
            "string into Go struct field MailserverTopic.last-request of type int",
        ),
    ];
    for (params, reason) in refused {
        let reason = format!("invalid argument 0: json: cannot unmarshal {reason}");
        assert_eq!(rig.error(SET, params).await, (-32602, reason));
    }
    rig.until("it asked by itself", |sim| {
        sim.history_requests().iter().any(|it| it.completed)
    })
    .await;
    // The usual pubsub topic is stored as an empty text: this is a row of its own.
    let row = json!({"topic": "0x77739787", "pubsubTopic": "/waku/2/rs/16/32", "last-request": 5});
    rig.ok(SET, json!([[row]])).await;
    assert_eq!(rig.ok(LIST, json!([])).await.as_array().unwrap().len(), 2);
    let before = rig.sim.history_requests().len();
    rig.ok("wakuext_requestAllHistoricMessages", json!([false]))
        .await;
    let requests = &rig.sim.history_requests()[before - 1..];
    assert_eq!(requests[1].from[0].1, requests[0].to);
}

#[actix::test]
async fn nodes_since_mid_2026_keep_their_markers_to_themselves() {
    let rig = Rig::start(Observe);
    for method in [LIST, SET, "mailservers_addMailserverTopic"] {
        assert_eq!(rig.error(method, json!([])).await.0, -32601);
    }
}

fn with_two_topics(mode: Mode, overlap: Duration) -> Rig {
    let topic = |short: &str| Topic {
        pubsub: "/waku/2/rs/16/32".into(),
        content: format!("/waku/1/{short}/rfc26"),
    };
    Rig::with(Settings {
        mailservers: 3,
        speed: SPEED,
        overlap,
        topics: ["0x77739787", "0xe5d79d4e"].map(topic).to_vec(),
        ..Settings::new(mode)
    })
}
