//! The machine sleeps; the actor is restarted.

use std::time::Duration;

use ::actors::{messages::events::Event, model::verdict::Verdict};

use crate::rig::{NONE, PROBING, Rig, TIMEOUT, pass, rig};

const HOUR: u64 = 3600;

async fn awake() -> Rig {
    let mut it = rig(6).await;
    it.clocks_after_sleep(0, 0).await;
    it.measured(0).await;
    it.clocks_after_sleep(0, 0).await;
    it.measured(0).await;
    assert_eq!(it.news().await, NONE);
    it
}

/// In whole seconds: the timers of tokio are exact to a millisecond.
fn slept(event: Event) -> u64 {
    match event {
        Event::Asleep { slept_ms } => (slept_ms + 500) / 1000,
        other => panic!("{other:?}"),
    }
}

#[actix::test]
async fn after_an_hour_of_sleep_candidates_are_probed_at_once() {
    let mut it = awake().await;
    it.clocks_after_sleep(HOUR, HOUR as i64).await;
    let (event, after) = it.next_event().await;
    assert_eq!((slept(event), after), (HOUR, Duration::ZERO));
    assert_eq!(it.rounds().await, [2]);
    let (event, after) = it.next_event().await;
    assert!(matches!(
        event,
        Event::Online {
            offline_ms: None,
            ..
        }
    ));
    assert!(after < TIMEOUT);
    it.clocks_after_sleep(0, 0).await;
    assert_eq!(it.news().await, NONE, "each was told once");
}

#[actix::test]
async fn what_was_known_before_the_sleep_is_void() {
    let mut it = awake().await;
    it.reachable([]);
    it.clocks_after_sleep(HOUR, HOUR as i64).await;
    it.peers(&[100, 101, 102]).await;
    pass(PROBING).await;
    assert_eq!(it.news().await, ["asleep", "offline"]);
    it.reachable([3]);
    assert_eq!(it.next_event().await.0.name(), "online");
}

#[actix::test]
async fn an_answer_from_before_the_sleep_is_void() {
    let mut it = awake().await;
    it.reachable([]);
    it.missed(0).await;
    let before = it.probed.next().await;
    it.clocks_jump(HOUR, HOUR as i64).await;
    pass(PROBING).await;
    assert_eq!(it.news().await, ["asleep", "offline"]);
    crate::rig::answer(&before);
    pass(Duration::from_millis(1)).await;
    assert_eq!(it.verdict().await, Verdict::Offline);
    assert_eq!(it.news().await, NONE);
}

#[actix::test]
async fn a_stopped_process_and_a_clock_that_was_set_forward_are_sleeps() {
    let mut it = awake().await;
    it.clocks_after_stop(60).await;
    assert_eq!(slept(it.next_event().await.0), 60);
    assert_eq!(it.next_event().await.0.name(), "online");
    it.clocks_after_sleep(0, HOUR as i64).await;
    assert_eq!(slept(it.next_event().await.0), HOUR);
}

#[actix::test]
async fn a_clock_that_was_set_back_is_nothing() {
    let mut it = awake().await;
    it.clocks_after_sleep(0, -(HOUR as i64)).await;
    it.clocks_after_sleep(0, 9).await;
    it.clocks_after_stop(11).await;
    assert_eq!(it.news().await, NONE);
    it.probed.assert_none("no doubt").await;
}

#[actix::test]
async fn we_wake_up_without_the_node_too() {
    let mut it = awake().await;
    it.unreachable().await;
    it.clocks_after_sleep(HOUR, HOUR as i64).await;
    pass(TIMEOUT).await;
    assert_eq!(it.news().await, ["asleep", "online"]);
}
