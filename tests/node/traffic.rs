//! What is told of the calls to the node.

use std::{rc::Rc, time::Duration};

use ::actors::messages::node::{CallOutcomes, GetTraffic, MOST_METHODS, OTHER_METHODS, Traffic};
use actix::{Actor as _, Addr};
use mailserver_sidecar::node::{Driver, RpcClient};
use serde_json::{Value, json};

use crate::{
    ears::Pins,
    scripted::{Node, Reply},
};

/// A driver that was never attached, which calls nothing, and the client that it shares its counters with.
fn idle(node: &Node) -> (Addr<Driver>, RpcClient) {
    let rpc = node.rpc();
    let limit = Duration::from_secs(1);
    let driver = Driver::new(node.polled(), rpc.clone(), Rc::new(Pins::default()), limit);
    (driver.start(), rpc)
}

async fn traffic(driver: &Addr<Driver>) -> Traffic {
    driver.send(GetTraffic).await.unwrap()
}

#[actix::test]
async fn what_became_of_the_calls_is_told_by_method() {
    let node = Node::start(|method, params| match (method, params[0].as_str()) {
        ("reads", Some("refused")) => Some(Reply::Error(-32000, "no")),
        ("reads", Some("garbled")) => Some(Reply::Body("<html>".into())),
        ("reads", Some("hangs")) => Some(Reply::Hang),
        ("reads", _) => Some(Reply::Result(Value::Null)),
        _ => None,
    })
    .await;
    let (driver, rpc) = idle(&node);
    let short = Duration::from_millis(50);
    for params in [json!([]), json!([]), json!(["refused"]), json!(["garbled"])] {
        let _ = rpc.call::<Value>("reads", params).await;
    }
    let _ = rpc
        .call_with_timeout::<Value>("reads", json!(["hangs"]), short)
        .await;
    let _ = rpc.call::<Value>("unknown", json!([])).await;
    let told = traffic(&driver).await;
    let reads = CallOutcomes {
        ok: 2,
        error: 1,
        timeout: 1,
        unreachable: 1,
    };
    assert_eq!(told.rpc["reads"], reads);
    let refused = CallOutcomes {
        error: 1,
        ..CallOutcomes::default()
    };
    assert_eq!(told.rpc["unknown"], refused);
    assert_eq!((told.rpc_calls, told.rpc_failures), (6, 4));
}

#[actix::test]
async fn methods_beyond_the_limit_are_counted_together() {
    let node = Node::start(|_, _| None).await;
    let (driver, rpc) = idle(&node);
    for number in 0..MOST_METHODS + 2 {
        for _ in 0..2 {
            let method = format!("method{number}");
            let _ = rpc.call::<Value>(&method, json!([])).await;
        }
    }
    let told = traffic(&driver).await;
    assert_eq!(told.rpc.len(), MOST_METHODS + 1);
    let errors = |method: &str| told.rpc[method].error;
    assert_eq!((errors("method0"), errors(OTHER_METHODS)), (2, 4));
}

#[actix::test]
async fn a_call_is_under_way_until_it_ends_or_nobody_waits_for_it() {
    let node = Node::start(|_, _| Some(Reply::Hang)).await;
    let (driver, rpc) = idle(&node);
    let long = Duration::from_secs(60);
    let mut ends = Box::pin(rpc.call_with_timeout::<Value>("a", json!([]), Duration::ZERO));
    let mut given_up = Box::pin(rpc.call_with_timeout::<Value>("b", json!([]), long));
    let _ = futures_util::poll!(&mut given_up);
    assert_eq!(traffic(&driver).await.rpc_under_way, 1);
    assert!((&mut ends).await.is_err());
    assert_eq!(traffic(&driver).await.rpc_under_way, 1);
    drop(given_up);
    let told = traffic(&driver).await;
    assert_eq!((told.rpc_under_way, told.rpc_calls), (0, 2));
}
