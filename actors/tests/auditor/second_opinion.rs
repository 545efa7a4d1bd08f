//! Windows are compared by hashes, at once and again later.

use std::time::Duration;

use ::actors::{
    auditor::Config,
    messages::{
        history::{MailserverAvailable, Source},
        journal::{Finding, WindowCovered},
        store::{Extent, FailedQuery, StoreFailure},
    },
    model::window::WindowId,
};

use crate::rig::{covered, pass, period, rig, rig_with, short};

#[actix::test]
async fn a_covered_window_is_compared_with_all_others_at_once_and_again_later() {
    let it = rig().ready(6).await;
    it.hold(&[0, 1, 2, 3, 4, 5], &[-500, -400]);
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(300).await;
    let queries = it.queries().await;
    assert_eq!(queries.len(), 1 + 6);
    for index in [0, 1] {
        let first = queries[index].1;
        assert_eq!(first, 0, "the one that it was fetched from first");
    }
    assert_eq!(
        queries[0].0, 0.0,
        "at once: what comes to it later is no use"
    );
    for (at, _, query) in &queries {
        assert!(*at <= 5.0, "after a short pause: {at}");
        assert_eq!(
            (query.period, query.extent),
            (period(-600, -100), Extent::All)
        );
    }
    let audited = it.audited.drain().await;
    assert_eq!(audited.len(), 1);
    assert_eq!(
        (audited[0].held, &audited[0].finding),
        (2, &Finding::Complete)
    );
    assert_eq!((audited[0].by.len(), audited[0].id.0), (6, 1));
    pass(600).await;
    let again = it.queries().await;
    assert_eq!(again.len(), 6);
    assert_eq!(again[0].0.round(), 390.0);
    assert_eq!(it.findings().await, [Finding::Complete]);
    pass(20_000).await;
    assert_eq!(it.asked().await, [0_usize; 0], "then it is settled");
    assert_eq!(it.status().await.waiting, 0);
}

#[actix::test]
async fn a_short_one_is_named_and_the_fullest_is_wanted_until_nothing_is_missing() {
    let it = rig().ready(3).await;
    it.hold(&[0, 1, 2], &[-500]);
    it.hold(&[1, 2], &[-400]);
    it.hold(&[2], &[-300, -200]);
    it.hold(&[1], &[-250]);
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(10).await;
    let audited = it.audited.drain().await;
    assert_eq!((audited.len(), audited[0].held), (1, 1));
    assert_eq!(audited[0].finding, short(4, &[0], &[2, 1]));
    pass(2000).await;
    it.audited.assert_none("it is fetched again first").await;
    it.tell(covered(1, period(-600, -100), &[0, 2, 1])).await;
    pass(1000).await;
    assert_eq!(it.findings().await, [Finding::Complete, Finding::Complete]);
    let status = it.status().await;
    assert_eq!((status.audits, status.short, status.missing), (3, 1, 4));
}

#[actix::test]
async fn what_reached_the_mailserver_after_the_fetch_is_missing() {
    let it = rig().ready(3).await;
    it.hold(&[0, 1, 2], &[-500]);
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(300).await;
    assert_eq!(it.findings().await, [Finding::Complete]);
    it.hold(&[0, 1, 2], &[-400]);
    pass(100).await;
    let found = it.findings().await;
    assert_eq!(found, [short(1, &[], &[0])], "all of them hold it now");
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(1000).await;
    assert_eq!(it.findings().await, [Finding::Complete, Finding::Complete]);
}

#[actix::test]
async fn what_reached_it_before_it_was_compared_is_missing_too() {
    let it = rig().ready(3).await;
    it.hold(&[0, 1, 2], &[-500]);
    it.tell(covered(1, period(-600, 0), &[0])).await;
    it.hold(&[0, 1, 2], &[-1]);
    pass(30).await;
    let found = it.findings().await;
    assert_eq!(found, [short(1, &[], &[0])], "it came too late");
    it.tell(covered(1, period(-600, 0), &[0])).await;
    pass(30).await;
    assert_eq!(it.findings().await, [Finding::Complete]);
}

#[actix::test]
async fn what_was_held_at_the_first_fetch_counts_after_the_second_too() {
    let it = rig().ready(4).await;
    it.hold(&[1, 2, 3], &[-60]);
    // It reaches a minute beyond its end: what was in flight at first is not compared later either.
    it.tell(covered(1, period(-600, 60), &[0])).await;
    pass(60).await;
    assert_eq!(it.findings().await.len(), 1, "short");
    it.hold(&[0, 1, 2, 3], &[-400]);
    it.hold(&[0], &[40]);
    it.tell(covered(1, period(-600, 60), &[0, 1])).await;
    pass(60).await;
    let complete = [Finding::Complete];
    assert_eq!(
        it.findings().await,
        complete,
        "the second one held it when it was asked"
    );
    it.hold(&[0, 1, 2, 3], &[-3000]);
    it.tell(covered(1, period(-4000, 60), &[0, 1])).await;
    pass(60).await;
    assert_eq!(
        it.findings().await,
        complete,
        "it has become longer: all is asked anew"
    );
}

#[actix::test]
async fn a_window_that_stays_short_is_left_after_four_rounds() {
    let it = rig().ready(3).await;
    it.hold(&[1], &[-400]);
    for _ in 0..4 {
        it.tell(covered(1, period(-600, -100), &[0])).await;
        pass(10).await;
        assert_eq!(it.findings().await, [short(1, &[0], &[1])]);
    }
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(10_000).await;
    let left = [Finding::Unhealed { missing: 1 }];
    assert_eq!(it.findings().await, left);
    let status = it.status().await;
    assert_eq!((status.waiting, status.missing), (0, 1));
}

#[actix::test]
async fn what_is_in_flight_is_not_compared() {
    let it = rig().ready(3).await;
    it.hold(&[1, 2], &[-60, 45]);
    it.tell(covered(1, period(-600, 60), &[0])).await;
    pass(30).await;
    assert_eq!(it.asked().await, [0], "its end is too young");
    pass(30).await;
    assert_eq!(it.findings().await, [short(1, &[0], &[1])]);
    let queries = it.queries().await;
    let late = queries[0].2.period.until.since(period(20, 20).from);
    assert!(
        late < Duration::from_millis(10),
        "a clock that is ahead does not matter"
    );
}

#[actix::test]
async fn where_nothing_is_in_flight_for_long_it_is_compared_soon() {
    let it = rig_with(Config {
        sweep: None,
        in_flight: Duration::from_secs(1),
        jitter: Duration::ZERO,
        ..Config::default()
    });
    let it = it.ready(3).await;
    it.hold(&[1, 2], &[-2]);
    it.tell(covered(1, period(-600, 0), &[0])).await;
    it.audited.assert_none("its end is too young").await;
    pass(2).await;
    assert_eq!(it.findings().await, [short(1, &[0], &[1])]);
}

#[actix::test]
async fn what_nobody_keeps_any_more_is_not_asked_for() {
    let it = rig().ready(3).await;
    let day = 24 * 3600;
    it.tell(covered(1, period(-30 * day, -100), &[0])).await;
    pass(10).await;
    let queries = it.queries().await;
    assert_eq!(queries.len(), (1 + 3) * 2);
    assert!(
        queries
            .iter()
            .all(|it| it.2.period.length() <= Duration::from_secs(24 * 3600))
    );
}

#[actix::test]
async fn ten_topics_at_a_time_are_asked_for() {
    let it = rig().ready(3).await;
    it.topics(Ok(25));
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(10).await;
    let queries = it.queries().await;
    let topics: Vec<usize> = queries.iter().map(|it| it.2.topics.len()).collect();
    assert_eq!(topics, [10, 10, 5].repeat(1 + 3));
}

#[actix::test]
async fn a_busy_one_is_left_alone_and_another_is_asked() {
    let it = rig().ready(4).await;
    let busy = StoreFailure::Busy("429".into());
    it.fail(&[1, 2], &busy);
    for id in 1..=6 {
        it.tell(covered(id, period(-600, -100), &[0])).await;
    }
    pass(20).await;
    let findings = it.findings().await;
    assert_eq!(findings, vec![Finding::Complete; 6], "one other is enough");
    let queries = it.queries().await;
    let of_busy = queries.iter().filter(|it| it.1 == 1 || it.1 == 2).count();
    assert_eq!(of_busy, 2, "each was asked once");
}

#[actix::test]
async fn what_failed_queries_cost_is_taken_from_the_budget() {
    let it = rig().ready(4).await;
    let failed = FailedQuery {
        why: StoreFailure::Broken("eof".into()),
        bytes: Some(300_000),
        pages: 90,
    };
    it.fail_after(0, failed);
    let before = it.status().await;
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(20).await;
    let status = it.status().await;
    let of_others = status.queries - 90;
    assert!((2..=3).contains(&of_others), "{status:?}");
    let bytes = status.bytes - before.bytes;
    assert_eq!(bytes, 300_000 + 1000 * of_others);
    let spent = before.budget_left - status.budget_left;
    assert!((280_000..=bytes).contains(&spent), "{spent}");
}

#[actix::test]
async fn without_anybody_to_compare_with_it_is_tried_for_an_hour() {
    let it = rig().ready(2).await;
    it.fail(&[1], &StoreFailure::Broken("eof".into()));
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(3 * 3600).await;
    it.audited.assert_none("nothing is known").await;
    let tries = it.queries().await;
    let of_other: Vec<f64> = tries.iter().filter(|it| it.1 == 1).map(|it| it.0).collect();
    assert!((6..=12).contains(&of_other.len()), "{of_other:?}");
    assert!(of_other.last().unwrap() < &4500.0, "{of_other:?}");
    assert_eq!(it.status().await.waiting, 0);
    it.recover(&[1]);
    it.tell(covered(2, period(-600, -100), &[0])).await;
    pass(10).await;
    assert_eq!(
        it.findings().await,
        [Finding::Complete],
        "the next one is compared"
    );
}

#[actix::test]
async fn a_window_of_a_node_that_picks_is_repeated_until_two_fetches_bring_nothing() {
    let it = rig().ready(3).await;
    it.tell(MailserverAvailable {
        source: Source::Picked,
        pause: Duration::ZERO,
        since: None,
    })
    .await;
    it.hold(&[0, 1, 2], &[-500]);
    it.hold(&[2], &[-400]);
    let fetched = |brought: &[u64]| WindowCovered {
        brought: brought.to_vec(),
        ..covered(1, period(-600, -100), &[])
    };
    for brought in [&[1][..], &[1, 0]] {
        it.tell(fetched(brought)).await;
        pass(10).await;
        assert_eq!(it.findings().await, [Finding::Repeat { missing: 1 }]);
        assert_eq!(it.asked().await, [0, 1, 2]);
    }
    it.tell(fetched(&[1, 0, 0])).await;
    pass(10_000).await;
    let left = [Finding::Repeat { missing: 1 }];
    assert_eq!(
        it.findings().await,
        left,
        "the journal knows what they brought"
    );
    assert_eq!(it.status().await.waiting, 0);
    it.tell(WindowCovered {
        id: WindowId(2),
        ..fetched(&[1])
    })
    .await;
    it.hold(&[0, 1], &[-400]);
    pass(1000).await;
    assert_eq!(it.findings().await, [Finding::Complete, Finding::Complete]);
}

#[actix::test]
async fn a_node_that_picks_may_have_picked_one_that_tells_nothing() {
    let it = rig().ready(2).await;
    it.fail(&[1], &StoreFailure::Unsupported);
    it.hold(&[0], &[-400]);
    let fetched = |brought: &[u64]| WindowCovered {
        brought: brought.to_vec(),
        ..covered(1, period(-600, -100), &[])
    };
    for brought in [&[0][..], &[0, 1]] {
        it.tell(fetched(brought)).await;
        pass(10).await;
        assert_eq!(it.findings().await, [Finding::Repeat { missing: 1 }]);
    }
    it.hold(&[0], &[-300]);
    it.tell(fetched(&[0, 1, 0, 0])).await;
    pass(10).await;
    let left = [Finding::Repeat { missing: 2 }];
    assert_eq!(it.findings().await, left, "and it is asked no more");
    assert_eq!(it.status().await.waiting, 0);
}

#[actix::test]
async fn of_a_node_that_picks_nothing_is_sure_if_nobody_could_be_asked_in_time() {
    let it = rig().ready(2).await;
    it.hold(&[0, 1], &[-400]);
    it.fail(&[1], &StoreFailure::Broken("eof".into()));
    it.tell(covered(1, period(-600, -100), &[])).await;
    pass(61).await;
    it.audited
        .assert_none("there is nobody to compare with")
        .await;
    it.recover(&[1]);
    pass(300).await;
    assert_eq!(it.findings().await, [Finding::Repeat { missing: 1 }]);
}

#[actix::test]
async fn others_are_drawn_each_time() {
    let it = rig().ready(8).await;
    for id in 1..=20 {
        it.tell(covered(id, period(-600, -100), &[0])).await;
    }
    pass(60).await;
    assert_eq!(it.asked().await, (0..8).collect::<Vec<_>>());
}
