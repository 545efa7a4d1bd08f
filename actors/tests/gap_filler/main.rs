//! Gaps are filled at once, by chat, again and again for a while, and never where that would crash the node.

mod rig;

use actors::gap_filler::{LONGEST, MOST_AT_ONCE, MOST_CHATS, MOST_FILLED, MOST_WAITING};

use rig::*;

#[actix::test]
async fn gaps_are_filled_at_once_chat_by_chat() {
    let rig = available().await;
    rig.answers(2, Ok(()));
    let gaps = vec![gap("a", "1"), gap("b", "2"), gap("a", "3")];
    rig.arrive(gaps).await;
    assert_eq!(rig.calls().await, [call("a", &["1", "3"])]);
    assert_eq!(rig.filled().await, [], "not answered yet");
    assert_eq!(rig.status().await.waiting, 3);
    pass(2).await;
    assert_eq!(rig.calls().await, [call("b", &["2"])]);
    let filled = [("a".into(), 2), ("b".into(), 1)];
    assert_eq!(rig.filled().await, filled);
    let status = rig.status().await;
    assert_eq!((status.waiting, status.filled, status.failed), (0, 3, 0));
}

#[actix::test]
async fn nothing_is_filled_while_the_node_has_nobody_to_ask() {
    let rig = rig();
    rig.arrive(vec![gap("a", "1")]).await;
    pass(3_600).await;
    assert_eq!(rig.calls().await, [], "nobody is there");
    rig.ready(true).await;
    pass(60).await;
    assert_eq!(rig.calls().await, [], "no mailserver");
    rig.mailserver(0).await;
    rig.gone().await;
    pass(60).await;
    assert_eq!(rig.calls().await, [], "it is gone");
    rig.mailserver(0).await;
    rig.ready(false).await;
    pass(60).await;
    assert_eq!(rig.calls().await, [], "nobody is logged in");
    rig.ready(true).await;
    assert_eq!(rig.calls().await, [call("a", &["1"])]);
    rig.arrive(vec![]).await;
    pass(60).await;
    assert_eq!(rig.calls().await, [], "never without a gap");
}

#[actix::test]
async fn history_goes_first() {
    let rig = rig();
    rig.ready(true).await;
    rig.arrive(vec![gap("a", "1")]).await;
    // Herds: history is asked for only after a while.
    rig.mailserver(20).await;
    pass(21).await;
    assert_eq!(rig.calls().await, [], "history is about to be asked for");
    rig.under_way(true).await;
    pass(60).await;
    assert_eq!(rig.calls().await, [], "it is under way");
    rig.under_way(false).await;
    assert_eq!(rig.calls().await, [call("a", &["1"])]);
    // The node asked by itself, and we know of no request.
    rig.mailserver(0).await;
    rig.arrive(vec![gap("a", "2")]).await;
    assert_eq!(rig.calls().await, []);
    pass(2).await;
    assert_eq!(rig.calls().await, [call("a", &["2"])]);
}

#[actix::test]
async fn what_fails_is_tried_five_times_with_growing_pauses() {
    let rig = available().await;
    for _ in 0..9 {
        rig.answers(0, refused());
    }
    rig.arrive(vec![gap("a", "1"), gap("a", "2")]).await;
    pass(3_600).await;
    assert_eq!(rig.pauses(), [2.0, 4.0, 8.0, 16.0]);
    let status = rig.status().await;
    assert_eq!((status.waiting, status.filled, status.failed), (0, 0, 2));
    assert_eq!(rig.filled().await, []);
    // It arrives again: it is new.
    rig.arrive(vec![gap("a", "1")]).await;
    assert_eq!(rig.calls().await, [call("a", &["1"])]);
}

#[actix::test]
async fn a_chat_that_fails_holds_up_no_other_and_another_mailserver_is_a_new_chance() {
    let rig = available().await;
    for _ in 0..3 {
        rig.answers(0, refused());
    }
    rig.arrive(vec![gap("a", "1")]).await;
    pass(10).await;
    assert_eq!(rig.calls().await.len(), 3);
    rig.arrive(vec![gap("b", "2"), gap("a", "3")]).await;
    assert_eq!(rig.calls().await, [call("b", &["2"])]);
    rig.mailserver(0).await;
    pass(2).await;
    assert_eq!(rig.calls().await, [call("a", &["1", "3"])], "at once");
}

#[actix::test]
async fn a_node_that_is_away_did_not_try() {
    let rig = available().await;
    for _ in 0..12 {
        rig.answers(0, away());
    }
    rig.arrive(vec![gap("a", "1")]).await;
    pass(3_600).await;
    let pauses = [
        2., 4., 8., 16., 32., 64., 120., 120., 120., 120., 120., 120.,
    ];
    assert_eq!(rig.pauses(), pauses);
    assert_eq!(rig.filled().await, [("a".into(), 1)]);
}

#[actix::test]
async fn a_node_that_fills_no_gaps_is_asked_once() {
    let rig = available().await;
    let unknown = || Err(actors::model::node::NodeError::UnknownMethod("x".into()));
    rig.answers(0, unknown());
    rig.arrive(vec![gap("a", "1"), gap("b", "2")]).await;
    pass(3_600).await;
    assert_eq!(rig.calls().await.len(), 1);
    let status = rig.status().await;
    assert_eq!((status.waiting, status.failed), (0, 2));
}

#[actix::test]
async fn fifty_at_a_time() {
    let rig = available().await;
    rig.under_way(true).await;
    let ids: Vec<String> = (0..MOST_AT_ONCE * 2 + 1).map(|it| it.to_string()).collect();
    rig.arrive(ids.iter().map(|it| gap("a", it)).collect())
        .await;
    rig.answers(0, refused());
    rig.under_way(false).await;
    pass(10).await;
    let calls = rig.calls().await;
    let sizes: Vec<usize> = calls.iter().map(|(_, it)| it.len()).collect();
    // The rest of the chat did not wait for those that failed.
    assert_eq!(sizes, [50, 50, 50, 1]);
    let mut asked: Vec<String> = calls.into_iter().skip(1).flat_map(|(_, it)| it).collect();
    asked.sort_by_key(|it| it.parse::<usize>().unwrap());
    assert_eq!(asked, ids);
    assert_eq!(rig.status().await.filled, 101);
}

#[actix::test]
async fn gaps_of_one_chat_that_lie_far_apart_are_filled_by_calls_of_their_own() {
    let rig = rig();
    let lies = |message, from, until| gap_at("a", message, hour(from), hour(until));
    rig.arrive(vec![
        lies("last week", 10, 11),
        lies("today", 200, 201),
        gap("a", "where?"),
        lies("an hour after", 12, 13),
        lies("in between", 10, 13),
        lies("two hours after", 15, 16),
        lies("just before", 199, 200),
    ])
    .await;
    rig.ready(true).await;
    rig.mailserver(0).await;
    pass(3).await;
    let expected = [
        call("a", &["last week", "an hour after", "in between"]),
        call("a", &["today", "just before"]),
        call("a", &["where?"]),
        call("a", &["two hours after"]),
    ];
    assert_eq!(rig.calls().await, expected);
    assert_eq!(rig.status().await.filled, 7);
}

#[actix::test]
async fn one_call_fetches_a_day_at_most_unless_a_gap_is_longer() {
    let rig = available().await;
    let day = LONGEST.as_secs() / 3600;
    let gaps = (0..day + 2).map(|it| gap_at("a", &it.to_string(), hour(it), hour(it + 1)));
    rig.arrive(gaps.collect()).await;
    let sizes: Vec<usize> = rig.calls().await.iter().map(|it| it.1.len()).collect();
    assert_eq!(sizes, [24, 2]);
    let long = gap_at("a", "long", hour(100), hour(400));
    let inside = gap_at("a", "inside", hour(200), hour(201));
    let after = gap_at("a", "after", hour(400), hour(401));
    rig.arrive(vec![long, inside, after]).await;
    let expected = [call("a", &["long", "inside"]), call("a", &["after"])];
    assert_eq!(rig.calls().await, expected);
}

#[actix::test]
async fn only_so_many_wait() {
    let rig = rig();
    for chat in 0..MOST_CHATS + 3 {
        rig.arrive(vec![gap(&chat.to_string(), &format!("{chat}"))])
            .await;
    }
    let status = rig.status().await;
    assert_eq!((status.waiting, status.failed), (MOST_CHATS, 3));
    for more in 0..MOST_WAITING {
        rig.arrive(vec![gap("0", &format!("more {more}"))]).await;
    }
    let status = rig.status().await;
    assert_eq!(status.waiting, MOST_WAITING);
    assert_eq!(status.failed, 3 + MOST_CHATS as u64);
}

#[actix::test]
async fn what_mailservers_keep_no_longer_is_not_asked_for() {
    let rig = rig();
    rig.clock(100).await;
    let gaps = vec![gap_until("a", "old", 69), gap_until("a", "new", 71)];
    rig.arrive(gaps).await;
    rig.arrive(vec![gap("b", "unknown")]).await;
    rig.ready(true).await;
    rig.mailserver(0).await;
    pass(3).await;
    let expected = [call("a", &["new"]), call("b", &["unknown"])];
    assert_eq!(rig.calls().await, expected);
    assert_eq!(rig.status().await.waiting, 0);
    // It grew too old while it waited.
    rig.gone().await;
    rig.arrive(vec![gap_until("a", "late", 71)]).await;
    rig.clock(102).await;
    rig.mailserver(0).await;
    pass(60).await;
    assert_eq!(rig.calls().await, []);
    assert_eq!(rig.status().await.waiting, 0);
}

#[actix::test]
async fn a_gap_that_comes_back_is_filled_once_more_and_no_more() {
    let rig = available().await;
    for expected in [1, 1, 0, 0] {
        rig.arrive(vec![gap("a", "1"), gap("a", "1")]).await;
        let calls = rig.calls().await;
        assert_eq!(calls, vec![call("a", &["1"]); expected]);
    }
    // While its call is under way it is known.
    rig.answers(5, Ok(()));
    rig.arrive(vec![gap("a", "2")]).await;
    rig.arrive(vec![gap("a", "2")]).await;
    pass(60).await;
    assert_eq!(rig.calls().await.len(), 1);
    // So many are remembered.
    for other in 0..MOST_FILLED {
        rig.arrive(vec![gap("b", &format!("other {other}"))]).await;
    }
    rig.calls().await;
    rig.arrive(vec![gap("a", "1")]).await;
    assert_eq!(rig.calls().await, [call("a", &["1"])]);
}

#[actix::test]
async fn a_panic_loses_no_gap() {
    let rig = available().await;
    rig.hangs();
    rig.arrive(vec![gap("a", "1")]).await;
    rig.arrive(vec![gap("b", "2")]).await;
    assert_eq!(rig.calls().await.len(), 1);
    rig.filler.do_send(Panic);
    pass(5).await;
    let mut calls = rig.calls().await;
    calls.sort();
    assert_eq!(calls, [call("a", &["1"]), call("b", &["2"])]);
    assert_eq!(rig.status().await.filled, 2);
}

#[actix::test]
async fn a_call_that_is_never_answered_ends_all_the_same() {
    let rig = available().await;
    rig.hangs();
    rig.arrive(vec![gap("a", "1")]).await;
    pass(600).await;
    assert_eq!(rig.calls().await.len(), 2);
    assert_eq!(rig.filled().await, [("a".into(), 1)]);
}
