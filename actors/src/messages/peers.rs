//! Which mailservers the node is connected to: the peer tracker tells the connector, which corrects it.

use std::collections::BTreeMap;

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::mailserver::Identity;

/// Whether the node lists a mailserver as a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Default, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PeerState {
    /// It does not.
    #[default]
    Disconnected,
    /// It does, or a dial just succeeded.
    Connected,
}

/// The peer table, for the status page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PeerTable {
    /// Every known mailserver.
    pub states: BTreeMap<Identity, PeerState>,
    /// The node's own verdict, where it gives one.
    pub online: Option<bool>,
    /// All peers of the node, mailservers or not.
    pub peers: usize,
}

/// Ask for the table.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "PeerTable")]
pub struct Peers;

/// The node lists a mailserver that it did not list before.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct PeerConnected(pub Identity);

/// The node does not list a mailserver any more.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct PeerDisconnected {
    /// Which.
    pub identity: Identity,
    /// It lists no peer at all: it may be the node that is offline.
    pub alone: bool,
}

/// The connector knows better than the last list: a dial succeeded, or a mailserver was given up.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Mark {
    /// Which mailserver.
    pub identity: Identity,
    /// What it is from now on.
    pub state: PeerState,
}

/// Send [`PeerConnected`] for every connected mailserver again, to a connector that lost its state.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Repeat;
