//! Extends chats backwards whose history begins later than it could, if people want that.
//!
//! A node that joins a chat, or was away for long, fetches a day or so of it. The rest is fetched step by step, within a
//! budget, and only while nothing is more urgent.
//!
//! | part | what it is |
//! |---|---|
//! | `plan` | the decisions: which chat is extended when |
//! | `budget` | how many steps an hour has room for |

mod budget;
mod plan;

use actix::prelude::*;

use crate::{
    Instant,
    deadline::{Deadline, LOST_CALL},
    messages::{
        history::{HistoryUnderWay, MailserverAvailable, MailserverGone},
        journal::WindowsOpen,
        node::{ExtendChat, NodeChanged, ReadChats},
        online::Clocks,
    },
    model::node::{NodeError, NodeState},
};
pub use budget::MOST_STEPS_AN_HOUR;
use plan::{Command, Plan};
pub use plan::{MOST_STEPS_A_DAY, READ_EVERY, RETENTION};

/// Whom the backfill talks to.
#[derive(Clone)]
pub struct Ports {
    /// The node.
    pub read_chats: Recipient<ReadChats>,
    /// The node.
    pub extend: Recipient<ExtendChat>,
}

/// The actor: it executes what the plan decides.
pub struct Backfill {
    plan: Plan,
    ports: Ports,
    deadline: Deadline,
}

impl Backfill {
    /// One that has heard of no node yet.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self {
            plan: Plan::new(Instant::now()),
            ports,
            deadline: Deadline::default(),
        }
    }

    fn run(&mut self, ctx: &mut Context<Self>, input: impl FnOnce(&mut Plan, Instant)) {
        input(&mut self.plan, Instant::now());
        while let Some(command) = self.plan.poll_command() {
            self.execute(command, ctx);
        }
        let at = self.plan.poll_timeout();
        self.deadline.arm(at, ctx, |backfill, ctx| {
            backfill.deadline.clear();
            backfill.run(ctx, Plan::handle_timeout);
        });
    }

    fn execute(&mut self, command: Command, ctx: &mut Context<Self>) {
        match command {
            Command::Read(number) => {
                let call = self.ports.read_chats.send(ReadChats);
                self.ask(ctx, call, move |plan, answer, now| {
                    plan.handle_chats(number, answer, now);
                });
            }
            Command::Extend(number, chat) => {
                let call = self.ports.extend.send(ExtendChat(chat));
                self.ask(ctx, call, move |plan, answer, now| {
                    plan.handle_extended(number, answer, now);
                });
            }
        }
    }

    /// Sends a call; the plan is told the answer.
    fn ask<M, T: 'static>(
        &self,
        ctx: &mut Context<Self>,
        call: RecipientRequest<M>,
        told: impl FnOnce(&mut Plan, Result<T, NodeError>, Instant) + 'static,
    ) where
        M: Message<Result = Result<T, NodeError>> + Send + 'static,
        M::Result: Send,
    {
        let answer = call.timeout(LOST_CALL).into_actor(self);
        ctx.spawn(answer.map(move |answer, backfill, ctx| {
            let answer = answer.unwrap_or_else(|lost| Err(lost.into()));
            backfill.run(ctx, |plan, now| told(plan, answer, now));
        }));
    }
}

impl Actor for Backfill {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.run(ctx, Plan::handle_timeout);
    }
}

impl Supervised for Backfill {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.deadline.clear();
        self.plan.reset();
    }
}

impl Handler<NodeChanged> for Backfill {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, ctx: &mut Context<Self>) {
        let ready = matches!(state, NodeState::Ready { .. });
        self.run(ctx, |plan, now| plan.handle_node(ready, now));
    }
}

impl Handler<MailserverAvailable> for Backfill {
    type Result = ();

    fn handle(&mut self, _: MailserverAvailable, ctx: &mut Context<Self>) {
        self.run(ctx, |plan, now| plan.handle_available(true, now));
    }
}

impl Handler<MailserverGone> for Backfill {
    type Result = ();

    fn handle(&mut self, _: MailserverGone, ctx: &mut Context<Self>) {
        self.run(ctx, |plan, now| plan.handle_available(false, now));
    }
}

impl Handler<WindowsOpen> for Backfill {
    type Result = ();

    fn handle(&mut self, WindowsOpen(open): WindowsOpen, ctx: &mut Context<Self>) {
        self.run(ctx, |plan, now| plan.handle_open(open, now));
    }
}

impl Handler<HistoryUnderWay> for Backfill {
    type Result = ();

    fn handle(&mut self, HistoryUnderWay(it): HistoryUnderWay, ctx: &mut Context<Self>) {
        self.run(ctx, |plan, now| plan.handle_under_way(it, now));
    }
}

impl Handler<Clocks> for Backfill {
    type Result = ();

    fn handle(&mut self, clocks: Clocks, ctx: &mut Context<Self>) {
        self.run(ctx, |plan, now| plan.handle_clock(clocks.wall.into(), now));
    }
}
