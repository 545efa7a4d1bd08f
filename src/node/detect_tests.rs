use super::*;

fn waku(network: Network) -> Facts {
    Facts {
        network: Some(network),
        ..Facts::default()
    }
}

#[test]
fn asks_only_what_it_needs() {
    assert_eq!(decide(&Facts::default()), Step::Ask(Question::Network));
    assert_eq!(
        decide(&waku(Network::Waku1)),
        Step::Ask(Question::UpdateMailservers)
    );
    assert_eq!(
        decide(&waku(Network::Waku2)),
        Step::Ask(Question::SetMailserver)
    );
    let modern = Facts {
        set_mailserver: Some(false),
        ..waku(Network::Waku2)
    };
    assert_eq!(decide(&modern), Step::Ask(Question::SetPinned));
    let cycling = Facts {
        own_cycle: true,
        ..waku(Network::Waku2)
    };
    assert_eq!(decide(&cycling), Step::Ask(Question::SetPinned));
}

#[test]
fn every_generation_has_its_mode() {
    let settled_as = |facts| match decide(&facts) {
        Step::Settled(mode, generation) => (mode, generation),
        Step::Ask(question) => panic!("asks {question:?}"),
    };
    let settled = |facts| settled_as(facts).0;
    let (waku1, waku2) = (waku(Network::Waku1), waku(Network::Waku2));
    assert_eq!(
        settled(Facts {
            update_mailservers: Some(true),
            ..waku1.clone()
        }),
        Mode::Waku1
    );
    assert_eq!(
        settled(Facts {
            set_mailserver: Some(true),
            ..waku2.clone()
        }),
        Mode::Waku2
    );
    let gone = Facts {
        set_mailserver: Some(false),
        ..waku2.clone()
    };
    assert_eq!(
        settled(Facts {
            set_pinned: Some(true),
            ..gone.clone()
        }),
        Mode::Pin
    );
    let leverless = Facts {
        set_pinned: Some(false),
        ..gone
    };
    let question = Step::Ask(Question::DisconnectActive);
    assert_eq!(decide(&leverless), question);
    for (disconnect_active, generation) in
        [(true, Generation::OwnCycle), (false, Generation::PerQuery)]
    {
        let facts = Facts {
            disconnect_active: Some(disconnect_active),
            ..leverless.clone()
        };
        assert_eq!(settled_as(facts), (Mode::Observe, generation));
    }
    // A classic node with its own cycle on is never driven by the classic methods.
    let classic = Facts {
        own_cycle: true,
        set_mailserver: Some(true),
        update_mailservers: Some(true),
        ..waku2
    };
    assert_eq!(
        settled(Facts {
            set_pinned: Some(true),
            ..classic.clone()
        }),
        Mode::Pin
    );
    assert_eq!(
        settled(Facts {
            set_pinned: Some(false),
            ..classic
        }),
        Mode::Observe
    );
    assert_eq!(
        settled(Facts {
            own_cycle: true,
            ..waku1
        }),
        Mode::Observe
    );
}

#[test]
fn a_configured_mode_is_obeyed_and_doubted() {
    let waku2 = Cluster {
        waku2: Some(true),
        ..Cluster::default()
    };
    assert_eq!(obey(ConfiguredMode::Auto, &waku2), None);
    let (driving, doubt) = obey(ConfiguredMode::Waku1, &waku2).unwrap();
    assert_eq!(
        driving,
        Driving {
            mode: Mode::Waku1,
            generation: Generation::Classic,
            network: Network::Waku1
        }
    );
    assert!(doubt.is_some());
    assert_eq!(obey(ConfiguredMode::Waku2, &waku2).unwrap().1, None);
    let waku1 = Cluster {
        waku2: Some(false),
        ..Cluster::default()
    };
    assert_eq!(
        obey(ConfiguredMode::Observe, &waku1).unwrap().0.network,
        Network::Waku1
    );
}
