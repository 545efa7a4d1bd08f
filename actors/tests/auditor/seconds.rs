//! Windows that cannot be compared are fetched a second time, if they mattered.

use ::actors::{
    messages::{journal::Finding, store::StoreFailure},
    model::{
        node::NodeError,
        probe::{ProbeFailure, Stage},
    },
    testing::mailserver,
};

use crate::rig::{covered, index, pass, period, rig};

fn second(findings: &[Finding]) -> Option<usize> {
    match findings {
        [] => None,
        [Finding::Second { wanted }] => Some(index(wanted)),
        other => panic!("{other:?}"),
    }
}

#[actix::test]
async fn where_nobody_speaks_the_protocol_another_one_is_fetched_from_once() {
    let it = rig().ready(4).await;
    it.fail(&[0, 1, 2, 3], &StoreFailure::Unsupported);
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(10).await;
    let wanted = second(&it.findings().await).expect("it mattered");
    assert_ne!(wanted, 0);
    it.tell(covered(1, period(-600, -100), &[0, wanted])).await;
    it.asked().await;
    it.tell(covered(2, period(-161, -100), &[0])).await;
    it.tell(covered(3, period(-160, -100), &[0])).await;
    pass(2000).await;
    let audited = it.audited.drain().await;
    let seconds = audited.iter().filter(|it| it.finding != Finding::Unchecked);
    let ids: Vec<u64> = seconds.map(|it| it.id.0).collect();
    assert_eq!(ids, [2], "once a window, and only if it was long");
    assert_eq!(audited.len(), 3, "the journal waits for none of them");
    assert_eq!(
        it.asked().await,
        [0_usize; 0],
        "it is known by now that they do not"
    );
    assert_eq!(it.status().await.seconds, 2);
}

#[actix::test]
async fn a_window_that_was_fetched_from_all_of_them_waits_for_nobody() {
    let it = rig().ready(2).await;
    it.fail(&[0, 1], &StoreFailure::Unsupported);
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(10).await;
    assert_eq!(second(&it.findings().await), Some(1));
    it.tell(covered(1, period(-600, -100), &[0, 1])).await;
    pass(10).await;
    assert_eq!(it.findings().await, [Finding::Unchecked]);
}

#[actix::test]
async fn of_a_node_that_tells_no_topics_too() {
    let it = rig().ready(4).await;
    it.topics(Err(NodeError::NotPossible));
    it.tell(covered(1, period(-600, -100), &[0])).await;
    it.tell(covered(2, period(-600, -100), &[0])).await;
    it.tell(covered(3, period(-600, -100), &[])).await;
    pass(2000).await;
    let mut findings = it.findings().await;
    let last = findings.pop();
    assert_eq!(
        last,
        Some(Finding::Unchecked),
        "not of one that picks for each query"
    );
    assert_eq!(findings.len(), 2);
    assert!(
        findings.iter().all(
            |it| matches!(it, Finding::Second { wanted } if *wanted != mailserver(0).identity)
        )
    );
    assert_eq!(it.topics_read(), 1, "it is asked once");
    assert_eq!(it.asked().await, [0_usize; 0]);
}

#[actix::test]
async fn if_the_one_it_was_fetched_from_is_gone_the_fullest_is_wanted() {
    let it = rig().ready(3).await;
    it.hold(&[0, 1, 2], &[-500]);
    it.hold(&[2], &[-400]);
    let silent = ProbeFailure::Silent(Stage::Connect);
    it.fail(&[0], &StoreFailure::Unreachable(silent));
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(10).await;
    assert_eq!(second(&it.findings().await), Some(2));
    it.tell(covered(1, period(-600, -100), &[0, 2])).await;
    pass(2000).await;
    let complete = vec![Finding::Complete; 2];
    assert_eq!(
        it.findings().await,
        complete,
        "with the second one it can be compared"
    );
}

#[actix::test]
async fn a_short_window_is_fetched_from_whoever_holds_something_of_it() {
    let it = rig().ready(3).await;
    it.hold(&[2], &[-120]);
    it.fail(&[0], &StoreFailure::Unsupported);
    it.tell(covered(1, period(-600, -550), &[0])).await;
    pass(10).await;
    let nothing = [Finding::Complete];
    assert_eq!(it.findings().await, nothing, "nobody holds anything of it");
    it.tell(covered(2, period(-130, -100), &[0])).await;
    pass(10).await;
    assert_eq!(second(&it.findings().await), Some(2));
    it.tell(covered(2, period(-130, -100), &[0, 2])).await;
    pass(10).await;
    assert_eq!(it.findings().await, [Finding::Complete]);
}

#[actix::test]
async fn if_it_is_only_busy_it_is_waited_for() {
    let it = rig().ready(3).await;
    it.fail(&[0], &StoreFailure::Busy("503".into()));
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(20).await;
    it.audited.assert_none("it is busy").await;
    it.recover(&[0]);
    pass(60).await;
    assert_eq!(it.findings().await, [Finding::Complete]);
}

#[actix::test]
async fn what_was_kept_of_it_is_compared_when_it_is_gone() {
    let it = rig().ready(3).await;
    it.hold(&[0, 1, 2], &[-500]);
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(10).await;
    assert_eq!(it.findings().await, [Finding::Complete]);
    it.fail(&[0], &StoreFailure::Broken("eof".into()));
    it.hold(&[1], &[-400]);
    pass(400).await;
    let findings = it.findings().await;
    assert!(
        matches!(&findings[..], [Finding::Short { missing: 1, wanted, .. }] if *wanted == [mailserver(1).identity]),
        "{findings:?}"
    );
}
