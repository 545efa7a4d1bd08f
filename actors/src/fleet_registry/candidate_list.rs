//! The list of mailservers and what it is made of, without I/O.

mod list;

use std::collections::{BTreeMap, BTreeSet};

use self::list::{List, custom, network, origin_text, pinned_address};
use crate::{
    Instant,
    fleet_registry::discovery::{Discover, Discovered},
    messages::candidates::{
        AddressErrorText, CandidatesChanged, Configured, Fleet, RegistryError, Revision, Saved,
        SavedPin,
    },
    model::{
        mailserver::{Identity, Mailserver, Origin},
        node::{Mode, Profile, SavedMailserver, StorePeer},
    },
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
    /// Whether the node's own peers may be chosen. Default: on a network without a published fleet.
    pub discover: Discover,
}

/// The sources of the list, and the list.
#[derive(Debug, Default)]
pub(crate) struct CandidateList {
    config: Config,
    fleets: BTreeMap<String, Fleet>,
    /// What the node told last.
    profile: Option<Profile>,
    /// Its own peers that keep history.
    discovered: Discovered,
    /// What is kept across restarts.
    saved: Saved,
    current: CandidatesChanged,
    /// Of the two above.
    revision: Revision,
    told: BTreeSet<String>,
}

impl CandidateList {
    pub(crate) fn new(config: Config, saved: Saved, revision: Revision) -> Self {
        Self {
            config,
            saved,
            revision,
            ..Self::default()
        }
    }

    /// The list as last made.
    pub(crate) fn current(&self) -> &CandidatesChanged {
        &self.current
    }

    /// The number of what is saved and of the list.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// Takes over what was saved.
    pub(crate) fn take_over_saved(&mut self, saved: Saved) {
        if saved != self.saved {
            self.saved = saved;
            self.revise();
        }
    }

    fn revise(&mut self) {
        self.revision = Revision(self.revision.0.wrapping_add(1));
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

    /// Takes over what the configuration says now.
    pub(crate) fn configure(&mut self, configured: Configured) {
        let before = self.fleet();
        let Configured {
            fleet,
            pinned,
            mailservers,
        } = configured;
        self.config = Config {
            fleet,
            pinned,
            mailservers,
            discover: self.config.discover,
        };
        if self.fleet() != before {
            self.discovered.clear();
        }
    }

    /// Takes over what the node told. Its peers of another fleet are of another network.
    pub(crate) fn handle_profile(&mut self, profile: Profile) {
        let before = self.fleet();
        self.profile = Some(profile);
        if self.fleet() != before {
            self.discovered.clear();
        }
    }

    /// Takes over which of the node's own peers keep history; whether the list is to be made anew.
    pub(crate) fn handle_stores(&mut self, listed: Vec<StorePeer>, now: Instant) -> bool {
        self.discovered.handle_stores(listed, now)
    }

    /// Makes the list anew; whether it changed.
    pub(crate) fn rebuild(&mut self) -> bool {
        let made = self.make();
        let changed = made != self.current;
        if changed {
            self.current = made;
            self.revise();
        }
        changed
    }

    fn make(&mut self) -> CandidatesChanged {
        let Some(profile) = self.profile.clone() else {
            // Without a node nothing can be chosen; what was known stays.
            return self.current.clone();
        };
        let fleet = self.fleet();
        let name = fleet.clone().unwrap_or_default();
        let mut list = List::new(network(profile.mode));
        for mailserver in self.published(&name) {
            list.add(mailserver.clone());
        }
        let discovers = self.discovers(profile.mode, list.mailservers.is_empty());
        self.add_custom(&profile, &name, &mut list);
        let pin = self.wanted_pin(&profile);
        // A pin may be a full address, and then it names the place too: not one that a peer claims.
        let outside = pin.as_deref().and_then(|it| pinned_address(it, &name));
        outside.into_iter().for_each(|it| list.add(it));
        if discovers {
            let peers = self.discovered.mailservers(&name);
            peers.for_each(|it| list.add(it));
        }
        let pinned = pin.and_then(|it| self.resolve(&it, &list));
        let candidates = list.mailservers;
        if candidates.is_empty() {
            self.tell_of_none(&name, discovers);
        }
        CandidatesChanged {
            fleet,
            candidates,
            pinned,
        }
    }

    fn published(&self, fleet: &str) -> impl Iterator<Item = &Mailserver> {
        let fleet = self.fleets.get(fleet).into_iter();
        fleet.flat_map(|it| &it.mailservers)
    }

    /// Adds the custom mailservers of all sources that are meant for a fleet.
    fn add_custom(&mut self, profile: &Profile, fleet: &str, list: &mut List) {
        let sources = [
            (Origin::Node, profile.saved.clone()),
            (Origin::Configuration, self.config.mailservers.clone()),
            (Origin::Added, self.saved.added.clone()),
        ];
        for (origin, mailservers) in sources {
            for saved in mailservers.iter().filter(|it| it.fleet == fleet) {
                match custom(saved, origin) {
                    Ok(mailserver) => list.add(mailserver),
                    Err(error) => self.warn(&saved.id, &error.to_string()),
                }
            }
        }
    }

    /// Whether the node's own peers are candidates.
    fn discovers(&self, mode: Mode, unpublished: bool) -> bool {
        let usable = matches!(mode, Mode::Waku2 | Mode::Observe);
        usable
            && match self.config.discover {
                Discover::Auto => unpublished,
                Discover::On => true,
                Discover::Off => false,
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

    /// Finds whom a pin means.
    fn resolve(&mut self, pin: &str, list: &List) -> Option<Identity> {
        let found = list.find(pin).map(|it| it.identity.clone());
        if found.is_none() {
            self.warn(pin, "pinned, but no mailserver of that name is known");
        }
        found
    }

    fn tell_of_none(&mut self, fleet: &str, discovers: bool) {
        if discovers {
            if self.is_news(fleet, "none yet") {
                tracing::info!(fleet, "no mailservers yet: waiting for the node's peers");
            }
            return;
        }
        let known: Vec<&str> = self.fleets.keys().map(String::as_str).collect();
        let reason = format!("no mailservers for it; known fleets: {}", known.join(", "));
        self.warn(fleet, &reason);
    }

    /// Once for each reason, not at every rebuild.
    fn warn(&mut self, what: &str, reason: &str) {
        if self.is_news(what, reason) {
            tracing::warn!(what, reason, "mailserver list");
        }
    }

    fn is_news(&mut self, what: &str, reason: &str) -> bool {
        self.told.len() < 1024 && self.told.insert(format!("{what}: {reason}"))
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
            // Nobody has listed it by a name of its own so far.
            let unlisted = matches!(it.origin, Origin::Pin | Origin::Peer);
            match it.identity == added.identity {
                true => !unlisted,
                false => it.id == added.id,
            }
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
        let outside = pinned_address(pin, &self.fleet().unwrap_or_default());
        let outside = outside.filter(|it| list.fits(it));
        let known = list.find(pin);
        let vouched = known.filter(|it| it.origin != Origin::Peer).cloned();
        let found = vouched.or(outside).or(known.cloned());
        let mailserver = found.ok_or_else(|| RegistryError::Unknown(pin.to_owned()))?;
        let saved = Saved {
            pin: SavedPin::To(pin.to_owned()),
            ..self.saved.clone()
        };
        Ok((saved, mailserver))
    }

    /// What would be saved with no pin.
    pub(crate) fn without_pin(&self) -> Saved {
        Saved {
            pin: SavedPin::None,
            ..self.saved.clone()
        }
    }
}
