//! The loop as an actor: it feeds [`cycle`] or [`observation`] with what happens and executes what they decide.

mod attempts;
pub mod command;
mod comparison;
pub mod crowd;
pub mod cycle;
mod evidence;
mod failovers;
mod handlers;
pub mod jitter;
mod loops;
pub mod memory;
mod node_view;
pub mod observation;
mod outage;
mod pauses;
mod phase;
pub mod pin;
mod preferred;
mod probation;
mod search;
mod standby;
mod status;
mod watch_order;
mod world_return;

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    time::{Duration, SystemTime},
};

use actix::prelude::*;

pub use crate::connector::cycle::{Config, Readiness};
use crate::{
    Instant,
    connector::{command::Command, loops::Loops, memory::Memory},
    deadline::Deadline,
    messages::{
        connection::Remember,
        events::Publish,
        history::{MailserverAvailable, MailserverGone, Source},
        node::{Connect, DropPeer, Introduce, NodePort, RefreshPeers},
        peers::{Mark, Repeat},
        selection::Select,
        watch::Watch,
    },
    model::{
        mailserver::{Identity, Mailserver},
        node::{Connection, Mode, NodeError},
        record::Record,
    },
};

/// Whom the connector talks to.
#[derive(Clone)]
pub struct Ports {
    /// The node.
    pub node: NodePort,
    /// The selector.
    pub select: Recipient<Select>,
    /// The peer tracker, for what the connector knows better.
    pub mark: Recipient<Mark>,
    /// The peer tracker, after a restart.
    pub repeat: Recipient<Repeat>,
    /// The journal.
    pub available: Recipient<MailserverAvailable>,
    /// The journal.
    pub unavailable: Recipient<MailserverGone>,
    /// The watch.
    pub watch: Recipient<Watch>,
    /// Who keeps what is remembered across restarts.
    pub remember: Recipient<Remember>,
    /// Everybody.
    pub events: Recipient<Publish>,
}

/// The actor: it executes what its loops decide.
pub struct Connector {
    loops: Loops,
    ports: Ports,
    deadline: Deadline,
}

impl Connector {
    /// A connector that waits for the node. `kept` is what an earlier process remembered; `seed` makes its
    /// draws repeatable.
    #[must_use]
    pub fn new(
        config: Config,
        kept: BTreeMap<Identity, Record>,
        seed: Option<u64>,
        ports: Ports,
    ) -> Self {
        let memory = Memory::restore(kept, Instant::now(), wall_ms());
        Self {
            loops: Loops::new(config, memory, seed),
            ports,
            deadline: Deadline::default(),
        }
    }

    /// Has the loop handle an input, then executes what it wants. `what` names the input, for the log.
    fn run(
        &mut self,
        what: &'static str,
        ctx: &mut Context<Self>,
        input: impl FnOnce(&mut Loops, Instant),
    ) {
        let before = self.loops.phase();
        input(&mut self.loops, Instant::now());
        if self.loops.phase() != before {
            self.loops.log_transition(what, before);
        }
        self.execute_all(ctx);
    }

    fn execute_all(&mut self, ctx: &mut Context<Self>) {
        while let Some(command) = self.loops.poll_command() {
            if self.execute(command, ctx).is_break() {
                return;
            }
        }
        let changed = self
            .loops
            .cycle
            .memory()
            .take_changed(Instant::now(), wall_ms());
        if !changed.is_empty() {
            self.ports.remember.do_send(Remember(changed));
        }
        self.arm(ctx);
    }

    /// What follows waits until the node has dropped the peer, but not for long: on waku2, v0.94 it
    /// never does, whatever it answers.
    fn drop_first(&mut self, mailserver: Mailserver, ctx: &mut Context<Self>) {
        let dropped = self.ports.node.drop_peer.send(DropPeer(mailserver));
        let dropped = dropped.timeout(DROP_LIMIT).into_actor(self);
        ctx.wait(dropped.map(|_, connector, ctx| connector.execute_all(ctx)));
    }

    /// Whenever the node answers a call that connects, the loops are told.
    fn await_answer<M>(&self, number: u64, call: RecipientRequest<M>, ctx: &mut Context<Self>)
    where
        M: Message<Result = Result<Connection, NodeError>> + Send + 'static,
    {
        ctx.spawn(call.into_actor(self).map(move |answer, connector, ctx| {
            let answer = answer.unwrap_or_else(|closed| Err(closed.into()));
            connector.run("answer", ctx, |it, now| {
                it.handle_answer(number, answer, now)
            });
        }));
    }

    /// Breaks where what follows has to wait.
    fn execute(&mut self, command: Command, ctx: &mut Context<Self>) -> ControlFlow<()> {
        let ports = &self.ports;
        match command {
            Command::Select(select) => ports.select.do_send(select),
            Command::Connect(number, mailserver) => {
                let standby = self.loops.cycle.kept_connected(&mailserver).cloned();
                let connect = Connect {
                    mailserver,
                    standby,
                };
                self.await_answer(number, ports.node.connect.send(connect), ctx);
            }
            Command::Introduce(number, mailserver) => {
                let call = ports.node.introduce.send(Introduce(mailserver));
                self.await_answer(number, call, ctx);
            }
            Command::Drop(mailserver) => {
                self.drop_first(mailserver, ctx);
                return ControlFlow::Break(());
            }
            Command::Refresh => ports.node.refresh_peers.do_send(RefreshPeers),
            Command::Mark(identity, state) => ports.mark.do_send(Mark { identity, state }),
            Command::Available(mailserver, pause) => ports.available.do_send(MailserverAvailable {
                source: Source::Active {
                    mailserver,
                    node_asks_itself: self.loops.cycle.mode() == Some(Mode::Pin),
                },
                pause,
                since: None,
            }),
            Command::Fetch(pause) => ports.available.do_send(MailserverAvailable {
                source: Source::Picked,
                pause,
                since: None,
            }),
            Command::Unavailable => ports.unavailable.do_send(MailserverGone),
            Command::Watch(watch) => ports.watch.do_send(watch),
            Command::Publish(event) => ports.events.do_send(Publish(event)),
        }
        ControlFlow::Continue(())
    }

    fn arm(&mut self, ctx: &mut Context<Self>) {
        let at = self.loops.poll_timeout(Instant::now());
        self.deadline.arm(at, ctx, |connector, ctx| {
            connector.deadline.clear();
            connector.run("timeout", ctx, Loops::handle_timeout);
        });
    }
}

/// The time of day, in milliseconds since 1970.
fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// How long the loop waits for a peer to be dropped.
const DROP_LIMIT: Duration = Duration::from_millis(250);

impl Actor for Connector {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.run("start", ctx, |_, _| {});
    }
}

impl Supervised for Connector {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.deadline.clear();
        self.loops.reset();
        self.ports.repeat.do_send(Repeat);
    }
}
