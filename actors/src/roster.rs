//! The list of mailservers and what it is made of, without I/O.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    address::{Address, AddressError, Network},
    fleet_registry::{AddressErrorText, CandidatesChanged, Fleet, RegistryError, Saved, SavedPin},
    mailserver::{Identity, Mailserver, Origin},
    node::{Mode, Profile, SavedMailserver},
};

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
pub(crate) struct Roster {
    config: Config,
    fleets: BTreeMap<String, Fleet>,
    /// What the node told last.
    pub(crate) profile: Option<Profile>,
    /// What is kept across restarts.
    pub(crate) saved: Saved,
    current: CandidatesChanged,
    warned: BTreeSet<String>,
}

impl Roster {
    pub(crate) fn new(config: Config, saved: Saved) -> Self {
        Self {
            config,
            saved,
            ..Self::default()
        }
    }

    /// The list as last made.
    pub(crate) fn current(&self) -> &CandidatesChanged {
        &self.current
    }

    /// Takes over the fleets of a file, unless that would leave the fleet in use without mailservers.
    pub(crate) fn take_over(&mut self, fleets: BTreeMap<String, Fleet>) {
        let in_use = self.fleet().unwrap_or_default();
        let some = |fleets: &BTreeMap<String, Fleet>| {
            let fleet = fleets.get(&in_use);
            fleet.is_some_and(|it| !it.mailservers.is_empty())
        };
        if some(&self.fleets) && !some(&fleets) {
            tracing::warn!(
                fleet = in_use,
                "the fleet file has no mailservers for it any more: the old list stays"
            );
            return;
        }
        self.fleets = fleets;
    }

    /// Makes the list anew; whether it changed.
    pub(crate) fn rebuild(&mut self) -> bool {
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
            self.warn_of_none(&name);
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

    fn warn_of_none(&mut self, fleet: &str) {
        let known: Vec<&str> = self.fleets.keys().map(String::as_str).collect();
        let reason = format!("no mailservers for it; known fleets: {}", known.join(", "));
        self.warn(fleet, &reason);
    }

    /// Once for each reason, not at every rebuild.
    fn warn(&mut self, what: &str, reason: &str) {
        if self.warned.len() < 1024 && self.warned.insert(format!("{what}: {reason}")) {
            tracing::warn!(what, reason, "mailserver list");
        }
    }

    /// What would be saved with this one added.
    pub(crate) fn with_added(
        &self,
        mut added: SavedMailserver,
    ) -> Result<(Saved, Mailserver), RegistryError> {
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
        let network = self.profile.as_ref().and_then(|it| network(it.mode));
        if network.is_some_and(|it| it != mailserver.address.network()) {
            let reason = format!("{} is of the other network", mailserver.address);
            return Err(RegistryError::Address(AddressErrorText(reason)));
        }
        self.refuse_taken(&mailserver)?;
        let mut saved = self.saved.clone();
        saved.added.push(added);
        Ok((saved, mailserver))
    }

    fn refuse_taken(&self, added: &Mailserver) -> Result<(), RegistryError> {
        let same = |it: &&Mailserver| {
            let only_pinned = it.origin == Origin::Pin;
            it.id == added.id || (it.identity == added.identity && !only_pinned)
        };
        let taken = |id: &str, origin| RegistryError::Taken {
            id: id.to_owned(),
            origin: origin_text(origin).to_owned(),
        };
        if let Some(known) = self.current.candidates.iter().find(same) {
            return Err(taken(&known.id, known.origin));
        }
        match self.saved.added.iter().any(|it| it.id == added.id) {
            true => Err(taken(&added.id, Origin::Added)),
            false => Ok(()),
        }
    }

    /// What would be saved with this one removed.
    pub(crate) fn with_removed(&self, id: &str) -> Result<Saved, RegistryError> {
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
    pub(crate) fn with_pin(&self, pin: &str) -> Result<(Saved, Mailserver), RegistryError> {
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
