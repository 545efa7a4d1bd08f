//! Chats: how far their history reaches, and how it is made to reach further back.

use actors::model::node::Mode::{Observe, Pin, Waku2};
use mailserver_sidecar::sim::{Fault, Purpose};
use serde_json::{Value, json};

use crate::rig::Rig;

const EXTEND: &str = "wakuext_syncChatFromSyncedFrom";

async fn chat(rig: &Rig) -> Value {
    rig.ok("wakuext_activeChats", json!([])).await[0].clone()
}

async fn save_period(rig: &Rig, seconds: u64) {
    let saved = json!(["default-sync-period", seconds]);
    rig.ok("settings_saveSetting", saved).await;
}

#[actix::test]
async fn a_chat_says_how_far_it_reaches() {
    let rig = Rig::start(Waku2);
    let before = chat(&rig).await;
    for marker in ["syncedFrom", "syncedTo", "lastClockValue"] {
        assert_eq!(before[marker], 0, "{marker}");
    }
    rig.publish_unheard(0, "missed");
    rig.turn_to(0).await;
    let answer = rig.ask_history().await;
    let after = chat(&rig).await;
    assert_eq!(answer["chats"], json!([after]));
    let request = &rig.sim.history_requests()[0];
    assert_eq!(after["syncedTo"], request.to.as_seconds());
    assert_eq!(after["syncedFrom"], request.from[0].1.as_seconds());
    let newest = after["lastClockValue"].as_u64().unwrap();
    let to = request.to.as_millis();
    assert!((to - 60_000..to).contains(&newest), "{newest}");
}

#[actix::test]
async fn a_chat_is_extended_by_one_sync_period() {
    for mode in [Waku2, Pin] {
        let rig = Rig::start(mode);
        save_period(&rig, 0).await;
        rig.publish_unheard(0, "earlier");
        let history = match mode {
            Waku2 => {
                rig.turn_to(0).await;
                json!([])
            }
            _ => json!([false]),
        };
        rig.until("it has a mailserver", |sim| sim.used_mailserver().is_some())
            .await;
        rig.ok("wakuext_requestAllHistoricMessages", history).await;
        let begin = chat(&rig).await["syncedFrom"].as_u64().unwrap();
        save_period(&rig, 100).await;
        let extended = rig.ok(EXTEND, json!(["simulation"])).await;
        assert_eq!(extended, begin - 100);
        assert_eq!(chat(&rig).await["syncedFrom"], begin - 100);
        assert_eq!(rig.sim.missing(), Vec::<String>::new());
        let last = rig.sim.history_requests().pop().unwrap();
        assert_eq!(last.purpose, Purpose::Earlier);
        assert_eq!(rig.ok(EXTEND, json!(["simulation"])).await, begin - 200);
    }
}

#[actix::test]
async fn extending_fails_in_the_recorded_words() {
    let rig = Rig::start(Waku2);
    assert_eq!(rig.ok(EXTEND, json!(["nochat"])).await, 0);
    let rig = Rig::start(Pin);
    rig.until("it chose", |sim| sim.used_mailserver().is_some())
        .await;
    let failure = async |chat: &str| rig.error(EXTEND, json!([chat])).await.1;
    assert_eq!(failure("nochat").await, "can't find chat");
    for index in 0..3 {
        rig.sim.set_fault(index, Fault::HistoryFails).unwrap();
    }
    assert_eq!(failure("simulation").await, "too many failed requests");
    rig.sim.use_mailservers(false);
    rig.until("none is active", |sim| sim.used_mailserver().is_none())
        .await;
    assert_eq!(failure("simulation").await, "mailserver not available");
}

#[actix::test]
async fn nodes_that_pick_a_store_extend_chats_from_any() {
    let rig = Rig::start(Observe);
    rig.until("it has its peers", |sim| sim.peers().len() == 3)
        .await;
    rig.sim.set_fault(0, Fault::HistoryFails).unwrap();
    rig.sim.set_fault(1, Fault::HistoryFails).unwrap();
    rig.publish_unheard(0, "earlier");
    rig.ok(EXTEND, json!(["simulation"])).await;
    assert_eq!(rig.sim.missing(), Vec::<String>::new());
}
