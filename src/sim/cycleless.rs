//! Methods of nodes since mid-2026: they have no cycle and no mailserver in use.
//!
//! Read in status-go's source, not recorded. What they share with older nodes is in `methods`.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{
    community,
    node::Node,
    rpc::{self, Answer, Go, Refusal},
    sync,
};

/// Whether such a node has the method.
pub(crate) fn has(node: &Node, method: &str) -> bool {
    match method {
        "wakuext_peers" => node.setup.lists_peers,
        "wakuext_dialPeer" => node.setup.offers_dial,
        "rpc_modules"
        | "web3_clientVersion"
        | "settings_getSettings"
        | "settings_saveSetting"
        | "wakuext_activeChats"
        | "wakuext_communities"
        | "wakuext_echo"
        | "wakuext_fetchCommunity"
        | "wakuext_fillGaps"
        | "wakuext_syncChatFromSyncedFrom"
        | "wakuext_requestAllHistoricMessages"
        | "wakuext_requestAllHistoricMessagesWithRetries"
        | "wakuext_startMessenger"
        | "wakuext_toggleUseMailservers" => true,
        _ => false,
    }
}

/// Carries out a call that they answer in their own way.
pub(crate) async fn call(node: &Rc<Node>, method: &str, params: &[Value]) -> Answer {
    match method {
        "wakuext_toggleUseMailservers" => {
            rpc::check(params, &[Go::Bool])?;
            // The setting alone: nothing is fetched.
            let on = params[0].as_bool().unwrap_or(false);
            node.save_use_mailservers(on);
            node.journal.note();
            Ok(Value::Null)
        }
        // The parameter of 2023 is gone again.
        "wakuext_requestAllHistoricMessages" | "wakuext_requestAllHistoricMessagesWithRetries" => {
            rpc::check(params, &[])?;
            sync::request_all(node).await
        }
        "wakuext_fetchCommunity" => community::fetch_modern(node, params).await,
        "wakuext_startMessenger" => {
            rpc::check(params, &[])?;
            match node.start_messenger() {
                true => Ok(json!({})),
                false => Err(Refusal::failed("messenger already started")),
            }
        }
        _ => Err(Refusal::unknown_method(method)),
    }
}
