//! What must be covered: windows of time in which the node may have missed messages, and what became of each.
//!
//! ```text
//!        messages may be missed          ended             a request that began after its end is completed
//!  ──▶  Open, goes on  ───────────▶  Open  ───────────▶  Fetched  ───────────▶  Covered
//!                                     ▲ ▲                  │  nobody holds more    │
//!                                     │ └──────────────────┘                       │
//!                                     │   others hold more: it is wanted from them │
//!                                     └────────────────────────────────────────────┘
//!                                          … as they come to do later
//! ```
//!
//! A window is closed by a completed request alone, never by a message that happens to arrive. What can never be had is
//! given up, and said so. Everything is kept as it changes, in that order, and the mark that the sidecar runs with it, so
//! that a crash at any moment loses no window: the absence of the sidecar is one, from that mark on.

pub mod book;
mod exposure;
mod ledger;
mod requests;
mod spoken;

use actix::prelude::*;

pub use self::{book::Config, ledger::MOST_CLOSED};
use crate::{
    Instant,
    deadline::Deadline,
    journal::book::{Book, Command},
    messages::{
        events::Publish,
        history::{MailserverAvailable, MailserverGone, RequestNow},
        journal::{
            AskFor, Audited, GetReport, KeepJournal, KeptJournal, OpenWindow, Owe, Prefer,
            RequestBegan, RequestEnded, SweptUntil, WindowCovered, WindowsOpen,
        },
        node::{ConnectionChanged, HistorySignal, MessagesArrived, NodeChanged, PeerSnapshot},
        online::{Clocks, VerdictChanged},
    },
    model::{moment::Moment, window::Reason},
};

/// Whom the journal talks to.
#[derive(Clone)]
pub struct Ports {
    /// The history requester first, then those who have something else asked for.
    pub available: Vec<Recipient<MailserverAvailable>>,
    /// The same.
    pub gone: Vec<Recipient<MailserverGone>>,
    /// The history requester.
    pub owe: Recipient<Owe>,
    /// The connector.
    pub prefer: Recipient<Prefer>,
    /// The auditor.
    pub audit: Recipient<WindowCovered>,
    /// Those who do what can wait.
    pub open: Vec<Recipient<WindowsOpen>>,
    /// The adapter that keeps it.
    pub keep: Recipient<KeepJournal>,
    /// Everybody.
    pub events: Recipient<Publish>,
}

/// The actor: it executes what [`Book`] decides.
pub struct Journal {
    book: Book,
    ports: Ports,
    deadline: Deadline,
}

impl Journal {
    /// A journal that goes on from what was kept. `wall` is the time of day.
    #[must_use]
    pub fn new(config: Config, kept: KeptJournal, wall: Moment, ports: Ports) -> Self {
        Self {
            book: Book::restore(config, kept, wall, Instant::now()),
            ports,
            deadline: Deadline::default(),
        }
    }

    fn run<T>(
        &mut self,
        ctx: &mut Context<Self>,
        input: impl FnOnce(&mut Book, Instant) -> T,
    ) -> T {
        let result = input(&mut self.book, Instant::now());
        while let Some(command) = self.book.poll_command() {
            self.execute(command);
        }
        let at = self.book.poll_timeout(Instant::now());
        self.deadline.arm(at, ctx, |journal, ctx| {
            journal.deadline.clear();
            journal.run(ctx, Book::handle_timeout);
        });
        result
    }

    fn execute(&self, command: Command) {
        let ports = &self.ports;
        match command {
            Command::Available(source, pause, since) => {
                let available = MailserverAvailable {
                    source,
                    pause,
                    since,
                };
                tell(&ports.available, available);
            }
            Command::Gone => tell(&ports.gone, MailserverGone),
            Command::Owe(owe) => ports.owe.do_send(owe),
            Command::Prefer(prefer) => ports.prefer.do_send(prefer),
            Command::Audit(covered) => ports.audit.do_send(covered),
            Command::Open(open) => tell(&ports.open, WindowsOpen(open)),
            Command::Keep(entries) => ports.keep.do_send(KeepJournal(entries)),
            Command::Publish(event) => ports.events.do_send(Publish(event)),
        }
    }
}

fn tell<M>(listeners: &[Recipient<M>], message: M)
where
    M: Message<Result = ()> + Clone + Send,
{
    for listener in listeners {
        listener.do_send(message.clone());
    }
}

impl Actor for Journal {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.run(ctx, Book::handle_timeout);
    }
}

impl Supervised for Journal {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.deadline.clear();
        self.book.reset(Instant::now());
    }
}

impl Handler<NodeChanged> for Journal {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_node(&state, now));
    }
}

impl Handler<VerdictChanged> for Journal {
    type Result = ();

    fn handle(&mut self, VerdictChanged(verdict): VerdictChanged, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_verdict(verdict, now));
    }
}

/// Of the list of peers it needs only whether it is empty.
impl Handler<PeerSnapshot> for Journal {
    type Result = ();

    fn handle(&mut self, snapshot: PeerSnapshot, ctx: &mut Context<Self>) {
        let alone = snapshot.peers.is_empty();
        self.run(ctx, |it, now| it.handle_alone(alone, now));
    }
}

impl Handler<ConnectionChanged> for Journal {
    type Result = ();

    fn handle(&mut self, ConnectionChanged(said): ConnectionChanged, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_connectedness(said, now));
    }
}

impl Handler<Clocks> for Journal {
    type Result = ();

    fn handle(&mut self, clocks: Clocks, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_clocks(clocks, now));
    }
}

impl Handler<MailserverAvailable> for Journal {
    type Result = ();

    fn handle(&mut self, available: MailserverAvailable, ctx: &mut Context<Self>) {
        let MailserverAvailable { source, pause, .. } = available;
        self.run(ctx, |it, now| it.handle_available(source, pause, now));
    }
}

impl Handler<MailserverGone> for Journal {
    type Result = ();

    fn handle(&mut self, _: MailserverGone, ctx: &mut Context<Self>) {
        self.run(ctx, Book::handle_gone);
    }
}

impl Handler<RequestBegan> for Journal {
    type Result = ();

    fn handle(&mut self, began: RequestBegan, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_began(&began, now));
    }
}

impl Handler<RequestEnded> for Journal {
    type Result = ();

    fn handle(&mut self, ended: RequestEnded, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_ended(&ended, now));
    }
}

impl Handler<HistorySignal> for Journal {
    type Result = ();

    fn handle(&mut self, signal: HistorySignal, ctx: &mut Context<Self>) {
        if signal == HistorySignal::Completed {
            self.run(ctx, Book::handle_marker);
        }
    }
}

impl Handler<MessagesArrived> for Journal {
    type Result = ();

    fn handle(&mut self, arrived: MessagesArrived, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_messages(arrived.messages, now));
    }
}

impl Handler<Audited> for Journal {
    type Result = ();

    fn handle(&mut self, audited: Audited, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_audited(&audited, now));
    }
}

impl Handler<SweptUntil> for Journal {
    type Result = ();

    fn handle(&mut self, SweptUntil(moment): SweptUntil, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_swept(moment, now));
    }
}

impl Handler<OpenWindow> for Journal {
    type Result = ();

    fn handle(&mut self, open: OpenWindow, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_open(open.period, open.reason, now));
    }
}

impl Handler<AskFor> for Journal {
    type Result = MessageResult<AskFor>;

    fn handle(&mut self, AskFor(period): AskFor, ctx: &mut Context<Self>) -> Self::Result {
        let open = |it: &mut Book, now| it.handle_open(period, Reason::Asked, now);
        MessageResult(self.run(ctx, open))
    }
}

impl Handler<RequestNow> for Journal {
    type Result = ();

    fn handle(&mut self, _: RequestNow, ctx: &mut Context<Self>) {
        self.run(ctx, Book::handle_request);
    }
}

impl Handler<GetReport> for Journal {
    type Result = MessageResult<GetReport>;

    fn handle(&mut self, _: GetReport, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.book.report(Instant::now()))
    }
}
