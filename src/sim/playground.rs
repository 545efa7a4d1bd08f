//! A simulation that is looked at and broken while it runs: an actor, so that whoever does that may be in any thread.

use std::rc::Rc;

use actix::{Actor, AtomicResponse, Context, Handler, Message, MessageResult, WrapFuture as _};
use actors::model::node::Mode;
use serde::Serialize;

use super::{
    Simulation,
    ailment::{Ailment, NodeAilment},
};

/// A simulation that is played with.
pub struct Playground(Rc<Simulation>);

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
    /// The mailservers, in the order of their numbers.
    pub mailservers: Vec<MailserverView>,
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
        Self(simulation)
    }

    fn mailservers(&self) -> Vec<MailserverView> {
        let peers = self.0.peers();
        let all = self.0.mailservers().into_iter().enumerate();
        all.map(|(index, it)| MailserverView {
            name: name(&it.id, &it.fleet),
            fault: self.0.ailment(index),
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
}

impl Handler<Look> for Playground {
    type Result = MessageResult<Look>;

    fn handle(&mut self, _: Look, _: &mut Self::Context) -> Self::Result {
        MessageResult(View {
            mode: self.0.mode(),
            node: node(&self.0),
            mailservers: self.mailservers(),
        })
    }
}

impl Handler<Treat> for Playground {
    type Result = Result<MailserverView, PlaygroundError>;

    fn handle(&mut self, Treat { id, ailment }: Treat, _: &mut Self::Context) -> Self::Result {
        let index = self.find(id)?;
        self.0.set_ailment(index, ailment).map_err(failed)?;
        Ok(self.mailservers().swap_remove(index))
    }
}

impl Handler<TreatNode> for Playground {
    // One after the other: a node that is being stopped is not started at the same time.
    type Result = AtomicResponse<Self, Result<NodeView, PlaygroundError>>;

    fn handle(&mut self, TreatNode(ailment): TreatNode, _: &mut Self::Context) -> Self::Result {
        let simulation = self.0.clone();
        let treating = async move {
            let done = simulation.set_node_ailment(ailment).await;
            done.map(|()| node(&simulation)).map_err(failed)
        };
        AtomicResponse::new(Box::pin(treating.into_actor(self)))
    }
}
