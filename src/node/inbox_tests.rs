use futures_util::FutureExt as _;

use actors::model::gap::MOST_GAPS;

use super::*;
use crate::node::signals::LONGEST_MESSAGES;

fn inbox() -> (Inbox, Rc<Counters>) {
    let counters = Rc::new(Counters::default());
    (Inbox::new(counters.clone()), counters)
}

fn peers(id: &str) -> String {
    format!(r#"{{"type":"wakuv2.peerstats","event":{{"peers":{{"{id}":[]}}}}}}"#)
}

#[test]
fn of_many_peer_tables_only_the_newest_is_delivered_and_every_event() {
    let (inbox, _) = inbox();
    for n in 0..10_000 {
        inbox.push(peers(&format!("p{n}")));
    }
    inbox.push(r#"{"type":"history.request.started","event":{}}"#.into());
    inbox.push(peers("last"));
    inbox.push(r#"{"event":{},"type":"history.request.completed"}"#.into());
    assert_eq!(
        inbox.next().now_or_never(),
        Some(Delivery::History(HistorySignal::Started))
    );
    assert_eq!(
        inbox.next().now_or_never(),
        Some(Delivery::History(HistorySignal::Completed))
    );
    let Some(Delivery::Peers(snapshot)) = inbox.next().now_or_never() else {
        panic!("no peers")
    };
    assert_eq!(snapshot.peers.first().unwrap().as_str(), "last");
    assert_eq!(inbox.next().now_or_never(), None);
}

#[test]
fn a_table_of_the_other_network_or_without_peers_is_none() {
    let (inbox, counters) = inbox();
    inbox.want(Some(Network::Waku2));
    for signal in [
        r#"{"type":"discovery.summary","event":[]}"#,
        r#"{"event":[],"type":"discovery.summary"}"#,
        r#"{"type":"wakuv2.peerstats","event":{"isOnline":true}}"#,
        r#"{"type":"wakuv2.peerstats","event":null}"#,
        r#"{"type":"wakuv2.peerstats"}"#,
    ] {
        inbox.push(signal.into());
        assert_eq!(inbox.next().now_or_never(), None, "{signal}");
    }
    assert_eq!(counters.signals.malformed(), 3);
    inbox.push(r#"{"type":"wakuv2.peerstats","event":{"isOnline":true,"peers":null}}"#.into());
    assert!(matches!(
        inbox.next().now_or_never(),
        Some(Delivery::Peers(_))
    ));
}

#[test]
fn junk_is_counted_and_nothing_else() {
    let (inbox, counters) = inbox();
    for junk in [
        "",
        "hello",
        r#"{"type":"wallet","event":1}"#,
        r#"{"type":"wakuv2.peerstats","event":7}"#,
    ] {
        inbox.push(junk.into());
    }
    assert_eq!(inbox.next().now_or_never(), None);
    let counts = &counters.signals;
    assert_eq!(
        (counts.received(), counts.skipped(), counts.malformed()),
        (4, 1, 3)
    );
}

#[test]
fn a_session_that_begins_is_not_told_of_sockets_that_were_closed_before() {
    let (inbox, _) = inbox();
    for event in [
        SessionEvent::Closed,
        SessionEvent::Opened,
        SessionEvent::LoggedIn,
    ] {
        inbox.notify_session(event);
    }
    inbox.begin_session();
    for event in [SessionEvent::Opened, SessionEvent::LoggedIn] {
        assert_eq!(inbox.next_session_event().now_or_never(), Some(event));
    }
    assert_eq!(inbox.next_session_event().now_or_never(), None);
}

#[test]
fn a_login_that_failed_is_told_to_whoever_logs_in_and_to_nobody_else() {
    let (inbox, _) = inbox();
    let mut logins = inbox.logins.listen();
    inbox.push(r#"{"type":"node.login","event":{"error":"no"}}"#.into());
    assert_eq!(inbox.next_session_event().now_or_never(), None);
    let failed = LoginNews::Ended(Err("no".into()));
    assert_eq!(logins.try_recv(), Ok(failed));
    inbox.push(r#"{"type":"node.login","event":{}}"#.into());
    assert_eq!(logins.try_recv(), Ok(LoginNews::Ended(Ok(()))));
}

#[test]
fn a_session_is_told_what_concerns_it_and_events_are_bounded() {
    let (inbox, counters) = inbox();
    inbox.push(r#"{"type":"node.login","event":{}}"#.into());
    assert_eq!(
        inbox.next_session_event().now_or_never(),
        Some(SessionEvent::LoggedIn)
    );
    assert_eq!(inbox.next_session_event().now_or_never(), None);
    for _ in 0..5 * MOST_WAITING {
        inbox.push(r#"{"type":"mailserver.changed","event":{"address":""}}"#.into());
        inbox.notify_session(SessionEvent::Opened);
        inbox.notify_session(SessionEvent::Closed);
    }
    assert_eq!(inbox.events.borrow().len(), MOST_WAITING);
    assert_eq!(inbox.session_events.borrow().len(), MOST_WAITING);
    assert_eq!(counters.traffic().signals_waiting, MOST_WAITING);
    assert!(inbox.next().now_or_never().is_some());
    assert_eq!(counters.traffic().signals_waiting, MOST_WAITING - 1);
}

fn messages(text: &str, more: usize) -> String {
    let more = r#",{"contentType":1}"#.repeat(more);
    format!(r#"{{"type":"messages.new","event":{{"messages":[{text}{more}]}}}}"#)
}

fn gap(id: usize) -> String {
    format!(r#"{{"id":"{id}","chatId":"c","contentType":10}}"#)
}

#[test]
fn messages_that_nobody_has_read_are_one_delivery() {
    let (inbox, counters) = inbox();
    inbox.push(messages(&gap(1), 2));
    inbox.push(messages(&gap(2), 1));
    inbox.push(r#"{"type":"messages.new","event":{"messages":null,"communities":[{}]}}"#.into());
    inbox.push(peers("p"));
    inbox.push(r#"{"type":"history.request.completed","event":{}}"#.into());
    assert!(matches!(
        inbox.next().now_or_never(),
        Some(Delivery::History(_))
    ));
    let Some(Delivery::Messages(arrived)) = inbox.next().now_or_never() else {
        panic!("no messages")
    };
    let ids: Vec<_> = arrived.gaps.iter().map(|it| it.message.as_str()).collect();
    assert_eq!((arrived.messages, &ids[..]), (3, &["1", "2"][..]));
    assert!(matches!(
        inbox.next().now_or_never(),
        Some(Delivery::Peers(_))
    ));
    assert_eq!(inbox.next().now_or_never(), None);
    let counts = &counters.signals;
    assert_eq!((counts.skipped(), counts.malformed()), (0, 0));
}

#[test]
fn messages_that_are_pushed_have_a_longest_and_there_is_an_end_to_gaps() {
    let (inbox, _) = inbox();
    for id in 0..2 * MOST_GAPS {
        inbox.push(messages(&gap(id), 0));
    }
    let long = " ".repeat(LONGEST_MESSAGES);
    inbox.push(messages(&format!("{}{long}", gap(0)), 5));
    let Some(Delivery::Messages(arrived)) = inbox.next().now_or_never() else {
        panic!("no messages")
    };
    assert_eq!((arrived.messages, arrived.gaps.len()), (1, MOST_GAPS));
}
