//! The auditor as others meet it: whom it asks when, what it tells, and whom it does not ask.

mod deafness;
mod rig;
mod second_opinion;
mod seconds;
mod sweeps;

use ::actors::{
    auditor::Config,
    messages::journal::Finding,
    model::{node::NodeError, verdict::Verdict},
};
use rig::{Fail, covered, pass, period, rig, rig_with};

#[actix::test]
async fn nobody_is_asked_while_offline_or_without_a_node_and_nothing_is_lost() {
    let it = rig().ready(4).await;
    it.verdict(Verdict::Offline).await;
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(4000).await;
    assert_eq!(it.asked().await, [0_usize; 0], "offline");
    it.away().await;
    it.verdict(Verdict::Online).await;
    pass(4000).await;
    assert_eq!(it.asked().await, [0_usize; 0], "no node");
    assert_eq!(it.topics_read(), 0, "it is not asked either");
    let it = it.ready(4).await;
    assert_eq!(it.asked().await.len(), 4);
    assert_eq!(it.findings().await, [Finding::Complete]);
}

#[actix::test]
async fn switched_off_nobody_is_ever_asked() {
    let off = Config {
        enabled: false,
        ..Config::default()
    };
    let it = rig_with(off).ready(4).await;
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(20_000).await;
    assert_eq!(it.asked().await, [0_usize; 0]);
    assert_eq!(it.topics_read(), 0);
    it.audited.assert_none("nothing was compared").await;
    let status = it.status().await;
    assert!(!status.enabled && status.waiting == 0);
}

#[actix::test]
async fn what_the_budget_forbids_waits() {
    let config = Config {
        budget: 100 * 1024,
        sweep: None,
        ..Config::default()
    };
    let it = rig_with(config).ready(3).await;
    let sent: Vec<i64> = (-1700..-600).collect();
    it.hold(&[0, 1, 2], &sent);
    it.tell(covered(1, period(-1700, -600), &[0])).await;
    pass(10).await;
    assert_eq!(
        it.asked().await,
        [0],
        "one answer takes more than a third of it"
    );
    assert!(it.status().await.budget_left < 64 * 1024);
    it.audited.assert_none("it waits").await;
    pass(3000).await;
    assert_eq!(it.findings().await, [Finding::Complete]);
    let status = it.status().await;
    assert_eq!((status.queries, status.audits), (4, 1));
    assert_eq!(status.bytes, 4 * 40_600);
    pass(7200).await;
    let bytes = it.status().await.bytes;
    assert_eq!(bytes, 4 * 40_600, "nobody is late any more: once is enough");
}

#[actix::test]
async fn an_answer_that_the_budget_cut_off_is_asked_for_in_parts() {
    let config = Config {
        budget: 70 * 1024,
        sweep: None,
        ..Config::default()
    };
    let it = rig_with(config).ready(2).await;
    let sent: Vec<i64> = (-7200..-3600).collect();
    it.hold(&[0, 1], &sent);
    it.tell(covered(1, period(-7200, -3600), &[0])).await;
    pass(40_000).await;
    let queries = it.queries().await;
    let minutes = queries.iter().map(|it| it.2.period.length().as_secs() / 60);
    assert_eq!(minutes.collect::<Vec<_>>(), [60, 30, 30].repeat(3));
    let audited = it.audited.drain().await;
    assert_eq!(
        (audited[0].held, &audited[0].finding),
        (3600, &Finding::Complete)
    );
}

#[actix::test]
async fn a_crowd_of_windows_is_bounded() {
    let it = rig().ready(4).await;
    it.verdict(Verdict::Offline).await;
    for id in 1..=70 {
        it.tell(covered(id, period(-600, -100), &[0])).await;
    }
    let status = it.status().await;
    assert_eq!((status.waiting, status.dropped), (64, 6));
    it.verdict(Verdict::Online).await;
    pass(300).await;
    let audited = it.audited.drain().await;
    let ids: Vec<u64> = audited.iter().map(|it| it.id.0).collect();
    assert_eq!(ids.len(), 64);
    assert!(
        ids.iter().all(|it| *it <= 64),
        "the oldest are kept: {ids:?}"
    );
}

#[actix::test]
async fn a_restarted_actor_goes_on_with_all_its_windows() {
    let it = rig().ready(4).await;
    it.verdict(Verdict::Offline).await;
    it.tell(covered(1, period(-600, -100), &[0])).await;
    it.tell(covered(2, period(-90, -30), &[0])).await;
    it.auditor.do_send(Fail);
    it.verdict(Verdict::Online).await;
    pass(30).await;
    let mut ids: Vec<u64> = it.audited.drain().await.iter().map(|it| it.id.0).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    it.auditor.do_send(Fail);
    pass(400).await;
    assert_eq!(it.audited.drain().await.len(), 2, "each once more, later");
}

#[actix::test]
async fn a_restart_in_the_middle_of_an_audit_begins_it_anew() {
    let it = rig().ready(4).await;
    it.topics(Err(NodeError::Transport("busy".into())));
    it.tell(covered(1, period(-600, -100), &[0])).await;
    pass(10).await;
    it.audited.assert_none("the topics are not known").await;
    it.auditor.do_send(Fail);
    it.topics(Ok(1));
    pass(60).await;
    assert_eq!(it.findings().await, [Finding::Complete]);
}
