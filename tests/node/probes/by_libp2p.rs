//! Pings of our own by libp2p.

use super::*;

#[actix::test]
async fn each_way_to_fail_is_told_apart() {
    let silent = |stage| Err(ProbeFailure::Silent(stage));
    let foreign = |stage| Err(ProbeFailure::NoProtocol(stage));
    let cases = [
        (Manner::SilentAfterConnect, silent(Stage::Handshake)),
        (Manner::SilentAfterNoise, silent(Stage::Multiplexer)),
        (Manner::SilentAfterMuxer, silent(Stage::Ping)),
        (Manner::SilentAfterPing, silent(Stage::Identify)),
        (Manner::Foreign, foreign(Stage::Handshake)),
        (Manner::NoNoise, foreign(Stage::Handshake)),
        (Manner::NoMuxer, foreign(Stage::Multiplexer)),
        (Manner::NoPing, foreign(Stage::Ping)),
        (Manner::NoStore, Err(ProbeFailure::NoStore)),
    ];
    let prober = own(Method::Libp2p, true).await;
    for (manner, expected) in cases {
        let peer = Peer::start(manner).await;
        let targets = [mailserver("a", &peer.multiaddr())];
        let outcomes = probe(&prober, &targets, SHORT).await;
        assert_eq!(outcomes, [expected], "{manner:?}");
    }
    let peer = Peer::start(Manner::Closes).await;
    let targets = [mailserver("a", &peer.multiaddr())];
    let outcomes = probe(&prober, &targets, SHORT).await;
    assert!(
        matches!(&outcomes[0], Err(ProbeFailure::Other(text)) if text.contains("closed")),
        "{outcomes:?}"
    );
}

#[actix::test]
async fn good_and_particular_peers_answer_whatever_their_key() {
    let prober = own(Method::Auto, true).await;
    let ed25519 = Keypair::ed25519_from_bytes([9; 32]).unwrap();
    for (keys, manner) in [
        (secp256k1(7), Manner::Good),
        (secp256k1(8), Manner::Particular),
        (ed25519, Manner::Particular),
    ] {
        let peer = Peer::start_at("127.0.0.1:0", keys, manner).await.unwrap();
        let target = mailserver("a", &peer.multiaddr());
        let collector = order(&prober, std::slice::from_ref(&target), PATIENT, false).await;
        let said = collector.said(&target);
        assert!(said.outcome.is_ok(), "{manner:?} {:?}", said.outcome);
        assert_eq!(said.round_trips, Some(5));
        assert!((500..5000).contains(&said.bytes), "{}", said.bytes);
    }
}

#[actix::test]
async fn somebody_else_and_nobody_at_the_address() {
    let prober = own(Method::Auto, false).await;
    let settings = Settings {
        mailservers: 2,
        ..Settings::new(Mode::Waku2)
    };
    let simulation = Simulation::start(settings).unwrap();
    let targets = targets(&simulation);
    simulation.set_fault(0, Fault::Refusing).unwrap();
    simulation.set_fault(1, Fault::Killed).unwrap();
    let outcomes = probe(&prober, &targets, PATIENT).await;
    match &outcomes[0] {
        Err(ProbeFailure::WrongPeer(found)) => {
            assert!(found.starts_with("16Uiu2HA") && *found != targets[0].identity.as_str());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(outcomes[1], Err(ProbeFailure::Refused));
}

#[actix::test]
async fn an_enode_has_no_libp2p_and_a_name_no_address() {
    let prober = own(Method::Libp2p, false).await;
    let enode = mailserver("a", ENODE);
    let unknown = format!("/dns4/no.such.host.invalid/tcp/1/p2p/{STORE_1}");
    let unknown = mailserver("b", &unknown);
    let outcomes = probe(&prober, &[enode, unknown], PATIENT).await;
    assert!(matches!(outcomes[0], Err(ProbeFailure::Impossible(_))));
    assert!(
        matches!(
            outcomes[1],
            Err(ProbeFailure::Unresolved(_) | ProbeFailure::Silent(Stage::Name))
        ),
        "{outcomes:?}"
    );
}

#[actix::test]
async fn a_watched_peer_is_dialled_once_and_pinged_five_times() {
    let prober = own(Method::Auto, false).await;
    let peer = Peer::start(Manner::Particular).await;
    let target = [mailserver("a", &peer.multiaddr())];
    let mut bytes = Vec::new();
    for turn in 0..5 {
        let said = order(&prober, &target, PATIENT, true)
            .await
            .said(&target[0]);
        assert!(said.outcome.is_ok(), "{:?}", said.outcome);
        assert_eq!(said.round_trips, Some(if turn == 0 { 4 } else { 1 }));
        bytes.push(said.bytes);
    }
    // A round uses the connection too, and leaves it.
    assert!(probe(&prober, &target, PATIENT).await[0].is_ok());
    assert!(
        order(&prober, &target, PATIENT, true)
            .await
            .said(&target[0])
            .outcome
            .is_ok()
    );
    assert_eq!(peer.accepted(), 1);
    assert!(
        bytes[1..].iter().all(|bytes| (64..400).contains(bytes)),
        "{bytes:?}"
    );
}

#[actix::test]
async fn without_a_watch_nothing_is_kept() {
    let prober = own(Method::Auto, false).await;
    let peer = Peer::start(Manner::Good).await;
    let target = [mailserver("a", &peer.multiaddr())];
    for accepted in 1..=3 {
        assert!(probe(&prober, &target, PATIENT).await[0].is_ok());
        assert_eq!(peer.accepted(), accepted);
    }
}

#[actix::test]
async fn the_end_of_a_kept_connection_is_told_once_to_the_last_who_used_it() {
    let prober = own(Method::Auto, false).await;
    let simulation = Simulation::start(Settings::new(Mode::Waku2)).unwrap();
    let target = [targets(&simulation).swap_remove(0)];
    let first = order(&prober, &target, PATIENT, true).await;
    let last = order(&prober, &target, PATIENT, true).await;
    simulation.set_fault(0, Fault::Killed).unwrap();
    let closed = |it: &Collector| it.news(&target[0]).last() == Some(&News::Closed);
    last.until("the end is told", closed).await;
    let after = order(&prober, &target, PATIENT, true).await;
    assert_eq!(after.said(&target[0]).outcome, Err(ProbeFailure::Refused));
    let count = |it: &Collector| it.news(&target[0]).len();
    assert_eq!((count(&first), count(&last), count(&after)), (2, 3, 2));
}

#[actix::test]
async fn a_hung_mailserver_is_found_out_over_the_kept_connection_and_dialled_anew() {
    let prober = own(Method::Auto, false).await;
    let simulation = Simulation::start(Settings::new(Mode::Waku2)).unwrap();
    let target = [targets(&simulation).swap_remove(0)];
    let outcome = async |limit| {
        order(&prober, &target, limit, true)
            .await
            .said(&target[0])
            .outcome
    };
    assert!(outcome(PATIENT).await.is_ok());
    simulation.set_fault(0, Fault::Hung).unwrap();
    let short = Duration::from_millis(100);
    assert_eq!(outcome(short).await, Err(ProbeFailure::Silent(Stage::Ping)));
    assert_eq!(
        outcome(short).await,
        Err(ProbeFailure::Silent(Stage::Handshake))
    );
    simulation.set_fault(0, Fault::None).unwrap();
    assert!(outcome(PATIENT).await.is_ok());
}

#[actix::test]
async fn web_sockets_lead_to_the_peer_and_tls_is_a_feature() {
    let prober = own(Method::Auto, true).await;
    let peer = Peer::start(Manner::Web).await;
    let address = peer.multiaddr().replace("/p2p/", "/ws/p2p/");
    let target = [mailserver("a", &address)];
    let said = order(&prober, &target, PATIENT, false)
        .await
        .said(&target[0]);
    assert!(said.outcome.is_ok(), "{:?}", said.outcome);
    assert_eq!(said.round_trips, Some(6));
    let target = [mailserver("a", &address.replace("/ws/", "/wss/"))];
    let outcome = probe(&prober, &target, PATIENT).await.remove(0);
    match cfg!(feature = "tls") {
        true => assert!(matches!(outcome, Err(ProbeFailure::Other(_)))),
        false => {
            assert!(matches!(outcome, Err(ProbeFailure::Impossible(text)) if text.contains("tls")))
        }
    }
    // A plain mailserver is no web server.
    let plain = Peer::start(Manner::Good).await;
    let address = plain.multiaddr().replace("/p2p/", "/ws/p2p/");
    let outcome = probe(&prober, &[mailserver("a", &address)], SHORT)
        .await
        .remove(0);
    assert!(outcome.is_err(), "{outcome:?}");
}

#[actix::test]
async fn records_and_ip6_lead_to_the_peer_too() {
    let prober = own(Method::Auto, false).await;
    let Ok(peer) = Peer::start_at("[::1]:0", secp256k1(7), Manner::Good).await else {
        return eprintln!("skipped: this machine has no IPv6");
    };
    let key = enr::k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let mut record = enr::Enr::builder();
    record.ip6("::1".parse().unwrap()).tcp6(peer.address.port());
    // Nobody is at the other endpoint of it.
    record.ip4([127, 0, 0, 1].into()).tcp4(1);
    let record = record.build(&key).unwrap().to_base64();
    for address in [peer.multiaddr(), record] {
        let target = [mailserver("a", &address)];
        assert_eq!(target[0].identity.as_str(), peer.peer_id);
        let outcomes = probe(&prober, &target, PATIENT).await;
        assert!(outcomes[0].is_ok(), "{outcomes:?}");
    }
    assert_eq!(peer.accepted(), 2);
}

/// Mailservers that all take so long for each answer.
fn slow(mailservers: usize, latency: Duration) -> Simulation {
    let settings = Settings {
        mailservers,
        latencies: vec![latency],
        ..Settings::new(Mode::Waku2)
    };
    Simulation::start(settings).unwrap()
}

#[actix::test]
async fn a_probe_waits_as_often_as_it_says() {
    const LATENCY: Duration = Duration::from_millis(400);
    let simulation = slow(1, LATENCY);
    let target = targets(&simulation);
    for (identify, round_trips) in [(false, 4), (true, 5)] {
        let prober = own(Method::Auto, identify).await;
        let begun = Instant::now();
        let said = order(&prober, &target, PATIENT, false)
            .await
            .said(&target[0]);
        let took = begun.elapsed();
        assert!(
            said.outcome.clone().unwrap() >= LATENCY,
            "{:?}",
            said.outcome
        );
        assert_eq!(said.round_trips, Some(round_trips));
        // The system agrees to a connect at once: the other waits are the mailserver's.
        let expected = (round_trips - 1) * LATENCY..round_trips * LATENCY;
        assert!(expected.contains(&took), "{took:?}");
    }
}

#[actix::test]
async fn twenty_at_once_each_show_their_latency() {
    const LATENCY: Duration = Duration::from_millis(50);
    let simulation = slow(20, LATENCY);
    let targets = targets(&simulation);
    let prober = own(Method::Auto, false).await;
    let mut outcomes = probe(&prober, &targets, PATIENT).await;
    outcomes.sort_by_key(|outcome| outcome.clone().unwrap());
    assert!(*outcomes[0].as_ref().unwrap() >= LATENCY, "{outcomes:?}");
    eprintln!("median {:?}", outcomes[10]);
}
