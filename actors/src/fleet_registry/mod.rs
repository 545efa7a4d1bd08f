//! Which mailservers there are: those of the node's fleet, the custom ones, the node's own peers, and the pin.
//!
//! One list without duplicates, made anew whenever one of its sources changes: the fleet file, the
//! node (its fleet, its saved mailservers, its pin, its peers), the configuration, and what was added by hand.

mod candidate_list;
mod discovery;

use std::time::Duration;

use actix::prelude::*;

pub use crate::fleet_registry::{
    candidate_list::{Config, MOST_CUSTOM},
    discovery::{Discover, KEPT, MOST_DISCOVERED},
};
use crate::{
    Instant,
    fleet_registry::candidate_list::CandidateList,
    messages::{
        candidates::{
            AddCustom, Candidates, CandidatesChanged, Changed, Configured, Expected, FleetsLoaded,
            Listed, Pin, RegistryError, RemoveCustom, Revision, Save, Saved, Unpin,
        },
        node::{NodeChanged, PeerSnapshot},
    },
    model::{mailserver::Mailserver, node::NodeState},
};

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
            candidate_list: CandidateList::new(config, saved, Revision(rand::random())),
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

    /// Plans, saves, then takes over; on an error nothing was changed. Until it is done nothing else is begun, so that
    /// of two who expect the same revision only one finds it.
    fn change<T: 'static>(
        &self,
        expected: &Expected,
        plan: impl FnOnce(&CandidateList) -> Planned<T>,
    ) -> Answer<T> {
        let planned = match expected.allows(self.candidate_list.revision()) {
            true => plan(&self.candidate_list),
            false => Err(RegistryError::Outdated),
        };
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
            actor.candidate_list.take_over_saved(saved);
            actor.announce();
            let revision = actor.candidate_list.revision();
            Ok(Changed { answer, revision })
        });
        AtomicResponse::new(Box::pin(done))
    }
}

/// What is to be saved, and the answer once it is.
type Planned<T> = Result<(Saved, T), RegistryError>;

/// An answer before which no other message is handled.
type Answer<T> = AtomicResponse<FleetRegistry, Result<Changed<T>, RegistryError>>;

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

impl Handler<Configured> for FleetRegistry {
    type Result = ();

    fn handle(&mut self, configured: Configured, _: &mut Context<Self>) {
        self.candidate_list.configure(configured);
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
        MessageResult(Listed {
            list: self.candidate_list.current().clone(),
            revision: self.candidate_list.revision(),
        })
    }
}

impl Handler<AddCustom> for FleetRegistry {
    type Result = Answer<Mailserver>;

    fn handle(&mut self, message: AddCustom, _: &mut Context<Self>) -> Self::Result {
        let AddCustom {
            mailserver,
            expected,
        } = message;
        self.change(&expected, |list| list.with_added(mailserver))
    }
}

impl Handler<RemoveCustom> for FleetRegistry {
    type Result = Answer<()>;

    fn handle(&mut self, message: RemoveCustom, _: &mut Context<Self>) -> Self::Result {
        let RemoveCustom { id, expected } = message;
        self.change(&expected, |list| Ok((list.with_removed(&id)?, ())))
    }
}

impl Handler<Pin> for FleetRegistry {
    type Result = Answer<Mailserver>;

    fn handle(&mut self, Pin { name, expected }: Pin, _: &mut Context<Self>) -> Self::Result {
        self.change(&expected, |list| list.with_pin(&name))
    }
}

impl Handler<Unpin> for FleetRegistry {
    type Result = Answer<()>;

    fn handle(&mut self, Unpin { expected }: Unpin, _: &mut Context<Self>) -> Self::Result {
        self.change(&expected, |list| Ok((list.without_pin(), ())))
    }
}
