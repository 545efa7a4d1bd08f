//! What is shown while the node cannot be driven.

use std::time::Duration;

use ::actors::{messages::online::Shown, model::verdict::Verdict};

use crate::rig::{NONE, Rig, bare, pass, rig};

/// What, for how many seconds, and why.
async fn shown(it: &Rig) -> (Shown, u64, String) {
    let online = it.shown().await;
    (online.verdict, online.since_ms / 1000, online.reason)
}

#[actix::test]
async fn nothing_is_claimed_before_the_node_was_heard_of() {
    let it = bare(3);
    let reason = "the node has not been heard of yet".to_owned();
    assert_eq!(shown(&it).await, (Shown::Waiting, 0, reason));
}

#[actix::test]
async fn a_node_that_is_away_or_logged_out_is_waited_for_and_nobody_is_told_of_it() {
    let it = rig(3).await;
    assert_eq!(it.shown().await.verdict, Verdict::Online.into());
    it.unreachable().await;
    pass(Duration::from_secs(2)).await;
    let away = (Shown::Waiting, 2, "the node is away".to_owned());
    assert_eq!(shown(&it).await, away);
    it.logged_out().await;
    pass(Duration::from_secs(3)).await;
    let reason = "no account is logged in to the node".to_owned();
    assert_eq!(shown(&it).await, (Shown::Waiting, 5, reason));
    it.ready().await;
    assert_eq!(it.shown().await.verdict, Verdict::Online.into());
    assert_eq!(it.news().await, NONE);
}
