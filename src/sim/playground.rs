//! A simulation that is looked at and broken while it runs: an actor, so that whoever does that may be in any thread.

use std::{rc::Rc, time::Duration};

use actix::{
    Actor, AsyncContext as _, AtomicResponse, Context, Handler, Message, MessageResult,
    WrapFuture as _,
};
use actors::model::node::Mode;
use serde::Serialize;

use super::{
    Simulation,
    ailment::{Ailment, NodeAilment},
};

/// A simulation that is played with. Messages are sent in it all the while, so that there is something to miss.
pub struct Playground {
    simulation: Rc<Simulation>,
    /// How many messages were sent.
    sent: u32,
}

/// Between two messages.
const PAUSE: Duration = Duration::from_secs(3);

/// Every mailserver keeps all of them: after 2.5 hours no more are sent.
const MOST_MESSAGES: u32 = 3000;

/// Tell what there is, and what is wrong with it.
#[derive(Debug, Message)]
#[rtype(result = "View")]
pub struct Look;

/// Break a mailserver, or mend it.
#[derive(Debug, Message)]
#[rtype(result = "Result<MailserverView, PlaygroundError>")]
pub struct Treat {
    /// Its id, or its name.
    pub id: String,
    /// `None`: it is well again.
    pub ailment: Option<Ailment>,
}

/// Break the node, or mend it with `None`.
#[derive(Debug, Message)]
#[rtype(result = "Result<NodeView, PlaygroundError>")]
pub struct TreatNode(pub Option<NodeAilment>);

/// All there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct View {
    /// The generation of the node.
    pub mode: Mode,
    /// The node.
    pub node: NodeView,
    /// What is sent in it.
    pub messages: MessagesView,
    /// The mailservers, in the order of their numbers.
    pub mailservers: Vec<MailserverView>,
}

/// The messages so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MessagesView {
    /// How many were sent.
    pub sent: u32,
    /// How many of them the node does not have.
    pub missing: usize,
    /// How many of these no mailserver holds that could be asked now.
    pub out_of_reach: usize,
}

/// A mailserver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailserverView {
    /// As the fleet file names it: `store-03.sim.test`.
    pub id: String,
    /// The same without the fleet: `store-03`.
    pub name: String,
    /// What is wrong with it; `None`: nothing.
    pub fault: Option<Ailment>,
    /// Whether the node lists it among its peers.
    pub connected: bool,
}

/// The node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeView {
    /// What is wrong with it; `None`: nothing.
    pub fault: Option<NodeAilment>,
    /// The id of the mailserver that it asks for history. Always `None` where it picks one for each query.
    pub mailserver: Option<String>,
    /// How many peers it has.
    pub peers: usize,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaygroundError {
    /// There is no such mailserver.
    #[error("no mailserver is called {id:?}: there are {known}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// The names of all.
        known: String,
    },
    /// The system did not give a port back.
    #[error("{0}")]
    Failed(String),
}

impl Playground {
    /// Of a simulation that others hold as well.
    #[must_use]
    pub fn new(simulation: Rc<Simulation>) -> Self {
        Self {
            simulation,
            sent: 0,
        }
    }

    fn send(&mut self) {
        if self.sent < MOST_MESSAGES {
            self.sent += 1;
            self.simulation.publish(&format!("message {}", self.sent));
        }
        // Nobody asks here which calls the node received.
        self.simulation.clear_journal();
    }

    fn messages(&self) -> MessagesView {
        MessagesView {
            sent: self.sent,
            missing: self.simulation.missing().len(),
            out_of_reach: self.simulation.unrecoverable().len(),
        }
    }

    fn mailservers(&self) -> Vec<MailserverView> {
        let peers = self.simulation.peers();
        let all = self.simulation.mailservers().into_iter().enumerate();
        all.map(|(index, it)| MailserverView {
            name: name(&it.id, &it.fleet),
            fault: self.simulation.ailment(index),
            connected: peers.contains(&it.id),
            id: it.id,
        })
        .collect()
    }

    fn find(&self, id: String) -> Result<usize, PlaygroundError> {
        let all = self.mailservers();
        let found = all.iter().position(|it| it.id == id || it.name == id);
        found.ok_or_else(|| {
            let names: Vec<_> = all.into_iter().map(|it| it.name).collect();
            let known = names.join(", ");
            PlaygroundError::Unknown { id, known }
        })
    }
}

/// An id without its fleet.
fn name(id: &str, fleet: &str) -> String {
    let own = id
        .strip_suffix(fleet)
        .and_then(|rest| rest.strip_suffix('.'));
    own.unwrap_or(id).to_owned()
}

fn node(simulation: &Simulation) -> NodeView {
    NodeView {
        fault: simulation.node_ailment(),
        mailserver: simulation.used_mailserver(),
        peers: simulation.peers().len(),
    }
}

fn failed(error: std::io::Error) -> PlaygroundError {
    PlaygroundError::Failed(error.to_string())
}

impl Actor for Playground {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.send();
        context.run_interval(PAUSE, |playground, _| playground.send());
    }
}

impl Handler<Look> for Playground {
    type Result = MessageResult<Look>;

    fn handle(&mut self, _: Look, _: &mut Self::Context) -> Self::Result {
        MessageResult(View {
            mode: self.simulation.mode(),
            node: node(&self.simulation),
            messages: self.messages(),
            mailservers: self.mailservers(),
        })
    }
}

impl Handler<Treat> for Playground {
    type Result = Result<MailserverView, PlaygroundError>;

    fn handle(&mut self, Treat { id, ailment }: Treat, _: &mut Self::Context) -> Self::Result {
        let index = self.find(id)?;
        self.simulation
            .set_ailment(index, ailment)
            .map_err(failed)?;
        Ok(self.mailservers().swap_remove(index))
    }
}

impl Handler<TreatNode> for Playground {
    // One after the other: a node that is being stopped is not started at the same time.
    type Result = AtomicResponse<Self, Result<NodeView, PlaygroundError>>;

    fn handle(&mut self, TreatNode(ailment): TreatNode, _: &mut Self::Context) -> Self::Result {
        let simulation = self.simulation.clone();
        let treating = async move {
            let done = simulation.set_node_ailment(ailment).await;
            done.map(|()| node(&simulation)).map_err(failed)
        };
        AtomicResponse::new(Box::pin(treating.into_actor(self)))
    }
}
