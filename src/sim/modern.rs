//! Methods of nodes from 2024 to mid-2026, whose own cycle chooses the mailserver.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{
    address, community,
    cycle::Entry,
    history,
    node::Node,
    rpc::{self, Answer, Go, Refusal},
};

/// Carries out a call that only these nodes have.
pub(crate) async fn call(node: &Rc<Node>, method: &str, params: &[Value]) -> Answer {
    match method {
        "wakuext_setPinnedMailservers" => {
            rpc::check(params, &[Go::TextMap])?;
            node.save_pins(&params[0]);
            // Known or not: only the next `mailserver.changed` tells (recorded on 2024-10).
            node.enter_cycle(Entry::Choose);
            Ok(Value::Null)
        }
        "wakuext_toggleUseMailservers" => {
            rpc::check(params, &[Go::Bool])?;
            let on = params[0].as_bool().unwrap_or(false);
            node.save_use_mailservers(on);
            node.enter_cycle(Entry::Choose);
            Ok(Value::Null)
        }
        "wakuext_dropPeer" => {
            rpc::check(params, &[Go::Text])?;
            let peer = rpc::text(params, 0);
            address::peer_id(peer).map_err(|reason| {
                Refusal::failed(format!("failed to parse peer ID: invalid cid: {reason}"))
            })?;
            node.disconnect(peer);
            Ok(Value::Null)
        }
        "wakuext_requestAllHistoricMessages" | "wakuext_requestAllHistoricMessagesWithRetries" => {
            rpc::check(params, &[Go::Bool])?;
            history::request_all(node).await
        }
        "wakuext_requestCommunityInfoFromMailserver" => {
            community::request_modern(node, params).await
        }
        "wakuext_fetchCommunity" => community::fetch_modern(node, params).await,
        "wakuext_startMessenger" => start_messenger(node, params),
        "mailservers_addMailserver" => add_mailserver(params),
        _ => Err(Refusal::unknown_method(method)),
    }
}

/// Names the mailservers that the node has built in, the first time only (recorded on 2024-10).
fn start_messenger(node: &Rc<Node>, params: &[Value]) -> Answer {
    rpc::check(params, &[])?;
    if !node.start_messenger() {
        return Err(Refusal::failed("messenger already started"));
    }
    let fleet = node.fleet().into_iter();
    let mailservers = fleet.map(|mailserver| {
        json!({
            "id": mailserver.id,
            "name": "",
            "custom": false,
            "addr": mailserver.multiaddr(),
            "fleet": mailserver.fleet,
        })
    });
    let mailservers: Vec<Value> = mailservers.collect();
    Ok(
        json!({"mailservers": mailservers, "notifications": null, "discordOldestMessageTimestamp": 0}),
    )
}

/// Cannot be used over JSON on this version (recorded on 2024-10).
fn add_mailserver(params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Struct("mailservers.Mailserver")])?;
    match params[0].get("addr").filter(|address| !address.is_null()) {
        Some(address) => {
            let wanted = "struct field Mailserver.addr of type multiaddr.Multiaddr";
            Err(rpc::invalid(0, rpc::kind(address), wanted))
        }
        None => Err(Refusal {
            code: -32603,
            message: "method handler crashed".into(),
        }),
    }
}
