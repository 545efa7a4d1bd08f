//! Now and then it is asked whether anything was missed while all seemed well.

use ::actors::{
    auditor::Config,
    messages::{
        history::MailserverGone,
        journal::{OpenWindow, WindowCovered},
        store::{Extent, StoreFailure},
    },
    model::{
        node::NodeError,
        verdict::Verdict,
        window::{Reason, WindowId},
    },
    testing::mailserver,
};

use crate::rig::{Rig, pass, period, rig_after, rig_with};

pub(crate) async fn swept(fleet: usize) -> Rig {
    rig_with(Config::default()).ready(fleet).await
}

/// The journal has it fetched, and the node gets so many messages.
pub(crate) async fn fetch(it: &Rig, window: &OpenWindow, id: u64, brought: u64) {
    it.windows_open(true).await;
    pass(1).await;
    it.tell(WindowCovered {
        id: WindowId(id),
        period: window.period,
        from: vec![mailserver(0).identity],
        brought: vec![brought],
    })
    .await;
    it.windows_open(false).await;
    pass(1).await;
    it.arrived(brought).await;
    pass(3).await;
}

#[actix::test]
async fn a_sweep_that_finds_nothing_costs_the_node_nothing() {
    let it = swept(4).await;
    pass(539).await;
    assert_eq!(it.asked().await, [0_usize; 0], "not yet");
    pass(3600 - 540).await;
    let queries = it.queries().await;
    assert!(
        (5..=6).contains(&queries.len()),
        "each ten minutes or so: {}",
        queries.len()
    );
    let mut until = period(-10, -10).until;
    for (_, who, query) in &queries {
        assert_ne!(*who, 0, "not the active one");
        assert_eq!(query.extent, Extent::Any);
        let overlap = until.since(query.period.from).as_secs();
        assert!(
            query.period.from <= until && overlap <= 10,
            "no hole: {overlap}"
        );
        until = query.period.until;
    }
    assert_eq!(it.topics_read(), 1);
    it.opened.assert_none("there was nothing").await;
    let status = it.status().await;
    assert_eq!((status.sweeps as usize, status.fetches), (queries.len(), 0));
}

#[actix::test]
async fn what_it_finds_is_fetched_once_and_counted() {
    let it = swept(4).await;
    it.hold(&[1, 2, 3], &[100]);
    pass(700).await;
    let opened = it.opened.drain().await;
    assert_eq!(opened.len(), 1);
    let OpenWindow {
        period: found,
        reason,
    } = opened[0];
    assert_eq!(reason, Reason::Swept);
    assert!(found.from <= period(0, 0).from && found.until >= period(510, 510).from);
    fetch(&it, &opened[0], 1, 3).await;
    let status = it.status().await;
    assert_eq!((status.sweeps, status.fetches, status.brought), (1, 1, 3));
    pass(2400).await;
    it.opened.assert_none("it is swept already").await;
    let audited = it.audited.drain().await;
    assert_eq!(
        audited.len(),
        1,
        "what was fetched is compared, once: {audited:?}"
    );
}

#[actix::test]
async fn a_restart_of_the_sidecar_does_not_begin_the_pause_anew() {
    let it = rig_after(Config::default(), Some(-400)).ready(4).await;
    pass(130).await;
    assert_eq!(it.asked().await, [0_usize; 0], "not yet");
    pass(140).await;
    let queries = it.queries().await;
    assert_eq!(queries.len(), 1, "ten minutes or so after the one before");
    let until = period(-400, -400).until;
    assert!(queries[0].2.period.from <= until, "nothing is skipped");
}

#[actix::test]
async fn a_sweep_that_is_overdue_leaves_windows_a_minute() {
    let it = rig_after(Config::default(), Some(-7200)).ready(4).await;
    pass(50).await;
    assert_eq!(it.asked().await, [0_usize; 0], "not yet");
    pass(20).await;
    assert_eq!(it.queries().await.len(), 1);
    pass(500).await;
    assert_eq!(it.asked().await, [0_usize; 0], "and then as ever");
}

#[actix::test]
async fn what_was_fetched_is_not_swept() {
    let it = swept(4).await;
    it.hold(&[1, 2, 3], &[100]);
    pass(500).await;
    it.tell(WindowCovered {
        id: WindowId(1),
        period: period(-30, 480),
        from: vec![mailserver(0).identity],
        brought: vec![1],
    })
    .await;
    pass(10).await;
    it.asked().await;
    pass(160).await;
    let queries = it.queries().await;
    assert_eq!(queries.len(), 1);
    assert_eq!(queries[0].2.period.from, period(480, 480).from);
    it.opened.assert_none("nothing is left").await;
}

#[actix::test]
async fn there_is_none_while_windows_are_open_or_nobody_can_be_asked() {
    let it = swept(4).await;
    it.windows_open(true).await;
    pass(2000).await;
    assert_eq!(it.asked().await, [0_usize; 0], "windows are open");
    it.tell(MailserverGone).await;
    it.windows_open(false).await;
    pass(2000).await;
    assert_eq!(it.asked().await, [0_usize; 0], "it could not fetch");
    it.verdict(Verdict::Offline).await;
    let it = it.ready(4).await;
    pass(2000).await;
    assert_eq!(it.asked().await, [0_usize; 0], "offline");
    it.verdict(Verdict::Online).await;
    assert_eq!(it.queries().await.len(), 1, "at once: it is overdue");
}

#[actix::test]
async fn a_silent_mailserver_is_replaced_and_nothing_is_skipped() {
    let it = swept(4).await;
    it.fail(&[0, 1, 2, 3], &StoreFailure::Broken("eof".into()));
    pass(700).await;
    assert!(it.asked().await.len() >= 3);
    assert_eq!(it.status().await.sweeps, 0);
    it.recover(&[0, 1, 2, 3]);
    pass(700).await;
    let queries = it.queries().await;
    let first = queries.iter().map(|it| it.2.period.from).min().unwrap();
    assert!(
        first <= period(0, 0).from,
        "the time before is not forgotten"
    );
    assert!(it.status().await.sweeps >= 1);
}

#[actix::test]
async fn a_node_that_tells_no_topics_fetches_itself_and_more_rarely() {
    let it = swept(4).await;
    it.topics(Err(NodeError::UnknownMethod(
        "mailservers_getMailserverTopics".into(),
    )));
    let mut opened = 0;
    for id in 0..240 {
        pass(30).await;
        for window in it.opened.drain().await {
            assert_eq!(window.reason, Reason::Swept);
            fetch(&it, &window, id, 0).await;
            assert!(opened > 0 || id < 23, "the first one as early as ever");
            opened += 1;
        }
    }
    assert!((3..=5).contains(&opened), "each half hour: {opened}");
    assert_eq!(it.asked().await, [0_usize; 0]);
    assert_eq!(it.topics_read(), 1);
    let findings = it.findings().await;
    let unchecked = findings
        .iter()
        .all(|it| *it == ::actors::messages::journal::Finding::Unchecked);
    assert!(unchecked, "a sweep is not worth a second fetch");
}

#[actix::test]
async fn it_can_be_switched_off() {
    let off = Config {
        sweep: None,
        ..Config::default()
    };
    let it = rig_with(off).ready(4).await;
    it.hold(&[0, 1, 2, 3], &[100]);
    pass(20_000).await;
    assert_eq!(it.asked().await, [0_usize; 0]);
    it.opened.assert_none("off").await;
}

#[actix::test]
async fn sweeps_leave_half_of_the_budget_to_windows() {
    let config = Config {
        budget: 10_000,
        ..Config::default()
    };
    let it = rig_with(config).ready(4).await;
    it.topics(Ok(100));
    pass(3600).await;
    let bytes = it.status().await.bytes;
    assert!(bytes <= 30_000, "{bytes}");
    assert!(it.status().await.sweeps <= 2);
}
