//! Communities wait for the history, and are asked for one at a time.

use actors::{
    history_requester::MOST_COMMUNITIES, messages::history::QueueError,
    model::node::CommunityAnswer,
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
fn a_community_nobody_has_is_given_up_after_three_tries() {
    let mut rig = Rig::served();
    rig.queue(1).unwrap();
    for _ in 0..3 {
        assert_eq!(rig.wants(), ["ask for 01"]);
        rig.community(&Ok(CommunityAnswer::Unknown));
        rig.pass(10_000);
    }
    assert_eq!(rig.wants(), NOTHING);
    assert!(rig.queue.status().communities.is_empty());
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
    rig.pause();
    assert_eq!(rig.wants(), ["ask for 02"]);
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
