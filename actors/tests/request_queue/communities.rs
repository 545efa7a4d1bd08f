//! Communities wait for the history, and are asked for one at a time.

use std::time::Duration;

use actors::{
    history_requester::{DEADLINE, MOST_COMMUNITIES},
    messages::history::{CommunityProgress, QueueError},
    model::{
        moment::Moment,
        node::{CommunityAnswer, NodeError},
    },
};

use crate::rig::*;

#[test]
fn communities_wait_for_the_history_and_go_one_at_a_time() {
    let mut rig = Rig::asking();
    rig.queue(1).unwrap();
    rig.queue(2).unwrap();
    rig.queue(1).unwrap();
    assert_eq!(rig.wants(), NOTHING);
    rig.answer(&DONE);
    assert_eq!(rig.wants().pop().unwrap(), "ask for 01");
    rig.community(&Ok(CommunityAnswer::Found));
    assert_eq!(rig.wants(), ["ask for 02"]);
    rig.community(&Ok(CommunityAnswer::Found));
    assert_eq!(rig.wants(), NOTHING);
    assert!(rig.queue.status().communities.is_empty());
}

#[test]
fn a_community_that_was_found_is_not_asked_for_again() {
    let mut rig = Rig::served();
    rig.queue(1).unwrap();
    rig.wants();
    rig.community(&Ok(CommunityAnswer::Found));
    rig.queue(1).unwrap();
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn a_community_nobody_has_is_asked_for_with_growing_pauses_for_a_day() {
    let mut rig = Rig::served();
    rig.clock(1);
    rig.queue(1).unwrap();
    let begun = rig.now;
    let mut pauses = Vec::new();
    loop {
        assert_eq!(rig.wants(), ["ask for 01"]);
        rig.community(&Ok(CommunityAnswer::Unknown));
        let Some(next) = rig.queue.poll_timeout() else {
            break;
        };
        pauses.push((next - rig.now).as_secs());
        rig.pause();
    }
    assert_eq!(pauses[..10], [2, 4, 8, 16, 32, 64, 128, 256, 512, 600]);
    let took = rig.now - begun;
    assert!(took >= DEADLINE && took < DEADLINE + Duration::from_secs(600));
    assert_eq!(rig.wants(), NOTHING);
    assert!(rig.queue.status().communities.is_empty());
}

#[test]
fn nobody_is_given_up_while_there_was_nobody_to_ask() {
    let mut rig = Rig::new();
    rig.clock(1);
    rig.queue(1).unwrap();
    rig.pass(3 * DEADLINE.as_millis() as u64);
    rig.available(0);
    rig.answered();
    assert_eq!(rig.wants().pop().unwrap(), "ask for 01");
    rig.community(&away());
    rig.pause();
    assert_eq!(rig.wants(), ["ask for 01"], "the node did not try");
    rig.community(&Ok(CommunityAnswer::Unknown));
    assert!(rig.queue.status().communities.is_empty());
}

#[test]
fn each_pauses_for_itself_and_history_goes_first() {
    let mut rig = Rig::served();
    rig.queue(1).unwrap();
    for _ in 0..6 {
        rig.wants();
        rig.community(&Ok(CommunityAnswer::Unknown));
        rig.pause();
    }
    rig.wants();
    rig.community(&Ok(CommunityAnswer::Unknown));
    rig.queue(2).unwrap();
    assert_eq!(rig.wants(), ["ask for 02"], "at once");
    rig.community(&Ok(CommunityAnswer::Unknown));
    assert_eq!(rig.pause(), 2);
    assert_eq!(rig.wants(), ["ask for 02"]);
    rig.request();
    rig.community(&Ok(CommunityAnswer::Unknown));
    assert_eq!(rig.wants(), ["requested from 0", "ask"]);
}

#[test]
fn another_mailserver_is_a_new_chance_at_once() {
    let mut rig = Rig::served();
    rig.queue(1).unwrap();
    for _ in 0..8 {
        rig.wants();
        rig.community(&Ok(CommunityAnswer::Unknown));
        rig.pause();
    }
    rig.wants();
    rig.community(&Ok(CommunityAnswer::Unknown));
    rig.queue.handle_gone(rig.now);
    rig.available(1);
    rig.answered();
    assert_eq!(rig.wants().pop().unwrap(), "ask for 01");
    rig.community(&Ok(CommunityAnswer::Unknown));
    assert_eq!(rig.pause(), 2, "the pauses grow anew");
}

#[test]
fn the_status_tells_how_it_goes_with_each() {
    let mut rig = Rig::served();
    rig.queue(1).unwrap();
    let status = rig.queue.status().communities;
    assert_eq!((status[0].queued, status[0].next_try), (None, None));
    rig.clock(1_000);
    rig.wants();
    rig.community(&Ok(CommunityAnswer::Unknown));
    rig.pause();
    rig.wants();
    let refused = NodeError::BadParameters("no".into());
    rig.community(&Err(refused.clone()));
    let expected = CommunityProgress {
        id: community(1),
        tries: 1,
        queued: Some(Moment::from_millis(1_000_000)),
        next_try: Some(Moment::from_millis(1_006_000)),
        last: Some(refused.to_string()),
    };
    assert_eq!(rig.queue.status().communities, [expected]);
}

#[test]
fn a_node_that_is_away_did_not_try() {
    let mut rig = Rig::served();
    rig.queue(1).unwrap();
    for _ in 0..10 {
        assert_eq!(rig.wants(), ["ask for 01"]);
        rig.community(&away());
        rig.pause();
    }
    rig.wants();
    rig.community(&Ok(CommunityAnswer::Found));
    assert!(rig.queue.status().communities.is_empty());
}

#[test]
fn a_community_request_that_hangs_holds_up_neither_the_others_nor_the_history() {
    let mut rig = Rig::served();
    rig.queue(1).unwrap();
    rig.queue(2).unwrap();
    rig.wants();
    assert_eq!(rig.pause(), 90);
    assert_eq!(rig.wants(), ["ask for 02"], "at once");
    rig.available(1);
    assert_eq!(rig.wants(), ["requested from 1", "ask"]);
    rig.answer(&DONE);
    assert_eq!(rig.wants().pop().unwrap(), "ask for 02", "asked again");
}

#[test]
fn only_ids_of_communities_are_accepted_and_only_so_many() {
    let mut rig = Rig::new();
    for bad in [
        "".into(),
        "0x02".into(),
        community(1)[2..].to_owned(),
        community(1).replacen("02", "04", 1),
        community(1) + "0",
        community(1).replace('1', "g"),
        "ä".repeat(33),
    ] {
        let refused = rig.queue.handle_queue(bad.clone(), rig.now);
        assert_eq!(refused, Err(QueueError::BadId(bad)));
    }
    for number in 0..MOST_COMMUNITIES {
        rig.queue(number).unwrap();
    }
    assert_eq!(MOST_COMMUNITIES, 256);
    assert_eq!(rig.queue(999), Err(QueueError::Full(256)));
    assert_eq!(rig.queue(7), Ok(()), "it waits already");
}

#[test]
fn a_restart_loses_nothing_that_was_accepted() {
    let mut rig = Rig::asking();
    rig.queue(1).unwrap();
    rig.queue.reset();
    rig.answer(&DONE);
    assert_eq!(rig.wants(), NOTHING, "the answer went down with the call");
    rig.queue.handle_timeout(rig.now);
    assert_eq!(rig.wants(), ["ask"]);
    rig.answer(&DONE);
    assert_eq!(rig.wants().pop().unwrap(), "ask for 01");
    rig.queue.reset();
    rig.queue.handle_timeout(rig.now);
    assert_eq!(rig.wants(), ["ask for 01"]);
}
