//! `mailservers_ping` and `mailservers_multiAddressPing` of nodes up to v0.95, with their traps: a plain
//! TCP connect, answers in random order, one answer per host and port, whole milliseconds, and the call
//! takes as long as its slowest target.

use std::{collections::BTreeMap, net::SocketAddr, rc::Rc, time::Duration};

use futures_util::future::join_all;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{
    address,
    node::Node,
    rpc::{self, Answer, Refusal},
};

/// How the addresses of a ping are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    Enode,
    Multiaddr,
}

/// The answer of a target that did not answer.
const TIMED_OUT: &str = "tcp check timeout: I/O timeout";

/// Pings all addresses at once.
pub(crate) async fn ping(node: &Rc<Node>, params: &[Value], notation: Notation) -> Answer {
    rpc::check(params, &[rpc::Go::Struct("mailservers.PingQuery")])?;
    let (addresses, limit) = query(&params[0])?;
    let mut answers = Vec::new();
    let mut targets = BTreeMap::new();
    for text in addresses {
        let parsed = match notation {
            Notation::Enode => address::enode(&text).map(|enode| enode.address),
            Notation::Multiaddr => address::ping_target(&text),
        };
        match parsed {
            // The later one replaces an earlier one at the same place: that is the collapse.
            Ok(address) => drop(targets.insert(address, text)),
            Err(error) => answers.push(answer(&text, Err(&error))),
        }
    }
    let pings = targets.into_iter().map(|(address, text)| async move {
        let found = connect(node, address, limit).await;
        answer(&text, found)
    });
    answers.extend(join_all(pings).await);
    answers.shuffle(&mut *node.random.borrow_mut());
    Ok(Value::Array(answers))
}

fn answer(text: &str, found: Result<u64, &str>) -> Value {
    json!({"address": text, "rttMs": found.ok(), "error": found.err()})
}

/// A connect, made to last as long as the mailserver's latency: on one host it takes no time.
async fn connect(node: &Node, address: SocketAddr, limit: Duration) -> Result<u64, &'static str> {
    if !node.state.borrow().network {
        return Err("network is unreachable");
    }
    if limit.is_zero() {
        return Err(TIMED_OUT);
    }
    let begun = Instant::now();
    let mut near = node.mailservers.iter();
    let near = near.find(|mailserver| mailserver.address() == address);
    let latency = near.map_or(Duration::ZERO, |mailserver| mailserver.latency());
    let connecting = async {
        let stream = TcpStream::connect(address).await;
        if stream.is_ok() {
            sleep(latency).await;
        }
        stream
    };
    match timeout(limit, connecting).await {
        Ok(Ok(_)) => Ok(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)),
        Ok(Err(_)) => Err("connection refused"),
        Err(_) => Err(TIMED_OUT),
    }
}

/// The addresses and the limit. A missing limit, like one of 0 or less, fails everything.
fn query(value: &Value) -> Result<(Vec<String>, Duration), Refusal> {
    let addresses = &value["addresses"];
    if !addresses.is_array() && !addresses.is_null() {
        return Err(wrong_field(rpc::kind(addresses), "addresses", "[]string"));
    }
    let limit = &value["timeoutMs"];
    let milliseconds = match limit {
        Value::Null => 0,
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole,
            None => return Err(wrong_field(&format!("number {number}"), "timeoutMs", "int")),
        },
        other => return Err(wrong_field(rpc::kind(other), "timeoutMs", "int")),
    };
    let limit = Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
    Ok((rpc::texts(Some(addresses)), limit))
}

fn wrong_field(found: &str, field: &str, wanted: &str) -> Refusal {
    rpc::invalid(
        0,
        found,
        &format!("struct field PingQuery.{field} of type {wanted}"),
    )
}
