//! The methods that every node has, and the way to those that only some have.

use std::rc::Rc;

use actors::model::node::Mode;
use serde_json::{Map, Value, json};

use super::{
    accounts, chats, classic, community, cycleless,
    login::Login,
    modern,
    node::Node,
    rpc::{self, Answer, Go, Refusal},
    topics,
};

/// Carries out one call.
pub(crate) async fn call(node: &Rc<Node>, method: &str, params: &[Value]) -> Answer {
    if !node.state.borrow().login.is_in() {
        return before_login(node, method, params);
    }
    let cycleless = node.setup.mode == Mode::Observe;
    if cycleless && !cycleless::has(node, method) {
        return Err(Refusal::unknown_method(method));
    }
    match method {
        "rpc_modules" => {
            rpc::check(params, &[])?;
            Ok(modules(node.setup.mode))
        }
        "web3_clientVersion" => {
            rpc::check(params, &[])?;
            Ok(client_version(node.setup.mode).into())
        }
        "wakuext_echo" => {
            rpc::check(params, &[Go::Text])?;
            Ok(params[0].clone())
        }
        "admin_peers" => {
            rpc::check(params, &[])?;
            let listed = node.setup.mode == Mode::Waku1;
            Ok(if listed { node.peer_list() } else { json!([]) })
        }
        "wakuext_peers" => {
            rpc::check(params, &[])?;
            let listed = node.setup.mode != Mode::Waku1;
            Ok(if listed { node.peer_list() } else { json!({}) })
        }
        "settings_getSettings" => {
            rpc::check(params, &[])?;
            Ok(settings(node))
        }
        "settings_saveSetting" => save_setting(node, params),
        "mailservers_getMailservers" => {
            rpc::check(params, &[])?;
            let saved = &node.state.borrow().saved;
            Ok(if saved.is_empty() {
                Value::Null
            } else {
                json!(saved)
            })
        }
        "mailservers_deleteMailserver" => {
            rpc::check(params, &[Go::Text])?;
            let mut state = node.state.borrow_mut();
            state.saved.retain(|saved| saved["id"] != params[0]);
            Ok(Value::Null)
        }
        "wakuext_disconnectActiveMailserver" => {
            rpc::check(params, &[])?;
            node.disconnect_active();
            Ok(Value::Null)
        }
        "wakuext_dialPeer" => super::dialling::dial_peer(node, params).await,
        _ if ABOUT_HISTORY.contains(&method) => about_history(node, method, params).await,
        _ if cycleless => cycleless::call(node, method, params).await,
        _ if node.is_modern() => modern::call(node, method, params).await,
        _ => classic::call(node, method, params).await,
    }
}

/// The methods about markers, chats and communities, which nodes of all generations answer alike.
const ABOUT_HISTORY: [&str; 7] = [
    "mailservers_getMailserverTopics",
    "mailservers_addMailserverTopic",
    "mailservers_addMailserverTopics",
    "wakuext_activeChats",
    "wakuext_communities",
    "wakuext_fillGaps",
    "wakuext_syncChatFromSyncedFrom",
];

async fn about_history(node: &Rc<Node>, method: &str, params: &[Value]) -> Answer {
    match method {
        "mailservers_getMailserverTopics" => topics::list(node, params),
        "mailservers_addMailserverTopic" => topics::add(node, params),
        "mailservers_addMailserverTopics" => topics::add_all(node, params),
        "wakuext_activeChats" => chats::active(node, params),
        "wakuext_communities" => community::list(node, params),
        "wakuext_fillGaps" => chats::fill_gaps(node, params).await,
        "wakuext_syncChatFromSyncedFrom" => chats::extend(node, params).await,
        _ => Err(Refusal::unknown_method(method)),
    }
}

/// A classic node before login serves what needs no account (recorded on v0.94), one since mid-2026 nothing; a node
/// of 2024 comes here while it is starting.
fn before_login(node: &Node, method: &str, params: &[Value]) -> Answer {
    match method {
        _ if node.setup.mode == Mode::Observe => Err(Refusal::unknown_method(method)),
        _ if node.has_cycle() => Err(Refusal::failed("method handler crashed")),
        "rpc_modules" => {
            let modules = ["admin", "rpc", "waku", "wakuext", "web3"];
            Ok(modules
                .into_iter()
                .map(|module| (module.to_owned(), "1.0".into()))
                .collect::<Map<_, _>>()
                .into())
        }
        "web3_clientVersion" => Ok(client_version(Mode::Waku1).into()),
        "admin_peers" => Ok(json!([])),
        "wakuext_echo" => {
            rpc::check(params, &[Go::Text])?;
            Ok(params[0].clone())
        }
        _ if method.starts_with("wakuext_") => Err(Refusal::failed("method handler crashed")),
        _ => Err(Refusal::unknown_method(method)),
    }
}

/// The modules of v0.94 (recorded).
const MODULES_2022: &[&str] = &[
    "accounts",
    "admin",
    "eth",
    "mailservers",
    "multiaccounts",
    "rpc",
    "settings",
    "status",
    "waku",
    "wakuext",
    "web3",
];

/// The modules of 2024-10 (recorded).
const MODULES_2024: &[&str] = &[
    "accounts",
    "admin",
    "communitytokens",
    "ens",
    "eth",
    "mailservers",
    "multiaccounts",
    "peer",
    "rpc",
    "rpcstats",
    "settings",
    "status",
    "updates",
    "waku",
    "wakuext",
    "wallet",
    "web3",
];

/// What is known of the modules since mid-2026: neither `admin` nor `mailservers` is among them.
const MODULES_2026: &[&str] = &[
    "accounts",
    "communitytokens",
    "ens",
    "eth",
    "multiaccounts",
    "rpc",
    "settings",
    "updates",
    "wakuext",
    "wallet",
    "web3",
];

fn modules(mode: Mode) -> Value {
    let served = match mode {
        Mode::Waku1 | Mode::Waku2 => MODULES_2022,
        Mode::Pin => MODULES_2024,
        Mode::Observe => MODULES_2026,
    };
    let modules = served
        .iter()
        .map(|module| ((*module).to_owned(), "1.0".into()));
    Value::Object(modules.collect())
}

fn client_version(mode: Mode) -> &'static str {
    match mode {
        Mode::Waku1 | Mode::Waku2 => "rig/linux-amd64/go1.19.8",
        Mode::Pin => "StatusIM/vrig-c72f491/linux-amd64/go1.21.13",
        // Not recorded: taken to be of the same shape.
        Mode::Observe => "StatusIM/vrig-001f87b/linux-amd64/go1.24.7",
    }
}

/// The settings that concern mailservers, among a few others. On classic nodes `fleet` and
/// `pinned-mailservers` are absent until they are saved (recorded on v0.94).
pub(crate) fn settings(node: &Node) -> Value {
    let period = node.sync_period();
    let state = node.state.borrow();
    let mut settings = json!({
        "currency": "usd",
        "default-sync-period": period,
        "installation-id": "aef27732-8d86-5039-a32e-bdbe094d8791",
        "name": "simulated user",
        "networks/networks": [],
        "use-mailservers?": true,
    });
    if node.is_modern() {
        settings["fleet"] = state.fleet.as_str().into();
    }
    if let (true, Login::In { key_uid: Some(key) }) = (node.is_modern(), &state.login) {
        for (name, value) in accounts::identifying_settings(key) {
            settings[name] = value;
        }
    }
    for (name, value) in &state.settings {
        settings[name] = value.clone();
    }
    settings
}

/// What may be saved; other names are refused.
const SAVEABLE: [&str; 6] = [
    "fleet",
    "pinned-mailservers",
    "use-mailservers?",
    "default-sync-period",
    "display-name",
    "currency",
];

/// `settings_saveSetting [name, value]`: the value is not looked at (recorded on v0.94 and 2024-10).
fn save_setting(node: &Rc<Node>, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Text, Go::Any])?;
    let name = rpc::text(params, 0);
    if !SAVEABLE.contains(&name) {
        return Err(Refusal::failed("configuration value not allowed"));
    }
    let mut state = node.state.borrow_mut();
    state.settings.insert(name.to_owned(), params[1].clone());
    Ok(Value::Null)
}
