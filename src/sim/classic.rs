//! Methods of nodes up to v0.95, whose mailserver is chosen from outside.

use std::rc::Rc;

use actors::model::node::Mode;
use serde_json::{Value, json};

use super::{
    address, community, history,
    node::Node,
    ping::{self, Notation},
    rpc::{self, Answer, Go, Refusal},
};

/// Carries out a call that only these nodes have.
pub(crate) async fn call(node: &Rc<Node>, method: &str, params: &[Value]) -> Answer {
    match method {
        "mailservers_ping" => ping::ping(node, params, Notation::Enode).await,
        "mailservers_multiAddressPing" => ping::ping(node, params, Notation::Multiaddr).await,
        "mailservers_addMailserver" => add_mailserver(node, params),
        "settings_nodeConfig" => {
            rpc::check(params, &[])?;
            Ok(node_config(node))
        }
        "admin_addPeer" => peer(node, params, |enode| node.want(&enode.key, enode.address)),
        "admin_removePeer" => peer(node, params, |enode| node.leave(&enode.key)),
        "wakuext_updateMailservers" => update_mailservers(node, params),
        "wakuext_setMailserver" => {
            rpc::check(params, &[Go::Text])?;
            // Whatever it is: the error comes with the history request (recorded on v0.94).
            node.state.borrow_mut().used = Some(rpc::text(params, 0).to_owned());
            node.journal.note();
            Ok(Value::Null)
        }
        "wakuext_dropPeer" => {
            rpc::check(params, &[Go::Text])?;
            // Nothing is dropped, and nothing says so (recorded on v0.94).
            Ok(Value::Null)
        }
        "wakuext_requestAllHistoricMessages" => {
            rpc::check(params, &[])?;
            history::request_all(node).await
        }
        "wakuext_requestCommunityInfoFromMailserver" => {
            community::request_classic(node, params).await
        }
        // Not recorded: taken to be as in 2024, and without effect while the cycle is switched off.
        "wakuext_setPinnedMailservers" => {
            rpc::check(params, &[Go::TextMap])?;
            node.save_pins(&params[0]);
            node.enter_classic_cycle();
            Ok(Value::Null)
        }
        "wakuext_startMessenger" => {
            rpc::check(params, &[])?;
            Ok(json!({"notifications": null}))
        }
        _ => Err(Refusal::unknown_method(method)),
    }
}

/// `wakuext_updateMailservers [[enode, …]]`: null at once, also for dead ones (recorded on v0.94).
fn update_mailservers(node: &Rc<Node>, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Texts])?;
    let enodes: Result<Vec<_>, _> = rpc::texts(params.first())
        .iter()
        .map(|text| address::enode(text))
        .collect();
    let enodes = enodes.map_err(Refusal::failed)?;
    if node.setup.mode == Mode::Waku1 {
        if let Some(first) = enodes.first() {
            node.state.borrow_mut().used = Some(first.key.clone());
        }
        for enode in &enodes {
            node.want(&enode.key, enode.address);
        }
        node.journal.note();
    }
    Ok(Value::Null)
}

/// `admin_addPeer` and `admin_removePeer`: true, also for unknown peers; without effect on waku2.
fn peer(node: &Node, params: &[Value], change: impl FnOnce(address::Enode)) -> Answer {
    rpc::check(params, &[Go::Text])?;
    let Ok(enode) = address::enode(rpc::text(params, 0)) else {
        let reason = "invalid enode: missing 'enr:' prefix for base64-encoded record";
        return Err(Refusal::failed(reason));
    };
    if node.setup.mode == Mode::Waku1 {
        change(enode);
    }
    Ok(true.into())
}

/// `mailservers_addMailserver [{id, name, address, password, fleet}]`: one of the same id is replaced.
fn add_mailserver(node: &Node, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Struct("mailservers.Mailserver")])?;
    let mut saved = json!({"id": "", "name": "", "address": ""});
    for field in ["id", "name", "address", "password", "fleet"] {
        if let Some(value) = params[0].get(field) {
            saved[field] = value.clone();
        }
    }
    let mut state = node.state.borrow_mut();
    state.saved.retain(|other| other["id"] != saved["id"]);
    state.saved.push(saved);
    Ok(Value::Null)
}

/// The parts of the configuration that tell which node it is.
fn node_config(node: &Node) -> Value {
    let waku2 = node.setup.mode == Mode::Waku2;
    json!({
        "NetworkId": 1,
        "NoDiscovery": !node.setup.discovery,
        "Name": "rig",
        "APIModules": "admin,wakuext,waku,mailservers,settings,accounts,multiaccounts,web3,net,eth,status",
        "ClusterConfig": {
            "Enabled": true,
            "Fleet": node.state.borrow().fleet,
            "TrustedMailServers": null,
            "StoreNodes": null,
        },
        "WakuConfig": {"Enabled": !waku2},
        "WakuV2Config": {"Enabled": waku2, "KeepAliveInterval": 10},
        "ShhextConfig": {"EnableMailserverCycle": node.setup.own_cycle, "EnableConnectionManager": false},
        "MailserversConfig": {"Enabled": true},
    })
}
