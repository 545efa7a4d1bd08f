//! The peers of the simulated node as a client reads them: those that keep history say so, in the recorded shapes.

use actors::{
    model::node::Mode,
    model::node::Mode::{Observe, Pin, Waku1, Waku2},
};
use mailserver_sidecar::{
    node::signals::{self, Signal},
    sim::Settings,
};
use serde_json::json;

use crate::rig::{Rig, SPEED};

/// A node that is connected to mailserver 1 of a fleet that no file lists, and to nobody else.
async fn connected(mode: Mode) -> Rig {
    let rig = Rig::with(Settings {
        mailservers: 1,
        more_fleets: vec![("own.test".into(), 1)],
        connects_at_login: false,
        offers_dial: true,
        speed: SPEED,
        ..Settings::new(mode)
    });
    rig.dial(1).await;
    let id = rig.mailserver(1).id;
    rig.until("it is a peer", |sim| sim.peers().contains(&id))
        .await;
    rig
}

#[actix::test]
async fn a_peer_that_keeps_history_says_so_in_each_generation() {
    for (mode, located) in [(Waku2, false), (Pin, true), (Observe, true)] {
        let rig = connected(mode).await;
        let peers = rig.ok("wakuext_peers", json!([])).await;
        let event = json!({"isOnline": true, "peers": peers});
        let signal = json!({"type": "wakuv2.peerstats", "event": event}).to_string();
        let Ok(Some(Signal::Peers(read))) = signals::read(signal.as_bytes()) else {
            panic!("{signal}")
        };
        let mailserver = rig.mailserver(1);
        let store = read
            .stores
            .iter()
            .find(|it| it.identity.as_str() == mailserver.identity);
        let expected = match located {
            true => mailserver.address,
            // Nodes of 2022 do not tell where their peers are.
            false => format!("/p2p/{}", mailserver.identity),
        };
        let address = store.map(|it| it.address.to_string());
        assert_eq!(address, Some(expected), "{mode:?}");
    }
}

#[actix::test]
async fn the_signal_and_the_answer_show_the_same_table() {
    for mode in [Waku2, Pin] {
        let rig = connected(mode).await;
        let mut socket = rig.signals().await;
        rig.dial(0).await;
        let both = |peers: &serde_json::Value| peers.as_object().is_some_and(|it| it.len() == 2);
        loop {
            let told = socket.next("wakuv2.peerstats").await;
            if both(&told["peers"]) {
                let answered = rig.ok("wakuext_peers", json!([])).await;
                assert_eq!(told["peers"], answered, "{mode:?}");
                break;
            }
        }
    }
}

#[actix::test]
async fn of_several_enodes_the_first_is_used_and_all_are_connected() {
    let rig = Rig::start(Waku1);
    let enode = |index| rig.mailserver(index).address;
    let id = |index| rig.mailserver(index).id;
    rig.ok("wakuext_updateMailservers", json!([[enode(1), enode(0)]]))
        .await;
    rig.until("both are peers", |sim| sim.peers().len() == 2)
        .await;
    assert_eq!(rig.sim.used_mailserver(), Some(id(1)));
    // The other one takes over without being dialled, beside a third.
    rig.ok("wakuext_updateMailservers", json!([[enode(0), enode(2)]]))
        .await;
    assert_eq!(rig.sim.used_mailserver(), Some(id(0)));
    assert!(rig.sim.peers().contains(&id(0)), "never left");
    rig.until("the third is a peer", |sim| sim.peers().contains(&id(2)))
        .await;
}
