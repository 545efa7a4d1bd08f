//! Has the node fill the gaps of which it knows.
//!
//! A node that fetches a long absence leaves messages that stand for gaps; nobody fills them unless a person taps them.
//! Here they are filled as soon as a mailserver can be asked and no history request is under way.
//!
//! | part | what it is |
//! |---|---|
//! | `gaps` | the decisions: which are filled when, and when they are given up |
//! | `waiting` | those that wait, by chat, and which of them go into one call: those that lie near each other |

mod gaps;
mod waiting;

use actix::prelude::*;

use crate::{
    Instant,
    deadline::{Deadline, LOST_CALL},
    messages::{
        events::Publish,
        gaps::GetStatus,
        history::{HistoryUnderWay, MailserverAvailable, MailserverGone},
        node::{FillGaps, MessagesArrived, NodeChanged},
        online::Clocks,
    },
    model::node::NodeState,
};
use gaps::{Command, Gaps};
pub use gaps::{MOST_FILLED, MOST_TRIES, RETENTION};
pub use waiting::{LONGEST, MOST_AT_ONCE, MOST_CHATS, MOST_WAITING, NEAR};

/// Whom the gap filler talks to.
#[derive(Clone)]
pub struct Ports {
    /// The node.
    pub fill: Recipient<FillGaps>,
    /// Everybody.
    pub events: Recipient<Publish>,
}

/// The actor: it executes what its decisions say.
pub struct GapFiller {
    gaps: Gaps,
    ports: Ports,
    deadline: Deadline,
}

impl GapFiller {
    /// One that has heard of no gap yet.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self {
            gaps: Gaps::new(),
            ports,
            deadline: Deadline::default(),
        }
    }

    fn run(&mut self, ctx: &mut Context<Self>, input: impl FnOnce(&mut Gaps, Instant)) {
        input(&mut self.gaps, Instant::now());
        while let Some(command) = self.gaps.poll_command() {
            self.execute(command, ctx);
        }
        let at = self.gaps.poll_timeout();
        self.deadline.arm(at, ctx, |filler, ctx| {
            filler.deadline.clear();
            filler.run(ctx, Gaps::handle_timeout);
        });
    }

    fn execute(&mut self, command: Command, ctx: &mut Context<Self>) {
        match command {
            Command::Fill {
                number,
                chat,
                messages,
            } => {
                let call = self.ports.fill.send(FillGaps { chat, messages });
                let answer = call.timeout(LOST_CALL).into_actor(self);
                ctx.spawn(answer.map(move |answer, filler, ctx| {
                    let answer = answer.unwrap_or_else(|lost| Err(lost.into()));
                    filler.run(ctx, |gaps, now| gaps.handle_answer(number, &answer, now));
                }));
            }
            Command::Publish(event) => self.ports.events.do_send(Publish(event)),
        }
    }
}

impl Actor for GapFiller {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.run(ctx, Gaps::handle_timeout);
    }
}

impl Supervised for GapFiller {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.deadline.clear();
        self.gaps.reset();
    }
}

impl Handler<NodeChanged> for GapFiller {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, ctx: &mut Context<Self>) {
        let ready = matches!(state, NodeState::Ready { .. });
        self.run(ctx, |gaps, now| gaps.handle_node(ready, now));
    }
}

impl Handler<MailserverAvailable> for GapFiller {
    type Result = ();

    fn handle(&mut self, available: MailserverAvailable, ctx: &mut Context<Self>) {
        self.run(ctx, |gaps, now| gaps.handle_available(available.pause, now));
    }
}

impl Handler<MailserverGone> for GapFiller {
    type Result = ();

    fn handle(&mut self, _: MailserverGone, ctx: &mut Context<Self>) {
        self.run(ctx, |gaps, _| gaps.handle_gone());
    }
}

impl Handler<HistoryUnderWay> for GapFiller {
    type Result = ();

    fn handle(&mut self, HistoryUnderWay(it): HistoryUnderWay, ctx: &mut Context<Self>) {
        self.run(ctx, |gaps, now| gaps.handle_under_way(it, now));
    }
}

impl Handler<MessagesArrived> for GapFiller {
    type Result = ();

    fn handle(&mut self, arrived: MessagesArrived, ctx: &mut Context<Self>) {
        self.run(ctx, |gaps, now| gaps.handle_gaps(arrived.gaps, now));
    }
}

impl Handler<Clocks> for GapFiller {
    type Result = ();

    fn handle(&mut self, clocks: Clocks, ctx: &mut Context<Self>) {
        self.run(ctx, |gaps, now| gaps.handle_clock(clocks.wall.into(), now));
    }
}

impl Handler<GetStatus> for GapFiller {
    type Result = MessageResult<GetStatus>;

    fn handle(&mut self, _: GetStatus, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.gaps.status())
    }
}
