//! What a node's own settings say: account, fleet, pins, saved mailservers, cluster.

use std::{collections::BTreeMap, time::Duration};

use actors::model::node::{NodeError, SavedMailserver};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::node::rpc::RpcClient;

/// The most saved mailservers that are taken over; people have a few.
const MOST_SAVED: usize = 1_000;

/// How far back a node asks that does not say so: the default of those since 2023-04 (status-go, `default_sync_period`).
/// If that is too long for it, it still goes back no further than it wants to.
const SYNC_PERIOD: Duration = Duration::from_secs(9 * 24 * 60 * 60);

/// The part of `settings_getSettings` that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// Which account is logged in.
    pub(crate) key: Option<String>,
    /// Absent until the user chose one.
    pub(crate) fleet: Option<String>,
    /// Fleet to an id, an enode or a multiaddr, depending on the version that wrote it.
    pub(crate) pins: BTreeMap<String, String>,
    /// The "use mailservers" switch; absent means on.
    pub(crate) use_mailservers: bool,
    /// How far back the node asks for history. No value has another meaning; with 0, which no app offers, it would ask
    /// for nothing at all.
    pub(crate) sync_period: Duration,
}

/// The part of `settings_nodeConfig` that matters here; absent where the version has no such member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// Whether the node runs waku v2.
    pub(crate) waku2: Option<bool>,
    /// Whether it uses shards; absent before there were any (2023), and since all nodes use them.
    pub(crate) sharded: Option<bool>,
    /// Whether its own mailserver cycle is switched on.
    pub(crate) own_cycle: bool,
    /// The fleet it was built or started for.
    pub(crate) fleet: Option<String>,
}

/// Reads the account's settings.
///
/// # Errors
/// As for [`RpcClient::call`]. A node without the method has nobody logged in (older nodes open their
/// settings with the account, recorded on v0.94), unless it lists its peers: then it just does not serve
/// its settings, and they are taken as never saved.
pub(crate) async fn account(rpc: &RpcClient) -> Result<Account, NodeError> {
    match rpc.call::<Value>("settings_getSettings", json!([])).await {
        Ok(settings) => Ok(read_account(&settings)),
        Err(NodeError::UnknownMethod(_)) => without_settings(rpc).await,
        Err(error) => Err(error),
    }
}

async fn without_settings(rpc: &RpcClient) -> Result<Account, NodeError> {
    match rpc.call::<Value>("wakuext_peers", json!([])).await {
        Ok(_) => Ok(read_account(&Value::Null)),
        Err(NodeError::UnknownMethod(_)) => Err(NodeError::NotLoggedIn),
        Err(error) => Err(error),
    }
}

fn read_account(settings: &Value) -> Account {
    let text = |key: &str| {
        settings[key]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let pins = settings["pinned-mailservers"]
        .as_object()
        .into_iter()
        .flatten();
    Account {
        key: text("key-uid").or_else(|| text("public-key")),
        fleet: text("fleet"),
        pins: pins
            .filter_map(|(fleet, pin)| {
                Some((
                    fleet.clone(),
                    pin.as_str().filter(|pin| !pin.is_empty())?.to_owned(),
                ))
            })
            .collect(),
        use_mailservers: settings["use-mailservers?"].as_bool().unwrap_or(true),
        sync_period: settings["default-sync-period"]
            .as_u64()
            .filter(|seconds| *seconds > 0)
            .map_or(SYNC_PERIOD, Duration::from_secs),
    }
}

/// Reads the node's configuration; empty if it does not show it.
///
/// # Errors
/// Only those that make the node unusable.
pub(crate) async fn cluster(rpc: &RpcClient) -> Result<Cluster, NodeError> {
    match rpc.call::<Value>("settings_nodeConfig", json!([])).await {
        Ok(config) => Ok(read_cluster(&config)),
        Err(error) if error.is_absence() => Err(error),
        Err(_) => Ok(Cluster::default()),
    }
}

fn read_cluster(config: &Value) -> Cluster {
    let fleet = config["ClusterConfig"]["Fleet"]
        .as_str()
        .filter(|fleet| !fleet.is_empty());
    Cluster {
        waku2: config["WakuV2Config"]["Enabled"].as_bool(),
        sharded: config["WakuV2Config"]["UseShardAsDefaultTopic"].as_bool(),
        own_cycle: config["ShhextConfig"]["EnableMailserverCycle"]
            .as_bool()
            .unwrap_or(false),
        fleet: fleet.map(str::to_owned),
    }
}

/// Reads the custom mailservers saved in the node, of all fleets; none if it keeps none.
///
/// # Errors
/// Only those that make the node unusable.
pub(crate) async fn saved(rpc: &RpcClient) -> Result<Vec<SavedMailserver>, NodeError> {
    match rpc
        .call::<Value>("mailservers_getMailservers", json!([]))
        .await
    {
        Ok(list) => Ok(read_saved(list)),
        Err(error) if error.is_absence() => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

/// One entry; a `password` is not read: enodes are given to the node without it.
#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    address: Option<String>,
    /// The name of the address on nodes of 2024.
    #[serde(default)]
    addr: Option<String>,
    #[serde(default)]
    enr: Option<String>,
    #[serde(default)]
    fleet: String,
}

fn read_saved(list: Value) -> Vec<SavedMailserver> {
    let Value::Array(entries) = list else {
        return Vec::new();
    };
    let entries = entries
        .into_iter()
        .filter_map(|entry| serde_json::from_value::<Entry>(entry).ok());
    let usable = entries.filter_map(|entry| {
        let addresses = [entry.address, entry.addr, entry.enr];
        let address = addresses
            .into_iter()
            .flatten()
            .find(|address| !address.is_empty())?;
        Some(SavedMailserver {
            id: entry.id,
            name: entry.name,
            address,
            fleet: entry.fleet,
        })
    });
    usable.take(MOST_SAVED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_with_and_without_what_was_never_saved() {
        let fresh = read_account(&json!({"key-uid": "0x19", "use-mailservers?": true}));
        assert_eq!(
            (fresh.fleet, fresh.pins.len(), fresh.use_mailservers),
            (None, 0, true)
        );
        let set = read_account(&json!({
            "fleet": "eth.prod", "use-mailservers?": false,
            "pinned-mailservers": {"eth.prod": "enode://7d2c@127.0.0.1:30401", "eth.test": "", "x": 5},
        }));
        assert_eq!(set.fleet.as_deref(), Some("eth.prod"));
        assert_eq!(
            set.pins,
            BTreeMap::from([("eth.prod".into(), "enode://7d2c@127.0.0.1:30401".into())])
        );
        assert!(!set.use_mailservers);
        let period = |settings: Value| read_account(&settings).sync_period.as_secs();
        assert_eq!(period(json!({"default-sync-period": 86_400})), 86_400);
        for none in [json!({}), json!({"default-sync-period": 0})] {
            assert_eq!(period(none), 777_600);
        }
        assert!(read_account(&Value::Null).use_mailservers);
    }

    #[test]
    fn saved_mailservers_of_every_shape() {
        assert_eq!(read_saved(Value::Null), []);
        let list = read_saved(json!([
            {"id": "pw", "name": "With pw", "address": "enode://a1@127.0.0.1:1", "password": "p", "fleet": "eth.test"},
            {"id": "new", "name": "", "addr": "/ip4/127.0.0.1/tcp/1/p2p/16U", "fleet": "x"},
            {"id": "none", "address": null, "fleet": "x"},
            "nonsense",
        ]));
        let addresses: Vec<_> = list.iter().map(|saved| saved.address.as_str()).collect();
        assert_eq!(
            addresses,
            ["enode://a1@127.0.0.1:1", "/ip4/127.0.0.1/tcp/1/p2p/16U"]
        );
    }

    #[test]
    fn configuration_of_a_classic_node() {
        let cluster = read_cluster(&json!({
            "WakuV2Config": {"Enabled": true}, "ShhextConfig": {"EnableMailserverCycle": true},
            "ClusterConfig": {"Fleet": "eth.prod"},
        }));
        assert_eq!(
            cluster,
            Cluster {
                waku2: Some(true),
                sharded: None,
                own_cycle: true,
                fleet: Some("eth.prod".into())
            }
        );
        assert_eq!(read_cluster(&Value::Null), Cluster::default());
    }
}
