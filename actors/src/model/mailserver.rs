//! A mailserver.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::address::Address;
pub use crate::model::identity::Identity;

/// Where the sidecar learned of a mailserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The fleet file.
    Fleet,
    /// Saved in the node by an app (`mailservers_getMailservers`).
    Node,
    /// `[[mailservers]]` of the configuration.
    Configuration,
    /// Added through the control API, kept in the state directory.
    Added,
    /// Named only by the pin, as a full address.
    Pin,
    /// A peer of the node's own that says that it keeps history.
    Peer,
}

/// A node that keeps history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mailserver {
    /// Who it is.
    pub identity: Identity,
    /// The name of it in its list: the host name in a fleet file, the id of a custom one.
    pub id: String,
    /// For people; the id where the list has no name.
    pub name: String,
    /// Where it is: an enode or a multiaddr, as the node is given it.
    #[schemars(with = "String")]
    pub address: Address,
    /// The fleet it belongs to.
    pub fleet: String,
    /// Where it was learned.
    pub origin: Origin,
}

impl Mailserver {
    /// The three fields that events and decisions carry.
    #[must_use]
    pub fn reference(&self) -> MailserverRef {
        MailserverRef {
            id: self.id.clone(),
            name: self.name.clone(),
            address: self.address.to_string(),
        }
    }
}

/// A mailserver as events name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MailserverRef {
    /// The id in its list.
    pub id: String,
    /// For people.
    pub name: String,
    /// The address as the node is given it.
    pub address: String,
}
