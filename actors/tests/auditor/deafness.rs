//! A node that hears nothing of what mailservers hold is said to be deaf, once.

use ::actors::{messages::journal::OpenWindow, model::window::Reason, testing::mailserver};

use crate::{
    rig::{Rig, pass, period},
    sweeps::{fetch, swept},
};

/// Messages are sent all the time; whatever is swept is fetched, for so long.
async fn fetched(it: &Rig, seconds: u64, brought: u64) -> Vec<OpenWindow> {
    let mut all = Vec::new();
    for _ in 0..seconds / 30 {
        pass(30).await;
        for window in it.opened.drain().await {
            if window.reason == Reason::Swept {
                fetch(it, &window, 1000 + all.len() as u64, brought).await;
            }
            all.push(window);
        }
    }
    all
}

fn messages(it: &Rig) {
    let sent: Vec<i64> = (0..20_000).step_by(10).collect();
    it.hold(&[0, 1, 2, 3], &sent);
}

#[actix::test]
async fn two_sweeps_that_bring_what_was_never_heard_tell_it() {
    let it = swept(4).await;
    messages(&it);
    it.arrived(1).await;
    let first = fetched(&it, 800, 5).await;
    assert_eq!(first.len(), 1);
    assert_eq!(
        it.deafness().await,
        [false; 0],
        "the node heard something before it"
    );
    let second = fetched(&it, 600, 5).await;
    assert_eq!(second.len(), 1);
    assert_eq!(it.deafness().await, [false; 0], "one may be chance");
    let third = fetched(&it, 600, 5).await;
    assert_eq!(it.deafness().await, [true]);
    let deaf = third.iter().find(|it| it.reason == Reason::Deaf).unwrap();
    assert_eq!(
        deaf.period.from,
        period(0, 0).from,
        "since the last that it heard"
    );
    let preferred = it.preferred.drain().await;
    assert_eq!(preferred.len(), 1);
    assert_ne!(preferred[0].identity, mailserver(0).identity);
    assert!(it.status().await.deaf_since.is_some());
    let often = fetched(&it, 600, 5).await;
    assert!(often.len() >= 7, "each minute: {}", often.len());
    assert_eq!(it.deafness().await, [false; 0], "told once");
    it.preferred.assert_none("reconnected once").await;
    it.arrived(1).await;
    assert_eq!(it.deafness().await, [false]);
    assert_eq!(it.status().await.deaf_since, None);
    let rarely = fetched(&it, 600, 5).await;
    assert!(rarely.len() <= 2, "{}", rarely.len());
}

#[actix::test]
async fn a_quiet_chat_is_never_deafness() {
    let it = swept(4).await;
    fetched(&it, 10_000, 5).await;
    assert_eq!(it.deafness().await, [false; 0]);
    it.preferred.assert_none("all is well").await;
}

#[actix::test]
async fn a_node_that_had_it_all_is_not_deaf() {
    let it = swept(4).await;
    messages(&it);
    assert!(fetched(&it, 10_000, 0).await.len() > 10);
    assert_eq!(it.deafness().await, [false; 0]);
}

#[actix::test]
async fn a_node_that_hears_something_now_and_then_is_not_deaf() {
    let it = swept(4).await;
    messages(&it);
    for _ in 0..20 {
        fetched(&it, 240, 5).await;
        it.arrived(1).await;
    }
    assert_eq!(it.deafness().await, [false; 0]);
}
