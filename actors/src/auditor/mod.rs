//! A second opinion: whether others hold messages that the node was not given.
//!
//! A window that was covered by one mailserver is compared with what others hold, hashes only; what is missing is
//! fetched again from whoever has it. Now and then a sweep asks whether anything was missed while all seemed well; from
//! what sweeps find it is told that the node is deaf.
//!
//! | part | what it is |
//! |---|---|
//! | `plan` | the decisions: what is asked when, made of the parts below |
//! | `audits` | the windows that are to be compared |
//! | `entry` | one of them, and where it stands |
//! | `inquiry` | whom an audit asks what |
//! | `judgement` | what the answers mean for a window |
//! | `comparison` | sets of hashes |
//! | `sweep` | when it is swept, and what came of it |
//! | `survey` | whom a sweep asks what |
//! | `deafness` | whether the node hears anything |
//! | `respondents` | who may be asked, and who is left alone |
//! | `slices` | periods and topics, cut into queries |
//! | `budget` | bytes and queries in an hour |

mod audits;
mod budget;
mod comparison;
mod deafness;
mod entry;
mod inquiry;
mod judgement;
mod plan;
mod respondents;
mod slices;
mod survey;
mod sweep;

use actix::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

pub use crate::auditor::plan::Config;
use crate::{
    Instant,
    auditor::plan::{Command, Plan},
    deadline::{Deadline, LOST_CALL},
    messages::{
        audit::GetStatus,
        candidates::CandidatesChanged,
        events::Publish,
        history::{MailserverAvailable, MailserverGone},
        journal::{Audited, OpenWindow, Prefer, SweptUntil, WindowCovered, WindowsOpen},
        node::{MessagesArrived, NodeChanged, ReadTopics},
        online::{Clocks, VerdictChanged},
        store::{FailedQuery, QueryStore, StoreFailure},
    },
    model::{
        moment::Moment,
        node::{NodeError, NodeState},
        verdict::Verdict,
    },
};

/// Whom the auditor talks to.
#[derive(Clone)]
pub struct Ports {
    /// The node.
    pub read_topics: Recipient<ReadTopics>,
    /// The adapter that asks mailservers.
    pub query_store: Recipient<QueryStore>,
    /// The journal.
    pub audited: Recipient<Audited>,
    /// The journal.
    pub open_window: Recipient<OpenWindow>,
    /// The journal.
    pub swept: Recipient<SweptUntil>,
    /// The connector.
    pub prefer: Recipient<Prefer>,
    /// Everybody.
    pub events: Recipient<Publish>,
}

/// The actor: it executes what the plan decides.
pub struct Auditor {
    plan: Plan,
    ports: Ports,
    deadline: Deadline,
}

impl Auditor {
    /// An auditor that knows of nothing yet, but up to when an earlier process has swept. `seed` makes its draws repeatable.
    #[must_use]
    pub fn new(config: Config, swept: Option<Moment>, seed: Option<u64>, ports: Ports) -> Self {
        let random = seed.map_or_else(rand::make_rng, StdRng::seed_from_u64);
        Self {
            plan: Plan::new(config, swept, random, Instant::now()),
            ports,
            deadline: Deadline::default(),
        }
    }

    fn run(&mut self, ctx: &mut Context<Self>, input: impl FnOnce(&mut Plan, Instant)) {
        let now = Instant::now();
        input(&mut self.plan, now);
        while let Some(command) = self.plan.poll_command() {
            self.execute(command, ctx);
        }
        let at = self.plan.poll_timeout(now);
        self.deadline.arm(at, ctx, |auditor, ctx| {
            auditor.deadline.clear();
            auditor.run(ctx, Plan::handle_timeout);
        });
    }

    fn execute(&mut self, command: Command, ctx: &mut Context<Self>) {
        let ports = &self.ports;
        match command {
            Command::ReadTopics(number) => {
                let answer = ports.read_topics.send(ReadTopics).timeout(LOST_CALL);
                ctx.spawn(answer.into_actor(self).map(move |answer, auditor, ctx| {
                    let answer = answer.unwrap_or_else(|lost| Err(NodeError::from(lost)));
                    auditor.run(ctx, |it, now| it.handle_topics(number, answer, now));
                }));
            }
            Command::Ask(number, query) => {
                let answer = ports.query_store.send(query).timeout(LOST_CALL);
                ctx.spawn(answer.into_actor(self).map(move |answer, auditor, ctx| {
                    let broken = |lost: MailboxError| StoreFailure::Broken(lost.to_string());
                    let lost = |lost| Err(FailedQuery::uncounted(broken(lost)));
                    let answer = answer.unwrap_or_else(lost);
                    auditor.run(ctx, |it, now| it.handle_answer(number, answer, now));
                }));
            }
            Command::Tell(audited) => ports.audited.do_send(audited),
            Command::Open(window) => ports.open_window.do_send(window),
            Command::Swept(until) => ports.swept.do_send(SweptUntil(until)),
            Command::Prefer(prefer) => ports.prefer.do_send(prefer),
            Command::Publish(event) => ports.events.do_send(Publish(event)),
        }
    }
}

impl Actor for Auditor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.run(ctx, Plan::handle_timeout);
    }
}

impl Supervised for Auditor {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.deadline.clear();
        self.plan.reset();
    }
}

impl Handler<WindowCovered> for Auditor {
    type Result = ();

    fn handle(&mut self, window: WindowCovered, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_covered(window, now));
    }
}

impl Handler<WindowsOpen> for Auditor {
    type Result = ();

    fn handle(&mut self, WindowsOpen(open): WindowsOpen, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_open(open, now));
    }
}

impl Handler<NodeChanged> for Auditor {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, ctx: &mut Context<Self>) {
        let ready = matches!(state, NodeState::Ready { .. });
        self.run(ctx, |it, now| it.handle_node(ready, now));
    }
}

impl Handler<MessagesArrived> for Auditor {
    type Result = ();

    fn handle(&mut self, arrived: MessagesArrived, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_arrived(arrived.messages, now));
    }
}

impl Handler<CandidatesChanged> for Auditor {
    type Result = ();

    fn handle(&mut self, changed: CandidatesChanged, ctx: &mut Context<Self>) {
        self.run(ctx, |it, _| it.handle_candidates(changed.candidates));
    }
}

impl Handler<VerdictChanged> for Auditor {
    type Result = ();

    fn handle(&mut self, VerdictChanged(verdict): VerdictChanged, ctx: &mut Context<Self>) {
        let online = verdict == Verdict::Online;
        self.run(ctx, |it, now| it.handle_online(online, now));
    }
}

impl Handler<MailserverAvailable> for Auditor {
    type Result = ();

    fn handle(&mut self, available: MailserverAvailable, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_source(Some(available.source), now));
    }
}

impl Handler<MailserverGone> for Auditor {
    type Result = ();

    fn handle(&mut self, _: MailserverGone, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_source(None, now));
    }
}

impl Handler<Clocks> for Auditor {
    type Result = ();

    fn handle(&mut self, clocks: Clocks, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_clock(clocks.wall.into(), now));
    }
}

impl Handler<GetStatus> for Auditor {
    type Result = MessageResult<GetStatus>;

    fn handle(&mut self, _: GetStatus, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.plan.status(Instant::now()))
    }
}
