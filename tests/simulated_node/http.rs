//! The HTTP side: envelopes, content types, the signal socket, stopping and starting.

use std::time::Duration;

use actors::model::node::Mode::{Observe, Pin, Waku1, Waku2};
use mailserver_sidecar::sim::RpcFault;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::rig::{LONG, Rig};

const JSON: &str = "application/json";

#[actix::test]
async fn envelopes_are_those_recorded() {
    let rig = Rig::start(Waku1);
    let expected = [
        (
            r#"{"jsonrpc":"2.0","id":"abc","method":"wakuext_echo","params":["x"]}"#,
            r#"{"jsonrpc":"2.0","id":"abc","result":"x"}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"wakuext_echo","params":["x"]}"#,
            r#"{"jsonrpc":"2.0","id":0,"result":"x"}"#,
        ),
        (
            r#"{"method":"wakuext_echo","params":["x"]}"#,
            r#"{"jsonrpc":"2.0","id":0,"result":"x"}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":"wakuext_echo"}"#,
            r#"{"jsonrpc":"2.0","id":5,"error":{"code":-32602,"message":"missing value for required argument 0"}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"#,
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32700,"message":"unexpected end of JSON input"}}"#,
        ),
        (
            "{}",
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32600,"message":"invalid request"}}"#,
        ),
        (
            "5",
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32700,"message":"json: cannot unmarshal number into Go value of type rpc.jsonrpcRequest"}}"#,
        ),
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"wakuext_echo","params":["x"]},{"jsonrpc":"2.0","id":2,"method":"nope_x","params":[]}]"#,
            r#"[{"jsonrpc":"2.0","id":1,"result":"x"},{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"the method nope_x does not exist/is not available"}}]"#,
        ),
    ];
    for (body, answer) in expected {
        assert_eq!(rig.post(JSON, body).await, (200, answer.to_owned()));
    }
}

#[actix::test]
async fn classic_nodes_want_json_by_name() {
    let rig = Rig::start(Waku1);
    let call = r#"{"id":1,"method":"wakuext_echo","params":["x"]}"#;
    let refused = (
        415,
        "invalid content type, only application/json is supported\n".to_owned(),
    );
    assert_eq!(rig.post("text/plain", call).await, refused);
    assert_eq!(
        rig.post("application/json; charset=utf-8", call).await.0,
        200
    );
}

#[actix::test]
async fn a_subscriber_that_does_not_read_freezes_the_node_until_it_is_gone() {
    let rig = Rig::start(Pin);
    let deaf = rig.signals().await;
    // More than the buffers of both sides take.
    let frame = format!(r#"{{"type":"wallet","event":"{}"}}"#, "x".repeat(100_000));
    for _ in 0..300 {
        rig.sim.send_frame(frame.as_str());
    }
    let call = rig.ok("web3_clientVersion", json!([]));
    assert!(
        tokio::time::timeout(Duration::from_millis(200), call)
            .await
            .is_err()
    );
    drop(deaf);
    rig.ok("web3_clientVersion", json!([])).await;
}

#[actix::test]
async fn a_subscriber_that_does_not_read_is_cut_off_by_a_node_since_mid_2026() {
    let rig = Rig::start(Observe);
    let mut deaf = rig.signals().await;
    let frame = format!(r#"{{"type":"wallet","event":"{}"}}"#, "x".repeat(100_000));
    for _ in 0..300 {
        rig.sim.send_frame(frame.as_str());
    }
    rig.ok("web3_clientVersion", json!([])).await;
    rig.until("it is given up", |sim| sim.subscribers() == 0)
        .await;
    assert!(deaf.closed().await);
}

#[actix::test]
async fn a_large_signal_arrives_in_one_frame() {
    let rig = Rig::start(Waku2);
    let mut signals = rig.signals().await;
    rig.sim.send_huge_signal(5);
    let event = signals.next("messages.new").await;
    assert!(event["messages"].as_array().unwrap().len() > 50_000);
}

#[actix::test]
async fn a_stopped_node_refuses_and_comes_back_on_the_same_port() {
    let rig = Rig::start(Waku2);
    rig.dial(0).await;
    rig.sim.publish("before");
    rig.until("delivered", |sim| sim.missing().is_empty()).await;
    let _signals = rig.signals().await;
    let url: url::Url = rig.sim.rpc_url().parse().unwrap();
    let place = ("127.0.0.1", url.port().unwrap());
    rig.sim.stop_node().await;
    assert!(TcpStream::connect(place).await.is_err());
    rig.until("sockets are cut", |sim| sim.subscribers() == 0)
        .await;
    rig.sim.publish("while it was away");
    rig.sim.start_node().unwrap();
    assert_eq!(rig.ok("wakuext_peers", json!([])).await, json!({}));
    assert_eq!(rig.sim.missing(), ["while it was away"]);
}

#[actix::test]
async fn the_http_side_can_hang_or_talk_html() {
    let rig = Rig::start(Waku1);
    rig.sim
        .set_rpc_fault(RpcFault::Html("<html>no</html>".into()));
    assert_eq!(
        rig.post(JSON, "{}").await,
        (200, "<html>no</html>".to_owned())
    );
    rig.sim.set_rpc_fault(RpcFault::Hangs);
    let hanging = tokio::time::timeout(Duration::from_millis(50), rig.post(JSON, "{}"));
    assert!(hanging.await.is_err());
    rig.sim.set_rpc_fault(RpcFault::None);
    rig.ok("admin_peers", json!([])).await;
}

#[actix::test]
async fn the_journal_tells_what_was_asked() {
    let rig = Rig::start(Waku2);
    rig.ok("wakuext_setMailserver", json!(["x"])).await;
    let asked = rig.sim.wait_for(LONG, |sim| sim.journal().len() == 1).await;
    assert!(asked);
    let call = &rig.sim.journal()[0];
    assert_eq!(
        (call.method.as_str(), &call.params),
        ("wakuext_setMailserver", &json!(["x"]))
    );
    rig.sim.clear_journal();
    assert!(rig.sim.journal().is_empty());
}

#[actix::test]
async fn the_fleet_file_names_every_mailserver_in_the_schema_of_the_mode() {
    for mode in [Waku1, Waku2, Pin, Observe] {
        let rig = Rig::start(mode);
        let file: Value = serde_json::from_str(&rig.sim.fleet_file_json()).unwrap();
        let first = rig.mailserver(0);
        if mode == Waku1 {
            assert_eq!(file["fleets"]["sim.test"]["mail"][&first.id], first.address);
        } else {
            let stores = &file["sim.test"]["storeNodes"];
            assert_eq!(
                stores[0],
                json!({"id": first.id, "addr": first.address, "fleet": "sim.test"})
            );
            assert_eq!(stores.as_array().unwrap().len(), 3);
        }
    }
}
