//! Frames that nobody should have sent.

use crate::{
    foreign_node::{ForeignNode, Frame, Generation},
    sidecar::{Event, Sidecar},
    waiting::until,
};

/// The most memory that the process may ever have, in MiB. Without optimisation the program itself takes
/// more; a frame of 50 MB that is kept would be seen all the same.
const MOST_MEMORY: u64 = if cfg!(debug_assertions) { 40 } else { 20 };

const MEBIBYTE: usize = 1 << 20;

/// A chat signal of this size.
fn huge(bytes: usize) -> String {
    let message = r#"{"id":"0x00","text":"lorem ipsum","contentType":1},"#;
    let messages = message.repeat(bytes / message.len());
    let messages = messages.trim_end_matches(',');
    format!(r#"{{"type":"messages.new","event":{{"messages":[{messages}]}}}}"#)
}

fn junk() -> Vec<Frame> {
    let text = |text: &str| Frame::Text(text.to_owned());
    vec![
        text(""),
        text("hello"),
        text("[]"),
        text("{}"),
        text("{\"type\":\"wakuv2.peerstats\",\"event\":"),
        text("{\"type\":\"wakuv2.peerstats\",\"event\":7}"),
        text("{\"type\":\"discovery.summary\",\"event\":{\"a\":1}}"),
        text("{\"type\":\"mailserver.changed\",\"event\":[]}"),
        text("{\"type\":null}"),
        text("{\"type\":\"\u{1f980}\",\"event\":\"\u{1f980}\"}"),
        Frame::Binary(vec![0, 159, 146, 150]),
        Frame::Binary(vec![0; MEBIBYTE]),
        Frame::Text("x".repeat(MEBIBYTE)),
        Frame::Ping,
        Frame::Fragments(
            ["{\"type\":\"wall", "et\",\"event\":", "{}}"]
                .map(str::to_owned)
                .to_vec(),
        ),
    ]
}

#[actix::test]
async fn junk_is_skipped_and_the_loop_goes_on() {
    let node = ForeignNode::start(Generation::Waku2, 4);
    let sidecar = Sidecar::serve(&node, &[]).await;
    let first = sidecar.settled(0).await;
    node.until_subscribed().await;
    for frame in junk() {
        node.send(frame);
    }
    // Pings are answered only after everything before them was read.
    until("pings are answered", || node.state().pongs >= 3).await;
    assert_eq!(sidecar.changes().len(), 1);
    let before = sidecar.now();
    node.lose(node.index_of(&first));
    let second = sidecar.settled(before).await;
    assert_ne!(first, second);
    assert!(
        sidecar.peak_memory() < MOST_MEMORY,
        "{}",
        sidecar.peak_memory()
    );
}

#[actix::test]
async fn frames_of_50_megabytes_cost_no_memory() {
    let node = ForeignNode::start(Generation::Waku2, 4);
    let sidecar = Sidecar::serve(&node, &[]).await;
    let first = sidecar.settled(0).await;
    node.until_subscribed().await;
    let signal = huge(50_000_000);
    let half = signal.len() / 2;
    let halves = vec![signal[..half].to_owned(), signal[half..].to_owned()];
    node.send(Frame::Text(signal.clone()));
    node.send(Frame::Binary(signal.into_bytes()));
    node.send(Frame::Fragments(halves));
    node.send(Frame::Text(
        "{\"type\":\"wakuv2.peerstats\",\"event\":{\"peers\":{".repeat(MEBIBYTE),
    ));
    let before = sidecar.now();
    node.lose(node.index_of(&first));
    let other = |it: &Event| it.name == "mailserverAvailable";
    let second = sidecar.event(before, "another is available", other).await;
    assert_ne!(second.mailserver(), Some(&*first));
    assert!(
        sidecar.peak_memory() < MOST_MEMORY,
        "{}",
        sidecar.peak_memory()
    );
    assert_eq!(node.state().subscribers, 1);
}

#[actix::test]
async fn a_peer_list_in_fragments_is_read() {
    let node = ForeignNode::start(Generation::Waku2, 4);
    let sidecar = Sidecar::serve(&node, &[]).await;
    let first = sidecar.settled(0).await;
    node.until_subscribed().await;
    let identity = node.identity(node.index_of(&first));
    node.state().peers.remove(&identity);
    let signal = node.peers_signal();
    let parts = signal.as_bytes().chunks(7);
    let parts = parts
        .map(|it| String::from_utf8(it.to_vec()).unwrap())
        .collect();
    let before = sidecar.now();
    node.send(Frame::Fragments(parts));
    assert_ne!(sidecar.settled(before).await, first);
}
