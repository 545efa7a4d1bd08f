//! A list of mailservers, and how those come to be in it that no file lists.

use crate::model::{
    address::{Address, AddressError, Network},
    mailserver::{Mailserver, Origin},
    node::{Mode, SavedMailserver},
};

/// A list in which each identity occurs once: who came first stays.
pub(super) struct List {
    pub(super) network: Option<Network>,
    pub(super) mailservers: Vec<Mailserver>,
}

impl List {
    pub(super) fn new(network: Option<Network>) -> Self {
        Self {
            network,
            mailservers: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, mailserver: Mailserver) {
        let known = |it: &Mailserver| it.identity == mailserver.identity;
        if self.fits(&mailserver) && !self.mailservers.iter().any(known) {
            self.mailservers.push(mailserver);
        }
    }

    pub(super) fn fits(&self, mailserver: &Mailserver) -> bool {
        let network = mailserver.address.network();
        self.network.is_none_or(|it| it == network)
    }

    /// By id, identity or any address of it.
    pub(super) fn find(&self, name: &str) -> Option<&Mailserver> {
        let address: Option<Address> = name.parse().ok();
        let identity = address.as_ref().map(Address::identity);
        self.mailservers.iter().find(|it| {
            it.id == name || it.identity.as_str() == name || Some(&it.identity) == identity
        })
    }
}

/// Which addresses a node of this mode can use; `None`: any.
pub(super) fn network(mode: Mode) -> Option<Network> {
    match mode {
        Mode::Waku1 => Some(Network::Waku1),
        Mode::Waku2 | Mode::Pin => Some(Network::Waku2),
        Mode::Observe => None,
    }
}

pub(super) fn custom(saved: &SavedMailserver, origin: Origin) -> Result<Mailserver, AddressError> {
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

/// Whom a pin means that is a full address.
pub(super) fn pinned_address(pin: &str, fleet: &str) -> Option<Mailserver> {
    let address: Address = pin.parse().ok()?;
    Some(Mailserver {
        identity: address.identity().clone(),
        id: address.identity().to_string(),
        name: address.identity().to_string(),
        address,
        fleet: fleet.to_owned(),
        origin: Origin::Pin,
    })
}

pub(super) fn origin_text(origin: Origin) -> &'static str {
    match origin {
        Origin::Fleet => "the fleet file",
        Origin::Node => "the node",
        Origin::Configuration => "the configuration",
        Origin::Added => "the control API",
        Origin::Pin => "the pin",
        Origin::Peer => "the node's peers",
    }
}
