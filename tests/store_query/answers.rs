//! What a mailserver holds of what was asked for.

use actors::{
    messages::store::{Extent, QueryStore},
    model::moment::{Moment, Period},
};

use crate::rig::{Rig, now, topic};

#[actix::test]
async fn all_pages_come_and_two_mailservers_hold_the_same() {
    let rig = Rig::start();
    rig.publish(0, 250);
    let first = rig.ask(rig.query(0)).await.unwrap();
    assert_eq!((first.hashes.len(), first.pages), (250, 3));
    assert!(!first.more);
    // 37 bytes for each hash, and a dial.
    assert!((9_250..15_000).contains(&first.bytes), "{}", first.bytes);
    let second = rig.ask(rig.query(1)).await.unwrap();
    assert_eq!(first.hashes, second.hashes);
}

#[actix::test]
async fn one_that_was_told_less_or_forgets_holds_less() {
    let rig = Rig::start();
    rig.publish(0, 3);
    rig.sim.set_deaf(1, true);
    rig.publish(0, 4);
    let whole = rig.ask(rig.query(0)).await.unwrap();
    let short = rig.ask(rig.query(1)).await.unwrap();
    assert_eq!((whole.hashes.len(), short.hashes.len()), (7, 3));
    assert!(short.hashes.iter().all(|it| whole.hashes.contains(it)));
    tick();
    rig.sim.set_truncated(0, Some(std::time::Duration::ZERO));
    assert!(rig.ask(rig.query(0)).await.unwrap().hashes.is_empty());
}

/// A moment that is later than all before, when it is over.
fn tick() -> Moment {
    let begun = now();
    while now() <= begun {
        std::hint::spin_loop();
    }
    begun
}

#[actix::test]
async fn only_what_was_sent_in_the_period() {
    let rig = Rig::start();
    let mut moments = Vec::new();
    for count in [1, 2, 4] {
        let from = tick();
        let from = from + std::time::Duration::from_millis(1);
        rig.publish(0, count);
        moments.push(Period {
            from,
            until: tick(),
        });
    }
    let whole = Period {
        from: moments[0].from,
        until: moments[2].until,
    };
    for (period, expected) in moments.into_iter().zip([1, 2, 4]).chain([(whole, 7)]) {
        let query = rig.query(0);
        let answer = rig.ask(QueryStore { period, ..query }).await.unwrap();
        assert_eq!(answer.hashes.len(), expected, "{period:?}");
    }
}

#[actix::test]
async fn only_what_was_sent_on_the_topics() {
    let rig = Rig::start();
    for (number, count) in [1, 2, 4].into_iter().enumerate() {
        rig.publish(number, count);
    }
    for (numbers, expected) in [(vec![0], 1), (vec![1], 2), (vec![0, 2], 5), (vec![7], 0)] {
        let query = QueryStore {
            topics: numbers.iter().copied().map(topic).collect(),
            ..rig.query(0)
        };
        let answer = rig.ask(query).await.unwrap();
        assert_eq!(answer.hashes.len(), expected, "{numbers:?}");
    }
    let mut elsewhere = rig.query(0);
    elsewhere.topics[0].pubsub = "/waku/2/rs/16/64".into();
    assert!(rig.ask(elsewhere).await.unwrap().hashes.is_empty());
}

#[actix::test]
async fn whether_there_is_anything_costs_one_hash() {
    let rig = Rig::start();
    let any = || QueryStore {
        extent: Extent::Any,
        ..rig.query(0)
    };
    let nothing = rig.ask(any()).await.unwrap();
    assert_eq!((nothing.hashes.len(), nothing.more), (0, false));
    rig.publish(0, 50);
    let something = rig.ask(any()).await.unwrap();
    assert_eq!((something.hashes.len(), something.more), (1, true));
    assert_eq!((nothing.pages, something.pages), (1, 1));
    assert!(nothing.bytes < 5_000, "{}", nothing.bytes);
}

#[actix::test]
async fn the_budget_is_kept_and_the_rest_is_known_to_be_there() {
    for most_bytes in [3_000, 6_000, 8_000, 10_000] {
        let rig = Rig::start();
        rig.publish(0, 250);
        let query = QueryStore {
            most_bytes,
            ..rig.query(0)
        };
        let answer = rig.ask(query).await.unwrap();
        assert!(answer.more && answer.bytes <= most_bytes, "{answer:?}");
        assert!((1..250).contains(&answer.hashes.len()), "{most_bytes}");
    }
    let rig = Rig::start();
    let query = QueryStore {
        most_bytes: 1_000,
        ..rig.query(0)
    };
    let answer = rig.ask(query).await.unwrap();
    assert_eq!((answer.pages, answer.bytes, answer.more), (0, 0, true));
    assert_eq!(rig.sim.libp2p_connections(0), 0);
}
