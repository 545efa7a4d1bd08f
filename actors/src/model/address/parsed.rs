//! An address, in whichever form it was written.

use std::fmt;

use serde::Serialize;

use super::endpoint::Endpoint;
use crate::model::identity::Identity;

/// Which network an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// devp2p: enodes.
    Waku1,
    /// libp2p: multiaddrs and ENRs.
    Waku2,
}

/// A parsed address with the identity it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(super) network: Network,
    pub(super) identity: Identity,
    pub(super) dial: String,
    pub(super) endpoints: Vec<Endpoint>,
}

impl Address {
    /// The network of it.
    #[must_use]
    pub fn network(&self) -> Network {
        self.network
    }

    /// Who is there.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The text that the node is given to connect: an enode URL without password and `?discport=`, or
    /// a multiaddr that ends in `/p2p/<peer id>` (for an ENR, the best usable one that it holds).
    ///
    /// Parsed again it gives the same network, identity and text, unless it is [of a peer](Self::of_peer).
    #[must_use]
    pub fn dial(&self) -> &str {
        &self.dial
    }

    /// Where to connect to, best first (plain TCP before WebSockets); empty only [of a peer](Self::of_peer).
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.dial)
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.dial)
    }
}
