//! Actors of the service that panic: what they forget, and what they do not.

use crate::*;
use ::actors::{
    connector::{self, Connector},
    history_requester::{self, HistoryRequester},
    messages::{
        candidates::CandidatesChanged,
        events::Publish,
        history::{MailserverAvailable, QueueCommunity, Source},
        journal::Owe,
        node::{NodeChanged, NodePort, RequestCommunity, RequestHistory},
        peers::Repeat,
        selection::Select,
    },
    model::{
        mailserver::Identity,
        node::{CommunityAnswer, Connection, HistoryAnswer, Mode, NodeState},
    },
    supervisor::{Slot, supervise},
    testing::{Probe, mailserver, profile},
};
use actix::prelude::*;
use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};

fn node(
    request_history: Recipient<RequestHistory>,
    request_community: Recipient<RequestCommunity>,
) -> NodePort {
    NodePort {
        connect: Probe::answering(|_| Ok(Connection::Connected)).0,
        introduce: Probe::answering(|_| Ok(Connection::Connected)).0,
        drop_peer: Probe::answering(|_| Ok(())).0,
        refresh_peers: Probe::start().0,
        request_history,
        read_topics: Probe::answering(|_| Ok(Vec::new())).0,
        request_community,
    }
}

#[actix::test]
async fn a_requester_that_panics_loses_no_request_that_was_accepted() {
    let rig = rig();
    let answer = Rc::new(Cell::new(HistoryAnswer::NothingDone));
    let answers = answer.clone();
    let (request_history, asked) = Probe::answering(move |_: &RequestHistory| Ok(answers.get()));
    let (request_community, communities) =
        Probe::answering(|_: &RequestCommunity| Ok(CommunityAnswer::Found));
    let (events, published) = Probe::<Publish>::start();
    let ports = history_requester::Ports {
        node: node(request_history, request_community),
        failing: Probe::start().0,
        served: Probe::start().0,
        under_way: Vec::new(),
        began: Probe::start().0,
        ended: Probe::start().0,
        keep: Probe::start().0,
        events,
    };
    let requester = HistoryRequester::new(history_requester::Config::default(), vec![], ports);
    let requester = supervise("history", Slot::default(), requester, &rig.overseer);
    let community = format!("0x02{:064}", 1);
    let accepted = requester.send(QueueCommunity(community.clone())).await;
    accepted.unwrap().unwrap();
    requester.send(Owe::default()).await.unwrap();
    let available = MailserverAvailable {
        source: Source::Active {
            mailserver: mailserver(0),
            node_asks_itself: false,
        },
        pause: Duration::ZERO,
        since: None,
    };
    requester.send(available).await.unwrap();
    asked.next().await;
    requester.do_send(Panic);
    answer.set(HistoryAnswer::Done {
        messages: 0,
        rewound: true,
    });
    // Much sooner than the pause that it was in: a restart begins anew.
    pass(100).await;
    assert_eq!(asked.drain().await.len(), 1);
    let asked_for = communities.drain().await;
    assert_eq!(asked_for, [RequestCommunity(community)]);
    let events = published.drain().await;
    let events: Vec<&str> = events.iter().map(|it| it.0.name()).collect();
    let once = ["history:requested", "history:failed", "history:completed"];
    assert_eq!(events, once);
}

#[actix::test]
async fn a_connector_that_panics_starts_over_and_says_so() {
    let rig = rig();
    let (select, selections) = Probe::<Select>::start();
    let (repeat, repeats) = Probe::<Repeat>::start();
    let (events, published) = Probe::<Publish>::start();
    let ports = connector::Ports {
        node: node(
            Probe::answering(|_| Ok(HistoryAnswer::NothingDone)).0,
            Probe::answering(|_| Ok(CommunityAnswer::Unknown)).0,
        ),
        select,
        mark: Probe::start().0,
        repeat,
        available: Probe::start().0,
        unavailable: Probe::start().0,
        watch: Probe::start().0,
        remember: Probe::start().0,
        events,
    };
    let config = connector::Config {
        standby: connector::Readiness::Off,
        ..connector::Config::default()
    };
    let connector = Connector::new(config, BTreeMap::new(), Some(1), ports);
    let connector = supervise("connector", Slot::default(), connector, &rig.overseer);
    connector.do_send(candidates(Some(mailserver(0).identity)));
    connector.do_send(NodeChanged(ready()));
    pass(100).await;
    let names = |events: &[Publish]| -> Vec<&str> { events.iter().map(|it| it.0.name()).collect() };
    let connected = ["mailserver:changed", "mailserverAvailable"];
    assert_eq!(names(&published.drain().await), connected);
    connector.do_send(Panic);
    connector.do_send(candidates(None));
    pass(100).await;
    assert_eq!(repeats.drain().await.len(), 1, "the peers are told again");
    assert_eq!(names(&published.drain().await), ["mailserver:changed"]);
    let queued = selections.drain().await;
    assert_eq!(queued.len(), 1, "a message behind the panic was handled");
}

fn candidates(pinned: Option<Identity>) -> CandidatesChanged {
    CandidatesChanged {
        fleet: Some("test".into()),
        candidates: vec![mailserver(0), mailserver(1)],
        pinned,
    }
}

fn ready() -> NodeState {
    let profile = profile(Mode::Waku2);
    NodeState::Ready { profile }
}
