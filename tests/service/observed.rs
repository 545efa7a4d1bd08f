//! Beside a node since mid-2026, which picks a mailserver for each query: whatever happens, nothing is missed, and no
//! mailserver is ever called active.

use std::time::Duration;

use actors::{
    messages::{connection::Reach, events::Event},
    model::node::{Connectedness, Mode},
};
use mailserver_sidecar::sim::{self, Fault};
use serde_json::json;

use crate::rig::{LONG, Rig, node};

const REQUEST: &str = "wakuext_requestAllHistoricMessages";

fn observed() -> sim::Settings {
    node(Mode::Observe)
}

/// History was fetched once, and nothing is missing.
async fn served_with(node: sim::Settings) -> Rig {
    let mut rig = Rig::serve(node, &[]).await;
    rig.available().await;
    fetched(&mut rig).await;
    rig
}

async fn served() -> Rig {
    served_with(observed()).await
}

async fn fetched(rig: &mut Rig) {
    let completed = |it: &Event| {
        matches!(
            it,
            Event::HistoryCompleted {
                mailserver: None,
                ..
            }
        )
    };
    rig.event("history is fetched", completed).await;
    rig.nothing_missing().await;
}

/// Nothing pretends that there is an active one, and only what such a node serves was called.
async fn nothing_pretends(rig: &mut Rig) {
    assert_eq!(rig.changes(), 0, "{}", rig.story());
    let decided = |it: &Event| matches!(it, Event::Decision(_));
    assert!(!rig.told.iter().any(decided), "{}", rig.story());
    let status = rig.status().await;
    assert_eq!((status.active, status.standby), (None, None));
    let orders = ["wakuext_setPinned", "wakuext_setMail", "wakuext_dropPeer"];
    let calls = rig.sim.journal();
    let mut orders = calls.iter().filter(|call| {
        let ordered = orders.iter().any(|it| call.method.starts_with(it));
        ordered && call.params != json!([])
    });
    assert_eq!(orders.next().map(|it| &it.method), None);
}

fn requests(rig: &Rig) -> usize {
    let calls = rig.sim.journal();
    let calls = calls.iter().filter(|it| it.method == REQUEST);
    calls.filter(|it| it.params == json!([])).count()
}

async fn hindered(rig: &Rig, by: &str) {
    reaches(rig, by, |reach| {
        let hindrance = reach.hindrance.unwrap_or_default();
        hindrance.contains(by)
    })
    .await;
}

/// Waits until the status tells this of what is within reach.
async fn reaches(rig: &Rig, what: &str, told: impl Fn(Reach) -> bool) {
    let told = async {
        while !rig.status().await.reach.is_some_and(&told) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let told = tokio::time::timeout(LONG, told).await;
    assert!(told.is_ok(), "{what}: {:?}", rig.status().await.reach);
}

/// The node has no network for a while, as it is told to say, and then everything is fetched.
async fn survives_without_network(rig: &mut Rig, told: &str) {
    rig.sim.node_offline(true);
    hindered(rig, told).await;
    rig.sim.publish("while it had no network");
    rig.sim.node_offline(false);
    rig.available().await;
    fetched(rig).await;
    nothing_pretends(rig).await;
}

#[actix::test]
async fn what_was_sent_before_the_login_is_fetched_after_it() {
    let node = sim::Settings {
        logged_in: false,
        ..observed()
    };
    let mut rig = Rig::serve(node, &[]).await;
    rig.sim.publish("before the login");
    rig.sim.log_in("sim.test");
    rig.available().await;
    fetched(&mut rig).await;
    nothing_pretends(&mut rig).await;
}

#[actix::test]
async fn what_was_sent_while_the_node_had_no_network_is_fetched_once_it_is_back() {
    let mut rig = served().await;
    survives_without_network(&mut rig, "offers no dial").await;
}

#[actix::test]
async fn a_node_that_offers_a_dial_is_brought_back_and_does_not_have_to_find_a_peer() {
    let node = sim::Settings {
        offers_dial: true,
        // It finds nobody by itself.
        connects_at_login: false,
        ..observed()
    };
    let mut rig = served_with(node).await;
    survives_without_network(&mut rig, "no peer").await;
}

#[actix::test]
async fn what_was_sent_while_all_the_network_was_gone_is_fetched() {
    let mut rig = served().await;
    let count = rig.sim.mailservers().len();
    (0..count).for_each(|it| rig.sim.set_fault(it, Fault::Killed).unwrap());
    let offline = |it: &Event| matches!(it, Event::Offline { .. });
    rig.event("we are offline", offline).await;
    assert!(rig.status().await.reach.unwrap().mailserver.is_none());
    (0..count).for_each(|it| rig.sim.set_fault(it, Fault::None).unwrap());
    rig.sim.publish("before the node has found anybody");
    rig.available().await;
    fetched(&mut rig).await;
    nothing_pretends(&mut rig).await;
}

#[actix::test]
async fn after_a_sleep_history_is_fetched() {
    let mut rig = served().await;
    rig.ahead.set(Duration::from_secs(3600));
    let asleep = |it: &Event| matches!(it, Event::Asleep { .. });
    rig.event("we slept", asleep).await;
    rig.available().await;
    fetched(&mut rig).await;
    nothing_pretends(&mut rig).await;
}

#[actix::test]
async fn what_a_poor_mesh_did_not_pass_on_is_fetched_when_it_is_good_again() {
    let mut rig = served().await;
    rig.sim.set_poor_mesh(true);
    rig.sim.publish("not passed on");
    let poor = Some(Connectedness::PartiallyConnected);
    reaches(&rig, "it says so", |it| it.connection == poor).await;
    assert_eq!(rig.sim.missing().len(), 1);
    rig.sim.set_poor_mesh(false);
    fetched(&mut rig).await;
    nothing_pretends(&mut rig).await;
}

#[actix::test]
async fn null_while_the_node_asks_by_itself_is_asked_again() {
    let mut rig = served().await;
    rig.sim.set_poor_mesh(true);
    rig.sim.publish("not passed on");
    rig.sim.sync_under_way(true);
    let before = requests(&rig);
    rig.sim.set_poor_mesh(false);
    let failed = |it: &Event| matches!(it, Event::HistoryFailed { mailserver: None, reason, .. } if reason.contains("null"));
    rig.event("null is told", failed).await;
    rig.sim
        .wait_for(LONG, |_| requests(&rig) >= before + 3)
        .await;
    assert_eq!(rig.sim.missing().len(), 1, "null is no answer");
    rig.sim.sync_under_way(false);
    fetched(&mut rig).await;
}

#[actix::test]
async fn while_mailservers_are_switched_off_nothing_is_asked() {
    let mut rig = served().await;
    rig.sim.use_mailservers(false);
    // As if it had been noticed: no signal tells of it, and settings are read once a minute.
    rig.sim.send_frame(r#"{"type":"node.stopped","event":{}}"#);
    hindered(&rig, "switched off").await;
    let before = requests(&rig);
    rig.sim.set_poor_mesh(true);
    rig.sim.publish("not passed on");
    rig.sim.set_poor_mesh(false);
    rig.sim.node_offline(true);
    rig.sim.node_offline(false);
    let back = rig.sim.wait_for(LONG, |sim| !sim.peers().is_empty()).await;
    assert!(back && requests(&rig) == before);
    rig.sim.use_mailservers(true);
    rig.sim.send_frame(r#"{"type":"node.stopped","event":{}}"#);
    rig.available().await;
    fetched(&mut rig).await;
}

#[actix::test]
async fn mailservers_that_are_switched_off_are_noticed_by_the_first_null() {
    let mut rig = served().await;
    rig.sim.use_mailservers(false);
    rig.sim.set_poor_mesh(true);
    rig.sim.set_poor_mesh(false);
    hindered(&rig, "switched off").await;
    nothing_pretends(&mut rig).await;
}

#[actix::test]
async fn a_node_that_does_not_list_its_peers_is_served_by_its_word_alone() {
    let node = sim::Settings {
        lists_peers: false,
        ..observed()
    };
    let mut rig = served_with(node).await;
    survives_without_network(&mut rig, "no peer").await;
}

#[actix::test]
async fn a_mailserver_that_dies_is_no_news_while_another_one_answers() {
    let mut rig = Rig::serve(observed(), &["watch.interval=100ms"]).await;
    let first = rig.available().await;
    fetched(&mut rig).await;
    let before = requests(&rig);
    rig.sim.set_fault(first, Fault::Killed).unwrap();
    rig.sim.publish("passed on by the others");
    let id = rig.sim.mailservers()[first].id.clone();
    reaches(&rig, "another", |it| {
        it.mailserver.is_some_and(|it| it.id != id)
    })
    .await;
    rig.nothing_missing().await;
    assert_eq!(requests(&rig), before);
    nothing_pretends(&mut rig).await;
}

#[actix::test]
async fn a_query_that_no_mailserver_served_is_asked_again() {
    let mut rig = served().await;
    let count = rig.sim.mailservers().len();
    (0..count).for_each(|it| rig.sim.set_fault(it, Fault::HistoryFails).unwrap());
    rig.sim.set_poor_mesh(true);
    rig.sim.publish("not passed on");
    rig.sim.set_poor_mesh(false);
    let failed = |it: &Event| matches!(it, Event::HistoryFailed { reason, .. } if reason.contains("no store node"));
    rig.event("its failure is told", failed).await;
    (0..count).for_each(|it| rig.sim.set_fault(it, Fault::None).unwrap());
    fetched(&mut rig).await;
}

#[actix::test]
async fn long_before_its_first_peer_it_is_told_to_dial_if_it_can_be() {
    let node = sim::Settings {
        offers_dial: true,
        connects_at_login: false,
        first_peer_after: Duration::from_secs(900),
        ..observed()
    };
    let mut rig = served_with(node).await;
    nothing_pretends(&mut rig).await;
}

#[actix::test]
async fn until_its_first_peer_it_says_what_it_waits_for_and_then_fetches() {
    let node = sim::Settings {
        connects_at_login: false,
        first_peer_after: Duration::from_secs(20),
        ..observed()
    };
    let mut rig = Rig::serve(node, &[]).await;
    rig.sim.publish("before it has a peer");
    hindered(&rig, "offers no dial").await;
    assert_eq!(requests(&rig), 0, "it could not answer");
    rig.available().await;
    fetched(&mut rig).await;
    nothing_pretends(&mut rig).await;
}

#[actix::test]
async fn a_node_that_was_restarted_has_its_history_fetched() {
    let mut rig = served().await;
    rig.sim.stop_node().await;
    rig.sim.publish("while it was away");
    rig.sim.start_node().unwrap();
    rig.available().await;
    fetched(&mut rig).await;
    nothing_pretends(&mut rig).await;
}
