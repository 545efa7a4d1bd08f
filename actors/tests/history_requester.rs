//! The history requester as others meet it: whom it asks when, and whom it tells what.

use std::{cell::RefCell, rc::Rc, time::Duration};

use ::actors::{
    Instant,
    history_requester::{Config, HistoryRequester, Ports},
    messages::{
        events::Publish,
        history::{
            GetStatus, KeepCommunities, KeptCommunity, MailserverAvailable, MailserverFailing,
            MailserverGone, MailserverServed, QueueCommunity, QueueError, Source,
        },
        journal::Owe,
        node::{
            Connect, DropPeer, HistorySignal, Introduce, NodePort, ReadTopics, RefreshPeers,
            RequestCommunity, RequestHistory,
        },
        online::Clocks,
    },
    model::{
        moment::Moment,
        node::{CommunityAnswer, HistoryAnswer, NodeError},
        topic::MarkedTopic,
    },
    testing::{Probe, Received, mailserver, marked_topic, settle},
};
use actix::prelude::*;

type History = Result<HistoryAnswer, NodeError>;

const DONE: History = Ok(HistoryAnswer::Done {
    messages: 0,
    rewound: true,
});
const COMMUNITY: &str = "0x020000000000000000000000000000000000000000000000000000000000000001";
const NULL: History = Ok(HistoryAnswer::NothingDone);

/// When the tests begin, in seconds.
const START: u64 = 1_000;

struct Mailboxes {
    requester: Addr<HistoryRequester>,
    asked: Received<RequestHistory>,
    communities: Received<RequestCommunity>,
    failing: Received<MailserverFailing>,
    served: Received<MailserverServed>,
    kept: Received<KeepCommunities>,
    events: Received<Publish>,
}

/// A requester whose node gives these answers, and `Done` after them.
fn requester(answers: Vec<History>) -> Mailboxes {
    requester_with(answers, vec![])
}

/// As [`requester`], with communities that an earlier process kept.
fn requester_with(mut answers: Vec<History>, kept_before: Vec<KeptCommunity>) -> Mailboxes {
    tokio::time::pause();
    answers.reverse();
    let answers = Rc::new(RefCell::new(answers));
    let next = move |_: &RequestHistory| answers.borrow_mut().pop().unwrap_or(DONE);
    let (request_history, asked) = Probe::answering(next);
    let at_the_start = MarkedTopic {
        last_request: Moment::from_seconds(START),
        ..marked_topic(0)
    };
    let read_topics = Probe::answering(move |_: &ReadTopics| Ok(vec![at_the_start.clone()])).0;
    let (request_community, communities) = Probe::answering(|_| Ok(CommunityAnswer::Found));
    let (failing_to, failing) = Probe::start();
    let (served_to, served) = Probe::start();
    let (keep_to, kept) = Probe::start();
    let (events_to, events) = Probe::start();
    let ports = Ports {
        node: NodePort {
            connect: Probe::<Connect>::answering(|_| panic!("not its business")).0,
            introduce: Probe::<Introduce>::answering(|_| panic!("not its business")).0,
            drop_peer: Probe::<DropPeer>::answering(|_| panic!("not its business")).0,
            refresh_peers: Probe::<RefreshPeers>::start().0,
            request_history,
            read_topics,
            request_community,
        },
        failing: failing_to,
        served: served_to,
        under_way: Vec::new(),
        began: Probe::start().0,
        ended: Probe::start().0,
        keep: keep_to,
        events: events_to,
    };
    Mailboxes {
        requester: HistoryRequester::new(Config::default(), kept_before, ports).start(),
        asked,
        communities,
        failing,
        served,
        kept,
        events,
    }
}

fn available(index: usize) -> MailserverAvailable {
    MailserverAvailable {
        source: Source::Active {
            mailserver: mailserver(index),
            node_asks_itself: false,
        },
        pause: Duration::ZERO,
        since: None,
    }
}

#[actix::test]
async fn the_node_is_asked_at_exactly_these_times() {
    let it = requester(vec![NULL; 8]);
    it.requester.send(available(0)).await.unwrap();
    it.asked.next().await;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let since = Instant::now();
        it.asked.next().await;
        pauses.push(since.elapsed().as_secs_f64().round());
    }
    assert_eq!(pauses, [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 120.0, 120.0]);
    let served = MailserverServed(mailserver(0).identity);
    assert_eq!(it.served.drain().await, [served]);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    it.asked.assert_none("answered").await;
}

#[actix::test]
async fn everybody_is_told_once() {
    let it = requester(vec![
        Err(NodeError::Timeout(Duration::from_secs(60))),
        Err(NodeError::Timeout(Duration::from_secs(60))),
    ]);
    it.requester.send(available(0)).await.unwrap();
    for _ in 0..3 {
        it.asked.next().await;
    }
    let failing = it.failing.drain().await;
    assert_eq!(failing.len(), 1);
    assert_eq!(failing[0].identity, mailserver(0).identity);
    let events = it.events.drain().await;
    let events: Vec<&str> = events.iter().map(|it| it.0.name()).collect();
    let once = ["history:requested", "history:failed", "history:completed"];
    assert_eq!(events, once);
}

#[actix::test]
async fn nothing_is_asked_of_nobody_and_nothing_is_forgotten() {
    let it = requester(vec![]);
    it.requester.send(Owe::default()).await.unwrap();
    let accepted = it
        .requester
        .send(QueueCommunity(COMMUNITY.to_owned()))
        .await;
    accepted.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    it.asked.assert_none("nobody is there").await;
    it.communities.assert_none("nobody is there").await;
    it.requester.send(available(0)).await.unwrap();
    assert_eq!(it.asked.drain().await.len(), 1);
    let communities = it.communities.drain().await;
    assert_eq!(communities, [RequestCommunity(COMMUNITY.to_owned())]);
    it.requester.send(MailserverGone).await.unwrap();
    let status = it.requester.send(GetStatus).await.unwrap();
    assert_eq!((status.owed, status.completed), (false, 1));
}

#[actix::test]
async fn signals_of_the_node_reach_the_ledger() {
    let it = requester(vec![]);
    let itself = MailserverAvailable {
        source: Source::Active {
            mailserver: mailserver(0),
            node_asks_itself: true,
        },
        pause: Duration::ZERO,
        since: None,
    };
    it.requester.send(clocks(START)).await.unwrap();
    it.requester.send(itself).await.unwrap();
    it.requester.send(HistorySignal::Started).await.unwrap();
    it.requester.send(HistorySignal::Completed).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    settle().await;
    it.asked.assert_none("the node asked by itself").await;
    assert_eq!(it.served.drain().await.len(), 1);
}

/// The wall clock shows so many seconds.
fn clocks(seconds: u64) -> Clocks {
    Clocks {
        boot: Duration::ZERO,
        wall: Moment::from_seconds(seconds).into(),
    }
}

#[actix::test]
async fn a_refused_community_is_answered_with_the_reason() {
    let it = requester(vec![]);
    let refused = it.requester.send(QueueCommunity("0x05".into())).await;
    assert_eq!(refused.unwrap(), Err(QueueError::BadId("0x05".into())));
}

#[actix::test]
async fn communities_that_wait_are_kept_at_each_change() {
    let it = requester(vec![]);
    let queue = QueueCommunity(COMMUNITY.to_owned());
    let accepted = it.requester.send(queue).await;
    accepted.unwrap().unwrap();
    it.requester.send(clocks(5)).await.unwrap();
    it.requester.send(clocks(7)).await.unwrap();
    let kept = it.kept.drain().await;
    let waits = vec![KeptCommunity {
        id: COMMUNITY.to_owned(),
        queued: Moment::from_millis(5_000),
        tries: 0,
    }];
    assert_eq!(kept.last(), Some(&KeepCommunities(waits)));
    it.requester.send(available(0)).await.unwrap();
    assert_eq!(it.kept.drain().await, [KeepCommunities(vec![])]);
    it.requester.send(clocks(9)).await.unwrap();
    it.kept.assert_none("nothing changed").await;
}

#[actix::test]
async fn what_an_earlier_process_kept_is_asked_for() {
    let kept = |id: &str| KeptCommunity {
        id: id.to_owned(),
        queued: Moment::from_millis(5_000),
        tries: 7,
    };
    let it = requester_with(vec![], vec![kept("0x05"), kept(COMMUNITY)]);
    let status = it.requester.send(GetStatus).await.unwrap();
    let waiting = status.communities;
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0].tries, 7);
    it.requester.send(available(0)).await.unwrap();
    let communities = it.communities.drain().await;
    assert_eq!(communities, [RequestCommunity(COMMUNITY.to_owned())]);
}
