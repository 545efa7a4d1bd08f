//! What the node still has to ask its mailserver for, until it was answered.
//!
//! Every new connection owes the node its history; so does every request from outside. A request
//! that fails, is answered by nothing, or never returns is repeated with growing pauses; after a few
//! failures the mailserver itself is reported, so that another one is chosen. Community infos wait
//! until the history is there.

pub mod request_queue;

use std::time::Duration;

use actix::prelude::*;
use serde::Serialize;

pub use crate::history_requester::request_queue::Config;
use crate::{
    Instant,
    connector::{HistoryUnderWay, MailserverFailing, MailserverServed},
    deadline::Deadline,
    events::Publish,
    history_requester::request_queue::{Command, RequestQueue},
    model::mailserver::Mailserver,
    node::{HistorySignal, NodePort, RequestCommunity, RequestHistory},
};

/// A mailserver is connected: history can be asked for. Sent by the connector.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct MailserverAvailable {
    /// Which.
    pub mailserver: Mailserver,
    /// The node asks by itself after a change: ask only if it did not.
    pub node_asks_itself: bool,
    /// How long we wait before we ask: many others are about to ask the same mailserver.
    pub pause: Duration,
}

/// No mailserver is connected any more. Sent by the connector.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct MailserverGone;

/// Request missed history now, whatever was answered before.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct RequestNow;

/// Queue a community info request; answered once it is in the queue.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<(), QueueError>")]
pub struct QueueCommunity(pub String);

/// Why a community was not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The id is not a compressed public key in hex (`0x02…` or `0x03…`, 66 digits).
    #[error("community id {0:?} is not 0x and 66 hex digits beginning with 02 or 03")]
    BadId(String),
    /// Too many are waiting.
    #[error("{0} community requests wait already")]
    Full(usize),
}

/// The state, for the status page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// History is owed: a connection was made or a request accepted, and no answer came yet.
    pub owed: bool,
    /// Requests that were answered.
    pub completed: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Communities still waiting.
    pub communities: Vec<String>,
    /// Why the last try failed, for people; `None` after a success.
    pub last_failure: Option<String>,
}

/// Ask for it.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Status")]
pub struct GetStatus;

/// Whom the history requester talks to.
#[derive(Clone)]
pub struct Ports {
    /// The node.
    pub node: NodePort,
    /// The connector.
    pub failing: Recipient<MailserverFailing>,
    /// The connector.
    pub served: Recipient<MailserverServed>,
    /// The connector.
    pub under_way: Recipient<HistoryUnderWay>,
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
    /// A requester that owes nothing yet.
    #[must_use]
    pub fn new(config: Config, ports: Ports) -> Self {
        Self {
            queue: RequestQueue::new(config),
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
        let under_way = self.queue.is_requesting();
        if std::mem::replace(&mut self.under_way, under_way) != under_way {
            self.ports.under_way.do_send(HistoryUnderWay(under_way));
        }
        self.arm(ctx);
        result
    }

    fn execute(&mut self, command: Command, ctx: &mut Context<Self>) {
        let ports = &self.ports;
        match command {
            Command::Request(number) => {
                let answer = ports.node.request_history.send(RequestHistory);
                ctx.spawn(answer.into_actor(self).map(move |answer, requester, ctx| {
                    let answer = answer.unwrap_or_else(|closed| Err(closed.into()));
                    requester.run(ctx, |it, now| it.handle_answer(number, &answer, now));
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
        let MailserverAvailable {
            mailserver,
            node_asks_itself,
            pause,
        } = available;
        self.run(ctx, |it, now| {
            it.handle_available(mailserver, node_asks_itself, pause, now);
        });
    }
}

impl Handler<MailserverGone> for HistoryRequester {
    type Result = ();

    fn handle(&mut self, _: MailserverGone, ctx: &mut Context<Self>) {
        self.run(ctx, |it, _| it.handle_gone());
    }
}

impl Handler<HistorySignal> for HistoryRequester {
    type Result = ();

    fn handle(&mut self, signal: HistorySignal, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_signal(&signal, now));
    }
}

impl Handler<RequestNow> for HistoryRequester {
    type Result = ();

    fn handle(&mut self, _: RequestNow, ctx: &mut Context<Self>) {
        self.run(ctx, RequestQueue::handle_request);
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

impl Handler<GetStatus> for HistoryRequester {
    type Result = MessageResult<GetStatus>;

    fn handle(&mut self, _: GetStatus, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.queue.status())
    }
}
