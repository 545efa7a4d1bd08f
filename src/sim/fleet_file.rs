//! The mailservers of the simulation as others are told of them: in a fleet file, or one by one.

use std::net::SocketAddr;

use actors::model::{address::Address, mailserver::Origin, node::Mode};
use serde_json::{Map, Value, json};

use super::{mailserver::Mailserver, node::Node};

/// A mailserver of the simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailserverInfo {
    /// The name in the fleet file: `mail-01.sim.test` or `store-01.sim.test`.
    pub id: String,
    /// The fleet.
    pub fleet: String,
    /// What identifies it: an enode's key (waku1) or a peer id.
    pub identity: String,
    /// What the node is given to connect: an enode (waku1) or a multiaddr.
    pub address: String,
    /// Where it listens.
    pub socket: SocketAddr,
}

impl MailserverInfo {
    /// The same as actors know mailservers.
    ///
    /// # Panics
    ///
    /// If the address is none: the simulation writes only such as can be read.
    #[must_use]
    pub fn mailserver(&self) -> actors::model::mailserver::Mailserver {
        let address: Address = self.address.parse().expect("an address that can be read");
        actors::model::mailserver::Mailserver {
            identity: address.identity().clone(),
            id: self.id.clone(),
            name: self.id.clone(),
            address,
            fleet: self.fleet.clone(),
            origin: Origin::Fleet,
        }
    }
}

/// The classic schema for waku1, else the node's.
pub(super) fn json(node: &Node) -> String {
    let waku1 = node.setup.mode == Mode::Waku1;
    let mut fleets = Map::new();
    for mailserver in &node.mailservers {
        let Mailserver { id, fleet, .. } = &**mailserver;
        if waku1 {
            let fleet = fleets.entry(fleet).or_insert_with(|| json!({"mail": {}}));
            fleet["mail"][id] = mailserver.enode().into();
        } else {
            let nodes = json!({"clusterId": 16, "wakuNodes": [], "discV5BootstrapNodes": [], "storeNodes": []});
            let entry = fleets.entry(fleet).or_insert(nodes);
            let store = json!({"id": id, "addr": mailserver.multiaddr(), "fleet": fleet});
            if let Some(stores) = entry["storeNodes"].as_array_mut() {
                stores.push(store);
            }
        }
    }
    if waku1 {
        json!({"fleets": fleets}).to_string()
    } else {
        Value::Object(fleets).to_string()
    }
}

/// The mailservers, in the order in which they are numbered from 0.
pub(super) fn mailservers(node: &Node) -> Vec<MailserverInfo> {
    let all = node.mailservers.iter();
    all.map(|mailserver| MailserverInfo {
        id: mailserver.id.clone(),
        fleet: mailserver.fleet.clone(),
        identity: node.key_of(mailserver).to_owned(),
        address: match node.setup.mode {
            Mode::Waku1 => mailserver.enode(),
            _ => mailserver.multiaddr(),
        },
        socket: mailserver.address(),
    })
    .collect()
}
