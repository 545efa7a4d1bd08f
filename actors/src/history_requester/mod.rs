//! What the node still has to ask its mailserver for, until it was answered.
//!
//! Every new connection owes the node its history; so does every request from outside. A request
//! that fails, is answered by nothing, or never returns is repeated with growing pauses; after a few
//! failures the mailserver itself is reported, so that another one is chosen. Community infos wait
//! until the history is there.

mod community_queue;
mod patience;
pub mod request_queue;

use actix::prelude::*;

pub use crate::history_requester::{
    community_queue::{DEADLINE, MOST_COMMUNITIES},
    request_queue::Config,
};
use crate::{
    Instant,
    deadline::Deadline,
    history_requester::request_queue::{Command, RequestQueue},
    messages::{
        events::Publish,
        history::{
            GetStatus, HistoryUnderWay, KeepCommunities, KeptCommunity, MailserverAvailable,
            MailserverFailing, MailserverGone, MailserverServed, QueueCommunity, QueueError,
        },
        journal::{Owe, RequestBegan, RequestEnded},
        node::{HistorySignal, NodePort, ReadTopics, RequestCommunity, RequestHistory},
        online::Clocks,
    },
};

/// Whom the history requester talks to.
#[derive(Clone)]
pub struct Ports {
    /// The node.
    pub node: NodePort,
    /// The connector.
    pub failing: Recipient<MailserverFailing>,
    /// The connector.
    pub served: Recipient<MailserverServed>,
    /// The connector, and the gap filler.
    pub under_way: Vec<Recipient<HistoryUnderWay>>,
    /// The journal.
    pub began: Recipient<RequestBegan>,
    /// The journal.
    pub ended: Recipient<RequestEnded>,
    /// The adapter that keeps the communities that wait.
    pub keep: Recipient<KeepCommunities>,
    /// Everybody.
    pub events: Recipient<Publish>,
}

/// The actor: it executes what [`RequestQueue`] decides.
pub struct HistoryRequester {
    queue: RequestQueue,
    ports: Ports,
    deadline: Deadline,
    /// What the connector was told last.
    under_way: bool,
}

impl HistoryRequester {
    /// A requester that owes nothing yet but the communities that an earlier process kept.
    #[must_use]
    pub fn new(config: Config, kept: Vec<KeptCommunity>, ports: Ports) -> Self {
        let mut queue = RequestQueue::new(config);
        queue.restore(kept, Instant::now());
        Self {
            queue,
            ports,
            deadline: Deadline::default(),
            under_way: false,
        }
    }

    fn run<T>(
        &mut self,
        ctx: &mut Context<Self>,
        input: impl FnOnce(&mut RequestQueue, Instant) -> T,
    ) -> T {
        let result = input(&mut self.queue, Instant::now());
        while let Some(command) = self.queue.poll_command() {
            self.execute(command, ctx);
        }
        if let Some(kept) = self.queue.poll_kept() {
            self.ports.keep.do_send(KeepCommunities(kept));
        }
        let under_way = self.queue.is_requesting();
        if std::mem::replace(&mut self.under_way, under_way) != under_way {
            for listener in &self.ports.under_way {
                listener.do_send(HistoryUnderWay(under_way));
            }
        }
        self.arm(ctx);
        result
    }

    fn execute(&mut self, command: Command, ctx: &mut Context<Self>) {
        let ports = &self.ports;
        match command {
            Command::Request(number, since) => {
                let answer = ports.node.request_history.send(RequestHistory { since });
                ctx.spawn(answer.into_actor(self).map(move |answer, requester, ctx| {
                    let answer = answer.unwrap_or_else(|closed| Err(closed.into()));
                    requester.run(ctx, |it, now| it.handle_answer(number, &answer, now));
                }));
            }
            Command::ReadMarkers(number) => {
                let answer = ports.node.read_topics.send(ReadTopics);
                ctx.spawn(answer.into_actor(self).map(move |answer, requester, ctx| {
                    let answer = answer.unwrap_or_else(|closed| Err(closed.into()));
                    requester.run(ctx, |it, now| it.handle_markers(number, &answer, now));
                }));
            }
            Command::RequestCommunity(number, id) => {
                let answer = ports.node.request_community.send(RequestCommunity(id));
                ctx.spawn(answer.into_actor(self).map(move |answer, requester, ctx| {
                    let answer = answer.unwrap_or_else(|closed| Err(closed.into()));
                    requester.run(ctx, |it, now| it.handle_community(number, &answer, now));
                }));
            }
            Command::Failing(identity, reason) => {
                let failing = MailserverFailing { identity, reason };
                ports.failing.do_send(failing);
            }
            Command::Began(began) => ports.began.do_send(began),
            Command::Ended(ended) => ports.ended.do_send(ended),
            Command::Served(identity) => ports.served.do_send(MailserverServed(identity)),
            Command::Publish(event) => ports.events.do_send(Publish(event)),
        }
    }

    fn arm(&mut self, ctx: &mut Context<Self>) {
        let at = self.queue.poll_timeout();
        self.deadline.arm(at, ctx, |requester, ctx| {
            requester.deadline.clear();
            requester.run(ctx, RequestQueue::handle_timeout);
        });
    }
}

impl Actor for HistoryRequester {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.run(ctx, RequestQueue::handle_timeout);
    }
}

impl Supervised for HistoryRequester {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.deadline.clear();
        self.queue.reset();
    }
}

impl Handler<MailserverAvailable> for HistoryRequester {
    type Result = ();

    fn handle(&mut self, available: MailserverAvailable, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_available(available, now));
    }
}

impl Handler<MailserverGone> for HistoryRequester {
    type Result = ();

    fn handle(&mut self, _: MailserverGone, ctx: &mut Context<Self>) {
        self.run(ctx, RequestQueue::handle_gone);
    }
}

impl Handler<HistorySignal> for HistoryRequester {
    type Result = ();

    fn handle(&mut self, signal: HistorySignal, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_signal(&signal, now));
    }
}

impl Handler<Owe> for HistoryRequester {
    type Result = ();

    fn handle(&mut self, owe: Owe, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_owe(owe, now));
    }
}

impl Handler<QueueCommunity> for HistoryRequester {
    type Result = Result<(), QueueError>;

    fn handle(
        &mut self,
        QueueCommunity(id): QueueCommunity,
        ctx: &mut Context<Self>,
    ) -> Self::Result {
        self.run(ctx, |it, now| it.handle_queue(id, now))
    }
}

impl Handler<Clocks> for HistoryRequester {
    type Result = ();

    fn handle(&mut self, clocks: Clocks, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_clock(clocks.wall.into(), now));
    }
}

impl Handler<GetStatus> for HistoryRequester {
    type Result = MessageResult<GetStatus>;

    fn handle(&mut self, _: GetStatus, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.queue.status())
    }
}
