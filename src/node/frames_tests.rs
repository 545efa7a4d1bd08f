use super::*;
use crate::node::signals::{LONGEST_MESSAGES, LONGEST_SIGNAL};

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..126 => bytes.push(length as u8),
        length @ ..65536 => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

fn text(payload: &[u8]) -> Vec<u8> {
    frame(0x81, payload)
}

/// Feeds bytes in pieces of a size, and collects what comes out.
fn feed(codec: &mut SignalCodec, bytes: &[u8], piece: usize) -> Result<Vec<Incoming>, FrameError> {
    let (mut source, mut items) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        source.extend_from_slice(piece);
        while let Some(item) = codec.decode(&mut source)? {
            items.push(item);
        }
    }
    Ok(items)
}

const PEERS: &[u8] =
    br#"{"type":"wakuv2.peerstats","event":{"isOnline":true,"peers":{"16Uiu2":[]}}}"#;
const LOGIN: &[u8] = br#"{"type":"node.login","event":{}}"#;

fn peers() -> Incoming {
    Incoming::Signal(Some(Kind::PeerStats), PEERS.to_vec())
}

#[test]
fn whatever_the_pieces_the_signals_are_the_same() {
    let foreign = format!(r#"{{"type":"wallet","event":"{}"}}"#, "x".repeat(70_000));
    let mut bytes = text(PEERS);
    bytes.extend(text(foreign.as_bytes()));
    bytes.extend(text(b"junk"));
    bytes.extend(text(b""));
    bytes.extend(frame(0x82, PEERS));
    bytes.extend(text(LOGIN));
    for piece in [1, 2, 7, 512, 4096, bytes.len()] {
        let mut codec = SignalCodec::default();
        let items = feed(&mut codec, &bytes, piece).unwrap();
        assert_eq!(
            items,
            [
                peers(),
                Incoming::Signal(Some(Kind::NodeLogin), LOGIN.to_vec())
            ],
            "pieces of {piece}"
        );
        let counts = (
            codec.counts().received(),
            codec.counts().skipped(),
            codec.counts().malformed(),
        );
        assert_eq!(counts, (6, 1, 3), "pieces of {piece}");
    }
}

/// Receives a signal of 50 MB that begins like this: what comes of it, and the most bytes that were held.
fn fifty_megabytes(codec: &mut SignalCodec, head: &[u8]) -> (Option<Incoming>, usize) {
    let mut source = BytesMut::with_capacity(64 * 1024);
    let length: u64 = 50 * 1024 * 1024;
    source.extend_from_slice(&[0x81, 127]);
    source.extend_from_slice(&length.to_be_bytes());
    source.extend_from_slice(head);
    let (mut left, chunk) = (length as usize - head.len(), vec![b'x'; 60_000]);
    let mut most = 0;
    while left > 0 {
        assert!(codec.decode(&mut source).unwrap().is_none());
        let next = left.min(chunk.len());
        source.extend_from_slice(&chunk[..next]);
        left -= next;
        most = most.max(codec.buffered() + source.capacity());
    }
    (codec.decode(&mut source).unwrap(), most)
}

#[test]
fn fifty_megabytes_nobody_needs_are_never_held() {
    let mut codec = SignalCodec::default();
    let (come, most) = fifty_megabytes(&mut codec, br#"{"type":"wallet","event":""#);
    assert_eq!(come, None);
    assert_eq!(
        (codec.counts().received(), codec.counts().skipped()),
        (1, 1)
    );
    assert!(most <= 128 * 1024, "{most} bytes held");
    assert_eq!(feed(&mut codec, &text(PEERS), 9).unwrap(), [peers()]);
}

#[test]
fn fifty_megabytes_of_messages_are_told_and_never_held() {
    let mut codec = SignalCodec::default();
    let (come, most) = fifty_megabytes(&mut codec, br#"{"type":"messages.new","event":""#);
    assert_eq!(come, Some(Incoming::Overlong(Kind::MessagesNew)));
    let counts = codec.counts();
    assert_eq!(
        (counts.received(), counts.skipped(), counts.malformed()),
        (1, 0, 0)
    );
    assert!(most <= 128 * 1024, "{most} bytes held");
    assert_eq!(feed(&mut codec, &text(PEERS), 9).unwrap(), [peers()]);
}

#[test]
fn messages_are_kept_up_to_a_length_and_in_fragments_too() {
    let signal = |length: usize| {
        let (head, tail) = (r#"{"type":"messages.new","event":""#, r#""}"#);
        let filler = "x".repeat(length - head.len() - tail.len());
        format!("{head}{filler}{tail}").into_bytes()
    };
    let (fits, exceeds) = (signal(LONGEST_MESSAGES), signal(LONGEST_MESSAGES + 1));
    let kept = Incoming::Signal(Some(Kind::MessagesNew), fits.clone());
    let overlong = || Incoming::Overlong(Kind::MessagesNew);
    let in_two = |signal: &[u8]| {
        let (first, rest) = signal.split_at(signal.len() / 2);
        [frame(0x01, first), frame(0x80, rest)].concat()
    };
    let bytes = [text(&fits), text(&exceeds), in_two(&exceeds), text(PEERS)].concat();
    let items = feed(&mut SignalCodec::default(), &bytes, 60_000).unwrap();
    assert_eq!(items, [kept, overlong(), overlong(), peers()]);
}

#[test]
fn a_needed_signal_without_end_is_dropped_and_the_next_one_read() {
    let mut codec = SignalCodec::default();
    let endless = format!(
        r#"{{"type":"wakuv2.peerstats","event":"{}"}}"#,
        "x".repeat(LONGEST_SIGNAL)
    );
    let unordered = format!(
        r#"{{"event":"{}","type":"node.login"}}"#,
        "x".repeat(LONGEST_UNORDERED)
    );
    let mut bytes = text(endless.as_bytes());
    bytes.extend(text(unordered.as_bytes()));
    bytes.extend(text(LOGIN));
    assert_eq!(feed(&mut codec, &bytes, 60_000).unwrap().len(), 1);
    assert_eq!(codec.counts().malformed(), 2);
    assert_eq!(codec.buffered(), 0);
}

#[test]
fn fragments_are_put_together_with_control_frames_between_them() {
    let (first, rest) = PEERS.split_at(5);
    let mut bytes = frame(0x01, first);
    bytes.extend(frame(0x89, b"are you there"));
    bytes.extend(frame(0x00, &rest[..20]));
    bytes.extend(frame(0x8a, b""));
    bytes.extend(frame(0x80, &rest[20..]));
    bytes.extend(frame(0x88, &1000_u16.to_be_bytes()));
    let items = feed(&mut SignalCodec::default(), &bytes, 3).unwrap();
    assert_eq!(
        items,
        [
            Incoming::Ping(Bytes::from_static(b"are you there")),
            peers(),
            Incoming::Close
        ]
    );
}

#[test]
fn what_no_server_may_send_ends_the_connection() {
    let mut masked = text(b"{}");
    masked[1] |= 0x80;
    let within = [frame(0x01, b"{"), text(b"{}")].concat();
    let broken: [Vec<u8>; 7] = [
        frame(0xc1, b"{}"),        // reserved bit
        frame(0x83, b"{}"),        // reserved opcode
        frame(0x80, b"{}"),        // continuation of nothing
        frame(0x09, b"ping"),      // control frame in fragments
        frame(0x89, &[b'p'; 126]), // control frame too long
        masked,
        within,
    ];
    for bytes in broken {
        assert!(
            matches!(
                feed(&mut SignalCodec::default(), &bytes, 64),
                Err(FrameError::Protocol(_))
            ),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_pong_is_masked_and_says_what_the_ping_said() {
    let mut out = BytesMut::new();
    SignalCodec::default()
        .encode(Outgoing::Pong(Bytes::from_static(b"hello")), &mut out)
        .unwrap();
    assert_eq!(&out[..2], [0x8a, 0x85]);
    let plain: Vec<u8> = out[6..]
        .iter()
        .zip(out[2..6].iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
        .collect();
    assert_eq!(plain, b"hello");
    let long = Outgoing::Pong(Bytes::from(vec![0; 126]));
    assert!(SignalCodec::default().encode(long, &mut out).is_err());
}
