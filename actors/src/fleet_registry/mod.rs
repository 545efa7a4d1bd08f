//! Which mailservers there are: those of the node's fleet, the custom ones, the node's own peers, and the pin.
//!
//! One list without duplicates, made anew whenever one of its sources changes: the fleet file, the
//! node (its fleet, its saved mailservers, its pin, its peers), the configuration, and what was added by hand.

mod candidate_list;
mod discovery;

use std::{collections::BTreeMap, time::Duration};

use actix::prelude::*;
use serde::{Deserialize, Serialize};

pub use crate::fleet_registry::{
    candidate_list::{Config, MOST_CUSTOM},
    discovery::{Discover, KEPT, MOST_DISCOVERED},
};
use crate::{
    Instant,
    fleet_registry::candidate_list::CandidateList,
    model::{
        address::AddressError,
        mailserver::{Identity, Mailserver},
    },
    node::{NodeChanged, NodeState, PeerSnapshot, SavedMailserver},
};

/// The published fleets, as an adapter read them from the fleet file: at start, and again whenever it changed.
#[derive(Message, Clone, Debug, PartialEq, Eq, Default)]
#[rtype(result = "()")]
pub struct FleetsLoaded(pub BTreeMap<String, Fleet>);

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

/// Ask for the list.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "CandidatesChanged")]
pub struct Candidates;

/// Add a custom mailserver, kept across restarts; answered with the mailserver it became.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<Mailserver, RegistryError>")]
pub struct AddCustom(pub SavedMailserver);

/// Remove a custom mailserver that was added.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<(), RegistryError>")]
pub struct RemoveCustom(pub String);

/// Pin: an id, a peer id, an enode or a multiaddr. Kept across restarts.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<Mailserver, RegistryError>")]
pub struct Pin(pub String);

/// Unpin, whoever set the pin. Kept across restarts.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Result<(), RegistryError>")]
pub struct Unpin;

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

/// The actor.
pub struct FleetRegistry {
    candidate_list: CandidateList,
    save: Recipient<Save>,
    listeners: Vec<Recipient<CandidatesChanged>>,
}

impl FleetRegistry {
    /// A registry that knows what the configuration and the state directory say. The listeners are
    /// told of each change, in this order.
    #[must_use]
    pub fn new(
        config: Config,
        saved: Saved,
        save: Recipient<Save>,
        listeners: Vec<Recipient<CandidatesChanged>>,
    ) -> Self {
        Self {
            candidate_list: CandidateList::new(config, saved),
            save,
            listeners,
        }
    }

    fn announce(&mut self) {
        if self.candidate_list.rebuild() {
            self.tell();
        }
    }

    fn tell(&self) {
        let list = self.candidate_list.current();
        for listener in &self.listeners {
            listener.do_send(list.clone());
        }
    }

    /// Saves, then takes over; on an error nothing was changed.
    fn save<T: 'static>(
        &self,
        planned: Result<(Saved, T), RegistryError>,
    ) -> AtomicResponse<Self, Result<T, RegistryError>> {
        let (saved, answer) = match planned {
            Ok(planned) => planned,
            Err(error) => {
                let refused = std::future::ready(Err(error)).into_actor(self);
                return AtomicResponse::new(Box::pin(refused));
            }
        };
        let kept = self.save.send(Save(saved.clone())).timeout(SAVE_LIMIT);
        let done = kept.into_actor(self).map(move |kept, actor, _| {
            kept.map_err(|closed| RegistryError::NotSaved(closed.to_string()))?
                .map_err(RegistryError::NotSaved)?;
            actor.candidate_list.saved = saved;
            actor.announce();
            Ok(answer)
        });
        AtomicResponse::new(Box::pin(done))
    }
}

/// The limit for writing the state directory.
const SAVE_LIMIT: Duration = Duration::from_secs(5);

impl Actor for FleetRegistry {
    type Context = Context<Self>;
}

impl Supervised for FleetRegistry {
    fn restarting(&mut self, _: &mut Context<Self>) {
        // The sources are kept; the list is made from them anew, and told again.
        self.candidate_list.rebuild();
        self.tell();
    }
}

impl Handler<FleetsLoaded> for FleetRegistry {
    type Result = ();

    fn handle(&mut self, FleetsLoaded(fleets): FleetsLoaded, _: &mut Context<Self>) {
        self.candidate_list.take_over(fleets);
        self.announce();
    }
}

impl Handler<NodeChanged> for FleetRegistry {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, _: &mut Context<Self>) {
        if let NodeState::Ready { profile } = state {
            self.candidate_list.handle_profile(profile);
            self.announce();
        }
    }
}

impl Handler<PeerSnapshot> for FleetRegistry {
    type Result = ();

    fn handle(&mut self, snapshot: PeerSnapshot, _: &mut Context<Self>) {
        // One comes every few seconds, and brings nothing new as a rule.
        if self
            .candidate_list
            .handle_stores(snapshot.stores, Instant::now())
        {
            self.announce();
        }
    }
}

impl Handler<Candidates> for FleetRegistry {
    type Result = MessageResult<Candidates>;

    fn handle(&mut self, _: Candidates, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.candidate_list.current().clone())
    }
}

impl Handler<AddCustom> for FleetRegistry {
    type Result = AtomicResponse<Self, Result<Mailserver, RegistryError>>;

    fn handle(&mut self, AddCustom(added): AddCustom, _: &mut Context<Self>) -> Self::Result {
        self.save(self.candidate_list.with_added(added))
    }
}

impl Handler<RemoveCustom> for FleetRegistry {
    type Result = AtomicResponse<Self, Result<(), RegistryError>>;

    fn handle(&mut self, RemoveCustom(id): RemoveCustom, _: &mut Context<Self>) -> Self::Result {
        self.save(
            self.candidate_list
                .with_removed(&id)
                .map(|saved| (saved, ())),
        )
    }
}

impl Handler<Pin> for FleetRegistry {
    type Result = AtomicResponse<Self, Result<Mailserver, RegistryError>>;

    fn handle(&mut self, Pin(pin): Pin, _: &mut Context<Self>) -> Self::Result {
        self.save(self.candidate_list.with_pin(&pin))
    }
}

impl Handler<Unpin> for FleetRegistry {
    type Result = AtomicResponse<Self, Result<(), RegistryError>>;

    fn handle(&mut self, _: Unpin, _: &mut Context<Self>) -> Self::Result {
        let saved = Saved {
            pin: SavedPin::None,
            ..self.candidate_list.saved.clone()
        };
        self.save(Ok((saved, ())))
    }
}
