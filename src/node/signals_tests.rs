use super::*;

#[test]
fn the_type_is_seen_before_the_rest_has_arrived() {
    assert_eq!(peek(br#"{"type":"wallet","eve"#), Peek::Foreign);
    assert_eq!(
        peek(br#"{"type":"wakuv2.peerstats","#),
        Peek::Wanted(Kind::PeerStats)
    );
    assert_eq!(
        peek(b" {\n \"type\" : \"node.login\""),
        Peek::Wanted(Kind::NodeLogin)
    );
    for part in ["", "{", "{\"ty", r#"{"type""#, r#"{"type":"messag"#] {
        assert_eq!(peek(part.as_bytes()), Peek::NeedMore, "{part}");
    }
    assert_eq!(peek(br#"{"event":{"#), Peek::Unordered);
    for junk in ["hello", "[1]", "{}", r#"{"type":5}"#, "5"] {
        assert_eq!(peek(junk.as_bytes()), Peek::Malformed, "{junk}");
    }
    assert_eq!(peek(&[b' '; HEAD]), Peek::Malformed);
}

#[test]
fn foreign_signals_are_not_parsed() {
    assert_eq!(
        read(br#"{"type":"wallet","event":{not json at all"#),
        Ok(None)
    );
    assert_eq!(
        read(br#"{"type":"wakuv2\u002epeerstats","event":5"#),
        Ok(None)
    );
}

#[test]
fn a_host_application_may_write_the_event_first() {
    assert_eq!(
        read(br#"{"event":null,"type":"node.login"}"#),
        Ok(Some(Signal::LoggedIn))
    );
    assert_eq!(read(br#"{"event":null,"type":"wallet"}"#), Ok(None));
}

#[test]
fn no_peers_in_every_form() {
    let none = |online| {
        Ok(Some(Signal::Peers(PeerSnapshot {
            online,
            ..PeerSnapshot::default()
        })))
    };
    for event in ["[]", "null"] {
        assert_eq!(
            read(format!(r#"{{"type":"discovery.summary","event":{event}}}"#).as_bytes()),
            none(None)
        );
    }
    for peers in ["{}", "null"] {
        let text = format!(
            r#"{{"type":"wakuv2.peerstats","event":{{"isOnline":false,"peers":{peers}}}}}"#
        );
        assert_eq!(read(text.as_bytes()), none(Some(false)));
    }
    assert!(read(br#"{"type":"wakuv2.peerstats","event":{"peers":5}}"#).is_err());
    assert!(read(br#"{"type":"discovery.summary","event":{}}"#).is_err());
}

#[test]
fn three_words_for_the_connection_and_no_others() {
    let said = |event: &str| {
        read(format!(r#"{{"type":"waku.connection.status.change","event":{event}}}"#).as_bytes())
    };
    for (word, connectedness) in [
        ("disconnected", Connectedness::Disconnected),
        ("partiallyConnected", Connectedness::PartiallyConnected),
        ("connected", Connectedness::Connected),
    ] {
        let event = format!(r#"{{"status":"{word}","isOnline":true}}"#);
        assert_eq!(said(&event), Ok(Some(Signal::Connection(connectedness))));
    }
    for event in ["null", "{}", r#"{"status":"fine"}"#, r#"{"isOnline":true}"#] {
        assert!(said(event).is_err(), "{event}");
    }
}

#[test]
fn history_goes_on_with_and_without_ids() {
    let reset = br#"{"type":"history.request.failed","event":{"requestId":"c0","batchIndex":0,"errorMessage":"stream reset"}}"#;
    assert_eq!(
        read(reset),
        Ok(Some(Signal::History(HistorySignal::Failed {
            reason: "stream reset".into()
        })))
    );
    let done = br#"{"type":"history.request.completed","event":{"requestId":"","peerId":"","batchIndex":0}}"#;
    assert_eq!(
        read(done),
        Ok(Some(Signal::History(HistorySignal::Completed)))
    );
    assert_eq!(
        read(br#"{"type":"history.request.batch.processed","event":{}}"#),
        Ok(None)
    );
}

#[test]
fn messages_are_counted_and_other_news_are_none() {
    let told = |event: &str| match read(
        format!(r#"{{"type":"messages.new","event":{event}}}"#).as_bytes(),
    ) {
        Ok(Some(Signal::Messages(arrived))) => arrived.map(|it| it.messages),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        told(r#"{"chats":[{"id":"c"}],"messages":[{"id":"1"},{"id":"2","contentType":1}]}"#),
        Some(2)
    );
    for none in ["null", "{}", r#"{"messages":null,"communities":[{}]}"#] {
        assert_eq!(told(none), None, "{none}");
    }
    for odd in [r#"{"messages":7}"#, r#"{"messages":[7]}"#, "7"] {
        let text = format!(r#"{{"type":"messages.new","event":{odd}}}"#);
        assert!(read(text.as_bytes()).is_err(), "{odd}");
    }
}

#[test]
fn switches_of_2022_and_2024() {
    let switched = |event: &str| match read(
        format!(r#"{{"type":"mailserver.changed","event":{event}}}"#).as_bytes(),
    ) {
        Ok(Some(Signal::Switched(switched))) => {
            (switched.identity.map(|id| id.to_string()), switched.id)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(switched(r#"{"address":null,"id":""}"#), (None, None));
    assert_eq!(switched(r#"{"address":""}"#), (None, None));
    assert_eq!(
        switched(r#"{"address":"/ip4/127.0.0.1/tcp/61004/p2p/16Uiu2HAm59","id":"rig-store-4"}"#),
        (Some("16Uiu2HAm59".into()), Some("rig-store-4".into()))
    );
    assert_eq!(
        switched(r#"{"address":"16Uiu2HAm59"}"#),
        (Some("16Uiu2HAm59".into()), None)
    );
}
