//! Pings by the node, and by a TCP connect of our own.

use super::*;

/// As v0.94 does it: a map by host and port collapses the answers, in any order.
fn collapsing(params: &Value) -> Value {
    let addresses = params[0]["addresses"].as_array().unwrap();
    let place = |address: &Value| {
        address
            .as_str()
            .unwrap()
            .split("/p2p/")
            .next()
            .unwrap()
            .to_owned()
    };
    let by_place: std::collections::BTreeMap<_, _> = addresses
        .iter()
        .map(|address| (place(address), address))
        .collect();
    by_place
        .values()
        .rev()
        .map(|address| json!({"address": address, "rttMs": 3, "error": null}))
        .collect()
}

#[actix::test]
async fn the_node_is_asked_so_that_no_answer_collapses() {
    let node = Node::start(|method, params| {
        assert_eq!(params[0]["timeoutMs"], json!(500));
        (method == "mailservers_multiAddressPing").then(|| Reply::Result(collapsing(params)))
    })
    .await;
    let same_place = |id: &str| mailserver(id, &format!("/ip4/127.0.0.1/tcp/61001/p2p/{id}"));
    let other = mailserver(
        "c",
        "/ip4/127.0.0.1/tcp/61002/p2p/16Uiu2HAmHtieabcdANakonm21aZW3RDvABbBZKgv63zmaXZyFhQK",
    );
    let targets = [same_place(STORE_1), same_place(STORE_2), other];
    let by_node = prober(&node, Method::Node, Mode::Waku2).await;
    let collector = order(&by_node, &targets, TIMEOUT, false).await;
    for target in &targets {
        let said = collector.said(target);
        assert_eq!(said.outcome, Ok(Duration::from_millis(3)));
        assert_eq!(said.round_trips, None, "the node answers for all at once");
    }
    assert_eq!(node.calls("mailservers_multiAddressPing"), 2);
    // Not where it has no ping, and not unless it is told.
    let without = prober(&node, Method::Node, Mode::Pin).await;
    for outcome in probe(&without, &targets, TIMEOUT).await {
        assert!(matches!(outcome, Err(ProbeFailure::Impossible(_))));
    }
    assert_eq!(node.calls("mailservers_multiAddressPing"), 2);
}

#[actix::test]
async fn a_node_without_pings_is_asked_once() {
    let node = Node::start(|_, _| None).await;
    let address = format!("/ip4/127.0.0.1/tcp/1/p2p/{STORE_1}");
    let targets = [mailserver("a", &address)];
    let prober = prober(&node, Method::Node, Mode::Waku2).await;
    for _ in 0..3 {
        let outcome = &probe(&prober, &targets, TIMEOUT).await[0];
        assert!(
            matches!(outcome, Err(ProbeFailure::Impossible(_))),
            "{outcome:?}"
        );
    }
    assert_eq!(node.calls("mailservers_multiAddressPing"), 1);
}

#[actix::test]
async fn a_node_that_does_not_answer_says_nothing_about_the_mailservers() {
    let node = Node::start(|_, _| Some(Reply::Hang)).await;
    let targets = [mailserver(
        "b",
        &format!("/ip4/127.0.0.1/tcp/1/p2p/{STORE_2}"),
    )];
    let prober = prober(&node, Method::Node, Mode::Waku2).await;
    let outcomes = probe(&prober, &targets, Duration::from_millis(10)).await;
    assert!(
        matches!(&outcomes[0], Err(ProbeFailure::Other(text)) if text.contains("node")),
        "{outcomes:?}"
    );
}

#[actix::test]
async fn by_tcp_whoever_listens_is_there_until_it_is_watched() {
    let prober = own(Method::Tcp, false).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let by_name = mailserver("a", &format!("/dns4/localhost/tcp/{port}/p2p/{STORE_1}"));
    let closed = mailserver("b", &format!("/ip4/127.0.0.1/tcp/1/p2p/{STORE_2}"));
    let targets = [by_name.clone(), closed.clone()];
    let collector = order(&prober, &targets, PATIENT, false).await;
    assert!(collector.said(&by_name).outcome.is_ok());
    assert_eq!(collector.said(&by_name).round_trips, Some(1));
    assert_eq!(collector.said(&closed).outcome, Err(ProbeFailure::Refused));
    let watched = order(&prober, std::slice::from_ref(&by_name), SHORT, true).await;
    let silent = Err(ProbeFailure::Silent(Stage::Ping));
    assert_eq!(watched.said(&by_name).outcome, silent);
    assert_eq!(watched.said(&by_name).round_trips, Some(2));
}

#[actix::test]
async fn enodes_are_pinged_by_tcp_and_a_live_one_reacts_to_nonsense() {
    let settings = Settings {
        mailservers: 3,
        ..Settings::new(Mode::Waku1)
    };
    let simulation = Simulation::start(settings).unwrap();
    simulation.set_fault(1, Fault::Hung).unwrap();
    simulation.set_fault(2, Fault::Killed).unwrap();
    let targets = targets(&simulation);
    let prober = own(Method::Auto, false).await;
    let round = probe(&prober, &targets, PATIENT).await;
    assert!(round[0].is_ok() && round[1].is_ok(), "{round:?}");
    assert_eq!(round[2], Err(ProbeFailure::Refused));
    let collector = order(&prober, &targets[..2], SHORT, true).await;
    assert!(collector.said(&targets[0]).outcome.is_ok());
    assert!(collector.said(&targets[0]).bytes >= 307);
    let hung = collector.said(&targets[1]).outcome;
    assert_eq!(hung, Err(ProbeFailure::Silent(Stage::Ping)));
}
