//! Whether we are online: a verdict from signs that need no third party.
//!
//! Signs against it are doubts: the node lists no peer or falls silent, a watched mailserver misses a probe,
//! the system changes the network, the clocks show that we slept. A doubt is settled by probes of our own, of
//! two candidates first and then of all. The verdict becomes offline only if nobody answers, and online with the
//! first answer, measurement or newly found peer.
//!
//! | part | what it is |
//! |---|---|
//! | `assessment` | the decisions |
//! | `probing` | whom to ask, and what counts as an answer |
//! | `node_report` | what the node's lists of peers are worth |
//! | `sleep` | what the clocks say |
//! | `waiting` | what is shown while the node cannot be driven |

mod assessment;
mod node_report;
mod probing;
mod sleep;
#[cfg(test)]
mod tests;
mod waiting;

use actix::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    Instant,
    deadline::Deadline,
    messages::{
        candidates::CandidatesChanged,
        events::Publish,
        node::{ConnectionChanged, NodeChanged, PeerSnapshot},
        online::{Clocks, GetVerdict, Missed, NetworkChanged, VerdictChanged},
        ping::{News, Probe, ProbeAnswer},
        selection::Surveyed,
        watch::Measured,
    },
    model::node::NodeState,
};
pub use assessment::Config;
use assessment::{Assessment, Command};
use waiting::Waiting;

/// Whom the online watch talks to.
#[derive(Clone)]
pub struct Ports {
    /// The adapter that probes.
    pub probe: Recipient<Probe>,
    /// Those that act upon the verdict.
    pub listeners: Vec<Recipient<VerdictChanged>>,
    /// Everybody.
    pub events: Recipient<Publish>,
}

/// The actor: it executes what the assessment decides.
pub struct OnlineWatch {
    assessment: Assessment,
    /// While the node cannot be driven.
    waiting: Option<Waiting>,
    ports: Ports,
    deadline: Deadline,
}

impl OnlineWatch {
    /// A watch that has heard nothing yet: online. `seed` makes its draws repeatable.
    #[must_use]
    pub fn new(config: Config, seed: Option<u64>, ports: Ports) -> Self {
        let random = seed.map_or_else(rand::make_rng, StdRng::seed_from_u64);
        let now = Instant::now();
        Self {
            assessment: Assessment::new(config, random, now),
            waiting: Some(Waiting::begin(now)),
            ports,
            deadline: Deadline::default(),
        }
    }

    fn run(&mut self, ctx: &mut Context<Self>, input: impl FnOnce(&mut Assessment, Instant)) {
        let now = Instant::now();
        self.assessment.note(now);
        input(&mut self.assessment, now);
        while let Some(command) = self.assessment.poll_command() {
            self.execute(command, ctx);
        }
        let at = self.assessment.poll_timeout();
        self.deadline.arm(at, ctx, |watch, ctx| {
            watch.deadline.clear();
            watch.run(ctx, Assessment::handle_timeout);
        });
    }

    fn execute(&mut self, command: Command, ctx: &mut Context<Self>) {
        match command {
            Command::Probe(round, targets, proof) => self.ports.probe.do_send(Probe {
                round,
                targets,
                timeout: self.assessment.timeout(),
                proof,
                answer_to: ctx.address().recipient(),
            }),
            Command::Change(verdict, event) => {
                for listener in &self.ports.listeners {
                    listener.do_send(VerdictChanged(verdict));
                }
                self.ports.events.do_send(Publish(event));
            }
        }
    }
}

impl Actor for OnlineWatch {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.run(ctx, Assessment::resume);
    }
}

impl Supervised for OnlineWatch {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.deadline.clear();
        self.assessment.reset();
    }
}

impl Handler<NodeChanged> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, ctx: &mut Context<Self>) {
        self.waiting = Waiting::after(self.waiting, &state, Instant::now());
        let ready = matches!(state, NodeState::Ready { .. });
        self.run(ctx, |it, now| it.handle_node(ready, now));
    }
}

impl Handler<CandidatesChanged> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, changed: CandidatesChanged, ctx: &mut Context<Self>) {
        self.run(ctx, |it, _| it.handle_candidates(changed.candidates));
    }
}

impl Handler<PeerSnapshot> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, snapshot: PeerSnapshot, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_snapshot(snapshot, now));
    }
}

impl Handler<ConnectionChanged> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, ConnectionChanged(said): ConnectionChanged, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_connectedness(said, now));
    }
}

impl Handler<ProbeAnswer> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, answer: ProbeAnswer, ctx: &mut Context<Self>) {
        if let News::Done { outcome, .. } = answer.news {
            self.run(ctx, |it, now| {
                it.handle_answer(answer.round, &answer.identity, &outcome, now);
            });
        }
    }
}

impl Handler<Measured> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, measured: Measured, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| {
            it.handle_measured(&measured.identity, measured.sent, now);
        });
    }
}

impl Handler<Surveyed> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, surveyed: Surveyed, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_surveyed(&surveyed, now));
    }
}

impl Handler<Missed> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, Missed(about): Missed, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_missed(about, now));
    }
}

impl Handler<NetworkChanged> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, _: NetworkChanged, ctx: &mut Context<Self>) {
        self.run(ctx, Assessment::handle_network);
    }
}

impl Handler<Clocks> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, clocks: Clocks, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_clocks(clocks, now));
    }
}

impl Handler<GetVerdict> for OnlineWatch {
    type Result = MessageResult<GetVerdict>;

    fn handle(&mut self, _: GetVerdict, _: &mut Context<Self>) -> Self::Result {
        let now = Instant::now();
        let verdict = || self.assessment.online(now);
        MessageResult(self.waiting.map_or_else(verdict, |it| it.shown(now)))
    }
}
