//! A mailserver and its identity.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::model::address::Address;

/// What makes a mailserver the same one wherever it is named: the public key of an enode
/// (128 lower-case hex digits) or a libp2p peer id (base58).
///
/// Never the whole URL: the node reports other hosts, ports and `?discport=` than it was given
/// (recorded on status-go v0.94).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(Arc<str>);

impl Identity {
    /// Wraps a text that is already in the normal form described above.
    pub fn new(normal_form: impl Into<Arc<str>>) -> Self {
        Self(normal_form.into())
    }

    /// The identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = self.0.len().saturating_sub(8);
        write!(f, "Identity(…{})", &self.0[tail..])
    }
}

/// Where the sidecar learned of a mailserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mailserver {
    /// Who it is.
    pub identity: Identity,
    /// The name of it in its list: the host name in a fleet file, the id of a custom one.
    pub id: String,
    /// For people; the id where the list has no name.
    pub name: String,
    /// Where it is.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailserverRef {
    /// The id in its list.
    pub id: String,
    /// For people.
    pub name: String,
    /// The address as the node is given it.
    pub address: String,
}
