//! The watch: the active mailserver is probed every few seconds, the standby rarely, the others not at all.
//!
//! A node goes on listing a mailserver that hangs, and one that was killed while nothing is asked of it: no switch in
//! 120 s on status-go 2024-10. So the watch asks for itself, over a connection that the adapter keeps open. A missed
//! probe is followed by a second one at once; two in a row, and the connector is told. Silence is evidence if the
//! mailserver has answered the watch before, or if any mailserver has answered a probe or a ping round lately: only if
//! nobody ever answers may a firewall be supposed.

mod adaptive_timeout;
mod byte_budget;
pub mod failure_detector;

pub use failure_detector::{Config, RoundProof};

use actix::prelude::*;

use crate::{
    Instant,
    deadline::Deadline,
    messages::{
        online::{Missed, VerdictChanged},
        ping::{Probe, ProbeAnswer, Proof},
        selection::Surveyed,
        watch::{GetWatch, Measured, Watch, WatchLost},
    },
    watch::failure_detector::{Command, FailureDetector},
};

/// Whom the watch talks to.
#[derive(Clone)]
pub struct Ports {
    /// The probe adapter.
    pub probe: Recipient<Probe>,
    /// The connector.
    pub lost: Recipient<WatchLost>,
    /// Who gives the online verdict.
    pub missed: Recipient<Missed>,
    /// Everybody who wants to know the times.
    pub measured: Vec<Recipient<Measured>>,
}

/// The actor: it executes what [`FailureDetector`] decides.
pub struct Watcher {
    detector: FailureDetector,
    ports: Ports,
    deadline: Deadline,
}

impl Watcher {
    /// A watcher that waits to be told whom to watch.
    #[must_use]
    pub fn new(config: Config, ports: Ports) -> Self {
        Self {
            detector: FailureDetector::new(config),
            ports,
            deadline: Deadline::default(),
        }
    }

    fn run(&mut self, ctx: &mut Context<Self>, input: impl FnOnce(&mut FailureDetector, Instant)) {
        input(&mut self.detector, Instant::now());
        while let Some(command) = self.detector.poll_command() {
            self.execute(command, ctx);
        }
        let at = self.detector.poll_timeout();
        self.deadline.arm(at, ctx, |watcher, ctx| {
            watcher.deadline.clear();
            watcher.run(ctx, FailureDetector::handle_timeout);
        });
    }

    fn execute(&mut self, command: Command, ctx: &mut Context<Self>) {
        let ports = &self.ports;
        match command {
            Command::Probe {
                round,
                target,
                patience,
                in_use,
            } => ports.probe.do_send(Probe {
                round,
                targets: vec![target],
                timeout: patience,
                // A standby may have to be dialled yet: nothing may stand in the way of that.
                proof: if in_use { Proof::Watched } else { Proof::Path },
                answer_to: ctx.address().recipient(),
            }),
            Command::Measured(measured) => {
                for listener in &ports.measured {
                    listener.do_send(measured.clone());
                }
            }
            Command::Missed(identity) => ports.missed.do_send(Missed(identity)),
            Command::Lost(lost) => ports.lost.do_send(lost),
        }
    }
}

impl Actor for Watcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.run(ctx, |_, _| {});
    }
}

impl Supervised for Watcher {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.deadline.clear();
        self.detector.reset(Instant::now());
    }
}

impl Handler<Watch> for Watcher {
    type Result = ();

    fn handle(&mut self, watch: Watch, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_watch(watch, now));
    }
}

impl Handler<VerdictChanged> for Watcher {
    type Result = ();

    fn handle(&mut self, VerdictChanged(verdict): VerdictChanged, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_verdict(verdict, now));
    }
}

impl Handler<ProbeAnswer> for Watcher {
    type Result = ();

    fn handle(&mut self, answer: ProbeAnswer, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_answer(&answer, now));
    }
}

impl Handler<Surveyed> for Watcher {
    type Result = ();

    fn handle(&mut self, surveyed: Surveyed, ctx: &mut Context<Self>) {
        if surveyed.replies.iter().any(|it| it.outcome.is_ok()) {
            self.run(ctx, |it, now| it.handle_heard(now));
        }
    }
}

impl Handler<GetWatch> for Watcher {
    type Result = MessageResult<GetWatch>;

    fn handle(&mut self, _: GetWatch, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.detector.watched(Instant::now()))
    }
}
