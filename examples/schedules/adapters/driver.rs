//! The actor that answers what other actors ask of the node.

use std::rc::Rc;

use actix::{
    Actor, Addr, AsyncContext as _, Context, Handler, Message, ResponseFuture, Supervised,
    WrapFuture as _,
};
use actors::{
    messages::node::{
        Connect, DropPeer, FillGaps, Introduce, NodePort, ReadTopics, RefreshPeers,
        RequestCommunity, RequestHistory,
    },
    model::{
        node::{CommunityAnswer, Connection, HistoryAnswer, NodeError},
        topic::MarkedTopic,
    },
};

use super::{
    link::{Link, Listeners},
    orders, rewind, session,
};

/// Whom the driver tells about the node: it begins with this.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Attach(pub(crate) Listeners);

/// The actor.
pub(crate) struct Driver {
    link: Rc<Link>,
}

impl Driver {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link: Rc::new(link),
        }
    }

    pub(crate) fn port(driver: &Addr<Self>) -> NodePort {
        NodePort {
            connect: driver.clone().recipient(),
            introduce: driver.clone().recipient(),
            drop_peer: driver.clone().recipient(),
            refresh_peers: driver.clone().recipient(),
            request_history: driver.clone().recipient(),
            read_topics: driver.clone().recipient(),
            request_community: driver.clone().recipient(),
        }
    }

    /// Answers from outside the actor, so that a call that hangs holds nobody up.
    fn answer<T: 'static, F>(
        &self,
        call: impl FnOnce(Rc<Link>) -> F,
    ) -> ResponseFuture<Result<T, NodeError>>
    where
        F: Future<Output = Result<T, NodeError>> + 'static,
    {
        let link = self.link.clone();
        match link.ready() {
            Err(error) => Box::pin(std::future::ready(Err(error))),
            Ok(()) => {
                let call = call(link.clone());
                Box::pin(async move { link.watch(call.await) })
            }
        }
    }
}

impl Actor for Driver {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.spawn(session::run(self.link.clone()).into_actor(self));
    }
}

impl Supervised for Driver {}

impl Handler<Attach> for Driver {
    type Result = ();

    fn handle(&mut self, Attach(listeners): Attach, _: &mut Context<Self>) {
        *self.link.listeners.borrow_mut() = Some(listeners);
        self.link.attached.notify_one();
    }
}

impl Handler<Connect> for Driver {
    type Result = ResponseFuture<Result<Connection, NodeError>>;

    fn handle(&mut self, order: Connect, _: &mut Context<Self>) -> Self::Result {
        let attempt = self.link.begin_attempt();
        self.answer(|link| async move { orders::connect(&link, attempt, order).await })
    }
}

impl Handler<Introduce> for Driver {
    type Result = ResponseFuture<Result<Connection, NodeError>>;

    fn handle(&mut self, Introduce(who): Introduce, _: &mut Context<Self>) -> Self::Result {
        self.answer(|link| async move { orders::introduce(&link, &who).await })
    }
}

impl Handler<DropPeer> for Driver {
    type Result = ResponseFuture<Result<(), NodeError>>;

    fn handle(&mut self, DropPeer(who): DropPeer, _: &mut Context<Self>) -> Self::Result {
        self.answer(|link| async move { orders::drop_peer(&link, &who).await })
    }
}

impl Handler<RefreshPeers> for Driver {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: RefreshPeers, _: &mut Context<Self>) -> Self::Result {
        let link = self.link.clone();
        Box::pin(async move {
            if link.ready().is_ok() {
                let _ = link.watch(link.refresh().await);
            }
        })
    }
}

impl Handler<RequestHistory> for Driver {
    type Result = ResponseFuture<Result<HistoryAnswer, NodeError>>;

    fn handle(&mut self, order: RequestHistory, _: &mut Context<Self>) -> Self::Result {
        self.answer(|link| async move { rewind::request(&link, order.since).await })
    }
}

impl Handler<ReadTopics> for Driver {
    type Result = ResponseFuture<Result<Vec<MarkedTopic>, NodeError>>;

    fn handle(&mut self, _: ReadTopics, _: &mut Context<Self>) -> Self::Result {
        self.answer(|link| async move { rewind::topics(&link).await })
    }
}

impl Handler<RequestCommunity> for Driver {
    type Result = ResponseFuture<Result<CommunityAnswer, NodeError>>;

    fn handle(&mut self, _: RequestCommunity, _: &mut Context<Self>) -> Self::Result {
        self.answer(|_| async { Ok(CommunityAnswer::Unknown) })
    }
}

impl Handler<FillGaps> for Driver {
    type Result = ResponseFuture<Result<(), NodeError>>;

    fn handle(&mut self, _: FillGaps, _: &mut Context<Self>) -> Self::Result {
        self.answer(|_| async { Ok(()) })
    }
}
