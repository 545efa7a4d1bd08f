//! A registry with a fleet, a disk that can be full, and a listener.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use ::actors::{
    fleet_registry::{Config, FleetRegistry},
    messages::{
        candidates::{
            AddCustom, Candidates, CandidatesChanged, Changed, Expected, Fleet, FleetsLoaded, Pin,
            RegistryError, RemoveCustom, Revision, Save, Saved, SavedPin, Unpin,
        },
        node::NodeChanged,
    },
    model::{
        mailserver::Mailserver,
        node::{Mode, NodeState, Profile, SavedMailserver},
    },
    testing::{Probe, Received, enode, mailserver, profile},
};
use actix::prelude::*;

pub(crate) struct Rig {
    pub(crate) registry: Addr<FleetRegistry>,
    pub(crate) changes: Received<CandidatesChanged>,
    pub(crate) saved: Received<Save>,
    /// What becomes of the next saves.
    pub(crate) disk: Rc<RefCell<Result<(), String>>>,
}

/// A registry that knows mailservers 0 and 1 and enodes 0 and 1 as the fleet "test".
pub(crate) async fn registry(config: Config, saved: Saved) -> Rig {
    let disk = Rc::new(RefCell::new(Ok(())));
    let answer = disk.clone();
    let (save, saves) = Probe::answering(move |_: &Save| answer.borrow().clone());
    let (listener, changes) = Probe::start();
    let registry = FleetRegistry::new(config, saved, save, vec![listener]).start();
    let fleet = vec![enode(0), mailserver(0), enode(1), mailserver(1)];
    let fleets = FleetsLoaded(BTreeMap::from([(
        "test".into(),
        Fleet { mailservers: fleet },
    )]));
    registry.send(fleets).await.expect("it lives");
    Rig {
        registry,
        changes,
        saved: saves,
        disk,
    }
}

/// The same, with a waku2 node of that fleet.
pub(crate) async fn with_node(config: Config, saved: Saved) -> Rig {
    let rig = registry(config, saved).await;
    rig.node(profile(Mode::Waku2)).await;
    rig
}

pub(crate) async fn plain() -> Rig {
    with_node(Config::default(), Saved::default()).await
}

impl Rig {
    pub(crate) async fn node(&self, profile: Profile) {
        let ready = NodeChanged(NodeState::Ready { profile });
        self.registry.send(ready).await.expect("it lives");
    }

    pub(crate) async fn now(&self) -> CandidatesChanged {
        self.registry.send(Candidates).await.expect("it lives").list
    }

    pub(crate) async fn revision(&self) -> Revision {
        let listed = self.registry.send(Candidates).await;
        listed.expect("it lives").revision
    }

    pub(crate) async fn ids(&self) -> Vec<String> {
        let candidates = self.now().await.candidates;
        candidates.into_iter().map(|it| it.id).collect()
    }

    /// Who is pinned, by id.
    pub(crate) async fn pinned(&self) -> Option<String> {
        let list = self.now().await;
        let pinned = list.pinned?;
        let found = list.candidates.iter().find(|it| it.identity == pinned);
        Some(found.expect("the pin is a candidate").id.clone())
    }

    async fn change<T: 'static, M>(&self, change: M) -> Result<T, RegistryError>
    where
        M: Message<Result = Result<Changed<T>, RegistryError>> + Send + 'static,
        M::Result: Send,
        FleetRegistry: Handler<M>,
    {
        let changed = self.registry.send(change).await.expect("it lives");
        changed.map(|it| it.answer)
    }

    pub(crate) async fn pin(&self, name: &str) -> Result<Mailserver, RegistryError> {
        let (name, expected) = (name.into(), Expected::Anything);
        self.change(Pin { name, expected }).await
    }

    pub(crate) async fn unpin(&self) -> Result<(), RegistryError> {
        self.change(Unpin::default()).await
    }

    pub(crate) async fn add(&self, custom: SavedMailserver) -> Result<Mailserver, RegistryError> {
        self.change(addition(custom)).await
    }

    pub(crate) async fn remove(&self, id: &str) -> Result<(), RegistryError> {
        let (id, expected) = (id.into(), Expected::Anything);
        self.change(RemoveCustom { id, expected }).await
    }
}

/// Whatever was changed meanwhile.
pub(crate) fn addition(mailserver: SavedMailserver) -> AddCustom {
    let expected = Expected::Anything;
    AddCustom {
        mailserver,
        expected,
    }
}

/// Mailserver `index` as a custom one of the fleet "test".
pub(crate) fn custom(id: &str, index: usize) -> SavedMailserver {
    SavedMailserver {
        id: id.into(),
        name: String::new(),
        address: mailserver(index).address.to_string(),
        fleet: "test".into(),
    }
}

pub(crate) fn of_fleet(fleet: &str, custom: SavedMailserver) -> SavedMailserver {
    SavedMailserver {
        fleet: fleet.into(),
        ..custom
    }
}

pub(crate) fn pinned_to(pin: &str) -> Saved {
    Saved {
        pin: SavedPin::To(pin.into()),
        ..Saved::default()
    }
}

pub(crate) const FLEET: [&str; 2] = ["store-00.test", "store-01.test"];
