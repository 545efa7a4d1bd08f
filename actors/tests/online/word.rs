//! Nodes since mid-2026 say how well they are connected, and list their peers only when they are asked.

use std::time::Duration;

use ::actors::model::{node::Connectedness, verdict::Verdict};

use crate::rig::{NONE, Rig, bare, pass};

/// A node that has said that it is connected, and lists nobody.
async fn connected() -> Rig {
    let it = bare(6);
    it.candidates(6).await;
    it.ready().await;
    it.says(Connectedness::Connected).await;
    it.peers(&[]).await;
    it
}

#[actix::test]
async fn an_empty_list_says_nothing_against_its_word() {
    let it = connected().await;
    it.says(Connectedness::PartiallyConnected).await;
    pass(Duration::from_secs(120)).await;
    it.probed.assert_none("nothing speaks against it").await;
    assert_eq!(it.verdict().await, Verdict::Online);
}

#[actix::test]
async fn disconnected_is_looked_into_at_once_and_is_not_our_fault_if_somebody_answers() {
    let it = connected().await;
    it.says(Connectedness::Disconnected).await;
    assert_eq!(it.rounds().await, [2]);
    pass(Duration::from_secs(1)).await;
    assert_eq!(it.news().await, NONE);
    assert_eq!(it.verdict().await, Verdict::Online);
}

#[actix::test]
async fn where_nobody_answers_either_we_are_offline_until_it_is_connected_again() {
    let it = connected().await;
    it.measured(0).await;
    it.reachable([]);
    it.says(Connectedness::Disconnected).await;
    pass(Duration::from_secs(2)).await;
    assert_eq!(it.news().await, ["suspect", "offline"]);
    // Its own word is news that can only come from a network.
    it.says(Connectedness::Connected).await;
    assert_eq!(it.news().await, ["online"]);
}

#[actix::test]
async fn where_our_probes_were_never_answered_its_word_is_all_there_is() {
    let it = bare(0);
    it.candidates(6).await;
    it.ready().await;
    it.says(Connectedness::Disconnected).await;
    pass(Duration::from_secs(2)).await;
    assert_eq!(it.news().await, ["offline"]);
    it.says(Connectedness::PartiallyConnected).await;
    assert_eq!(it.news().await, ["online"]);
}

#[actix::test]
async fn that_it_says_nothing_for_hours_is_no_sign() {
    let it = connected().await;
    it.says(Connectedness::Connected).await;
    it.says(Connectedness::Connected).await;
    pass(Duration::from_secs(7200)).await;
    it.probed.assert_none("it speaks at changes only").await;
}
