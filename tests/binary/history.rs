//! Requests for history that come to nothing.

use serde_json::Value;

use crate::{
    foreign_node::{ForeignNode, Generation},
    sidecar::{Event, Sidecar, run},
    waiting::until,
};

const IMPATIENT: [&str; 3] = [
    "history.timeout=300ms",
    "history.retry_initial=50ms",
    "history.retry_max=200ms",
];

fn requests(node: &ForeignNode) -> usize {
    let calls = node.driving_calls();
    let wanted = calls
        .iter()
        .filter(|it| it.method.ends_with("HistoricMessages"));
    wanted.count()
}

/// v0.94 may never answer a request for history: neither the loop nor the next request waits for it.
#[actix::test]
async fn requests_that_never_return_do_not_block_the_loop() {
    for generation in [Generation::Waku1, Generation::Waku2] {
        let node = ForeignNode::start(generation, 4);
        node.state().history_hangs = true;
        let sidecar = Sidecar::serve(&node, &[]).await;
        let asked = |it: &Event| it.name == "history:requested";
        let first = sidecar.event(0, "history is asked for", asked).await;
        let first = first.mailserver().unwrap().to_owned();
        until("the request is on the wire", || requests(&node) == 1).await;
        let before = sidecar.now();
        node.state().history_hangs = false;
        node.lose(node.index_of(&first));
        assert_ne!(sidecar.settled(before).await, first, "{generation:?}");
    }
}

#[actix::test]
async fn after_some_failures_another_mailserver_is_chosen() {
    for generation in [Generation::Waku1, Generation::Waku2] {
        let node = ForeignNode::start(generation, 4);
        node.state().history_hangs = true;
        let sidecar = Sidecar::serve(&node, &IMPATIENT).await;
        let available = |it: &Event| it.name == "mailserverAvailable";
        let first = sidecar.event(0, "one is available", available).await;
        let other = |it: &Event| available(it) && it.mailserver() != first.mailserver();
        sidecar.event(0, "another is available", other).await;
        assert!(!sidecar.told(&["history:failed"]).is_empty());
        node.state().history_hangs = false;
        sidecar.settled(0).await;
    }
}

/// The node was asked, and has to be asked once more, because it did not ask its mailserver by itself.
#[actix::test]
async fn a_node_with_a_cycle_that_does_not_ask_is_asked() {
    let node = ForeignNode::start(Generation::Pin, 3);
    node.state().asks_itself = false;
    let sidecar = Sidecar::serve(&node, &[]).await;
    sidecar.settled(0).await;
    let calls = node.driving_calls();
    let last = calls.last().unwrap();
    assert_eq!(last.method, "wakuext_requestAllHistoricMessages");
    assert_eq!(last.params, serde_json::json!([false]));
}

/// `history --json` of the same binary.
async fn told(sidecar: &Sidecar) -> Value {
    let listen = format!("control.listen={}", sidecar.address);
    let (code, text, error) = run(&["--set", &listen, "history", "--json"]).await;
    assert_eq!(code, 0, "{error}");
    serde_json::from_str(&text).unwrap()
}

/// No mailserver is left, and one comes back: people see what may have been missed, and that it was fetched.
#[actix::test]
async fn the_command_shows_the_window_opened_and_covered() {
    let node = ForeignNode::start(Generation::Waku2, 2);
    // Nobody can be asked for a second opinion: these mailservers are doors.
    let sidecar = Sidecar::serve(&node, &["audit.enabled=false"]).await;
    sidecar.settled(0).await;
    let before = sidecar.now();
    node.kill(0);
    node.kill(1);
    let opened = |it: &Event| it.name == "window:opened";
    let opened = sidecar.event(before, "a window is opened", opened).await;
    let number = opened.data["window"].clone();
    let open = told(&sidecar).await["open"].take();
    assert_eq!(open.as_array().unwrap().len(), 1, "{open}");
    let window = &open[0];
    assert_eq!(
        (&window["id"], &window["state"]["state"]),
        (&number, &"open".into())
    );
    let reasons = window["reasons"].as_array().unwrap();
    assert!(reasons.contains(&opened.data["reason"]), "{window}");
    let listen = format!("control.listen={}", sidecar.address);
    let (_, page, _) = run(&["--set", &listen, "history"]).await;
    assert!(page.contains("; 1 window open since "), "{page}");
    node.revive(1);
    let covered = |it: &Event| it.name == "window:covered" && it.data["window"] == number;
    sidecar.event(before, "it is covered", covered).await;
    let history = told(&sidecar).await;
    let window = &history["recent"][0];
    assert_eq!(
        (&window["id"], &window["state"]["state"]),
        (&number, &"covered".into())
    );
    let reasons = window["reasons"].as_array().unwrap();
    assert!(reasons.contains(&"mailserver_changed".into()), "{window}");
    assert_eq!(window["attempts"][0]["mailserver"], node.id(1));
    assert!(history["covered_until_ms"].as_u64() >= window["until_ms"].as_u64());
}
