//! Which mailservers there are: those of the node's fleet, the custom ones, and the pin.
//!
//! One list without duplicates, made anew whenever one of its sources changes: the fleet file, the
//! node (its fleet, its saved mailservers, its pin), the configuration, and what was added by hand.

use std::collections::{BTreeMap, BTreeSet};

use actix::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    address::{Address, AddressError, Network},
    mailserver::{Identity, Mailserver, Origin},
    node::{Mode, NodeChanged, NodeState, Profile, SavedMailserver},
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
    /// The id is empty, too long or taken.
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

/// The most custom mailservers of one source: more is a mistake, and each costs a probe per round.
pub const MOST_CUSTOM: usize = 256;

/// The longest id, in bytes.
const LONGEST_ID: usize = 128;

/// What the configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The fleet; `None`: the node's own setting.
    pub fleet: Option<String>,
    /// The pin; empty: the node's own.
    pub pinned: String,
    /// Custom mailservers.
    pub mailservers: Vec<SavedMailserver>,
}

/// The sources of the list, and the list.
#[derive(Debug, Default)]
struct Registry {
    config: Config,
    fleets: BTreeMap<String, Fleet>,
    profile: Option<Profile>,
    saved: Saved,
    current: CandidatesChanged,
    warned: BTreeSet<String>,
}

impl Registry {
    /// Makes the list anew; whether it changed.
    fn rebuild(&mut self) -> bool {
        let made = self.make();
        let changed = made != self.current;
        self.current = made;
        changed
    }

    fn make(&mut self) -> CandidatesChanged {
        let Some(profile) = self.profile.clone() else {
            // Without a node nothing can be chosen; what was known stays.
            return self.current.clone();
        };
        let fleet = self.fleet();
        let name = fleet.clone().unwrap_or_default();
        let network = network(profile.mode);
        let mut list = List::new(network);
        for mailserver in self
            .fleets
            .get(&name)
            .into_iter()
            .flat_map(|it| &it.mailservers)
        {
            list.add(mailserver.clone());
        }
        let sources = [
            (Origin::Node, profile.saved.clone()),
            (Origin::Configuration, self.config.mailservers.clone()),
            (Origin::Added, self.saved.added.clone()),
        ];
        for (origin, mailservers) in sources {
            for saved in mailservers.iter().filter(|it| it.fleet == name) {
                match custom(saved, origin) {
                    Ok(mailserver) => list.add(mailserver),
                    Err(error) => self.warn(&saved.id, &error.to_string()),
                }
            }
        }
        let pinned = self.wanted_pin(&profile);
        let pinned = pinned.and_then(|pin| self.resolve(&pin, &name, &mut list));
        let candidates = list.mailservers;
        if candidates.is_empty() {
            let known: Vec<&str> = self.fleets.keys().map(String::as_str).collect();
            let reason = format!("no mailservers for it; known fleets: {}", known.join(", "));
            self.warn(&name, &reason);
        }
        CandidatesChanged {
            fleet,
            candidates,
            pinned,
        }
    }

    fn fleet(&self) -> Option<String> {
        let of_node = || self.profile.as_ref().and_then(|it| it.fleet.clone());
        self.config.fleet.clone().or_else(of_node)
    }

    fn wanted_pin(&self, profile: &Profile) -> Option<String> {
        match &self.saved.pin {
            SavedPin::To(pin) => Some(pin.clone()),
            SavedPin::None => None,
            SavedPin::Inherit if self.config.pinned.is_empty() => profile.pinned.clone(),
            SavedPin::Inherit => Some(self.config.pinned.clone()),
        }
    }

    /// Finds whom a pin means; a full address that is not in the list joins it.
    fn resolve(&mut self, pin: &str, fleet: &str, list: &mut List) -> Option<Identity> {
        if let Some(found) = list.find(pin) {
            return Some(found.identity.clone());
        }
        match pinned_address(pin, fleet, list.network) {
            Some(mailserver) => {
                let identity = mailserver.identity.clone();
                list.add(mailserver);
                Some(identity)
            }
            None => {
                self.warn(pin, "pinned, but no mailserver of that name is known");
                None
            }
        }
    }

    /// Once for each reason, not at every rebuild.
    fn warn(&mut self, what: &str, reason: &str) {
        if self.warned.len() < 1024 && self.warned.insert(format!("{what}: {reason}")) {
            tracing::warn!(what, reason, "mailserver list");
        }
    }

    /// What would be saved with this one added.
    fn with_added(&self, mut added: SavedMailserver) -> Result<(Saved, Mailserver), RegistryError> {
        if added.fleet.is_empty() {
            added.fleet = self.fleet().unwrap_or_default();
        }
        let id_error = |reason: &str| RegistryError::Id {
            id: added.id.clone(),
            reason: reason.to_owned(),
        };
        if added.id.trim().is_empty() || added.id.len() > LONGEST_ID {
            return Err(id_error("must be 1 to 128 bytes long"));
        }
        let taken = self.current.candidates.iter().any(|it| it.id == added.id);
        if taken || self.saved.added.iter().any(|it| it.id == added.id) {
            return Err(id_error("is taken"));
        }
        if added.fleet.is_empty() {
            return Err(id_error(
                "needs a fleet, since that of the node is not known",
            ));
        }
        if self.saved.added.len() >= MOST_CUSTOM {
            return Err(RegistryError::Full(MOST_CUSTOM));
        }
        let mailserver =
            custom(&added, Origin::Added).map_err(|error| RegistryError::Address(error.into()))?;
        let mut saved = self.saved.clone();
        saved.added.push(added);
        Ok((saved, mailserver))
    }

    /// What would be saved with this one removed.
    fn with_removed(&self, id: &str) -> Result<Saved, RegistryError> {
        let mut saved = self.saved.clone();
        saved.added.retain(|it| it.id != id);
        if saved.added.len() < self.saved.added.len() {
            return Ok(saved);
        }
        let known = self.current.candidates.iter().find(|it| it.id == id);
        Err(match known {
            None => RegistryError::Unknown(id.to_owned()),
            Some(mailserver) => RegistryError::NotAdded {
                id: id.to_owned(),
                origin: origin_text(mailserver.origin).to_owned(),
            },
        })
    }

    /// What would be saved with this pin set.
    fn with_pin(&self, pin: &str) -> Result<(Saved, Mailserver), RegistryError> {
        let mut list = List::new(self.profile.as_ref().and_then(|it| network(it.mode)));
        list.mailservers.clone_from(&self.current.candidates);
        let by_address = || pinned_address(pin, &self.fleet().unwrap_or_default(), list.network);
        let found = list.find(pin).cloned().or_else(by_address);
        let mailserver = found.ok_or_else(|| RegistryError::Unknown(pin.to_owned()))?;
        let saved = Saved {
            pin: SavedPin::To(pin.to_owned()),
            ..self.saved.clone()
        };
        Ok((saved, mailserver))
    }
}

/// A list in which each identity occurs once: who came first stays.
struct List {
    network: Option<Network>,
    mailservers: Vec<Mailserver>,
}

impl List {
    fn new(network: Option<Network>) -> Self {
        Self {
            network,
            mailservers: Vec::new(),
        }
    }

    fn add(&mut self, mailserver: Mailserver) {
        let fits = self
            .network
            .is_none_or(|it| it == mailserver.address.network());
        let known = |it: &Mailserver| it.identity == mailserver.identity;
        if fits && !self.mailservers.iter().any(known) {
            self.mailservers.push(mailserver);
        }
    }

    /// By id, identity or any address of it.
    fn find(&self, name: &str) -> Option<&Mailserver> {
        let address: Option<Address> = name.parse().ok();
        let identity = address.as_ref().map(Address::identity);
        self.mailservers.iter().find(|it| {
            it.id == name || it.identity.as_str() == name || Some(&it.identity) == identity
        })
    }
}

/// Which addresses a node of this mode can use; `None`: any.
fn network(mode: Mode) -> Option<Network> {
    match mode {
        Mode::Waku1 => Some(Network::Waku1),
        Mode::Waku2 | Mode::Pin => Some(Network::Waku2),
        Mode::Observe => None,
    }
}

fn custom(saved: &SavedMailserver, origin: Origin) -> Result<Mailserver, AddressError> {
    let address: Address = saved.address.parse()?;
    let name = match saved.name.is_empty() {
        true => saved.id.clone(),
        false => saved.name.clone(),
    };
    Ok(Mailserver {
        identity: address.identity().clone(),
        id: saved.id.clone(),
        name,
        address,
        fleet: saved.fleet.clone(),
        origin,
    })
}

fn pinned_address(pin: &str, fleet: &str, network: Option<Network>) -> Option<Mailserver> {
    let address: Address = pin.parse().ok()?;
    let fits = network.is_none_or(|it| it == address.network());
    fits.then(|| Mailserver {
        identity: address.identity().clone(),
        id: address.identity().to_string(),
        name: address.identity().to_string(),
        address,
        fleet: fleet.to_owned(),
        origin: Origin::Pin,
    })
}

fn origin_text(origin: Origin) -> &'static str {
    match origin {
        Origin::Fleet => "the fleet file",
        Origin::Node => "the node",
        Origin::Configuration => "the configuration",
        Origin::Added => "the control API",
        Origin::Pin => "the pin",
    }
}

/// The actor.
pub struct FleetRegistry {
    registry: Registry,
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
            registry: Registry {
                config,
                saved,
                ..Registry::default()
            },
            save,
            listeners,
        }
    }

    fn announce(&mut self) {
        if self.registry.rebuild() {
            self.tell();
        }
    }

    fn tell(&self) {
        let list = &self.registry.current;
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
            actor.registry.saved = saved;
            actor.announce();
            Ok(answer)
        });
        AtomicResponse::new(Box::pin(done))
    }
}

/// The limit for writing the state directory.
const SAVE_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

impl Actor for FleetRegistry {
    type Context = Context<Self>;
}

impl Supervised for FleetRegistry {
    fn restarting(&mut self, _: &mut Context<Self>) {
        // The sources are kept; the list is made from them anew, and told again.
        self.registry.rebuild();
        self.tell();
    }
}

impl Handler<FleetsLoaded> for FleetRegistry {
    type Result = ();

    fn handle(&mut self, FleetsLoaded(fleets): FleetsLoaded, _: &mut Context<Self>) {
        self.registry.fleets = fleets;
        self.announce();
    }
}

impl Handler<NodeChanged> for FleetRegistry {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, _: &mut Context<Self>) {
        if let NodeState::Ready { profile } = state {
            self.registry.profile = Some(profile);
            self.announce();
        }
    }
}

impl Handler<Candidates> for FleetRegistry {
    type Result = MessageResult<Candidates>;

    fn handle(&mut self, _: Candidates, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.registry.current.clone())
    }
}

impl Handler<AddCustom> for FleetRegistry {
    type Result = AtomicResponse<Self, Result<Mailserver, RegistryError>>;

    fn handle(&mut self, AddCustom(added): AddCustom, _: &mut Context<Self>) -> Self::Result {
        self.save(self.registry.with_added(added))
    }
}

impl Handler<RemoveCustom> for FleetRegistry {
    type Result = AtomicResponse<Self, Result<(), RegistryError>>;

    fn handle(&mut self, RemoveCustom(id): RemoveCustom, _: &mut Context<Self>) -> Self::Result {
        self.save(self.registry.with_removed(&id).map(|saved| (saved, ())))
    }
}

impl Handler<Pin> for FleetRegistry {
    type Result = AtomicResponse<Self, Result<Mailserver, RegistryError>>;

    fn handle(&mut self, Pin(pin): Pin, _: &mut Context<Self>) -> Self::Result {
        self.save(self.registry.with_pin(&pin))
    }
}

impl Handler<Unpin> for FleetRegistry {
    type Result = AtomicResponse<Self, Result<(), RegistryError>>;

    fn handle(&mut self, _: Unpin, _: &mut Context<Self>) -> Self::Result {
        let saved = Saved {
            pin: SavedPin::None,
            ..self.registry.saved.clone()
        };
        self.save(Ok((saved, ())))
    }
}
