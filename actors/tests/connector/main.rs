//! The connector as others meet it: what it sends to whom, in which order, and what it does not send.

mod per_query;
mod rig;

use std::time::Duration;

use ::actors::{
    connector::pin::Policy,
    messages::{
        candidates::CandidatesChanged,
        history::MailserverServed,
        node::{NodeChanged, NodeSwitched},
        peers::PeerConnected,
        supervision::Tick,
    },
    model::node::{Connection, Mode, NodeError, NodeState},
    testing::{mailserver, plain},
};
use rig::{NOTHING, Rig, gone, identity, refused};

#[actix::test]
async fn the_first_connection_comes_about_in_this_order() {
    let rig = Rig::started(Mode::Waku2).await;
    assert_eq!(rig.sent().await, ["select of 4"]);
    rig.decide(Some(2)).await;
    assert_eq!(rig.sent().await, ["changed store-02.test", "connect 2"]);
    rig.pass(1).await;
    assert_eq!(
        rig.sent().await,
        [
            "mark 2 Connected",
            "available store-02.test",
            "history from 2 by us"
        ]
    );
    let counts = rig.status().await.counts;
    assert_eq!((counts.selections, counts.connections), (1, 1));
}

#[actix::test]
async fn nothing_is_sent_to_anybody_while_it_is_connected() {
    let rig = Rig::connected(Mode::Waku2).await;
    for _ in 0..100 {
        rig.pass(10).await;
        rig.tell(Tick).await;
    }
    rig.tell(MailserverServed(identity(0))).await;
    rig.tell(PeerConnected(identity(1))).await;
    rig.tell(gone(1)).await;
    assert_eq!(rig.sent().await, NOTHING);
}

#[actix::test]
async fn before_the_node_is_there_nothing_is_sent() {
    let rig = Rig::new(plain());
    rig.candidates(Some(1)).await;
    rig.tell(PeerConnected(identity(1))).await;
    rig.tell(Tick).await;
    rig.pass(60).await;
    assert_eq!(rig.sent().await, NOTHING);
}

#[actix::test]
async fn a_lost_one_is_marked_dropped_and_replaced_at_once() {
    let rig = Rig::connected(Mode::Waku2).await;
    rig.lose(0).await;
    assert_eq!(
        rig.sent().await,
        [
            "mark 0 Disconnected",
            "drop 0",
            "changed none",
            "history from nobody",
            "select of 4"
        ]
    );
}

#[actix::test]
async fn the_next_one_is_looked_for_once_the_lost_one_is_dropped() {
    let rig = Rig::connected(Mode::Waku2).await;
    rig.dropping.set(Duration::from_millis(50));
    rig.lose(0).await;
    assert_eq!(rig.sent().await, ["mark 0 Disconnected", "drop 0"]);
    rig.pass(1).await;
    assert_eq!(rig.sent().await.last().unwrap(), "select of 4");
}

#[actix::test]
async fn a_node_that_takes_for_ever_to_drop_a_peer_holds_nothing_up() {
    let rig = Rig::connected(Mode::Waku2).await;
    rig.dropping.set(Duration::from_secs(3600));
    rig.lose(0).await;
    rig.pass(1).await;
    assert_eq!(rig.sent().await.last().unwrap(), "select of 4");
}

#[actix::test]
async fn an_answer_that_comes_after_the_limit_is_ignored() {
    let rig = Rig::started(Mode::Waku2).await;
    rig.dials(12_000, |_| Ok(Connection::Connected));
    rig.decide(Some(1)).await;
    rig.pass(9).await;
    assert_eq!(rig.active().await, Some(1));
    rig.pass(1).await;
    assert!(
        rig.sent()
            .await
            .ends_with(&["changed none", "select of 4"].map(Into::into))
    );
    rig.pass(3).await;
    assert_eq!(rig.sent().await, NOTHING);
    assert_eq!(rig.active().await, None);
}

#[actix::test]
async fn connecting_asks_for_the_peers_ever_more_rarely_and_no_longer_than_needed() {
    let rig = Rig::started(Mode::Waku1).await;
    rig.dials(0, |_| Ok(Connection::Pending));
    rig.decide(Some(1)).await;
    rig.sent().await;
    rig.pass(3).await;
    let asked = rig.sent().await;
    assert!(asked.iter().all(|it| it == "refresh"), "{asked:?}");
    assert!((5..=7).contains(&asked.len()), "{asked:?}");
    rig.tell(PeerConnected(identity(1))).await;
    rig.sent().await;
    rig.pass(60).await;
    assert_eq!(rig.sent().await, NOTHING);
}

#[actix::test]
async fn a_node_that_asks_by_itself_is_left_to_ask() {
    let rig = Rig::started(Mode::Pin).await;
    rig.decide(Some(2)).await;
    rig.pass(1).await;
    let sent = rig.sent().await;
    assert_eq!(sent.last().unwrap(), "history from 2 by node");
}

#[actix::test]
async fn an_adapter_that_died_with_the_call_is_asked_again_at_the_next_tick() {
    let rig = Rig::started(Mode::Waku2).await;
    rig.dials(0, |_| panic!("a test"));
    rig.decide(Some(1)).await;
    rig.sent().await;
    rig.pass(9).await;
    assert_eq!(rig.sent().await, NOTHING);
    rig.tell(Tick).await;
    assert_eq!(rig.sent().await, ["select of 4"]);
    assert_eq!(rig.status().await.counts.failed_connections, 1);
}

#[actix::test]
async fn while_the_node_is_away_nothing_is_sent() {
    let rig = Rig::connected(Mode::Waku2).await;
    let gone = NodeState::Unreachable {
        reason: "refused".into(),
    };
    rig.tell(NodeChanged(gone)).await;
    assert_eq!(rig.sent().await, ["changed none", "history from nobody"]);
    rig.lose(0).await;
    rig.failing(0).await;
    for _ in 0..6 {
        rig.tell(Tick).await;
        rig.pass(10).await;
    }
    assert_eq!(rig.sent().await, NOTHING);
}

// === mailservers that are connected but do not serve ===

#[actix::test]
async fn one_that_refuses_history_is_left_for_another() {
    let rig = Rig::connected(Mode::Waku2).await;
    rig.failing(0).await;
    assert_eq!(rig.sent().await.last().unwrap(), "select of 4");
    rig.decide(Some(1)).await;
    rig.pass(1).await;
    assert_eq!(rig.active().await, Some(1));
}

#[actix::test]
async fn a_strict_pin_that_refuses_history_is_not_left() {
    let rig = Rig::pinned(Policy::Strict).await;
    for _ in 0..5 {
        rig.failing(3).await;
        rig.tell(Tick).await;
    }
    assert_eq!(rig.sent().await, NOTHING);
    assert_eq!(rig.active().await, Some(3));
}

#[actix::test]
async fn a_preferred_pin_that_refuses_history_does_not_make_it_flap() {
    let rig = Rig::pinned(Policy::Prefer).await;
    let mut changes = Vec::new();
    // It stays listed all the time, as a server does that is only out of disk.
    for _ in 0..60 {
        if rig.active().await == Some(3) {
            rig.failing(3).await;
        }
        rig.tell(PeerConnected(identity(3))).await;
        let sent = rig.sent().await;
        if sent.iter().any(|it| it.starts_with("select")) {
            rig.decide(Some(0)).await;
        }
        // Pings it answers.
        if sent.iter().any(|it| it.starts_with("draw")) {
            rig.decide(Some(3)).await;
        }
        rig.pass(10).await;
        rig.tell(Tick).await;
        changes.extend(sent.into_iter().filter(|it| it.starts_with("changed")));
    }
    // Ten minutes: away at once, trials after 10, 20, 40 … seconds, 120 at most.
    let trials = changes.iter().filter(|it| *it == "changed store-03.test");
    assert!((2..=7).contains(&trials.count()), "{changes:?}");
}

#[actix::test]
async fn a_pin_that_refused_history_is_used_again_once_it_serves() {
    let rig = Rig::pinned(Policy::Prefer).await;
    rig.failing(3).await;
    rig.decide(Some(0)).await;
    rig.pass(1).await;
    assert_eq!(rig.active().await, Some(0));
    rig.pass(10).await;
    assert_eq!(rig.sent().await.last().unwrap(), "draw of 1");
    assert_eq!(rig.active().await, Some(0), "its own word is waited for");
    rig.decide(Some(3)).await;
    rig.pass(1).await;
    assert_eq!(rig.active().await, Some(3));
    rig.tell(MailserverServed(identity(3))).await;
    rig.lose(3).await;
    rig.pass(1).await;
    assert_eq!(rig.active().await, Some(3), "insisted on as before");
}

// === one stays active while another one is tried ===

#[actix::test]
async fn one_that_is_lost_while_the_pin_is_tried_is_left_when_the_pin_fails() {
    let rig = Rig::connected(Mode::Waku2).await;
    rig.dials(3_000, |_| refused());
    rig.tell(PeerConnected(identity(3))).await;
    rig.candidates(Some(3)).await;
    assert_eq!(rig.sent().await, ["connect 3"]);
    rig.lose(0).await;
    assert_eq!(rig.sent().await, NOTHING);
    rig.pass(4).await;
    let sent = rig.sent().await;
    let expected = ["mark 0 Disconnected", "drop 0", "changed none"];
    let sent: Vec<_> = sent.iter().filter(|it| *it != "refresh").collect();
    assert_eq!(sent[..3], expected, "{sent:?}");
}

#[actix::test]
async fn one_that_left_the_list_while_the_pin_is_tried_is_not_gone_back_to() {
    let rig = Rig::connected(Mode::Waku2).await;
    rig.dials(3_000, |_| refused());
    rig.tell(PeerConnected(identity(3))).await;
    rig.candidates(Some(3)).await;
    rig.tell(CandidatesChanged {
        fleet: Some("other".into()),
        candidates: vec![mailserver(2), mailserver(3)],
        pinned: Some(identity(3)),
    })
    .await;
    assert_eq!(rig.active().await, Some(3));
}

#[actix::test]
async fn a_node_that_cannot_be_led_back_gets_another_one() {
    let rig = Rig::connected(Mode::Pin).await;
    let ignored = || Err(NodeError::PinIgnored("store-02.test".into()));
    rig.dials(100, move |_| ignored());
    rig.tell(NodeSwitched {
        identity: Some(identity(2)),
        id: None,
    })
    .await;
    assert_eq!(rig.sent().await, NOTHING, "the user may have set a pin");
    rig.tell(Tick).await;
    assert_eq!(rig.sent().await, ["connect 0"]);
    rig.pass(1).await;
    let sent = rig.sent().await;
    assert!(sent.contains(&"changed none".into()), "{sent:?}");
    assert_eq!(sent.last().unwrap(), "select of 4");
    let status = rig.status().await;
    assert_eq!(status.active, None);
}

// === limits that pass while the node is busy ===

#[actix::test]
async fn a_slow_drop_does_not_swallow_the_pause_before_the_dial() {
    let config = ::actors::connector::Config {
        jitter: Duration::from_millis(100),
        ..plain()
    };
    let rig = Rig::new(config);
    rig.candidates(None).await;
    rig.node(Mode::Waku2).await;
    rig.decide(Some(0)).await;
    rig.pass(1).await;
    rig.dropping.set(Duration::from_millis(200));
    for next in 1..3 {
        rig.lose(next - 1).await;
        rig.pass(1).await;
        rig.decide(Some(next)).await;
        rig.pass(1).await;
        assert_eq!(rig.active().await, Some(next));
    }
}

#[actix::test]
async fn connecting_ends_though_the_drop_took_longer_than_the_first_question() {
    let rig = Rig::connected(Mode::Waku1).await;
    rig.dials(0, |_| Ok(Connection::Pending));
    rig.lose(0).await;
    rig.decide(Some(1)).await;
    rig.sent().await;
    rig.dropping.set(Duration::from_millis(200));
    rig.candidates(Some(3)).await;
    rig.pass(15).await;
    assert!(rig.sent().await.contains(&"changed none".into()));
}
