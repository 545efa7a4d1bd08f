//! Which mailservers there are: the fleet registry is told by adapters and users, and tells all.

use std::collections::BTreeMap;

use actix::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::{
    address::AddressError,
    mailserver::{Identity, Mailserver},
    node::SavedMailserver,
};

/// The published fleets, as an adapter read them from the fleet file: at start, and again whenever it changed.
#[derive(Message, Clone, Debug, PartialEq, Eq, Default)]
#[rtype(result = "()")]
pub struct FleetsLoaded(pub BTreeMap<String, Fleet>);

/// The configuration was read again; what it says of these takes the place of what it said before. Sent by an adapter.
#[derive(Message, Clone, Debug, PartialEq, Eq, Default)]
#[rtype(result = "()")]
pub struct Configured {
    /// The fleet; `None`: the node's own setting.
    pub fleet: Option<String>,
    /// The pin; empty: the node's own.
    pub pinned: String,
    /// Custom mailservers.
    pub mailservers: Vec<SavedMailserver>,
}

/// The mailservers of one fleet, for each network (a classic fleet file holds both in one).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Fleet {
    /// All mailservers, of either network, in the order of the file.
    pub mailservers: Vec<Mailserver>,
}

/// Which mailservers may be chosen now. Broadcast by the registry whenever it changed.
#[derive(Message, Clone, Debug, PartialEq, Eq, Default)]
#[rtype(result = "()")]
pub struct CandidatesChanged {
    /// The fleet they are of; `None` before the node has told.
    pub fleet: Option<String>,
    /// All of them, each identity once.
    pub candidates: Vec<Mailserver>,
    /// The user's pin, one of the candidates.
    pub pinned: Option<Identity>,
}

/// Counts the changes of the registry from a random number on, so that no two processes ever tell the same one: as long
/// as it is the same, so is all that the registry tells or keeps. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revision(pub u64);

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What the one who wants a change knows of the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whatever was changed meanwhile, the change is wanted.
    #[default]
    Anything,
    /// It is wanted only if the registry is still at one of these.
    OneOf(Vec<Revision>),
}

impl Expected {
    /// Whether a change is wanted of a registry that is there.
    #[must_use]
    pub fn allows(&self, revision: Revision) -> bool {
        match self {
            Self::Anything => true,
            Self::OneOf(revisions) => revisions.contains(&revision),
        }
    }
}

/// Ask for the list.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Listed")]
pub struct Candidates;

/// The list, and to which revision it belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Which mailservers may be chosen.
    pub list: CandidatesChanged,
    /// What a change may name as [expected](Expected).
    pub revision: Revision,
}

/// Add a custom mailserver, kept across restarts; answered with the mailserver it became.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<Changed<Mailserver>, RegistryError>")]
pub struct AddCustom {
    /// Which.
    pub mailserver: SavedMailserver,
    /// What it is added to.
    pub expected: Expected,
}

/// Remove a custom mailserver that was added.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<Changed<()>, RegistryError>")]
pub struct RemoveCustom {
    /// Its id.
    pub id: String,
    /// What it is removed from.
    pub expected: Expected,
}

/// Pin a mailserver. Kept across restarts; answered with the mailserver that is meant.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<Changed<Mailserver>, RegistryError>")]
pub struct Pin {
    /// An id, a peer id, an enode or a multiaddr.
    pub name: String,
    /// What is changed by it.
    pub expected: Expected,
}

/// Unpin, whoever set the pin. Kept across restarts.
#[derive(Message, Clone, Debug, Default)]
#[rtype(result = "Result<Changed<()>, RegistryError>")]
pub struct Unpin {
    /// What is changed by it.
    pub expected: Expected,
}

/// What a change came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<T> {
    /// The answer.
    pub answer: T,
    /// The registry after it.
    pub revision: Revision,
}

/// Why a change of the registry was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryError {
    /// The address is not one.
    #[error("address: {0}")]
    Address(AddressErrorText),
    /// It is in the list already: the id, or the mailserver itself under another one.
    #[error("{id:?} is in the list already, from {origin}")]
    Taken {
        /// The id in the list.
        id: String,
        /// Where it comes from, for people.
        origin: String,
    },
    /// The id is empty or too long, or its fleet is not known.
    #[error("id {id:?}: {reason}")]
    Id {
        /// The id.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing of that name is known.
    #[error("no mailserver {0:?} is known")]
    Unknown(String),
    /// It is known, but was not added here, so that it cannot be removed here.
    #[error("{id:?} comes from {origin}: remove it there")]
    NotAdded {
        /// The id.
        id: String,
        /// Where it comes from, for people.
        origin: String,
    },
    /// The list is full.
    #[error("{0} custom mailservers are the most there can be")]
    Full(usize),
    /// Somebody else changed something since: it is not at a revision that was [expected](Expected).
    #[error("the list was changed meanwhile: read it again")]
    Outdated,
    /// The state directory could not be written; nothing was changed.
    #[error("not saved: {0}")]
    NotSaved(String),
}

/// An [`AddressError`] as text, so that the error can be serialised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddressErrorText(pub String);

impl From<AddressError> for AddressErrorText {
    fn from(error: AddressError) -> Self {
        Self(error.to_string())
    }
}

impl std::fmt::Display for AddressErrorText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What survives a restart of the sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// Custom mailservers that were added.
    #[serde(default)]
    pub added: Vec<SavedMailserver>,
    /// The pin that was set; overrides the configuration and the node.
    #[serde(default)]
    pub pin: SavedPin,
}

/// A pin that was set or taken away by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SavedPin {
    /// Neither: the configuration's or else the node's pin holds.
    #[default]
    Inherit,
    /// Taken away.
    None,
    /// Set to this.
    To(String),
}

/// Keep this across restarts. Answered by an adapter; on an error nothing was kept.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<(), String>")]
pub struct Save(pub Saved);
