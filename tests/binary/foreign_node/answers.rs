//! What the scripted node answers, and does.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::{Call, Frame, Generation, Shared, State};

/// The answer to a call; `None` if there is never to be one.
pub(super) fn answer(node: &Shared, call: &Call) -> Option<Value> {
    let first = call.params[0].clone();
    if !node.state().logged_in {
        return Some(logged_out(node, &call.method));
    }
    if node.recordings.answer(&call.method).is_none() {
        return Some(recorded(node, "unknown method"));
    }
    Some(match call.method.as_str() {
        "settings_getSettings" => settings(node),
        "mailservers_ping" | "mailservers_multiAddressPing" => ping(node, &first),
        "wakuext_dialPeer" => dial(node, &first),
        "admin_peers" | "wakuext_peers" => peers(node, &call.method),
        "wakuext_setMailserver" if first.is_null() => recorded(node, "missing argument"),
        "wakuext_updateMailservers" if first.is_null() => recorded(node, "missing argument"),
        "wakuext_setPinnedMailservers" if first.is_null() => recorded(node, "missing argument"),
        "wakuext_updateMailservers" => {
            use_static(node, &first);
            recorded(node, &call.method)
        }
        "wakuext_setPinnedMailservers" => {
            pin(node, &first);
            recorded(node, &call.method)
        }
        "admin_removePeer" => {
            remove(node, &first);
            recorded(node, &call.method)
        }
        "wakuext_requestAllHistoricMessages" => return history(node, call),
        "mailservers_getMailserverTopics" => topics(node, &call.method),
        // `wakuext_dropPeer` among them: on v0.94 it drops nothing.
        method => recorded(node, method),
    })
}

/// A recorded answer as it is.
fn recorded(node: &Shared, name: &str) -> Value {
    node.recordings.answer(name).expect("recorded")
}

fn logged_out(node: &Shared, method: &str) -> Value {
    // Classic nodes open their settings with the account; what else there is crashes without one.
    match node.generation {
        Generation::Pin => recorded(node, "not logged in"),
        _ if method.starts_with("wakuext_") => recorded(node, "crashed"),
        Generation::Waku1 | Generation::Waku2 => recorded(node, "unknown method"),
    }
}

fn settings(node: &Shared) -> Value {
    let mut settings = recorded(node, "settings_getSettings");
    let state = node.state();
    settings["result"]["key-uid"] = state.account.clone().into();
    settings["result"]["fleet"] = state.fleet.clone().into();
    settings["result"]["pinned-mailservers"] = json!(state.pins);
    settings
}

/// In another order than they were asked for, as real nodes do.
fn ping(node: &Shared, query: &Value) -> Value {
    let state = node.state();
    let asked = query["addresses"].as_array().into_iter().flatten();
    let results = asked.rev().map(|address| {
        let at = address.as_str();
        let lives = state
            .mailservers
            .iter()
            .any(|it| Some(it.address.as_str()) == at && it.lives());
        if lives {
            json!({"address": address, "rttMs": 1, "error": null})
        } else {
            json!({"address": address, "rttMs": null, "error": "connect: connection refused"})
        }
    });
    let mut answer = json!({"jsonrpc": "2.0"});
    answer["result"] = results.collect();
    answer
}

fn dial(node: &Shared, address: &Value) -> Value {
    if node.generation == Generation::Waku1 {
        return recorded(node, "wakuext_dialPeer");
    }
    let Some((_, identity)) = address.as_str().and_then(|it| it.split_once("/p2p/")) else {
        return recorded(node, "no peer id");
    };
    let lives = |state: &State| {
        let mut all = state.mailservers.iter();
        all.any(|it| it.identity == identity && it.lives())
    };
    if !lives(&node.state()) {
        return recorded(node, "dial refused");
    }
    if node.state().peers.insert(identity.to_owned()) {
        node.tell_peers();
    }
    recorded(node, "wakuext_dialPeer")
}

fn peers(node: &Shared, method: &str) -> Value {
    let waku1 = node.generation == Generation::Waku1;
    let mut answer = recorded(node, method);
    if waku1 == (method == "admin_peers") {
        let listed = node.state().listed();
        answer["result"] = node.recordings.peers(&listed);
    }
    answer
}

/// Connects to those that live, and to the others as soon as they do.
fn use_static(node: &Shared, enodes: &Value) {
    let keys = enodes.as_array().into_iter().flatten().filter_map(key);
    node.state().wanted.extend(keys);
    node.connect_wanted();
}

fn key(enode: &Value) -> Option<String> {
    let rest = enode.as_str()?.strip_prefix("enode://")?;
    rest.split('@').next().map(str::to_owned)
}

fn remove(node: &Shared, enode: &Value) {
    let key = key(enode).unwrap_or_default();
    let mut state = node.state();
    state.wanted.remove(&key);
    state.peers.remove(&key);
}

/// Follows the pin, or takes another one if it does not know the id.
fn pin(node: &Shared, pins: &Value) {
    let mut state = node.state();
    let fleet = state.fleet.clone();
    let Some(id) = pins[&fleet].as_str().map(str::to_owned) else {
        return;
    };
    state.pins.insert(fleet, id.clone());
    let known = state.mailservers.iter().find(|it| it.id == id);
    let chosen = known.or(state.mailservers.iter().find(|it| it.lives()));
    let chosen = chosen.map(|it| json!({"address": it.address, "id": it.id}));
    let asks = state.asks_itself;
    drop(state);
    let say = |kind, event| node.send(Frame::Text(node.recordings.signal(kind, event)));
    say("mailserver.changed", json!({"address": null, "id": ""}));
    let Some(chosen) = chosen else { return };
    say("mailserver.changed", chosen.clone());
    say("mailserver.available", chosen);
    if asks {
        request(node);
    }
}

/// Asks for history; that moves the markers of all topics (recorded: to now).
fn request(node: &Shared) {
    let now = UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    node.state().marker = Some(now);
    for kind in ["history.request.started", "history.request.completed"] {
        node.send(Frame::Text(node.recordings.signal(kind, json!({}))));
    }
}

fn topics(node: &Shared, method: &str) -> Value {
    let mut answer = recorded(node, method);
    if let Some(marker) = node.state().marker {
        for topic in answer["result"].as_array_mut().into_iter().flatten() {
            topic["last-request"] = marker.into();
        }
    }
    answer
}

fn history(node: &Shared, call: &Call) -> Option<Value> {
    let wants_parameter = node.generation == Generation::Pin;
    if wants_parameter == (call.params == json!([])) {
        return Some(recorded(node, "missing argument"));
    }
    if node.state().history_hangs {
        return None;
    }
    if node.state().peers.is_empty() {
        return Some(recorded(node, "nothing done"));
    }
    request(node);
    Some(recorded(node, &call.method))
}
