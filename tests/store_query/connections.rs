//! Over which connection a mailserver is asked: nwaku allows a peer one.

use std::time::Duration;

use crate::rig::Rig;

#[actix::test]
async fn the_connection_of_the_watch_is_used_and_left_to_it() {
    let rig = Rig::start();
    rig.publish(0, 250);
    rig.watch(0).await;
    let answer = rig.ask(rig.query(0)).await.unwrap();
    assert_eq!(answer.hashes.len(), 250);
    // No dial among it.
    assert!((9_250..11_500).contains(&answer.bytes), "{}", answer.bytes);
    let bytes = rig.watch(0).await;
    assert!((64..400).contains(&bytes), "the watch pays for it: {bytes}");
    assert_eq!(rig.sim.libp2p_connections(0), 1);
}

#[actix::test]
async fn pings_and_queries_do_not_wait_for_each_other() {
    let rig = Rig::with(Duration::from_millis(100));
    rig.publish(0, 250);
    rig.watch(0).await;
    let pings = async {
        for _ in 0..4 {
            rig.watch(0).await;
        }
    };
    let (first, second, ()) = tokio::join!(rig.ask(rig.query(0)), rig.ask(rig.query(0)), pings);
    assert_eq!(first.unwrap().hashes.len(), 250);
    assert_eq!(second.unwrap().hashes.len(), 250);
    assert_eq!(rig.sim.libp2p_connections(0), 1);
}

#[actix::test]
async fn queries_and_a_watch_that_begin_together_dial_once() {
    let rig = Rig::with(Duration::from_millis(50));
    rig.publish(0, 10);
    let queries = async { tokio::join!(rig.ask(rig.query(0)), rig.ask(rig.query(0))) };
    let watch = async {
        // The dial is under way.
        while rig.sim.libp2p_connections(0) == 0 {
            tokio::task::yield_now().await;
        }
        rig.watch(0).await
    };
    let ((first, second), _) = tokio::join!(queries, watch);
    assert_eq!(first.unwrap().hashes, second.unwrap().hashes);
    assert_eq!(rig.sim.libp2p_connections(0), 1);
    // The watch has it now.
    rig.watch(0).await;
    assert_eq!(rig.sim.libp2p_connections(0), 1);
}
